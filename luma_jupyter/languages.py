"""The language of all that a person reads, by gettext catalogues in ``locale/``.

What is shown goes through `gettext` (as ``_``) and `ngettext` where it is written. What is kept stays English: errors,
statuses and problems are written down, compared and searched for. When it is shown, `translated` gives such a text in
the reader's language, by the message of the catalogue that it was made from; `N_` marks a text that is no error's.
"""

from __future__ import annotations

import gettext as catalogues
import locale
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

LANGUAGES = {"en": "English", "zh": "中文"}
_FOLDER = Path(__file__).parent / "locale"
# Slots whose values are texts of ours, and are translated, too.
OURS = frozenset({"error", "place", "reason", "remedy", "service", "wanted", "what"})
_SLOT = re.compile(r"\{(\w+)\}")
_SHORT = 6  # letters: "and", "of" or "made" round a slot say nothing of a text
_GAP = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")  # between Chinese words, round a slot for a name
_SENTENCES = re.compile(r"(?<=[.!?”…:]) ")  # between two, or behind the name of what one is about
_MOST_ENDS = 30  # of sentences: a text with more is mostly somebody's own, such as a prompt
# Calls in scripts and templates: _("…") and ngettext("…", "…", count), in double quotes, on one line.
CALLS = re.compile(r'\b(?:_|ngettext)\("([^"\n]+)"(?:, "([^"\n]+)")?')


def language_of(name: str) -> str | None:
    """The one of `LANGUAGES` that a locale's name means, such as ``zh_CN.UTF-8``, ``zh-Hans`` or ``Chinese_China``."""
    word = re.split(r"[_.:@ -]", name.strip().lower().replace("chinese", "zh"))[0]
    return word if word in LANGUAGES else None


@cache
def _system_language() -> str:
    names = [os.environ.get(name, "") for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")]
    named = next((name for name in names if name), "") or locale.getlocale()[0] or ""
    return language_of(named) or "en"


_context: ContextVar[str | None] = ContextVar("language", default=None)
_chosen: str | None = None


def language() -> str:
    """The language that is read now: what was chosen, else ``LUMA_JUPYTER_LANG``, else the system's, else English."""
    return _context.get() or _chosen or language_of(os.environ.get("LUMA_JUPYTER_LANG", "")) or _system_language()


def use(name: str | None) -> None:
    """Choose one of `LANGUAGES` for this process; None takes that back."""
    global _chosen
    _chosen = name


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Let this be the language within, in this context alone: a gateway has readers of several."""
    token = _context.set(name)
    try:
        yield
    finally:
        _context.reset(token)


class _Pattern(NamedTuple):
    """A message with slots: what it matches, its slots, those for texts of ours, its translation, its own letters."""

    regex: re.Pattern[str]
    slots: list[str]
    ours: frozenset[str]
    text: str
    letters: int

    def filled(self, values: Mapping[str, str]) -> str:
        """The translation with its slots filled; one without a name has a number, which `str.format` would not take."""
        return _GAP.sub("", _SLOT.sub(lambda slot: values[slot[1]], self.text))


class _Found(NamedTuple):
    """A translation, and how many letters of the English text it knows: none where it is that text."""

    letters: int
    text: str

    def __str__(self) -> str:
        return self.text


class _Catalogue(catalogues.GNUTranslations):
    """A catalogue that also knows the messages that a finished English text was made from."""

    _catalog: dict[str | tuple[str, int], str]

    @cached_property
    def patterns(self) -> list[_Pattern]:
        """Messages with slots, and more than these, the most telling first."""
        messages = [(id, text) for id, text in self._catalog.items() if isinstance(id, str)]
        patterns = [_pattern(id, text) for id, text in messages if _SLOT.search(id) and _SLOT.sub("", id)]
        return sorted(patterns, key=lambda pattern: (-pattern.letters, -len(pattern.regex.pattern)))

    def find(self, english: str) -> _Found:
        """What is known of a whole English text, whose slots are filled: the translation of which most is known."""
        for exact in (english, english[0].upper() + english[1:]):
            if exact in self._catalog:
                return _Found(max(1, _letters(english)), self.gettext(exact))
        return max(self._alternatives(english), key=lambda found: found.letters, default=_Found(0, english))

    def _alternatives(self, english: str) -> Iterator[_Found]:
        """As one message, as one around others, and as sentences that are messages each; those of which nothing is
        known are left out."""
        alone = False
        for pattern in self.patterns:
            if (pattern.ours or not alone) and (match := pattern.regex.fullmatch(english)):
                values = dict(zip(pattern.slots, match.groups(), strict=True))
                inner = {name: _find(self, values[name]) for name in pattern.ours}
                if letters := pattern.letters + sum(found.letters for found in inner.values()):
                    values |= {name: found.text for name, found in inner.items()}
                    yield _Found(letters, pattern.filled(values))
                    alone = alone or not pattern.ours
        ends = list(_SENTENCES.finditer(english))
        for end in reversed(ends if len(ends) <= _MOST_ENDS else []):
            if (last := _find(self, english[end.end() :])).letters:
                first = _find(self, english[: end.start()])
                joint = "" if first.text.endswith("。") else " "
                yield _Found(first.letters + last.letters, f"{first}{joint}{last}")


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _pattern(message: str, text: str) -> _Pattern:
    literals, slots = _SLOT.split(message)[::2], _SLOT.findall(message)
    regex = "(.*?)".join(map(re.escape, literals))
    if message[0].isupper():  # behind a colon it begins with a small letter
        regex = f"[{message[0]}{message[0].lower()}]{regex[1:]}"
    letters = _letters("".join(literals))
    known = letters if letters > _SHORT else 0
    return _Pattern(re.compile(regex, re.DOTALL), slots, OURS.intersection(slots), text, known)


@cache
def _catalogue(name: str) -> catalogues.NullTranslations:
    return catalogues.translation("luma_jupyter", _FOLDER, [name], _Catalogue, fallback=True)


@lru_cache(maxsize=10_000)
def _find(catalogue: catalogues.NullTranslations, english: str) -> _Found:
    return catalogue.find(english) if english and isinstance(catalogue, _Catalogue) else _Found(0, english)


def gettext(message: str) -> str:
    """``message`` in the language that is read now."""
    return message and _catalogue(language()).gettext(message)  # of an empty one it gives its header


def ngettext(one: str, many: str, count: int) -> str:
    """``one`` or ``many``, by ``count``, in the language that is read now."""
    return _catalogue(language()).ngettext(one, many, count)


def N_(message: str) -> str:
    """``message`` as it is: it is kept in English, and `translated` when it is shown."""
    return message


def translated(text: object) -> str:
    """An English text, as it was made and kept, in the language that is read now; as it is where nobody knows it."""
    return _find(_catalogue(language()), str(text)).text


def script_texts(script: str) -> dict[str, list[str]]:
    """What a script's calls of ``_`` and ``ngettext`` need: each English text with its forms, where they are others."""
    texts = {}
    for one, many in CALLS.findall(script):
        forms = [ngettext(one, many, count) for count in (1, 2)] if many else [gettext(one)]
        if forms != ([one, many] if many else [one]):
            texts[one] = forms
    return texts
