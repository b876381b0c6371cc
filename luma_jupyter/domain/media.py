"""Kinds of files, told by their bytes and not by their names or by what a server calls them; and files to be uploaded.

A file counts by its content: two pictures with equal bytes are the same picture, whatever they are called and wherever
they lie. So a request with a picture is found again after a restart, and a picture is uploaded once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from luma_jupyter.domain.identifiers import is_variable_name
from luma_jupyter.domain.mp4 import SOUND, VIDEO, Movie, read_movie
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.languages import N_

LARGEST_IMAGE = 20_000_000  # bytes; the services publish no limits, so these are ours
LARGEST_VIDEO = 200_000_000
LARGEST_RESULT = 2 * 1024**3  # bytes of a video that a service has made
LARGEST_THUMBNAIL = 20 * 1024**2
LARGEST_PREVIEW = 8_000  # characters of a data URI: it is saved in notebooks, records and sidecars
IMAGE_FORMATS = N_("PNG, JPEG or WebP")  # what is sent; a thumbnail may be a GIF too
VIDEO_FORMATS = N_("MP4 or MOV")
SUFFIXES = {
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


class Flaw(StrEnum):
    """What is wrong with a file that should be a video, as the reason of an error."""

    NOT_MP4 = N_("it is no MP4 or MOV file, or not a whole one")
    NO_INDEX = N_("it is not a whole MP4 or MOV file: it has no index (moov)")
    CUT_OFF = N_("it is not a whole MP4 or MOV file: its end is missing")
    NO_TRACKS = N_("it is not a whole MP4 or MOV file: there is neither picture nor sound in its index")
    NO_PICTURE = N_("it has no picture")
    SOUND_ONLY = N_("it has sound but no picture")
    NO_SAMPLES = N_("it has a track for the picture, but nothing in it")


@dataclass(frozen=True)
class VideoCheck:
    """What a look at a file came to: whole without a ``flaw``, else doubtful, or not a video at all."""

    flaw: Flaw | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a video with a picture, and none of it is missing: what may be paid for as a source."""
        return self.flaw is None

    @property
    def doubtful(self) -> bool:
        """Whether it is not whole, but may be of use to somebody."""
        return self.flaw not in (None, Flaw.NOT_MP4)

    @property
    def playable(self) -> bool:
        """Whether a video that was paid for may be handed over as it is.

        An index that lists no track is nothing that services send: that much is left to the player.
        """
        return self.flaw in (None, Flaw.NO_TRACKS)


_TOP = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot"}  # what such a file begins with


def check_video(file: BinaryIO, size: int) -> VideoCheck:
    """See whether ``file`` of ``size`` bytes is an MP4 or MOV with a picture in it, and none of it is missing.

    As players do, this lets through what comes behind the film: bytes that are no box, padding, a box of another kind
    that is cut off.
    """
    movie = read_movie(file, size)
    return VideoCheck(_flaw(movie))


def _flaw(movie: Movie) -> Flaw | None:
    if not movie.kinds or movie.kinds[0] not in _TOP:
        return Flaw.NOT_MP4
    if movie.missing:
        return Flaw.CUT_OFF
    if b"moov" not in movie.kinds:
        return Flaw.NO_INDEX
    if not {b"mdat", b"moof"} & set(movie.kinds):
        return Flaw.CUT_OFF
    if not movie.tracks:
        return Flaw.NO_TRACKS
    if movie.samples(VIDEO):
        return None
    if any(track.handler == VIDEO for track in movie.tracks):
        return Flaw.NO_SAMPLES
    return Flaw.SOUND_ONLY if movie.samples(SOUND) else Flaw.NO_PICTURE


def file_name(original: str, mime: str) -> str:
    """A file name that tells what is in it, whatever the file was called."""
    stem = re.sub(r"[^\w.-]+", "-", Path(original).stem).strip("-.") or "file"
    return f"{stem[:60]}.{SUFFIXES[mime]}"


@dataclass(frozen=True)
class LocalFile:
    """A picture or video to be uploaded: its name (without a folder), MIME type, size in bytes and SHA-256 (hex).

    The bytes are ``data``, or in the file at ``path``; one that was read from a record has neither. Only type and hash
    count where two are compared: those of what was given, so that a request is found again however it was sent.

    ``sent`` is the file that goes out in its place (`to_send`), where that is another one: a picture is turned upright,
    for instance. ``preview`` is a small picture of it, as a data URI. ``label`` is what the user calls it, if
    that is not its name.
    """

    sha256: str
    mime: str
    name: str = field(compare=False)
    size: int = field(compare=False)
    path: Path | None = field(default=None, compare=False)
    data: bytes | None = field(default=None, repr=False, compare=False)
    sent: LocalFile | None = field(default=None, compare=False)
    preview: str | None = field(default=None, repr=False, compare=False)
    label: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, data: bytes, mime: str, original: str, *, path: Path | None = None, keep: bool = True) -> LocalFile:
        """The file with these bytes, which was called ``original``; ``keep``: hold the bytes, not only the path."""
        sha256 = hashlib.sha256(data).hexdigest()
        return cls(sha256, mime, file_name(original, mime), len(data), path, data if keep else None)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> LocalFile:
        """A file as a record tells of it, without its bytes.

        Raises ValueError, KeyError or TypeError where it is none. What 0.1.0 did not write yet may be missing, and
        counts as missing where it is not as it should be.
        """
        sha256, mime, name, size = record["sha256"], record["mime"], record["name"], record["size"]
        if not re.fullmatch("[0-9a-f]{64}", sha256) or mime not in SUFFIXES or not isinstance(size, int):
            raise ValueError("not a file")
        file = cls(sha256, mime, file_name(str(name), mime), size)
        return replace(file, sent=_sent_in(record), preview=preview_in(record), label=_label_in(record))

    @property
    def record(self) -> dict[str, Any]:
        """What records keep of it: not its bytes, and not where it lies."""
        facts: dict[str, Any] = {"sha256": self.sha256, "mime": self.mime, "name": self.name, "size": self.size}
        if self.sent:
            facts["sent"] = self.sent.record
        if self.preview:
            facts["preview"] = self.preview
        if self.label:
            facts["label"] = self.label
        return facts

    @property
    def to_send(self) -> LocalFile:
        """What is uploaded for it."""
        return self.sent or self

    def read(self) -> bytes:
        """The bytes. Raises InvalidRequest where they are gone, or are not those that were checked."""
        data = self.data
        if data is None and self.path is not None:
            try:
                data = self.path.read_bytes()
            except OSError as error:
                reason = error.strerror or error
                raise InvalidRequest(f"{self.name} cannot be read any more ({reason}): run the cell again.") from None
        if data is None:
            raise InvalidRequest(f"{self.name} was given in an earlier session and is not here: run the cell again.")
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise InvalidRequest(f"{self.name} has changed since then: run the cell again.")
        return data

    def __str__(self) -> str:
        return self.label or self.name


def _sent_in(record: Mapping[str, Any]) -> LocalFile | None:
    sent = record.get("sent")
    if not isinstance(sent, dict):
        return None
    try:
        return LocalFile.from_record({name: value for name, value in sent.items() if name != "sent"})
    except (ValueError, KeyError, TypeError):
        return None


def _label_in(record: Mapping[str, Any]) -> str | None:
    label = record.get("label")
    return label if isinstance(label, str) and is_variable_name(label) else None


def preview_in(record: Mapping[str, Any]) -> str | None:
    """The small picture in a record; None where what it says is none."""
    preview = record.get("preview")
    return preview if isinstance(preview, str) and is_preview(preview) else None


def is_preview(text: str) -> bool:
    """Whether a text is a small picture as a data URI, and nothing else: a record may come from anybody."""
    return len(text) <= LARGEST_PREVIEW and bool(re.fullmatch(r"data:image/jpeg;base64,[A-Za-z0-9+/]+={0,2}", text))
