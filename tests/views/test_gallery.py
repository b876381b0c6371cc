"""How a gallery's tiles look: pure functions, looked at as data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Video
from luma_jupyter.views.gallery import Tile, fit_poster, gallery_html, heading_text, tile_html
from tests.support.html import attributes_of
from tests.support.states import clip_state


def test_tile_has_length_name_and_whole_prompt() -> None:
    """Its length, its name, and its whole prompt as the title of the shortened one; data goes before the address."""
    prompt = "word " * 40
    request = GenerateRequest(prompt=prompt.strip())
    html = tile_html(Tile(clip_state(request=request), "a.jpg", 5.04))
    assert "▶ Play · 5.0 s" in html
    assert "<code>sunset</code>" in html
    assert [tag["title"] for tag in attributes_of(html, "div") if "title" in tag] == [prompt.strip()]
    assert attributes_of(html, "img")[0] | {"style": ""} == {
        "src": "a.jpg",
        "alt": "word word word word word word word word word word word word…",
        "loading": "lazy",
        "width": "220",
        "height": "124",
        "style": "",
    }


def test_fit_poster_keeps_the_shape() -> None:
    """A poster fits into the room for it, whatever its shape."""
    assert fit_poster(640, 360) == (220, 124)
    assert fit_poster(360, 640) == (93, 165)
    assert fit_poster(10_000, 1) == (220, 1)


def test_gallery_html_of_many_tiles_is_cut() -> None:
    """The saved notebook stays small: it says how many there are beyond the first."""
    html = gallery_html("key", [Tile(clip_state())] * 3, heading_text(1203), 1200, "")
    assert html.count("<figure") == 3
    assert "1,203 clips" in html
    assert "and 1,200 more: run this cell again to scroll through all of them" in html
    assert " more" not in gallery_html("key", [Tile(clip_state())], heading_text(1), 0, "")


def test_tile_that_the_page_cannot_play_names_its_file() -> None:
    """Where the page can play neither file nor address, the tile names the file."""
    seen = replace(clip_state(video=Video("http://127.0.0.1:1/a.mp4")), served=False)
    html = tile_html(Tile(seen))
    assert not attributes_of(html, "video")
    assert "Saved as <code>luma_videos/a-sunset-3f9c2a1b.mp4</code>" in html


def test_tile_of_a_file_that_is_gone_says_so() -> None:
    """Where no address is left either, it has no player, names no file, and says what helps."""
    gone = replace(clip_state(video=Video("http://127.0.0.1:1/a.mp4")), gone=True)
    html = tile_html(Tile(gone))
    assert not attributes_of(html, "video")
    assert "Saved as" not in html
    assert "Its file is gone: `%luma retry sunset` fetches it again." in html


@pytest.mark.parametrize(
    ("clips", "files", "words"),
    [(0, 0, "0 clips"), (1, 0, "1 clip"), (1000, 0, "1,000 clips"), (0, 1, "1 video"), (2, 3, "2 clips and 3 videos")],
)
def test_heading_counts_clips_and_other_videos(clips: int, files: int, words: str) -> None:
    """What there is none of is not named, unless there is nothing."""
    assert heading_text(clips, files) == words
