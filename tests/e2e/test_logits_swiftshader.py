"""`fulmar logits` gives what the formulas give on a second Vulkan implementation: subgroups of 4, no 16-bit types."""
import os
import sys

import common
import test_logits

# SwiftShader's workgroups have 256 threads at most, which is a head of 64.
CASES = {"v4.safetensors", "v52.safetensors", "v6.pth", "n64.pth"}  # it compiles for seconds for each


def main():
    args = common.parse_args()
    sys.path.insert(0, os.path.join(args.source_dir, "tests"))
    import with_driver
    with_driver.pin(os.path.join(args.source_dir, "build", "toolchain", "swiftshader_icd.json"))
    devices = common.output(args, "devices")
    common.check(b"SwiftShader" in devices, f"fulmar finds SwiftShader: {devices.decode()}")
    test_logits.CASES = [case for case in test_logits.CASES if case[0] in CASES]
    common.check(len(test_logits.CASES) == len(CASES), "the cases are there")
    test_logits.made_models(args, ["vulkan fp32"])


if __name__ == "__main__":
    main()
