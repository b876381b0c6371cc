"""Kinds of files, told by their bytes and not by their names or by what a server calls them; and files to be uploaded.

A file counts by its content: two pictures with equal bytes are the same picture, whatever they are called and wherever
they lie. So a request with a picture is found again after a restart, and a picture is uploaded once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from luma_jupyter.errors import InvalidRequest

LARGEST_IMAGE = 20_000_000  # bytes; the services publish no limits, so these are ours
LARGEST_VIDEO = 200_000_000
IMAGE_FORMATS = "PNG, JPEG or WebP"  # what is sent; a thumbnail may be a GIF too
VIDEO_FORMATS = "MP4 or MOV"
_SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
}


def image_type(start: bytes) -> str | None:
    """The MIME type of a picture by its first 12 bytes: PNG, JPEG, WebP or GIF; None for anything else."""
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return "image/gif" if start.startswith(b"GIF8") else None


def is_image(file: BinaryIO, size: int) -> bool:
    """Whether ``file`` is a picture of a kind that browsers show, as far as its first bytes tell."""
    file.seek(0)
    return image_type(file.read(12)) is not None


def video_type(start: bytes) -> str:
    """The MIME type of an MP4 or MOV file by its first 12 bytes."""
    return "video/quicktime" if start[8:12] == b"qt  " or start[4:8] != b"ftyp" else "video/mp4"


def is_whole_video(file: BinaryIO, size: int) -> bool:
    """Whether ``file`` of ``size`` bytes is an MP4 or MOV with a movie in it, and none of it is missing.

    Walks the top-level boxes (ISO/IEC 14496-12, section 4.2): they must cover the file exactly. Boxes of unknown types
    are skipped, as the standard demands.
    """
    position, seen = 0, set()
    while position < size:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8:
            return False
        seen.add(kind)
        position += length
    return position == size and b"moov" in seen and bool(seen & {b"mdat", b"moof"})


def file_name(original: str, mime: str) -> str:
    """A file name that tells what is in it, whatever the file was called."""
    stem = re.sub(r"[^\w.-]+", "-", Path(original).stem).strip("-.") or "file"
    return f"{stem[:60]}.{_SUFFIXES[mime]}"


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

    @classmethod
    def of(cls, data: bytes, mime: str, original: str, *, path: Path | None = None, keep: bool = True) -> LocalFile:
        """The file with these bytes, which was called ``original``; ``keep``: hold the bytes, not only the path."""
        sha256 = hashlib.sha256(data).hexdigest()
        return cls(sha256, mime, file_name(original, mime), len(data), path, data if keep else None)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> LocalFile:
        """A file as a record tells of it, without its bytes.

        Raises ValueError, KeyError or TypeError where it is none.
        """
        sha256, mime, name, size = record["sha256"], record["mime"], record["name"], record["size"]
        if not re.fullmatch("[0-9a-f]{64}", sha256) or mime not in _SUFFIXES or not isinstance(size, int):
            raise ValueError("not a file")
        return cls(sha256, mime, file_name(str(name), mime), size)

    @property
    def record(self) -> dict[str, Any]:
        """What records keep of it: not its bytes, and not where it lies."""
        return {"sha256": self.sha256, "mime": self.mime, "name": self.name, "size": self.size}

    def read(self) -> bytes:
        """The bytes. Raises InvalidRequest where they are gone, or are not those that were checked."""
        data = self.data
        if data is None and self.path is not None:
            try:
                data = self.path.read_bytes()
            except OSError as error:
                raise InvalidRequest(
                    f"{self.name} cannot be read any more ({error.strerror or error}): run the cell again."
                ) from None
        if data is None:
            raise InvalidRequest(f"{self.name} was given in an earlier session and is not here: run the cell again.")
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise InvalidRequest(f"{self.name} has changed since it was checked: run the cell again.")
        return data

    def __str__(self) -> str:
        return self.name
