"""A numbered viewer (capability `viewers`): follows positions and credit, and checks both."""

import os
import time
import uuid

from ptyd_client import DEADLINE

CAPABILITIES = ["viewers", "events", "spec"]
DEFAULT_CREDIT = 256 * 1024


def follow(viewers, fact, timeout=DEADLINE):
    """Lets several viewers of one connection read on, each in its turn, until the fact holds."""
    connection = viewers[0].connection
    until = time.monotonic() + timeout
    while not fact():
        for event in connection.events:
            for viewer in viewers:
                if viewer.mine(event):
                    viewer.take(event)
        connection.events.clear()
        assert fact() or connection._receive(until), f"not within {timeout} s"


def uuid7():
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, version, random bits, variant."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | (7 << 76)
    number = number & ~(3 << 62) | (2 << 62)
    return str(uuid.UUID(int=number))


class Viewer:
    """One attachment. `data` holds the output since the attach or the last re-sync.

    Every output must begin where the one before ended, and what is not acknowledged must fit
    into the credit; both are checked at every event.
    """

    def __init__(self, connection, session, number, auto_ack=True, **fields):
        self.connection, self.session, self.number = connection, session, number
        self.auto_ack = auto_ack
        self.credit = fields.get("credit") or DEFAULT_CREDIT
        self.data = bytearray()
        self.lagged = 0
        self.resyncs = []
        reply = connection.call("attach", session=session, viewer=number, **fields)
        self.snapshot = reply.get("snapshot")
        self.pos = self.acked = reply["pos"]
        if self.snapshot is not None:
            assert self.snapshot["pos"] == self.pos
            assert isinstance(self.snapshot["restore"], bytes)

    def mine(self, event):
        return event.get("session") == self.session and event.get("viewer") == self.number

    def next(self, timeout=DEADLINE):
        """Takes the next event of this viewer, checks it, and returns it."""
        event = self.connection.wait_event(self.mine, timeout)
        self.take(event)
        return event

    def take(self, event):
        match event["type"]:
            case "output":
                self.take_output(event)
            case "lagged":
                assert event["pos"] == self.pos, "lagged tells up to where output was sent"
                self.lagged += 1
            case "resync":
                self.resyncs.append(event["snapshot"])
                self.pos = self.acked = event["snapshot"]["pos"]
                self.data.clear()

    def take_output(self, event):
        assert event["pos"] == self.pos, f"output at {event['pos']}, expected {self.pos}"
        self.data += event["data"]
        self.pos += len(event["data"])
        unacknowledged = self.pos - self.acked
        assert unacknowledged <= self.credit, f"{unacknowledged} over credit {self.credit}"
        if self.auto_ack:
            self.ack()

    def ack(self):
        self.acked = self.pos
        self.connection.post("ack", session=self.session, viewer=self.number, pos=self.pos)

    def wait_for(self, kind, timeout=DEADLINE):
        """Follows until an event of this type; returns it."""
        until = time.monotonic() + timeout
        while True:
            event = self.next(until - time.monotonic())
            if event["type"] == kind:
                return event

    def wait_text(self, needle, timeout=DEADLINE):
        """Follows until the output (or the snapshot before it) holds the text."""
        needle = needle.encode() if isinstance(needle, str) else needle
        until = time.monotonic() + timeout
        while needle not in self.data and not self.in_snapshot(needle):
            self.next(until - time.monotonic())

    def in_snapshot(self, needle):
        shown = self.resyncs[-1] if self.resyncs else self.snapshot
        return shown is not None and needle in shown["restore"]

    def type(self, text):
        data = text.encode() if isinstance(text, str) else text
        return self.connection.call("input", session=self.session, viewer=self.number, data=data)

    def resize(self, cols, rows):
        return self.connection.call("resize", session=self.session, viewer=self.number, cols=cols, rows=rows)

    def detach(self):
        return self.connection.call("detach", session=self.session, viewer=self.number)
