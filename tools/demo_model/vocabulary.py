#!/usr/bin/env python3
"""Builds the demo model's vocabulary in World syntax, and tokenizes as Fulmar does: greedy longest match.

Words become one piece only together with the space before them or a capital at their start. So a word in
quotes is spelled letter by letter, which is what reversing and sorting letters need; and a piece never holds
a digit.

    vocabulary.py OUT.vocab
"""

import argparse
import ast
import collections
import random
import re

import generate

MARKS = [
    "✿prefix✿✿suffix✿",
    "✿middle✿",
    "✿",
    "\n\n",
    "User:",
    "Assistant:",
    "System:",
    " <think",
    "</think",
    ' "',
    '".',
    '"?',
    ", ",
    " +",
    " -",
    " =",
    " *",
    '": ',
    ' {"',
    '", "',
    '"}',
    "):\n    return ",
]
WORD = re.compile(r" [A-Za-zÀ-ÿœ]+(?:'[A-Za-zÀ-ÿœ]+)?|[A-ZÀ-Þ][a-zà-ÿœ]+")
HAN = re.compile(r"[\u4e00-\u9fff]")


def han_words():
    """Every Chinese entry of the lexicon, cut into pieces as it stands there."""
    import lexicon as lx

    words = {row[1] for table in (lx.THINGS, lx.BEINGS) for row in lx.rows(table)}
    words |= {row[2] for table in (lx.THINGS, lx.BEINGS) for row in lx.rows(table)}
    words |= {part for row in lx.rows(lx.QUALITIES) for part in row[1:3]}
    words |= {row[2] for row in lx.rows(lx.VERBS)}
    words |= {row[1] for table in (lx.TIMES, lx.PLACES) for row in lx.rows(table, "|")}
    words |= {row[1] for table in (lx.PRONOUNS, lx.DETERMINERS) for row in table if row[1]}
    return words | {"不", "。"}


def build(seed=1, documents=40000, least=12):
    """The pieces by id, from 1: single bytes, marks, other characters, words seen `least` times."""
    rng, words, characters = random.Random(f"vocabulary {seed}"), collections.Counter(), set()
    for _ in range(documents):
        text = "".join(part for part, _ in generate.document(rng))
        words.update(WORD.findall(text))
        characters.update(c for c in text if ord(c) > 127)
    pieces = [bytes([b]) for b in range(256)]
    known = set(pieces)
    found = sorted(w for w, n in words.items() if n >= least)
    for piece in MARKS + sorted(characters) + sorted(han_words()) + found:
        data = piece.encode()
        if data not in known:
            known.add(data)
            pieces.append(data)
    return pieces


def write(path, pieces):
    with open(path, "w", encoding="utf-8") as f:
        for number, data in enumerate(pieces, 1):
            try:
                literal = repr(data.decode())
            except UnicodeDecodeError:
                literal = repr(data)
            f.write(f"{number} {literal} {len(data)}\n")


class Tokenizer:
    def __init__(self, path):
        self.pieces = [b""]
        with open(path, encoding="utf-8") as f:
            for line in f:
                literal = ast.literal_eval(line[line.index(" ") + 1 : line.rindex(" ")])
                self.pieces.append(literal if isinstance(literal, bytes) else literal.encode())
        self.ids = {data: number for number, data in enumerate(self.pieces) if number}
        self.longest = collections.defaultdict(int)
        for data in self.ids:
            self.longest[data[0]] = max(self.longest[data[0]], len(data))

    def encode(self, text):
        data, at, out = text.encode(), 0, []
        while at < len(data):
            length = min(self.longest[data[at]], len(data) - at)
            while data[at : at + length] not in self.ids:
                length -= 1
            out.append(self.ids[data[at : at + length]])
            at += length
        return out

    def decode(self, tokens):
        return b"".join(self.pieces[t] for t in tokens).decode(errors="replace")


def main():
    parser = argparse.ArgumentParser(description="Builds the demo model's vocabulary.")
    parser.add_argument("out", help="file to write")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    pieces = build(args.seed)
    write(args.out, pieces)
    print(f"{args.out}: ids 1 to {len(pieces)}")


if __name__ == "__main__":
    main()
