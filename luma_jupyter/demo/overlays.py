"""Text on frames: the prompt as a caption, the SIMULATED label, a watermark.

Each is drawn once per film, as an `Overlay` that costs a fraction of a millisecond to stamp on a frame. Characters that
none of this machine's fonts can draw are left out rather than shown as empty boxes.
"""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from luma_jupyter.video.codec import Pixels
from luma_jupyter.video.fonts import default_font, font_for, wrapped

MAX_CHARACTERS = 400
CAPTION_FONT_SIZES = (0.062, 0.05, 0.042, 0.036)  # of the shorter side, largest first


class Overlay:
    """An RGBA image at a fixed place, ready to be stamped on frames of a size, which cut off what is outside of them.

    `ink` is its colour multiplied by its alpha.
    """

    def __init__(self, image: Image.Image, left: int, top: int, size: tuple[int, int]) -> None:
        left, top = max(left, 0), max(top, 0)
        pixels = np.asarray(image).astype(np.float32)[: max(size[1] - top, 0), : max(size[0] - left, 0)]
        self.region = slice(top, top + pixels.shape[0]), slice(left, left + pixels.shape[1])
        self.alpha = np.repeat(pixels[..., 3:] / 255, 3, axis=2)
        self.ink = pixels[..., :3] * self.alpha

    def stamp(self, frame: Pixels, strength: float = 1.0) -> None:
        """Draw it on a frame, in place; strength 0..1 fades it."""
        if strength > 0:
            part = frame[self.region]
            part[:] = part + np.float32(strength) * (self.ink - part * self.alpha)


def caption(text: str, size: tuple[int, int]) -> Overlay:
    """Return the prompt on a darkened band along the upper edge, where no player has its buttons, left of the label.

    Long ones get smaller letters, then an ellipsis.
    """
    width, _ = size
    margin = round(0.03 * width) + 6
    room = simulated_label(size).region[1].start - 2 * margin
    base_font, text = font_for(" ".join(text.split())[:MAX_CHARACTERS])
    max_lines = 0
    for font_size in CAPTION_FONT_SIZES:
        font = base_font.font_variant(size=max(round(font_size * min(size)), 9))
        line_height = round(1.28 * font.size)
        lines = list(wrapped(text, font, room))
        max_lines = max(int(0.72 * caption_height(size)) // line_height, 1)
        if len(lines) <= max_lines:
            break
    else:
        lines = [*lines[: max_lines - 1], lines[max_lines - 1].rstrip(" .,") + "…"]
    band_height = min(round(line_height * (len(lines) + 0.9)), caption_height(size))
    gradient = (175 * np.linspace(1, 0, band_height) ** 0.6).astype(np.uint8)
    image = Image.new("RGBA", (width, band_height))
    image.putalpha(Image.fromarray(np.repeat(gradient[:, None], width, axis=1)))
    draw = ImageDraw.Draw(image)
    top = round(0.3 * line_height)
    for line in lines:
        draw.text((margin + 1, top + 1), line, font=font, fill="black")
        draw.text((margin, top), line, font=font, fill="white")
        top += line_height
    return Overlay(image, 0, 0, size)


def caption_height(size: tuple[int, int]) -> int:
    """Return the height in pixels of the band that a caption may cover."""
    return max(round(0.16 * size[1] + 0.08 * min(size)), 1)


@lru_cache(maxsize=16)
def simulated_label(size: tuple[int, int]) -> Overlay:
    """Return the word SIMULATED on a dark plate in the upper right corner."""
    font = default_font().font_variant(size=max(round(0.042 * min(size)), 9))
    padding = round(0.35 * font.size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox("SIMULATED"))
    plate = Image.new("RGBA", (right - left + 4 * padding, bottom - top + 2 * padding))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), padding, fill=(0, 0, 0, 150))
    draw.text((2 * padding - left, padding - top), "SIMULATED", font=font, fill=(255, 255, 255, 235))
    return Overlay(plate, size[0] - plate.width - 2 * padding, 2 * padding, size)


def without_label(picture: Image.Image) -> Image.Image:
    """Return a picture without the SIMULATED label of this service's frames, which would show beside the new one."""
    label = simulated_label(picture.size)
    rows, columns = label.region
    part = np.asarray(picture)[label.region].mean(axis=2)
    letters = (label.ink.min(axis=2) > 180) & (label.alpha[..., 0] > 0.8)
    ground = (label.ink.max(axis=2) < 5) & (label.alpha[..., 0] > 0.5)
    if not letters.any() or part[letters].mean() < part[ground].mean() + 50:
        return picture
    height, around = rows.stop - rows.start, 2
    box = (columns.start - around, rows.stop + around, columns.stop + around, rows.stop + 2 * around + height)
    cleaned = picture.copy()
    cleaned.paste(ImageOps.flip(picture.crop(box)), (columns.start - around, rows.start - around))
    return cleaned


def watermark(text: str, size: tuple[int, int]) -> Overlay:
    """Return large translucent letters across the middle."""
    base_font, text = font_for(text[:MAX_CHARACTERS])
    size_to_fit = 0.8 * size[0] / max(base_font.getlength(text), 1) * base_font.size
    font = base_font.font_variant(size=max(round(min(size_to_fit, 0.16 * min(size))), 8))
    image = Image.new("RGBA", (size[0], round(1.6 * font.size)))
    ImageDraw.Draw(image).text((size[0] / 2, image.height / 2), text, font=font, fill=(255, 255, 255, 120), anchor="mm")
    return Overlay(image, 0, (size[1] - image.height) // 2, size)
