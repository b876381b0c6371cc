"""The media folder: where finished videos, their thumbnails and their sidecars are kept.

A video is streamed to a temporary name, checked to be a whole video, and only then renamed, so a file with the
final name is always a good one. Its sidecar is there a moment before it, so a video says at any time whose it is.
Its name is made by us, from the prompt and a random key: nothing that a service says becomes part of a path, and the
file of another clip is never replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from luma_jupyter.domain.media import is_image, is_whole_video
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.library import sidecars
from luma_jupyter.errors import ConfigError, DownloadError, Expired, LumaError
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.settings import variable

if TYPE_CHECKING:
    from luma_jupyter.providers.http.client import HttpClient

DOWNLOAD_TRIES = 4
LARGEST_VIDEO = 2 * 1024**3  # bytes
LARGEST_THUMBNAIL = 20 * 1024**2  # bytes


def ensure_folder(folder: Path) -> None:
    """Make sure, before anything is paid, that videos can be saved. Raises ConfigError where they cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        why = None if os.access(folder, os.W_OK) else "no permission to write"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
    if why:
        raise ConfigError(
            f"Videos cannot be saved in {str(folder)!r} ({why}): set {variable('media')} to another folder."
        )


def check_writable(folder: Path) -> None:
    """Write into a folder, or where it will be made, and leave nothing there. Raises OSError."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    with tempfile.TemporaryFile(dir=there):
        pass


def copy_into(folder: Path, task: Task) -> Task:
    """A completed task with its video in ``folder``: copied there, if it lies elsewhere. Raises DownloadError."""
    assert task.path is not None
    if task.path.parent == folder:
        return task
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = _free_path(folder / task.filename, task)
        with replacing(path) as copy, task.path.open("rb") as original:
            shutil.copyfileobj(original, copy)
            moved = task.evolve(path=path, media=folder, filename=path.name)
            _place_sidecar(path, moved, copy.tell())
    except OSError as error:
        raise _unwritable(error) from None
    return moved


@dataclass(frozen=True)
class MediaFolder:
    """A folder into which videos are fetched."""

    folder: Path
    http: HttpClient

    async def save(self, task: Task) -> Path:
        """Fetch the video of a finished task, and return its path.

        Raises DownloadError when the video cannot be had, or cannot be written.
        """
        assert task.video is not None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = _free_path(self.folder / task.filename, task)
            for left in self.folder.glob(f".{path.stem}.*.part"):  # of kernels that were killed
                left.unlink(missing_ok=True)
            saved = sidecars.read(path.with_suffix(".json"))
            if saved and saved.path:  # a kernel was killed before it could say so
                return path
            with replacing(path) as file:
                await self._fetch(task.video.url, file, is_whole_video, LARGEST_VIDEO, task.base_url)
                _place_sidecar(path, task, file.seek(0, os.SEEK_END))
        except OSError as error:
            raise _unwritable(error) from None
        return path

    async def save_thumbnail(self, task: Task, path: Path) -> None:
        """Fetch the thumbnail of a saved video, where there is one; a missing one is no error."""
        if task.video and task.video.thumbnail_url:
            with contextlib.suppress(DownloadError, OSError), replacing(path.with_suffix(".jpg")) as file:
                await self._fetch(task.video.thumbnail_url, file, is_image, LARGEST_THUMBNAIL, task.base_url)

    async def _fetch(
        self, url: str, file: BinaryIO, check: Callable[[BinaryIO, int], bool], largest: int, trusted_origin: str
    ) -> None:
        partial = Partial(file)
        attempt = 0
        while True:
            attempt += 1
            try:
                await self.http.transfers.download(url, partial, largest=largest, trusted_origin=trusted_origin)
                if not check(file, file.seek(0, os.SEEK_END)):
                    partial.restart()
                    raise DownloadError("what came was not a whole video")
                return
            except LumaError as error:
                if attempt == DOWNLOAD_TRIES:
                    kind = Expired if isinstance(error, Expired) else DownloadError
                    raise kind(str(error)) from None
            await asyncio.sleep(self.http.backoff(attempt))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file under a temporary name beside ``path``; becomes ``path`` when the block ends well, else goes away."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _place_sidecar(path: Path, task: Task, size: int) -> None:
    with replacing(path.with_suffix(".json")) as file:
        sidecars.write(file, task, size)


def _free_path(path: Path, task: Task) -> Path:
    """``path``, or with a number where another clip's file has that name."""
    number = 1
    candidate = path
    while _taken(candidate) and sidecars.intent_of(candidate) != task.intent:
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


def _taken(path: Path) -> bool:
    return path.exists() or path.with_suffix(".json").exists()


def _unwritable(error: OSError) -> DownloadError:
    return DownloadError(f"the media folder cannot be written: {error.strerror or error}")
