"""Contact sheets: clips as labelled pictures on white paper, as wide as A4 at 200 dots per inch."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps
from PIL.ImageFont import FreeTypeFont

from luma_jupyter.domain.values import as_python
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.films.excerpts import Excerpt, pictures, read_video
from luma_jupyter.video.appearance import as_seen
from luma_jupyter.video.fonts import font_for

_WIDTH, _LONGEST = 1654, 2339  # pixels: of A4; a sheet is longer only where there are more clips than columns help
_MARGIN, _GAP, _ROOM = 60, 36, 12  # around the sheet, between tiles, and between a picture and its text
_MOST_COLUMNS = 6  # that are chosen; more only where they are asked for
_COLUMNS = 12
_RATIOS = (0.5625, 1.25)  # height by width of the room for pictures, the least and the most
_NAME_SIZE, _PROMPT_SIZE = 30, 24  # pixels, which are 11 and 9 points
_LINE = 1.3  # of the font's size
_PROMPT_LINES = 3
_PAPER, _INK, _SOFT_INK, _GREY = "white", "#111111", "#444444", "#d8d8d8"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCell:
    """A clip on a contact sheet: its picture, or the video that has it; None where there is neither.

    ``length`` is in seconds, None where it is not known.
    """

    name: str
    prompt: str
    length: float | None = None
    picture: Image.Image | Path | None = None


def contact_sheet(cells: Sequence[SheetCell], columns: int | None = None) -> Image.Image:
    """The clips on one sheet, an RGB image of 1654 pixels' width; without ``columns``, so many as fill a page best.

    Of a video, the frame in its middle is shown; one that is missing or cannot be read is a grey tile that says so.
    Raises InvalidRequest for no clips, and for columns that cannot be.
    """
    if not cells:
        raise InvalidRequest("There are no clips for a contact sheet.")
    columns = as_python(columns)
    if columns is not None and not (type(columns) is int and 0 < columns <= _COLUMNS):
        raise InvalidRequest(f"columns is a whole number from 1 to {_COLUMNS}, not {shown(columns)}.")
    side = _tile_width(columns or min(math.isqrt(len(cells)), _MOST_COLUMNS))
    found = [_picture(cell.picture, side) for cell in cells]
    layouts = [_Layout(found, number) for number in ([columns] if columns else range(1, _MOST_COLUMNS + 1))]
    layout = next((layout for layout in layouts if layout.height <= _LONGEST), layouts[-1])
    sheet = Image.new("RGB", (_WIDTH, layout.height), _PAPER)
    for cell, picture, room in zip(cells, found, layout.rooms, strict=True):
        _draw_tile(sheet, room, cell, picture)
    return sheet


# Where things are.


class _Layout:
    """Where so many columns of tiles are: ``rooms`` are those for pictures (left, top, right, bottom), in pixels.

    The rooms of a row are as high as its highest picture needs, within limits.
    """

    def __init__(self, found: Sequence[Image.Image | str], columns: int) -> None:
        self.rooms: list[tuple[int, int, int, int]] = []
        width, top = _tile_width(columns), _MARGIN
        for first in range(0, len(found), columns):
            row = found[first : first + columns]
            ratio = max(
                [_RATIOS[0], *(picture.height / picture.width for picture in row if not isinstance(picture, str))]
            )
            bottom = top + round(width * min(ratio, _RATIOS[1]))
            lefts = (_MARGIN + number * (width + _GAP) for number in range(len(row)))
            self.rooms += [(left, top, left + width, bottom) for left in lefts]
            top = bottom + _ROOM + round(_LINE * (_NAME_SIZE + _PROMPT_LINES * _PROMPT_SIZE)) + _GAP
        self.height = top - _GAP + _MARGIN


def _tile_width(columns: int) -> int:
    return (_WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) // columns


# What is there.


def _picture(picture: Image.Image | Path | None, side: int) -> Image.Image | str:
    """A picture of about ``side`` pixels in width, or why there is none."""
    if picture is None:
        return "no video"
    if isinstance(picture, Path):
        if not picture.is_file():
            return "the video is missing"
        try:
            picture = _middle(picture)
        except InvalidRequest:
            return "the video cannot be read"
    scale = min(1, side / picture.width)
    size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
    return as_seen(picture)[0].convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _middle(path: Path) -> Image.Image:
    """The frame in the middle of a video."""
    video = read_video(path)
    excerpt = Excerpt(video=video, start=video.length / 2, length=1 / video.rate, size=video.size, rate=video.rate)
    return Image.fromarray(next(pictures(excerpt, "rgb24")).to_ndarray())


# How it is drawn.


def _draw_tile(
    sheet: Image.Image, room: tuple[int, int, int, int], cell: SheetCell, picture: Image.Image | str
) -> None:
    draw = ImageDraw.Draw(sheet)
    left, top, right, bottom = room
    width, height = right - left, bottom - top
    if isinstance(picture, str):
        draw.rectangle((left, top, right - 1, bottom - 1), fill=_GREY)
        font, _ = _font(picture, _PROMPT_SIZE)
        words = "\n".join(_lines(picture, font, width, _PROMPT_LINES))
        draw.text((left + width / 2, top + height / 2), words, _SOFT_INK, font, anchor="mm", align="center")
    else:
        fitted = ImageOps.contain(picture, (width, height))
        sheet.paste(fitted, (left + (width - fitted.width) // 2, bottom - fitted.height))
    baseline = bottom + _ROOM + _NAME_SIZE
    length = "" if cell.length is None else f"{cell.length:.1f} s"
    font, _ = _font(length, _PROMPT_SIZE)
    draw.text((right, baseline), length, _SOFT_INK, font, anchor="rs")
    font, name = _font(cell.name, _NAME_SIZE)
    free = width - round(draw.textlength(f"{length} ", font))
    draw.text((left, baseline), "".join(_lines(name, font, free, 1)), _INK, font, anchor="ls")
    font, prompt = _font(cell.prompt, _PROMPT_SIZE)
    for line in _lines(prompt, font, width, _PROMPT_LINES):
        baseline += round(_LINE * _PROMPT_SIZE)
        draw.text((left, baseline), line, _SOFT_INK, font, anchor="ls")


def _font(text: str, size: int) -> tuple[FreeTypeFont, str]:
    """A font of a size that can draw a text, and what it can draw of it, in one line."""
    font, drawable = font_for(" ".join(text.split()))
    return font.font_variant(size=size), drawable


def _lines(text: str, font: FreeTypeFont, width: int, most: int) -> list[str]:
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
