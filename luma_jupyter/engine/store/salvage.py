"""What can still be read of a damaged journal, row by row; and what is known of the rows that cannot.

A table is read from both ends, up to where it is damaged. What lies between two damages is found by its key, which the
table's indexes have too; a key whose row cannot be read any more tells at least that there was one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from luma_jupyter.engine.store.serialization import read_task

Row: TypeAlias = tuple[Any, ...]

# The indexes of the tasks, by the column that each has beside the key.
_INDEXES = {
    "fingerprint": "tasks_by_fingerprint",
    "created_at": "tasks_by_time",
    "status": "tasks_by_status",
    "task_id": "tasks_by_task_id",
}
# The other tables that are kept, each with its key and the types of its columns. Uploads are not: they are made anew.
_OTHERS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "owners": ("owner", (str, float)),
    "leases": ("intent", (str, int)),
    "durations": ("number", (int, str, str, float)),
    "lost": ("intent", (str, object, object, object)),
    "notes": ("intent", (str, int, str, str)),
}


@dataclass(frozen=True)
class Salvage:
    """How many tasks of a damaged journal could be read, and of how many it is only known that they were there."""

    kept: int
    lost: int


def salvage(damaged: sqlite3.Connection, new: sqlite3.Connection, now: float) -> Salvage:
    """Copy all whole rows of a damaged journal into a new one, and enter there what is known of the others.

    One whose time is not known is entered as made ``now`` (Unix seconds), so that it counts for this day's budget, and
    not for each later one's.
    """
    rows, known = _read_tasks(damaged)
    for row in rows.values():
        _insert(new, "tasks", row)
    lost = known.keys() - rows.keys()
    for table, (key, types) in _OTHERS.items():
        for row in _from_both_ends(damaged, f"SELECT * FROM {table}", key):
            if len(row) == len(types) and all(map(isinstance, row, types)):
                _insert(new, table, row)
    for intent in lost:
        facts = known[intent]
        row = (intent, facts.get("fingerprint"), facts.get("created_at", now), facts.get("task_id"))
        _insert(new, "lost", row)
    return Salvage(len(rows), len(lost))


def _read_tasks(damaged: sqlite3.Connection) -> tuple[dict[str, Row], dict[str, dict[str, object]]]:
    """The whole rows, by intent; and by intent what the indexes say of all."""
    rows = {row[0]: row for row in _from_both_ends(damaged, "SELECT * FROM tasks NOT INDEXED", "intent")}
    known: dict[str, dict[str, object]] = {intent: {} for intent in rows}
    for column, index in _INDEXES.items():
        query = f"SELECT intent, {column} FROM tasks INDEXED BY {index}"
        for intent, value in _from_both_ends(damaged, query, column):
            known.setdefault(intent, {})[column] = value
    for intent in known.keys() - rows.keys():
        with suppress(sqlite3.DatabaseError):
            found = damaged.execute("SELECT * FROM tasks NOT INDEXED WHERE intent = ?", (intent,)).fetchone()
            if found is not None:
                rows[intent] = found
    return {intent: row for intent, row in rows.items() if _is_whole(row)}, known


def _from_both_ends(connection: sqlite3.Connection, query: str, order: str) -> Iterator[Row]:
    """The rows up to the first damage, and those down to the last one; where there is none, each twice."""
    for direction in ("ASC", "DESC"):
        with suppress(sqlite3.DatabaseError):
            yield from connection.execute(f"{query} ORDER BY {order} {direction}")


def _is_whole(row: Row) -> bool:
    """Whether a row's columns say what its snapshot says."""
    intent, fingerprint, _, created_at, status, _, snapshot, _ = row
    task = read_task(snapshot)
    return task is not None and (intent, fingerprint, created_at, status) == (
        task.intent,
        task.fingerprint,
        task.created_at,
        task.status.value,
    )


def _insert(new: sqlite3.Connection, table: str, row: Row) -> None:
    with suppress(sqlite3.DatabaseError):  # a value that the table does not take
        new.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)
