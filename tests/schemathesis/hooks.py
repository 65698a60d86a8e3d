"""What a round does beside asking: ends the sessions that it has opened, oldest first.

Otherwise the daemon would soon be full, and 503 a true answer that hides others.
"""

import collections
import threading
import urllib.parse

import requests
import schemathesis

KEPT = 8
MADE = {"/api/v1/sessions": "uid", "/api/pty/sessions": "id"}

opened: collections.deque[str] = collections.deque()
lock = threading.Lock()


@schemathesis.hook
def after_call(context, case, response) -> None:
    path = urllib.parse.urlsplit(response.request.url).path.rstrip("/")
    if response.status_code != 201 or path not in MADE:
        return
    with lock:
        opened.append(response.json()[MADE[path]])
        oldest = opened.popleft() if len(opened) > KEPT else None
    if oldest:
        base = response.request.url.split("/api/")[0]
        kept = {name: value for name, value in response.request.headers.items() if name.lower() in ("cookie", "authorization")}
        requests.delete(f"{base}/api/v1/sessions/{oldest}", headers=kept, timeout=30)
