"""Models that change while clients ask: every answer is one model's own, every error is one that the documents name."""
import argparse
import json
import os
import shutil
import threading
import time

import common
from common import check, make_model

PROMPT = "The model that answers is"
TOKENS = 12
CLIENTS = 8
SWITCHES = 200


def own_text(server, name):
    status, answer = server.post("/v1/completions", {"model": name, "prompt": PROMPT, "temperature": 0, "max_tokens": TOKENS})
    check(status == 200 and answer["model"] == name, f"{name}: {status} {answer}")
    return answer["choices"][0]["text"]


class Client(threading.Thread):
    """Asks whoever is current, whole and streamed, until it is told to stop."""

    def __init__(self, server, own, seed):
        super().__init__(daemon=True)
        self.server, self.own, self.seed = server, own, seed
        self.over, self.answers, self.refused, self.wrong = False, 0, 0, []

    def run(self):
        streamed = self.seed % 2 == 1
        while not self.over:
            try:
                self.ask(streamed)
            except Exception as error:  # a client that dies is a failure too
                self.wrong.append(repr(error))
                return
            streamed = not streamed

    def ask(self, streamed):
        body = {"prompt": PROMPT, "temperature": 0, "max_tokens": TOKENS, "stream": streamed}
        connection = self.server.connect(60)
        try:
            connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            return self.refuse(answer.status, content)
        models, text = set(), ""
        events = [line[6:] for line in content.split("\n") if line.startswith("data: ")] if streamed else [content]
        for event in events:
            if event == "[DONE]":
                continue
            event = json.loads(event)
            if "error" in event:
                return self.refuse(503, json.dumps(event))
            models.add(event["model"])
            text += "".join(choice["text"] for choice in event["choices"])
        if len(models) != 1 or self.own[models.pop()] != text:
            self.wrong.append(content)
        self.answers += 1

    def refuse(self, status, content):
        known = ("still loading", "was unloaded", "no model is loaded", "shutting down")
        if status != 503 or not any(words in content for words in known):
            self.wrong.append(f"{status}: {content}")
        self.refused += 1


def switch(server, name):
    """(status, answer) of a load, once no other is under way."""
    status, answer = server.post("/models/load", {"model": name})
    while status == 429:
        time.sleep(0.01)
        status, answer = server.post("/models/load", {"model": name})
    return status, answer


def settled(server, enough=0):
    """Memory with one and the same model loaded, once those before it have ended: below `enough` soon, or what it is."""
    check(switch(server, "seven")[0] == 200, "seven")
    for _ in range(100):
        least = server.resident_bytes()
        if least < enough:
            break
        time.sleep(0.1 if enough else 0.01)
    return least


def switch_under_load(args, folder, strategy, switches, limit):
    names = ["four", "six", "seven"]
    words = ["--models-dir", folder, "--strategy", strategy, "--prefix-cache", "0", "--slots", "8", "--swap-seconds", "20"]
    if limit:
        words += ["--memory-limit", limit]
    with common.Server(args, None, *words) as server:
        status, listed = server.get("/v1/models")
        check(status == 200 and {m["id"]: m["status"]["value"] for m in listed["data"]} ==
              {name: "unloaded" for name in [*names, "broken", "huge"]}, f"{listed}")
        own = {name: own_text(server, name) for name in names}
        check(len(set(own.values())) == 3, f"the models say the same: {own}")
        before = None
        clients = [Client(server, own, i) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        for i in range(switches):
            kind = i % 10
            if kind == 4:
                status, answer = switch(server, "broken")
                check(status == 400 and "broken" in answer["error"]["message"], f"{status} {answer}")
            elif kind == 9 and limit:
                status, answer = switch(server, "huge")
                check(status == 503 and "--memory-limit" in answer["error"]["message"], f"{status} {answer}")
            else:
                name = names[i % 3]
                status, answer = switch(server, name)
                check(status == 200 and answer["success"], f"{name}: {status} {answer}")
                status, answer = server.post("/v1/completions", {"prompt": PROMPT, "temperature": 0, "max_tokens": 1})
                check(status == 200 and answer["model"] == name, f"the current model is {answer['model']}, not {name}")
            if i == switches // 4:
                before = settled(server)
        for client in clients:
            client.over = True
        for client in clients:
            client.join(60)
            check(not client.is_alive(), "a request hangs")
            check(not client.wrong, f"a client heard: {client.wrong[:2]}")
            check(client.answers > 0, "a client was never answered")
        after = settled(server, before * 1.05 + (4 << 20))
        print(f"{strategy}: {switches} switches, {sum(c.answers for c in clients)} answers, "
              f"{sum(c.refused for c in clients)} refused, {before >> 20} MiB after a quarter, {after >> 20} at the end")
        check(after < before * 1.05 + (4 << 20), f"memory grew from {before} to {after} bytes")
        status, health = server.get("/health")
        check(status == 200 and health["live"] == 0 and health["queued"] == 0, f"{health}")
        check(server.stop() == 0, server.stderr())


def ask_by_name(args, folder):
    """Two at once, the third takes the place of the one asked for longest ago; requests wait for their model."""
    with common.Server(args, None, "--models-dir", folder, "--models-max", "2", "--strategy", "cpu fp32") as server:
        answers = {}

        def ask(name):
            answers[name] = server.post("/v1/completions", {"model": name, "prompt": PROMPT, "max_tokens": 2})

        threads = [threading.Thread(target=ask, args=(name,)) for name in ["four", "six", "seven", "broken", "none"]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in ["four", "six", "seven"]:
            status, answer = answers[name]
            check(status == 200 and answer["model"] == name, f"{name}: {status} {answer}")
        check(answers["broken"][0] == 400, f"{answers['broken']}")
        check(answers["none"][0] == 404 and "GET /v1/models" in answers["none"][1]["error"]["message"], f"{answers['none']}")
        loaded = [m["id"] for m in server.get("/v1/models")[1]["data"] if m["status"]["value"] == "loaded"]
        check(len(loaded) == 2, f"{loaded}")
        failed = [m["id"] for m in server.get("/v1/models")[1]["data"] if m["status"].get("failed")]
        check(failed == ["broken"], f"{failed}")
        status, answer = server.post("/models/unload", {"model": loaded[0]})
        check(status == 200, f"{answer}")
        check(server.stop() == 0, server.stderr())


def watch(args, folder):
    """What /models/sse tells of a load."""
    with common.Server(args, None, "--models-dir", folder, "--strategy", "cpu fp32") as server:
        connection = server.connect(60)
        connection.request("GET", "/models/sse")
        events = connection.getresponse()
        check(events.status == 200 and events.headers["Content-Type"].startswith("text/event-stream"), f"{events.headers}")
        server.post("/models/load", {"model": "six"})
        told = []
        while not told or told[-1]["data"]["status"] != "loaded":
            line = events.readline().decode().strip()
            if line.startswith("data: "):
                event = json.loads(line[6:])
                if event["model"] == "six":
                    told.append(event)
        connection.close()
        check(told[0]["event"] == "model_status" and told[0]["data"]["status"] == "unloaded", f"{told}")
        check(any(e["data"]["status"] == "loading" for e in told[1:]), f"{told}")
        check(server.get("/v1/models/six")[1]["status"]["value"] == "loaded", "it is loaded and not listed so")


def without_shipped_files(args, folder):
    """Where what ships with the program is gone, models that bring their own vocabulary are served all the same."""
    alone = os.path.join(args.work_dir, "alone")
    os.makedirs(alone, exist_ok=True)
    program = shutil.copy2(args.fulmar, os.path.join(alone, "fulmar"))
    make_model(args, "models/own.safetensors", seed=3, L=2, C=64, F=128, V=256)
    with open(os.path.join(folder, "own.vocab"), "w") as file:
        for byte in range(256):
            file.write(f"{byte} {bytes([byte])!r} 1\n")
    only = argparse.Namespace(**{**vars(args), "fulmar": program})
    with common.Server(only, None, "--models-dir", folder, "--strategy", "cpu fp32", env={"FULMAR_DATA": alone}) as server:
        status, answer = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1})
        check(status == 400 and answer["error"]["param"] == "model", f"{status} {answer}")
        for path in ("/v1/completions", "/models/load"):
            status, answer = server.post(path, {"model": "seven", "prompt": PROMPT, "max_tokens": 1})
            message = answer["error"]["message"]
            check(status == 400 and "vocabulary" in message and args.work_dir not in message, f"{status} {answer}")
        status, answer = server.post("/models/load", {"model": "own"})
        check(status == 200, f"{status} {answer}")
        status, answer = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1})
        check(status == 200 and answer["model"] == "own", f"{status} {answer}")
        check(server.stop() == 0, server.stderr())


def turns_of_one_session(args, folder):
    """A model that goes and comes back while a turn of a session runs: the next turn waits, and neither is lost."""
    with common.Server(args, None, "--models-dir", folder, "--models-max", "1", "--strategy", "cpu fp32") as server:
        check(server.post("/models/load", {"model": "seven"})[0] == 200, "seven")
        turn = {"model": "seven", "session_id": "s", "ignore_eos": True}
        connection = server.connect()
        connection.request("POST", "/v1/completions", json.dumps({**turn, "prompt": "Count", "max_tokens": 3000, "stream": True}),
                           {"Content-Type": "application/json"})
        stream = connection.getresponse()
        check(stream.status == 200 and stream.readline(), "the first turn begins")
        check(server.post("/models/load", {"model": "six"})[0] == 200, "six")
        status, answer = server.post("/v1/completions", {**turn, "prompt": " on", "max_tokens": 5})
        rest = stream.read().decode()
        connection.close()
        check('{"error"' not in rest and '"finish_reason":"length"' in rest, f"the first turn ended with {rest[-300:]}")
        check(status == 200 and answer["usage"]["completion_tokens"] == 5, f"{status} {answer}")
        status, session = server.get("/state/s")
        check(status == 200 and session["tokens"] > 3000 + 5, f"{session['tokens']} tokens")
        check(server.stop() == 0, server.stderr())


def main():
    args = common.parse_args()
    folder = os.path.join(args.work_dir, "models")
    os.makedirs(folder, exist_ok=True)
    for name, version, seed in [("four", "v4", 4), ("six", "v6", 6), ("seven", "v7", 7)]:
        make_model(args, f"models/{name}.safetensors", seed=seed, version=version, V=65536, L=2, C=64, F=128)
    make_model(args, "models/huge.safetensors", seed=1, L=2, C=768, F=768)
    with open(os.path.join(folder, "seven.safetensors"), "rb") as whole, \
            open(os.path.join(folder, "broken.safetensors"), "wb") as half:
        half.write(whole.read(100000))
    switch_under_load(args, folder, "cpu fp32", SWITCHES, None)
    for strategy in common.strategies(args, "vulkan fp32"):
        switch_under_load(args, folder, strategy, 20, "150M")
    ask_by_name(args, folder)
    watch(args, folder)
    turns_of_one_session(args, folder)
    without_shipped_files(args, folder)


main()
