"""Uploaded files: kept in the service's folder, beside the films, and served like them under names nobody can guess.

What a file is, its first bytes decide; its name only where they say nothing. Whatever is neither an image nor a video
is kept as mere bytes: a page that somebody uploads is never one that a browser would run here.

An upload in steps (prepare, PUT, confirm) is a `Ticket` in between. It stays for as long as the service runs, so that
a confirmation whose answer got lost can be asked for again.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

LARGEST = 200_000_000
LASTING_SECONDS = 7 * 86400.0
UNKNOWN = "application/octet-stream"
MIME_TYPES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".bin": UNKNOWN,
}
OTHER_ENDINGS = {".jpeg": ".jpg", ".jfif": ".jpg", ".tiff": ".tif", ".heif": ".heic", ".m4v": ".mp4", ".qt": ".mov"}
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"\x1aE\xdf\xa3": ".webm",
}
BRANDS = {b"avif": ".avif", b"avis": ".avif", b"heic": ".heic", b"heix": ".heic", b"mif1": ".heic", b"qt  ": ".mov"}
HEAD = 16


@dataclass(frozen=True)
class Upload:
    """A file that is kept; `created` in seconds since 1970."""

    file: Path
    name: str
    size: int
    created: float = field(default_factory=time.time)

    @property
    def mime_type(self) -> str:
        """What it is, as served."""
        return MIME_TYPES[self.file.suffix]

    @property
    def expires(self) -> float:
        """When the vendor would delete it; a demo ends long before."""
        return self.created + LASTING_SECONDS


@dataclass(eq=False)
class Ticket:
    """Leave to PUT one file, once: these bytes and no others, under these headers."""

    name: str
    size: int
    checksum: str
    signed_id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    upload: Upload | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the PUT has to come with, as storage services sign it."""
        return {"Content-Type": MIME_TYPES[ending(b"", self.name)], "Content-MD5": self.checksum}


class Uploads:
    """All uploads of a service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tickets: dict[str, Ticket] = {}
        self._confirmable: dict[str, Ticket] = {}

    def new_file(self) -> Path:
        """Where to write what is still arriving."""
        return self.folder / f"{secrets.token_urlsafe(16)}.part"

    def keep(self, part: Path, name: str) -> Upload:
        """Take over a file that has arrived."""
        with part.open("rb") as file:
            head = file.read(HEAD)
        kept = part.replace(self.folder / f"{secrets.token_urlsafe(16)}{ending(head, name)}")
        return Upload(kept, name or f"upload{kept.suffix}", kept.stat().st_size)

    def prepare(self, ticket: Ticket) -> str:
        """Let a file be PUT; gives the secret part of the URL for that."""
        key = secrets.token_urlsafe(24)
        self._tickets[key] = self._confirmable[ticket.signed_id] = ticket
        return key

    def ticket(self, key: str) -> Ticket | None:
        """What may be PUT at the URL with this secret part."""
        return self._tickets.get(key)

    def confirmable(self, signed_id: str) -> Ticket | None:
        """The ticket that was given out with this id."""
        return self._confirmable.get(signed_id)


def ending(head: bytes, name: str) -> str:
    """The file name ending, one of `MIME_TYPES`, for a file with these first bytes and this name."""
    for signature, suffix in SIGNATURES.items():
        if head.startswith(signature):
            return suffix
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], ".mp4")
    suffix = PurePosixPath(name).suffix.lower()
    suffix = OTHER_ENDINGS.get(suffix, suffix)
    return suffix if suffix in MIME_TYPES else ".bin"
