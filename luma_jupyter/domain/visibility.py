"""Which characters of a text somebody can see."""

from __future__ import annotations

import unicodedata

# Blank, though Unicode has them among letters, marks and symbols, or has not assigned them yet: fillers, variation
# selectors and all else that is ignored by default (DerivedCoreProperties, Default_Ignorable_Code_Point), the empty
# Braille cell, the null notehead, and what stands for an object that was not copied.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u2800\u3164\uffa0\ufffc\U0001d159")
_BLANK_RANGES = (range(0xFE00, 0xFE10), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))
_INVISIBLE_CATEGORIES = frozenset(["Cc", "Cf", "Zl", "Zp", "Zs"])


def is_visible(character: str) -> bool:
    """Whether a character leaves something on the page: no space, control, direction mark, joiner or filler."""
    if character in _BLANK or any(ord(character) in blank for blank in _BLANK_RANGES):
        return False
    return unicodedata.category(character) not in _INVISIBLE_CATEGORIES


def has_visible(text: str) -> bool:
    """Whether there is anything to see in a text."""
    return any(map(is_visible, text))
