"""Tab completion in ``%%luma`` and ``%luma`` lines: actions, words, options, their values, and clip variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from luma_jupyter.cells.options import FLAGS, LINE_WORDS, OPTIONS
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.names import visible_variables
from luma_jupyter.domain.identifiers import normalize_name
from luma_jupyter.domain.vocabulary import ACTIONS

_VALUES = {flag: option.choices for option in OPTIONS for flag in option.flags if option.choices}
_ARGUMENTS = {word.word: word.choices for word in LINE_WORDS}
_IMAGES = {flag for option in OPTIONS for flag in option.flags if option.name.endswith("_image")}


class Completer:
    """Completes from the whole line up to the cursor. ``variables`` gives the user's."""

    def __init__(self, variables: Callable[[], Mapping[str, Any]]) -> None:
        self._variables = variables

    def complete(self, line: str) -> tuple[str, list[str]]:
        """The unfinished word at the end of ``line``, and what it can become; nothing outside the magics."""
        magic, _, rest = line.lstrip().partition(" ")
        if magic not in ("%%luma", "%luma") or not line.lstrip().startswith(f"{magic} "):
            return "", []
        *before, word = rest.split(" ")
        previous = next((w for w in reversed(before) if w), "")
        begun = normalize_name(word)
        return word, sorted(text for text in self._candidates(magic, before, previous) if text.startswith(begun))

    def _candidates(self, magic: str, before: list[str], previous: str) -> list[str]:
        visible = visible_variables(self._variables())
        clips = [name for name, value in visible if isinstance(value, Clip)]
        lists = [name for name, value in visible if isinstance(value, ClipList)]
        if magic == "%luma":
            if not any(before):
                return [word.word for word in LINE_WORDS]
            return list(_ARGUMENTS.get(previous, ())) or [*clips, *lists]
        if previous in _VALUES:
            return list(_VALUES[previous])
        if previous in _IMAGES:
            return [f"{name}@{when}" for name in clips for when in ("first", "last")]
        has_action = any(word in ACTIONS for word in before)
        return [*([] if has_action else ACTIONS), *FLAGS, *clips, *(f"{name}[0]" for name in lists)]
