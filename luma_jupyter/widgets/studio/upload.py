"""Files that come from the page, piece by piece: a whole one would be more than a server lets through at once.

They are kept beside the videos, so that the cell which the form shows finds them too, here and wherever the folder is
given away to.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from luma_jupyter.domain.media import LARGEST_IMAGE, LARGEST_VIDEO
from luma_jupyter.engine.library.folder import ensure_folder
from luma_jupyter.engine.library.slugs import plain_file_name
from luma_jupyter.engine.library.whole_files import replacing, size_of
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.operating_system import reason
from luma_jupyter.settings import Settings, SettingsSource
from luma_jupyter.views.text import short

FOLDER = "uploads"
LONGEST_NAME = 40  # characters


@dataclass(frozen=True)
class Piece:
    """A piece of the file ``name`` of ``size`` bytes, which begins ``at``."""

    name: str
    size: int
    at: int
    data: bytes


def read_piece(content: Mapping[str, Any], buffers: Sequence[object]) -> Piece:
    """The piece in a message of the page. Raises InvalidRequest where there is none."""
    match content, buffers:
        case {"name": str(name), "size": int(size), "at": int(at)}, [memoryview() as data] if 0 <= at <= size:
            return Piece(name, int(size), int(at), bytes(data))
    raise InvalidRequest("The file did not arrive as a form sends it: choose it again.")


class UploadBuffer:
    """The files that are on their way from one form, one for each field."""

    def __init__(self, settings: SettingsSource) -> None:
        self._settings = settings
        self._files: dict[str, tuple[BinaryIO, Piece]] = {}
        weakref.finalize(self, _close_all, self._files)  # of a form that is open when the program ends

    def take(self, field: str, piece: Piece) -> str | None:
        """Take a piece of a file; the file's path when it is whole.

        The path is relative to the notebook where that is possible. A piece at 0 begins anew. Raises InvalidRequest for
        a file that is too large or whose pieces do not fit, ConfigError where it cannot be kept.
        """
        largest = LARGEST_VIDEO if field == "source" else LARGEST_IMAGE
        name = short(piece.name, LONGEST_NAME)
        if piece.size > largest:
            size, most = piece.size / 1e6, largest / 1e6
            raise InvalidRequest(f"{name} has {size:.0f} MB; up to {most:.0f} MB can be sent.")
        try:
            return self._add(field, piece)
        except OSError as error:
            raise ConfigError(f"{name} cannot be saved here ({reason(error)}).") from None

    def _add(self, field: str, piece: Piece) -> str | None:
        if piece.at == 0:
            self.close(field)
            self._files[field] = tempfile.TemporaryFile(), piece  # noqa: SIM115  # open until the last piece
        file, first = self._files.get(field, (None, piece))
        fits = (piece.name, piece.size) == (first.name, first.size) and piece.at + len(piece.data) <= piece.size
        if file is None or file.tell() != piece.at or not fits:
            name = short(piece.name, LONGEST_NAME)
            raise InvalidRequest(f"{name} did not arrive whole: choose it again.")
        file.write(piece.data)
        if file.tell() < piece.size:
            return None
        try:
            return _keep(file, piece.name, self._settings())
        finally:
            self.close(field)

    def close(self, *fields: str) -> None:
        """Forget what has come of these fields' files, or of all."""
        for field in fields or tuple(self._files):
            if field in self._files:
                self._files.pop(field)[0].close()


def _close_all(files: dict[str, tuple[BinaryIO, Piece]]) -> None:
    for file, _ in files.values():
        file.close()


def _keep(file: BinaryIO, name: str, now: Settings) -> str:
    """Put a file beside the videos, under its own name as far as that is free."""
    folder = now.media_folder / FOLDER
    ensure_folder(folder)
    stem, suffix = os.path.splitext(plain_file_name(name, LONGEST_NAME))
    path, number = folder / f"{stem}{suffix}", 1
    while path.exists() and not _same(path, file):
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    if not path.exists():
        file.seek(0)
        with replacing(path) as copy:
            shutil.copyfileobj(file, copy)
    try:
        return os.path.relpath(path, now.folder)
    except ValueError:  # another drive
        return str(path)


def _same(path: Path, file: BinaryIO) -> bool:
    if size_of(path) != file.tell():
        return False
    file.seek(0)
    return path.read_bytes() == file.read()
