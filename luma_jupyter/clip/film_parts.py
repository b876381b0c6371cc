"""What films are made of, as the user names it: clips and parts of them, lists of these, videos and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.images import HasFrames
from luma_jupyter.clip.saving import check_replaceable
from luma_jupyter.domain.pieces import PICTURE_SECONDS, Piece
from luma_jupyter.domain.requests import MOST_PARTS, FilmRequest
from luma_jupyter.domain.values import as_list, as_python, read_path
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library.folder import check_writable
from luma_jupyter.engine.local_files import as_film_file, as_still, is_picture, is_still, looks_like_path
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import InvalidRequest, shown, with_message
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import reason

_FindName = Callable[[object], str | None]


@runtime_checkable
class HasPiece(Protocol):
    """A part of a clip: ``piece`` as requests for films have it."""

    clip: HasFrames

    @property
    def piece(self) -> Piece: ...


@dataclass
class _Parts:
    """The parts of a film that were read, and the tasks whose videos they are, by intent."""

    find_name: _FindName
    pieces: list[Piece] = field(default_factory=list)
    tasks: dict[str, Handle] = field(default_factory=dict)

    def add_all(self, values: object) -> None:
        """Add a part, or all that are in a list, and in lists in it. Raises InvalidRequest."""
        items = None if isinstance(values, Clip | HasPiece) or _is_timed(values) else _items(values)
        if items is None:
            self.add(values)
        for value in items or ():
            self.add_all(value)

    def add(self, value: object) -> None:
        """Add one part; where it cannot be used, it is named by its number."""
        if len(self.pieces) == MOST_PARTS:
            raise InvalidRequest(f"A film has at most {MOST_PARTS:,} parts, and these are more.")
        if isinstance(value, Clip):
            self._add_of(value, Piece(source=value.task.intent, label=value.source_label))
        elif isinstance(value, HasPiece):
            self._add_of(value.clip, value.piece)
        else:
            self.pieces.append(self._file(value))

    def _add_of(self, clip: HasFrames, piece: Piece) -> None:
        self.tasks[clip.handle.task.intent] = clip.handle
        self.pieces.append(piece)

    def _file(self, value: object) -> Piece:
        number = len(self.pieces) + 1
        name = N_(f"Part {number} of the film")
        seconds: Any = None
        if _is_timed(value):
            value, seconds = value  # type: ignore[misc]  # it is a tuple
        if isinstance(value, Clip | HasPiece):
            raise InvalidRequest(
                f"Part {number} of the film: seconds are for pictures; for a part of a clip write clip[0:{seconds}]."
            )
        still = picture = True
        if isinstance(value, str) and not (looks_like_path(value) or "://" in value or Path(value).exists()):
            raise InvalidRequest(
                f"Part {number} of the film: {shown(value)} is neither a clip nor a file. Write a clip without quotes; "
                "words go into titles and captions."
            )
        if isinstance(value, str | PathLike):
            file = as_film_file(name, value)
            assert file.path
            label, still, picture = file.name, is_still(file.path), is_picture(file.path)
        else:
            file, label = as_still(name, value), f"picture {number}"
        if seconds is not None and not picture:
            raise InvalidRequest(
                f"Part {number} of the film: seconds are for pictures, and {file.name} is not one; cut a clip instead."
            )
        if seconds is None and still:
            seconds = PICTURE_SECONDS
        variable = None if isinstance(value, str) else self.find_name(value)  # equal texts may be one object
        try:
            return Piece(source=file, label=variable or label, seconds=seconds)
        except InvalidRequest as error:
            raise with_message(error, f"Part {number} of the film: {error}") from None


def _is_timed(value: object) -> bool:
    """Whether something is a picture and how many seconds it stands, also where these are written as text."""
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    seconds = as_python(value[1])
    return isinstance(seconds, int | float) or (isinstance(seconds, str) and seconds.strip().isdigit())


def _items(values: object) -> Iterable[Any] | None:
    return values if isinstance(values, Iterator) else as_list(values)


def read_film(
    parts: object,
    find_name: _FindName,
    *,
    titles: object = None,
    captions: object = None,
    music: object = None,
    voice: object = None,
    out: object = None,
    again: bool = False,
    **options: Any,
) -> TaskSpec:
    """What is wanted of a film; ``options`` are fade, size and fps. Raises InvalidRequest for what cannot be used."""
    found = _Parts(find_name)
    found.add_all(parts)
    pieces = _with_words(found.pieces, "title", [titles] if isinstance(titles, str) else titles)
    pieces = _with_words(pieces, "caption", captions)
    request = FilmRequest(
        parts=tuple(pieces),
        music=None if music is None else as_film_file("music", music),
        voice=None if voice is None else as_film_file("voice", voice),
        **options,
    )
    return TaskSpec(request=request, parts=found.tasks, out=None if out is None else _read_out(out), again=again)


def _with_words(pieces: Sequence[Piece], name: str, words: object) -> list[Piece]:
    """The parts with a title or caption for each; a title alone is for the first."""
    if words is None:
        return list(pieces)
    option, texts = f"{name}s", as_list(words)
    if texts is None:
        raise InvalidRequest(f"{option} must be a list of texts, one for each part, not {shown(words)}.")
    if name == "title" and len(texts) == 1:
        texts += [None] * (len(pieces) - 1)
    if len(texts) != len(pieces):
        raise InvalidRequest(
            f"{option} needs a text for each part, None where there is none: it has {len(texts)}, not {len(pieces)}."
        )
    return [replace(piece, **{name: text}) for piece, text in zip(pieces, texts, strict=True)]


def _read_out(out: object) -> Path:
    """Where a film is saved too: a file that can be made."""
    path = read_path("out", out).absolute()
    if path.suffix.lower() != ".mp4":
        example = path.stem or "film"
        raise InvalidRequest(f"out must be an MP4 file, such as {example}.mp4, not {shown(out)}.")
    if path.is_dir() or not path.parent.is_dir():
        raise InvalidRequest(
            f"out: {str(path)!r} is a folder."
            if path.is_dir()
            else f"out: {str(path)!r} cannot be saved: there is no folder {str(path.parent)!r}."
        )
    check_replaceable(path)
    try:
        check_writable(path.parent)
    except OSError as error:
        raise InvalidRequest(f"out: {str(path)!r} cannot be saved ({reason(error)}).") from None
    return path
