"""A planned film into a file: packets of video and of sound, in the order of their times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from heapq import merge
from pathlib import Path
from time import monotonic
from typing import Any

import av
from av import Packet
from av.container import OutputContainer

from luma_jupyter.film import copying, encoding
from luma_jupyter.film.frames import film_frames
from luma_jupyter.film.plan import FilmPlan
from luma_jupyter.film.sound import FilmSound
from luma_jupyter.film.spec import Report

_EACH = 0.1  # seconds: how often is told how much is done


def write_film(plan: FilmPlan, target: Path, report: Report) -> None:
    """Write a film under the name of its target, which is not whole before this has ended well.

    Raises InvalidRequest for parts that cannot be read, OSError for a target that cannot be written.
    """
    with av.open(str(target.absolute()), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        tracks = list(_tracks(plan, container))
        for packet in _reported(merge(*tracks, key=_time), plan.length, report):
            container.mux(packet)


def _tracks(plan: FilmPlan, container: OutputContainer) -> Iterator[Iterator[Packet[Any]]]:
    if plan.encoded:
        yield encoding.video_packets(encoding.add_video(container, plan), film_frames(plan), plan.rate)
    else:
        yield copying.video_packets(copying.add_video(container, plan), plan)
    if plan.has_sound:
        sounds = [place.sound for place in plan.places]
        blocks = FilmSound(sounds, plan.length, plan.spec.music, plan.spec.voice).blocks()
        yield encoding.sound_packets(encoding.add_sound(container), blocks)


def _time(packet: Packet[Any]) -> Fraction:
    """When a packet is decoded, in seconds."""
    assert packet.dts is not None
    return Fraction(packet.dts * packet.time_base.numerator, packet.time_base.denominator)


def _reported(packets: Iterable[Packet[Any]], length: Fraction, report: Report) -> Iterator[Packet[Any]]:
    """Pass packets on, and tell now and then which share of the film they are."""
    told = 0.0
    for packet in packets:
        now = monotonic()
        if now - told >= _EACH:
            told = now
            report(min(max(float(_time(packet) / length), 0.0), 1.0))
        yield packet
    report(1.0)
