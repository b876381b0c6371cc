"""Tab completion in ``%%luma`` and ``%luma`` lines (actions, words, options, their values, clip variables), and of the
words of a prompt below ``%%luma``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from luma_jupyter.cells.options import FILM_OPTIONS, HISTORY_OPTIONS, LINE_WORDS, OPTIONS
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipSequence
from luma_jupyter.clip.cut import Cut
from luma_jupyter.clip.names import visible_variables
from luma_jupyter.domain.identifiers import normalize_name
from luma_jupyter.domain.prompt_words import complete_word
from luma_jupyter.domain.requests import ACTIONS_WITH
from luma_jupyter.domain.vocabulary import ACTIONS

_VALUES = {flag: option.choices for option in (*OPTIONS, *HISTORY_OPTIONS) for flag in option.flags if option.choices}
_IMAGES = {flag for option in OPTIONS for flag in option.flags if option.name.endswith("_image")}
_FREE = (
    {flag for option in (*OPTIONS, *FILM_OPTIONS) for flag in option.flags if option.metavar} - _IMAGES - set(_VALUES)
)
_LINE_WORDS = {word.word: word for word in LINE_WORDS}


class Completer:
    """Completes from the whole cell up to the cursor. ``variables`` gives the user's."""

    def __init__(self, variables: Callable[[], Mapping[str, Any]]) -> None:
        self._variables = variables

    def complete(self, text: str) -> tuple[str, list[str]]:
        """The unfinished word at the end of ``text``, and what it can become, the likeliest first; nothing outside the
        magics."""
        first, *body = text.lstrip().split("\n")
        magic, *words = first.split() or [""]
        if magic == "%%luma" and body:
            return ("", []) if words[:1] == ["film"] else complete_word(body[-1])  # of a film they are captions
        return self._complete_line([first, *body][-1])

    def _complete_line(self, line: str) -> tuple[str, list[str]]:
        magic, _, rest = line.lstrip().partition(" ")
        if magic not in ("%%luma", "%luma") or not line.lstrip().startswith(f"{magic} "):
            return "", []
        *before, word = rest.split(" ")
        before = [word for word in before if word]
        begun = normalize_name(word)
        in_line = magic == "%luma" or before[:1] == ["film"]
        candidates = self._in_line(before) if in_line else self._in_cell(before)
        return word, [text for text in candidates if text.startswith(begun)]

    def _in_line(self, before: list[str]) -> list[str]:
        if not before:
            return list(_LINE_WORDS)
        if before[-1] in _VALUES:
            return list(_VALUES[before[-1]])
        word = _LINE_WORDS.get(before[0])
        if word is None or (before[0] == "film" and before[-1] in _FREE):
            return []
        clips, lists = self._names()
        return [
            *word.choices,
            *([*clips, *lists] if "NAME" in word.arguments else []),
            *([*clips, *lists, *self._holding(Cut)] if "PART" in word.arguments else []),
            *(flag for flag in word.flags if flag not in before),
        ]

    def _in_cell(self, before: list[str]) -> list[str]:
        clips, lists = self._names()
        items = [f"{name}[0]" for name in lists]
        previous = before[-1] if before else ""
        if previous in _VALUES:
            return list(_VALUES[previous])
        if previous in _IMAGES:
            return [f"{name}@{when}" for name in [*clips, *items] for when in ("first", "last")]
        if previous in _FREE:
            return []
        action = next((word for word in before if word in ACTIONS), "")
        flags = [
            flag
            for option in OPTIONS
            for flag in option.all_flags
            if not set(option.all_flags) & set(before)
            and (not action or action in ACTIONS_WITH.get(option.parameter, ACTIONS))
        ]
        sources = [] if action == "generate" or set(before) & {*clips, *items} else [*clips, *items]
        return [*sources, *flags] if action else [*ACTIONS, *([] if before else ["film"]), *flags, *sources]

    def _names(self) -> tuple[list[str], list[str]]:
        """The variables that hold a clip, and those that hold several."""
        return self._holding(Clip), self._holding(ClipSequence)

    def _holding(self, kind: type) -> list[str]:
        """The variables that hold such a thing, by the alphabet."""
        return sorted(name for name, value in visible_variables(self._variables()) if isinstance(value, kind))
