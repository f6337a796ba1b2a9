"""What the tests of sessions share: a server that keeps them in a file, and requests that no other test sends."""
import json
import os
import urllib.parse

import common

WORDS = ("--strategy", "cpu fp32", "--reproducible")


def demo(args):
    return os.path.join(args.source_dir, "models", "fulmar-demo.safetensors")


def serve(args, file, *words):
    return common.Server(args, demo(args), "--sessions", file, *WORDS, *words)


def new_file(args, name):
    """A path where nothing lies, nor anything beside it that SQLite left of a run before."""
    path = os.path.join(args.work_dir, name)
    for suffix in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
    return path


def request(server, method, path, body=None):
    """(status, headers, bytes)"""
    connection = server.connect()
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def chat(server, session, message, **more):
    """What the session answers to one message, greedily."""
    status, answer = server.post("/v1/chat/completions", {"session_id": session, "temperature": 0, "max_tokens": 40,
                                                          "messages": [{"role": "user", "content": message}], **more})
    common.check(status == 200, f"{session}: {status} {answer}")
    return answer["choices"][0]["message"]["content"]


def told(server, session):
    """What GET /state/{id} says, or None where there is no such session."""
    status, _, body = request(server, "GET", "/state/" + urllib.parse.quote(session, safe=""))
    common.check(status in (200, 404), f"/state/{session}: {status} {body}")
    return json.loads(body) if status == 200 else None
