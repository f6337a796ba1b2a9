"""The unmodified `ollama` package from PyPI against a running server: python ollama_client_test.py BASE_URL PASSWORD."""

import importlib.metadata
import json
import os
import re
import sys

import ollama


def check(holds, what):
    if not holds:
        sys.exit(f"ollama_client_test.py: {what}")


def fails(call, status, what):
    try:
        call()
    except ollama.ResponseError as caught:
        check(caught.status_code == status and not caught.error.startswith("{"), f"{what}: {caught}")
        return caught.error
    check(False, what)


def chats(client, model):
    settings = dict(model=model, messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of France?"}],
                    options={"temperature": 0, "num_predict": 24})
    whole = client.chat(**settings)
    check(whole.model == model and whole.done and whole.done_reason in ("stop", "length"), f"{whole}")
    check(whole.message.role == "assistant" and whole.message.content, f"{whole}")
    check(whole.eval_count > 0 and whole.prompt_eval_count > 0 and whole.total_duration >= whole.eval_duration > 0, f"{whole}")
    parts = list(client.chat(**settings, stream=True))
    text = "".join(part.message.content for part in parts)
    check(text == whole.message.content, f"streamed {text!r}, whole {whole.message.content!r}")
    check([part.done for part in parts] == [False] * (len(parts) - 1) + [True], f"{parts}")
    check(parts[-1].eval_count == whole.eval_count and parts[-1].done_reason == whole.done_reason, f"{parts[-1]} {whole}")

    stop = text[len(text) // 2]
    ended = client.chat(**{**settings, "options": {**settings["options"], "stop": [stop]}})
    check(stop not in ended.message.content and ended.done_reason == "stop", f"{ended}")

    thought = client.chat(model=model, messages=[{"role": "user", "content": "What is 2 + 3?"}], think="low", options={"num_predict": 40, "seed": 3})
    check(thought.message.thinking, f"{thought}")
    plain = client.chat(model=model, messages=[{"role": "user", "content": "What is 2 + 3?"}], think=False, options={"num_predict": 40, "seed": 3})
    check(not plain.message.thinking and plain.message.content, f"{plain}")

    tooled = client.chat(model=model, options={"num_predict": 8}, messages=[
        {"role": "user", "content": "How warm is it?"},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look", "arguments": {"where": "here"}}}]},
        {"role": "tool", "content": "20 degrees", "tool_name": "look"}])
    check(tooled.message.role == "assistant", f"{tooled}")


def formed(client, model):
    schema = {"type": "object", "properties": {"degrees": {"type": "integer", "minimum": 0, "maximum": 50}}, "required": ["degrees"], "additionalProperties": False}
    hi = [{"role": "user", "content": "How warm is it?"}]
    value = json.loads(client.chat(model=model, messages=hi, format=schema, options={"num_predict": 60}).message.content)
    check(set(value) == {"degrees"} and isinstance(value["degrees"], int) and 0 <= value["degrees"] <= 50, f"{value}")
    value = client.generate(model=model, prompt="How warm is it?", format="json", options={"num_predict": 200, "seed": 1})
    check(value.done_reason == "length" or isinstance(json.loads(value.response), dict), f"{value}")


def texts(client, model):
    first = client.generate(model=model, prompt="My name is Bo. What is 2 + 3?", options={"temperature": 0, "num_predict": 30})
    check(first.response and first.done and len(first.context) > first.eval_count, f"{first}")
    second = client.generate(model=model, prompt="What is my name?", context=first.context, options={"temperature": 0, "num_predict": 30})
    check(second.context[:len(first.context)] == first.context and second.prompt_eval_count > len(first.context), f"{second}")
    raw = client.generate(model=model, prompt="The capital of France is", raw=True, options={"temperature": 0, "num_predict": 8})
    check(raw.response and raw.context is None, f"{raw}")
    pieces = list(client.generate(model=model, prompt="The capital of France is", raw=True, options={"temperature": 0, "num_predict": 8}, stream=True))
    check("".join(piece.response for piece in pieces) == raw.response, f"{pieces}")


def scores(client, model):
    """The likeliest token is drawn, so it is the first of each list; a stream has the same numbers."""
    settings = dict(model=model, options={"temperature": 0, "num_predict": 6}, logprobs=True, top_logprobs=2)
    chat = dict(settings, messages=[{"role": "user", "content": "What is the capital of France?"}], think=False)
    text = dict(settings, prompt="The capital of France is", raw=True)
    for call, said, words in ((client.chat, chat, lambda one: one.message.content), (client.generate, text, lambda one: one.response)):
        whole = call(**said)
        check(whole.logprobs and all(one.logprob <= 0 and len(one.top_logprobs) == 2 for one in whole.logprobs), f"{whole}")
        check(all(one.token == one.top_logprobs[0].token for one in whole.logprobs), f"{whole.logprobs}")
        check("".join(one.token for one in whole.logprobs).strip().startswith(words(whole).strip()), f"{whole}")
        streamed = [one for piece in call(**said, stream=True) for one in piece.logprobs or []]
        check([one.logprob for one in streamed] == [one.logprob for one in whole.logprobs], f"{streamed} {whole.logprobs}")
    check(client.generate(**dict(text, logprobs=None, top_logprobs=None)).logprobs is None, "scores that nobody asked for")


def page(base, password):
    """What docs/ollama.md shows, as it stands there."""
    os.environ["OLLAMA_API_KEY"] = password
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/ollama.md")
    with open(path, encoding="utf-8") as f:
        exec(re.search(r"```python\n(.*?)```", f.read(), re.S).group(1).replace("http://localhost:11434", base), {})


def vectors(client, model):
    several = client.embed(model=model, input=["The sea", "The sky"])
    check(len(several.embeddings) == 2 and several.prompt_eval_count > 0, f"{several.prompt_eval_count}")
    one = client.embed(model=model, input="The sea")
    check(max(abs(a - b) for a, b in zip(one.embeddings[0], several.embeddings[0])) < 1e-4, "the same text has another vector")
    check(abs(sum(x * x for x in one.embeddings[0]) - 1) < 1e-4, "a vector's length is 1")
    check(len(client.embed(model=model, input="The sea", dimensions=8).embeddings[0]) == 8, "dimensions")
    check(client.embeddings(model=model, prompt="The sea").embedding == one.embeddings[0], "the old endpoint differs")


def models(client, model):
    shown = client.show(model)
    check("completion" in shown.capabilities and shown.modelinfo["general.parameter_count"] > 0 and shown.details.family.startswith("rwkv"), f"{shown}")
    running = client.ps().models
    check(len(running) == 1 and running[0].model == model and running[0].size > 0 and running[0].expires_at, f"{running}")
    loaded = client.generate(model=model, prompt="", keep_alive="5m")
    check(loaded.done_reason == "load" and loaded.response == "", f"{loaded}")


def errors(client, model):
    check("--models-dir" in fails(lambda: client.pull("llama3"), 400, "a model was pulled"), "the cure is told")
    fails(lambda: list(client.pull("llama3", stream=True)), 400, "a model was pulled")
    fails(lambda: client.delete(model), 400, "a model was deleted")
    fails(lambda: client.copy(model, "other"), 400, "a model was copied")
    fails(lambda: client.create("other", from_=model), 400, "a model was created")
    hi = [{"role": "user", "content": "Hi"}]
    check("temperature" in fails(lambda: client.chat(model=model, messages=hi, options={"temperature": -1}), 400, "a temperature of -1"), "named")
    check("role" in fails(lambda: client.chat(model=model, messages=[{"role": "judge", "content": "Hi"}]), 400, "a judge spoke"), "named")
    fails(lambda: list(client.chat(model=model, messages=[{"role": "judge", "content": "Hi"}], stream=True)), 400, "a judge spoke")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: ollama_client_test.py http://127.0.0.1:8000/v1 password")
    host = sys.argv[1].removesuffix("/v1")
    client = ollama.Client(host=host, headers={"Authorization": f"Bearer {sys.argv[2]}"}, timeout=300)
    fails(lambda: ollama.Client(host=host, headers={"Authorization": "Bearer wrong"}).list(), 401, "a wrong key was accepted")
    listed = client.list().models
    check(len(listed) == 1 and listed[0].model.endswith(":latest") and len(listed[0].digest) == 64, f"{listed}")
    model = listed[0].model
    chats(client, model)
    formed(client, model)
    texts(client, model)
    scores(client, model)
    page(host, sys.argv[2])
    vectors(client, model)
    models(client, model)
    errors(client, model)

    # A client that stops listening must not disturb the next one.
    stream = client.chat(model=model, messages=[{"role": "user", "content": "Tell me a story."}], stream=True, options={"num_predict": 1000})
    next(iter(stream))
    stream.close()
    check(client.list().models[0].model == model, "no answer after an abandoned stream")
    print(f"ollama {importlib.metadata.version('ollama')} (Python): ok")


main()
