"""Which tasks are looked for, as a condition that the journal and the index of media folders both understand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

LAST = "\U0010ffff"  # comes after every other character
ALWAYS = 1e12  # Unix seconds: nothing is as late


@dataclass(frozen=True)
class Wanted:
    """Tasks made from ``since`` to before ``until`` (Unix seconds).

    ``by`` narrows them to those of which that is one of ``values``; a key is the beginning of an intent. ``statuses``
    are those that the journal has of them; none: all. ``newest``: only so many of them.
    """

    since: float = 0.0
    until: float = ALWAYS
    by: Literal["all", "key", "intent", "name", "task_id"] = "all"
    values: Sequence[str] = ()
    statuses: Sequence[str] = ()
    newest: int | None = None

    @property
    def narrow(self) -> bool:
        """Whether few are wanted of many."""
        return self.by != "all" or self.newest is not None

    def sql(self, columns: Mapping[str, str]) -> tuple[str, list[object]]:
        """The condition, behind a WHERE, and its values; ``columns`` are SQL for what a table calls otherwise."""
        if self.by == "all":
            return "created_at >= ? AND created_at < ?", [self.since, self.until]
        column = columns.get(self.by, self.by)
        span = "+created_at >= ? AND +created_at < ?"  # with a +, SQLite takes the other column's index
        if self.by == "key":
            (key,) = self.values
            return f"{span} AND intent >= ? AND intent < ?", [self.since, self.until, key, key + LAST]
        chosen = f"{span} AND {column} IN (SELECT value FROM json_each(?))"
        return chosen, [self.since, self.until, json.dumps(self.values)]

    def fits(self, created_at: float, key: Mapping[str, str | None]) -> bool:
        """Whether a task is one of them, by its intent, name and task id; whatever its status, and how new it is."""
        if not self.since <= created_at < self.until:
            return False
        if self.by == "key":
            return str(key["intent"]).startswith(tuple(self.values))
        return self.by == "all" or key[self.by] in self.values


EVERYTHING = Wanted()
