"""Pictures and videos of the user's own as input: whatever they are given as, they become a checked `LocalFile`.

A file counts by its content: two pictures with equal bytes are the same picture, whatever they are called and wherever
they lie. So a request with a picture is found again after a restart, and a picture is uploaded once.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.formats import is_whole_video
from luma_jupyter.urls import is_web_url

LARGEST_IMAGE = 20_000_000  # bytes; the services publish no limits, so these are ours
LARGEST_VIDEO = 200_000_000
IMAGE_FORMATS = "PNG, JPEG or WebP"
VIDEO_FORMATS = "MP4 or MOV"
_SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
}


@dataclass(frozen=True)
class LocalFile:
    """A picture or video to be uploaded: its name (without a folder), MIME type, size in bytes and SHA-256 (hex).

    The bytes are ``data``, or in the file at ``path``; one that was read from a record has neither. Only type and hash
    count where two are compared.
    """

    sha256: str
    mime: str
    name: str = field(compare=False)
    size: int = field(compare=False)
    path: Path | None = field(default=None, compare=False)
    data: bytes | None = field(default=None, repr=False, compare=False)

    def read(self) -> bytes:
        """The bytes. Raises InvalidRequest where they are gone, or are not those that were checked."""
        data = self.data
        if data is None and self.path is not None:
            try:
                data = self.path.read_bytes()
            except OSError as error:
                raise InvalidRequest(
                    f"{self.name} cannot be read any more ({_why(error)}): run the cell again."
                ) from None
        if data is None:
            raise InvalidRequest(f"{self.name} was given in an earlier session and is not here: run the cell again.")
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise InvalidRequest(f"{self.name} has changed since it was checked: run the cell again.")
        return data

    def __str__(self) -> str:
        return self.name


def as_image(name: str, value: object) -> str | LocalFile:
    """A first or last frame given as a URL, a path, bytes, a PIL image, a numpy frame or a matplotlib figure.

    ``name`` is what the user calls it, for errors. A URL stays one. Raises InvalidRequest for all that cannot be sent.
    """
    if isinstance(value, str) and is_web_url(value):
        return value
    if isinstance(value, str | os.PathLike):
        path = _path(name, value, "an http(s) URL, or a picture's path")
        return _local(name, path.name, _read(name, path, LARGEST_IMAGE, IMAGE_FORMATS), path)
    if isinstance(value, bytes | bytearray | memoryview):
        return _local(name, name, bytes(value))
    return _local(name, name, _encoded(name, value))


def as_video(value: str | os.PathLike[str], name: str = "The source") -> LocalFile:
    """A source video given as a path. Raises InvalidRequest for all that cannot be sent."""
    path = _path(name, value, "a clip, a video id, an http(s) URL, or a video's path")
    data = _read(name, path, LARGEST_VIDEO, VIDEO_FORMATS)
    if not is_whole_video(io.BytesIO(data), len(data)):
        raise InvalidRequest(f"{name}: {path.name} is not a whole {VIDEO_FORMATS} file.")
    mime = "video/quicktime" if data[8:12] == b"qt  " or data[4:8] != b"ftyp" else "video/mp4"
    return LocalFile(hashlib.sha256(data).hexdigest(), mime, _named(path.name, mime), len(data), path)


def looks_like_path(text: str) -> bool:
    """Whether somebody who wrote this meant a file."""
    return bool(re.search(r"\.\w{2,4}$|[/\\]|^~", text)) and "://" not in text


def recorded(data: Mapping[str, Any]) -> LocalFile:
    """A file as a record tells of it, without its bytes. Raises ValueError, KeyError or TypeError where it is none."""
    file = LocalFile(data["sha256"], data["mime"], data["name"], data["size"])
    if not re.fullmatch("[0-9a-f]{64}", file.sha256) or file.mime not in _SUFFIXES or not isinstance(file.size, int):
        raise ValueError("not a file")
    return LocalFile(file.sha256, file.mime, _named(str(file.name), file.mime), file.size)


def _local(name: str, called: str, data: bytes, path: Path | None = None) -> LocalFile:
    mime = _image_type(data)
    if mime is None:
        raise InvalidRequest(f"{name}: {_quoted(called, name)}is not a picture in {IMAGE_FORMATS} format.")
    if len(data) > LARGEST_IMAGE:
        raise InvalidRequest(f"{name}: {len(data) / 1e6:.0f} MB are too large: up to {LARGEST_IMAGE / 1e6:.0f} MB.")
    _check_decodes(name, data)
    return LocalFile(hashlib.sha256(data).hexdigest(), mime, _named(called, mime), len(data), path, data)


def _quoted(called: str, name: str) -> str:
    return f"{called} " if called != name else "this "


def _named(called: str, mime: str) -> str:
    """A file name that tells what is in it, whatever it was called."""
    stem = re.sub(r"[^\w.-]+", "-", Path(called).stem).strip("-.") or "file"
    return f"{stem[:60]}.{_SUFFIXES[mime]}"


def _image_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _check_decodes(name: str, data: bytes) -> None:
    """Refuse a picture that is cut off or damaged, where Pillow is there to tell."""
    try:
        from PIL import Image
    except ImportError:
        return
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except Exception as error:  # Pillow raises whatever a decoder raises
        raise InvalidRequest(f"{name}: the picture cannot be read ({error}).") from None


def _encoded(name: str, value: object) -> bytes:
    """A picture that is an object in the notebook, as PNG."""
    file = io.BytesIO()
    if hasattr(value, "savefig"):  # a matplotlib figure; its version does not belong into the bytes
        value.savefig(file, format="png", metadata={"Software": None})
    elif hasattr(value, "save") and hasattr(value, "getbands"):  # a PIL image
        try:
            _as_rgb(value).save(file, format="PNG")
        except Exception as error:  # such as: it was closed, or its file is damaged
            raise InvalidRequest(f"{name}: the image cannot be read ({error}).") from None
    elif hasattr(value, "__array_interface__"):
        _frame(name, value).save(file, format="PNG")
    else:
        hint = " Of a clip, take a frame: clip.frame('last')." if type(value).__name__ == "Clip" else ""
        raise InvalidRequest(
            f"{name} takes an http(s) URL, a path, bytes, a PIL image, a numpy frame or a matplotlib figure, "
            f"not {type(value).__name__}.{hint}"
        )
    return file.getvalue()


def _as_rgb(image: Any) -> Any:
    return image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGB")


def _frame(name: str, array: Any) -> Any:
    shape, kind = tuple(array.shape), str(array.dtype)
    if kind != "uint8" or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))) or 0 in shape:
        raise InvalidRequest(
            f"{name}: a numpy frame has shape (height, width, 3) and type uint8, not {shape} and {kind}."
        )
    try:
        from PIL import Image
    except ImportError:
        raise InvalidRequest(f"{name}: a numpy frame needs Pillow: pip install 'luma-jupyter[media]'.") from None
    return Image.fromarray(array)


def _path(name: str, value: str | os.PathLike[str], wanted: str) -> Path:
    text = os.fspath(value)
    if not isinstance(text, str) or not text.strip() or "://" in text or text.startswith("data:") or "\0" in text:
        shown = repr(text)[:100]
        raise InvalidRequest(f"{name} must be {wanted}, not {shown}.")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InvalidRequest(f"{name}: there is no home folder for {text!r}.") from None


def _read(name: str, path: Path, largest: int, formats: str) -> bytes:
    try:
        if path.is_dir():
            raise InvalidRequest(f"{name}: {str(path)!r} is a folder.")
        if not path.exists():
            raise InvalidRequest(f"{name}: there is no file {str(path)!r}.")
        if not path.is_file():
            raise InvalidRequest(f"{name}: {str(path)!r} is not a file.")
        size = path.stat().st_size
        if size == 0:
            raise InvalidRequest(f"{name}: {path.name} is empty.")
        if size > largest:
            raise InvalidRequest(
                f"{name}: {path.name} has {size / 1e6:.0f} MB; {formats} up to {largest / 1e6:.0f} MB can be sent."
            )
        return _all_of(path.open("rb"), size)
    except OSError as error:
        raise InvalidRequest(f"{name}: {str(path)!r} cannot be read ({_why(error)}).") from None


def _all_of(file: BinaryIO, size: int) -> bytes:
    with file:
        return file.read(size + 1)


def _why(error: OSError) -> str:
    return error.strerror or str(error)
