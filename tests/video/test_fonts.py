"""Fonts: one that can draw most of a text is found, and what it cannot draw is left out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import ImageFont

from luma_jupyter.video import fonts
from luma_jupyter.video.fonts import UNDRAWABLE, default_font, font_for, wrapped

PRIVATE = "\U000f0000"  # a private-use character, which no font draws


@pytest.mark.parametrize("text", ["", "A paper boat"])
def test_latin_is_drawn_with_the_default_font(text: str) -> None:
    """Latin stays as it is, in Pillow's own font."""
    font, drawable = font_for(text)
    assert drawable == text
    assert font.getname() == default_font().getname()


def test_undrawable_characters_are_left_out() -> None:
    """Characters without a glyph are left out; a text of nothing else is replaced by a sentence that says why."""
    assert font_for(f"boat{PRIVATE} at sea")[1] == "boat at sea"
    assert font_for(PRIVATE * 5)[1] == UNDRAWABLE
    assert font_for(f"{PRIVATE} {PRIVATE}")[1] == UNDRAWABLE


def test_missing_font_files_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any of the font files draws Latin all the same."""
    monkeypatch.setattr(fonts, "FONT_FILES", ("no-such-font.ttf",))
    font, drawable = font_for("boat 船")
    assert drawable.strip() == "boat"
    assert font.getname() == default_font().getname()


def test_all_fonts_of_the_machine_are_tried_where_it_is_worth_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A font that is not among the usual ones is found in the system's folders; what is no font is passed over."""
    try:
        file = ImageFont.truetype("DejaVuSans.ttf", 20).path
    except OSError:
        pytest.skip("this machine has no DejaVu fonts")
    folder = tmp_path / "fonts" / "some"
    folder.mkdir(parents=True)
    shutil.copy(str(file), folder / "Some-Bold.ttf")
    shutil.copy(str(file), folder / "LastResort.ttf")
    (folder / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "FONT_FILES", ())
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    assert font_for("Ночь")[1] == UNDRAWABLE
    font, drawable = font_for("Ночь", everywhere=True)
    assert drawable == "Ночь"
    assert Path(str(font.path)) == folder / "Some-Bold.ttf"


def test_lines_are_as_wide_as_there_is_room() -> None:
    """A text is broken at spaces, and within a word only where that alone is too wide."""
    font = default_font()
    assert list(wrapped("a paper boat", font, 10_000)) == ["a paper boat"]
    lines = list(wrapped("a paper boat at sea", font, round(font.getlength("a paper boat "))))
    assert lines == ["a paper boat", "at sea"]
    assert "".join(wrapped("boat", font, 1)) == "boat"
