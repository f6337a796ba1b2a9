"""`fulmar logits` with adapters and tuned states gives what the formulas give for the merged weights."""
import os

import numpy as np

import common

DEVICES = ("cpu fp32", "vulkan fp32")


def random(rng, *shape, size=0.05):
    return (rng.standard_normal(shape) * size).astype(np.float32)


def made_adapters(rng, weights):
    """(label, [(file's tensors, mode, scaling)], {matrix: merged}) for every kind."""
    from adapter_formulas import bone, disha, dora, lora, pissa
    names = ["blocks.0.att.key.weight", "blocks.0.att.output.weight", "blocks.1.ffn.key.weight",
             "blocks.1.ffn.value.weight", "head.weight"]
    layers = names[:4]
    W = {name: weights[name] for name in names}
    p = {name: name[:-len("weight")] for name in names}
    A = {n: random(rng, 5, W[n].shape[1]) for n in names}
    B = {n: random(rng, W[n].shape[0], 5) for n in names}
    A0 = {n: random(rng, 3, W[n].shape[1]) for n in names}
    B0 = {n: random(rng, W[n].shape[0], 3) for n in names}
    # Magnitudes near the columns' lengths, as trainers start from them.
    M = {n: np.sqrt((W[n] ** 2).sum(axis=0, keepdims=True)).astype(np.float32) * (1 + random(rng, 1, W[n].shape[1]))
         for n in names}
    D = {n: random(rng, W[n].shape[1] // 8, 8, 8) for n in layers}
    E = {n: random(rng, 7, W[n].shape[0]) for n in names}
    factors = lambda names: {p[n] + key: value[n] for n in names for key, value in (("lora_A", A), ("lora_B", B))}

    yield ("lora", [(factors(names), "lora", None)], {n: lora(W[n], A[n], B[n], 2.0) for n in names})
    yield ("lora as PEFT names it",
           [({"base_model.model." + key + ".weight": value for key, value in factors(names).items()}, "lora", 0.5)],
           {n: lora(W[n], A[n], B[n], 0.5) for n in names})
    yield ("dora", [({**factors(names), **{p[n] + "lora_M": M[n] for n in names}}, "lora", 1.5)],
           {n: dora(W[n], A[n], B[n], M[n], 1.5) for n in names})
    yield ("bone", [({p[n] + "bone": D[n] for n in layers}, "bone", None)], {n: bone(W[n], D[n]) for n in layers})
    yield ("disha", [({p[n] + "disha": E[n] for n in names}, "disha", None)], {n: disha(W[n], E[n]) for n in names})
    start = {p[n] + key: value[n] for n in names for key, value in (("init_lora_A", A0), ("init_lora_B", B0))}
    yield ("pissa", [(factors(names), "pissa", None), (start, "pissa", None)],
           {n: pissa(W[n], A0[n], B0[n], A[n], B[n]) for n in names})
    norm = random(rng, *weights["blocks.1.ln1.weight"].shape, size=0.5) + 1
    one = layers[:1]
    yield ("bone on top of lora, with a whole tensor",
           [({**factors(layers), "blocks.1.ln1.weight": norm}, "lora", 2.0), ({p[n] + "bone": D[n] for n in one}, "bone", 2.0)],
           {**{n: lora(W[n], A[n], B[n], 2.0) for n in layers[1:]},
            layers[0]: bone(lora(W[layers[0]], A[layers[0]], B[layers[0]], 2.0), D[layers[0]]),
            "blocks.1.ln1.weight": norm.astype(np.float64)})


def logits(args, model, tokens, strategy, words):
    text = common.output(args, "logits", "--model", model, "--tokens", ",".join(map(str, tokens)), "--strategy",
                         strategy, *words)
    return np.array([[float(x) for x in line.split(b" ")] for line in text.splitlines()])


def check_adapters(args, devices, dtype):
    from adapter_formulas import write_safetensors
    from rwkv7_formulas import Model, read_safetensors
    model = common.make_model(args, f"adapted-{dtype}.safetensors", dtype, seed=7,
                              **dict(L=2, C=64, N=16, F=72, V=35, Dw=5, Da=12, Dv=7, Dg=9))
    weights = read_safetensors(model)
    tokens = np.random.default_rng(1).integers(0, 35, 40)
    plain = Model(weights).logits(tokens)
    for label, files, merged in made_adapters(np.random.default_rng(2), weights):
        if dtype == "f16":  # merged weights are kept as the model keeps its own
            merged = {name: W.astype(np.float16).astype(np.float64) if W.ndim > 1 else W for name, W in merged.items()}
        expected = Model({**weights, **merged}).logits(tokens)
        common.check(np.abs(expected - plain).max() > 0.05, f"{label} changes the logits")
        words = []
        for number, (tensors, mode, scaling) in enumerate(files):
            path = os.path.join(args.work_dir, f"{label.replace(' ', '-')}-{dtype}-{number}.safetensors")
            words += ["--adapter", write_safetensors(path, tensors), "--adapter-mode", mode]
            words += [] if scaling is None else ["--adapter-scaling", str(scaling)]
        for strategy in devices:
            worst = np.abs(logits(args, model, tokens, strategy, words) - expected).max()
            # A sum that falls beside the middle of two f16 numbers may be rounded to the other one.
            limit = 2e-4 if dtype == "f32" else 2e-3
            common.check(worst < limit, f"{label}, {dtype}, {strategy}: off by {worst:.3g}")
            print(f"{label}, {dtype}, {strategy}: {worst:.2g} from the formulas", flush=True)


def check_mixtures(args, devices):
    from adapter_formulas import MixtureModel, write_safetensors
    from rwkv7_formulas import read_safetensors
    shape = dict(L=2, C=32, N=16, F=72, V=35, Dw=5, Da=12, Dv=7, Dg=9)
    model = common.make_model(args, "shared.safetensors", "f32", seed=5, **shape)
    weights = read_safetensors(model)
    tokens = np.random.default_rng(6).integers(0, 35, 40)
    C, F, r = 32, 72, 5
    for experts, active in ((2, 1), (4, 2), (3, 3)):
        rng = np.random.default_rng(experts)
        tensors = {"moe_info": np.array([experts, active], np.float32)}
        for i in range(2):
            ffn = f"blocks.{i}.ffn."
            tensors[ffn + "router.linear.weight"] = random(rng, experts - 1, C, size=0.3)
            for e in range(experts):
                for name, inner, outer in (("key", C, F), ("value", F, C)):
                    prefix = f"{ffn}expert_{e}.{name}."
                    tensors[prefix + "lora_A_expert_0"] = random(rng, r, inner, size=0.2)
                    tensors[prefix + "lora_B_expert_0"] = random(rng, outer, r, size=0.2)
        wide = {name: value.astype(np.float64) for name, value in tensors.items()}
        expected = MixtureModel({**weights, **wide}, active).logits(tokens)
        other = MixtureModel({**weights, **wide}, active % experts + 1).logits(tokens)
        common.check(np.abs(expected - other).max() > 1e-2, "the number of active experts changes the logits")
        label = f"{active} of {experts} experts"
        adapter = write_safetensors(os.path.join(args.work_dir, f"mole-{experts}.safetensors"), tensors)
        merged = write_safetensors(os.path.join(args.work_dir, f"mole-{experts}-merged.safetensors"),
                                   {**{name: value.astype(np.float32) for name, value in weights.items()}, **tensors})
        for strategy in devices:
            for words, path in ((["--adapter", adapter, "--adapter-mode", "lora"], model),
                                (["--adapter", adapter, "--adapter-mode", "mole"], model), ([], merged)):
                worst = np.abs(logits(args, path, tokens, strategy, words) - expected).max()
                common.check(worst < 2e-4, f"{label}, {strategy}, {words}: off by {worst:.3g}")
            print(f"{label}, {strategy}: {worst:.2g} from the formulas", flush=True)
    del tensors["moe_info"]
    lost = write_safetensors(os.path.join(args.work_dir, "mole-lost.safetensors"), tensors)
    refused(args, 1, ["moe_info is missing"], "--model", model, "--adapter", lost)
    refused(args, 1, ["mixture", "use mode mole"], "--model", model, "--adapter", lost, "--adapter-mode", "dora")


def check_states(args, devices):
    from adapter_formulas import write_safetensors
    from rwkv456_formulas import Model5, Model6
    from rwkv7_formulas import Model, read_safetensors
    formulas = {"v5.2": Model5, "v6": Model6, "v7": Model}
    shapes = {"v5.2": dict(L=2, C=32, N=16, F=40, V=35), "v6": dict(L=2, C=32, N=16, F=40, V=35, Dx=5, Dw=6),
              "v7": dict(L=2, C=32, N=16, F=40, V=35)}
    tokens = np.random.default_rng(3).integers(0, 35, 12)
    for version, shape in shapes.items():
        model = common.make_model(args, f"state-{version}.safetensors", "f32", seed=3, version=version, **shape)
        rng = np.random.default_rng(4)
        state = {f"blocks.{i}.att.time_state": random(rng, 2, 16, 16, size=0.5) for i in range(2)}
        path = write_safetensors(os.path.join(args.work_dir, f"state-{version}-tuned.safetensors"), state)
        weights = read_safetensors(model)
        plain = formulas[version](weights).logits(tokens)
        tuned = {name: value.astype(np.float64) for name, value in state.items()}
        expected = formulas[version]({**weights, **tuned}).logits(tokens)
        common.check(np.abs(expected - plain).max() > 0.05, f"the state of {version} changes the logits")
        for strategy in devices:
            worst = np.abs(logits(args, model, tokens, strategy, ["--state", path]) - expected).max()
            common.check(worst < 2e-4, f"state, {version}, {strategy}: off by {worst:.3g}")
            print(f"state, {version}, {strategy}: {worst:.2g} from the formulas", flush=True)
    wrong = write_safetensors(os.path.join(args.work_dir, "wrong-state.safetensors"),
                              {f"blocks.{i}.att.time_state": np.zeros((2, 8, 8), np.float32) for i in range(2)})
    refused(args, 1, ["is [2,8,8], expected [2,16,16]"], "--model", model, "--state", wrong)
    return model


def check_foreign(args):
    """Files of PEFT and ai00 give what the trainer's own file gives."""
    import json

    import container_writers as cw
    from rwkv7_formulas import read_safetensors
    model = common.make_model(args, "foreign.safetensors", "f32", seed=8, L=2, C=64, N=16, F=72, V=35)
    rng, tokens = np.random.default_rng(9), [1, 2, 3, 4, 5]
    parts = {"att.key": (64, 64), "att.receptance": (64, 64), "ffn.key": (72, 64)}
    lora = {f"blocks.{i}.{part}.lora_{ab}": random(rng, *shape, size=0.3)
            for i in range(2) for part, (o, c) in parts.items() for ab, shape in (("A", (4, c)), ("B", (o, 4)))}
    own = os.path.join(args.work_dir, "own-lora.safetensors")
    cw.write_safetensors(own, lora)
    expected = logits(args, model, tokens, "cpu fp32", ["--adapter", own, "--adapter-scaling", "4"])
    common.check(np.abs(expected - logits(args, model, tokens, "cpu fp32", ["--adapter", own])).max() > 0.05,
                 "an adapter's strength changes the logits")

    def agree(label, words, tolerance=0.0, expected=expected):
        worst = np.abs(logits(args, model, tokens, "cpu fp32", words) - expected).max()
        common.check(worst <= tolerance, f"{label}: off by {worst:.3g}")

    stems = {"fla": {"att.key": "attn.k_proj", "att.receptance": "attn.r_proj", "ffn.key": "ffn.key"},
             "hf": {"att.key": "attention.key", "att.receptance": "attention.receptance", "ffn.key": "feed_forward.key"},
             "own": {part: part for part in parts}}
    before = {"fla": "model.layers", "hf": "rwkv.blocks", "own": "blocks"}
    for spelling, words in stems.items():
        folder = os.path.join(args.work_dir, "peft-" + spelling)
        os.makedirs(folder, exist_ok=True)
        named = {}
        for name, array in lora.items():
            _, layer, block, leaf, piece = name.split(".")
            named[f"base_model.model.{before[spelling]}.{layer}.{words[block + '.' + leaf]}.{piece}.weight"] = array
        cw.write_safetensors(os.path.join(folder, "adapter_model.safetensors"), named, {"format": "pt"})
        with open(os.path.join(folder, "adapter_config.json"), "w") as f:
            json.dump({"peft_type": "LORA", "r": 4, "lora_alpha": 16, "use_rslora": False}, f)
        agree(f"PEFT's folder of {spelling} names", ["--adapter", folder])
        agree(f"PEFT's file of {spelling} names", ["--adapter", os.path.join(folder, "adapter_model.safetensors")])
    with open(os.path.join(folder, "adapter_config.json"), "w") as f:
        json.dump({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "use_rslora": True}, f)
    agree("rank-stabilized", ["--adapter", folder])
    ai00 = os.path.join(args.work_dir, "ai00.lora")
    cw.write_safetensors(ai00, {n.replace("lora_A", "lora.0").replace("lora_B", "lora.1"):
                                np.ascontiguousarray(a.T if "lora_A" in n else a) for n, a in lora.items()}, {"model_type": "lora"})
    agree("ai00's adapter", ["--adapter", ai00, "--adapter-scaling", "4"])

    states = {f"blocks.{i}.att.time_state": random(rng, 4, 16, 16, size=0.5) for i in range(2)}
    turned = {n: np.ascontiguousarray(np.swapaxes(a, 1, 2)) for n, a in states.items()}
    path = lambda name: os.path.join(args.work_dir, name)
    cw.write_legacy_pth(path("trained.pth"), states)
    expected = logits(args, model, tokens, "cpu fp32", ["--state", path("trained.pth")])
    cw.write_safetensors(path("ai00.state"), turned, {"model_type": "state", "rwkv_version": "x070"})
    cw.write_safetensors(path("unsaid.state"), turned, {"format": "pt"})
    agree("ai00's state", ["--state", path("ai00.state")], expected=expected)
    agree("a state whose order is said", ["--state", path("unsaid.state"), "--state-order", "key-value"], expected=expected)
    refused(args, 2, ["not in which order", "--state-order"], "--model", model, "--state", path("unsaid.state"))
    refused(args, 2, ["--state-order"], "--model", model, "--state", path("ai00.state"), "--state-order", "ai00")
    refused(args, 1, ["give it as --state"], "--model", model, "--adapter", path("ai00.state"))


def refused(args, code, words, *flags):
    done = common.run(args, "logits", "--tokens", "1", "--strategy", "cpu fp32", *flags)
    common.check(done.returncode == code and all(word.encode() in done.stderr for word in words),
                 f"{flags} ends with {code} and {words}: {done.returncode}, {done.stderr.decode()}")


def main():
    args = common.parse_args()
    devices = common.strategies(args, *DEVICES)
    for dtype in ("f32", "f16"):
        check_adapters(args, devices, dtype)
    check_mixtures(args, devices)
    check_foreign(args)
    model = check_states(args, devices)
    lora = os.path.join(args.work_dir, "lora-f32-0.safetensors")
    refused(args, 1, ["lora_A is", "another model"], "--model", model, "--adapter", lora)
    refused(args, 1, ["use mode lora"], "--model", os.path.join(args.work_dir, "adapted-f32.safetensors"), "--adapter",
            lora, "--adapter-mode", "bone")
    refused(args, 2, ["no adapter mode 'nonsense'", "bone"], "--model", model, "--adapter", lora, "--adapter-mode",
            "nonsense")
    refused(args, 2, ["--adapter-scaling is given 2 times for 1"], "--model", model, "--adapter", lora,
            "--adapter-scaling", "1", "--adapter-scaling", "2")


main()
