"""Which tasks are looked for, as a condition that the journal and the index of media folders both understand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from luma_jupyter.domain.vocabulary import Action

LAST = "\U0010ffff"  # comes after every other character
ALWAYS = 1e12  # Unix seconds: nothing is as late


@dataclass(frozen=True)
class Wanted:
    """Tasks made from ``since`` to before ``until`` (Unix seconds).

    ``by`` narrows them to those of which that is one of ``values``; a key is the beginning of an intent. ``statuses``
    are those that the journal has of them; none: all. ``newest``: only so many of them.

    ``search`` is a folded text (`fold`), of which each word has to be in the prompt, the name or the note; ``starred``:
    only those with a star. These do not go together with ``by``.
    """

    since: float = 0.0
    until: float = ALWAYS
    by: Literal["all", "key", "intent", "name", "task_id"] = "all"
    values: Sequence[str] = ()
    statuses: Sequence[str] = ()
    newest: int | None = None
    search: str = ""
    action: Action | None = None
    starred: bool = False

    @property
    def narrow(self) -> bool:
        """Whether few are wanted of many."""
        return self.by != "all" or self.newest is not None or self.described

    @property
    def described(self) -> bool:
        """Whether they are looked for by what they show, or by a person's note."""
        return bool(self.search or self.action or self.starred)

    @property
    def words(self) -> list[str]:
        """What is searched, each word once."""
        return list(dict.fromkeys(self.search.split()))

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

    def described_sql(self) -> tuple[str, list[object]]:
        """The condition on the columns ``action``, ``starred``, ``text`` and ``note``, and its values."""
        parts = ["instr(text, ?) OR instr(note, ?)"] * len(self.words)
        values: list[object] = [word for word in self.words for _ in range(2)]
        if self.action:
            parts, values = ["action = ?", *parts], [self.action, *values]
        if self.starred:
            parts = ["starred", *parts]
        return " AND ".join(f"({part})" for part in parts), values

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Whether a task is one of them, by what these say of it; whatever its status, and how new it is."""
        if not self.since <= claims["created_at"] < self.until:
            return False
        if self.by == "key" and not str(claims["intent"]).startswith(tuple(self.values)):
            return False
        if self.by not in ("all", "key") and claims[self.by] not in self.values:
            return False
        if (self.action and self.action != claims["action"]) or (self.starred and not claims["starred"]):
            return False
        texts = (claims["text"] or "", claims["note"] or "")
        return all(any(word in text for text in texts) for word in self.words)


EVERYTHING = Wanted()
