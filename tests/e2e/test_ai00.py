"""ai00's clients: the lines of docs/ai00.md against the demo, a stream put together, and tuned states by name."""
import json
import os

import numpy as np

import common
from curl_lines import documented


def random_state(seed):
    """Large enough that a made model has not forgotten it at once."""
    rng = np.random.default_rng(seed)
    return {f"blocks.{i}.att.time_state": (rng.standard_normal((2, 32, 32)) * 1000).astype(np.float32) for i in range(2)}


def asked(server, path, body, status=200):
    got, answer = server.post(path, body)
    common.check(got == status, f"{path} {body}: {got} {answer}")
    return answer


def demo(args):
    with common.Server(args, common.demo_model(args), "--strategy", "cpu fp16") as server:
        documented(args, server, "docs/ai00.md")
        body = {"messages": [{"role": "user", "content": "Hi!"}], "max_tokens": 12, "seed": 3, "stop": ["\n\nUser:"]}
        whole = asked(server, "/api/oai/v1/chat/completions", body)
        common.check(whole["choices"][0]["message"]["role"] == "Assistant" and whole["usage"]["total"] > 0, f"{whole}")
        events = list(server.stream("/api/oai/chat/completions", body))
        text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
        common.check(text.strip() == whole["choices"][0]["message"]["content"], f"{text!r} {whole}")
        common.check(events[0]["choices"][0]["delta"] == {"role": "Assistant"} and events[-1]["choices"][0]["finish_reason"], f"{events}")


def models(args):
    import container_writers as cw
    folder = os.path.join(args.work_dir, "models")
    os.makedirs(folder, exist_ok=True)
    shape = dict(L=2, C=64, N=32, F=96, V=256)
    os.replace(common.make_model(args, "a.safetensors", "f32", seed=1, **shape), os.path.join(folder, "a.safetensors"))
    os.replace(common.make_model(args, "b.safetensors", "f32", seed=2, **shape), os.path.join(folder, "b.safetensors"))
    cw.write_safetensors(os.path.join(folder, "tuned.state"), random_state(5))
    with common.Server(args, None, "--models-dir", folder, "--vocab", "bytes", "--strategy", "cpu fp32") as server:
        files = server.get("/api/models/list")[1]
        common.check({"a", "b"} <= {one["name"] for one in files}, f"{files}")
        asked(server, "/admin/models/load", {"model_path": "a.safetensors", "state": [{"path": "tuned.state", "name": "mine"}]})
        info = server.get("/api/models/info")[1]
        common.check(info["model"]["num_layer"] == 2 and [one["name"] for one in info["states"]] == ["a mine"], f"{info}")
        body = {"prompt": "Hi", "max_tokens": 10, "stop": [], "sampler": {"temperature": 0}, "ignore_eos": True}
        plain, tuned = (asked(server, "/api/oai/completions", {**body, **more})["choices"][0]["text"] for more in ({}, {"state": "mine"}))
        common.check(plain != tuned, "the state counts")
        for state in (info["states"][0]["id"], {"id": "mine"}, {"path": "tuned.state"}, {"id": info["states"][0]["id"], "name": "x"}):
            got = asked(server, "/api/oai/completions", {**body, "state": state})["choices"][0]["text"]
            common.check(got == tuned, f"{state}: {got!r} {tuned!r}")
        common.check(asked(server, "/api/oai/completions", {**body, "model": "gpt-4o"})["model"] == "a", "any word is the current model")
        nothing = "00000000-0000-0000-0000-000000000000"
        common.check(asked(server, "/api/oai/completions", {**body, "state": nothing})["choices"][0]["text"] == plain, "no state")
        status, answer = server.post("/api/oai/completions", {**body, "state": "nobody's"})
        common.check(status == 400 and answer["error"]["name"] == "Bad Request", f"{status} {answer}")
        asked(server, "/admin/models/load", {"model_path": "nothing.st"}, 404)
        asked(server, "/admin/models/load", {"model_path": "../x.st"}, 404)
        asked(server, "/admin/models/load", {"model_path": "b.safetensors", "state": [{"path": "tuned.state", "default": True}]})
        started = asked(server, "/api/oai/completions", body)["choices"][0]["text"]
        asked(server, "/admin/models/load", {"model_path": "b.safetensors"})
        common.check(asked(server, "/api/oai/completions", body)["choices"][0]["text"] != started, "the default counts")
        common.check(server.get("/admin/models/unload")[0] == 200, "unloaded")
    print("ok: ai00's models", flush=True)


def main():
    args = common.parse_args()
    demo(args)
    models(args)


if __name__ == "__main__":
    main()
