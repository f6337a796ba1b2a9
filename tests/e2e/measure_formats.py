"""Measures what docs/formats.md says of every format on trained models: bits a symbol, and lines solved. Not a test.

python3 measure_formats.py --fulmar build/fulmar --source-dir . --work-dir /tmp [-- FORMAT...]

FORMAT may be `q4_0` or `q4_0:f32`, with what `--activations` shall be.
"""
import json
import math
import os
import struct
import sys

import common
import test_reverse600

FORMATS = "fp32 fp16 i8 q8_0 fp8 q6_K fp6 q5_1 q5_0 q5_K fp5 q4_1 q4_0 q4_K iq4_nl nf4".split()
TEXTS = {"tiny-rwkv-6v0": "tiny-rwkv-6v0-1m.pth", "tiny-rwkv-5v2": "tiny-rwkv-5v2-730K.pth"}


def golden(path, name):
    """The tokens of a case, and the group norm's eps that the model was trained with."""
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    begin, end = header[name]["data_offsets"]
    tokens = struct.unpack(f"<{(end - begin) // 4}i", data[8 + size + begin:8 + size + end])
    return tokens, header["__metadata__"]["gn_eps"]


def bits_a_symbol(args, folder, model, words):
    tokens, eps = golden(os.path.join(folder, "golden.safetensors"), "json.tokens")
    text = common.output(args, "logits", "--model", os.path.join(folder, model), "--gn-eps", eps, *words,
                         "--tokens", ",".join(map(str, tokens)))
    bits = 0.0
    for line, following in zip(text.splitlines(), tokens[1:]):
        logits = [float(word) for word in line.split()]
        top = max(logits)
        bits += math.log2(sum(math.exp(logit - top) for logit in logits)) - (logits[following] - top) / math.log(2)
    return bits / (len(tokens) - 1)


def lines_solved(args, folder, words):
    with open(os.path.join(folder, "testset_600.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    with common.Server(args, os.path.join(folder, "reverse-L4-D128-N64-f16.safetensors"), "--vocab",
                       os.path.join(folder, "vocab.txt"), *words) as server:
        solved = test_reverse600.right_answers(server, lines)
        server.stop()
    return solved


def main():
    formats = FORMATS
    if "--" in sys.argv:
        at = sys.argv.index("--")
        formats, sys.argv[at:] = sys.argv[at + 1:], []
    args = common.parse_args()
    folder = common.shared_models(args)
    if folder is None:
        common.skip("../shared/models is not there")
    for name in formats:
        format_name, _, activations = name.partition(":")
        words = ["--strategy", f"cpu {name}" if name in ("fp32", "fp16") else f"cpu fp16{format_name}"]
        if activations:
            words += ["--activations", activations]
        bits = [f"{bits_a_symbol(args, os.path.join(folder, model), file, words):.4f}" for model, file in TEXTS.items()]
        solved = lines_solved(args, os.path.join(folder, "reverse-rwkv7"), words)
        print(f"| {name} | {' | '.join(bits)} | {solved} |", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
