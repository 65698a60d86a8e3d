"""create, list, attach, detach, kill, and what they answer when it cannot be done."""

import os
import pwd
import re
import time

import pytest

from daemon import wait_until

NIL_OPTIONS = dict.fromkeys(["cwd", "cols", "rows", "env", "shell", "initial_commands"])


def test_create_with_every_field(daemon, client):
    work = daemon.directory / "work"
    work.mkdir()
    session = client.create(
        cwd=str(work),
        cols=101,
        rows=33,
        env={"GREETING": "hello from the client"},
        shell="/bin/sh",
        initial_commands=["FIRST=from-first", 'echo "<$FIRST><$GREETING>"'],
    )
    client.attach(session)
    client.wait_output(session, "<from-first><hello from the client>")
    client.type(session, "echo size: $(stty size) dir: $(pwd -P) term: $TERM.\n")
    seen = client.wait_output(session, "term: xterm-256color.")
    assert b"size: 33 101 dir: " + os.path.realpath(work).encode() in seen


def test_create_with_nil_options_uses_the_defaults(client):
    session = client.create(**NIL_OPTIONS)
    snapshot = client.attach(session)
    assert (snapshot["cols"], snapshot["rows"]) == (80, 24)
    with open(client.sessions()[session]["pts"]) as terminal:
        assert os.get_terminal_size(terminal.fileno()) == (80, 24)


def test_create_with_no_fields_at_all_starts_the_login_shell(client):
    """Looked at from outside: what a user's own profile does is not tested here."""
    session = client.create()
    info = client.sessions()[session]
    shell = os.path.basename(pwd.getpwuid(os.getuid()).pw_shell)
    with open(f"/proc/{info['pid']}/cmdline", "rb") as file:
        name = file.read().split(b"\0")[0].decode()
    assert name == f"-{shell}", "a login shell has a dash before its name"


def test_initial_commands_run_in_order_and_leave_a_shell(daemon, client):
    session = client.create(**daemon.bash, initial_commands=["a=1", "b=$((a+1))"])
    client.attach(session)
    client.type(session, "echo a=$a,b=$b.\n")
    client.wait_output(session, "a=1,b=2.")


def test_list_shape(client):
    before = int(time.time())
    session = client.create(shell="/bin/sh")
    info = client.sessions()[session]
    assert info["id"] == session and isinstance(session, int) and session >= 0
    assert info["is_alive"] is True
    assert re.fullmatch(r"/dev/pts/\d+", info["pts"])
    assert os.path.exists(info["pts"])
    assert info["pid"] > 0 and os.path.exists(f"/proc/{info['pid']}")
    for key in ("created_at", "last_attached_at"):
        assert isinstance(info[key], str), f"{key} is a decimal string"
        assert before <= int(info[key]) <= time.time() + 1
    known = {"id", "pid", "pts", "is_alive", "created_at", "last_attached_at"}
    assert known == set(info), "a seed client gets the seed's fields"


def test_list_is_empty_then_holds_every_session(client):
    assert client.call("list")["sessions"] == []
    ids = {client.create(shell="/bin/sh") for _ in range(3)}
    assert len(ids) == 3
    assert set(client.sessions()) == ids


def test_last_attached_at_is_updated(client):
    session = client.create(shell="/bin/sh")
    created = int(client.sessions()[session]["last_attached_at"])
    wait_until(lambda: time.time() >= created + 1.05, "the next second of the clock")
    client.attach(session)
    info = client.sessions()[session]
    assert int(info["last_attached_at"]) > created
    assert int(info["created_at"]) <= created


@pytest.mark.parametrize(
    "field, value",
    [("cwd", "/no/such/directory"), ("shell", "/no/such/shell"), ("cwd", "/etc/passwd"),
     ("shell", "/etc/passwd"), ("shell", "/tmp"), ("shell", "")],
)  # fmt: skip
def test_bad_cwd_or_shell_is_an_error_and_no_session(client, field, value):
    code, message = client.refused("create", **{field: value})
    assert code in ("INVALID_ARGUMENT", "SESSION_ERROR", "IO_ERROR")
    assert value in message, "the message names what is wrong"
    assert client.sessions() == {}


@pytest.mark.parametrize("cols, rows", [(0, 24), (80, 0), (0, 0)])
def test_zero_size_is_refused(client, cols, rows):
    expected = (
        "INVALID_ARGUMENT",
        "Invalid argument: terminal size must have cols > 0 and rows > 0",
    )
    assert client.refused("create", cols=cols, rows=rows) == expected
    assert client.sessions() == {}
    session = client.create(shell="/bin/sh")
    assert client.refused("resize", session=session, cols=cols, rows=rows) == expected
    snapshot = client.attach(session)
    assert (snapshot["cols"], snapshot["rows"]) == (80, 24)


def test_huge_size_does_not_hurt_the_daemon(daemon, client):
    """65535 x 65535 cells would be gigabytes: an error, and memory stays small."""
    code, message = client.refused("create", cols=65535, rows=65535, shell="/bin/sh")
    assert code == "INVALID_ARGUMENT", message
    session = client.create(shell="/bin/sh")
    code, _ = client.refused("resize", session=session, cols=65535, rows=65535)
    assert code == "INVALID_ARGUMENT"
    with open(f"/proc/{daemon.pid}/status") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))
    assert peak < 300_000, f"peak memory {peak} kB"


@pytest.mark.parametrize(
    "kind, fields, message",
    [
        ("attach", {}, "Session 999 not found"),
        ("kill", {}, "Not found: session 999"),
        ("input", {"data": b"x"}, "Not found: session 999"),
        ("resize", {"cols": 80, "rows": 24}, "Not found: session 999"),
        ("signal", {"signal": "INT"}, "Not found: session 999"),
        ("clear_scrollback", {}, "Not found: session 999"),
    ],
)
def test_unknown_session(client, kind, fields, message):
    assert client.refused(kind, session=999, **fields) == ("NOT_FOUND", message)


def test_detach_never_fails(client):
    session = client.create(shell="/bin/sh")
    assert client.call("detach", session=session)["session"] == session
    client.attach(session)
    assert client.call("detach", session=session)["type"] == "ok"
    assert client.call("detach", session=session)["type"] == "ok"
    assert client.call("detach", session=999)["type"] == "ok"


def test_detached_client_gets_no_output(client):
    session = client.create(shell="/bin/sh")
    client.attach(session)
    client.type(session, "echo first-$((40 + 2))\n")
    client.wait_output(session, "first-42")
    client.call("detach", session=session)
    client.type(session, "echo second-$((40 + 2))\n")
    client.drain()
    assert b"second-42" not in client.output[session]
    assert "second-42" in client.attach(session)["content"]


def test_second_attach_is_a_fresh_snapshot_and_no_second_copy(client):
    session = client.create(shell="/bin/sh")
    first = client.attach(session)
    client.type(session, "echo mark-$((40 + 2))\n")
    client.wait_output(session, "mark-42")
    second = client.attach(session)
    assert "mark-42" not in first["content"]
    assert "mark-42" in second["content"]
    client.output[session] = bytearray()
    client.type(session, "echo once-$((40 + 2))\n")
    client.wait_output(session, "once-42")
    client.drain()
    assert client.output[session].count(b"once-42") == 1


def test_many_viewers_from_several_connections(daemon, client):
    session = client.create(shell="/bin/sh")
    viewers = [daemon.connect(client_id=f"viewer {n}") for n in range(8)]
    viewers += [daemon.connect(client_id="viewer 0")]
    for viewer in viewers:
        viewer.attach(session)
    for n, viewer in enumerate(viewers):
        viewer.type(session, f"echo from-{n}-$((40 + 2))\n")
    for viewer in [*viewers]:
        for n in range(len(viewers)):
            viewer.wait_output(session, f"from-{n}-42")
    viewers[0].close()
    client.type(session, "exit 5\n")
    for viewer in viewers[1:]:
        assert viewer.wait_exit(session)["code"] == 5


def test_a_connection_writes_without_attaching(daemon, client):
    session = client.create(shell="/bin/sh")
    client.type(session, "echo quiet-$((40 + 2))\n")
    other = daemon.connect()
    other.type(session, "echo other-$((40 + 2))\n")
    other.attach(session)
    other.wait_output(session, "quiet-42")
    other.wait_output(session, "other-42")


def test_sessions_outlive_the_connection_that_made_them(daemon):
    first = daemon.connect()
    session = first.create(shell="/bin/sh")
    first.type(session, "KEPT=kept; echo ready-$((40 + 2))\n")
    first.attach(session)
    first.wait_output(session, "ready-42")
    first.close()
    second = daemon.connect()
    assert "ready-42" in second.attach(session)["content"]
    second.type(session, "echo still-$KEPT\n")
    second.wait_output(session, "still-kept")


def test_kill_answers_removes_and_then_tells_the_exit(daemon, client):
    session = client.create(shell="/bin/sh")
    pid = client.sessions()[session]["pid"]
    viewer = daemon.connect()
    viewer.attach(session)
    client.attach(session)
    reply = client.call("kill", session=session)
    assert reply["session"] == session
    assert session not in client.sessions()
    for connection in (client, viewer):
        event = connection.wait_exit(session)
        assert (event["code"], event["signal"]) == (137, 9)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the shell's end")
    code, _ = client.refused("kill", session=session)
    assert code in ("NOT_FOUND", "SESSION_TERMINATING")


def test_kill_all_counts(client):
    assert client.call("kill_all")["count"] == 0
    sessions = [client.create(shell="/bin/sh") for _ in range(3)]
    for session in sessions:
        client.attach(session)
    assert client.call("kill_all")["count"] == 3
    for session in sessions:
        event = client.wait_exit(session)
        assert (event["code"], event["signal"]) == (137, 9)
    assert client.sessions() == {}


def test_ids_are_not_used_twice(client):
    first = client.create(shell="/bin/sh")
    client.call("kill", session=first)
    assert client.create(shell="/bin/sh") != first
