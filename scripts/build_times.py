#!/usr/bin/env python3
"""Prints, as Markdown, where a build's seconds went, from ninja's log.

    scripts/build_times.py [BUILD]     build by default; the last time each step ran counts

Seconds are those from a step's start to its end, summed over steps that may have run side by side. What ccache knew
already took next to none: `CCACHE_DISABLE=1` before the build measures the compiler.
"""
import collections
import os
import re
import sys

SLOWEST = 10
OBJECT = re.compile(r"(?:.*/)?CMakeFiles/(?P<target>[^/]+)\.dir/(?P<source>.+)\.(?:o|obj|gch|pch)$")

Step = collections.namedtuple("Step", "target what seconds")


def read_log(path):
    """The steps of a build, each once. A line is: start, end (milliseconds), a time stamp, an output, the command's hash."""
    by_output = {}
    with open(path, encoding="utf-8", errors="replace") as log:
        if not re.match(r"# ninja log v[4567]$", log.readline().rstrip()):
            sys.exit(f"{path} is not a ninja log of a version from 4 to 7")
        for line in log:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 5:  # the last line may be cut short by a build that was stopped
                start, end, _, output, command = fields
                by_output[output] = (int(start), int(end), command)
    steps = {}
    for output, ran in by_output.items():
        steps.setdefault(ran, output)  # a step that makes several files has a line for each
    return [step_of(output, end - start) for (start, end, _), output in steps.items()]


def step_of(output, milliseconds):
    compiled = OBJECT.match(output)
    if compiled:
        return Step(compiled["target"], compiled["source"], milliseconds / 1000)
    kind = "shaders" if output.endswith((".spv", ".spv.h")) or "shaders/" in output else "links and other steps"
    return Step(kind, output, milliseconds / 1000)


def table(title, rows):
    lines = [f"| {title} | steps | seconds |", "|---|---:|---:|"]
    return lines + [f"| {name} | {count} | {seconds:.1f} |" for name, count, seconds in rows]


def report(steps):
    by_target = collections.defaultdict(list)
    for step in steps:
        by_target[step.target].append(step.seconds)
    rows = sorted(((name, len(times), sum(times)) for name, times in by_target.items()), key=lambda row: -row[2])
    lines = table("target", rows + [("**all**", len(steps), sum(step.seconds for step in steps))])
    lines += ["", "| slowest | of | seconds |", "|---|---|---:|"]
    for step in sorted(steps, key=lambda step: -step.seconds)[:SLOWEST]:
        lines.append(f"| {step.what} | {step.target} | {step.seconds:.1f} |")
    return "\n".join(lines)


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    path = os.path.join(build, ".ninja_log")
    if not os.path.isfile(path):
        sys.exit(f"{path} is not there: has ninja built anything in {build}?")
    print(report(read_log(path)))


if __name__ == "__main__":
    main()
