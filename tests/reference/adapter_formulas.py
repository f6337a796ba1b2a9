"""What each kind of adapter makes of a matrix W [out, in], in plain float64, and a writer of adapter files."""
import json
import struct

import numpy as np

from rwkv7_formulas import Model


def lora(W, A, B, scaling):
    return W + scaling * (B @ A)


def dora(W, A, B, M, scaling):
    W = lora(W, A, B, scaling)
    return M * W / (np.sqrt((W * W).sum(axis=0, keepdims=True)) + 1e-6)


def bone(W, D):
    """D [in/r, r, r]: every block of r x r becomes W_ab + W_ab D_b + D_b."""
    W, r = W.copy(), D.shape[1]
    for a in range(W.shape[0] // r):
        for b in range(W.shape[1] // r):
            block = W[a * r:(a + 1) * r, b * r:(b + 1) * r]
            block += block @ D[b] + D[b]
    return W


def disha(W, D):
    """D [r, out]: W[o, b r + j] += D[j, o], the columns of an incomplete last block as well."""
    r, columns = D.shape[0], W.shape[1]
    return W + np.concatenate([D.T] * (columns // r) + [D.T[:, :columns % r]], axis=1)


def pissa(W, A0, B0, A, B):
    return W - B0 @ A0 + B @ A


def write_safetensors(path, tensors):
    """Writes {name: array} as F32, F16 where the array is of that type, and answers the path."""
    header, blocks, at = {}, [], 0
    for name, array in tensors.items():
        dtype = "F16" if array.dtype == np.float16 else "F32"
        data = np.ascontiguousarray(array, "<f2" if dtype == "F16" else "<f4").tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        blocks.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blocks))
    return path


class MixtureModel(Model):
    """RWKV-7 whose channel mix is a mixture of LoRA experts; `active` of them see a token."""

    def __init__(self, weights, active):
        super().__init__(weights)
        self.active = active
        self.experts = sum(f"blocks.0.ffn.expert_{e}.key.lora_A_expert_0" in weights for e in range(16))

    def channel_mix(self, i, x, _token):
        p = {name[len(f"blocks.{i}.ffn."):]: value for name, value in self.w.items()
             if name.startswith(f"blocks.{i}.ffn.")}
        h = x + (self.ffn_x[i] - x) * p["x_k"]
        self.ffn_x[i] = x
        scores = np.concatenate([[0.0], p["router.linear.weight"].reshape(self.experts - 1, -1) @ h])
        picked = np.argsort(-scores, kind="stable")[:self.active]
        gates = np.exp(scores[picked] - scores[picked].max())
        out = 0
        for e, gate in zip(picked, gates / gates.sum()):
            def expert(name, value):
                A, B = (p[f"expert_{e}.{name}.lora_{half}_expert_0"] for half in "AB")
                return p[name + ".weight"] @ value + 2.0 * (B @ (A @ value))
            out = out + gate * expert("value", np.maximum(expert("key", h), 0) ** 2)
        return out
