"""Frames that are wrong: an error where a seq can be read, then the end of that connection alone."""

import struct

import msgpack
import pytest

from ptyd_client import DAEMON_FRAME_LIMIT, Closed, Frames, decode, encode


def frame(payload):
    return struct.pack(">I", len(payload)) + payload


def others_undisturbed(daemon, witness, session):
    """An earlier connection still works and is still attached; a new one works too."""
    witness.type(session, "echo well-$((40 + 2))\n")
    witness.wait_output(session, "well-42")
    assert session in daemon.connect().sessions()


@pytest.fixture
def witness(daemon):
    """A connection with an attached session, that must not notice anything."""
    connection = daemon.connect()
    connection.watched = connection.create(shell="/bin/sh")
    connection.attach(connection.watched)
    return connection


UNREADABLE = {
    "length over the limit": struct.pack(">I", DAEMON_FRAME_LIMIT + 1),
    "length of four gigabytes": b"\xff\xff\xff\xff",
    "empty frame": struct.pack(">I", 0),
    "no msgpack": frame(b"\xc1\xc1\xc1"),
    "random text": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "not a map": frame(msgpack.packb([1, 2, 3])),
    "a number": frame(msgpack.packb(7)),
    "cut map": frame(msgpack.packb({"type": "list", "seq": 3})[:-1]),
    "missing seq": frame(msgpack.packb({"type": "list"})),
    "seq is a float": frame(msgpack.packb({"type": "list", "seq": 1.5})),
    "seq is negative": frame(msgpack.packb({"type": "list", "seq": -1})),
    "seq is too large": frame(msgpack.packb({"type": "list", "seq": 1 << 32})),
    "seq is text": frame(msgpack.packb({"type": "list", "seq": "1"})),
    "map of a billion": frame(b"\xdf\x3b\x9a\xca\x00"),
    "nested very deep": frame(b"\x91" * 200_000),
}


@pytest.mark.parametrize("authenticated", [True, False])
@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_frame_ends_only_its_connection(daemon, witness, name, authenticated):
    connection = daemon.connect() if authenticated else daemon.open()
    connection.send_bytes(UNREADABLE[name])
    connection.wait_closed(5)
    assert not [r for r in connection.replies.values() if r["type"] != "error"]
    others_undisturbed(daemon, witness, witness.watched)


WRONG_FIELDS = {
    "no session": {"type": "attach"},
    "session is text": {"type": "attach", "session": "one"},
    "session is negative": {"type": "attach", "session": -1},
    "cols over 65535": {"type": "create", "cols": 65536},
    "cols is a float": {"type": "create", "cols": 80.5},
    "env of lists": {"type": "create", "env": {"A": [1]}},
    "data is a map": {"type": "input", "session": 1, "data": {}},
    "data of large numbers": {"type": "input", "session": 1, "data": [256]},
    "signal is a number": {"type": "signal", "session": 1, "signal": 9},
    "no type": {},
    "type is a number": {"type": 5},
}


@pytest.mark.parametrize("name", WRONG_FIELDS)
def test_wrong_fields_get_an_error_with_their_seq(daemon, witness, name):
    connection = daemon.connect()
    connection.send({"seq": 77, **WRONG_FIELDS[name]})
    reply = connection.reply(77)
    assert reply["type"] == "error"
    assert reply["code"] in ("PROTOCOL_ERROR", "INVALID_ARGUMENT")
    assert reply["message"]
    others_undisturbed(daemon, witness, witness.watched)


def test_text_that_is_no_utf8_hurts_nobody(daemon, witness):
    """A string that is none: an error reply or the end of that connection."""
    connection = daemon.connect()
    payload = msgpack.packb({"type": "create", "seq": 78, "shell": "/bin/XX"}).replace(b"XX", b"\xff\xfe")
    connection.send_bytes(frame(payload))
    try:
        assert connection.reply(78)["type"] == "error"
    except Closed:
        pass
    others_undisturbed(daemon, witness, witness.watched)


def test_unknown_type_gets_an_error_and_the_connection_stays(client):
    code, message = client.refused("make_coffee", strength=5)
    assert code == "PROTOCOL_ERROR"
    assert "make_coffee" in message
    assert client.sessions() == {}


def test_unknown_fields_and_trailing_bytes_are_ignored(client):
    payload = msgpack.packb({"type": "list", "seq": 9, "extra": {"deep": [None, 1.5]}})
    client.send_bytes(frame(payload + b"trailing"))
    assert client.reply(9)["sessions"] == []
    assert client.sessions() == {}


def test_a_frame_of_exactly_the_limit_is_read(client):
    empty = msgpack.packb({"type": "list", "seq": 5, "pad": b"\0" * 70_000})
    pad = DAEMON_FRAME_LIMIT - (len(empty) - 70_000)
    payload = msgpack.packb({"type": "list", "seq": 5, "pad": b"\0" * pad})
    assert len(payload) == DAEMON_FRAME_LIMIT
    client.send_bytes(frame(payload))
    assert client.reply(5)["type"] == "ok"


def test_a_frame_in_single_bytes(daemon):
    connection = daemon.open()
    whole = encode({"type": "handshake", "seq": 1, "token": daemon.token, "protocol_version": 1})
    for byte in whole:
        connection.send_bytes(bytes([byte]))
    assert connection.reply(1)["type"] == "handshake"


def test_many_frames_in_one_write(client):
    frames = b"".join(encode({"type": "list", "seq": n}) for n in range(1000, 1500))
    client.send_bytes(frames)
    for n in range(1000, 1500):
        assert client.reply(n)["type"] == "ok"


def test_seq_is_given_back_whatever_it_is(client):
    for seq in (0, 1, 127, 128, 255, 256, 65535, 65536, (1 << 32) - 1):
        client.send({"type": "list", "seq": seq})
        assert client.reply(seq)["seq"] == seq


def test_half_a_frame_then_the_end(daemon, witness):
    for cut in (1, 3, 4, 10):
        connection = daemon.connect()
        connection.send_bytes(encode({"type": "list", "seq": 1})[:cut])
        connection.close()
    others_undisturbed(daemon, witness, witness.watched)


def test_own_codec_round_trip():
    """The client's own side: pieces of any size, and bytes that stay bytes."""
    message = {"type": "output", "session": 3, "data": b"\x00\xff\x1b[0m", "text": "é中"}
    frames = Frames()
    for byte in encode(message) * 2:
        frames.feed(bytes([byte]))
    assert decode(frames.next()) == message
    assert decode(frames.next()) == message
    assert frames.next() is None
