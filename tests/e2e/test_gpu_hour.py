"""scripts/gpu_hour.sh finds a device right where it is right, and says so where it is not."""
import argparse
import json
import os
import shutil
import subprocess

import common
import gpu_hour_data


def hour(args, pack, out):
    """(exit code, rows by step) of an hour without speed and with few operations."""
    env = {**os.environ, "FULMAR_SIZES": "", "FULMAR_LINES": "fp32", "GTEST_FILTER": "*Pick*",
           "FULMAR_HOUR_CACHE": os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")}
    done = subprocess.run([os.path.join(pack, "gpu_hour.sh"), "5", out], capture_output=True, env=env, timeout=600)
    print(done.stdout.decode(), done.stderr.decode(), flush=True)
    with open(os.path.join(out, "table.json")) as f:
        return done.returncode, {row["step"]: row for row in json.load(f)}


def main():
    args = common.parse_args()
    if not common.has_vulkan(args) or not os.path.exists("/bin/bash"):
        common.skip("no Vulkan device, or no bash")
    pack = os.path.join(args.work_dir, "pack")
    shutil.rmtree(pack, ignore_errors=True)
    os.makedirs(os.path.join(pack, "bin"))
    os.makedirs(os.path.join(pack, "data"))
    shutil.copy(os.path.join(args.source_dir, "scripts", "gpu_hour.sh"), pack)
    os.symlink(os.path.abspath(args.fulmar), os.path.join(pack, "bin", "fulmar"))
    os.symlink(os.path.join(os.path.dirname(os.path.abspath(args.fulmar)), "tests", "test_ops"),
               os.path.join(pack, "bin", "test_ops"))
    os.symlink(os.path.join(os.path.abspath(args.source_dir), "models"), os.path.join(pack, "models"))
    data = argparse.Namespace(**{**vars(args), "work_dir": os.path.join(pack, "data")})
    cases = []
    gpu_hour_data.made(data, cases, most=2)
    folder = common.shared_models(args)
    if folder is not None:
        gpu_hour_data.questions(data, folder, most=16)
    gpu_hour_data.write_cases(data, cases)

    code, rows = hour(args, pack, os.path.join(args.work_dir, "right"))
    common.check(code == 0, f"all that ran is right: {rows}")
    common.check([rows[step]["result"] for step in ("devices", "operations", "logits")] == ["right"] * 3, f"{rows}")
    common.check(rows["logits"]["text"].startswith("4 of 4 "), f"two models, cut two ways: {rows['logits']}")
    common.check(rows["lines fp32"]["result"] == ("left" if folder is None else "right"), f"{rows['lines fp32']}")

    path = os.path.join(pack, "data", cases[0].split(" ")[0] + ".expected")
    with open(path) as f:
        numbers = f.read().split(" ", 1)
    with open(path, "w") as f:
        f.write(f"{float(numbers[0]) + 0.01:.7g} {numbers[1]}")
    code, rows = hour(args, pack, os.path.join(args.work_dir, "wrong"))
    common.check(code == 1 and rows["logits"]["result"] == "wrong", f"one number that is off is found: {rows}")
    common.check(rows["logits"]["text"].startswith("2 of 4 "), f"and in which model: {rows['logits']}")


if __name__ == "__main__":
    main()
