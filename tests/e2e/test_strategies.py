"""A user spreads a model over devices, bounds a GPU's memory, and gets the logits and the words that are promised."""
import glob
import json
import os
import re
import shutil

import numpy as np

import common

TOKENS = ",".join(str(i * 37 % 251) for i in range(20))


def logits(args, model, *words, env=None):
    command = ["logits", "--model", model, "--tokens", TOKENS, "--chunk", "8", *words]
    done = common.run(args, *command, env=env)
    common.check(done.returncode == 0, f"{words}: {done.stderr.decode()}")
    return np.array([[float(x) for x in line.split(b" ")] for line in done.stdout.splitlines()]), done.stderr.decode()


def two_devices(args):
    """An environment in which each Vulkan device is there twice: the driver's description is copied."""
    files = os.environ.get("VK_DRIVER_FILES", "").split(os.pathsep)
    if len(files) != 1 or not os.path.isfile(files[0]):
        return None
    copies = []
    for name in ("first.json", "second.json"):
        copies.append(os.path.join(args.work_dir, name))
        with open(files[0], encoding="utf-8") as f:
            driver = json.load(f)
        library = driver["ICD"]["library_path"]
        if os.path.isabs(library) or "/" in library:
            source = os.path.join(os.path.dirname(files[0]), library)
            driver["ICD"]["library_path"] = os.path.join(args.work_dir, name + ".so")
            shutil.copy(source, driver["ICD"]["library_path"])
        with open(copies[-1], "w", encoding="utf-8") as f:
            json.dump(driver, f)
    env = {"VK_DRIVER_FILES": os.pathsep.join(copies)}
    return env if b"vulkan:1" in common.output(args, "devices", env=env) else None


def foretold_memory(args, model):
    flags = ["--strategy", "vulkan fp16 *1+", "--step-tokens", "32"]
    text = common.output(args, "bench", "--model", model, *flags, "--batch", "2", "--prefill", "32", "--decode", "1",
                         "--repeats", "1").decode()
    found = re.search(r"([\d.]+) MiB of memory used at most, ([\d.]+) MiB foretold", text)
    used, foretold = map(float, found.groups())
    common.check(abs(used - foretold) <= 0.05 * foretold, f"{used} MiB used, {foretold} MiB foretold")
    text = common.output(args, "inspect", model, *flags, "--slots", "2").decode()
    common.check(f"{foretold} MiB:" in text, f"inspect foretells the same {foretold} MiB: {text}")


def every_version(args):
    """What a version hands from layer to layer reaches the next device, and its initial state every one of them."""
    folder = common.shared_models(args)
    if folder is None:
        print("skipped: trained models of every version, ../shared/models is not there", flush=True)
        return
    for model in sorted(glob.glob(os.path.join(folder, "tiny-*", "tiny-*[0-9][KMkm].pth"))):
        whole, _ = logits(args, model, "--strategy", "cpu fp32")
        parts, _ = logits(args, model, "--strategy", "cpu fp32 *1 -> vulkan fp32 *1+ -> cpu fp32 *1")
        worst = np.abs(parts - whole).max()
        common.check(worst <= 1e-4, f"{model}: off by {worst:.3g}")
        print(f"{os.path.basename(model)}: {worst:.2g} between one device and three parts", flush=True)


def new_rwkv_pip(args):
    """Each row of its table, for as many layers as this model has; cuda words run through Vulkan and say so."""
    model = common.make_model(args, "pip.safetensors", "f16", L=4, C=128, N=64, F=512, V=256)
    rows = ["cpu fp32", "cpu bf16", "cpu fp32i8", "cuda fp16", "cuda fp16i8", "cuda fp16i8 *2 -> cuda fp16", "cuda fp16i8 *2+",
            "cuda fp16i8 *2 -> cpu fp32", "cuda fp16 *1 -> cpu fp32 *1", "cuda fp16i8 *0+ -> cpu fp32 *1", "cuda fp16 -> cuda fp16i8 *1",
            "cuda fp16i4"]
    for row in rows:
        if "cuda" in row and not common.has_vulkan(args):
            continue
        done = common.run(args, "complete", "--model", model, "--vocab", "bytes", "--profile", "pip", "--strategy", row, "--prompt", "One",
                          "--max-tokens", "2", "--seed", "1", "--ignore-eos")
        said = done.stderr.decode()
        common.check(done.returncode == 0, f"{row}: {said}")
        common.check(("through Vulkan, as 'vulkan:0" in said) == ("cuda" in row), f"{row}: what a cuda word is taken for is told: {said}")
    print(f"ok: {len(rows)} rows of new_rwkv_pip", flush=True)


def main():
    args = common.parse_args()
    model = common.make_model(args, "made.safetensors", "f32", L=4, C=128, N=64, F=512, V=1000)
    wanted, _ = logits(args, model, "--strategy", "cpu fp32")

    def same(*words, env=None):
        got, said = logits(args, model, *words, env=env)
        worst = np.abs(got - wanted).max()
        common.check(worst <= 1e-4, f"{words}: off by {worst:.3g}")
        return said

    same("--strategy", "cpu fp32 *1 -> cpu fp32")
    same("--strategy", "cpu fp32 *2+")
    for words in ([], ["--strategy", "auto"]):
        said = same(*words)
        common.check(re.search("strategy '(cpu|vulkan:0) fp32'", said), f"{words}: the choice is told: {said}")

    refused = {"cpu fp32 *1 -> toaster fp16": "toaster", "cpu fp32 *x": "'*x'", "cpu ->": "'->'", "mps fp32": "vulkan",
               "cuda fp16i3": "i4"}
    if not common.has_vulkan(args):
        refused["cuda fp16"] = "CUDA"
    for strategy, word in refused.items():
        done = common.run(args, "logits", "--model", model, "--tokens", "1", "--strategy", strategy)
        common.check(done.returncode in (1, 2) and word in done.stderr.decode(),
                     f"{strategy}: the message names {word}: {done.stderr.decode()}")

    new_rwkv_pip(args)
    text = common.output(args, "inspect", model, "--strategy", "vulkan fp16 *1+ -> cpu fp32 *1").decode()
    for fact in ("layer 1, streamed", "the head", "cpu", "a slot", "host memory"):
        common.check(fact in text, f"inspect tells {fact}: {text}")

    if common.has_vulkan(args):
        for strategy in ("vulkan fp32 *2 -> cpu fp32", "cpu fp32 *1 -> vulkan fp32 *1+ -> cpu fp32 *1"):
            same("--strategy", strategy)
        said = same("--strategy", "vulkan fp32", "--memory-limit", "3M")
        common.check("streamed" in said, f"a limit is answered with streamed layers, and that is told: {said}")
        done = common.run(args, "logits", "--model", model, "--tokens", "1", "--strategy", "vulkan fp32 *4+",
                          "--memory-limit", "2M")
        common.check(done.returncode == 1 and b"allowed are 2.0 MiB" in done.stderr,
                     f"too much is refused: {done.stderr}")
        foretold_memory(args, model)
        every_version(args)

        env = two_devices(args)
        if env:
            said = same("--strategy", "cuda:0 fp32 *2 -> cuda:1 fp32", env=env)
            common.check("vulkan:1" in said, f"cuda:1 is the second device: {said}")
            same("--strategy", "vulkan:0 fp32 *2 -> vulkan:1 fp32", env=env)
            same("--strategy", "vulkan:1 fp32 *1+ -> vulkan:0 fp32 *2", env=env)
        else:
            print("skipped: two Vulkan devices, this machine shows one", flush=True)
    print("ok: strategies", flush=True)


main()
