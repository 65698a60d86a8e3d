"""Numbered viewers: positions, credit, resume, exact restore, lagging, size, and who may type."""

import time

import pytest

from daemon import Gate
from ptyd_client import Closed
from viewer import CAPABILITIES, Viewer, follow

ECHO = "stty raw -echo; printf ready-; exec cat"


@pytest.fixture
def ours(daemon):
    """A connection that named our capabilities."""
    return daemon.connect(capabilities=CAPABILITIES)


def test_the_handshake_names_what_both_sides_know(daemon):
    connection = daemon.open()
    reply = connection.handshake(daemon.token, capabilities=["viewers", "spec", "from_the_future"])
    assert sorted(reply["capabilities"]) == ["spec", "viewers"]
    for key in ("node", "instance"):
        assert len(reply[key]) == 36 and reply[key].count("-") == 4
    assert reply["instance"][14] == "7", "instance is a UUIDv7"


def test_node_stays_and_instance_changes_over_a_restart(fresh):
    welcomes = []
    for _ in range(2):
        welcomes.append(fresh.start().connect(capabilities=CAPABILITIES).welcome)
        fresh.stop()
    assert welcomes[0]["node"] == welcomes[1]["node"]
    assert welcomes[0]["instance"] != welcomes[1]["instance"]


def test_positions_count_every_byte(daemon, ours):
    session = ours.create(shell=daemon.script(ECHO))
    viewer = Viewer(ours, session, 7, write=True)
    viewer.wait_text("ready-")
    begin = viewer.pos
    for text in ("one", "two", "é中"):
        viewer.type(text)
        viewer.wait_text(text)
    assert viewer.pos == begin + len("onetwoé中".encode())
    later = Viewer(ours, session, 8)
    assert later.pos == viewer.pos


def test_a_numbered_attach_needs_its_number(daemon, ours):
    session = ours.create(shell="/bin/sh")
    code, _ = ours.refused("attach", session=session)
    assert code in ("INVALID_ARGUMENT", "PROTOCOL_ERROR")


def test_two_viewers_on_one_connection(daemon, ours):
    session = ours.create(shell=daemon.script(ECHO))
    first = Viewer(ours, session, 1, write=True)
    second = Viewer(ours, session, 2)
    first.wait_text("ready-")
    second.wait_text("ready-")
    first.type("to-both")
    first.wait_text("to-both")
    second.wait_text("to-both")
    second.detach()
    first.type("to-one")
    first.wait_text("to-one")
    ours.drain()
    assert not [e for e in ours.events if e.get("viewer") == 2 and b"to-one" in e.get("data", b"")]


def test_without_write_a_viewer_may_not_type_or_resize(daemon, ours):
    session = ours.create(shell=daemon.script(ECHO))
    writer = Viewer(ours, session, 1, write=True)
    for fields in ({}, {"write": False}, {"write": None}):
        reader = Viewer(ours, session, 2, **fields)
        code, _ = ours.refused("input", session=session, viewer=2, data=b"forbidden")
        assert code == "READ_ONLY"
        code, _ = ours.refused("resize", session=session, viewer=2, cols=50, rows=10)
        assert code == "READ_ONLY"
        reader.detach()
    writer.wait_text("ready-")
    writer.type("allowed")
    writer.wait_text("allowed")
    assert b"forbidden" not in writer.data


# --- credit ----------------------------------------------------------------------------------
@pytest.mark.parametrize("credit", [1, 100, 5000])
def test_credit_is_never_exceeded(daemon, ours, credit):
    gate = Gate(daemon)
    program = daemon.script(f"stty raw -echo; {gate.wait()}; seq 1 20000; printf end-; exec cat")
    session = ours.create(shell=program)
    viewer = Viewer(ours, session, 1, auto_ack=False, credit=credit)
    gate.open()
    while viewer.pos < credit:
        viewer.next()
    ours.drain(0.5)
    assert not [e for e in ours.events if viewer.mine(e) and e["type"] == "output"]
    for _ in range(5):
        before = viewer.pos
        viewer.ack()
        while viewer.pos < before + credit:
            viewer.next()


def test_acknowledging_lets_everything_through(daemon, ours):
    gate = Gate(daemon)
    program = daemon.script(f"stty raw -echo; {gate.wait()}; seq 1 20000; printf end-; exec cat")
    session = ours.create(shell=program)
    viewer = Viewer(ours, session, 1, write=True, credit=10_000)
    gate.open()
    viewer.wait_text("end-", 30)
    expected = b"".join(b"%d\n" % n for n in range(1, 20_001)) + b"end-"
    assert viewer.data.endswith(expected)
    assert viewer.lagged == 0


def test_a_viewer_without_credit_blocks_neither_the_connection_nor_its_neighbour(daemon, ours):
    gate = Gate(daemon)
    program = daemon.script(f"stty raw -echo; {gate.wait()}; seq 1 500000; printf end-; exec cat")
    session = ours.create(shell=program)
    stuck = Viewer(ours, session, 1, auto_ack=False, credit=1000)
    live = Viewer(ours, session, 2, write=True)
    gate.open()
    live.wait_text("end-", 30)
    assert live.lagged == 0
    assert session in ours.sessions()
    sent = [e["data"] for e in ours.events if stuck.mine(e) and e["type"] == "output"]
    assert len(b"".join(sent)) == stuck.credit, "what it may have, and no more"


def test_an_ack_beyond_what_was_sent_gives_no_extra_credit(daemon, ours):
    gate = Gate(daemon)
    program = daemon.script(f"stty raw -echo; {gate.wait()}; seq 1 20000; exec cat")
    session = ours.create(shell=program)
    viewer = Viewer(ours, session, 1, auto_ack=False, credit=500)
    ours.post("ack", session=session, viewer=1, pos=1 << 60)
    gate.open()
    while viewer.pos - viewer.acked < 500:
        viewer.next()
    ours.drain(0.5)
    assert not [e for e in ours.events if viewer.mine(e) and e["type"] == "output"]


# --- lagging ---------------------------------------------------------------------------------
def flooding(daemon, ours, gate, **fields):
    program = daemon.script(f"stty raw -echo; {gate.wait()}; seq 1 800000; printf end-; exec cat")
    return ours.create(shell=program, **fields)


@pytest.mark.parametrize("write", [True, False])
def test_a_lagging_viewer_is_told_and_gets_a_snapshot_when_it_reads(daemon, ours, write):
    gate = Gate(daemon)
    session = flooding(daemon, ours, gate)
    slow = Viewer(ours, session, 1, auto_ack=False, write=write, credit=10_000)
    live = Viewer(ours, session, 2, write=True)
    gate.open()
    follow([slow, live], lambda: slow.lagged and b"end-" in live.data[-10:], 30)
    assert slow.pos - slow.acked <= slow.credit
    assert live.lagged == 0, "who reads does not lag"
    slow.auto_ack = True
    slow.ack()
    resync = slow.wait_for("resync")
    assert resync["snapshot"]["pos"] == slow.pos
    slow.wait_text("end-")
    live.type("after-the-resync")
    slow.wait_text("after-the-resync")
    assert slow.data.endswith(b"after-the-resync")


def test_flow_lag_paces_nobody(daemon, ours):
    gate = Gate(daemon)
    session = flooding(daemon, ours, gate, spec={"flow": "lag"})
    stuck = Viewer(ours, session, 1, auto_ack=False, write=True, credit=1000)
    live = Viewer(ours, session, 2)
    begun = time.monotonic()
    gate.open()
    stuck.wait_for("lagged")
    assert time.monotonic() - begun < 1.9, "with flow=lag nobody waits two seconds for it"
    live.wait_text("end-", 30)


def test_flow_disconnect_is_an_error_and_then_the_end(daemon, ours):
    gate = Gate(daemon)
    session = flooding(daemon, ours, gate, spec={"flow": "disconnect"})
    other = daemon.connect(capabilities=CAPABILITIES)
    Viewer(other, session, 1, auto_ack=False, write=True, credit=1000)
    gate.open()
    with pytest.raises((Closed, AssertionError)) as end:
        other.wait_event(lambda e: e["type"] == "exit", 20)
    assert end.type is Closed, "the viewer that fell behind is not disconnected"
    assert session in ours.sessions()


# --- resume ----------------------------------------------------------------------------------
def test_resume_continues_at_the_byte(daemon, ours):
    session = ours.create(shell=daemon.script(ECHO))
    writer = Viewer(ours, session, 1, write=True)
    writer.wait_text("ready-")
    writer.type("before")
    writer.wait_text("before")
    other = daemon.connect(capabilities=CAPABILITIES)
    gone = Viewer(other, session, 1)
    other.close()
    writer.type("x" * 5000 + "meanwhile")
    writer.wait_text("meanwhile")
    back = Viewer(daemon.connect(capabilities=CAPABILITIES), session, 9, **{"from": gone.pos})
    assert back.snapshot is None and back.pos == gone.pos
    back.wait_text("meanwhile")
    assert back.data == b"x" * 5000 + b"meanwhile"


def test_resume_from_too_far_back_is_a_snapshot(daemon, ours):
    gate = Gate(daemon)
    session = flooding(daemon, ours, gate)
    writer = Viewer(ours, session, 1, write=True)
    gate.open()
    writer.wait_text("end-", 30)
    back = Viewer(ours, session, 2, **{"from": 10})
    assert back.snapshot is not None and back.pos == writer.pos
    recent = Viewer(ours, session, 3, **{"from": writer.pos - 100_000})
    assert recent.snapshot is None
    recent.wait_text("end-")
    assert recent.data == writer.data[-100_000:]


def test_resume_across_a_resize_is_a_snapshot(daemon, ours):
    session = ours.create(shell=daemon.script(ECHO))
    writer = Viewer(ours, session, 1, write=True)
    writer.wait_text("ready-")
    before = writer.pos
    writer.type("text")
    writer.wait_text("text")
    writer.resize(100, 30)
    back = Viewer(ours, session, 2, **{"from": before})
    assert back.snapshot is not None
    assert (back.snapshot["cols"], back.snapshot["rows"]) == (100, 30)


def test_resume_from_the_future_is_a_snapshot(daemon, ours):
    session = ours.create(shell=daemon.script(ECHO))
    Viewer(ours, session, 1).wait_text("ready-")
    back = Viewer(ours, session, 2, **{"from": 1 << 50})
    assert back.snapshot is not None and back.pos < 1000


# --- size ------------------------------------------------------------------------------------
def resized(viewer):
    event = viewer.wait_for("resized")
    assert event["pos"] >= 0
    return event["cols"], event["rows"]


def test_the_writer_that_last_typed_or_attached_owns_the_size(daemon, ours):
    session = ours.create(shell=daemon.script(ECHO))
    first = Viewer(ours, session, 1, write=True)
    reader = Viewer(ours, session, 3)
    second = Viewer(ours, session, 2, write=True)
    second.resize(90, 20)
    for viewer in (first, reader, second):
        assert resized(viewer) == (90, 20)
    first.resize(100, 30)
    info = ours.call("snapshot", session=session)["snapshot"]
    assert (info["cols"], info["rows"]) == (90, 20), "it does not own the size"
    first.type("x")
    for viewer in (first, reader, second):
        assert resized(viewer) == (100, 30)


# --- restore ---------------------------------------------------------------------------------
STREAMS = {
    "colours and wrap": (b"\x1b[1;31mred\x1b[48;5;22m" + b"w" * 50, b"more\x1b[0m plain"),
    "inside an escape": (b"a\x1b[3", b"4mblue"),
    "inside a character": ("中".encode()[:2], "中".encode()[2:] + b"|"),
    "pending wrap": (b"12345678901234567890", b"x"),
    "scroll region": (b"\x1b[2;4r\x1b[4;1Hlast", b"\nscrolled\nagain\n\x1b[?6hA"),
    "tab stops": (b"\x1b[3g\x1b[5G\x1bH\x1b[11G\x1bH\r", b"\ta\tb"),
    "line drawing": (b"\x1b(0lqk\x1b)B\x0e", b"x\x0fqqj\x1b(Bqq"),
    "saved cursor": (b"\x1b[3;7H\x1b[35m\x1b7\x1b[0m\x1b[H", b"top\x1b8here"),
    "alternate screen": (b"main\x1b[31m\x1b[?1049h\x1b[2;2Halt", b"\x1b[?1049lback"),
    "modes": (b"\x1b[?1h\x1b[?2004h\x1b[?25l\x1b[4h\x1b[?7l", b"abc\x1b[1Gins"),
    "origin and insert": (b"abcdef\x1b[4h\x1b[1;2H", b"XY\x1b[4lZ"),
    "inside a title": (b"\x1b]0;half a ti", b"tle\x07text"),
}

SHOW = """import os, tty
tty.setraw(0)
for gate, data in STEPS:
    open(gate).readline()
    while data:
        data = data[os.write(1, data):]
    os.write(1, b"\\x1b]2;step\\x07")
os.read(0, 1)
"""


def show(daemon, connection, name, *pieces, cols=20, rows=6):
    """A session that prints each piece when its gate opens; returns (session, gates)."""
    gates = [Gate(daemon, f"{name}-{n}") for n in range(len(pieces))]
    steps = repr([(str(gate.path), piece) for gate, piece in zip(gates, pieces)])
    program = daemon.script(SHOW.replace("STEPS", steps), name)
    return connection.create(shell=program, cols=cols, rows=rows), gates


@pytest.mark.parametrize("name", STREAMS)
def test_restore_and_the_rest_give_the_same_screen(daemon, ours, name):
    """restore of a cut stream, printed on a fresh terminal, and then the rest: the same screen.

    The stream itself is followed by the mark of the step, so the cut is inside a sequence only
    where the first piece ends inside one; the mark is put after the rest alone.
    """
    first, rest = STREAMS[name]
    program = SHOW.replace('    os.write(1, b"\\x1b]2;step\\x07")\n', "")
    gates = [Gate(daemon, f"cut-{n}") for n in range(2)]
    mark = b"\x1b]2;step\x07"
    steps = repr([(str(gates[0].path), first), (str(gates[1].path), rest + mark)])
    session = ours.create(shell=daemon.script(program.replace("STEPS", steps), "cut"), cols=20, rows=6)
    watcher = Viewer(ours, session, 1)
    gates[0].open()
    while watcher.pos < len(first):
        watcher.next()
    middle = Viewer(ours, session, 2, scrollback=100)
    assert middle.pos == len(first)
    gates[1].open()
    watcher.wait_text(mark)
    middle.wait_text(mark)

    seed = daemon.connect()
    copy, copy_gates = show(daemon, seed, "copy", middle.snapshot["restore"] + rest)
    seed.attach(copy)
    copy_gates[0].open()
    seed.wait_output(copy, mark)
    one, other = seed.attach(session), seed.attach(copy)
    for key in ("content", "rehydrate", "modes", "cursor_x", "cursor_y", "cols", "rows"):
        assert one[key] == other[key], key


def test_scrollback_of_a_snapshot_is_as_long_as_asked(daemon, ours):
    session, gates = show(daemon, ours, "long", b"".join(b"row-%d\r\n" % n for n in range(3000)))
    watcher = Viewer(ours, session, 1)
    gates[0].open()
    watcher.wait_text("\x1b]2;step\x07")
    for asked, first in ((0, 2995), (10, 2985), (2000, 995), (100_000, 0)):
        text = Viewer(ours, session, 2, scrollback=asked).snapshot["restore"].decode()
        assert f"row-{first}" in text
        assert first == 0 or f"row-{first - 1}\r" not in text
        ours.call("detach", session=session, viewer=2)
    whole = ours.call("snapshot", session=session, scrollback=100_000)["snapshot"]
    assert b"row-0" in whole["restore"] and whole["pos"] == watcher.pos


def test_exit_reaches_every_viewer_with_its_position(daemon, ours):
    gate = Gate(daemon)
    session = ours.create(shell=daemon.script(f"{gate.wait()}; printf bye; exit 12"))
    viewers = [Viewer(ours, session, n) for n in (1, 2, 3)]
    gate.open()
    for viewer in viewers:
        event = viewer.wait_for("exit")
        assert (event["code"], event["pos"]) == (12, viewer.pos)
        assert viewer.data.endswith(b"bye")
