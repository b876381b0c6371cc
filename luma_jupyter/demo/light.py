"""The light and the style of a film: how a picture looks in another light, as if drawn, or on old film."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from luma_jupyter.demo.palette import Colour, Look

LEAST, MOST = 0.3, 1.5  # of the brightness that a picture has, in each of its channels
SHARES = np.array([0.35, 0.35, 0.15, 0.15])  # of sky, horizon, light and ground in the light that they give
GREY = (0.299, 0.587, 0.114)  # BT.601


class Light:
    """The light of colours, four of each, on pictures; what is dark enough stays: it can be lit again and again.

    ``tint`` changes each channel besides.
    """

    def __init__(self, colours: Sequence[Colour], tint: Colour) -> None:
        self._target = SHARES @ np.mean(colours, axis=0) if colours else None
        self._channels = self._tint = tint

    def look_at(self, picture: Image.Image) -> Light:
        """Make up how to light this picture, and those that follow it."""
        if self._target is not None:
            mean = np.asarray(picture.resize((1, 1), Image.Resampling.BOX), float)[0, 0].clip(8, 255)
            self._channels = (self._tint * (self._target.clip(8, 255) / mean) ** 0.8).clip(LEAST, MOST)
        return self

    def on(self, picture: Image.Image, strength: float) -> Image.Image:
        """A picture in this light; ``strength`` 0..1."""
        if strength <= 0 or np.allclose(self._channels, 1):
            return picture
        gains = 1 + (self._channels - 1) * strength
        levels = np.outer(gains, np.arange(256)).round().clip(0, 255).astype(int)
        return picture.point(levels.ravel().tolist())


class Repaint:
    """A picture in the colours of a look, by how bright each place is: shapes and motion stay."""

    def __init__(self, look: Look) -> None:
        steps = np.array([look.ground * 0.8, look.sky, (look.sky + look.horizon) / 2, look.light])
        self._tables = [
            [round(value) for value in np.interp(range(256), (0, 100, 165, 245), steps[:, channel])]
            for channel in range(3)
        ]

    def paint(self, picture: Image.Image, strength: float) -> Image.Image:
        """A picture in these colours; ``strength`` 0..1."""
        grey = picture.convert("L")
        painted = Image.merge("RGB", [grey.point(table) for table in self._tables])
        return Image.blend(picture, painted, strength)


def in_style(picture: Image.Image, styles: Sequence[str], strength: float = 1.0) -> Image.Image:
    """A picture in the styles that a prompt names."""
    if strength <= 0:
        return picture
    changed = picture
    for style in styles:
        changed = _STYLES[style](changed)
    return changed if strength >= 1 else Image.blend(picture, changed, strength)


def _monochrome(picture: Image.Image) -> Image.Image:
    grey = picture.convert("L").point([min(255, max(0, round(1.25 * level - 24))) for level in range(256)])
    return Image.merge("RGB", [grey] * 3)


def _vintage(picture: Image.Image) -> Image.Image:
    red, green, blue = GREY
    rows = ((1.18, 12), (0.98, 8), (0.72, 10))
    return picture.convert(
        "RGB", tuple(x for gain, base in rows for x in (gain * red, gain * green, gain * blue, base))
    )


def _watercolour(picture: Image.Image) -> Image.Image:
    small = picture.reduce(7).filter(ImageFilter.MedianFilter(3))
    lighter = small.point([round(70 + level * 185 / 255) for level in range(256)] * 3)
    return ImageChops.multiply(lighter.resize(picture.size, Image.Resampling.BILINEAR), _paper(picture.size))


def _cartoon(picture: Image.Image) -> Image.Image:
    """Few colours, and a line around each."""
    flat = picture.point([level // 32 * 32 + 16 for level in range(256)] * 3)
    half = picture.convert("L").reduce(2)
    edges = half.filter(ImageFilter.FIND_EDGES).point([0 if level < 26 else 120 for level in range(256)])
    inside = edges.crop((1, 1, edges.width - 1, edges.height - 1)).resize(picture.size, Image.Resampling.BILINEAR)
    flat.paste(Image.new("RGB", flat.size, (16, 16, 24)), (0, 0), inside)
    return flat


def _pastel(picture: Image.Image) -> Image.Image:
    return picture.point([round(96 + level * 150 / 255) for level in range(256)] * 3)


def _vivid(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Color(picture).enhance(1.9)


_STYLES = {
    "black and white": _monochrome,
    "vintage": _vintage,
    "watercolour": _watercolour,
    "cartoon": _cartoon,
    "pastel": _pastel,
    "vivid": _vivid,
}


@cache
def _paper(size: tuple[int, int]) -> Image.Image:
    """The grain of paper, the same for all."""
    grain = np.random.default_rng(7).integers(222, 256, (size[1] // 2 + 1, size[0] // 2 + 1), dtype=np.uint8)
    large = Image.fromarray(grain).resize(size, Image.Resampling.BILINEAR)
    return Image.merge("RGB", [large] * 3)
