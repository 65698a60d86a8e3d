"""The SSH door as paramiko uses it. Arguments: port, user, private key, directory on the far side, port of an sshd, password."""

import faulthandler
import io
import os
import socket
import sys
import threading

import paramiko

PORT, USER, KEY, DIRECTORY, SSHD, PASSWORD = sys.argv[1:7]
WITHIN = 30
# Where it stands still, it says where.
faulthandler.dump_traceback_later(45, exit=True)


def check(fact, what):
    if not fact:
        raise AssertionError(what)


def connect(**more):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", int(PORT), USER, allow_agent=False, look_for_keys=False, timeout=WITHIN, **more)
    return client


def run(client, command, send=b""):
    channel = client.get_transport().open_session(timeout=WITHIN)
    channel.settimeout(WITHIN)
    channel.exec_command(command)
    channel.sendall(send)
    channel.shutdown_write()
    output, errors = channel.makefile("rb").read(), channel.makefile_stderr("rb").read()
    return output, errors, channel.recv_exit_status()


def commands(client):
    check(run(client, "cat; echo err >&2; exit 3", b"in\n") == (b"in\n", b"err\n", 3), "a command")
    check(len(run(client, "cat", b"x" * 2_000_000)[0]) == 2_000_000, "much both ways")
    answers = {}

    def one(number):
        answers[number] = run(client, f"echo {number}")[0]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN)
    check(answers == {number: b"%d\n" % number for number in range(10)}, answers)


def until(channel, word):
    seen = b""
    while word not in seen:
        part = channel.recv(4096)
        check(part, f"it ended without {word}: {seen}")
        seen += part


def terminal(client):
    channel = client.invoke_shell("xterm", 80, 24)
    channel.settimeout(WITHIN)
    channel.send(b"stty size; echo at $((6*7))\n")
    until(channel, b"24 80\r\nat 42")
    channel.resize_pty(100, 30)
    channel.send(b"until stty size | grep -q '30 100'; do :; done; echo wide $((6*7))\n")
    until(channel, b"wide 42")
    channel.send(b"exit 7\n")
    check(channel.recv_exit_status() == 7, "its status")


def files(client):
    content = os.urandom(1_000_000)
    path = f"{DIRECTORY}/paramiko"
    with client.open_sftp() as sftp:
        sftp.get_channel().settimeout(WITHIN)
        sftp.putfo(io.BytesIO(content), path)
        check(sftp.stat(path).st_size == len(content), "its size")
        back = io.BytesIO()
        sftp.getfo(path, back)
        check(back.getvalue() == content, "what came back")
        check("paramiko" in sftp.listdir(DIRECTORY), "the list")
        sftp.posix_rename(path, path + "2")
        sftp.remove(path + "2")
        try:
            sftp.stat(path)
        except FileNotFoundError:
            pass
        else:
            raise AssertionError("a file that is not there was found")


def further(client):
    transport = client.get_transport()
    channel = transport.open_channel("direct-tcpip", ("127.0.0.1", int(SSHD)), ("127.0.0.1", 0), timeout=WITHIN)
    channel.settimeout(WITHIN)
    check(channel.recv(8) == b"SSH-2.0-", "a connection further on")
    channel.close()
    try:
        transport.request_port_forward("127.0.0.1", 0)
    except paramiko.SSHException:
        pass
    else:
        raise AssertionError("-R was not refused")
    try:
        transport.open_channel("direct-tcpip", ("127.0.0.1", 1), ("127.0.0.1", 0), timeout=WITHIN)
    except paramiko.ChannelException as refused:
        check(refused.code == 2, refused)
    else:
        raise AssertionError("a closed port was connected to")


def passwords():
    def answer(_title, _instructions, prompts):
        return [PASSWORD for _ in prompts]

    with socket.create_connection(("127.0.0.1", int(PORT)), WITHIN) as near, paramiko.Transport(near) as transport:
        transport.start_client(timeout=WITHIN)
        transport.auth_interactive(USER, answer)
        check(transport.is_authenticated(), "keyboard-interactive")
    with connect(password=PASSWORD) as client:
        check(run(client, "echo in")[0] == b"in\n", "a password")
    try:
        connect(pkey=paramiko.ECDSAKey.generate())
    except paramiko.AuthenticationException:
        pass
    else:
        raise AssertionError("a stranger's key was let in")


with connect(key_filename=KEY) as connected:
    commands(connected)
    terminal(connected)
    files(connected)
    further(connected)
passwords()
