"""What files are: read from their heads, and where these do not say it, from their packets.

Videos are MP4, MOV, Matroska and WebM; pictures and animations what Pillow reads. Others are refused by their first
bytes: FFmpeg's playlists, for instance, open other files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.film.plan import Source, VideoFormat
from luma_jupyter.film.planes import seen_size
from luma_jupyter.film.stills import read_picture
from luma_jupyter.film.troubles import damage_told, damaged, without_frames
from luma_jupyter.operating_system import file_mark, reason

_MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # the boxes that such files begin with
_MATROSKA = b"\x1a\x45\xdf\xa3"
_HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics, as ISO/IEC 23091-2 numbers them
_MAX_RATE = Fraction(60)
_MAX_SIDE = 16384  # pixels
_ODD_RATE = Fraction(1, 50)  # by which frame rates that a file tells may differ where they are one


def read_source(label: str, path: Path) -> Source:
    """What a file is; ``label`` is what the user calls it. Raises InvalidRequest."""
    mark = mark_of(label, path)
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise InvalidRequest(f"{label} cannot be read ({reason(error)}).") from None
    if video_kind(head):
        with opened(label, path) as container:
            return _video(label, path, mark, container)
    return read_picture(label, path, mark)


def mark_of(label: str, path: Path) -> str:
    """What changes when a file does. Raises InvalidRequest where it is not there."""
    try:
        return file_mark(path.stat())
    except OSError as error:
        raise InvalidRequest(f"{label} cannot be read ({reason(error)}).") from None


def check_unchanged(label: str, source: Source) -> None:
    """Refuse a file that is not any more what it was when the film was planned. Raises InvalidRequest."""
    if mark_of(label, source.path) != source.mark:
        raise InvalidRequest(f"{label} was changed while the film was made: make the film again.")


def video_kind(head: bytes) -> str | None:
    """FFmpeg's name for what reads a file that begins with these bytes; None for anything but videos."""
    if head[4:8] in _MP4:
        return "mov"
    return "matroska" if head.startswith(_MATROSKA) else None


@contextmanager
def opened(label: str, path: Path) -> Iterator[InputContainer]:
    """A video file, open. Raises InvalidRequest, also for what FFmpeg finds while it is read."""
    with damage_told(label):
        with path.open("rb") as file:
            kind = video_kind(file.read(12))
        # An absolute path: FFmpeg takes "x:y" for a protocol.
        with av.open(str(path.absolute()), "r", format=kind) as container:
            if not container.streams.video:
                raise InvalidRequest(f"{label} has no picture: it cannot be a part of a film.")
            container.streams.video[0].thread_count = 2
            yield container


def _video(label: str, path: Path, mark: str, container: InputContainer) -> Source:
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise InvalidRequest(f"{label} has a video codec that PyAV cannot read: save it as MP4 (H.264).")
    if stream.color_trc in _HDR:
        kind = _HDR[stream.color_trc]
        raise InvalidRequest(f"{label} is an HDR video ({kind}), which films cannot have: save it as SDR first.")
    if not stream.width or max(stream.width, stream.height) > _MAX_SIDE:
        raise damaged(label)
    first = _first_packet(label, container)
    rotation = _rotation(label, path)
    ratio = _fraction(stream.sample_aspect_ratio) or Fraction(1)
    rate = _rate(stream)
    begins = first.pts if stream.start_time is None else stream.start_time
    base = time_base(stream)
    length = stream.duration * base if stream.duration else _demuxed_length(label, path)
    if length <= 0:
        raise without_frames(label)
    return Source(
        path=path,
        mark=mark,
        size=seen_size((stream.width, stream.height), ratio, rotation),
        length=length,
        start=begins * base,
        delay=max(first.pts - first.dts, 0) * base if first.dts is not None else Fraction(0),
        rate=rate,
        has_sound=bool(container.streams.audio),
        format=VideoFormat(
            codec=stream.codec_context.name,
            profile=stream.profile,
            size=(stream.width, stream.height),
            pixels=stream.pix_fmt,
            sample_ratio=ratio,
            colours=(stream.color_range, stream.color_primaries, stream.color_trc, stream.colorspace),
            rotation=rotation,
            rate=rate,
            extradata=bytes(stream.codec_context.extradata or b""),
        ),
    )


def _first_packet(label: str, container: InputContainer) -> Any:
    for packet in container.demux(container.streams.video[0]):
        if packet.pts is not None:
            return packet
    raise without_frames(label)


def _rotation(label: str, path: Path) -> int:
    """By how many degrees the frames are turned counterclockwise when they are shown."""
    with opened(label, path) as container:
        for frame in container.decode(container.streams.video[0]):
            return round(frame.rotation / 90) % 4 * 90
    raise without_frames(label)


def _demuxed_length(label: str, path: Path) -> Fraction:
    """From the first frame to the end of the last one, as the packets have it."""
    begin, end = None, Fraction(0)
    with opened(label, path) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            at = packet.pts * time_base(stream)
            begin = at if begin is None else min(begin, at)
            end = max(end, at + (packet.duration or 0) * time_base(stream))
    return end - (begin or 0)


def _rate(stream: VideoStream) -> Fraction:
    """Frames per second; where the file's frames are not evenly spaced, the nearest whole number."""
    average = _fraction(stream.average_rate) or _fraction(stream.guessed_rate) or Fraction(24)
    guessed = _fraction(stream.guessed_rate) or average
    even = abs(guessed - average) <= average * _ODD_RATE
    rate = guessed.limit_denominator(1001) if even else Fraction(max(round(average), 1))
    return min(rate, _MAX_RATE)


def _fraction(value: Any) -> Fraction | None:
    """PyAV's fractions are of a type of their own, from version 19 on."""
    return Fraction(value.numerator, value.denominator) if value else None


def time_base(stream: VideoStream) -> Fraction:
    """The unit of a stream's times, in seconds."""
    return _fraction(stream.time_base) or Fraction(1, 90_000)
