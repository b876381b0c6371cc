"""The comparison: what it is of, how it looks without a script, and what waits; no browser."""

from __future__ import annotations

from typing import Any

import pytest

from luma_jupyter import compare
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.display.outputs import WIDGET_VIEW
from luma_jupyter.errors import ClipFailed, InvalidRequest
from luma_jupyter.widgets.compare.compare import CompareModel
from tests.support import settings
from tests.support.html import Tags, attributes_of
from tests.support.notebook import PromptService, Shell
from tests.support.states import COLAB, LAB, VSCODE
from tests.widgets.conftest import Seen


@pytest.fixture
def made(notebook: Shell) -> list[Clip]:
    """A clip, and what was modified from it, under way."""
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma modify sunset -o foggy\nFog")
    notebook.displays.outputs.clear()
    return [notebook.user_ns["sunset"], notebook.user_ns["foggy"]]


def test_compare_waits_for_what_is_not_done(made: list[Clip], service: PromptService) -> None:
    """It is there when all of its clips are."""
    shown = compare(*made)
    assert [clip.status for clip in shown.clips] == ["completed", "completed"]


@pytest.mark.parametrize("many", [ClipList, tuple, iter])
def test_compare_takes_clips_in_one_list(made: list[Clip], many: Any) -> None:
    """A list of clips is as good as its clips."""
    assert compare(many([*made, made[0]])).clips == [*made, made[0]]


def test_compare_shows_one_clip_beside_its_source(made: list[Clip]) -> None:
    """The source comes first: that is before, and the clip is after."""
    assert compare(made[1]).clips == made


@pytest.mark.parametrize("clips", [(), ([],), (7, 8), ("sunset", "foggy"), ("sunset",)])
def test_compare_refuses_what_it_cannot_be_of(notebook: Shell, clips: tuple[Any, ...]) -> None:
    """One line says what can be compared."""
    with pytest.raises(InvalidRequest, match=r"Only clips can be compared|Name two clips or more"):
        compare(*clips)


def test_compare_refuses_one_clip_without_a_source(made: list[Clip]) -> None:
    """A generated clip has nothing to be compared with."""
    with pytest.raises(InvalidRequest, match="Name two clips or more"):
        compare(made[0])


def test_compare_raises_the_error_of_a_clip_without_a_video(made: list[Clip], notebook: Shell) -> None:
    """What failed cannot be compared, and says why."""
    notebook.run("%%luma -o gone\nGone [fail]")
    with pytest.raises(ClipFailed, match="no luck"):
        compare(made[0], notebook.user_ns["gone"])


def test_comparison_html_is_players_side_by_side(made: list[Clip], seen: Seen) -> None:
    """Each clip has a player of its own, with what is needed to scrub, and its caption; no script and no source."""
    seen(LAB)
    html = compare(*made)._repr_html_()
    videos = attributes_of(html, "video")
    assert [video["preload"] for video in videos] == ["metadata", "metadata"]
    assert all("controls" in video for video in videos)
    assert all((settings.current().folder / str(video["src"])).is_file() for video in videos)
    assert len(attributes_of(html, "figcaption")) == 2
    assert "<code>foggy</code> · modify sunset · RunAPI" in html
    assert not {tag for tag, _ in Tags(html).tags} & {"script", "source", "button", "input"}


def test_comparison_embeds_videos_where_the_host_serves_no_files(made: list[Clip], seen: Seen) -> None:
    """Where the page reaches no files, all videos together are within the host's limit; else a remark says why not."""
    for surroundings in (COLAB, VSCODE):
        seen(surroundings)
        videos = attributes_of(compare(*made)._repr_html_(), "video")
        assert [str(video["src"]).partition(",")[0] for video in videos] == ["data:video/mp4;base64"] * 2
    with made[0].path.open("ab") as file:
        file.write(bytes(6_000_000))
    html = compare(*made)._repr_html_()
    assert [str(video["src"])[:5] for video in attributes_of(html, "video")] == ["https", "data:"]
    assert "too large to be in the notebook (6.0 MB; up to 5.0 MB here)" in html


def test_comparison_is_shown_as_html_and_a_live_part(made: list[Clip], notebook: Shell) -> None:
    """The players, which are saved; the widget, whose key is that of their frame; and room for what a page lacks."""
    notebook.run("import luma_jupyter as luma\nluma.compare(sunset, foggy)")
    plain, live, missing = notebook.displays.latest()
    assert missing["text/plain"] == ""
    assert plain["text/html"].count("<video") == 2
    assert plain["text/plain"].startswith("sunset: “A sunset”")
    assert WIDGET_VIEW in live
    notebook.displays.outputs.clear()
    settings.configure(wait=True)
    notebook.run("luma.compare(sunset, foggy)")
    assert len(notebook.displays.latest()) == 1


def test_compare_model_is_closed_with_its_output(notebook: Shell) -> None:
    """When its last view has left the page nothing of it stays in the kernel."""
    model = CompareModel(kernel.session, lambda key: None, key="3f9c2a1b")
    layout = model.layout
    assert model.key == "3f9c2a1b"
    model._handle_custom_msg({"do": "gone"}, [])
    assert model.comm is None
    assert layout.comm is None


def test_comparison_is_the_paths_in_a_terminal(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a page it is text."""
    terminal.run("%%luma -o sunset --wait\nA sunset")
    capsys.readouterr()
    terminal.run("import luma_jupyter as luma\nluma.compare(sunset, sunset)")
    assert capsys.readouterr().out.count(str(terminal.user_ns["sunset"].path)) == 2
