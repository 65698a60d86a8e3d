"""A server with its own daemon, and a real sshd, each on a directory of its own and ended by its process id."""

import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import requests

from daemon import BINARY, clean_environment, wait_until

PASSWORD = "several plain words"
SSHD = "/usr/sbin/sshd"
PATIENCE = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ended(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)


class Sshd:
    """OpenSSH's server on a free port; one account, the one that runs this; one key lets in."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bastide-sshd-"))
        for name in ("host", "user"):
            made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.directory / name)]
            subprocess.run(made, check=True)
        shutil.copy(self.directory / "user.pub", self.directory / "authorized_keys")
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.key = (self.directory / "user").read_text()
        self.host_key = " ".join((self.directory / "host.pub").read_text().split()[:2])
        said = subprocess.run(
            ["ssh-keygen", "-lf", str(self.directory / "host.pub")], check=True, capture_output=True, text=True
        )
        self.fingerprint = said.stdout.split()[1]
        if os.getuid() == 0:
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        self.start()

    def start(self):
        self.port = free_port()
        settings = {
            "ListenAddress": "127.0.0.1",
            "Port": self.port,
            "HostKey": self.directory / "host",
            "AuthorizedKeysFile": self.directory / "authorized_keys",
            "PidFile": "none",
            "UsePAM": "no",
            "StrictModes": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "yes",
            "PrintMotd": "no",
            "MaxStartups": "100",
        }
        file = self.directory / "sshd_config"
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self.log = open(self.directory / "log", "wb")
        self.process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(file)], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(listens, "sshd", PATIENCE)

    def connections(self):
        """Connections that it has: a process each."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return len(children.read_text().split())

    def clean_up(self):
        ended(self.process)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Server:
    """`bastide serve`, and the first administrator."""

    def __init__(self, **environment):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
        for name in ("home", "run"):
            (self.directory / name).mkdir(mode=0o700)
        self.environment = clean_environment(
            str(self.directory / "home"),
            {
                "SHELL": "/bin/bash",
                "XDG_RUNTIME_DIR": self.directory / "run",
                "XDG_STATE_HOME": self.directory / "state",
                "XDG_DATA_HOME": self.directory / "data",
                "XDG_CONFIG_HOME": self.directory / "config",
                **environment,
            },
        )
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = self.directory / "log"
        self.start()
        token = re.search(r"token=([0-9a-z.]+)", wait_until(self.link, "a login link", PATIENCE)).group(1)
        used = requests.post(
            f"{self.url}/api/v1/login-links/use", json={"token": token, "password": PASSWORD}, timeout=PATIENCE
        )
        assert used.status_code == 200, used.text
        self.cookie = used.headers["set-cookie"].split(";")[0]
        begun = self.login("admin", PASSWORD)
        assert begun.status_code == 200, begun.text
        self.token = begun.json()["token"]

    def start(self):
        listen = f"127.0.0.1:{self.port}"
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--listen", listen, "--print-login-link"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )

        def ready():
            assert self.process.poll() is None, self.log_file.read_text()
            try:
                return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
            except requests.ConnectionError:
                return False

        wait_until(ready, "the server", PATIENCE)

    def link(self):
        return re.search(r"\S+/login\?token=\S+|token=\S+", self.log_file.read_text()) and self.log_file.read_text()

    def login(self, username, password):
        return requests.post(
            f"{self.url}/api/auth/login", json={"username": username, "password": password}, timeout=PATIENCE
        )

    def call(self, method, path, body=None, token=None, status=None):
        answer = requests.request(
            method,
            self.url + path,
            json=body,
            headers={"authorization": f"Bearer {token or self.token}"},
            timeout=90,
        )
        if status is not None:
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def add_server(self, sshd, name="target", pinned=True):
        """A server for this sshd with a credential of its key; returns both ids."""
        credential = self.call(
            "POST",
            "/api/v1/credentials",
            {"name": f"key of {name}", "username": sshd.user, "kind": "key", "key": sshd.key},
            status=201,
        ).json()["id"]
        server = self.call(
            "POST",
            "/api/v1/servers",
            {"name": name, "host": "127.0.0.1", "port": sshd.port, "default_credential_id": credential},
            status=201,
        ).json()["id"]
        if pinned:
            self.call("POST", f"/api/v1/servers/{server}/host-keys", {"key": sshd.host_key}, status=201)
        return server, credential

    def running(self):
        """Sessions that have not ended, by their uids."""
        listed = self.call("GET", "/api/v1/sessions?state=running", status=200).json()
        return {one["uid"]: one for one in listed["sessions"]}

    def user(self, username):
        """Somebody without rights; their token."""
        made = self.call("POST", "/api/v1/users", {"username": username, "role": "user"}, status=201).json()
        link = self.call("POST", f"/api/v1/users/{made['id']}/login-link", {}, status=201).json()["url"]
        used = requests.post(
            f"{self.url}/api/v1/login-links/use",
            json={"token": link.rsplit("token=", 1)[1], "password": PASSWORD},
            timeout=PATIENCE,
        )
        assert used.status_code == 200, used.text
        return self.login(username, PASSWORD).json()["token"], made["id"]

    def clean_up(self):
        ended(self.process)
        subprocess.run([BINARY, "ptyd", "stop"], env=self.environment, capture_output=True, timeout=PATIENCE, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)
