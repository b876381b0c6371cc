"""The gallery: what it is of, how it looks without a script, and what picking does; no browser."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter import compare, gallery
from luma_jupyter.api.kernel import kernel
from luma_jupyter.api.views import clips
from luma_jupyter.clip.clip import Clip
from luma_jupyter.display.outputs import WIDGET_VIEW
from luma_jupyter.domain.task import Video
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.views.gallery import FIRST_TILES, MOST_TILES
from luma_jupyter.views.html import MOST_SAVED, saved_size
from luma_jupyter.widgets.gallery.gallery import Gallery
from luma_jupyter.widgets.gallery.live import LiveGallery
from tests.support import settings
from tests.support.html import Tags, attributes_of
from tests.support.long_list import LongList
from tests.support.notebook import Shell
from tests.support.states import COLAB, LAB
from tests.widgets.conftest import Seen


@pytest.fixture
def made(notebook: Shell) -> list[Clip]:
    """Three clips, oldest first: sunset and dawn are done, fog failed."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma -o dawn --wait\nA <b>dawn</b>")
    notebook.run("%%luma -o fog\nFog [fail]")
    clips = [notebook.user_ns[name] for name in ("sunset", "dawn", "fog")]
    clips[2].handle.done.result(timeout=10)
    notebook.displays.outputs.clear()
    return clips


def test_gallery_without_arguments_is_all_of_this_folder(made: list[Clip]) -> None:
    """Completed clips, newest first; those without a video are left out, and it says so."""
    sunset, dawn, _ = made
    shown = gallery()
    assert list(shown) == [dawn, sunset]
    assert (len(shown), shown[0], shown[-1], dawn in shown) == (2, dawn, sunset, True)
    assert shown[:1] == [dawn]
    assert shown.picked is None
    assert "1 clip without a video is not shown" in shown._repr_html_()
    assert repr(shown).endswith("1 clip without a video is not shown")


def test_gallery_of_clips_keeps_their_order(made: list[Clip]) -> None:
    """Clips that are given are shown in the order in which they are given; one that runs is left out."""
    sunset, dawn, fog = made
    assert list(gallery([sunset, fog, dawn])) == [sunset, dawn]
    assert list(gallery(clips())) == [sunset, dawn]
    assert list(gallery(clip for clip in made)) == [sunset, dawn]


def test_gallery_filter_sees_what_has_a_video(made: list[Clip]) -> None:
    """A function says of each completed clip whether it is shown; nobody asked for the others."""
    sunset, dawn, _ = made
    asked: list[Clip] = []
    shown = gallery(lambda clip: asked.append(clip) or "sunset" in clip.prompt)
    assert list(shown) == [sunset]
    assert asked == [dawn, sunset]
    assert "left out" not in shown._repr_html_()


def test_gallery_of_a_folder_needs_no_journal(made: list[Clip], notebook: Shell, tmp_path: Path) -> None:
    """A copied media folder is a gallery by its sidecars, by its own name or that of the notebook's folder above it."""
    shutil.copytree(settings.current().media_folder, tmp_path / "lesson" / "luma_videos")
    notebook.restart()
    names = [clip.prompt for clip in gallery(folder=str(tmp_path / "lesson"))]
    assert names == ["A <b>dawn</b>", "A sunset"]
    shown = gallery(tmp_path / "lesson" / "luma_videos")
    assert [clip.prompt for clip in shown] == names
    assert shown[0].path.parent == tmp_path / "lesson" / "luma_videos"
    assert list(gallery(lambda clip: "dawn" in clip.prompt, folder=tmp_path / "lesson")) == [shown[0]]


def test_gallery_says_that_a_file_is_gone(made: list[Clip], notebook: Shell) -> None:
    """On its tile, which plays from the service as long as that has an address for it."""
    sunset, dawn, _ = made
    sunset.path.unlink()
    html = gallery([sunset, dawn])._repr_html_()
    assert html.count("Its file is gone: `%luma retry sunset` fetches it again.") == 1
    assert attributes_of(html, "video")[0]["src"].startswith("https://")
    assert repr(gallery([sunset, dawn])).count("completed, file gone") == 1
    sunset.handle.task = sunset.task.evolve(video=Video("http://127.0.0.1:1/a.mp4"))
    shown = gallery([sunset, dawn])
    assert list(shown) == [sunset, dawn]
    assert len(attributes_of(shown._repr_html_(), "video")) == 1


@pytest.fixture
def plain(tmp_path: Path, film_bytes: bytes) -> Path:
    """A folder of two videos that nobody's sidecar tells of, and of files that are none."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("b one.mp4", "A.MP4"):
        (folder / name).write_bytes(film_bytes)
    (folder / "cut.mp4").write_bytes(film_bytes[:-9])
    (folder / "notes.json").write_text("{}")
    return folder


def test_gallery_of_plain_videos_shows_them(notebook: Shell, plain: Path, seen: Seen) -> None:
    """By their names, playing from beside the notebook, with pictures and lengths; what is no whole video is not."""
    seen(LAB)
    shown = gallery(plain)
    assert shown.files == [plain / "A.MP4", plain / "b one.mp4"]
    assert (list(shown), bool(shown)) == ([], True)
    assert repr(shown) == "films/A.MP4\nfilms/b one.mp4"
    html = shown._repr_html_()
    assert "2 videos<" in html
    assert [video["src"] for video in attributes_of(html, "video")] == ["films/A.MP4", "films/b%20one.mp4"]
    assert [image["src"] for image in attributes_of(html, "img")] == ["films/A.jpg", "films/b%20one.jpg"]
    assert html.count("▶ Play · 1.0 s") == 2
    assert "simulated" not in html
    assert list(gallery(lambda clip: True, folder=plain)) == []


def test_gallery_has_a_video_whose_name_is_in_another_encoding(notebook: Shell, plain: Path, seen: Seen) -> None:
    """As archives of old Windows leave them: its address is the one under which the server finds it."""
    (plain / "A.MP4").rename(plain / os.fsdecode(b"\xc4\xe3.mp4"))
    seen(LAB)
    shown = gallery(plain)
    assert repr(shown) == "films/b one.mp4\nfilms/��.mp4"
    html = shown._repr_html_()
    assert {video["src"] for video in attributes_of(html, "video")} == {"films/%C4%E3.mp4", "films/b%20one.mp4"}


def test_gallery_shows_plain_videos_behind_clips(made: list[Clip], film_bytes: bytes) -> None:
    """A media folder into which somebody put a film of their own: the clips, then the film."""
    folder = settings.current().media_folder
    (folder / "mine.mp4").write_bytes(film_bytes)
    shown = gallery(folder)
    assert [clip.prompt for clip in shown] == ["A <b>dawn</b>", "A sunset"]
    assert shown.files == [folder / "mine.mp4"]
    html = shown._repr_html_()
    assert "2 clips and 1 video<" in html
    assert html.index("A sunset") < html.index("mine.mp4")


def test_gallery_embeds_plain_videos_up_to_the_limit(
    notebook: Shell, plain: Path, seen: Seen, film_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the host serves no files: the very bytes while there is room, then the name."""
    seen(COLAB)
    html = gallery(plain)._repr_html_()
    assert [video["src"][:22] for video in attributes_of(html, "video")] == ["data:video/mp4;base64,"] * 2
    for picture in plain.glob("*.jpg"):
        picture.write_bytes(b"a picture")
    monkeypatch.setattr("luma_jupyter.views.host.COLAB_LIMIT", 60 + len(film_bytes))
    html = gallery(plain)._repr_html_()
    assert len(attributes_of(html, "video")) == 1
    assert "Saved as <code>films/b one.mp4</code>. This page cannot play it." in html


def test_picking_a_plain_video_goes_on_from_its_path(notebook: Shell, plain: Path) -> None:
    """The form has the path as its source; there is no clip that was picked."""
    shown = gallery(plain)
    studio = shown.pick("films/A.MP4", "extend")
    assert studio is not None
    assert studio.form.cell.startswith("%%luma extend films/A.MP4")
    assert shown.picked is None
    assert shown.pick("films/none.mp4", "extend") is None
    studio.close()


@pytest.mark.parametrize(
    ("what", "folder", "words"),
    [
        (7, None, "not int"),
        ([1], None, "not int"),
        ("no such folder", None, "There is no folder 'no such folder'"),
        (".", ".", "named twice"),
        ([], ".", "not both"),
    ],
)
def test_gallery_refuses_what_it_cannot_be_of(notebook: Shell, what: Any, folder: str | None, words: str) -> None:
    """One line says what a gallery can be of."""
    with pytest.raises(InvalidRequest, match=words):
        gallery(what, folder=folder)


def test_gallery_without_clips_says_so(notebook: Shell) -> None:
    """With nothing to show it says so, and is false."""
    assert repr(gallery()) == "No clips with a video."
    assert not gallery()
    assert "0 clips" in gallery()._repr_html_()


def test_gallery_html_loads_no_video(made: list[Clip], seen: Seen) -> None:
    """Posters and players are relative, the players load nothing before they play, and all text is escaped."""
    seen(LAB)
    folder = settings.current().media_folder
    for clip in made[:2]:
        clip.path.with_suffix(".jpg").write_bytes(b"a picture")
    html = gallery()._repr_html_()
    videos, images = attributes_of(html, "video"), attributes_of(html, "img")
    assert [video["preload"] for video in videos] == ["none", "none"]
    assert all("autoplay" not in video and "poster" not in video for video in videos)
    assert [image["alt"] for image in images] == ["A <b>dawn</b>", "A sunset"]
    assert all((folder.parent / image["src"]).is_file() for image in images)
    assert all((folder.parent / video["src"]).is_file() for video in videos)
    assert "<b>" not in html
    assert not {tag for tag, _ in Tags(html).tags} & {"script", "source", "button"}
    assert "AceDataCloud" in html


def test_gallery_tile_without_a_picture_is_a_box(made: list[Clip]) -> None:
    """A file of which no picture can be made has a neutral box of the video's shape, and no length."""
    html = gallery([made[0]])._repr_html_()
    assert not attributes_of(html, "img")
    assert "no picture" in html
    assert "width:220px;height:124px" in html
    assert "▶ Play<" in html


def test_gallery_embeds_posters_and_videos_where_the_host_serves_no_files(made: list[Clip], seen: Seen) -> None:
    """As many posters as there is room for, then videos; what is left says where its file is, or plays remotely."""
    seen(COLAB)
    made[0].path.with_suffix(".jpg").write_bytes(b"a picture")
    html = gallery(made)._repr_html_()
    assert [image["src"][:22] for image in attributes_of(html, "img")] == ["data:image/jpeg;base64"]
    videos = attributes_of(html, "video")
    assert [video["src"].partition(",")[0] for video in videos] == ["data:video/mp4;base64"] * 2
    settings.configure(embed=False)
    html = gallery(made)._repr_html_()
    assert not attributes_of(html, "img")
    assert [video["src"] for video in attributes_of(html, "video")] == [clip.url for clip in made[:2]]


def test_gallery_is_shown_as_html_and_a_live_part(made: list[Clip], notebook: Shell) -> None:
    """The gallery itself, which is what is saved; the widget, and room for what a page lacks: neither in runs without a
    person."""
    notebook.run("import luma_jupyter as luma\nluma.gallery()")
    plain, live, missing = notebook.displays.latest()
    assert missing["text/plain"] == ""
    assert "<figure" in plain["text/html"]
    assert "luma-later" in plain["text/html"]
    assert plain["text/plain"].startswith("NAME")
    assert WIDGET_VIEW in live
    notebook.displays.outputs.clear()
    settings.configure(wait=True)
    notebook.run("luma.gallery()")
    assert len(notebook.displays.latest()) == 1


def test_gallery_is_a_table_in_a_terminal(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a page it is text."""
    terminal.run("%%luma -o sunset --wait\nA sunset")
    terminal.run("import luma_jupyter as luma\nluma.gallery()")
    assert capsys.readouterr().out.splitlines()[-1].startswith("sunset  generate 16:9  acedata  completed")
    assert not terminal.displays.latest()


def live_part(shown: Gallery) -> LiveGallery:
    return shown._live("key")


def pick(live: LiveGallery, **message: object) -> None:
    """The page says that something was picked."""
    live.model._handle_custom_msg({"do": "pick", **message}, [])


def test_picking_a_clip_shows_its_form(made: list[Clip], notebook: Shell) -> None:
    """The clip that was picked is kept, and a form for it is below; the next one takes its place."""
    shown = gallery()
    live = live_part(shown)
    assert live.children == (live.model,)
    pick(live, key=made[0].task.key, action="extend")
    assert shown.picked is made[0]
    (first,) = live.children[1:]
    form = first.children[0]
    assert (form.action, form.source) == ("extend", kernel.session.find_word(made[0]))
    pick(live, key=made[1].task.key, action="modify")
    assert shown.picked is made[1]
    (second,) = live.children[1:]
    assert second.children[0].action == "modify"
    assert first.comm is None
    assert form.comm is None
    assert second.comm is not None


@pytest.mark.parametrize("message", [{}, {"key": "no such key", "action": "extend"}, {"key": 7, "action": "extend"}])
def test_picking_takes_only_the_gallerys_own_clips(made: list[Clip], message: dict[str, object]) -> None:
    """A message about anything else does nothing, nor does an action that there is not."""
    shown = gallery(made[:1])
    live = live_part(shown)
    pick(live, **message)
    pick(live, key=made[1].task.key, action="extend")
    pick(live, key=made[0].task.key, action="delete")
    assert shown.picked is None
    assert live.children == (live.model,)


def test_gallery_leaves_nothing_when_its_output_is_cleared(made: list[Clip]) -> None:
    """When the last view has left the page, the model, the form, their box and all layouts are closed."""
    shown = gallery()
    live = live_part(shown)
    pick(live, key=made[0].task.key, action="extend")
    widgets = [live, *live.children, *live.children[1].children]
    parts = [*widgets, *(widget.layout for widget in widgets)]
    assert all(part.comm is not None for part in parts)
    live.model._handle_custom_msg({"do": "gone"}, [])
    assert [part.comm for part in parts] == [None] * len(parts)


def test_a_gallery_embeds_only_what_its_page_may_not_reach(notebook: Shell) -> None:
    """One of two clips lies in a hidden folder, whose files too are shown; a comparison of both does the same."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    settings.configure(media=".hidden")
    notebook.run("%%luma -o dawn --wait\nA dawn")
    both = [notebook.user_ns["sunset"], notebook.user_ns["dawn"]]
    for shown in (gallery(both), compare(*both)):
        sources = [video["src"].partition("/")[0] for video in attributes_of(shown._repr_html_(), "video")]
        assert sources == ["luma_videos", "data:video"]
    Path(".hidden", "own.mp4").write_bytes(both[1].path.read_bytes())
    sources = [video["src"].partition("/")[0] for video in attributes_of(gallery(".hidden")._repr_html_(), "video")]
    assert sources == ["data:video", "data:video"]


# Galleries of more clips than are on the screen.

MANY = 20_000


def test_a_long_gallery_reads_only_what_is_shown(notebook: Shell, seen: Seen) -> None:
    """What is saved has as many tiles and lines as fit, and says how many are left out, and how to see them."""
    seen(LAB)
    many = LongList(MANY)
    notebook.user_ns["shown"] = shown = gallery(many)
    assert len(shown) == MANY
    notebook.run("shown")
    html, text = (notebook.displays.latest()[0][kind] for kind in ("text/html", "text/plain"))
    assert saved_size(html, text) <= MOST_SAVED
    tiles = html.count("<figure")
    assert tiles == FIRST_TILES
    assert "20,000 clips" in html
    for part in (html, text):
        assert f"and {MANY - tiles:,} more: run this cell again to scroll through all of them" in part
    assert "luma_jupyter.gallery(luma_jupyter.clips()[-50:])" in html
    assert max(part.stop for part in many.read) <= MOST_TILES
    assert repr(shown).count("Boat ") == MOST_TILES


def test_a_gallery_of_long_prompts_is_saved_small(notebook: Shell, seen: Seen) -> None:
    """Fewer tiles fit, then, and the line says how many."""
    seen(LAB)
    shown = gallery(LongList(MANY, prompt="\N{WATER WAVE}" * 4000))
    notebook.user_ns["shown"] = shown
    notebook.run("shown")
    html, text = (notebook.displays.latest()[0][kind] for kind in ("text/html", "text/plain"))
    tiles = html.count("<figure")
    assert saved_size(html, text) <= MOST_SAVED
    assert 0 < tiles < FIRST_TILES
    assert f"and {MANY - tiles:,} more" in html


def test_a_page_gets_the_tiles_that_it_asks_for(notebook: Shell, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones too, each with its key; of what is no part of a list it gets nothing."""
    seen(LAB)
    live = live_part(gallery(LongList(MANY)))
    assert live.model.view["total"] == MANY
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(type(live.model), "send", lambda _, content: sent.append(content))
    live.model._handle_custom_msg({"do": "rows", "from": MANY - 3, "to": MANY + 7}, [])
    (message,) = sent
    assert message["from"] == MANY - 3
    assert [re.findall(r"Boat \d+", html)[0] for html in message["tiles"]] == ["Boat 19997", "Boat 19998", "Boat 19999"]
    for start, stop in ((-5, 5), (0, 501), ("0", 5), (None, None)):
        live.model._handle_custom_msg({"do": "rows", "from": start, "to": stop}, [])
    assert len(sent) == 1


def test_tiles_that_are_asked_for_have_clips_before_files(made: list[Clip], film_bytes: bytes) -> None:
    """Positions go over both; a file is found by its word."""
    folder = settings.current().media_folder
    (folder / "mine.mp4").write_bytes(film_bytes)
    shown = gallery(folder)
    now = shown.shelf.now
    assert [tile.title for tile in shown.tiles(now, range(1, 9))] == ["A sunset", "mine.mp4"]
    assert [tile.title for tile in shown.tiles(now, range(2, 3))] == ["mine.mp4"]
    assert shown.tiles(now, range(3, 9)) == []


def test_tiles_that_are_asked_for_embed_pictures_and_no_videos(made: list[Clip], seen: Seen) -> None:
    """Where the host serves no files, a message of many tiles has no room for their videos."""
    seen(COLAB)
    made[0].path.with_suffix(".jpg").write_bytes(b"a picture")
    shown = gallery(made[:1])
    (tile,) = shown.tiles(shown.shelf.now, range(5), videos=False)
    assert str(tile.poster).startswith("data:image/jpeg;base64")
    assert not str(tile.src).startswith("data:")


def test_any_clip_of_a_long_gallery_can_be_picked(notebook: Shell, seen: Seen) -> None:
    """Whether it was shown or not."""
    seen(LAB)
    shown = gallery(LongList(MANY))
    (clip,) = shown[12_345:12_346]
    studio = shown.pick(clip.task.key, "extend")
    assert studio is not None
    assert shown.picked is clip
    studio.close()
