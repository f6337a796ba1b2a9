"""The unmodified `openai` package from PyPI against a running server: python openai_client_test.py BASE_URL [PASSWORD]."""

import sys

import openai


def check(holds, what):
    if not holds:
        sys.exit(f"openai_client_test.py: {what}")


def check_logprobs(client, model):
    chat = dict(model=model, messages=[{"role": "user", "content": "Hello!"}], max_completion_tokens=12, temperature=0, seed=1,
                logprobs=True, top_logprobs=3)
    whole = client.chat.completions.create(**chat).choices[0]
    entries = whole.logprobs.content
    told = b"".join(bytes(entry.bytes) for entry in entries).decode(errors="replace")
    check(told.strip() == whole.message.content.strip(), f"entries of {told!r}, the text is {whole.message.content!r}")
    for entry in entries:
        check(len(entry.top_logprobs) == 3 and entry.logprob <= 0, f"{entry}")
        check(entry.logprob == entry.top_logprobs[0].logprob, f"at temperature 0 the likeliest comes: {entry}")
        check(bytes(entry.bytes).decode(errors="replace") == entry.token, f"{entry}")
    streamed = []
    for chunk in client.chat.completions.create(**chat, stream=True):
        for part in chunk.choices:
            streamed += part.logprobs.content if part.logprobs else []
    check([entry.bytes for entry in streamed] == [entry.bytes for entry in entries], "streamed tokens differ")
    # What others had the model read before may change the last bits.
    check(all(abs(one.logprob - other.logprob) < 1e-3 for one, other in zip(streamed, entries)), "streamed numbers differ")

    text = dict(model=model, prompt="Once upon a time", max_tokens=6, temperature=0, seed=1, logprobs=2)
    for more in ({}, {"echo": True}, {"echo": True, "max_tokens": 0}, {"n": 3, "temperature": 1}):
        for choice in client.completions.create(**{**text, **more}).choices:
            lists = choice.logprobs
            sizes = {len(lists.tokens), len(lists.token_logprobs), len(lists.top_logprobs), len(lists.text_offset)}
            check(len(sizes) == 1 and len(lists.tokens) > 0, f"lists of {sizes} entries for {more}")
            check((lists.token_logprobs[0] is None) == ("echo" in more), f"{more}: the first has {lists.token_logprobs[0]}")
            for token, offset in zip(lists.tokens, lists.text_offset):
                check(token.startswith("bytes:") or choice.text[offset:].startswith(token), f"{token!r} is at {offset} of {choice.text!r}")
    tokens = []
    for chunk in client.completions.create(**text, stream=True):
        for part in chunk.choices:
            tokens += part.logprobs.tokens if part.logprobs else []
    check(tokens == client.completions.create(**text).choices[0].logprobs.tokens, f"streamed {tokens}")
    best = client.completions.create(**{**text, "temperature": 1, "n": 2, "best_of": 5})
    means = [sum(choice.logprobs.token_logprobs) / len(choice.logprobs.tokens) for choice in best.choices]
    check(means == sorted(means, reverse=True) and len(means) == 2, f"the best first: {means}")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: openai_client_test.py http://127.0.0.1:8000/v1 [password]")
    key = sys.argv[2] if len(sys.argv) == 3 else "none"
    client = openai.OpenAI(base_url=sys.argv[1], api_key=key, max_retries=0, timeout=300)

    models = client.models.list().data
    check(len(models) == 1 and models[0].object == "model", f"one model expected, got {models}")
    model = models[0].id
    check(client.models.retrieve(model).id == model, "the listed model cannot be retrieved")
    named = client.with_options(default_headers={"X-Request-Id": "trace-7"}).models.retrieve(model)
    check(named._request_id == "trace-7", f"the request's id: {named._request_id}")

    settings = dict(model=model, prompt="Once upon a time", max_tokens=12, temperature=0, seed=1)
    whole = client.completions.create(**settings)
    choice = whole.choices[0]
    check(choice.finish_reason in ("stop", "length"), f"finish_reason {choice.finish_reason}")
    check(0 < whole.usage.completion_tokens <= 12, f"usage {whole.usage}")
    check(whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens, "usage does not add up")
    text, reason, usage = "", None, None
    for chunk in client.completions.create(**settings, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for part in chunk.choices:
            text += part.text
            reason = part.finish_reason or reason
    check(text == choice.text, f"streamed {text!r}, whole {choice.text!r}")
    check(reason == choice.finish_reason and usage == whole.usage, f"streamed {reason} {usage}")

    several = client.completions.create(**{**settings, "prompt": ["a", "b"]}, n=2)
    check([part.index for part in several.choices] == [0, 1, 2, 3], "choices are misnumbered")

    settings = dict(model=model, messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}],
                    max_completion_tokens=12, temperature=0, seed=1)
    whole = client.chat.completions.create(**settings)
    message = whole.choices[0].message
    check(message.role == "assistant", f"role {message.role}")
    check(whole.choices[0].finish_reason in ("stop", "length"), f"finish_reason {whole.choices[0].finish_reason}")
    text, roles, reasons, usage = "", [], [], None
    for chunk in client.chat.completions.create(**settings, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for part in chunk.choices:
            text += part.delta.content or ""
            roles += [part.delta.role] if part.delta.role else []
            reasons += [part.finish_reason] if part.finish_reason else []
    check(text == message.content, f"streamed {text!r}, whole {message.content!r}")
    check(roles == ["assistant"] and reasons == [whole.choices[0].finish_reason], f"streamed {roles} {reasons}")
    check(usage == whole.usage, f"streamed {usage}, whole {whole.usage}")

    for wrong, error in (({"temperature": -1}, openai.BadRequestError), ({"messages": []}, openai.BadRequestError)):
        try:
            client.chat.completions.create(**{**settings, **wrong})
            check(False, f"{wrong} was accepted")
        except error as caught:
            check(caught.param == next(iter(wrong)), f"{wrong}: the error names {caught.param}")
    try:
        client.models.retrieve("no-such-model")
        check(False, "an unknown model was found")
    except openai.NotFoundError:
        pass
    if len(sys.argv) == 3:
        try:
            client.with_options(api_key="wrong").models.list()
            check(False, "a wrong password was accepted")
        except openai.AuthenticationError:
            pass

    check_logprobs(client, model)

    # A client that stops listening must not disturb the next one.
    stream = client.completions.create(model=model, prompt="a", max_tokens=1000, stream=True)
    next(iter(stream))
    stream.close()
    check(client.models.list().data[0].id == model, "no answer after an abandoned stream")
    print(f"openai {openai.__version__} (Python): ok")


main()
