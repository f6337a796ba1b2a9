"""llama.cpp's clients: the lines of docs/llama.md against the demo, LoRA scales against merged weights, and rerankers against the formulas."""
import json
import os
import shlex
import subprocess

import numpy as np

import common
import test_embedding_model
from curl_lines import curl_commands

INSTRUCTION = "Given a query, retrieve documents that answer the query"
DOCUMENTS = ["The EOS token marks the end of a text.", "Apples are red.", "A text ends where its writer stops."]
QUERY = "What ends a text?"
END = 65535


def asked(server, path, body, status=200):
    got, answer = server.post(path, body)
    common.check(got == status, f"{path} {body}: {got} {answer}")
    return answer


def curl(server, command):
    words = shlex.split(command.replace("localhost:8000", f"{server.host}:{server.port}"))
    done = subprocess.run([*words, "--silent", "--show-error"], capture_output=True, timeout=common.LOAD_SECONDS)
    common.check(done.returncode == 0, f"{command}: {done.stderr.decode()}")
    return done.stdout.decode()


def lines(args):
    """Each of the page's, and what comes back has the members that the page tells of."""
    with common.Server(args, common.demo_model(args), "--strategy", "cpu fp16") as server:
        answers = {}
        for command in curl_commands(args, "docs/llama.md"):
            path = command.split("localhost:8000")[1].split()[0]
            answers.setdefault(path, []).append(curl(server, command))
            print("ok:", command, flush=True)
        first = json.loads(answers["/completion"][0])
        common.check(first["stop"] and 0 < first["tokens_predicted"] == first["timings"]["predicted_n"] <= 16, f"{first}")
        events = [json.loads(line[6:]) for line in answers["/completion"][1].split("\n\n") if line]
        progress = [event["prompt_progress"] for event in events if "prompt_progress" in event]
        common.check(all(one["processed"] < one["total"] for one in progress), f"{progress}")
        common.check(all("timings" in event for event in events if "prompt_progress" not in event) and events[-1]["stop_type"] in ("limit", "eos"), f"{events}")
        made = "".join(event["content"] for event in events)
        slot = json.loads(answers["/completion"][2])
        common.check(slot["id_slot"] == 0 and len(made) > 0, f"{slot}")
        common.check("content" in json.loads(answers["/infill"][0]), f"{answers['/infill']}")
        pieces = json.loads(answers["/tokenize"][0])["tokens"]
        common.check("".join(piece["piece"] for piece in pieces) == "Hello world", f"{pieces}")
        common.check(json.loads(answers["/detokenize"][0])["content"] == "Hello", f"{answers['/detokenize']}")
        vector = np.array(json.loads(answers["/embedding"][0])[0]["embedding"][0])
        common.check(abs(np.linalg.norm(vector) - 1) < 1e-5, f"{np.linalg.norm(vector)}")
        common.check(json.loads(answers["/lora-adapters"][0]) == [] and json.loads(answers["/lora-adapters"][1]) == {"success": True},
                     f"{answers['/lora-adapters']}")
        error = json.loads(answers["/rerank"][0])["error"]
        common.check(error["code"] == 501 and "--reranker" in error["message"], f"{error}")
        count = asked(server, "/tokenize", {"prompt": "Hello world", "return_token_strs": True})
        common.check(count["count"] == len(count["tokens"]) and "".join(count["token_strs"]) == "Hello world", f"{count}")


        scored = asked(server, "/completion", {"prompt": "One, two,", "n_predict": 3, "n_probs": 2, "temperature": 0, "return_tokens": True})
        rows = scored["completion_probabilities"]
        common.check([row["id"] for row in rows] == scored["tokens"] and len(rows) == 3, f"{scored}")
        for row in rows:
            best = row["top_logprobs"]
            common.check(len(best) == 2 and best[0]["id"] == row["id"] and best[0]["logprob"] == row["logprob"] > best[1]["logprob"], f"{row}")
            common.check(bytes(row["bytes"]).decode(errors="replace") == row["token"] and row["logprob"] <= 0, f"{row}")


def lora(args):
    """An adapter at scale 0.5 is the sum that says so, at 0 it is not there."""
    from rwkv7_formulas import read_safetensors
    import container_writers as cw
    model = common.make_model(args, "base.safetensors", "f32", seed=3, L=2, C=64, N=32, F=96, V=256)
    weights = {name: np.asarray(array, np.float32) for name, array in read_safetensors(model).items()}
    draw = np.random.default_rng(4)
    low, high = draw.standard_normal((4, 64)).astype(np.float32), draw.standard_normal((64, 4)).astype(np.float32)
    name, adapter = "blocks.1.att.key", os.path.join(args.work_dir, "lora.safetensors")
    cw.write_safetensors(adapter, {name + ".lora_A": low, name + ".lora_B": high})
    merged = dict(weights)
    merged[name + ".weight"] = weights[name + ".weight"] + 0.5 * 0.25 * (high @ low)
    whole = os.path.join(args.work_dir, "merged.safetensors")
    cw.write_safetensors(whole, merged)
    body = {"prompt": "Hi", "n_predict": 12, "temperature": 0, "cache_prompt": False, "ignore_eos": True}

    def text(server):
        return asked(server, "/completion", body)["content"]

    flags = ("--vocab", "bytes", "--strategy", "cpu fp32")
    with common.Server(args, whole, *flags) as server:
        wanted = text(server)
    with common.Server(args, model, *flags) as server:
        plain = text(server)
    with common.Server(args, model, *flags, "--adapter", adapter, "--adapter-scaling", "0.25") as server:
        listed = server.get("/lora-adapters")[1]
        common.check(len(listed) == 1 and listed[0]["id"] == 0 and listed[0]["path"].endswith("lora.safetensors") and listed[0]["scale"] == 1, f"{listed}")
        full = text(server)
        asked(server, "/lora-adapters", [{"id": 0, "scale": 0.5}])
        common.check(text(server) == wanted, "half of it")
        common.check(server.get("/lora-adapters")[1][0]["scale"] == 0.5, "what was set is told")
        asked(server, "/lora-adapters", [])
        common.check(text(server) == plain, "none of it")
        asked(server, "/lora-adapters", [{"id": 0, "scale": 1}])
        common.check(text(server) == full != plain, "all of it again")
        for wrong in ([{"id": 1, "scale": 1}], [{"scale": 1}], [{"id": 0}], {}, [3], [{"id": 0, "scale": "x"}]):
            status, answer = server.post("/lora-adapters", wrong)
            common.check(status == 400 and answer["error"]["code"] == 400, f"{wrong}: {status} {answer}")
    print("ok: LoRA scales", flush=True)


def hidden(model, token):
    """What the final norm gives."""
    x, v_first = model.embedded(token), None
    for i in range(model.layers):
        mixed, v_first = model.time_mix(i, model.norm(x, f"blocks.{i}.ln1"), v_first)
        x = x + mixed
        x = x + model.channel_mix(i, model.norm(x, f"blocks.{i}.ln2"), token)
    return model.norm(x, "ln_out")


def score(weights, ranker, head, tokens):
    from rwkv7_formulas import Model
    reader = Model(weights)
    for token in tokens:
        hidden(reader, token)
    judge = Model(ranker)
    judge.S = reader.S.copy()
    x = hidden(judge, 0)
    logit = head["2.weight"][0] @ np.tanh(head["0.weight"] @ x + head["0.bias"])
    return 1 / (1 + np.exp(-logit))


def reranker(args):
    from rwkv7_formulas import read_safetensors
    import container_writers as cw
    embedding = test_embedding_model.made(args)
    model, ranker = (os.path.join(args.work_dir, name) for name in ("emb.safetensors", "rank.pth"))
    cw.write_safetensors(model, embedding)
    reader = {name[5:]: array for name, array in embedding.items() if name.startswith("rwkv.")}
    blocks = read_safetensors(common.make_model(args, "blocks.safetensors", "f32", seed=11, L=2, C=64, N=32, F=256, V=8))
    judge = {name: np.asarray(array, np.float32) for name, array in blocks.items() if name != "head.weight"}
    judge["emb.weight"] = judge["emb.weight"][:1]
    draw = np.random.default_rng(12)
    head = {"0.weight": draw.standard_normal((64, 64)).astype(np.float32) / 8, "0.bias": draw.standard_normal(64).astype(np.float32),
            "2.weight": draw.standard_normal((1, 64)).astype(np.float32) / 8}
    written = {"reranker." + name: array for name, array in judge.items()}
    written.update({"reranker.head." + name: array for name, array in head.items()})
    cw.write_legacy_pth(ranker, written, lambda state: {**state, "reranker_layer_idx": [0, 1]})
    with common.Server(args, model, "--strategy", "cpu fp32", "--reranker", ranker) as server:
        def tokens(text):
            return asked(server, "/tokenize", {"content": text})["tokens"]

        wanted = [score(reader, judge, head, [*tokens(f"Instruct: {INSTRUCTION}\nDocument: {document}\n"), *tokens("Query: " + QUERY), END])
                  for document in DOCUMENTS]
        body = {"query": QUERY, "documents": DOCUMENTS}
        before = server.get("/health")[1]
        got = asked(server, "/rerank", body)
        between = server.get("/health")[1]
        scores = {one["index"]: one["relevance_score"] for one in got["results"]}
        common.check(np.allclose([scores[i] for i in range(3)], wanted, atol=1e-4), f"{scores} {wanted}")
        common.check([one["index"] for one in got["results"]] == list(np.argsort(wanted)[::-1]), f"best first: {got}")
        best = asked(server, "/v1/rerank", {**body, "query": "Who is red?", "top_n": 1, "return_documents": True})["results"]
        after = server.get("/health")[1]
        common.check(len(best) == 1 and best[0]["document"]["text"] == DOCUMENTS[best[0]["index"]], f"{best}")
        read = [later["prompt_tokens"] - later["cached_tokens"] - (one["prompt_tokens"] - one["cached_tokens"])
                for one, later in ((before, between), (between, after))]
        question = len(tokens("Query: Who is red?")) + 1
        common.check(read[1] == 3 * question < read[0], f"of documents that are known the question alone is read: {read}")
        tei = asked(server, "/rerank", {"query": QUERY, "texts": DOCUMENTS[:2], "return_text": True})
        common.check({one["index"]: one["text"] for one in tei} == dict(enumerate(DOCUMENTS[:2])), f"{tei}")
        for wrong, sentence in (({"documents": ["x"]}, "query is missing"), ({"query": "x"}, "documents is missing"),
                                ({"query": "x", "documents": [""]}, "documents[0] is an empty text, which has no score"),
                                ({"query": "x", "documents": [{}]}, "documents[0].text is missing"),
                                ({"query": "x", "documents": ["x"], "top_n": 0}, "top_n must be between 1 and 1024")):
            status, answer = server.post("/rerank", wrong)
            common.check(status == 400 and answer["error"]["message"] == sentence, f"{wrong}: {status} {answer}")
    with common.Server(args, model, "--strategy", "cpu fp32") as server:
        vectors = [np.array(asked(server, "/v1/embeddings", {"input": text})["data"][0]["embedding"]) for text in (QUERY, *DOCUMENTS)]
        scores = {one["index"]: one["relevance_score"] for one in asked(server, "/rerank", body)["results"]}
        common.check(np.allclose([scores[i] for i in range(3)], [vectors[0] @ vector for vector in vectors[1:]], atol=1e-5), f"{scores}")
    other = common.make_model(args, "other.safetensors", "f32", seed=1, L=2, C=64, N=32, F=96, V=65536)
    for words, sentence in (((ranker,), "is a reranker: serve the model whose states it scores"), ((model, "--reranker", model), "is no reranker"),
                            ((other, "--reranker", ranker), "scores what a model of 2 layers and 64 channels that makes vectors has read")):
        said = test_embedding_model.refused(args, "serve", "--model", words[0], *words[1:], "--port", "0", "--strategy", "cpu fp32")
        common.check(sentence in said, f"{words}: {said}")
    print("ok: a reranker", flush=True)


def main():
    args = common.parse_args()
    lines(args)
    lora(args)
    reranker(args)


if __name__ == "__main__":
    main()
