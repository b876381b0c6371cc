"""Labelled sheets: clips as a table of pictures, with labels of its rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

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

_WIDEST, _WIDE, _NARROW = 3600, 360, 160  # pixels: of all tiles together, and of a tile the most and the least
_RATIOS = (0.5625, 1.25)  # height by width of the room for pictures, the least and the most
_MARGIN, _GAP, _ROWS = 30, 12, 240  # around the sheet, between tiles, and the labels of rows
_LABEL_SIZE, _WORDS_SIZE, _LABEL_LINES = 26, 20, 4


@dataclass(frozen=True, slots=True)
class LabelledTile:
    """A clip on the sheet: its video, None where there is none, and then ``words`` on that; ``caption`` is below it."""

    video: Path | None
    words: str = ""
    caption: str = ""


def labelled_sheet(
    rows: Sequence[str], columns: Sequence[str], tiles: Mapping[tuple[int, int], LabelledTile]
) -> Image.Image:
    """The sheet as an RGB image; labels that have no room are shortened, and where all are empty they have none.

    Of a video the frame in its middle is shown. A cell without a tile stays empty.
    """
    width = max(_NARROW, min(_WIDE, _WIDEST // len(columns)))
    found = {cell: _picture(tile, width) for cell, tile in tiles.items()}
    left = _MARGIN + (_ROWS + _GAP if any(rows) else 0)
    top = _MARGIN + (_height(columns, width) + _GAP if any(columns) else 0)
    caption = round(LINE * _WORDS_SIZE) if any(tile.caption for tile in tiles.values()) else 0
    heights = [_row_height(found, row, width) for row in range(len(rows))]
    tops = [top + sum(heights[:row]) + row * (_GAP + caption) for row in range(len(rows))]
    right = left + len(columns) * (width + _GAP) - _GAP + _MARGIN
    sheet = Image.new("RGB", (right, tops[-1] + heights[-1] + caption + _MARGIN), PAPER)
    for column, label in enumerate(columns):
        at = left + column * (width + _GAP)
        _draw_label(sheet, label, (at, _MARGIN, at + width, top - _GAP), "md")
    for row, label in enumerate(rows):
        _draw_label(sheet, label, (_MARGIN, tops[row], left - _GAP, tops[row] + heights[row]), "lm")
    for (row, column), tile in tiles.items():
        at = left + column * (width + _GAP)
        room = (at, tops[row], at + width, tops[row] + heights[row])
        draw_picture(sheet, room, found[row, column], _WORDS_SIZE)
        _draw_caption(sheet, tile.caption, room)
    return sheet


def _picture(tile: LabelledTile, width: int) -> Image.Image | str:
    return tile.words if tile.words and not tile.video else tile_picture(tile.video, width)


def _row_height(found: Mapping[tuple[int, int], Image.Image | str], row: int, width: int) -> int:
    pictures = [picture for (place, _), picture in found.items() if place == row and not isinstance(picture, str)]
    ratio = max([_RATIOS[0], *(picture.height / picture.width for picture in pictures)])
    return round(width * min(ratio, _RATIOS[1]))


def _height(labels: Sequence[str], width: int) -> int:
    """How high the labels of columns are."""
    return round(LINE * _LABEL_SIZE * max(len(_lines(label, width)) for label in labels))


def _lines(label: str, width: int) -> list[str]:
    font, drawable = sized_font(label, _LABEL_SIZE)
    return fitted_lines(drawable, font, width, _LABEL_LINES)


def _draw_label(sheet: Image.Image, label: str, room: Room, anchor: str) -> None:
    """A label in a room: ``lm`` at the left and in the middle, ``md`` in the middle and at the lower edge."""
    left, top, right, bottom = room
    font, _ = sized_font(label, _LABEL_SIZE)
    words = "\n".join(_lines(label, right - left))
    place = (left, (top + bottom) / 2) if anchor == "lm" else ((left + right) / 2, bottom)
    align = "left" if anchor == "lm" else "center"
    ImageDraw.Draw(sheet).text(place, words, INK, font, anchor=anchor, align=align)


def _draw_caption(sheet: Image.Image, caption: str, room: Room) -> None:
    left, _, right, bottom = room
    font, words = sized_font(caption, _WORDS_SIZE)
    line = "".join(fitted_lines(words, font, right - left, 1))
    ImageDraw.Draw(sheet).text((left, bottom + _WORDS_SIZE), line, SOFT_INK, font, anchor="ls")
