"""The form in which texts are searched: without case, width, and what nobody sees (Unicode's NFKC case folding).

Words are found in it as substrings. A full-text index is none of it: its tokenizers find no word of two characters in
Chinese.
"""

from __future__ import annotations

import re
from unicodedata import normalize

# What is not seen: soft hyphens, joiners, marks of direction, variants of a character (Unicode's default ignorables).
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_DOTTED = "i\u0307"  # what a capital İ becomes


def fold(text: str) -> str:
    """``text`` as it is searched: ``Ｆｏｘ`` as ``fox``, ``STRASSE`` as ``straße``, white space as one blank."""
    folded = normalize("NFKC", normalize("NFKC", _UNSEEN.sub("", text)).casefold()).replace(_DOTTED, "i")
    return " ".join(folded.encode(errors="replace").decode().split())
