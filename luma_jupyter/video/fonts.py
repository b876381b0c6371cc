"""Fonts that can draw a text.

Pillow's own font draws Latin; for anything else the usual font files of Linux, macOS and Windows are tried, and for
what is worth it all that this machine has.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from PIL import ImageFont

_SCRIPTS = (
    *("Arabic", "Hebrew", "Thai", "Devanagari", "Bengali", "Gujarati", "Gurmukhi"),
    *("Kannada", "Malayalam", "Oriya", "Sinhala", "Tamil", "Telugu"),
)
FONT_FILES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "segoeui.ttf",
    *(f"NotoSans{script}-Regular.ttf" for script in _SCRIPTS),
    *("Nirmala.ttc", "Nirmala.ttf", "LeelawUI.ttf"),  # of Windows, for the scripts of India and Thailand
    *("Kohinoor.ttc", "Thonburi.ttc"),  # of macOS
)
UNDRAWABLE = "(this machine has no font for the prompt's script)"
_SIZE = 20
_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_PLACEHOLDERS = "LastResort"  # of macOS: it draws a box for everything


def default_font() -> ImageFont.FreeTypeFont:
    """Return Pillow's own font, which draws Latin."""
    font = ImageFont.load_default(_SIZE)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def font_for(text: str, *, everywhere: bool = False) -> tuple[ImageFont.FreeTypeFont, str]:
    """Return the font that can draw most of a text, and the text without the characters that this font lacks.

    Where no font can draw any of it, the text is `UNDRAWABLE`. The size of the font is arbitrary: use `font_variant`.
    ``everywhere``: where the usual fonts cannot draw all of it, all others of this machine are tried, which may take
    seconds.
    """
    best_font, best_text = default_font(), ""
    for font in chain(_usual_fonts(), _all_fonts() if everywhere else ()):
        drawable = _drawable_part(text, font)
        if len(drawable) > len(best_text):
            best_font, best_text = font, drawable
        if drawable == text:
            break
    if text and not best_text.strip():
        return best_font, UNDRAWABLE
    return best_font, best_text


def undrawable(text: str) -> str:
    """Return the letters of a text that the font lacks which `font_for` gives for it."""
    _, drawn = font_for(text)
    return "".join(letter for letter in dict.fromkeys(text) if letter.isalpha() and letter not in drawn)


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    """Yield the lines of a text, each at most `width` pixels wide, broken at spaces where there are any."""

    def pixels(count: int) -> int:
        return round(font.getlength(text[:count]))

    while text:
        fitting = max(bisect_right(range(len(text) + 1), width, key=pixels) - 1, 1)
        space = text.rfind(" ", 0, fitting + 1) if fitting < len(text) else -1
        end = space if space > 0 else fitting
        yield text[:end].strip()
        text = text[end:].lstrip()


def _drawable_part(text: str, font: ImageFont.FreeTypeFont) -> str:
    """Return the characters of a text for which a font has a glyph of its own, and the spaces."""
    plain = font.font_variant(layout_engine=ImageFont.Layout.BASIC)  # the other one draws a circle below a lone accent
    missing = bytes(plain.getmask("\uffff"))
    return "".join(character for character in text if character == " " or bytes(plain.getmask(character)) != missing)


def _usual_fonts() -> Iterator[ImageFont.FreeTypeFont]:
    yield default_font()
    for file in FONT_FILES:
        with suppress(OSError):
            yield ImageFont.truetype(file, _SIZE)


def _all_fonts() -> Iterator[ImageFont.FreeTypeFont]:
    """The fonts in the folders where systems keep them, plain ones first."""
    files = (file for folder in _font_folders() for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES)
    for file in sorted(files, key=lambda file: (not file.stem.endswith("Regular"), len(file.stem), file)):
        if not file.stem.startswith(_PLACEHOLDERS):
            with suppress(OSError):
                yield ImageFont.truetype(file, _SIZE)


def _font_folders() -> list[Path]:
    home, variables = Path.home(), os.environ
    folders = [Path(path, "fonts") for path in variables.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")]
    folders += [Path(variables.get("XDG_DATA_HOME") or home / ".local/share", "fonts"), home / ".fonts"]
    folders += [Path("/Library/Fonts"), Path("/System/Library/Fonts"), home / "Library/Fonts"]
    folders += [Path(variables[name], "Fonts") for name in ("WINDIR",) if name in variables]
    folders += [Path(variables[name], "Microsoft/Windows/Fonts") for name in ("LOCALAPPDATA",) if name in variables]
    return folders
