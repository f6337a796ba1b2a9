"""WKV7 as a differentiable torch operation: compiled C++ on a CPU, matrices by chunks on any other device.

All inputs are [B,T,H,64] float32, and `first` [B,T] uint8 is 1 where a text begins, from a state of zeros.
Run as a program, it compares the two forms and their gradients.
"""

import ctypes
import functools
import hashlib
import pathlib
import subprocess
import tempfile

import torch

STRIDE = 16  # tokens between saved states, as in wkv7.cpp, and tokens in a chunk


@functools.cache
def library():
    source = pathlib.Path(__file__).with_name("wkv7.cpp")
    flags = "-O3 -march=native -mprefer-vector-width=512 -ffast-math -fopenmp -fPIC -shared".split()
    mark = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    built = pathlib.Path(tempfile.gettempdir()) / f"fulmar-wkv7-{mark}.so"
    if not built.exists():
        subprocess.run(["g++", *flags, "-o", str(built), str(source)], check=True)
    return ctypes.CDLL(str(built))


def pointers(*tensors):
    return [ctypes.c_void_p(t.data_ptr()) for t in tensors]


class CompiledWkv7(torch.autograd.Function):
    @staticmethod
    def forward(ctx, r, w, k, v, a, b, first):
        B, T, H, N = r.shape
        inputs = [x.contiguous() for x in (r, w, k, v, a, b)]
        y = torch.empty_like(inputs[0])
        saved = torch.empty(B, H, -(-T // STRIDE), N, N)
        library().wkv7_forward(B, T, H, *pointers(*inputs, first, y, saved))
        ctx.save_for_backward(*inputs, first, saved)
        return y

    @staticmethod
    def backward(ctx, dy):
        *inputs, first, saved = ctx.saved_tensors
        B, T, H, _ = dy.shape
        dy = dy.contiguous()
        grads = [torch.empty_like(dy) for _ in range(6)]
        library().wkv7_backward(B, T, H, *pointers(*inputs, first, saved, dy, *grads))
        return (*grads, None)


def chunked(r, w, k, v, a, b, first):
    """T is a multiple of STRIDE. With W_t the product of decays since the chunk's begin, S_0 the state before,
    u_t = S_{t-1} a_t, and a~ = a W_{t-1}, r~ = r W_t, k^ = k / W_t, b^ = b / W_t:

        u_t = S_0 a~_t + sum_{i<t} (b^_i . a~_t) u_i + (k^_i . a~_t) v_i    a triangular system in the chunk
        y_t = S_0 r~_t + sum_{i<=t} (b^_i . r~_t) u_i + (k^_i . r~_t) v_i
        S   = (S_0 + sum_i u_i b^_i^T + v_i k^_i^T) diag(W)
    """
    B, T, H, N = r.shape
    chunks = T // STRIDE

    def by_chunk(x):  # [B,T,H,N] to [B,H,chunks,STRIDE,N]
        return x.view(B, chunks, STRIDE, H, N).permute(0, 3, 1, 2, 4)

    r, w, k, v, a, b = map(by_chunk, (r, w, k, v, a, b))
    total = w.log().cumsum(-2)
    decay = total.exp()
    a, r = a * (total - w.log()).exp(), r * decay
    k, b = k / decay, b / decay
    # Which text of the chunk a token is in: 0 goes on from before the chunk. Texts do not see each other.
    text = first.view(B, 1, chunks, STRIDE).long().cumsum(-1)
    same = text.unsqueeze(-1) == text.unsqueeze(-2)
    upto, below = same.tril(), same.tril(-1)
    goes_on = (text == 0).unsqueeze(-1)
    stays = (text == text[..., -1:]).unsqueeze(-1)
    # What does not need S_0 is formed for all chunks at once; `solve` is (I - L)^-1.
    eye = torch.eye(STRIDE, device=r.device)
    lower = eye - (a @ b.mT) * below
    known = torch.cat([a * goes_on, ((a @ k.mT) * below) @ v], -1)
    from_state, own = torch.linalg.solve_triangular(lower, known, upper=False, unitriangular=True).split(
        N, -1
    )
    r_b = (r @ b.mT) * upto
    y_own = ((r @ k.mT) * upto) @ v
    r, b_end, k_end = r * goes_on, b * stays, k * stays
    last = decay[..., -1:, :]
    state = torch.zeros(B, H, N, N, device=r.device)  # transposed: [k, v]
    out = []
    for c in range(chunks):
        u = from_state[:, :, c] @ state + own[:, :, c]
        out.append(r[:, :, c] @ state + r_b[:, :, c] @ u + y_own[:, :, c])
        kept = state * goes_on[:, :, c, -1:]
        state = last[:, :, c].mT * (kept + b_end[:, :, c].mT @ u + k_end[:, :, c].mT @ v[:, :, c])
    return torch.stack(out, 2).permute(0, 2, 3, 1, 4).reshape(B, T, H, N)


def wkv7(r, w, k, v, a, b, first):
    if r.device.type == "cpu":
        return CompiledWkv7.apply(r, w, k, v, a, b, first)
    with torch.autocast(r.device.type, enabled=False):  # 1 / W reaches 16,000, too much for bf16 products
        return chunked(r, w, k, v, a, b, first)


def compare():
    torch.manual_seed(1)
    shape = (2, 4 * STRIDE, 2, 64)
    r, k, v, kk = (torch.randn(shape) * 0.5 for _ in range(4))
    w = torch.exp(-0.606531 * torch.sigmoid(torch.randn(shape)))
    kk = torch.nn.functional.normalize(kk, dim=-1)
    inputs = (r, w, k, v, -kk, kk * torch.rand(shape))
    first = (torch.rand(shape[:2]) < 0.1).to(torch.uint8)
    first[:, 0] = 1
    weights, results = torch.randn(shape), []
    for form in (CompiledWkv7.apply, chunked):
        leaves = [x.clone().requires_grad_() for x in inputs]
        y = form(*leaves, first)
        y.backward(weights)
        results.append([y.detach()] + [x.grad for x in leaves])
    for name, one, other in zip(["y", "dr", "dw", "dk", "dv", "da", "db"], *results):
        print(f"{name}: largest {one.abs().max():.3f}, largest difference {(one - other).abs().max():.1e}")


if __name__ == "__main__":
    compare()
