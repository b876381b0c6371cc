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
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property, lru_cache
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}
_FOLDER = Path(__file__).parent / "locale"
OURS = frozenset({"error", "place", "reason"})  # slots whose values are texts of ours, and are translated, too
_SLOT = re.compile(r"\{(\w+)\}")
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


class _Catalogue(catalogues.GNUTranslations):
    """A catalogue that also knows the messages that a finished English text was made from."""

    _catalog: dict[str | tuple[str, int], str]

    @cached_property
    def patterns(self) -> list[tuple[re.Pattern[str], list[str], str]]:
        """Messages with slots, the most telling first: what they match, the slots' names, the translation."""
        messages = [(id, text) for id, text in self._catalog.items() if isinstance(id, str) and _SLOT.search(id)]
        messages.sort(key=lambda message: -len(_SLOT.sub("", message[0])))
        return [(_pattern(message), _SLOT.findall(message), text) for message, text in messages]

    def find(self, english: str) -> str:
        """The translation of a whole English text, whose slots are filled; the same text where there is none."""
        if (exact := self.gettext(english)) != english:
            return exact
        for pattern, names, text in self.patterns:
            if found := pattern.fullmatch(english):
                pairs = zip(names, found.groups(), strict=True)
                values = {name: self.find(value) if name in OURS else value for name, value in pairs}
                return text.format(**values)
        return english


def _pattern(message: str) -> re.Pattern[str]:
    literals = _SLOT.split(message)[::2]
    return re.compile("(.*?)".join(map(re.escape, literals)), re.DOTALL)


@cache
def _catalogue(name: str) -> catalogues.NullTranslations:
    return catalogues.translation("luma_jupyter", _FOLDER, [name], _Catalogue, fallback=True)


@lru_cache(maxsize=10_000)
def _find(name: str, english: str) -> str:
    catalogue = _catalogue(name)
    return catalogue.find(english) if english and isinstance(catalogue, _Catalogue) else english


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
    return _find(language(), str(text))


def script_texts(script: str) -> dict[str, list[str]]:
    """What a script's calls of ``_`` and ``ngettext`` need: each English text with its forms, where they are others."""
    texts = {}
    for one, many in CALLS.findall(script):
        forms = [ngettext(one, many, count) for count in (1, 2)] if many else [gettext(one)]
        if forms != ([one, many] if many else [one]):
            texts[one] = forms
    return texts
