"""One daemon per test: started on a directory of its own, ended by its process id."""

import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

from ptyd_client import DEADLINE, Closed, Connection

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("BASTIDE_BIN", str(REPOSITORY / "target/debug/bastide"))


def clean_environment(home, extra):
    """The caller's environment without settings that would change what is tested."""
    dropped = ("RUST_PTY_", "BASTIDE_", "XDG_", "RUST_LOG", "NOTIFY_SOCKET", "LISTEN_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    kept.update({"HOME": home, "LC_ALL": "C.UTF-8"})
    kept.update({k: str(v) for k, v in extra.items()})
    return kept


def wait_until(fact, what, timeout=DEADLINE):
    """Waits for a fact outside the wire (a file, /proc); returns its true value."""
    until = time.monotonic() + timeout
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.01)


class Daemon:
    """A directory, the daemon in it, and the connections a test opens."""

    def __init__(self):
        # Short: a unix socket path has at most 107 bytes.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
        self.run = self.directory / "run"
        self.socket = self.run / "ptyd.sock"
        self.token_file = self.run / "ptyd.token"
        self.pid_file = self.run / "ptyd.pid"
        self.home = self.directory / "home"
        self.home.mkdir()
        self.log = self.directory / "log"
        self.process = None
        self.connections = []
        self.started = []

    # --- life --------------------------------------------------------------------------------
    def arguments(self):
        return [
            "--socket", str(self.socket),
            "--token-file", str(self.token_file),
            "--state-dir", str(self.directory / "state"),
        ]  # fmt: skip

    def spawn(self, arguments=None, before=None, **environment):
        """Starts a daemon process; does not wait for its socket. `before` runs in it, before the program."""
        arguments = self.arguments() if arguments is None else arguments
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                [BINARY, "ptyd", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=clean_environment(str(self.home), environment),
                start_new_session=True,
                preexec_fn=before,
            )
        self.started.append(process)
        return process

    def start(self, arguments=None, before=None, **environment):
        """Starts the daemon and waits until it takes connections."""
        self.process = self.spawn(arguments, before, **environment)
        self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            code = self.process.poll()
            assert code is None, f"the daemon ended with {code}: {self.log_text()}"
            try:
                Connection(str(self.socket)).close()
            except OSError:
                return False
            return self.token_file.exists()

        wait_until(ready, "the daemon's socket")

    def fails_to_start(self, arguments=None, **environment):
        """Starts a daemon that must end by itself; returns (code, what it printed)."""
        before = len(self.log_text())
        process = self.spawn(arguments, **environment)
        try:
            code = process.wait(DEADLINE)
        except subprocess.TimeoutExpired as late:
            raise AssertionError("the daemon started, it should have refused to") from late
        return code, self.log_text()[before:]

    def stop(self, number=signal.SIGTERM):
        """Sends a signal, waits; returns (exit code, seconds it took)."""
        begun = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        return code, time.monotonic() - begun

    def clean_up(self):
        for connection in self.connections:
            connection.close()
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- what tests ask ----------------------------------------------------------------------
    @property
    def pid(self):
        return self.process.pid

    @property
    def token(self):
        return self.token_file.read_text().strip()

    @property
    def bash(self):
        """Fields of `create` for a bash that reads no one's own profile: some of those take seconds."""
        return {"shell": "/bin/bash", "env": {"HOME": str(self.home)}}

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def open(self, **options):
        """A connection without handshake."""
        connection = Connection(str(self.socket), **options)
        self.connections.append(connection)
        return connection

    def connect(self, receive_buffer=None, **fields):
        """A connection after its handshake; `welcome` is the reply."""
        connection = self.open(receive_buffer=receive_buffer)
        connection.welcome = connection.handshake(self.token, **fields)
        return connection

    def connect_when_free(self):
        """Connects, again until the daemon has seen the close of earlier connections."""

        def attempt():
            try:
                return self.connect()
            except (Closed, BrokenPipeError):
                return None

        return wait_until(attempt, "a free place for a connection")

    def script(self, text, name="program"):
        """An executable for `shell`: a shell script, or Python when it begins with `import`."""
        interpreter = sys.executable if text.lstrip().startswith("import") else "/bin/sh"
        path = self.directory / name
        path.write_text(f"#!{interpreter}\n{text}\n")
        path.chmod(stat.S_IRWXU)
        return str(path)


class Gate:
    """Holds a program until the test lets it go: the program runs `read go <GATE`."""

    def __init__(self, daemon, name="gate"):
        self.path = daemon.directory / name
        os.mkfifo(self.path)

    def wait(self):
        """The line of shell script that waits at the gate."""
        return f"read -r go <{self.path}"

    def open(self):
        # Blocks until the program reads, so nothing is lost; the test's own timeout ends a hang.
        with open(self.path, "w") as gate:
            gate.write("go\n")
