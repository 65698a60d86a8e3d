"""The SSH door as asyncssh uses it. Arguments: port, user, private key, directory on the far side, port of an sshd."""

import asyncio
import os
import sys

import asyncssh

PORT, USER, KEY, DIRECTORY, SSHD = sys.argv[1:6]
# The door says of itself in the log which key it has; another test checks that it stays the same.
REACH = {"host": "127.0.0.1", "port": int(PORT), "username": USER, "known_hosts": None, "config": None}


def check(fact, what):
    if not fact:
        raise AssertionError(what)


async def commands(door):
    ran = await door.run("cat; echo err >&2; exit 3", input="in\n")
    check((ran.stdout, ran.stderr, ran.exit_status) == ("in\n", "err\n", 3), ran)
    ran = await door.run("kill -TERM $$")
    check(ran.exit_signal and ran.exit_signal[0] == "TERM", ran.exit_signal)
    ran = await door.run("echo $LC_WORD", env={"LC_WORD": "passed"})
    check(ran.stdout == "passed\n", ran.stdout)
    many = await asyncio.gather(*[door.run(f"echo {n}") for n in range(20)])
    check([ran.stdout for ran in many] == [f"{n}\n" for n in range(20)], "commands at the same time")
    ran = await door.run("head -c 3000000 /dev/zero", encoding=None)
    check(len(ran.stdout) == 3_000_000, len(ran.stdout))
    async with door.create_process("sleep 600") as process:
        process.send_signal("KILL")
        await process.wait()
        check(process.exit_signal is not None or process.exit_status != 0, process.exit_status)


async def terminal(door):
    async with door.create_process(term_type="xterm", term_size=(80, 24)) as shell:
        shell.stdin.write("stty size; echo at $((6*7))\n")
        await shell.stdout.readuntil("24 80")
        await shell.stdout.readuntil("at 42")
        shell.change_terminal_size(100, 30)
        # The change and the keys travel by different ways.
        shell.stdin.write("until stty size | grep -q '30 100'; do :; done; echo wide $((6*7))\n")
        await shell.stdout.readuntil("wide 42")
        shell.stdin.write("exit 7\n")
        await shell.wait(check=False)
        check(shell.exit_status == 7, shell.exit_status)


async def files(door):
    async with door.start_sftp_client() as sftp:
        here, there = f"{DIRECTORY}/asyncssh-here", f"{DIRECTORY}/asyncssh-there"
        content = os.urandom(1_000_000)
        with open(here, "wb") as file:
            file.write(content)
        await sftp.put(here, there)
        check((await sftp.stat(there)).size == len(content), "its size")
        async with sftp.open(there, "rb") as file:
            await file.seek(500_000)
            check(await file.read(1000) == content[500_000:501_000], "a part of it")
        check("asyncssh-there" in await sftp.listdir(DIRECTORY), "the list")
        await sftp.rename(there, there + "2")
        await sftp.chmod(there + "2", 0o600)
        await sftp.remove(there + "2")
        check(not await sftp.exists(there + "2"), "it was removed")
        try:
            await sftp.stat(there)
        except asyncssh.SFTPNoSuchFile:
            pass
        else:
            raise AssertionError("a file that is not there was found")
    await asyncssh.scp(here, (door, there))
    with open(there, "rb") as file:
        check(file.read() == content, "scp")


async def further(door):
    reader, writer = await door.open_connection("127.0.0.1", int(SSHD))
    check((await reader.readline()).startswith(b"SSH-2.0-"), "a connection further on")
    writer.close()
    listener = await door.forward_local_port("127.0.0.1", 0, "127.0.0.1", int(SSHD))
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.get_port())
    check((await reader.readline()).startswith(b"SSH-2.0-"), "-L")
    writer.close()
    listener.close()
    try:
        await door.forward_remote_port("127.0.0.1", 0, "127.0.0.1", int(SSHD))
    except (asyncssh.ChannelListenError, asyncssh.ChannelOpenError):
        pass
    else:
        raise AssertionError("-R was not refused")


async def main():
    async with asyncssh.connect(**REACH, client_keys=[KEY]) as door:
        await commands(door)
        await terminal(door)
        await files(door)
        await further(door)
    try:
        await asyncssh.connect(**REACH, client_keys=[asyncssh.generate_private_key("ssh-ed25519")], agent_path=None)
    except asyncssh.PermissionDenied:
        pass
    else:
        raise AssertionError("a stranger's key was let in")


asyncio.run(asyncio.wait_for(main(), 60))
