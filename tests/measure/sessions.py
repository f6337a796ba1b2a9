#!/usr/bin/env python3
"""What sessions cost through HTTP: the rows of the table in docs/sessions.md. Run by hand.

    python3 tests/measure/sessions.py build/fulmar models/fulmar-demo.safetensors
    python3 tests/measure/sessions.py build/fulmar 0.4b --strategy 'cpu fp16'      # random weights of this size
    python3 tests/measure/sessions.py build/fulmar 13mb --others 10000             # a small model with a state of 13 MB

A turn reads one short text and writes one token. Those on the device, in host memory and in the file take turns, so that
what else the machine does falls on all alike; medians are printed, and what they are more than the first one."""
import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "..", "tools")]
import common  # noqa: E402
import session_client  # noqa: E402


def timed(call, *words):
    start = time.perf_counter()
    answer = call(*words)
    return (time.perf_counter() - start) * 1000, answer


def turn(server, session, prompt=" and"):
    body = {"prompt": prompt, "max_tokens": 1, "temperature": 0, "ignore_eos": True}
    if session:
        body["session_id"] = session
    status, answer = server.post("/v1/completions", body)
    common.check(status == 200, f"{session}: {status} {answer}")


def row(name, times, base=None):
    middle = statistics.median(times)
    more = "" if base is None else f", {middle - base:+.1f} beyond the first row"
    print(f"| {name} | {middle:.1f} ms | {sorted(times)[int(len(times) * 0.95)]:.1f} ms |{more}", flush=True)
    return middle


def fill(server, count):
    """So many more sessions, in the file and of one turn each: forks."""
    turn(server, "model for others")

    def some(first):
        for i in range(first, count, 8):
            status, answer = server.post("/state/fork", {"from": "model for others", "to": f"other {i}"})
            common.check(status == 200, f"{status} {answer}")

    threads = [threading.Thread(target=some, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def levels(server, rounds):
    """l1 2, l2 16: of the sessions below two are always on level 1, some on 2, the rest in the file."""
    names = [f"s{i}" for i in range(48)]
    for name in names:
        turn(server, name)
    times = {"none": [], "L1": [], "L2": [], "Database": []}
    seen = {}
    for i in range(rounds):
        times["none"].append(timed(turn, server, None)[0])
        turn(server, "s0")
        times["L1"].append(timed(turn, server, "s0")[0])
        for _ in range(2):
            name = names[1 + (len(times["Database"]) + len(times["L2"])) * 7 % 47]
            level = session_client.told(server, name)["cache_level"].split()[0]
            seen[level] = seen.get(level, 0) + 1
            times[level].append(timed(turn, server, name)[0])
        name = names[1 + (i % 3)]  # used every third round, so in memory
        level = session_client.told(server, name)["cache_level"].split()[0]
        times[level].append(timed(turn, server, name)[0])
    base = row("a turn without a session", times["none"])
    for level, name in (("L1", "a turn of a session used last"), ("L2", "from host memory"), ("Database", "from the file")):
        row(f"{name} ({len(times[level])} times)", times[level], base)


def growth(server, turns):
    times = [timed(turn, server, "long")[0] for _ in range(turns)]
    tenth = max(10, turns // 10)
    row(f"the first {tenth} turns of a session", times[:tenth])
    row(f"turns {turns - tenth + 1} to {turns}", times[-tenth:])


def files(server, rounds):
    def ask(method, path, body=None):
        spent, (status, _, answer) = timed(session_client.request, server, method, path, body)
        common.check(status == 200, f"{method} {path}: {status} {answer[:300]}")
        return spent, answer

    forks, exports, halves, imports, mixes = [], [], [], [], []
    for i in range(rounds):
        forks.append(ask("POST", "/state/fork", json.dumps({"from": "s0", "to": f"fork {i}"}))[0])
        spent, state = ask("GET", "/state/export/s0")
        exports.append(spent)
        halves.append(ask("GET", "/state/export/s0?precision=f16")[0])
        imports.append(ask("POST", "/state/import?session_id=imported&replace=true", state)[0])
        mixes.append(ask("POST", "/state/mix", json.dumps({"states": ["s0", "s1"], "to": "mixed", "replace": True}))[0])
    print(f"a state's file: {len(state)} bytes")
    for name, times in (("fork", forks), ("export", exports), ("export, f16", halves), ("import", imports), ("mix of two", mixes)):
        row(name, times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("fulmar")
    parser.add_argument("model")
    parser.add_argument("--strategy", default="cpu fp32")
    parser.add_argument("--folder", help="where the store lies, by default among temporary files")
    parser.add_argument("--others", type=int, default=0, help="so many more sessions in the store")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--turns", type=int, default=500)
    args = parser.parse_args()
    os.environ.setdefault("FULMAR_DATA", os.path.join(HERE, "..", "..", "models"))
    args.source_dir = os.path.join(HERE, "..", "..")
    with tempfile.TemporaryDirectory() as folder:
        args.work_dir, model = folder, args.model
        if not os.path.exists(model):
            import make_random_model
            model = os.path.join(folder, "made.safetensors")
            shapes = {**make_random_model.PRESETS, "13mb": dict(L=200, C=256, V=256)}
            make_random_model.make(model, make_random_model.Shape(**shapes[args.model]), "f16", 1)
        words = ["--vocab", "bytes"] if args.model == "13mb" else []
        file = os.path.join(args.folder or folder, f"sessions-{os.getpid()}.db")
        with common.Server(args, model, "--strategy", args.strategy, "--sessions", file, "--l1-sessions", "2",
                           "--l2-sessions", "16", "--prefix-cache", "0", *words) as server:
            fill(server, args.others)
            levels(server, args.rounds)
            growth(server, args.turns)
            files(server, max(10, args.rounds // 4))
            status, health = server.get("/health")
            print(json.dumps(health["sessions"]))


if __name__ == "__main__":
    main()
