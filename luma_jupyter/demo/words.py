"""What a prompt says by the words that the demo service understands, in English and Chinese."""

from __future__ import annotations

import re
from dataclasses import dataclass

from luma_jupyter.domain import prompt_words
from luma_jupyter.domain.prompt_words import Word

WORDS = tuple(word for word in prompt_words.WORDS if word.english)
SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "in",
        "at",
        "on",
        "of",
        "with",
        "and",
        "under",
        "over",
        "by",
        "to",
        "into",
        "在",
        "的",
        "里",
        "中",
    ]
)


@dataclass(frozen=True)
class Direction:
    """What a prompt says by its words, in the order of the table."""

    words: tuple[Word, ...]

    @classmethod
    def of(cls, prompt: str) -> Direction:
        """Read a prompt. What one word has taken is no part of another: there is no mountain in 火山."""
        text, found = prompt.lower(), []
        for word in WORDS:
            if word.is_in(text):
                found.append(word)
                text = word.taken_out_of(text)
        return cls(tuple(found))

    def names(self, kind: str) -> tuple[str, ...]:
        """What is said of a kind, such as every move of the camera."""
        return tuple(word.name for word in self.words if word.kind == kind)

    def rest_of(self, prompt: str) -> str:
        """What a prompt says beside these words: prompts that differ in them alone have the same rest."""
        text = prompt.lower()
        for word in self.words:
            text = word.taken_out_of(text)
        return " ".join(part for part in re.findall(r"\w+", text) if part not in SMALL_WORDS)
