"""What an operator types works: the lines of docs/operating.md, keys that come and go while it runs, what is each user's own, and
metrics that Prometheus' own checker takes and the dashboard asks for."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import common
import test_serve

PAGE = "docs/operating.md"
ALICE, CAROL = "alices-very-long-key", "carols-very-long-key"


def page(args):
    with open(os.path.join(args.source_dir, PAGE), encoding="utf-8") as f:
        return f.read()


def ask(server, key, path, body=None):
    """(status, parsed JSON or text)"""
    connection = server.connect()
    try:
        connection.request("POST" if body is not None else "GET", path, json.dumps(body) if body is not None else None,
                           {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if answer.headers["Content-Type"] == "application/json" else text
    finally:
        connection.close()


def eventually(condition, message):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    common.check(False, message)


def own_sessions(server):
    secret = "The code of the vault is 8841, and nobody else may know it. " * 8
    for key, said in ((ALICE, secret), (CAROL, "Nothing of interest.")):
        status, answer = ask(server, key, "/v1/completions", {"prompt": said, "max_tokens": 4, "session_id": "notes", "seed": 1})
        common.check(status == 200, answer)
    status, alices = ask(server, ALICE, "/state/notes")
    common.check(status == 200 and alices["text"].startswith(secret.rstrip()), alices)
    status, carols = ask(server, CAROL, "/state/notes")
    common.check(status == 200 and "8841" not in carols["text"], carols)
    common.check(ask(server, CAROL, "/state/alice%2Fnotes")[0] == 404, "not by the name that it has inside either")

    def cached(key):
        status, answer = ask(server, key, "/v1/completions", {"prompt": secret, "max_tokens": 1, "seed": 1})
        common.check(status == 200, answer)
        return answer["usage"]["prompt_tokens_details"]["cached_tokens"]

    cached(ALICE)
    common.check(cached(ALICE) > 0, "the same prompt of the same user is not read again")
    common.check(cached(CAROL) == 0, "that of another is, or its speed would tell who asked it")
    print("ok: sessions and prefixes are each user's own", flush=True)


def models_and_managing(server):
    status, answer = ask(server, ALICE, "/exit", {})
    common.check(status == 403, f"{status} {answer}")
    status, answer = ask(server, "no key of anybody", "/v1/models")
    common.check(status == 401, answer)


def reloads(server, path):
    with open(path, encoding="utf-8") as f:
        keys = json.load(f)
    fresh = "a-key-that-came-later"
    keys["keys"].append({"name": "dave", "key": fresh})
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(keys, f)
    os.replace(path + ".new", path)
    eventually(lambda: ask(server, fresh, "/v1/models")[0] == 200, "a key that was added is taken")
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"keys": [{"name": "alice", "key": "alices-very-long-key", "model": ["other"]}]}')
    eventually(lambda: "the keys stay as they were" in server.stderr(), "the log says what is wrong with the file")
    common.check(ask(server, CAROL, "/v1/models")[0] == 200, "and the keys stay as they were")
    keys["keys"] = [key for key in keys["keys"] if key["name"] != "dave"]
    with open(path, "w", encoding="utf-8") as f:
        json.dump(keys, f)
    if hasattr(signal, "SIGHUP"):
        server.process.send_signal(signal.SIGHUP)
    eventually(lambda: ask(server, fresh, "/v1/models")[0] == 401, "a key that was taken out is refused")
    common.check(ask(server, CAROL, "/v1/models")[0] == 200, "the server is still there")
    print("ok: keys come and go", flush=True)


def metrics(args, server):
    status, text = ask(server, CAROL, "/metrics")
    common.check(status == 200, text)
    told = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))
    documented = dict(re.findall(r"^\| `((?:fulmar|process)_\w+)` \| (.*) \|$", page(args), re.M))
    common.check(documented == told, f"the page has the metrics that there are: {set(documented.items()) ^ set(told.items())}")
    with open(os.path.join(args.source_dir, "examples/grafana/fulmar.json"), encoding="utf-8") as f:
        dashboard = json.load(f)
    asked = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            asked |= set(re.findall(r"\b(?:fulmar|process)_\w+", target["expr"]))
    exported = set(re.findall(r"^(\w+)(?:\{.*\})? \S+$", text, re.M))
    common.check(len(asked) > 20 and asked <= exported, f"the dashboard asks for what is not there: {asked - exported}")
    for name in ("fulmar_time_to_first_token_seconds_count", "fulmar_steps_total", "fulmar_request_queue_time_seconds_count",
                 "fulmar_step_model_seconds_count", "fulmar_device_memory_bytes"):
        values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M)
        common.check(values and all(float(value) > 0 for value in values), f"{name} is {values} after requests")
    promtool = shutil.which("promtool")
    if not promtool:
        print("without promtool (Debian's package prometheus) nobody checks the metrics' form", flush=True)
        return
    checked = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True, timeout=60)
    common.check(checked.returncode == 0 and not checked.stderr, checked.stderr.decode())
    print("ok: promtool takes the metrics", flush=True)


def main():
    args = common.parse_args()
    keys = next(block for block in re.findall(r"```json\n(.*?)```", page(args), re.S) if '"keys"' in block)
    path = os.path.join(args.work_dir, "keys.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(keys)
    with common.Server(args, None, "--api-key-file", path) as server:
        if shutil.which("curl"):
            test_serve.documented(args, server, PAGE)
        models_and_managing(server)
        own_sessions(server)
        metrics(args, server)
        reloads(server, path)
    refused = common.run(args, "serve", "--port", "0", "--api-key-file", os.path.join(args.work_dir, "none.json"))
    common.check(refused.returncode == 2 and b"none.json" in refused.stderr, refused.stderr.decode())


if __name__ == "__main__":
    main()
