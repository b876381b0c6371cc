"""How a film will be made: what each part comes to, where it lies, and whether its video is copied or encoded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from luma_jupyter.films.spec import Cue, FilmPart, FilmSpec, SoundPart
from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFormat:
    """How a video is encoded; packets of two files make one stream only where all of it is equal.

    ``extradata`` are the decoder's parameters: with unlike ones players show garbage, and no error tells.
    """

    codec: str
    profile: str | None
    size: tuple[int, int]
    pixels: str | None
    sample_ratio: Fraction
    colours: tuple[int, ...]
    rotation: int
    rate: Fraction
    extradata: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file as its head describes it.

    ``mark`` changes when the file does. ``size`` is (width, height) as it is seen: upright, with square pixels.
    ``length`` in seconds is None for a still picture; ``start`` is when the first frame is shown, in the file's own
    time. ``format`` is None for pictures and animations; ``delay`` is by how many seconds packets come before their
    time, and ``uncopied`` why they cannot go into a film as they are, to go on after the part's name.
    """

    path: Path
    mark: str
    size: tuple[Fraction, Fraction]
    length: Fraction | None
    start: Fraction = Fraction(0)
    delay: Fraction = Fraction(0)
    rate: Fraction | None = None
    has_sound: bool = False
    format: VideoFormat | None = None
    uncopied: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part in the film: from when on and for how long it is seen, in seconds, with the transitions to its neighbours.

    ``start`` is where it begins in its source, in seconds from the source's first frame.
    """

    part: FilmPart
    source: Source
    start: Fraction
    at: Fraction
    length: Fraction
    fade_in: Fraction
    fade_out: Fraction

    @property
    def label(self) -> str:
        """What the user calls it."""
        return self.part.label

    @property
    def end(self) -> Fraction:
        """When it is gone."""
        return self.at + self.length

    @property
    def sound(self) -> SoundPart:
        """What is heard of it."""
        return SoundPart(
            path=self.part.path if self.source.has_sound else None,
            at=self.at,
            length=self.length,
            start=float(self.source.start + self.start),
            speed=self.part.speed,
            fade_in=self.fade_in,
            fade_out=self.fade_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmPlan:
    """A film that can be made: ``size`` is (width, height) in pixels, ``rate`` frames per second, ``length`` seconds.

    ``encoded`` says why the video is encoded again, to go on after "The video is encoded again"; None: it is copied.
    """

    spec: FilmSpec
    size: tuple[int, int]
    rate: Fraction
    length: Fraction
    places: tuple[Place, ...]
    encoded: str | None

    @property
    def frames(self) -> int:
        """How many frames an encoded film has."""
        return round(self.length * self.rate)

    @property
    def has_sound(self) -> bool:
        """Whether anything can be heard."""
        return any(place.source.has_sound for place in self.places) or bool(self.spec.music or self.spec.voice)

    @property
    def cues(self) -> tuple[Cue, ...]:
        """The captions: each from the middle of one transition to the middle of the next."""
        return tuple(
            Cue(place.at + place.fade_in / 2, place.end - place.fade_out / 2, place.part.caption)
            for place in self.places
            if place.part.caption
        )

    @property
    def shortened(self) -> str:
        """What to say where parts are too short for the fades that were asked for; empty where they are not."""
        longest = max((place.fade_in for place in self.places[1:]), default=None)
        if longest is None or self.spec.fade - longest <= 1 / self.rate:
            return ""
        return N_(f"fades take {float(longest):.1f} s at most, half of the shorter part")

    @property
    def summary(self) -> str:
        """The film in a line: parts, length, size, and what is encoded, in the reader's language."""
        count, (width, height) = len(self.places), self.size
        parts = ngettext("{count} part", "{count} parts", count).format(count=count)
        length, rate = f"{float(self.length):.1f}", f"{float(self.rate):g}"
        film = _("{parts}, {length} s, {width} × {height}, {rate} fps")
        film = film.format(parts=parts, length=length, width=width, height=height, rate=rate)
        reason, shortened = translated(self.encoded or ""), translated(self.shortened)
        if self.encoded and self.has_sound:
            text = _("{film}: the video is encoded again {reason}, the sound is encoded.")
        elif self.encoded:
            text = _("{film}: the video is encoded again {reason}, without sound.")
        elif self.has_sound:
            text = _("{film}: the video is copied as it is, the sound is encoded.")
        else:
            text = _("{film}: the video is copied as it is, without sound.")
        line = text.format(film=film, reason=reason)
        return _("{film} Note: {shortened}.").format(film=line, shortened=shortened) if shortened else line
