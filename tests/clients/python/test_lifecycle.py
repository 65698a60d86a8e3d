"""Files, their modes, start, stop, and being idle."""

import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from daemon import BINARY, clean_environment, wait_until
from ptyd_client import Connection


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_files_and_their_modes(fresh):
    fresh.start()
    assert mode(fresh.run) == 0o700
    assert mode(fresh.socket) == 0o600 and stat.S_ISSOCK(os.stat(fresh.socket).st_mode)
    assert mode(fresh.token_file) == 0o600
    assert re.fullmatch(r"[A-Za-z0-9]{64}", fresh.token)
    assert int(fresh.pid_file.read_text()) == fresh.pid


def test_a_permissive_umask_changes_nothing(fresh):
    old = os.umask(0)
    try:
        fresh.start()
    finally:
        os.umask(old)
    test = [mode(fresh.run), mode(fresh.socket), mode(fresh.token_file)]
    assert test == [0o700, 0o600, 0o600]


@pytest.mark.parametrize("ending", ["", "\n", "  \n"])
def test_a_token_that_exists_is_used_again(fresh, ending):
    fresh.run.mkdir()
    fresh.token_file.write_text("A1" * 32 + ending)
    fresh.start()
    assert fresh.token == "A1" * 32
    assert fresh.open().handshake("A1" * 32)["type"] == "handshake"
    assert mode(fresh.token_file) == 0o600


@pytest.mark.parametrize("content", ["", "short", "B2" * 33])
def test_a_token_of_another_length_is_replaced(fresh, content):
    fresh.run.mkdir()
    fresh.token_file.write_text(content)
    fresh.start()
    assert re.fullmatch(r"[A-Za-z0-9]{64}", fresh.token)
    assert fresh.connect().sessions() == {}


def test_paths_from_the_environment(fresh):
    fresh.start(
        ["--state-dir", str(fresh.directory / "state")],
        RUST_PTY_SOCKET_PATH=fresh.socket,
        RUST_PTY_TOKEN_PATH=fresh.token_file,
    )
    assert fresh.connect().sessions() == {}
    assert int(fresh.pid_file.read_text()) == fresh.pid


def test_a_second_daemon_is_refused_and_the_first_goes_on(fresh):
    client = fresh.start().connect()
    session = client.create(shell="/bin/sh")
    token = fresh.token
    code, said = fresh.fails_to_start()
    assert code > 0
    assert str(fresh.socket) in said, said
    assert "panicked" not in said
    assert set(client.sessions()) == {session}
    assert fresh.token == token and int(fresh.pid_file.read_text()) == fresh.pid
    assert set(fresh.connect().sessions()) == {session}


def test_a_stale_socket_is_replaced(fresh):
    fresh.start()
    fresh.process.send_signal(signal.SIGKILL)
    fresh.process.wait()
    assert fresh.socket.exists()
    fresh.start()
    assert fresh.connect().sessions() == {}


def test_a_socket_nobody_listens_on_is_replaced(fresh):
    fresh.run.mkdir(mode=0o700)
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(fresh.socket))
    dead.close()
    fresh.start()
    assert fresh.connect().sessions() == {}


def test_a_file_that_is_no_socket_is_left_alone(fresh):
    fresh.run.mkdir(mode=0o700)
    fresh.socket.write_text("precious")
    _, said = fresh.fails_to_start()
    assert str(fresh.socket) in said
    assert fresh.socket.read_text() == "precious"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_daemon_and_its_sessions(fresh, number):
    client = fresh.start().connect()
    pids = []
    for shell in (
        "/bin/bash",
        "/bin/sh",
        fresh.script("trap '' HUP TERM INT; while :; do read x; sleep 1; done"),
    ):
        session = client.create(shell=shell)
        client.attach(session)
        pids.append(client.sessions()[session]["pid"])
    busy = client.create(shell=fresh.script("while :; do echo flood; done", "flood"))
    client.attach(busy)
    pids.append(client.sessions()[busy]["pid"])

    code, took = fresh.stop(number)
    assert code == 0, fresh.log_text()
    assert took < 2, f"took {took:.2f} s"
    for path in (fresh.socket, fresh.pid_file, fresh.token_file):
        assert not path.exists(), f"{path.name} stays behind"
    wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), "the shells' end")
    client.wait_closed()


def test_it_starts_again_after_it_ended(fresh):
    fresh.start().stop()
    fresh.start()
    assert fresh.connect().sessions() == {}


def test_secrets_are_in_no_log(fresh):
    """Token, typed text, environment values: with the most talkative log there is."""
    client = fresh.start(BASTIDE_LOG="trace", RUST_LOG="trace").connect()
    fresh.open().refused("handshake", token="wrong-token-value", protocol_version=1)
    session = client.create(shell="/bin/sh", env={"DB_PASSWORD": "env-secret-77"})
    client.attach(session)
    client.type(session, "echo typed-secret-88 $((40 + 2))\n")
    client.wait_output(session, "typed-secret-88 42")
    client.call("kill", session=session)
    client.wait_exit(session)
    token = fresh.token
    fresh.stop()
    said = fresh.log_text()
    assert "TRACE" in said or "DEBUG" in said, "the log was not talkative, nothing is shown by it"
    for secret in (token, "env-secret-77", "typed-secret-88", "wrong-token-value"):
        assert secret not in said, f"a secret is in the log: {secret[:6]}…"


def activity(pid):
    """(clock ticks used, voluntary context switches by thread) of a process."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    switches = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M)
        switches[task] = int(found.group(1))
    return int(fields[11]) + int(fields[12]), switches


def spent(before, after):
    """(ticks, wake-ups) between two looks; a thread that ended in between is no wake-up."""
    wakeups = sum(count - before[1].get(task, 0) for task, count in after[1].items())
    return after[0] - before[0], wakeups


@pytest.mark.parametrize("environment", [{}, {"RUST_PTY_COALESCE_DELAY_MS": "0"}])
def test_idle_costs_nothing(fresh, environment):
    """With sessions and viewers but nothing to do: no processor time, no wake-up in 6 s.

    The window is longer than any flush deadline, so that a periodic timer cannot hide in it.
    """
    fresh.process = fresh.spawn(**environment)
    wait_until(lambda: fresh.process.poll() is not None or fresh.socket.exists(), "start or end")
    if environment and fresh.process.poll() is not None:
        assert "RUST_PTY_COALESCE_DELAY_MS" in fresh.log_text()
        return
    fresh.wait_ready()
    client = fresh.connect()
    for _ in range(5):
        session = client.create(shell="/bin/sh")
        client.attach(session)
        client.type(session, "echo up-$((40 + 2))\n")
        client.wait_output(session, "up-42")
    seen = []
    for _ in range(4):
        before = activity(fresh.pid)
        time.sleep(6)  # this test measures time
        seen.append(spent(before, activity(fresh.pid)))
        if seen[-1] == (0, 0):
            return
    raise AssertionError(f"(ticks, wake-ups) in windows of 6 s: {seen}")


def without(arguments, option):
    """The arguments less one option and its value."""
    at = arguments.index(option)
    return arguments[:at] + arguments[at + 2 :]


@pytest.mark.parametrize("option", ["--socket", "--token-file", "--state-dir"])
def test_a_place_that_cannot_be_written_is_named(fresh, option):
    (fresh.directory / "file").write_text("")
    place = str(fresh.directory / "file" / "below")
    code, said = fresh.fails_to_start([*without(fresh.arguments(), option), option, place])
    assert code > 0 and "panicked" not in said, said
    assert str(fresh.directory / "file") in said


def test_a_socket_path_that_is_too_long_is_named(fresh):
    place = str(fresh.directory / ("x" * 120) / "ptyd.sock")
    code, said = fresh.fails_to_start([*without(fresh.arguments(), "--socket"), "--socket", place])
    assert code > 0 and "panicked" not in said, said
    assert place in said


def test_daemonize_returns_when_it_takes_connections(fresh):
    starter = fresh.spawn([*fresh.arguments(), "--daemonize"])
    assert starter.wait(10) == 0, fresh.log_text()
    client = fresh.connect()
    pid = client.welcome["daemon_pid"]
    assert int(fresh.pid_file.read_text()) == pid != starter.pid
    os.kill(pid, signal.SIGTERM)
    client.wait_closed()
    wait_until(lambda: not fresh.socket.exists(), "the end of the daemon")


def activated(fresh, passed, notify):
    """Starts the daemon as systemd does: `passed` is descriptor 3, its state is told to `notify`."""
    kept = os.dup(passed)

    def as_descriptor_3():
        os.dup2(kept, 3, inheritable=True)

    # The pid is known only in the process itself.
    script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" ptyd "$@"'
    process = subprocess.Popen(
        ["/bin/sh", "-c", script, BINARY, *fresh.arguments()],
        stderr=open(fresh.log, "ab"),
        env=clean_environment(str(fresh.home), {"NOTIFY_SOCKET": notify}),
        close_fds=False,
        preexec_fn=as_descriptor_3,
    )
    os.close(kept)
    fresh.started.append(process)
    return process


def test_socket_activation_and_what_the_service_manager_is_told(fresh):
    fresh.run.mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(fresh.socket))
    listener.listen(16)
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.settimeout(10)
    manager.bind(str(fresh.directory / "notify"))
    fresh.process = activated(fresh, listener.fileno(), str(fresh.directory / "notify"))
    assert manager.recv(64) == b"READY=1\n"
    session = fresh.connect().create(shell="/bin/sh")
    assert session in fresh.connect().sessions()
    fresh.process.send_signal(signal.SIGTERM)
    assert manager.recv(64) == b"STOPPING=1\n"
    assert fresh.process.wait(5) == 0
    assert fresh.socket.exists(), "the socket is the service manager's"


def test_a_passed_descriptor_that_is_no_socket_is_refused(fresh):
    fresh.run.mkdir(mode=0o700)
    with open(fresh.directory / "file", "wb") as file:
        process = activated(fresh, file.fileno(), str(fresh.directory / "nobody"))
        assert process.wait(10) != 0
    assert "descriptor 3" in fresh.log_text()


def test_a_connection_that_says_nothing_costs_no_one(fresh):
    fresh.start()
    silent = [fresh.open() for _ in range(10)]
    half = Connection(str(fresh.socket))
    half.send_bytes(b"\x00\x00")
    assert fresh.connect().sessions() == {}
    half.close()
    del silent
