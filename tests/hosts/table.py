"""The table host × feature, as Markdown: made by the run, of what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

NOT_TRIED = "not tried"
LONGEST = 80  # characters of a cell


@dataclass(frozen=True)
class Column:
    """What was found for one host: a row each by name. ``python`` is its version, ``why_not`` why it was not tried."""

    host: str
    python: str
    rows: Mapping[str, str] = field(default_factory=dict)
    why_not: str | None = None

    @property
    def failures(self) -> list[str]:
        """The rows in which something does not hold, in full."""
        return [f"{name}: {became}" for name, became in self.rows.items() if "fails" in became or "CHANGES" in became]


def table(columns: Sequence[Column]) -> str:
    """The table; below it why something was not tried, and all failures in full.

    Rows next to each other in which all hosts are alike are one row.
    """
    rows = list(dict.fromkeys(name for column in columns for name in column.rows))
    alike = groupby(rows, key=lambda row: [_cell(column, row) for column in columns])
    lines = [
        _line(["", *(f"{column.host}, Python {column.python}" for column in columns)]),
        _line(["---"] * (len(columns) + 1)),
        *(_line([", ".join(names), *cells]) for cells, names in alike),
    ]
    notes = [
        *(
            f"{column.host}, Python {column.python}: not tried, {column.why_not}."
            for column in columns
            if column.why_not
        ),
        *(f"{column.host}, Python {column.python}: {failure}" for column in columns for failure in column.failures),
    ]
    return "\n".join([*lines, *(line for note in notes for line in ("", note))]) + "\n"


def _cell(column: Column, row: str) -> str:
    words = " ".join(column.rows.get(row, NOT_TRIED).split()).replace("|", "\\|")
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
