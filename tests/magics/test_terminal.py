"""A real terminal IPython in a pseudo-terminal, with the real demo service; in real time, a few seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from socket import gethostname

import pexpect
import pytest

from tests.support.terminal import Terminal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """One IPython session for all tests here."""
    terminal = Terminal(tmp_path_factory.mktemp("terminal"))
    yield terminal
    terminal.close()


def test_a_cell_waits_with_a_progress_line_and_prints_the_path(session: Terminal) -> None:
    """The one line updates itself, goes away at the end, and the saved file's path is printed."""
    printed = session.luma("-o sunset", "A sunset")
    assert "sunset " in printed
    assert re.search(r"█+░+ the service is making the video \(0:0\d, usually about 0:02\)", printed)
    last = printed.rpartition("\r")[2]
    assert last.startswith("sunset: “A sunset” (generate 16:9, demo service, simulated)\ncompleted in 0:0")
    path = Path(last.splitlines()[1].partition(": ")[2])
    assert path.is_absolute()
    assert path.stat().st_size > 10_000


def test_an_interrupted_cell_stops_with_one_line_and_the_clip_goes_on(session: Terminal) -> None:
    """Ctrl-C ends the wait alone: one line, no traceback; waiting again gives the video."""
    session.run("films.clear()")
    printed = session.luma("-o dawn", "A dawn", meanwhile=session.interrupt)
    last = printed.rpartition("\r")[2].strip()
    assert last == "Interrupted: dawn is still being watched; `dawn.wait()` waits again."
    session.run("films.set()")
    assert "completed in 0:" in session.run("dawn.wait()")


def test_a_terminal_that_knows_links_gets_the_path_as_one(session: Terminal) -> None:
    """The path is the text of a link to the file; the same clip without such a terminal has no escape in its line."""
    assert "\x1b]8" not in session.luma("-o noon", "A noon")
    assert "\x1b]8" not in session.run("noon")
    session.run("%env FORCE_HYPERLINK=1")
    printed = session.run("noon")
    session.run("%env FORCE_HYPERLINK=0")
    address, path = re.search(r"\x1b]8;;(file://[^\x1b]+)\x1b\\([^\x1b]+)\x1b]8;;\x1b\\", printed).groups()  # type: ignore[union-attr]
    assert address == Path(path).as_uri().replace("file://", f"file://{gethostname()}")
    assert Path(path).is_file()


def test_a_typed_cell_that_fails_is_one_clear_line(session: Terminal) -> None:
    """A cell magic typed by hand works; a failing clip is one clear line."""
    session.child.sendline("%%luma -o broken\nA ship that cannot be drawn [fail]\n\n")
    session.child.expect(
        "ClipFailed: The demo service could not make the video: [^\r\n]*asks for a failure[^\r\n]*\r\n"
    )
    session._expect_prompt()
    printed = session.run("%luma status")
    assert re.search(r"broken +generate 16:9 +demo +failed", printed)


def test_a_large_batch_is_asked_for_in_the_terminal(session: Terminal) -> None:
    """The question stands on a line of its own; an answer that is not yes sends nothing."""
    session.run("import luma_jupyter as luma; luma.configure(confirm_count=1)")
    session.child.sendline("several = luma.batch(['A boat', 'A mill'])")
    session.child.expect(r"2 new videos are more than 1 \(the setting confirm_count\)\. Send them\? \[y/N\] ")
    printed = session.run("n")
    assert "NotConfirmed: Nothing was sent: the answer was not yes." in printed
    assert "Traceback" not in printed
    assert "False" in session.run("'several' in globals()")


def test_leaving_in_mid_run_is_quick_and_says_what_ends(session: Terminal) -> None:
    """``exit`` with a task under way and the demo service at work ends at once, and is told in one line."""
    session.run("films.clear()")
    session.luma("--no-wait", "Never seen")
    session.child.sendline("exit")
    session.child.expect(pexpect.EOF, timeout=10)
    assert session.child.wait() == 0
    left = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)", "", session.child.before or "")
    left = re.sub(r"Executing <.*> took [\d.]+ seconds", "", left)  # asyncio's debug mode, on a slow machine
    assert left.split("\n", 1)[0].strip() == "exit"
    assert left.split("\n", 1)[1].strip() == "luma_jupyter: 1 clip of the demo service ended unfinished."
