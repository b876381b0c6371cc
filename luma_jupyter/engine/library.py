"""The media folder: where finished videos, their thumbnails and their sidecars are kept.

A video is streamed to a temporary name, checked to be a whole video, and only then renamed, so a file with the final
name is always a good one. Its name is made by us, from the prompt and a random key: nothing that a service says becomes
part of a path. The sidecar (JSON) says where it came from.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from luma_jupyter.errors import ConfigError, DownloadError, LumaError
from luma_jupyter.models import Task, Video
from luma_jupyter.settings import variable

if TYPE_CHECKING:
    from luma_jupyter.wire.http import Http

DOWNLOAD_TRIES = 4
LARGEST_VIDEO = 2 * 1024**3  # bytes
LARGEST_THUMBNAIL = 20 * 1024**2  # bytes
SIDECAR_SCHEMA = 1
_LONGEST_SLUG = 20
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8")


def file_name(prompt: str, key: str) -> str:
    """The name of a video: the prompt's first words and the key, such as ``astronauts-shuttle-3f9c2a1b.mp4``."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", prompt).lower())
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word[:_LONGEST_SLUG]
        if len(longer) > _LONGEST_SLUG:
            break
        slug = longer
    return f"{slug or 'clip'}-{key}.mp4"


def make_folder(folder: Path) -> None:
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


def is_image(file: BinaryIO, size: int) -> bool:
    """Whether ``file`` starts as a JPEG, PNG, WebP or GIF does."""
    file.seek(0)
    return file.read(8).startswith(_IMAGE_STARTS)


@dataclass(frozen=True)
class Library:
    """A media folder."""

    folder: Path
    http: Http

    async def save(self, task: Task, trusted_origin: str) -> Path:
        """Fetch the video of a finished task and return its path.

        Raises DownloadError when the video cannot be had, or cannot be written.
        """
        assert task.video is not None
        path = self.folder / task.filename
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            await self._fetch(task.video.url, path, is_whole_video, LARGEST_VIDEO, trusted_origin)
        except OSError as error:
            raise DownloadError(f"the media folder cannot be written: {error.strerror or error}") from None
        return path

    async def save_companions(self, task: Task, path: Path, trusted_origin: str) -> None:
        """Write the sidecar of a saved video, and fetch its thumbnail where there is one.

        A missing thumbnail is no error. Raises DownloadError when the sidecar cannot be written.
        """
        try:
            write_sidecar(path, task)
        except OSError as error:
            raise DownloadError(f"the media folder cannot be written: {error.strerror or error}") from None
        if task.video and task.video.thumbnail_url:
            with contextlib.suppress(DownloadError, OSError):
                thumbnail = path.with_suffix(".jpg")
                await self._fetch(task.video.thumbnail_url, thumbnail, is_image, LARGEST_THUMBNAIL, trusted_origin)

    async def _fetch(
        self, url: str, path: Path, check: Callable[[BinaryIO, int], bool], largest: int, trusted_origin: str
    ) -> None:
        attempt = 0
        while True:
            attempt += 1
            try:
                with _replacing(path) as file:
                    await self.http.download(url, file, largest=largest, trusted_origin=trusted_origin)
                    if not check(file, file.tell()):
                        raise DownloadError("what came was not a whole video")
                return
            except LumaError as error:
                if attempt == DOWNLOAD_TRIES:
                    raise DownloadError(str(error)) from None
            await asyncio.sleep(self.http.backoff(attempt))


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file under a temporary name beside ``path``; becomes ``path`` when the block ends well, else goes away."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_sidecar(path: Path, task: Task) -> None:
    """Write the JSON file beside a video: prompt, request, ids, source, provider, times (Unix seconds) and sizes."""
    with _replacing(path.with_suffix(".json")) as file:
        # A service may send a lone surrogate; its escape is valid JSON.
        file.write(json.dumps(sidecar(task, path), ensure_ascii=False, indent=1).encode(errors="backslashreplace"))


def sidecar(task: Task, path: Path) -> dict[str, Any]:
    """What a sidecar holds, as plain data."""
    video = task.video or Video(url="")
    return {
        "schema": SIDECAR_SCHEMA,
        "file": path.name,
        "bytes": path.stat().st_size,
        "action": task.request.action,
        "prompt": task.request.prompt,
        "request": {name: value for name, value in asdict(task.request).items() if name != "prompt"},
        "source": task.source_label,
        "provider": task.provider,
        "task_id": task.task_id,
        **asdict(video),
        "created_at": task.created_at,
        "submitted_at": task.submitted_at,
    }
