"""Conversations that are kept: resumed, branched, taken back and handed on in the terminal; and mixed states."""
import json
import os
import random
import signal
import struct
import subprocess
import threading
import time

import common

TALK = ["The fruit I like most is plum.", "What is the capital of France?", "Tell me my favourite fruit.",
        "What is 23 + 45?", "Tell me my favourite fruit.", "What is the capital of Spain?"]
PLUM, FRANCE, FRUIT = ("I will remember that your favourite fruit is plum.", "The capital of France is Paris.",
                       "Your favourite fruit is plum.")


class Chats:
    """`fulmar chat` and `fulmar sessions` on one store."""

    def __init__(self, args, name, *flags):
        self.args = args
        self.home = os.path.join(args.work_dir, name)
        self.env = {"XDG_DATA_HOME": self.home, "HOME": self.home}
        self.file = os.path.join(self.home, "fulmar", "sessions.db")
        self.flags = list(flags) if "--strategy" in flags else ["--strategy", "cpu fp32", "--max-tokens", "40", *flags]
        if os.path.exists(self.file):
            os.remove(self.file)

    def run(self, lines, *words):
        return common.run(self.args, "chat", *self.flags, *words, stdin="".join(line + "\n" for line in lines).encode(),
                          env=self.env)

    def chat(self, lines, *words):
        done = self.run(lines, *words)
        common.check(done.returncode == 0, f"chat {words} of {lines}: {done.returncode} {done.stderr.decode()}")
        return done.stdout.decode().splitlines()

    def sessions(self, *words, code=0):
        done = common.run(self.args, "sessions", *words, env=self.env)
        common.check(done.returncode == code, f"sessions {words}: {done.returncode} {done.stderr.decode()}")
        return (done.stdout if code == 0 else done.stderr).decode(errors="replace")

    def ids(self):
        return [line.split("tokens  ", 1)[1] for line in self.sessions("list").splitlines()]


def is_set(args):
    chats = Chats(args, "set", "--profile", "pip", "--seed", "3")
    greedy = chats.chat([TALK[1]], "--temperature", "0")
    free = chats.chat([TALK[1]], "--temperature", "2", "--top-p", "1")
    common.check(greedy == [FRANCE] != free, f"the two differ: {greedy} {free}")
    said = chats.chat(["/set temperature 2", "/set top_p 1", TALK[1], "/reset", "/set temperature 0", "/set max-tokens 3", TALK[1]])
    common.check(said[0] == free[0] and FRANCE.startswith(said[-1]) and said[-1] != FRANCE, f"/set changes what follows: {said}")
    failed = chats.run(["/set", "/set warmth 1", "/set top-p 2", "/set top-k x", "/set penalty-rule harsh", "/set seed"])
    named = ["/set NAME VALUE", "no warmth", "top-p: 2 is not", "top-k: x", "one of openai", "seed needs"]
    lines = failed.stderr.decode().splitlines()
    common.check(failed.returncode == 1 and all(any(word in line for line in lines) for word in named), f"{lines}")
    print("ok: /set", flush=True)


def resumes(args):
    chats = Chats(args, "resumed", "--temperature", "0")
    whole = chats.chat(TALK, "--session", "whole", "--system", "You are brief.")
    common.check(whole[:3] == [PLUM, FRANCE, FRUIT], f"the demo model answers: {whole}")
    parts = [line for said in TALK for line in chats.chat([said], "--session", "parts", "--system", "You are brief.")]
    common.check(parts == whole, f"a conversation in six processes: {parts}, in one: {whole}")
    for think in ("on", "fake"):
        whole = chats.chat(TALK, "--session", "whole " + think, "--think", think)
        half = chats.chat(TALK[:3], "--session", "half " + think, "--think", think)
        half += chats.chat(TALK[3:], "--session", "half " + think, "--think", think)
        common.check(half == whole, f"with --think {think}: {half}, {whole}")
    common.check(chats.ids() == ["half fake", "half on", "parts", "whole", "whole fake", "whole on"], f"{chats.ids()}")
    text = [chats.sessions("show", name, "--model", os.path.join(args.source_dir, "models", "fulmar-demo.safetensors"))
            for name in ("parts", "whole")]
    common.check(text[0].split("\n\n", 1)[1] == text[1].split("\n\n", 1)[1], f"the texts of both are the same: {text}")
    common.check(f"User: {TALK[1]}\n\nAssistant: {FRANCE}" in text[0], f"the transcript: {text[0]}")
    told = chats.run(["/quit"], "--session", "parts", "--system", "You are long.").stderr.decode()
    common.check("was not told to it" in told, f"--system comes too late for a session: {told}")
    shown = chats.run(TALK[:1], "--session", "parts", "--show-prompt").stderr.decode()
    common.check(f'world: "\\n\\nUser: {TALK[0]}\\n\\nAssistant:"' in shown, f"only the new message is read: {shown}")
    print("ok: sessions are resumed", flush=True)


def commands(args):
    chats = Chats(args, "commands", "--temperature", "0")
    pear = "I will remember that your favourite fruit is pear."
    said = chats.chat([TALK[0], "/save early", "/branch other", "The fruit I like most is pear.", TALK[2], "/load kept", TALK[2],
                       "/edit " + TALK[1], "/retry", TALK[2], "/load early", "/reset", "/load other", "/edit " + TALK[1]],
                      "--session", "kept")
    common.check(said == [PLUM, pear, FRUIT.replace("plum", "pear"), FRUIT, FRANCE, FRANCE, FRUIT, FRANCE], f"{said}")
    common.check(chats.ids() == ["kept", "other"], f"/reset erases: {chats.ids()}")
    demo = ["--model", os.path.join(args.source_dir, "models", "fulmar-demo.safetensors")]
    kept = chats.sessions("show", "kept", *demo)
    common.check(kept.count(TALK[1]) == 1 and kept.count(TALK[2]) == 1, f"/edit and /retry take a turn back: {kept}")
    # The message of the last turn is known to the next program too, also where it was the first.
    common.check(chats.chat(["/retry", "/edit " + TALK[2]], "--session", "other") == [FRANCE, FRUIT.replace("plum", "pear")],
                 "/retry in another process")
    common.check(chats.chat([TALK[0]], "--session", "one") + chats.chat(["/retry", "/edit " + TALK[1]], "--session", "one") ==
                 [PLUM, PLUM, FRANCE], "the first turn is taken back")
    failed = chats.run(["/fly away", "/load nobody", "/edit", "/retry now", "/save one", "/retry", "//quit", "/quit", "no"],
                       "--session", "new")
    errors = [line for line in failed.stderr.decode().splitlines() if line.startswith("fulmar: ")]
    named = ["/fly", "'nobody'", "/edit TEXT", "/retry stands alone", "nothing was said", "no message"]
    common.check(failed.returncode == 1 and len(errors) == len(named) and
                 all(word in line for word, line in zip(named, errors)), f"what cannot be done is said: {failed}")
    common.check(len(failed.stdout.splitlines()) == 1, f"//quit is said to the model: {failed.stdout}")
    common.check(b"/branch NAME" in chats.run(["/help"]).stderr, "/help lists the commands")
    print("ok: commands of a conversation", flush=True)


def other_seeds(args, model):
    chats = Chats(args, "seeds", "--model", model, "--vocab", "bytes", "--ignore-eos", "--seed", "5")
    once = chats.run(["hello"]).stdout
    twice = chats.run(["hello", "/retry"], "--session", "s").stdout
    common.check(twice.startswith(once) and twice[len(once):].strip() and twice[len(once):] != once,
                 f"/retry draws another answer: {once} {twice}")
    common.check(chats.sessions("show", "s", "--vocab", "bytes").count("hello") == 1, "it takes the place of the first")
    foreign = Chats(args, "seeds none").run(["/quit"], "--sessions", chats.file, "--session", "s")
    common.check(foreign.returncode == 1 and b"session 's' cannot go on here: the state is of another model" in foreign.stderr,
                 f"a session of another model: {foreign}")
    none = chats.run(["/quit"], "--session", "s", "--sessions", "none")
    common.check(none.returncode == 2 and b"--sessions none" in none.stderr, f"a session without a file: {none}")


def in_memory(args):
    chats = Chats(args, "memory", "--temperature", "0")
    chats.chat(TALK[:2] + ["/sessions"])
    common.check(not os.path.exists(chats.file), "without --session nothing is written")
    said = chats.chat([TALK[0], "/branch b", "The fruit I like most is pear.", "/save pear", "/load chat", TALK[2], "/save plum"])
    common.check(said[-1] == FRUIT and chats.ids() == ["pear", "plum"], f"/save writes: {said} {chats.ids()}")
    common.check(chats.chat([TALK[2]], "--session", "pear") == [FRUIT.replace("plum", "pear")], "what was saved is resumed")
    before = chats.sessions("show", "plum")
    common.check("Assistant: " + FRUIT in before, f"the demo model's vocabulary is found: {before}")
    common.check(chats.chat(["/load plum", TALK[2], TALK[2]]) == [FRUIT] * 2, "/load reads the file")
    common.check(chats.sessions("show", "plum") == before, "and without --session does not change it")
    print("ok: conversations in memory", flush=True)


def store(args):
    chats = Chats(args, "store", "--temperature", "0")
    demo = ["--model", os.path.join(args.source_dir, "models", "fulmar-demo.safetensors")]
    common.check("no sessions yet" in chats.sessions("list", code=1) and not os.path.exists(chats.file), "there is no store")
    chats.chat(TALK[:1], "--session", "a")
    chats.chat(TALK[1:2], "--session", "a:b")
    chats.chat(TALK[1:2], "--session", "ab")
    path = os.path.join(args.work_dir, "a.state")
    chats.sessions("export", "a", path)
    common.check("'a' already" in chats.sessions("import", path, code=1), "a name that is taken")
    common.check(chats.sessions("import", path, "--as", "copy") == "copy\n", "the name is told")
    common.check(chats.chat(TALK[2:3], "--session", "copy") == [FRUIT], "an imported session goes on")
    common.check("without text: the first" in chats.sessions("show", "copy", *demo), "its first text is unknown")
    chats.sessions("delete", "a", "--below")
    common.check(chats.ids() == ["ab", "copy"], f"--below deletes a and a:b: {chats.ids()}")
    for words, code, named in ((["delete", "a"], 1, "no session a"), (["show", "a"], 1, "'a'"), (["show"], 2, "show ID"),
                               (["list", "x"], 2, "sessions list"), (["export", "ab"], 2, "export ID FILE"),
                               (["fly"], 2, "fly"), (["list", "--as", "x"], 2, "--as is for import"),
                               (["show", "ab", "--below"], 2, "--below is for delete"),
                               (["import", chats.file], 1, "is no state"), (["list", "--sessions", path], 1, "no store"),
                               (["show", "ab", "--vocab", "bytes"], 2, "--vocab FILE"), (["import", "/nonexistent"], 1, "/nonex")):
        error = chats.sessions(*words, code=code)
        common.check(named in error, f"{words}: names {named}: {error}")
    server = subprocess.Popen([args.fulmar, "chat", *chats.flags, "--session", "held"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **chats.env})
    server.stdin.write(TALK[0].encode() + b"\n")
    server.stdin.flush()
    server.stdout.readline()
    held = chats.sessions("list", code=1)
    common.check("another program has this store" in held, f"a store that another program holds: {held}")
    server.communicate(b"/quit\n")
    common.check(chats.ids() == ["ab", "copy", "held"], "and is there again when that ends")
    print("ok: the store without a server", flush=True)


def interrupted(args, model):
    """Of an answer that Ctrl-C ends as much is kept as had come, and /retry takes just that turn back."""
    chats = Chats(args, "interrupted")
    talk = subprocess.Popen([args.fulmar, "chat", "--model", model, "--vocab", "bytes", "--strategy", "cpu fp32", "--session",
                             "s", "--max-tokens", "100000000", "--ignore-eos", "--temperature", "0"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **chats.env})
    heard = [0]

    def listen():
        while part := os.read(talk.stdout.fileno(), 1 << 16):
            heard[0] += len(part)
    listener = threading.Thread(target=listen)
    listener.start()
    for line in (b"first", b"second", b"/retry", b"/edit third"):
        before = -1
        while before != heard[0]:  # of the answer before; a Ctrl-C between two answers ends the program
            before = heard[0]
            time.sleep(0.2)
        talk.stdin.write(line + b"\n")
        talk.stdin.flush()
        deadline = time.monotonic() + common.LOAD_SECONDS
        while heard[0] < before + 2000 and time.monotonic() < deadline:
            time.sleep(0.01)
        talk.send_signal(signal.SIGINT)
    talk.stdin.write(b"/quit\n")
    talk.stdin.close()
    listener.join()
    common.check(talk.wait(60) == 0, f"it ends as asked: {talk.returncode}")
    done = common.run(args, "sessions", "show", "s", "--vocab", "bytes", env=chats.env).stdout
    common.check([done.count(word) for word in (b"first", b"second", b"third")] == [1, 0, 1], f"two turns are left: {done[:300]}")
    print("ok: answers that are interrupted", flush=True)


def killed(args):
    """An answer that was seen to end is there after the program was killed."""
    chats = Chats(args, "killed", "--temperature", "0")
    for said, answer in zip(TALK[:2], (PLUM, FRANCE)):
        talk = subprocess.Popen([args.fulmar, "chat", *chats.flags, "--session", "s"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **chats.env})
        talk.stdin.write(said.encode() + b"\n")
        talk.stdin.flush()
        heard = talk.stdout.readline().decode().strip()
        talk.kill()
        talk.communicate()
        common.check(heard == answer, f"said before it is killed: {heard}")
    common.check(chats.chat([TALK[2], "/retry"], "--session", "s") == [FRUIT, FRUIT], "and known after it")
    print("ok: a conversation that is killed", flush=True)


def tuned_state(args, name, layers, heads, size, seed):
    """A state as a trainer leaves it, large enough that a made model has not forgotten it at once."""
    draw = random.Random(seed)
    head, data = {}, b""
    for layer in range(layers):
        floats = struct.pack(f"<{heads * size * size}f", *(draw.gauss(0, 1000) for _ in range(heads * size * size)))
        head[f"blocks.{layer}.att.time_state"] = {"dtype": "F32", "shape": [heads, size, size],
                                                  "data_offsets": [len(data), len(data) + len(floats)]}
        data += floats
    words = json.dumps(head).encode()
    path = os.path.join(args.work_dir, name)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(words)) + words + data)
    return path


def mixtures(args, model):
    a, b = (tuned_state(args, f"{name}.safetensors", 2, 2, 32, name) for name in "ab")
    flags = ["--model", model, "--vocab", "bytes", "--strategy", "cpu fp32", "--max-tokens", "16", "--temperature", "0",
             "--ignore-eos"]

    def text(*words):
        return common.output(args, "complete", *flags, "--prompt", "Hi", *words)
    alone = text("--state", a)
    common.check(alone not in (text(), text("--state", b)), "a state changes the text")
    common.check(text("--state", a, "--state", a, "--gate", "0.3", "--gate", "0.7") == alone, "one state twice is that state")
    common.check(text("--state", b, "--state", a, "--gate", "0", "--gate", "0.5") == alone, "a gate of 0")
    common.check(text("--state", a, "--state", b, "--gate", "2", "--gate", "-1") != alone, "a gate below 0")
    common.check(text("--state", a, "--state", b) == text("--state", b, "--state", a, "--gate", "4", "--gate", "4"),
                 "gates are equal where none is given")
    for words, code, named in ((["--state", a, "--gate", "1"], 2, "--gate is given 1 times for 1"), (["--gate", "1"], 2, "--gate"),
                               (["--state", a, "--state", b, "--gate", "1"], 2, "1 times for 2"),
                               (["--state", a, "--state", b, "--gate", "0", "--gate", "0"], 1, "all gates are 0"),
                               (["--state", a, "--state", model], 1, "time_state")):
        done = common.run(args, "complete", *flags, "--prompt", "Hi", *words)
        common.check(done.returncode == code and named in done.stderr.decode(), f"{words}: {done}")
    done = common.run(args, "logits", "--model", model, "--tokens", "1", "--state", a, "--state", b)
    common.check(done.returncode == 2 and b"only chat and complete" in done.stderr, f"logits of two states: {done}")

    chats = Chats(args, "mixed", *flags)
    mixed = ["--state", a, "--state", b, "--gate", "0.3", "--gate", "0.7"]
    lines = ["one", "two", "three"]
    whole = chats.run(lines, "--session", "whole", *mixed).stdout
    parts = b"".join(chats.run([line], "--session", "parts", *mixed).stdout for line in lines)
    common.check(whole == parts and whole != chats.run(lines, *mixed[:2]).stdout, f"mixtures are resumed: {whole} {parts}")
    common.check(chats.ids() == ["parts", "parts:1", "whole", "whole:1"], f"each state has a session: {chats.ids()}")
    branched = chats.run(["/branch c", "x", "/retry", "/load whole", "x"], "--session", "whole", *mixed).stdout
    common.check(branched == branched[:len(branched) // 3] * 3, f"each state is branched and taken back: {branched}")
    few = chats.run(["x"], "--session", "c", *mixed[:2], "--state", a, "--state", b)
    common.check(few.returncode == 1 and b"did not begin from 3 states" in few.stderr, f"as many states as it began from: {few}")
    chats.run(["x"], "--session", "q:1")
    before = chats.sessions("show", "q:1", "--vocab", "bytes")
    for words, told in ((("q", *mixed), b"there is a session 'q:1' already"), (("whole",), b"did not begin from one state"),
                        (("q:1", *mixed), b"'q:1' did not begin from 2 states")):
        done = chats.run(["x"], "--session", *words)
        common.check(done.returncode == 1 and told in done.stderr, f"what is another's is left alone: {words} {done}")
    done = chats.run(["x", "/branch whole"], "--session", "z")
    common.check(b"there is a session 'whole' already: take another name" in done.stderr, f"{done}")
    common.check(chats.sessions("show", "q:1", "--vocab", "bytes") == before, "and stays as it is")
    print("ok: mixtures of states", flush=True)


def main():
    args = common.parse_args()
    model = common.make_model(args, "small.safetensors", L=2, C=64, N=32, F=96, V=256)
    is_set(args)
    resumes(args)
    commands(args)
    other_seeds(args, model)
    in_memory(args)
    store(args)
    interrupted(args, model)
    killed(args)
    mixtures(args, model)


main()
