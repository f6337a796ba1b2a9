#!/usr/bin/env python3
"""Scores held-out exercises against a running server, through its HTTP API: the accuracy of each task.

    fulmar serve --model models/fulmar-demo.safetensors --vocab models/fulmar-demo.vocab &
    eval.py --url http://127.0.0.1:8000 --count 100 --floor addition=95 --floor facts=95

Needs Python alone. Exits with 1 when a task is below its floor, with 2 when a task of a floor was not scored.
"""

import argparse
import concurrent.futures
import json
import sys
import urllib.request

import generate


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as response:
        return json.load(response)["choices"][0]


def answer(url, model, item):
    """What the server says, and what it should have said. Greedy, so that a score can be repeated."""
    common = {"model": model, "temperature": 0, "max_tokens": 96}
    wanted = item.turns[-1][1]
    if not item.chat:
        return post(url + "/v1/completions", {**common, "prompt": item.turns[-1][0]})["text"], wanted
    body = {**common, "messages": item.messages()}
    if item.think != "off":
        body["enable_think"] = item.think == "on"
    said = post(url + "/v1/chat/completions", body)["message"]["content"] or ""
    if item.think == "on":  # only what follows the thoughts is scored
        said, wanted = said.split("</think>")[-1], wanted.split("</think>")[-1]
    return said.strip(), wanted.strip()


def score(url, model, items, threads, show):
    """{task: [right, asked]}"""
    counts = {}
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for item, (said, wanted) in zip(items, pool.map(lambda i: answer(url, model, i), items)):
            row = counts.setdefault(item.task, [0, 0])
            row[0] += said == wanted
            row[1] += 1
            if show and said != wanted:
                print(f"{item.task}: {item.turns[-1][0]!r}\n  wanted {wanted!r}\n  said   {said!r}")
    return counts


def parse_floor(text):
    task, _, percent = text.rpartition("=")
    if not task:
        raise argparse.ArgumentTypeError(f"{text}: write a floor as TASK=PERCENT")
    return task, float(percent)


def main():
    parser = argparse.ArgumentParser(description="Scores the demo model on held-out exercises.")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument(
        "--model", default="", help="the model's name in requests, where the server wants one"
    )
    parser.add_argument("--count", type=int, default=100, help="exercises a task")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--task", action="append", help="score only tasks whose name begins so; may be repeated"
    )
    parser.add_argument("--floor", action="append", type=parse_floor, default=[], help="TASK=PERCENT")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--show-errors", action="store_true")
    args = parser.parse_args()
    items = generate.held_out(args.seed, args.count)
    if args.task:
        items = [i for i in items if i.task.startswith(tuple(args.task))]
    counts = score(args.url, args.model, items, args.threads, args.show_errors)
    for task, (right, asked) in sorted(counts.items()):
        print(f"{task:32} {100 * right / asked:6.1f} %  ({right} of {asked})")
    status = 0
    for task, floor in args.floor:
        if task not in counts:
            print(f"{task}: not scored, but a floor was asked for", file=sys.stderr)
            status = 2
        elif 100 * counts[task][0] < floor * counts[task][1]:
            print(f"{task}: below its floor of {floor} %", file=sys.stderr)
            status = max(status, 1)
    sys.exit(status)


if __name__ == "__main__":
    main()
