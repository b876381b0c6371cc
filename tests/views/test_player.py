"""The player of a video: described, and with captions where there are any."""

from __future__ import annotations

from base64 import b64decode

from luma_jupyter.domain.pieces import Piece
from luma_jupyter.domain.requests import FilmRequest
from luma_jupyter.views.clip_html import final_html
from luma_jupyter.views.comparison import comparison_html
from luma_jupyter.views.gallery import FileTile, Tile, tile_html
from luma_jupyter.views.player import captions_text, player
from tests.support.html import HOSTILE, Tags, attributes_of
from tests.support.states import clip_state

VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\nDer Hafen — 海\n"


def test_every_player_says_what_is_to_be_seen() -> None:
    """In the card, side by side and in a gallery, also of a file of which no more than its name is known."""
    assert [video["title"] for video in attributes_of(final_html(clip_state()), "video")] == ["A sunset"]
    side_by_side = comparison_html("key", [clip_state(), clip_state(name=None)])
    assert [video["title"] for video in attributes_of(side_by_side, "video")] == [
        "sunset: A sunset",
        "3f9c2a1b: A sunset",
    ]
    tiles = tile_html(Tile(clip_state())) + tile_html(FileTile("films/old.mp4", src="films/old.mp4"))
    assert [video["title"] for video in attributes_of(tiles, "video")] == ["A sunset", "old.mp4"]


def test_a_long_prompt_is_cut_in_the_description() -> None:
    """It is shown where one points at the player, and read out."""
    (video,) = attributes_of(player("a.mp4", "many words " * 100, style=""), "video")
    assert len(video["title"]) == 300


def test_captions_are_a_track_that_is_shown_at_once() -> None:
    """They are in the page as they are, and need no other file."""
    (track,) = attributes_of(player("a.mp4", "A harbour", style="", captions=VTT), "track")
    assert track["kind"] == "captions"
    assert "default" in track
    kind, _, data = track["src"].partition(",")
    assert kind == "data:text/vtt;charset=utf-8;base64"
    assert b64decode(data).decode() == VTT
    assert not attributes_of(player("a.mp4", "A harbour", style=""), "track")


def test_captions_are_text_below_too() -> None:
    """Where a page drops the track, they can be read; nothing in them becomes a tag."""
    tags = Tags(captions_text(["The harbour", HOSTILE]))
    assert {tag for tag, _ in tags.tags} == {"details", "summary", "div"}
    assert captions_text([]) == ""


def test_the_card_of_a_film_has_its_captions() -> None:
    """Those of its parts that have one, in their order."""
    parts = tuple(Piece(source="0" * 32, caption=words) for words in ("The harbour", None, "The storm"))
    html = final_html(clip_state(provider="local", request=FilmRequest(parts=parts)))
    assert html.index("<summary>Captions</summary>") < html.index("The harbour") < html.index("The storm")
    assert "<summary>Captions</summary>" not in final_html(clip_state())
