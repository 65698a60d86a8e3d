"""Terminals over Socket.IO with the library that clients use, over polling and WebSockets, against a real sshd."""

import json
import os
import pathlib
import queue
import subprocess

import pytest
import requests
import socketio

from daemon import wait_until
from server import PATIENCE, Server, Sshd

EVENTS = ("ssh_connected", "ssh_output", "ssh_error", "ssh_disconnected")


@pytest.fixture(scope="module")
def world():
    sshd = Sshd()
    server = Server(BASTIDE_CORS_ORIGINS="http://front.example:8080")
    server.target, server.credential = server.add_server(sshd)
    server.sshd = sshd
    yield server
    server.clean_up()
    sshd.clean_up()


class Client:
    def __init__(self, world, transports=None, auth="token", query="", headers=None):
        self.world = world
        self.socket = socketio.Client(reconnection=False)
        self.heard = queue.Queue()
        self.text = ""
        for name in EVENTS:
            self.socket.on(name, lambda data, name=name: self.heard.put((name, data)))
        self.socket.connect(
            world.url + query,
            headers=headers or {},
            auth={"token": world.token} if auth == "token" else None,
            transports=transports,
            wait_timeout=PATIENCE,
        )

    def event(self, wanted):
        """The next event of this name; output meanwhile is kept."""
        while True:
            name, data = self.heard.get(timeout=PATIENCE)
            if name == wanted:
                return data
            assert name == "ssh_output", (name, data)
            self.text += data["data"]

    def until(self, text):
        while text not in self.text:
            name, data = self.heard.get(timeout=PATIENCE)
            assert name == "ssh_output", (name, data)
            self.text += data["data"]

    def open(self, **more):
        self.socket.emit("ssh_connect", {"server_id": self.world.target, **more})
        return self.event("ssh_connected")

    def type(self, text):
        self.socket.emit("ssh_input", {"input": text})


@pytest.fixture
def client(world):
    made = Client(world)
    yield made
    made.socket.disconnect()


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], None])
def test_a_terminal_over_every_transport(world, transports):
    client = Client(world, transports)
    assert client.open() == {"status": "connected"}
    client.type("echo $((6*7))=$TERM; stty size\r")
    client.until("42=xterm-256color")
    client.until("24 80")
    client.socket.emit("ssh_resize", {"cols": 101, "rows": 33})
    client.type("stty size\r")
    client.until("33 101")
    client.socket.disconnect()


def test_who_asks_may_be_shown_in_three_ways(world):
    for shown in (
        {"auth": "token"},
        {"auth": None, "query": f"?token={world.token}"},
        {"auth": None, "headers": {"cookie": world.cookie}},
        {"auth": None, "headers": {"authorization": f"Bearer {world.token}"}},
    ):
        client = Client(world, **shown)
        client.open()
        client.socket.disconnect()


def test_nobody_else_is_let_in(world):
    for shown in ({"auth": None}, {"auth": None, "query": "?token=bad"}, {"auth": None, "headers": {"cookie": "a=b"}}):
        with pytest.raises(socketio.exceptions.ConnectionError):
            Client(world, **shown)


def test_the_exit_of_the_shell_is_told(client):
    client.open()
    client.type("exit\r")
    assert client.event("ssh_disconnected") == {"status": "disconnected"}
    client.type("x")
    assert "ssh_connect" in client.event("ssh_error")["error"]


def test_an_unknown_server_and_missing_fields_are_errors(client):
    for asked in ({"server_id": 4711}, {}, {"server_id": "x"}, None, {"server_id": 1, "credential_id": 4711}):
        client.socket.emit("ssh_connect", asked)
        assert client.event("ssh_error")["error"]
    client.open()
    client.type("echo fi''ne\r")
    client.until("fine")


def test_disconnecting_ends_the_session(world, client):
    before = set(world.running())
    client.open()
    (uid,) = set(world.running()) - before
    client.socket.emit("ssh_disconnect")
    assert client.event("ssh_disconnected") == {"status": "disconnected"}
    wait_until(lambda: uid not in world.running(), "the end of the session", PATIENCE)
    client.open()
    (uid,) = set(world.running()) - before
    client.socket.disconnect()
    wait_until(lambda: uid not in world.running(), "the end of the session", PATIENCE)


def test_a_service_keeps_its_shell(world):
    first = Client(world)
    assert first.open(service_id=7, auto_command="mark=kept-$((40+2))") == {"status": "connected"}
    first.type("echo :$mark:\r")
    first.until(":kept-42:")
    first.socket.disconnect()
    second = Client(world)
    assert second.open(service_id=7, auto_command="mark=other") == {"status": "connected", "reused": True}
    second.type("echo again $mark\r")
    second.until("again kept-42")
    second.type("exit\r")
    second.event("ssh_disconnected")
    second.socket.disconnect()


def test_characters_stay_whole(client):
    client.open()
    client.type("printf '\\xe4\\xbd'; sleep 0.3; printf '\\xa0\\xe5\\xa5\\xbd\\n'; seq 1 20000; echo on''ward\r")
    client.until("onward")
    assert "你好" in client.text and "\ufffd" not in client.text
    assert "\r\n19999\r\n20000\r\n" in client.text


def test_a_token_that_is_taken_away_ends_the_connection(world):
    made = world.call("POST", "/api/v1/tokens", {"name": "gone", "scope": "full"}, status=201).json()
    client = Client(world, auth=None, query=f"?token={made['secret']}")
    client.open()
    gone = made["token"]["id"] if "token" in made else made["id"]
    world.call("DELETE", f"/api/v1/tokens/{gone}", status=204)
    wait_until(lambda: not client.socket.connected, "the end of the connection", PATIENCE)


def test_the_protocol_is_engine_io_4(world):
    def ask(query):
        return requests.get(f"{world.url}/socket.io/{query}", timeout=PATIENCE)

    for query in ("", "?transport=polling", "?EIO=3&transport=polling", "?EIO=4&transport=polling&sid=nobody"):
        assert ask(query).status_code == 400, query
    opened = ask("?EIO=4&transport=polling")
    assert opened.status_code == 200 and opened.text.startswith("0{")
    facts = opened.text[1:]
    for fact in ('"upgrades":["websocket"]', '"pingTimeout":20000', '"pingInterval":25000', '"maxPayload":1000000'):
        assert fact in facts, facts


def test_only_named_origins_get_in_from_a_page(world):
    def ask(origin, method="GET", **more):
        headers = {"origin": origin, **more}
        return requests.request(
            method, f"{world.url}/socket.io/?EIO=4&transport=polling", headers=headers, timeout=PATIENCE
        )

    friend = "http://front.example:8080"
    allowed = ask(friend)
    assert allowed.headers["access-control-allow-origin"] == friend
    before = ask(friend, "OPTIONS", **{"access-control-request-method": "POST"})
    assert before.status_code == 204 and "authorization" in before.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in ask("http://evil.example").headers
    assert ask("http://evil.example", "POST").status_code == 403
    # A cookie that comes along with a friend's page says nothing.
    listed = requests.get(f"{world.url}/api/v1/me", headers={"origin": friend, "cookie": world.cookie}, timeout=PATIENCE)
    assert listed.status_code == 401


def test_with_the_library_of_browsers(world):
    node = pathlib.Path(__file__).resolve().parents[1] / "node"
    place = json.dumps({"url": world.url, "token": world.token, "server": world.target})
    done = subprocess.run(
        ["node", "--test", "--test-timeout=50000", "socketio.test.mjs"],
        cwd=node,
        env={**os.environ, "BASTIDE_SOCKETIO": place},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE * 2,
    )
    assert done.returncode == 0, done.stdout + done.stderr
