#!/usr/bin/env python3
"""Writes conversations sampled from a running server (temperature 1, top_p 0.3), unedited, to a text file.

    transcripts.py OUT.txt --url http://127.0.0.1:8000 --count 50

Needs Python alone. What the user says is fixed by the seed and drawn from held-out exercises and small talk.
"""

import argparse
import random

import chat_tasks as chat
import generate
from eval import post

MAKERS = [chat.small_talk, chat.fact, chat.recall, generate.symbols.addition, generate.symbols.reverse_word]


def questions(rng):
    """What a user says in one conversation of three or more turns."""
    said = []
    while len(said) < 3:
        item = rng.choice(MAKERS)(rng)
        if item.think == "off" and (item.held_out or not item.exact):
            said += [given for given, _ in item.turns]
    return said


def conversation(url, model, said):
    messages = []
    for given in said:
        messages.append({"role": "user", "content": given})
        body = {"model": model, "messages": messages, "temperature": 1, "top_p": 0.3, "max_tokens": 96}
        messages.append(
            {"role": "assistant", "content": post(url + "/v1/chat/completions", body)["message"]["content"]}
        )
    return "\n\n".join(f"{m['role'].capitalize()}: {m['content']}" for m in messages)


def main():
    parser = argparse.ArgumentParser(description="Samples conversations with the demo model.")
    parser.add_argument("out", help="file to write")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument(
        "--model", default="", help="the model's name in requests, where the server wants one"
    )
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(f"transcripts {args.seed}")
    with open(args.out, "w", encoding="utf-8") as f:
        for number in range(1, args.count + 1):
            f.write(f"--- {number} ---\n{conversation(args.url, args.model, questions(rng))}\n\n")


if __name__ == "__main__":
    main()
