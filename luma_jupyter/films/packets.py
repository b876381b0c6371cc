"""What the packets of a video tell: how long it is, how its frames follow each other, and whether it is whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from av import Packet
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from luma_jupyter.films.avc import length_size, looks_damaged
from luma_jupyter.films.troubles import cut_off, damaged, without_frames
from luma_jupyter.languages import N_

_UNKNOWN_RATE = Fraction(24)  # of a single frame
_OFF = 0.01  # by which share the frame rate that a file tells may miss the one that it has


@dataclass(frozen=True)
class Survey:
    """What was found: ``start`` is when the first frame is shown, in the file's own seconds.

    ``delay`` is by how many seconds packets come before their time; ``uncopied`` says why they cannot go into a film as
    they are, to go on after a part's name.
    """

    start: Fraction
    length: Fraction
    rate: Fraction
    delay: Fraction
    first_frame: VideoFrame
    uncopied: str | None


def survey(label: str, container: InputContainer, stream: VideoStream) -> Survey:
    """Read all packets of a video. Raises InvalidRequest where there is none, or some are damaged or missing."""
    tick = time_base(stream)
    shown: list[tuple[int, int]] = []  # each frame's time, and how long it is shown, in ticks
    frame: VideoFrame | None = None
    delay = uncopied = None
    lengths = length_size(stream.codec_context.extradata or b"") if stream.codec_context.name == "h264" else 0
    for packet in container.demux(stream):
        if not packet.size:
            continue  # the end
        if packet.is_corrupt:
            raise damaged(label, (packet.pts or 0) * tick)
        frame = frame or _first_frame(stream, packet)
        if packet.pts is None or packet.is_discard:
            uncopied = N_("it has frames that are not shown")
            continue
        if packet.dts is None:
            uncopied = N_("it has packets without a time")
        elif delay is None:
            delay = packet.pts - packet.dts
        if lengths and looks_damaged(bytes(packet), lengths):
            uncopied = N_("it may be damaged")
        shown.append((packet.pts, packet.duration or 0))
    if frame is None or not shown:
        raise without_frames(label)
    if frame.is_corrupt:
        raise damaged(label, Fraction(0))
    if shown[0] != min(shown):
        uncopied = N_("it does not begin with a whole frame")
    shown.sort()
    start = shown[0][0] * tick
    rate, even = _rate(stream, [at for at, _ in shown])
    even = even and shown[-1][1] * tick <= 2 / rate  # a last frame that stays is part of its length
    length = len(shown) / rate if even else shown[-1][0] * tick + (shown[-1][1] * tick or 1 / rate) - start
    if length + 2 / rate < _declared_length(stream, start):
        raise cut_off(label, length)
    if not even:
        uncopied = N_("it has no constant frame rate")
    return Survey(start, length, rate, (delay or 0) * tick, frame, uncopied)


def _first_frame(stream: VideoStream, packet: Packet[VideoStream]) -> VideoFrame | None:
    """The frame of a video's first packets; the decoder does not wait for more than the first that is shown."""
    stream.codec_context.skip_frame = "DEFAULT"
    frames = packet.decode()
    if not (frames or packet.is_discard):
        frames = stream.decode(None)
        stream.codec_context.flush_buffers()
    return frames[0] if frames else None


def time_base(stream: VideoStream) -> Fraction:
    """The unit of a stream's times, in seconds."""
    return fraction(stream.time_base) or Fraction(1, 90_000)


def fraction(value: Any) -> Fraction | None:
    """PyAV's fractions are of a type of their own, from version 19 on."""
    return Fraction(value.numerator, value.denominator) if value else None


def _rate(stream: VideoStream, times: list[int]) -> tuple[Fraction, bool]:
    """Frames per second, and whether they are evenly spaced; where they are not, the nearest whole number."""
    declared = fraction(stream.average_rate) or fraction(stream.guessed_rate) or _UNKNOWN_RATE
    step = (times[-1] - times[0]) / max(len(times) - 1, 1)
    if not step:
        return declared, True
    measured = 1 / (Fraction(step) * time_base(stream))
    even = all(abs(after - before - step) <= 1 for before, after in pairwise(times))
    if not even:
        return Fraction(max(round(measured), 1)), False
    near = abs(declared / measured - 1) <= _OFF
    return declared if near else measured.limit_denominator(1001), True


def _declared_length(stream: VideoStream, start: Fraction) -> Fraction:
    """How long a video that begins at ``start`` says that it is, in seconds; 0 where it does not."""
    told = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if told:  # Matroska's, which counts from 0
        return int(told[1]) * 3600 + int(told[2]) * 60 + Fraction(told[3]) - start
    if stream.container.format.name.startswith("matroska"):  # what FFmpeg says then is the length of all, with sound
        return Fraction(0)
    return (stream.duration or 0) * time_base(stream)
