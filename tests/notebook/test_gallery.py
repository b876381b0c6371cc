"""The gallery: what it is of, how it looks without a script, and what picking does; no browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter import gallery, settings
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.models import GenerateRequest, Video
from luma_jupyter.notebook import host, session
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.gallery import Gallery, LiveGallery
from luma_jupyter.notebook.page import WIDGET_VIEW
from luma_jupyter.notebook.tiles import MOST_TILES, Tile, fitted, gallery_html, tile_html
from luma_jupyter.notebook.variables import word_for
from tests.notebook.conftest import Shell
from tests.notebook.test_host import COLAB, LAB
from tests.notebook.test_render import Tags, look

Seen = Callable[[host.Surroundings], None]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """A function that sets where the code runs."""
    return lambda surroundings: monkeypatch.setattr(host, "look_around", lambda: surroundings)


@pytest.fixture
def made(notebook: Shell) -> list[Clip]:
    """Three clips, oldest first: sunset and dawn are done, fog failed."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma -o dawn --wait\nA <b>dawn</b>")
    notebook.run("%%luma -o fog\nFog [fail]")
    clips = [notebook.user_ns[name] for name in ("sunset", "dawn", "fog")]
    clips[2]._handle.done.result(timeout=10)
    notebook.displays.outputs.clear()
    return clips


def tags(html: str, name: str) -> list[dict[str, Any]]:
    """The attributes of all tags of a name."""
    return [dict(attrs) for tag, attrs in Tags(html).tags if tag == name]


def test_without_arguments_it_is_all_of_this_folder(made: list[Clip]) -> None:
    """Completed clips, newest first; those without a video are left out, and it says so."""
    sunset, dawn, _ = made
    shown = gallery()
    assert list(shown) == [dawn, sunset]
    assert (len(shown), shown[0], shown[-1], dawn in shown) == (2, dawn, sunset, True)
    assert shown[:1] == [dawn]
    assert shown.picked is None
    assert "1 clip without a video is left out" in shown._repr_html_()
    assert repr(shown).endswith("1 clip without a video is left out")


def test_clips_keep_their_order(made: list[Clip]) -> None:
    """Clips that are given are shown in the order in which they are given; one that runs is left out."""
    sunset, dawn, fog = made
    assert list(gallery([sunset, fog, dawn])) == [sunset, dawn]
    assert list(gallery(session.clips())) == [sunset, dawn]
    assert list(gallery(clip for clip in made)) == [sunset, dawn]


def test_a_filter_sees_what_has_a_video(made: list[Clip]) -> None:
    """A function says of each completed clip whether it is shown; nobody asked for the others."""
    sunset, dawn, _ = made
    asked: list[Clip] = []
    shown = gallery(lambda clip: asked.append(clip) or "sunset" in clip.prompt)
    assert list(shown) == [sunset]
    assert asked == [dawn, sunset]
    assert "left out" not in shown._repr_html_()


def test_a_folder_needs_no_journal(made: list[Clip], notebook: Shell, tmp_path: Path) -> None:
    """A copied media folder is a gallery by its sidecars, by its own name or that of the notebook's folder above it."""
    shutil.copytree(settings.current().media_folder, tmp_path / "lesson" / "luma_videos")
    notebook.restart()
    names = [clip.prompt for clip in gallery(folder=str(tmp_path / "lesson"))]
    assert names == ["A <b>dawn</b>", "A sunset"]
    shown = gallery(tmp_path / "lesson" / "luma_videos")
    assert [clip.prompt for clip in shown] == names
    assert shown[0].path.parent == tmp_path / "lesson" / "luma_videos"
    assert list(gallery(lambda clip: "dawn" in clip.prompt, folder=tmp_path / "lesson")) == [shown[0]]


def test_a_lost_file_is_left_out(made: list[Clip]) -> None:
    """A clip whose file is gone is shown as long as its service has an address for it, and else left out."""
    sunset, dawn, _ = made
    sunset.path.unlink()
    shown = gallery([sunset, dawn])
    assert list(shown) == [sunset, dawn]
    sunset._handle.task = sunset._task.evolve(video=Video("http://127.0.0.1:1/a.mp4"))
    assert list(gallery([sunset, dawn])) == [dawn]


@pytest.mark.parametrize(
    ("what", "folder", "words"),
    [
        (7, None, "not of int"),
        ([1], None, "not of int"),
        ("no such folder", None, "There is no folder 'no such folder'"),
        (".", ".", "named twice"),
        ([], ".", "not both"),
    ],
)
def test_bad_input_is_told(notebook: Shell, what: Any, folder: str | None, words: str) -> None:
    """One line says what a gallery can be of."""
    with pytest.raises(InvalidRequest, match=words):
        gallery(what, folder=folder)


def test_an_empty_gallery(notebook: Shell) -> None:
    """With nothing to show it says so, and is false."""
    assert repr(gallery()) == "No clips with a video."
    assert not gallery()
    assert "0 clips" in gallery()._repr_html_()


def test_the_html_loads_no_video(made: list[Clip], seen: Seen) -> None:
    """Posters and players are relative, the players load nothing before they play, and all text is escaped."""
    seen(LAB)
    folder = settings.current().media_folder
    for clip in made[:2]:
        clip.path.with_suffix(".jpg").write_bytes(b"a picture")
    html = gallery()._repr_html_()
    videos, images = tags(html, "video"), tags(html, "img")
    assert [video["preload"] for video in videos] == ["none", "none"]
    assert all("autoplay" not in video and "poster" not in video for video in videos)
    assert [image["alt"] for image in images] == ["A <b>dawn</b>", "A sunset"]
    assert all((folder.parent / image["src"]).is_file() for image in images)
    assert all((folder.parent / video["src"]).is_file() for video in videos)
    assert "<b>" not in html
    assert not {tag for tag, _ in Tags(html).tags} & {"script", "source", "button"}
    assert "AceDataCloud" in html


def test_without_a_picture_there_is_a_box(made: list[Clip]) -> None:
    """A file of which no picture can be made has a neutral box of the video's shape, and no length."""
    html = gallery([made[0]])._repr_html_()
    assert not tags(html, "img")
    assert "no picture" in html
    assert "width:220px;height:124px" in html
    assert "▶ Play<" in html


def test_what_a_tile_says() -> None:
    """Its length, its name, and its whole prompt as the title of the shortened one; data goes before the address."""
    prompt = "word " * 40
    request = GenerateRequest(prompt=prompt.strip())
    html = tile_html(Tile(look(request=request), "a.jpg", 5.04))
    assert "▶ Play · 5.0 s" in html
    assert "<code>sunset</code>" in html
    assert [tag["title"] for tag in tags(html, "div") if "title" in tag] == [prompt.strip()]
    assert tags(html, "img")[0] | {"style": ""} == {
        "src": "a.jpg",
        "alt": "word word word word word word word word word word word word…",
        "loading": "lazy",
        "width": "220",
        "height": "124",
        "style": "",
    }


def test_posters_keep_their_shape() -> None:
    """A poster fits into the room for it, whatever its shape."""
    assert fitted(640, 360) == (220, 124)
    assert fitted(360, 640) == (93, 165)
    assert fitted(10_000, 1) == (220, 1)


def test_too_many_are_not_all_shown() -> None:
    """The saved notebook stays small: it says how many there are beyond the first."""
    html = gallery_html("key", [Tile(look())] * MOST_TILES, MOST_TILES + 1200, 0)
    assert html.count("<figure") == MOST_TILES
    assert "1,500 clips" in html
    assert "and 1,200 more" in html


def test_a_host_without_files_gets_posters_and_videos_in_the_html(made: list[Clip], seen: Seen) -> None:
    """As many posters as there is room for, then videos; what is left says where its file is, or plays remotely."""
    seen(COLAB)
    made[0].path.with_suffix(".jpg").write_bytes(b"a picture")
    html = gallery(made)._repr_html_()
    assert [image["src"][:22] for image in tags(html, "img")] == ["data:image/jpeg;base64"]
    assert all(video["src"].startswith("data:video/mp4") for video in tags(html, "video"))
    settings.configure(embed=False)
    html = gallery(made)._repr_html_()
    assert not tags(html, "img")
    assert [video["src"] for video in tags(html, "video")] == [clip.url for clip in made[:2]]


def test_what_nobody_can_play_says_where_it_is() -> None:
    """Where the page can play neither file nor address, the tile names the file."""
    seen = replace(look(video=Video("http://127.0.0.1:1/a.mp4")), served=False)
    html = tile_html(Tile(seen))
    assert not tags(html, "video")
    assert "Saved as <code>luma_videos/a-sunset-3f9c2a1b.mp4</code>" in html


def test_it_is_shown_as_html_and_a_live_part(made: list[Clip], notebook: Shell) -> None:
    """Two outputs: the gallery itself, which is what is saved, and the widget; no widget in runs without a person."""
    notebook.run("import luma_jupyter as luma\nluma.gallery()")
    plain, live = notebook.displays.latest()
    assert "<figure" in plain["text/html"]
    assert "luma-later" in plain["text/html"]
    assert plain["text/plain"].startswith("NAME")
    assert WIDGET_VIEW in live
    notebook.displays.outputs.clear()
    settings.configure(wait=True)
    notebook.run("luma.gallery()")
    assert len(notebook.displays.latest()) == 1


def test_a_terminal_gets_a_table(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a page it is text."""
    terminal.run("%%luma -o sunset --wait\nA sunset")
    terminal.run("import luma_jupyter as luma\nluma.gallery()")
    assert capsys.readouterr().out.splitlines()[-1].startswith("sunset  generate 16:9  acedata  completed")
    assert not terminal.displays.latest()


def live_part(shown: Gallery) -> LiveGallery:
    return LiveGallery(shown, "key")


def pick(live: LiveGallery, **message: object) -> None:
    """The page says that something was picked."""
    live.model._handle_custom_msg({"do": "pick", **message}, [])


def test_picking_shows_what_to_go_on_with(made: list[Clip], notebook: Shell) -> None:
    """The clip that was picked is kept, and a form for it is below; the next one takes its place."""
    shown = gallery()
    live = live_part(shown)
    assert live.children == (live.model,)
    pick(live, key=made[0]._task.key, action="extend")
    assert shown.picked is made[0]
    (first,) = live.children[1:]
    form = first.children[0]
    assert (form.action, form.source) == ("extend", word_for(made[0]))
    pick(live, key=made[1]._task.key, action="modify")
    assert shown.picked is made[1]
    (second,) = live.children[1:]
    assert second.children[0].action == "modify"
    assert first.comm is None
    assert form.comm is None
    assert second.comm is not None


@pytest.mark.parametrize("message", [{}, {"key": "no such key", "action": "extend"}, {"key": 7, "action": "extend"}])
def test_only_its_own_clips_can_be_picked(made: list[Clip], message: dict[str, object]) -> None:
    """A message about anything else does nothing, nor does an action that there is not."""
    shown = gallery(made[:1])
    live = live_part(shown)
    pick(live, **message)
    pick(live, key=made[1]._task.key, action="extend")
    pick(live, key=made[0]._task.key, action="delete")
    assert shown.picked is None
    assert live.children == (live.model,)


def test_when_its_output_is_cleared_nothing_is_left(made: list[Clip]) -> None:
    """When the last view has left the page, the model, the form, their box and all layouts are closed."""
    shown = gallery()
    live = live_part(shown)
    pick(live, key=made[0]._task.key, action="extend")
    widgets = [live, *live.children, *live.children[1].children]
    parts = [*widgets, *(widget.layout for widget in widgets)]
    assert all(part.comm is not None for part in parts)
    live.model._handle_custom_msg({"do": "gone"}, [])
    assert [part.comm for part in parts] == [None] * len(parts)
