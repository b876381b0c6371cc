"""What a film is made of: files in order, how they are joined, and what is put over and under them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

# Told how much is made, from 0 to 1, a few times a second. What it raises ends the making: nothing is left of it then.
Report: TypeAlias = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmPart:
    """A stretch of a video file, or a picture file that stands for some seconds.

    ``label`` is what the user calls it, for messages. ``start`` and ``end`` are seconds of the file (end None: all of
    it), half open; ``speed`` 2 is twice as fast; ``crop`` is a ratio such as ``9:16``, of which the middle is kept;
    ``seconds`` is how long a picture stands. ``title`` is drawn over its beginning, ``caption`` is its line in the
    captions.
    """

    path: Path
    label: str
    start: float = 0.0
    end: float | None = None
    speed: float = 1.0
    crop: str | None = None
    seconds: float | None = None
    title: str | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSpec:
    """A film: its parts in order; ``fade`` is how many seconds each transition takes (0: a hard cut).

    ``music`` lies under all of it, ``voice`` over that; ``size`` is (width, height) in pixels, ``fps`` frames per
    second: None is as the parts have them.
    """

    parts: tuple[FilmPart, ...]
    fade: float = 0.0
    music: Path | None = None
    voice: Path | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPart:
    """The sound of a part: where it begins in the film, and how long it is there, in seconds.

    ``path`` None is silence. ``fade_in`` and ``fade_out``: seconds of the transitions to its neighbours, within
    ``length``.
    """

    path: Path | None
    at: Fraction
    length: Fraction
    start: float = 0.0
    speed: float = 1.0
    fade_in: Fraction = Fraction(0)
    fade_out: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption: from when to when in the film, in seconds, and its text."""

    start: Fraction
    end: Fraction
    text: str
