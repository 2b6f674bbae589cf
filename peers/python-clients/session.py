"""What the scripts share: the settings, how a flow is reported, and the person at the browser.

The first line of standard input has the settings; a script ends when its standard input closes, and prints one line of JSON a
flow: `{client, flow, ok, detail}`.
"""

import json
import os
import subprocess
import sys
import threading

settings = json.loads(sys.stdin.readline())


def _end_with_input():
    # Whoever started this holds the other end: without it, nobody reads on.
    sys.stdin.read()
    os._exit(1)


threading.Thread(target=_end_with_input, daemon=True).start()


def run(client, flows):
    """Attempts the flows that the settings name, or all."""
    for name in settings.get("flows") or list(flows):
        try:
            detail = flows[name]() or ""
            line = {"client": client, "flow": name, "ok": True, "detail": str(detail)}
        except Exception as error:  # noqa: BLE001: whatever a client dislikes is the flow's result
            line = {"client": client, "flow": name, "ok": False, "detail": f"{type(error).__name__}: {error}"}
        print(json.dumps(line), flush=True)


def demand(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(call, kind=Exception):
    """What a call is refused with; an error when it is not refused."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError("it was not refused")


def visit(url, name, until=None, user_code=None):
    """Opens the page in a browser, logs in, says yes; where that led."""
    asked = {key: settings[key] for key in ("chromium", "spki", "screenshots", "username", "password") if settings.get(key)}
    asked |= {"url": url, "until": until, "user_code": user_code, "name": name}
    browser = subprocess.run(
        settings["browser"], input=json.dumps(asked) + "\n", capture_output=True, text=True, timeout=90
    )
    demand(browser.returncode == 0, f"the browser failed: {browser.stderr}")
    seen = json.loads(browser.stdout)
    demand("error" not in seen, f"{seen}")
    demand(not until or seen["url"].startswith(until), f"ended at {seen['url']}: {seen['text']} {seen['complaints']}")
    if settings.get("strict"):
        demand(not seen["complaints"], f"the browser complains: {seen['complaints']}")
    return seen["url"]


def authorize(url, name):
    """Logs in at the authorization endpoint; the address that the browser was sent back to."""
    return visit(url, name, until=settings["redirect_uri"])
