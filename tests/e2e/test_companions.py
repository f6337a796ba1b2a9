"""What lies beside a model is told alike by inspect and by a server, and goes along when the model is converted."""
import json
import os
import re
import shutil

import numpy as np

import common

WORDS = [b""] + [bytes([b]) for b in range(256)] + [b"\n\n", b"User", "\u273f".encode()]


def told_by_inspect(args, path):
    """As /v1/models words it."""
    text = common.output(args, "inspect", path).decode()

    def line(label, pattern):
        found = re.search(rf"^{label} +{pattern}$", text, re.MULTILINE)
        common.check(found or label in ("context", "profile"), f"{path}: inspect tells the {label}: {text}")
        return found.groups() if found else (None, None)

    tokens, context_from = line("context", r"(\d+) tokens in training, which bound nothing: (.*)")
    named = lambda label, pattern: dict(zip(("name", "from"), line(label, pattern)))
    profile = named("profile", r"([^:]*): (.*)")
    return {"version": line("version", r"(v7) by its tensors")[0], "kind": line("kind", "(text)")[0],
            "trained_context": tokens and int(tokens), "trained_context_from": context_from,
            "tokenizer": named("tokenizer", r"(.*) of \d+ ids: (.*)"),
            "chat_template": named("template", r"([^:]*): (.*)"),
            "sampling_profile": profile if profile["name"] else None}


def served(args, path):
    """What a server tells of the model, after checking that inspect tells it too; and the profiles it draws with."""
    with common.Server(args, path, "--strategy", "cpu fp32") as server:
        meta = server.get("/v1/models")[1]["data"][0]["meta"]
        told = told_by_inspect(args, path)
        common.check({key: meta[key] for key in told} == told, f"{path}: inspect and /v1/models agree: {told}, {meta}")
        common.check(server.get("/apply-template")[1] == {"chat_template": told["chat_template"]["name"],
                                                          "from": told["chat_template"]["from"]}, "GET /apply-template too")
        ids = server.post("/apply-template", {"messages": [{"role": "user", "content": "hi"}]})[1]["tokens"]
        return told, server.get("/props")[1]["sampling_profiles"], ids


def weights(args, V):
    from rwkv7_formulas import read_safetensors
    source = common.make_model(args, f"v{V}.safetensors", "f32", seed=5, L=2, C=64, N=32, F=96, V=V)
    return source, {name: array.astype(np.float32) for name, array in read_safetensors(source).items()}


def folders(args):
    """A folder of 2026, and what becomes of it in either container, far from where it was."""
    import container_writers as cw
    _, w = weights(args, len(WORDS) + 4)
    folder, away = (os.path.join(args.work_dir, name) for name in ("rwkv7-g1k-test", "away"))
    for path in (folder, away):
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(away)
    cw.write_hugging_face_folder(folder, w, WORDS)
    told, profiles, ids = served(args, folder)
    common.check(told["sampling_profile"] == {
        "name": "open, fake, tools",
        "from": os.path.join(folder, "generation_config.json") + ", fake_think_generation_config.json, tools_generation_config.json"},
        f"each profile's file is told: {told}")
    common.check(told["chat_template"]["name"] == "bot" and told["trained_context"] == 25600, f"{told}")
    for name in ("plain.gguf", "plain.safetensors", "rwkv7-g1d.gguf", "rwkv7-g1d.safetensors"):
        out = os.path.join(away, name)
        done = common.run(args, "convert", folder, out)
        common.check(done.returncode == 0, f"{done.stderr}")
        now, same, same_ids = served(args, out)
        common.check(same == profiles and profiles["open"]["top_k"] == 32, f"{name}: the sampling profiles went along: {same}")
        common.check(same_ids == ids, f"{name}: template and tokenizer give the same prompt: {same_ids}, {ids}")
        common.check(now["trained_context"] == 25600 and now["chat_template"]["name"] == "bot", f"{now}")
        common.check(f"{name}: fulmar.generation_config, fulmar.fake" in now["sampling_profile"]["from"], f"{now}")
    common.check(sorted(os.listdir(away)) == [f"{name}.{kind}" for name in ("plain", "rwkv7-g1d") for kind in ("gguf", "safetensors", "vocab")], f"{os.listdir(away)}")
    # And back: what a file carries is carried on.
    for name, source in (("again.safetensors", "plain.gguf"), ("again.gguf", "plain.safetensors")):
        out = os.path.join(away, name)
        done = common.run(args, "convert", os.path.join(away, source), out)
        common.check(done.returncode == 0, f"{done.stderr}")
        if name == "again.safetensors":
            common.check(b"no place for the vocabulary" in done.stderr, f"what does not go along is said: {done.stderr}")
            shutil.copy(os.path.join(away, "plain.vocab"), os.path.join(away, "again.vocab"))
        now, same, same_ids = served(args, out)
        common.check((same, same_ids, now["trained_context"]) == (profiles, ids, 25600), f"{name}: {now} {same} {same_ids}")
    print("ok: a folder, converted and back", flush=True)


def lone_files(args):
    """A file among others, whose own companions count; and one that has none."""
    source, _ = weights(args, 256)
    folder = os.path.join(args.work_dir, "many")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)

    def write(name, content):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))

    lone, other = (os.path.join(folder, name) for name in ("lone-ctx4096.safetensors", "other.safetensors"))
    shutil.copy(source, lone)
    shutil.copy(source, other)
    write("lone-ctx4096.vocab", "".join(f"{i} {bytes([i])!r} 1\n" for i in range(1, 256)))
    write("lone-ctx4096.chat_template.jinja", "{{ 'Bob: ' }}{{ 'Alice: ' }}")
    write("lone-ctx4096.generation_config.json", {"top_p": 0.5, "temperature": 1e30})
    told, profiles, _ = served(args, lone)
    common.check(told["chat_template"] == {"name": "raven", "from": os.path.join(folder, "lone-ctx4096.chat_template.jinja")} and
                 told["trained_context_from"] == "the model's name", f"{told}")
    common.check(profiles["open"]["top_p"] == 0.5 and profiles["open"]["temperature"] == 1, f"{profiles}")
    warned = common.run(args, "inspect", lone).stderr.decode()
    common.check("generation_config.json: temperature is 1e+30, it must be from 0 to 2; it is passed over" in warned, warned)
    # World, which ships with Fulmar, is not for a model of 256 tokens: nobody says that it was taken.
    sentence = "this model has 256 tokens and the vocabulary 65530; give the model's own with --vocab FILE, or --vocab bytes"
    text = common.output(args, "inspect", other).decode()
    common.check(f"tokenizer    none: {sentence}\n" in text and "template     unknown" in text, f"{text}")
    text = common.output(args, "inspect", other, "--vocab", "bytes").decode()
    common.check("tokenizer    bytes of 256 ids: --vocab\n" in text and "\ntemplate     world: " in text, f"{text}")
    done = common.run(args, "inspect", other, "--vocab", os.path.join(args.source_dir, "models", "rwkv-world.vocab"))
    common.check(done.returncode == 2 and b"rwkv-world.vocab: has 65530 ids and the model 256 tokens" in done.stderr, f"{done}")
    # A text has no chat template, and a profile of the model's only where that is asked for.
    for words, profile in (([], "neutral, from the default for texts"), (["--sampling-profile", "model"], "open, from "),
                           (["--sampling-profile", "infer"], "infer, from --sampling-profile")):
        said = common.run(args, "complete", "--model", lone, "--strategy", "cpu fp32", "--prompt", "a", "--max-tokens", "1", *words).stderr.decode()
        common.check(f"sampling profile: {profile}" in said and "chat template" not in said, f"{words}: {said}")
    done = common.run(args, "serve", "--model", other, "--port", "0", "--strategy", "cpu fp32")
    common.check(done.returncode == 2 and sentence in done.stderr.decode(), f"{done}")
    # Companions that no model has cost no start.
    write("other.vocab", "".join(f"{i} {bytes([i])!r} 1\n" for i in range(1, 256)))
    for name in ("config.json", "generation_config.json", "tools_generation_config.json", "chat_template.jinja"):
        write(name, " " * ((1 << 20) + 1))
    told, profiles, _ = served(args, other)
    common.check(told["sampling_profile"] is None and told["trained_context"] is None and told["trained_context_from"] is None,
                 f"what is not known is null: {told}")
    common.check(profiles["open"]["name"] == "neutral", f"{profiles}")
    print("ok: files among others", flush=True)


def what_stays_behind(args):
    """What the new file has no place for is said in a line each."""
    source, _ = weights(args, 5)
    folder = os.path.join(args.work_dir, "pairs")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    shutil.copy(source, os.path.join(folder, "pairs.safetensors"))
    merges = os.path.join(folder, "tokenizer.json")
    with open(merges, "w", encoding="utf-8") as f:
        json.dump({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
                   "added_tokens": [{"id": 0, "content": "<|endoftext|>"}],
                   "model": {"type": "BPE", "merges": ["a b"],
                             "vocab": {"<|endoftext|>": 0, "a": 1, "b": 2, "ab": 3, "\u0120": 4}}}, f)

    def notes(*words):
        done = common.run(args, "convert", os.path.join(folder, "pairs.safetensors"), *words, "--force")
        common.check(done.returncode == 0, f"{words}: {done}")
        return [line for line in done.stderr.decode().splitlines() if line.startswith("note: ")]

    out = os.path.join(folder, "out.gguf")
    said = notes(out)
    common.check(len(said) == 1 and "no place for a vocabulary of byte pairs" in said[0] and f"--vocab {merges}" in said[0], f"{said}")
    common.check(b"tokenizer.ggml.tokens" not in open(out, "rb").read(), "no vocabulary of another kind in its stead")
    done = common.run(args, "convert", os.path.join(folder, "pairs.safetensors"), out, "--force", "--vocab", merges)
    common.check(done.returncode == 2 and b"byte pairs" in done.stderr, f"one that was asked for is refused: {done}")
    common.check(notes(os.path.join(folder, "out.safetensors")) == [], "found in the same folder anyway")
    said = notes(os.path.join(folder, "out.safetensors"), "--vocab", merges)
    common.check(len(said) == 1 and f"run it with --vocab {merges}" in said[0], f"{said}")
    said = notes(os.path.join(args.work_dir, "away", "pairs.safetensors"))
    common.check(len(said) == 1 and "vocabulary went along" in said[0], f"{said}")
    print("ok: what stays behind", flush=True)


def main():
    args = common.parse_args()
    folders(args)
    lone_files(args)
    what_stays_behind(args)


if __name__ == "__main__":
    main()
