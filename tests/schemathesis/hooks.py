"""What a round does beside asking: keeps itself alive, and ends the sessions that it has opened.

With the daemon full, 503 would be a true answer that hides others.
"""

import collections
import os
import threading
import urllib.parse
import uuid

import requests
import schemathesis

SESSIONS = 8
MADE = {"/api/v1/sessions": "uid", "/api/pty/sessions": "id"}
# Of those who ask: users and tokens.
KEPT_IDS = os.environ["KEPT_IDS"].split(",")
# One that both may see.
SESSION = os.environ["SESSION"]
NOBODY = {"users": 2**31 - 1, "tokens": "01900000-0000-7000-8000-000000000000"}

opened: collections.deque[str] = collections.deque()
lock = threading.Lock()


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    # Who asks may be told everything, but be neither removed nor disabled.
    kind = next((kind for kind in NOBODY if case.path == f"/api/v1/{kind}/{{id}}"), None)
    if kind and case.method.upper() in ("PATCH", "DELETE") and str(case.path_parameters.get("id")) in KEPT_IDS:
        case.path_parameters["id"] = NOBODY[kind]
    # Without ids of what there is, all that is ever seen of a session would be 404.
    if case.path.startswith(("/api/v1/sessions/{uid}", "/api/pty/sessions/{uid}", "/api/v1/recordings/{", "/api/recordings/{")):
        name = "uid" if "{uid}" in case.path else "id"
        if is_uuid(case.path_parameters.get(name)):
            ends = case.method.upper() == "DELETE" and case.path.endswith("}")
            case.path_parameters[name] = SESSION if not ends else opened[-1] if opened else NOBODY["tokens"]


def is_uuid(value: object) -> bool:
    try:
        return bool(uuid.UUID(str(value)))
    except ValueError:
        return False


@schemathesis.hook
def after_call(context, case, response) -> None:
    path = urllib.parse.urlsplit(response.request.url).path.rstrip("/")
    if response.status_code != 201 or path not in MADE:
        return
    with lock:
        opened.append(response.json()[MADE[path]])
        oldest = opened.popleft() if len(opened) > SESSIONS else None
    if oldest:
        base = response.request.url.split("/api/")[0]
        kept = {name: value for name, value in response.request.headers.items() if name.lower() == "authorization"}
        requests.delete(f"{base}/api/v1/sessions/{oldest}", headers=kept, timeout=30)
