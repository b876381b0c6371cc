"""A planned film into a file: packets of video and of sound, in the order of their times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from heapq import merge
from pathlib import Path
from time import monotonic
from typing import Any

import av
from av import Packet
from av.container import OutputContainer

from luma_jupyter.films import copying, encoding
from luma_jupyter.films.captions import add_captions
from luma_jupyter.films.frames import film_frames
from luma_jupyter.films.plan import FilmPlan
from luma_jupyter.films.sound import FilmSound
from luma_jupyter.films.spec import Report
from luma_jupyter.operating_system import discard

_EACH = 0.1  # seconds: how often is told how much is done
_MEASURING_ENCODED, _MEASURING_COPIED = 0.1, 0.7  # shares of the time that it takes to measure how loud a film is


def write_film(plan: FilmPlan, target: Path, report: Report) -> None:
    """Write a film; nothing is left of it where this does not end well.

    Raises InvalidRequest for parts that cannot be read, OSError for a target that cannot be written.
    """
    progress = _Progress(plan, report)
    container = av.open(str(target.absolute()), "w", format="mp4", options={"movflags": "+faststart"})
    try:
        for packet in merge(*_tracks(plan, container, progress), key=_time):
            container.mux(packet)
            progress.reached(_time(packet))
        container.close()
    except BaseException:
        discard(target)  # before it is closed, as then all of it would be moved to make room for the index
        with suppress(Exception):
            container.close()
        raise
    report(1.0)


def _tracks(plan: FilmPlan, container: OutputContainer, progress: _Progress) -> Iterator[Iterator[Packet[Any]]]:
    if plan.encoded:
        frames = film_frames(plan, progress.tick)
        yield encoding.video_packets(encoding.add_video(container, plan), frames, plan.rate)
    else:
        yield copying.video_packets(copying.add_video(container, plan), plan)
    if plan.has_sound:
        sound = FilmSound([place.sound for place in plan.places], plan.length, plan.spec.music, plan.spec.voice)
        yield encoding.sound_packets(encoding.add_sound(container), sound.blocks(progress.measured))
    if plan.cues:
        yield iter(add_captions(container, plan.cues))


def _time(packet: Packet[Any]) -> float:
    """When a packet is decoded, in seconds."""
    assert packet.dts is not None
    return packet.dts * packet.time_base.numerator / packet.time_base.denominator


class _Progress:
    """How much of a film is done, told a few times a second."""

    def __init__(self, plan: FilmPlan, report: Report) -> None:
        self._report = report
        self._length = float(plan.length)
        self._measuring = 0.0
        if plan.spec.music or plan.spec.voice:
            self._measuring = _MEASURING_ENCODED if plan.encoded else _MEASURING_COPIED
        self._done = 0.0
        self._told = -_EACH

    def measured(self, share: float) -> None:
        """So much of the sound is measured."""
        self._done = self._measuring * share
        self.tick()

    def reached(self, moment: float) -> None:
        """So many seconds of the film are written."""
        share = min(max(moment / self._length, 0.0), 1.0)
        self._done = max(self._done, self._measuring + (1 - self._measuring) * share)
        self.tick()

    def tick(self) -> None:
        """Tell it, if some time has gone by."""
        now = monotonic()
        if now - self._told >= _EACH:
            self._told = now
            self._report(self._done)
