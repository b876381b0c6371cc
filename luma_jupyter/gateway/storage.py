"""The store of videos and files: an address of fsspec, where each content is kept once, under its SHA-256.

What comes is written to a part file on this machine first, and takes its place as a whole: whatever breaks off, nothing
half-stored is ever there. A store on this machine has its part files beside what it keeps, so that putting one in its
place is a rename.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import re
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from luma_jupyter.errors import LumaError
from luma_jupyter.languages import N_
from luma_jupyter.worker_threads import in_thread

T = TypeVar("T")
OpenRaw: TypeAlias = Callable[[Path], io.FileIO]  # makes a new file, and opens it

CHUNK = 1024 * 1024  # bytes
PARTS = "parts"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NAME = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,5}")


class StoreFull(LumaError):
    """There is no room for a file; nothing of it is stored."""

    def __init__(self) -> None:
        super().__init__(N_("There is no room for videos: make some, or give the gateway another place for them."))


class StoreAway(LumaError):
    """The store cannot be reached, or says no."""


class Part(io.BufferedRandom):
    """A file on its way into the store; ``full``: it could not be written for want of room."""

    def __init__(self, raw: io.FileIO, path: Path) -> None:
        super().__init__(raw)
        self.path = path
        self.full = False

    def write(self, data: Any) -> int:
        """Write all of ``data``, at once: what the disk says of it belongs here."""
        try:
            count = super().write(data)
            self.flush()
        except OSError as error:
            self.full |= error.errno in _FULL
            raise
        return count


class MediaStore:
    """The files at ``address``. Their names are a SHA-256 (hex) and a suffix. ``open_raw`` is passed in by tests."""

    def __init__(self, address: str, open_raw: OpenRaw | None = None) -> None:
        # Others write there, too: what it has listed once says nothing of later.
        self._fs, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
        self._root = str(root).rstrip("/")
        self._here = isinstance(self._fs, LocalFileSystem)
        self._open_raw = open_raw or partial(io.FileIO, mode="x+")
        self._parts = Path(self._root, PARTS) if self._here else Path(tempfile.gettempdir(), "luma-gateway-parts")

    @asynccontextmanager
    async def part(self) -> AsyncIterator[Part]:
        """A new part file, which is gone afterwards unless it took its place. Raises StoreFull, StoreAway."""
        path = self._parts / f"{secrets.token_hex(8)}.part"

        def begin() -> Part:
            self._parts.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Part(self._open_raw(path), path)

        part = await self._do(begin)
        try:
            yield part
        except OSError:
            if part.full:
                raise StoreFull from None
            raise
        finally:
            await in_thread(partial(_end, part))

    async def name_of(self, part: Part, suffix: str) -> str:
        """What a file is called in the store, by its content."""

        def digest() -> str:
            part.seek(0)
            return hashlib.file_digest(part, "sha256").hexdigest()

        return f"{await in_thread(digest)}.{suffix}"

    async def place(self, part: Part, name: str) -> int:
        """Put a part file in its place; its size in bytes. Raises StoreFull, StoreAway: then nothing is there."""
        target = self._path(name)

        def place() -> int:
            part.flush()
            os.fsync(part.fileno())
            size = part.seek(0, os.SEEK_END)
            if self._here:
                self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
                os.replace(part.path, target)
            else:
                self._fs.put_file(str(part.path), target)
            return size

        return await self._do(place)

    async def size(self, name: str) -> int | None:
        """The size of a file in bytes; None where there is none. Raises StoreAway."""

        def size() -> int | None:
            try:
                return int(self._fs.info(self._path(name))["size"])
            except FileNotFoundError:
                return None

        return await self._do(size)

    async def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes of a file from ``start`` to before ``end``, in chunks. Raises StoreAway."""
        path = self._path(name)
        for begin in range(start, end, CHUNK):
            yield await self._do(partial(self._fs.cat_file, path, start=begin, end=min(end, begin + CHUNK)))

    async def remove(self, name: str) -> None:
        """Remove a file, if it is there. Raises StoreAway."""

        def remove() -> None:
            with suppress(FileNotFoundError):
                self._fs.rm_file(self._path(name))

        await self._do(remove)

    async def names(self) -> dict[str, float]:
        """What is stored, and how many seconds ago each came. Raises StoreAway."""

        def names() -> dict[str, float]:
            found = self._fs.find(self._root, detail=True) if self._fs.exists(self._root) else {}
            named = {path.rpartition("/")[2]: info for path, info in found.items()}
            return {name: _age(info) for name, info in named.items() if _NAME.fullmatch(name)}

        return await self._do(names)

    async def sweep_parts(self, older: float) -> int:
        """Remove the part files that nobody has written to for so many seconds; how many that were."""

        def sweep() -> int:
            swept = 0
            for path in self._parts.glob("*.part"):
                with suppress(OSError):
                    if time.time() - path.stat().st_mtime > older:
                        path.unlink()
                        swept += 1
            return swept

        return await self._do(sweep)

    def _path(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name in the store: {name!r}")
        return f"{self._root}/{name[:2]}/{name}"

    async def _do(self, function: Callable[[], T]) -> T:
        """Call what may block, and translate what goes wrong: each kind of store has errors of its own."""
        try:
            return await in_thread(function)
        except (asyncio.CancelledError, ValueError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _FULL:
                raise StoreFull from None
            reason = str(error) or type(error).__name__
            raise StoreAway(N_(f"The place for videos cannot be used: {reason}.")) from error


def _end(part: Part) -> None:
    with suppress(OSError):  # what could not be written is still in its buffer
        part.close()
    part.path.unlink(missing_ok=True)


def _age(info: Any) -> float:
    """How many seconds ago a file was written, by the facts that its file system gives."""
    at = info.get("mtime") or info.get("LastModified") or info.get("created") or 0.0
    return time.time() - (at if isinstance(at, int | float) else at.timestamp())
