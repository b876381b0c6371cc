"""Pictures and videos of the user's own: read, and checked before anything is sent."""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, VideoRef
from luma_jupyter.engine import local_files
from luma_jupyter.engine.local_files import as_image, as_video, looks_like_path, parse_video
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.operating_system import PAUSES
from tests.support.fake_service import VIDEO
from tests.support.file_systems import be_windows, hold_open
from tests.support.films import film

UUID = "7f3b2c1d-1111-4222-8333-444455556666"
WEB = "https://example.com/a.mp4"
ARRAY = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def encoded(kind: str = "PNG", image: Any = None) -> bytes:
    """A picture as a file's bytes."""
    file = io.BytesIO()
    (image or Image.fromarray(ARRAY)).save(file, format=kind)
    return file.getvalue()


class Figure:
    """What matplotlib's figures have in common."""

    def savefig(self, file: Any, **options: Any) -> None:
        assert options == {"format": "png", "metadata": {"Software": None}}
        file.write(encoded())


class FigureWithMistake(Figure):
    """One with a formula that matplotlib cannot read, as it says in several lines."""

    def savefig(self, file: Any, **options: Any) -> None:
        raise ValueError("\n$\\frac{$\n      ^\nParseFatalException: Expected \\frac{num}{den}")


KINDS: dict[str, Callable[[Path], Any]] = {
    "text": lambda path: str(path),
    "path": lambda path: path,
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "PIL image": lambda path: Image.fromarray(ARRAY),
    "numpy frame": lambda path: ARRAY,
    "figure": lambda path: Figure(),
}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "My first frame (1).png"
    path.write_bytes(encoded())
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_as_image_takes_every_kind_of_picture(kind: str, picture: Path) -> None:
    """However the same picture is given, it is the same file, with the same bytes to send."""
    file = as_image("start_image", KINDS[kind](picture))
    assert isinstance(file, LocalFile)
    assert file == as_image("end_image", picture)
    assert file.read() == picture.read_bytes()
    assert (file.mime, file.size) == ("image/png", picture.stat().st_size)


def test_as_image_lets_a_url_be() -> None:
    """An address is for the service to read; nothing is looked up here."""
    assert as_image("start_image", "https://x.example/a.png") == "https://x.example/a.png"


@pytest.mark.parametrize(("kind", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_as_image_tells_formats_by_their_bytes(kind: str, mime: str, tmp_path: Path) -> None:
    """PNG, JPEG and WebP are taken as they are, by their bytes and not by their name."""
    path = tmp_path / "picture.bin"
    path.write_bytes(encoded(kind))
    file = as_image("start_image", path)
    assert isinstance(file, LocalFile)
    assert file.mime == mime
    assert file.name == {"image/png": "picture.png", "image/jpeg": "picture.jpg", "image/webp": "picture.webp"}[mime]


def test_as_image_gives_a_plain_name(picture: Path) -> None:
    """What the service hears of a file is a plain name, not where it lies."""
    file = as_image("start_image", picture)
    assert isinstance(file, LocalFile)
    assert file.name == "My-first-frame-1.png"
    assert str(file) == file.name


MISTAKES: list[tuple[Any, str]] = [
    (7, "start_image takes an http(s) URL, a path, bytes, a PIL image, a numpy frame or a matplotlib figure, not int."),
    (FigureWithMistake(), r"start_image: the figure cannot be drawn ($\frac{$ ^ ParseFatalException: Expected"),
    (b"", "start_image: this is not a picture in PNG, JPEG or WebP format."),
    (b"GIF89a" + bytes(20), "not a picture in PNG, JPEG or WebP format"),
    (encoded()[:50], "the picture cannot be read"),
    (np.zeros((4, 4, 2)), "a numpy frame has shape (height, width, 3) and type uint8, not (4, 4, 2) and uint8"),
    (np.zeros((2, 4, 4, 3), np.uint8), "not (2, 4, 4, 3) and uint8"),
    (np.zeros((0, 4, 3), np.uint8), "a numpy frame has shape"),
    ("missing.png", "start_image: there is no file 'missing.png'."),
    ("sunset", "start_image: there is no file 'sunset'."),
    (Path("missing.png"), "there is no file 'missing.png'"),
    (".", "is a folder"),
    ("empty.png", "empty.png is empty"),
    ("notes.png", "notes.png is not a picture in PNG, JPEG or WebP format"),
    ("ftp://h/a.png", "start_image must be an http(s) URL, or a picture's path, not 'ftp://h/a.png'."),
    ("data:image/png;base64," + "A" * 1000, "must be an http(s) URL, or a picture's path"),
    ("  ", "must be an http(s) URL"),
    ("~nobody-at-all/x.png", "there is no home folder"),
    (b"/tmp/x.png", "not a picture"),
]


@pytest.mark.parametrize(("value", "words"), MISTAKES, ids=lambda value: repr(value)[:30])
def test_as_image_refuses_what_cannot_be_sent(value: Any, words: str, tmp_path: Path) -> None:
    """Each mistake is one line that says what would be right, and no line is a page long."""
    Path("empty.png").touch()
    Path("notes.png").write_text("notes")
    with pytest.raises(InvalidRequest) as caught:
        as_image("start_image", value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_as_image_refuses_large_pictures(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large is said with both sizes, from a file and from bytes."""
    monkeypatch.setattr(local_files, "LARGEST_IMAGE", 50)
    with pytest.raises(InvalidRequest, match="PNG, JPEG or WebP up to 0 MB can be sent"):
        as_image("start_image", picture)
    with pytest.raises(InvalidRequest, match="are too much: up to"):
        as_image("start_image", picture.read_bytes())


def test_as_image_refuses_a_file_without_permission(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without permission is refused by name."""

    def forbidden(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        as_image("start_image", picture)


def test_as_image_refuses_a_pipe(tmp_path: Path) -> None:
    """What would be read for ever is not read at all."""
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InvalidRequest, match="is not a file"):
        as_image("start_image", tmp_path / "pipe.png")


def test_as_image_needs_pillow_only_for_arrays(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and bytes need no Pillow, and damage is left to the service then; a numpy frame needs it, and says so."""
    damaged = encoded()[:50]
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert isinstance(as_image("start_image", picture), LocalFile)
    assert isinstance(as_image("start_image", damaged), LocalFile)
    with pytest.raises(InvalidRequest, match=r"pip install 'luma-jupyter\[media\]'"):
        as_image("start_image", ARRAY)


@pytest.mark.parametrize(("brand", "mime"), [(b"isom", "video/mp4"), (b"qt  ", "video/quicktime")])
def test_as_video_tells_formats_by_their_bytes(brand: bytes, mime: str, tmp_path: Path) -> None:
    """MP4 and MOV are told apart by their bytes."""
    path = tmp_path / "film.dat"
    path.write_bytes(film(brand=brand))
    file = as_video(str(path))
    assert (file.mime, file.size, file.read()) == (mime, len(film()), film(brand=brand))


@pytest.mark.parametrize("content", [b"notes", film()[:-1], encoded()])
def test_as_video_refuses_what_is_no_whole_video(content: bytes, tmp_path: Path) -> None:
    """What is no whole video is refused before it is sent and paid for."""
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(
        InvalidRequest, match=r"film.mp4 cannot be used: it is (no MP4 or MOV file|not a whole MP4 or MOV file)"
    ):
        as_video(path)


def test_as_video_refuses_large_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of videos is their own."""
    path = tmp_path / "film.mp4"
    path.write_bytes(film())
    monkeypatch.setattr(local_files, "LARGEST_VIDEO", 50)
    with pytest.raises(InvalidRequest, match="MP4 or MOV up to 0 MB can be sent"):
        as_video(path)


def test_as_video_reads_the_bytes_when_they_are_sent(tmp_path: Path) -> None:
    """A large video is not held in memory; one that has changed or gone meanwhile is refused."""
    path = tmp_path / "film.mp4"
    path.write_bytes(film())
    file = as_video(path)
    assert file.data is None
    path.write_bytes(film(brand=b"mp42"))
    with pytest.raises(InvalidRequest, match="has changed since then"):
        file.read()
    path.unlink()
    with pytest.raises(InvalidRequest, match="cannot be read any more"):
        file.read()


@pytest.mark.parametrize("text", ["a.png", "./a", "~/a", r"C:\a", "films/a"])
def test_looks_like_path_tells_paths_from_names_and_addresses(text: str) -> None:
    """A path is told from a name and from an address."""
    assert looks_like_path(text)
    assert not looks_like_path("sunset")
    assert not looks_like_path("https://x.example/a.png")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WEB, VideoRef(url=WEB)),
        (UUID, VideoRef(video_id=UUID)),
        (UUID.replace("-", ""), VideoRef(video_id=UUID.replace("-", ""))),
    ],
)
def test_parse_video_reads_addresses_and_ids(text: str, expected: VideoRef) -> None:
    """A source given as text is a URL or a UUID-like id."""
    assert parse_video(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["clip.mp4", "./clip", "~/a.mov", r"C:\films\a.mp4", "films/a.mp4", "/tmp/none/a.mp4"])
def test_parse_video_reads_a_path_as_a_file(text: str) -> None:
    """What looks like a path is read as one; a missing file is refused by name."""
    with pytest.raises(InvalidRequest, match="The source: there is no file"):
        parse_video(text)


@pytest.mark.parametrize(
    "text", ["", "sunset", "my-clip", "ftp://h/a.mp4", "file:///a.mp4", "1234", f"{UUID} x", "http://"]
)
def test_parse_video_refuses_other_text(text: str) -> None:
    """What is neither is refused in one line that says what a source may be."""
    with pytest.raises(InvalidRequest, match="neither a clip, a video id, an http") as caught:
        parse_video(text)
    assert type(caught.value) is InvalidRequest


def test_parse_video_reads_a_video_on_the_disk(tmp_path: Path) -> None:
    """A path of a whole video is that file, checked."""
    path = tmp_path / "film.mp4"
    path.write_bytes(film())
    assert parse_video(str(path)) == as_video(path)


@pytest.mark.parametrize("kind", [GenerateRequest, ExtendRequest])
def test_as_image_makes_equal_requests_of_equal_pictures(kind: Any, picture: Path) -> None:
    """A picture on the disk becomes a checked file in the request; by its path or its bytes, it is the same request."""
    by_path = kind(prompt="p", end_image=as_image("end_image", picture))
    by_bytes = kind(prompt="p", end_image=as_image("end_image", picture.read_bytes()))
    assert by_path.end_image.mime == "image/png"
    assert by_path == by_bytes == pickle.loads(pickle.dumps(by_path))
    assert hash(by_path) == hash(by_bytes)


def test_as_video_refuses_a_file_that_is_still_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film that grows or shrinks while it is read is none that should be paid for."""
    path = tmp_path / "a.mp4"
    path.write_bytes(VIDEO)
    for size in (len(VIDEO) - 1, len(VIDEO) + 1):
        monkeypatch.setattr(local_files, "size_of", lambda path, size=size: size)
        with pytest.raises(InvalidRequest, match=r"a\.mp4 is still being written: wait until it is whole\."):
            as_video(path)


def test_as_image_waits_a_moment_for_a_file_that_is_held(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that another program saves just now, in Windows; where it goes on, one line says so."""
    holder = hold_open(picture.parent, monkeypatch, lambda call, name: call == "open", patience=1)
    assert isinstance(as_image("start_image", picture), LocalFile)
    assert holder.pauses == [PAUSES[0]]
    holder.patience = 100
    with pytest.raises(InvalidRequest, match=r"cannot be read \(The process cannot access the file"):
        as_image("start_image", picture)


@pytest.mark.parametrize("name", ["con", "a/nul.png", "b.png:stream"])
def test_as_image_refuses_what_windows_takes_for_no_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device would be read for ever."""
    be_windows(monkeypatch)
    with pytest.raises(InvalidRequest, match=r"On Windows no file can be called "):
        as_image("start_image", name)
