"""The length of a saved video, and single frames of it. PyAV decodes; it is loaded when first used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from importlib.util import find_spec
from itertools import chain
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from luma_jupyter.errors import InvalidRequest, missing_package, shown
from luma_jupyter.languages import N_

if TYPE_CHECKING:
    import numpy
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL.Image import Image

MAX_FRAMES = 10_000
_MAX_BYTES = 4_000_000_000  # of frames together: 643 of 1920 × 1080 pixels
EMPTY = N_("there is no frame in it")

_T = TypeVar("_T")


def duration(path: Path) -> float:
    """Return the length of a video in seconds.

    Raises InvalidRequest where it cannot be read, ConfigError without PyAV.
    """
    with opened(path) as video:
        stream = video.streams.video[0]
        if stream.duration:
            return float(stream.duration * time_base(stream))
        return float(video.duration or 0) / 1_000_000


def frame_at(path: Path, when: float | str) -> Image:
    """Return one frame as a PIL image: ``"first"``, ``"last"``, or the one that is shown at so many seconds.

    Raises InvalidRequest for a moment that the video does not have, and as `duration` does.
    """
    if isinstance(when, str) and when == "first":
        when = 0.0
    if isinstance(when, str) and when == "last":
        return _last(path).to_image()  # type: ignore[no-any-return]
    if isinstance(when, bool) or not isinstance(when, int | float):
        raise InvalidRequest(f"A frame is 'first', 'last' or a number of seconds, not {shown(when)}.")
    check_moment(path, when)
    return next(_shown_at(path, [float(when)])).to_image()  # type: ignore[no-any-return]


def check_moment(path: Path, when: float) -> None:
    """Refuse a moment that a video does not have, in seconds. Raises as `frame_at` does."""
    length = duration(path)
    if not 0 <= when <= length:
        moment = shown(when) if isinstance(when, int) else f"{when:g}"
        raise InvalidRequest(f"The video has no frame at {moment} s: it is {length:.2f} s long.")


def check_readable() -> None:
    """Raise ConfigError where there is no package that reads videos."""
    if find_spec("av") is None:
        raise missing_package("av")


def evenly_spaced_frames(path: Path, count: int) -> numpy.ndarray[Any, Any]:
    """Return frames evenly spaced from the first to the last: an array (count, height, width, 3) of uint8.

    Raises InvalidRequest for anything but a whole number from 1 to `MAX_FRAMES`, where the frames would take more than
    4 GB of memory, and as `duration` does.
    """
    number = int(count) if isinstance(count, Integral) and not isinstance(count, bool) else 0
    if not 1 <= number <= MAX_FRAMES:
        raise InvalidRequest(
            f"The number of frames must be a whole number from 1 to {MAX_FRAMES:,}, not {shown(count)}."
        )
    import numpy  # optional

    length = duration(path)
    on_screen = _shown_at(path, [length * index / max(number - 1, 1) for index in range(number)])
    first = next(on_screen)
    width, height = first.width, first.height
    size = number * width * height * 3
    if size > _MAX_BYTES:
        gigabytes, most = f"{size / 1e9:.1f}", number * _MAX_BYTES // size
        raise InvalidRequest(
            f"{number:,} frames of {width} × {height} pixels take {gigabytes} GB of memory: ask for up to {most:,}."
        )
    frames = numpy.empty((number, height, width, 3), numpy.uint8)
    for index, frame in enumerate(chain([first], on_screen)):
        frames[index] = frame.to_ndarray(format="rgb24", width=width, height=height)
    return frames


# What else reads videos goes by these, too.


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A file to be read that has a picture: MP4, MOV, Matroska or WebM, as FFmpeg's playlists open other files.

    Raises InvalidRequest, also for what is found while it is read, ConfigError without PyAV.
    """
    try:
        import av  # optional
    except ImportError as error:
        raise missing_package(error.name) from None
    if not path.is_file():
        raise InvalidRequest(f"There is no file {str(path)!r}.")
    try:
        # "file:", or a colon in a name would be one of FFmpeg's protocols.
        with av.open(f"file:{path}", "r", options={"format_whitelist": "mov,mp4,matroska,webm"}) as container:
            if not container.streams.video:
                raise unreadable(path, N_("there is no picture in it"))
            yield container
    except InvalidRequest:
        raise
    except (OSError, ValueError, LookupError) as error:  # of PyAV most are both of the first, of a codec the last
        raise unreadable(path, getattr(error, "strerror", None) or str(error)) from None


def unreadable(path: Path, reason: str) -> InvalidRequest:
    """The error of a file that is no video."""
    return InvalidRequest(f"{path.name} cannot be read as a video ({reason}).")


def shown_at(frames: Iterable[tuple[Fraction, _T]], moments: Iterable[Fraction | float]) -> Iterator[_T]:
    """Of frames with the times from which on they are seen: the one that is seen at each moment; these are in order."""
    coming = iter(frames)
    shown = following = next(coming, None)
    if shown is None:
        return
    for moment in moments:
        while following and following[0] <= moment:
            shown, following = following, next(coming, None)
        yield shown[1]


def seen_from(stream: VideoStream, frame: VideoFrame) -> Fraction:
    """From when on a frame is seen, in seconds from the first one on; earlier by as much as a file may have rounded."""
    return ((frame.pts or 0) - (stream.start_time or 0) - Fraction(1, 2)) * time_base(stream)


def time_base(stream: VideoStream) -> Fraction:
    """What a stream counts its time in, in seconds."""
    assert stream.time_base  # of a file that was opened
    return Fraction(stream.time_base.numerator, stream.time_base.denominator)  # PyAV's is of a type of its own


# How it is done.


def _shown_at(path: Path, moments: Iterable[float]) -> Iterator[Any]:
    """The frames that are on the screen at some moments, in seconds and in order; none is kept here."""
    frame = None
    for frame in shown_at(_decoded(path), moments):
        yield frame
    if frame is None:
        raise unreadable(path, EMPTY)


def _last(path: Path) -> Any:
    """The last frame: decoded from the last key frame on, or all the way where that cannot be found."""
    for from_last_key_frame in (True, False):
        last = None
        for _, frame in _decoded(path, from_last_key_frame=from_last_key_frame):
            last = frame
        if last is not None:
            return last
    raise unreadable(path, EMPTY)


def _decoded(path: Path, *, from_last_key_frame: bool = False) -> Iterator[tuple[Fraction, Any]]:
    with opened(path) as video:
        stream = video.streams.video[0]
        if from_last_key_frame and stream.duration:
            video.seek((stream.start_time or 0) + stream.duration, stream=stream)
        for frame in video.decode(stream):
            yield seen_from(stream, frame), frame
