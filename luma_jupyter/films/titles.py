"""Titles over the beginnings of parts: white letters on a dark band across the middle, which come and go softly."""

from __future__ import annotations

import unicodedata
from fractions import Fraction
from typing import Any

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.films.plan import Place
from luma_jupyter.films.planes import planes
from luma_jupyter.video.fonts import font_for, wrapped

_SECONDS, _FADE = 4, Fraction(1, 2)  # for how long a title is seen, and in which time it comes and goes
_FONT_SIZES = (0.11, 0.085, 0.065, 0.05, 0.04)  # of the shorter side, the largest first
_BAND_SHARE = 0.5  # of the height, at most
_ROOM = 0.88  # of the width, for letters
_LINE = 1.25  # of the font's size
_BAND_ALPHA = 110  # of 255
_WHITE, _GREY = 235, 128  # of brightness in limited range, and of both colours


class Title:
    """A title of a part, drawn once for all of its frames."""

    def __init__(self, text: str, size: tuple[int, int], place: Place) -> None:
        self._begin, self._end = _seconds_seen(place)
        self._fade = min(_FADE, (self._end - self._begin) / 3)
        band = _band(text, size)
        top = (size[1] - band.height) // 4 * 2
        letters, alpha = (np.asarray(band.getchannel(name)).astype(np.float32) / 255 for name in ("L", "A"))
        black = 16
        ink = (black + (_WHITE - black) * letters) * alpha
        halved = alpha.reshape(alpha.shape[0] // 2, 2, alpha.shape[1] // 2, 2).mean(axis=(1, 3))
        rows, half_rows = slice(top, top + band.height), slice(top // 2, (top + band.height) // 2)
        colour = (half_rows, halved, _GREY * halved)
        self._planes: tuple[tuple[slice, NDArray[np.floating[Any]], NDArray[np.floating[Any]]], ...] = (
            (rows, alpha, ink),
            colour,
            colour,
        )

    def drawn_on(self, frame: VideoFrame, at: Fraction) -> VideoFrame:
        """The frame that is shown so many seconds after the part's first one, with the title; without it, the same."""
        nearest = min(at - self._begin, self._end - at)  # to its coming or going
        strength = np.float32(min(max(nearest / self._fade, Fraction(0)), Fraction(1)))
        if not strength:
            return frame
        result = VideoFrame(frame.width, frame.height, "yuv420p")
        for target, plane, (rows, alpha, ink) in zip(planes(result), planes(frame), self._planes, strict=True):
            target[:] = plane
            part = target[rows]
            part[:] = part + strength * (ink - part * alpha) + np.float32(0.5)
        return result


def check_title(text: str) -> None:
    """Refuse a title with letters or signs that no font of this machine has. Raises InvalidRequest."""
    _, drawn = font_for(_in_a_line(text), everywhere=True)
    missing = [one for one in dict.fromkeys(text) if one not in drawn and unicodedata.category(one)[0] not in "CMZ"]
    if missing:
        signs = " ".join(missing[:5])
        raise InvalidRequest(
            f"No font of this machine has {signs} in the title {shown(text)}: leave that out, or "
            "install a font for it, such as Noto Sans CJK for Chinese, Japanese and Korean."
        )


def _in_a_line(text: str) -> str:
    return " ".join(text.split())


def _seconds_seen(place: Place) -> tuple[Fraction, Fraction]:
    """From when to when a title is seen, in seconds of its part: between the transitions, where there is time."""
    begin, end = place.fade_in, place.length - place.fade_out
    if end - begin < place.length / 2:
        begin, end = Fraction(0), place.length
    return begin, min(end, begin + _SECONDS)


def _band(text: str, size: tuple[int, int]) -> Image.Image:
    """The band with its letters (LA), as wide as the film; of even height."""
    base_font, text = font_for(_in_a_line(text), everywhere=True)
    width, height = size
    for share in _FONT_SIZES:
        font = base_font.font_variant(size=max(round(share * min(size)), 6))
        lines = list(wrapped(text, font, round(_ROOM * width)))
        line_height = round(_LINE * font.size)
        if line_height * (len(lines) + 1) <= _BAND_SHARE * height:
            break
    most = max(int(_BAND_SHARE * height) // line_height - 1, 1)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    band_height = min(line_height * (len(lines) + 1), height) // 2 * 2
    band = Image.new("LA", (width, band_height), (0, _BAND_ALPHA))
    draw = ImageDraw.Draw(band)
    middle = band_height / 2 - line_height * (len(lines) - 1) / 2
    for number, line in enumerate(lines):
        draw.text((width / 2, middle + number * line_height), line, font=font, fill=(255, 255), anchor="mm")
    return band
