"""The end of a session: always told, after the last byte, with the true code or signal."""

import os
import re

import pytest

from daemon import Gate, wait_until


@pytest.mark.parametrize("code", [0, 1, 7, 127, 200, 255])
def test_exact_code_of_a_shell_that_exits_by_itself(daemon, client, code):
    gate = Gate(daemon)
    session = client.create(shell=daemon.script(f"{gate.wait()}; exit {code}"))
    client.attach(session)
    gate.open()
    event = client.wait_exit(session)
    assert event["code"] == code
    assert event.get("signal") is None


def test_every_one_of_many_exits_is_told(daemon, client):
    """Earlier daemons told none of twenty; one short-lived shell after the other here."""
    viewer = daemon.connect()
    for n in range(20):
        gate = Gate(daemon, f"gate-{n}")
        program = daemon.script(f"{gate.wait()}; exit {n}", f"program-{n}")
        session = client.create(shell=program)
        viewer.attach(session)
        gate.open()
        assert viewer.wait_exit(session)["code"] == n


@pytest.mark.parametrize("name, number", [("TERM", 15), ("KILL", 9), ("SEGV", 11)])
def test_exact_signal_of_a_shell_that_dies_of_one(daemon, client, name, number):
    gate = Gate(daemon)
    session = client.create(shell=daemon.script(f"ulimit -c 0; {gate.wait()}; kill -{name} $$"))
    client.attach(session)
    gate.open()
    event = client.wait_exit(session)
    assert (event["code"], event["signal"]) == (128 + number, number)


def test_exit_comes_after_the_last_byte(daemon, client):
    gate = Gate(daemon)
    program = daemon.script(f"{gate.wait()}; seq -f 'line-%06.0f' 1 50000; printf last-byte; exit 3")
    session = client.create(shell=program)
    viewers = [daemon.connect() for _ in range(3)]
    for viewer in viewers:
        viewer.attach(session)
    gate.open()
    for viewer in viewers:
        assert viewer.wait_exit(session)["code"] == 3
        assert viewer.output[session].endswith(b"line-050000\r\nlast-byte")
        viewer.drain(0.1)
        assert viewer.output[session].endswith(b"last-byte"), "nothing comes after the exit"


def test_exit_is_told_once(daemon, client):
    session = client.create(shell="/bin/sh")
    client.attach(session)
    client.type(session, "exit 4\n")
    assert client.wait_exit(session)["code"] == 4
    client.drain()
    assert not [e for e in client.events if e["type"] == "exit"]


def test_viewers_that_attach_afterwards_know_the_exit(daemon, client):
    """The shell is gone before anybody attached: its last screen and its exit are still there."""
    session = client.create(shell=daemon.script("printf last-words; exit 42"))
    watcher = daemon.connect()
    watcher.attach(session)
    assert watcher.wait_exit(session)["code"] == 42
    late = daemon.connect()
    assert "last-words" in late.attach(session)["content"]
    assert late.wait_exit(session)["code"] == 42


def test_instant_exit_is_not_lost(daemon, client):
    for n in range(10):
        session = client.create(shell=daemon.script(f"exit {n}", f"instant-{n}"))
        client.attach(session)
        assert client.wait_exit(session)["code"] == n


def test_input_to_an_ended_session_is_an_error(daemon, client):
    session = client.create(shell="/bin/sh")
    client.attach(session)
    client.type(session, "exit 0\n")
    client.wait_exit(session)
    code, _ = client.refused("input", session=session, data=b"x")
    assert code in ("NOT_FOUND", "SESSION_TERMINATING")
    assert session not in {i for i, info in client.sessions().items() if info["is_alive"]}


def test_a_background_job_does_not_hide_the_exit(daemon, client):
    """The shell ends while a child keeps the terminal open: its exit is told all the same."""
    session = client.create(shell=daemon.script("(trap '' HUP; exec sleep 3) & printf parent-done; exit 9"))
    client.attach(session)
    assert client.wait_exit(session)["code"] == 9


def test_kill_ends_the_foreground_job_too(daemon, client):
    session = client.create(**daemon.bash)
    client.attach(session)
    client.type(session, "sh -c 'echo job=$$=; exec sleep 1000'\n")
    wait_until(lambda: client.drain(0.05) or re.search(rb"job=\d+=", client.output[session]), "the job")
    job = int(re.search(rb"job=(\d+)=", client.output[session])[1])
    client.call("kill", session=session)
    assert client.wait_exit(session)["code"] == 137
    wait_until(lambda: not alive(job), "the end of the shell's job")


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_zombies_stay(daemon, client):
    for _ in range(5):
        session = client.create(shell="/bin/sh")
        client.attach(session)
        client.type(session, "exit 0\n")
        client.wait_exit(session)
    session = client.create(shell="/bin/sh")
    client.call("kill", session=session)

    def children():
        with open(f"/proc/{daemon.pid}/task/{daemon.pid}/children") as file:
            pids = file.read().split()
        return [p for p in pids if os.path.exists(f"/proc/{p}") and not alive(p)]

    wait_until(lambda: not children(), "all zombies reaped")
