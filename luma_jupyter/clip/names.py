"""From a clip to the word that a cell can use for it now.

A variable holds one clip, or a list of them as a batch gives it; ``takes[1]`` is one of such a list, here as in Python.
A clip that no variable holds is called by its key, ``clip:3f9c2a1b``.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipSequence
from luma_jupyter.domain.identifiers import KEY_PREFIX, is_variable_name, normalize_name

_ALIKE = 0.55  # as foks is to fox


def visible_variables(variables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The variables that a cell can name, with their values; without those that begin with an underscore."""
    return [
        (name, value)
        for name, value in list(variables.items())
        if is_variable_name(name) and name[0] != "_" and name == normalize_name(name)
    ]


def find_name(value: object, variables: Mapping[str, Any]) -> str | None:
    """The variable that holds a value, if there is one: ``sunset``, or ``takes[1]`` where a clip is in a list."""
    visible = visible_variables(variables)
    for name, held in visible:
        if held is value:
            return name
    if not isinstance(value, Clip):
        return None
    lists = [(name, held) for name, held in visible if isinstance(held, ClipSequence) and value in held]
    return next((f"{name}[{held.index(value)}]" for name, held in lists), None)


def find_word(clip: Clip, variables: Mapping[str, Any]) -> str:
    """What a cell can call a clip now: a variable that holds it, else its key."""
    return find_name(clip, variables) or f"{KEY_PREFIX}{clip.task.key}"


def find_similar(name: str, variables: Mapping[str, Any], kind: type | tuple[type, ...] = object) -> str | None:
    """The variable of this kind that was meant by a name which there is not; None where none is like it."""
    names = [known for known, value in visible_variables(variables) if isinstance(value, kind)]
    return next(iter(get_close_matches(normalize_name(name), names, 1, _ALIKE)), None)
