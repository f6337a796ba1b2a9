#!/usr/bin/env python3
"""Writes the seed corpora of the fuzz targets: small good files of every kind, and a few damaged ones.

    python3 tests/fuzz/make_corpus.py tests/fuzz/corpus

Needs numpy. Equal runs write equal files.
"""
import json
import os
import struct
import sys
import zipfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import make_random_model as models  # noqa: E402



def small(version):
    """As small as the version allows: v7's heads have at least 16 channels."""
    C = 16 if version.startswith("v7") else 8
    return models.Shape(version=version, L=1, C=C, N=C, F=C, V=3, Dw=8, Da=8, Dv=8, Dg=8, Dx=8, De=8)


def words(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def values(specs, dtype="f32"):
    rng = np.random.Generator(np.random.PCG64(1))
    return {spec[0]: (spec[1], b"".join(models.values_of(rng, *spec[1:], dtype))) for spec in specs}


def checkpoints(folder):
    """The same small models in the two containers that the model maker writes."""
    for kind in ("safetensors", "pth"):
        for version, dtype in (("v4", "f32"), ("v5.2", "f16"), ("v6", "bf16"), ("v7", "f16"), ("v7a", "f32")):
            if kind == "pth" and version in ("v5.2", "v7a"):
                continue
            path = folder(kind, f"{version}-{dtype}.{kind}")
            models.make(path, small(version), dtype, metadata={"gn_eps": "1e-5"})
    with open(folder("safetensors", "v4-f32.safetensors"), "rb") as f:
        good = f.read()
    write(folder("safetensors", "cut.safetensors"), good[:len(good) // 2])
    header = {"rwkv.embeddings.weight": [2, 4], "rwkv.blocks.0.attention.time_mix_key": [1, 1, 4],
              "rwkv.blocks.0.pre_ln.weight": [4], "head.weight": [2, 4]}
    write(folder("safetensors", "hugging-face.safetensors"), safetensors(header))
    for name, prefix in (("dot", "."), ("dots", ".x."), ("many-dots", "." * 200)):
        write(folder("safetensors", name + ".safetensors"),
              safetensors({prefix + "blocks.0.ln1.weight": [2], "lm_head.weight": [2], prefix[:1] + "head.weight": [2]}))
    header = {"emb.weight": [2, 4], "blocks.0.att.time_mix_k": [4], "blocks.0.att.w1": [1, 4, 4],
              "blocks.0.att.receptance.weight": [1, 4, 4]}
    write(folder("safetensors", "web-rwkv.safetensors"), safetensors(header))


def safetensors(shapes, metadata=None):
    header, at = {"__metadata__": metadata} if metadata else {}, 0
    for name, shape in shapes.items():
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return words(json.dumps(header)) + b"\x3f" * at


def adapters(folder):
    """Every kind, over a model of a matrix [8,8] and one of [16,8]."""
    key, ffn = "blocks.0.att.key.", "blocks.0.ffn.key."
    lora = {key + "lora_A": [2, 8], key + "lora_B": [8, 2], ffn + "lora_A": [3, 8], ffn + "lora_B": [16, 3]}
    peft = "base_model.model.model.layers.0."
    for name, shapes, metadata in (
            ("lora", {**lora, "blocks.0.ln1.weight": [1, 1, 8]}, None),
            ("dora", {**lora, key + "lora_M": [1, 8]}, None),
            ("pissa", {**lora, **{n.replace("lora_", "init_lora_"): s for n, s in lora.items()}}, None),
            ("bone", {key + "bone": [4, 2, 2], ffn + "disha": [4, 2, 2]}, None),
            ("disha", {key + "disha": [3, 8]}, None),
            ("peft", {peft + "attn.k_proj.lora_A.weight": [2, 8], peft + "attn.k_proj.lora_B.weight": [8, 2]}, {"format": "pt"}),
            ("peft-factor", {peft + "attn.w_lora.lora.0.lora_A.weight": [2, 8]}, None),
            ("ai00", {key + "lora.0": [8, 2], key + "lora.1": [8, 2]}, {"model_type": "lora"}),
            ("mole", {"moe_info": [2], "blocks.0.ffn.expert_0.key.lora_A_expert_0": [2, 8]}, None),
            ("state", {"blocks.0.att.time_state": [2, 4, 4]}, {"model_type": "state"}),
            ("half", {key + "lora_A": [2, 8]}, None)):
        write(folder("adapter", name + ".safetensors"), safetensors(shapes, metadata))


def tuned_states(folder):
    good = {"blocks.0.att.time_state": [2, 4, 4]}
    for name, shapes, metadata in (("trainer", good, None), ("ai00", good, {"model_type": "state"}),
                                   ("unsaid", good, {"format": "pt"}), ("more", {**good, "blocks.1.att.time_state": [2, 4, 4]}, None),
                                   ("shape", {"blocks.0.att.time_state": [2, 16]}, None), ("adapter", {"emb.weight": [3, 8]}, None)):
        write(folder("state", name + ".state"), safetensors(shapes, metadata))


def xxh64(data, seed=0):
    """As its specification has it; src/base/checksum.cpp is the other one."""
    p1, p2, p3, p4, p5 = (0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0x85ebca77c2b2ae63, 0x27d4eb2f165667c5)
    mask = (1 << 64) - 1

    def turn(x, bits):
        return (x << bits | x >> (64 - bits)) & mask

    def fold(lane, value):
        return turn((lane + value * p2) & mask, 31) * p1 & mask

    at, total = 0, (seed + p5) & mask
    if len(data) >= 32:
        lanes = [(seed + p1 + p2) & mask, (seed + p2) & mask, seed, (seed - p1) & mask]
        while len(data) - at >= 32:
            lanes = [fold(lane, struct.unpack_from("<Q", data, at + 8 * i)[0]) for i, lane in enumerate(lanes)]
            at += 32
        total = sum(turn(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & mask
        for lane in lanes:
            total = ((total ^ fold(0, lane)) * p1 + p4) & mask
    total = (total + len(data)) & mask
    while len(data) - at >= 8:
        total = (turn(total ^ fold(0, struct.unpack_from("<Q", data, at)[0]), 27) * p1 + p4) & mask
        at += 8
    if len(data) - at >= 4:
        total = (turn(total ^ struct.unpack_from("<I", data, at)[0] * p1 & mask, 23) * p2 + p3) & mask
        at += 4
    for byte in data[at:]:
        total = turn(total ^ byte * p5 & mask, 11) * p1 & mask
    total = (total ^ total >> 33) * p2 & mask
    total = (total ^ total >> 29) * p3 & mask
    return total ^ total >> 32


def session_states(folder):
    """States as they are exported: in f32 and f16, of tokens alone, and some that are wrong under a right checksum."""
    def state(name, floats=b"", dtype="F32", unfed=(5,), **changed):
        data = {"state": (dtype, floats), "unfed": ("I32", struct.pack(f"<{len(unfed)}i", *unfed))}
        metadata = {"format": "fulmar state", "version": "1", "fingerprint": "00" * 16, "fed": "3" if floats else "0",
                    "token_hash": "12" * 16, "precision": "f16" if dtype == "F16" else "f32", "session": "chat", **changed}
        total = 0
        for key in sorted(metadata):
            total = xxh64(f"{key}={metadata[key]}\n".encode(), total)
        for _, raw in data.values():
            total = xxh64(raw, total)
        header, at = {"__metadata__": {**metadata, "checksum": f"{total:016x}"}}, 0
        for key, (kind, raw) in data.items():
            if raw:
                size = len(raw) // (2 if kind == "F16" else 4)
                header[key] = {"dtype": kind, "shape": [size], "data_offsets": [at, at + len(raw)]}
                at += len(raw)
        write(folder("session_state", name + ".state"), words(json.dumps(header)) + b"".join(raw for _, raw in data.values()))

    numbers = [i / 4 - 1 for i in range(12)]
    floats = struct.pack("<12f", *numbers)
    state("f32", floats)
    state("f16", struct.pack("<12e", *numbers), "F16")
    state("tokens")
    state("empty", unfed=())
    state("nan", struct.pack("<2f", 1, float("nan")))
    state("negative", floats, unfed=(-1,))
    state("newer", floats, version="2")
    state("hollow", fed="3")
    state("name", floats, session="a\nb")


def configs(folder):
    peft = {"peft_type": "LORA", "r": 4, "lora_alpha": 16, "use_rslora": True, "alpha_pattern": {"attn.k_proj": 8}}
    for name, config in (("fla", {"model_type": "rwkv7", "norm_eps": 1e-4, "head_dim": 4}),
                         ("huggingface", {"layer_norm_epsilon": 1e-4, "head_size_divisor": 4}),
                         ("official", {"context_length": 25600, "group_norm_epsilon": 3e-4, "layer_norm_epsilon": 2e-5}),
                         ("templates", {"chat_template": [{"name": "default", "template": "{{ messages }}"}]}),
                         ("generation", {"temperature": 1e300, "top_p": -1, "top_k": 2.5, "penalty_decay": 0.5, "do_sample": "no"}),
                         ("peft", peft), ("ranks", {**peft, "rank_pattern": {"k_proj": 8}}), ("expression", {**peft, "alpha_pattern": {".*": 1}}),
                         ("pissa", {**peft, "init_lora_weights": "pissa_niter_4"}), ("dora", {**peft, "use_dora": True}),
                         ("huge", {**peft, "lora_alpha": 1e300}), ("other", {"peft_type": "IA3"}), ("list", [])):
        write(folder("config", name + ".json"), json.dumps(config).encode())


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def pickles(folder):
    with zipfile.ZipFile(folder("pth", "v4-f32.pth")) as archive:
        state = archive.read("v4-f32/data.pkl")
    write(folder("pickle", "v4.pkl"), state)
    write(folder("pickle", "list.pkl"), b"\x80\x02](X\x01\x00\x00\x000X\x02\x00\x00\x0010e.")
    write(folder("pickle", "cycle.pkl"), b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.")
    write(folder("pickle", "protocol-4.pkl"), b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94K\x01u.")
    write(folder("pickle", "system.pkl"), b"cos\nsystem\n(S'id'\ntR.")
    settings = b"cargparse\nNamespace\n)\x81}X\x02\x00\x00\x00lrK\x01sb"
    write(folder("pickle", "settings.pkl"), b"\x80\x02}(X\x01\x00\x00\x00a" + settings + b"X\x01\x00\x00\x00bccollections\ndefaultdict\n"
          b"c__builtin__\nint\n\x85RX\x01\x00\x00\x00cK\x02su.")
    write(folder("pickle", "sets.pkl"), b"\x80\x04}X\x01\x00\x00\x00a\x8f(K\x01K\x02\x90s.")


def legacy(folder):
    specs = list(models.tensors(small("v4")))
    state = models.state_dict_pickle(specs, "f32")
    magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    system = b"\x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionM\xe9\x03X\x0d\x00\x00\x00little_endian\x88u."
    keys = b"".join(b"X" + struct.pack("<I", len(str(i))) + str(i).encode() for i in range(len(specs)))
    data = b"".join(struct.pack("<Q", len(raw) // 4) + raw for _, raw in values(specs).values())
    start = magic + b"\x80\x02M\xe9\x03." + system + state
    write(folder("legacy_pth", "v4.pth"), start + b"\x80\x02](" + keys + b"e." + data)
    write(folder("legacy_pth", "cut.pth"), start)
    write(folder("legacy_pth", "short.pth"), magic[:12])


GGUF_GLOBALS = {"emb.weight": "token_embd.weight", "blocks.0.ln0.weight": "token_embd_norm.weight",
                "blocks.0.ln0.bias": "token_embd_norm.bias", "ln_out.weight": "output_norm.weight",
                "ln_out.bias": "output_norm.bias", "head.weight": "output.weight"}
GGUF_LEAVES = {"ln1.": "attn_norm.", "ln2.": "attn_norm_2.", "att.ln_x.": "time_mix_ln.", "att.x_r": "time_mix_lerp_fused.weight",
               "att.receptance.": "time_mix_receptance.", "att.key.": "time_mix_key.", "att.value.": "time_mix_value.",
               "att.output.": "time_mix_output.", "ffn.key.": "channel_mix_key.", "ffn.value.": "channel_mix_value.",
               "ffn.x_k": "channel_mix_lerp_k.weight"}


def gguf(folder):
    """v7 as llama.cpp's converter writes it, with its vocabulary; and one tensor of each block format."""
    tensors = []
    for name, (shape, raw) in values(models.tensors(small("v7"))).items():
        leaf = name.removeprefix("blocks.0.")
        if name in GGUF_GLOBALS:
            theirs = GGUF_GLOBALS[name]
        elif leaf.startswith("att.x_"):
            if leaf != "att.x_r":
                continue
            theirs, shape, raw = "blk.0.time_mix_lerp_fused.weight", (6, 1, 1, shape[-1]), raw * 6
        else:
            match = [(ours, other) for ours, other in GGUF_LEAVES.items() if leaf.startswith(ours)]
            theirs = "blk.0." + (leaf.replace(*match[0]) if match else leaf.replace("att.", "time_mix_") + ".weight")
            if leaf[4:] in ("w1", "w2", "a1", "a2", "g1", "g2"):
                shape, raw = shape[::-1], np.frombuffer(raw, "<f4").reshape(shape).T.tobytes()
            elif leaf[4:] == "r_k" or len(shape) == 3:
                shape = (int(np.prod(shape)),)
        tensors.append((theirs, shape, 0, raw))
    pieces = [b"<s>", *(repr(bytes([b]))[2:-1].encode() for b in b"ab\xff\n"), b"ab"]
    pairs = [text_pair("general.architecture", "rwkv7"), number_pair("rwkv7.wkv.head_size", 16),
             number_pair("general.alignment", 32), text_pair("tokenizer.ggml.model", "rwkv"),
             words("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(pieces)) + b"".join(map(words, pieces)),
             number_pair("tokenizer.ggml.eos_token_id", 0)]
    write(folder("gguf", "v7.gguf"), gguf_file(pairs, tensors))
    blocks = {2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 12: (256, 144), 13: (256, 176),
              14: (256, 210), 20: (32, 18), 30: (2, 4)}
    tensors = [(f"blk.1.type{kind}.weight", (2, columns), kind, bytes(range(size)) * 2)
               for kind, (columns, size) in blocks.items()]
    write(folder("gguf", "blocks.gguf"), gguf_file(
        [text_pair("general.architecture", "rwkv6"), number_pair("rwkv6.wkv.head_size", 16)], tensors))


def text_pair(key, text):
    return words(key) + struct.pack("<I", 8) + words(text)


def number_pair(key, number):
    return words(key) + struct.pack("<II", 4, number)


def gguf_file(pairs, tensors):
    table, data = b"", b""
    for name, shape, kind, raw in tensors:
        table += words(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], kind, len(data))
        data += raw + bytes(-len(raw) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs) + table
    return head + bytes(-len(head) % 32) + data


def ggmf(folder):
    def file(tensors):
        out = b"fmgg" + struct.pack("<IIIII", 101, 3, 8, 1, 0)
        for name, shape, kind, raw in tensors:
            out += struct.pack(f"<III{len(shape)}I", len(shape), len(name), kind, *shape[::-1]) + name.encode() + raw
        return out

    for version in ("v4", "v5.2"):
        tensors = []
        for name, (shape, raw) in values(models.tensors(small(version))).items():
            if name.endswith("time_decay"):
                raw = np.full(int(np.prod(shape)), -0.5 if version == "v4" else 0.5, "<f4").tobytes()
            tensors.append((name, shape[2:] if len(shape) == 3 else shape, 0, raw))
        write(folder("ggmf", f"{version}.bin"), file(tensors))
    blocks = {2: 18, 3: 20, 7: 22, 8: 24, 9: 34}
    write(folder("ggmf", "blocks.bin"), file([(f"blocks.0.type{kind}.weight", (2, 32), kind, bytes(range(size)) * 2)
                                              for kind, size in blocks.items()]))


STRATEGIES = ["", "auto", "cpu", "cpu fp32", "vulkan:1 fp16i8", "cuda:0 bf16 *10 -> cpu fp32 *1", "vulkan fp16i8 *0+ -> cpu fp32",
              "vulkan:0 fp16 *20+ -> vulkan:1 nf4 *4294967295", "VULKAN FP16", "cpu q4_K", "cpu fp32 -> ", "-> cpu", "cpu *", "cpu:x",
              "cpu fp16 *1+ *2"]


SCHEMAS = ["true", "{}", '{"type": "objec', '{"type": ["integer", "null"], "minimum": -1.5e3, "exclusiveMaximum": 1e400, "multipleOf": 0.25}',
           '{"type": "string", "pattern": "^a(b|c){2,5}$", "minLength": 3, "format": "date-time"}', '{"$ref": "#"}', '{"allOf": [{"$ref": "#/allOf/0"}]}',
           '{"properties": {"a": {"$ref": "#"}, "b": false}, "required": ["a"], "additionalProperties": {"not": {"type": "string"}}}',
           '{"oneOf": [{"required": ["x"]}, {"required": ["y"]}], "patternProperties": {"^x": {"enum": [1, "a", [null]]}}, "minProperties": 3}',
           '{"$id": "http://a/b", "$defs": {"c": {"$id": "../d#e", "$anchor": "f"}}, "items": {"$ref": "d#f"}, "contains": {"const": 1}, "maxContains": 2}',
           '{"if": {"prefixItems": [{"const": 1}]}, "then": {"maxItems": 2}, "else": {"not": {"items": {"type": "null"}}}, "dependentSchemas": {"a": {"maxProperties": 1}}}']


def texts(folder):
    for number, text in enumerate(SCHEMAS):
        write(folder("json_schema", f"{number:02}.json"), text.encode())
    for number, text in enumerate(STRATEGIES):
        write(folder("strategy", f"{number:02}.txt"), text.encode())
    for name, index in {"good": {"metadata": {"total_size": 64}, "weight_map": {"emb.weight": "a", "head.weight": "b"}},
                        "missing": {"weight_map": {"emb.weights": "a"}}, "outside": {"weight_map": {"emb.weight": "../a"}},
                        "kind": {"weight_map": {"emb.weight": 1}}, "empty": {}}.items():
        write(folder("index", name + ".json"), json.dumps(index).encode())
    lines = "".join(f"{b + 1} {bytes([b])!r} 1\n" for b in range(256))
    lines += "257 'ab' 2\n258 ' the' 4\n259 \"it's\" 4\n260 '\\u4e2d' 3\n261 b'\\xe4\\xb8' 2\n262 '\\U0001f600' 4\n"
    write(folder("world_vocabulary", "bytes.txt"), lines.encode())
    write(folder("world_vocabulary", "few.txt"), b"\xef\xbb\xbf0 'a' 1\r\n1\t\"\\x62\\n\\101\" 3\n\n7 u'\xc3\xa9' 2\n")
    payload = b"\x07\x00\x02ab\x83\x01\x02\x01c\x00\x00\x01\xff"
    write(folder("world_vocabulary", "table.vocab"), b"FULMVOC1" + struct.pack("<IIQ", 3, len(payload), fnv1a(payload)) + payload)


def grammars(folder):
    for number, text in enumerate([
            'root ::= "a" | [b-d]{2,3} other*\nother ::= "\\x41" | "\\u00e4" . # more\n',
            'root ::= "(" root? ")" | (\n "x"+ | [^a-z\\]\\n]\n)', 'root ::= root "a" | "b"', 'root ::= "a"{2,1}',
            'root ::= (("a"?)*)* "b"{,70000}', "root ::= [", "a ::= b", 'root ::= "\\U00110000"']):
        write(folder("gbnf", f"{number:02}.gbnf"), text.encode())
    for number, text in enumerate([
            "^[a-z]{2,3}\\d+(?:x|y)*?$", "(?<n>\\w+)@\\S|^b$|c", "[^\\d\\s-]{0,70000}\\u{1F600}\\uD83D\\uDE00\\cA", "((a*)*)+b{3,}",
            "a(?=b)", "(a)\\1", "[b-a]", "(((((", "a{,2}", "x^y", "\\"]):
        write(folder("regex", f"{number:02}.txt"), text.encode())


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value


def byte_pairs(folder):
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in printable]
    letters = {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}
    vocab = {letters[b]: b for b in range(256)}
    merges = []
    for left, right in ("ab", "bc", "\u0120t", "he"):
        merges.append(f"{left} {right}")
        vocab[left + right] = len(vocab)
    file = {"added_tokens": [{"id": 300, "content": "<|endoftext|>", "normalized": False},
                             {"id": 301, "content": "  ", "normalized": True}],
            "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
            "model": {"type": "BPE", "vocab": vocab, "merges": merges}}
    write(folder("json_vocabulary", "bytes.json"), json.dumps(file, ensure_ascii=False).encode())
    file["model"].update(vocab={"a": 0, "b": 1, "ab": 2, "aba": 3}, merges=[["a", "b"], ["ab", "a"]])
    file["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFC"}]}
    write(folder("json_vocabulary", "few.json"), json.dumps(file).encode())
    file["model"]["merges"] *= 2
    write(folder("json_vocabulary", "twice.json"), json.dumps(file).encode())
    write(folder("json_vocabulary", "deep.json"), b'{"model":' + b"[" * 100)
    trie = {"added_tokens": [{"id": 0, "content": "<|endoftext|>"}, {"id": 4, "content": "It's"}],
            "model": {"type": "RwkvTrie", "vocab": {"<|endoftext|>": 0, "a": 1, "\u0120": 2, "ab": 3}}}
    write(folder("json_vocabulary", "trie.json"), json.dumps(trie).encode())
    write(folder("json_vocabulary", "ids.json"), json.dumps({"1": "a", "2": [255], "3": "\u4e2d"}).encode())


def main():
    root = sys.argv[1]

    def folder(target, name):
        os.makedirs(os.path.join(root, target), exist_ok=True)
        return os.path.join(root, target, name)

    for make in (checkpoints, pickles, legacy, gguf, ggmf, texts, grammars, byte_pairs, adapters, tuned_states, session_states, configs):
        make(folder)


if __name__ == "__main__":
    main()
