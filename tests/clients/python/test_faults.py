"""Programs and clients that misbehave: what the daemon must survive, bound, and clean up."""

import os
import re
import signal
import socket
import stat
import time

import pytest

from daemon import Gate, wait_until
from ptyd_client import Connection, encode
from viewer import CAPABILITIES, Viewer


def memory(pid, field="VmRSS"):
    """Memory of a process in kB."""
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(rf"{field}:\s+(\d+) kB", status.read()).group(1))


def ticks(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


# --- programs --------------------------------------------------------------------------------
def test_a_program_that_closes_its_terminal_is_waited_for_without_spinning(daemon, client):
    """Nobody has the terminal open any more, but the process lives: its exit is still exact."""
    gate = Gate(daemon)
    program = daemon.script(f"printf closing; exec 0<&- 1>&- 2>&-; {gate.wait()}; exit 33")
    session = client.create(shell=program)
    client.attach(session)
    client.wait_output(session, "closing")
    before = ticks(daemon.pid)
    time.sleep(1)  # this test measures time
    assert ticks(daemon.pid) - before < 20, "the daemon spins on a terminal that nobody has open"
    assert client.sessions()[session]["is_alive"] is True
    gate.open()
    assert client.wait_exit(session)["code"] == 33


def test_a_stopped_program_does_not_stop_the_end(fresh):
    client = fresh.start().connect()
    session = client.create(shell=fresh.script("trap '' HUP TERM; printf here; kill -STOP $$; sleep 1000"))
    client.attach(session)
    client.wait_output(session, "here")
    code, took = fresh.stop()
    assert code == 0 and took < 2, took


def test_frames_of_two_writers_do_not_mix(daemon, client):
    """A frame is taken whole: two large ones at the same time arrive one after the other."""
    program = daemon.script(
        """import os, tty
tty.setraw(0)
os.write(1, b"ready-")
got = b""
while len(got) < 400_000:
    got += os.read(0, 65536)
runs = 1 + sum(a != b for a, b in zip(got, got[1:]))
os.write(1, b"runs=%d:end" % runs)
os.read(0, 1)
"""
    )
    session = client.create(shell=program)
    client.attach(session)
    client.wait_output(session, "ready-")
    others = [daemon.connect() for _ in range(4)]
    for letter, other in zip("abcd", others, strict=True):
        other.post("input", session=session, data=letter.encode() * 100_000)
    client.wait_output(session, "runs=4:end", 30)


def test_a_full_input_queue_delays_ours_and_then_refuses(fresh):
    """Ours waits up to 5 s for room; meanwhile the connection's other requests are answered."""
    fresh.start(RUST_PTY_INPUT_QUEUE_MAX_BYTES=100_000)
    ours = fresh.connect(capabilities=CAPABILITIES)
    gate = Gate(fresh)
    session = ours.create(shell=fresh.script(f"stty raw -echo; printf deaf; {gate.wait()}; cat >/dev/null"))
    viewer = Viewer(ours, session, 1, write=True)
    viewer.wait_text("deaf")
    viewer.type(b"a" * 60_000)
    begun = time.monotonic()
    late = ours.post("input", session=session, viewer=1, data=b"b" * 60_000)
    assert session in ours.sessions()
    assert time.monotonic() - begun < 1, "another request waited for the input"
    reply = ours.reply(late)
    assert reply.get("code") == "LIMIT_REACHED"
    assert 4 < time.monotonic() - begun < 7

    waiting = ours.post("input", session=session, viewer=1, data=b"c" * 60_000)
    gate.open()
    assert ours.reply(waiting)["type"] == "ok", "room came within the five seconds"


# --- clients ---------------------------------------------------------------------------------
def test_a_half_closed_connection_is_at_its_end(daemon, client):
    """A client that shuts down its sending side gets its replies and then the close."""
    other = daemon.connect()
    other.post("list")
    other.socket.shutdown(socket.SHUT_WR)
    other.wait_closed()
    assert other.replies, "what was asked before the end is answered"


def test_requests_without_reading_replies_are_bounded(daemon, client):
    """A client that asks forever and reads nothing is made to wait; memory stays flat."""
    for _ in range(20):
        client.create(shell="/bin/cat")
    mute = daemon.connect()
    mute.socket.setblocking(False)
    requests = b"".join(encode({"type": "list", "seq": n}) for n in range(2000))
    until = time.monotonic() + 2
    while time.monotonic() < until:
        try:
            mute.socket.send(requests)
        except BlockingIOError:
            time.sleep(0.01)
        except (BrokenPipeError, ConnectionResetError):
            break  # closing it is as good an answer
    assert memory(daemon.pid) < 200_000, f"{memory(daemon.pid)} kB for replies that nobody reads"
    assert len(client.sessions()) == 20


def test_viewers_that_never_read_cost_bounded_memory(daemon, client):
    gate = Gate(daemon)
    program = daemon.script(f"{gate.wait()}; seq -f 'L%09.0f {'-' * 47}' 1 500000; printf done-; read x")
    session = client.create(shell=program)
    viewers = [daemon.connect() for _ in range(5)]
    for viewer in viewers:
        viewer.attach(session)
    client.attach(session)
    gate.open()
    client.wait_output(session, "done-", 50)
    assert memory(daemon.pid, "VmHWM") < 250_000, f"{memory(daemon.pid, 'VmHWM')} kB"


def test_creating_and_leaving_at_once(daemon):
    for n in range(20):
        client = daemon.connect()
        client.post("create", shell="/bin/sh")
        if n % 2:
            client.post("attach", session=n)
        client.close()
    steady = daemon.connect()
    wait_until(lambda: len(steady.sessions()) == 20, "the sessions whose makers left")
    assert steady.call("kill_all")["count"] == 20


def test_churn_leaves_no_descriptors_and_no_processes(daemon, client):
    def round_of_work():
        for way in ("exit 0\n", None):
            other = daemon.connect()
            session = other.create(shell="/bin/sh")
            other.attach(session)
            if way:
                other.type(session, way)
            else:
                other.call("kill", session=session)
            other.wait_exit(session)
            other.close()

    round_of_work()
    session = client.create(shell="/bin/sh")
    client.attach(session)
    steady = descriptors(daemon.pid)
    for _ in range(15):
        round_of_work()
    wait_until(lambda: descriptors(daemon.pid) <= steady + 3, "the descriptors of what is gone")
    with open(f"/proc/{daemon.pid}/task/{daemon.pid}/children") as file:
        assert len(file.read().split()) <= 1
    client.type(session, "echo well-$((40 + 2))\n")
    client.wait_output(session, "well-42")


def test_resizes_in_a_storm_end_at_the_last(daemon, client):
    session = client.create(**daemon.bash)
    client.attach(session)
    flood = daemon.connect()
    flood.attach(session)
    client.type(session, "seq 1 20000; echo done-$((40 + 2))\n")
    seqs = [client.post("resize", session=session, cols=20 + n % 150, rows=5 + n % 60) for n in range(300)]
    seqs.append(client.post("resize", session=session, cols=77, rows=19))
    assert {client.reply(seq)["type"] for seq in seqs} == {"ok"}
    client.wait_output(session, "done-42")
    client.type(session, "echo size: $(stty size).\n")
    client.wait_output(session, "size: 19 77.")
    snapshot = client.attach(session)
    assert (snapshot["cols"], snapshot["rows"]) == (77, 19)


def test_kill_of_a_session_whose_viewer_is_stalled(daemon, client):
    """The flow control waits for a viewer; kill does not."""
    stalled = daemon.connect(receive_buffer=4096)
    session = client.create(shell=daemon.script("while :; do echo flood; done"))
    stalled.attach(session)
    pid = client.sessions()[session]["pid"]
    begun = time.monotonic()
    client.call("kill", session=session)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the program")
    assert time.monotonic() - begun < 2
    assert stalled.wait_exit(session)["code"] == 137


@pytest.mark.parametrize("stalled", [False, True])
def test_sigterm_in_the_middle_of_a_flood(fresh, stalled):
    client = fresh.start().connect()
    session = client.create(shell=fresh.script("while :; do echo flood; done"))
    client.attach(session)
    if not stalled:
        client.wait_output(session, "flood\r\nflood")
    code, took = fresh.stop()
    assert code == 0 and took < 2, took


def test_a_large_environment_and_long_commands(daemon, client):
    session = client.create(
        shell="/bin/sh",
        env={f"VAR_{n}": "v" * 1000 for n in range(90)},
        initial_commands=["A=" + "x" * 3000, "echo len=${#A}=${#VAR_89}="],
    )
    client.attach(session)
    client.wait_output(session, "len=3000=1000=")


def test_too_large_an_environment_is_an_error(daemon, client):
    """Over the kernel's limit for one string (E2BIG): an error reply, no session, no zombie."""
    code, message = client.refused("create", shell="/bin/sh", env={"BIG": "v" * 200_000})
    assert code and message
    assert client.sessions() == {}


@pytest.mark.parametrize("env", [{"A=B": "x"}, {"": "x"}, {"A": "x\0y"}, {"A\0B": "x"}])
def test_an_environment_that_cannot_be_is_an_error(client, env):
    code, _ = client.refused("create", shell="/bin/sh", env=env)
    assert code in ("INVALID_ARGUMENT", "SESSION_ERROR", "IO_ERROR")
    assert client.sessions() == {}


# --- files -----------------------------------------------------------------------------------
def test_nothing_in_the_state_is_readable_by_others(fresh):
    """Recordings and logs hold what people typed and saw; the umask of the starter does not decide."""
    old = os.umask(0)
    try:
        client = fresh.start().connect()
    finally:
        os.umask(old)
    session = client.create(shell="/bin/sh")
    client.attach(session)
    client.type(session, "umask; echo mask-$((40 + 2))\n")
    client.wait_output(session, "mask-42")
    client.call("kill", session=session)
    client.wait_exit(session)
    fresh.stop()
    for place in (fresh.directory / "state", fresh.run):
        for folder, _, files in os.walk(place):
            assert not stat.S_IMODE(os.stat(folder).st_mode) & 0o077, folder
            for name in files:
                path = os.path.join(folder, name)
                assert not stat.S_IMODE(os.stat(path).st_mode) & 0o077, path


def test_a_shared_folder_keeps_its_mode(fresh):
    """A socket put straight into a folder like /tmp must not lock everybody else out of it."""
    shared = fresh.directory / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    fresh.socket = shared / "ptyd.sock"
    fresh.token_file = shared / "ptyd.token"
    try:
        fresh.start()
    except AssertionError:
        assert "shared" in fresh.log_text(), "refusing is fine, if it says what about"
    assert stat.S_IMODE(os.stat(shared).st_mode) == 0o1777


def test_recovery_after_kill_in_the_middle_of_output(fresh):
    client = fresh.start().connect()
    session = client.create(shell=fresh.script("while :; do echo flood; done"))
    client.attach(session)
    client.wait_output(session, "flood")
    fresh.process.send_signal(signal.SIGKILL)
    fresh.process.wait()
    fresh.start()
    again = fresh.connect()
    assert again.sessions() == {}
    fresh_session = again.create(shell="/bin/sh")
    again.attach(fresh_session)
    again.type(fresh_session, "echo well-$((40 + 2))\n")
    again.wait_output(fresh_session, "well-42")


def test_connections_that_come_and_go_in_crowds(daemon):
    for _ in range(5):
        crowd = [Connection(str(daemon.socket)) for _ in range(100)]
        for connection in crowd:
            connection.close()
    wait_until(lambda: descriptors(daemon.pid) < 60, "the descriptors of closed connections")
    assert daemon.connect_when_free().sessions() == {}
