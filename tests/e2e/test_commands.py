"""Every command does what its help says, and a mistake costs one clear line and the right exit code."""
import json
import os
import re
import resource
import struct
import subprocess

import common


def misuse(args, model):
    broken = os.path.join(args.work_dir, "broken.safetensors")
    with open(broken, "wb") as f:
        f.write(b"\xff" * 100)
    empty = os.path.join(args.work_dir, "empty")
    open(empty, "w").close()
    table = [  # words (variables before them), exit code, what the line must name
        ([], 2, "command"),
        (["fly"], 2, "fly"),
        (["logits", "--model", model], 2, "--tokens"),
        (["logits", "--model", model, "--tokens", "1,x"], 2, "1,x"),
        (["logits", "--model", model, "--tokens", ""], 2, "--tokens"),
        (["logits", "--model", model, "--tokens", "1", "--chunk", "0"], 2, "--chunk"),
        (["logits", "--model", model, "--tokens", "1", "--strategy", "toaster fp16"], 2, "toaster"),
        (["logits", "--model", model, "--tokens", "1", "--strategy", "cpu fp7"], 2, "fp7"),
        (["logits", "--model", model, "--tokens", "256"], 1, "256"),
        (["logits", "--model", model, "--tokens", "-1"], 1, "-1"),
        (["logits", "--model", "/nonexistent.pth", "--tokens", "1"], 1, "/nonexistent.pth"),
        (["logits", "--model", broken, "--tokens", "1"], 1, "broken.safetensors"),
        (["inspect", broken], 1, "broken.safetensors"),
        (["tokenize", "--vocab", "/nonexistent.txt"], 1, "/nonexistent.txt"),
        (["serve", "--model", model, "--port", "99999"], 2, "--port: 99999 is not a number between 0 and 65535"),
        *((["serve", "--model", model, "--allow-host", host], 2, f"--allow-host {host} is no host")
          for host in ("http://models.example", "models.example:80", "a b", "models.example/v1", "[::1", "")),
        (["chat", "--model", model, "--think", "maybe"], 2, "maybe is not one of fake, off, on"),
        (["serve", "--model", model, "--log-level", "loud"], 2, "loud"),
        (["serve", "--model", model, "--queue", "0"], 2, "--queue"),
        (["serve", "--model", model, "--l1-sessions", "-1"], 2, "--l1-sessions"),
        (["serve", "--model", model, "--l2-sessions", "few"], 2, "--l2-sessions"),
        (["serve", "--model", model, "--sessions-limit", "0"], 2, "--sessions-limit"),
        (["serve", "--model", model, "--prefix-cache", "much"], 2, "--prefix-cache"),
        (["serve", "--model", model, "--host", ""], 2, "--host"),
        (["serve", "--model", model, "--cors", "chat.example"], 2, "--cors chat.example"),
        (["serve", "--model", model, "--gn-eps", "nan"], 2, "nan is not a number above 0"),
        (["serve", "--model", model, "--drain-seconds", "-1"], 2, "-1 is not 0 or a number above it"),
        (["complete", "--model", model, "--seed", "-1"], 2, "-1 is not a whole number"),
        (["complete", "--model", model, "--sampling-profile", "mine"], 2, "--sampling-profile mine is none; there are model, neutral"),
        (["chat", "--model", model, "--sampling-profile", "mine"], 2, "--sampling-profile mine is none; there are model, neutral"),
        (["chat", "--model", model, "--penalty-rule", "harsh"], 2, "harsh is not one of ai00, batch, llama, openai, pipeline"),
        (["complete", "--model", model, "--seed", "99999999999999999999"], 2, "--seed"),
        (["serve", "--model", model, "--password", ""], 2, "--password"),
        (["FULMAR_PASSWORD=", "serve", "--model", model], 2, "FULMAR_PASSWORD"),
        (["FULMAR_PASSWORD=a b", "serve", "--model", model], 2, "FULMAR_PASSWORD"),
        (["serve", "--model", model, "--password", "a b"], 2, "--password"),
        (["serve", "--model", model, "--password-file", empty], 2, "--password-file"),
        (["serve", "--model", model, "--password-file", "/nonexistent"], 2, "/nonexistent"),
        (["complete", "--model", model, "--top-p", "2"], 2, "--top-p"),
        (["bench", "--model", model, "--batch", "0"], 2, "--batch"),
        (["bench", "--strategy", "cpu fp16"], 2, "--made"),
        (["bench", "--made", "9b"], 2, "0.4b"),
    ]
    for words, code, named in table:
        env = dict(word.split("=", 1) for word in words if word.startswith("FULMAR_"))
        done = common.run(args, *words[len(env):], env=env)
        lines = [line for line in done.stderr.decode().splitlines() if line.startswith("fulmar: ")]
        label = f"fulmar {' '.join(words)}"
        common.check(done.returncode == code, f"{label}: exit code {done.returncode}, expected {code}: {done.stderr}")
        common.check(len(lines) == 1 and named in lines[0], f"{label}: one line naming {named!r}: {done.stderr}")
        common.check(not done.stdout, f"{label}: nothing on stdout: {done.stdout[:200]}")
    # A file's own words reach the terminal without steering it.
    text = lambda words: struct.pack("<Q", len(words)) + words
    foreign = os.path.join(args.work_dir, "foreign.gguf")
    with open(foreign, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text(b"general.architecture") + struct.pack("<I", 8) +
                text(b"a\x1b[2J\rz"))
    done = common.run(args, "inspect", foreign)
    common.check(done.returncode == 1 and rb"a\x1b[2J\x0dz" in done.stderr and b"\x1b" not in done.stderr,
                 f"control characters of a file: {done.stderr}")
    print(f"ok: {len(table)} mistakes", flush=True)


def exhausted(args, model):
    """A full disk and a system that gives no threads end in a sentence and exit code 1, not in silence or a hang."""
    flags = ["--model", model, "--vocab", "bytes", "--strategy", "cpu fp32"]
    if os.path.exists("/dev/full"):
        for words in (["devices"], ["inspect", model], ["tokenize"], ["complete", *flags, "--prompt", "a"],
                      ["logits", "--model", model, "--tokens", "1", "--strategy", "cpu fp32"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([args.fulmar, *words], input=b"text", stdout=full, stderr=subprocess.PIPE,
                                      timeout=common.LOAD_SECONDS)
            common.check(done.returncode == 1 and b"could not be written" in done.stderr,
                         f"{words} on a full disk: {done.returncode} {done.stderr}")
    # No thread's stack fits a limit near the end of the address space, so the first one cannot be started.
    if resource.getrlimit(resource.RLIMIT_STACK)[1] == resource.RLIM_INFINITY:
        done = subprocess.run([args.fulmar, "complete", *flags, "--prompt", "a", "--threads", "4"], capture_output=True,
                              timeout=common.LOAD_SECONDS, preexec_fn=lambda: resource.setrlimit(
                                  resource.RLIMIT_STACK, (1 << 46, resource.RLIM_INFINITY)))
        common.check(done.returncode == 1 and b"fulmar: " in done.stderr and b"thread" in done.stderr,
                     f"no threads to be had: {done.returncode} {done.stderr}")
    print("ok: a full disk, no threads", flush=True)


def help_and_version(args):
    common.check(b"serve" in common.output(args, "--help"), "--help lists the commands")
    common.check(common.output(args, "--version").strip(), "--version prints one")
    for command in ("serve", "chat", "complete", "sessions", "logits", "tokenize", "convert", "inspect", "devices", "bench", "bench serve"):
        text = common.output(args, *command.split(), "--help").decode()
        with open(os.path.join(args.source_dir, "docs", "commands.md"), encoding="utf-8") as f:
            documented = f.read()
        for word in sorted(set(re.findall(r"--[a-z][a-z-]*", text)) - {"--help"}):
            common.check(f"`{word}" in documented, f"docs/commands.md tells what {command} {word} does")


def tokenize(args):
    text = "The quick brown fox\r\n\tjumps – über 狐 🦊\0".encode() + bytes(range(256))
    for words in ([], ["--vocab", "bytes"]):
        ids = common.output(args, "tokenize", *words, stdin=text)
        common.check(common.output(args, "tokenize", "--decode", *words, stdin=ids) == text, f"{words}: there and back")
    common.check(ids.split() == [b"%d" % byte for byte in text], "bytes are their own ids")
    common.check(common.output(args, "tokenize", "--vocab", "bytes", stdin=b"") == b"\n", "no text, no ids")
    vocab = os.path.join(args.work_dir, "vocab.txt")
    with open(vocab, "w", encoding="utf-8") as f:
        f.write("0 'a' 1\n1 'b' 1\n2 'ab' 2\n3 '\\n' 1\n")
    got = common.output(args, "tokenize", "--vocab", vocab, stdin=b"abba\n")
    common.check(got.split() == [b"2", b"1", b"0", b"3"], f"longest match from a vocabulary file: {got}")
    done = common.run(args, "tokenize", "--vocab", vocab, "--decode", stdin=b"1 4")
    common.check(done.returncode == 1 and b"'4'" in done.stderr, f"an id past the end is named: {done.stderr}")
    tokenize_other_kinds(args)
    print("ok: tokenize", flush=True)


def tokenize_other_kinds(args):
    """Byte-pair merges from a tokenizer.json, and the vocabulary inside a GGUF file."""
    def check(path, text, ids):
        got = common.output(args, "tokenize", "--vocab", path, stdin=text)
        common.check(got.split() == [b"%d" % i for i in ids], f"{path}: {text} gives {ids}: {got}")
        common.check(common.output(args, "tokenize", "--vocab", path, "--decode", stdin=got) == text, f"{path}: back")

    merges = os.path.join(args.work_dir, "tokenizer.json")
    with open(merges, "w", encoding="utf-8") as f:
        json.dump({"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
                   "added_tokens": [{"id": 0, "content": "<|endoftext|>"}],
                   "model": {"type": "BPE", "merges": ["a b"],
                             "vocab": {"<|endoftext|>": 0, "a": 1, "b": 2, "ab": 3, "\u0120": 4}}}, f)
    check(merges, b"ab a<|endoftext|>b", [3, 4, 1, 0, 2])

    def words(text):
        return struct.pack("<Q", len(text)) + text

    tokens = [b"<s>", b"a", b"ab", b"\\xff", b"\\n"]  # as bytes are written in Python
    pairs = [words(b"general.architecture") + struct.pack("<I", 8) + words(b"rwkv7"),
             words(b"rwkv7.wkv.head_size") + struct.pack("<II", 4, 8),
             words(b"tokenizer.ggml.model") + struct.pack("<I", 8) + words(b"rwkv"),
             words(b"tokenizer.ggml.eos_token_id") + struct.pack("<II", 4, 0),
             words(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(tokens)) + b"".join(map(words, tokens))]
    carrier = os.path.join(args.work_dir, "carrier.gguf")
    with open(carrier, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))
    check(carrier, b"aba\xff\n", [2, 1, 3, 4])


def inspect(args, model):
    text = common.output(args, "inspect", model).decode()
    for fact in ("v7", "L 2", "C 64", "2 x 32", "F 96", "V 256", "f16", "fp16i8", "time mix", "LoRA factors", "a sequence"):
        common.check(fact in text, f"inspect tells {fact}: {text}")
    tensors = common.output(args, "inspect", model, "--tensors").decode().splitlines()
    common.check("emb.weight f16 [256,64]" in tensors and "blocks.1.att.x_r f16 [1,1,64]" in tensors, f"--tensors: {tensors}")
    tape = common.output(args, "inspect", model, "--tape").decode()
    common.check(len(tape.splitlines()) > 20 and "mix7" in tape and "head.weight" in tape, f"--tape: {tape[:300]}")
    tape = common.output(args, "inspect", model, "--tape", "--strategy", "cpu fp16i8").decode()
    common.check(":i8[" in tape, f"--tape shows the strategy's formats: {tape[:300]}")
    print("ok: inspect", flush=True)


def devices(args):
    text = common.output(args, "devices").decode()
    common.check(any(line.startswith("cpu: ") for line in text.splitlines()), f"the CPU is always there: {text}")
    print("ok: devices", flush=True)


def complete(args, model):
    flags = ["complete", "--model", model, "--vocab", "bytes", "--strategy", "cpu fp32", "--max-tokens", "20"]
    greedy = common.output(args, *flags, "--temperature", "0", "--prompt", "abc")
    common.check(len(greedy) >= 20, f"twenty bytes of text: {greedy}")
    common.check(common.output(args, *flags, "--temperature", "0", stdin=b"abc") == greedy, "the prompt may come on stdin")
    one, again, other = (common.output(args, *flags, "--prompt", "abc", "--seed", seed) for seed in ("1", "1", "2"))
    common.check(one == again and one != other, "the same seed gives the same text, another another")
    common.check(common.output(args, *flags, "--top-k", "1", "--prompt", "abc") == greedy, "--top-k 1 is greedy")
    common.check(common.output(args, *flags, "--top-p", "0", "--prompt", "abc") == greedy, "--top-p 0 is greedy")
    common.check(common.output(args, *flags, "--min-p", "1", "--prompt", "abc") == greedy, "--min-p 1 is greedy")
    text = greedy.decode()
    common.check(common.output(args, *flags, "--temperature", "0", "--prompt", "abc", "--stop", text[5:8]).decode() ==
                 text[:text.index(text[5:8])], "--stop ends before the text")
    for penalties in (["--presence-penalty", "50"], ["--frequency-penalty", "50"],
                      ["--presence-penalty", "50", "--penalty-decay", "0.99"],
                      ["--presence-penalty", "50", "--penalty-rule", "rapid"], ["--repetition-penalty", "9"]):
        penalised = common.output(args, *flags[:-1], "40", "--temperature", "0", "--prompt", "abc", *penalties,
                                  "--ignore-eos")
        plain = common.output(args, *flags[:-1], "40", "--temperature", "0", "--prompt", "abc")
        common.check(penalised != plain, f"{penalties} change a text that repeats itself")
    print("ok: complete", flush=True)


def chat(args, model):
    flags = ["chat", "--model", model, "--vocab", "bytes", "--strategy", "cpu fp32", "--max-tokens", "8",
             "--temperature", "0"]
    first = common.output(args, *flags, stdin=b"hello\n")
    common.check(first.endswith(b"\n") and first.strip(), f"an answer: {first}")
    twice = common.output(args, *flags, stdin=b"hello\n/reset\nhello\n/quit\nnever\n")
    common.check(twice == first * 2, f"/reset forgets, /quit ends: {twice} is not twice {first}")
    for words in (["--system", "Be brief."], ["--think", "on"], ["--think", "fake"]):
        common.check(common.output(args, *flags, *words, stdin=b"hello\n") != first, f"{words} changes the prompt")
    shown = common.run(args, *flags, "--show-prompt", "--chat-template", "raven", "--think", "on", "--think-word", "bit",
                       stdin=b"hello\n").stderr.decode()
    common.check('raven: "Bob: hello (think a bit)\\n\\nAlice: <think"\ntokens: 66 111 98 58 ' in shown,
                 f"--show-prompt shows the prompt: {shown}")
    wrong = common.run(args, *flags, "--chat-template", "chatml", stdin=b"hello\n")
    common.check(wrong.returncode == 2 and b"use one of assistant, bot" in wrong.stderr, f"no such template: {wrong}")
    print("ok: chat", flush=True)


def sampling_profiles(args, model):
    """Chats are drawn as the model's makers say, texts that go on are not, and flags win: as the server does it."""
    profile = model[:-len(".safetensors")] + ".generation_config.json"
    with open(profile, "w", encoding="utf-8") as f:
        json.dump({"top_k": 1}, f)
    flags = ["--model", model, "--vocab", "bytes", "--strategy", "cpu fp32", "--max-tokens", "20", "--seed", "1"]

    def text(command, *words):
        more = ["--prompt", "abc"] if command == "complete" else []
        return common.output(args, command, *flags, *more, *words, stdin=b"hello\n")

    for command in ("chat", "complete"):
        greedy, free = text(command, "--temperature", "0"), text(command, "--sampling-profile", "neutral")
        common.check(greedy != free, f"{command}: a model whose likeliest text is not the drawn one")
        common.check(text(command) == (greedy if command == "chat" else free), f"{command}: the profile that is usual")
        common.check(text(command, "--sampling-profile", "model") == greedy, f"{command}: the model's profile")
        common.check(text(command, "--sampling-profile", "model", "--top-k", "0") == free, f"{command}: a flag goes before it")
        common.check(text(command, "--sampling-profile", "open") == text(
            command, "--sampling-profile", "neutral", "--temperature", "0.96", "--top-p", "0.76", "--top-k", "32", "--presence-penalty",
            "1", "--frequency-penalty", "0.1", "--penalty-decay", "0.988", "--penalty-rule", "rapid"), f"{command}: a profile by name")
    said = common.run(args, "chat", *flags, stdin=b"hello\n").stderr.decode()
    common.check(f"sampling profile: open, from {profile}" in said, f"what is drawn with is said: {said}")
    os.remove(profile)
    print("ok: sampling profiles", flush=True)


def bench(args, model):
    for strategy in common.strategies(args, "cpu fp16", "vulkan fp16"):
        text = common.output(args, "bench", "--model", model, "--strategy", strategy, "--batch", "1,3", "--prefill",
                             "20", "--decode", "3", "--repeats", "2", "--step-tokens", "8", "--ops").decode()
        for fact in ("GB/s", "prefill 20", "decode x1", "decode x3", "mix7", "linear f16"):
            common.check(fact in text, f"bench, {strategy}: tells {fact}: {text}")
        for line in text.splitlines():
            if line.startswith(("prefill 20 ", "decode x1 ", "decode x3 ")) and "launches" not in line:
                numbers = [float(word.rstrip("%")) for word in line.split()[2:]]
                common.check(len(numbers) == 5 and all(x > 0 for x in numbers[:2]), f"bench line: {line}")
    made = common.output(args, "bench", "--made", "0.1b", "--strategy", "cpu fp16", "--batch", "1", "--prefill", "8",
                         "--decode", "2", "--repeats", "1").decode()
    common.check("191.0 million parameters (L 12, C 768" in made, f"a made model has the published shape: {made}")
    print("ok: bench", flush=True)


def main():
    args = common.parse_args()
    model = common.make_model(args, "small.safetensors", dtype="f16", L=2, C=64, N=32, F=96, V=256)
    help_and_version(args)
    misuse(args, model)
    exhausted(args, model)
    tokenize(args)
    inspect(args, model)
    devices(args)
    complete(args, model)
    chat(args, model)
    sampling_profiles(args, model)
    bench(args, model)


if __name__ == "__main__":
    main()
