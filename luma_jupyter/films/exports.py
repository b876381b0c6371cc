"""Videos as files of other formats: the suffix says which. Nothing has the file's name before it is whole.

.mp4   H.264 with AAC; a copy where nothing is to be changed
.webm  VP9 with Opus
.gif   480 pixels wide, 12 frames a second, with a palette of its own; it plays again and again
.webp  the same, in all colours and smaller
.png   one picture
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import av
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.stream import VideoStream
from PIL import Image

from luma_jupyter.domain.requests import LOWEST_RATE
from luma_jupyter.domain.values import as_python, read_number
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.films.excerpts import Excerpt, Video, pictures, read_video
from luma_jupyter.films.sound import FilmSound
from luma_jupyter.films.sound_files import RATE
from luma_jupyter.films.sound_filters import pulled, sound_frames
from luma_jupyter.films.spec import SoundPart
from luma_jupyter.operating_system import discard, remove_stale, rename
from luma_jupyter.video.codec import X264_OPTIONS

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame

    Packets: TypeAlias = Iterator[Packet[Any]]

_UNFINISHED = ".luma-export"  # suffix of a file that is being written
_WIDTHS = (16, 8192)  # pixels, the least and the most
_MOST_SMALL_WIDTH, _MOST_SMALL_RATE = 480, Fraction(12)  # of GIF and WebP, where nothing else is said
_THREADS = "2"
_BT709 = 1  # as ISO/IEC 23091-2 numbers it
# Twice as slow as "realtime", and a third as large at the same quality.
_VP9_OPTIONS = {"deadline": "good", "cpu-used": "5", "row-mt": "1", "crf": "32", "threads": _THREADS}
_WEBP_OPTIONS = {"compression_level": "2", "quality": "75"}
_SOUND_BITS = 160_000  # a second
_BGRA = VideoFormat("bgra")
_DITHERING = "dither=bayer:bayer_scale=5:diff_mode=rectangle"  # nearer to the pictures than others, small and quick
_PALETTE_SIZE = (16, 16)  # pixels: one for each colour


def export(
    source: Path,
    target: Path,
    *,
    width: int | None = None,
    fps: float | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> None:
    """Write a video, or its stretch from ``start`` to ``end`` (seconds), in the format that the suffix of a file says.

    ``width`` is in pixels, ``fps`` in frames per second. A file that is there is replaced, a folder that is not there
    is made. Captions are kept where all is copied, and left out else. Raises InvalidRequest for any other suffix, for
    numbers that cannot be, and for a source that cannot be read; OSError where the file cannot be written.
    """
    kind = _KINDS.get(target.suffix.lower())
    if kind is None:
        *others, last = _KINDS
        formats = ", ".join(others)
        raise InvalidRequest(f"A video can be saved as {formats} or {last}, not as {shown(target.name)}.")
    width, fps, start, end = (as_python(value) for value in (width, fps, start, end))
    video = read_video(source)
    as_it_is = kind.format == "mp4" and video.is_mp4 and not start and (width, fps, end) == (None, None, None)
    excerpt = _excerpt(kind, video, width=width, fps=fps, start=start, end=end)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(target.parent, rf"\.[0-9a-f]{{16}}\{_UNFINISHED}")
    made = target.with_name(f".{secrets.token_hex(8)}{_UNFINISHED}")
    try:
        if as_it_is:
            shutil.copyfile(source, made)
        else:
            kind.write(excerpt, made)
        rename(made, target)
    except BaseException:  # an MP4 that is left in its middle would play, and be shorter
        discard(made)
        raise


# What is wanted.


@dataclass(frozen=True, slots=True)
class _Kind:
    """A format: how it is written, and what it can have: ``is_even``, even numbers of pixels alone."""

    format: str
    write: Callable[[Excerpt, Path], None]
    is_even: bool = False
    is_small: bool = False
    most_fps: int = 60


def _excerpt(
    kind: _Kind, video: Video, *, width: int | None, fps: float | None, start: float, end: float | None
) -> Excerpt:
    if kind.format == "png" and (fps is not None or end is not None):
        raise InvalidRequest("A .png is one picture, the one at `start`: leave out fps and end.")
    begin, length = _stretch(video, start, end)
    if width is None:
        width = min(video.size[0], _MOST_SMALL_WIDTH) if kind.is_small else video.size[0]
    elif type(width) is not int or not _WIDTHS[0] <= width <= _WIDTHS[1]:
        raise InvalidRequest(
            f"width must be a whole number of pixels from {_WIDTHS[0]} to {_WIDTHS[1]}, not {shown(width)}."
        )
    if fps is None:
        rate = min(video.rate, _MOST_SMALL_RATE if kind.is_small else Fraction(kind.most_fps))
    elif LOWEST_RATE <= read_number(fps) <= kind.most_fps:
        rate = Fraction(fps).limit_denominator(1001)
    else:
        raise InvalidRequest(
            f"fps of a .{kind.format} must be from {LOWEST_RATE} to {kind.most_fps}, not {shown(fps)}."
        )
    height = max(round(width * Fraction(video.size[1], video.size[0])), 1)
    if height > _WIDTHS[1] and width != video.size[0]:
        raise InvalidRequest(f"width {width} makes it {height:,} pixels high: up to {_WIDTHS[1]:,}.")
    size = (_even(width), _even(height)) if kind.is_even else (width, height)
    return Excerpt(video=video, start=begin, length=length, size=size, rate=rate)


def _stretch(video: Video, start: float, end: float | None) -> tuple[Fraction, Fraction]:
    """From when on and how long, in seconds."""
    length = f"{float(video.length):.2f}"
    if not 0 <= read_number(start) < video.length:
        raise InvalidRequest(f"start must be from 0 to {length}, where the video ends, not {shown(start)}.")
    begin = Fraction(start)
    if end is None:
        return begin, video.length - begin
    if not start < read_number(end) <= video.length + 1 / video.rate:
        raise InvalidRequest(
            f"end must be after start ({start:g}) and up to {length}, where the video ends, not {shown(end)}."
        )
    return begin, min(Fraction(end), video.length) - begin


def _even(side: int) -> int:
    return max(round(side / 2) * 2, 2)


# How it is written.


def _write_mp4(excerpt: Excerpt, target: Path) -> None:
    with _container(target, "mp4", {"movflags": "+faststart"}) as container:
        video = _video(container, "libx264", X264_OPTIONS | {"threads": _THREADS}, excerpt)
        _mux(container, video, *_sound(container, "aac", excerpt))


def _write_webm(excerpt: Excerpt, target: Path) -> None:
    with _container(target, "webm") as container:
        video = _video(container, "libvpx-vp9", _VP9_OPTIONS, excerpt)
        _mux(container, video, *_sound(container, "libopus", excerpt))


def _write_webp(excerpt: Excerpt, target: Path) -> None:
    with _container(target, "webp", {"loop": "0"}) as container:
        stream = _stream(container, "libwebp_anim", _WEBP_OPTIONS, excerpt, "bgra")
        _mux(container, _packets(stream, pictures(excerpt, "bgra")))


def _write_gif(excerpt: Excerpt, target: Path) -> None:
    with _container(target, "gif", {"loop": "0"}) as container:
        stream = _stream(container, "gif", {}, excerpt, "pal8")
        _mux(container, _packets(stream, _in_own_palette(excerpt)))


def _write_png(excerpt: Excerpt, target: Path) -> None:
    picture = next(pictures(excerpt, "rgb24"))
    Image.fromarray(picture.to_ndarray()).save(target, "PNG")


_KINDS = {
    ".mp4": _Kind("mp4", _write_mp4, is_even=True),
    ".webm": _Kind("webm", _write_webm, is_even=True),
    ".gif": _Kind("gif", _write_gif, is_small=True, most_fps=50),
    ".webp": _Kind("webp", _write_webp, is_small=True),
    ".png": _Kind("png", _write_png),
}


def _container(target: Path, name: str, options: dict[str, str] | None = None) -> OutputContainer:
    return av.open(f"file:{target}", "w", format=name, options=options or {})


def _stream(
    container: OutputContainer, codec: str, options: dict[str, str], excerpt: Excerpt, pixels: str
) -> VideoStream:
    stream = container.add_stream(codec, rate=excerpt.rate, options=options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = excerpt.size
    stream.pix_fmt = pixels
    stream.codec_context.time_base = 1 / excerpt.rate
    return stream


def _video(container: OutputContainer, codec: str, options: dict[str, str], excerpt: Excerpt) -> Packets:
    stream = _stream(container, codec, options, excerpt, "yuv420p")
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    return _packets(stream, pictures(excerpt, "yuv420p"))


def _sound(container: OutputContainer, codec: str, excerpt: Excerpt) -> Iterator[Packets]:
    """The sound, where there is one."""
    video = excerpt.video
    if video.has_sound:
        start = float(video.start + excerpt.start)
        part = SoundPart(path=video.path, at=Fraction(0), length=excerpt.length, start=start)
        stream = container.add_stream(codec, rate=RATE, layout="stereo", bit_rate=_SOUND_BITS)
        yield _packets(stream, sound_frames(FilmSound([part], excerpt.length).blocks()))


def _packets(stream: Any, frames: Iterable[Any]) -> Packets:
    for frame in frames:
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _mux(container: OutputContainer, *tracks: Packets) -> None:
    """Write packets side by side, in the order of their times."""
    for packet in merge(*tracks, key=lambda packet: (packet.dts or 0) * float(packet.time_base)):
        container.mux(packet)


def _in_own_palette(excerpt: Excerpt) -> Iterator[VideoFrame]:
    """The pictures in 256 colours, which are those that are in them most; they are looked at for that before."""
    palettegen = _FrameFilter(("palettegen", None), excerpt.rate, excerpt.size)
    for picture in pictures(excerpt, "bgra"):
        palettegen.sources[0].push(picture)
    palettegen.sources[0].push(None)
    palette = palettegen.sink.pull()
    paletteuse = _FrameFilter(("paletteuse", _DITHERING), excerpt.rate, excerpt.size, _PALETTE_SIZE)
    pushed, colours = paletteuse.sources
    colours.push(palette)
    colours.push(None)
    for picture in pictures(excerpt, "bgra"):
        pushed.push(picture)
        yield from pulled(paletteuse.sink)
    pushed.push(None)
    yield from pulled(paletteuse.sink)


class _FrameFilter:
    """A filter with an input for frames of each size, and one output."""

    def __init__(self, named: tuple[str, str | None], rate: Fraction, *sizes: tuple[int, int]) -> None:
        self._graph = Graph()  # its parts do not keep it alive
        node, self.sink = self._graph.add(*named), self._graph.add("buffersink")
        self.sources = [
            self._graph.add_buffer(width=width, height=height, format=_BGRA, time_base=1 / rate)
            for width, height in sizes
        ]
        for number, source in enumerate(self.sources):
            source.link_to(node, 0, number)
        self._graph.link_nodes(node, self.sink).configure()
