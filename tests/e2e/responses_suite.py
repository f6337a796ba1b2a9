"""OpenAI's Responses API against the demo model: its package from PyPI, a server that is started again between two turns, kept
responses of several keys, and the lines of docs/responses.md. responses_suite.py [test arguments] -- PYTHON"""
import json
import os
import subprocess
import sys

import common
from curl_lines import documented

PASSWORD = "sesame"


def run_client(args, python, server, *more):
    client = os.path.join(args.source_dir, "tests", "server", "openai_responses_test.py")
    done = subprocess.run([python, client, f"http://{server.host}:{server.port}/v1", PASSWORD, *more], capture_output=True,
                          timeout=common.LOAD_SECONDS)
    common.check(done.returncode == 0, f"{done.stdout.decode()}{done.stderr.decode()}\nthe server said:\n{server.stderr()}")
    return done.stdout.decode().split()[-1:]


def ask(server, method, path, key, body=None):
    connection = server.connect()
    connection.request(method, path, json.dumps(body) if body else None, {"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def check_keys(args, file):
    """Each key's holder has responses of his own."""
    keys = os.path.join(args.work_dir, "keys.json")
    with open(keys, "w", encoding="utf-8") as out:
        json.dump({"keys": [{"name": name, "key": f"sk-{name}-0123456789abcdef"} for name in ("alice", "bob")]}, out)
    with common.Server(args, None, "--sessions", file, "--api-key-file", keys) as server:
        alice, bob = (f"sk-{name}-0123456789abcdef" for name in ("alice", "bob"))
        status, response = ask(server, "POST", "/v1/responses", alice, {"input": "Hello!", "max_output_tokens": 4})
        common.check(status == 200, f"{response}")
        path = "/v1/responses/" + response["id"]
        common.check(ask(server, "GET", path, alice) == (200, response), "her own is kept")
        for method, of in (("GET", path), ("GET", path + "/input_items"), ("DELETE", path), ("POST", path + "/cancel")):
            common.check(ask(server, method, of, bob)[0] == 404, f"{method} {of} by another")
        body = {"input": "And?", "max_output_tokens": 4, "previous_response_id": response["id"]}
        common.check(ask(server, "POST", "/v1/responses", bob, body)[0] == 400, "gone on from by another")
        common.check(ask(server, "POST", "/v1/responses", alice, body)[0] == 200, "gone on from")


def main():
    python = sys.argv[sys.argv.index("--") + 1]
    del sys.argv[sys.argv.index("--"):]
    args = common.parse_args()
    if not os.path.exists(python):
        common.skip(f"{python} is absent: its package could not be fetched")
    file = os.path.join(args.work_dir, "sessions.db")
    for name in os.listdir(args.work_dir):
        if name.startswith("sessions.db"):
            os.remove(os.path.join(args.work_dir, name))
    words = (args, None, "--sessions", file)
    with common.Server(*words, "--password", PASSWORD) as server:
        response = run_client(args, python, server)
        server.kill()  # without a word: what clients saw end is on the disk
    with common.Server(*words, "--password", PASSWORD) as server:
        run_client(args, python, server, "again", *response)
    check_keys(args, file)
    with common.Server(*words) as server:
        status, response = server.post("/v1/responses", {"input": "Hello!", "max_output_tokens": 8})
        common.check(status == 200, f"{response}")
        documented(args, server, "docs/responses.md", known={"ID": response["id"]})
    print("responses: ok")


main()
