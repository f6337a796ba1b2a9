"""A model that makes vectors: what every command says of it, and that its heads go along when it is converted."""
import os
import shutil

import numpy as np

import common

TASKS = ["retrieval", "similarity", "classification"]
SENTENCE = "this model makes vectors of texts (POST /v1/embeddings) and writes none"


def made(args):
    """The weights of one, by the names of its trainer."""
    from rwkv7_formulas import read_safetensors
    source = common.make_model(args, "plain.safetensors", "f32", seed=7, L=2, C=64, N=32, F=96, V=65536)
    weights = {"rwkv." + name: np.asarray(array, np.float32) for name, array in read_safetensors(source).items()}
    draw = np.random.default_rng(8)
    for head in ("retr", "sts", "cls"):
        for part, shape in (("fc1.weight", (64, 64)), ("fc2.weight", (64, 64)), ("norm.weight", 64), ("norm.bias", 64)):
            weights[f"head.{head}_head.{part}"] = draw.standard_normal(shape).astype(np.float32)
    return weights


def refused(args, *words):
    done = common.run(args, *words)
    lines = done.stderr.decode().splitlines()
    common.check(done.returncode in (1, 2) and done.stdout == b"" and len(lines) >= 1, f"{words}: {done}")
    return lines[-1]


def vectors(args, path):
    with common.Server(args, path, "--strategy", "cpu fp32") as server:
        body = {"input": "hello", "task": "similarity"}
        meta = server.get("/v1/models")[1]["data"][0]["meta"]
        common.check((meta["kind"], meta["tasks"], meta["chat_template"]) == ("embedding", TASKS, None), f"{meta}")
        return server.post("/v1/embeddings", body)[1]["data"][0]["embedding"]


def main():
    args = common.parse_args()
    import container_writers as cw
    weights = made(args)
    model, out = (os.path.join(args.work_dir, name) for name in ("emb.safetensors", "out.safetensors"))
    cw.write_safetensors(model, weights)
    for words in (["logits", "--model", model, "--tokens", "1"], ["logits", "--model", model, "--tokens", "1,2,3", "--chunk", "2"],
                  ["complete", "--model", model, "--prompt", "a", "--max-tokens", "1"]):
        common.check(refused(args, *words, "--strategy", "cpu fp32").endswith(SENTENCE), f"{words}")
    gguf = os.path.join(args.work_dir, "out.gguf")
    said = refused(args, "convert", model, gguf, "--force")
    common.check("GGUF has no place for the heads" in said and "write a .safetensors" in said and not os.path.exists(gguf), said)
    common.output(args, "convert", model, out, "--force")
    common.check(np.allclose(vectors(args, model), vectors(args, out), atol=1e-6), "the heads went along")
    text = common.output(args, "inspect", model).decode()
    common.check("\nkind         embedding: retrieval, similarity, classification\n" in text and "\ntemplate " not in text, text)
    # What serve refuses of one, inspect refuses too.
    missing, misshaped = dict(weights), dict(weights)
    del missing["head.sts_head.fc2.weight"]
    misshaped["head.cls_head.norm.bias"] = np.zeros(3, np.float32)
    for wrong, sentence in ((missing, "embedding.sts.fc2.weight is missing"), (misshaped, "embedding.cls.norm.bias is [3], expected [64]")):
        cw.write_safetensors(model, wrong)
        for words in (["inspect", model], ["serve", "--model", model, "--port", "0", "--strategy", "cpu fp32"]):
            common.check(sentence in refused(args, *words), f"{words}: {sentence}")
    print("ok: a model that makes vectors", flush=True)


if __name__ == "__main__":
    main()
