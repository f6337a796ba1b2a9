"""RWKV-4, 5 and 6 in plain float64, one token at a time, as the formulas are written, on a checkpoint's own tensors.

C channels, A channels of the recurrence, H heads of size N. A state S is [H, N, N] with the key index first.
"""
import numpy as np

from rwkv7_formulas import HEAD_NORM_EPS, layer_norm, sigmoid


def silu(x):
    return x * sigmoid(x)


class Model:
    """What v4, v5 and v6 have in common; a version adds its time mix."""

    def __init__(self, weights, head_norm_eps=HEAD_NORM_EPS):
        self.w = {name: value.reshape(-1) if value.shape[:2] == (1, 1) else value for name, value in weights.items()}
        self.eps = head_norm_eps
        self.layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
        self.channels = weights["emb.weight"].shape[1]
        self.width = weights["blocks.0.att.key.weight"].shape[0]
        self.reset()

    def reset(self):
        self.att_x = np.zeros((self.layers, self.channels))
        self.ffn_x = np.zeros((self.layers, self.channels))

    def of(self, prefix):
        return {name[len(prefix):]: value for name, value in self.w.items() if name.startswith(prefix)}

    def norm(self, x, name):
        return layer_norm(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def blend(self, p, x, previous, letter):
        return x * p["time_mix_" + letter] + previous * (1 - p["time_mix_" + letter])

    def channel_mix(self, i, x):
        p = self.of(f"blocks.{i}.ffn.")
        previous, self.ffn_x[i] = self.ffn_x[i].copy(), x
        k = p["key.weight"] @ self.blend(p, x, previous, "k")
        r = p["receptance.weight"] @ self.blend(p, x, previous, "r")
        return sigmoid(r) * (p["value.weight"] @ np.maximum(k, 0) ** 2)

    def step(self, token):
        x = self.norm(self.w["emb.weight"][token], "blocks.0.ln0")
        for i in range(self.layers):
            normed = self.norm(x, f"blocks.{i}.ln1")
            previous, self.att_x[i] = self.att_x[i].copy(), normed
            x = x + self.time_mix(i, self.of(f"blocks.{i}.att."), normed, previous)
            x = x + self.channel_mix(i, self.norm(x, f"blocks.{i}.ln2"))
        return self.w["head.weight"] @ self.norm(x, "ln_out")

    def logits(self, tokens):
        """[T, V]: what follows each token, from a fresh state."""
        self.reset()
        return np.stack([self.step(token) for token in tokens])


class Model4(Model):
    """Its weighted average over all tokens so far is kept as two sums, here simply in float64."""

    def reset(self):
        super().reset()
        self.numerator = np.zeros((self.layers, self.width))
        self.denominator = np.zeros((self.layers, self.width))

    def time_mix(self, i, p, x, previous):
        k, v, r = (p[name + ".weight"] @ self.blend(p, x, previous, name[0]) for name in ("key", "value", "receptance"))
        now = np.exp(p["time_first"] + k)
        wkv = (self.numerator[i] + now * v) / (self.denominator[i] + now)
        fade = np.exp(-np.exp(p["time_decay"]))
        self.numerator[i] = fade * self.numerator[i] + np.exp(k) * v
        self.denominator[i] = fade * self.denominator[i] + np.exp(k)
        return p["output.weight"] @ (sigmoid(r) * wkv)


class HeadModel(Model):
    """v5 and v6: S = diag(w) S + k v^T, read as r (S + (u k) v^T), then a group norm over each head."""

    def reset(self):
        super().reset()
        self.heads = self.head_count()
        self.size = self.width // self.heads
        self.S = np.zeros((self.layers, self.heads, self.size, self.size))
        for i in range(self.layers):
            if f"blocks.{i}.att.time_state" in self.w:  # files keep the value index first
                self.S[i] = self.w[f"blocks.{i}.att.time_state"].transpose(0, 2, 1)

    def recur(self, i, p, r, k, v, w, u):
        y = np.empty((self.heads, self.size))
        for h in range(self.heads):
            at = slice(h * self.size, (h + 1) * self.size)
            kv = np.outer(k[at], v[at])
            y[h] = r[at] @ (self.S[i, h] + u[at, None] * kv)
            self.S[i, h] = w[at, None] * self.S[i, h] + kv
        y = (y - y.mean(axis=1, keepdims=True)) / np.sqrt(y.var(axis=1, keepdims=True) + self.eps)
        return y.reshape(-1) * p["ln_x.weight"] + p["ln_x.bias"]


class Model5(HeadModel):
    """5.2; with one decay a head 5.1, without a gate 5.0. Files without time_faaaa keep its logarithm."""

    def head_count(self):
        return self.w["blocks.0.att.time_decay"].shape[0]

    def per_channel(self, values):
        return np.repeat(values.reshape(-1), self.width // values.size)

    def time_mix(self, i, p, x, previous):
        r = p["receptance.weight"] @ self.blend(p, x, previous, "r")
        k = p["key.weight"] @ self.blend(p, x, previous, "k")
        v = p["value.weight"] @ self.blend(p, x, previous, "v")
        first = p["time_faaaa"] if "time_faaaa" in p else np.exp(p["time_first"])
        w = np.exp(-np.exp(p["time_decay"]))
        y = self.recur(i, p, r, k, v, self.per_channel(w), self.per_channel(first))
        if "gate.weight" in p:
            y = y * silu(p["gate.weight"] @ self.blend(p, x, previous, "g"))
        return p["output.weight"] @ y


class Model6(HeadModel):
    def head_count(self):
        return self.w["blocks.0.att.time_faaaa"].shape[0]

    def blend(self, p, x, previous, letter):
        return x + (previous - x) * p["time_maa_" + letter]

    def time_mix(self, i, p, x, previous):
        d = previous - x
        low = np.tanh((x + d * p["time_maa_x"]) @ p["time_maa_w1"]).reshape(5, -1)
        xw, xk, xv, xr, xg = (x + d * (p["time_maa_" + letter] + low[n] @ p["time_maa_w2"][n])
                              for n, letter in enumerate("wkvrg"))
        r, k, v = p["receptance.weight"] @ xr, p["key.weight"] @ xk, p["value.weight"] @ xv
        w = np.exp(-np.exp(p["time_decay"] + np.tanh(xw @ p["time_decay_w1"]) @ p["time_decay_w2"]))
        y = self.recur(i, p, r, k, v, w.reshape(-1), p["time_faaaa"].reshape(-1))
        return p["output.weight"] @ (y * silu(p["gate.weight"] @ xg))
