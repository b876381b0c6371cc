"""From what a film is made of to how it is made: sizes, frame rate, lengths, and whether video is encoded again."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from operator import sub
from pathlib import Path

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.films import copying
from luma_jupyter.films.plan import FilmPlan, Place, Source
from luma_jupyter.films.planes import crop_ratio, cropped_size, even
from luma_jupyter.films.sound_files import check_sound
from luma_jupyter.films.sources import read_source
from luma_jupyter.films.spec import FilmPart, FilmSpec
from luma_jupyter.films.titles import check_title
from luma_jupyter.languages import N_

_LARGEST_SIDE, _LARGEST_OF_PICTURES = 3840, 1920  # pixels, of films that nobody gave a size
_FRAME_RATE = Fraction(24)  # of films of pictures alone
_HIGHEST_RATE = Fraction(60)  # frames per second, of films that nobody gave a rate
_SAME_RATE = 0.005  # frames per second: 29.97 is 30000/1001
_HALF = Fraction(1, 2)


def plan(spec: FilmSpec) -> FilmPlan:
    """Read what the parts are, and decide how the film is made. Raises InvalidRequest."""
    if not spec.parts:
        raise InvalidRequest("A film needs at least one part.")
    for name, path in (("music", spec.music), ("voice", spec.voice)):
        if path:
            check_sound(name, path)
    for title in {part.title for part in spec.parts if part.title}:
        check_title(title)
    read: dict[Path, Source] = {}
    sources = []
    for part in spec.parts:
        source = read.get(part.path) or read_source(part.label, part.path)
        sources.append(read.setdefault(part.path, source))
    size, rate = _size(spec, sources), _rate(spec, sources)
    stretches = [_stretch(part, source) for part, source in zip(spec.parts, sources, strict=True)]
    encoded = _why_encoded(spec, sources)
    if encoded is None and sources[0].format:
        size, rate = sources[0].format.size, sources[0].format.rate
    places = _places(spec, sources, stretches, rate if encoded else None)
    return FilmPlan(spec=spec, size=size, rate=rate, length=places[-1].end, places=places, encoded=encoded)


def _size(spec: FilmSpec, sources: Sequence[Source]) -> tuple[int, int]:
    """As was asked for; else that of the first video, or where there is none, the first picture, as it is cropped."""
    if spec.size:
        if any(side % 2 for side in spec.size):
            size = "{} × {}".format(*spec.size)
            raise InvalidRequest(f"size must have even numbers, not {size}.")
        return spec.size
    first = _first(sources)
    width, height = cropped_size(sources[first].size, crop_ratio(spec.parts[first].crop))
    largest = _LARGEST_SIDE if sources[first].format else _LARGEST_OF_PICTURES
    scale = min(Fraction(1), largest / max(width, height))
    return even(width * scale), even(height * scale)


def _rate(spec: FilmSpec, sources: Sequence[Source]) -> Fraction:
    if spec.fps:
        return Fraction(spec.fps).limit_denominator(1001)
    return min(sources[_first(sources)].rate or _FRAME_RATE, _HIGHEST_RATE)


def _first(sources: Sequence[Source]) -> int:
    """Which part gives a film its size and frame rate."""
    return next((number for number, source in enumerate(sources) if source.format), 0)


def _stretch(part: FilmPart, source: Source) -> tuple[Fraction, Fraction]:
    """Where a part begins in its source, and how long it is seen, in seconds. Raises InvalidRequest."""
    if source.length is None or (source.format is None and part.seconds is not None):
        if part.seconds is None:
            raise InvalidRequest(f"{part.label} is a picture: say for how many seconds it is shown.")
        return Fraction(0), _exact(part.seconds)
    start, end = _exact(part.start), source.length if part.end is None else _exact(part.end)
    slack = 1 / (source.rate or _FRAME_RATE)
    if start >= source.length or end > source.length + slack:
        length, moment = f"{float(source.length):.2f}", f"{float(max(start, end)):g}"
        raise InvalidRequest(f"{part.label} is {length} s long: it cannot be cut at {moment} s.")
    if end <= start:
        raise InvalidRequest(f"{part.label} has no frame between {float(start):g} and {float(end):g} s.")
    return start, (min(end, source.length) - start) / _exact(part.speed)


def _exact(seconds: float) -> Fraction:
    """A number as it was written: 0.1 is a tenth."""
    return Fraction(str(seconds))


def _places(
    spec: FilmSpec, sources: Sequence[Source], stretches: Sequence[tuple[Fraction, Fraction]], rate: Fraction | None
) -> tuple[Place, ...]:
    """Where each part lies; with a rate, on the grid of its frames, so that roundings do not add up."""
    lengths = [length if rate is None else max(length, 1 / rate) for _, length in stretches]
    fades = [min(_exact(spec.fade), one / 2, other / 2) for one, other in pairwise(lengths)]
    begins = accumulate(map(sub, lengths, fades), initial=Fraction(0))
    spans = [(_snapped(at, rate), _snapped(at + length, rate)) for at, length in zip(begins, lengths, strict=True)]
    overlaps = [Fraction(0), *(one[1] - other[0] for one, other in pairwise(spans)), Fraction(0)]
    return tuple(
        Place(part=part, source=source, start=start, at=at, length=end - at, fade_in=fade_in, fade_out=fade_out)
        for part, source, (start, _), (at, end), (fade_in, fade_out) in zip(
            spec.parts, sources, stretches, spans, pairwise(overlaps), strict=True
        )
    )


def _snapped(moment: Fraction, rate: Fraction | None) -> Fraction:
    return moment if rate is None else (moment * rate + _HALF) // 1 / rate


def _why_encoded(spec: FilmSpec, sources: Sequence[Source]) -> str | None:
    """Why the video cannot be copied, in words that go on after "video encoded again"; None where it can."""
    if spec.fade and len(spec.parts) > 1:
        return N_("for the fades")
    if any(part.title for part in spec.parts):
        return N_("for the titles")
    for part, source in zip(spec.parts, sources, strict=True):
        if source.format is None or source.length is None:
            return N_(f"because {part.label} is a picture")
        if part.start or (part.end is not None and _exact(part.end) < source.length):
            return N_(f"because {part.label} is cut")
        if part.speed != 1:
            return N_(f"because {part.label} has another speed")
        if part.crop:
            return N_(f"because {part.label} is cropped")
        if reason := source.uncopied:
            return N_(f"because of {part.label}: {reason}")
    first = sources[0].format
    assert first
    if spec.size and spec.size != first.size:
        return N_("for the size")
    if spec.fps and abs(spec.fps - first.rate) > _SAME_RATE:
        return N_("for the frame rate")
    for part, source in zip(spec.parts, sources, strict=True):
        if source.format and (what := copying.why_unlike(first, source.format)):
            one, other = part.label, spec.parts[0].label
            return N_(f"because {one} and {other} differ in {what}")
    return None
