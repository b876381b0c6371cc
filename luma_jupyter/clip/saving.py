"""Videos as files of the user's own: the suffix says the format, and no file is there before it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from luma_jupyter.domain.values import read_path
from luma_jupyter.engine.library.film_files import save_copy
from luma_jupyter.engine.library.folder import CAPTIONED, copy_captions, discard_captions
from luma_jupyter.engine.library.sidecars import intent_of
from luma_jupyter.errors import InvalidRequest, missing_package, shown
from luma_jupyter.films.making import make_film, plan_film
from luma_jupyter.films.spec import FilmPart, FilmSpec
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import names_folder, reason

FORMATS = (".mp4", ".webm", ".gif", ".webp", ".png")


@dataclass(frozen=True)
class Target:
    """Where a video is to be saved: a file, or a folder in which it keeps its name."""

    path: Path
    is_folder: bool

    def file(self, name: str) -> Path:
        """The file for a video of this name."""
        return self.path / name if self.is_folder else self.path


def read_target(path: str | PathLike[str]) -> Target:
    """Read where a video is to be saved; none of it need be there.

    Raises InvalidRequest for what can be neither file nor folder, and for the suffix of another format.
    """
    target = read_path(N_("The file"), path)
    if in_the_way := next((parent for parent in target.parents if parent.is_file()), None):
        raise InvalidRequest(f"{str(in_the_way)!r} is a file, not a folder: nothing can be saved in it.")
    if target.is_dir() or names_folder(os.fspath(path)):
        return Target(target, is_folder=True)
    if target.suffix and target.suffix.lower() not in FORMATS:
        *others, last = FORMATS
        raise InvalidRequest(f"A video can be saved as {', '.join(others)} or {last}, not as {shown(target.name)}.")
    if target.exists() and not target.is_file():
        raise InvalidRequest(f"{str(target)!r} is neither a file nor a folder.")
    return Target(target, is_folder=False)


def save(source: Path, target: Path, **changes: Any) -> Path:
    """Save a video under a name, and a film's captions beside it; returns ``target``.

    It is copied where it is to stay as it is, and else made anew: ``changes`` are those of `export`. Raises
    InvalidRequest where that cannot be, ConfigError without the packages that it needs.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    is_copy = not given and target.suffix.lower() in ("", source.suffix.lower())
    if is_copy and _is_same_file(source, target):
        return target
    with _writing(target, source, needs_suffix=not is_copy):
        if is_copy:
            save_copy(source, target)
            return target
        _export(source, target, **given)
        if {"start", "end"} & set(given):
            discard_captions(target, source.parent)
        elif target.suffix.lower() in CAPTIONED:
            copy_captions(source, target)
    return target


def save_part(part: FilmPart, target: Path, **changes: Any) -> Path:
    """Make a part of a video a file; returns ``target``. Arguments and errors as for `save`."""
    if part.speed == 1 and part.crop is None:
        end = None if target.suffix.lower() == ".png" else part.end  # a picture is of one moment
        return save(part.path, target, start=part.start or None, end=end, **changes)
    with _writing(target, part.path, needs_suffix=True), TemporaryDirectory() as folder:
        film = Path(folder) / "part.mp4"
        make_film(plan_film(FilmSpec(parts=(part,))), film, lambda share: None)
        save(film, target, **changes)
        discard_captions(target, part.path.parent)
    return target


@contextmanager
def _writing(target: Path, source: Path, *, needs_suffix: bool) -> Iterator[None]:
    """Make the folder of a file that is made of ``source`` in this block, and say in one line why it cannot be.

    Raises InvalidRequest, also for the very file that it is made of.
    """
    if _is_same_file(source, target):
        raise InvalidRequest(f"{str(target)!r} is the clip's own file: save it under another name.")
    check_replaceable(target)
    if needs_suffix and not target.suffix:
        raise InvalidRequest(f"{str(target)!r} needs an ending that says the format, such as .mp4 or .gif.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InvalidRequest(f"It cannot be saved as {str(target)!r} ({reason(error)}).") from None


def check_replaceable(target: Path) -> None:
    """Refuse a file that is a clip's own video, as its sidecar says: nobody could have that again for nothing.

    Raises InvalidRequest.
    """
    if target.suffix.lower() == ".mp4" and target.exists() and intent_of(target):
        raise InvalidRequest(f"{str(target)!r} is a clip's own file: save it under another name.")


def _export(source: Path, target: Path, **changes: Any) -> None:
    try:
        from luma_jupyter.films.exports import export  # optional
    except ImportError as error:
        raise missing_package(error.name) from None
    export(source, target, **changes)


def _is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths name one file that is there."""
    return one.exists() and other.exists() and one.samefile(other)
