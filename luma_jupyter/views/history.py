"""What `%luma history` gives: the journal's tasks as a table, in text, in HTML, and for pandas."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.domain.money import Total
from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.past import AT_ONCE, Past
from luma_jupyter.errors import ConfigError
from luma_jupyter.languages import N_, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import writable
from luma_jupyter.views.html import NO_FORMULAS, escaped, html_table
from luma_jupyter.views.table import summary
from luma_jupyter.views.text import (
    MOST_LINES,
    SHORT_STATUS_TEXT,
    clock,
    lines_left_out,
    short,
    sources_text,
    text_table,
)

if TYPE_CHECKING:
    from pandas import DataFrame

_TIMES, _NUMBERS = ("made", "ended"), ("seconds", "cost")
FIELDS = (
    *("made", "name", "prompt", "action", "service", "status", "seconds", "cost", "file", "source", "task_id"),
    *("ended", "starred", "note"),
)
STAR = "★"
COLUMNS = (
    *(N_("made"), N_("name"), N_("prompt"), N_("action"), N_("service"), N_("status"), N_("time"), N_("cost")),
    *(N_("source"), N_("file")),
)


class History:
    """Tasks, oldest first. ``folder`` is the one that file names are shown relative to, ``now`` in Unix seconds.

    ``gone`` says of a file whether it is not there any more, ``notes`` gives a person's notes on tasks, by intent. The
    newest tasks are shown, and looked at for that; all are counted, and what they cost is added up.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        folder: Path,
        now: float,
        gone: Callable[[Path], bool] = lambda file: False,
        notes: Callable[[Sequence[Task]], Mapping[str, Note]] = lambda tasks: {},
    ) -> None:
        self._tasks = tasks
        self._folder = folder
        self._now = now
        self._gone = gone
        self._notes = notes

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each task as plain values: times as datetimes with zone, ``seconds``, ``cost`` in USD."""
        tasks = iter(self._tasks)
        while page := list(islice(tasks, AT_ONCE)):
            yield from self._rows(page)

    def _rows(self, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        notes = self._notes(tasks)
        return [self._row(task, notes.get(task.intent, NO_NOTE)) for task in tasks]

    def _row(self, task: Task, note: Note) -> dict[str, Any]:
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
            "starred": note.starred,
            "note": note.text or None,
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

    @cached_property
    def _table(self) -> list[tuple[str, ...]]:
        """The cells of the newest tasks below the names of their columns: a star and a note where there is one."""
        tasks = list(self._tasks[-MOST_LINES:])
        rows = self._rows(tasks)
        more = [name for name in ("starred", "note") if any(row[name] for row in rows)]
        texts = [
            tuple(map(_, COLUMNS)),
            *(self._cell_texts(row, task) for row, task in zip(rows, tasks, strict=True)),
        ]
        notes = [
            tuple(STAR if name == "starred" else _("note") for name in more),
            *(tuple(_note_text(row[name]) for name in more) for row in rows),
        ]
        return [(*text[:2], *note, *text[2:]) for text, note in zip(texts, notes, strict=True)]

    def _cell_texts(self, row: dict[str, Any], task: Task) -> tuple[str, ...]:
        return (
            row["made"].strftime("%Y-%m-%d %H:%M"),
            short(row["name"] or "-", 80),
            short(row["prompt"], 48),
            row["action"],
            row["service"],
            translated(SHORT_STATUS_TEXT[task.status]),
            clock(row["seconds"]),
            _cost_text(task.total),
            short(row["source"] or "-", 24),
            _("{file} (gone)").format(file=row["file"]) if task.path and self._gone(task.path) else row["file"] or "-",
        )

    @cached_property
    def _summary(self) -> str:
        """How many there are in which state, and what all of them cost."""
        if isinstance(self._tasks, Past):
            counts, total = self._tasks.counts, self._tasks.total
        else:
            counts = Counter(task.status for task in self._tasks)
            total = sum((task.total for task in self._tasks), Total())
        return _("{summary}. Cost: {total}.").format(summary=summary(counts), total=translated(total))

    @property
    def _left_out(self) -> str:
        """The line on tasks that are not shown, and how to see them."""
        left = len(self) - MOST_LINES
        how = _("`%luma history --day 2026-11-22` shows one day, and `dataframe()` of what this line gives has all.")
        return _(": ").join([lines_left_out(left), how]) if left > 0 else ""

    def __repr__(self) -> str:
        if not self._tasks:
            return _("No clips.")
        names, *cells = self._table
        table = text_table([tuple(name.upper() for name in names), *cells])
        return writable("\n".join(filter(None, [self._left_out, table, self._summary])))

    def _repr_html_(self) -> str:
        if not self._tasks:
            return _("No clips.")
        names, *cells = self._table
        above = f"<div>{escaped(self._left_out)}</div>" if self._left_out else ""
        below = f'<div class="{NO_FORMULAS}">{escaped(self._summary)}</div>'
        return f"{above}{html_table(names, cells)}{below}"


def _note_text(value: bool | str | None) -> str:
    return STAR if value is True else short(value or "", 80)


def _cost_text(total: Total) -> str:
    return "?" if total.unknown else str(total)
