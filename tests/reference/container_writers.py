"""Writes RWKV checkpoints in the containers and spellings that others made, from {BlinkDL's name: float32 array}.

Everything here follows what the tools that made these files write: Hugging Face's and flash-linear-attention's classes,
web-rwkv's converter (ai00's .st), rwkv.cpp's and llama.cpp's converters, and torch.save before PyTorch 1.6.
Needs numpy. Arrays of float16 are written as such, of uint16 as bfloat16 (see bfloat16()).
"""
import io
import json
import os
import pickle
import re
import struct

import numpy as np

FACTORS7 = re.compile(r"att\.[wavg][12]$")  # x @ w1 @ w2: [in, out], unlike other matrices


def write_safetensors(path, tensors, metadata=None):
    kinds = {np.dtype("f4"): "F32", np.dtype("f2"): "F16", np.dtype("f8"): "F64", np.dtype("u2"): "BF16"}
    header, at = ({"__metadata__": metadata} if metadata else {}), 0
    for name, array in tensors.items():
        header[name] = {"dtype": kinds[array.dtype], "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            f.write(np.ascontiguousarray(array).tobytes())


def bfloat16(array):
    """Rounded to nearest even, as 16-bit patterns; for finite numbers."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def write_sharded(folder, tensors, shards, config=None):
    """A folder as save_pretrained() leaves it; answers the index's path."""
    os.makedirs(folder, exist_ok=True)
    names = list(tensors)
    weight_map = {}
    for i in range(shards):
        part = names[i::shards]
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        write_safetensors(os.path.join(folder, file), {name: tensors[name] for name in part}, {"format": "pt"})
        weight_map.update({name: file for name in part})
    index = os.path.join(folder, "model.safetensors.index.json")
    with open(index, "w") as f:
        json.dump({"metadata": {"total_size": 0}, "weight_map": weight_map}, f)
    if config:
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(config, f)
    return index


# ---- torch.save before 1.6

class _Global:
    """Pickles as the name of something in a module that need not be there."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Storage:
    def __init__(self, array, key):
        self.array, self.key = array, key


class _Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape


class _Pickler(pickle._Pickler):
    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, _Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, _Storage):
            kind = {4: "FloatStorage", 2: "HalfStorage"}[obj.array.itemsize]
            self.save(("storage", _Global("torch", kind), obj.key, "cpu", int(obj.array.size), None))
            self.write(pickle.BINPERSID)
        elif isinstance(obj, _Tensor):
            strides = [int(np.prod(obj.shape[i + 1:])) for i in range(len(obj.shape))]
            self.save(_Global("torch._utils", "_rebuild_tensor_v2"))
            self.save((obj.storage, 0, tuple(obj.shape), tuple(strides), False))
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def write_legacy_pth(path, tensors, wrap=lambda state: state):
    storages = {name: _Storage(np.ascontiguousarray(array).ravel(), str(94000000 + 16 * i))
                for i, (name, array) in enumerate(tensors.items())}
    state = {name: _Tensor(storages[name], list(map(int, array.shape))) for name, array in tensors.items()}
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    with open(path, "wb") as f:
        for value in (0x1950A86A20F9469CFC6C, 1001, system, wrap(state), sorted(s.key for s in storages.values())):
            buffer = io.BytesIO()
            _Pickler(buffer, protocol=2).dump(value)
            f.write(buffer.getvalue())
        for storage in sorted(storages.values(), key=lambda s: s.key):
            f.write(struct.pack("<q", storage.array.size) + storage.array.tobytes())


# ---- names

def hugging_face(tensors):
    """RWKV-4, 5 and 6 as Hugging Face's classes name them: no layout changes."""
    long = {"k": "key", "v": "value", "r": "receptance", "g": "gate"}
    out = {}
    for name, array in tensors.items():
        name = name.replace(".ln0.", ".pre_ln.").replace(".att.", ".attention.").replace(".ffn.", ".feed_forward.")
        name = re.sub(r"\.time_mix_([kvrg])$", lambda m: ".time_mix_" + long[m[1]], name)
        name = name.replace("emb.weight", "embeddings.weight")
        out[name if name.startswith("head.") else "rwkv." + name] = array
    return out


def fla7(tensors, first_release=False):
    """RWKV-7 as flash-linear-attention names and lays it out; its first release fused the token shifts."""
    fixed = {"emb.weight": "model.embeddings.weight", "head.weight": "lm_head.weight",
             "ln_out.weight": "model.norm.weight", "ln_out.bias": "model.norm.bias"}
    words = {"att": "attn", "ln0": "pre_norm", "ln1": "attn_norm", "ln2": "ffn_norm", "ffn": "ffn"}
    stems = {"receptance": "r_proj", "key": "k_proj", "value": "v_proj", "output": "o_proj", "ln_x": "g_norm"}
    out, shifts = {}, {}
    for name, array in tensors.items():
        if name in fixed:
            out[fixed[name]] = array
            continue
        _, layer, part, *rest = name.split(".")
        prefix = f"model.layers.{layer}.{words[part]}."
        if part == "att" and rest[0][0] in "wavg" and rest[0][1:] in ("0", "1", "2"):
            leaf = {"0": "2.bias", "1": "0.weight", "2": "2.weight"}[rest[0][1]]
            out[f"{prefix}{rest[0][0]}_lora.lora.{leaf}"] = array.reshape(-1) if leaf == "2.bias" else array.T
        elif part == "att" and first_release and rest[0].startswith("x_"):
            shifts.setdefault(prefix, {})[rest[0]] = array.reshape(-1)
        else:
            if part == "att":
                rest[0] = stems.get(rest[0], rest[0])
            flat = rest[0] in ("k_k", "k_a") or (part == "ffn" and rest[0] == "x_k")
            out[prefix + ".".join(rest)] = array.reshape(-1) if flat else array
    for prefix, six in shifts.items():
        out[prefix + "x_x"] = np.stack([six["x_" + letter] for letter in "rwkvag"])
    return out


def fla6(tensors):
    """RWKV-6 in flash-linear-attention: the five token shifts in the order r, w, k, v, g."""
    order = "rwkvg"
    stored = {letter: i for i, letter in enumerate("wkvrg")}
    fixed = {"emb.weight": "model.embeddings.weight", "head.weight": "lm_head.weight",
             "ln_out.weight": "model.norm.weight", "ln_out.bias": "model.norm.bias"}
    stems = {"receptance.weight": "r_proj.linear.weight", "key.weight": "k_proj.linear.weight",
             "value.weight": "v_proj.linear.weight", "gate.weight": "g_proj.linear.weight",
             "output.weight": "o_proj.weight", "ln_x.weight": "g_norm.weight", "ln_x.bias": "g_norm.bias",
             "time_faaaa": "bonus"}
    out = {fixed[name]: array for name, array in tensors.items() if name in fixed}
    layers = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
    for i in range(layers):
        w = {name[len(f"blocks.{i}."):]: array for name, array in tensors.items() if name.startswith(f"blocks.{i}.")}
        p = f"model.layers.{i}."
        for ours, theirs in (("ln0", "pre_norm"), ("ln1", "attn_norm"), ("ln2", "ffn_norm")):
            for leaf in (".weight", ".bias"):
                if ours + leaf in w:
                    out[p + theirs + leaf] = w[ours + leaf]
        att = {name[4:]: array for name, array in w.items() if name.startswith("att.")}
        for ours, theirs in stems.items():
            out[p + "attn." + theirs] = att[ours]
        C = att["time_maa_w1"].shape[0]
        w1 = att["time_maa_w1"].reshape(C, 5, -1)
        w2 = att["time_maa_w2"]
        out[p + "attn.x_proj.0.mu"] = att["time_maa_x"].reshape(-1)
        out[p + "attn.x_proj.0.linear.weight"] = np.concatenate([w1[:, stored[k]] for k in order], 1).T
        out[p + "attn.x_proj.2.weight"] = np.concatenate([w2[stored[k]] for k in order], 0).T
        out[p + "attn.x_bias"] = np.stack([att["time_maa_" + k].reshape(-1) for k in order])
        out[p + "attn.w_proj.linear.lora.0.weight"] = att["time_decay_w1"].T
        out[p + "attn.w_proj.linear.lora.2.weight"] = att["time_decay_w2"].T
        out[p + "attn.w_proj.linear.lora.2.bias"] = att["time_decay"].reshape(-1)
        out[p + "ffn.key.linear.weight"] = w["ffn.key.weight"]
        out[p + "ffn.key.mu"] = w["ffn.time_maa_k"].reshape(-1)
        out[p + "ffn.receptance.linear.weight"] = w["ffn.receptance.weight"]
        out[p + "ffn.receptance.mu"] = w["ffn.time_maa_r"].reshape(-1)
        out[p + "ffn.value.weight"] = w["ffn.value.weight"]
    return out


def hugging_face7(tensors):
    """RWKV-7 as the folders on Hugging Face have it since 2026: [1,1,C] squeezed, factors as BlinkDL's."""
    fixed = {"emb": "model.embed_tokens", "head": "lm_head", "ln_out": "model.norm", "blocks.0.ln0": "model.embedding_norm"}
    parts = {"ln1": "input_layernorm", "ln2": "post_attention_layernorm", "att.receptance": "linear_attn.r_proj",
             "att.key": "linear_attn.k_proj", "att.value": "linear_attn.v_proj", "att.output": "linear_attn.o_proj",
             "att.ln_x": "linear_attn.g_norm", "ffn.key": "mlp.key", "ffn.value": "mlp.value"}
    out = {}
    for name, array in tensors.items():
        stem, _, leaf = name.rpartition(".")
        if stem in fixed:
            out[f"{fixed[stem]}.{leaf}"] = array
            continue
        if re.match(r"blocks\.0\.att\.v[012]$", name):
            continue
        _, layer, rest = name.split(".", 2)
        stem = rest.rpartition(".")[0]
        rest = parts[stem] + "." + leaf if stem in parts else {"att": "linear_attn", "ffn": "mlp"}[stem] + "." + leaf
        out[f"model.layers.{layer}.{rest}"] = array.reshape(-1) if array.ndim == 3 else array
    return out


# Of byte-level vocabularies: the printable characters of Latin-1 are themselves, the other bytes U+0100 and what follows.
_printable = [b for b in range(256) if 0x20 < b < 0x7F or 0xA0 < b != 0xAD]
BYTE_ALPHABET = {b: chr(b) for b in _printable}
BYTE_ALPHABET.update((b, chr(256 + i)) for i, b in enumerate(b for b in range(256) if b not in _printable))


def write_hugging_face_folder(folder, tensors, words, shards=3, context=25600, group_norm_epsilon=64e-5):
    """A folder as the models on Hugging Face have it since 2026: bfloat16, in several files, everything beside them.

    `words`: each id's bytes, of which the first stands for no text."""
    index = write_sharded(folder, {name: bfloat16(array) for name, array in hugging_face7(tensors).items()}, shards)
    H, N = tensors["blocks.0.att.r_k"].shape
    vocab = {"<|endoftext|>": 0, **{"".join(BYTE_ALPHABET[b] for b in word): i for i, word in enumerate(words) if i}}
    files = {
        "config.json": {"architectures": ["RwkvForCausalLM"], "model_type": "rwkv", "architecture_version": "rwkv7",
                        "context_length": context, "hidden_size": H * N, "head_size": N, "num_attention_heads": H,
                        "layer_norm_epsilon": 1e-5, "group_norm_epsilon": group_norm_epsilon, "wkv_mode": "fp32io16",
                        "bos_token_id": 0, "eos_token_id": 0, "torch_dtype": "bfloat16"},
        "generation_config.json": {"do_sample": True, "temperature": 0.96, "top_p": 0.76, "top_k": 32},
        "fake_think_generation_config.json": {"do_sample": True, "temperature": 1.0, "top_p": 0.28, "top_k": 32},
        "tools_generation_config.json": {"do_sample": True, "temperature": 0.96, "top_p": 0.76, "top_k": 32},
        "tokenizer_config.json": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "model_max_length": context,
                                  "chat_template": "{%- set rwkv_prompt_template = 'bot' %}"},
        "tokenizer.json": {"version": "1.0", "added_tokens": [{"id": 0, "content": "<|endoftext|>", "special": True}],
                           "normalizer": None, "pre_tokenizer": None,
                           "post_processor": {"type": "TemplateProcessing"}, "decoder": {"type": "ByteLevel"},
                           "model": {"type": "RwkvTrie", "vocab": vocab}},
    }
    for name, content in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(content, f, ensure_ascii=name != "tokenizer.json")
    return index


def web_rwkv(tensors):
    """ai00's .st: everything float16, two words renamed, LoRA factors transposed."""
    out = {}
    for name, array in tensors.items():
        name = name.replace("time_faaaa", "time_first").replace("time_maa", "time_mix")
        turned = FACTORS7.search(name) or re.search(r"time_(mix|decay)_w[12]$", name)
        out[name] = np.ascontiguousarray(np.swapaxes(array, -1, -2) if turned else array).astype(np.float16)
    return out


# ---- ggml

def version(tensors):
    def has(name):
        return "blocks.0.att." + name in tensors
    return 7 if has("r_k") else 6 if has("time_maa_x") else 5.2 if has("gate.weight") else 5 if has("ln_x.weight") else 4


def ggmf_layout(tensors):
    """As rwkv.cpp's converter leaves them."""
    v, out = version(tensors), {}
    for name, array in tensors.items():
        leaf = name.split(".")[-1]
        array = np.asarray(array, np.float64)
        if v == 7:
            if leaf.startswith("x_") and ".att." in name:
                if leaf == "x_r":
                    out[name[:-1] + "rwkvag"] = np.stack(
                        [np.asarray(tensors[name[:-1] + k]).reshape(1, -1) for k in "rwkvag"])
                continue
            if FACTORS7.search(name):
                array = array.T
        elif ".time_" in name:
            array = np.squeeze(array)
            if leaf in ("time_maa_w1", "time_decay_w1", "time_decay_w2"):
                array = array.T
            if leaf == "time_maa_w2":
                array = array.transpose(0, 2, 1)
            if leaf == "time_faaaa":
                array = array[..., None]
            if leaf == "time_decay" and v in (5, 5.2):
                array = np.exp(-np.exp(array))
                array = array[..., None] if v == 5.2 else array.reshape(-1, 1, 1)
            if leaf == "time_first" and v in (5, 5.2):
                array = np.exp(array).reshape(-1, 1, 1)
            if leaf == "time_decay" and v == 4:
                array = -np.exp(array)
        out[name] = np.ascontiguousarray(array, dtype=np.float32)
    return out


GGMF_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 7, "q5_1": 8, "q8_0": 9}


def write_ggmf(path, tensors, kind="f32", quantize=None, file_version=101):
    """`quantize(array, kind)` answers the bytes of an array's blocks; needed for kinds other than f32 and f16."""
    C = tensors["emb.weight"].shape[1]
    layers = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
    with open(path, "wb") as f:
        f.write(struct.pack("<6i", 0x67676D66, file_version, tensors["emb.weight"].shape[0], C, layers, GGMF_TYPES[kind]))
        for name, array in ggmf_layout(tensors).items():
            table = name in ("emb.weight", "head.weight")
            small = array.ndim != 2 or not name.endswith(".weight")
            own = "f32" if small else "f16" if table and kind not in ("f32", "f16") else kind
            data = (array.tobytes() if own == "f32" else array.astype(np.float16).tobytes() if own == "f16"
                    else quantize(array, own))
            f.write(struct.pack("<3i", array.ndim, len(name), GGMF_TYPES[own]))
            f.write(struct.pack(f"<{array.ndim}i", *array.shape[::-1]) + name.encode() + data)


def gguf_layout(tensors, head_size, rescale_every=0):
    """[(name, float32 array)] as llama.cpp's converter leaves them (outermost extent first)."""
    v7, out = version(tensors) == 7, []
    fixed = {"emb.weight": "token_embd.weight", "head.weight": "output.weight", "ln_out.weight": "output_norm.weight",
             "ln_out.bias": "output_norm.bias", "blocks.0.ln0.weight": "token_embd_norm.weight",
             "blocks.0.ln0.bias": "token_embd_norm.bias"}
    stems = {"ln1": "attn_norm", "ln2": "attn_norm_2", "att.ln_x": "time_mix_ln", "att.receptance": "time_mix_receptance",
             "att.key": "time_mix_key", "att.value": "time_mix_value", "att.gate": "time_mix_gate",
             "att.output": "time_mix_output", "ffn.key": "channel_mix_key", "ffn.value": "channel_mix_value",
             "ffn.receptance": "channel_mix_receptance"}
    for name, array in tensors.items():
        if name in fixed:
            out.append((fixed[name], array))
            continue
        _, layer, rest = name.split(".", 2)
        p, stem, leaf = f"blk.{layer}.", *(rest.rpartition(".")[::2])
        if leaf in ("weight", "bias"):
            if rescale_every and rest in ("att.output.weight", "ffn.value.weight"):
                array = array / 2.0 ** (int(layer) // rescale_every)
            out.append((f"{p}{stems[stem]}.{leaf}", array))
        elif rest.startswith(("att.x_", "att.time_maa_")) and leaf not in ("time_maa_w1", "time_maa_w2", "time_maa_x"):
            letters = "rwkvag" if v7 else "wkvrg"
            if leaf[-1] == letters[0]:
                out.append((p + "time_mix_lerp_fused.weight",
                            np.stack([tensors[name[:-1] + k].reshape(1, 1, -1) for k in letters])))
        elif rest == "att.time_maa_x":
            out.append((p + "time_mix_lerp_x.weight", array.reshape(-1)))
        elif rest in ("ffn.x_k", "ffn.time_maa_k", "ffn.time_maa_r"):
            out.append((f"{p}channel_mix_lerp_{leaf[-1]}.weight", array.reshape(-1)))
        elif leaf == "time_faaaa":
            out.append((p + "time_mix_first.weight", array))
        elif leaf == "time_decay":
            out.append((p + "time_mix_decay.weight", array.reshape(-1)))
        elif leaf.startswith("time_"):
            g = {"time_maa_w1": "time_mix_w1", "time_maa_w2": "time_mix_w2", "time_decay_w1": "time_mix_decay_w1",
                 "time_decay_w2": "time_mix_decay_w2"}[leaf]
            out.append((f"{p}{g}.weight", np.swapaxes(array, -1, -2)))
        else:
            turned = FACTORS7.search(name)
            array = array.T if turned else array.reshape(-1)
            out.append((f"{p}time_mix_{leaf}.weight", array))
            if layer == "0" and leaf[0] == "a":  # unused, but llama.cpp asks for them
                out.append((f"{p}time_mix_v{leaf[1]}.weight", array))
    return [(name, np.ascontiguousarray(array, dtype=np.float32)) for name, array in out]


U32, I32, F32, TEXT, ARRAY = 4, 5, 6, 8, 9


def _text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(value)) + value


def gguf_bytes(pairs, tensors, alignment=32, file_version=3):
    """A GGUF file of pairs (key, type, value) and tensors (name, ggml type, shape outermost first, bytes)."""
    out = b"GGUF" + struct.pack("<IQQ", file_version, len(tensors), len(pairs))
    for key, kind, value in pairs:
        out += _text(key) + struct.pack("<I", kind)
        if kind == ARRAY:
            element, values = value
            out += struct.pack("<IQ", element, len(values))
            out += b"".join(map(_text, values)) if element == TEXT else struct.pack(f"<{len(values)}i", *values)
        else:
            out += _text(value) if kind == TEXT else struct.pack({U32: "<I", I32: "<i", F32: "<f"}[kind], value)
    at = 0
    for name, kind, shape, data in tensors:
        out += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], kind, at)
        at += len(data) + -len(data) % alignment
    out += b"\0" * (-len(out) % alignment)
    for *_, data in tensors:
        out += data + b"\0" * (-len(data) % alignment)
    return out


def gguf_pairs(tensors, head_size, words=None, rescale_every=0):
    arch = "rwkv7" if version(tensors) == 7 else "rwkv6"
    pairs = [("general.architecture", TEXT, arch), ("general.name", TEXT, "made for a test"),
             (arch + ".block_count", U32, 1 + max(int(n.split(".")[1]) for n in tensors if n.startswith("blocks."))),
             (arch + ".embedding_length", U32, tensors["emb.weight"].shape[1]),
             (arch + ".attention.layer_norm_epsilon", F32, 1e-5), (arch + ".wkv.head_size", U32, head_size)]
    if rescale_every:
        pairs.append((arch + ".rescale_every_n_layers", U32, rescale_every))
    if words is not None:
        texts = ["<s>"] + [repr(word)[2:-1] for word in words[1:]]
        pairs += [("tokenizer.ggml.model", TEXT, "rwkv"), ("tokenizer.ggml.tokens", ARRAY, (TEXT, texts)),
                  ("tokenizer.ggml.token_type", ARRAY, (I32, [3] + [1] * (len(words) - 1))),
                  ("tokenizer.ggml.eos_token_id", U32, 0)]
    return pairs


def write_gguf(path, tensors, head_size, kind="f32", rescale_every=0, words=None):
    """kind: f32, f16 or bf16 for the matrices; vectors, token shifts and decay factors stay f32."""
    entries = []
    for name, array in gguf_layout(tensors, head_size, rescale_every):
        wide = array.ndim == 2 and not re.search(r"lerp|time_mix_w[12]|decay_w|first", name)
        if wide and kind == "f16":
            entries.append((name, 1, array.shape, array.astype(np.float16).tobytes()))
        elif wide and kind == "bf16":
            entries.append((name, 30, array.shape, (array.view(np.uint32) >> 16).astype("<u2").tobytes()))
        else:
            entries.append((name, 0, array.shape, array.tobytes()))
    with open(path, "wb") as f:
        f.write(gguf_bytes(gguf_pairs(tensors, head_size, words, rescale_every), entries))
