"""Which videos a cell shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.domain.note import NO_NOTE
from luma_jupyter.handed_in.notebook import Cell
from luma_jupyter.handed_in.shown import Library, names_of, videos_of


def library(folder: Path) -> Library:
    """A folder in which one key and one name stand for a video."""
    file = folder / "a.mp4"
    return Library(
        folder,
        folder / "media",
        lambda key: file if key == "0123abcd" else None,
        lambda name, source: [file] if name == "sunset" else [],
        lambda task: NO_NOTE,
    )


def shows(html: str, folder: Path) -> list[str]:
    """The names of the videos of a cell with this output."""
    output = {"output_type": "display_data", "data": {"text/html": html}}
    files, _ = videos_of(Cell("code", "", (output,)), library(folder))
    return [file.name for file in files]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<video src="a.mp4">', ["a.mp4"]),
        ("<video src='a.mp4#t=1'>", ["a.mp4"]),
        ('<a HREF = "./a.mp4?x=1">', ["a.mp4"]),
        ('<video src="caf%C3%A9&amp;b.mp4"><video src="a.mp4"><a href="a.mp4">', ["café&b.mp4", "a.mp4"]),
        ('<div class="luma-card luma-0123abcd mathjax_ignore">', ["a.mp4"]),
        ('<figure data-key="0123abcd"><video src="a.mp4">', ["a.mp4"]),
        ('<video src="https://a.example/a.mp4"><video src="//a.example/a.mp4"><video src="file:a.mp4">', []),
        ('<video src="data:video/mp4;base64,AAAA"><img src="a.jpg">', []),
        ('<video src="http://[broken/a.mp4"><video src="a%00.mp4">', []),
        ("<td>a.mp4</td> luma-0123abcd", []),
    ],
)
def test_addresses_and_keys_are_found(tmp_path: Path, html: str, expected: list[str]) -> None:
    """Those of this folder, each once, in their order; words alone show nothing."""
    for name in ("a.mp4", "café&b.mp4"):
        (tmp_path / name).touch()
    assert shows(html, tmp_path) == expected


def test_address_that_no_file_can_have_is_not_there(tmp_path: Path) -> None:
    """A name that is too long or has half a character, and a link to itself."""
    (tmp_path / "loop").symlink_to("loop")
    for address in (f"{'a' * 5000}.mp4", "\ud83d.mp4", "loop/a.mp4"):
        cell = Cell("markdown", f'<video src="{address}">')
        assert videos_of(cell, library(tmp_path)) == ([], [address])


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("%%luma -o sunset\nA sunset", ["sunset"]),
        ("%luma film a b --out=movie", ["movie"]),
        ("%luma adopt x -o one\n%luma adopt y -o two", ["one", "two"]),
        ("import x\n%matplotlib inline\na = b = 1\nc.d = 2\ne", ["a", "b"]),
        ("1 +", []),
        ("%%bash\na=1", []),
        ("%%luma\nA cat -o its tail", []),
    ],
)
def test_names_that_a_cell_binds(source: str, names: list[str]) -> None:
    """Behind -o in the lines of magics, and by assignments; not in prompts."""
    assert names_of(source) == names
