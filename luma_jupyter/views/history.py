"""What `%luma history` gives: the journal's tasks as a table, in text, in HTML, and for pandas."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.domain.money import dollars
from luma_jupyter.domain.task import Task
from luma_jupyter.errors import ConfigError
from luma_jupyter.printable import writable
from luma_jupyter.views.html import escaped, html_table
from luma_jupyter.views.text import MOST_LINES, clock, lines_left_out, short, sources_text, text_table

if TYPE_CHECKING:
    from pandas import DataFrame

_TIMES, _NUMBERS = ("made", "ended"), ("seconds", "cost")
FIELDS = (
    *("made", "name", "prompt", "action", "service", "status", "seconds", "cost", "file", "source", "task_id"),
    "ended",
)
COLUMNS = ("made", "name", "prompt", "action", "service", "status", "time", "cost", "source", "file")


class History:
    """Tasks, oldest first. ``folder`` is the one that file names are shown relative to, ``now`` in Unix seconds.

    ``gone`` says of a file whether it is not there any more. The newest tasks are shown, and looked at for that.
    """

    def __init__(
        self, tasks: Sequence[Task], folder: Path, now: float, gone: Callable[[Path], bool] = lambda file: False
    ) -> None:
        self._tasks = tasks
        self._folder = folder
        self._now = now
        self._gone = gone

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each task as plain values: times as datetimes with zone, ``seconds``, ``cost`` in USD."""
        return map(self._row, self._tasks)

    def _row(self, task: Task) -> dict[str, Any]:
        return {
            "made": datetime.fromtimestamp(task.created_at, UTC).astimezone(),
            "name": task.name,
            "prompt": task.request.prompt,
            "action": task.request.action,
            "service": task.provider,
            "status": task.status.value,
            "seconds": task.elapsed(self._now),
            "cost": task.charge(None),
            "file": self._file(task),
            "source": sources_text(task) or None,
            "task_id": task.task_id,
            "ended": datetime.fromtimestamp(task.ended_at, UTC).astimezone() if task.ended_at else None,
        }

    def dataframe(self) -> DataFrame:
        """The same as a pandas DataFrame, a row for each task, times in this moment's time zone.

        Raises ConfigError where pandas is not installed.
        """
        try:
            import pandas  # optional
        except ImportError:
            raise ConfigError("A DataFrame needs pandas: pip install pandas") from None
        frame = pandas.DataFrame(list(self), columns=list(FIELDS))
        here = datetime.now().astimezone().tzinfo  # one for the column: summer's and winter's would not mix
        for name in _TIMES:
            frame[name] = pandas.to_datetime(frame[name], utc=True).dt.tz_convert(here)
        return frame.astype(dict.fromkeys(_NUMBERS, "float64"))

    def _file(self, task: Task) -> str | None:
        if task.path is None:
            return None
        try:
            return os.path.relpath(task.path, self._folder)
        except ValueError:  # another drive
            return task.path.name

    def _cells(self) -> list[tuple[str, ...]]:
        return [self._cell_texts(self._row(task), task) for task in self._tasks[-MOST_LINES:]]

    def _cell_texts(self, row: dict[str, Any], task: Task) -> tuple[str, ...]:
        return (
            row["made"].strftime("%Y-%m-%d %H:%M"),
            short(row["name"] or "-", 80),
            short(row["prompt"], 48),
            row["action"],
            row["service"],
            row["status"],
            clock(row["seconds"]),
            _cost_text(task),
            short(row["source"] or "-", 24),
            f"{row['file'] or '-'}{' (gone)' if task.path and self._gone(task.path) else ''}",
        )

    @property
    def _left_out(self) -> str:
        """The line on tasks that are not shown, and how to see them."""
        left = len(self) - MOST_LINES
        how = "`%luma history --day 2026-11-22` shows a day, and `dataframe()` of what the line gives has all."
        return f"{lines_left_out(left)}: {how}" if left > 0 else ""

    def __repr__(self) -> str:
        if not self._tasks:
            return "No clips."
        table = text_table([tuple(name.upper() for name in COLUMNS), *self._cells()])
        return writable("\n".join(filter(None, [self._left_out, table])))

    def _repr_html_(self) -> str:
        if not self._tasks:
            return "No clips."
        above = f"<div>{escaped(self._left_out)}</div>" if self._left_out else ""
        return f"{above}{html_table(COLUMNS, self._cells())}"


def _cost_text(task: Task) -> str:
    amount = task.charge(None)
    if amount is None:
        return "?"
    certain = task.cost is not None or amount == 0
    return dollars(amount) if certain else f"~{dollars(amount)}"
