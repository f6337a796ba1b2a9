"""A driver that implements less than all of Vulkan, as those on a Mac do, is found and computes as any other."""
import common


def main():
    args = common.parse_args()
    common.fault_layer(args)
    model = common.make_model(args, "small.safetensors", L=1, C=64, N=32, F=128, V=256)
    portable = {"FULMAR_FAULTS": "portability"}  # hidden from those who do not ask, refused to those who do not say so
    common.check(b"(software)" in common.output(args, "devices", env=portable).split(b"\n", 1)[0], "it is listed")
    numbers = ["logits", "--model", model, "--strategy", "vulkan:0 fp32", "--tokens", "1,2,3"]
    common.check(common.output(args, *numbers, env=portable) == common.output(args, *numbers), "the same numbers")


main()
