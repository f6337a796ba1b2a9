"""RWKV-7, with DeepEmbed or without, in plain float64, one token at a time, as the formulas are written: what every backend is held to.

C channels, H heads of size N, V vocabulary. A state S is [H, N, N] with the value index first.
"""
import json
import struct

import numpy as np

LAYER_NORM_EPS = 1e-5
HEAD_NORM_EPS = 64e-5


def read_safetensors(path):
    """{name: float64 array} of a safetensors file of F32, F16 or BF16 tensors."""
    with open(path, "rb") as f:
        data = f.read()
    length, = struct.unpack("<Q", data[:8])
    out = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin:8 + length + end]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2", "I32": "<i4"}[entry["dtype"]])
        out[name] = values.reshape(entry["shape"]).astype(np.float64)
    return out


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x, weight, bias):
    return (x - x.mean()) / np.sqrt(x.var() + LAYER_NORM_EPS) * weight + bias


class Model:
    def __init__(self, weights, head_norm_eps=HEAD_NORM_EPS):
        self.w = {name: (np.squeeze(value) if value.shape[:1] == (1,) and value.ndim == 3 else value)
                  for name, value in weights.items()}
        self.eps = head_norm_eps
        self.layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
        self.heads, self.size = weights["blocks.0.att.r_k"].shape
        self.reset()

    def reset(self):
        channels = self.heads * self.size
        self.att_x = np.zeros((self.layers, channels))
        self.ffn_x = np.zeros((self.layers, channels))
        self.S = np.zeros((self.layers, self.heads, self.size, self.size))
        for i in range(self.layers):
            if f"blocks.{i}.att.time_state" in self.w:  # files, too, keep the value index first
                self.S[i] = self.w[f"blocks.{i}.att.time_state"]

    def norm(self, x, name):
        return layer_norm(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def time_mix(self, i, x, v_first):
        p = {name[len(f"blocks.{i}.att."):]: value for name, value in self.w.items()
             if name.startswith(f"blocks.{i}.att.")}
        H, N = self.heads, self.size
        d = self.att_x[i] - x
        self.att_x[i] = x
        xr, xw, xk, xv, xa, xg = (x + d * p["x_" + letter] for letter in "rwkvag")

        r = p["receptance.weight"] @ xr
        k = p["key.weight"] @ xk
        v = p["value.weight"] @ xv
        w = np.exp(-np.exp(-0.5) * sigmoid(p["w0"] + np.tanh(xw @ p["w1"]) @ p["w2"]))
        a = sigmoid(p["a0"] + xa @ p["a1"] @ p["a2"])
        g = sigmoid(xg @ p["g1"]) @ p["g2"]
        if i == 0:
            v_first = v
        else:
            v = v + (v_first - v) * sigmoid(p["v0"] + xv @ p["v1"] @ p["v2"])

        kk = (k * p["k_k"]).reshape(H, N)
        kk = kk / np.maximum(np.sqrt((kk * kk).sum(axis=1, keepdims=True)), 1e-12)
        k = k * (1 + (a - 1) * p["k_a"])
        r, w, k, v, a = (value.reshape(H, N) for value in (r, w, k, v, a))

        y = np.empty((H, N))
        for h in range(H):
            S = self.S[i, h]
            S = S * w[h] + np.outer(S @ -kk[h], kk[h] * a[h]) + np.outer(v[h], k[h])
            self.S[i, h] = S
            y[h] = S @ r[h]
        y = (y - y.mean(axis=1, keepdims=True)) / np.sqrt(y.var(axis=1, keepdims=True) + self.eps)
        y = y.reshape(-1) * p["ln_x.weight"] + p["ln_x.bias"]
        y = y + ((r * k * p["r_k"]).sum(axis=1, keepdims=True) * v).reshape(-1)
        return p["output.weight"] @ (y * g), v_first

    def channel_mix(self, i, x, token):
        p = {name[len(f"blocks.{i}.ffn."):]: value for name, value in self.w.items()
             if name.startswith(f"blocks.{i}.ffn.")}
        d = self.ffn_x[i] - x
        self.ffn_x[i] = x
        k = np.maximum(p["key.weight"] @ (x + d * p["x_k"]), 0) ** 2
        if "s_emb.weight" in p:  # DeepEmbed: a matrix a token, looked up, scales what passes
            table = p["s_emb.weight"][token] + self.embedded(token) @ p["s_emb_x.weight"].T
            size = p["s1"].shape[1]
            k = k * (x @ p["s1"] @ table.reshape(size, size) @ p["s2"] + p["s0"])
        return p["value.weight"] @ k

    def embedded(self, token):
        return self.norm(self.w["emb.weight"][token], "blocks.0.ln0")

    def step(self, token):
        x = self.embedded(token)
        v_first = None
        for i in range(self.layers):
            y, v_first = self.time_mix(i, self.norm(x, f"blocks.{i}.ln1"), v_first)
            x = x + y
            x = x + self.channel_mix(i, self.norm(x, f"blocks.{i}.ln2"), token)
        return self.w["head.weight"] @ self.norm(x, "ln_out")

    def logits(self, tokens):
        """[T, V]: what follows each token, from a fresh state."""
        self.reset()
        return np.stack([self.step(token) for token in tokens])
