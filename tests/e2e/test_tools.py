"""A program that calls tools talks with the demo: a loop of two steps, whole and streamed, bound arguments, and the lines of docs/tools.md."""
import json
import os

import common
from test_serve import documented

CITIES = ["Oslo", "Rome", "Lima"]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "enum": CITIES}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
          "required": ["city", "days"], "additionalProperties": False}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather in a city.", "parameters": SCHEMA}},
         {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}, "additionalProperties": False}}}]
QUESTION = {"role": "user", "content": "How warm will it be in Oslo?"}
NAMED = {"type": "function", "function": {"name": "weather"}}


def valid(arguments):
    arguments = json.loads(arguments)
    return set(arguments) == {"city", "days"} and arguments["city"] in CITIES and arguments["days"] in range(1, 8)


def ask(server, **body):
    status, answer = server.post("/v1/chat/completions", body)
    common.check(status == 200, f"{status} {answer}")
    return answer["choices"][0]


def gathered(server, **body):
    """The calls of a stream, put together as clients do it, and its reason."""
    calls, reason, ids = {}, None, []
    for event in server.stream("/v1/chat/completions", body):
        for choice in event["choices"]:
            reason = choice["finish_reason"] or reason
            for piece in choice["delta"].get("tool_calls", []):
                call = calls.setdefault(piece["index"], {"name": "", "arguments": ""})
                ids += [piece["id"]] if "id" in piece else []
                call["name"] += piece["function"].get("name", "")
                call["arguments"] += piece["function"].get("arguments", "")
    common.check(len(ids) == len(set(ids)) == len(calls), f"an id each: {ids}")
    return calls, reason


def loop(server, **more):
    """What an agent does: asks, runs what is called, and asks again with its output."""
    body = {"tools": TOOLS, "temperature": 0, "seed": 3, "max_tokens": 300, **more}
    first = ask(server, messages=[QUESTION], tool_choice=NAMED, **body)
    common.check(first["finish_reason"] == "tool_calls" and len(first["message"]["tool_calls"]) == 1, f"{first}")
    call = first["message"]["tool_calls"][0]
    common.check(call["function"]["name"] == "weather" and valid(call["function"]["arguments"]), f"{call}")
    calls, reason = gathered(server, messages=[QUESTION], tool_choice=NAMED, **body)
    common.check(reason == "tool_calls" and calls == {0: call["function"]}, f"streamed {calls} {reason}, whole {call}")
    history = [QUESTION, first["message"], {"role": "tool", "tool_call_id": call["id"], "content": "{\"celsius\": 9}"}]
    second = ask(server, messages=history, **{**body, "max_tokens": 32})
    common.check(second["finish_reason"] in ("stop", "length", "tool_calls"), f"{second}")
    both = ask(server, messages=[QUESTION], tool_choice="required", **body)
    common.check(both["finish_reason"] in ("tool_calls", "length") and both["message"]["tool_calls"], f"{both}")
    for one in both["message"]["tool_calls"]:
        common.check(one["function"]["name"] == "clock" or valid(one["function"]["arguments"]), f"{one}")


def strict(server):
    """Text may come, and calls; what cannot be kept to is refused by its place."""
    tool = json.loads(json.dumps(TOOLS[0]))
    tool["function"]["strict"] = True
    answer = ask(server, messages=[QUESTION], tools=[tool], max_tokens=32, temperature=0)
    common.check(answer["message"]["content"], f"{answer}")
    tool["function"]["parameters"]["properties"]["city"] = {"$dynamicRef": "#city"}
    status, refused = server.post("/v1/chat/completions", {"messages": [QUESTION], "tools": [tool], "max_tokens": 8})
    common.check(status == 400 and refused["error"]["param"].startswith("tools[0].function.parameters"), f"{status} {refused}")


def main():
    args = common.parse_args()
    with common.Server(args, None) as server:
        documented(args, server, os.path.join("docs", "tools.md"))
        loop(server)
        loop(server, enable_think=True, thinking_budget=20)
        for template in ("bot", "assistant", "raven"):
            loop(server, chat_template_kwargs={"rwkv_prompt_template": template}, thinking_budget=20)
        strict(server)
    print("ok: tools", flush=True)


if __name__ == "__main__":
    main()
