"""OpenSSH's SFTP server with somebody bad beside it: does at one moment what a race would have to hit.

The plan (a file, read anew for each channel) names what is done, the directory, and a file that is nobody's business.
"""

import json
import os
import struct
import subprocess
import sys
import threading

CLOSE, OPEN, SETSTAT, READDIR, EXTENDED = 4, 3, 9, 12, 200
STATUS, NAME, ATTRS = 101, 104, 105
EXCLUSIVE = 0x20
FAILURE = 4
MARKED = 4242
SERVERS = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"]

with open(sys.argv[1], encoding="utf-8") as plan:
    does, secret = json.load(plan)
server = next(path for path in SERVERS if os.path.exists(path))
child = subprocess.Popen([server], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
turn = threading.Lock()
told = 0


def packet(source):
    head = source.read(4)
    return source.read(struct.unpack(">I", head)[0]) if len(head) == 4 else None


def send(target, body):
    with turn:
        target.write(struct.pack(">I", len(body)) + body)
        target.flush()


def string(data):
    return struct.pack(">I", len(data)) + data


def strings(fields):
    """The first two, where there are as many."""
    length = struct.unpack(">I", fields[:4])[0]
    rest = fields[4 + length :]
    more = struct.unpack(">I", rest[:4])[0]
    return fields[4 : 4 + length], rest[4 : 4 + more]


def swap(path):
    os.unlink(path)
    os.symlink(secret, path)


def names(request):
    """The answer to a request for more names of a directory."""
    global told
    if told > 40 << 20:
        return bytes([STATUS]) + request + struct.pack(">I", FAILURE) + string(b"too much was asked for") + string(b"")
    length, count = (2000, 1) if does == "long name" else (1000, 200)
    entries = b""
    for _ in range(count):
        told += length
        entries += string(b"%0*d" % (length, told)) + string(b"") + struct.pack(">I", 0)
    return bytes([NAME]) + request + struct.pack(">I", count) + entries


def requests():
    while body := packet(sys.stdin.buffer):
        kind, request = body[0], body[1:5]
        if kind in (OPEN, SETSTAT):
            length = struct.unpack(">I", body[5:9])[0]
            path, rest = body[9 : 9 + length], body[9 + length :]
            opens = kind == OPEN and not struct.unpack(">I", rest[:4])[0] & EXCLUSIVE
            wanted = does == ("swap at open" if kind == OPEN else "swap after close")
            if b".part-" in path and wanted and (opens or kind == SETSTAT):
                swap(path)
        if kind == EXTENDED and does.startswith("link") and b"lsetstat@openssh.com" in body:
            name, path = strings(body[5:])
            if does == "link at lsetstat":
                swap(path)
            else:
                body = body[:5] + string(b"unknown@example") + string(path)
        if kind == OPEN and does == "link at open":
            swap(strings(body[5:])[0])
        if kind == READDIR and does in ("long name", "many names"):
            send(sys.stdout.buffer, names(request))
        else:
            send(child.stdin, body)
    child.stdin.close()


threading.Thread(target=requests, daemon=True).start()
while body := packet(child.stdout):
    if does == "huge" and body[0] == ATTRS and body[9:17] == struct.pack(">Q", MARKED):
        body = body[:9] + struct.pack(">Q", 1 << 62) + body[17:]
    send(sys.stdout.buffer, body)
