"""Pictures and videos of the user's own as input: whatever they are given as, they become a checked `LocalFile`.

Pictures go out as they look (`video.appearance`), and are known by what was given.
"""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from luma_jupyter.domain.media import (
    IMAGE_FORMATS,
    LARGEST_IMAGE,
    LARGEST_PREVIEW,
    LARGEST_VIDEO,
    VIDEO_FORMATS,
    LocalFile,
    check_video,
    image_type,
    video_type,
)
from luma_jupyter.domain.pieces import FilmFile
from luma_jupyter.domain.requests import VideoRef, parse_video_ref
from luma_jupyter.domain.urls import is_web_url
from luma_jupyter.domain.values import read_path
from luma_jupyter.engine.library.whole_files import size_of
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import patiently
from luma_jupyter.video.pictures import (
    Picture,
    PictureLimits,
    count_pictures,
    has_pillow,
    is_picture_object,
    picture_of,
    read_picture,
)

_SENT = ("image/png", "image/jpeg", "image/webp")
_CONVERTED = (b"GIF8", b"BM", b"II*\0", b"MM\0*")  # GIF, BMP and TIFF begin so: sent as PNG, where Pillow is there


def as_image(what: str, value: object) -> str | LocalFile:
    """A first or last frame given as a URL, a path, bytes, a PIL image, a numpy frame or a matplotlib figure.

    ``what`` it is: a parameter's name, or words. A URL stays one. Raises InvalidRequest for all that cannot be sent.
    """
    if isinstance(value, LocalFile):
        return value
    if isinstance(value, str) and is_web_url(value):
        return value
    if isinstance(value, str | os.PathLike):
        path = _path(what, value, N_("an http(s) URL, or a picture's path"))
        return _checked_image(what, path.name, _read(what, path, LARGEST_IMAGE, IMAGE_FORMATS), path)
    if isinstance(value, bytes | bytearray | memoryview):
        return _checked_image(what, what, bytes(value))
    return _local_file(picture_of(what, value, _limits()), what)


def as_video(value: str | os.PathLike[str], what: str = N_("The source")) -> LocalFile:
    """A source video given as a path. Raises InvalidRequest for all that cannot be sent, or has no picture."""
    path = _path(what, value, N_("a clip, a video id, an http(s) URL, or a video's path"))
    data = _read(what, path, LARGEST_VIDEO, VIDEO_FORMATS)
    if reason := check_video(io.BytesIO(data), len(data)).flaw:
        raise InvalidRequest(f"{what}: {path.name} cannot be used: {reason}.")
    return LocalFile.of(data, video_type(data[:12]), path.name, path=path, keep=False)


def as_film_file(what: str, value: object) -> FilmFile:
    """A video, picture or sound for a film, given as a path; any size, and whatever is in it. Raises InvalidRequest."""
    if not isinstance(value, str | os.PathLike):
        raise InvalidRequest(f"{what} must be a path, not {shown(value)}.")
    path = _path(what, value, N_("a path"))
    try:
        _size(what, path)
        return FilmFile.at(path.absolute())  # a film may wait, and the folder be another one by then
    except OSError as error:
        raise _unreadable(what, path, error) from None


def as_still(what: str, value: object) -> FilmFile:
    """A picture for a film that is given as an object: as it looks, known as `as_image` knows it.

    Raises InvalidRequest, also for all that is no picture.
    """
    if not isinstance(value, bytes | bytearray | memoryview) and not is_picture_object(value):
        raise InvalidRequest(
            f"{what} must be a clip, a part of one, a list of these, a path or a picture, not {shown(value)}."
        )
    image = as_image(what, value)
    assert isinstance(image, LocalFile)
    return FilmFile(image.sha256, image.name, data=image.to_send.read())


def is_picture(path: Path) -> bool:
    """Whether a file is a picture or an animation, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(12)
    return image_type(start) is not None or start.startswith(_CONVERTED)


def is_still(path: Path) -> bool:
    """Whether a file is a picture that does not move, as far as that can be told."""
    return is_picture(path) and count_pictures(path) == 1


def parse_video(text: str) -> VideoRef | LocalFile:
    """Read a source given as text: an http(s) URL, a UUID-like video id, else the path of a video.

    Raises InvalidRequest for anything else, and for a file that cannot be sent.
    """
    if video := parse_video_ref(text):
        return video
    if looks_like_path(text):
        return as_video(text)
    raise InvalidRequest(f"{shown(text)} is neither a clip, a video id, an http(s) URL nor a video's path.")


def looks_like_path(text: str) -> bool:
    """Whether somebody who wrote this meant a file."""
    return bool(re.search(r"\.\w{2,4}$|[/\\]|^~", text)) and "://" not in text


def _checked_image(what: str, original: str, data: bytes, path: Path | None = None) -> LocalFile:
    mime = image_type(data[:12])
    if mime not in _SENT and not (data.startswith(_CONVERTED) and has_pillow()):
        raise _not_a_picture(what, original)
    if len(data) > LARGEST_IMAGE:
        megabytes, most = round(len(data) / 1e6), round(LARGEST_IMAGE / 1e6)
        raise InvalidRequest(f"{what}: {megabytes} MB are too much: up to {most} MB can be sent.")
    if not has_pillow():
        return LocalFile.of(data, str(mime), original, path=path)
    try:
        return _local_file(read_picture(what, data, _limits()), original, path)
    except InvalidRequest:
        if mime in _SENT:
            raise
        raise _not_a_picture(what, original) from None


def _not_a_picture(what: str, original: str) -> InvalidRequest:
    wanted = IMAGE_FORMATS
    return InvalidRequest(
        f"{what}: this is not a picture in {wanted} format."
        if original == what
        else f"{what}: {original} is not a picture in {wanted} format."
    )


def _local_file(picture: Picture, original: str, path: Path | None = None) -> LocalFile:
    """A picture as a file: with the bytes that are sent, which are mostly those that were given."""
    mime = image_type(picture.given[:12])
    same = picture.sent == picture.given
    file = LocalFile.of(picture.given, mime if mime in _SENT else picture.mime, original, path=path, keep=same)
    sent = None if same else LocalFile.of(picture.sent, picture.mime, original)
    return replace(file, sent=sent, preview=picture.preview)


def _limits() -> PictureLimits:
    return PictureLimits(LARGEST_IMAGE, LARGEST_PREVIEW)


def _path(what: str, value: str | os.PathLike[str], wanted: str) -> Path:
    text = os.fspath(value)
    if not isinstance(text, str) or not text.strip() or "://" in text or text.startswith("data:") or "\0" in text:
        raise InvalidRequest(f"{what} must be {wanted}, not {shown(text)}.")
    return read_path(what, text)


def _read(what: str, path: Path, largest: int, wanted: str) -> bytes:
    try:
        size = _size(what, path)
        if size > largest:
            megabytes, most = round(size / 1e6), round(largest / 1e6)
            raise InvalidRequest(f"{what}: {path.name} has {megabytes} MB; {wanted} up to {most} MB can be sent.")
        data = _read_all(patiently(lambda: path.open("rb")), size)
        if len(data) != size:
            raise InvalidRequest(f"{what}: {path.name} is still being written: wait until it is whole.")
        return data
    except OSError as error:
        raise _unreadable(what, path, error) from None


def _size(what: str, path: Path) -> int:
    """The bytes of a file, which has some. Raises InvalidRequest, OSError."""
    if path.is_dir():
        raise InvalidRequest(f"{what}: {str(path)!r} is a folder.")
    if not path.exists():
        raise InvalidRequest(f"{what}: there is no file {str(path)!r}.")
    if not path.is_file():
        raise InvalidRequest(f"{what}: {str(path)!r} is not a file.")
    size = size_of(path)
    if size == 0:
        raise InvalidRequest(f"{what}: {path.name} is empty.")
    return size


def _unreadable(what: str, path: Path, error: OSError) -> InvalidRequest:
    reason = error.strerror or error
    return InvalidRequest(f"{what}: {str(path)!r} cannot be read ({reason}).")


def _read_all(file: BinaryIO, size: int) -> bytes:
    with file:
        return file.read(size + 1)
