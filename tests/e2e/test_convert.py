"""`fulmar convert`: every model in every type and container answers as the original in that precision does."""
import os
import re
import shutil
import signal
import struct
import subprocess
import time

import numpy as np

import common

TOKENS = "3,1,4,1,5,9,2,6"
SHAPE = dict(L=2, C=256, N=64, F=512, V=70)  # rows of 256 divide into every format's blocks


def logits(args, path, strategy="cpu fp32"):
    text = common.output(args, "logits", "--model", path, "--tokens", TOKENS, "--strategy", strategy)
    return np.array([[float(x) for x in line.split(b" ")] for line in text.splitlines()])


def convert(args, *words):
    return common.output(args, "convert", *words, "--force")


def types_of(args, model, ending):
    """The types that the program says it has."""
    done = common.run(args, "convert", model, os.path.join(args.work_dir, "x" + ending), "--type", "nonsense")
    common.check(done.returncode == 2, f"an unknown type is misuse: {done}")
    names = re.search(r"types are (.+)", done.stderr.decode())
    common.check(names, f"an unknown type is answered with those there are: {done.stderr}")
    return names.group(1).strip().split(", ")


def distance(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def read_gguf(path):
    """(metadata, {name: (shape innermost first, type, offset)}), read as its specification says."""
    with open(path, "rb") as f:
        data = f.read()
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def text():
        nonlocal at
        size = take("Q")
        at += size
        return data[at - size:at]

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            element, count = take("IQ")
            return [value(element) for _ in range(count)]
        return take({4: "I", 5: "i", 6: "f"}[kind])

    common.check(data[:4] == b"GGUF", f"{path} begins as GGUF")
    at = 4
    version, tensors, pairs = take("IQQ")
    common.check(version == 3, f"GGUF version {version}")
    metadata, table = {}, {}
    for _ in range(pairs):
        key = text().decode()
        metadata[key] = value(take("I"))
    for _ in range(tensors):
        name, dimensions = text().decode(), take("I")
        shape = [take("Q") for _ in range(dimensions)]
        table[name] = (shape, *take("IQ"))
    ends = sorted(offset for _, _, offset in table.values())
    common.check(all(offset % 32 == 0 for offset in ends), "tensors are aligned")
    return metadata, table


def types(args, version, model, wanted):
    """Written in a type, a model is what the original is when it is loaded in it; and back is the same again."""
    original = logits(args, model)
    for name in wanted:
        out = os.path.join(args.work_dir, f"{version}-{name}.safetensors")
        convert(args, model, out, "--type", name)
        got = logits(args, out)
        if name in ("f32", "f16"):
            common.check(distance(got, original) == 0, f"{version}: {name} holds every f16 number")
        elif name == "bf16":
            common.check(distance(got, original) < 0.1, f"{version}: bf16 is off by {distance(got, original)}")
        else:
            same = logits(args, model, f"cpu fp32{name.lower()}")
            common.check(distance(got, same) < 1e-5, f"{version}: {name} is off by {distance(got, same)}")
            common.check(os.path.getsize(out) < 0.95 * os.path.getsize(model), f"{version}: {name} is smaller")
            back = os.path.join(args.work_dir, f"{version}-back.safetensors")
            convert(args, out, back, "--type", "f32")
            common.check(distance(logits(args, back), got) < 2e-2, f"{version}: {name} and back")
        print(f"{version} {name}: {distance(got, original):.2g} from the original", flush=True)


def gguf(args, version, model, wanted):
    for name in wanted:
        twin = os.path.join(args.work_dir, f"{version}-{name}.safetensors")
        out, back = (os.path.join(args.work_dir, f"{version}{ending}") for ending in (".gguf", "-back.safetensors"))
        convert(args, model, out, "--type", name, "--vocab", vocabulary(args))
        got, same = logits(args, out), logits(args, twin)
        allowed = 5e-3 if name == "bf16" else 1e-5  # GGUF keeps some LoRA factors in f32, as the original has them
        common.check(distance(got, same) < allowed, f"{version}: {name} in GGUF is off by {distance(got, same)}")
        convert(args, out, back)
        common.check(distance(logits(args, back), got) == 0, f"{version}: {name} from GGUF")
        print(f"{version} {name} in GGUF agrees", flush=True)
    metadata, table = read_gguf(out)
    arch = "rwkv" + version[1]
    for key, expected in (("embedding_length", 256), ("block_count", 2), ("feed_forward_length", 512),
                          ("wkv.head_size", 64), ("attention.head_count", 0)):
        common.check(metadata[f"{arch}.{key}"] == expected, f"{arch}.{key} is {metadata[f'{arch}.{key}']}")
    common.check(metadata["general.architecture"] == arch.encode(), "the architecture")
    common.check(metadata["tokenizer.ggml.model"] == b"rwkv", "the vocabulary's kind")
    tokens = metadata["tokenizer.ggml.tokens"]
    common.check(len(tokens) == SHAPE["V"] and tokens[0] == b"<s>" and tokens[1] == b"it's" and tokens[2] == b"\\n\\n" and
                 tokens[3] == b"\\xff" and tokens[4] == b"[PAD4]", f"tokens as llama.cpp's converter writes them: {tokens[:5]}")
    common.check(metadata["tokenizer.ggml.token_type"][:5] == [3, 1, 1, 1, 5], "kinds of tokens")
    common.check(metadata["tokenizer.ggml.eos_token_id"] == 0 and metadata["tokenizer.ggml.eot_token_id"] == 2, "ends")
    mixes = 6 if version == "v7" else 5
    common.check(table["blk.1.time_mix_lerp_fused.weight"][:2] == ([256, 1, 1, mixes], 0), "token shifts are fused")
    common.check(table["token_embd.weight"][0] == [256, 70], "the embedding, innermost first")


def vocabulary(args):
    path = os.path.join(args.work_dir, "vocab.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.write("1 \"it's\" 4\n2 '\\n\\n' 2\n3 b'\\xff' 1\n5 'a' 1\n")
    return path


def choices(args, model):
    """--type-for, and what stays as it is."""
    out = os.path.join(args.work_dir, "mixed.safetensors")
    convert(args, model, out, "--type", "i8", "--type-for", "blocks.1.*=f16", "--type-for", "head.weight=q8_0", "--type-for",
            "*.key.weight=q4_0", "--type-for", "emb.we?ght=q8_0")
    with open(out, "rb") as f:
        header = f.read(struct.unpack("<Q", f.read(8))[0]).decode()

    def kept(name, what):
        common.check(f'"fulmar.{name}":"{what} [' in header if what else f'"fulmar.{name}"' not in header, f"{name} in {what}")

    kept("head.weight", "q8_0")
    kept("emb.weight", "q8_0")
    kept("blocks.0.att.key.weight", "q4_0")
    kept("blocks.0.ffn.value.weight", "i8")
    for name in ("blocks.1.att.key.weight", "blocks.0.att.w1", "blocks.0.att.value.weight", "blocks.0.ln1.weight",
                 "blocks.0.att.r_k"):
        kept(name, None)
    common.check(distance(logits(args, out), logits(args, model)) < 0.5, "a mixture of types runs")
    print("ok: types for some tensors", flush=True)


def vocabulary_goes_along(args, model):
    """A model that is found with its .vocab is found with it under its new name too."""
    folder = os.path.join(args.work_dir, "vocab")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    named, out = os.path.join(folder, "named.safetensors"), os.path.join(folder, "out.safetensors")
    shutil.copy(model, named)
    shutil.copy(vocabulary(args), os.path.join(folder, "named.vocab"))

    def text(name):
        with open(os.path.join(folder, name), "rb") as f:
            return f.read()

    common.output(args, "convert", named, out, "--type", "f16")
    common.check(text("out.vocab") == text("named.vocab"), "the vocabulary went along")
    os.remove(out)
    with open(os.path.join(folder, "out.vocab"), "wb") as f:
        f.write(b"1 'b' 1\n")
    done = common.run(args, "convert", named, out, "--type", "f16")
    common.check(done.returncode == 0 and b"out.vocab is another" in done.stderr and text("out.vocab") == b"1 'b' 1\n",
                 f"another vocabulary stays: {done}")
    convert(args, named, out, "--type", "f16")
    common.check(text("out.vocab") == text("named.vocab"), "--force replaces it")
    os.remove(os.path.join(folder, "named.vocab"))
    os.remove(os.path.join(folder, "out.vocab"))
    convert(args, named, out)
    common.check(sorted(os.listdir(folder)) == ["named.safetensors", "out.safetensors"], "no vocabulary, none made")
    print("ok: a .vocab goes along", flush=True)


def refusals(args, model):
    folder = os.path.join(args.work_dir, "refusals")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    out = os.path.join(folder, "out.safetensors")

    def refused(code, *words):
        done = common.run(args, "convert", *words)
        lines = done.stderr.decode().splitlines()
        common.check(done.returncode == code and len(lines) == 1, f"convert {words}: {done}")
        return lines[0]

    with open(out, "w") as f:
        f.write("precious")
    common.check("--force" in refused(2, model, out), "the cure is named")
    with open(out) as f:
        common.check(f.read() == "precious", "an existing file is kept")
    os.remove(out)
    common.check("out.bin" in refused(2, model, os.path.join(folder, "out.bin")), "an ending that says nothing")
    line = refused(2, model, os.path.join(folder, "out.gguf"), "--type", "i8")
    common.check("q8_0" in line and "safetensors" in line, f"what GGUF has instead: {line}")
    refused(2, model, out, "--type-for", "f16")
    refused(1, model, os.path.join(folder, "none", "out.safetensors"))
    refused(1, os.path.join(folder, "none.pth"), out)
    damaged = os.path.join(args.work_dir, "damaged.safetensors")
    with open(model, "rb") as f, open(damaged, "wb") as g:
        g.write(f.read()[:-100])
    refused(1, damaged, out)
    common.check("vocabulary" in refused(2, model, os.path.join(folder, "out.gguf"), "--vocab",
                                         os.path.join(os.environ["FULMAR_DATA"], "rwkv-world.vocab")), "a vocabulary too large")
    common.check(os.listdir(folder) == [], f"nothing is left behind: {os.listdir(folder)}")
    print("ok: refusals", flush=True)


def interruption(args):
    """Whenever it is told to end, there is a whole file or none."""
    big = common.make_model(args, "big.safetensors", "f32", **{**SHAPE, "V": 40000})
    folder = os.path.join(args.work_dir, "interrupted")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for word in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([args.fulmar, "convert", big, os.path.join(folder, "out.safetensors"), "--type", "f16"],
                                   stderr=subprocess.PIPE)
        while process.poll() is None and not os.listdir(folder):
            time.sleep(0.001)
        process.send_signal(word)
        stderr = process.communicate(timeout=common.LOAD_SECONDS)[1]
        left = os.listdir(folder)
        if process.returncode == 0:
            common.check(left == ["out.safetensors"], f"done before it was told to end: {left}")
            os.remove(os.path.join(folder, left[0]))
        else:
            common.check(left == [], f"{word} leaves nothing behind: {left}")
            common.check(process.returncode == 1 and b"interrupted" in stderr, f"{word}: {process.returncode} {stderr}")
    os.remove(big)
    print("ok: interruption", flush=True)


def main():
    args = common.parse_args()
    import make_random_model
    versions = getattr(make_random_model, "VERSIONS", ["v7"])
    for version in versions:
        more = {"version": version} if len(versions) > 1 else {}
        model = common.make_model(args, version + ".safetensors", "f16", seed=5, **SHAPE, **more)
        everything = types_of(args, model, ".safetensors")
        common.check({"f32", "f16", "bf16", "i8", "q8_0", "q4_0"} <= set(everything), f"types: {everything}")
        types(args, version, model, everything if version in ("v6", "v7") else ["f32", "i8", "q4_0"])
        if version in ("v6", "v7"):
            gguf(args, version, model, types_of(args, model, ".gguf"))
        else:
            done = common.run(args, "convert", model, os.path.join(args.work_dir, version + ".gguf"))
            common.check(done.returncode == 1 and b".safetensors" in done.stderr, f"{version} has no place in GGUF: {done}")
        if version == "v7":
            choices(args, model)
            vocabulary_goes_along(args, model)
            refusals(args, model)
    interruption(args)


if __name__ == "__main__":
    main()
