#!/usr/bin/env python3
"""Makes models/rwkv-world.vocab, the compact table of the RWKV World vocabulary, from the PyPI package `rwkv`.

    pip download --no-deps --dest /tmp/rwkv rwkv==0.8.32
    python3 tools/vocab/make_world_table.py /tmp/rwkv/rwkv-0.8.32-py3-none-any.whl models/rwkv-world.vocab

The input may also be a text file in World syntax (lines `ID PYTHON_LITERAL BYTELEN`). The table's layout is described
in src/text/vocabulary.h. The result depends on the input's tokens alone, so it can be compared byte for byte.
"""
import argparse
import ast
import io
import struct
import zipfile

MAGIC = b"FULMVOC1"
MEMBER = "rwkv/rwkv_vocab_v20230424.txt"


def open_text(path):
    if zipfile.is_zipfile(path):
        return io.TextIOWrapper(zipfile.ZipFile(path).open(MEMBER), encoding="utf-8")
    return open(path, encoding="utf-8")


def read_tokens(lines):
    """Returns {bytes: id}, checked: no id and no text twice, every length as the line says."""
    tokens, ids = {}, set()
    for number, line in enumerate(lines, 1):
        first, last = line.index(" "), line.rindex(" ")
        token_id, literal, length = int(line[:first]), ast.literal_eval(line[first + 1:last].strip()), int(line[last:])
        text = literal.encode() if isinstance(literal, str) else literal
        if not text or len(text) != length or text in tokens or token_id in ids:
            raise SystemExit(f"line {number}: wrong length, or an id or text given twice: {line!r}")
        tokens[text] = token_id
        ids.add(token_id)
    return tokens


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def shared_prefix(a, b):
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return count


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def make_table(tokens):
    payload, before = bytearray(), b""
    for text in sorted(tokens):
        shared = shared_prefix(before, text)
        payload += varint(tokens[text]) + varint(shared) + varint(len(text) - shared) + text[shared:]
        before = text
    return MAGIC + struct.pack("<IIQ", len(tokens), len(payload), fnv1a(payload)) + bytes(payload)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", help="the wheel of the package `rwkv`, or a vocabulary in World syntax")
    parser.add_argument("table", help="where to write the table")
    arguments = parser.parse_args()
    with open_text(arguments.source) as lines:
        tokens = read_tokens(lines)
    table = make_table(tokens)
    with open(arguments.table, "wb") as out:
        out.write(table)
    print(f"{arguments.table}: {len(tokens)} tokens, {len(table)} bytes")


if __name__ == "__main__":
    main()
