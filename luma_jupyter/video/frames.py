"""The length of a saved video, and single frames of it. PyAV decodes; it is loaded when first used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.errors import ConfigError, InvalidRequest

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
    if when == "first":
        when = 0.0
    if when == "last":
        *_, frame = _decoded(path)
        return frame.to_image()  # type: ignore[no-any-return]
    if isinstance(when, bool) or not isinstance(when, int | float):
        raise InvalidRequest(f"A frame is 'first', 'last' or a number of seconds, not {when!r}.")
    length = duration(path)
    if not 0 <= when <= length:
        raise InvalidRequest(f"The video has no frame at {when:g} s: it is {length:.2f} s long.")
    return _shown_at(path, [float(when)])[0].to_image()  # type: ignore[no-any-return]


def evenly_spaced_frames(path: Path, count: int) -> numpy.ndarray[Any, Any]:
    """Return frames evenly spaced from the first to the last: an array (count, height, width, 3) of uint8.

    Raises InvalidRequest for anything but a whole number from 1 to `MAX_FRAMES`, and as `duration` does.
    """
    number = 0
    if hasattr(count, "__index__") and not isinstance(count, bool):
        number = count.__index__()
    if not 1 <= number <= MAX_FRAMES:
        raise InvalidRequest(f"The number of frames must be a whole number from 1 to {MAX_FRAMES:,}, not {count!r}.")
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
