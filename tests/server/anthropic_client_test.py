"""The unmodified `anthropic` package from PyPI against a running server: python anthropic_client_test.py BASE_URL PASSWORD."""

import json
import os
import re
import sys
from typing import Literal

import anthropic


def check(holds, what):
    if not holds:
        sys.exit(f"anthropic_client_test.py: {what}")


def fails(call, error, what):
    try:
        call()
    except error as caught:
        return caught
    check(False, what)


def messages(client, model):
    settings = dict(model=model, max_tokens=24, system="Be brief.", messages=[{"role": "user", "content": "What is the capital of France?"}],
                    extra_body={"temperature": 0})
    whole = client.messages.create(**settings)
    check(whole._request_id.startswith("req_"), f"{whole._request_id}")
    check(whole.type == "message" and whole.role == "assistant" and whole.model == model, f"{whole}")
    check([block.type for block in whole.content] == ["text"] and whole.content[0].text, f"{whole.content}")
    check(whole.stop_reason in ("end_turn", "max_tokens") and whole.stop_sequence is None, f"{whole.stop_reason}")
    with client.messages.stream(**settings) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    check(text == whole.content[0].text == final.content[0].text, f"streamed {text!r}, whole {whole.content[0].text!r}")
    check(final.stop_reason == whole.stop_reason and final.usage.output_tokens == whole.usage.output_tokens, f"{final} {whole}")
    usage = final.usage
    check(usage.input_tokens + usage.cache_read_input_tokens == whole.usage.input_tokens + whole.usage.cache_read_input_tokens, f"{final} {whole}")
    events = [event.type for event in client.messages.create(**settings, stream=True)]
    check(events[:2] == ["message_start", "content_block_start"] and events[-3:] == ["content_block_stop", "message_delta", "message_stop"], f"{events}")

    counted = client.messages.count_tokens(model=model, system="Be brief.", messages=settings["messages"])
    check(counted.input_tokens == usage.input_tokens + usage.cache_read_input_tokens, f"{counted} and {usage}")

    stop = text[len(text) // 2]
    ended = client.messages.create(**settings, stop_sequences=[stop])
    check(ended.stop_reason == "stop_sequence" and ended.stop_sequence == stop, f"{ended}")
    check(ended.content == [] or stop not in ended.content[0].text, f"{ended}")

    # The assistant's own text goes on, also where it is handed back as it came.
    begun = client.messages.create(**{**settings, "messages": [*settings["messages"], {"role": "assistant", "content": ended.content}] if ended.content
                                      else settings["messages"]})
    check(begun.content, f"{begun}")


def thinks(client, model):
    settings = dict(model=model, max_tokens=60, messages=[{"role": "user", "content": "What is 2 + 3?"}],
                    thinking={"type": "enabled", "budget_tokens": 1024}, extra_body={"seed": 3})
    with client.messages.stream(**settings) as stream:
        final = stream.get_final_message()
    check(final.content and final.content[0].type == "thinking" and final.content[0].signature, f"{final}")
    # A thought comes back in the history.
    again = client.messages.create(model=model, max_tokens=8, messages=[*settings["messages"], {"role": "assistant", "content": final.content},
                                                                         {"role": "user", "content": "Sure?"}])
    check(again.type == "message", f"{again}")
    hidden = dict(settings, thinking={"type": "enabled", "budget_tokens": 1024, "display": "omitted"})
    with client.messages.stream(**hidden) as stream:
        streamed = stream.get_final_message()
    for message in (streamed, client.messages.create(**hidden)):
        check(message.content[0].type == "thinking" and message.content[0].thinking == "" and message.content[0].signature, f"{message}")


def page(base, password):
    """What docs/anthropic.md shows, as it stands there."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/anthropic.md")
    with open(path, encoding="utf-8") as f:
        code = re.search(r"```python\n(.*?)```", f.read(), re.S).group(1)
    exec(code.replace("http://localhost:8000", base).replace('api_key="none"', f"api_key={password!r}"), {})


def agent(client, model):
    """Two steps: the model calls, the client answers, and the model goes on."""
    tools = [{"name": "weather", "description": "The weather of a city.",
              "input_schema": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"], "additionalProperties": False}}]
    asked = [{"role": "user", "content": "How warm is it in Rome?"}]
    settings = dict(model=model, max_tokens=400, messages=asked, tools=tools, tool_choice={"type": "tool", "name": "weather"}, extra_body={"temperature": 0})
    called = client.messages.create(**settings)
    uses = [block for block in called.content if block.type == "tool_use"]
    check(called.stop_reason == "tool_use" and len(uses) == 1 and uses[0].name == "weather", f"{called}")
    check(set(uses[0].input) == {"city"} and isinstance(uses[0].input["city"], str), f"{called}")
    with client.messages.stream(**settings) as stream:
        final = stream.get_final_message()
    check([(block.name, block.input) for block in final.content if block.type == "tool_use"] == [("weather", uses[0].input)], f"{final} {called}")
    check(final.stop_reason == "tool_use", f"{final}")
    answered = client.messages.create(model=model, max_tokens=8, tools=tools, messages=[
        *asked, {"role": "assistant", "content": called.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": uses[0].id, "content": "20 degrees"}]}])
    check(answered.type == "message" and answered.content, f"{answered}")
    some = client.messages.create(**{**settings, "tool_choice": {"type": "any"}})
    check(some.stop_reason == "tool_use", f"{some}")


def runner(client, model):
    """The package's own loop, which asks for a thread of messages first and must learn that there is none."""
    @anthropic.beta_tool
    def weather(city: Literal["Oslo", "Rome"]) -> str:
        """The weather.

        Args:
            city: the city
        """
        return f"9 degrees in {city}"

    settings = dict(model=model, max_tokens=400, tools=[weather], max_iterations=2, extra_body={"temperature": 0},
                    messages=[{"role": "user", "content": "How warm is it in Oslo?"}], tool_choice={"type": "any", "disable_parallel_tool_use": True})
    messages = list(client.beta.messages.tool_runner(**settings))
    check([message.stop_reason for message in messages] == ["tool_use", "tool_use"], f"{messages}")
    check(messages[1].usage.input_tokens + (messages[1].usage.cache_read_input_tokens or 0) >
          messages[0].usage.input_tokens + (messages[0].usage.cache_read_input_tokens or 0), f"the second has the history of the first: {messages}")


def formed(client, model):
    schema = {"type": "object", "properties": {"degrees": {"type": "integer", "minimum": 0, "maximum": 50}}, "required": ["degrees"], "additionalProperties": False}
    answer = client.messages.create(model=model, max_tokens=60, messages=[{"role": "user", "content": "How warm is it?"}],
                                    output_config={"format": {"type": "json_schema", "schema": schema}})
    value = json.loads(answer.content[0].text)
    check(set(value) == {"degrees"} and isinstance(value["degrees"], int) and 0 <= value["degrees"] <= 50, f"{answer}")


def errors(client, model):
    hi = [{"role": "user", "content": "Hi"}]
    wrong = fails(lambda: client.messages.create(model=model, max_tokens=0, messages=hi), anthropic.BadRequestError, "0 tokens were accepted")
    check(wrong.type == "invalid_request_error" and "max_tokens" in wrong.api_message, f"{wrong}")
    image = [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}]
    wrong = fails(lambda: client.messages.create(model=model, max_tokens=4, messages=image), anthropic.BadRequestError, "an image was accepted")
    check("messages[0].content[0]" in wrong.api_message, f"{wrong}")
    wrong = fails(lambda: client.with_options(api_key="wrong").messages.create(model=model, max_tokens=4, messages=hi),
                  anthropic.AuthenticationError, "a wrong key was accepted")
    check(wrong.type == "authentication_error", f"{wrong}")
    fails(lambda: client.models.retrieve("no-such-model"), anthropic.NotFoundError, "an unknown model was found")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: anthropic_client_test.py http://127.0.0.1:8000/v1 password")
    client = anthropic.Anthropic(base_url=sys.argv[1].removesuffix("/v1"), api_key=sys.argv[2], max_retries=0, timeout=300,
                                 _strict_response_validation=True)
    models = client.models.list()
    check(len(models.data) == 1 and models.data[0].type == "model", f"{models}")
    check(not models.has_more and not client.models.list(after_id=models.data[0].id, limit=1).data, "there is a page behind the last")
    page(sys.argv[1].removesuffix("/v1"), sys.argv[2])
    model = models.data[0].id
    check(client.models.retrieve(model).id == model, "the listed model cannot be retrieved")
    messages(client, model)
    thinks(client, model)
    agent(client, model)
    if hasattr(client.beta.messages, "tool_runner"):
        runner(client, model)
    formed(client, model)
    errors(client, model)

    # A client that stops listening must not disturb the next one.
    stream = client.messages.create(model=model, max_tokens=1000, messages=[{"role": "user", "content": "Tell me a story."}], stream=True)
    next(iter(stream))
    stream.close()
    check(client.models.list().data[0].id == model, "no answer after an abandoned stream")
    print(f"anthropic {anthropic.__version__} (Python): ok")


main()
