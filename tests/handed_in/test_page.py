"""The page of a notebook: complete, harmless, and the same anywhere."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from luma_jupyter.handed_in import page
from luma_jupyter.handed_in.notebook import Cell
from luma_jupyter.handed_in.page import PlacedVideo, make_page
from luma_jupyter.handed_in.video import SavedVideo
from tests.support.handed_in import code, printed
from tests.support.notebook import MP4

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


class Tags(HTMLParser):
    """All tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def cell_of(made: dict[str, object]) -> Cell:
    """A cell as the notebook's file has it."""
    return Cell("code", str(made["source"]), tuple(made["outputs"]))  # type: ignore[arg-type]


def test_nothing_of_the_notebook_is_html() -> None:
    """Sources, words, prints, results, errors and titles are texts, whatever they say."""
    error = {"output_type": "error", "traceback": [EVIL, "\x1b[31mred\x1b[0m", 5]}
    cells = [
        Cell("markdown", f"# {EVIL}\n{EVIL}"),
        Cell("raw", EVIL),
        cell_of(code(EVIL, {"text/html": EVIL, "text/plain": EVIL}, {"text/html": EVIL})),
        cell_of(printed("print", EVIL)),
        Cell("code", "", (error, {"output_type": "display_data", "data": 5}, {})),
        cell_of(code("svg", {"image/svg+xml": EVIL}, {"image/png": EVIL}, {"image/png": b64encode(b"no").decode()})),
    ]
    found = Tags(make_page(EVIL, cells, [[]] * len(cells)).html)
    assert not {"script", "img", "svg", "iframe", "link"} & set(found.tags)
    assert [name for name, _ in found.attributes if name.startswith("on")] == []


def test_page_has_what_the_notebook_shows() -> None:
    """Headings and words as they are meant, raw cells as typed, colours left out, pictures as data."""
    cells = [
        Cell("markdown", "Before\n## A title\n**About 20 minutes**"),
        Cell("raw", "Two\n**lines**"),
        cell_of(code("plot()", {"image/png": b64encode(PNG).decode(), "text/plain": "<Figure>"})),
        Cell("code", "1 / 0", ({"output_type": "error", "traceback": ["\x1b[31mZeroDivisionError\x1b[0m"]},)),
        cell_of(printed("print", "long" * 10_000)),
    ]
    html = make_page("lesson", cells, [[]] * 5).html
    assert "<h2>A title</h2>" in html
    assert "<p><strong>About 20 minutes</strong></p>" in html
    assert '<div class="text">Two\n**lines**</div>' in html
    assert f'<img src="data:image/png;base64,{b64encode(PNG).decode()}" alt=' in html
    assert "&lt;Figure&gt;" not in html
    assert "<pre>ZeroDivisionError</pre>" in html
    assert html.count("long") == 5_000
    assert "<title>lesson</title>" in html


@pytest.mark.parametrize(("traceback", "lines"), [(5, ""), ("Boom", ""), ({"Boom": 1}, ""), (["a", 5, "b"], "a\nb")])
def test_traceback_is_a_list_of_lines(traceback: object, lines: str) -> None:
    """Anything else says nothing."""
    html = make_page("lesson", [Cell("code", "", ({"output_type": "error", "traceback": traceback},))], [[]]).html
    assert "".join(re.findall("<pre>(.*)</pre>", html, re.DOTALL)) == lines


def test_folded_source_is_folded(tmp_path: Path) -> None:
    """What the notebook hides can be unfolded without a script; what the cell showed is there at once."""
    folded = Cell("code", "check()", ({"output_type": "stream", "text": "Right"},), is_folded=True)
    html = make_page("x", [folded, Cell("code", "", is_folded=True)], [[], []]).html
    assert '<details><summary>Code</summary><pre class="source">check()</pre></details><pre>Right</pre>' in html
    assert html.count("<details>") == 1


@pytest.fixture
def placed(tmp_path: Path) -> PlacedVideo:
    """A video of which nothing is known but its file."""
    (tmp_path / "a b.mp4").write_bytes(MP4)
    video = SavedVideo.read(tmp_path / "a b.mp4")
    assert video
    return PlacedVideo(video, "luma_videos/a b.mp4")


def test_video_is_inside_once(placed: PlacedVideo) -> None:
    """Where another cell shows it again, a link leads there."""
    made = make_page("x", [Cell("code", "a"), Cell("code", "b")], [[placed], [placed]])
    (data,) = re.findall(r'<video src="data:video/mp4;base64,([^"]*)"', made.html)
    assert b64decode(data) == MP4
    assert '<a href="#video-1">luma_videos/a b.mp4</a>, shown above' in made.html
    assert made.beside == []


@pytest.mark.parametrize("limit", ["LARGEST_INSIDE", "MOST_INSIDE"])
def test_large_video_lies_beside_the_page(placed: PlacedVideo, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says where, and plays it from there."""
    monkeypatch.setattr(page, limit, len(MP4) - 1)
    made = make_page("x", [Cell("code", "a")], [[placed]])
    assert made.beside == ["luma_videos/a b.mp4"]
    assert '<video src="luma_videos/a%20b.mp4"' in made.html
    assert "Too large for this page (" in made.html


def test_page_loads_nothing_and_runs_nothing() -> None:
    """Its policy allows styles of its own, and media that are in it or beside it."""
    html = make_page("x", [], []).html
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy.startswith("default-src &#x27;none&#x27;; ")
    assert "script-src" not in policy
    assert "http" not in policy
