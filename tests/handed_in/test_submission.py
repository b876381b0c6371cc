"""The zips of a class: whose each is, what is in it, and that what is forged is refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.engine.library.folder import replace_note
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.handed_in import archive, submission
from luma_jupyter.handed_in.submission import Collected, collect_all
from tests.handed_in.test_archive import HOSTILE
from tests.support.handed_in import printed, read_zip, tagged, write_notebook, write_zip
from tests.support.notebook import MP4, PromptService, Shell

Files = dict[str, bytes]
NOTEBOOK = b'{"nbformat": 4, "cells": []}'


@pytest.fixture
def files(notebook: Shell, service: PromptService) -> Files:
    """What a student hands in: a notebook, and a clip with its sidecar."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    video = notebook.user_ns["sunset"].path
    sidecar = video.with_suffix(".json")
    return {
        "lesson.ipynb": NOTEBOOK,
        "luma_videos/a.mp4": video.read_bytes(),
        "luma_videos/a.json": sidecar.read_bytes(),
    }


def forged(files: Files, **changes: Any) -> Files:
    """The files with another sidecar."""
    data = json.loads(files["luma_videos/a.json"])
    return files | {"luma_videos/a.json": json.dumps(data | changes).encode()}


def test_student_is_the_zip_or_its_folder(files: Files, tmp_path: Path) -> None:
    """As learning platforms name them; equal names are told apart."""
    for name in ("Ann Müller.zip", "ben/lesson.ZIP", "c/lesson.zip", "c/other.zip", ".hidden/x.zip", "readme.txt"):
        write_zip(tmp_path / "class" / name, files)
    found = collect_all(tmp_path / "class")
    assert [one.student for one in found.submissions] == ["Ann Müller", "ben", "c", "c (2)"]
    assert found.lines == []


def test_notebook_without_its_zip_is_told(files: Files, tmp_path: Path) -> None:
    """In a line, as a zip that is refused; not one that lies beside its own zip, nor a hidden one."""
    folder = tmp_path / "class"
    write_zip(folder / "ann.zip", files)
    write_zip(folder / "ben" / "lesson.zip", files)
    (folder / "eve" / ".ipynb_checkpoints").mkdir(parents=True)
    for name in ("ann.ipynb", "dora.ipynb", "ben/mine.ipynb", "eve/lesson.IPYNB", ".x.ipynb"):
        (folder / name).write_bytes(NOTEBOOK)
    found = collect_all(folder)
    assert [one.student for one in found.submissions] == ["ann", "ben"]
    assert found.lines == [
        "dora.ipynb is refused: it is a notebook alone; ask for the zip of `%luma handin … -o NAME.zip`.",
        "eve/lesson.IPYNB is refused: it is a notebook alone; ask for the zip of `%luma handin … -o NAME.zip`.",
    ]
    assert found.refused == dict(zip(("dora", "eve"), found.lines, strict=True))


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("lesson.zip", True),
        ("Lesson (1).zip", True),
        ("lesson(12).zip", True),
        ("lesson ann.zip", False),
        ("ann.zip", False),
        ("ann/lesson.zip", False),
    ],
)
def test_zip_that_is_called_as_its_lesson_is_told(files: Files, tmp_path: Path, name: str, is_told: bool) -> None:
    """It has no student's name, unless the folder that it is in has."""
    write_zip(tmp_path / "class" / name, files)
    found = collect_all(tmp_path / "class")
    told = "Some zips have no student's name: ask for `%luma handin … -o NAME.zip`."
    assert (found.advice, found.lines) == (told if is_told else "", [])


def test_submission_has_its_notebook_and_clips(files: Files, tmp_path: Path) -> None:
    """Unpacked below the folder; a second time nothing is unpacked."""
    files = forged(files, note={"starred": True, "text": "Mine"}, cost=0.35) | {"mine/film.mp4": MP4}
    write_zip(tmp_path / "class" / "ann.zip", files)
    (one,) = collect_all(tmp_path / "class").submissions
    assert one.folder.parent == tmp_path / "class" / "collected"
    assert [notebook.name for notebook in one.notebooks] == ["lesson.ipynb"]
    assert [(video.file.name, bool(video.task)) for video in one.videos] == [("film.mp4", False), ("a.mp4", True)]
    (clip,) = one.clips
    assert str(clip.note) == "★ Mine"
    assert one.cost == 0.35
    (again,) = collect_all(tmp_path / "class").submissions
    assert again.folder == one.folder
    assert [path.name for path in one.folder.parent.iterdir()] == [one.folder.name]


def test_what_a_teacher_changes_is_not_the_students(files: Files, tmp_path: Path) -> None:
    """A check that was run, a note, a new video, one that is cut and one that is gone: what is counted is what was
    handed in, and the teacher's changes stay."""
    check = tagged(printed("look(frame)", "Not yet: it is not.\n"), "check")
    lesson = write_notebook(tmp_path / "lesson.ipynb", check).read_bytes()
    more = {"lesson.ipynb": lesson, "luma_videos/a.vtt": b"WEBVTT\n", "cut.mp4": MP4, "gone.mp4": MP4}
    write_zip(tmp_path / "class" / "ann.zip", files | more)
    (before,) = collect_all(tmp_path / "class").submissions
    place = before.folder
    write_notebook(place / "lesson.ipynb", tagged(printed("look(frame)", "Right: it is.\n"), "check"))
    replace_note(place / "luma_videos" / "a.json", Note(True, "Well done"))
    (place / "luma_videos" / "a.vtt").unlink()
    (place / "new.mp4").write_bytes(MP4)
    (place / "cut.mp4").write_bytes(MP4[:-9])
    (place / "gone.mp4").unlink()
    changed = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    found = collect_all(tmp_path / "class")
    assert (found.submissions, found.lines) == ([before], [])
    assert str(before.answers) == "0 of 1 answer right"
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == changed


@pytest.mark.parametrize("note", [None, 1, "x", [], {"starred": 1}, {"text": 5}, {"starred": "yes", "text": None}])
def test_note_that_is_none_is_read_as_none(files: Files, tmp_path: Path, note: object) -> None:
    """Whatever a later version or a forger has written there."""
    write_zip(tmp_path / "class" / "ann.zip", forged(files, note=note))
    (one,) = collect_all(tmp_path / "class").submissions
    assert one.videos[0].note == NO_NOTE


def test_all_others_are_shown_where_some_are_refused(files: Files, tmp_path: Path) -> None:
    """Each hostile zip is one line with its name; the good ones are there; nothing is outside of their folder."""
    folder = tmp_path / "class"
    folder.mkdir()
    write_zip(folder / "ann.zip", files)
    for number, (make, _) in enumerate(HOSTILE.values()):
        make(folder / f"evil {number}.zip")
    before = sorted(path.name for path in tmp_path.iterdir())
    found = collect_all(folder)
    assert [one.student for one in found.submissions] == ["ann"]
    assert len(found.lines) == len(HOSTILE) >= 10
    assert all(line.startswith("evil ") and " is refused: " in line and "\n" not in line for line in found.lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert len(list((folder / "collected").iterdir())) == 1


Change = Callable[[Files], Files]
FORGED: dict[str, tuple[Change, str]] = {
    "another intent's fingerprint": (lambda files: forged(files, prompt="Another"), "damaged or was changed"),
    "no object": (lambda files: files | {"luma_videos/a.json": b"[]"}, "damaged or was changed"),
    "deep": (lambda files: files | {"luma_videos/a.json": b"[" * 200_000}, "damaged or was changed"),
    "wrong types": (lambda files: forged(files, created_at="now"), "damaged or was changed"),
    "not a number": (lambda files: forged(files, cost=float("nan")), "damaged or was changed"),
    "infinite": (lambda files: forged(files, created_at=float("inf")), "damaged or was changed"),
    "huge cost": (lambda files: forged(files, cost=2e10), "numbers that cannot be"),
    "huge price": (lambda files: forged(files, price=900.0), "numbers that cannot be"),
    "far future": (lambda files: forged(files, created_at=2.9e10), "numbers that cannot be"),
    "huge picture": (
        lambda files: forged(files, video={"url": "https://a.example/x", "width": 1e9, "height": 2}),
        "numbers that cannot be",
    ),
    "no video": (lambda files: files | {"luma_videos/a.mp4": b"<html>" * 100}, "not a whole video"),
    "cut video": (lambda files: files | {"luma_videos/a.mp4": MP4[:-9]}, "not a whole video"),
    "the same clip twice": (
        lambda files: files | {"b.json": files["luma_videos/a.json"], "b.mp4": files["luma_videos/a.mp4"]},
        "the same clip",
    ),
    "broken notebook": (lambda files: files | {"lesson.ipynb": b"{"}, "not a notebook that Jupyter can open"),
    "cells of another kind": (
        lambda files: files | {"lesson.ipynb": b'{"nbformat": 4, "cells": [{"cell_type": "evil", "source": ""}]}'},
        "not a notebook that Jupyter can open",
    ),
    "no picture": (lambda files: files | {"luma_videos/a.jpg": b"<svg onload=x>"}, "is not a picture"),
    "nothing of ours": (lambda files: {"essay.pdf": b"x"}, "neither a notebook nor a video"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_submission_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    """In one line that names the zip, and says of which file it is."""
    change, words = FORGED[name]
    write_zip(tmp_path / "class" / "eve.zip", change(files))
    found = collect_all(tmp_path / "class")
    assert found.submissions == []
    (line,) = found.lines
    assert line.startswith("eve.zip is refused: ")
    assert words in line


def test_different_videos_of_one_clip_are_told(files: Files, tmp_path: Path) -> None:
    """One of the students has forged it: both are shown, and nobody's is mixed with the other's. A copy is none."""
    longer = files["luma_videos/a.mp4"] + bytes(8)
    write_zip(tmp_path / "class" / "ann.zip", files)
    write_zip(tmp_path / "class" / "ben.zip", files)
    write_zip(tmp_path / "class" / "eve.zip", files | {"luma_videos/a.mp4": longer})
    found = collect_all(tmp_path / "class")
    assert len(found.submissions) == 3
    (line,) = found.lines
    assert line.startswith("eve.zip and ann.zip have different videos that say they are the same clip (")


def test_clips_of_others_are_not_this_kernels(files: Files, notebook: Shell, tmp_path: Path) -> None:
    """A zip that says it has a clip of the teacher's changes nothing of that."""
    write_zip(tmp_path / "class" / "ann.zip", forged(files, name="theirs", cost=9.0))
    spent = kernel.session.engine.costs.spent_today()
    (one,) = collect_all(tmp_path / "class").submissions
    assert one.cost == 9.0
    assert notebook.user_ns["sunset"].name == "sunset"
    assert "theirs" not in repr(notebook.run("%luma history"))
    assert kernel.session.engine.costs.spent_today() == spent


def test_unreadable_zip_is_refused(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, or a folder that is called a zip."""
    (tmp_path / "class" / "a.zip").mkdir(parents=True)
    write_zip(tmp_path / "class" / "ann.zip", files)

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(submission, "unpack", fail)
    assert collect_all(tmp_path / "class").lines == [
        "a.zip is refused: it is not a zip, or it is damaged.",
        "ann.zip is refused: it cannot be unpacked (No space left on device).",
    ]


def test_folder_that_cannot_be_read_holds_up_no_other(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `lost+found` of a disk, or one that vanishes meanwhile: a line says so, and the others are shown."""
    folder, read = tmp_path / "class", Path.iterdir
    for name in ("ann/lesson.zip", "lost+found/x.zip", "zoe/lesson.zip"):
        write_zip(folder / name, files)
    unreadable = folder / "lost+found"

    def read_others(path: Path) -> Iterator[Path]:
        if path == unreadable:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "iterdir", read_others)
    found = collect_all(folder)
    assert [one.student for one in found.submissions] == ["ann", "zoe"]
    assert found.lines == ["lost+found is refused: it cannot be read (Permission denied)."]
    assert found.refused == {"lost+found": found.lines[0]}
    unreadable = folder
    with pytest.raises(InvalidRequest, match=r"'.*class' cannot be read \(Permission denied\)\."):
        collect_all(folder)


def test_two_kernels_may_collect_at_once(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both unpack a zip; who comes second shows what the first has put there, refuses nothing and leaves nothing."""
    folder, rename = tmp_path / "class", archive.rename
    write_zip(folder / "ann.zip", files)
    others: list[Collected] = []

    def come_second(part: Path, place: Path) -> None:
        monkeypatch.setattr(archive, "rename", rename)
        others.append(collect_all(folder))
        rename(part, place)

    monkeypatch.setattr(archive, "rename", come_second)
    assert [collect_all(folder)] == others
    (one,) = others[0].submissions
    assert others[0].lines == []
    assert list((folder / "collected").iterdir()) == [one.folder]


def test_what_killed_kernels_left_is_removed(files: Files, tmp_path: Path) -> None:
    """With the next collect, also of nothing new: what nobody has unpacked into for an hour, and nothing of now."""
    write_zip(tmp_path / "class" / "ann.zip", files)
    (one,) = collect_all(tmp_path / "class").submissions
    stale, fresh = (one.folder.with_name(f".unpacking-{name}") for name in ("0123", "4567"))
    for place in (stale, fresh):
        (place / "luma_videos").mkdir(parents=True)
        (place / "luma_videos" / "a.mp4").write_bytes(MP4[:-9])
    for place in (stale, one.folder):
        os.utime(place, (0, 0))
    collect_all(tmp_path / "class")
    assert set(one.folder.parent.iterdir()) == {one.folder, fresh}


def test_folder_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one with more zips than a school has students."""
    with pytest.raises(InvalidRequest, match="There is no folder"):
        collect_all(tmp_path / "none")
    monkeypatch.setattr(submission, "MOST_ZIPS", 0)
    write_zip(tmp_path / "a.zip", {"a": b""})
    with pytest.raises(InvalidRequest, match="collect at most 0"):
        collect_all(tmp_path)


def test_what_was_handed_in_is_collected(files: Files, notebook: Shell, tmp_path: Path) -> None:
    """The zip of one is what the other reads."""
    import luma_jupyter as luma

    (tmp_path / "lesson.ipynb").write_text('{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = sunset"}]}')
    notebook.run("x = sunset")
    made = luma.handin("lesson.ipynb", "class/ann.zip")
    assert "lesson.html" in read_zip(made.path)
    shutil.rmtree(tmp_path / "luma_videos")
    (one,) = collect_all(tmp_path / "class").submissions
    assert [video.task.request.prompt for video in one.clips if video.task] == ["A sunset"]
