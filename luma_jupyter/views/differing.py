"""The part by which prompts differ, where many stand below each other and none has room for all of it."""

from __future__ import annotations

from collections.abc import Iterable

_FITS = 40  # characters of a prompt that a row has room for
_LEAST = 10  # characters of a beginning that is worth leaving out


def common_beginning(prompts: Iterable[str]) -> str:
    """What all prompts begin with, in whole words; empty where that is little, or they are all the same."""
    different = set(prompts)
    low, high = (min(different), max(different)) if len(different) > 1 else ("", "")
    length = next((at for at, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), len(low))
    beginning = low[:length]
    words = beginning[: beginning.rfind(" ") + 1] or beginning  # Chinese has no spaces
    return words if len(words) >= _LEAST else ""


def differing_part(prompt: str, beginning: str) -> str:
    """A prompt without the common ``beginning``, where it is long: ``…at dawn``."""
    rest = prompt.removeprefix(beginning)
    return f"…{rest}" if rest and rest != prompt and len(prompt) > _FITS else prompt
