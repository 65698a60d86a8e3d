"""Somebody loses the right to upload while a file is open. Arguments: port, user, private key, directory there."""

import asyncio
import sys

import asyncssh

PORT, USER, KEY, DIRECTORY = sys.argv[1:5]


async def refused(what):
    try:
        await what
    except asyncssh.SFTPPermissionDenied:
        return
    raise AssertionError("it was not refused")


async def main():
    reach = {"host": "127.0.0.1", "port": int(PORT), "username": USER, "known_hosts": None, "config": None}
    async with asyncssh.connect(**reach, client_keys=[KEY]) as door, door.start_sftp_client() as sftp:
        up = await sftp.open(f"{DIRECTORY}/up", "wb")
        await up.write(b"one")
        print("written", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await refused(up.write(b"two"))
        # A file that is open for reading is not changed either.
        async with sftp.open(f"{DIRECTORY}/up", "rb") as down:
            await refused(down.chmod(0o777))
            assert await down.read() == b"one"


asyncio.run(main())
