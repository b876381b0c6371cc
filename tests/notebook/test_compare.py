"""The comparison: what it is of, how it looks without a script, and what waits; no browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from luma_jupyter import compare, settings
from luma_jupyter.errors import ClipFailed, InvalidRequest
from luma_jupyter.models import Video
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.compare import CompareModel, comparison_html
from luma_jupyter.notebook.page import WIDGET_VIEW
from tests.notebook.conftest import FakeService, Shell
from tests.notebook.test_gallery import Seen, seen, tags
from tests.notebook.test_host import COLAB, LAB, VSCODE
from tests.notebook.test_render import HOSTILE, Tags, look

__all__ = ["seen"]


@pytest.fixture
def made(notebook: Shell) -> list[Clip]:
    """A clip, and what was modified from it, under way."""
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma modify sunset -o foggy\nFog")
    notebook.displays.outputs.clear()
    return [notebook.user_ns["sunset"], notebook.user_ns["foggy"]]


def test_it_waits_for_what_is_not_done(made: list[Clip], service: FakeService) -> None:
    """It is there when all of its clips are."""
    shown = compare(*made)
    assert [clip.status for clip in shown.clips] == ["completed", "completed"]


@pytest.mark.parametrize("many", [Clips, tuple, iter])
def test_clips_may_come_in_one_list(made: list[Clip], many: Any) -> None:
    """A list of clips is as good as its clips."""
    assert compare(many([*made, made[0]])).clips == [*made, made[0]]


def test_one_clip_is_shown_beside_its_source(made: list[Clip]) -> None:
    """The source comes first: that is before, and the clip is after."""
    assert compare(made[1]).clips == made


@pytest.mark.parametrize("clips", [(), ([],), (7, 8), ("sunset", "foggy"), ("sunset",)])
def test_bad_input_is_told(notebook: Shell, clips: tuple[Any, ...]) -> None:
    """One line says what can be compared."""
    with pytest.raises(InvalidRequest, match=r"Only clips can be compared|Name two clips or more"):
        compare(*clips)


def test_one_clip_without_a_source_is_not_enough(made: list[Clip]) -> None:
    """A generated clip has nothing to be compared with."""
    with pytest.raises(InvalidRequest, match="Name two clips or more"):
        compare(made[0])


def test_a_clip_without_a_video_raises_its_error(made: list[Clip], notebook: Shell) -> None:
    """What failed cannot be compared, and says why."""
    notebook.run("%%luma -o gone\nGone [fail]")
    with pytest.raises(ClipFailed, match="no luck"):
        compare(made[0], notebook.user_ns["gone"])


def test_the_html_is_players_side_by_side(made: list[Clip], seen: Seen) -> None:
    """Each clip has a player of its own, with what is needed to scrub, and its caption; no script and no source."""
    seen(LAB)
    html = compare(*made)._repr_html_()
    videos = tags(html, "video")
    assert [video["preload"] for video in videos] == ["metadata", "metadata"]
    assert all("controls" in video for video in videos)
    assert all((settings.current().folder / str(video["src"])).is_file() for video in videos)
    assert len(tags(html, "figcaption")) == 2
    assert "<code>foggy</code> · modify of sunset · RunAPI" in html
    assert not {tag for tag, _ in Tags(html).tags} & {"script", "source", "button", "input"}


def test_text_from_elsewhere_is_only_text(made: list[Clip]) -> None:
    """Nothing that a name or a remark says becomes a tag."""
    html = comparison_html("key", [replace(look(name=HOSTILE), remark=HOSTILE, media=HOSTILE)] * 2)
    assert {tag for tag, _ in Tags(html).tags} == {"div", "style", "figure", "figcaption", "video", "code"}
    assert all("onerror" not in attrs for _, attrs in Tags(html).tags)


def test_hosts_without_files_get_the_videos_in_the_html(made: list[Clip], seen: Seen) -> None:
    """Where the page reaches no files, all videos together are within the host's limit; else a remark says why not."""
    for surroundings in (COLAB, VSCODE):
        seen(surroundings)
        html = compare(*made)._repr_html_()
        assert all(str(video["src"]).startswith("data:video/mp4;base64,") for video in tags(html, "video"))
    with made[0].path.open("ab") as file:
        file.write(bytes(6_000_000))
    html = compare(*made)._repr_html_()
    assert [str(video["src"])[:5] for video in tags(html, "video")] == ["https", "data:"]
    assert "too large to be in the notebook (6.0 MB; up to 5.0 MB here)" in html


def test_without_an_address_there_is_the_caption(made: list[Clip]) -> None:
    """A video that the page cannot reach leaves its caption."""
    html = comparison_html("key", [look(path=None, video=Video("http://127.0.0.1:1/a.mp4")), look()])
    assert len(tags(html, "video")) == 1
    assert len(tags(html, "figcaption")) == 2


def test_it_is_shown_as_html_and_a_live_part(made: list[Clip], notebook: Shell) -> None:
    """Two outputs: the players, which are saved, and the widget, whose key is that of their frame."""
    notebook.run("import luma_jupyter as luma\nluma.compare(sunset, foggy)")
    plain, live = notebook.displays.latest()
    assert plain["text/html"].count("<video") == 2
    assert plain["text/plain"].startswith("sunset: “A sunset”")
    assert WIDGET_VIEW in live
    notebook.displays.outputs.clear()
    settings.configure(wait=True)
    notebook.run("luma.compare(sunset, foggy)")
    assert len(notebook.displays.latest()) == 1


def test_the_model_is_closed_with_its_output(notebook: Shell) -> None:
    """When its last view has left the page nothing of it stays in the kernel."""
    model = CompareModel(key="3f9c2a1b")
    layout = model.layout
    assert model.key == "3f9c2a1b"
    model._handle_custom_msg({"do": "gone"}, [])
    assert model.comm is None
    assert layout.comm is None


def test_a_terminal_gets_the_paths(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a page it is text."""
    terminal.run("%%luma -o sunset --wait\nA sunset")
    capsys.readouterr()
    terminal.run("import luma_jupyter as luma\nluma.compare(sunset, sunset)")
    assert capsys.readouterr().out.count(str(terminal.user_ns["sunset"].path)) == 2
