"""RWKV-Infer's clients: its curl lines, mixtures of states and swapped adapters against the formulas, files it may not name."""
import json
import os
import re
import shlex
import threading

import numpy as np

import common
from common import check, make_model

MODEL = "RWKV-x060-World-1B6-v2.1-20240328-ctx4096.pth"
SHAPE = dict(L=2, C=64, N=32, F=96, V=256)
ANSWER = 10  # tokens that are compared
# ASCII alone, without an end: what is drawn can be read back from the text.
ASCII = {str(token): -100 for token in [0, *range(128, 256)]}


def random(rng, *shape, size=0.3):
    return (rng.standard_normal(shape) * size).astype(np.float32)


def random_state(seed, layers=2, heads=2, size=32):
    """Large enough that a made model has not forgotten it at once."""
    rng = np.random.default_rng(seed)
    return {f"blocks.{i}.att.time_state": random(rng, heads, size, size, size=1000) for i in range(layers)}


def asked(server, path, body, status=200):
    got, answer = server.post(path, body)
    check(got == status, f"{path} {body}: {got} {answer}")
    return answer


def likeliest(models, gates, prompt):
    """The text after `prompt`, each token the likeliest ASCII of the mixture, in float64."""
    rows = None
    for token in prompt.encode():
        rows = [model.step(token) for model in models]
    text = ""
    for _ in range(ANSWER):
        mixed = sum(gate * row for gate, row in zip(gates, rows)) / (sum(gates) or 1)
        token = 1 + int(np.argmax(mixed[1:128]))
        text += chr(token)
        rows = [model.step(token) for model in models]
    return text


def greedy(server, model, prompt="Hi", **more):
    body = {"model": model, "prompt": prompt, "max_tokens": ANSWER, "temperature": 0, "presence_penalty": 0, "frequency_penalty": 0,
            "logit_bias": ASCII, **more}
    return asked(server, "/completions", body)["choices"][0]["text"]


def curl_lines(args):
    with open(os.path.join(args.source_dir, "docs", "infer.md")) as f:
        return re.findall(r"^curl .*$", f.read(), re.M)


def run_curl(server, line):
    words = shlex.split(line)
    path = re.sub(r"^http://[^/]*", "", words[1])
    return server.get(path) if words[words.index("-X") + 1] == "GET" else server.post(path, json.loads(words[words.index("-d") + 1]))


def run_documented_lines(args):
    """Each line of the document in turn, the chat streamed as well; then what the names are."""
    import container_writers as cw
    shape = dict(SHAPE, version="v6")
    os.makedirs(os.path.join(args.work_dir, "models", "adapters"), exist_ok=True)
    os.makedirs(os.path.join(args.work_dir, "states"), exist_ok=True)
    make_model(args, "models/" + MODEL, seed=3, **shape)
    rng = np.random.default_rng(1)
    cw.write_legacy_pth(os.path.join(args.work_dir, "models", "adapters", "rwkv-9-bone.pth"),
                        {f"blocks.{i}.att.key.bone": random(rng, 8, 8, 8) for i in range(2)})
    for i, name in enumerate(["state", "jp7b-bancho", "ojousama2", "secret"]):
        cw.write_legacy_pth(os.path.join(args.work_dir, "states", name + ".pth"), random_state(i))
    lines = curl_lines(args)
    check(len(lines) == 9, f"the document has other lines: {lines}")
    base = "RWKV x060 1B6 Base"
    with common.Server(args, None, *folders(args)) as server:
        for line in lines[:-1]:
            status, answer = run_curl(server, line)
            check(status == 200, f"{line}: {status} {answer}")
            if line != lines[-2]:
                check(answer == {"status": "success"}, f"{answer}")
        ids = [model["id"] for model in answer]
        check(ids[0] == base and MODEL[:-4] in ids and not any("Test" in name for name in ids), f"{ids}")
        for line in lines[:6]:
            check(run_curl(server, line)[0] == 200, line)
        status, answer = run_curl(server, lines[-1])
        check(status == 200, f"{lines[-1]}: {status} {answer}")
        check(answer["object"] == "chat.completion" and answer["model"] == base + " MRSS Test", f"{answer}")
        check(answer["choices"][0]["finish_reason"] in ("stop", "length"), f"{answer}")
        events = list(server.stream("/chat/completions", json.loads(shlex.split(lines[-1])[-1])))
        check(events[-1]["choices"][0]["finish_reason"] in ("stop", "length"), f"{events[-1]}")
        status, answer = server.get("/models")
        ids = [model["id"] for model in answer]
        check(status == 200 and ids[:3] == [base, base + " State Test", base + " MRSS Test"], f"{ids}")
        check(all(set(model) == {"object", "id"} and model["object"] == "models" for model in answer), f"{answer}")
        openai = server.get("/v1/models")[1]
        check(openai["object"] == "list" and {base + " MRSS Test", base} <= {m["id"] for m in openai["data"]}, f"{openai}")
        check(server.get(f"/models/{base.replace(' ', '%20')}")[1]["id"] == base, "one of them")
        check(server.get("/healthcheck") == (200, {"message": "ok", "status_code": 200}), "/healthcheck")
        texts = [greedy(server, name) for name in (base, base + " State Test", base + " MRSS Test")]
        check(len(set(texts)) == 3, f"the names say the same: {texts}")
        asked(server, "/removemodel", {})
        check(server.post("/loadstatemodel", {"state_filename": "state.pth", "state_viewname": "x"})[0] == 400, "no model, no state")
        check(server.stop() == 0, server.stderr())


def folders(args):
    return ["--models-dir", os.path.join(args.work_dir, "models"), "--states-dir", os.path.join(args.work_dir, "states"), "--vocab",
            "bytes", "--strategy", "cpu fp32", "--prefix-cache", "0", "--slots", "4"]


def load(server, **more):
    return asked(server, "/loadmodel", {"model_filename": "seven", "model_viewname": "seven", "model_strategy": "None", **more})


def check_mixtures(args, server, weights):
    from rwkv7_formulas import Model
    states = [random_state(10 + i) for i in range(2)]
    import container_writers as cw
    for i, state in enumerate(states):
        cw.write_legacy_pth(os.path.join(args.work_dir, "states", f"tuned{i}.pth"), state)
    files = ["tuned0.pth", "tuned1.pth"]

    def tuned(i):
        return Model({**weights, **{name: value.astype(np.float64) for name, value in states[i].items()}})

    load(server)
    asked(server, "/loadstatemodel", {"state_filename": "tuned0.pth", "state_viewname": "one"})
    check(greedy(server, "seven one") == likeliest([tuned(0)], [1], "Hi"), "one state is not what the formulas say")
    check(greedy(server, "seven") == likeliest([Model(weights)], [1], "Hi"), "and the model itself begins as ever")
    asked(server, "/mrss_loadstatemodel", {"state_viewname": "mix", "state_filenames": files, "contain_originalstate": "True"})

    def mixed(gates):
        return likeliest([tuned(0), tuned(1), Model(weights)], gates, "Hi")

    seen = [greedy(server, "seven mix")]
    check(seen[0] == mixed([1, 1, 1]), f"equal gates: {seen}")
    for gates in ([0.01, 0.3, 0.4], [2, -1, 0.5], [0, 0, 1], [1, -1, 0]):
        asked(server, "/mrss_set_gatingweight", {"state_viewname": "mix", "state_gatingweight": [str(gate) for gate in gates]})
        seen.append(greedy(server, "seven mix"))
        check(seen[-1] == mixed(gates), f"gates {gates}: {seen[-1]!r} is not {mixed(gates)!r}")
    check(len(set(seen)) >= 4, f"gates change little: {seen}")
    asked(server, "/mrss_loadstatemodel", {"state_viewname": "mix", "state_filenames": files, "contain_originalstate": "False"})
    check(greedy(server, "seven mix") == likeliest([tuned(0), tuned(1)], [1, 1], "Hi"), "without the original state")
    chat = {"model": "seven mix", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": ANSWER, "temperature": 0,
            "logit_bias": ASCII}
    answers = [asked(server, "/v1/chat/completions", {**chat, **more})["choices"][0]["message"]["content"]
               for more in ({}, {"mrss_gatingweight": ["0", 1]}, {"mrss_gatingweight": [1, 0]}, {})]
    check(answers[0] == answers[3] and len(set(answers)) == 3, f"a request's gates are for it alone: {answers}")
    kept = asked(server, "/v1/chat/completions", {**chat, "session_id": "s"}, 400)
    check("mixture of 2" in kept["error"]["message"], f"{kept}")
    print("mixtures are what the formulas say", flush=True)


def check_errors(args, server):
    load(server)
    incorrect = "State file is incorrect. check filename or tensor size."
    outside = os.path.join(args.work_dir, "outside.pth")
    with open(outside, "wb") as f:
        f.write(b"x")
    link = os.path.join(args.work_dir, "states", "link.pth")
    if not os.path.islink(link):
        os.symlink(outside, link)
    import container_writers as cw
    cw.write_legacy_pth(os.path.join(args.work_dir, "states", "wrong.pth"), random_state(1, size=16))
    for name in ("wrong.pth", "../outside.pth", "link.pth", outside, "/etc/passwd", "a\0b", "x" * 2000, "none"):
        answer = asked(server, "/loadstatemodel", {"state_filename": name, "state_viewname": "bad"}, 500)
        check(answer["detail"].startswith(incorrect), f"{name}: {answer}")
        answer = asked(server, "/mrss_loadstatemodel", {"state_filenames": [name], "state_viewname": "bad"}, 500)
        check(incorrect in answer["detail"], f"{name}: {answer}")
    many = asked(server, "/mrss_loadstatemodel", {"state_filenames": ["tuned0.pth"] * 5, "state_viewname": "bad"}, 500)
    check(many == {"detail": "State Count is over than 4. please reduce state coutns. :("}, f"{many}")
    slots = asked(server, "/mrss_loadstatemodel",
                  {"state_filenames": ["tuned0.pth"] * 4, "state_viewname": "bad", "contain_originalstate": "True"}, 400)
    check("4 slots" in slots["detail"], f"{slots}")
    check(asked(server, "/mrss_set_gatingweight", {"state_viewname": "bad"}, 500) == {"detail": "bad State name is incorrect"}, "a name")
    for more, status, named in (({"model_filename": "../outside.pth"}, 500, "there is no"), ({"model_filename": link}, 500, "there is no"),
                                ({"model_filename": "adapters/rwkv-9-bone.pth"}, 500, "rwkv-9-bone"),
                                ({"adapter_filename": "../outside.pth"}, 500, "there is no"), ({"model_strategy": "int4"}, 400, "nf4"),
                                ({"model_strategy": "metal fp16"}, 400, "metal"), ({"template": "qwen"}, 400, "raven"),
                                ({"endtoken": "\\u12"}, 400, "endtoken"), ({"adapter_mode": "ia3"}, 400, "disha")):
        body = {"model_filename": "seven", "model_viewname": "seven", **more}
        answer = asked(server, "/loadmodel", body, status)
        check(set(answer) == {"detail"} and named in answer["detail"], f"{more}: {answer}")
    check(asked(server, "/fjdkgmzak9sd/sksf_appkill", {"key1": "", "key2": ""}, 404)["detail"] != "", "no keys were given")
    check(greedy(server, "seven") != "", "it still serves")


def made_adapters(weights):
    """(label, {file: tensors}, what the request says, merged weights or a model) for every kind."""
    from adapter_formulas import MixtureModel, bone, disha, dora, lora, pissa
    rng = np.random.default_rng(5)
    name = "blocks.1.ffn.key.weight"
    W, p = weights[name], name[:-len("weight")]
    A, B, A0, B0 = random(rng, 4, 64), random(rng, 96, 4), random(rng, 3, 64), random(rng, 96, 3)
    M = np.sqrt((W ** 2).sum(axis=0, keepdims=True)).astype(np.float32) * (1 + random(rng, 1, 64))
    D, E = random(rng, 8, 8, 8), random(rng, 8, 96)
    factors = {p + "lora_A": A, p + "lora_B": B}
    yield "lora", {"lora": factors}, {"adapter_mode": "lora"}, {name: lora(W, A, B, 2.0)}
    yield "lora scaled", {"lora": factors}, {"adapter_mode": "lora", "adapter_scaling": "-1.5"}, {name: lora(W, A, B, -1.5)}
    yield "dora", {"dora": {**factors, p + "lora_M": M}}, {"adapter_mode": "lora", "adapter_scaling": 1}, {name: dora(W, A, B, M, 1)}
    yield "bone", {"bone": {p + "bone": D}}, {"adapter_mode": "bone"}, {name: bone(W, D)}
    yield "disha", {"disha": {p + "disha": E}}, {"adapter_mode": "disha"}, {name: disha(W, E)}
    start = {p + "init_lora_A": A0, p + "init_lora_B": B0}
    yield "pissa", {"trained": factors, "start": start}, {"adapter_mode": "pissa"}, {name: pissa(W, A0, B0, A, B)}
    experts = {"moe_info": np.array([3, 2], np.float32)}
    for i in range(2):
        experts[f"blocks.{i}.ffn.router.linear.weight"] = random(rng, 2, 64)
        for e in range(3):
            for part, inner, outer in (("key", 64, 96), ("value", 96, 64)):
                experts[f"blocks.{i}.ffn.expert_{e}.{part}.lora_A_expert_0"] = random(rng, 4, inner)
                experts[f"blocks.{i}.ffn.expert_{e}.{part}.lora_B_expert_0"] = random(rng, outer, 4)
    wide = {key: value.astype(np.float64) for key, value in experts.items()}
    yield "mole", {"mole": experts}, {"adapter_mode": "lora"}, MixtureModel({**weights, **wide}, 2)


def check_adapters(args, server, weights):
    """Each kind takes the place of the one before; what can be merged does so in the model that is loaded."""
    from adapter_formulas import write_safetensors
    from rwkv7_formulas import Model
    load(server)
    plain = greedy(server, "seven")

    def steps():
        return server.get("/health")[1]["steps"]

    for label, files, words, merged in made_adapters(weights):
        for name, tensors in files.items():
            write_safetensors(os.path.join(args.work_dir, "models", "adapters", name + ".safetensors"), tensors)
        before = steps()
        load(server, adapter_filename=[f"adapters/{name}" for name in files], **words)
        check((steps() >= before) == (label != "mole"), f"{label}: loaded anew or not, {before} steps before")
        model = Model({**weights, **merged}) if isinstance(merged, dict) else merged
        text, expected = greedy(server, "seven"), likeliest([model], [1], "Hi")
        check(text == expected, f"{label}: {text!r} is not {expected!r}")
        check(text != plain, f"{label} changes nothing")
        print(f"adapter {label}: {text!r}", flush=True)
    load(server)
    check(greedy(server, "seven") == plain, "without adapters it says what it said")


def swap_under_load(args, server, swaps=60, clients=8):
    """Adapters change while clients ask: every answer is the model's with one of them, and nobody is refused."""
    from rwkv7_formulas import read_safetensors
    loads = [{}]
    for _, files, words, _ in made_adapters(read_safetensors(os.path.join(args.work_dir, "models", "seven.safetensors"))):
        loads.append({"adapter_filename": [f"adapters/{name}" for name in files], **words})
    own = []
    for words in loads:
        load(server, **words)
        own.append(greedy(server, "seven"))
    check(len(set(own)) == len(own), f"two of them say the same: {own}")
    over, answers, wrong = [], [], []

    def ask():
        while not over:
            try:
                text = greedy(server, "seven")
                answers.append(text)
                if text not in own:
                    wrong.append(text)
            except BaseException as error:  # a check that fails ends the thread
                wrong.append(repr(error))
                return

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for i in range(swaps):
        load(server, **loads[i % len(loads)])
        check(greedy(server, "seven") == own[i % len(loads)], f"swap {i}: another adapter's answer")
    over.append(True)
    for thread in threads:
        thread.join(60)
    check(not wrong and not any(thread.is_alive() for thread in threads), f"{wrong[:2]}")
    print(f"{swaps} swaps of adapters under {clients} clients: {len(answers)} answers", flush=True)


def check_formats(server):
    """Each word of model_strategy is a format of its own."""
    loaded = {}
    for word in ("", "bf16", "fp16", "int8", "fp16i8", "bf16i8", "fp8", "fp6", "fp5", "nf4", "cpu fp32"):
        load(server, model_strategy=word)
        loaded[word] = server.get("/health")[1]["strategy"]
    check(loaded[""] == "cpu fp32" and loaded["int8"] == loaded["fp16i8"] and len(set(loaded.values())) == 9, f"{loaded}")
    for word in ("fp8", "fp6", "fp5", "nf4"):
        check(loaded[word].endswith("fp16" + word), f"{word}: {loaded[word]}")


def check_end(args):
    with common.Server(args, None, *folders(args), "--admin-key1", "left", "--admin-key2", "right") as server:
        path = "/fjdkgmzak9sd/sksf_appkill"
        check(asked(server, path, {"key1": "left", "key2": "left"}, 400) == {"detail": "Invalid keys"}, "a wrong key")
        check(asked(server, path, {"key1": "left", "key2": "right"}) == {"message": "Keys verified successfully", "status_code": 200}, "keys")
        check(server.process.wait(30) == 0, server.stderr())
    done = common.run(args, "serve", *folders(args), "--admin-key1", "left")
    check(done.returncode == 2 and b"--admin-key2" in done.stderr, f"one key alone: {done}")


def main():
    args = common.parse_args()
    from rwkv7_formulas import read_safetensors
    run_documented_lines(args)
    weights = read_safetensors(make_model(args, "models/seven.safetensors", seed=7, **SHAPE))
    with common.Server(args, None, *folders(args)) as server:
        check_mixtures(args, server, weights)
        check_errors(args, server)
        check_adapters(args, server, weights)
        swap_under_load(args, server)
        check_formats(server)
        check(server.stop() == 0, server.stderr())
    check_end(args)


main()
