"""Tools through the unmodified `openai` package from PyPI: python openai_tools_test.py BASE_URL [PASSWORD]."""

import enum
import json
import sys

import openai
import pydantic

CITIES = ["Oslo", "Rome", "Lima"]
WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "The weather in a city.", "strict": True,
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "enum": CITIES}, "celsius": {"type": "boolean"}},
                   "required": ["city", "celsius"], "additionalProperties": False}}}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "What time it is.", "parameters": {
    "type": "object", "properties": {}, "additionalProperties": False}}}
NAMED = {"type": "function", "function": {"name": "weather"}}


class City(enum.Enum):
    oslo = "Oslo"
    rome = "Rome"


class Weather(pydantic.BaseModel):
    """The weather in a city."""
    city: City
    days: bool


def check(holds, what):
    if not holds:
        sys.exit(f"openai_tools_test.py: {what}")


def checked_arguments(call):
    check(call.type == "function" and call.function.name == "weather" and call.id.startswith("call_"), f"{call}")
    arguments = json.loads(call.function.arguments)
    check(set(arguments) == {"city", "celsius"} and arguments["city"] in CITIES and isinstance(arguments["celsius"], bool), f"{arguments}")
    return arguments


def main():
    key = sys.argv[2] if len(sys.argv) == 3 else "none"
    client = openai.OpenAI(base_url=sys.argv[1], api_key=key, max_retries=0, timeout=300, _strict_response_validation=True)
    model = client.models.list().data[0].id
    messages = [{"role": "user", "content": "How warm is it in Oslo?"}]
    settings = dict(model=model, tools=[WEATHER, CLOCK], seed=1, temperature=0, max_tokens=200)

    # A loop of two steps: the call, its output, and the answer to that.
    whole = client.chat.completions.create(messages=messages, tool_choice=NAMED, **settings).choices[0]
    check(whole.finish_reason == "tool_calls" and whole.message.content is None and len(whole.message.tool_calls) == 1, f"{whole}")
    arguments = checked_arguments(whole.message.tool_calls[0])
    history = [*messages, whole.message.model_dump(exclude_none=True), {
        "role": "tool", "tool_call_id": whole.message.tool_calls[0].id, "content": json.dumps({"celsius": 9})}]
    after = client.chat.completions.create(messages=history, **{**settings, "max_tokens": 16}).choices[0]
    check(after.finish_reason in ("stop", "length", "tool_calls"), f"{after}")

    # The same in a stream, put together by the package.
    with client.chat.completions.stream(messages=messages, tool_choice=NAMED, **settings) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion().choices[0]
    check("tool_calls.function.arguments.done" in kinds, f"{kinds}")
    check(final.finish_reason == "tool_calls", f"{final}")
    check(checked_arguments(final.message.tool_calls[0]) == arguments, f"streamed {final.message.tool_calls}, whole {arguments}")

    # Where one must be called, the model may still choose which.
    any_one = client.chat.completions.create(messages=messages, tool_choice="required", parallel_tool_calls=False, **settings).choices[0]
    check(any_one.finish_reason == "tool_calls" and len(any_one.message.tool_calls) == 1, f"{any_one}")
    check(any_one.message.tool_calls[0].function.name in ("weather", "clock"), f"{any_one}")

    none = client.chat.completions.create(messages=messages, tool_choice="none", **{**settings, "max_tokens": 16}).choices[0]
    check(not none.message.tool_calls and none.finish_reason in ("stop", "length"), f"{none}")

    # Arguments that the package parses by a class.
    parse = getattr(client.chat.completions, "parse", None) or client.beta.chat.completions.parse
    parsed = parse(model=model, messages=messages, tools=[openai.pydantic_function_tool(Weather)], tool_choice="required",
                   parallel_tool_calls=False, max_tokens=200, temperature=0).choices[0]
    said = parsed.message.tool_calls[0].function.parsed_arguments
    check(isinstance(said, Weather) and said.city in City and isinstance(said.days, bool), f"{parsed}")

    # The form of old.
    old = client.chat.completions.create(model=model, messages=messages, functions=[WEATHER["function"]], function_call={"name": "weather"},
                                         max_tokens=200, temperature=0, seed=1).choices[0]
    check(old.finish_reason == "function_call" and json.loads(old.message.function_call.arguments)["city"] in CITIES, f"{old}")

    for wrong, param in (({"tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice.function.name"),
                         ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name")):
        try:
            client.chat.completions.create(messages=messages, **{**settings, **wrong})
            check(False, f"{wrong} was accepted")
        except openai.BadRequestError as caught:
            check(caught.param == param, f"{wrong}: the error names {caught.param}")
    print("tools through openai (PyPI): ok")


main()
