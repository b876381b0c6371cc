"""File systems that this machine does not have: Windows' and macOS', as stand-ins around the calls that name a path."""

from __future__ import annotations

import builtins
import io
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter import operating_system

_ONE_PATH = ("stat", "lstat", "open", "unlink", "remove", "mkdir", "rmdir", "listdir", "scandir", "utime", "truncate")
_TWO_PATHS = ("rename", "replace")
LONGEST_PATH = 259  # characters in Windows, unless it is set to take more
LONGEST_FOLDER = 247

See = Callable[[str, str], str]


def intercept(folder: Path, monkeypatch: pytest.MonkeyPatch, see: See) -> None:
    """Send each path below ``folder`` through ``see(call, path)``: it gives the path that is meant, or raises OSError.

    Where a call has two paths, it is called ``from`` for the first and ``to`` for the second.
    """

    def meant(call: str, path: Any, options: dict[str, Any]) -> Any:
        if not isinstance(path, str | os.PathLike) or options.get("dir_fd") is not None:
            return path
        whole = os.path.abspath(os.fspath(path))
        return see(call, whole) if Path(whole).is_relative_to(folder) and Path(whole) != folder else path

    def of_one(call: str, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda path=".", *rest, **options: real(meant(call, path, options), *rest, **options)

    def of_two(real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda path, other, **options: real(meant("from", path, options), meant("to", other, options), **options)

    for call in _ONE_PATH:
        monkeypatch.setattr(os, call, of_one(call, getattr(os, call)))
    for call in _TWO_PATHS:
        monkeypatch.setattr(os, call, of_two(getattr(os, call)))
    opened = of_one("open", io.open)
    monkeypatch.setattr(io, "open", opened)
    monkeypatch.setattr(builtins, "open", opened)


def be_windows(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the package take this system for Windows; the list gets the seconds that it would have slept."""
    pauses: list[float] = []
    monkeypatch.setattr(operating_system, "WINDOWS", True)
    monkeypatch.setattr(operating_system, "sleep", pauses.append)
    return pauses


def refuse_long_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no files and folders below ``folder`` with paths that Windows does not take, unless it is set to."""

    def see(call: str, path: str) -> str:
        if len(path) > (LONGEST_FOLDER if call == "mkdir" else LONGEST_PATH):
            raise FileNotFoundError(2, "The system cannot find the path specified", path)
        return path

    be_windows(monkeypatch)
    intercept(folder, monkeypatch, see)


def deep_folder(folder: Path, length: int) -> Path:
    """A folder below ``folder``, which is not made, whose path has so many characters."""
    while (missing := length - len(str(folder))) > 0:
        folder = folder / ("d" * min(missing - 1, 50 if missing != 52 else 49))
    assert len(str(folder)) == length
    return folder


def ignore_case(folder: Path, monkeypatch: pytest.MonkeyPatch, form: str = "NFC") -> None:
    """Have one file below ``folder`` for all names that differ by case or by their accents; new ones get a ``form``."""
    list_names, is_folder = os.listdir, os.path.isdir

    def plain(name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold()

    def see(call: str, path: str) -> str:
        here = folder
        for part in Path(path).relative_to(folder).parts:
            names = list_names(str(here)) if is_folder(here) else []
            there = next((name for name in names if plain(name) == plain(part)), None)
            here /= there or unicodedata.normalize(form, part)  # type: ignore[arg-type]
        return str(here)

    intercept(folder, monkeypatch, see)


@dataclass
class Holder:
    """Another program, which holds files open: ``wants`` tells which, by the call and the file's name.

    After ``patience`` refusals it lets go. ``pauses``: the seconds that were slept meanwhile.
    """

    wants: Callable[[str, str], bool]
    patience: float
    pauses: list[float]
    refused: list[tuple[str, str]] = field(default_factory=list)

    def see(self, call: str, path: str) -> str:
        """Refuse what it holds, as Windows does."""
        if self.patience > 0 and self.wants(call, os.path.basename(path)) and os.path.lexists(path):
            self.patience -= 1
            self.refused.append((call, os.path.basename(path)))
            raise PermissionError(13, "The process cannot access the file: another process is using it", path)
        return path


def hold_open(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    wants: Callable[[str, str], bool],
    patience: float = float("inf"),
) -> Holder:
    """Have another program hold files below ``folder``, until it has refused them ``patience`` times."""
    holder = Holder(wants, patience, be_windows(monkeypatch))
    intercept(folder, monkeypatch, holder.see)
    return holder


MOVES = ("from", "to", "unlink", "remove")
