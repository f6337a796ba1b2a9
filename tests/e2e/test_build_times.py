"""The table of a build's seconds adds up, and names what to look at."""
import os
import subprocess
import sys

import common

LOG = """# ninja log v5
0\t9000\t1\tCMakeFiles/fulmar_cpu.dir/src/cpu/slow.cpp.o\taa
0\t1000\t1\tCMakeFiles/fulmar_cpu.dir/src/cpu/quick.cpp.o\tbb
1000\t1500\t1\ttests/CMakeFiles/test_ops.dir/ops/a_test.cpp.o\tcc
1500\t1750\t1\tfulmar\tdd
1500\t1750\t1\tfulmar.map\tdd
5\t2005\t2\tCMakeFiles/fulmar_cpu.dir/src/cpu/slow.cpp.o\tee
0\t30"""  # slow.cpp ran again and took 2 s; one step makes two files; the last line was cut


def times(args, *words):
    script = os.path.join(os.path.abspath(args.source_dir), "scripts", "build_times.py")
    return subprocess.run([sys.executable, script, *words], capture_output=True, text=True, cwd=args.work_dir)


def main():
    args = common.parse_args()
    with open(os.path.join(args.work_dir, ".ninja_log"), "w") as log:
        log.write(LOG)
    done = times(args, ".")
    common.check(done.returncode == 0, done.stderr)
    expected = ["| target | steps | seconds |", "|---|---:|---:|", "| fulmar_cpu | 2 | 3.0 |", "| test_ops | 1 | 0.5 |",
                "| links and other steps | 1 | 0.2 |", "| **all** | 4 | 3.8 |", "", "| slowest | of | seconds |",
                "|---|---|---:|", "| src/cpu/slow.cpp | fulmar_cpu | 2.0 |", "| src/cpu/quick.cpp | fulmar_cpu | 1.0 |",
                "| ops/a_test.cpp | test_ops | 0.5 |", "| fulmar | links and other steps | 0.2 |"]
    common.check(done.stdout.splitlines() == expected, f"the table: {done.stdout}")

    with open(os.path.join(args.work_dir, ".ninja_log"), "a") as log:
        for i in range(20):
            log.write(f"\n0\t{100000 + i}\t1\tCMakeFiles/fulmar_ops.dir/many_{i}.cpp.o\tff{i}")
    many = times(args, ".").stdout
    common.check(many.count("many_") == 10 and "many_19.cpp" in many and "slow.cpp" not in many, f"the ten slowest: {many}")

    missing = times(args, "nowhere")
    common.check(missing.returncode == 1 and "nowhere" in missing.stderr and "Traceback" not in missing.stderr, missing.stderr)
    print("ok: the table of a build's seconds", flush=True)


main()
