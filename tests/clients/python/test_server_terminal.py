"""Terminals on servers over the WebSocket of an earlier design, its login, and commands, against a real sshd."""

import json
import threading

import pytest
import requests
import websocket

from server import PASSWORD, PATIENCE, Server, Sshd
from daemon import wait_until


@pytest.fixture(scope="module")
def world():
    sshd = Sshd()
    server = Server()
    server.target, server.credential = server.add_server(sshd)
    server.sshd = sshd
    yield server
    server.clean_up()
    sshd.clean_up()


class Terminal:
    def __init__(self, world, server=None, credential="", token=None, path="", open_now=True):
        server = world.target if server is None else server
        token = world.token if token is None else token
        url = f"ws://127.0.0.1:{world.port}/api/servers/{server}/ssh/terminal{path}"
        self.socket = websocket.create_connection(f"{url}?credential_id={credential}&token={token}", timeout=PATIENCE)
        self.text = ""
        self.said = []
        if open_now:
            self.until(lambda: self.kinds("connected"))

    def kinds(self, kind):
        return [one for one in self.said if one["type"] == kind]

    def read(self):
        """One message; the close code when it is over."""
        opcode, data = self.socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")
        message = json.loads(data)
        self.said.append(message)
        if message["type"] == "output":
            self.text += message["data"]
        return None

    def until(self, fact):
        while not fact():
            code = self.read()
            assert code is None, f"closed with {code}: {self.said}"

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def type(self, text):
        self.send(type="input", data=text)

    def closed(self):
        while True:
            code = self.read()
            if code is not None:
                return code


def test_login_answers_as_those_clients_expect(world):
    begun = world.login("admin", PASSWORD).json()
    assert begun["token"] == begun["access_token"] and begun["refresh_token"]
    assert begun["token_type"] == "bearer" and begun["expires_in"] > 0
    user = begun["user"]
    assert (user["username"], user["is_active"], user["is_superuser"]) == ("admin", True, True)
    assert "email" in user and user["id"] > 0
    wrong = world.login("admin", "wrong")
    assert (wrong.status_code, wrong.json()["detail"]) == (401, "用户名或密码错误")
    assert world.call("GET", "/api/v1/me", token=begun["token"]).json()["user"]["username"] == "admin"
    assert requests.post(f"{world.url}/api/auth/login", json={}, timeout=PATIENCE).status_code in (400, 422)


def test_a_terminal_is_connected_when_its_shell_is_there(world):
    terminal = Terminal(world, credential=world.credential)
    assert terminal.said[0] == {"type": "connected", "message": "SSH终端已连接"}
    terminal.type("echo $((6*7))=$TERM\r")
    terminal.until(lambda: "42=xterm-256color" in terminal.text)
    terminal.socket.close()


def test_the_twin_path_and_the_size(world):
    terminal = Terminal(world, path="/asyncssh")
    terminal.send(type="resize", rows=31, cols=97)
    terminal.type("stty size\r")
    terminal.until(lambda: "31 97" in terminal.text)
    terminal.socket.close()


def test_a_bad_message_does_not_end_a_terminal(world):
    terminal = Terminal(world)
    for bad in ("{", '{"type":"nothing"}', '{"type":"resize","rows":0,"cols":1}', "[]"):
        before = len(terminal.kinds("error"))
        terminal.socket.send(bad)
        terminal.until(lambda before=before: len(terminal.kinds("error")) > before)
    terminal.type("echo still $((1+1))\r")
    terminal.until(lambda: "still 2" in terminal.text)
    terminal.socket.close()


def test_characters_stay_whole_and_other_bytes_end_nothing(world):
    terminal = Terminal(world)
    terminal.type("printf '\\xe4\\xbd'; sleep 0.3; printf '\\xa0\\xe5\\xa5\\xbd\\n\\xff\\xfe.\\n'; echo on''ward\r")
    terminal.until(lambda: "onward" in terminal.text)
    assert "你好" in terminal.text and "\ufffd\ufffd." in terminal.text
    terminal.socket.close()


def test_the_exit_of_the_shell_is_told_and_closes(world):
    terminal = Terminal(world)
    terminal.type("exit 3\r")
    assert terminal.closed() == 1000
    assert terminal.said[-1]["type"] == "exit" and "3" in terminal.said[-1]["message"]


def test_a_session_ends_with_its_socket(world):
    before = set(world.running())
    terminal = Terminal(world)
    (uid,) = set(world.running()) - before
    terminal.socket.close()
    wait_until(lambda: uid not in world.running(), "the end of the session", PATIENCE)


def test_refusals_are_told_before_the_close(world):
    for token, server, credential, message in (
        ("bad", world.target, "", "认证失败"),
        (None, 4711, "", "服务器不存在"),
        (None, world.target, 4711, "凭据不存在"),
    ):
        terminal = Terminal(world, server=server, credential=credential, token=token, open_now=False)
        assert terminal.closed() == 1008
        assert terminal.said == [{"type": "error", "message": message}]


@pytest.mark.parametrize("query", ["", "?credential_id=1", "?token=x&credential_id=no"])
def test_an_upgrade_without_its_parameters_is_refused(world, query):
    url = f"ws://127.0.0.1:{world.port}/api/servers/{world.target}/ssh/terminal{query}"
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(url, timeout=PATIENCE)
    assert 400 <= refused.value.status_code < 500


def test_nobody_without_a_grant_learns_of_the_server(world):
    token, _ = world.user("nobody")
    terminal = Terminal(world, token=token, open_now=False)
    assert terminal.closed() == 1008
    assert terminal.said == [{"type": "error", "message": "服务器不存在"}]
    for path, body in (("execute", {"command": "id"}), ("check", None), ("ssh/disconnect", None)):
        world.call("POST", f"/api/servers/{world.target}/{path}", body, token=token, status=404)
    world.call("GET", f"/api/servers/{world.target}/resources", token=token, status=404)
    world.call("GET", "/api/v1/connections", token=token, status=403)


def test_an_unknown_host_key_is_shown_and_not_accepted(world):
    server, _ = world.add_server(world.sshd, name="unpinned", pinned=False)
    terminal = Terminal(world, server=server, open_now=False)
    assert terminal.closed() == 1011
    said = terminal.kinds("error")[-1]["message"]
    assert said.startswith("SSH连接失败") and world.sshd.fingerprint in said
    assert world.call("GET", f"/api/v1/servers/{server}/host-keys", status=200).json()["items"] == []


def test_a_dead_port_says_so(world):
    body = {"name": "dead", "host": "127.0.0.1", "port": 1, "default_credential_id": world.credential}
    server = world.call("POST", "/api/v1/servers", body, status=201).json()["id"]
    terminal = Terminal(world, server=server, open_now=False)
    assert terminal.closed() == 1011
    assert "refused" in terminal.kinds("error")[-1]["message"]
    found = world.call("POST", f"/api/servers/{server}/check", status=200).json()
    assert found == {"status": "offline"}
    usage = world.call("GET", f"/api/servers/{server}/resources", status=200).json()
    assert usage["cpu_usage"] is None and "refused" in usage["error"]


def test_many_terminals_at_once_share_a_connection(world):
    before = world.sshd.connections()
    terminals = [Terminal(world) for _ in range(5)]

    def work(number, terminal):
        terminal.type(f"echo me-$(({number}+100))\r")
        terminal.until(lambda: f"me-{number + 100}" in terminal.text)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(terminals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert world.sshd.connections() <= before + 1
    for terminal in terminals:
        terminal.socket.close()


def test_a_command_has_two_outputs_and_an_exit_status(world):
    body = {"command": "echo out; echo it\\'s >&2; exit 5", "credential_id": world.credential}
    done = world.call("POST", f"/api/servers/{world.target}/execute", body, status=200).json()
    assert done == {
        "success": False,
        "exit_status": 5,
        "output": "out\n",
        "error": "it's\n",
        "command": body["command"],
    }


def test_a_command_has_limits_and_a_recording(world):
    path = f"/api/v1/servers/{world.target}/execute"
    done = world.call("POST", path, {"command": "shopt -q login_shell && printf yes"}, status=200).json()
    assert (done["stdout"], done["exit_status"], done["truncated"]) == ("yes", 0, False)
    cast = world.call("GET", f"/api/v1/recordings/{done['recording']}/cast", status=200)
    assert "yes" in cast.text
    late = world.call("POST", path, {"command": "echo begun; sleep 60", "timeout_seconds": 1}, status=200).json()
    assert late["timed_out"] and late["exit_status"] is None and late["stdout"] == "begun\n"
    much = world.call("POST", path, {"command": "head -c 20000000 /dev/zero"}, status=200).json()
    assert much["truncated"] and much["stdout_bytes"] == 20_000_000
    world.call("POST", path, {"command": ""}, status=422)
    world.call("POST", path, {"command": "true", "timeout_seconds": 0}, status=422)


def test_a_server_is_looked_at(world):
    found = world.call("POST", f"/api/v1/servers/{world.target}/check", status=200).json()
    assert found["status"] == "online" and found["reachable"]["tcp"] and found["reachable"]["ssh"]
    assert found["facts"]["system"] == "Linux"
    listed = world.call("GET", f"/api/v1/servers/{world.target}", status=200).json()
    assert listed["status"] == "online" and listed["last_check"]
    usage = world.call("GET", f"/api/servers/{world.target}/resources", status=200).json()
    assert all(0 <= usage[name] <= 100 for name in ("cpu_usage", "memory_usage", "disk_usage")), usage
    results = world.call("POST", "/api/servers/check-all", status=200).json()["results"]
    assert {"id": world.target, "status": "online"} in results


def test_connections_are_seen_and_ended(world):
    world.call("POST", f"/api/v1/servers/{world.target}/execute", {"command": "true"}, status=200)
    listed = world.call("GET", "/api/v1/connections", status=200).json()["connections"]
    assert [one for one in listed if one["server"] == "target" and one["port"] == world.sshd.port]
    ended = world.call("POST", f"/api/servers/{world.target}/ssh/disconnect", status=200).json()
    assert ended["success"] and ended["connections"] >= 1
    metrics = world.call("GET", "/metrics", status=200).text
    assert "bastide_ssh_connections" in metrics
