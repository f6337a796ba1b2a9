#!/usr/bin/env python3
"""Prints what forms of answers cost: build/tests/measure/measure_masks beside the package xgrammar of PyPI, if it is there.

    python3 tests/measure/masks.py build/tests/measure/measure_masks [--xgrammar]

The schemas are made here, of about 200 lines each, with ten values that are valid by them.
"""
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ("river stone answer quick table window garden silver market travel number simple letter people bridge yellow "
         "weather machine history language music picture planet orange doctor").split()


def words(rng, least, most):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def record(rng, depth):
    """A schema of an object and a function that makes a value of it."""
    properties, makers = {}, {}
    for i in range(rng.randint(5, 7)):
        name = f"{rng.choice(WORDS)}_{rng.choice(WORDS)}_{i}"
        kind = rng.randrange(9 if depth < 3 else 7)
        if kind == 0:
            schema, make = {"type": "string"}, lambda r: words(r, 3, 12)
        elif kind == 1:
            schema, make = {"type": "string", "minLength": 2, "maxLength": 40}, lambda r: words(r, 1, 4)
        elif kind == 2:
            schema, make = {"type": "integer", "minimum": 0, "maximum": 120}, lambda r: r.randint(0, 120)
        elif kind == 3:
            schema, make = {"type": "number"}, lambda r: round(r.uniform(-1000, 1000), 3)
        elif kind == 4:
            options = rng.sample(WORDS, 5)
            schema, make = {"enum": options}, lambda r, options=options: r.choice(options)
        elif kind == 5:
            schema = {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3,5}$"}
            make = lambda r: f"{r.choice('ABCXYZ')}{r.choice('ABCXYZ')}-{r.randint(100, 99999)}"  # noqa: E731
        elif kind == 6:
            schema, make = {"type": "boolean"}, lambda r: r.random() < 0.5
        elif kind == 7:
            inner, maker = record(rng, depth + 1)
            schema = {"type": "array", "items": inner, "maxItems": 4}
            make = lambda r, maker=maker: [maker(r) for _ in range(r.randint(0, 2))]  # noqa: E731
        else:
            schema, make = record(rng, depth + 1)
        properties[name], makers[name] = schema, make
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return schema, lambda r: {name: make(r) for name, make in makers.items()}


def schemas():
    for seed in range(1000):
        rng = random.Random(seed)
        schema, make = record(rng, 0)
        lines = json.dumps(schema, indent=1).count("\n") + 1
        if 180 <= lines <= 240:
            yield f"schema of {lines} lines", schema, [make(rng) for _ in range(10)]


def row(name, found):
    print(f"| {name} | {found['compile']:.1f} | {found['first p50']:.1f} | {found['first p99']:.1f} | {found['first worst']:.1f} | "
          f"{found['all p50']:.2f} | {found['all p99']:.1f} |", flush=True)


def run_ours(program, schema, texts, folder):
    form, lines = os.path.join(folder, "form"), os.path.join(folder, "texts")
    with open(form, "w") as file:
        json.dump(schema, file)
    with open(lines, "w") as file:
        file.write("\n".join(texts))
    done = subprocess.run([program, "json_schema", form, lines], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    found = {}
    for line in done.stdout.splitlines():
        part = line.split()
        if part[0] == "compile":
            found["compile"] = float(part[2])
        elif part[0] in ("first", "all"):
            found.update({f"{part[0]} p50": float(part[4]), f"{part[0]} p99": float(part[6]), f"{part[0]} worst": float(part[8])})
    return found


class World:
    """The vocabulary: models/rwkv-world.vocab (src/text/vocabulary.h says how it is laid out), longest match first."""

    def __init__(self):
        with open(os.path.join(HERE, "..", "..", "models", "rwkv-world.vocab"), "rb") as file:
            data = file.read()
        at, text, self.tokens, self.ids = 24, b"", [b""] * 65536, {}

        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value

        for _ in range(int.from_bytes(data[8:12], "little")):
            token, same, more = varint(), varint(), varint()
            text = text[:same] + data[at:at + more]
            at += more
            self.tokens[token] = text
            self.ids[text] = token

    def encode(self, text):
        data, at, out = text.encode(), 0, []
        while at < len(data):
            length = next(n for n in range(min(128, len(data) - at), 0, -1) if data[at:at + n] in self.ids)
            out.append(self.ids[data[at:at + length]])
            at += length
        return out


def quantile(times, share):
    times = sorted(times)
    return times[min(len(times) - 1, int(share * len(times)))]


def run_xgrammar(tokens, encode, schema, texts):
    import xgrammar
    info = xgrammar.TokenizerInfo(tokens, xgrammar.VocabType.RAW, vocab_size=65536, stop_token_ids=[0])
    compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
    begun = time.perf_counter()
    compiled = compiler.compile_json_schema(json.dumps(schema), any_whitespace=True)
    found = {"compile": (time.perf_counter() - begun) * 1e3}
    bits = xgrammar.allocate_token_bitmask(1, 65536)
    first, times = [], []
    for text in texts:
        matcher = xgrammar.GrammarMatcher(compiled)
        for token in encode(text):
            begun = time.perf_counter()
            matcher.fill_next_token_bitmask(bits)
            taken = matcher.accept_token(token)
            times.append((time.perf_counter() - begun) * 1e6)
            if not taken:
                sys.exit(f"xgrammar does not take {text}")
        first = first or list(times)
    for name, all_times in (("first", first), ("all", times)):
        found.update({f"{name} p50": statistics.median(all_times), f"{name} p99": quantile(all_times, 0.99), f"{name} worst": max(all_times)})
    return found


def main():
    program, wants_other = sys.argv[1], "--xgrammar" in sys.argv
    print("| form | compile, ms | first text: p50, us | p99 | worst | all texts: p50, us | p99 |")
    print("|---|---|---|---|---|---|---|")
    world = World() if wants_other else None
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, schema, values) in enumerate(schemas()):
            if number == 5:
                break
            texts = [json.dumps(value) for value in values]
            row(name, run_ours(program, schema, texts, folder))
            if world:
                row("the same, xgrammar", run_xgrammar(world.tokens, world.encode, schema, texts))


main()
