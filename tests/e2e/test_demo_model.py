"""The model that ships gives right answers: held-out exercises over HTTP, a floor for each task and precision."""
import os
import pty
import subprocess
import sys

import common

FLOORS = {
    "facts": 95,
    "recall of a favourite": 90,
    "recall of a name": 90,
    "addition": 95,
    "reverse letters": 95,
    "fill in the middle": 90,
}
LANGUAGES = ("English", "Chinese", "French", "Spanish")
FLOORS |= {f"translate {a} to {b}": 90 for a in LANGUAGES for b in LANGUAGES if a != b}
STRATEGIES = ("cpu fp32", "cpu fp16i8", "vulkan fp16i8")
COUNT = 100  # exercises a task, so that one wrong answer is one point


def scores(scorer, items, args, strategy):
    with common.Server(args, os.path.join(args.source_dir, "models", "fulmar-demo.safetensors"), "--strategy",
                       strategy) as server:
        return scorer.score(f"http://{server.host}:{server.port}", "", items, 16, False)


def accuracy(args):
    sys.path.insert(0, os.path.join(args.source_dir, "tools", "demo_model"))
    import eval as scorer
    import generate
    items = [item for item in generate.held_out(1, COUNT) if item.task in FLOORS]
    first, failed = None, []
    for strategy in common.strategies(args, *STRATEGIES):
        counts = scores(scorer, items, args, strategy)
        common.check(counts.keys() == FLOORS.keys(), f"every task is scored: {sorted(counts)}")
        for task, (right, asked) in sorted(counts.items()):
            percent = 100 * right / asked
            print(f"{strategy}: {task} {percent:.1f} % of {asked}", flush=True)
            if asked < 50 or percent < FLOORS[task]:
                failed.append(f"{strategy}, {task}: {right} of {asked}, floor {FLOORS[task]} %")
            if first and percent < first[task] - 1:
                failed.append(f"{strategy}, {task}: {percent} %, but {first[task]} % on {STRATEGIES[0]}")
        first = first or {task: 100 * right / asked for task, (right, asked) in counts.items()}
    common.check(not failed, "; ".join(failed))


def chat_in_a_terminal(args):
    """`fulmar chat` alone, typed into as a person does: the demo model answers at a prompt."""
    master, slave = pty.openpty()
    process = subprocess.Popen([args.fulmar, "chat", "--temperature", "0", "--strategy", "cpu fp32"], stdin=slave,
                               stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""

    def until(text):
        nonlocal seen
        while text not in seen:
            try:
                piece = os.read(master, 4096)
            except OSError:  # the terminal's other end is closed
                piece = b""
            common.check(piece, f"{text} in what the terminal shows: {seen}")
            seen += piece
        seen = seen[seen.index(text) + len(text):]

    until(b"> ")
    for said, answer in (("What is 21 + 34?", b"55"), ("My name is Anna.", b"Anna"), ("What is my name?", b"Anna")):
        os.write(master, said.encode() + b"\n")
        until(said.encode())  # the terminal's own echo
        until(answer)
        until(b"> ")
    os.write(master, b"/quit\n")
    common.check(process.wait(common.LOAD_SECONDS) == 0, "/quit ends the program with 0")
    os.close(master)
    print("ok: chat in a terminal", flush=True)


def main():
    args = common.parse_args()
    chat_in_a_terminal(args)
    accuracy(args)


if __name__ == "__main__":
    main()
