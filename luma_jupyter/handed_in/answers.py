"""What a student has answered in a lesson: cells tagged ``answer``, and what the cells tagged ``check`` said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from luma_jupyter.handed_in.notebook import text_of
from luma_jupyter.languages import ngettext

RIGHT = (
    "Right: ",
    "对了：",
)  # what a check's line begins with where the answer is right, in English or Chinese
MOST_ANSWERS = 100
LONGEST_ANSWER = 1_000  # characters
_LONGEST_SAID = 10_000  # characters of a check


@dataclass(frozen=True)
class Answers:
    """How many of the ``questions`` with a check are answered right, by the outputs that were saved; ``texts`` are the
    answers as they were written."""

    right: int = 0
    questions: int = 0
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = ngettext("{right} of {count} answer right", "{right} of {count} answers right", self.questions)
        return text.format(right=f"{self.right:,}", count=f"{self.questions:,}")


def answers_in(notebooks: Iterable[Mapping[str, Any]]) -> Answers:
    """The answers in what `parse_notebook` gave, of which nothing but the cells' kinds and sources was checked."""
    cells = [cell for notebook in notebooks for cell in notebook["cells"] if cell["cell_type"] == "code"]
    checks = [cell for cell in cells if _has_tag(cell, "check")]
    texts = [text_of(cell["source"]).strip() for cell in cells if _has_tag(cell, "answer")]
    return Answers(sum(map(_is_right, checks)), len(checks), tuple(map(_cut, texts[:MOST_ANSWERS])))


def _has_tag(cell: Mapping[str, Any], tag: str) -> bool:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return isinstance(tags, list) and tag in tags


def _is_right(check: Mapping[str, Any]) -> bool:
    said = "".join(_printed(check))[:_LONGEST_SAID]
    return any(line.startswith(RIGHT) for line in said.splitlines())


def _printed(cell: Mapping[str, Any]) -> Iterator[str]:
    return (text_of(one.get("text")) for one in cell.get("outputs", ()) if one.get("name") == "stdout")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_ANSWER else f"{text[: LONGEST_ANSWER - 1]}…"
