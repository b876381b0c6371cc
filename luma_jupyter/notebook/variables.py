"""The notebook's variables: from a name that the user typed to clips, and from a clip to the name that it can be typed
as.

A variable holds one clip, or a list of them as a batch gives it; ``takes[1]`` is one of such a list, here as in Python.
A clip that no variable holds is called by its key, ``clip:3f9c2a1b``; and ``sunset@last`` is a frame of a clip.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from IPython import get_ipython

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.session import clip_by_key

_NAME = re.compile(r"([^\W\d]\w*)(?:\[(-?\d{1,6})\])?")
_KEY = "clip:"  # before the key of a clip


def is_name(text: str) -> bool:
    """Whether somebody who wrote this meant a variable, or one of those that it holds, or a clip by its key."""
    return bool(_NAME.fullmatch(text)) or text.startswith(_KEY)


def frame_asked(text: str, namespace: Mapping[str, Any]) -> tuple[Clip, float | str] | None:
    """The clip and the moment in it that ``sunset@last`` means; None for what is not written so.

    The moment is first, last, or a number of seconds. Raises InvalidRequest where there is no such clip.
    """
    name, _, when = text.rpartition("@")
    if not is_name(name) or not re.fullmatch(r"first|last|\d+(\.\d+)?", when):
        return None
    return lookup_clip(name, namespace), when if when in ("first", "last") else float(when)


def lookup_clip(text: str, namespace: Mapping[str, Any]) -> Clip:
    """The clip of this name. Raises InvalidRequest for a name that holds none, or several."""
    found = _lookup(text, namespace)
    if isinstance(found, Clips):
        some = f": {text}[0] to {text}[{len(found) - 1}]" if found else ", but it is empty"
        raise InvalidRequest(f"{text} holds {len(found)} clips; take one of them{some}.")
    return found


def lookup_clips(names: list[str], namespace: Mapping[str, Any]) -> dict[str, Clip]:
    """The clips of these names, each by the name it can be typed as. Raises InvalidRequest for a name without any."""
    clips: dict[str, Clip] = {}
    for name in names:
        found = _lookup(name, namespace)
        clips |= {f"{name}[{i}]": clip for i, clip in enumerate(found)} if isinstance(found, Clips) else {name: found}
    return clips


def _lookup(text: str, namespace: Mapping[str, Any]) -> Clip | Clips:
    if text.startswith(_KEY):
        return clip_by_key(text.removeprefix(_KEY))
    match = _NAME.fullmatch(text)
    name, index = match.groups() if match else (text, None)
    if name not in namespace:
        raise InvalidRequest(f"There is no variable {name}: run the cell that makes it first, or check the name.")
    found = namespace[name]
    if index is not None and isinstance(found, Clips):
        try:
            return found[int(index)]
        except IndexError:
            raise InvalidRequest(f"There is no {text}: {name} holds {len(found)} clips.") from None
    if index is not None or not isinstance(found, Clip | Clips):
        what = f"a clip but of type {type(found).__name__}" if index is None else "a list of clips"
        raise InvalidRequest(
            f"{name} is not {what}. A video id or URL is written out here, or given in Python: "
            f"luma_jupyter.extend({name}, …)."
        )
    return found


def word_for(clip: Clip) -> str:
    """What a cell can call a clip now: a variable that holds it, else its key."""
    return name_of(clip) or f"{_KEY}{clip._task.key}"


def name_of(clip: Clip) -> str | None:
    """The variable that holds a clip, as far as there is one: ``sunset``, or ``takes[1]`` where a list holds it."""
    shell = get_ipython()
    variables: list[tuple[str, object]]
    variables = [(name, value) for name, value in list(shell.user_ns.items()) if name[0] != "_"] if shell else []
    for name, value in variables:
        if value is clip:
            return name
    lists = [(name, value) for name, value in variables if isinstance(value, Clips) and clip in value]
    return next((f"{name}[{value.index(clip)}]" for name, value in lists), None)
