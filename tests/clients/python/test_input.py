"""What goes into a session: input, resize, signals, and terminal queries answered for it."""

import hashlib
import os

import pytest

from daemon import Gate, wait_until
from ptyd_client import DEADLINE

# Prints what it reads, as hex, after the terminal is raw: what arrives is what was sent.
ECHO_HEX = """import os, sys, tty
tty.setraw(0)
os.write(1, b"raw-is-on")
while True:
    for byte in os.read(0, 4096):
        os.write(1, b"<%02x>" % byte)
"""

# Sends one query and shows every byte that comes back within half a second of silence.
ASK = """import os, select, sys, tty
tty.setraw(0)
os.write(1, b"raw-is-on")
os.read(0, 1)
os.write(1, QUERY)
got = b""
while select.select([0], [], [], 5 if not got else 0.7)[0]:
    got += os.read(0, 100)
os.write(1, b"answer:" + got.hex().encode() + b":end")
sys.stdin.read()
"""


@pytest.mark.parametrize("data", [b"a\x00\xff\xc3\x28", "a\u00e9", [97, 0, 255, 10]])
def test_input_as_bin_str_or_array(daemon, client, data):
    session = client.create(shell=daemon.script(ECHO_HEX))
    client.attach(session)
    client.wait_output(session, "raw-is-on")
    reply = client.call("input", session=session, data=data)
    assert reply["session"] == session
    raw = data.encode() if isinstance(data, str) else bytes(data)
    client.wait_output(session, "".join(f"<{byte:02x}>" for byte in raw))


def test_empty_input_is_nothing(client):
    session = client.create(shell="/bin/sh")
    client.call("input", session=session, data=b"")
    client.attach(session)
    client.type(session, "echo fine-$((40 + 2))\n")
    client.wait_output(session, "fine-42")


def test_a_large_input_arrives_whole_and_in_order(daemon, client):
    """1 MB into a program that reads: every byte, in order, whatever the pieces."""
    program = daemon.script(
        """import hashlib, os, tty
tty.setraw(0)
os.write(1, b"raw-is-on")
digest, left = hashlib.sha256(), 1 << 20
while left:
    data = os.read(0, min(left, 65536))
    digest.update(data)
    left -= len(data)
os.write(1, b"sum:" + digest.hexdigest().encode() + b":end")
os.read(0, 1)
"""
    )
    session = client.create(shell=program)
    client.attach(session)
    client.wait_output(session, "raw-is-on")
    data = b"".join(b"%07d " % n for n in range(1 << 17))
    for at in range(0, len(data), 1 << 18):
        client.type(session, data[at : at + (1 << 18)])
    client.wait_output(session, f"sum:{hashlib.sha256(data).hexdigest()}:end")


def test_resize_reaches_the_program_and_the_screen(daemon, client):
    session = client.create(**daemon.bash)
    client.attach(session)
    client.type(session, "trap 'echo winch-$((40 + 2))' WINCH; echo set-$((40 + 2))\n")
    client.wait_output(session, "set-42")
    reply = client.call("resize", session=session, cols=132, rows=43)
    assert reply["session"] == session
    client.type(session, "echo size: $(stty size).\n")
    seen = client.wait_output(session, "size: 43 132.")
    assert b"winch-42" in seen
    snapshot = daemon.connect().attach(session)
    assert (snapshot["cols"], snapshot["rows"]) == (132, 43)


# --- signals -------------------------------------------------------------------------------
def foreground(shell):
    """The foreground process group of a shell's terminal."""
    with open(f"/proc/{shell}/stat") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[5])


def in_foreground(client, session, command):
    """Starts a foreground job; returns its process group once the terminal is its own."""
    shell = client.sessions()[session]["pid"]
    client.type(session, command + "\n")
    wait_until(lambda: foreground(shell) not in (shell, -1), "a foreground job")
    group = foreground(shell)
    # The group exists before the program is executed in it.
    wait_until(lambda: command.split()[0] in open(f"/proc/{group}/comm").read(), "the job's program")
    return group


@pytest.mark.parametrize(
    "name, status",
    [("INT", 130), ("SIGTERM", 143), ("quit", 131), ("sigkill", 137), ("Hup", 129),
     ("usr1", 138), ("SigUsr2", 140)],
)  # fmt: skip
def test_signal_goes_to_the_foreground_group(daemon, client, name, status):
    session = client.create(**daemon.bash)
    client.attach(session)
    in_foreground(client, session, "sleep 1000")
    assert client.call("signal", session=session, signal=name)["session"] == session
    client.type(session, "echo status-$?-\n")
    client.wait_output(session, f"status-{status}-")
    assert client.sessions()[session]["is_alive"] is True


def test_stop_and_continue(daemon, client):
    session = client.create(**daemon.bash)
    client.attach(session)
    group = in_foreground(client, session, "sleep 1000")
    client.call("signal", session=session, signal="STOP")
    client.type(session, "echo stopped-$?-; fg\n")
    client.wait_output(session, "stopped-147-")
    shell = client.sessions()[session]["pid"]
    wait_until(lambda: foreground(shell) == group, "the job in the foreground again")
    for name in ("CONT", "WINCH", "TSTP"):
        client.call("signal", session=session, signal=name)
    client.type(session, "echo suspended-$?-\n")
    client.wait_output(session, "suspended-148-")


def test_a_pipeline_gets_the_signal_as_a_whole(daemon, client):
    session = client.create(**daemon.bash)
    client.attach(session)
    in_foreground(client, session, "sleep 1000 | sleep 1001 | sleep 1002")
    client.call("signal", session=session, signal="TERM")
    client.type(session, "echo all=${PIPESTATUS[*]}=\n")
    client.wait_output(session, "all=143 143 143=")


@pytest.mark.parametrize("name", ["SIGFOO", "", "9", "SIG", "STOPP"])
def test_unknown_signal(client, name):
    session = client.create(shell="/bin/sh")
    refusal = client.refused("signal", session=session, signal=name)
    assert refusal == ("INVALID_SIGNAL", f"unknown signal: {name}")


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_signal_right_after_create_does_not_hit_the_daemon(daemon, client, name):
    for _ in range(10):
        session = client.create(**daemon.bash)
        client.call("signal", session=session, signal=name)
    assert daemon.process.poll() is None
    assert daemon.connect().call("list")["type"] == "ok"


# --- the child's start ---------------------------------------------------------------------
def test_child_has_three_descriptors_and_default_signals(daemon, client):
    others = [daemon.connect() for _ in range(3)]
    for other in others:
        other.attach(other.create(shell="/bin/sh"))
    session = client.create(shell=daemon.script("exec sleep 1000"))
    info = client.sessions()[session]
    process = f"/proc/{info['pid']}"
    wait_until(lambda: open(f"{process}/comm").read() == "sleep\n", "sleep in the session")
    # Its loader opens the libraries it needs, and closes them; what was handed down would stay.
    wait_until(lambda: sorted(os.listdir(f"{process}/fd"), key=int) == ["0", "1", "2"], "three descriptors")
    for descriptor in "012":
        assert os.readlink(f"{process}/fd/{descriptor}") == info["pts"]
    status = dict(line.split(":\t", 1) for line in open(f"{process}/status"))
    for mask in ("SigBlk", "SigIgn", "SigCgt"):
        assert int(status[mask], 16) == 0, f"{mask} {status[mask]}"


def test_daemon_settings_do_not_reach_the_child(fresh):
    client = fresh.start(RUST_PTY_MAX_SESSIONS="50").connect()
    session = client.create(shell="/bin/sh")
    client.attach(session)
    client.type(session, "echo count=$(env | grep -c ^RUST_PTY_)=\n")
    client.wait_output(session, "count=0=")


# --- terminal queries ----------------------------------------------------------------------
def ask(daemon, client, query, viewers, reply_of_viewer):
    """Lets a program ask while viewers answer like terminals do; returns what it received."""
    program = daemon.script(ASK.replace("QUERY", repr(query)))
    session = client.create(shell=program)
    connections = [daemon.connect() for _ in range(viewers)]
    for connection in connections:
        connection.attach(session)
        connection.wait_output(session, "raw-is-on")
    if not viewers:
        wait_until(lambda: "raw-is-on" in client.attach(session)["content"], "the program")
        client.call("detach", session=session)
    client.type(session, "g")
    for connection in connections:
        connection.wait_output(session, query)
        connection.type(session, reply_of_viewer)
    client.attach(session)
    seen = client.wait_output(session, ":end", DEADLINE)
    return bytes.fromhex(seen.replace(b"\r\n", b"").split(b"answer:")[1].split(b":end")[0].decode())


@pytest.mark.parametrize("viewers", [0, 1, 3])
def test_cursor_position_is_answered_once(daemon, client, viewers):
    answer = ask(daemon, client, b"\x1b[6n", viewers, b"\x1b[1;10R")
    assert answer == b"\x1b[1;10R"


@pytest.mark.parametrize("viewers", [0, 2])
def test_device_attributes_are_answered_once(daemon, client, viewers):
    answer = ask(daemon, client, b"\x1b[c", viewers, b"\x1b[?1;2c")
    assert answer.startswith(b"\x1b[?") and answer.endswith(b"c")
    assert answer.count(b"\x1b") == 1


@pytest.mark.parametrize(
    "query, start, end",
    [
        (b"\x1b[5n", b"\x1b[0n", b""),
        (b"\x1b[>c", b"\x1b[>", b"c"),
        (b"\x1b[?2004$p", b"\x1b[?2004;2$y", b""),
        (b"\x1b[>q", b"\x1bP>|", b"\x1b\\"),
        (b"\x1b]11;?\x1b\\", b"\x1b]11;rgb:", b"\x1b\\"),
        (b"\x1b]10;?\x07", b"\x1b]10;rgb:", b""),
    ],
)
def test_other_queries_are_answered_without_a_viewer(daemon, client, query, start, end):
    answer = ask(daemon, client, query, 0, b"")
    assert answer.startswith(start) and answer.endswith(end)


def test_shift_f3_is_typed_when_no_query_is_open(daemon, client):
    """CSI 1;2R is also a key: without a question it goes through, with one only once dropped."""
    session = client.create(shell=daemon.script(ECHO_HEX))
    client.attach(session)
    client.wait_output(session, "raw-is-on")
    client.type(session, b"\x1b[1;2R")
    client.wait_output(session, "<1b><5b><31><3b><32><52>")


def test_only_one_reply_per_query_is_dropped(daemon, client):
    answer = ask(daemon, client, b"\x1b[6n", 1, b"\x1b[1;10R\x1b[1;2R")
    assert answer == b"\x1b[1;10R\x1b[1;2R"


def test_snapshots_hold_no_queries(daemon, client):
    gate = Gate(daemon)
    program = daemon.script(
        f"stty raw -echo; {gate.wait()}\n"
        "printf 'x\\033[6n\\033[c\\033]11;?\\033\\\\'; printf shown-; sleep 1000"
    )
    session = client.create(shell=program)
    client.attach(session)
    gate.open()
    client.wait_output(session, "shown-")
    snapshot = client.attach(session)
    text = snapshot["content"] + snapshot["rehydrate"]
    for query in ("\x1b[6n", "\x1b[c", "\x1b]11;?"):
        assert query not in text


def test_vim_starts_and_leaves(daemon, client):
    """vim asks several things at its start; junk typed by wrong answers would show."""
    if not os.path.exists("/usr/bin/vim"):
        pytest.skip("vim is not installed")
    session = client.create(shell="/bin/sh")
    client.attach(session)
    client.type(session, "vim -u NONE -i NONE\n")
    client.wait_output(session, "\x1b[?1049h")
    client.wait_output(session, "VIM - Vi IMproved")
    client.type(session, "ihello vim\x1b")
    written = daemon.directory / "written"
    client.type(session, f":w {written}\r:q\r")
    wait_until(lambda: written.exists() and written.read_text(), "the file that vim wrote")
    assert written.read_text() == "hello vim\n"
    # vim throws away what is typed while it leaves.
    client.wait_output(session, "\x1b[?1049l")
    client.type(session, "echo back-$((40 + 2))\n")
    client.wait_output(session, "back-42")
