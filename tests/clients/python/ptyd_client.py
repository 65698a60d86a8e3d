"""A small client of the ptyd wire, written from the protocol description alone.

It knows frames (u32 big-endian length, MessagePack map), requests with a `seq`, replies, and
events. It blocks: a test that does not call it does not read, which is how slow readers are made.
Every wait has a deadline and fails with what was seen instead.
"""

import socket
import struct
import time

import msgpack

PROTOCOL_VERSION = 1
DAEMON_FRAME_LIMIT = 4 * 1024 * 1024
CLIENT_FRAME_LIMIT = 64 * 1024 * 1024
# Generous for a loaded two-core machine: a healthy daemon answers in under a millisecond.
DEADLINE = 15.0


class Closed(Exception):
    """The daemon closed the connection."""


class Refused(Exception):
    """An `error` reply: `code` and `message` as they stood on the wire."""

    def __init__(self, reply):
        super().__init__(f"{reply.get('code')}: {reply.get('message')}")
        self.code = reply.get("code")
        self.message = reply.get("message")


def encode(message):
    """One frame: length and payload."""
    payload = msgpack.packb(message, use_bin_type=True)
    return struct.pack(">I", len(payload)) + payload


def decode(payload):
    """One payload to a map; terminal bytes stay bytes."""
    message = msgpack.unpackb(payload, raw=False, strict_map_key=True)
    assert isinstance(message, dict), f"a payload that is no map: {message!r}"
    return message


class Frames:
    """Cuts a byte stream into payloads, whatever the pieces it comes in."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data

    def next(self):
        """The next whole payload, or None."""
        if len(self.buffer) < 4:
            return None
        (length,) = struct.unpack_from(">I", self.buffer)
        assert 0 < length <= CLIENT_FRAME_LIMIT, f"frame of {length} bytes from the daemon"
        if len(self.buffer) < 4 + length:
            return None
        payload = bytes(self.buffer[4 : 4 + length])
        del self.buffer[: 4 + length]
        return payload


class Connection:
    """One connection. `events` holds what came and was not asked for yet, in order.

    `output[session]` gathers terminal bytes; `attach` starts it with the snapshot's content, so
    that a test can wait for text without caring whether it came before or after the attach.
    """

    def __init__(self, path, receive_buffer=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(path)
        self.frames = Frames()
        self.seq = 0
        self.events = []
        self.replies = {}
        self.output = {}

    # --- bytes -------------------------------------------------------------------------------
    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.settimeout(DEADLINE)
        self.socket.sendall(data)

    def send(self, message):
        self.send_bytes(encode(message))

    def _receive(self, until):
        """Reads once from the socket and sorts what is whole. False at the deadline."""
        left = until - time.monotonic()
        if left <= 0:
            return False
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 18)
        except TimeoutError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed("the daemon closed the connection")
        self.frames.feed(data)
        while (payload := self.frames.next()) is not None:
            self._sort(decode(payload))
        return True

    def _sort(self, message):
        if message.get("type") in ("ok", "error", "handshake"):
            self.replies[message["seq"]] = message
            return
        if message.get("type") == "output":
            assert isinstance(message["data"], bytes), "output data must be msgpack bin"
            if "viewer" not in message:
                session = message.get("session")
                self.output.setdefault(session, bytearray()).extend(message["data"])
        self.events.append(message)

    # --- requests ----------------------------------------------------------------------------
    def post(self, kind, **fields):
        """Sends a request and does not wait. Returns its seq."""
        self.seq += 1
        self.send({"type": kind, "seq": self.seq, **fields})
        return self.seq

    def reply(self, seq, timeout=DEADLINE):
        """The reply to `seq`, of whatever type."""
        until = time.monotonic() + timeout
        while seq not in self.replies:
            if not self._receive(until):
                raise AssertionError(f"no reply to {seq} within {timeout} s")
        return self.replies.pop(seq)

    def call(self, kind, timeout=DEADLINE, **fields):
        """Request and reply; an `error` reply is raised as Refused."""
        reply = self.reply(self.post(kind, **fields), timeout)
        if reply["type"] == "error":
            raise Refused(reply)
        return reply

    def refused(self, kind, **fields):
        """Request that must be refused; returns (code, message)."""
        try:
            reply = self.call(kind, **fields)
        except Refused as refusal:
            assert isinstance(refusal.code, str) and isinstance(refusal.message, str)
            return refusal.code, refusal.message
        raise AssertionError(f"{kind} was not refused: {reply!r}")

    def handshake(self, token, **fields):
        fields.setdefault("protocol_version", PROTOCOL_VERSION)
        reply = self.call("handshake", token=token, **fields)
        assert reply["type"] == "handshake", reply
        return reply

    def create(self, **fields):
        """A new session; returns its id."""
        return self.call("create", **fields)["session"]

    def attach(self, session, **fields):
        """Attaches; returns the snapshot."""
        reply = self.call("attach", session=session, **fields)
        assert reply["session"] == session
        snapshot = reply["snapshot"]
        # Replies come before output queued after them, so what is here already was before.
        gathered = self.output.get(session, b"")
        self.output[session] = bytearray(snapshot["content"].encode()) + gathered
        return snapshot

    def type(self, session, text):
        """Types text (str or bytes) into a session."""
        data = text.encode() if isinstance(text, str) else text
        return self.call("input", session=session, data=data)

    def sessions(self):
        """The list, keyed by id."""
        return {info["id"]: info for info in self.call("list")["sessions"]}

    # --- waiting -----------------------------------------------------------------------------
    def wait_event(self, test, timeout=DEADLINE):
        """Takes the first event, past or coming, for which `test` holds."""
        until = time.monotonic() + timeout
        seen = 0
        while True:
            for index in range(seen, len(self.events)):
                if test(self.events[index]):
                    return self.events.pop(index)
            seen = len(self.events)
            if not self._receive(until):
                kinds = [event.get("type") for event in self.events[-20:]]
                raise AssertionError(f"event did not come within {timeout} s; last: {kinds}")

    def wait_exit(self, session, timeout=DEADLINE):
        return self.wait_event(lambda e: e["type"] == "exit" and e["session"] == session, timeout)

    def wait_output(self, session, needle, timeout=DEADLINE):
        """Waits until the gathered output holds `needle`; returns all of it up to its end."""
        needle = needle.encode() if isinstance(needle, str) else needle
        until = time.monotonic() + timeout
        start = 0
        while True:
            have = self.output.setdefault(session, bytearray())
            at = have.find(needle, start)
            if at >= 0:
                return bytes(have[: at + len(needle)])
            start = max(0, len(have) - len(needle))
            if not self._receive(until):
                tail = bytes(have[-400:])
                raise AssertionError(f"{needle!r} did not come; last output: {tail!r}")

    def drain(self, quiet=0.3):
        """Reads until nothing has come for `quiet` seconds (to show that something does not come)."""
        while self._receive(time.monotonic() + quiet):
            pass

    def wait_closed(self, timeout=DEADLINE):
        """Waits until the daemon closes; replies that come before are kept."""
        until = time.monotonic() + timeout
        try:
            while self._receive(until):
                pass
        except Closed:
            return
        raise AssertionError(f"the connection was not closed within {timeout} s")
