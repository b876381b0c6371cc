"""Files that come from the page, piece by piece: a whole one would be more than a server lets through at once.

They are kept beside the videos, so that the cell which the form shows finds them too, here and wherever the folder is
given away to.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO

from luma_jupyter.domain.media import LARGEST_IMAGE, LARGEST_VIDEO
from luma_jupyter.engine.library.folder import ensure_folder, replacing
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.settings import Settings, SettingsSource

FOLDER = "uploads"


class UploadBuffer:
    """The files that are on their way from one form, one for each field."""

    def __init__(self, settings: SettingsSource) -> None:
        self._settings = settings
        self._files: dict[str, BinaryIO] = {}
        weakref.finalize(self, _close_all, self._files)  # of a form that is open when the program ends

    def take(self, field: str, name: str, size: int, at: int, piece: bytes) -> str | None:
        """Take the piece of a file of ``size`` bytes that begins ``at``; the file's path when it is whole.

        The path is relative to the notebook where that is possible. A piece at 0 begins anew. Raises InvalidRequest for
        a file that is too large or whose pieces do not fit, ConfigError where it cannot be kept.
        """
        largest = LARGEST_VIDEO if field == "source" else LARGEST_IMAGE
        if size > largest:
            raise InvalidRequest(f"{name} has {size / 1e6:.0f} MB; up to {largest / 1e6:.0f} MB can be sent.")
        if at == 0:
            self.close(field)
            self._files[field] = tempfile.TemporaryFile()  # noqa: SIM115  # it is open until the last piece
        file = self._files.get(field)
        if file is None or file.tell() != at or at + len(piece) > size:
            raise InvalidRequest(f"{name} did not come whole: choose it again.")
        file.write(piece)
        if file.tell() < size:
            return None
        try:
            return _keep(file, name, self._settings())
        finally:
            self.close(field)

    def close(self, *fields: str) -> None:
        """Forget what has come of these fields' files, or of all."""
        for field in fields or tuple(self._files):
            if file := self._files.pop(field, None):
                file.close()


def _close_all(files: dict[str, BinaryIO]) -> None:
    for file in files.values():
        file.close()


def _keep(file: BinaryIO, name: str, now: Settings) -> str:
    """Put a file beside the videos, under its own name as far as that is free."""
    folder = now.media_folder / FOLDER
    ensure_folder(folder)
    plain = re.sub(r"[^\w.-]+", "-", Path(name.replace("\\", "/")).name).strip("-.") or "file"
    stem, suffix = os.path.splitext(plain)
    path, number = folder / plain, 1
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
    if path.stat().st_size != file.tell():
        return False
    file.seek(0)
    return path.read_bytes() == file.read()
