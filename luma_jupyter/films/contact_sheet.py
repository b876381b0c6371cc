"""Contact sheets: clips as labelled pictures on white paper, as wide as A4 at 200 dots per inch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from luma_jupyter.domain.values import as_python
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.films.tiles import (
    INK,
    LINE,
    PAPER,
    SOFT_INK,
    Room,
    draw_picture,
    fitted_lines,
    sized_font,
    tile_picture,
)

_WIDTH, _LONGEST = 1654, 2339  # pixels: of A4; a sheet is longer only where there are more clips than columns help
_MARGIN, _GAP, _ROOM = 60, 36, 12  # around the sheet, between tiles, and between a picture and its text
_MOST_COLUMNS = 6  # that are chosen; more only where they are asked for
_COLUMNS = 12
_RATIOS = (0.5625, 1.25)  # height by width of the room for pictures, the least and the most
_NAME_SIZE, _PROMPT_SIZE = 30, 24  # pixels, which are 11 and 9 points
_PROMPT_LINES = 3


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
        raise InvalidRequest(f"columns must be a whole number from 1 to {_COLUMNS}, not {shown(columns)}.")
    side = _tile_width(columns or min(math.isqrt(len(cells)), _MOST_COLUMNS))
    found = [tile_picture(cell.picture, side) for cell in cells]
    layouts = [_Layout(found, number) for number in ([columns] if columns else range(1, _MOST_COLUMNS + 1))]
    layout = next((layout for layout in layouts if layout.height <= _LONGEST), layouts[-1])
    sheet = Image.new("RGB", (_WIDTH, layout.height), PAPER)
    for cell, picture, room in zip(cells, found, layout.rooms, strict=True):
        _draw_tile(sheet, room, cell, picture)
    return sheet


# Where things are.


class _Layout:
    """Where so many columns of tiles are: ``rooms`` are those for pictures (left, top, right, bottom), in pixels.

    The rooms of a row are as high as its highest picture needs, within limits.
    """

    def __init__(self, found: Sequence[Image.Image | str], columns: int) -> None:
        self.rooms: list[Room] = []
        width, top = _tile_width(columns), _MARGIN
        for first in range(0, len(found), columns):
            row = found[first : first + columns]
            ratio = max(
                [_RATIOS[0], *(picture.height / picture.width for picture in row if not isinstance(picture, str))]
            )
            bottom = top + round(width * min(ratio, _RATIOS[1]))
            lefts = (_MARGIN + number * (width + _GAP) for number in range(len(row)))
            self.rooms += [(left, top, left + width, bottom) for left in lefts]
            top = bottom + _ROOM + round(LINE * (_NAME_SIZE + _PROMPT_LINES * _PROMPT_SIZE)) + _GAP
        self.height = top - _GAP + _MARGIN


def _tile_width(columns: int) -> int:
    return (_WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) // columns


# How it is drawn.


def _draw_tile(sheet: Image.Image, room: Room, cell: SheetCell, picture: Image.Image | str) -> None:
    draw = ImageDraw.Draw(sheet)
    draw_picture(sheet, room, picture, _PROMPT_SIZE)
    left, _, right, bottom = room
    width = right - left
    baseline = bottom + _ROOM + _NAME_SIZE
    length = "" if cell.length is None else f"{cell.length:.1f} s"
    font, _ = sized_font(length, _PROMPT_SIZE)
    draw.text((right, baseline), length, SOFT_INK, font, anchor="rs")
    font, name = sized_font(cell.name, _NAME_SIZE)
    free = width - round(draw.textlength(f"{length} ", font))
    draw.text((left, baseline), "".join(fitted_lines(name, font, free, 1)), INK, font, anchor="ls")
    font, prompt = sized_font(cell.prompt, _PROMPT_SIZE)
    for line in fitted_lines(prompt, font, width, _PROMPT_LINES):
        baseline += round(LINE * _PROMPT_SIZE)
        draw.text((left, baseline), line, SOFT_INK, font, anchor="ls")
