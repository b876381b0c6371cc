"""Consoles that know few letters, or are narrow: what is printed there is readable, and never an error."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout

import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.printable import columns, encodable, say
from luma_jupyter.widgets.presenter import CLEAR_LINE
from tests.support.notebook import Shell

ENCODINGS = pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp437", "cp932", "utf-8"])


@contextmanager
def console(encoding: str) -> Iterator[io.BytesIO]:
    """The standard output of a console with this encoding, which refuses what it cannot write."""
    written = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(written, encoding, write_through=True)):
        yield written


@ENCODINGS
def test_everything_of_a_clip_is_printed(notebook: Shell, encoding: str) -> None:
    """Clip, list, tree, tables and doctor, with a prompt that no such console can write."""
    with console(encoding) as written:
        notebook.run("%%luma -o sunset --wait\nEin “Löwe” … 狮子 → 🦁")
        sunset = notebook.user_ns["sunset"]
        notebook.run("%%luma extend sunset -o night --wait\n夜")
        for shown in (sunset, luma.clips(), sunset.lineage()):
            print(shown)
        for line in ("status", "history", "doctor", "help", "account"):
            print(notebook.run(f"%luma {line}"))
        assert b"sunset" in written.getvalue()


@ENCODINGS
def test_terminal_prints_where_a_video_is(terminal: Shell, encoding: str) -> None:
    """A cell in a terminal ends with its clip's lines, whatever is in them."""
    with console(encoding) as written:
        terminal.run("%%luma -o sunset\nEin “Löwe” … 狮子")
        assert terminal.user_ns["sunset"].path.name[-12:].encode() in written.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "ascii"])
def test_waiting_line_has_room_in_the_window(terminal: Shell, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never reaches the last column, so that there is one line to clear; the window may change while it waits."""

    def wait(clip: Clip, tick: Callable[[], None]) -> None:
        for width in (30, 20, 25, 12):
            monkeypatch.setenv("COLUMNS", f"{width}")
            tick()

    terminal.run("%%luma -o 日落 --no-wait\nA sunset")
    clip = terminal.user_ns["日落"]
    monkeypatch.setattr(Clip, "wait", wait)
    with console(encoding) as written:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        kernel.presenter.wait_for(clip)
    _, *lines, last = written.getvalue().decode(encoding).split(CLEAR_LINE)
    assert [columns(line) for line in lines] == [29, 19, 24, 11]
    assert "\n" in last


def test_our_own_signs_become_plain_ones() -> None:
    """What is lost is the look, not the meaning; what the console knows stays."""
    console = io.TextIOWrapper(io.BytesIO(), "cp1252")
    assert encodable("“a” … b → c × d ✓ é 狮", console) == "“a” … b -> c × d + é ?"
    assert encodable("“a” … b → c × d ✓ é 狮", io.TextIOWrapper(io.BytesIO(), "ascii")) == '"a" ... b -> c x d + ? ?'
    assert encodable("狮子", io.StringIO()) == "狮子"


def test_say_writes_to_the_stream_that_is_given() -> None:
    """The letters are those of that stream, not of the standard output."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, "ascii", write_through=True)
    say("3 clips → 狮", stream)
    assert written.getvalue().rstrip() == b"3 clips -> ?"
