#!/usr/bin/env python3
"""Makes an RWKV checkpoint of any version with random weights, for tests and for measuring speed.

The names and shapes are those of the published checkpoints. The scales are chosen so that activations stay near one,
the recurrent state neither dies nor grows, and logits lie within about +-10. The file is written tensor by tensor, so
memory stays small however large the model is.

    make_random_model.py OUT.safetensors --size 0.4b --dtype f16
    make_random_model.py OUT.pth --layers 2 --channels 96 --head-size 48 --vocab 61 --dtype bf16
    make_random_model.py OUT.pth --version v6 --layers 2 --channels 128 --vocab 61

Needs numpy.
"""
import argparse
import dataclasses
import json
import math
import os
import pickle
import struct
import zipfile

import numpy as np

PRESETS = {  # v7, as published
    "0.1b": dict(L=12, C=768, Dw=64, Da=64, Dv=32, Dg=128),
    "0.4b": dict(L=24, C=1024, Dw=64, Da=64, Dv=32, Dg=128),
    "1.5b": dict(L=24, C=2048, Dw=96, Da=96, Dv=64, Dg=256),
}
VERSIONS = ["v4", "v5.0", "v5.1", "v5.2", "v6", "v7", "v7a"]
BLOCK = 1 << 22  # elements made at a time


def lora_width(channels, factor):
    """The rule for new models: a multiple of 32 near factor * sqrt(C)."""
    return max(32, round(factor * math.sqrt(channels) / 32) * 32)


@dataclasses.dataclass
class Shape:
    """L layers, C channels, N head size, F hidden width of the channel mix, V vocabulary, D* LoRA widths: Dx of v6's
    mixes, De of v7a's DeepEmbed. A, the channels of v4's recurrence, is C unless given."""
    L: int = 2
    C: int = 64
    N: int = 64
    F: int = 0
    V: int = 65536
    Dw: int = 0
    Da: int = 0
    Dv: int = 0
    Dg: int = 0
    Dx: int = 32
    De: int = 32
    A: int = 0
    version: str = "v7"
    time_state: bool = False  # with a tuned initial state

    def __post_init__(self):
        if self.version != "v4" and self.C % self.N:
            raise SystemExit(f"channels {self.C} is not a multiple of the head size {self.N}")
        self.F = self.F or 4 * self.C
        self.A = self.A or self.C
        self.Dw = self.Dw or lora_width(self.C, 2.5)
        self.Da = self.Da or lora_width(self.C, 2.5)
        self.Dv = self.Dv or lora_width(self.C, 1.7)
        self.Dg = self.Dg or lora_width(self.C, 5)


def tensors(s, layer0_v=False):
    """Yields (name, shape, kind, a, b): kind "normal" has mean a and deviation b, "uniform" lies in [a, b)."""
    C, H = s.C, s.C // s.N

    def norm(name, width=C):
        yield name + ".weight", (width,), "normal", 1.0, 0.1
        yield name + ".bias", (width,), "normal", 0.0, 0.1

    def matrix(name, rows, cols, gain):
        # A row of deviation gain / sqrt(cols) turns inputs near one into outputs near gain.
        return name, (rows, cols), "normal", 0.0, gain / math.sqrt(cols)

    def factors(prefix, width, gain):
        # LoRA factors lie as [in, out].
        yield prefix + "1", (C, width), "normal", 0.0, 1 / math.sqrt(C)
        yield prefix + "2", (width, C), "normal", 0.0, gain / math.sqrt(width)

    def head_norm(att):
        yield from norm(att + "ln_x")
        if s.time_state:
            yield att + "time_state", (H, s.N, s.N), "normal", 0.0, 0.5

    def time_mix4(att):
        for x in "kvr":
            yield att + "time_mix_" + x, (1, 1, C), "uniform", 0.0, 1.0
        yield att + "time_decay", (s.A,), "uniform", -5.0, 1.0
        yield att + "time_first", (s.A,), "normal", 0.0, 0.5
        for name in ["receptance", "key", "value"]:
            yield matrix(att + name + ".weight", s.A, C, 1.0)
        yield matrix(att + "output.weight", C, s.A, 0.5)

    def square_matrices(att, names):
        for name in names:
            yield matrix(att + name + ".weight", C, C, 0.7 if name == "key" else 1.0)
        yield matrix(att + "output.weight", C, C, 0.5)

    def time_mix5(att):
        gate = s.version != "v5.0"
        for x in "kvrg" if gate else "kvr":
            yield att + "time_mix_" + x, (1, 1, C), "uniform", 0.0, 1.0
        heads = (H, s.N) if s.version == "v5.2" else (H,)
        yield att + "time_decay", heads, "uniform", -5.0, 0.5
        yield att + ("time_faaaa" if s.version == "v5.2" else "time_first"), heads, "normal", -0.5, 0.5
        yield from square_matrices(att, ["receptance", "key", "value"] + ["gate"] * gate)
        yield from head_norm(att)

    def time_mix6(att):
        for x in "xwkvrg":
            yield att + "time_maa_" + x, (1, 1, C), "uniform", 0.0, 1.0
        yield att + "time_maa_w1", (C, 5 * s.Dx), "normal", 0.0, 1 / math.sqrt(C)
        yield att + "time_maa_w2", (5, s.Dx, C), "normal", 0.0, 0.2 / math.sqrt(s.Dx)
        yield att + "time_decay", (1, 1, C), "uniform", -5.0, 0.5
        yield from factors(att + "time_decay_w", s.Dw, 0.5)
        yield att + "time_faaaa", (H, s.N), "normal", 0.5, 0.5
        yield from square_matrices(att, ["receptance", "key", "value", "gate"])
        yield from head_norm(att)

    def time_mix7(att, first_layer):
        for x in "rwkvag":
            yield att + "x_" + x, (1, 1, C), "uniform", 0.0, 1.0
        yield att + "w0", (1, 1, C), "uniform", -6.0, 0.5
        yield from factors(att + "w", s.Dw, 0.5)
        yield att + "a0", (1, 1, C), "normal", 0.0, 0.5
        yield from factors(att + "a", s.Da, 0.5)
        if not first_layer or layer0_v:
            yield att + "v0", (1, 1, C), "normal", 0.5, 0.5
            yield from factors(att + "v", s.Dv, 0.5)
        yield from factors(att + "g", s.Dg, 2.0)
        yield att + "k_k", (1, 1, C), "normal", 0.85, 0.1
        yield att + "k_a", (1, 1, C), "normal", 1.0, 0.1
        yield att + "r_k", (H, s.N), "normal", 0.0, 0.1
        yield from square_matrices(att, ["receptance", "key", "value"])
        yield from head_norm(att)

    def channel_mix(ffn):
        if s.version in ["v7", "v7a"]:
            yield ffn + "x_k", (1, 1, C), "uniform", 0.0, 1.0
        else:
            for x in "kr":
                yield ffn + ("time_maa_" if s.version == "v6" else "time_mix_") + x, (1, 1, C), "uniform", 0.0, 1.0
            yield matrix(ffn + "receptance.weight", C, C, 1.0)
        yield matrix(ffn + "key.weight", s.F, C, 1.0)
        yield matrix(ffn + "value.weight", C, s.F, 0.5)
        if s.version == "v7a":
            table = s.De * s.De
            yield ffn + "s_emb.weight", (s.V, table), "normal", 0.0, 0.7 / math.sqrt(s.De)
            yield matrix(ffn + "s_emb_x.weight", table, C, 0.7 / math.sqrt(s.De))
            yield ffn + "s1", (C, s.De), "normal", 0.0, 1 / math.sqrt(C)
            yield ffn + "s2", (s.De, s.F), "normal", 0.0, 0.5 / math.sqrt(s.De)
            yield ffn + "s0", (s.F,), "normal", 1.0, 0.1

    time_mix = {"v4": time_mix4, "v6": time_mix6}.get(s.version, time_mix5)
    yield "emb.weight", (s.V, C), "normal", 0.0, 1.0
    for i in range(s.L):
        block = f"blocks.{i}."
        for ln in ["ln0", "ln1", "ln2"] if i == 0 else ["ln1", "ln2"]:
            yield from norm(block + ln)
        yield from time_mix7(block + "att.", i == 0) if s.version in ["v7", "v7a"] else time_mix(block + "att.")
        yield from channel_mix(block + "ffn.")
    yield from norm("ln_out")
    yield matrix("head.weight", s.V, C, 2.0)


def encode(values, dtype):
    """float32 values as the bytes of the file's type, rounded to nearest even."""
    if dtype == "f32":
        return values.astype("<f4").tobytes()
    if dtype == "f16":
        return values.astype("<f2").tobytes()
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()


def values_of(rng, shape, kind, a, b, dtype):
    """Yields the tensor's bytes in blocks."""
    left = math.prod(shape)
    while left:
        count = min(left, BLOCK)
        if kind == "normal":
            block = rng.standard_normal(count, dtype=np.float32) * np.float32(b) + np.float32(a)
        else:
            block = rng.random(count, dtype=np.float32) * np.float32(b - a) + np.float32(a)
        yield encode(block, dtype)
        left -= count


def write_safetensors(path, specs, rng, dtype, metadata):
    size = 4 if dtype == "f32" else 2
    header, at = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, shape, *_ in specs:
        end = at + math.prod(shape) * size
        header[name] = {"dtype": dtype.upper(), "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for spec in specs:
            for block in values_of(rng, *spec[1:], dtype):
                f.write(block)


def state_dict_pickle(specs, dtype):
    """The data.pkl of torch.save({name: tensor}), protocol 2, written opcode by opcode so that no torch is needed."""
    storage = {"f32": "FloatStorage", "f16": "HalfStorage", "bf16": "BFloat16Storage"}[dtype]

    def string(text):
        data = text.encode()
        return pickle.BINUNICODE + struct.pack("<I", len(data)) + data

    def integer(n):
        if n < 256:
            return pickle.BININT1 + struct.pack("<B", n)
        if n < 1 << 31:
            return pickle.BININT + struct.pack("<i", n)
        data = n.to_bytes(n.bit_length() // 8 + 1, "little")  # two's complement
        return pickle.LONG1 + struct.pack("<B", len(data)) + data

    def name_of(module, attribute):
        return pickle.GLOBAL + f"{module}\n{attribute}\n".encode()

    def tuple_of(*items):
        return pickle.MARK + b"".join(items) + pickle.TUPLE

    out = [pickle.PROTO, b"\x02", pickle.EMPTY_DICT, pickle.MARK]
    for index, (name, shape, *_) in enumerate(specs):
        strides = [math.prod(shape[i + 1:]) for i in range(len(shape))]
        identity = tuple_of(string("storage"), name_of("torch", storage), string(str(index)), string("cpu"),
                            integer(math.prod(shape)))
        hooks = name_of("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
        arguments = tuple_of(identity + pickle.BINPERSID, integer(0), tuple_of(*map(integer, shape)),
                             tuple_of(*map(integer, strides)), pickle.NEWFALSE, hooks)
        out += [string(name), name_of("torch._utils", "_rebuild_tensor_v2"), arguments, pickle.REDUCE]
    out += [pickle.SETITEMS, pickle.STOP]
    return b"".join(out)


def write_pth(path, specs, rng, dtype):
    size = 4 if dtype == "f32" else 2
    folder = os.path.basename(path).split(".")[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:

        def add(name, blocks, length):
            entry = zipfile.ZipInfo(f"{folder}/{name}")
            large = length >= 1 << 31
            # As torch does, a padding field makes the data start at a multiple of 64.
            start = archive.fp.tell() + 30 + len(entry.filename) + (20 if large else 0) + 4
            padding = -start % 64
            entry.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
            with archive.open(entry, "w", force_zip64=large) as f:
                for block in blocks:
                    f.write(block)

        index = state_dict_pickle(specs, dtype)
        add("data.pkl", [index], len(index))
        add("byteorder", [b"little"], 6)
        for number, spec in enumerate(specs):
            add(f"data/{number}", values_of(rng, *spec[1:], dtype), math.prod(spec[1]) * size)
        add("version", [b"3\n"], 2)


def make(path, shape, dtype="f16", seed=1, layer0_v=False, metadata=None):
    """Writes a checkpoint; the container follows the file's suffix. Equal arguments give equal weights in either."""
    path = os.fspath(path)
    specs = list(tensors(shape, layer0_v))
    rng = np.random.Generator(np.random.PCG64(seed))
    part = path + ".part"
    if path.endswith(".safetensors"):
        write_safetensors(part, specs, rng, dtype, metadata)
    elif path.endswith(".pth"):
        write_pth(part, specs, rng, dtype)
    else:
        raise SystemExit(f"{path}: the name must end in .safetensors or .pth")
    os.replace(part, path)
    return sum(math.prod(spec[1]) for spec in specs)


def main():
    parser = argparse.ArgumentParser(description="Makes an RWKV checkpoint with random weights.")
    parser.add_argument("out", help="file to write, .safetensors or .pth")
    parser.add_argument("--version", choices=VERSIONS, default="v7")
    parser.add_argument("--size", choices=PRESETS, help="shapes of a published model size")
    parser.add_argument("--layers", type=int, help="L")
    parser.add_argument("--channels", type=int, help="C")
    parser.add_argument("--head-size", type=int, default=64, help="N")
    parser.add_argument("--ffn", type=int, default=0, help="F; 4 C unless given")
    parser.add_argument("--vocab", type=int, default=65536, help="V")
    for letter in "wavg":
        parser.add_argument(f"--lora-{letter}", type=int, default=0, help=f"width of {letter}1 and {letter}2")
    parser.add_argument("--lora-x", type=int, default=0, help="width of each of v6's five mixes")
    parser.add_argument("--time-state", action="store_true", help="with a tuned initial state")
    parser.add_argument("--layer0-v", action="store_true", help="also write the v0, v1, v2 that layer 0 ignores")
    parser.add_argument("--gn-eps", help="group norm epsilon to note in a safetensors file's metadata")
    parser.add_argument("--dtype", choices=["f32", "f16", "bf16"], default="f16")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    given = dict(L=args.layers, C=args.channels, N=args.head_size, F=args.ffn, V=args.vocab,
                 Dw=args.lora_w, Da=args.lora_a, Dv=args.lora_v, Dg=args.lora_g,
                 Dx=args.lora_x, version=args.version, time_state=args.time_state)
    shape = Shape(**{**PRESETS.get(args.size, dict(L=2, C=256)), **{key: value for key, value in given.items() if value}})
    metadata = {"gn_eps": args.gn_eps} if args.gn_eps else None
    parameters = make(args.out, shape, args.dtype, args.seed, args.layer0_v, metadata)
    print(f"{args.out}: {parameters:,} parameters, {shape}")


if __name__ == "__main__":
    main()
