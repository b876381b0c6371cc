"""The files of a film: hidden while it is made, named when it is whole, and nothing left of what was not."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import FilmRequest
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import film_files, sidecars
from luma_jupyter.engine.library.film_files import FilmFiles, discard_unfinished, paths_of, save_copy
from luma_jupyter.engine.library.folder import copy_into
from luma_jupyter.errors import InvalidRequest
from tests.support.films import film

INTENT = "0123456789abcdef" * 2
POSTER = b"\xff\xd8\xff, a picture"


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A film that is being saved."""
    request = FilmRequest(parts=(Piece(source=INTENT, label="storm"),))
    return Task(
        intent="3f9c2a1b" * 4,
        request=request,
        provider="local",
        status=Status.SAVING,
        created_at=1000.0,
        filename="film-of-storm-3f9c2a1b.mp4",
        fingerprint="ab" * 32,
        media=tmp_path,
        video=Video(None, width=64, height=36),
        making="video copied",
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_film_gets_its_name_with_sidecar_and_captions(task: Task, tmp_path: Path) -> None:
    """A film that is whole gets its name; its sidecar and its captions lie beside it, and nothing is hidden."""
    files = FilmFiles(task)
    files.hidden.write_bytes(film())
    assert files.hidden.name.startswith(".")
    path = files.place(task, POSTER, "WEBVTT\n")
    files.remove()
    assert names(tmp_path) == [f"film-of-storm-3f9c2a1b.{end}" for end in ("jpg", "json", "mp4", "vtt")]
    assert path.with_suffix(".vtt").read_text() == "WEBVTT\n"
    assert path.with_suffix(".jpg").read_bytes() == POSTER


def test_film_without_a_poster_is_a_film(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its poster cannot be written, as on a full disk, the film is saved all the same."""
    files = FilmFiles(task)
    files.hidden.write_bytes(film())
    write = film_files.write_file

    def write_all_but_posters(path: Path, *rest: Any) -> None:
        if path.suffix == ".jpg":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, *rest)

    monkeypatch.setattr(film_files, "write_file", write_all_but_posters)
    assert files.place(task, POSTER, "WEBVTT\n").read_bytes() == film()
    assert names(tmp_path) == [f"film-of-storm-3f9c2a1b.{end}" for end in ("json", "mp4", "vtt")]


def test_film_is_read_from_its_sidecar(task: Task) -> None:
    """What a sidecar tells of a film is all of it but where it lies; its video has no address."""
    request = task.request
    task = task.evolve(fingerprint=sidecars.fingerprint(request, None))
    files = FilmFiles(task)
    files.hidden.write_bytes(film())
    read = sidecars.read(files.place(task, POSTER, "").with_suffix(".json"))
    assert read
    assert (read.request, read.video, read.making) == (request, task.video, "video copied")
    assert (read.status, read.path) == (Status.COMPLETED, task.media / task.filename)


@pytest.mark.parametrize("asked", ["Film of storm", "Film of a tempest"])
def test_film_of_other_names_is_found_without_an_index(task: Task, tmp_path: Path, asked: str) -> None:
    """Where no journal can be used, a film's file is found though its clips have other names by now."""
    task = task.evolve(fingerprint=sidecars.fingerprint(task.request, None))
    files = FilmFiles(task)
    files.hidden.write_bytes(film())
    files.place(task, POSTER, "")
    (found,) = sidecars.find_equal(tmp_path, asked, task.fingerprint, task.request)
    assert found.intent == task.intent


def test_what_a_killed_kernel_left_of_a_film_goes_away(task: Task, tmp_path: Path) -> None:
    """Everything that is hidden under a film's key goes away; other films' files and other names stay."""
    for name in (
        ".film-of-storm-3f9c2a1b.mp4.1.part",
        "..film-of-storm-3f9c2a1b.mp4.1.part.1.luma-film",
        ".clip-3f9c2a1b.x",
    ):
        (tmp_path / name).write_bytes(b"half")
    others = [".film-of-storm-aaaaaaaa.mp4.1.part", "film-of-storm-3f9c2a1b.txt"]
    for name in others:
        (tmp_path / name).write_bytes(b"other")
    discard_unfinished(task)
    assert names(tmp_path) == sorted(others)


def test_film_takes_away_only_what_its_own_process_hid(task: Task, tmp_path: Path) -> None:
    """Another kernel may have taken the film over by now: what that one writes stays."""
    other = tmp_path / ".film-of-storm-3f9c2a1b.mp4.1.part"
    other.write_bytes(b"half")
    files = FilmFiles(task)
    files.hidden.write_bytes(b"half")
    files.remove()
    assert names(tmp_path) == [other.name]


def test_pictures_that_were_given_are_written_once(tmp_path: Path) -> None:
    """A picture without a file gets one; one that comes twice is written once, and a file is where it is."""
    picture = FilmFile(hashlib.sha256(b"picture").hexdigest(), "frame", data=b"picture")
    (tmp_path / "wave.mp4").write_bytes(film())
    wave = FilmFile.at(tmp_path / "wave.mp4")
    paths = paths_of([picture, wave, picture], tmp_path / "film")
    assert paths[wave] == tmp_path / "wave.mp4"
    assert paths[picture].read_bytes() == b"picture"
    assert len(names(tmp_path)) == 2


def test_file_that_is_gone_is_told(tmp_path: Path) -> None:
    """A file that is not there any more is told by its name."""
    (tmp_path / "wave.mp4").write_bytes(film())
    wave = FilmFile.at(tmp_path / "wave.mp4")
    wave.path.unlink()  # type: ignore[union-attr]  # it has one
    with pytest.raises(InvalidRequest, match=r"wave\.mp4 cannot be read any more"):
        paths_of([wave], tmp_path / "film")


def test_copies_of_a_film_have_its_captions(task: Task, tmp_path: Path) -> None:
    """Wherever a film is copied to, its captions go along."""
    files = FilmFiles(task)
    files.hidden.write_bytes(film())
    path = files.place(task, POSTER, "WEBVTT\n")
    other, elsewhere = tmp_path / "movie.mp4", tmp_path / "elsewhere"
    save_copy(path, other)
    copied = copy_into(elsewhere, task.evolve(path=path, status=Status.COMPLETED))
    assert copied.path
    for video in (other, copied.path):
        assert video.read_bytes() == film()
        assert video.with_suffix(".vtt").read_text() == "WEBVTT\n"
    save_copy(path, path)
    assert path.read_bytes() == film()


def test_captions_of_another_film_do_not_stay_beside_a_copy(task: Task, tmp_path: Path) -> None:
    """Where a film without captions takes the place of one with them, they go; what a person wrote there stays."""
    paths = []
    for key, captions in (("3f9c2a1b", "WEBVTT\n"), ("aaaaaaaa", "")):
        one = task.evolve(intent=key * 4, filename=f"film-of-storm-{key}.mp4")
        files = FilmFiles(one)
        files.hidden.write_bytes(film())
        paths.append(files.place(one, POSTER, captions))
    copy = tmp_path / "movie.mp4"
    for path in paths:
        save_copy(path, copy)
    assert not copy.with_suffix(".vtt").exists()
    assert paths[0].with_suffix(".vtt").exists()
    copy.with_suffix(".vtt").write_text("WEBVTT\n\nby hand\n")
    save_copy(paths[1], copy)
    assert copy.with_suffix(".vtt").read_text() == "WEBVTT\n\nby hand\n"
