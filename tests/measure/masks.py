#!/usr/bin/env python3
"""Prints what forms of answers cost: measure_masks beside the package xgrammar of PyPI, if it is there.

    python3 tests/measure/masks.py build/tests [--xgrammar]

The schemas are made here, of about 200 lines each, with ten values that are valid by them; and the longest of
tests/schemas/agents.json, with ten answers that schema_driver draws token by token from all that its masks allow.
"""
import itertools
import json
import os
import random
import re
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


def agents_schemas(driver):
    with open(os.path.join(HERE, "..", "schemas", "agents.json"), encoding="utf-8") as file:
        for one in json.load(file):
            lines = json.dumps(one["schema"], indent=1).count("\n") + 1
            if lines < 180:
                continue
            asked = {"schema": json.dumps(one["schema"]), "texts": [], "walks": 0, "draws": 10, "words": [], "seed": 1, "any_order": False}
            done = subprocess.run([driver], input=json.dumps(asked) + "\n", capture_output=True, text=True, encoding="utf-8", env=environment())
            told = json.loads(done.stdout)
            if "drawn" not in told:
                sys.exit(f"{one['name']}: {done.stdout}")
            yield f"{one['name']}, {lines} lines, drawn", one["schema"], told["drawn"]


def environment():
    return {"FULMAR_DATA": os.path.join(HERE, "..", "..", "models"), **os.environ}


def row(name, found):
    print(f"| {name} | {found['compile']:.1f} | {found['cold p50']:.1f} | {found['cold p99']:.1f} | {found['cold worst']:.1f} | "
          f"{found['warm p50']:.2f} | {found['warm p99']:.1f} | {found['warm worst']:.1f} |", flush=True)


def run_ours(program, schema, texts, folder):
    form, lines = os.path.join(folder, "form"), os.path.join(folder, "texts")
    with open(form, "w", encoding="utf-8") as file:
        json.dump(schema, file)
    with open(lines, "w", encoding="utf-8") as file:
        file.write("\n".join(texts))
    done = subprocess.run([program, "json_schema", form, lines], capture_output=True, text=True, env=environment())
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    found = {}
    for line in done.stdout.splitlines():
        part = line.split()
        if part[0] == "compile":
            found["compile"] = float(part[2])
        elif part[0] in ("cold", "warm"):
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
    begun = time.process_time_ns()
    compiled = compiler.compile_json_schema(json.dumps(schema), any_whitespace=True)
    found = {"compile": (time.process_time_ns() - begun) / 1e6}
    bits = xgrammar.allocate_token_bitmask(1, 65536)
    times = {"cold": [], "warm": []}
    left_out = 0
    for text in texts:
        tokens = encode(text)
        for kind in ("cold", "warm"):
            matcher = xgrammar.GrammarMatcher(compiled)
            taken = []
            for token in tokens:
                begun = time.thread_time_ns()
                matcher.fill_next_token_bitmask(bits)
                accepted = matcher.accept_token(token)
                taken.append((time.thread_time_ns() - begun) / 1e3)
                if not accepted:
                    break
            if accepted:
                times[kind] += taken
            else:
                left_out += kind == "cold"
    if left_out:
        print(f"<!-- xgrammar takes {len(texts) - left_out} of {len(texts)} texts -->")
    for kind, all_times in times.items():
        if not all_times:
            return None
        for name, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1)):
            found[f"{kind} {name}"] = quantile(all_times, share)
    return found


def main():
    folder, wants_other = sys.argv[1], "--xgrammar" in sys.argv
    program = os.path.join(folder, "measure", "measure_masks")
    print("| schema | compile, ms | cold: p50, us | p99 | worst | warm: p50, us | p99 | worst |")
    print("|---|---|---|---|---|---|---|---|")
    world = World() if wants_other else None
    made = [(name, schema, [json.dumps(value) for value in values]) for name, schema, values in itertools.islice(schemas(), 5)]
    drawn = [(name, schema, [re.sub(r"\n[ \t]*", "", text) for text in texts]) for name, schema, texts in agents_schemas(os.path.join(folder, "schema_driver"))]
    with tempfile.TemporaryDirectory() as files:
        for name, schema, texts in made + drawn:
            row(name, run_ours(program, schema, texts, files))
            if world:
                other = run_xgrammar(world.tokens, world.encode, schema, texts)
                if other:
                    row("the same, xgrammar", other)


main()
