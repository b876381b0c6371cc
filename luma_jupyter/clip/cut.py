"""`Cut`: which part of which clip, how fast and in which shape. A value: nothing is made before somebody needs it.

``storm.cut(1, 4.5)`` and ``storm[1:4.5]`` are the same, and ``storm@1-4.5`` is what a cell calls it. What is cut again
is counted in the seconds that one sees: the first second of ``storm.speed(2)`` is two seconds of the clip.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Protocol

from luma_jupyter.clip.images import HasFrames
from luma_jupyter.clip.saving import read_target, save_part
from luma_jupyter.domain.pieces import Piece, read_ratio, read_speed
from luma_jupyter.domain.values import read_number
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.films.spec import FilmPart
from luma_jupyter.printable import writable

_NEAR = 0.01  # seconds: lengths are told with two digits


class HasVideo(HasFrames, Protocol):
    """A clip, as far as its cuts need it."""

    @property
    def duration(self) -> float:
        """Its length in seconds; an AttributeError where that is not known."""

    def wait(self) -> object:
        """Block until it is done."""

    def file(self) -> Path:
        """The saved file."""


class Cuttable(ABC):
    """What can be cut: a clip, and a cut of one. It is no sequence, though ``clip[1:4.5]`` is a part of it."""

    __iter__ = None

    @abstractmethod
    def as_cut(self) -> Cut:
        """All of it as a cut."""

    def cut(self, start: float | None = None, end: float | None = None) -> Cut:
        """The part from ``start`` to ``end``, in seconds; without one of them, from its beginning or to its end.

        Raises InvalidRequest for what is no such part; of a clip that is not done yet, what lies beyond its end is told
        when it is made.
        """
        return self.as_cut().cut(start, end)

    def speed(self, factor: float) -> Cut:
        """The same so many times as fast: 2 is twice, 0.5 half. Raises InvalidRequest for what is no such factor."""
        return self.as_cut().speed(factor)

    def crop(self, ratio: str) -> Cut:
        """The middle of its picture in another ratio, such as ``9:16``. Raises InvalidRequest for what is none."""
        return self.as_cut().crop(ratio)

    def __getitem__(self, seconds: slice) -> Cut:
        name = self.as_cut().clip.source_label
        if not isinstance(seconds, slice):
            raise InvalidRequest(
                f"A clip is not a list: {name}[1:4.5] is its part from 1 s to 4.5 s, not [{shown(seconds)}]."
            )
        if seconds.step is not None:
            raise InvalidRequest(f"A part of a clip has no step: {name}[1:4.5].speed(2) is twice as fast.")
        return self.cut(seconds.start, seconds.stop)


@dataclass(frozen=True, repr=False)
class Cut(Cuttable):
    """The part of a clip from ``start`` to ``end`` (seconds of the clip, half open; None: to its end).

    It plays ``rate`` times as fast, and shows the middle of the picture in ``ratio`` (None: all of it). Made by
    `Clip.cut`, `Clip.speed` and `Clip.crop`.
    """

    clip: HasVideo
    start: float = 0.0
    end: float | None = None
    rate: float = 1.0
    ratio: str | None = None

    def as_cut(self) -> Cut:
        return self

    def cut(self, start: float | None = None, end: float | None = None) -> Cut:
        first, last = _read_second(start) or 0.0, _read_second(end)
        if last is not None and last <= first:
            raise InvalidRequest(f"A part must end after it begins: not from {_number(first)} s to {_number(last)} s.")
        cut = replace(
            self,
            start=round(self.start + first * self.rate, 6),
            end=self.end if last is None else round(self.start + last * self.rate, 6),
        )
        if self.end is not None and cut.exceeds(self.end):
            raise _beyond(f"{_number(last or first)} s", self.label, (self.end - self.start) / self.rate)
        cut.check()
        return cut

    def speed(self, factor: float) -> Cut:
        return replace(self, rate=round(read_speed(self.rate * read_speed(factor)), 6))

    def crop(self, ratio: str) -> Cut:
        shape = read_ratio(ratio)
        if self.ratio not in (None, shape):
            raise InvalidRequest(f"{self.label} already has the ratio {self.ratio}: crop the clip itself.")
        return replace(self, ratio=shape)

    def check(self) -> None:
        """Refuse what lies beyond the end of a clip that is done. Raises InvalidRequest."""
        length = getattr(self.clip, "duration", math.inf)  # not known: no such attribute
        if self.exceeds(length):
            raise _beyond(replace(self, rate=1.0, ratio=None).label, self.clip.source_label, length)

    def exceeds(self, length: float) -> bool:
        """Whether it reaches beyond so many seconds of the clip."""
        return self.start >= length or (self.end or 0.0) > length + _NEAR

    @property
    def piece(self) -> Piece:
        """It as requests for films have it."""
        return Piece(
            source=self.clip.handle.task.intent,
            label=self.label,
            start=self.start,
            end=self.end,
            speed=self.rate,
            crop=self.ratio,
        )

    def save(self, path: str | PathLike[str], *, width: int | None = None, fps: float | None = None) -> Path:
        """Make this part alone a file, and return where it is; waits for the clip. As `Clip.save`."""
        target = read_target(path)
        self.clip.wait()
        self.check()
        file = self.clip.file()
        part = FilmPart(path=file, label=self.label, start=self.start, end=self.end, speed=self.rate, crop=self.ratio)
        name = re.sub(r"[^\w.]+", "-", f"{file.stem}{self._how}") + file.suffix
        return save_part(part, target.file(name), width=width, fps=fps)

    @property
    def label(self) -> str:
        """What sentences and cells call it: ``storm@1-4.5``, with its speed and ratio behind it."""
        return f"{self.clip.source_label}{self._how}"

    @property
    def _how(self) -> str:
        end = "" if self.end is None else _number(self.end)
        part = f"@{_number(self.start)}-{end}" if self.start or end else ""
        speed = f" ×{_number(self.rate)}" if self.rate != 1 else ""
        return f"{part}{speed}{f' {self.ratio}' if self.ratio else ''}"

    def __repr__(self) -> str:
        return writable(self.label)


def _read_second(value: object) -> float | None:
    if value is None:
        return None
    seconds = read_number(value)
    if not 0 <= seconds < math.inf:
        raise InvalidRequest(f"A part begins and ends at a number of seconds, 0 or more, not at {shown(value)}.")
    return seconds


def _beyond(part: str, whole: str, length: float) -> InvalidRequest:
    return InvalidRequest(f"There is no {part}: {whole} is {length:.2f} s long.")


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
