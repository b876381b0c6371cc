"""Text on frames: the prompt as a caption, the SIMULATED mark, a watermark.

Each is drawn once per film, as an `Overlay` that costs a fraction of a millisecond to stamp on a frame. Pillow's own
font draws Latin; for anything else the usual font files of Linux, macOS and Windows are tried, and what none of them
can draw is left out rather than shown as empty boxes.
"""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from luma_jupyter.demo.scene import Array

FONT_FILES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "segoeui.ttf",
)
UNDRAWABLE = "(this machine has no font for the prompt's script)"
LONGEST = 400


class Overlay:
    """An RGBA image at a fixed place, ready to be stamped on frames."""

    def __init__(self, image: Image.Image, left: int, top: int) -> None:
        self.place = slice(top, top + image.height), slice(left, left + image.width)
        pixels = np.asarray(image).astype(np.float32)
        self.alpha = pixels[..., 3:] / 255
        self.ink = pixels[..., :3] * self.alpha

    def stamp(self, frame: Array, strength: float = 1.0) -> None:
        """Draw it on a frame, in place; strength 0..1 fades it."""
        part = frame[self.place]
        part += strength * (self.ink - part * self.alpha)


def caption(text: str, size: tuple[int, int]) -> Overlay:
    """The prompt over a darkened band along the bottom edge; long ones get smaller letters, then an ellipsis."""
    width, height = size
    band, margin = caption_height(size), round(0.03 * width) + 6
    family, text = _drawable(" ".join(text.split())[:LONGEST])
    for letter in (0.062, 0.05, 0.042, 0.036):
        font = family.font_variant(size=max(round(letter * min(size)), 9))
        step = round(1.28 * font.size)
        lines, room = list(_wrap(text, font, width - 2 * margin)), int(0.72 * band) // step
        if len(lines) <= room:
            break
    else:
        lines = [*lines[: room - 1], lines[room - 1].rstrip(" .,") + "…"]
    ramp = 175 * np.linspace(0, 1, band) ** 0.6
    shade = Image.fromarray(np.repeat(ramp.astype(np.uint8)[:, None], width, axis=1))
    image = Image.new("RGBA", (width, band))
    image.putalpha(shade)
    draw, top = ImageDraw.Draw(image), band - step * len(lines) - round(0.1 * band)
    for line in lines:
        draw.text((margin + 1, top + 1), line, font=font, fill="black")
        draw.text((margin, top), line, font=font, fill="white")
        top += step
    return Overlay(image, 0, height - band)


def caption_height(size: tuple[int, int]) -> int:
    """Height in pixels of the band that a caption may cover."""
    return round(0.16 * size[1] + 0.08 * min(size))


def mark(size: tuple[int, int]) -> Overlay:
    """The word SIMULATED on a dark plate in the upper right corner."""
    font = next(_fonts()).font_variant(size=max(round(0.042 * min(size)), 9))
    pad = round(0.35 * font.size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox("SIMULATED"))
    plate = Image.new("RGBA", (right - left + 4 * pad, bottom - top + 2 * pad))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), pad, fill=(0, 0, 0, 150))
    draw.text((2 * pad - left, pad - top), "SIMULATED", font=font, fill=(255, 255, 255, 235))
    return Overlay(plate, size[0] - plate.width - 2 * pad, 2 * pad)


def watermark(text: str, size: tuple[int, int]) -> Overlay:
    """Large translucent letters across the middle."""
    family, text = _drawable(text[:LONGEST])
    fitting = 0.8 * size[0] / max(family.getlength(text), 1) * family.size
    font = family.font_variant(size=max(round(min(fitting, 0.16 * min(size))), 8))
    image = Image.new("RGBA", (size[0], round(1.6 * font.size)))
    ImageDraw.Draw(image).text((size[0] / 2, image.height / 2), text, font=font, fill=(255, 255, 255, 120), anchor="mm")
    return Overlay(image, 0, (size[1] - image.height) // 2)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    while text:
        fits = max(bisect_right(range(len(text) + 1), width, key=lambda n: round(font.getlength(text[:n]))) - 1, 1)
        space = text.rfind(" ", 0, fits + 1) if fits < len(text) else -1
        end = space if space > 0 else fits
        yield text[:end].strip()
        text = text[end:].lstrip()


def _drawable(text: str) -> tuple[ImageFont.FreeTypeFont, str]:
    """The font that can draw most of the text, and the text without what that font cannot draw."""

    def coverage(font: ImageFont.FreeTypeFont) -> str:
        missing = bytes(font.getmask("\uffff"))
        return "".join(c for c in text if c == " " or bytes(font.getmask(c)) != missing)

    covered = []
    for font in _fonts():
        covered.append((font, coverage(font)))
        if covered[-1][1] == text:
            break
    font, drawable = max(covered, key=lambda pair: len(pair[1]))
    return font, drawable if drawable.strip() or not text else UNDRAWABLE


def _fonts() -> Iterator[ImageFont.FreeTypeFont]:
    default = ImageFont.load_default(20)
    assert isinstance(default, ImageFont.FreeTypeFont)
    yield default
    for file in FONT_FILES:
        with suppress(OSError):
            yield ImageFont.truetype(file, 20)
