"""`fulmar logits` gives what the formulas give: at every position, on every device, however the prompt is cut."""
import os

import numpy as np

import common

CHUNKS = (1, 7, 64)
DEVICES = ("cpu fp32", "vulkan fp32")

# Awkward on purpose: odd LoRA widths, F and V that divide into nothing, every head size up to 128.
CASES = [  # name, dtype, shape
    ("n16.safetensors", "f32", dict(L=1, C=16, N=16, F=40, V=61, Dw=5, Da=12, Dg=9)),
    ("n32.safetensors", "f16", dict(L=2, C=96, N=32, F=100, V=67, Dw=12, Da=5, Dv=7, Dg=20)),
    ("n48.pth", "bf16", dict(L=3, C=96, N=48, F=200, V=131, Dw=8, Da=5, Dv=3, Dg=12)),
    ("n64.pth", "f16", dict(L=3, C=128, N=64, F=448, V=259)),
    ("n80.safetensors", "bf16", dict(L=2, C=80, N=80, F=84, V=35, Dw=24, Da=40, Dv=5, Dg=12)),
    ("n128.pth", "f32", dict(L=2, C=256, N=128, F=520, V=99, Dw=32, Da=12, Dv=5, Dg=64)),
]


def fulmar_logits(args, model, tokens, strategy, chunk):
    text = common.output(args, "logits", "--model", model, "--tokens", ",".join(map(str, tokens)),
                         "--strategy", strategy, "--chunk", str(chunk))
    return np.array([[float(x) for x in line.split(b" ")] for line in text.splitlines()])


def compare(args, label, model, tokens, expected, devices, tolerance=2e-4, between_chunks=1e-5):
    for strategy in devices:
        first = None
        for chunk in CHUNKS:
            got = fulmar_logits(args, model, tokens, strategy, chunk)
            where = f"{label}, {strategy}, --chunk {chunk}"
            common.check(got.shape == expected.shape, f"{where}: {got.shape} numbers, expected {expected.shape}")
            worst = np.abs(got - expected).max()
            common.check(worst <= tolerance, f"{where}: off by {worst:.3g} at position "
                         f"{np.abs(got - expected).max(axis=1).argmax()}, at most {tolerance:g} allowed")
            first = got if first is None else first
            between = np.abs(got - first).max()
            common.check(between <= between_chunks, f"{where}: off by {between:.3g} from --chunk {CHUNKS[0]}")
        print(f"{label}, {strategy}: {worst:.2g} from the formulas, {between:.2g} between chunks", flush=True)


def made_models(args, devices):
    import rwkv7_formulas
    for number, (name, dtype, shape) in enumerate(CASES):
        # A .pth has the same weights as the safetensors file made with the same seed.
        twin = common.make_model(args, name.split(".")[0] + "-twin.safetensors", dtype, seed=number, **shape)
        model = common.make_model(args, name, dtype, seed=number, **shape)
        tokens = np.random.default_rng(number).integers(0, shape["V"], 75)
        expected = rwkv7_formulas.Model(rwkv7_formulas.read_safetensors(twin)).logits(tokens)
        common.check(0.5 < np.abs(expected).max() < 50, f"{name}: logits of a useful size, {np.abs(expected).max()}")
        compare(args, name, model, tokens, expected, devices)


def trained_models(args, devices):
    from rwkv7_formulas import Model, read_safetensors
    folder = common.shared_models(args)
    if folder is None:
        print("skipped: the trained models, ../shared/models is not there", flush=True)
        return

    def golden_cases(folder, prefix=""):
        golden = read_safetensors(os.path.join(folder, "golden.safetensors"))
        cases = sorted(key[:-7] for key in golden if key.endswith(".tokens") and key.startswith(prefix))
        common.check(cases, f"{folder} has golden cases {prefix}*")
        return [(case, golden[case + ".tokens"].astype(int), golden[case + ".logits"]) for case in cases]

    tiny = os.path.join(folder, "tiny-rwkv-7v0")
    files = [name for name in sorted(os.listdir(tiny))
             if name.endswith((".pth", ".safetensors")) and not name.startswith("golden")]
    common.check(len(files) >= 2, f"a .pth and a safetensors file in {tiny}")
    for name in files:
        for case, tokens, golden in golden_cases(tiny):
            compare(args, f"{name} {case}", os.path.join(tiny, name), tokens, golden, devices)

    # The logits of the reverse models reach 40, and small changes grow fast in them.
    loose = dict(tolerance=2e-3, between_chunks=2e-3)
    reverse = os.path.join(folder, "reverse-rwkv7")
    for case, tokens, golden in golden_cases(reverse, "N16."):
        compare(args, f"reverse {case}", os.path.join(reverse, "reverse-L4-D32-N16-f32.safetensors"), tokens, golden,
                devices, **loose)
    # The N64 golden logits were made before the weights were rounded to the f16 of the files, and rounding alone moves
    # them by up to 0.9. So the formulas, on the file's own weights, say what is right to 2e-3; golden says which token.
    formulas = Model(read_safetensors(os.path.join(reverse, "reverse-L4-D128-N64-f16.safetensors")))
    for case, tokens, golden in golden_cases(reverse, "N64."):
        expected = formulas.logits(tokens)
        top = np.sort(golden, axis=1)
        sure = top[:, -1] - top[:, -2] > 2
        common.check((expected.argmax(axis=1) == golden.argmax(axis=1))[sure].all(), f"{case}: the formulas find the token")
        for suffix in (".pth", ".safetensors"):
            compare(args, f"reverse {case}{suffix}", os.path.join(reverse, "reverse-L4-D128-N64-f16" + suffix), tokens,
                    expected, devices, **loose)


def main():
    args = common.parse_args()
    devices = common.strategies(args, *DEVICES)
    made_models(args, devices)
    trained_models(args, devices)


if __name__ == "__main__":
    main()
