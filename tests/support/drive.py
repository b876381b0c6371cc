"""A mounted drive, such as Google Drive in Colab: no links, no renaming over a file, and sizes that come late."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from stat import S_ISDIR
from typing import Any

import pytest


def mount(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder and all below it behave as such a drive does: a file's size is 0 whenever it is asked for."""

    def is_there(path: object) -> bool:
        return isinstance(path, str | os.PathLike) and Path(os.fspath(path)).is_relative_to(folder)

    def rename(path: Any, other: Any, real: Callable[..., None]) -> None:
        if is_there(other) and os.path.lexists(other):
            raise FileExistsError(errno.EEXIST, "File exists", str(other))
        real(path, other)

    def link(path: Any, other: Any, **options: Any) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported", str(other))

    def stat(path: Any, **options: Any) -> os.stat_result:
        seen = real_stat(path, **options)
        if not is_there(path) or S_ISDIR(seen.st_mode):
            return seen
        return os.stat_result((*seen[:6], 0, *seen[7:]))

    real_stat, real_rename, real_replace = os.stat, os.rename, os.replace
    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(os, "rename", lambda path, other: rename(path, other, real_rename))
    monkeypatch.setattr(os, "replace", lambda path, other: rename(path, other, real_replace))
    monkeypatch.setattr(os, "stat", stat)
