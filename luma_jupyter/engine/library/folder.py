"""The media folder: where finished videos, their thumbnails and their sidecars are kept.

A video is streamed to a temporary name, checked to be a whole video, and only then renamed, so a file with the
final name is always a good one. Its sidecar is there a moment before it, so a video says at any time whose it is.
What came and is no whole video was paid for all the same: it is kept under another name (`incomplete_path`), until a
whole one takes its place.

Its name is made by us, from the prompt and a random key: nothing that a service says becomes part of a path, and the
file of another clip is never replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from luma_jupyter.domain.media import LARGEST_RESULT, LARGEST_THUMBNAIL, Flaw, check_video, is_image
from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.space import existing
from luma_jupyter.engine.library.whole_files import (
    Change,
    create_file,
    remove_file,
    rename_over,
    replacing,
    size_of,
    temporary_path,
    untold,
    write_file,
)
from luma_jupyter.errors import ConfigError, DownloadError, Expired, LumaError
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import flush, is_too_long, reason
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.settings import variable
from luma_jupyter.worker_threads import in_thread

if TYPE_CHECKING:
    from luma_jupyter.providers.http.client import HttpClient

DOWNLOAD_TRIES = 4
CAPTIONED = (".mp4", ".webm")  # videos that captions lie beside
_LONGEST_TOKEN = "0" * 8  # as long as what tells temporary names apart: 8 letters, or the number of a process


def ensure_folder(folder: Path, change: Change = untold) -> None:
    """Make sure, before anything is paid, that videos can be saved. Raises ConfigError where they cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder, change)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise ConfigError(
            f"Videos cannot be saved in {str(folder)!r} ({why}): set {variable('media')} to another folder."
        ) from None


def check_writable(folder: Path, change: Change = untold) -> None:
    """Make a video's longest file name in a folder, or where that will be made, and leave nothing there.

    Asking for permissions is not enough: Windows says yes to whoever may see a folder. Raises OSError.
    """
    _check_names(existing(folder) / sidecars.short_file_name("0" * 8), change)


def _check_names(video: Path, change: Change) -> None:
    """Make the longest of the names that saving a video takes, and leave nothing there. Raises OSError.

    It is the same name for all kernels, so that the next one takes away what a killed one has left.
    """
    longest = video.with_name(f".{incomplete_path(video).name}.{_LONGEST_TOKEN}.old.part")
    try:
        with change(longest):
            longest.touch()
    finally:
        remove_file(longest, change)


def copy_into(folder: Path, task: Task, change: Change = untold) -> Task:
    """A completed task with its video in ``folder``: copied there, if it lies elsewhere. Raises DownloadError."""
    assert task.path is not None
    if task.path.parent == folder:
        return task
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = free_path(folder, task, change)
        copy_captions(task.path, path, change)
        with replacing(path, change) as copy, task.path.open("rb") as original:
            shutil.copyfileobj(original, copy)
            moved = task.evolve(path=path, media=folder, filename=path.name)
            _place_sidecar(path, moved, copy.tell(), change, beside=task.path)
    except OSError as error:
        raise _unwritable(error) from None
    return moved


def captions_path(video: Path) -> Path:
    """Where the captions of a film are."""
    return video.with_suffix(".vtt")


def copy_captions(video: Path, copy: Path, change: Change = untold) -> None:
    """Put the captions of a video, where it has some, beside its copy too; no others of ours stay. Raises OSError."""
    if captions_path(video).is_file():
        write_file(captions_path(copy), captions_path(video).read_bytes(), change)
    else:
        discard_captions(copy, video.parent, change)


def discard_captions(copy: Path, media: Path, change: Change = untold) -> None:
    """Take away the captions beside a copy that has none, where they are those of another film in ``media``.

    What a person wrote stays, and what a video of the same name in another format has.
    """
    captions, suffix = captions_path(copy), copy.suffix.lower()
    shared = any(copy.with_suffix(other).exists() for other in CAPTIONED if other != suffix)
    if suffix not in CAPTIONED or shared or not captions.is_file():
        return
    with contextlib.suppress(OSError):
        text = captions.read_bytes()
        others = (other for other in media.glob("*.vtt") if not other.samefile(captions))
        if any(other.read_bytes() == text for other in others):
            remove_file(captions, change)


@dataclass(frozen=True)
class Saved:
    """Where a video was saved; ``moved``: in a new folder, as the one of its task was gone."""

    path: Path
    moved: bool


@dataclass(frozen=True)
class MediaFolder:
    """A folder into which videos are fetched; ``change`` hears of each file that is made there."""

    folder: Path
    http: HttpClient
    change: Change = untold

    async def save(self, task: Task) -> Saved:
        """Fetch the video of a finished task into the folder; into a new one where that has been moved meanwhile.

        Raises DownloadError when the video cannot be had, or cannot be written.
        """
        moved = not self.folder.exists()
        for _ in range(2):
            try:
                return Saved(await self._save(task), moved)
            except FileNotFoundError as error:
                moved, last = True, error
        raise _unwritable(last)

    async def _save(self, task: Task) -> Path:
        """As `save`. Raises FileNotFoundError where the folder is moved while the video comes."""
        part = None
        try:
            path, part, is_saved = await in_thread(lambda: self._look(task))
            if is_saved:  # a kernel was killed before it could say so
                return path
            whole = part = part or await self._fetch_part(task, path)
            placed = await in_thread(lambda: place_video(whole, path, task, self.change))
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not self.folder.exists():
                raise
            raise _unwritable(error, part) from None
        return placed

    def _look(self, task: Task) -> tuple[Path, Path | None, bool]:
        """Where a video goes, what has come of it whole but without its name, and whether it is there already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = free_path(self.folder, task, self.change)
        saved = sidecars.read(path.with_suffix(".json"))
        is_saved = saved is not None and saved.path is not None
        return path, _kept_part(path, self.change, wanted=not is_saved), is_saved

    async def save_thumbnail(self, task: Task, path: Path) -> None:
        """Fetch the thumbnail of a saved video, where there is one; a missing one is no error."""
        if task.video and task.video.thumbnail_url:
            wanted = _Wanted(task.video.thumbnail_url, task.base_url, LARGEST_THUMBNAIL, _thumbnail_flaw)
            picture = io.BytesIO()
            with contextlib.suppress(DownloadError, OSError):
                await self._fetch(wanted, picture)
                await in_thread(lambda: write_file(path.with_suffix(".jpg"), picture.getvalue(), self.change))

    async def _fetch_part(self, task: Task, path: Path) -> Path:
        """Fetch a video under a temporary name, which stays until it has its own."""
        part = temporary_path(path)
        try:
            with await in_thread(lambda: create_file(part, self.change)) as file:
                await self._fetch_video(task, file, incomplete_path(path))
                await in_thread(lambda: flush(file))
        except BaseException:
            await in_thread(lambda: remove_file(part, self.change))
            raise
        return part

    async def _fetch_video(self, task: Task, file: BinaryIO, incomplete: Path) -> None:
        """Fetch a video; what came and is no whole one is kept."""
        assert task.video is not None
        assert task.video.url is not None
        wanted = _Wanted(
            task.video.url, task.base_url, LARGEST_RESULT, _video_flaw, lambda file: _keep_incomplete(file, incomplete)
        )
        try:
            await self._fetch(wanted, file)
        except DownloadError as error:
            if not incomplete.exists():
                raise
            raise type(error)(N_(f"{error}; what came is kept as {incomplete.name}")) from None

    async def _fetch(self, wanted: _Wanted, file: BinaryIO) -> None:
        partial = Partial(file)
        attempt = 0
        while True:
            attempt += 1
            try:
                await self.http.transfers.download(
                    wanted.url, partial, largest=wanted.largest, trusted_origin=wanted.trusted_origin
                )
                reason = await in_thread(lambda: wanted.flaw(file, file.seek(0, os.SEEK_END)))
                if reason is None:
                    return
                await in_thread(lambda: wanted.keep(file))
                partial.restart()
                raise DownloadError(f"what came cannot be used: {reason}")
            except LumaError as error:
                await in_thread(lambda: wanted.keep(file))
                if attempt == DOWNLOAD_TRIES:
                    kind = Expired if isinstance(error, Expired) else DownloadError
                    raise kind(str(error)) from None
            await asyncio.sleep(self.http.backoff(attempt))


@dataclass(frozen=True)
class _Wanted:
    """A file to be fetched, of up to ``largest`` bytes.

    ``flaw`` says what is wrong with what came, None where nothing is; ``keep`` gets what came of a try that failed.
    """

    url: str
    trusted_origin: str
    largest: int
    flaw: Callable[[BinaryIO, int], str | None]
    keep: Callable[[BinaryIO], None] = lambda file: None


def _video_flaw(file: BinaryIO, size: int) -> str | None:
    check = check_video(file, size)
    return None if check.playable else check.flaw


def _thumbnail_flaw(file: BinaryIO, size: int) -> str | None:
    return None if is_image(file, size) else N_("it is not a picture")


def incomplete_path(path: Path) -> Path:
    """Where it is kept what came of a video and is no whole one."""
    return path.with_name(f"{path.stem}.incomplete{path.suffix}")


def _keep_incomplete(file: BinaryIO, path: Path) -> None:
    """Copy what came to ``path``, unless it is a page or nothing, or there is more of it there already."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    text = b"\0" not in file.read(512)
    if size == 0 or (text and check_video(file, size).flaw is Flaw.NOT_MP4):
        return
    with contextlib.suppress(OSError):
        if path.exists() and size_of(path) >= size:
            return
        with replacing(path) as copy:
            file.seek(0)
            shutil.copyfileobj(file, copy)


def _kept_part(path: Path, change: Change, *, wanted: bool) -> Path | None:
    """The whole video that has come, but could not be given its name; all other parts of killed kernels go away."""
    kept = None
    for left in sorted(path.parent.glob(f".{path.stem}.*.part")):
        if wanted and kept is None and left.name.startswith(f".{path.name}.") and sidecars.is_whole(left):
            kept = left
        else:
            remove_file(left, change)
    return kept


def place_video(part: Path, path: Path, task: Task, change: Change) -> Path:
    """Give a video its name, and its sidecar a moment before, and return where it is. Raises OSError.

    Where another program holds a file of that name open, it gets a number.
    """
    wanted = path
    while True:
        in_the_way = _taken(path)
        try:
            _place_sidecar(path, task, size_of(part), change, beside=wanted)
            with change(path):
                rename_over(part, path)
            remove_file(incomplete_path(wanted), change)
            return path
        except OSError as error:
            if not (in_the_way or path.exists()):  # another kernel may have saved it meanwhile
                remove_file(path.with_suffix(".json"), change)
            if not (in_the_way and isinstance(error, PermissionError)):
                raise
        path = _unused(path)


def _place_sidecar(path: Path, task: Task, size: int, change: Change, beside: Path | None = None) -> None:
    """Write the sidecar of a video; a person's note, and what a later version wrote into the one that was ``beside``
    its file, are kept."""
    sidecar, before = path.with_suffix(".json"), (beside or path).with_suffix(".json")
    earlier = sidecars.read(before)
    if earlier and earlier.intent == task.intent:
        task = task.evolve(extra={**earlier.extra, **task.extra})
    notes = [sidecars.read_note(path, task.intent) or NO_NOTE for path in (sidecar, before)]
    note = next((note for note in notes if note != NO_NOTE), NO_NOTE)
    with replacing(sidecar, change) as file:
        sidecars.write(file, task, size, note)


def replace_note(sidecar: Path, note: Note, change: Change = untold) -> None:
    """Write a person's note into a sidecar; all else in it stays. Raises OSError, or ValueError where it is none."""
    with replacing(sidecar, change) as file:
        sidecars.write_note(file, sidecar, note)


def free_path(folder: Path, task: Task, change: Change) -> Path:
    """Where a video goes: under its name, a shorter one where that would be too long, and with a number where another
    clip's file has it. Raises OSError."""
    path = _unused(folder / task.filename, task.intent)
    try:
        _check_names(path, change)
    except OSError as error:
        if not is_too_long(error):
            raise
        path = _unused(folder / sidecars.short_file_name(task.key), task.intent)
    return path


def _unused(path: Path, intent: str | None = None) -> Path:
    """``path``, or with a number where a file has that name that is not this intent's."""
    number = 1
    candidate = path
    while _taken(candidate) and (intent is None or sidecars.intent_of(candidate) != intent):
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate


def _taken(path: Path) -> bool:
    return path.exists() or path.with_suffix(".json").exists()


def _unwritable(error: OSError, kept: Path | None = None) -> DownloadError:
    return DownloadError(
        f"the media folder cannot be written: {reason(error)}; what came is kept as {kept.name}"
        if kept
        else f"the media folder cannot be written: {reason(error)}"
    )
