"""Labelled sheets: a picture for each clip in its row and column, with labels that have room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from luma_jupyter.films.labelled_sheet import LabelledTile, labelled_sheet
from tests.support.shots import BLUE, RED, shot

GREY = (216, 216, 216)
_NEAR = 30


@pytest.fixture
def shots(tmp_path: Path) -> tuple[Path, Path]:
    """Two videos of one colour each."""
    return shot(tmp_path / "red.mp4", RED), shot(tmp_path / "blue.mp4", BLUE)


def middle(sheet: object, colour: tuple[int, int, int]) -> tuple[int, int] | None:
    """The middle of what has a colour: (column, row) in pixels; None where nothing has it."""
    rows, columns = (np.abs(np.asarray(sheet).astype(int) - colour).max(axis=-1) < _NEAR).nonzero()
    return (int(columns.mean()), int(rows.mean())) if len(rows) > 500 else None


def test_pictures_are_in_their_rows_and_columns(shots: tuple[Path, Path]) -> None:
    """The first clip above and at the left of the second; labels are drawn above and at the left of both."""
    tiles = {(0, 0): LabelledTile(shots[0]), (1, 1): LabelledTile(shots[1])}
    sheet = labelled_sheet(["fox", "owl"], ["snow", "rain"], tiles)
    red, blue = middle(sheet, RED), middle(sheet, BLUE)
    assert red
    assert blue
    assert red[0] < blue[0]
    assert red[1] < blue[1]
    plain = labelled_sheet(["", ""], ["", ""], tiles)
    assert (sheet.width - plain.width, plain.mode) == (252, "RGB")
    assert sheet.height > plain.height
    ink = np.asarray(sheet.convert("L")) < 60
    assert ink[:, :270].any()
    assert ink[: sheet.height - plain.height].any()


def test_a_clip_without_a_video_is_grey_with_words(shots: tuple[Path, Path], tmp_path: Path) -> None:
    """Words that are given, or what became of its file."""
    tiles = {(0, 0): LabelledTile(None, "failed: no luck"), (0, 1): LabelledTile(tmp_path / "gone.mp4")}
    sheet = labelled_sheet([""], ["snow", "rain"], tiles)
    pixels = np.asarray(sheet).astype(int)
    assert (np.abs(pixels - GREY).max(axis=-1) < 3).mean() > 0.5
    without_words = labelled_sheet([""], ["snow", "rain"], {(0, 0): LabelledTile(None), (0, 1): LabelledTile(None)})
    differs = (np.asarray(sheet) != np.asarray(without_words)).any(axis=(0, 2))
    assert differs[: sheet.width // 2].any()
    assert differs[sheet.width // 2 :].any()


def test_long_labels_have_room_and_are_shortened(shots: tuple[Path, Path]) -> None:
    """However long, the sheet is as wide as before, and few lines higher; scripts of all kinds are drawn."""
    tiles = {(0, 0): LabelledTile(shots[0])}
    short, long = (labelled_sheet([label], [label], tiles) for label in ("fox", "狐狸 fox_" * 80))
    assert short.width == long.width
    assert 0 < long.height - short.height < 140


def test_captions_are_below_their_pictures(shots: tuple[Path, Path]) -> None:
    """As a blind sheet has them; where no tile has one, there is no room for them."""
    plain = labelled_sheet([""], [""], {(0, 0): LabelledTile(shots[0])})
    numbered = labelled_sheet([""], [""], {(0, 0): LabelledTile(shots[0], caption="Video 1")})
    assert numbered.height - plain.height == 26
    assert (np.asarray(numbered.convert("L"))[plain.height - 30 :] < 140).any()


def test_tiles_of_many_columns_are_small(shots: tuple[Path, Path]) -> None:
    """So that eight by eight is a picture that can be sent."""
    few = labelled_sheet([""], ["a"] * 2, {(0, 0): LabelledTile(shots[0])})
    many = labelled_sheet([""] * 2, ["a"] * 100, {(0, 99): LabelledTile(shots[0])})
    assert few.width < 900
    assert many.width < 18_000
