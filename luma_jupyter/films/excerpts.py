"""A stretch of a video as pictures of one size, at even intervals: upright, with square pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.filter import Graph

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.video.frames import EMPTY, opened, seen_from, shown_at, time_base, unreadable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

# By a frame's rotation: filters with their options.
_TURNS = {90: (("transpose", "cclock"),), 180: (("hflip", None), ("vflip", None)), 270: (("transpose", "clock"),)}
_UNTAGGED = 2  # the colours of a frame that does not tell them, as ISO/IEC 23091-2 numbers them
_MOST_MISSING = Fraction(1, 10)  # seconds by which a video may be shorter than it says
_HD_LINES = 720  # from so many on, a video that does not tell its colours has those of BT.709


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """What a video file is: ``size`` is (width, height) as seen, ``rate`` frames per second, ``length`` seconds.

    ``start`` is when the first frame is shown, in the file's own time.
    """

    path: Path
    start: Fraction
    size: tuple[int, int]
    rate: Fraction
    length: Fraction
    is_mp4: bool
    has_sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A stretch of a video, from ``start`` on in seconds, in the ``size`` and at the ``rate`` that it is wanted in."""

    video: Video
    start: Fraction
    length: Fraction
    size: tuple[int, int]
    rate: Fraction

    @property
    def count(self) -> int:
        """How many pictures it has."""
        return max(round(self.length * self.rate), 1)


def read_video(path: Path) -> Video:
    """What a video is. Raises InvalidRequest for a file that is not there, or is none."""
    with opened(path) as container:
        stream = container.streams.video[0]
        first = next(container.decode(stream), None)
        length = Fraction(stream.duration or 0) * time_base(stream) or Fraction(container.duration or 0, av.time_base)
        if first is None or length <= 0:
            raise unreadable(path, EMPTY)
        ratio = stream.sample_aspect_ratio or 1
        width, height = round(stream.width * ratio.numerator / ratio.denominator), stream.height
        rate = stream.average_rate or Fraction(24)
        return Video(
            path=path,
            start=(stream.start_time or 0) * time_base(stream),
            size=(height, width) if first.rotation % 180 else (width, height),
            rate=Fraction(rate.numerator, rate.denominator),
            length=length,
            is_mp4="mp4" in container.format.name and container.metadata.get("major_brand", "").strip() != "qt",
            has_sound=bool(container.streams.audio),
        )


def pictures(excerpt: Excerpt, pixels: str) -> Iterator[VideoFrame]:
    """Yield the pictures of a stretch in a pixel format, numbered by their time stamps. Raises InvalidRequest."""
    with opened(excerpt.video.path) as container:
        moments = (excerpt.start + number / excerpt.rate for number in range(excerpt.count))
        fitted = _Fitter(excerpt.size, pixels)
        number = 0
        for number, frame in enumerate(shown_at(_decoded(container, excerpt.start), moments), start=1):
            picture = fitted(frame)
            picture.pts, picture.time_base = number - 1, 1 / excerpt.rate
            yield picture
        if not number:
            raise unreadable(excerpt.video.path, EMPTY)


def _decoded(container: InputContainer, start: Fraction) -> Iterator[tuple[Fraction, VideoFrame]]:
    """The frames from the one that is shown at ``start``, or earlier, with the moments at which they come."""
    stream = container.streams.video[0]
    tick, first = time_base(stream), stream.start_time or 0
    if start:
        container.seek(first + int(start / tick), stream=stream)
    end = Fraction(0)
    for packet in container.demux(stream):
        if packet.pts is not None:
            end = max(end, (packet.pts + (packet.duration or 0) - first) * tick)
        for frame in packet.decode():
            if packet.is_corrupt or frame.is_corrupt:
                raise _damaged(container)
            yield seen_from(stream, frame), frame
    # Where a file is cut off, FFmpeg ends without an error; Matroska does not say how long each stream is.
    if "mp4" in container.format.name and end + _MOST_MISSING < (stream.duration or 0) * tick:
        raise _damaged(container)


def _damaged(container: InputContainer) -> InvalidRequest:
    return InvalidRequest(f"{Path(container.name).name} is damaged or not whole: download or save it again.")


class _Fitter:
    """Makes frames upright, and of one size and pixel format."""

    def __init__(self, size: tuple[int, int], pixels: str) -> None:
        self._size = size
        self._pixels = pixels
        self._kind: Any = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        kind = (frame.width, frame.height, frame.format.name, frame.colorspace)
        if kind != self._kind:  # at the first frame; in some videos later, too
            self._kind = kind
            self._graph = self._graph_for(frame)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _graph_for(self, frame: VideoFrame) -> Graph:
        colours = "bt709" if frame.colorspace == _UNTAGGED and frame.height >= _HD_LINES else "auto"
        width, height = self._size
        scale = f"{width}:{height}:flags=bicubic:in_color_matrix={colours}:out_color_matrix=bt709"
        filters = [*_TURNS.get(frame.rotation % 360, ()), ("scale", scale), ("setsar", "1"), ("format", self._pixels)]
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
        )
        nodes = [graph.add(name, options) for name, options in filters]
        graph.link_nodes(source, *nodes, graph.add("buffersink")).configure()
        return graph
