"""Answers of the real demo model are of the form that was asked for, and the lines of docs/structured.md work."""
import json
import os
import re
import shlex
import subprocess

import common
from curl_lines import curl_commands

SCHEMA = {"type": "object", "additionalProperties": False, "required": ["name", "age", "tags"],
          "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 130},
                         "tags": {"type": "array", "maxItems": 3, "items": {"enum": ["red", "green", "blue"]}}}}


def is_of_schema(text):
    value = json.loads(text)
    return (set(value) == {"name", "age", "tags"} and isinstance(value["name"], str) and len(value["name"]) <= 20 and
            type(value["age"]) is int and 0 <= value["age"] <= 130 and len(value["tags"]) <= 3 and
            all(tag in ("red", "green", "blue") for tag in value["tags"]))


def documented(args, server):
    commands = curl_commands(args, "docs/structured.md")
    common.check(len(commands) >= 5, f"docs/structured.md shows how to ask: {commands}")
    for command in commands:
        words = shlex.split(command.replace("localhost:8000", f"{server.host}:{server.port}"))
        done = subprocess.run([*words, "--fail-with-body", "--silent", "--show-error"], capture_output=True, timeout=common.LOAD_SECONDS)
        common.check(done.returncode == 0, f"{command}\n{done.stdout.decode()}{done.stderr.decode()}")
        choice = json.loads(done.stdout)["choices"][0]
        text = choice["text"] if "text" in choice else choice["message"]["content"]
        if choice["finish_reason"] == "stop" and "response_format" in command:
            json.loads(text)
        print("ok:", command[:120], "->", json.dumps(text)[:120], flush=True)


def text_of(server, body, chat=False):
    status, answer = server.post("/v1/chat/completions" if chat else "/v1/completions", body)
    common.check(status == 200, f"{body}: {status} {answer}")
    choice = answer["choices"][0]
    return (choice["message"]["content"] if chat else choice["text"]), choice["finish_reason"]


def forms(server):
    for seed in range(4):
        for think in (False, True):
            body = {"messages": [{"role": "user", "content": "Make up a person, as JSON."}], "seed": seed, "max_tokens": 400, "temperature": 1.5,
                    "enable_think": think, "thinking_budget": 20 if think else -1,
                    "response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}}
            text, finish = text_of(server, body, chat=True)
            common.check(finish == "stop" and is_of_schema(text), f"seed {seed}, thought {think}: {finish} {text}")
        text, finish = text_of(server, {"prompt": "A word:", "guided_regex": " ?[a-z]{3,8}[.!]", "seed": seed, "max_tokens": 30, "presence_penalty": 1})
        common.check(finish == "stop" and re.fullmatch(" ?[a-z]{3,8}[.!]", text), f"{finish} {text}")
        text, finish = text_of(server, {"prompt": "Yes or no?", "guided_choice": ["yes", "no", "yes, of course"], "seed": seed, "temperature": 0})
        common.check(finish == "stop" and text in ("yes", "no", "yes, of course"), f"{finish} {text}")
        text, finish = text_of(server, {"prompt": "JSON:", "structured_outputs": {"json_object": True}, "seed": seed, "max_tokens": 600, "temperature": 0.8})
        common.check(finish == "length" or isinstance(json.loads(text), dict), f"{finish} {text}")
    streamed = "".join(event["choices"][0]["text"] for event in server.stream(
        "/v1/completions", {"prompt": "A person:", "guided_json": json.dumps(SCHEMA), "seed": 9, "max_tokens": 400}) if event["choices"])
    common.check(is_of_schema(streamed), streamed)
    print("ok: answers are of their forms", flush=True)


def refusals(server):
    for body, param, words in (
            ({"guided_regex": "a(?=b)"}, "guided_regex", "at character 2 of the pattern"),
            ({"grammar": "root ::= root \"a\" | \"b\""}, "grammar", "left recursive"),
            ({"guided_json": {"type": "object", "properties": {"a": {"$ref": "http://elsewhere/x"}}}}, "guided_json", "guided_json"),
            ({"guided_choice": ["a"], "guided_regex": "a"}, "guided_choice", "send one")):
        status, answer = server.post("/v1/completions", {"prompt": "a", **body})
        error = answer["error"]
        common.check(status == 400 and error["param"] == param and words in error["message"], f"{body}: {status} {answer}")
    print("ok: what cannot be kept to is refused by its place", flush=True)


def main():
    args = common.parse_args()
    with common.Server(args, os.path.join(args.source_dir, "models", "fulmar-demo.safetensors")) as server:
        documented(args, server)
        forms(server)
        refusals(server)


if __name__ == "__main__":
    main()
