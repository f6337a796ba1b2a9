"""WKV7 as a differentiable torch operation on the CPU: compiles wkv7.cpp once and calls it."""

import ctypes
import hashlib
import pathlib
import subprocess
import tempfile

import torch

STRIDE = 16  # tokens between saved states, as in wkv7.cpp


def library():
    source = pathlib.Path(__file__).with_name("wkv7.cpp")
    flags = [
        "-O3",
        "-march=native",
        "-mprefer-vector-width=512",
        "-ffast-math",
        "-fopenmp",
        "-fPIC",
        "-shared",
    ]
    mark = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    built = pathlib.Path(tempfile.gettempdir()) / f"fulmar-wkv7-{mark}.so"
    if not built.exists():
        subprocess.run(["g++", *flags, "-o", str(built), str(source)], check=True)
    return ctypes.CDLL(str(built))


LIBRARY = library()


def pointers(*tensors):
    return [ctypes.c_void_p(t.data_ptr()) for t in tensors]


class Wkv7(torch.autograd.Function):
    """(r, w, k, v, a, b) [B,T,H,64] float32 and first [B,T] uint8 to y [B,T,H,64]."""

    @staticmethod
    def forward(ctx, r, w, k, v, a, b, first):
        B, T, H, N = r.shape
        inputs = [x.contiguous() for x in (r, w, k, v, a, b)]
        y = torch.empty_like(inputs[0])
        saved = torch.empty(B, H, -(-T // STRIDE), N, N)
        LIBRARY.wkv7_forward(B, T, H, *pointers(*inputs, first, y, saved))
        ctx.save_for_backward(*inputs, first, saved)
        return y

    @staticmethod
    def backward(ctx, dy):
        *inputs, first, saved = ctx.saved_tensors
        B, T, H, _ = dy.shape
        dy = dy.contiguous()
        grads = [torch.empty_like(dy) for _ in range(6)]
        LIBRARY.wkv7_backward(B, T, H, *pointers(*inputs, first, saved, dy, *grads))
        return (*grads, None)
