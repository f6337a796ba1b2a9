"""rwkv_lightning's own calls against the demo: each as its README has it, streamed and not, and what comes back; the lines of docs/lightning.md; errors."""
import json
import os
import shutil
import subprocess
import threading
import time

import common
from curl_lines import curl_commands, documented, run_line

PASSWORD = "rwkv7_7.2b"
STOPS = [0, 261, 24281]
ROCHESTER = ["English: After a blissful two weeks, Jane encounters Rochester in the gardens. He invites her to walk with him, and Jane, "
             "caught off guard, accepts. Rochester confides that he has finally decided to marry Blanche Ingram and tells Jane that he "
             "knows of an available governess position in Ireland that she could take.\n\nChinese:",
             "English: That night, a bolt of lightning splits the same chestnut tree under which Rochester and Jane had been sitting "
             "that evening.\n\nChinese:"]
DRAWN = {"stop_tokens": STOPS, "temperature": 0.8, "top_k": 50, "top_p": 0.6, "alpha_presence": 1.0, "alpha_frequency": 0.1,
         "alpha_decay": 0.99, "password": PASSWORD}
GREEDY = {"stop_tokens": STOPS, "temperature": 0.8, "top_k": 1, "top_p": 0, "alpha_presence": 0, "alpha_frequency": 0,
          "alpha_decay": 0.996, "password": PASSWORD}
PADDED = {"stop_tokens": STOPS, "temperature": 1.0, "top_k": 1, "top_p": 0.3, "pad_zero": True, "alpha_presence": 0.8,
          "alpha_frequency": 0.8, "alpha_decay": 0.996, "password": PASSWORD}
PAIRS = {"prefix": ["The rain had stopped, but the street still glistened like a river of broken glass.",
                    "She wasn’t sure why she’d come back.", "A cat darted from the alley,"],
         "suffix": ["though everyone knew Mr. Ellis hadn’t opened that door in three years.", "sounding almost like her name.",
                    "And then, from inside, a single lamp clicked on."]}
ONE_PAIR = {"prefix": PAIRS["prefix"][2:], "suffix": PAIRS["suffix"][2:]}
CAPITAL = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "enable_think": True}
DINNER = {"contents": ["User: What should we eat for dinner? Any brief suggestions?\\n\\nAssistant: <think>\\n</think>\\n"],
          "session_id": "session_one"}

# Path, body, texts in the answer, id and object of one in one piece.
BATCHES = [
    ("/FIM/v1/batch-FIM", {**PAIRS, **DRAWN, "max_tokens": 1024}, 3, "rwkv7-batch", "FIM.completion"),
    ("/FIM/v1/batch-FIM", {**ONE_PAIR, **GREEDY, "max_tokens": 4096, "chunk_size": 64}, 1, "rwkv7-batch-v3", "chat.completion"),
    ("/v1/chat/completions", {"contents": ROCHESTER, **DRAWN, "max_tokens": 1024}, 2, "rwkv7-batch", "chat.completion"),
    ("/v2/chat/completions", {"contents": ROCHESTER, **PADDED, "max_tokens": 1024, "chunk_size": 128}, 2, "rwkv7-batch", "chat.completion"),
    ("/v3/chat/completions", {**CAPITAL, **PADDED, "max_tokens": 1024, "chunk_size": 128}, 1, "rwkv7-batch-v3", "chat.completion"),
    ("/state/chat/completions", {**DINNER, **DRAWN, "max_tokens": 1024, "chunk_size": 128}, 1, "rwkv7-batch", "chat.completion"),
]


def curl(server, path, body, *words):
    """Status, content type and body, by curl itself where it is there."""
    text = json.dumps(body, ensure_ascii=False)
    if shutil.which("curl"):
        done = subprocess.run(["curl", "-s", "-X", "POST", f"http://{server.host}:{server.port}{path}", "-H",
                               "Content-Type: application/json", *words, "-d", text, "-w", "\n%{http_code} %{content_type}"],
                              capture_output=True, timeout=common.LOAD_SECONDS)
        common.check(done.returncode == 0, f"curl {path}: {done.stderr.decode()}")
        answer, _, tail = done.stdout.decode().rpartition("\n")
        status, _, kind = tail.partition(" ")
        return int(status), kind, answer
    connection = server.connect()
    connection.request("POST", path, text.encode(), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer.read().decode()


def texts_of_stream(answer, count):
    """What the events put together, and the reason of each text's end."""
    events = answer.split("\n\n")
    common.check(events[-1] == "" and events[-2] == "data: [DONE]", f"a stream ends with [DONE]: {answer[-200:]!r}")
    texts, ends = [""] * count, [None] * count
    for event in events[:-2]:
        common.check(event.startswith("data: "), f"{event!r}")
        event = json.loads(event[6:])
        common.check(set(event) == {"object", "choices"} and event["object"] == "chat.completion.chunk", f"{event}")
        common.check("�" not in json.dumps(event, ensure_ascii=False), f"characters are whole: {event}")
        for choice in event["choices"]:
            texts[choice["index"]] += choice["delta"]["content"]
            ends[choice["index"]] = choice.get("finish_reason")
    return texts, ends


def readme(server):
    for path, body, count, name, kind in BATCHES:
        body = {**body, "seed": 5}
        session = "session_id" in body
        started = time.monotonic()
        status, content_type, answer = curl(server, path, {**body, "stream": False})
        common.check(status == 200 and content_type == "application/json", f"{path}: {status} {content_type} {answer}")
        answer = json.loads(answer)
        common.check(set(answer) == {"id", "object", "model", "choices"}, f"{path}: {answer}")
        common.check((answer["id"], answer["object"], answer["model"]) == (name, kind, "rwkv7"), f"{path}: {answer}")
        common.check([choice["index"] for choice in answer["choices"]] == list(range(count)), f"{path}: {answer}")
        whole = [choice["message"]["content"] for choice in answer["choices"]]
        ends = [choice["finish_reason"] for choice in answer["choices"]]
        common.check(all(end in ("stop", "length") for end in ends), f"{path}: {ends}")
        if session:  # which has read the first answer now
            server.post("/state/delete", {"session_id": body["session_id"], "password": PASSWORD})
        status, content_type, answer = curl(server, path, {**body, "stream": True}, "-N")
        common.check(status == 200 and content_type.startswith("text/event-stream"), f"{path}: {status} {content_type}")
        common.check(texts_of_stream(answer, count) == (whole, ends), f"{path}: {texts_of_stream(answer, count)} and {whole} {ends}")
        print(f"ok: {path}, {count} texts, {time.monotonic() - started:.1f} s", ends, repr(whole[0][:60]), flush=True)
    status, _, answer = curl(server, "/state/status", {"password": PASSWORD})
    told = json.loads(answer)
    common.check(status == 200 and told["status"] == "success" and told["sessions"][0]["session_id"] == "session_one", f"{answer}")
    status, _, answer = curl(server, "/state/delete", {"session_id": "your_session_id_to_delete", "password": PASSWORD})
    common.check(status == 404 and json.loads(answer)["status"] == "not_found", f"{status} {answer}")
    status, _, answer = curl(server, "/state/delete", {"session_id": "session_one", "password": PASSWORD})
    common.check(status == 200 and json.loads(answer)["status"] == "success", f"{status} {answer}")


def translations(server):
    def ask(source, target, texts):
        status, _, answer = curl(server, "/translate/v1/batch-translate",
                                 {"source_lang": source, "target_lang": target, "text_list": texts, "password": PASSWORD})
        common.check(status == 200, f"{status} {answer}")
        answer = json.loads(answer)["translations"]
        common.check([one["detected_source_lang"] for one in answer] == [source] * len(texts), f"{answer}")
        return [one["text"] for one in answer]

    ask("en", "zh-CN", ["Hello world!", "Good morning"])  # of which the demo knows nothing
    ask("zh-CN", "en", ["你好世界", "早上好"])
    # What it was trained on, in its four languages, and back.
    sentences = {"en": None, "zh-CN": None, "fr": None, "es": None}
    import translation
    import random
    chance = random.Random(5)
    for _ in range(4):
        sentences = dict(zip(("en", "zh-CN", "fr", "es"), translation.sentence(chance)))
        for source, text in sentences.items():
            for target, wanted in sentences.items():
                if source != target:
                    common.check(ask(source, target, [text]) == [wanted], f"{source} to {target}: {text!r} is {wanted!r}")
    common.check(ask("English", "Spanish", [sentences["en"]]) == [sentences["es"]], "names stand for themselves")
    print("ok: translations", flush=True)


def others(server):
    """The calls of its later releases and of its C++ sibling."""
    who = {"password": PASSWORD}
    for body in ({"messages": CAPITAL["messages"]}, {"contents": ["What is the capital of France?"], "system": "Be brief."}):
        status, answer = server.post("/openai/v1/chat/completions", {**who, **body, "temperature": 0, "max_tokens": 40})
        common.check(status == 200 and "Paris" in answer["choices"][0]["message"]["content"], f"{answer}")
        events = list(server.stream("/openai/v1/chat/completions", {**who, **body, "temperature": 0, "max_tokens": 40}))
        common.check(events[0]["choices"][0]["delta"]["role"] == "assistant" and events[-1]["choices"][0]["finish_reason"] == "stop",
                     f"{events}")
        common.check("".join(e["choices"][0]["delta"].get("content", "") for e in events) == answer["choices"][0]["message"]["content"],
                     f"{events}")
    status, answer = server.post("/v1/batch/completions", {**who, "contents": ROCHESTER, "max_tokens": 8})
    common.check(status == 200 and answer["id"] == "rwkv7-fast-batch" and len(answer["choices"]) == 2, f"{answer}")
    status, _, answer = curl(server, "/big_batch/completions", {**who, "contents": ROCHESTER, "max_tokens": 40, "chunk_size": 8})
    texts, ends = texts_of_stream(answer, 2)
    common.check(status == 200 and all(texts) and all(ends), f"{answer}")
    status, answer = server.post("/v1/tokens/count", {**who, "text": "What is 2 + 3?"})
    common.check(status == 200 and answer["tokens"] > 3, f"{answer}")
    print("ok: later releases and the C++ sibling", flush=True)


def pauses(server):
    """Paused in the middle of its answers and resumed, a batch says what it says without that."""
    body = {"contents": ["One, two,", "The cat", "In the"], "max_tokens": 3000, "seed": 9, "temperature": 1, "top_k": 0, "top_p": 1,
            "stop_tokens": ["nothing says this"], "password": PASSWORD, "chunk_size": 1}
    body["stop_tokens"] = []
    wanted = [choice["message"]["content"] for choice in server.post("/v1/chat/completions", body)[1]["choices"]]
    got = {}

    def read():
        got["first"] = curl(server, "/v1/chat/completions", {**body, "stream": True}, "-N")[2]

    reader = threading.Thread(target=read)
    reader.start()
    headers = {"Authorization": "Bearer " + PASSWORD}
    while True:
        connection = server.connect()
        connection.request("GET", "/v1/server/status", headers=headers)
        told = json.loads(connection.getresponse().read())
        if told["requests"] or not reader.is_alive():
            break
        time.sleep(0.01)
    status, paused = server.post("/v1/server/pause", {"password": PASSWORD})
    reader.join()
    common.check(status == 200, f"{paused}")
    texts, ends = texts_of_stream(got["first"], 3)
    if paused["requests"]:
        status, _, answer = curl(server, "/v1/server/resume", {"request_id": paused["requests"][0], "password": PASSWORD}, "-N")
        common.check(status == 200, answer)
        rest, more = texts_of_stream(answer, 3)
        texts = [a + b for a, b in zip(texts, rest)]
    common.check(texts == wanted, f"what went on is the same: {ends} {paused} {texts} {wanted}")
    print("ok: a paused batch goes on,", ends, flush=True)


def main():
    args = common.parse_args()
    import sys
    sys.path.insert(0, os.path.join(args.source_dir, "tools", "demo_model"))
    model = os.path.join(args.source_dir, "models", "fulmar-demo.safetensors")
    words = ("--strategy", "cpu fp32", "--prefix-cache", "0")
    with common.Server(args, model, *words, "--password", PASSWORD) as server:
        readme(server)
        translations(server)
        others(server)
        pauses(server)
        status, answer = server.post("/v1/chat/completions", {"contents": ["a"]})
        common.check((status, answer) == (401, {"error": "Unauthorized: invalid or missing password"}), f"{status} {answer}")
    # The documents load another model by name: it is the demo's twin.
    folder = os.path.join(args.work_dir, "models")
    os.makedirs(folder, exist_ok=True)
    for file in os.listdir(os.path.dirname(model)):
        if file.startswith("fulmar-demo."):
            shutil.copy(os.path.join(os.path.dirname(model), file),
                        os.path.join(folder, file.replace("fulmar-demo", "rwkv7-g1-0.4b")))
    with common.Server(args, model, *words, "--models-dir", folder) as server:
        documented(args, server, os.path.join("docs", "lightning.md"))
        watch, load = curl_commands(args, os.path.join("docs", "switching.md"))
        common.check('"event":"model_status"' in run_line(server, watch, "8000", "--max-time", "2"), watch)
        common.check(run_line(server, load) == '{"success":true}', load)


if __name__ == "__main__":
    main()
