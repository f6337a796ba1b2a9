"""A check for schemathesis: a status of 500 and above is one that the operation itself is described to answer.

What a client of a server that Fulmar stands in for knows as 500 or 501 has a sentence of its own; a fault of any route has the one
that all have."""
import json
import os

import schemathesis

with open(os.environ["FULMAR_OPENAPI"], encoding="utf-8") as f:
    PATHS = json.load(f)["paths"]
ANYBODYS = PATHS["/metrics"]["get"]["responses"]


@schemathesis.check
def known_server_error(ctx, response, case):
    status = str(response.status_code)
    if response.status_code < 500 or status == os.environ.get("FULMAR_EXPECTED_STATUS"):
        return
    told = PATHS[case.operation.path][case.operation.method.lower()]["responses"].get(status, {}).get("description")
    if told is None or told == ANYBODYS[status]["description"]:
        raise AssertionError(f"{status}, which is no answer of this operation: {response.text[:300]}")
