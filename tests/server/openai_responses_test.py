"""Responses through the unmodified `openai` package from PyPI: openai_responses_test.py BASE_URL PASSWORD [again RESPONSE_ID].

With `again` the server was started anew, and the response of that id is gone on from. The last line it prints is the id of a response that is
to be there then.
"""

import json
import sys

import openai
import pydantic

CITIES = ["Oslo", "Rome", "Lima"]
WEATHER = {"type": "function", "name": "weather", "description": "The weather in a city.", "strict": True,
           "parameters": {"type": "object", "properties": {"city": {"type": "string", "enum": CITIES}, "celsius": {"type": "boolean"}},
                          "required": ["city", "celsius"], "additionalProperties": False}}


class Person(pydantic.BaseModel):
    name: str
    old: bool


def check(holds, what):
    if not holds:
        sys.exit(f"openai_responses_test.py: {what}")


def refused(call, kind, param=None):
    try:
        call()
    except kind as caught:
        check(param is None or caught.param == param, f"the error names {caught.param}, not {param}")
        return caught
    sys.exit(f"openai_responses_test.py: it was not refused with {kind.__name__}")


def check_whole_and_stream(client, model):
    settings = dict(model=model, input="Say something.", instructions="Be brief.", max_output_tokens=12, temperature=0, metadata={"who": "test"})
    whole = client.responses.create(**settings)
    check(whole.status in ("completed", "incomplete") and whole.store and whole.metadata == {"who": "test"}, f"{whole}")
    check(whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens, f"{whole.usage}")
    kinds, text, numbers = [], "", []
    for event in client.responses.create(**settings, stream=True):
        kinds.append(event.type)
        numbers.append(event.sequence_number)
        if event.type == "response.output_text.delta":
            text += event.delta
    check(text == whole.output_text, f"streamed {text!r}, whole {whole.output_text!r}")
    check(numbers == list(range(len(numbers))), f"{numbers}")
    check(kinds[:2] == ["response.created", "response.in_progress"], f"{kinds}")
    check(kinds[-1] == f"response.{whole.status}", f"{kinds}")
    with client.responses.stream(**settings) as stream:
        for event in stream:
            last = event
        final = last.response
    check(final.output_text == text, f"{final}")
    scored = client.responses.create(**settings, include=["message.output_text.logprobs"], top_logprobs=2)
    rows = next(item for item in scored.output if item.type == "message").content[0].logprobs
    check(rows and all(len(row.top_logprobs) == 2 for row in rows), f"{rows}")
    return whole


def check_kept(client, response):
    same = client.responses.retrieve(response.id)
    check(same.model_dump() == response.model_dump(), f"kept {same}, answered {response}")
    items = client.responses.input_items.list(response.id).data
    check(len(items) == 1 and items[0].content[0].text == "Say something.", f"{items}")
    refused(lambda: client.responses.cancel(response.id), openai.BadRequestError)
    refused(lambda: client.responses.retrieve("resp_000000000000000000000000"), openai.NotFoundError)
    refused(lambda: client.responses.create(model=response.model, input="a", previous_response_id="resp_000000000000000000000000"),
            openai.BadRequestError, "previous_response_id")


def check_parsed(client, model):
    parsed = client.responses.parse(model=model, input="Who are you?", text_format=Person, temperature=0, max_output_tokens=400)
    check(isinstance(parsed.output_parsed, Person), f"{parsed}")
    check(client.responses.retrieve(parsed.id).text.format.schema_["properties"].keys() == {"name", "old"}, "the schema is kept")


def check_tools(client, model):
    settings = dict(model=model, tools=[WEATHER], temperature=0, max_output_tokens=200)
    first = client.responses.create(input="How warm is it in Oslo?", tool_choice="required", parallel_tool_calls=False, **settings)
    call = first.output[-1]
    check(call.type == "function_call" and call.name == "weather" and json.loads(call.arguments)["city"] in CITIES, f"{first}")
    with client.responses.stream(input="How warm is it in Oslo?", tool_choice={"type": "function", "name": "weather"}, **settings) as stream:
        done = [event for event in stream if event.type == "response.function_call_arguments.done"]
        final = stream.get_final_response()
    check(len(done) == 1 and final.output[-1].arguments == call.arguments, f"{final}")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": json.dumps({"celsius": 9})}
    behind = client.responses.create(input=[output], previous_response_id=first.id, **{**settings, "max_output_tokens": 16})
    check(behind.usage.input_tokens_details.cached_tokens > first.usage.input_tokens, f"{behind.usage}, {first.usage}")
    check(behind.usage.input_tokens - behind.usage.input_tokens_details.cached_tokens < first.usage.input_tokens, f"only what is new is read: {behind.usage}")
    history = [{"role": "user", "content": "How warm is it in Oslo?"}, *first.output, output]
    whole = client.responses.create(input=history, store=False, **{**settings, "max_output_tokens": 16})
    check(not whole.model_extra.get("store"), f"{whole}")
    refused(lambda: client.responses.retrieve(whole.id), openai.NotFoundError)
    check([item.type for item in client.responses.input_items.list(behind.id, order="asc").data] == ["function_call_output"], "its items")
    counted = client.responses.input_tokens.count(model=model, input=[output], previous_response_id=first.id, tools=[WEATHER])
    check(counted.input_tokens == behind.usage.input_tokens, f"{counted}, {behind.usage}")


def go_on(client, model, before):
    kept = client.responses.retrieve(before)
    one, other = [client.responses.create(model=model, input=text, previous_response_id=before, max_output_tokens=8) for text in ("One?", "Two?")]
    for response in (one, other):
        cached = response.usage.input_tokens_details.cached_tokens
        check(cached >= kept.usage.total_tokens - 2 and response.usage.input_tokens - cached < 20, f"{response.usage} behind {kept.usage}")
    client.responses.delete(before)
    refused(lambda: client.responses.retrieve(before), openai.NotFoundError)
    refused(lambda: client.responses.create(model=model, input="a", previous_response_id=before), openai.BadRequestError, "previous_response_id")
    client.responses.create(model=model, input="More?", previous_response_id=one.id, max_output_tokens=4)


def main():
    client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=300, _strict_response_validation=True)
    model = client.models.list().data[0].id
    if len(sys.argv) > 3:
        go_on(client, model, sys.argv[4])
        return
    response = check_whole_and_stream(client, model)
    check_kept(client, response)
    check_parsed(client, model)
    check_tools(client, model)
    print(response.id)


main()
