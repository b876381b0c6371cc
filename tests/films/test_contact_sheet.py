"""Contact sheets: a tile for each clip, with its picture and its words, within a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.films.contact_sheet import SheetCell, contact_sheet
from tests.support.sounds import write_film

A4 = 297 / 210


def cell(name: str = "storm", prompt: str = "A storm over the sea", **more: Any) -> SheetCell:
    """A clip, with a picture of one colour where nothing else is said."""
    return SheetCell(name=name, prompt=prompt, **{"picture": Image.new("RGB", (160, 90), "red"), **more})


def has_colour(sheet: Image.Image, colour: tuple[int, int, int]) -> Any:
    """Where on a sheet a colour is: (height, width) of booleans."""
    return (np.abs(np.asarray(sheet).astype(np.int16) - np.int16(colour)).max(axis=2) < 12).astype(bool)


def dark_rows(sheet: Image.Image) -> int:
    """In how many rows of pixels there is ink."""
    return int((np.asarray(sheet.convert("L")) < 140).any(axis=1).sum())


def test_sheet_has_a_tile_for_each_clip_on_white_paper(tmp_path: Path) -> None:
    """Pictures and videos are seen side by side, their words below them, on white as wide as a page."""
    film = write_film(tmp_path / "film.mp4", [255] * 5 + [128] * 2 + [255] * 5, size=(160, 90))
    sheet = contact_sheet([cell(length=5.0), cell(picture=film, length=None)], columns=2)
    assert (sheet.mode, sheet.width) == ("RGB", 1654)
    pixels = np.asarray(sheet)
    assert (pixels[:40] == 255).all()
    assert (pixels[:, :40] == 255).all()
    red, grey = has_colour(sheet, (255, 0, 0)), has_colour(sheet, (128, 128, 128))
    assert red[:, :827].any()
    assert not red[:, 827:].any()
    assert grey[:, 827:].sum() == pytest.approx(red.sum(), rel=0.02)  # the frame in the middle
    text = sheet.crop((0, int(red.any(axis=1).nonzero()[0].max()) + 1, 827, sheet.height))
    assert dark_rows(text) > 30
    assert dark_rows(text.crop((700, 0, 827, text.height))) > 10  # its length, at the right
    nothing = sheet.crop((1500, sheet.height - text.height, 1654, sheet.height))
    assert dark_rows(nothing) == 0


def test_prompt_is_shortened_to_its_tile() -> None:
    """However long names and prompts are, a tile is as high as any other, and no word leaves it."""
    long = cell("fox_" * 80, "a fox in the snow " * 60 + "w" * 500, length=100.0)
    one, other = contact_sheet([cell()] * 3, 3), contact_sheet([long, cell(prompt=""), cell()], 3)
    assert one.size == other.size
    gap = np.asarray(other.convert("L"))[:, 550:580]
    assert (gap == 255).all()
    assert (np.asarray(other)[-50:] == 255).all()


def test_other_scripts_are_drawn_or_a_word_says_that_they_cannot() -> None:
    """Each script gives ink: its own letters, or the words that there is no font for it."""
    bare = dark_rows(contact_sheet([cell("", "")]))
    for text in ("Лиса в снегу", "雪の中の狐", "\U000f0000\U000f0001", "fox\nin the snow"):
        assert dark_rows(contact_sheet([cell("", text)])) > bare, text


@pytest.mark.parametrize("kind", ["none", "missing", "broken", "folder"])
def test_clips_without_a_picture_are_grey_and_say_so(tmp_path: Path, kind: str) -> None:
    """A clip without a video, or whose file is missing or broken, is a grey tile with words in it."""
    picture = {"none": None, "missing": tmp_path / "gone.mp4", "broken": tmp_path / "broken.mp4", "folder": tmp_path}[
        kind
    ]
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    sheet = contact_sheet([cell(picture=picture), cell()], columns=2)
    grey = has_colour(sheet, (216, 216, 216))
    rows, columns = (grey.sum(axis=axis) > 100 for axis in (1, 0))
    rows, columns = rows.nonzero()[0], columns.nonzero()[0]
    tile = sheet.crop((columns.min(), rows.min(), columns.max(), rows.max()))
    assert tile.width == pytest.approx(749, abs=2)
    assert dark_rows(tile) > 8
    assert has_colour(sheet, (255, 0, 0)).any()


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (100, 100), (210, 90)])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 12, 20])
def test_sheet_is_no_longer_than_a_page(count: int, size: tuple[int, int]) -> None:
    """As many columns are chosen as up to twenty clips of any ratio need to be on one page."""
    sheet = contact_sheet([cell(picture=Image.new("RGB", size, "red"))] * count)
    assert sheet.height / sheet.width <= A4 + 0.001


def test_columns_are_those_that_are_asked_for() -> None:
    """With columns, there are so many side by side, however long the sheet becomes."""
    for columns in (1, 4, 12):
        sheet = contact_sheet([cell()] * 13, columns=columns)
        row = has_colour(sheet.crop((0, 62, sheet.width, 63)), (255, 0, 0))[0]
        assert np.diff(row.astype(int)).clip(0).sum() == columns


def test_pictures_of_all_shapes_keep_them() -> None:
    """A picture in portrait beside others is whole, with its own ratio, and just above its words like the others."""
    sheet = contact_sheet([cell(), cell(picture=Image.new("RGB", (90, 160), "blue"))], columns=2)
    boxes = []
    for colour in ((255, 0, 0), (0, 0, 255)):
        found = has_colour(sheet, colour)
        rows, columns = found.any(axis=1).nonzero()[0], found.any(axis=0).nonzero()[0]
        boxes.append((len(columns) / len(rows), rows.max()))
    assert boxes[0] == (pytest.approx(160 / 90, rel=0.02), boxes[1][1])
    assert boxes[1][0] == pytest.approx(90 / 160, rel=0.02)


def test_pictures_with_transparency_and_other_modes_are_drawn() -> None:
    """Transparent parts are white, and a picture of any mode is one of colours."""
    picture = Image.new("RGBA", (160, 90), (0, 0, 0, 0))
    sheet = contact_sheet(
        [cell("", "", picture=picture), cell("", "", picture=Image.new("L", (160, 90), 90))], columns=2
    )
    assert (np.asarray(sheet)[:, :827] == 255).all()
    assert has_colour(sheet, (90, 90, 90)).any()


def test_large_pictures_are_kept_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is made as small as its tile: a hundred of them need what the sheet needs, and not what they need."""
    resize, widths = Image.Image.resize, []

    def note(image: Image.Image, size: tuple[int, int], *rest: Any, **options: Any) -> Image.Image:
        widths.append(size[0])
        return resize(image, size, *rest, **options)

    monkeypatch.setattr(Image.Image, "resize", note)
    sheet = contact_sheet([cell(picture=Image.new("RGB", (4000, 2000), "red"))] * 4, columns=2)
    assert len(widths) >= 4
    assert max(widths) <= sheet.width / 2


@pytest.mark.parametrize("columns", [0, 13, -1, 2.5, "3", True])
def test_columns_that_cannot_be_are_refused(columns: Any) -> None:
    """Columns are a whole number from 1 to 12."""
    with pytest.raises(InvalidRequest, match="columns must be a whole number from 1 to 12, not "):
        contact_sheet([cell()], columns)


def test_no_clips_are_refused() -> None:
    """A sheet of nothing is none."""
    with pytest.raises(InvalidRequest, match="There are no clips for a contact sheet"):
        contact_sheet([])
