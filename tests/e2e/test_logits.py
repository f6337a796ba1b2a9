"""`fulmar logits` gives what the formulas give: at every position, on every device, however the prompt is cut."""
import os

import numpy as np

import common

CHUNKS = (1, 7, 64)
DEVICES = ("cpu fp32", "vulkan fp32")

# Awkward on purpose: odd LoRA widths, F and V that divide into nothing, head sizes from 4 to 256.
CASES = [  # name, dtype, shape
    ("v4.safetensors", "f32", dict(version="v4", L=1, C=40, F=44, V=61)),
    ("v4-wide.pth", "f16", dict(version="v4", L=3, C=64, A=104, F=200, V=67)),
    ("v50.safetensors", "f32", dict(version="v5.0", L=2, C=48, N=16, F=100, V=35, time_state=True)),
    ("v51.pth", "bf16", dict(version="v5.1", L=3, C=96, N=48, F=84, V=67)),
    ("v52.safetensors", "f16", dict(version="v5.2", L=2, C=24, N=4, F=40, V=61, time_state=True)),
    ("v52-n256.safetensors", "f32", dict(version="v5.2", L=1, C=256, N=256, F=300, V=35)),
    ("v6.pth", "f32", dict(version="v6", L=3, C=64, N=64, F=52, V=131, Dx=5, Dw=7)),
    ("v6-n20.safetensors", "bf16", dict(version="v6", L=1, C=80, N=20, F=280, V=67, Dx=32, Dw=64, time_state=True)),
    ("n16.safetensors", "f32", dict(L=1, C=16, N=16, F=40, V=61, Dw=5, Da=12, Dg=9, time_state=True)),
    ("n32.safetensors", "f16", dict(L=2, C=96, N=32, F=100, V=67, Dw=12, Da=5, Dv=7, Dg=20)),
    ("n48.pth", "bf16", dict(L=3, C=96, N=48, F=200, V=131, Dw=8, Da=5, Dv=3, Dg=12)),
    ("n64.pth", "f16", dict(L=3, C=128, N=64, F=448, V=259)),
    ("n80.safetensors", "bf16", dict(L=2, C=80, N=80, F=84, V=35, Dw=24, Da=40, Dv=5, Dg=12)),
    ("v7a.safetensors", "f32", dict(version="v7a", L=3, C=64, N=32, F=100, V=61, Dw=5, Da=12, Dv=7, Dg=9)),
    ("v7a-16.pth", "f16", dict(version="v7a", L=1, C=64, N=16, F=200, V=67, De=16)),
    ("n128.pth", "f32", dict(L=2, C=256, N=128, F=520, V=99, Dw=32, Da=12, Dv=5, Dg=64)),
]


def formulas(path, head_norm_eps=64e-5):
    """The float64 model of a safetensors file."""
    import rwkv456_formulas as older
    import rwkv7_formulas as v7
    weights = v7.read_safetensors(path)
    if "blocks.0.att.r_k" in weights:
        kind = v7.Model
    elif "blocks.0.att.time_maa_x" in weights:
        kind = older.Model6
    else:
        kind = older.Model5 if "blocks.0.att.ln_x.weight" in weights else older.Model4
    return kind(weights, head_norm_eps)


def fulmar_logits(args, model, tokens, strategy, chunk, more=()):
    text = common.output(args, "logits", "--model", model, "--tokens", ",".join(map(str, tokens)),
                         "--strategy", strategy, "--chunk", str(chunk), *more)
    return np.array([[float(x) for x in line.split(b" ")] for line in text.splitlines()])


def compare(args, label, model, tokens, expected, devices, tolerance=2e-4, between_chunks=1e-5, more=()):
    for strategy in devices:
        first = None
        for chunk in CHUNKS if len(tokens) < 100 else CHUNKS[1:]:
            got = fulmar_logits(args, model, tokens, strategy, chunk, more)
            where = f"{label}, {strategy}, --chunk {chunk}"
            common.check(got.shape == expected.shape, f"{where}: {got.shape} numbers, expected {expected.shape}")
            worst = np.abs(got - expected).max()
            common.check(worst <= tolerance, f"{where}: off by {worst:.3g} at position "
                         f"{np.abs(got - expected).max(axis=1).argmax()}, at most {tolerance:g} allowed")
            first = got if first is None else first
            between = np.abs(got - first).max()
            common.check(between <= between_chunks, f"{where}: off by {between:.3g} from another --chunk")
        print(f"{label}, {strategy}: {worst:.2g} from the formulas, {between:.2g} between chunks", flush=True)


def made_models(args, devices):
    for number, (name, dtype, shape) in enumerate(CASES):
        # A .pth has the same weights as the safetensors file made with the same seed.
        twin = common.make_model(args, name.split(".")[0] + "-twin.safetensors", dtype, seed=number, **shape)
        model = common.make_model(args, name, dtype, seed=number, **shape)
        tokens = np.random.default_rng(number).integers(0, shape["V"], 75)
        expected = formulas(twin).logits(tokens)
        common.check(0.5 < np.abs(expected).max() < 50, f"{name}: logits of a useful size, {np.abs(expected).max()}")
        compare(args, name, model, tokens, expected, devices, between_chunks=5e-5)


def trained_models(args, devices):
    from rwkv7_formulas import read_safetensors
    folder = common.shared_models(args)
    if folder is None:
        print("skipped: the trained models, ../shared/models is not there", flush=True)
        return

    def golden_cases(folder, prefix=""):
        golden = read_safetensors(os.path.join(folder, "golden.safetensors"))
        cases = sorted(key[:-7] for key in golden if key.endswith(".tokens") and key.startswith(prefix))
        common.check(cases, f"{folder} has golden cases {prefix}*")
        return [(case, golden[case + ".tokens"].astype(int), golden[case + ".logits"]) for case in cases]

    for tiny, more in (("tiny-rwkv-4v0", ()), ("tiny-rwkv-5v2", ("--gn-eps", "1e-5")), ("tiny-rwkv-6v0", ()),
                       ("tiny-rwkv-7v0", ())):
        tiny = os.path.join(folder, tiny)
        files = [name for name in sorted(os.listdir(tiny))
                 if name.endswith((".pth", ".safetensors")) and not name.startswith("golden")]
        common.check(files, f"a .pth or a safetensors file in {tiny}")
        published = np.fromfile(os.path.join(tiny, "expected-logits.f32.bin"), "<f4")
        for name in files:
            model = os.path.join(tiny, name)
            for strategy in devices:
                got = fulmar_logits(args, model, list(b'"in'), strategy, 64, more)[-1]
                common.check(np.abs(got - published).max() < 1e-5,
                             f"{name}, {strategy}: off by {np.abs(got - published).max():.3g} from what was published")
            cases = golden_cases(tiny)
            for case, tokens, golden in cases if name == files[0] else cases[-1:]:
                compare(args, f"{name} {case}", model, tokens, golden, devices, between_chunks=1e-4, more=more)

    # The logits of the reverse models reach 40, and small changes grow fast in them.
    loose = dict(tolerance=2e-3, between_chunks=2e-3)
    reverse = os.path.join(folder, "reverse-rwkv7")
    for case, tokens, golden in golden_cases(reverse, "N16."):
        compare(args, f"reverse {case}", os.path.join(reverse, "reverse-L4-D32-N16-f32.safetensors"), tokens, golden,
                devices, **loose)
    # The N64 golden logits were made before the weights were rounded to the f16 of the files, and rounding alone moves
    # them by up to 0.9. So the formulas, on the file's own weights, say what is right to 2e-3; golden says which token.
    model = formulas(os.path.join(reverse, "reverse-L4-D128-N64-f16.safetensors"))
    for case, tokens, golden in golden_cases(reverse, "N64."):
        expected = model.logits(tokens)
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
