"""Snapshots: their shape, and that content and rehydrate are exact."""

import re

import pytest

from daemon import Gate

CSI = "\x1b["
HEAD = f"{CSI}0m{CSI}H{CSI}2J"
MODES = {
    "application_cursor", "bracketed_paste", "mouse_tracking", "mouse_sgr",
    "focus_reporting", "alternate_screen", "cursor_visible", "auto_wrap",
}  # fmt: skip
DEFAULT_MODES = {mode: mode in ("cursor_visible", "auto_wrap") for mode in MODES}
DONE = "\x1b]0;all-printed\x07"


def shown(daemon, client, printf, cols=20, rows=4):
    """The snapshot of a screen on which exactly `printf` was printed, and nothing echoed."""
    session = printed(daemon, client, printf, cols, rows)
    return client.attach(session)


def printed(daemon, client, printf, cols, rows):
    """A session whose screen holds `printf`; the title set after it shows that it was read."""
    gate = Gate(daemon)
    program = daemon.script(
        f"stty -echo\n{gate.wait()}\n{printf}\nprintf '\\033]0;all-printed\\007'\nexec sleep 1000"
    )
    session = client.create(shell=program, cols=cols, rows=rows)
    client.attach(session)
    gate.open()
    client.wait_output(session, DONE)
    return session


def test_shape(daemon, client):
    snapshot = shown(daemon, client, "printf 'one\\r\\ntwo'")
    required = {"content", "rehydrate", "cols", "rows", "cursor_x", "cursor_y", "modes"}
    assert required <= set(snapshot) <= required | {"cwd"}
    assert isinstance(snapshot["content"], str) and isinstance(snapshot["rehydrate"], str)
    assert (snapshot["cols"], snapshot["rows"]) == (20, 4)
    assert (snapshot["cursor_x"], snapshot["cursor_y"]) == (3, 1)
    assert snapshot["modes"] == DEFAULT_MODES
    assert snapshot["rehydrate"] == ""


def lines(*rows):
    """Content of these rows: a reset before each, CRLF between, a reset at the end."""
    return HEAD + "\r\n".join(f"{CSI}0m{row}" for row in rows) + f"{CSI}0m"


def test_plain_text(daemon, client):
    snapshot = shown(daemon, client, "printf 'one   \\r\\n  two\\r\\n'")
    assert snapshot["content"] == lines("one", "  two", "", "")
    assert (snapshot["cursor_x"], snapshot["cursor_y"]) == (0, 2)


def test_empty_screen(daemon, client):
    assert shown(daemon, client, ":")["content"] == lines("", "", "", "")


@pytest.mark.parametrize(
    "given, attributes",
    [
        ("1", "1"), ("2", "2"), ("3", "3"), ("4", "4"), ("7", "7"), ("8", "8"), ("9", "9"),
        ("31", "31"), ("97", "97"), ("42", "42"), ("105", "105"),
        ("38;5;200", "38;5;200"), ("48;5;17", "48;5;17"),
        ("38;2;1;2;3", "38;2;1;2;3"), ("48;2;250;251;252", "48;2;250;251;252"),
        ("1;4;33;44", "1;4;33;44"),
    ],
)  # fmt: skip
def test_each_attribute(daemon, client, given, attributes):
    snapshot = shown(daemon, client, f"printf 'a\\033[{given}mBC\\033[0md'")
    row = f"a{CSI}0;{attributes}mBC{CSI}0md"
    assert snapshot["content"] == lines(row, "", "", "")


def test_colours_do_not_leak_into_the_next_row(daemon, client):
    snapshot = shown(daemon, client, "printf '\\033[1;32mgreen\\r\\nstill\\033[0m\\r\\nplain'")
    row = f"{CSI}0;1;32m"
    assert snapshot["content"] == lines(f"{row}green", f"{row}still", "plain", "")


def test_wide_and_combining_characters(daemon, client):
    snapshot = shown(daemon, client, "printf '中文 e\\314\\201 \\360\\237\\231\\202|'")
    assert snapshot["content"] == lines("中文 e\u0301 🙂|", "", "", "")
    assert snapshot["cursor_x"] == 10


def test_invalid_utf8_is_replaced_and_goes_on(daemon, client):
    snapshot = shown(daemon, client, "printf 'a\\377\\376b\\r\\nok'")
    assert "\ufffd" in snapshot["content"]
    assert "ok" in snapshot["content"]


def test_scrollback_is_500_lines_and_the_screen(daemon, client):
    session = printed(daemon, client, "seq -f 'line-%g' 1 600", 40, 10)
    rows = client.attach(session)["content"].removeprefix(HEAD).split("\r\n")
    assert len(rows) == 510
    # 600 lines and the empty one that the cursor stands on: the last 510 of 601.
    assert rows[0] == f"{CSI}0mline-92"
    assert rows[-2] == f"{CSI}0mline-600"
    assert rows[-1] == f"{CSI}0m{CSI}0m"

    client.call("clear_scrollback", session=session)
    rows = client.attach(session)["content"].removeprefix(HEAD).split("\r\n")
    assert len(rows) == 10
    assert rows[0] == f"{CSI}0mline-592"
    assert rows[-2] == f"{CSI}0mline-600"


@pytest.mark.parametrize(
    "sequence, changed, rehydrate",
    [
        ("[?1h", {"application_cursor": True}, "[?1h"),
        ("[?2004h", {"bracketed_paste": True}, "[?2004h"),
        ("[?1000h", {"mouse_tracking": True}, "[?1000h"),
        ("[?1006h", {"mouse_sgr": True}, "[?1006h"),
        ("[?1004h", {"focus_reporting": True}, "[?1004h"),
        ("[?25l", {"cursor_visible": False}, "[?25l"),
        ("[?7l", {"auto_wrap": False}, "[?7l"),
        ("[?1049h", {"alternate_screen": True}, ""),
    ],
)
def test_each_mode(daemon, client, sequence, changed, rehydrate):
    snapshot = shown(daemon, client, f"printf '\\033{sequence}'")
    assert snapshot["modes"] == {**DEFAULT_MODES, **changed}
    assert snapshot["rehydrate"] == (f"\x1b{rehydrate}" if rehydrate else "")


def test_all_modes_in_their_order(daemon, client):
    given = "\\033[?7l\\033[?25l\\033[?1004h\\033[?1006h\\033[?1000h\\033[?2004h\\033[?1h"
    snapshot = shown(daemon, client, f"printf '{given}'")
    order = ["?1h", "?2004h", "?1000h", "?1006h", "?1004h", "?25l", "?7l"]
    assert snapshot["rehydrate"] == "".join(CSI + mode for mode in order)


def test_alternate_screen_shows_itself_and_goes_back(daemon, client):
    gate = Gate(daemon, "back")
    session = printed(
        daemon,
        client,
        "printf 'main screen\\033[?1049h\\033[Halternate'\n"
        f"(printf '\\033]0;all-printed\\007'; {gate.wait()}; printf '\\033[?1049l\\033]0;back\\007')",
        20,
        4,
    )
    snapshot = client.attach(session)
    assert snapshot["content"] == lines("alternate", "", "", "")
    gate.open()
    client.wait_output(session, "\x1b]0;back\x07")
    snapshot = client.attach(session)
    assert snapshot["content"] == lines("main screen", "", "", "")
    assert snapshot["modes"] == DEFAULT_MODES


def test_snapshot_and_output_join_without_a_lost_or_doubled_byte(daemon, client):
    """Attaching again and again while a counter prints: snapshot + output is gapless each time."""
    program = daemon.script("n=0; while :; do n=$((n+1)); echo n-$n-; done")
    session = client.create(shell=program, cols=20, rows=5)
    for _ in range(20):
        other = daemon.connect()
        snapshot = other.attach(session)
        attached = len(other.output[session])
        while other.output[session].count(b"\n", attached) < 5:
            other.wait_event(lambda e: e["type"] == "output")
        tail = snapshot["content"].removeprefix(HEAD).replace(f"{CSI}0m", "")
        before = tail.split("\r\n")
        # The last rows may be cut in the middle of a line: join with what follows, then look.
        joined = "\r\n".join(before[:-1]) + "\r\n" + before[-1]
        follows = bytes(other.output[session])[len(snapshot["content"].encode()) :]
        text = joined.rstrip("\r\n") + ("\r\n" if snapshot["cursor_x"] == 0 else "")
        text += follows.decode().lstrip("\r\n") if text.endswith("\r\n") else follows.decode()
        numbers = [int(n) for n in re.findall(r"n-(\d+)-", text)]
        assert len(numbers) > 2
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        other.close()
