"""The demo model's text keeps held-out exercises out of training, and its scorer counts fairly."""

import http.server
import json
import os
import random
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import common  # noqa: E402


def training_text(generate, seed, count):
    rng = random.Random(seed)
    return [generate.document(rng) for _ in range(count)]


def held_out_stays_out(generate):
    """A score says nothing when its exercises were trained on."""
    items = generate.held_out(1, 60)
    scored = {(item.turns[-1][0], item.turns[-1][1].strip()) for item in items if len(item.turns) == 1}
    sums = {tuple(sorted(map(int, re.findall(r"\d+", i.turns[-1][0])))) for i in items if i.task == "addition"}
    common.check(len(scored) > 1000 and len(sums) > 40, f"{len(scored)} exercises and {len(sums)} sums are held out")
    for document in training_text(generate, "leaks", 15000):
        for (given, _), (wanted, _) in zip(document[::2], document[1::2]):
            question = re.sub(r"^.*User: |\n\nAssistant:.*$", "", given, flags=re.S) if "User:" in given else given
            common.check((question, wanted.strip(" >\n")) not in scored, f"trained on though held out: {question!r}")
            for a, b in re.findall(r"(\d+) ?\+ ?(\d+) ?(?:=|\?|$)", question):
                common.check(tuple(sorted((int(a), int(b)))) not in sums, f"a held-out sum in training: {question!r}")
    print(f"ok: {len(scored)} held-out exercises are in no training text", flush=True)


def text_is_repeatable(generate):
    one, other = (training_text(generate, "again", 200) for _ in range(2))
    common.check(one == other, "one seed gave two training texts")
    common.check(one != training_text(generate, "else", 200), "two seeds gave one training text")
    keys = [[item.turns for item in generate.held_out(7, 5)] for _ in range(2)]
    common.check(keys[0] == keys[1], "one seed gave two held-out sets")


def tokens_are_the_servers(args, generate, vocabulary):
    path = os.path.join(args.work_dir, "demo.vocab")
    pieces = vocabulary.build(documents=3000)
    vocabulary.write(path, pieces)
    mine = vocabulary.Tokenizer(path)
    common.check(mine.pieces[1:] == pieces, "the vocabulary read is not the one written")
    text = "".join(part for document in training_text(generate, "tokens", 500) for part, _ in document)
    said = common.output(args, "tokenize", "--vocab", path, stdin=text.encode())
    common.check(mine.encode(text) == list(map(int, re.findall(rb"\d+", said))), "fulmar cuts the text otherwise")
    common.check(mine.decode(mine.encode(text)) == text, "the text does not come back from its tokens")
    spelled = [mine.pieces[t] for t in mine.encode('Reverse "thetable".')]
    common.check(spelled[-9:-1] == [b"t", b"h", b"e", b"t", b"a", b"b", b"l", b"e"], f"not spelled out: {spelled}")
    common.check(not any(re.search(rb"\d.|.\d", piece) for piece in pieces), "a piece holds a digit and more")
    print(f"ok: {len(pieces)} tokens", flush=True)


class Oracle(http.server.BaseHTTPRequestHandler):
    """Answers every exercise right, but for sums."""

    answers = {}

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = self.answers[json.dumps(body.get("messages") or body["prompt"])]
        text = {"text": text, "message": {"content": text}}
        data = json.dumps({"choices": [text]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words):
        pass


def scores_are_fair(args, generate):
    for item in generate.held_out(1, 3):
        wanted = "12345" if item.task == "addition" else item.turns[-1][1]
        wanted = "<think" + wanted if item.think == "on" else wanted
        Oracle.answers[json.dumps(item.messages() if item.chat else item.turns[-1][0])] = wanted
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Oracle)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = os.path.join(args.source_dir, "tools", "demo_model", "eval.py")

    def scored(*words):
        url = f"http://127.0.0.1:{server.server_port}"
        done = subprocess.run([sys.executable, script, "--url", url, "--count", "3", *words], capture_output=True)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    code, out, err = scored("--floor", "facts=100", "--floor", "JSON=100")
    rows = dict(re.findall(r"^(.+?) {2,}([\d.]+) %", out, re.M))
    common.check(code == 0, f"right answers were not enough: {err}")
    common.check(rows.pop("addition") == "0.0", "wrong sums were counted as right")
    common.check(len(rows) > 20 and set(rows.values()) == {"100.0"}, f"right answers were counted as wrong: {rows}")
    common.check(scored("--floor", "addition=50")[0] == 1, "a score below its floor passed")
    common.check(scored("--task", "facts", "--floor", "JSON=50")[0] == 2, "a floor without a score passed")
    server.shutdown()
    print(f"ok: {len(rows) + 1} tasks scored", flush=True)


def main():
    args = common.parse_args()
    sys.path.insert(0, os.path.join(args.source_dir, "tools", "demo_model"))
    import generate
    import vocabulary

    held_out_stays_out(generate)
    text_is_repeatable(generate)
    tokens_are_the_servers(args, generate, vocabulary)
    scores_are_fair(args, generate)


if __name__ == "__main__":
    main()
