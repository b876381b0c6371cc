"""Fonts: one that can draw most of a text is found, and what it cannot draw is left out."""

import pytest

from luma_jupyter.video import fonts
from luma_jupyter.video.fonts import UNDRAWABLE, default_font, font_for

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
