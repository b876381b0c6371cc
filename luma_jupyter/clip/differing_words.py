"""What differs between prompts: word by word, and character by character in scripts that put no spaces between words.

The words that all prompts have in common, in their order, are found first; a place is what is between two of those.
A single character of a script without spaces says nothing there: it may be in the middle of two other words.
``red fox``, ``red owl`` and ``grey fox`` are two places side by side, since they are pairs from two lists.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from luma_jupyter.languages import N_
from luma_jupyter.languages import gettext as _

NOTHING = N_("(nothing)")
MOST_WORDS = 500  # of a prompt; longer ones are not looked at word by word, which would take too long
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "YI SYLLABLE")
_JOINER = "\u200d"
_MOST_PIVOTS = 20


class Word(NamedTuple):
    """A word, a sign, or a character of a script without spaces: where it is in its text."""

    text: str
    start: int
    end: int


Words: TypeAlias = tuple[str, ...]
Place: TypeAlias = list[range]  # of each text the words that it has there, by their numbers


def differing_words(texts: Sequence[str]) -> list[list[str]]:
    """The places at which texts differ, in their order: for each, what each text has there, `NOTHING` if nothing."""
    texts = [unicodedata.normalize("NFC", text) for text in texts]
    if len(set(texts)) < 2:
        return []
    words = [list(read_words(text)) for text in texts]
    if max(map(len, words)) > MOST_WORDS:
        return [texts]
    plain = [tuple(word.text for word in line) for line in words]
    places = [narrow for wide in _places(plain) for narrow in _narrowed(wide, plain)]
    return [[_shown(*one) for one in zip(texts, words, place, strict=True)] for place in places]


def read_words(text: str) -> Iterator[Word]:
    """The words of a text, each sign and each character of a script without spaces for itself."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not _goes_on(text[at - 1], text[at]):
            if not text[start].isspace():
                yield Word(text[start:at], start, at)
            start = at


def _goes_on(character: str, following: str) -> bool:
    """Whether a character and the one behind it are of one word."""
    if character.isspace() or following.isspace():
        return False
    if unicodedata.category(following)[0] == "M" or _JOINER in (character, following):
        return True
    return _is_spaced(character) and _is_spaced(following)


def _is_spaced(character: str) -> bool:
    """Whether it is part of words that have spaces between them."""
    return unicodedata.category(character)[0] in "LNM" and not _is_of_unspaced_script(character)


def _is_of_unspaced_script(word: str) -> bool:
    return unicodedata.name(word[0], "").startswith(_UNSPACED)


def _places(texts: Sequence[Words]) -> list[Place]:
    """Where texts differ: what is between the words that they have in common."""
    common = texts[0]
    while (fewer := _in_common(common, texts)) != common:
        common = fewer
    between = [_between(common, text) for text in texts]
    places = [list(place) for place in zip(*between, strict=True)]
    joined = places[:1]
    for word, place in zip(common, places[1:], strict=True):
        if any(joined[-1]) and any(place) and _is_of_unspaced_script(word):
            joined[-1] = [range(one.start, other.stop) for one, other in zip(joined[-1], place, strict=True)]
        else:
            joined.append(place)
    return [place for place in joined if any(place)]


def _in_common(common: Words, texts: Sequence[Words]) -> Words:
    for text in texts:
        common = tuple(common[at] for at, _ in _matches(common, text))
    return common


def _matches(common: Words, text: Words) -> list[tuple[int, int]]:
    blocks = SequenceMatcher(None, common, text, autojunk=False).get_matching_blocks()
    return [(block.a + number, block.b + number) for block in blocks for number in range(block.size)]


def _between(common: Words, text: Words) -> list[range]:
    ends = [-1, *(at for _, at in _matches(common, text)), len(text)]
    return [range(before + 1, after) for before, after in pairwise(ends)]


def _narrowed(place: Place, texts: Sequence[Words]) -> list[Place]:
    """A place as several ones side by side, where what is there are pairs from two lists; else as it is."""
    values = [text[part.start : part.stop] for text, part in zip(texts, place, strict=True)]
    heads = _heads(list(dict.fromkeys(values)))
    if heads is None:
        return [place]
    cuts = [part.start + len(heads[value]) for value, part in zip(values, place, strict=True)]
    left = [range(part.start, cut) for part, cut in zip(place, cuts, strict=True)]
    right = [range(cut, part.stop) for part, cut in zip(place, cuts, strict=True)]
    return [_trimmed(part, texts) for side in (left, right) for part in _narrowed(side, texts)]


def _trimmed(place: Place, texts: Sequence[Words]) -> Place:
    """A place without the words that all texts have at its beginning and at its end."""
    while all(place) and len({text[part[0]] for text, part in zip(texts, place, strict=True)}) == 1:
        place = [part[1:] for part in place]
    while all(place) and len({text[part[-1]] for text, part in zip(texts, place, strict=True)}) == 1:
        place = [part[:-1] for part in place]
    return place


def _heads(values: Sequence[Words]) -> dict[Words, Words] | None:
    """What each value begins with, if all are pairs from two lists, more than half of which are there."""
    for pivot in values[:_MOST_PIVOTS]:
        for cut in range(1, len(pivot)):
            head, tail = pivot[:cut], pivot[cut:]
            tails = {value[cut:] for value in values if value[:cut] == head}
            heads = {value[: len(value) - len(tail)] for value in values if value[-len(tail) :] == tail}
            if min(len(heads), len(tails)) < 2 or len(heads) * len(tails) >= 2 * len(values):
                continue
            longest_first = sorted(heads, key=len, reverse=True)
            found = {value: _head(value, longest_first, tails) for value in values}
            pairs = {value: head for value, head in found.items() if head is not None}
            if len(pairs) == len(values):
                return pairs
    return None


def _head(value: Words, heads: Sequence[Words], tails: set[Words]) -> Words | None:
    return next((head for head in heads if value[: len(head)] == head and value[len(head) :] in tails), None)


def _shown(text: str, words: Sequence[Word], part: range) -> str:
    """The words of a part as they stand in the text, without the signs around them."""
    shown = list(words[part.start : part.stop])
    letters = [number for number, word in enumerate(shown) if any(map(str.isalnum, word.text))]
    if letters:
        shown = shown[letters[0] : letters[-1] + 1]
    return text[shown[0].start : shown[-1].end] if shown else _(NOTHING)
