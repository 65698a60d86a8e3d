"""Sessions with an identity and a spec, the daemon's log as events, end and drain."""

import os
import pwd
import signal
import time

import pytest

from daemon import wait_until
from viewer import CAPABILITIES, Viewer, uuid7


@pytest.fixture
def ours(daemon):
    return daemon.connect(capabilities=CAPABILITIES)


def test_create_with_uid_is_idempotent(daemon, ours):
    uid = uuid7()
    reply = ours.call("create", uid=uid, name="build", shell="/bin/sh")
    assert reply["uid"] == uid
    again = daemon.connect(capabilities=CAPABILITIES).call("create", uid=uid, shell="/bin/sh")
    assert (again["session"], again["uid"]) == (reply["session"], uid)
    info = ours.sessions()
    assert len(info) == 1
    assert (info[reply["session"]]["uid"], info[reply["session"]]["name"]) == (uid, "build")


def test_a_session_without_uid_gets_one(daemon, ours):
    daemon.connect().create(shell="/bin/sh")
    (info,) = ours.sessions().values()
    assert len(info["uid"]) == 36 and info["uid"][14] == "7"


@pytest.mark.parametrize("uid", ["", "not-a-uuid", "../../etc/passwd"])
def test_a_uid_that_is_none_is_refused(ours, uid):
    code, _ = ours.refused("create", uid=uid, shell="/bin/sh")
    assert code in ("INVALID_ARGUMENT", "PROTOCOL_ERROR")


def test_argv_is_run_as_it_is(daemon, ours):
    out = daemon.directory / "out"
    argv = ["/bin/sh", "-c", 'printf "<%s>" "$@" >"$0"; exit 21', str(out), "a b", "", "$HOME"]
    session = ours.create(argv=argv)
    viewer = Viewer(ours, session, 1)
    assert viewer.wait_for("exit")["code"] == 21
    assert out.read_text() == "<a b><><$HOME>"


def test_argv_that_cannot_be_run_is_an_error(ours):
    code, message = ours.refused("create", argv=["/no/such/program"])
    assert "/no/such/program" in message and code
    assert ours.sessions() == {}


@pytest.mark.parametrize(
    "spec",
    [
        {"layers": ["kernel"]},
        {"rules": "sha256:0000"},
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"expires_at": "soon"},
        {"flow": "hurry"},
        {"recording": {"mode": "sometimes"}},
        {"account": "no-such-account-here"},
    ],
)
def test_a_spec_that_cannot_be_kept_is_refused(daemon, spec):
    connection = daemon.connect(capabilities=CAPABILITIES)
    reply = connection.reply(connection.post("create", shell="/bin/sh", spec=spec))
    assert reply["type"] == "error" and reply["message"]
    assert daemon.connect().sessions() == {}


@pytest.mark.parametrize("limit", ["max_lifetime", "idle_timeout", "expires_at", "detach_keep"])
def test_a_session_ends_at_its_limit(ours, limit):
    value = 1
    if limit == "expires_at":
        value = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    ours.call("subscribe", from_seq=0)
    uid = uuid7()
    session = ours.create(uid=uid, shell="/bin/sh", spec={limit: value})
    assert wait_log(ours, "session_ended", uid)["fields"]
    assert session not in ours.sessions() or not ours.sessions()[session]["is_alive"]


def test_activity_keeps_an_idle_limited_session(daemon, ours):
    session = ours.create(shell=daemon.script("exec cat"), spec={"idle_timeout": 2})
    viewer = Viewer(ours, session, 1, write=True)
    until = time.monotonic() + 3.5
    while time.monotonic() < until:
        viewer.type("x\n")
        time.sleep(0.2)  # what is tested is time
    assert ours.sessions()[session]["is_alive"]


@pytest.mark.parametrize("spec, recorded", [({}, 1), ({"recording": {"mode": "off"}}, 0)])
def test_one_recording_named_by_uid(daemon, ours, spec, recorded):
    uid = uuid7()
    session = ours.create(uid=uid, shell="/bin/sh", spec=spec)
    viewer = Viewer(ours, session, 1, write=True)
    viewer.type("echo well-$((40 + 2)); exit 0\n")
    viewer.wait_for("exit")
    daemon.stop()
    state = daemon.directory / "state"
    assert len([path for path in state.rglob(f"*{uid}*") if path.is_file()]) == recorded


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_the_account_is_whose_shell_it_is(daemon, ours):
    """A root daemon drops everything of root for another account."""
    session = ours.create(shell="/bin/sh", cwd="/", spec={"account": "nobody"})
    viewer = Viewer(ours, session, 1, write=True)
    viewer.type("echo =$(id -un)=$(id -G)=$USER=$LOGNAME=$HOME=\n")
    account = pwd.getpwnam("nobody")
    viewer.wait_text(f"=nobody={account.pw_gid}=nobody=nobody={account.pw_dir}=")
    info = ours.sessions()[session]
    with open(f"/proc/{info['pid']}/status") as status:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in status)
    assert set(fields["Uid"].split()) == {str(account.pw_uid)}
    assert set(fields["Gid"].split()) == {str(account.pw_gid)}
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(fields[capabilities], 16) == 0, capabilities
    assert os.stat(info["pts"]).st_uid == account.pw_uid


# --- end and drain ---------------------------------------------------------------------------
def test_end_ends_the_session_and_says_why(ours):
    ours.call("subscribe", from_seq=0)
    uid = uuid7()
    session = ours.create(uid=uid, shell="/bin/sh")
    viewer = Viewer(ours, session, 1)
    begun = time.monotonic()
    assert ours.call("end", uid=uid, reason="the account was closed")["session"] == session
    viewer.wait_for("exit", 5)
    assert time.monotonic() - begun < 2
    event = wait_log(ours, "session_ended", uid)
    assert "the account was closed" in str(event["fields"])
    code, _ = ours.refused("end", uid=uuid7(), reason="x")
    assert code == "NOT_FOUND"


def test_drain_refuses_new_sessions_and_keeps_the_old(daemon, ours):
    session = ours.create(shell="/bin/sh")
    assert ours.call("drain")["count"] == 1
    code, _ = ours.refused("create", shell="/bin/sh")
    assert code == "DRAINING"
    code, _ = daemon.connect().refused("create", shell="/bin/sh")
    assert code == "DRAINING"
    viewer = Viewer(ours, session, 1, write=True)
    viewer.type("echo still-$((40 + 2))\n")
    viewer.wait_text("still-42")


def test_ours_is_not_for_a_seed_client(client):
    """Without the capability these are unknown types, and unknown fields are ignored."""
    for kind, fields in (
        ("end", {"uid": uuid7(), "reason": "x"}),
        ("subscribe", {"from_seq": 0}),
        ("drain", {}),
    ):
        code, _ = client.refused(kind, **fields)
        assert code == "PROTOCOL_ERROR"
    session = client.create(shell="/bin/sh")
    snapshot = client.attach(session)
    assert "restore" not in snapshot and "pos" not in snapshot
    client.type(session, "echo still-$((40 + 2))\n")
    client.wait_output(session, "still-42")
    assert {key for e in client.events for key in e} <= {"type", "session", "data"}


# --- the log ---------------------------------------------------------------------------------
def wait_log(connection, kind, uid=None):
    """The next event of the log with this kind (and session)."""
    return connection.wait_event(
        lambda e: e["type"] == "event" and e["kind"] == kind and uid in (None, e.get("uid"))
    )


def test_events_of_a_session_in_order(ours):
    ours.call("subscribe", from_seq=0)
    uid = uuid7()
    session = ours.create(uid=uid, shell="/bin/sh")
    viewer = Viewer(ours, session, 1, write=True)
    viewer.detach()
    ours.call("kill", session=session)
    kinds = ("session_created", "viewer_attached", "viewer_detached", "session_ended")
    events = [wait_log(ours, kind, uid) for kind in kinds]
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
    for event in events:
        assert event["at"].endswith("Z") and "T" in event["at"]
        assert isinstance(event["fields"], dict)


def test_subscribe_replays_from_a_seq_and_goes_on(daemon, ours):
    uids = [uuid7() for _ in range(3)]
    for uid in uids:
        ours.create(uid=uid, shell="/bin/sh")
    ours.call("subscribe", from_seq=0)
    seqs = [wait_log(ours, "session_created", uid)["seq"] for uid in uids]
    later = daemon.connect(capabilities=CAPABILITIES)
    later.call("subscribe", from_seq=seqs[1])
    first = later.wait_event(lambda e: e["type"] in ("event", "truncated"))
    assert first["seq"] == seqs[1]
    assert wait_log(later, "session_created", uids[2])["seq"] == seqs[2]
    uid = uuid7()
    ours.create(uid=uid, shell="/bin/sh")
    assert wait_log(later, "session_created", uid)["seq"] > seqs[2]


def test_a_failed_login_is_in_the_log(daemon, ours):
    ours.call("subscribe", from_seq=0)
    daemon.open().refused("handshake", token="guess" * 3, protocol_version=1)
    event = wait_log(ours, "login_failed")
    assert "guess" not in str(event)


def test_the_log_outlives_kill_and_names_the_lost_sessions(fresh):
    first = fresh.start().connect(capabilities=CAPABILITIES)
    uid = uuid7()
    session = first.create(uid=uid, shell="/bin/sh")
    pid = first.sessions()[session]["pid"]
    fresh.process.send_signal(signal.SIGKILL)
    fresh.process.wait()
    wait_until(lambda: not running(pid), "the shell's end: its terminal is gone")
    second = fresh.start().connect(capabilities=CAPABILITIES)
    assert second.sessions() == {}
    second.call("subscribe", from_seq=0)
    created = wait_log(second, "session_created", uid)
    lost = wait_log(second, "session_lost", uid)
    assert lost["seq"] > created["seq"]
    for _ in range(2):
        wait_log(second, "daemon_started")


def running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_clean_stop_is_in_the_log(fresh):
    client = fresh.start().connect(capabilities=CAPABILITIES)
    uid = uuid7()
    client.create(uid=uid, shell="/bin/sh")
    fresh.stop()
    fresh.start()
    after = fresh.connect(capabilities=CAPABILITIES)
    after.call("subscribe", from_seq=0)
    ended = wait_log(after, "session_ended", uid)
    stopping = wait_log(after, "daemon_stopping")
    assert ended["seq"] and stopping["seq"]
    assert not [e for e in after.events if e.get("kind") == "session_lost"]
