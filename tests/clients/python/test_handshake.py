"""Handshake, authentication, and the two roles of a client that opens two sockets."""

import re

import pytest

from ptyd_client import Refused


def test_reply_has_version_and_pid(daemon):
    reply = daemon.open().handshake(daemon.token, client_id="one")
    assert reply["protocol_version"] == 1
    assert reply["daemon_pid"] == daemon.pid
    assert re.match(r"\d+\.\d+\.\d+", reply["daemon_version"])


def test_a_seed_client_gets_no_field_beyond_its_wire(daemon):
    reply = daemon.open().handshake(daemon.token)
    known = {"type", "seq", "protocol_version", "daemon_version", "daemon_pid"}
    assert set(reply) == known


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"client_id": None, "role": None},
        {"client_id": "c"},
        {"client_id": "c", "role": "control"},
        {"client_id": "c", "role": "stream"},
        {"client_id": "c", "unknown_field": {"x": [1]}},
    ],
)
def test_client_id_and_role_are_optional(daemon, fields):
    assert daemon.open().handshake(daemon.token, **fields)["type"] == "handshake"


def test_role_needs_a_client_id(daemon):
    code, _ = daemon.open().refused("handshake", token=daemon.token, protocol_version=1, role="control")
    assert code == "INVALID_HANDSHAKE"


def test_wrong_version_is_checked_before_the_token(daemon):
    refusal = daemon.open().refused("handshake", token="x" * 64, protocol_version=9)
    assert refusal == (
        "PROTOCOL_MISMATCH",
        "Protocol version mismatch: expected 1, got 9",
    )


def test_wrong_token_may_retry_on_the_same_connection(daemon):
    connection = daemon.open()
    for wrong in ["", "x" * 64, daemon.token[:-1], daemon.token + "x"]:
        refusal = connection.refused("handshake", token=wrong, protocol_version=1)
        assert refusal == ("AUTH_FAILED", "Invalid token")
    assert connection.handshake(daemon.token)["type"] == "handshake"
    assert connection.sessions() == {}


def test_second_handshake_is_refused_and_the_connection_stays(client, daemon):
    code, _ = client.refused("handshake", token=daemon.token, protocol_version=1)
    assert code == "ALREADY_AUTHENTICATED"
    assert client.sessions() == {}


@pytest.mark.parametrize(
    "kind, fields",
    [
        ("create", {}),
        ("list", {}),
        ("attach", {"session": 1}),
        ("detach", {"session": 1}),
        ("kill", {"session": 1}),
        ("kill_all", {}),
        ("input", {"session": 1, "data": b"x"}),
        ("resize", {"session": 1, "cols": 80, "rows": 24}),
        ("signal", {"session": 1, "signal": "INT"}),
        ("clear_scrollback", {"session": 1}),
    ],
)
def test_nothing_without_a_handshake(daemon, kind, fields):
    connection = daemon.open()
    refusal = connection.refused(kind, **fields)
    assert refusal == ("NOT_AUTHENTICATED", "Send Handshake first")
    connection.handshake(daemon.token)
    assert connection.sessions() == {}


# --- two sockets of one client ---------------------------------------------------------------
def test_attach_on_control_sends_output_to_the_stream(daemon):
    control = daemon.connect(client_id="tab", role="control")
    stream = daemon.connect(client_id="tab", role="stream")
    session = control.create(shell="/bin/sh")
    snapshot = control.attach(session)
    assert snapshot["cols"] == 80
    control.type(session, "echo via-$((40 + 2))\n")
    stream.wait_output(session, "via-42")
    control.drain()
    assert not [e for e in control.events if e["type"] == "output"]

    control.call("detach", session=session)
    control.type(session, "echo after-$((40 + 2))\n")
    stream.drain()
    assert b"after-42" not in stream.output[session]


def test_exit_goes_to_the_stream(daemon):
    control = daemon.connect(client_id="tab", role="control")
    stream = daemon.connect(client_id="tab", role="stream")
    session = control.create(shell="/bin/sh")
    control.attach(session)
    control.call("kill", session=session)
    assert stream.wait_exit(session)["code"] == 137


def test_stream_attaches_itself(daemon):
    control = daemon.connect(client_id="tab", role="control")
    stream = daemon.connect(client_id="tab", role="stream")
    session = control.create(shell="/bin/sh")
    stream.attach(session)
    control.type(session, "echo via-$((40 + 2))\n")
    stream.wait_output(session, "via-42")
    stream.call("detach", session=session)


@pytest.mark.parametrize(
    "kind, fields",
    [
        ("create", {}),
        ("list", {}),
        ("kill_all", {}),
        ("input", {"session": 1, "data": b"x"}),
        ("resize", {"session": 1, "cols": 80, "rows": 24}),
    ],
)
def test_stream_may_only_attach_and_detach(daemon, kind, fields):
    stream = daemon.connect(client_id="tab", role="stream")
    code, _ = stream.refused(kind, **fields)
    assert code == "WRONG_CHANNEL"


def test_attach_on_control_without_a_live_stream(daemon):
    control = daemon.connect(client_id="tab", role="control")
    other = daemon.connect(client_id="another", role="stream")
    session = control.create(shell="/bin/sh")
    code, _ = control.refused("attach", session=session)
    assert code == "STREAM_NOT_CONNECTED"

    stream = daemon.connect(client_id="tab", role="stream")
    control.attach(session)
    stream.close()
    # The daemon learns of the close on its own time; from then on the answer is an error again.
    for _ in range(1000):
        try:
            control.call("attach", session=session)
        except Refused as refusal:
            assert refusal.code == "STREAM_NOT_CONNECTED"
            break
    else:
        raise AssertionError("a closed stream still counts as connected")
    other.close()
