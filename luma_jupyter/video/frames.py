"""The length of a saved video, and single frames of it. PyAV decodes; it is loaded when first used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.errors import ConfigError, InvalidRequest, shown

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image

MAX_FRAMES = 10_000  # at 640 × 360 pixels these are 7 GB


def duration(path: Path) -> float:
    """Return the length of a video in seconds.

    Raises InvalidRequest where it cannot be read, ConfigError without PyAV.
    """
    with _opened(path) as video:
        stream = video.streams.video[0]
        if stream.duration:
            return float(stream.duration * stream.time_base)
        return float(video.duration or 0) / 1_000_000


def frame_at(path: Path, when: float | str) -> Image:
    """Return one frame as a PIL image: ``"first"``, ``"last"``, or the one that is shown at so many seconds.

    Raises InvalidRequest for a moment that the video does not have, and as `duration` does.
    """
    if isinstance(when, str) and when == "first":
        when = 0.0
    if isinstance(when, str) and when == "last":
        *_, frame = _decoded(path)
        return frame.to_image()  # type: ignore[no-any-return]
    if isinstance(when, bool) or not isinstance(when, int | float):
        raise InvalidRequest(f"A frame is 'first', 'last' or a number of seconds, not {shown(when)}.")
    length = duration(path)
    if not 0 <= when <= length:
        moment = shown(when) if isinstance(when, int) else f"{when:g}"
        raise InvalidRequest(f"The video has no frame at {moment} s: it is {length:.2f} s long.")
    return _shown_at(path, [float(when)])[0].to_image()  # type: ignore[no-any-return]


def evenly_spaced_frames(path: Path, count: int) -> numpy.ndarray[Any, Any]:
    """Return frames evenly spaced from the first to the last: an array (count, height, width, 3) of uint8.

    Raises InvalidRequest for anything but a whole number from 1 to `MAX_FRAMES`, and as `duration` does.
    """
    number = int(count) if isinstance(count, Integral) and not isinstance(count, bool) else 0
    if not 1 <= number <= MAX_FRAMES:
        wanted = f"a whole number from 1 to {MAX_FRAMES:,}"
        raise InvalidRequest(f"The number of frames must be {wanted}, not {shown(count)}.")
    import numpy  # optional

    length = duration(path)
    moments = [length * index / max(number - 1, 1) for index in range(number)]
    return numpy.stack([frame.to_ndarray(format="rgb24") for frame in _shown_at(path, moments)])


def _shown_at(path: Path, moments: list[float]) -> list[Any]:
    """Return the frames that are on the screen at some moments, in seconds and in order."""
    found: list[Any] = []
    shown = None
    for frame in _decoded(path):
        while shown is not None and len(found) < len(moments) and frame.time > moments[len(found)]:
            found.append(shown)
        shown = frame
        if len(found) == len(moments):
            return found
    return found + [shown] * (len(moments) - len(found))


def _decoded(path: Path) -> Iterator[Any]:
    with _opened(path) as video:
        yield from video.decode(video=0)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import av  # optional
    except ImportError as error:
        raise ConfigError(
            f"Frames need a package that is not installed ({error.name}): pip install 'luma-jupyter[media]'"
        ) from None
    try:
        with av.open(str(path)) as video:
            yield video
    except (OSError, ValueError, IndexError) as error:  # PyAV's errors are both OSError and ValueError
        raise InvalidRequest(f"{path.name} cannot be read as a video ({error}).") from None
