"""What a word in a cell means: a variable that holds a clip, one of a list, a clip by its key, a frame or part of one.

Such as ``sunset``, ``takes[1]``, ``clip:3f9c2a1b``, ``sunset@last`` and ``sunset@1-4.5``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipSequence
from luma_jupyter.clip.cut import Cut
from luma_jupyter.clip.images import ClipFrame, Image, read_image
from luma_jupyter.clip.names import find_name, find_similar
from luma_jupyter.clip.session import Session
from luma_jupyter.domain.identifiers import KEY_PREFIX, is_reserved_name, is_variable_name, normalize_name
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.engine.local_files import as_image, looks_like_path
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.languages import N_

_INDEX = re.compile(r"\[(-?[0-9]{1,6})\]$")
_CLIPS = (Clip, ClipSequence)
_SECONDS = r"\d+\.?\d*|\.\d+"
_PART = re.compile(rf"({_SECONDS})?-({_SECONDS})?", re.ASCII)


def is_name(text: str) -> bool:
    """Whether somebody who wrote this meant a variable, or one of those that it holds, or a clip by its key."""
    return split_index(text)[0].isidentifier() or text.startswith(KEY_PREFIX)


def split_index(text: str) -> tuple[str, int | None]:
    """``takes[1]`` as a name and an index; None for the index where there is none."""
    match = _INDEX.search(text)
    return (text[: match.start()], int(match[1])) if match else (text, None)


class Lookup:
    """Looks words up in the user's ``variables``, and keys by ``clip_by_key``, which raises InvalidRequest.

    ``find_earlier`` gives the word for a clip that a variable of this name held in an earlier kernel, if there is one.
    """

    def __init__(
        self,
        variables: Mapping[str, Any],
        clip_by_key: Callable[[str], Clip],
        find_earlier: Callable[[str], str | None] = lambda name: None,
    ) -> None:
        self.variables = variables
        self._clip_by_key = clip_by_key
        self._find_earlier = find_earlier

    @classmethod
    def of(cls, session: Session) -> Lookup:
        """The lookup in a session."""
        return cls(session.variables(), session.clip_by_key, session.find_earlier)

    def find_name(self, value: object) -> str | None:
        """The variable that holds a value, if there is one."""
        return find_name(value, self.variables)

    def new_variable(self, name: str) -> str:
        """A name for a clip, as Python keeps it. Raises InvalidRequest for one that no variable can have, or that has a
        meaning of its own."""
        similar = _similar_name(name)
        if not name.isidentifier():
            raise InvalidRequest(f"-o {name}: use letters, digits and _, such as {similar}.")
        kept = normalize_name(name)
        if isinstance(self.variables.get(kept), ModuleType):
            raise InvalidRequest(f"-o {name}: this variable holds a module; take another name.")
        if not is_variable_name(name) or is_reserved_name(kept):
            raise InvalidRequest(f"-o {name}: Python needs this name itself; take another one, such as {similar}.")
        return kept

    def clip(self, text: str) -> Clip:
        """The clip of this name. Raises InvalidRequest for a name that holds none, or several."""
        found = self._find(text)
        if isinstance(found, ClipSequence):
            first, last = f"{text}[0]", f"{text}[{len(found) - 1}]"
            raise InvalidRequest(
                f"{text} is a list: take one of its clips, {first} to {last}." if found else f"{text} is an empty list."
            )
        return found

    def source(self, text: str) -> Clip | Cut | str:
        """The clip of this name, or a part of one; what is none stays the text of an id, a URL or a path.

        Raises InvalidRequest.
        """
        if cut := self._find_cut(text):
            return cut
        if is_name(text):
            return self.clip(text)
        in_braces = re.fullmatch(r"\{+\s*(.*?)\s*\}+", text)
        if in_braces and is_name(in_braces[1]):
            name = in_braces[1]
            raise InvalidRequest(f"{text}: braces are for prompts; here write {name}.")
        if self.find_frame(text):
            name = text.rpartition("@")[0]
            raise InvalidRequest(f"{text} is one frame; here goes a whole clip: write {name}.")
        return text

    def part(self, text: str) -> Any:
        """What a film is made of by this word: a clip, the clips of a list, a part of a clip, what else a variable
        holds; a picture with its seconds, as ``card.png@5``; what is none of these stays the text of a path.

        Raises InvalidRequest.
        """
        name, _, seconds = text.rpartition("@")
        if cut := self._find_cut(text):
            return cut
        if self._means_clips(name) and not looks_like_path(text):
            clip = self._one_of(name)
            raise InvalidRequest(
                f"{text}: write {clip}, or {clip}@1-4.5 for a part of it (seconds), or {clip}@1- to its end."
            )
        if looks_like_path(name) and re.fullmatch(_SECONDS, seconds, re.ASCII):
            return name, float(seconds)
        if in_python := re.fullmatch(r"(.+)\[([\d.]*):([\d.]*)\]", text):
            part = f"{in_python[1]}@{in_python[2] or 0}-{in_python[3]}"
            raise InvalidRequest(f"{text}: in a cell, write {part}.")
        if not is_name(text):
            return text
        value = self._value(text)
        return self._find(text) if value is None or isinstance(value, _CLIPS) else value

    def clips(self, names: Sequence[str]) -> dict[str, Clip]:
        """The clips of these names, each by the name it can be typed as. Raises InvalidRequest for one without any."""
        clips: dict[str, Clip] = {}
        for name in names:
            found = self._find(name)
            if isinstance(found, ClipSequence):
                clips |= {f"{name}[{index}]": clip for index, clip in enumerate(found)}
            else:
                clips[name] = found
        return clips

    def value(self, text: str) -> Any:
        """What a variable of this name holds; where there is none, the text, as of a path."""
        value = self._value(text) if text.isidentifier() else None
        return text if value is None else value

    def _find(self, text: str) -> Clip | ClipSequence:
        whole = text.rpartition("@")[0]
        if self._means_clips(whole):
            raise InvalidRequest(f"{text}: here goes a whole clip: write {whole}.")
        if text.startswith(KEY_PREFIX):
            return self._clip_by_key(text.removeprefix(KEY_PREFIX))
        name, index = split_index(text)
        if normalize_name(name) not in self.variables:
            reason = self._advice(text, _CLIPS) or N_("first run the cell that makes it, or check the name.")
            raise InvalidRequest(f"There is no variable {name}: {reason}")
        found = self.variables[normalize_name(name)]
        if index is not None and isinstance(found, ClipSequence):
            try:
                return found[index]
            except IndexError:
                last = f"{name}[{len(found) - 1}]"
                raise InvalidRequest(
                    f"There is no {text}: the last one is {last}."
                    if found
                    else f"There is no {text}: {name} is an empty list."
                ) from None
        if index is not None or not isinstance(found, Clip | ClipSequence):
            kind = type(found).__name__
            raise InvalidRequest(
                f"{name} is no list of clips, but of type {kind}."
                if index is not None
                else f"{name} is no clip, but of type {kind}. Write a video id or URL out here, or give it in Python: "
                f"luma_jupyter.extend({name}, …)."
            )
        return found

    def _advice(self, text: str, kind: type | tuple[type, ...], frame: str = "") -> str | None:
        """What to do about a name that no variable has, as the end of a sentence.

        ``kind`` is what it should hold, ``frame`` which one of a clip.
        """
        name, _ = split_index(text)
        if earlier := self._find_earlier(text):
            word = f"{earlier}{frame}"
            return N_(f"{text} was made here before; run its cell, or use {word}.")
        if similar := find_similar(name, self.variables, kind):
            meant = text.replace(name, similar, 1)
            return N_(f"did you mean {meant}?")
        return None

    def find_frame(self, text: str) -> ClipFrame | None:
        """The frame of a clip that ``sunset@last`` means; None for what is not written so.

        Behind the @ is first, last, or a number of seconds. Raises InvalidRequest where there is no such clip, or
        moment.
        """
        name, _, when = text.rpartition("@")
        if not is_name(name):
            return None
        if when in ("first", "last"):
            return self.clip(name).at(when)
        if re.fullmatch(_SECONDS, when, re.ASCII):
            return self.clip(name).at(float(when))
        if self._means_clips(name) and not looks_like_path(text):
            clip = self._one_of(name)
            raise InvalidRequest(
                f"{text} is a part of a clip. For a frame, write {clip}@first, {clip}@last or {clip}@2.5 (seconds)."
                if _PART.fullmatch(when) and when[0] != "-"
                else f"{text}: write {clip}@first, {clip}@last or {clip}@2.5 (seconds)."
            )
        return None

    def _find_cut(self, text: str) -> Cut | None:
        """The part of a clip that ``sunset@1-4.5`` means, ``sunset@1-``, or a variable; None for anything else.

        Raises InvalidRequest where there is no such clip, or part.
        """
        value = self._value(text) if text.isidentifier() else None
        if isinstance(value, Cut):
            return value
        name, _, seconds = text.rpartition("@")
        found = _PART.fullmatch(seconds)
        if not found or not is_name(name):
            return None
        start, end = found.groups()
        if start is None:  # which may mean its last seconds, too
            start_of = f"{name}@0-{end or 4.5}"
            raise InvalidRequest(f"{text}: write {start_of} for a part from its beginning, or {name}@1- to its end.")
        return self.clip(name).cut(float(start), float(end) if end else None)

    def _means_clips(self, text: str) -> bool:
        return text.startswith(KEY_PREFIX) or isinstance(self._value(text), _CLIPS)

    def _value(self, text: str) -> object:
        return self.variables.get(normalize_name(split_index(text)[0]))

    def _one_of(self, text: str) -> str:
        """The name of a clip; of a list, of its first one."""
        return f"{text}[0]" if isinstance(self._value(text), ClipSequence) and split_index(text)[1] is None else text

    def image(self, option: str, text: str) -> Image:
        """What ``--start-image`` and ``--end-image`` are given: a clip's frame, a variable, else a URL or a path.

        Raises InvalidRequest.
        """
        if frame := self.find_frame(text):
            return frame
        if self._means_clips(text):
            clip = self._one_of(text)
            raise InvalidRequest(
                f"{option} {text}: this is a clip; a frame of it is {clip}@first, {clip}@last or {clip}@2.5 (seconds)."
            )
        if not text.isidentifier():
            return as_image(option, text)
        name = normalize_name(text)
        if name not in self.variables:
            reason = self._advice(text, object, "@last") or N_("check the name.")
            raise InvalidRequest(f"{option}: there is no variable {text}; {reason}")
        value = self.variables[name]
        if value is None:
            raise InvalidRequest(f"{option} {text}: this variable is None, not a picture.")
        image = read_image(option, value)
        return replace(image, label=name) if isinstance(image, LocalFile) else image


def _similar_name(name: str) -> str:
    """A name like this one that a variable can have."""
    similar = re.sub(r"\W+", "_", name).strip("_") or "1"
    if similar[0].isdigit():
        similar = f"clip_{similar}"
    if not is_variable_name(similar) or is_reserved_name(similar):
        similar += "_1"
    return similar if is_variable_name(similar) else "clip_1"
