"""The sheet: what it is of, what it shows and keeps hidden, votes, and its files; no browser."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import luma_jupyter as luma
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.display.outputs import WIDGET_VIEW
from luma_jupyter.errors import ClipNotReady, ConfigError, InvalidRequest
from luma_jupyter.views.sheet import GENERATOR
from luma_jupyter.widgets.sheet import saving
from luma_jupyter.widgets.sheet.sheet import MOST_CLIPS, Sheet
from tests.support import settings
from tests.support.html import attributes_of
from tests.support.long_list import completed_clip
from tests.support.notebook import PromptService, Shell
from tests.support.states import COLAB, LAB, VSCODE
from tests.widgets.conftest import Seen

WORDS = ("fox", "owl", "snow", "rain")


@pytest.fixture
def made(notebook: Shell, filmed: PromptService) -> ClipList:
    """Four clips of a batch, in the variable ``made``."""
    prompts = [f"A {beast} in {weather}" for beast in ("fox", "owl") for weather in ("snow", "rain")]
    notebook.user_ns["made"] = made = luma.batch(prompts, yes=True).wait()
    notebook.displays.outputs.clear()
    return made


@pytest.fixture
def blind(made: ClipList, seen: Seen) -> Sheet:
    """A blind sheet of them in JupyterLab."""
    seen(LAB)
    return luma.sheet(made, blind=True)


def labels(html: str) -> list[str]:
    """The texts of all headings of a table."""
    return re.findall(r"<th [^>]*>(.*?)</th>", html)


def cast(model: Any, number: object, mark: object) -> None:
    """Vote as the page does."""
    model._handle_custom_msg({"do": "vote", "number": number, "mark": mark}, [])


# What it is of.


def test_a_sheet_waits_and_has_a_cell_for_each_clip(made: ClipList, seen: Seen) -> None:
    """A batch, a list or one clip; each clip once."""
    seen(LAB)
    html = luma.sheet([*made, made[0]])._repr_html_()
    assert labels(html) == ["snow", "rain", "fox", "owl"]
    videos = attributes_of(html, "video")
    assert [video["title"] for video in videos] == [f"{a} · {b}" for a in ("fox", "owl") for b in ("snow", "rain")]
    assert all((settings.current().folder / str(video["src"])).is_file() for video in videos)
    assert luma.sheet(made[0]).label_of(made[0]) == "A fox in snow"
    assert labels(luma.sheet(made, down=["owl", "fox"])._repr_html_()) == ["snow", "rain", "owl", "fox"]


def test_a_clip_without_a_video_says_why(notebook: Shell, service: PromptService, seen: Seen) -> None:
    """A failed one in short, one whose file is gone, and a cell for which there is no clip."""
    prompts = ["A fox in snow", "A fox in rain [fail]", "An owl in snow"]
    made = luma.batch(prompts, yes=True)
    seen(LAB)
    sheet = luma.sheet(made)
    Path(made[0].task.path or "").unlink()
    html = sheet._repr_html_()
    assert "failed: " in html
    assert "no luck" in html
    assert "Its file is gone" in html
    assert len(attributes_of(html, "video")) == 2  # the lost one plays from the service


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        (7, "A sheet shows clips, not int"),
        (["fox"], "A sheet shows clips, not str"),
        ([], "There are no clips for a sheet"),
    ],
)
def test_a_sheet_refuses_what_it_cannot_be_of(notebook: Shell, clips: Any, words: str) -> None:
    """One line says what it is of."""
    with pytest.raises(InvalidRequest, match=words):
        luma.sheet(clips)


def test_a_sheet_has_a_limit(notebook: Shell) -> None:
    """What is saved of it stays small; the line says what shows more."""
    with pytest.raises(InvalidRequest, match=r"at most 144 clips, and these are 145: .* clips\[:144\]"):
        luma.sheet([completed_clip(number, "Boat") for number in range(MOST_CLIPS + 1)])


def test_a_sheet_is_text_where_there_is_no_page(
    made: ClipList, terminal: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The names of the clips in their rows and columns."""
    text = repr(luma.sheet(made))
    assert text.splitlines()[1].split() == ["fox", "made[0]", "made[1]"]
    assert repr(luma.sheet(made, blind=True)) == "A blind sheet of 4 videos: vote in the notebook's page."


# How it is shown.


def test_a_sheet_is_shown_as_html_and_a_live_part(made: ClipList, notebook: Shell) -> None:
    """The players, which are saved; the widget, and what a page lacks. In runs without a person the players alone."""
    notebook.run("import luma_jupyter as luma\nluma.sheet(made)")
    plain, live, _ = notebook.displays.latest()
    assert plain["text/html"].count("<video") == 4
    assert WIDGET_VIEW in live
    notebook.displays.outputs.clear()
    settings.configure(wait=True)
    notebook.run("luma.sheet(made)")
    assert len(notebook.displays.latest()) == 1


def test_videos_in_the_notebook_share_its_limit(made: ClipList, seen: Seen) -> None:
    """The first ones are in it, as many as have room; of others a line says why not, and they play from the service."""
    for surroundings in (COLAB, VSCODE):
        seen(surroundings)
        videos = attributes_of(luma.sheet(made)._repr_html_(), "video")
        assert [str(video["src"]).partition(",")[0] for video in videos] == ["data:video/mp4;base64"] * 4
    with (made[1].path or Path()).open("ab") as file:
        file.write(bytes(20_000_000))
    html = luma.sheet(made)._repr_html_()
    assert [str(video["src"])[:5] for video in attributes_of(html, "video")] == ["data:", "https", "data:", "data:"]
    assert "too large to be in the notebook" in html


# Blind.


def test_nothing_of_a_blind_sheet_tells_what_a_clip_is(blind: Sheet, made: ClipList, notebook: Shell) -> None:
    """No label, prompt, key, id or file name; not in the HTML, the text, the model, nor in what is missing."""
    notebook.user_ns["blind"] = blind
    notebook.run("blind")
    outputs = notebook.displays.latest()
    model = blind._live("3f9c2a1b")
    told = repr([*outputs, model.get_state(), blind._missing, blind._repr_html_()])
    model.close()
    for clip in made:
        task = clip.task
        for word in (*WORDS, task.intent, task.key, task.task_id, task.filename, Path(task.filename).stem, "made["):
            assert str(word) not in re.sub(r"'(_esm|_css)': .*?(?<!\\)',", "", told), word
    html = outputs[0]["text/html"]
    files = [settings.current().folder / str(video["src"]) for video in attributes_of(html, "video")]
    assert {file.stat().st_ino for file in files} == {(clip.path or Path()).stat().st_ino for clip in made}
    assert [video["title"] for video in attributes_of(html, "video")] == [f"Video {n}" for n in (1, 2, 3, 4)]


def test_labels_show_when_all_are_voted_on(blind: Sheet, made: ClipList) -> None:
    """The page has the votes so far, also one that is drawn anew; with the last one the labels come, and stay."""
    model, other = blind._live("3f9c2a1b"), blind._live("3f9c2a1c")
    with pytest.raises(ClipNotReady, match=r"Votes are still missing \(4 of 4\)"):
        blind.votes  # noqa: B018
    for number, mark in enumerate((3, 1, 5)):
        cast(model, number, mark)
    cast(model, 3, 7)
    assert (model.marks, model.labels) == (other.marks, other.labels) == ([3, 1, 5, 0], [])
    assert blind._live("3f9c2a1d").marks == [3, 1, 5, 0]
    cast(other, 3, 4)
    assert model.labels == other.labels
    assert sorted(model.labels) == ["fox · rain", "fox · snow", "owl · rain", "owl · snow"]
    votes = {blind.label_of(clip): mark for clip, mark in blind.votes.items()}
    assert votes == dict(zip(model.labels, (3, 1, 5, 4), strict=True))
    html = blind._repr_html_()
    assert labels(html) == ["snow", "rain", "fox", "owl"]
    assert f"vote: {votes['fox · snow']}" in html
    assert blind._live("3f9c2a1e").marks == []


def test_a_model_that_left_the_page_is_forgotten(blind: Sheet) -> None:
    """Its last view is gone; votes from another page go on."""
    model, other = blind._live("3f9c2a1b"), blind._live("3f9c2a1c")
    model._handle_custom_msg({"do": "gone"}, [])
    assert model.comm is None
    cast(other, 0, 3)
    assert other.marks == [3, 0, 0, 0]


def test_only_blind_sheets_of_videos_are_voted_on(made: ClipList, notebook: Shell, service: PromptService) -> None:
    """One line says so; a clip without a video is left out, and a sheet of such alone is refused."""
    with pytest.raises(ClipNotReady, match="Only a blind sheet has votes"):
        luma.sheet(made).votes  # noqa: B018
    cast(luma.sheet(made)._live("3f9c2a1b"), 0, 3)
    failed = luma.generate("A storm [fail]")
    html = luma.sheet([made[0], failed], blind=True)._repr_html_()
    assert "1 clip without a video is not shown" in html
    assert "storm" not in html
    with pytest.raises(InvalidRequest, match="None of these clips has a video"):
        luma.sheet(failed, blind=True)
    with pytest.raises(InvalidRequest, match="blind"):
        luma.sheet(made, blind="yes")  # type: ignore[arg-type]


def test_blind_videos_are_in_the_page_where_it_serves_no_files(made: ClipList, seen: Seen) -> None:
    """Or where no file can be made; one whose file went away says so by its number."""
    seen(VSCODE)
    sheet = luma.sheet(made, blind=True)
    assert sheet._repr_html_().count("data:video/mp4;base64,") == 4
    seen(LAB)
    (made[0].path or Path()).parent.joinpath("blind").write_text("in the way")
    assert sheet._repr_html_().count("data:video/mp4;base64,") == 4
    Path(made[0].path or "").unlink()
    assert sheet._repr_html_().count("this page cannot play it") == 1


def no_link(*args: object) -> None:
    raise OSError("no links")


def test_blind_videos_are_copied_where_there_are_no_links(
    made: ClipList, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a stick that came from a camera."""
    seen(LAB)
    monkeypatch.setattr("luma_jupyter.operating_system.os.link", no_link)
    html = luma.sheet(made, blind=True)._repr_html_()
    files = [settings.current().folder / str(video["src"]) for video in attributes_of(html, "video")]
    assert {file.read_bytes() for file in files} == {(made[0].path or Path()).read_bytes()}


def test_a_copy_that_is_cut_short_is_none(made: ClipList, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made as a whole, or not at all; where it cannot be, the video is in the page."""
    seen(LAB)

    def full(original: Any, copy: Any, *rest: object) -> None:
        copy.write(original.read(100))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("luma_jupyter.operating_system.os.link", no_link)
        disk.setattr("shutil.copyfileobj", full)
        assert luma.sheet(made, blind=True)._repr_html_().count("data:video/mp4;base64,") == 4
    html = luma.sheet(made, blind=True)._repr_html_()
    files = [settings.current().folder / str(video["src"]) for video in attributes_of(html, "video")]
    assert {file.read_bytes() for file in files} == {(made[0].path or Path()).read_bytes()}
    assert len(list(files[0].parent.iterdir())) == 4


# Its files.


def test_a_page_has_everything_in_it(made: ClipList, tmp_path: Path) -> None:
    """Videos, script and style; no address leads out of it."""
    target = luma.sheet(made).save(tmp_path / "out" / "sheet.html")
    page = target.read_text("utf-8")
    assert labels(page) == ["snow", "rain", "fox", "owl"]
    assert page.count('src="data:video/mp4;base64,') == 4
    assert "playSheet(document" in page
    assert "https://" not in page.replace("https://developer.mozilla.org", "")
    assert sorted(path.name for path in target.parent.iterdir()) == ["sheet.html"]


def test_large_videos_are_beside_the_page(made: ClipList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of the page's name, under names that tell nothing."""
    monkeypatch.setattr(saving, "MOST_INSIDE", 100)
    page = luma.sheet(made).save(tmp_path / "my sheet.html").read_text("utf-8")
    sources = [str(video["src"]) for video in attributes_of(page, "video")]
    assert len(sources) == 4
    assert all(re.fullmatch(r"my%20sheet_videos/[0-9a-f]{16}\.mp4", source) for source in sources)
    assert len(list((tmp_path / "my sheet_videos").glob("*.mp4"))) == 4


def test_a_picture_has_labels(made: ClipList, tmp_path: Path) -> None:
    """PNG, which says that it is a sheet; the blind one is another picture, with numbers."""
    target = luma.sheet(made).save(tmp_path / "sheet.png")
    with Image.open(target) as picture:
        assert picture.text["Software"] == GENERATOR  # type: ignore[attr-defined]
        size = picture.size
    with Image.open(luma.sheet(made, blind=True).save(tmp_path / "blind.png")) as picture:
        assert picture.size != size


def test_a_blind_page_tells_nothing(made: ClipList, tmp_path: Path) -> None:
    """As long as votes are missing; when all are there it has the labels."""
    sheet = luma.sheet(made, blind=True)
    page = sheet.save(tmp_path / "sheet.html").read_text("utf-8")
    words = re.sub(r"<(style|script)>.*?</\1>|data:[^\"]*", "", page, flags=re.S)
    assert "Video 4" in words
    assert not [word for clip in made for word in (*WORDS, clip.task.key, clip.task.filename) if word in words]
    model = sheet._live("3f9c2a1b")
    for number in range(4):
        cast(model, number, 5)
    assert "fox" in sheet.save(tmp_path / "sheet.html").read_text("utf-8")


def test_saving_replaces_sheets_and_nothing_else(made: ClipList, tmp_path: Path) -> None:
    """A sheet of another run is replaced; a page or a picture of the user's own stays, and one line says so."""
    sheet = luma.sheet(made)
    for name in ("sheet.html", "sheet.png"):
        assert sheet.save(tmp_path / name) == sheet.save(str(tmp_path / name)) == tmp_path / name
        own = tmp_path / f"own-{name}"
        own.write_bytes(b"<p>mine</p>")
        with pytest.raises(
            InvalidRequest, match=r"^There is another file called .*: save the sheet under another name\.$"
        ):
            sheet.save(own)
        assert own.read_bytes() == b"<p>mine</p>"
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InvalidRequest, match="There is another file called"):
        sheet.save(tmp_path / "folder.html")


@pytest.mark.parametrize("name", ["sheet.pdf", "sheet", "sheet.mp4"])
def test_a_sheet_is_saved_as_a_page_or_a_picture(made: ClipList, name: str) -> None:
    """Other suffixes are refused before anything is made."""
    with pytest.raises(InvalidRequest, match=r"A sheet can be saved as \.html or \.png"):
        luma.sheet(made).save(name)


def test_a_file_that_cannot_be_written_is_one_line(made: ClipList, tmp_path: Path) -> None:
    """A folder that cannot be made."""
    (tmp_path / "file").write_text("in the way")
    for name in ("sheet.html", "sheet.png"):
        with pytest.raises(InvalidRequest, match="cannot be"):
            luma.sheet(made).save(tmp_path / "file" / name)


def test_a_picture_needs_the_media_packages(made: ClipList, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "luma_jupyter.films.labelled_sheet", None)
    with pytest.raises(ConfigError, match="This needs a package"):
        luma.sheet(made).save("sheet.png")
