"""Zips that come from anybody: what is harmless is read and unpacked, or the whole zip is refused.

Nothing that a zip says of itself is believed: names are checked as the strictest system takes them, and bytes are
counted while they come. Only files of the kinds that are shown are taken at all.
"""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from secrets import token_hex
from struct import error as struct_error
from typing import BinaryIO

from luma_jupyter.errors import shown
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import is_device_name, plain_form, reason, rename

MOST_ENTRIES = 2_000
MOST_BYTES = 3_000_000_000  # of all files, unpacked
MOST_TEXT = 120_000_000  # bytes of a file that is no video
MOST_RATIO = 200  # how much larger a file may be than what is stored of it
SMALL = 1_000_000  # bytes up to which a ratio says nothing
BROKEN = N_("it is not a zip, or it is damaged")
KINDS = (".ipynb", ".mp4", ".json", ".jpg", ".vtt")
PART = ".unpacking-"  # how the name begins of a folder that is not whole yet
LONGEST_NAME = 200  # bytes of each part of a path
MOST_PARTS = 6
_LARGEST_DIRECTORY = MOST_ENTRIES * 1_000  # bytes of the list of files
_CHUNK = 1 << 20
_REFUSED = set('<>:"\\|?*') | set(map(chr, range(32))) | {"\x7f"}
_END, _END_OF_64 = b"PK\5\6", b"PK\6\7"  # APPNOTE.TXT of PKWARE, 4.3.15 and 4.3.16
_END_SIZE, _LONGEST_COMMENT, _LOCATOR_SIZE = 22, 65_535, 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGE = (  # what `zipfile` raises of damaged zips
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OverflowError),
    *(IndexError, KeyError, struct_error),
)


class Refused(Exception):
    """A zip is not taken; why, in English words behind its name."""


class Archive:
    """An open zip of which all is harmless: ``files`` are those that are taken, by their paths in it.

    Raises Refused where anything in it is not harmless.
    """

    def __init__(self, file: BinaryIO) -> None:
        with _refusing():
            size = _check_end(file)
            self._zip = zipfile.ZipFile(file)
            self.files = {_path(info): info for info in _checked(self._zip.infolist(), size)}

    def read(self, path: PurePosixPath) -> bytes:
        """The content of a file. Raises Refused and OSError."""
        content = io.BytesIO()
        with _refusing():
            self._copy(path, content)
        return content.getvalue()

    def unpack(self, folder: Path) -> None:
        """Write all files below a folder. Raises Refused and OSError."""
        with _refusing():
            for path in self.files:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as file:
                    self._copy(path, file)

    def _copy(self, path: PurePosixPath, file: BinaryIO) -> None:
        """Write a file's content, and count its bytes while they come."""
        info = self.files[path]
        left = info.file_size
        with self._zip.open(info) as source:
            while left >= 0 and (chunk := source.read(min(_CHUNK, left + 1))):
                left -= len(chunk)
                file.write(chunk)
        if left:
            raise Refused(N_(f"{shown(info.filename)} in it is not as large as it says"))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip into ``folder``, whole, or not at all, unless another kernel does so meanwhile.

    Raises Refused, and OSError where nothing can be written there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.parent / f"{PART}{token_hex(8)}"
    part.mkdir()
    try:
        with archive.open("rb") as file:
            Archive(file).unpack(part)
        _give_name(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _give_name(part: Path, folder: Path) -> None:
    """Rename what was unpacked, unless another kernel has unpacked the same meanwhile. Raises OSError."""
    try:
        rename(part, folder)
    except OSError:
        if not folder.is_dir():
            raise


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except DAMAGE:
        raise Refused(BROKEN) from None


def _check_end(file: BinaryIO) -> int:
    """Look at the end of a zip, before all of its list of files is read: it may be as long as the zip. Its size."""
    size = file.seek(0, 2)
    start = max(0, size - _END_SIZE - _LONGEST_COMMENT - _LOCATOR_SIZE)
    file.seek(start)
    tail = file.read()
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise Refused(BROKEN)
    if _END_OF_64 in tail:
        raise Refused(N_("it says that it is larger than anything that is handed in"))
    entries, directory = (int.from_bytes(tail[at + place : at + end], "little") for place, end in ((10, 12), (12, 16)))
    if entries > MOST_ENTRIES or directory > _LARGEST_DIRECTORY:
        raise Refused(N_(f"it has {entries:,} files; up to {MOST_ENTRIES:,} are taken"))
    return size


def _checked(infos: Sequence[zipfile.ZipInfo], size: int) -> list[zipfile.ZipInfo]:
    """The files of a zip of ``size`` bytes that are unpacked. Raises Refused where any entry is not harmless."""
    if len(infos) > MOST_ENTRIES:
        raise Refused(N_(f"it has {len(infos):,} files; up to {MOST_ENTRIES:,} are taken"))
    seen: dict[str, bool] = {}
    wanted = []
    for info in infos:
        path = _path(info)
        form = plain_form(str(path))
        if form in seen:
            raise Refused(N_(f"two of its files are called {shown(str(path))}, or differ only in capitals or accents"))
        seen[form] = info.is_dir()
        _check_entry(info, path)
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        if not info.is_dir() and not hidden and path.suffix.lower() in KINDS:
            wanted.append(info)
    for form in seen:
        if any(seen.get(str(parent)) is False for parent in PurePosixPath(form).parents):
            raise Refused(N_("one of its files is also a folder"))
    _check_sizes(infos, size)
    return wanted


def _path(info: zipfile.ZipInfo) -> PurePosixPath:
    """The path of an entry. Raises Refused for one that leads elsewhere, on any system."""
    for name in (info.orig_filename, info.filename):  # as its bytes say, and as it is taken from them
        parts = name.removesuffix("/").split("/")
        if not all(map(_is_harmless, parts)):
            raise Refused(N_(f"the path {shown(name)} in it leads out of it, or cannot be used"))
    if len(parts) > MOST_PARTS or any(len(part.encode(errors="replace")) > LONGEST_NAME for part in parts):
        raise Refused(N_(f"the path {shown(name)} in it is too long"))
    return PurePosixPath(*parts)


def _is_harmless(part: str) -> bool:
    """Whether a part of a path is a name on all systems."""
    if part in ("", ".", "..") or part[-1] in ". ":
        return False
    return not set(part) & _REFUSED and not is_device_name(part)


def _check_entry(info: zipfile.ZipInfo, path: PurePosixPath) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refused(N_(f"{shown(str(path))} in it is a link or a device"))
    if info.flag_bits & 0x41:
        raise Refused(N_("it is encrypted"))
    if info.compress_type not in _METHODS:
        raise Refused(N_(f"{shown(str(path))} in it is packed in an unknown way"))
    if info.file_size > SMALL and info.file_size > MOST_RATIO * max(1, info.compress_size):
        megabytes = f"{info.file_size / 1e6:,.0f}"
        raise Refused(N_(f"{shown(str(path))} in it would become {megabytes} MB out of next to nothing"))
    if path.suffix.lower() != ".mp4" and info.file_size > MOST_TEXT:
        raise Refused(N_(f"{shown(str(path))} in it is too large"))


def _check_sizes(infos: Sequence[zipfile.ZipInfo], size: int) -> None:
    if (whole := sum(info.file_size for info in infos)) > MOST_BYTES:
        megabytes, most = f"{whole / 1e6:,.0f}", f"{MOST_BYTES / 1e6:,.0f}"
        raise Refused(N_(f"it would become {megabytes} MB; up to {most} MB are taken"))
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise Refused(N_("its files overlap each other"))
        end = info.header_offset + 30 + len(info.orig_filename) + info.compress_size
    if end > size:
        raise Refused(BROKEN)


def why_unwritable(error: OSError) -> str:
    """Why a zip could not be read or unpacked, in English words behind its name."""
    return N_(f"it cannot be unpacked ({reason(error)})")
