"""Files that are written as a whole, or not at all: under a temporary name first, then renamed.

``change`` hears of each file that is about to be made, renamed or taken away.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, TypeAlias

from luma_jupyter.operating_system import discard, flush, link, patiently, rename

Change: TypeAlias = Callable[[Path], AbstractContextManager[None]]  # says that a file is about to be made or renamed


def untold(path: Path) -> AbstractContextManager[None]:
    """A change that nobody need know of."""
    return contextlib.nullcontext()


@contextlib.contextmanager
def replacing(path: Path, change: Change = untold) -> Iterator[BinaryIO]:
    """A file under a temporary name beside ``path``; becomes ``path`` when the block ends well, else goes away.

    Its name is its own: of several that write ``path`` at once, each becomes it as a whole.
    """
    part = path.with_name(f".{path.name}.{token_hex(4)}.part")
    with _written(part, change) as file:
        yield file
    try:
        with change(path):
            rename_over(part, path)
    except BaseException:
        remove_file(part, change)
        raise


@contextlib.contextmanager
def _written(part: Path, change: Change) -> Iterator[BinaryIO]:
    """A new file, which is on the disk when the block ends well, and else goes away."""
    try:
        with create_file(part, change) as file:
            yield file
            flush(file)
    except BaseException:
        remove_file(part, change)
        raise


def write_file(path: Path, content: bytes, change: Change) -> None:
    """Write a small file as a whole, or not at all. Raises OSError."""
    with replacing(path, change) as file:
        file.write(content)


def copy_file(path: Path, other: Path) -> None:
    """Copy a file as a whole, or not at all; one that is there is replaced. Raises OSError."""
    with path.open("rb") as original, replacing(other) as copy:
        shutil.copyfileobj(original, copy)


def link_or_copy(path: Path, other: Path) -> None:
    """Have a file under another name, too, without room on the disk where there are links. Raises OSError."""
    try:
        link(path, other)
    except OSError:
        copy_file(path, other)


def temporary_path(path: Path, end: str = "part") -> Path:
    """The name under which this process writes what will be ``path``."""
    return path.with_name(f".{path.name}.{os.getpid()}.{end}")


def size_of(path: Path) -> int:
    """How many bytes a file has, by its content: a mounted drive may tell it late. Raises OSError."""
    with patiently(lambda: path.open("rb")) as file:
        return file.seek(0, os.SEEK_END)


def create_file(path: Path, change: Change) -> BinaryIO:
    """A new, empty file. Raises OSError."""
    with change(path):
        return path.open("w+b")


def remove_file(path: Path, change: Change) -> None:
    """Take a file away, as `discard` does."""
    with change(path):
        discard(path)


def rename_over(part: Path, path: Path) -> None:
    """Rename a file. Where the file system does not rename over another one, as on some mounted drives, that one steps
    aside first, and comes back if nothing takes its place. Raises OSError."""
    try:
        rename(part, path)
    except OSError:
        if not path.exists():
            raise
        aside = part.with_suffix(".old.part")
        rename(path, aside)
        try:
            rename(part, path)
        except BaseException:
            rename(aside, path)
            raise
        discard(aside)
