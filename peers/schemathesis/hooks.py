"""What schemathesis does not do of itself: lines of JSON, and an exchange for something that is there."""

import itertools
import json

import schemathesis

schemathesis.serializer.alias("application/x-ndjson", "text/plain")

CALLS = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every other import brings something, and every other exchange asks for nothing impossible."""
    if next(CALLS) % 2:
        return
    if case.operation.path == "/v1/imports" and isinstance(case.body, str):
        lines = [
            {"user": f"brought-{len(case.body)}-{nth}", "provider": "acme", "account": "main", "refresh_token": "x"}
            for nth in range(3)
        ]
        case.body = "\n".join([case.body, *map(json.dumps, lines), ""])
    if case.operation.path == "/oauth/token" and isinstance(case.body, dict):
        for name in ("resource", "scope"):
            case.body.pop(name, None)
        if "subject_token_type" in case.body:
            case.body["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
