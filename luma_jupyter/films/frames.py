"""The frames of a film, one by one: each part brought to the film's size and rate, joined by cross-fades, with titles.

Two parts are decoded at the same time where one becomes the other, never more; no frame is held that is not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, islice
from typing import TypeVar

from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from luma_jupyter.films.packets import time_base
from luma_jupyter.films.plan import FilmPlan, Place
from luma_jupyter.films.planes import Fitter, blend, crop_ratio
from luma_jupyter.films.sources import check_unchanged, opened
from luma_jupyter.films.stills import picture_frames
from luma_jupyter.films.titles import Title
from luma_jupyter.films.troubles import damaged
from luma_jupyter.video.frames import shown_at

_T = TypeVar("_T")


def film_frames(plan: FilmPlan, tick: Callable[[], None]) -> Iterator[VideoFrame]:
    """All frames of a film; ``tick`` is called for each one that is decoded, and what it raises ends it.

    Raises InvalidRequest for parts that are damaged, or not any more what they were.
    """
    leaving: Iterator[VideoFrame] = iter(())
    for place in plan.places:
        length, fade_in, fade_out = (
            round(seconds * plan.rate) for seconds in (place.length, place.fade_in, place.fade_out)
        )
        frames = _part_frames(place, plan, length, tick)
        shares = [Fraction(number, fade_in + 1) for number in range(1, fade_in + 1)]
        for share, before, after in zip(shares, leaving, frames):  # noqa: B905  # the longer ones go on
            yield blend(before, after, share)
        next(leaving, None)  # all its frames were taken: now it looks at its end
        yield from islice(frames, length - fade_in - fade_out)
        leaving = frames
    next(leaving, None)


def _part_frames(place: Place, plan: FilmPlan, length: int, tick: Callable[[], None]) -> Iterator[VideoFrame]:
    """So many frames of a part as the film shows them, but for the fades."""
    source, part = place.source, place.part
    ratio = source.format.sample_ratio if source.format else Fraction(1)
    fitter = Fitter(plan.size, ratio, crop_ratio(part.crop))
    title = Title(part.title, plan.size, place) if part.title else None
    step = Fraction(str(part.speed)) / plan.rate
    moments = (place.start + number * step for number in range(length))
    check_unchanged(place.label, source)
    shown = fitted = None
    for number, frame in enumerate(_seen_at(place, moments, tick)):
        if frame is not shown:  # a still picture is fitted once
            shown, fitted = frame, fitter.fit(frame)
        assert fitted
        yield title.drawn_on(fitted, number / plan.rate) if title else fitted
    check_unchanged(place.label, source)


def _seen_at(place: Place, moments: Iterator[Fraction], tick: Callable[[], None]) -> Iterator[VideoFrame]:
    """The frames of a part's file that are seen at some moments, in seconds of the file."""
    video = place.source.format is not None
    frames = _video_frames(place) if video else picture_frames(place.label, place.source.path)
    return shown_at(_ticking(frames, tick), moments)


def _ticking(frames: Iterable[_T], tick: Callable[[], None]) -> Iterator[_T]:
    for frame in frames:
        tick()
        yield frame


def _video_frames(place: Place) -> Iterator[tuple[Fraction, VideoFrame]]:
    """The frames from the one on that is seen at the part's start, or earlier, with their times in the part's file."""
    with opened(place.label, place.source.path) as (container, stream):
        frames = _decoded(place, container, stream, place.start)
        first = next(frames, None)
        if first and first[0] > place.start:  # the container's index led too far
            container.seek(0)
            frames, first = _decoded(place, container, stream, Fraction(0)), None
        yield from chain([first] if first else [], frames)


def _decoded(
    place: Place, container: InputContainer, stream: VideoStream, begin: Fraction
) -> Iterator[tuple[Fraction, VideoFrame]]:
    tick, zero = time_base(stream), place.source.start
    if begin:
        container.seek(int((zero + begin) / tick), stream=stream)
    for packet in container.demux(stream):
        for frame in packet.decode():
            at = (frame.pts or 0) * tick - zero
            if packet.is_corrupt or frame.is_corrupt:
                raise damaged(place.label, at)
            yield at - tick / 2, frame  # as far as a container may have rounded it
