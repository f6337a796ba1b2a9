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


def compare(args, label, model, tokens, expected, tolerance, devices):
    between_chunks = tolerance / 20  # 1e-5; the trained reverse models have ten times larger logits
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
        compare(args, name, model, tokens, expected, 2e-4, devices)


def trained_models(args, devices):
    from rwkv7_formulas import read_safetensors
    folder = common.shared_models(args)
    if folder is None:
        print("skipped: the trained models, ../shared/models is not there", flush=True)
        return
    tiny, reverse = os.path.join(folder, "tiny-rwkv-7v0"), os.path.join(folder, "reverse-rwkv7")
    jobs = []  # file, golden file, case prefix, tolerance
    for name in sorted(os.listdir(tiny)):
        if name.endswith((".pth", ".safetensors")) and not name.startswith("golden"):
            jobs.append((os.path.join(tiny, name), tiny, "", 2e-4))
    jobs.append((os.path.join(reverse, "reverse-L4-D128-N64-f16.pth"), reverse, "N64.", 2e-3))
    jobs.append((os.path.join(reverse, "reverse-L4-D128-N64-f16.safetensors"), reverse, "N64.", 2e-3))
    jobs.append((os.path.join(reverse, "reverse-L4-D32-N16-f32.safetensors"), reverse, "N16.", 2e-3))
    common.check(len(jobs) >= 5, "the trained models are all there")
    for model, golden_folder, prefix, tolerance in jobs:
        golden = read_safetensors(os.path.join(golden_folder, "golden.safetensors"))
        cases = [key[:-7] for key in golden if key.endswith(".tokens") and key.startswith(prefix)]
        common.check(cases, f"golden cases {prefix}*")
        for case in cases:
            compare(args, f"{os.path.basename(model)} {case}", model, golden[case + ".tokens"].astype(int),
                    golden[case + ".logits"], tolerance, devices)


def main():
    args = common.parse_args()
    devices = common.strategies(args, *DEVICES)
    made_models(args, devices)
    trained_models(args, devices)


if __name__ == "__main__":
    main()
