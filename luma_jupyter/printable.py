"""Texts of others as they may be shown: in a terminal, in a page, in a picture, and wherever somebody copies them.

Prompts, names and messages come from services, sidecars and notebooks that somebody handed over. A terminal obeys
control characters (a title, a colour, what stands in the clipboard), and direction marks turn round what a reader sees:
so every text goes through `printable` on its way out. What is kept and sent stays as it is.
"""

from __future__ import annotations

import codecs
import re
import sys
import unicodedata
from itertools import accumulate
from typing import TextIO

_KEPT = "\t\n"
# C0, DEL and C1 (ISO/IEC 6429), halves of characters, and what no character is: a mark takes their place.
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
# Embeddings, overrides, isolates and what Unicode gave up, none of which can be seen (UAX #9, Unicode 23.2.3); and the
# carriage return, after which a terminal would write over what stands there.
_TURNS = [*range(0x202A, 0x202F), *range(0x2066, 0x2070), ord("\r")]
_SHOWN: dict[int, str | None] = {**dict.fromkeys(_CONTROLS, "�"), **dict.fromkeys(_TURNS), **{ord(c): c for c in _KEPT}}
_HALVES = re.compile("[\ud800-\udfff]")
_UNSAFE = re.compile(f"[{re.escape(''.join(chr(code) for code, shown in _SHOWN.items() if chr(code) != shown))}]")


def printable(text: object) -> str:
    """``text`` without what a terminal obeys and what turns lines round; tabs and line ends stay."""
    return _UNSAFE.sub(lambda found: _SHOWN[ord(found[0])] or "", str(text))


def printable_json(text: str) -> str:
    """JSON that means the same, with escapes in the place of what `printable` takes away."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def whole(text: str) -> str:
    """``text`` as any file can have it, with a mark in the place of halves of characters."""
    return _HALVES.sub("�", text)


def columns(text: str) -> int:
    """How wide ``text`` is, in letters of Latin: those of Chinese, Japanese and Korean count twice."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def cut(text: str, width: int) -> str:
    """The beginning of ``text``, as much as has room in so many `columns`."""
    return text[: sum(end <= width for end in accumulate(map(columns, text)))]


def padded(text: str, width: int) -> str:
    """``text`` with spaces behind it, up to so many `columns`."""
    return text + " " * (width - columns(text))


_PLAIN = str.maketrans(
    {
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("‘’", "'"),
        **dict.fromkeys("–—─·", "-"),
        **dict.fromkeys("├│└", "|"),
        "…": "...",
        "→": "->",
        "×": "x",
        "✓": "+",
        "★": "*",
        "✗": "x",
        "▶": ">",
        "‹": "<",
        "›": ">",
    }
)


def encodable(text: str, file: TextIO | None = None) -> str:
    """``text`` in letters that ``file`` (the standard output) can write.

    Consoles of Windows and some containers know one alphabet only: our own signs become plain ones, all else ``?``.
    """
    encoding = getattr(file or sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, errors=_IN_PLAIN_SIGNS).decode(encoding)


def writable(text: object, file: TextIO | None = None) -> str:
    """``text`` as both `printable` and `encodable` give it: for what is printed."""
    return encodable(printable(text), file)


def _in_plain_signs(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    plain = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(letter if letter.isascii() else "?" for letter in plain), error.end


_IN_PLAIN_SIGNS = "luma_jupyter.plain_signs"
codecs.register_error(_IN_PLAIN_SIGNS, _in_plain_signs)


def say(text: object, file: TextIO | None = None) -> None:
    """Print a text as `writable` gives it."""
    print(writable(text, file), file=file)  # the one place
