"""A person's note on a clip: whether it is starred, and a line of words. It is no fact of the clip, and stands beside
these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luma_jupyter.domain.values import read_flag
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.printable import printable

LONGEST_NOTE = 2_000  # characters


def _line(text: str) -> str:
    return " ".join(printable(text).split())


@dataclass(frozen=True, slots=True)
class Note:
    """A star, and words on one line, without control characters. Raises InvalidRequest for what can be no note."""

    starred: bool = False
    text: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InvalidRequest(f"A note must be text, not {shown(self.text)}.")
        text = _line(self.text)
        if len(text) > LONGEST_NOTE:
            raise InvalidRequest(f"The note has {len(text):,} characters, and may have {LONGEST_NOTE:,}.")
        object.__setattr__(self, "starred", read_flag("starred", self.starred))
        object.__setattr__(self, "text", text)

    def __str__(self) -> str:
        return " ".join(filter(None, ["★" if self.starred else "", self.text]))

    @property
    def record(self) -> dict[str, Any]:
        """The note as plain data, as it is kept."""
        return {"starred": self.starred, "text": self.text}


NO_NOTE = Note()


def read_note(record: object) -> Note:
    """The note of a record, which somebody may have written by hand: what can be none counts for nothing."""
    if not isinstance(record, Mapping):
        return NO_NOTE
    text = record.get("text")
    line = _line(text)[:LONGEST_NOTE] if isinstance(text, str) else ""
    return Note(record.get("starred") is True, line)
