"""Fonts: one that can draw most of a text is found, and what it cannot draw is left out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont, features

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


def test_accents_that_a_font_lacks_are_left_out_as_letters_are() -> None:
    """Of a Hindi word none of it is drawn in a Latin font: vowel signs alone would be circles."""
    assert fonts._drawable_part("लोमड़ी", default_font()) == ""


@pytest.mark.parametrize(
    "text", ["红狐狸在雪地里", "赤い狐", "붉은 여우", "बर्फ में लोमड़ी", "ثعلب في الثلج", "பனியில் நரி"]
)
def test_scripts_of_the_world_are_drawn_whole(text: str) -> None:
    """Where the machine has a font for them, whichever it is."""
    if font_for(text, everywhere=True)[1] != text:
        pytest.skip(f"this machine has no font for {text}")
    assert font_for(text)[1] == text


def test_right_to_left_letters_are_joined_and_in_order() -> None:
    """An Arabic word is drawn as it is read: not letter by letter from the left."""
    font, drawn = font_for("ثعلب")
    if drawn != "ثعلب" or not features.check("raqm"):
        pytest.skip("this machine has no font for Arabic, or no library that joins its letters")
    first = font.getbbox("ث")[2]
    width = font.getbbox("ثعلب")[2]
    letters = sum(font.getlength(letter) for letter in "ثعلب")
    assert width < 0.9 * letters  # joined
    ink = np.asarray(font.getmask("ثعلب", "L")).reshape(font.getmask("ثعلب", "L").size[::-1])
    dots = ink[: ink.shape[0] // 2, -first:]
    assert dots.any()  # of the first letter, at the right


def test_letters_without_a_font_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once; signs and spaces do not count."""
    monkeypatch.setattr(fonts, "FONT_FILES", ())
    assert fonts.undrawable("boat 船 and 船 ☃") == "船"
    assert fonts.undrawable("a boat") == ""


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
    shutil.copy(str(file), folder / "Some-Longer-Bold.ttf")
    shutil.copy(str(file), folder / "LastResort.ttf")
    (folder / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "FONT_FILES", ())
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    assert font_for("Ночь")[1] == UNDRAWABLE
    font, drawable = font_for("Ночь", everywhere=True)
    assert drawable == "Ночь"
    assert Path(str(font.path)) == folder / "Some-Longer-Bold.ttf"


def test_lines_are_as_wide_as_there_is_room() -> None:
    """A text is broken at spaces, and within a word only where that alone is too wide."""
    font = default_font()
    assert list(wrapped("a paper boat", font, 10_000)) == ["a paper boat"]
    lines = list(wrapped("a paper boat at sea", font, round(font.getlength("a paper boat "))))
    assert lines == ["a paper boat", "at sea"]
    assert "".join(wrapped("boat", font, 1)) == "boat"
