"""Pictures and videos of the user's own: read, checked before anything is sent, and told apart by their content."""

from __future__ import annotations

import builtins
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from luma_jupyter import files
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.files import LocalFile, as_image, as_video, looks_like_path, recorded

ARRAY = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def encoded(kind: str = "PNG", image: Any = None) -> bytes:
    """A picture as a file's bytes."""
    file = io.BytesIO()
    (image or Image.fromarray(ARRAY)).save(file, format=kind)
    return file.getvalue()


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def movie(brand: bytes = b"isom") -> bytes:
    """The least that is a whole video."""
    return box(b"ftyp", brand + bytes(4)) + box(b"moov") + box(b"mdat", bytes(100))


class Figure:
    """What matplotlib's figures have in common."""

    def savefig(self, file: Any, **options: Any) -> None:
        assert options == {"format": "png", "metadata": {"Software": None}}
        file.write(encoded())


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
def test_every_kind_of_picture(kind: str, picture: Path) -> None:
    """However the same picture is given, it is the same file, with the same bytes to send."""
    file = as_image("start_image", KINDS[kind](picture))
    assert isinstance(file, LocalFile)
    assert file == as_image("end_image", picture)
    assert file.read() == picture.read_bytes()
    assert (file.mime, file.size) == ("image/png", picture.stat().st_size)


def test_a_url_stays_one() -> None:
    """An address is for the service to read; nothing is looked up here."""
    assert as_image("start_image", "https://x.example/a.png") == "https://x.example/a.png"


@pytest.mark.parametrize(("kind", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_formats(kind: str, mime: str, tmp_path: Path) -> None:
    """PNG, JPEG and WebP are taken as they are, by their bytes and not by their name."""
    path = tmp_path / "picture.bin"
    path.write_bytes(encoded(kind))
    file = as_image("start_image", path)
    assert isinstance(file, LocalFile)
    assert file.mime == mime
    assert file.name == {"image/png": "picture.png", "image/jpeg": "picture.jpg", "image/webp": "picture.webp"}[mime]


def test_a_name_tells_no_folder_and_has_no_odd_letters(picture: Path) -> None:
    """What the service hears of a file is a plain name, not where it lies."""
    file = as_image("start_image", picture)
    assert isinstance(file, LocalFile)
    assert file.name == "My-first-frame-1.png"
    assert str(file) == file.name


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "1"])
def test_pil_images_of_any_mode(mode: str) -> None:
    """Whatever mode an image has, a PNG comes of it."""
    assert isinstance(as_image("start_image", Image.fromarray(ARRAY).convert(mode)), LocalFile)


MISTAKES: list[tuple[Any, str]] = [
    (7, "start_image takes an http(s) URL, a path, bytes, a PIL image, a numpy frame or a matplotlib figure, not int."),
    (b"", "start_image: this is not a picture in PNG, JPEG or WebP format."),
    (b"GIF89a" + bytes(20), "not a picture in PNG, JPEG or WebP format"),
    (encoded()[:50], "the picture cannot be read"),
    (np.zeros((4, 4, 3)), "a numpy frame has shape (height, width, 3) and type uint8, not (4, 4, 3) and float64"),
    (np.zeros((2, 4, 4, 3), np.uint8), "not (2, 4, 4, 3) and uint8"),
    (np.zeros((0, 4, 3), np.uint8), "a numpy frame has shape"),
    ("missing.png", "start_image: there is no file 'missing.png'."),
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
def test_what_cannot_be_sent(value: Any, words: str, tmp_path: Path) -> None:
    """Each mistake is one line that says what would be right, and no line is a page long."""
    Path("empty.png").touch()
    Path("notes.png").write_text("notes")
    with pytest.raises(InvalidRequest) as caught:
        as_image("start_image", value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_clip_is_no_picture() -> None:
    """Who gives a clip is told how a frame is taken of it."""
    clip = type("Clip", (), {})()
    with pytest.raises(InvalidRequest, match=r"clip\.frame\('last'\)"):
        as_image("start_image", clip)


def test_a_closed_image(picture: Path) -> None:
    """An image that was closed, as behind a ``with`` block, is refused in one line."""
    with Image.open(picture) as image:
        pass
    with pytest.raises(InvalidRequest, match="start_image: the image cannot be read"):
        as_image("start_image", image)


def test_large_pictures_are_refused(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large is said with both sizes, from a file and from bytes."""
    monkeypatch.setattr(files, "LARGEST_IMAGE", 50)
    with pytest.raises(InvalidRequest, match="PNG, JPEG or WebP up to 0 MB can be sent"):
        as_image("start_image", picture)
    with pytest.raises(InvalidRequest, match="too large"):
        as_image("start_image", picture.read_bytes())


def test_a_file_that_may_not_be_read(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without permission is refused by name."""

    def forbidden(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        as_image("start_image", picture)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """What would be read for ever is not read at all."""
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InvalidRequest, match="is not a file"):
        as_image("start_image", tmp_path / "pipe.png")


def test_without_pillow(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and bytes need no Pillow; a numpy frame does, and says what to install."""
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "PIL":
            raise ImportError(name="PIL")
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    assert isinstance(as_image("start_image", picture), LocalFile)
    with pytest.raises(InvalidRequest, match=r"pip install 'luma-jupyter\[media\]'"):
        as_image("start_image", ARRAY)


@pytest.mark.parametrize(("brand", "mime"), [(b"isom", "video/mp4"), (b"qt  ", "video/quicktime")])
def test_a_video(brand: bytes, mime: str, tmp_path: Path) -> None:
    """MP4 and MOV are told apart by their bytes."""
    path = tmp_path / "film.dat"
    path.write_bytes(movie(brand))
    file = as_video(str(path))
    assert (file.mime, file.size, file.read()) == (mime, len(movie()), movie(brand))


@pytest.mark.parametrize("content", [b"notes", movie()[:-1], encoded()])
def test_no_video(content: bytes, tmp_path: Path) -> None:
    """What is no whole video is refused before it is sent and paid for."""
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"film.mp4 is not a whole MP4 or MOV file"):
        as_video(path)


def test_a_large_video_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of videos is their own."""
    path = tmp_path / "film.mp4"
    path.write_bytes(movie())
    monkeypatch.setattr(files, "LARGEST_VIDEO", 50)
    with pytest.raises(InvalidRequest, match="MP4 or MOV up to 0 MB can be sent"):
        as_video(path)


def test_a_video_is_read_when_it_is_sent(tmp_path: Path) -> None:
    """A large video is not held in memory; one that has changed or gone meanwhile is refused."""
    path = tmp_path / "film.mp4"
    path.write_bytes(movie())
    file = as_video(path)
    assert file.data is None
    path.write_bytes(movie(b"mp42"))
    with pytest.raises(InvalidRequest, match="has changed since it was checked"):
        file.read()
    path.unlink()
    with pytest.raises(InvalidRequest, match="cannot be read any more"):
        file.read()


def test_a_recorded_file_has_no_bytes(picture: Path) -> None:
    """What a record tells of a file is enough to know it again, and not to send it."""
    file = as_image("start_image", picture)
    assert isinstance(file, LocalFile)
    record = {"sha256": file.sha256, "mime": file.mime, "name": "../../x.png", "size": file.size}
    again = recorded(record)
    assert again == file == pickle.loads(pickle.dumps(file))
    assert again.name == "x.png"
    with pytest.raises(InvalidRequest, match="run the cell again"):
        again.read()


@pytest.mark.parametrize("change", [{"sha256": "x"}, {"mime": "text/html"}, {"size": "1"}, {"sha256": None}])
def test_a_forged_record(change: dict[str, Any]) -> None:
    """A record that is none is refused."""
    record = {"sha256": "0" * 64, "mime": "image/png", "name": "x.png", "size": 1}
    with pytest.raises((ValueError, TypeError)):
        recorded(record | change)


@pytest.mark.parametrize("text", ["a.png", "./a", "~/a", r"C:\a", "films/a"])
def test_what_looks_like_a_path(text: str) -> None:
    """A path is told from a name and from an address."""
    assert looks_like_path(text)
    assert not looks_like_path("sunset")
    assert not looks_like_path("https://x.example/a.png")
