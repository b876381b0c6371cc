"""Packets of video as they are, of several files one after the other: nothing is decoded, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av import Packet
from av.container import OutputContainer
from av.video.stream import VideoStream

from luma_jupyter.films.packets import time_base
from luma_jupyter.films.plan import FilmPlan, Place, VideoFormat
from luma_jupyter.films.sources import check_unchanged, opened
from luma_jupyter.languages import N_

_NAMES = {
    "codec": N_("codec"),
    "profile": N_("profile"),
    "size": N_("size"),
    "pixels": N_("pixel format"),
    "sample_ratio": N_("shape of pixels"),
    "colours": N_("colours"),
    "rotation": N_("rotation"),
    "rate": N_("frame rate"),
    "extradata": N_("encoder settings"),
}


def why_unlike(one: VideoFormat, other: VideoFormat) -> str | None:
    """The first thing in which two formats differ, in words."""
    return next((words for name, words in _NAMES.items() if getattr(one, name) != getattr(other, name)), None)


def add_video(container: OutputContainer, plan: FilmPlan) -> VideoStream:
    """A stream in a new file, of the format that all parts have."""
    first = plan.places[0]
    with opened(first.label, first.source.path) as (_, stream):
        return container.add_stream_from_template(stream)


def video_packets(target: VideoStream, plan: FilmPlan) -> Iterator[Packet[VideoStream]]:
    """The packets of all parts. Raises InvalidRequest for parts that are not any more what they were."""
    delay = max(place.source.delay for place in plan.places)
    for place in plan.places:
        check_unchanged(place.label, place.source)
        yield from _packets(target, place, delay)
        check_unchanged(place.label, place.source)


def _packets(target: VideoStream, place: Place, delay: Fraction) -> Iterator[Packet[VideoStream]]:
    """A part's packets, to be decoded by the same delay before they are shown as those of all parts."""
    source = place.source
    with opened(place.label, source.path, decoding=False) as (container, stream):
        tick = time_base(stream)
        later = round((place.at - source.start) / tick)
        earlier = round((delay - source.delay) / tick)
        for packet in container.demux(stream):
            if packet.pts is None or packet.dts is None:
                continue  # the end
            packet.pts += later
            packet.dts += later - earlier
            packet.stream = target
            yield packet
