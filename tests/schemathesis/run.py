#!/usr/bin/env python3
"""tests/schemathesis/run.py [SCHEMATHESIS OPTIONS]: hold a running server against docs/openapi.json.

Starts a server of its own (nothing of it stays), asks it everything that the document describes, right and wrong, as an
administrator and as a plain user. It fails on any answer of 5xx, any status, content type or body that the document
does not know. BASTIDE_BIN names the binary (default: target/debug/bastide); SCHEMATHESIS_SECONDS (40) bounds each of
the two rounds.
"""

import http.client
import json
import os
import pathlib
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
SECONDS = os.environ.get("SCHEMATHESIS_SECONDS", "40")
PASSWORD = "a long enough phrase of this test"

# Each with its reason: what ends the round itself, or cannot be asked by a client of plain requests.
LEFT_OUT = [
    # It ends the login that asks; tests/it/login.rs has it.
    "logout",
]


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

    def log_in(self) -> dict[str, str]:
        """Headers of the first administrator."""
        body = {"token": self.link, "password": "a password for tests only"}
        answer, text = self.ask("POST", "/api/v1/login-links/use", body)
        if answer.status != 200:
            sys.exit(f"logging in by the link: {answer.status} {text}")
        return {"cookie": answer.getheader("set-cookie").split(";")[0]}

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


def round_of(server: Server, who: str, headers: dict[str, str], options: list[str]) -> bool:
    print(f"--- as {who}", flush=True)
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        str(DOCUMENT),
        f"--url=http://{server.address}",
        f"--max-time={SECONDS}",
        *(f"--exclude-operation-id={name}" for name in LEFT_OUT),
        *(f"--header={name}: {value}" for name, value in headers.items()),
        *options,
    ]
    env = os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=server.home.name, env=env, check=False).returncode == 0


def main() -> None:
    server = Server()
    try:
        good = round_of(server, "an administrator", server.log_in(), sys.argv[1:])
    finally:
        server.stop()
    print("1 passed, 0 failed" if good else "0 passed, 1 failed")
    sys.exit(0 if good else 1)


main()
