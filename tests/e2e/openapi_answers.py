"""Holds answers, a JSON list of [method, address, status, content type, body] on stdin, against the document that is named."""
import collections
import json
import re
import sys
from urllib.parse import urlsplit

import jsonschema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def operation_of(document, method, path):
    paths = document["paths"]
    if path not in paths:
        patterns = {one: re.escape(one).replace(re.escape("{id}"), ".+") for one in paths if "{id}" in one}
        path = max((one for one, pattern in patterns.items() if re.fullmatch(pattern, path)), key=len)
    return paths[path][method.lower()]


def values_of(content_type, body):
    """What the schema is of: an answer, or each event of a stream."""
    if content_type == "application/json":
        return [json.loads(body)]
    if content_type == "text/event-stream":
        return [dict(line.split(": ", 1) for line in event.split("\n")) for event in body.split("\n\n") if event]
    return []


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        document = json.load(f)
    seen, wrong = collections.Counter(), []
    for method, address, status, content_type, body in json.load(sys.stdin):
        path = urlsplit(address).path
        content_type = content_type.split(";")[0]
        place = f"{method} {path} {status} {content_type}"
        try:
            described = operation_of(document, method, path)["responses"][status]["content"][content_type]
        except (KeyError, ValueError) as error:
            wrong.append(f"{place} is not described: {error!r} {body[:200]}")
            continue
        seen[content_type] += 1
        schema = {"$schema": DIALECT, "components": document["components"], **described["schema"]}
        for value in values_of(content_type, body):
            for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
                wrong.append(f"{place}: {error.json_path} {error.message[:300]}")
    print("\n".join(wrong))
    if not wrong:
        print(f"ok: {seen['application/json']} answers of the documents' lines have the members that are described, "
              f"{seen['text/event-stream']} are streams, {seen['text/plain'] + seen['application/octet-stream'] + seen['application/x-ndjson']} are others")
    sys.exit(1 if wrong or not seen["application/json"] else 0)


main()
