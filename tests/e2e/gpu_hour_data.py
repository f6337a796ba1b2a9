"""Writes what scripts/gpu_hour.sh compares with: models, token lists and expected logits as text, and 600 questions."""
import json
import os
import shutil

import numpy as np

import common
import test_logits


def write_case(args, cases, name, model, tokens, logits, tolerance, more=""):
    """A line of cases.txt (name, model, tolerance, flags) and the two files that go with it."""
    with open(os.path.join(args.work_dir, name + ".tokens"), "w") as f:
        f.write(",".join(map(str, tokens)) + "\n")
    with open(os.path.join(args.work_dir, name + ".expected"), "w") as f:
        for row in logits:
            f.write(" ".join(f"{x:.7g}" for x in row) + "\n")
    cases.append(f"{name} {os.path.basename(model)} {tolerance:g} {more}".rstrip())


def made(args, cases, most=None):
    for number, (name, dtype, shape) in enumerate(test_logits.CASES[:most]):
        model = common.make_model(args, name.split(".")[0] + ".safetensors", dtype, seed=number, **shape)
        tokens = np.random.default_rng(number).integers(0, shape["V"], 75)
        write_case(args, cases, "made-" + name.split(".")[0], model, tokens, test_logits.formulas(model).logits(tokens), 2e-4)


def trained(args, cases, folder):
    from rwkv7_formulas import read_safetensors
    for tiny, file, more in (("tiny-rwkv-4v0", "tiny-rwkv-4v0-660K.pth", ""),
                             ("tiny-rwkv-5v2", "tiny-rwkv-5v2-730K.pth", "--gn-eps 1e-5"),
                             ("tiny-rwkv-6v0", "tiny-rwkv-6v0-1m.pth", ""),
                             ("tiny-rwkv-7v0", "tiny-rwkv-7v0-834K.pth", "")):
        shutil.copy(os.path.join(folder, tiny, file), args.work_dir)
        golden = read_safetensors(os.path.join(folder, tiny, "golden.safetensors"))
        case = min((key[:-7] for key in golden if key.endswith(".tokens")), key=lambda c: golden[c + ".tokens"].size)
        write_case(args, cases, tiny, file, golden[case + ".tokens"].astype(int), golden[case + ".logits"], 2e-4, more)


def questions(args, folder, most=600):
    folder = os.path.join(folder, "reverse-rwkv7")
    shutil.copy(os.path.join(folder, "reverse-L4-D128-N64-f16.safetensors"), os.path.join(args.work_dir, "lines.safetensors"))
    shutil.copy(os.path.join(folder, "vocab.txt"), os.path.join(args.work_dir, "lines.vocab"))
    with open(os.path.join(folder, "testset_600.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    common.check(len(lines) == 600, f"600 lines, not {len(lines)}")
    lines = lines[:most]
    with open(os.path.join(args.work_dir, "lines.json"), "w") as f:
        json.dump({"prompt": [line["prompt"] for line in lines], "temperature": 0, "stop": "#", "max_tokens": 80}, f)
    with open(os.path.join(args.work_dir, "lines.expected"), "w") as f:
        f.writelines(line["expect"].removesuffix("#") + "\n" for line in lines)


def write_cases(args, cases):
    with open(os.path.join(args.work_dir, "cases.txt"), "w") as f:
        f.write("\n".join(cases) + "\n")


def main():
    args = common.parse_args()
    cases = []
    made(args, cases)
    folder = common.shared_models(args)
    if folder is None:
        print("../shared/models is not there: the trained models and the 600 questions are left out", flush=True)
    else:
        trained(args, cases, folder)
        questions(args, folder)
    write_cases(args, cases)


if __name__ == "__main__":
    main()
