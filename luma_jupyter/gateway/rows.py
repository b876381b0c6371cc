"""The rows of the ledger: found, listed, due for a look at the vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, Final, LiteralString

from psycopg import sql
from psycopg.rows import scalar_row

from luma_jupyter.domain.task import Video
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.records import State, Submission, Vendor

COLUMNS: Final = [field.name for field in fields(Submission)]
_ALL_COLUMNS: Final = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
_TIMES: Final = ("created_at", "sent_at", "ended_at", "next_look_at")
# Unconfirmed, without a task that the vendor has forgotten, while no equal request is so, too, or just being sent: what
# the vendor lists may be that one's.
MAY_BE_FOUND: Final = (
    "s.state = 'unconfirmed' AND s.task_id IS NULL AND NOT EXISTS (SELECT FROM submissions AS other "
    "WHERE other.state IN ('sent', 'unconfirmed') AND other.joined IS NULL AND other.id <> s.id "
    "AND other.vendor = s.vendor AND other.body = s.body)"
)


class Rows:
    """All submissions, to be read. All methods raise `DatabaseAway`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def get(self, id: int) -> Submission | None:
        """A row by its number."""
        return await self._one("SELECT {columns} FROM submissions WHERE id = %s", (id,))

    async def find(self, owner: str, vendor: Vendor, key: str) -> Submission | None:
        """A student's row by the kernel's key."""
        return await self._one(
            "SELECT {columns} FROM submissions WHERE owner = %s AND vendor = %s AND key = %s", (owner, vendor, key)
        )

    async def find_task(self, owner: str, vendor: Vendor, task_id: str) -> Submission | None:
        """A student's row by the vendor's task, which several rows have that share it."""
        return await self._one(
            "SELECT {columns} FROM submissions WHERE task_id = %s AND owner = %s AND vendor = %s ORDER BY id LIMIT 1",
            (task_id, owner, vendor),
        )

    async def find_tasks(self, owner: str, vendor: Vendor, task_ids: Sequence[str]) -> list[Submission | None]:
        """A student's rows by the vendor's tasks, in their order; None for one that is not this student's."""
        rows = await self._all(
            "SELECT DISTINCT ON (task_id) {columns} FROM submissions "
            "WHERE task_id = ANY(%s) AND owner = %s AND vendor = %s ORDER BY task_id, id",
            (list(task_ids), owner, vendor),
        )
        found = {row.task_id: row for row in rows}
        return [found.get(task_id) for task_id in task_ids]

    async def list_own(
        self, owner: str, since: float, until: float, limit: int, offset: int = 0, vendor: Vendor | None = None
    ) -> list[Submission]:
        """A student's rows of a stretch of time (Unix seconds), the newest first."""
        return await self._all(
            "SELECT {columns} FROM submissions WHERE owner = %s AND created_at >= to_timestamp(%s) "
            "AND created_at < to_timestamp(%s) AND (%s::text IS NULL OR vendor = %s) "
            "ORDER BY id DESC LIMIT %s OFFSET %s",
            (owner, since, until, vendor, vendor, limit, offset),
        )

    async def list_tasks(
        self, owner: str, vendor: Vendor, since: float, until: float, limit: int, offset: int = 0
    ) -> list[Submission]:
        """A student's rows of a stretch of time (Unix seconds) that a vendor has a task for, the newest first."""
        return await self._all(
            "SELECT {columns} FROM submissions WHERE owner = %s AND vendor = %s AND created_at >= to_timestamp(%s) "
            "AND created_at < to_timestamp(%s) AND task_id IS NOT NULL ORDER BY id DESC LIMIT %s OFFSET %s",
            (owner, vendor, since, until, limit, offset),
        )

    async def unconfirmed(self) -> list[Submission]:
        """All of which nobody knows whether the vendor took them, the oldest first."""
        return await self._all("SELECT {columns} FROM submissions WHERE state = 'unconfirmed' ORDER BY id", ())

    async def silent(self, before: float) -> list[Submission]:
        """What is being sent by processes that were last heard of before ``before`` (Unix seconds)."""
        return await self._all(
            "SELECT {columns} FROM submissions WHERE state = 'sent' AND joined IS NULL AND beat_at < to_timestamp(%s)",
            (before,),
        )

    async def lost(self, looks: int) -> list[Submission]:
        """Those of them that can be found, the oldest first, unless the list had nothing of one ``looks`` times."""
        return await self._all(
            "SELECT {columns} FROM submissions AS s WHERE looks < %s AND " + MAY_BE_FOUND + " ORDER BY id", (looks,)
        )

    # For the poller

    async def due(self, now: float, limit: int) -> list[Submission]:
        """Those whose vendor is to be asked by ``now``, who has waited longest first."""
        return await self._all(
            "SELECT {columns} FROM submissions WHERE state = 'accepted' AND next_look_at <= to_timestamp(%s) "
            "ORDER BY next_look_at LIMIT %s",
            (now, limit),
        )

    async def looked(self, ids: Sequence[int], next_look_at: float | Sequence[float]) -> None:
        """Note a look at each, and when the next ones are due: one time for all, or one for each."""
        times = [next_look_at] * len(ids) if isinstance(next_look_at, (int, float)) else list(next_look_at)
        await self._execute(
            "UPDATE submissions AS s SET looks = s.looks + 1, next_look_at = to_timestamp(l.at) "
            "FROM unnest(%s::bigint[], %s::float8[]) AS l (id, at), ("
            "SELECT id FROM submissions WHERE id = ANY(%s) AND state = 'accepted' ORDER BY id FOR UPDATE SKIP LOCKED"
            ") AS free WHERE s.id = l.id AND s.id = free.id",
            (list(ids), times, list(ids)),
        )

    async def durations(self, vendor: Vendor, limit: int = 100) -> list[float]:
        """How long the vendor's last tasks took from their submission to their video, in seconds.

        Of those that were sent at about the same time, the quick ones have ended first, and all tasks would seem to be
        quick. So only those count that were sent before any that still runs, unless that takes very long.
        """
        async with self.database.connection() as connection:
            cursor = connection.cursor(row_factory=scalar_row)
            await cursor.execute(_DURATIONS, {"vendor": vendor, "limit": limit})
            return await cursor.fetchall()

    async def uncharged(self, vendor: Vendor, since: float, limit: int) -> list[Submission]:
        """Completed tasks since ``since`` of which the vendor has not told what it charged, the oldest first."""
        return await self._all(
            "SELECT {columns} FROM submissions WHERE vendor = %s AND cost IS NULL AND state = 'completed' "
            "AND ended_at >= to_timestamp(%s) ORDER BY ended_at LIMIT %s",
            (vendor, since, limit),
        )

    # Statements

    async def _execute(self, query: LiteralString, values: Sequence[Any] | Mapping[str, Any]) -> int:
        async with self.database.connection() as connection:
            return (await connection.execute(query, values)).rowcount

    async def _changed(self, query: LiteralString, values: Sequence[Any]) -> bool:
        return bool(await self._execute(query, values))

    async def _all(self, query: LiteralString, values: Sequence[Any]) -> list[Submission]:
        async with self.database.connection() as connection:
            cursor = await connection.execute(_with_columns(query), values)
            return [submission(row) for row in await cursor.fetchall()]

    async def _one(self, query: LiteralString, values: Sequence[Any]) -> Submission | None:
        found = await self._all(query, values)
        return found[0] if found else None


@cache  # there are few, and putting one together took as long as reading its row
def _with_columns(query: LiteralString) -> bytes:
    return sql.SQL(query).format(columns=_ALL_COLUMNS).as_bytes()


def submission(row: Sequence[Any]) -> Submission:
    """The values of `COLUMNS` as one."""
    values = dict(zip(COLUMNS, row, strict=True))
    for name in _TIMES:
        if (at := values[name]) is not None:
            values[name] = at.timestamp()
    video = values["video"]
    return Submission(**{**values, "state": State(values["state"]), "video": Video(**video) if video else None})


_DURATIONS: Final = """
SELECT extract(epoch FROM ended_at - sent_at)::float8 FROM submissions
WHERE vendor = %(vendor)s AND state = 'completed' AND joined IS NULL AND sent_at < coalesce((
    SELECT min(sent_at) FROM submissions
    WHERE vendor = %(vendor)s AND state = 'accepted' AND joined IS NULL AND sent_at > now() - interval '10 minutes'
), 'infinity')
ORDER BY id DESC LIMIT %(limit)s"""
