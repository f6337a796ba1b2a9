"""RWKV-Runner's and AsyncHttpRWKV's clients: they load models, set values, talk, deploy and end the server."""
import json
import os
import random
import shutil
import struct
import threading

import common
from common import check, make_model
from curl_lines import curl_commands, run_line

QUESTION = "What is the capital of France?"
ANSWER = "The capital of France is Paris."
# What the AskRMKV node of the plugin sends.
NODE = {"messages": [{"role": "user", "content": QUESTION}], "model": "rwkv", "temperature": 1.2, "top_p": 0.9, "n": 1,
        "max_tokens": 40, "presence_penalty": 0.6, "frequency_penalty": 0.0}


def ask(server, path, body=None, method="POST"):
    """(status, what the body's JSON says, or None where there is none)"""
    connection = server.connect(120)
    try:
        connection.request(method, path, json.dumps(body if body is not None else {}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None
    finally:
        connection.close()


def switch(server, model, strategy="cpu fp32", **more):
    return ask(server, "/switch-model", {"model": model, "strategy": strategy, "customCuda": "false", **more})


def write_state(path, layers, shape, damaged=False):
    numbers = random.Random(1)  # of equal ones ln_x would leave nothing
    size = shape[0] * shape[1] * shape[2] * 4
    head = json.dumps({f"blocks.{i}.att.time_state": {"dtype": "F32", "shape": shape, "data_offsets": [i * size, (i + 1) * size]}
                       for i in range(layers)}).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head)
        f.write(b"" if damaged else b"".join(struct.pack("<f", numbers.uniform(-3, 3)) for _ in range(layers * size // 4)))


def chat(server, **more):
    status, answer = ask(server, "/chat/completions", {**NODE, "temperature": 0, "frequency_penalty": 0, "presence_penalty": 0, **more})
    check(status == 200 and answer["object"] == "chat.completion" and answer["usage"]["total_tokens"] > 0, f"{status} {answer}")
    return answer["choices"][0]["message"]["content"]


def loads_and_talks(args, server, folder):
    check(ask(server, "/", method="GET") == (200, {"Hello": "World!"}), "GET /")
    status, told = ask(server, "/status", method="GET")
    check(told["status"] == 0 and told["pid"] == server.process.pid, f"{told}")
    check(ask(server, "/completions", {"prompt": "a", "state": ""}) == (400, {"detail": "model not loaded"}), "no model yet")
    demo = os.path.join(folder, "fulmar-demo")
    strategy = "cuda fp16 *20+" if common.has_vulkan(args) else "cpu fp32"
    for model in (demo + ".safetensors", demo, "models/fulmar-demo.safetensors"):
        check(switch(server, model, strategy) == (200, "success"), f"{model}: {server.stderr()[-2000:]}")
    if strategy.startswith("cuda"):
        check("through Vulkan" in server.stderr(), "what cuda is taken for is told")
    status, told = ask(server, "/status", method="GET")
    check(told["status"] == 3 and told["device_name"], f"{told}")
    check(chat(server) == ANSWER, f"{chat(server)}")
    body = {**NODE, "temperature": 0, "presence_penalty": 0}
    events = list(server.stream("/v1/chat/completions", body))
    check("".join(e["choices"][0]["delta"].get("content", "") for e in events) == ANSWER, f"{events}")
    check(events[-1]["choices"][0]["finish_reason"] == "stop" and events[0]["object"] == "chat.completion.chunk", f"{events}")
    status, answer = ask(server, "/v1/completions", {"prompt": [f"User: {QUESTION}\n\nAssistant:", "x"], "stop": ["\n\n"], "temperature": 0,
                                                     "frequency_penalty": 0})
    check(status == 200 and answer["choices"][0]["text"] == " " + ANSWER and len(answer["choices"]) == 1, f"{status} {answer}")
    status, answer = ask(server, "/embeddings", {"input": ["one", "two"], "model": "rwkv"})
    check(status == 200 and len(answer["data"]) == 2, f"{status} {str(answer)[:500]}")
    for route in ("disable-state-cache", "enable-state-cache", "reset-state"):
        check(ask(server, "/" + route) == (200, "success"), route)


def refuses(args, server, folder):
    for name in ("../secret", "/etc/passwd", "link", "nobody", "models/../../secret.safetensors", "C:\\secret"):
        status, answer = switch(server, name)
        check(status == 500 and answer["detail"].startswith("failed to load: "), f"{name}: {status} {answer}")
    for name in ("a\0b", "a" * 2000, 5):
        status, answer = switch(server, name)
        check(status == 422 and answer["detail"][0]["loc"] == ["body", "model"], f"{name}: {status} {answer}")
    for model, strategy, word in (("broken", "cpu fp32", "broken"), ("seven", "cuda fp16i3", "i4"), ("seven", "mps fp32", "mps"),
                                  ("seven", "fp16i8 layer32 chunk128", "fp16i8")):
        status, answer = switch(server, model, strategy)
        check(status == 500 and answer["detail"].startswith("failed to load: ") and word in answer["detail"], f"{status} {answer}")
    check(ask(server, "/status", method="GET")[1]["status"] == 3 and chat(server) == ANSWER, "the old model goes on")


def begins_from_states(server, folder):
    check(switch(server, "seven") == (200, "success"), "seven")
    plain = chat(server)
    tuned = chat(server, state="tuned")
    check(tuned != plain and chat(server, state="") == plain, f"a request's state: {plain!r} {tuned!r}")
    check(ask(server, "/update-config", {"state": "tuned.st", "top_k": 5}) == (200, "success"), "update-config")
    check(chat(server) == tuned, "a state that stands")
    check(chat(server, state="") == plain, "a request without it")
    for name, words in (("missing", "state file not found"), ("garbage", "state file failed to load"), ("wide", "state shape mismatch"),
                        ("../tuned", "state file not found")):
        for path, body in (("/update-config", {"state": name}), ("/chat/completions", {**NODE, "state": name})):
            status, answer = ask(server, path, body)
            check(status == 400 and answer["detail"].startswith(words), f"{name}: {status} {answer}")
    check(chat(server) == tuned, "what was refused changes nothing")
    check(switch(server, "four") == (200, "success"), "four")
    status, answer = ask(server, "/update-config", {"state": "tuned"})
    check(status == 400 and answer["detail"].startswith("file format of the model or state model not supported"), f"{answer}")
    check(len(chat(server)) > 0, "the state went with its model")
    check(ask(server, "/update-config", {"state": ""}) == (200, "success"), "no state")


def switches_under_load(server, names):
    own = {}
    for name in names:
        check(switch(server, name) == (200, "success"), name)
        own[name] = chat(server, max_tokens=8)
    over, wrong, answers = threading.Event(), [], []

    def client():
        while not over.is_set():
            status, answer = ask(server, "/chat/completions", {**NODE, "temperature": 0, "presence_penalty": 0, "max_tokens": 8})
            if status == 200:
                answers.append(1)
                if own[answer["model"]] != answer["choices"][0]["message"]["content"]:
                    wrong.append(answer)
            elif status not in (400, 503):
                wrong.append((status, answer))

    clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    for one in clients:
        one.start()
    busy, done = 0, 0
    for i in range(20):
        both = [None, None]

        def load(k):
            both[k] = switch(server, names[(i + k) % len(names)])

        loaders = [threading.Thread(target=load, args=(k,)) for k in range(2)]
        for one in loaders:
            one.start()
        for one in loaders:
            one.join()
        check(all(b in ((200, "success"), (304, None)) for b in both), f"{both}")
        busy += both.count((304, None))
        done += both.count((200, "success"))
    over.set()
    for one in clients:
        one.join(60)
        check(not one.is_alive(), "a request hangs")
    check(not wrong and answers and busy and done >= 20, f"{wrong[:2]} {len(answers)} answers, {busy} busy, {done} loads")
    print(f"{done} switches, {busy} refused, {len(answers)} answers", flush=True)


def deploys_and_ends(args, server, folder):
    model = os.path.join(folder, "fulmar-demo.safetensors")
    strategy = "cuda fp16" if common.has_vulkan(args) else "cpu fp32"
    if shutil.which("curl"):
        load, update, talk, _ = curl_commands(args, "docs/runner.md")
        check(run_line(server, load.replace("/path/to/pth", model).replace("cuda fp16", strategy)) == '"success"', server.stderr()[-2000:])
        check(run_line(server, update) == '"success"', update)
        check(run_line(server, talk).endswith("data: [DONE]\n\n"), talk)
    else:
        check(switch(server, model, strategy, deploy="true") == (200, "success"), server.stderr()[-2000:])
    for route in ("/switch-model", "/exit", "/reset-state", "/disable-state-cache", "/enable-state-cache"):
        check(ask(server, route, {"model": "", "strategy": ""})[0] == 403, route)
    check(chat(server) == ANSWER, "it answers")
    check(server.stop() == 0, server.stderr())


def main():
    args = common.parse_args()
    folder = os.path.abspath(os.path.join(args.work_dir, "models"))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name in ("fulmar-demo.safetensors", "fulmar-demo.vocab"):
        shutil.copy(os.path.join(args.source_dir, "models", name), folder)
    for name, version, seed in [("four", "v4", 4), ("seven", "v7", 7)]:
        make_model(args, f"models/{name}.safetensors", seed=seed, version=version, V=65536, L=2, C=64, F=128)
    with open(os.path.join(folder, "seven.safetensors"), "rb") as whole, open(os.path.join(folder, "broken.safetensors"), "wb") as half:
        half.write(whole.read(100000))
    shutil.copy(os.path.join(folder, "seven.safetensors"), os.path.join(args.work_dir, "secret.safetensors"))
    os.symlink(os.path.abspath(os.path.join(args.work_dir, "secret.safetensors")), os.path.join(folder, "link.safetensors"))
    states = os.path.join(args.work_dir, "states")
    os.makedirs(states, exist_ok=True)
    write_state(os.path.join(states, "tuned.st"), 2, [1, 64, 64])
    write_state(os.path.join(states, "wide.st"), 2, [2, 64, 64])
    write_state(os.path.join(states, "garbage.st"), 2, [1, 64, 64], damaged=True)
    with common.Server(args, None, "--models-dir", folder, "--states-dir", states, "--prefix-cache", "0",
                       "--swap-seconds", "20") as server:
        loads_and_talks(args, server, folder)
        refuses(args, server, folder)
        begins_from_states(server, folder)
        switches_under_load(server, ["four", "seven"])
        deploys_and_ends(args, server, folder)
    with common.Server(args, None, "--models-dir", folder, "--prefix-cache", "0") as server:
        if shutil.which("curl"):
            check(run_line(server, curl_commands(args, "docs/runner.md")[3]) == '"success"', "exit")
        else:
            check(ask(server, "/exit") == (200, "success"), "exit")
        check(server.process.wait(60) == 0, server.stderr())
    with common.Server(args, None, "--models-dir", folder, "--password", "sesame") as server:
        for route in ("/switch-model", "/exit", "/update-config"):
            status, answer = ask(server, route)
            check(status == 401 and isinstance(answer["detail"], str), f"{route}: {status} {answer}")
    print("ok: RWKV-Runner", flush=True)


main()
