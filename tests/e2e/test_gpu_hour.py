"""scripts/gpu_hour.sh finds a device right where it is right, and says so where it is not, hangs, or is not there."""
import argparse
import glob
import gzip
import json
import os
import shutil
import signal
import subprocess
import time

import common
import gpu_hour_data

# A program that has what STUB_DEVICES says, STUB_UNITS units, and hangs in the commands that STUB_HANGS names.
STUB = r"""#!/bin/bash
[[ " ${STUB_HANGS:-} " != *" $1 "* ]] || { echo $$ >"${0%/*}/../hangs.txt" && exec sleep 300; }
case $1 in
  devices)
    if [ "${FULMAR_VALIDATION:-}" = 1 ] && [ -n "${STUB_NO_LAYER:-}" ]; then echo "no Vulkan device: needs a layer"; exit; fi
    if [ -n "${STUB_WANTS:-}" ] && ! { grep -q "$STUB_WANTS" "${VK_DRIVER_FILES:-/dev/null}" && [[ $LD_LIBRARY_PATH == *x11 ]]; }
    then echo "no Vulkan device: no driver"; exit; fi
    echo "$XDG_CACHE_HOME" >"${0%/*}/../cache.txt"
    for one in ${STUB_DEVICES-vulkan:0:_A vulkan:1:_B}; do
      printf '%s\n  driver    one\n  matrix    units %s\n' "${one//_/ }" "${STUB_UNITS:-off: the driver offers none}"
    done ;;
  logits) echo "0.5 1.5" ;;
esac
"""
STUB_OPS = r"""#!/bin/bash
echo "device $FULMAR_TEST_DEVICE needed $FULMAR_TEST_NEEDS_GPU validation ${FULMAR_VALIDATION:-0} off ${FULMAR_NO_MATRIX_UNITS:-0} $1"
printf '%b\n' "${STUB_OPS:-[       OK ] All/OpTest.One/vulkan (1 ms)\n[       OK ] All/OpTest.One/vulkan_matrix_units (1 ms)}"
[[ " ${STUB_HANGS:-} " != *" ops "* ]] || exec sleep 300
[[ " ${STUB_HANGS:-} " != *" stubborn-ops "* ]] || { trap "" TERM; while :; do sleep 1; done; }
"""


def environment(**more):
    env = {**os.environ, "FULMAR_SIZES": "", "FULMAR_LINES": "fp32", **more}
    return {name: value for name, value in env.items() if value is not None}


def table(out):
    with open(os.path.join(out, "table.json")) as f:
        return {row["step"]: row for row in json.load(f)}


def hour(pack, out, length="5", **more):
    """(exit code, rows by step)"""
    done = subprocess.run([os.path.join(pack, "gpu_hour.sh"), length, out], capture_output=True, env=environment(**more),
                          timeout=600)
    print(f"-- {os.path.basename(out)} {more}", done.stdout.decode(), done.stderr.decode(), sep="\n", flush=True)
    return done.returncode, table(out)


def empty_pack(args, name):
    pack = os.path.join(args.work_dir, name)
    shutil.rmtree(pack, ignore_errors=True)
    for folder in ("bin", "data", "layers"):
        os.makedirs(os.path.join(pack, folder))
    shutil.copy(os.path.join(args.source_dir, "scripts", "gpu_hour.sh"), pack)
    return pack


def write(text, *path):
    with open(os.path.join(*path), "w") as f:
        f.write(text)
    os.chmod(os.path.join(*path), 0o755)


class Stubbed:
    """Hours of a program that only pretends, so that whatever can go wrong with a machine can be had in seconds."""

    def __init__(self, args):
        self.pack = empty_pack(args, "stub")
        self.out = os.path.join(args.work_dir, "stub-out")
        write(STUB, self.pack, "bin", "fulmar")
        write(STUB_OPS, self.pack, "bin", "test_ops")
        self.cases("one one.safetensors 1e-4\n")
        write("1,2\n", self.pack, "data", "one.tokens")
        write("0.5 1.5\n", self.pack, "data", "one.expected")

    def cases(self, text):
        write(text, self.pack, "data", "cases.txt")

    def expect(self, code, length="5", **more):
        """The hour's rows, after a look at its exit code; words in capitals are variables, others steps and how they end."""
        results = {step.replace("_", " "): more.pop(step) for step in list(more) if step.islower()}
        VARIABLES = {"VK_DRIVER_FILES": None, "VK_ICD_FILENAMES": None, **more}
        got, rows = hour(self.pack, self.out, length, **VARIABLES)
        common.check(got == code, f"exit code {code}, not {got}: {rows}")
        for step, (result, text) in results.items():
            common.check(rows[step]["result"] == result and text in rows[step]["text"], f"{step}: {result}, {text}: {rows[step]}")
        return rows

    def operations(self, step="operations"):
        """What the program of tests was started with."""
        with open(os.path.join(self.out, step.replace(" ", "-") + ".txt")) as f:
            return f.readline()


def arguments(stub):
    for length, more in (("abc", {}), ("1h", {}), ("s", {}), ("5", {"FULMAR_DEVICE": "cpu"}), ("5", {"FULMAR_DEVICE": "vulkan:x"})):
        done = subprocess.run([os.path.join(stub.pack, "gpu_hour.sh"), length, stub.out], capture_output=True,
                              env=environment(**more))
        common.check(done.returncode == 2, f"{length} {more}: {done.stderr}")
    kept = os.path.join(stub.out, "cache")
    os.makedirs(kept, exist_ok=True)
    done = subprocess.run([os.path.join(stub.pack, "gpu_hour.sh"), "08", os.path.basename(stub.out)], capture_output=True,
                          env=environment(), cwd=os.path.dirname(stub.out))
    common.check(done.returncode == 0, f"08 is a number, and a folder may be relative: {done.stdout} {done.stderr}")
    with open(os.path.join(stub.pack, "cache.txt")) as f:
        cache = f.read().strip()
    common.check(os.path.isabs(cache) and not os.path.exists(cache), f"the cache of the hour is absolute and its own: {cache}")
    common.check(os.path.isdir(kept), "what the hour did not make stays")


def devices_that_are_not_there(stub):
    stub.expect(1, devices=("wrong", "no vulkan:0"), STUB_DEVICES="cpu:_C")
    common.check(os.path.getsize(os.path.join(stub.out, "why.txt")) > 0, "why.txt says what the machine has")
    stub.expect(1, devices=("wrong", "no vulkan:2"), FULMAR_DEVICE="vulkan:2")
    rows = stub.expect(1, devices=("wrong", "software"), STUB_DEVICES="vulkan:0:_llvmpipe_(software)")
    common.check("operations" not in rows, f"an hour for a GPU is not spent on software: {rows}")
    stub.expect(0, devices=("right", "llvmpipe"), STUB_DEVICES="vulkan:0:_llvmpipe_(software)", FULMAR_SOFTWARE="1")
    # A container has NVIDIA's libraries and neither their description nor those of X11.
    for library in ("libGLX_nvidia.so.0", "libEGL_nvidia.so.0"):
        stub.expect(0, devices=("right", "A"), STUB_WANTS=library)
    stub.expect(1, devices=("wrong", "no vulkan:0"), STUB_WANTS="libGLX_nvidia.so.0", VK_DRIVER_FILES="/nowhere")


def the_device_that_was_asked_for(stub):
    for asked, index, name in (("vulkan:1", 1, "B"), ("vulkan", 0, "A")):
        stub.expect(0, devices=("right", f": {name}; driver"), FULMAR_DEVICE=asked)
        common.check(stub.operations().startswith(f"device {index} needed 1"), f"operations run on it: {stub.operations()}")


def validation(stub):
    stub.expect(0, operations=("right", "not validated"))
    common.check("validation 0" in stub.operations(), "nothing to validate with: not asked for")
    write("", stub.pack, "layers", "layer.so")
    on = dict(STUB_UNITS="on, in products of 16x16x16", matrix_units=("right", "16x16x16"))
    for version, units_validated in (("1.3.239", 0), ("1.3.255", 1), ("1.4.309", 1)):
        write(f'{{"api_version": "{version}"}}\n', stub.pack, "layers", "layer.json")
        stub.expect(0, operations=("right", ", validated (0"), **on)
        common.check(f"validation 1 off {1 - units_validated}" in stub.operations() and "-*matrix_units*" in stub.operations(),
                     f"{version}: validated, without what an old layer does not know: {stub.operations()}")
        started = stub.operations("operations units")
        common.check(f"validation {units_validated} off 0" in started, f"{version}: units: {started}")
    stub.expect(0, operations=("right", "not validated"), STUB_NO_LAYER="1")
    stub.expect(1, operations=("wrong", "1 messages"), STUB_OPS="vulkan validation: bad\n[       OK ] All/OpTest.One/vulkan (1 ms)")
    os.remove(os.path.join(stub.pack, "layers", "layer.so"))
    with gzip.open(os.path.join(stub.pack, "layers", "layer.so.gz"), "wb"):
        pass
    os.makedirs(os.path.join(stub.out, "layers"), exist_ok=True)
    stub.expect(0, operations=("right", ", validated (0"))
    common.check(glob.glob(os.path.join(stub.out, "layers*")) == [os.path.join(stub.out, "layers")],
                 "what was unpacked is gone, and what the hour did not make stays")
    shutil.rmtree(os.path.join(stub.pack, "layers"))


def libraries_that_are_missing(args, stub):
    """A program that asks for a library by a name which no machine has."""
    kept = os.path.join(stub.pack, "bin", "test_ops")
    with open(args.fulmar, "rb") as f:
        program = f.read()
    common.check(program.count(b"\0libstdc++.so.6\0") == 1, "the C++ library is loaded by name")
    os.remove(kept)
    with open(kept, "wb") as f:
        f.write(program.replace(b"\0libstdc++.so.6\0", b"\0libnowhere.so.\0"))
    os.chmod(kept, 0o755)
    rows = stub.expect(1, libraries=("wrong", "libnowhere"))
    common.check("glibc" in rows["machine"]["text"] and "devices" not in rows, f"and nothing else is tried: {rows}")
    write(STUB_OPS, kept)


def nothing_that_ran(stub):
    stub.expect(1, operations=("wrong", "no test ran"), STUB_OPS="[  SKIPPED ] All/OpTest.One/vulkan (0 ms)")
    stub.cases("")
    stub.expect(1, logits=("wrong", "0 of 0"))
    stub.cases("one one.safetensors 1e-4\n")
    stub.expect(0, logits=("right", "worst 0"))


def matrix_units_that_fail(stub):
    stub.expect(1, matrix_units=("wrong", "crashed"), operations=("right", ""), operations_units=("left", "off"),
                STUB_UNITS="off: the driver crashed when they were tried")
    common.check("off 1" in stub.operations(), f"they stay off for all that follows: {stub.operations()}")


def hangs(stub):
    write("{}\n", stub.pack, "data", "lines.json")
    write("a\n", stub.pack, "data", "lines.expected")
    stub.expect(1, logits=("wrong", "no end within 1 s"), lines_fp32=("wrong", "no end within 1 s; the server was never ready"),
                operations=("wrong", "no end within 1 s"), STUB_HANGS="logits serve stubborn-ops", FULMAR_STEP_SECONDS="1")
    stub.expect(1, devices=("wrong", "no end within 1 s"), STUB_HANGS="devices", FULMAR_STEP_SECONDS="1")
    os.remove(os.path.join(stub.pack, "data", "lines.json"))
    rows = stub.expect(3, length="3s", devices=("right", "A"), logits=("cut", "out of time"), STUB_HANGS="logits")
    common.check(rows["operations"]["result"] == "cut", f"nothing begins after the hour: {rows}")
    stub.expect(1, length="4s", operations=("wrong", "1 wrong"), STUB_HANGS="ops",
                STUB_OPS="[  FAILED  ] All/OpTest.One/vulkan (1 ms)")


def runs(process):
    try:
        os.kill(process, 0)
        return True
    except ProcessLookupError:
        return False


def interruptions(stub):
    hanging = os.path.join(stub.pack, "hangs.txt")
    os.remove(hanging)
    running = subprocess.Popen([os.path.join(stub.pack, "gpu_hour.sh"), "5", stub.out], stdout=subprocess.DEVNULL,
                               env=environment(STUB_HANGS="logits"))
    for _ in range(600):
        time.sleep(0.1)
        if os.path.exists(os.path.join(stub.out, "got.txt")) and os.path.exists(hanging):
            break
    running.send_signal(signal.SIGTERM)
    common.check(running.wait(60) == 1, "an hour that is broken off is not right")
    common.check(table(stub.out)["devices"]["result"] == "right", f"and its table has what was found: {table(stub.out)}")
    with open(hanging) as f:
        process = int(f.read())
    for _ in range(600):
        if not runs(process):
            return
        time.sleep(0.1)
    common.check(False, "and nothing goes on running")


def link_layer(pack):
    """Packs the machine's validation layer as gpu_pack.sh does; whether there is one."""
    for manifest in glob.glob("/usr/share/vulkan/explicit_layer.d/*khronos_validation.json"):
        for library in glob.glob("/usr/lib/*/libVkLayer_khronos_validation.so"):
            os.symlink(library, os.path.join(pack, "layers", os.path.basename(library)))
            with open(manifest) as f:
                described = json.load(f)
            described["layer"]["library_path"] = "./" + os.path.basename(library)
            write(json.dumps(described, indent=1), pack, "layers", "layer.json")
            return True
    return False


def a_real_device(args):
    pack = empty_pack(args, "pack")
    test_ops = os.path.join(os.path.dirname(os.path.abspath(args.fulmar)), "tests", "test_ops")
    os.symlink(os.path.abspath(args.fulmar), os.path.join(pack, "bin", "fulmar"))
    os.symlink(test_ops, os.path.join(pack, "bin", "test_ops"))
    os.symlink(os.path.join(os.path.abspath(args.source_dir), "models"), os.path.join(pack, "models"))
    data = argparse.Namespace(**{**vars(args), "work_dir": os.path.join(pack, "data")})
    cases = []
    gpu_hour_data.made(data, cases, most=2)
    folder = common.shared_models(args)
    if folder is not None:
        gpu_hour_data.questions(data, folder, most=16)
    gpu_hour_data.write_cases(data, cases)
    # Layers leak on their own, so they are there only where this run wants them.
    validated = os.environ.get("FULMAR_VALIDATION") == "1" and link_layer(pack)
    few = {"FULMAR_SOFTWARE": "1", "FULMAR_TESTS": "*Pick*/vulkan",
           "FULMAR_HOUR_CACHE": os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")}

    code, rows = hour(pack, os.path.join(args.work_dir, "right"), "30", **few)
    common.check(code == 0, f"all that ran is right: {rows}")
    common.check([rows[step]["result"] for step in ("devices", "operations", "logits")] == ["right"] * 3, f"{rows}")
    common.check(rows["operations"]["text"].startswith("2 on the device right, 0 wrong, 0 skipped, " +
                                                       ("validated (0" if validated else "not validated")), f"{rows}")
    common.check(rows["logits"]["text"].startswith("4 of 4 "), f"two models, cut two ways: {rows['logits']}")
    common.check(rows["lines fp32"]["result"] == ("left" if folder is None else "right"), f"{rows['lines fp32']}")

    path = os.path.join(pack, "data", cases[0].split(" ")[0] + ".expected")
    with open(path) as f:
        numbers = f.read().split(" ", 1)
    write(f"{float(numbers[0]) + 0.01:.7g} {numbers[1]}", path)
    # Tests that find no device to run on are skipped one by one, which looks as if all were well.
    os.remove(os.path.join(pack, "bin", "test_ops"))
    write(f'#!/bin/sh\nVK_DRIVER_FILES=/nowhere VK_ICD_FILENAMES=/nowhere exec "{test_ops}" "$@"\n', pack, "bin", "test_ops")
    code, rows = hour(pack, os.path.join(args.work_dir, "wrong"), "30", **{**few, "FULMAR_LINES": ""})
    common.check(code == 1 and rows["logits"]["result"] == "wrong", f"one number that is off is found: {rows}")
    common.check(rows["logits"]["text"].startswith("2 of 4 "), f"and in which model: {rows['logits']}")
    common.check(rows["operations"]["result"] == "wrong" and "no Vulkan device 0" in rows["operations"]["text"], f"{rows}")
    another = subprocess.run([test_ops, "--gtest_filter=*Pick*/vulkan"], capture_output=True,
                             env=environment(FULMAR_TEST_DEVICE="99"))
    common.check(another.returncode == 1, f"tests of device 99 do not run on device 0: {another.stdout}")


def main():
    args = common.parse_args()
    if not (os.path.exists("/bin/bash") and shutil.which("timeout") and shutil.which("ldd")):
        common.skip("no bash, timeout or ldd")
    stub = Stubbed(args)
    for check in (arguments, devices_that_are_not_there, the_device_that_was_asked_for, validation, nothing_that_ran,
                  matrix_units_that_fail, hangs, interruptions):
        check(stub)
        print("ok:", check.__name__, flush=True)
    libraries_that_are_missing(args, stub)
    if common.has_vulkan(args):
        a_real_device(args)
    else:
        print("no Vulkan device: only pretended ones were tried", flush=True)


if __name__ == "__main__":
    main()
