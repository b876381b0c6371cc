"""The table page × output, as Markdown: made by the run, of what it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.pages.judgement import is_false

NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Row:
    """What was seen of one page, by output; ``columns`` are those that it ought to have.

    ``why_not`` is why it was not tried; ``troubles`` are steps that could not be taken, and errors of its scripts.
    """

    page: str
    columns: Sequence[str]
    cells: Mapping[str, str] = field(default_factory=dict)
    why_not: str = ""
    troubles: Sequence[str] = ()

    @property
    def failures(self) -> list[str]:
        """What is false on the page, and what could not be seen though it was tried."""
        if self.why_not:
            return []
        return [
            *(f"{name}: {word}" for name, word in self.cells.items() if is_false(word)),
            *(f"{name}: not seen" for name in self.columns if name not in self.cells),
            *self.troubles,
        ]


def table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The table; below it why a page was not tried, and all failures in full."""
    notes = [f"{row.page}: not tried, since {row.why_not}" for row in rows if row.why_not]
    notes += [f"{row.page}: {failure}" for row in rows for failure in row.failures]
    lines = [
        _line(["page", *columns]),
        _line(["---"] * (len(columns) + 1)),
        *(_line([row.page, *(_cell(row, column) for column in columns)]) for row in rows),
        *(line for note in notes for line in ("", note)),
    ]
    return "\n".join(lines) + "\n"


def _cell(row: Row, column: str) -> str:
    if row.why_not:
        return NOT_TRIED
    return row.cells.get(column, "not seen" if column in row.columns else "–")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
