"""Matrix units that crash, hang or lie cost speed, once; never the program, and never a wrong answer."""
import glob
import os

import common

LIMIT = "2"  # seconds a try may take where it hangs


def behind_layer(args, faults):
    """The environment in which the software driver passes for a card that has the faults, and of which nothing is known
    from before but how its plain kernels are compiled."""
    folder = os.path.join(args.work_dir, "cache")
    for known in glob.glob(os.path.join(folder, "fulmar", "vulkan-found-*")):
        os.remove(known)
    return {"VK_ADD_LAYER_PATH": os.environ["FULMAR_FAULT_LAYER"], "VK_INSTANCE_LAYERS": "VK_LAYER_FULMAR_faults",
            "FULMAR_FAULTS": faults, "XDG_CACHE_HOME": folder, "FULMAR_VALIDATION": "0",
            "FULMAR_GPU_TIMEOUT": "600"}  # its kernels are compiled when they first run, as no card's are


def units(args, env, *words):
    """What `fulmar devices` says of the first device's units."""
    text = common.output(args, "devices", *words, env=env).decode()
    lines = [line.split("units ", 1)[1] for line in text.splitlines() if line.startswith("  matrix ")]
    common.check(lines, f"a line about matrix units in: {text}")
    return lines[0]


def failing_units(args, model, card, real):
    """A driver that only claims to have units crashes where they are run: only a real one can be made to lie."""
    numbers = ["logits", "--model", model, "--strategy", "vulkan fp16", "--tokens", ",".join(["1", "7"] * 10)]
    right = common.output(args, *numbers, env=behind_layer(args, card + " no_matrix_units"))
    for fault, named in [("matrix_query=crash", "crashed"), ("matrix_compile=crash", "crashed"),
                         ("matrix_run=crash", "crashed"), ("matrix_run=lie", "multiply wrongly" if real else "crashed")]:
        env = behind_layer(args, card + " " + fault)
        common.check("not tried" in units(args, env), f"{fault}: listing devices tries nothing")
        first = common.run(args, *numbers, env=env)
        warnings = [line for line in first.stderr.decode().splitlines() if "matrix units stay off" in line]
        common.check(first.returncode == 0 and first.stdout == right, f"{fault}: the right numbers: {first.stderr}")
        common.check(len(warnings) == 1 and named in warnings[0], f"{fault}: one warning that says {named}: {first.stderr}")
        # Without the fault the units would work: what is remembered keeps them off all the same.
        env["FULMAR_FAULTS"] = card
        again = common.run(args, *numbers, env=env)
        common.check(again.stdout == right and b"stay off" not in again.stderr, f"{fault}: quiet afterwards: {again.stderr}")
        common.check(named in units(args, env), f"{fault}: `devices` says why")
    if real:
        env = behind_layer(args, card + " matrix_compile=fail")
        done = common.run(args, *numbers, env=env)
        common.check(done.stdout == right and b"stay off" in done.stderr, f"no memory for a kernel: {done.stderr}")
        common.check("not tried" in units(args, env), "trouble that may pass is not remembered")
    print("ok: units that fail", flush=True)


def hanging_units(args, card, real):
    for fault in ("matrix_query=hang", "matrix_run=hang") if real else ("matrix_query=hang",):
        env = behind_layer(args, card + " " + fault)
        common.check("did not end within 2 s" in units(args, env, "--check", "--check-seconds", LIMIT), f"{fault}: it ends")
        common.check("did not end" in units(args, env), f"{fault}: and is remembered")
    print("ok: units that hang", flush=True)


def switched_off(args, model, card):
    env = behind_layer(args, card + " matrix_query=crash")
    numbers = ["logits", "--model", model, "--strategy", "vulkan fp16", "--tokens", "1,2"]
    done = common.run(args, *numbers, "--no-matrix-units", env=env)
    common.check(done.returncode == 0 and b"matrix units" not in done.stderr, f"--no-matrix-units: nothing is tried: {done.stderr}")
    env["FULMAR_NO_MATRIX_UNITS"] = "1"
    common.check("FULMAR_NO_MATRIX_UNITS" in units(args, env, "--check"), "the environment switches them off too")
    print("ok: switched off", flush=True)


def working_units(args):
    """Found to work by a second process, and used from then on. Software may be too slow to tell."""
    env = behind_layer(args, "discrete")
    said = units(args, env, "--check")
    common.check(said.startswith("on, in products of ") or "did not end within" in said, f"units that work: {said}")
    common.check(units(args, env) == said, "what came out is remembered")
    print("ok: units of a driver that has them:", said, flush=True)


def no_device(args, model):
    env = behind_layer(args, "no_device")
    listed = common.output(args, "devices", env=env).decode()
    common.check("vulkan:0" not in listed and "no Vulkan device: " in listed and "\ncpu: " in "\n" + listed,
                 f"a driver that reports nothing: {listed}")
    done = common.run(args, "logits", "--model", model, "--tokens", "1", env=env)
    common.check(done.returncode == 0 and b"CPU" in done.stderr, f"the CPU does it: {done.stderr}")
    print("ok: no device", flush=True)


def passed_over_card(args):
    """Beside a device that works, one that cannot: the list says why it is not there."""
    here = os.environ.get("VK_DRIVER_FILES", "")
    other = os.path.join(os.path.dirname(here), "radv_icd.json")
    if not os.path.isfile(other):
        return print("left out: no second driver is there to lack something", flush=True)
    env = {"VK_DRIVER_FILES": here + os.pathsep + other, "RADV_FORCE_FAMILY": "NAVI21", "FULMAR_VALIDATION": "0"}
    listed = common.output(args, "devices", env=env).decode()
    common.check(listed.startswith("vulkan:0: llvmpipe") and "passed over: " in listed and "reports no memory" in listed, listed)
    print("ok: a card that is passed over", flush=True)


def broken_card(args, model):
    numbers = ["logits", "--model", model, "--tokens", "1,2,3"]
    right = common.output(args, *numbers, "--strategy", "cpu")
    done = common.run(args, *numbers, env=behind_layer(args, "discrete lose_submit=1"))
    common.check(done.returncode == 0 and done.stdout == right and b"runs on the CPU instead" in done.stderr,
                 f"a card that fails when it is opened, which nobody named: {done.stderr}")
    done = common.run(args, *numbers, "--strategy", "vulkan", env=behind_layer(args, "discrete lose_submit=1"))
    common.check(done.returncode == 1, "one that was named is an error")
    print("ok: a broken card", flush=True)


def main():
    args = common.parse_args()
    if not os.path.isdir(os.environ.get("FULMAR_FAULT_LAYER", "")):
        common.skip("there is no fault layer")
    if b"(software)" not in common.output(args, "devices").split(b"driver")[0]:
        common.skip("the first device is a real one, or there is none")
    model = common.make_model(args, "model.safetensors", dtype="f16", L=1, C=64, N=32, V=256)
    no_device(args, model)
    passed_over_card(args)
    broken_card(args, model)
    real = "not tried yet" in units(args, behind_layer(args, "discrete"))
    card = "discrete" if real else "discrete offer"  # a driver without them is made to claim them
    if "not tried yet" not in units(args, behind_layer(args, card)):
        common.skip("this build has no kernels for matrix units")
    switched_off(args, model, card)
    failing_units(args, model, card, real)
    hanging_units(args, card, real)
    if real:
        working_units(args)


if __name__ == "__main__":
    main()
