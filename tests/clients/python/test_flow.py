"""Programs that do not read, clients that do not read, and what nobody else may feel of them."""

import re
import time

import pytest

from daemon import Gate, wait_until
from ptyd_client import encode

DEAF = "stty raw -echo; printf deaf-now; exec sleep 1000"
COUNT_LETTERS = """import collections, os, tty
tty.setraw(0)
os.write(1, b"deaf-now")
open(GATE).readline()
got = b""
while not got.endswith(b"c"):
    got += os.read(0, 65536)
count = collections.Counter(got.decode())
os.write(1, f"as={count['a']} bs={count['b']} cs={count['c']}:end".encode())
os.read(0, 1)
"""
# A full reset or the head of a snapshot's content: where a lagged viewer starts again.
RESTART = re.compile(rb"\x1bc|\x1b\[0m\x1b\[H\x1b\[2J")
LINE = re.compile(rb"L(\d{9}) ")


# --- input into a program that does not read -------------------------------------------------
@pytest.mark.parametrize("size", [20_000, 1_000_000])
def test_a_paste_nobody_reads_disturbs_nobody(daemon, client, size):
    deaf = client.create(shell=daemon.script(DEAF))
    client.attach(deaf)
    client.wait_output(deaf, "deaf-now")
    other = daemon.connect()
    busy = other.create(shell="/bin/sh")
    other.attach(busy)
    other.type(busy, "echo up-$((40 + 2))\n")
    other.wait_output(busy, "up-42")

    begun = time.monotonic()
    client.type(deaf, b"x" * size)
    for n in range(10):
        other.type(busy, f"echo n{n}-$((40 + 2))\n")
        other.wait_output(busy, f"n{n}-42")
        client.call("list")
    took = time.monotonic() - begun
    assert took < 2, f"ten echoes beside a stuck paste took {took:.2f} s"
    code, _ = stop_and_time(daemon)
    assert code == 0


def stop_and_time(daemon):
    code, took = daemon.stop()
    assert took < 2, f"the daemon took {took:.2f} s to stop"
    return code, took


def test_past_the_input_limit_a_frame_is_refused_whole(fresh):
    client = fresh.start(RUST_PTY_INPUT_QUEUE_MAX_BYTES=100_000).connect()
    gate = Gate(fresh)
    program = fresh.script(COUNT_LETTERS.replace("GATE", repr(str(gate.path))))
    session = client.create(shell=program)
    client.attach(session)
    client.wait_output(session, "deaf-now")
    client.type(session, b"a" * 60_000)
    code, message = client.refused("input", session=session, data=b"b" * 60_000)
    assert code == "LIMIT_REACHED"
    pattern = rf"input queue limit exceeded for session {session} \(\d+ > 100000\)"
    assert re.search(pattern, message), message
    gate.open()
    client.type(session, b"c")
    client.wait_output(session, "as=60000 bs=0 cs=1:end", 30)


def test_a_frame_beyond_the_limit_is_refused_at_once(fresh):
    client = fresh.start(RUST_PTY_INPUT_QUEUE_MAX_BYTES=1000).connect()
    session = client.create(shell="/bin/sh")
    client.attach(session)
    code, message = client.refused("input", session=session, data=b"Z" * 1001)
    assert code == "LIMIT_REACHED"
    assert f"input queue limit exceeded for session {session} (1001 > 1000)" in message
    client.type(session, "echo clean-$((40 + 2))\n")
    assert b"Z" not in client.wait_output(session, "clean-42")


def test_a_ten_megabyte_paste_ends_in_an_error_not_in_memory(daemon, client):
    session = client.create(shell=daemon.script(DEAF))
    client.attach(session)
    client.wait_output(session, "deaf-now")
    seqs = [client.post("input", session=session, data=b"p" * (1 << 20)) for _ in range(10)]
    replies = [client.reply(seq, 30) for seq in seqs]
    codes = [reply.get("code", "ok") for reply in replies]
    assert codes[0] == "ok"
    assert codes[-1] == "LIMIT_REACHED", codes
    assert set(codes) == {"ok", "LIMIT_REACHED"}


# --- clients that do not read ----------------------------------------------------------------
def flood(daemon, gate, megabytes=30):
    """Prints numbered lines of 60 bytes when let go, then waits for a line of input."""
    lines = megabytes * 1_000_000 // 60
    return lines, daemon.script(
        f"stty -echo; {gate.wait()}; seq -f 'L%09.0f {'-' * 47}' 1 {lines}; "
        "printf 'flood-done'; read -r x; exit 6"
    )


def check_numbered(stream, last):
    """Every stretch between restarts counts up without a gap, and the last one ends at `last`.

    Returns how many restarts there were: a gap without one is lost output.
    """
    pieces = RESTART.split(bytes(stream))
    numbers = []
    for piece in pieces:
        numbers = [int(n) for n in LINE.findall(piece)]
        for before, after in zip(numbers, numbers[1:]):
            assert after == before + 1, f"lost silently between {before} and {after}"
    assert numbers and numbers[-1] == last, f"ends at {numbers[-1:]}, not {last}"
    return len(pieces) - 1


def test_slow_reader_loses_nothing_silently(daemon, client):
    """One viewer of a 30 MB flood does not read: the other gets all, the slow one a re-sync."""
    gate = Gate(daemon)
    lines, program = flood(daemon, gate)
    session = client.create(shell=program)
    slow = daemon.connect(receive_buffer=4096)
    slow.attach(session)
    fast = daemon.connect()
    fast.attach(session)
    fast.output[session].clear()
    slow.output[session].clear()
    gate.open()
    fast.wait_output(session, "flood-done", 40)
    check_numbered(fast.output[session], lines)

    slow.wait_output(session, "flood-done", 40)
    restarts = check_numbered(slow.output[session], lines)
    assert restarts >= 1, "30 MB cannot have waited for it: it must have been re-synced"
    assert len(slow.output[session]) < 20_000_000

    # The same screen for both, and the session goes on for both.
    assert slow.attach(session)["content"] == fast.attach(session)["content"]
    fast.type(session, "\n")
    assert slow.wait_exit(session)["code"] == 6
    assert fast.wait_exit(session)["code"] == 6


def test_a_reader_that_only_pauses_loses_nothing_at_all(daemon, client):
    """Under two seconds without reading, the program waits: no gap, no re-sync."""
    gate = Gate(daemon)
    lines, program = flood(daemon, gate, 10)
    session = client.create(shell=program)
    viewer = daemon.connect(receive_buffer=4096)
    viewer.attach(session)
    viewer.output[session].clear()
    gate.open()
    viewer.wait_output(session, "L000001000")
    time.sleep(0.7)  # the pause is what is tested
    viewer.wait_output(session, "flood-done", 40)
    assert check_numbered(viewer.output[session], lines) == 0


def test_a_client_that_never_reads_does_not_stop_the_others(daemon):
    """It also asks a lot and reads no reply: only itself may feel it."""
    mute = daemon.connect(receive_buffer=4096)
    session = mute.create(shell="/bin/sh")
    mute.attach(session)
    mute.socket.setblocking(False)
    try:
        for seq in range(100, 20_000):
            mute.socket.send(encode({"type": "list", "seq": seq}))
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        pass
    other = daemon.connect()
    begun = time.monotonic()
    other.attach(session)
    other.type(session, "echo fine-$((40 + 2))\n")
    other.wait_output(session, "fine-42")
    assert time.monotonic() - begun < 3


SMALL = {"RUST_PTY_FLOW_THRESHOLD": 2, "RUST_PTY_FLOW_MAX_QUEUE_SIZE": 4}


def test_warning_comes_only_after_the_first_ack(fresh):
    client = fresh.start(**SMALL).connect()
    gate = Gate(fresh)
    _, program = flood(fresh, gate, 5)
    session = client.create(shell=program)
    silent = fresh.connect(receive_buffer=4096)
    silent.attach(session)
    acking = fresh.connect(receive_buffer=4096)
    acking.attach(session)
    acking.post("ack", session=session, count=1)
    acking.call("list")
    assert not acking.replies, "an ack gets no reply"
    client.attach(session)
    gate.open()
    # While a third viewer takes all of it, these two read nothing: their queues fill up.
    client.wait_output(session, "flood-done", 40)
    for connection in (acking, silent):
        connection.wait_output(session, "flood-done", 40)
        connection.drain()
    warnings = [e for e in acking.events if e["type"] == "backpressure_warning"]
    assert warnings, "no warning although the queue filled up"
    for warning in warnings:
        assert warning["session"] == session
        assert warning["level"] in ("yellow", "red")
        assert isinstance(warning["queue_size"], int)
    assert not [e for e in silent.events if e["type"] == "backpressure_warning"]


def test_a_client_that_reads_gets_no_warning(fresh):
    client = fresh.start().connect()
    session = client.create(shell="/bin/sh")
    client.attach(session)
    client.post("ack", session=session, count=1)
    client.type(session, "seq 1 2000; echo done-$((40 + 2))\n")
    client.wait_output(session, "done-42")
    assert not [e for e in client.events if e["type"] == "backpressure_warning"]


def test_ack_of_an_unknown_session_is_harmless(client):
    client.post("ack", session=999, count=3)
    assert client.sessions() == {}


def test_auto_disconnect_is_an_error_and_then_the_end(fresh):
    """The third flow setting: a viewer that fell behind is told so and disconnected."""
    client = fresh.start(RUST_PTY_FLOW_AUTO_DISCONNECT="true", **SMALL).connect()
    gate = Gate(fresh)
    _, program = flood(fresh, gate, 5)
    session = client.create(shell=program)
    slow = fresh.connect(receive_buffer=4096)
    slow.attach(session)
    gate.open()
    wait_until(lambda: on_screen(fresh, session, "flood-done"), "the end of the flood", 30)
    slow.wait_closed()
    assert session in client.sessions(), "only the viewer's connection is ended"


def on_screen(daemon, session, text):
    """Whether a session shows the text, looked at over a short connection of its own."""
    looking = daemon.connect()
    try:
        return text in looking.attach(session)["content"]
    finally:
        looking.close()
