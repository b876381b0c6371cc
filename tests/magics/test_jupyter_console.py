"""A real ``jupyter console`` in a pseudo-terminal, with the real demo service; in real time, a few seconds.

qtconsole and Spyder differ from it by nothing but the program that starts the kernel: tests/views/test_host.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.terminal import Console

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One console for all tests here."""
    console = Console(tmp_path_factory.mktemp("console"))
    yield console
    console.run("%unload_ext luma_jupyter")
    console.child.sendline("exit")
    console.close()


def test_a_cell_in_a_console_waits_and_prints_the_path(console: Console) -> None:
    """No card that nobody can draw, and no word of a clip that was queued: its end, with the file that is there."""
    printed = console.luma("-o sunset", "A sunset")
    assert "queued" not in printed
    words, end = printed.strip().splitlines()[-2:]
    assert words == "sunset: “A sunset” (generate 16:9, demo service, simulated)"
    path = Path(end.partition(": ")[2])
    assert path.is_absolute()
    assert path.stat().st_size > 10_000
    assert str(path) in console.run("sunset")


def test_several_clips_in_a_console_are_a_table_of_text(console: Console) -> None:
    """Takes, the list of clips and a gallery are text, too."""
    printed = console.luma("-o seas --takes 2", "A sea")
    assert printed.count("A sea") >= 2
    assert "completed" in console.run("%luma status")
    assert "seas[1]" in console.run("import luma_jupyter as luma; luma.gallery()")


def test_doctor_in_a_console_says_what_it_shows(console: Console) -> None:
    """Paths, and cells that wait."""
    assert "A console: videos are shown as the paths of their files." in console.run("%luma doctor")


def test_a_console_can_be_asked(console: Console) -> None:
    """What costs more than agreed is asked for by its prompt."""
    console.run("luma.configure(confirm_count=1)")
    console.child.sendline("several = luma.batch(['A boat', 'A mill'])")
    console.child.expect(r"2 new videos are more than 1 \(the setting confirm_count\)\. Send them\? \[y/N\] ")
    assert "Nothing was sent: the answer was not yes." in console.run("n")
