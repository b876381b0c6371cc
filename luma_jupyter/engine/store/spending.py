"""What each day's tasks cost or may cost: sums in the journal's file, so that asking for them does not grow with it.

Triggers note which tasks were changed, whichever version of luma_jupyter does it; who asks for the sums brings them up
to date first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from luma_jupyter.domain.money import Charges, Total
from luma_jupyter.domain.vocabulary import Action, Provider, Status
from luma_jupyter.engine.store.database import Database
from luma_jupyter.engine.store.serialization import read_task
from luma_jupyter.errors import ConfigError

SLOT = 900  # seconds: local days begin on a quarter of an hour everywhere
NANO = 1e9  # sums are whole numbers of billionths of a dollar, from which can be taken away what was added

TABLES = {
    "charges": (
        "CREATE TABLE charges (intent TEXT PRIMARY KEY, slot, provider, action, follower, usd, calls, unpriced) "
        "WITHOUT ROWID",
    ),
    "spending": (
        "CREATE TABLE spending (slot, provider, action, follower, tasks, usd, calls, unpriced, "
        "PRIMARY KEY (slot, provider, action, follower)) WITHOUT ROWID",
    ),
    "changed": (
        "CREATE TABLE changed (intent TEXT PRIMARY KEY) WITHOUT ROWID",
        "INSERT INTO changed SELECT intent FROM tasks",
        *(
            f"CREATE TRIGGER on_{event.lower()} AFTER {event} ON tasks BEGIN "
            f"INSERT OR REPLACE INTO changed VALUES ({row}.intent); END"
            for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
        ),
    ),
}

_WANTED = "intent IN (SELECT value FROM json_each(?))"
_COST = "CASE WHEN json_valid(task) THEN json_extract(task, '$.cost') END"  # what was reported

_Key: TypeAlias = tuple[Any, ...]  # slot, provider, action, follower
_Sums: TypeAlias = tuple[float, ...]  # tasks, usd, calls, unpriced


@dataclass(frozen=True)
class Spending:
    """What ``tasks`` of one action at a service cost or may cost.

    ``follower`` is the process that has not sent them yet, and may; empty for all others. ``provider`` is empty where
    nobody can read their snapshots.
    """

    provider: Provider
    action: Action
    follower: str
    tasks: int
    charges: Charges


@dataclass(frozen=True)
class Day:
    """What was asked for on a day, and how many more tasks there were whose entries a damage took."""

    spending: Sequence[Spending]
    lost: int = 0


class SpendingSums:
    """The sums in a journal's file."""

    def __init__(self, file: Database) -> None:
        self._file = file

    def since(self, since: float) -> list[Spending]:
        """What was made since then (Unix seconds; a quarter of an hour)."""
        try:
            return self._file.transact(lambda: self._since(since))
        except ConfigError:  # one that a newer version wrote is read only
            rows, _ = self._file.execute("SELECT created_at, task, owner FROM tasks WHERE created_at >= ?", since)
            return [_spending(*_facts(*row)) for row in rows]

    def total(self, intents: Sequence[str]) -> Total:
        """What some tasks cost together."""
        wanted = json.dumps(intents)
        try:
            return self._file.transact(lambda: self._total(wanted))
        except ConfigError:  # one that a newer version wrote is read only
            rows, _ = self._file.execute(f"SELECT task FROM tasks WHERE {_WANTED}", wanted)
            return sum((task.total for (text,) in rows if (task := read_task(text))), Total())

    def _total(self, wanted: str) -> Total:
        self._add_up_changed()
        charged = "FROM json_each(?) AS wanted JOIN charges ON charges.intent = wanted.value"
        sums = f"SELECT TOTAL(usd), COUNT(NULLIF(unpriced, 0)) {charged}"
        expected = f"SELECT 1 {charged} JOIN tasks USING (intent) WHERE usd > 0 AND {_COST} IS NULL LIMIT 1"
        ((usd, unknown),), _ = self._file.execute(sums, wanted)
        return Total(usd / NANO, not self._file.execute(expected, wanted)[0], unknown)

    def _since(self, since: float) -> list[Spending]:
        self._add_up_changed()
        sql = (
            "SELECT 0, provider, action, follower, TOTAL(tasks), TOTAL(usd), TOTAL(calls), TOTAL(unpriced) "
            "FROM spending WHERE slot >= ? GROUP BY provider, action, follower"
        )
        return [_spending(row[:4], row[4:]) for row in self._file.execute(sql, since // SLOT)[0]]

    def _add_up_changed(self) -> None:
        """Put what changed tasks cost now in the place of what they had cost."""
        execute = self._file.execute
        changes: dict[_Key, _Sums] = {}

        def add(key: _Key, sums: _Sums, sign: int) -> None:
            changes[key] = tuple(a + sign * b for a, b in zip(changes.get(key, (0,) * 4), sums, strict=True))

        rows, _ = execute("SELECT intent, created_at, task, owner FROM changed LEFT JOIN tasks USING (intent)")
        for intent, *row in rows:
            for old in execute("SELECT * FROM charges WHERE intent = ?", intent)[0]:
                add(old[1:5], (1, *old[5:]), -1)
            execute("DELETE FROM charges WHERE intent = ?", intent)
            if row[0] is not None:  # else it was deleted
                key, sums = _facts(*row)
                add(key, sums, 1)
                execute("INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?, ?)", intent, *key, *sums[1:])
        for key, sums in changes.items():
            execute("INSERT OR IGNORE INTO spending VALUES (?, ?, ?, ?, 0, 0, 0, 0)", *key)
            execute(
                "UPDATE spending SET tasks = tasks + ?, usd = usd + ?, calls = calls + ?, unpriced = unpriced + ? "
                "WHERE slot = ? AND provider = ? AND action = ? AND follower = ?",
                *sums,
                *key,
            )
        if rows:
            execute("DELETE FROM changed")

    def add_up_anew(self) -> None:
        """Forget the sums, as a damage of them would show nowhere; in a transaction."""
        for table in ("charges", "spending"):
            self._file.execute(f"DELETE FROM {table}")
        self._file.execute("INSERT OR REPLACE INTO changed SELECT intent FROM tasks")


def _facts(created_at: float, text: object, owner: str | None) -> tuple[_Key, _Sums]:
    """A task's place in the sums, and what it adds there."""
    task = read_task(text)
    if task is None:
        return (created_at // SLOT, "", "", ""), (1, 0.0, 0, 0)
    counted_at = (task.doubts and task.sent_at) or created_at  # what was sent again may be paid for at that time
    unsent = task.status in (Status.QUEUED, Status.SUBMITTING) and not (task.sent_at or task.task_id or task.doubts)
    charges = task.charges
    return (
        (counted_at // SLOT, task.provider, task.request.action, (owner or "nobody") if unsent else ""),
        (1, float(round(charges.usd * NANO)), charges.calls, charges.unpriced),
    )


def _spending(key: _Key, sums: _Sums) -> Spending:
    _, provider, action, follower = key
    tasks, usd, calls, unpriced = sums
    return Spending(provider, action, follower, int(tasks), Charges(usd / NANO, int(calls), int(unpriced)))
