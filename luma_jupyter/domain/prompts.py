"""The script that a prompt is written in, since RunAPI reads English prompts. Pure text, no look-ups."""

from __future__ import annotations

import unicodedata
from collections import Counter

from luma_jupyter.languages import N_

LATIN = "Latin"
# The first word of a letter's Unicode name is its script, but for these, whose readers say otherwise.
_NAMES = {"CJK": N_("Chinese"), "HIRAGANA": N_("Japanese"), "KATAKANA": "Japanese", "HANGUL": N_("Korean")}


def script_of(prompt: str) -> str | None:
    """The script of most letters of ``prompt``, as people call it ("Latin", "Cyrillic"); None where it has no letter.

    Kana make a text Japanese, however many Chinese characters are between them. Whether a Latin text is English, the
    letters cannot tell.
    """
    letters = Counter(_script(letter) for letter in unicodedata.normalize("NFKC", prompt) if letter.isalpha())
    if letters["Japanese"]:
        letters["Japanese"] += letters.pop("Chinese", 0)
    return letters.most_common(1)[0][0] if letters else None


def is_mostly_latin(prompt: str) -> bool:
    """Whether most letters of ``prompt`` are Latin, as those of English are; so is a prompt without letters."""
    return script_of(prompt) in (LATIN, None)


def _script(letter: str) -> str:
    word = unicodedata.name(letter, "unknown").split()[0]
    return _NAMES.get(word, word.capitalize())
