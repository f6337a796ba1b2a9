"""RWKV-7 for training, with the tensor names of published checkpoints, and its safetensors writer.

B rows of T tokens, C channels, H heads of N = 64, F hidden width, V vocabulary.
"""

import json
import math
import struct

import torch
import torch.nn.functional as nnf

from wkv7 import wkv7

N = 64


def shapes(L, C, F, V, Dw=32, Da=32, Dv=32, Dg=64):
    """{name: shape} of every tensor."""
    out = {"emb.weight": (V, C)}
    for i in range(L):
        block = f"blocks.{i}."
        for norm in (["ln0"] if i == 0 else []) + ["ln1", "ln2", "att.ln_x"]:
            out |= {f"{block}{norm}.weight": (C,), f"{block}{norm}.bias": (C,)}
        att = block + "att."
        out |= {att + "x_" + x: (1, 1, C) for x in "rwkvag"}
        for letter, width in zip("wavg", (Dw, Da, Dv, Dg)):
            if letter == "v" and i == 0:
                continue
            if letter != "g":
                out[f"{att}{letter}0"] = (1, 1, C)
            out |= {f"{att}{letter}1": (C, width), f"{att}{letter}2": (width, C)}
        out |= {att + "k_k": (1, 1, C), att + "k_a": (1, 1, C), att + "r_k": (C // N, N)}
        out |= {f"{att}{m}.weight": (C, C) for m in ("receptance", "key", "value", "output")}
        out |= {
            block + "ffn.x_k": (1, 1, C),
            block + "ffn.key.weight": (F, C),
            block + "ffn.value.weight": (C, F),
        }
    return out | {"ln_out.weight": (C,), "ln_out.bias": (C,), "head.weight": (V, C)}


def initial(name, shape, L, C, generator):
    """The starting values that RWKV-7 was published with: mixes and decays spread over channels and depth."""
    layer = int(name.split(".")[1]) if name.startswith("blocks.") else 0
    deep, shallow = layer / max(L - 1, 1), 1 - layer / L  # 0 to 1, and 1 to almost 0
    leaf = name.split(".")[-1] if not name.endswith((".weight", ".bias")) else name.split(".", 2)[-1]
    n = torch.arange(C, dtype=torch.float32)
    linear = n / (C - 1) - 0.5
    zigzag = (n % N - (N - 1) / 2) / ((N - 1) / 2)
    zigzag = zigzag * zigzag.abs()

    def uniform(bound):
        return (torch.rand(shape, generator=generator) * 2 - 1) * bound

    def orthogonal(scale):
        wide = math.sqrt(shape[0] / shape[1]) if shape[0] > shape[1] else 1.0
        q, _ = torch.linalg.qr(torch.randn(max(shape), min(shape), generator=generator))
        return (q if shape[0] >= shape[1] else q.T) * scale * wide

    powers = {"x_r": 0.2, "x_w": 0.9, "x_k": 0.7, "x_v": 0.7, "x_a": 0.9, "x_g": 0.2}
    if name.endswith("ffn.x_k"):
        value = 1 - (n / C) ** (shallow**4)
    elif leaf in powers:
        value = 1 - (n / C) ** (powers[leaf] * shallow)
    elif leaf == "w0":
        value = -5.5 + 6 * (n / (C - 1)) ** (1 + deep**0.3) + zigzag * 2.5
    elif leaf == "a0":
        value = -0.19 + zigzag * 0.3 + linear * 0.4
    elif leaf == "v0":
        value = 0.73 - linear * 0.4
    elif leaf == "k_k":
        value = 0.71 - linear * 0.1
    elif leaf in ("k_a", "r_k"):
        value = torch.full(shape, 1.02 if leaf == "k_a" else -0.04)
    elif leaf in ("w2", "a2", "v2", "g2"):
        value = orthogonal(0.1)
    elif leaf in ("w1", "a1", "v1", "g1") or name.endswith((".bias", "output.weight", "ffn.value.weight")):
        value = torch.zeros(shape)
    elif name.endswith("ln_x.weight"):
        value = torch.full(shape, ((1 + layer) / L) ** 0.7)
    elif ".ln" in name or name.startswith("ln_out"):
        value = torch.ones(shape)
    elif name == "emb.weight":
        value = uniform(1e-4)
    elif name == "head.weight":
        value = orthogonal(0.5)
    else:  # receptance, key and value of the time mix, key of the channel mix
        value = uniform((0.05 if name.endswith("att.key.weight") else 0.5) / math.sqrt(C))
    return value.reshape(shape).clone()


def shifted(x, keep):
    """The token before each, zeros before a text's first; keep [B,T,1] is 0 on first tokens."""
    return nnf.pad(x[:, :-1], (0, 0, 1, 0)) * keep


def before_wkv(norm, x, keep, v_first, p):
    """From the residual stream to the recurrence's six inputs, the gate and the first layer's values."""
    B, T, C = x.shape
    x = nnf.layer_norm(x, (C,), *norm)
    # W (x + (x' - x) m) = (W diag(1-m)) x + (W diag(m)) x': one product of [x, x'] serves all seven maps.
    maps = [
        ("x_r", p["receptance.weight"]),
        ("x_k", p["key.weight"]),
        ("x_v", p["value.weight"]),
        ("x_w", p["w1"].T),
        ("x_a", p["a1"].T),
        ("x_g", p["g1"].T),
    ]
    if v_first is not None:
        maps.append(("x_v", p["v1"].T))
    both = torch.cat([torch.cat([w * (1 - p[m].view(C)), w * p[m].view(C)], 1) for m, w in maps])
    out = nnf.linear(torch.cat([x, shifted(x, keep)], -1), both)
    r, k, v, w, a, g, *rest = out.split([m.shape[0] for _, m in maps], -1)
    w = torch.exp(-0.606531 * torch.sigmoid(p["w0"] + (torch.tanh(w) @ p["w2"]).float()))
    a = torch.sigmoid(p["a0"] + a @ p["a2"])
    g = torch.sigmoid(g) @ p["g2"]
    if v_first is not None:
        v = v + (v_first - v) * torch.sigmoid(p["v0"] + rest[0] @ p["v2"])
    else:
        v_first = v
    heads = (B, T, C // N, N)
    kk = nnf.normalize((k * p["k_k"]).view(heads).float(), dim=-1)
    k = (k * (1 + (a - 1) * p["k_a"])).view(heads)
    return (
        r.reshape(heads).float(),
        w.view(heads),
        k.float(),
        v.reshape(heads).float(),
        -kk,
        kk * a.view(heads),
        g,
        v_first,
    )


def after_wkv(x, y, r, k, v, g, p):
    """The recurrence's output, normed by head, with the token's own share, gated and added to the stream."""
    B, T, C = x.shape
    y = nnf.group_norm(y.view(B * T, C), C // N, p["ln_x.weight"], p["ln_x.bias"], 64e-5).view(r.shape)
    y = y + (r * k * p["r_k"]).sum(-1, keepdim=True) * v
    return x + nnf.linear(y.view(B, T, C) * g, p["output.weight"])


def channel_mix(norm, x, keep, m, key, value):
    h = nnf.layer_norm(x, (x.shape[-1],), *norm)
    k = nnf.linear(torch.lerp(h, shifted(h, keep), m), key)
    return x + nnf.linear(torch.relu(k) ** 2, value)


def compile_parts():
    """Fuses the element-wise work around the recurrence; takes a minute and makes a step faster."""
    for name in ("before_wkv", "after_wkv", "channel_mix"):
        globals()[name] = torch.compile(globals()[name], dynamic=False)


class Rwkv7(torch.nn.Module):
    def __init__(self, L, C, F, V, seed=1):
        super().__init__()
        self.L, self.C = L, C
        generator = torch.Generator().manual_seed(seed)
        self.names = shapes(L, C, F, V)
        for name, shape in self.names.items():
            value = initial(name, shape, L, C, generator)
            self.register_parameter(name.replace(".", "|"), torch.nn.Parameter(value))

    def tensor(self, name):
        return self._parameters[name.replace(".", "|")]

    def norm(self, x, name):
        return nnf.layer_norm(x, (self.C,), self.tensor(name + ".weight"), self.tensor(name + ".bias"))

    def time_mix(self, x, i, keep, first, v_first):
        start = f"blocks.{i}.att."
        p = {name[len(start) :]: self.tensor(name) for name in self.names if name.startswith(start)}
        *inputs, g, v_first = before_wkv(self.norm_of(i, "ln1"), x, keep, v_first, p)
        y = wkv7(*inputs, first)
        return after_wkv(x, y, inputs[0], inputs[2], inputs[3], g, p), v_first

    def norm_of(self, i, norm):
        return self.tensor(f"blocks.{i}.{norm}.weight"), self.tensor(f"blocks.{i}.{norm}.bias")

    def forward(self, tokens, first):
        """tokens [B,T] int64, first [B,T] uint8 (1 where a text begins) to logits [B,T,V]."""
        keep = (1 - first).unsqueeze(-1).float()
        x = self.norm(self.tensor("emb.weight")[tokens], "blocks.0.ln0")
        v_first = None
        for i in range(self.L):
            x, v_first = self.time_mix(x, i, keep, first, v_first)
            ffn = f"blocks.{i}.ffn."
            x = channel_mix(
                self.norm_of(i, "ln2"),
                x,
                keep,
                self.tensor(ffn + "x_k"),
                self.tensor(ffn + "key.weight"),
                self.tensor(ffn + "value.weight"),
            )
        return nnf.linear(self.norm(x, "ln_out"), self.tensor("head.weight"))

    def groups(self, decay):
        """Optimizer groups: decay for matrices alone, w0 at twice the rate."""
        matrices = [self.tensor(n) for n in self.names if n.endswith(".weight") and self.tensor(n).dim() == 2]
        fast = [self.tensor(n) for n in self.names if n.endswith("att.w0")]
        taken = {id(p) for p in matrices + fast}
        rest = [p for p in self.parameters() if id(p) not in taken]
        return [
            {"params": matrices, "weight_decay": decay, "scale": 1.0},
            {"params": fast, "weight_decay": 0.0, "scale": 2.0},
            {"params": rest, "weight_decay": 0.0, "scale": 1.0},
        ]


def write_safetensors(path, model):
    """All tensors as f16, in the names' order."""
    header, at, blocks = {}, 0, []
    for name, shape in model.names.items():
        data = model.tensor(name).detach().to("cpu", torch.float16).contiguous().numpy().tobytes()
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
        blocks.append(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.writelines(blocks)
