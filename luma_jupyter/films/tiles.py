"""What tiles are made of on pictures of many clips: the pictures, and lines of text that fit."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageOps
from PIL.ImageFont import FreeTypeFont

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.films.excerpts import Excerpt, pictures, read_video
from luma_jupyter.languages import gettext as _
from luma_jupyter.video.appearance import as_seen
from luma_jupyter.video.fonts import font_for

LINE = 1.3  # of the font's size
MOST_LINES = 3  # that say why there is no picture
PAPER, INK, SOFT_INK, GREY = "white", "#111111", "#444444", "#d8d8d8"

Room: TypeAlias = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


def tile_picture(picture: Image.Image | Path | None, side: int) -> Image.Image | str:
    """A picture of about ``side`` pixels in width, or why there is none."""
    if picture is None:
        return _("no video")
    if isinstance(picture, Path):
        if not picture.is_file():
            return _("the video is missing")
        try:
            picture = _middle(picture)
        except InvalidRequest:
            return _("the video cannot be read")
    scale = min(1, side / picture.width)
    size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
    return as_seen(picture)[0].convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _middle(path: Path) -> Image.Image:
    """The frame in the middle of a video."""
    video = read_video(path)
    excerpt = Excerpt(video=video, start=video.length / 2, length=1 / video.rate, size=video.size, rate=video.rate)
    return Image.fromarray(next(pictures(excerpt, "rgb24")).to_ndarray())


def draw_picture(sheet: Image.Image, room: Room, picture: Image.Image | str, size: int) -> None:
    """Put a picture at the lower edge of a room; or words of a font size in grey, which say why there is none."""
    left, top, right, bottom = room
    width, height = right - left, bottom - top
    if isinstance(picture, str):
        draw = ImageDraw.Draw(sheet)
        draw.rectangle((left, top, right - 1, bottom - 1), fill=GREY)
        font, words = sized_font(picture, size)
        lines = "\n".join(fitted_lines(words, font, width, MOST_LINES))
        draw.text((left + width / 2, top + height / 2), lines, SOFT_INK, font, anchor="mm", align="center")
    else:
        fitted = ImageOps.contain(picture, (width, height))
        sheet.paste(fitted, (left + (width - fitted.width) // 2, bottom - fitted.height))


def sized_font(text: str, size: int) -> tuple[FreeTypeFont, str]:
    """A font of a size that can draw a text, and what it can draw of it, in one line."""
    font, drawable = font_for(" ".join(text.split()))
    return font.font_variant(size=size), drawable


def fitted_lines(text: str, font: FreeTypeFont, width: int, most: int) -> list[str]:
    """A text in so many lines of a width in pixels; what is left over is an ellipsis."""
    lines: list[str] = []
    while text:
        whole = _fitting(text, font, width)
        if whole == len(text) or len(lines) + 1 < most:
            space = text.rfind(" ", 0, whole + 1) if whole < len(text) else -1
            whole = space if space > 0 else whole
            lines.append(text[:whole].strip())
            text = text[whole:].lstrip()
        else:
            shortened = text[: max(_fitting(text, font, width - round(font.getlength("…"))), 1)]
            return [*lines, f"{shortened.rstrip()}…"]
    return lines


def _fitting(text: str, font: FreeTypeFont, width: int) -> int:
    """How many characters of a text have room in a width, at least one."""
    longest = bisect_right(range(len(text) + 1), width, key=lambda count: round(font.getlength(text[:count])))
    return max(longest - 1, 1)
