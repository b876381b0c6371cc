"""Prompts of which nothing can be seen are refused like empty ones."""

from __future__ import annotations

import pytest

from luma_jupyter.domain.requests import LONGEST_PROMPT, GenerateRequest
from luma_jupyter.domain.visibility import has_visible
from luma_jupyter.errors import InvalidRequest

INVISIBLE = (
    *("\u200b", "\u200c\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e\u200f", "\u202a\u202c", "\u2066\u2069", "\u061c"),
    *("\ufe0e\ufe0f", "\U000e0100", "\U000e0041", "\u180e", "\u180b", "\u034f", "\u115f\u1160", "\u3164", "\uffa0"),
    *("\u2800", "\x00\x07\x1b", "\x7f\x9f", "\u3000", "\u2028", "\u00a0", "\u17b4", "\ufffc", "\U0001d159", "\ufff0"),
)


@pytest.mark.parametrize("text", [*INVISIBLE, "".join(INVISIBLE), " \u200b \n \u2800 "])
def test_a_prompt_of_invisible_characters_is_empty(text: str) -> None:
    """Nobody pays for what nobody can see."""
    assert not has_visible(text)
    with pytest.raises(InvalidRequest, match="The prompt is empty"):
        GenerateRequest(prompt=text)


@pytest.mark.parametrize(
    "text", ["x", "🦊", ".", "ा", "́", "한", "⠁", "\ue000", "\U0001fae9", "中", "🏴\U000e0067\U000e007f"]
)
@pytest.mark.parametrize("around", ["", "\u200b", "\ufe0f", "\u2800"])
def test_one_visible_character_is_enough(text: str, around: str) -> None:
    """Also one that this Python's tables do not know yet; the invisible ones beside it stay."""
    prompt = f"{around}{text}{around}"
    assert GenerateRequest(prompt=prompt).prompt == prompt


def test_a_prompt_longer_than_any_is_refused() -> None:
    """A file of it could not be told from a stranger's that is to fill the memory."""
    assert GenerateRequest(prompt="x" * LONGEST_PROMPT)
    with pytest.raises(InvalidRequest, match="2,000,001 characters, and may have 2,000,000"):
        GenerateRequest(prompt="x" * (LONGEST_PROMPT + 1))
