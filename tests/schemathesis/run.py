#!/usr/bin/env python3
"""tests/schemathesis/run.py [SCHEMATHESIS OPTIONS]: hold a running server against docs/openapi.json.

Starts a server of its own (nothing of it stays), asks it everything that the document describes, right and wrong, as an
administrator and as a plain user. It fails on any answer of 5xx, any status, content type or body that the document
does not know. BASTIDE_BIN names the binary (default: target/debug/bastide); SCHEMATHESIS_SECONDS (60) bounds the two
rounds, which run beside each other.
"""

import http.client
import json
import os
import pathlib
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = os.environ.get("BASTIDE_BIN", str(ROOT / "target/debug/bastide"))
DOCUMENT = ROOT / "docs/openapi.json"
SECONDS = os.environ.get("SCHEMATHESIS_SECONDS", "60")
PASSWORD = "a long enough phrase of this test"

class Server:
    """A server with its own daemon, directory and port."""

    def __init__(self) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="bastide-schemathesis-")
        self.log = open(pathlib.Path(self.home.name) / "server.log", "w+", encoding="utf-8")
        env = {
            "PATH": os.environ["PATH"],
            "HOME": self.home.name,
            "SHELL": "/bin/sh",
            "XDG_RUNTIME_DIR": self.home.name,
            "TMPDIR": self.home.name,
            "BASTIDE_PTYD_RECORDING_RESERVE": "1",
        }
        command = [BINARY, "serve", "--ephemeral", "--listen", "127.0.0.1:0", "--print-login-link"]
        self.process = subprocess.Popen(command, env=env, cwd=self.home.name, stdout=self.log, stderr=subprocess.PIPE, text=True)
        self.address = ""
        self.link = ""
        said = []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r"http://(127\.0\.0\.1:\d+)/login\?token=(\w+)", line):
                self.address, self.link = found.groups()
                break
        if not self.link:
            sys.exit("the server did not start:\n" + "".join(said))
        # Whoever does not read would stop it in time.
        self.reader = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=self.log)

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None):
        host, port = self.address.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        headers = {"content-type": "application/json", **(headers or {})}
        data = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def need(self, wanted: int, method: str, path: str, body: object = None, headers: dict[str, str] | None = None):
        answer, text = self.ask(method, path, body, headers)
        if answer.status != wanted:
            sys.exit(f"{method} {path}: {answer.status} {text}")
        return answer, json.loads(text) if text else None

    def token_by_link(self, link: str) -> dict[str, str]:
        """Uses a login link and makes a token: headers for whoever the link is for."""
        answer, _ = self.need(200, "POST", "/api/v1/login-links/use", {"token": link, "password": PASSWORD})
        cookie = {"cookie": answer.getheader("set-cookie").split(";")[0]}
        _, made = self.need(201, "POST", "/api/v1/tokens", {"name": "schemathesis", "scope": "full"}, cookie)
        return {"authorization": f"Bearer {made['secret']}"}

    def add(self, admin: dict[str, str], name: str, role: str) -> dict[str, str]:
        account = pwd.getpwuid(os.geteuid()).pw_name if role == "admin" else None
        new = {"username": name, "role": role, "account": account}
        _, user = self.need(201, "POST", "/api/v1/users", new, admin)
        _, link = self.need(201, "POST", f"/api/v1/users/{user['id']}/login-link", None, admin)
        return self.token_by_link(urllib.parse.urlsplit(link["url"]).query.removeprefix("token="))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none: it had to be killed"
        self.reader.wait(10)
        self.log.seek(0)
        panics = [line for line in self.log if "panicked" in line]
        self.log.close()
        self.home.cleanup()
        if code != 0 or panics:
            sys.exit(f"the server ended with {code}\n" + "".join(panics))


def shared_session(server: Server, owner: dict[str, str], guest: dict[str, str]) -> str:
    """A session that administrators and one plain user may see."""
    _, session = server.need(201, "POST", "/api/v1/sessions", {"shell": "/bin/sh"}, owner)
    shares = f"/api/v1/sessions/{session['uid']}/shares"
    _, share = server.need(201, "POST", shares, {"access": "write"}, owner)
    link = {"token": share["url"].rsplit("/", 1)[1]}
    server.need(200, "POST", "/api/v1/shares/use", link, guest)
    server.need(200, "GET", f"/api/v1/sessions/{session['uid']}", None, guest)
    return session["uid"]


class Round:
    """One caller that asks everything, as a process of its own."""

    def __init__(self, who: str, headers: dict[str, str]) -> None:
        self.who = who
        self.headers = headers

    def start(self, server: Server, about: dict[str, str], options: list[str]) -> None:
        command = [
            *(sys.executable, "-m", "schemathesis.cli"),
            f"--config-file={HERE / 'schemathesis.toml'}",
            "run",
            str(DOCUMENT),
            f"--url=http://{server.address}",
            f"--max-time={SECONDS}",
            *(f"--header={name}: {value}" for name, value in self.headers.items()),
            *options,
        ]
        env = os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "PYTHONDONTWRITEBYTECODE": "1"} | about
        self.said = tempfile.TemporaryFile("w+", dir=server.home.name)
        self.process = subprocess.Popen(command, cwd=server.home.name, env=env, stdout=self.said, stderr=subprocess.STDOUT)

    def finish(self, server: Server) -> bool:
        good = self.process.wait() == 0
        self.said.seek(0)
        print(f"--- as {self.who}", self.said.read(), sep="\n", flush=True)
        # Whoever lost their login in the middle was told 401, which is documented, from there on.
        server.need(200, "GET", "/api/v1/me", None, self.headers)
        return good


def main() -> None:
    server = Server()
    rounds = []
    try:
        first = server.token_by_link(server.link)
        rounds = [
            Round("an administrator", server.add(first, "asks-as-admin", "admin")),
            Round("a plain user", server.add(first, "asks-as-user", "user")),
        ]
        kept = []
        for headers in [first, *(one.headers for one in rounds)]:
            _, me = server.need(200, "GET", "/api/v1/me", None, headers)
            kept += [str(me["user"]["id"]), me["login"]["id"]]
        about = {"KEPT_IDS": ",".join(kept), "SESSION": shared_session(server, first, rounds[1].headers)}
        for one in rounds:
            one.start(server, about, sys.argv[1:])
        results = [one.finish(server) for one in rounds]
    finally:
        for one in rounds:
            if hasattr(one, "process") and one.process.poll() is None:
                one.process.kill()
        server.stop()
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)


main()
