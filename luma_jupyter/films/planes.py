"""Frames as planes: brightness and two colours, of 8 bits each, the colours at half the size (yuv420p)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

BLACK = (16, 128, 128)  # BT.709, limited range
_UNTAGGED = 2  # the colour matrix of a frame that does not tell it
_HD_LINES = 720  # from so many on, what does not tell its colours is BT.709, else BT.601
_RGB = 0
# With all these, greys stay greys where a matrix becomes another one.
_SCALING = (
    Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND
)


def planes(frame: VideoFrame) -> list[Plane]:
    """The planes of a frame, to be looked at and, where it is nobody else's, to be written to."""
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    ]


def blend(one: VideoFrame, other: VideoFrame, share: Fraction) -> VideoFrame:
    """A new frame, which has so much of the other."""
    weight = round(256 * share)
    result = VideoFrame(one.width, one.height, "yuv420p")
    for target, first, second in zip(planes(result), planes(one), planes(other), strict=True):
        mixed = first.astype(np.uint16)
        mixed *= 256 - weight
        mixed += second.astype(np.uint16) * np.uint16(weight)
        mixed += 128
        mixed >>= 8
        target[:] = mixed
    return result


class Fitter:
    """Brings frames to one size: upright, cropped, scaled with their ratio kept, in the middle of black, BT.709.

    ``sample_ratio`` is width by height of a pixel, ``crop`` a ratio (width, height) of which the middle is kept.
    """

    def __init__(self, size: tuple[int, int], sample_ratio: Fraction, crop: Fraction | None) -> None:
        self._size = size
        self._sample_ratio = sample_ratio
        self._crop = crop
        self._reformatter = VideoReformatter()

    def fit(self, frame: VideoFrame) -> VideoFrame:
        """The frame in the film's size; the very same where it has it."""
        turns = quarter_turns(frame)
        whole, kept = self._scaled_sizes(frame, turns)
        if turns % 2:
            whole = whole[1], whole[0]
        scaled = self._reformatter.reformat(
            frame,
            width=whole[0],
            height=whole[1],
            format="yuv420p",
            src_colorspace=_matrix(frame),
            dst_colorspace=Colorspace.ITU709,
            src_color_range=_value_range(frame),
            dst_color_range=ColorRange.MPEG,
            interpolation=_SCALING,
        )
        if not turns and whole == kept == self._size:
            return scaled
        result = VideoFrame(*self._size, "yuv420p")
        for target, plane, black in zip(planes(result), planes(scaled), BLACK, strict=True):
            scale = 1 if black == BLACK[0] else 2
            target[:] = black
            _paste(target, np.rot90(plane, turns), kept[0] // scale, kept[1] // scale)
        return result

    def _scaled_sizes(self, frame: VideoFrame, turns: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """How large the upright frame is made, and how much of it is kept, so that this just fits; in even pixels."""
        seen = seen_size((frame.width, frame.height), self._sample_ratio, 90 * turns)
        part = cropped_size(seen, self._crop)
        scale = min(self._size[0] / part[0], self._size[1] / part[1])
        kept = tuple(min(even(side * scale), most) for side, most in zip(part, self._size, strict=True))
        whole = tuple(max(even(side * scale), least) for side, least in zip(seen, kept, strict=True))
        return (whole[0], whole[1]), (kept[0], kept[1])


def quarter_turns(frame: VideoFrame) -> int:
    """How often a frame is turned by 90 degrees counterclockwise when it is shown."""
    return round(frame.rotation / 90) % 4


def seen_size(size: tuple[int, int], sample_ratio: Fraction, rotation: int) -> tuple[Fraction, Fraction]:
    """Width and height as they are seen: upright, in square pixels."""
    width, height = size[0] * sample_ratio, Fraction(size[1])
    return (height, width) if rotation % 180 else (width, height)


def crop_ratio(crop: str | None) -> Fraction | None:
    """Width by height of a ratio such as ``9:16``."""
    if crop is None:
        return None
    width, height = crop.split(":")
    return Fraction(width) / Fraction(height)


def cropped_size(size: tuple[Fraction, Fraction], ratio: Fraction | None) -> tuple[Fraction, Fraction]:
    """The largest size of a ratio (width by height) within a size."""
    width, height = size
    return (width, height) if ratio is None else (min(width, height * ratio), min(height, width / ratio))


def even(side: float | Fraction) -> int:
    """The even number of pixels next to a length, at least 2."""
    return max(round(side / 2) * 2, 2)


def _matrix(frame: VideoFrame) -> int | None:
    """How colours become brightness and colour differences; None: as the frame says."""
    if frame.colorspace not in (_UNTAGGED, _RGB) or frame.format.is_rgb:
        return None
    return Colorspace.ITU709 if frame.height >= _HD_LINES else Colorspace.ITU601


def _value_range(frame: VideoFrame) -> int:
    """Whether values go from 0 to 255, or from 16 to 235, as where a frame does not tell."""
    full = frame.color_range == ColorRange.JPEG or frame.format.is_rgb or frame.format.name.startswith("yuvj")
    return ColorRange.JPEG if full else ColorRange.MPEG


def _paste(target: Plane, plane: Plane, width: int, height: int) -> None:
    """Put the middle of a plane, so much of it, into the middle of another one."""
    rows, columns = _middle(target.shape[0], height), _middle(target.shape[1], width)
    target[rows, columns] = plane[_middle(plane.shape[0], height), _middle(plane.shape[1], width)]


def _middle(of: int, length: int) -> slice:
    begin = (of - length) // 2
    return slice(begin, begin + length)
