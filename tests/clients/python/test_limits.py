"""Limits set by the environment, and values that must stop the start."""

import resource

import pytest

from daemon import wait_until
from ptyd_client import Refused


def test_connections_over_the_limit_are_dropped_at_once(fresh):
    fresh.start(RUST_PTY_MAX_CONNECTIONS=2)
    first = fresh.connect()
    second = fresh.connect_when_free()
    third = fresh.open()
    third.wait_closed(5)
    assert first.sessions() == {} and second.sessions() == {}
    second.close()
    assert fresh.connect_when_free().sessions() == {}


def test_sessions_over_the_limit_are_refused(fresh):
    client = fresh.start(RUST_PTY_MAX_SESSIONS=2).connect()
    first = client.create(shell="/bin/sh")
    second = client.create(shell="/bin/sh")
    for _ in range(2):
        refusal = client.refused("create", shell="/bin/sh")
        assert refusal == ("LIMIT_REACHED", "Limit reached: max sessions reached")
    client.call("kill", session=first)

    def again():
        try:
            return client.create(shell="/bin/sh")
        except Refused as refusal:
            assert refusal.code == "LIMIT_REACHED"
            return None

    third = wait_until(again, "the place of the killed session")
    assert set(client.sessions()) == {second, third}


def test_it_raises_the_limit_of_open_files_itself(fresh):
    """A login often allows 1024 descriptors only; 200 sessions need more than the 256 given here."""

    def few_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    client = fresh.start(before=few_files).connect()
    seqs = [client.post("create", shell="/bin/cat") for _ in range(200)]
    replies = [client.reply(seq) for seq in seqs]
    assert {reply["type"] for reply in replies} == {"ok"}, [r for r in replies if r["type"] != "ok"][:1]
    assert client.call("kill_all")["count"] == 200


def test_many_clients_on_a_few_sessions(fresh):
    first = fresh.start().connect()
    sessions = [first.create(shell="/bin/sh") for _ in range(5)]
    clients = [fresh.connect(client_id=f"client {n}") for n in range(120)]
    for n, client in enumerate(clients):
        client.attach(sessions[n % 5])
    for session in sessions:
        first.type(session, "echo all-$((40 + 2))\n")
    for n, client in enumerate(clients):
        client.wait_output(sessions[n % 5], "all-42")


def test_a_refused_create_takes_no_place(fresh):
    client = fresh.start(RUST_PTY_MAX_SESSIONS=1).connect()
    for _ in range(3):
        client.refused("create", cwd="/no/such/directory")
    assert client.create(shell="/bin/sh") is not None


def test_scrollback_lines_is_kept(fresh):
    client = fresh.start(RUST_PTY_SCROLLBACK_LINES=30).connect()
    session = client.create(shell="/bin/sh", rows=10)
    client.attach(session)
    client.type(session, "seq 1 200; echo done-$((40 + 2))\n")
    client.wait_output(session, "done-42")
    rows = client.attach(session)["content"].count("\r\n") + 1
    assert rows == 40


NUMBERS = [
    "RUST_PTY_MAX_CONNECTIONS", "RUST_PTY_MAX_SESSIONS", "RUST_PTY_SCROLLBACK_LINES",
    "RUST_PTY_FLOW_THRESHOLD", "RUST_PTY_FLOW_MAX_QUEUE_SIZE", "RUST_PTY_INPUT_QUEUE_MAX_BYTES",
    "RUST_PTY_CLIENT_MAX_WRITE_QUEUE_BYTES", "RUST_PTY_SESSION_EVENT_QUEUE_CAPACITY",
]  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_an_invalid_number_stops_the_start_and_names_the_variable(fresh, name):
    for value in ("abc", "0", "-1", "1.5", "99999999999999999999999"):
        code, said = fresh.fails_to_start(**{name: value})
        assert code > 0, f"{name}={value} must not start"
        assert name in said, said
        assert "panicked" not in said
    assert not fresh.socket.exists()


@pytest.mark.parametrize(
    "settings, named",
    [
        ({"RUST_PTY_COALESCE_DELAY_MS": "soon"}, "RUST_PTY_COALESCE_DELAY_MS"),
        ({"RUST_PTY_FLOW_AUTO_DISCONNECT": "perhaps"}, "RUST_PTY_FLOW_AUTO_DISCONNECT"),
        ({"RUST_PTY_FLOW_THRESHOLD": "16384"}, "RUST_PTY_FLOW_THRESHOLD"),
        ({"RUST_PTY_FLOW_THRESHOLD": "9", "RUST_PTY_FLOW_MAX_QUEUE_SIZE": "8"}, "RUST_PTY_FLOW_"),
        ({"RUST_PTY_FLOW_RED_THRESHOLD": "x"}, "RUST_PTY_FLOW_RED_THRESHOLD"),
    ],
)
def test_other_invalid_settings_stop_the_start(fresh, settings, named):
    code, said = fresh.fails_to_start(**settings)
    assert code > 0
    assert named in said and "panicked" not in said, said


def test_an_empty_value_counts_as_not_set_or_is_named(fresh):
    """An empty variable is either refused by name or means the default: never a panic."""
    process = fresh.spawn(RUST_PTY_MAX_SESSIONS="")
    fresh.process = process
    wait_until(lambda: process.poll() is not None or fresh.socket.exists(), "start or end")
    if process.poll() is not None:
        assert "RUST_PTY_MAX_SESSIONS" in fresh.log_text()
