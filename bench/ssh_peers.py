"""What the SSH rows are measured beside: asyncssh and paramiko as gateways use them.

    ssh_peers.py bridge  TARGET -- COMMAND   a FastAPI WebSocket at /ws for each terminal, by asyncssh
    ssh_peers.py connect LIBRARY TARGET N    N new connections and N further terminals on one, in ms, as JSON
    ssh_peers.py hold    LIBRARY TARGET N    N connections with a terminal each, held until standard input ends

TARGET is PORT USER KEYFILE KNOWN_HOSTS; the host is 127.0.0.1. Each says `BENCH-READY ...;` when it can be used.
"""

import asyncio
import ctypes
import gc
import json
import socket
import sys
import time

HOST = "127.0.0.1"
TERM = "xterm-256color"
# As in src/rows/ssh/open.rs.
LEAVE = "exit\n"
PAUSE = 0.1
# As in src/ssh.rs.
WARM = 20
SETTLE = 0.5


class Target:
    def __init__(self, words):
        self.port, self.user, self.key, self.known_hosts = int(words[0]), words[1], words[2], words[3]


def ready(what):
    print(f"BENCH-READY {what};", flush=True)


class AsyncSsh:
    """One connection of asyncssh. Its loop runs while one of these methods does."""

    loop = None

    def __init__(self, target):
        import asyncssh

        AsyncSsh.loop = AsyncSsh.loop or asyncio.new_event_loop()
        self.library = asyncssh
        self.connection = self.loop.run_until_complete(self.connect(target))

    @staticmethod
    async def connect(target):
        import asyncssh

        return await asyncssh.connect(
            HOST,
            target.port,
            username=target.user,
            client_keys=[target.key],
            known_hosts=target.known_hosts,
            config=None,
        )

    def terminal(self):
        opened = self.connection.create_session(
            self.library.SSHClientSession, term_type=TERM, term_size=(80, 24)
        )
        return self.loop.run_until_complete(opened)[0]

    def leave(self, terminal):
        terminal.write(LEAVE)
        self.loop.run_until_complete(terminal.wait_closed())

    def end(self):
        self.connection.abort()
        self.loop.run_until_complete(self.connection.wait_closed())


class Paramiko:
    """One connection of paramiko, which has a thread."""

    def __init__(self, target):
        import paramiko

        self.client = paramiko.SSHClient()
        self.client.load_host_keys(target.known_hosts)
        self.client.connect(
            HOST,
            target.port,
            target.user,
            key_filename=target.key,
            allow_agent=False,
            look_for_keys=False,
        )

    def terminal(self):
        return self.client.invoke_shell(TERM, 80, 24)

    def leave(self, terminal):
        terminal.sendall(LEAVE)
        while terminal.recv(4096):
            pass
        terminal.close()

    def end(self):
        self.client.close()


LIBRARIES = {"asyncssh": AsyncSsh, "paramiko": Paramiko}


def connect(library, target, count):
    """Milliseconds from nothing to a terminal, and to one more terminal on a connection that is there."""
    cold, pooled = [], []
    for _ in range(count):
        began = time.perf_counter()
        connection = library(target)
        connection.terminal()
        cold.append((time.perf_counter() - began) * 1000)
        connection.end()
    shared = library(target)
    shared.terminal()
    for _ in range(count):
        began = time.perf_counter()
        terminal = shared.terminal()
        pooled.append((time.perf_counter() - began) * 1000)
        # Before the next one: the server has work with a shell that ends, and paramiko does not ask for
        # TCP_NODELAY, so that the next message would wait 40 ms for the answer to its last one.
        shared.leave(terminal)
        time.sleep(PAUSE)
    shared.end()
    print(json.dumps({"cold": cold, "pooled": pooled}), flush=True)


def hold(library, target, count):
    """WARM connections bring what all share, and fill the room that the imports left in the heap."""
    held = []

    def more(number):
        for _ in range(number):
            connection = library(target)
            held.append((connection, connection.terminal()))
        # Prompts come after the terminals; they are read before anything is measured.
        time.sleep(SETTLE)
        if AsyncSsh.loop:
            AsyncSsh.loop.run_until_complete(asyncio.sleep(SETTLE))
        # Neither what waits for the collector nor what the allocator keeps for later is a connection's.
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)

    more(WARM)
    ready("warm")
    sys.stdin.readline()
    more(count)
    ready("all")
    sys.stdin.readline()


def bridge(target, command):
    """A terminal for each WebSocket, in the messages of the web consoles that are built like this."""
    import uvicorn
    from fastapi import FastAPI, WebSocket, WebSocketDisconnect

    app = FastAPI()

    @app.websocket("/ws")
    async def terminal(socket: WebSocket):
        await socket.accept()
        async with await AsyncSsh.connect(target) as connection:
            process = await connection.create_process(
                command, term_type=TERM, term_size=(80, 24), encoding="utf-8", errors="replace"
            )

            async def outward():
                while data := await process.stdout.read(32768):
                    await socket.send_json({"type": "output", "data": data})

            task = asyncio.create_task(outward())
            try:
                while True:
                    message = json.loads(await socket.receive_text())
                    if message["type"] == "input":
                        process.stdin.write(message["data"])
                    elif message["type"] == "resize":
                        process.change_terminal_size(message["cols"], message["rows"])
            except WebSocketDisconnect:
                task.cancel()

    listener = socket.create_server((HOST, 0))
    ready("{}:{}".format(*listener.getsockname()))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets"))
    server.run(sockets=[listener])


def main(words):
    if words[0] == "bridge":
        bridge(Target(words[1:5]), " ".join(words[words.index("--") + 1 :]))
        return
    run = {"connect": connect, "hold": hold}[words[0]]
    run(LIBRARIES[words[1]], Target(words[2:6]), int(words[6]))


if __name__ == "__main__":
    main(sys.argv[1:])
