"""Holds what RADV makes of every kernel to bounds, on cards that need not be there: check_statistics.py PROGRAM DRIVER_FILE.

No kernel keeps registers in memory, and matrix-vector kernels at one row leave room for several subgroups on a unit. With
--table the numbers are printed as docs/performance.md has them.
"""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import with_driver

FAMILIES = {"gfx10.3": ["NAVI21"], "gfx11": ["NAVI31", "GFX1100"], "gfx12": ["GFX1200", "GFX1201"]}  # by all names RADV gave them
MOST_REGISTERS = 128  # of one row of x; a lane has 256
KNOWN = {}  # (family, kernel, rows): registers that pass for now. It may only shrink.


def statistics(program, names):
    """(device, {(kernel, rows, constants): (registers, spilled, bytes)}), or None and why there are none."""
    why = ""
    for name in names:
        env = {**os.environ, "RADV_FORCE_FAMILY": name, "MESA_SHADER_CACHE_DISABLE": "true"}
        done = subprocess.run([program], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            device, *lines = done.stdout.splitlines()
            words = [line.split(" ") for line in lines]
            return device, {(w[0], int(w[1]), w[2]): tuple(map(int, w[3:])) for w in words}
        # RADV aborts at a name that it does not know, after saying so.
        unknown = done.returncode == -signal.SIGABRT and "Unknown family" in done.stderr
        if done.returncode != with_driver.SKIPPED and not unknown:
            sys.exit(f"FAILED: kernel_statistics ended with {done.returncode} on {name}: {done.stderr}")
        why = "unknown to this driver" if unknown else done.stdout.strip()
    return None, why


def faults(family, found):
    for (kernel, rows, constants), (registers, spilled, _) in found.items():
        if spilled:
            yield f"{family}: {kernel} [{constants}] keeps {spilled} registers in memory"
        most = KNOWN.get((family, kernel, rows), MOST_REGISTERS)
        if kernel.startswith("linear_vec_") and rows == 1 and registers > most:
            yield f"{family}: {kernel} [{constants}] needs {registers} registers at one row, at most {most} are wanted"


def table(by_family):
    """A row a kernel: registers on each family by the rows of a step. Of the variants that a model uses, the largest counts."""
    print("| kernel | rows |", " | ".join(by_family), "| code, KB |")
    print("|---|---|" + "---|" * (len(by_family) + 1))
    keys = sorted({key[:2] for found in by_family.values() for key in found})
    for kernel in sorted({kernel for kernel, _ in keys}):
        rows = [r for k, r in keys if k == kernel]
        largest = {family: [max((v for key, v in found.items() if key[:2] == (kernel, r)), default=None) for r in rows]
                   for family, found in by_family.items()}
        cells = [", ".join("none" if v is None else str(v[0]) for v in values) for values in largest.values()]
        size = max(v[2] for values in largest.values() for v in values if v)
        print(f"| `{kernel}` | {', '.join(map(str, rows))} |", " | ".join(cells), f"| {size / 1024:.0f} |")


def main():
    words = [word for word in sys.argv[1:] if word != "--table"]
    with_driver.pin(words[1])
    by_family, wrong = {}, []
    for family, names in FAMILIES.items():
        device, found = statistics(words[0], names)
        if device is None:
            print(f"{family}: {found}", flush=True)
            continue
        print(f"{family}: {device}, {len(found)} kernels", flush=True)
        wrong += faults(family, found)
        by_family[family] = found
    if "--table" in sys.argv:
        table(by_family)
    for fault in wrong:
        print("FAILED:", fault)
    if not by_family:
        sys.exit(with_driver.SKIPPED)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
