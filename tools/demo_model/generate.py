#!/usr/bin/env python3
"""Mixes exercises into training text and keeps the held-out ones apart; prints samples or the held-out set.

generate.py --samples 40            print some training texts
generate.py --held-out 100 OUT      write up to 100 held-out exercises a task as JSON lines
"""

import argparse
import dataclasses
import json
import random

import chat_tasks as chat
import fim_tasks as fim
import symbol_tasks as symbols
import translation

# What is made how often. Weights follow how much practice a task needs, not how often people ask for it.
MIX = [
    (translation.translation, 36),
    (symbols.addition, 15),
    (symbols.reverse_word, 10),
    (fim.fill_in, 11),
    (chat.fact, 8),
    (chat.recall, 8),
    (symbols.subtraction, 3),
    (symbols.multiplication, 2),
    (symbols.reverse_digits, 2),
    (symbols.sort_letters, 2),
    (symbols.sort_digits, 2),
    (symbols.sort_words, 2),
    (symbols.count, 2),
    (symbols.count_letters, 1),
    (chat.small_talk, 2),
    (chat.make_json, 2),
    (fim.continuation, 1),
]
MAKERS, WEIGHTS = zip(*MIX)
SYSTEM_PROMPTS = [
    "You are a helpful assistant.",
    "You are the demo model of Fulmar.",
    "Answer in one sentence.",
]


def draw(rng):
    """Any exercise, held out or not. The form with empty thoughts has the answer of the plain one."""
    item = rng.choices(MAKERS, WEIGHTS)[0](rng)
    if item.chat and item.think == "off" and rng.random() < 0.2:
        item.think = "fake"
    if item.chat and rng.random() < 0.05:
        item.system = rng.choice(SYSTEM_PROMPTS)
    return item


def document(rng):
    """The segments of one training text: one exercise, or several short ones in one conversation."""
    while True:
        item = draw(rng)
        if item.held_out:
            continue
        while item.chat and len(item.turns) < 6 and rng.random() < 0.5:
            other = draw(rng)
            if other.chat and not other.held_out and other.think != "on" and len(other.turns) == 1:
                item.turns[:0] = other.turns
        return item.segments()


def held_out(seed, count):
    """Up to `count` held-out exercises a task, without repeats."""
    rng, by_task, seen = random.Random(f"held-out {seed}"), {}, set()
    for maker, _ in MIX:
        for _ in range(count * 400):
            item = maker(rng)
            mark = json.dumps(item.turns)
            chosen = by_task.setdefault(item.task, [])
            if item.held_out and len(chosen) < count and mark not in seen:
                seen.add(mark)
                chosen.append(item)
    return [item for items in by_task.values() for item in items]


def main():
    parser = argparse.ArgumentParser(description="Makes the demo model's training text.")
    parser.add_argument("out", nargs="?", help="file for the held-out exercises")
    parser.add_argument("--samples", type=int, default=0, help="how many training texts to print")
    parser.add_argument("--held-out", type=int, default=100, help="exercises a task")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    for _ in range(args.samples):
        print("".join(text for text, _ in document(rng)) + "\n-----")
    if args.out:
        with open(args.out, "w", encoding="utf-8") as f:
            for item in held_out(args.seed, args.held_out):
                f.write(json.dumps(dataclasses.asdict(item), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
