"""/openapi.json is what it says: valid by openapi-spec-validator, and schemathesis finds no answer that it does not describe.

Called with `-- PYTHON`, an interpreter that has both packages."""
import json
import os
import subprocess
import sys

import common

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Ends the server; answers without end; and 5xx by which rwkv_lightning's and RWKV-Infer's clients know a wrong request.
LEFT_OUT = r"^/(exit|fjdkgmzak9sd/.*|models/sse|state/chat/completions|multi_state/chat/completions|loadmodel|loadstatemodel|mrss_.*|switch-model)$"
EXAMPLES = os.environ.get("FULMAR_SCHEMATHESIS_EXAMPLES", "8")  # of each operation


def main():
    split = sys.argv.index("--")
    python = sys.argv[split + 1]
    del sys.argv[split:]
    args = common.parse_args()
    if subprocess.run([python, "-c", "import schemathesis, openapi_spec_validator"], capture_output=True).returncode != 0:
        common.skip("schemathesis and openapi-spec-validator are not there")
    with common.Server(args, None, "--max-tokens", "4") as server:
        status, document = server.get("/openapi.json")
        common.check(status == 200 and len(document["paths"]) > 40, document)
        path = os.path.join(args.work_dir, "openapi.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f)
        done = subprocess.run([python, "-m", "openapi_spec_validator", path], capture_output=True, timeout=300)
        common.check(done.returncode == 0, done.stdout.decode() + done.stderr.decode())
        print("ok: openapi-spec-validator takes it", flush=True)
        tool = os.path.join(os.path.dirname(python), "schemathesis")
        done = subprocess.run([tool, "run", path, "--url", f"http://{server.host}:{server.port}", "--phases", "examples,fuzzing",
                               "--max-examples", EXAMPLES, "--seed", "1", "--checks", CHECKS, "--exclude-path-regex", LEFT_OUT,
                               "--request-timeout", "120", "--no-color", "--suppress-health-check", "all"],
                              cwd=args.work_dir, capture_output=True, timeout=1100)
        said = done.stdout.decode(errors="replace")
        common.check(done.returncode == 0, said[-20000:] + done.stderr.decode(errors="replace")[-2000:])
        common.check(server.process.poll() is None, "the server is still there")
        print("ok: schemathesis finds nothing that is not described", flush=True)


if __name__ == "__main__":
    main()
