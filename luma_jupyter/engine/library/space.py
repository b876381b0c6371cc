"""Room on the disk: whether another video would find some, asked before it is paid for."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from luma_jupyter.domain.media import LARGEST_RESULT
from luma_jupyter.errors import ConfigError
from luma_jupyter.settings import variable

LEAST_FREE = 200_000_000  # bytes that must be free before a video is paid for
ROOM_FOR = 5  # videos as large as the last ones must find room, too


def free_space(folder: Path) -> int:
    """How many bytes are free in a folder, or where it will be made. Raises OSError."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """A folder, or the nearest one above it that is there. Raises FileNotFoundError where its whole drive is not."""
    for parent in (folder, *folder.parents):
        if parent.exists():
            return parent
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))


def needed_space(last_sizes: Iterable[int]) -> int:
    """How many bytes should be free before another video is paid for, by the sizes of the last ones."""
    return max(LEAST_FREE, ROOM_FOR * max(last_sizes, default=0))


def check_space(
    folder: Path, last_sizes: Callable[[], Iterable[int]], free: Callable[[Path], int] = free_space
) -> None:
    """Refuse to go on, before anything is paid, where a video would find no room. Raises ConfigError.

    ``last_sizes`` gives the bytes of the last few videos, where there is little room. ``free`` gives the free bytes of
    a folder; where it raises OSError, nobody can tell, and nothing is refused.
    """
    try:
        there = free(folder)
    except OSError:
        return
    if there >= ROOM_FOR * LARGEST_RESULT or there >= (needed := needed_space(last_sizes())):
        return
    free_megabytes, megabytes = round(there / 1e6), round(needed / 1e6)
    raise ConfigError(
        f"Only {free_megabytes} MB are free for videos in {str(folder)!r}, and {megabytes} MB should be: "
        f"make room there, or set {variable('media')} to a folder on another disk. Nothing was sent."
    )
