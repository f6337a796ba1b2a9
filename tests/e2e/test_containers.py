"""One model gives the same logits whatever container and spelling it comes in."""
import os
import re
import shutil

import numpy as np

import common

TOKENS = "3,1,4,1,5,9,2,6"


def made(version, L=2, C=64, N=32, F=96, V=61, D=8):
    """Random weights {BlinkDL's name: float32 array} of version 4, 5 (5.2), 50 (5.0: one decay a head, no gate) or 6."""
    rng = np.random.default_rng(version * 10)
    H, w = C // N, {}

    def normal(name, *shape, gain=None, mean=0.0):
        deviation = 0.1 if gain is None else gain / np.sqrt(shape[-1])
        w[name] = (rng.standard_normal(shape) * deviation + mean).astype(np.float32)

    def norm(name):
        normal(name + ".weight", C, mean=1.0)
        normal(name + ".bias", C)

    normal("emb.weight", V, C, gain=8.0)
    for i in range(L):
        p = f"blocks.{i}."
        for name in ("ln0", "ln1", "ln2")[i > 0:]:
            norm(p + name)
        for name in ("receptance", "key", "value", "output") + (("gate",) if version in (5, 6) else ()):
            normal(f"{p}att.{name}.weight", C, C, gain=0.7)
        mixes = {4: ["time_mix_" + k for k in "kvr"], 50: ["time_mix_" + k for k in "kvr"],
                 5: ["time_mix_" + k for k in "kvrg"],
                 6: ["time_maa_" + k for k in "xwkvrg"]}[version]
        for name in ["att." + mix for mix in mixes] + ["ffn." + mixes[-1][:9] + k for k in "kr"]:
            w[p + name] = rng.random((1, 1, C), dtype=np.float32)
        if version == 4:
            normal(p + "att.time_decay", C, mean=-1.0)
            normal(p + "att.time_first", C)
        elif version == 50:
            norm(p + "att.ln_x")
            normal(p + "att.time_decay", H, mean=-1.0)
            normal(p + "att.time_first", H)
        else:
            norm(p + "att.ln_x")
            normal(p + "att.time_faaaa", H, N)
            normal(p + "att.time_decay", *((H, N) if version == 5 else (1, 1, C)), mean=-1.0)
        if version == 6:
            normal(p + "att.time_maa_w1", C, 5 * D)
            normal(p + "att.time_maa_w2", 5, D, C)
            normal(p + "att.time_decay_w1", C, 2 * D)
            normal(p + "att.time_decay_w2", 2 * D, C)
        normal(p + "ffn.key.weight", F, C, gain=0.7)
        normal(p + "ffn.value.weight", C, F, gain=0.7)
        normal(p + "ffn.receptance.weight", C, C, gain=0.7)
    norm("ln_out")
    normal("head.weight", V, C, gain=2.0)
    return w


def logits(args, path, *more):
    text = common.output(args, "logits", "--model", path, "--tokens", TOKENS, "--strategy", "cpu fp32", *more)
    return np.array([[float(x) for x in line.split(b" ")] for line in text.splitlines()])


class Twins:
    """Files that must agree with one written as BlinkDL does."""

    def __init__(self, args, label, tensors):
        import container_writers
        self.args, self.label, self.folder = args, label, os.path.join(args.work_dir, label)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        container_writers.write_safetensors(self.path("own.safetensors"), tensors)
        self.expected = logits(args, self.path("own.safetensors"))
        common.check(0.5 < np.abs(self.expected).max() < 100, f"{label}: logits of a useful size")

    def path(self, name):
        return os.path.join(self.folder, name)

    def agree(self, path, tolerance=0.0, more=()):
        worst = np.abs(logits(self.args, path, *more) - self.expected).max()
        common.check(worst <= tolerance, f"{path}: off by {worst:.3g}, at most {tolerance:g} allowed")
        print(f"{self.label}: {os.path.relpath(path, self.folder)} agrees to {worst:.2g}", flush=True)


def version7(args):
    import container_writers as cw
    from rwkv7_formulas import read_safetensors
    source = common.make_model(args, "v7.safetensors", "f16", seed=3, L=3, C=64, N=32, F=96, V=61, Dw=12, Da=8, Dv=5, Dg=20)
    w = {name: array.astype(np.float32) for name, array in read_safetensors(source).items()}
    twins = Twins(args, "v7", w)
    config = {"model_type": "rwkv7", "head_dim": 32, "norm_eps": 1e-5}
    eps = ("--gn-eps", "64e-5")

    index = cw.write_sharded(twins.path("fla"), cw.fla7(w), 3, config)
    for path in (index, os.path.dirname(index), os.path.join(os.path.dirname(index), "model-00002-of-00003.safetensors")):
        twins.agree(path, more=eps)
    own_eps = np.abs(logits(args, index) - logits(args, twins.path("own.safetensors"), "--gn-eps", "32e-5")).max()
    common.check(own_eps == 0, f"config.json's norm_eps times the head size is the group norm's epsilon: {own_eps}")
    cw.write_safetensors(twins.path("fla-first.safetensors"), cw.fla7(w, first_release=True))
    twins.agree(twins.path("fla-first.safetensors"))
    twins.agree(cw.write_sharded(twins.path("hf7"), cw.hugging_face7(w), 2, {
        "architectures": ["RwkvForCausalLM"], "architecture_version": "rwkv7", "context_length": 10240}))
    cw.write_safetensors(twins.path("ai00.st"), cw.web_rwkv(w))
    twins.agree(twins.path("ai00.st"), 1e-5)
    cw.write_legacy_pth(twins.path("legacy.pth"), {"_orig_mod." + name: array for name, array in w.items()},
                        lambda state: {"step": 7, "model": state})
    twins.agree(twins.path("legacy.pth"))
    cw.write_ggmf(twins.path("ggmf-f32.bin"), w)
    twins.agree(twins.path("ggmf-f32.bin"))
    cw.write_ggmf(twins.path("ggmf-f16.bin"), w, "f16", file_version=100)
    twins.agree(twins.path("ggmf-f16.bin"), 1e-5)
    for kind, tolerance in (("f32", 0), ("f16", 1e-5), ("bf16", 0.2)):
        cw.write_gguf(twins.path(kind + ".gguf"), w, 32, kind)
        twins.agree(twins.path(kind + ".gguf"), tolerance)


def official_folders(args):
    """A folder in the spelling of the newest models, whichever of its names is given, is the same model bit for bit."""
    import container_writers as cw
    from rwkv7_formulas import read_safetensors
    words = [b""] + [bytes([b]) for b in range(256)] + [b"\n\n", b"User", "\u273f".encode()]
    source = common.make_model(args, "official.safetensors", "f32", seed=5, L=3, C=64, N=32, F=96, V=len(words) + 4)
    w = {name: array.astype(np.float32) for name, array in read_safetensors(source).items()}
    twins = Twins(args, "official", {name: cw.bfloat16(array) for name, array in w.items()})
    index = cw.write_hugging_face_folder(twins.path("rwkv7-g1k-test"), w, words)
    folder = os.path.dirname(index)
    for path in (folder, index, *(os.path.join(folder, name) for name in sorted(os.listdir(folder)) if "-of-" in name)):
        twins.agree(path)
    inspected = common.output(args, "inspect", folder).decode()
    for line in (r"version      v7 .*", r"context      25600 .*config\.json", r"tokenizer    longest match .*tokenizer\.json"):
        common.check(re.search(line, inspected), f"inspect tells {line}: {inspected}")
    converted = twins.path("converted.gguf")
    common.output(args, "convert", folder, converted)
    inspected = common.output(args, "inspect", converted).decode()
    common.check("context      25600" in inspected and "template     bot: " in inspected and b"rwkv_prompt_template" in open(converted, "rb").read(),
                 f"a converted folder keeps what lay beside it: {inspected}")
    with common.Server(args, index, "--strategy", "cpu fp32") as server:
        meta = server.get("/v1/models")[1]["data"][0]["meta"]
        common.check(meta["trained_context"] == 25600 and meta["tokenizer"]["from"].endswith("tokenizer.json"), f"{meta}")
        text = server.complete(prompt="hi", max_tokens=4, logit_bias={"257": 100})
        common.check(text == "\n\n" * 4, f"the folder's tokenizer speaks: {text!r}")
    # Its own epsilon, where it has one.
    cw.write_hugging_face_folder(twins.path("eps"), w, words, group_norm_epsilon=3e-4)
    twins.expected = logits(args, twins.path("own.safetensors"), "--gn-eps", "3e-4")
    twins.agree(twins.path("eps"))


def older_versions(args):
    import container_writers as cw
    for version in (4, 50, 5, 6):
        w = made(version)
        twins = Twins(args, f"v{version}", w)
        # rwkv.cpp takes another epsilon for v5, and a computed decay has lost some digits.
        ggmf_eps = ("--gn-eps", "64e-5")
        cw.write_safetensors(twins.path("hf.safetensors"), cw.hugging_face(w))
        twins.agree(twins.path("hf.safetensors"))
        cw.write_legacy_pth(twins.path("legacy.pth"), w)
        twins.agree(twins.path("legacy.pth"))
        cw.write_ggmf(twins.path("ggmf.bin"), w)
        twins.agree(twins.path("ggmf.bin"), 2e-4, ggmf_eps)
        half = {name: array.astype(np.float16).astype(np.float32) for name, array in w.items()}
        cw.write_safetensors(twins.path("half.safetensors"), half)
        twins.expected = logits(args, twins.path("half.safetensors"))
        cw.write_safetensors(twins.path("ai00.st"), cw.web_rwkv(w))
        twins.agree(twins.path("ai00.st"), 1e-5)
    cw.write_safetensors(twins.path("fla.safetensors"), cw.fla6(half))
    twins.agree(twins.path("fla.safetensors"))
    for rescale in (0, 1):
        cw.write_gguf(twins.path(f"rescale{rescale}.gguf"), half, 32, rescale_every=rescale)
        twins.agree(twins.path(f"rescale{rescale}.gguf"))


def trainers_files(args):
    """Checkpoints with settings beside the weights, and the one that no other program can read."""
    import argparse

    import container_writers as cw
    w = made(4)
    twins = Twins(args, "trainers", w)
    cw.write_legacy_pth(twins.path("lightning.ckpt"), w, lambda state: {
        "epoch": 1, "hyper_parameters": argparse.Namespace(n_layer=2, lr=6e-4, betas=(0.9, 0.99)), "loops": {}, "state_dict": state})
    twins.agree(twins.path("lightning.ckpt"))
    cw.write_legacy_pth(twins.path("converted.pth"), w, lambda state: {
        "_strategy": "cpu fp32", "_rescale_layer": 0, "_version": "0.7", **state})
    done = common.run(args, "inspect", twins.path("converted.pth"))
    common.check(done.returncode == 1 and b'converted by ChatRWKV for its strategy "cpu fp32"' in done.stderr,
                 f"a converted model is refused by its converter's name: {done.stderr.decode()}")


def carried_vocabularies(args):
    """Whatever a GGUF says about the end of a text, its tokens keep their bytes and token 0 ends it."""
    import container_writers as cw
    from rwkv7_formulas import read_safetensors
    words = [b""] + [bytes([b]) for b in range(256)] + [b"\n\n", b"User", b"w"]
    source = common.make_model(args, "carried.safetensors", "f32", seed=3, L=2, C=64, N=32, F=96, V=len(words))
    w = {name: array.astype(np.float32) for name, array in read_safetensors(source).items()
         if not name.startswith("blocks.0.att.v") or name.endswith("weight")}
    spelled = {}
    for eos in (0, 2, 257):
        path = os.path.join(args.work_dir, f"eos{eos}.gguf")
        pairs = [(key, kind, eos if key.endswith("eos_token_id") else value) for key, kind, value in cw.gguf_pairs(w, 32, words)]
        entries = [(name, 0, array.shape, array.tobytes()) for name, array in cw.gguf_layout(w, 32)]
        with open(path, "wb") as f:
            f.write(cw.gguf_bytes(pairs, entries))
        spelled[eos] = common.output(args, "tokenize", "--vocab", path, stdin=b"User: hi\n\n")
        with common.Server(args, path, "--strategy", "cpu fp32") as server:
            status, answer = server.post("/v1/completions", {"prompt": "hi", "max_tokens": 8, "logit_bias": {"0": 100}})
            common.check(status == 200 and answer["choices"][0]["finish_reason"] == "stop", f"token 0 ends a text, eos {eos}: {answer}")
            text = server.complete(prompt="hi", max_tokens=4, logit_bias={"257": 100})
            common.check(text == "\n\n" * 4, f"an answer may hold empty lines, eos {eos}: {text!r}")
    common.check(len(set(spelled.values())) == 1 and b" 257" in spelled[0], f"a prompt is spelled the same: {spelled}")


def main():
    args = common.parse_args()
    trainers_files(args)
    carried_vocabularies(args)
    version7(args)
    official_folders(args)
    older_versions(args)


if __name__ == "__main__":
    main()
