"""Uploaded files: kept in the service's folder, beside the films, and served like them under names nobody can guess.

The first bytes of a file decide its type; its name only where they say nothing. Whatever is neither an image nor a
video is kept as mere bytes: a page that somebody uploads is never one that a browser would run here.

An upload in steps (prepare, PUT, confirm) is a `PreparedUpload` in between. It stays for as long as the service runs,
so that a confirmation whose answer got lost can be asked for again.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from luma_jupyter.demo.refusals import Refusal
from luma_jupyter.operating_system import rename

MAX_FILE_BYTES = 200_000_000
MOST_FILES, MOST_BYTES = 1000, 5_000_000_000  # kept in all: a notebook must not fill the disk
EXPIRY_SECONDS = 7 * 86400.0
UNKNOWN_TYPE = "application/octet-stream"
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
    ".bin": UNKNOWN_TYPE,
}
SUFFIX_ALIASES = {".jpeg": ".jpg", ".jfif": ".jpg", ".tiff": ".tif", ".heif": ".heic", ".m4v": ".mp4", ".qt": ".mov"}
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
MP4_BRANDS = {b"avif": ".avif", b"avis": ".avif", b"heic": ".heic", b"heix": ".heic", b"mif1": ".heic", b"qt  ": ".mov"}
HEAD_BYTES = 16


@dataclass(frozen=True)
class UploadedFile:
    """A file that is kept; `name` is the uploader's, `created` in seconds since 1970."""

    file: Path
    name: str
    size: int
    created: float = field(default_factory=time.time)

    @property
    def mime_type(self) -> str:
        """Its content type, as served."""
        return MIME_TYPES[self.file.suffix]

    @property
    def expires(self) -> float:
        """When the vendor would delete it, in seconds since 1970; a demo ends long before."""
        return self.created + EXPIRY_SECONDS


@dataclass(eq=False)
class PreparedUpload:
    """A file that may be PUT, once: the bytes that were announced, under `headers`.

    `checksum` is the MD5 in base64, `upload` the file once it has arrived.
    """

    name: str
    size: int
    checksum: str
    signed_id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    upload: UploadedFile | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the PUT has to come with, as storage services sign them."""
        return {"Content-Type": MIME_TYPES[file_suffix(b"", self.name)], "Content-MD5": self.checksum}


class UploadStore:
    """All uploads of a service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = self._bytes = 0
        self._by_key: dict[str, PreparedUpload] = {}
        self._by_signed_id: dict[str, PreparedUpload] = {}

    def check_room(self) -> None:
        """Raise `Refusal` where as much is kept, or prepared, as there is room for."""
        if max(self._files, len(self._by_key)) >= MOST_FILES or self._bytes >= MOST_BYTES:
            raise Refusal(400, "bad_request", "The demo service keeps no more files: restart the kernel for new room.")

    def new_file(self) -> Path:
        """Return where to write what is still arriving; raises `Refusal` where there is no room."""
        self.check_room()
        return self.folder / f"{secrets.token_urlsafe(16)}.part"

    def keep(self, part: Path, name: str) -> UploadedFile:
        """Take over a file that has arrived."""
        with part.open("rb") as file:
            head = file.read(HEAD_BYTES)
        kept = self.folder / f"{secrets.token_urlsafe(16)}{file_suffix(head, name)}"
        rename(part, kept)
        size = kept.stat().st_size
        self._files, self._bytes = self._files + 1, self._bytes + size
        return UploadedFile(kept, name or f"upload{kept.suffix}", size)

    def prepare(self, prepared: PreparedUpload) -> str:
        """Let a file be PUT, and return the secret part of the URL for that; raises `Refusal` as `new_file`."""
        self.check_room()
        key = secrets.token_urlsafe(24)
        self._by_key[key] = prepared
        self._by_signed_id[prepared.signed_id] = prepared
        return key

    def prepared_with_key(self, key: str) -> PreparedUpload | None:
        """Return what may be PUT at the URL with this secret part."""
        return self._by_key.get(key)

    def prepared_with_signed_id(self, signed_id: str) -> PreparedUpload | None:
        """Return what was prepared under this id."""
        return self._by_signed_id.get(signed_id)


def file_suffix(head: bytes, name: str) -> str:
    """Return the suffix, one of `MIME_TYPES`, for a file with these first bytes and this name."""
    for signature, suffix in SIGNATURES.items():
        if head.startswith(signature):
            return suffix
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head[4:8] == b"ftyp":
        return MP4_BRANDS.get(head[8:12], ".mp4")
    suffix = PurePosixPath(name).suffix.lower()
    suffix = SUFFIX_ALIASES.get(suffix, suffix)
    return suffix if suffix in MIME_TYPES else ".bin"
