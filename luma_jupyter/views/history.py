"""What `%luma history` gives: the journal's tasks as a table, in text, in HTML, and for pandas."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.domain.money import dollars
from luma_jupyter.domain.task import Task
from luma_jupyter.errors import ConfigError
from luma_jupyter.printable import writable
from luma_jupyter.views.html import html_table
from luma_jupyter.views.text import clock, short, sources_text, text_table

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

    ``gone`` are the files that are not there any more.
    """

    def __init__(self, tasks: Sequence[Task], folder: Path, now: float, gone: Collection[Path] = ()) -> None:
        self._tasks = tasks
        self._folder = folder
        self._now = now
        self._gone = gone

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each task as plain values: times as datetimes with zone, ``seconds``, ``cost`` in USD."""
        for task in self._tasks:
            yield {
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
        return [
            (
                row["made"].strftime("%Y-%m-%d %H:%M"),
                row["name"] or "-",
                short(row["prompt"], 48),
                row["action"],
                row["service"],
                row["status"],
                clock(row["seconds"]),
                _cost_text(task),
                short(row["source"] or "-", 24),
                f"{row['file'] or '-'}{' (gone)' if task.path in self._gone else ''}",
            )
            for row, task in zip(self, self._tasks, strict=True)
        ]

    def __repr__(self) -> str:
        if not self._tasks:
            return "No clips."
        return writable(text_table([tuple(name.upper() for name in COLUMNS), *self._cells()]))

    def _repr_html_(self) -> str:
        if not self._tasks:
            return "No clips."
        return html_table(COLUMNS, self._cells())


def _cost_text(task: Task) -> str:
    amount = task.charge(None)
    if amount is None:
        return "?"
    certain = task.cost is not None or amount == 0
    return dollars(amount) if certain else f"~{dollars(amount)}"
