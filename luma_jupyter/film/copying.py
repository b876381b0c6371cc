"""Packets of video as they are, of several files one after the other: nothing is decoded, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av import Packet
from av.container import OutputContainer
from av.video.stream import VideoStream

from luma_jupyter.film.plan import FilmPlan, Source, VideoFormat
from luma_jupyter.film.sources import check_unchanged, opened, time_base
from luma_jupyter.film.troubles import cut_off, damaged

_NAMES = {
    "codec": "codec",
    "profile": "profile",
    "size": "size",
    "pixels": "pixel format",
    "sample_ratio": "shape of pixels",
    "colours": "colours",
    "rotation": "rotation",
    "rate": "frame rate",
    "extradata": "encoder settings",
}


def why_unlike(one: VideoFormat, other: VideoFormat) -> str | None:
    """The first thing in which two formats differ, in words."""
    return next((words for name, words in _NAMES.items() if getattr(one, name) != getattr(other, name)), None)


def why_not_copied(format: VideoFormat) -> str | None:
    """Why packets of a format are in no film, in words, to go on after the part's name."""
    if format.codec != "h264":
        return f"is {format.codec.upper()}, which not all browsers play"
    if format.pixels != "yuv420p":
        return f"has pixels ({format.pixels}) that not all browsers show"
    return "is rotated" if format.rotation else None


def add_video(container: OutputContainer, plan: FilmPlan) -> VideoStream:
    """A stream in a new file, of the format that all parts have."""
    first = plan.places[0]
    with opened(first.label, first.source.path) as source:
        return container.add_stream_from_template(source.streams.video[0])


def video_packets(stream: VideoStream, plan: FilmPlan) -> Iterator[Packet[VideoStream]]:
    """The packets of all parts. Raises InvalidRequest for parts that are damaged, or not any more what they were."""
    delay = max(place.source.delay for place in plan.places)
    for place in plan.places:
        source = place.source
        check_unchanged(place.label, source)
        yield from _packets(stream, place.label, source, place.at, delay)
        check_unchanged(place.label, source)


def _packets(
    stream: VideoStream, label: str, source: Source, at: Fraction, delay: Fraction
) -> Iterator[Packet[VideoStream]]:
    """A part's packets, to be shown from ``at`` on, and decoded by the same delay before as those of all parts."""
    end = Fraction(0)
    with opened(label, source.path) as container:
        video = container.streams.video[0]
        tick = time_base(video)
        shift = round((at - source.start) / tick)
        earlier = round((delay - source.delay) / tick)
        count = 0
        for packet in container.demux(video):
            if packet.pts is None or packet.dts is None:
                continue
            if packet.is_corrupt:
                raise damaged(label, packet.pts * tick - source.start)
            count += 1
            end = (packet.pts + (packet.duration or 0)) * tick - source.start
            packet.pts += shift
            packet.dts += shift - earlier
            packet.stream = stream
            yield packet
        if count < video.frames:
            raise cut_off(label, end)
