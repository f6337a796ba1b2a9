"""GGUF files that llama.cpp's own Python package writes give the logits of the numbers that it reads back from them; so do
ggmf files of its blocks. And what Fulmar writes, the package reads.

Arguments as of every test here, then `--` and a Python that has the package (skipped without it).
"""
import os
import sys

import numpy as np

import common

TYPES = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL")
GGMF_TYPES = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")
TOKENS = "3,1,4,1,5,9,2,6"
SHAPE = dict(L=2, C=256, N=64, F=512, V=256, Dw=32, Da=32, Dv=32, Dg=32)

# Where a block has its f16 scales, and values of them that make weights of about 0.03: the package decodes these types
# but does not encode them, and any bytes are a valid block.
SCALES = {"Q4_K": {0: 2e-4, 2: 1.5e-3}, "Q5_K": {0: 1e-4, 2: 1.5e-3}, "Q6_K": {208: 2.4e-5}, "IQ4_NL": {0: 4e-4}}


def random_blocks(rng, rows, cols, block, size, scales):
    blocks = rng.integers(0, 256, (rows * cols // block, size), dtype=np.uint8)
    for at, scale in scales.items():
        values = (scale * rng.uniform(0.8, 1.2, len(blocks))).astype(np.float16)
        blocks[:, at:at + 2] = values.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def write(path, kind, tensors):
    """Writes the file; answers the weights that it holds, by BlinkDL's names."""
    import container_writers as cw
    import gguf
    rng = np.random.default_rng(1)
    qtype = gguf.GGMLQuantizationType[kind]
    block, size = gguf.GGML_QUANT_SIZES[qtype]
    writer = gguf.GGUFWriter(path, "rwkv7")
    writer.add_block_count(SHAPE["L"])
    writer.add_embedding_length(SHAPE["C"])
    writer.add_layer_norm_eps(1e-5)
    writer.add_wkv_head_size(SHAPE["N"])
    writer.add_tokenizer_model("rwkv")
    writer.add_token_list([f"t{i}" for i in range(SHAPE["V"])])
    held = dict(tensors)
    wide = {}
    for name, array in tensors.items():
        if array.ndim != 2 or not name.endswith(".weight") or kind == "F32":
            continue
        (theirs, _), = [pair for pair in cw.gguf_layout({name: array, "blocks.0.att.r_k": tensors["blocks.0.att.r_k"]}, 64)
                        if "r_k" not in pair[0]]
        if kind in SCALES:
            wide[theirs] = random_blocks(rng, *array.shape, block, size, SCALES[kind])
        else:
            wide[theirs] = gguf.quants.quantize(array, qtype)
        held[name] = gguf.quants.dequantize(wide[theirs], qtype).reshape(array.shape).astype(np.float32)
    for name, array in cw.gguf_layout(tensors, SHAPE["N"]):
        if name in wide:
            writer.add_tensor(name, wide[name], raw_dtype=qtype)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


def write_ggmf(path, kind, tensors):
    """The same in rwkv.cpp's container, whose blocks are ggml's; its tables of tokens are F16."""
    import container_writers as cw
    import gguf
    qtype = gguf.GGMLQuantizationType[kind]
    cw.write_ggmf(path, tensors, kind.lower(), lambda array, _: gguf.quants.quantize(array, qtype).tobytes())
    held = dict(tensors)
    for name, array in tensors.items():
        if name in ("emb.weight", "head.weight"):
            held[name] = array.astype(np.float16).astype(np.float32)
        elif array.ndim == 2 and name.endswith(".weight"):
            held[name] = gguf.quants.dequantize(gguf.quants.quantize(array, qtype), qtype).astype(np.float32)
    return held


def logits(args, path):
    text = common.output(args, "logits", "--model", path, "--tokens", TOKENS, "--strategy", "cpu fp32")
    return np.array([[float(x) for x in line.split(b" ")] for line in text.splitlines()])


def converted(args, kind, source):
    """What `fulmar convert` writes, the package reads and decodes to the same numbers as Fulmar does."""
    import container_writers as cw
    import gguf
    from rwkv7_formulas import read_safetensors
    path, back = (os.path.join(args.work_dir, "converted" + ending) for ending in (".gguf", ".safetensors"))
    common.output(args, "convert", source, path, "--type", kind, "--vocab", "bytes", "--force")
    common.output(args, "convert", path, back, "--type", "f32", "--force")
    reader = gguf.GGUFReader(path)
    expected = dict(cw.gguf_layout(read_safetensors(back), SHAPE["N"]))
    found = {tensor.name: tensor for tensor in reader.tensors}
    common.check(set(expected) == set(found), f"{kind}: tensors {set(expected) ^ set(found)}")
    kinds = {tensor.tensor_type.name for tensor in reader.tensors}
    common.check(kind in kinds and kinds <= {"F32", "F16", kind}, f"{kind}: the file has {kinds}")
    for name, tensor in found.items():
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(-1).astype(np.float32)
        ours = np.asarray(expected[name], dtype=np.float32).reshape(-1)
        worst = np.abs(values - ours).max() / np.abs(ours).max()
        common.check(worst <= 1e-6, f"{kind}: {name} is off by {worst:.3g}")
    field = reader.fields["tokenizer.ggml.tokens"]
    common.check(len(field.data) == SHAPE["V"], f"{kind}: {len(field.data)} tokens")
    print(f"{kind}: read by the package as it was written", flush=True)


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    python, sys.argv[split:] = sys.argv[split + 1:split + 2], []
    try:
        import gguf  # noqa: F401
    except ImportError:
        if not python or not os.path.exists(python[0]):
            common.skip("the Python package gguf is not there")
        os.execv(python[0], [python[0], *sys.argv])
    args = common.parse_args()
    import container_writers as cw
    from rwkv7_formulas import read_safetensors
    source = common.make_model(args, "source.safetensors", "f32", seed=5, **SHAPE)
    tensors = {name: array.astype(np.float32) for name, array in read_safetensors(source).items()}
    files = [(kind, ".gguf", write) for kind in TYPES] + [(kind, ".bin", write_ggmf) for kind in GGMF_TYPES]
    for kind, ending, make in files:
        path, twin = (os.path.join(args.work_dir, kind + end) for end in (ending, ".safetensors"))
        cw.write_safetensors(twin, make(path, kind, tensors))
        got, expected = logits(args, path), logits(args, twin)
        worst = np.abs(got - expected).max() / np.abs(expected).max()
        common.check(np.abs(expected).max() > 0.1, f"{kind}{ending}: logits of a useful size")
        common.check(worst <= 1e-5, f"{kind}{ending}: off by {worst:.3g} of the largest logit, at most 1e-5 allowed")
        print(f"{kind}{ending}: {worst:.2g} of the largest logit", flush=True)
    for kind in TYPES:
        converted(args, kind, source)


if __name__ == "__main__":
    main()
