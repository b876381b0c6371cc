"""One zip of a notebook: what is in it, what is not, and that it plays elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.engine.library.thumbnails import thumbnail
from luma_jupyter.engine.library.whole_files import size_of
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.handed_in import packing, page
from luma_jupyter.handed_in.video import SavedVideo
from tests.support import settings
from tests.support.handed_in import code, markdown, read_zip, run, write_notebook
from tests.support.notebook import PromptService, Shell

SUNSET, DAWN = "%%luma -o sunset\nA sunset", "%%luma -o dawn\nA dawn"


@pytest.fixture
def lesson(notebook: Shell, filmed: PromptService, tmp_path: Path) -> Path:
    """A saved notebook that shows one clip, in a folder with two."""
    cells = [markdown("# My lesson\nWith *words*"), run(notebook, SUNSET)]
    thumbnail(notebook.user_ns["sunset"].path)
    run(notebook, DAWN)
    return saved(tmp_path / "lesson.ipynb", *cells)


def saved(file: Path, *cells: Any) -> Path:
    """A notebook that was saved when all clips were done."""
    write_notebook(file, *cells)
    os.utime(file, (time.time() + 1e6,) * 2)  # the engine's time flies
    return file


def names_in(file: Path) -> list[str]:
    """The kinds of files in a zip, and how the names of those in folders begin."""
    return sorted(name.rpartition("-")[0] + Path(name).suffix if "/" in name else name for name in read_zip(file))


def test_zip_has_what_the_notebook_shows_and_nothing_else(lesson: Path) -> None:
    """The notebook, its page, and the one clip with its sidecar and poster; the folder's other clip is not in it."""
    made = luma.handin("lesson.ipynb")
    assert made.path == lesson.with_suffix(".zip")
    videos = ["luma_videos/a-sunset.jpg", "luma_videos/a-sunset.json", "luma_videos/a-sunset.mp4"]
    assert names_in(made.path) == ["lesson.html", "lesson.ipynb", *videos]
    assert (made.videos, list(made.told)) == (1, [])
    assert re.match(
        r"lesson\.zip \(\d+ kB\): the notebook as it was saved \([\d-]{10} \d\d:\d\d\), its page and 1 video\.",
        repr(made),
    )


def test_unpacked_files_can_be_read(lesson: Path) -> None:
    """Also by others who share a folder: programs that unpack set the permissions that a zip has."""
    with zipfile.ZipFile(luma.handin(lesson).path) as made:
        assert all(info.external_attr >> 16 & 0o044 == 0o044 for info in made.infolist())


def test_notebook_itself_stays_as_it_is(lesson: Path) -> None:
    """Also where something is masked in the copy."""
    write_notebook(lesson, code("%env RUNAPI_API_KEY=run-secret-1234"))
    before = lesson.read_bytes()
    made = luma.handin(lesson)
    assert lesson.read_bytes() == before
    assert b"run-secret-1234" not in read_zip(made.path)["lesson.ipynb"]


def test_unpacked_elsewhere_it_plays_without_key_and_journal(
    lesson: Path, notebook: Shell, service: PromptService, tmp_path: Path
) -> None:
    """Another machine's kernel answers the same cell with the video that came along, and sends nothing."""
    made = luma.handin(lesson)
    elsewhere = tmp_path / "elsewhere"
    shutil.unpack_archive(made.path, elsewhere)
    settings.configure(home=str(tmp_path / "another home"))
    sent = len(service.sent)
    notebook.restart(elsewhere)
    settings.configure(acedata_token=None, acedata_platform_token=None, runapi_key=None, home=str(tmp_path / "third"))
    run(notebook, SUNSET)
    clip = notebook.user_ns["sunset"]
    assert len(service.sent) == sent
    assert clip.path.parent == elsewhere / "luma_videos"


def test_cell_whose_outputs_were_cleared_is_known_by_its_name(lesson: Path, notebook: Shell, tmp_path: Path) -> None:
    """By the variable of this kernel, and in the next one by name and prompt."""
    saved(lesson, code(SUNSET), code("first = sunset"), code("1 +"))
    notebook.run("first = sunset")
    assert luma.handin(lesson).videos == 1
    saved(lesson, code("%%luma -o dawn\nA dawn of another lesson"))
    assert luma.handin(lesson).videos == 0
    saved(lesson, code(SUNSET))
    notebook.restart()
    assert luma.handin(lesson).videos == 1
    saved(lesson, code("import luma_jupyter as luma\nsunset = luma.generate('A sunset')"))
    assert luma.handin(lesson).videos == 1
    saved(lesson, code("%%luma -o sunset\nAnother prompt"))
    assert luma.handin(lesson).videos == 0


def test_clip_inside_the_notebook_is_known_by_its_key(lesson: Path, notebook: Shell, filmed: PromptService) -> None:
    """An embedded video has no address; its card has the key."""
    cell = run(notebook, "%%luma -o inside --embed --wait\nInside")
    assert "data:video/mp4" in json.dumps(cell)
    saved(lesson, cell)
    assert "luma_videos/inside.mp4" in names_in(luma.handin(lesson).path)


def test_gallery_and_table_show_all_their_videos(lesson: Path, notebook: Shell) -> None:
    """A gallery's tiles and a list's links are shown; a history, which is words, shows none."""
    gallery = {"text/html": notebook.run("import luma_jupyter as luma\nluma.gallery()")._repr_html_()}
    saved(lesson, code("luma.gallery()", gallery))
    assert luma.handin(lesson).videos == 2
    history = {"text/html": notebook.run("%luma history")._repr_html_()}
    saved(lesson, code("%luma history", history))
    assert luma.handin(lesson).videos == 0


def test_video_without_a_sidecar_is_handed_in(lesson: Path, film_bytes: bytes, tmp_path: Path) -> None:
    """One that the notebook shows by itself, in a markdown cell, from below its folder."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a film.mp4").write_bytes(film_bytes)
    saved(lesson, markdown('<video src="mine/a%20film.mp4"></video>'))
    assert "mine/a film.mp4" in read_zip(luma.handin(lesson).path)


@pytest.mark.parametrize(
    "address", ["../private.mp4", "{folder}/private.mp4", "file://{folder}/private.mp4", "link.mp4"]
)
def test_no_address_leads_out_of_the_folder(lesson: Path, film_bytes: bytes, tmp_path: Path, address: str) -> None:
    """What lies elsewhere is not handed in, whatever the notebook of somebody says."""
    below = tmp_path / "below"
    below.mkdir()
    (tmp_path / "private.mp4").write_bytes(film_bytes)
    (below / "link.mp4").symlink_to(tmp_path / "private.mp4")
    saved(below / "lesson.ipynb", markdown(f'<video src="{address.format(folder=tmp_path)}">'))
    made = luma.handin(below / "lesson.ipynb")
    assert sorted(read_zip(made.path)) == ["lesson.html", "lesson.ipynb"]


def test_notebook_that_is_older_than_a_clip_says_save_first(lesson: Path) -> None:
    """One line, before all others; the zip is made all the same."""
    os.utime(lesson, (1e9, 1e9))
    kernel.last_run = 0.0  # as in a script
    first, second = repr(luma.handin(lesson)).splitlines()
    assert first == "Save first (Ctrl+S) and hand in again: lesson.ipynb is older than your newest clip."
    assert re.match(r"lesson\.zip \(\d+ kB\): the notebook as it was saved \(2001-09-09 ", second)


def test_cells_that_were_run_after_saving_are_told_first(lesson: Path, notebook: Shell) -> None:
    """An answer that was typed later is not in the zip; the cell that hands in does not count."""
    write_notebook(lesson, code("looks = 0"))
    os.utime(lesson, (time.time() + 100,) * 2)
    assert list(notebook.run("%luma handin lesson.ipynb").warnings) == []
    write_notebook(lesson, code("looks = 0"))
    midnight = time.mktime((*time.localtime()[:3], 0, 0, 0, 0, 0, -1))  # today, and never in the future
    os.utime(lesson, (midnight, midnight))
    notebook.run("looks = 7")
    first, second, *_ = repr(notebook.run("%luma handin lesson.ipynb")).splitlines()
    assert first == "Save first (Ctrl+S) and hand in again: you ran cells after the notebook was saved (00:00)."
    assert second.endswith(" kB): the notebook as it was saved (00:00), its page and 0 videos.")


def test_notebook_that_is_saved_while_it_is_read_is_read_again(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one saves and hands in at once: the time that is told is that of what is in the zip."""
    write_notebook(lesson, code("looks = 0"))
    os.utime(lesson, (1e9, 1e9))
    read = Path.read_bytes

    def read_while_it_is_saved(path: Path) -> bytes:
        content = read(path)
        if b"looks = 0" in content:
            saved(lesson, code("looks = 7"))
        return content

    monkeypatch.setattr(Path, "read_bytes", read_while_it_is_saved)
    made = luma.handin(lesson)
    assert b"looks = 7" in read_zip(made.path)["lesson.ipynb"]
    assert (list(made.warnings), made.saved_at) == ([], lesson.stat().st_mtime)


def test_cells_of_another_notebook_are_not_told(
    lesson: Path, notebook: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a notebook of its own hands in a lesson, its cells change nothing of that."""
    monkeypatch.setenv("JPY_SESSION_NAME", "hand in.ipynb")
    write_notebook(tmp_path / "hand in.ipynb")
    os.utime(lesson, (1e9, 1e9))
    notebook.run("x = 1")
    (warning,) = notebook.run("%luma handin lesson.ipynb").warnings
    assert "older than your newest clip" in warning
    monkeypatch.setenv("JPY_SESSION_NAME", str(lesson))
    (warning,) = notebook.run("%luma handin lesson.ipynb").warnings
    assert "you ran cells after" in warning


def test_lost_and_damaged_videos_are_told(lesson: Path, tmp_path: Path) -> None:
    """A line each; the rest is handed in."""
    (video,) = (tmp_path / "luma_videos").glob("a-sunset-*.mp4")
    video.write_bytes(video.read_bytes()[:-20])
    (line,) = luma.handin(lesson).told
    assert line == f"Left out (the video is damaged, or the .json beside it): {video.name}."
    video.unlink()
    made = luma.handin(lesson)
    assert made.told[0] == f"Left out (not there any more): luma_videos/{video.name}."
    assert names_in(made.path) == ["lesson.html", "lesson.ipynb"]
    saved(lesson, markdown("".join(f'<video src="{number}.mp4">' for number in range(9))))
    assert luma.handin(lesson).told[0].endswith("0.mp4, 1.mp4, 2.mp4, 3.mp4, 4.mp4 and 4 more.")


def test_earlier_hand_in_is_replaced_and_told(lesson: Path) -> None:
    """Its own zip, by one line."""
    luma.handin(lesson)
    (line,) = luma.handin(lesson).told
    assert line.startswith("It takes the place of the lesson.zip from ")


def test_file_of_somebody_else_is_not_replaced(lesson: Path, tmp_path: Path) -> None:
    """Neither another zip nor what only has such a name."""
    for content in (b"no zip", b""):
        (tmp_path / "mine.zip").write_bytes(content)
        with pytest.raises(InvalidRequest, match=r"mine\.zip is there, and was not made by handing in"):
            luma.handin(lesson, "mine.zip")
        assert (tmp_path / "mine.zip").read_bytes() == content
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as other:
        other.writestr("a", "b")
    whole = (tmp_path / "mine.zip").read_bytes()
    for content in (whole, whole.replace(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\xff")):  # of a later zipfile
        (tmp_path / "mine.zip").write_bytes(content)
        with pytest.raises(InvalidRequest, match="choose another name"):
            luma.handin(lesson, "mine.zip")


def test_out_names_a_file_or_a_folder(lesson: Path, tmp_path: Path) -> None:
    """Folders are made; anything but a .zip is refused."""
    assert luma.handin(lesson, "out/ann.zip").path == tmp_path / "out" / "ann.zip"
    assert luma.handin(lesson, "there/").path == tmp_path / "there" / "lesson.zip"
    with pytest.raises(InvalidRequest, match=r"'ann\.rar' does not"):
        luma.handin(lesson, "ann.rar")


def test_no_part_of_a_zip_stays(lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the folder as it was."""
    before = sorted(tmp_path.iterdir())

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", fail)
    with pytest.raises(InvalidRequest, match=r"cannot be saved as .*No space left on device"):
        luma.handin(lesson)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("looks", [0, 1])
def test_video_that_vanishes_meanwhile_is_told(lesson: Path, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Between two looks at it, or just before the page is made: in one line, and there is no zip."""
    read = SavedVideo.read

    def vanish(file: Path) -> SavedVideo | None:
        seen = [read(file) for _ in range(looks)]
        file.unlink()
        return seen[0] if seen else SavedVideo(file, None, size_of(file))

    monkeypatch.setattr(SavedVideo, "read", vanish)
    with pytest.raises(InvalidRequest, match=r"cannot be read \(No such file or directory\): hand it in again\."):
        luma.handin(lesson)
    assert not lesson.with_suffix(".zip").exists()


def test_too_many_videos_are_refused(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, before anything is written."""
    monkeypatch.setattr(packing, "MOST_BYTES", 10)
    with pytest.raises(InvalidRequest, match="Show fewer, save it, and hand in again"):
        luma.handin(lesson)
    assert not lesson.with_suffix(".zip").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"nbformat": 4, "cells": [1]}', "[" * 100_000])
def test_broken_notebook_is_refused(lesson: Path, content: str) -> None:
    """In one line that says what to do."""
    lesson.write_text(content)
    with pytest.raises(
        InvalidRequest, match=r"'lesson\.ipynb' is not a notebook that Jupyter can open: save it again\."
    ):
        luma.handin(lesson)


def test_missing_notebook_is_refused(notebook: Shell) -> None:
    """By its name."""
    with pytest.raises(InvalidRequest, match=r"There is no notebook .*none\.ipynb"):
        luma.handin("none.ipynb")


def test_sidecar_tells_what_this_version_knows_and_the_note(lesson: Path, tmp_path: Path) -> None:
    """What anything else has written beside it, such as a record of what went over the wire, stays at home."""
    (sidecar,) = (tmp_path / "luma_videos").glob("a-sunset-*.json")
    data = json.loads(sidecar.read_text())
    more = {"exchanges": [{"url": "https://api.example/secret"}], "note": {"starred": True, "text": "The best"}}
    sidecar.write_text(json.dumps(data | more))
    files = read_zip(luma.handin(lesson).path)
    (handed,) = (json.loads(content) for name, content in files.items() if name.endswith(".json"))
    assert handed["note"] == {"starred": True, "text": "The best"}
    assert "exchanges" not in handed
    assert "★ The best" in files["lesson.html"].decode()


def test_list_of_takes_is_known_by_its_name(lesson: Path, notebook: Shell) -> None:
    """Each of them, also where an expression was in the prompt."""
    notebook.user_ns["what"] = "sea"
    cell = "%%luma -o seas --takes 2\nA {{what}}"
    run(notebook, cell)
    saved(lesson, code(cell))
    assert luma.handin(lesson).videos == 2


def test_videos_outside_of_the_notebooks_folder_find_a_place(lesson: Path, notebook: Shell, tmp_path: Path) -> None:
    """Below luma_videos in the zip, each under a name of its own."""
    settings.configure(media=str(tmp_path / "media"))
    here = tmp_path / "below"
    here.mkdir()
    notebook.restart(here)
    settings.configure(media=str(tmp_path / "media"))
    first = run(notebook, "%%luma -o first\nFirst")
    saved(here / "lesson.ipynb", first)
    assert "luma_videos/first.mp4" in names_in(luma.handin("lesson.ipynb").path)


def test_equal_names_get_numbers(lesson: Path, film_bytes: bytes, tmp_path: Path) -> None:
    """Two hidden folders have a video of one name; captions that are no text are left out."""
    for folder in (".one", ".two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mp4").write_bytes(film_bytes)
        (tmp_path / folder / "a.vtt").write_bytes(b"\xff")
    saved(lesson, markdown('<video src=".one/a.mp4"><video src=".two/a.mp4">'))
    files = read_zip(luma.handin(lesson).path)
    assert sorted(files) == ["lesson.html", "lesson.ipynb", "luma_videos/a-2.mp4", "luma_videos/a.mp4"]


def test_video_that_is_too_large_for_the_page_is_told(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies beside the page, in the zip."""
    monkeypatch.setattr(page, "LARGEST_INSIDE", 10)
    made = luma.handin(lesson)
    (video,) = (name for name in read_zip(made.path) if name.endswith(".mp4"))
    assert list(made.told) == [f"Too large for the page, so beside it: {video}."]


def test_journal_that_cannot_be_read_holds_nothing_up(lesson: Path) -> None:
    """The addresses in the notebook are enough."""
    settings.configure(home=str(lesson))  # a file, and no folder
    assert luma.handin(lesson).videos == 1


@pytest.mark.slow
def test_film_is_handed_in_with_its_captions(lesson: Path, notebook: Shell) -> None:
    """And not the shots that it is made of."""
    cell = run(notebook, "%%luma film sunset dawn -o movie\nThe evening\nThe morning")
    saved(lesson, cell)
    files = read_zip(luma.handin(lesson).path)
    assert {Path(name).suffix for name in files} == {".ipynb", ".html", ".mp4", ".json", ".jpg", ".vtt"}
    assert len([name for name in files if name.endswith(".mp4")]) == 1
    assert "The evening" in files["lesson.html"].decode()
