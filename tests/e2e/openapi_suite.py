"""/openapi.json is what it says: valid by openapi-spec-validator, schemathesis finds no answer that it does not describe, and neither
do the lines of the documents.

Called with `-- PYTHON`, an interpreter that has both packages."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import common
from curl_lines import curl_commands

# Asked at random, these would end the server, answer without end, and leave the server without a model. All are asked below: the first
# two once, and the last one, with others that load and unload, of a server that has a folder of models.
LEFT_OUT = r"^/(exit|models/sse|switch-model)$"
LOADING = (r"^/(switch-model|loadmodel|removemodel|loadstatemodel|removestatemodel|mrss_.*|models/(un)?load|v1/model/load|admin/models/.*|"
           r"v1/models|models|api/ps|status|health)$")
CHECKS = "known_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = os.environ.get("FULMAR_SCHEMATHESIS_EXAMPLES", "8")  # of each operation
# Pages whose lines need nothing but the demo model, with the port that they name.
PAGES = {"README.md": "8000", "docs/http-api.md": "8000", "docs/anthropic.md": "8000", "docs/ollama.md": "11434", "docs/llama.md": "8000",
         "docs/ai00.md": "8000", "docs/conrwkv.md": "8000", "docs/responses.md": "8000", "docs/sessions.md": "8000", "docs/structured.md": "8000", "docs/tools.md": "8000"}
TOLD = "\n%{method} %{url_effective} %{http_code} %{content_type}"


def schemathesis(python, server, path, folder, *which, expected=""):
    tool = os.path.join(os.path.dirname(python), "schemathesis")
    done = subprocess.run([tool, "run", path, "--url", f"http://{server.host}:{server.port}", "--phases", "examples,coverage,fuzzing",
                           "--max-examples", EXAMPLES, "--seed", "1", "--checks", CHECKS, *which,
                           "--request-timeout", "120", "--no-color", "--suppress-health-check", "all"],
                          cwd=folder, capture_output=True, timeout=1100,
                          env={**os.environ, "SCHEMATHESIS_HOOKS": "openapi_checks", "PYTHONPATH": os.path.dirname(__file__),
                               "FULMAR_OPENAPI": path, "FULMAR_EXPECTED_STATUS": expected})
    said = done.stdout.decode(errors="replace")
    with open(os.path.join(folder, "schemathesis.log"), "a", encoding="utf-8") as f:
        f.write(said)
    common.check(done.returncode == 0, said[-20000:] + done.stderr.decode(errors="replace")[-2000:])
    common.check(server.process.poll() is None, "the server is still there")
    print("ok: schemathesis finds nothing that is not described;", *re.findall(r"Tested: \d+|\d+ generated, \d+ passed", said), flush=True)


def documented_answers(args, server):
    """What the pages' lines are answered: [method, address, status, content type, body]."""
    answers = []
    for page, port in PAGES.items():
        for command in curl_commands(args, page):
            words = shlex.split(command.replace("localhost:" + port, f"{server.host}:{server.port}"))
            done = subprocess.run([*words, "--silent", "--write-out", TOLD], capture_output=True, timeout=common.LOAD_SECONDS)
            body, told = done.stdout.rsplit(b"\n", 1)
            method, address, status, content_type = told.decode().split(" ", 3)
            if "-o" not in words:
                answers.append([method, address, status, content_type, body.decode(errors="replace")])
    return answers


def follows(server):
    """/models/sse says at once how its models are, and then waits."""
    connection = server.connect(60)
    connection.request("GET", "/models/sse")
    answer = connection.getresponse()
    line = answer.readline().decode()
    common.check(answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream"), f"{answer.headers}")
    common.check(json.loads(line.removeprefix("data: "))["event"] == "model_status", line)
    connection.close()


def main():
    split = sys.argv.index("--")
    python = sys.argv[split + 1]
    del sys.argv[split:]
    args = common.parse_args()
    if subprocess.run([python, "-c", "import schemathesis, openapi_spec_validator"], capture_output=True).returncode != 0:
        common.skip("schemathesis and openapi-spec-validator are not there")
    folder = os.path.abspath(args.work_dir)
    os.chdir(folder)  # where the documents' lines leave their files
    with common.Server(args, None, "--max-tokens", "4") as server:
        status, document = server.get("/openapi.json")
        common.check(status == 200 and len(document["paths"]) > 40, document)
        path = os.path.join(folder, "openapi.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f)
        done = subprocess.run([python, "-m", "openapi_spec_validator", path], capture_output=True, timeout=300)
        common.check(done.returncode == 0, done.stdout.decode() + done.stderr.decode())
        print("ok: openapi-spec-validator takes it", flush=True)
        if shutil.which("curl"):
            answers = json.dumps(documented_answers(args, server)).encode()
            checks = os.path.join(os.path.dirname(os.path.abspath(__file__)), "openapi_answers.py")
            done = subprocess.run([python, checks, path], input=answers, capture_output=True, timeout=300)
            common.check(done.returncode == 0, done.stdout.decode() + done.stderr.decode())
            print(done.stdout.decode(), end="", flush=True)
        schemathesis(python, server, path, folder, "--exclude-path-regex", LEFT_OUT)
        follows(server)
        status, answer = server.post("/exit", {})
        common.check((status, answer) == (200, "success") and server.process.wait(60) == 0, f"{status} {answer}")
    models = os.path.join(folder, "models")
    os.makedirs(models, exist_ok=True)
    for name in ("fulmar-demo.safetensors", "fulmar-demo.vocab"):
        shutil.copy(os.path.join(args.source_dir, "models", name), models)
    with common.Server(args, None, "--models-dir", models) as server:
        schemathesis(python, server, path, folder, "--include-path-regex", LOADING, expected="503")  # while no model is loaded


if __name__ == "__main__":
    main()
