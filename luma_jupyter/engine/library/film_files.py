"""The files of a film while it is made: hidden in the media folder, until one of them gets the film's name.

What a killed kernel left of a film is found by the film's key, which is in all of these names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from luma_jupyter.domain.pieces import FilmFile
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.library.folder import captions_path, copy_captions, free_path, place_video
from luma_jupyter.engine.library.whole_files import Change, copy_file, remove_file, temporary_path, untold, write_file


class FilmFiles:
    """The files of one film; ``change`` hears of each. All that is hidden goes away with `remove`."""

    def __init__(self, task: Task, change: Change = untold) -> None:
        self._path = task.media / task.filename
        self._task = task
        self._change = change

    @property
    def hidden(self) -> Path:
        """Where the film is made."""
        return temporary_path(self._path)

    def write(self, files: Iterable[FilmFile]) -> dict[FilmFile, Path]:
        """As `paths_of`, with those that are written down among the hidden ones."""
        return paths_of(files, self._path, self._change)

    def place(self, task: Task, poster: bytes, captions: str) -> Path:
        """Give the film its name, its sidecar a moment before; and its poster and captions, where it has some.

        Raises OSError.
        """
        path = place_video(self.hidden, free_path(task.media, task, self._change), task, self._change)
        with suppress(OSError):  # the film is there, and is drawn without it
            write_file(path.with_suffix(".jpg"), poster, self._change)
        if captions:
            write_file(captions_path(path), captions.encode(), self._change)
        return path

    def remove(self) -> None:
        """Take away all that this process has hidden."""
        _discard(self._task, f".*{self._task.key}*.{os.getpid()}.*", self._change)


def paths_of(files: Iterable[FilmFile], beside: Path, change: Change = untold) -> dict[FilmFile, Path]:
    """Where files of the user's lie; those that were given as objects are written down, under hidden names.

    Raises InvalidRequest where one is gone or has changed.
    """
    paths: dict[FilmFile, Path] = {}
    for number, file in enumerate(dict.fromkeys(files)):
        file.check()
        if file.data is None:
            assert file.path is not None
            paths[file] = file.path
        else:
            paths[file] = temporary_path(beside, f"{number}.part")
            write_file(paths[file], file.data, change)
    return paths


def discard_unfinished(task: Task, change: Change = untold) -> None:
    """Take away what is left of a film that nobody makes any more."""
    _discard(task, f".*{task.key}*", change)


def _discard(task: Task, pattern: str, change: Change) -> None:
    for left in task.media.glob(pattern):
        remove_file(left, change)


def save_copy(video: Path, copy: Path) -> None:
    """Save a film, and its captions, as another file too. Raises OSError."""
    if copy.exists() and copy.samefile(video):
        return
    copy_file(video, copy)
    copy_captions(video, copy)
