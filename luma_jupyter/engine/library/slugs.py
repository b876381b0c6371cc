"""Names of files that every file system takes: a prompt's first words, in any script and never torn; and others'."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

from luma_jupyter.operating_system import is_device_name

WORDLESS = "clip"  # the name of a prompt that has no words
LONGEST = 20  # characters (code points)
_JOINERS = "\u200c\u200d"  # within a word they belong to its spelling, as in Persian and Sinhala
_EMOJI_FORMS = "\ufe0e\ufe0f"
_JAMO_BEGINNINGS = (range(0x1100, 0x1160), range(0xA960, 0xA97D))  # of a syllable, before further jamo
_JAMO_MIDDLES = (range(0x1160, 0x1200), range(0xD7B0, 0xD7FC))
_SIGNS_AM = "\u0e33\u0eb3"  # Thai and Lao vowels that hang on the letter before, though Unicode calls them letters
_VIRAMA = 9  # the combining class of what joins two letters into one
_LETTER = re.compile(r"[^\W_]")
_LOOKED_AT = 10 * LONGEST  # characters of a word: some of them are joiners, which may not count


def slug(prompt: str) -> str:
    """A prompt's first words in lower case, with the marks that belong to them; `WORDLESS` where it has none."""
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", prompt).lower())
    return _join_first(_words(lower), _cut)


def slug_of_0_1_0(prompt: str) -> str:
    """The same as version 0.1.0 made it, which tore words at their marks: its files have to be found, too."""
    lower = unicodedata.normalize("NFC", prompt).lower()
    words = (match[0] for match in re.finditer(r"[^\W_]+", lower))
    return _join_first(words, lambda word: word[:LONGEST])


def plain_file_name(name: str, longest: int) -> str:
    """A file's name, without its folder, as every file system takes it; its stem is ``longest`` characters at most."""
    whole = unicodedata.normalize("NFC", name).replace("\\", "/")
    plain = re.sub(r"[^\w.-]+", "-", whole.rpartition("/")[2]).strip("-.") or "file"
    if is_device_name(plain):
        plain = f"file-{plain}"
    stem, suffix = os.path.splitext(plain)
    return f"{stem[:longest].rstrip('.')}{suffix[:10]}"  # they take some 250 bytes, a letter may have four


def _words(text: str) -> Iterator[str]:
    """The words of a text, each from its first letter or digit; a long one may be cut far behind what a name takes."""
    end = 0
    while first := _LETTER.search(text, end):
        end = first.start()
        word = "".join(takewhile(_is_in_word, text[end : end + _LOOKED_AT]))
        end += len(word)
        yield word.rstrip(_JOINERS)


def _join_first(words: Iterable[str], cut: Callable[[str], str]) -> str:
    """As many of the words as fit, whole; the first one is cut where it is too long by itself."""
    joined = ""
    for word in words:
        if not joined and len(word) > LONGEST:
            return cut(word) or WORDLESS
        longer = f"{joined}-{word}" if joined else word
        if len(longer) > LONGEST:
            break
        joined = longer
    return joined or WORDLESS


def _is_in_word(character: str) -> bool:
    if character.isalnum() or character in _JOINERS:
        return True
    return character not in _EMOJI_FORMS and unicodedata.category(character) in ("Mn", "Mc")


def _cut(word: str) -> str:
    """The longest beginning that fits and ends between two characters as people see them; empty if there is none."""
    return next((word[:end] for end in range(LONGEST, 0, -1) if not _belong_together(word[end - 1], word[end])), "")


def _belong_together(left: str, right: str) -> bool:
    """Whether two code points are within one character as people see it (Unicode, UAX 29; rather once too often)."""
    if right in _JOINERS + _SIGNS_AM or left in _JOINERS or unicodedata.category(right) in ("Mn", "Mc"):
        return True
    if any(ord(right) in jamo for jamo in _JAMO_MIDDLES):
        return True
    both_begin = all(any(ord(letter) in jamo for jamo in _JAMO_BEGINNINGS) for letter in (left, right))
    return both_begin or unicodedata.combining(left) == _VIRAMA
