"""What the pages show: students and what is left for them, groups, clips. All methods raise `DatabaseAway`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import class_row

from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.records import Submission, WalletKind
from luma_jupyter.gateway.rows import COLUMNS, submission

EXPORTED_AT_ONCE = 500  # clips


@dataclass(frozen=True)
class Student:
    """Somebody of the class. Amounts in millionths of a US dollar; left, caps: None where no cap binds.

    What is left is so by the least of all caps that bind, the class's too; ``cap_in_all`` and ``cap_a_day`` are the
    student's own, or those for each student.
    """

    name: str
    groups: Sequence[str]
    seen_at: datetime | None
    under_way: int
    reserved: int
    spent: int
    spent_today: int
    left: int | None
    left_today: int | None
    cap_in_all: int | None
    cap_a_day: int | None


@dataclass(frozen=True)
class Wallet:
    """What the class or a group has reserved and spent, and its caps; without a name: what holds for each."""

    kind: WalletKind
    name: str
    reserved: int
    spent: int
    spent_today: int
    cap_in_all: int | None
    cap_a_day: int | None


@dataclass(frozen=True)
class Clip:
    """A submission, and what there is of it: a stored video, a thumbnail. ``lost``: why there is none any more."""

    submission: Submission
    stored: bool
    thumbnail: bool
    hidden: bool
    lost: str | None


@dataclass(frozen=True)
class Now:
    """How the class is at this moment: clips under way, requests that wait, since when it is paused."""

    under_way: int
    waiting: int
    paused_since: datetime | None


class Overview:
    """The ledger as the pages show it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self) -> Now:
        """How the class is at this moment."""
        async with self._database.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Now))
            await cursor.execute(_NOW)
            return await cursor.fetchone() or Now(0, 0, None)

    async def students(self) -> list[Student]:
        """All who were here or have paid, by their names."""
        async with self._database.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Student))
            await cursor.execute(_STUDENTS)
            return await cursor.fetchall()

    async def wallets(self) -> list[Wallet]:
        """The class, what holds for each student and each group, and the groups, by their names."""
        async with self._database.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Wallet))
            await cursor.execute(_WALLETS)
            return await cursor.fetchall()

    async def clips(self, limit: int, owner: str | None = None, before: int | None = None) -> list[Clip]:
        """The latest clips, of one student or of all; ``before`` a number."""
        return await self._clips(
            "WHERE (%s::text IS NULL OR s.owner = %s) AND (%s::bigint IS NULL OR s.id < %s)"
            " ORDER BY s.id DESC LIMIT %s",
            (owner, owner, before, before, limit),
        )

    async def unconfirmed(self) -> list[Clip]:
        """Those of which nobody knows whether they were paid, the oldest first."""
        return await self._clips("WHERE s.state = 'unconfirmed' ORDER BY s.id", ())

    async def wall(self, limit: int) -> list[Clip]:
        """The latest videos that are to be had, each once, and none that is hidden."""
        return await self._clips(
            "WHERE s.state = 'completed' AND s.joined IS NULL AND s.media IS NOT NULL AND s.hidden_at IS NULL"
            " ORDER BY s.id DESC LIMIT %s",
            (limit,),
        )

    async def all_clips(self) -> AsyncIterator[Clip]:
        """All clips, the oldest first."""
        after = 0
        while page := await self._clips("WHERE s.id > %s ORDER BY s.id LIMIT %s", (after, EXPORTED_AT_ONCE)):
            for clip in page:
                yield clip
            after = page[-1].submission.id

    async def _clips(self, which: LiteralString, values: Sequence[Any]) -> list[Clip]:
        query = sql.SQL(_CLIPS).format(columns=_COLUMNS) + sql.SQL(which)
        async with self._database.connection() as connection:
            cursor = await connection.execute(query, values)
            rows = await cursor.fetchall()
        return [Clip(submission(row[: len(COLUMNS)]), *row[len(COLUMNS) :]) for row in rows]


_COLUMNS = sql.SQL(", ").join(sql.Identifier("s", name) for name in COLUMNS)

_CLIPS: LiteralString = """
SELECT {columns}, coalesce(s.media, o.media) IS NOT NULL, f.thumbnail IS NOT NULL,
    coalesce(s.hidden_at, o.hidden_at) IS NOT NULL, f.lost
FROM submissions AS s LEFT JOIN submissions AS o ON o.id = s.joined
LEFT JOIN fetched AS f ON f.submission = coalesce(s.joined, s.id)
"""

_NOW = """
SELECT (SELECT count(*) FROM submissions WHERE state IN ('sent', 'accepted') AND joined IS NULL) AS under_way,
    (SELECT count(*) FROM waiting WHERE granted_at IS NULL AND seen_at > now() - interval '5 seconds') AS waiting,
    (SELECT since FROM class_pause) AS paused_since"""

_STUDENTS = """
SELECT who.name, who.groups, who.seen_at, coalesce(u.number, 0) AS under_way,
    l.reserved, l.spent, l.spent_today, l.in_all AS left, l.today AS left_today,
    l.cap_in_all, l.cap_a_day
FROM (
    SELECT coalesce(p.name, w.name) AS name, coalesce(p.groups, '{}') AS groups, p.seen_at
    FROM people AS p
    FULL JOIN (SELECT name FROM wallets WHERE kind = 'student' AND day = '-infinity') AS w ON w.name = p.name
    WHERE NOT coalesce(p.teaches, false) OR w.name IS NOT NULL
) AS who
LEFT JOIN (
    SELECT owner, count(*) AS number FROM submissions WHERE state IN ('sent', 'accepted') AND joined IS NULL
    GROUP BY owner
) AS u ON u.owner = who.name
CROSS JOIN LATERAL (
    SELECT
        min(each.left) FILTER (WHERE each.in_all) AS in_all,
        min(each.left) FILTER (WHERE NOT each.in_all) AS today,
        max(each.reserved) FILTER (WHERE each.in_all AND each.kind = 'student') AS reserved,
        max(each.spent) FILTER (WHERE each.in_all AND each.kind = 'student') AS spent,
        max(each.spent) FILTER (WHERE NOT each.in_all AND each.kind = 'student') AS spent_today,
        max(each.cap) FILTER (WHERE each.in_all AND each.kind = 'student') AS cap_in_all,
        max(each.cap) FILTER (WHERE NOT each.in_all AND each.kind = 'student') AS cap_a_day
    FROM (
        SELECT *, CASE WHEN cap IS NOT NULL THEN greatest(0, cap - reserved - spent) END AS left
        FROM limits(who.name, who.groups, (now() AT TIME ZONE 'utc')::date)
    ) AS each
) AS l
ORDER BY who.name"""

_WALLETS = """
SELECT who.kind, who.name, coalesce(m.reserved, 0) AS reserved, coalesce(m.spent, 0) AS spent,
    coalesce(d.spent, 0) AS spent_today, c.in_all AS cap_in_all, c.a_day AS cap_a_day
FROM (
    VALUES ('class', ''), ('student', ''), ('group', '')
    UNION SELECT kind, name FROM wallets WHERE kind = 'group'
    UNION SELECT kind, name FROM caps WHERE kind = 'group'
    UNION SELECT 'group', unnest(groups) FROM people
) AS who (kind, name)
LEFT JOIN wallets AS m ON m.kind = who.kind AND m.name = who.name AND m.day = '-infinity'
LEFT JOIN wallets AS d ON d.kind = who.kind AND d.name = who.name AND d.day = (now() AT TIME ZONE 'utc')::date
LEFT JOIN LATERAL (
    SELECT in_all, a_day FROM caps WHERE caps.kind = who.kind AND caps.name IN (who.name, '')
    ORDER BY caps.name DESC LIMIT 1
) AS c ON true
ORDER BY array_position(ARRAY['class', 'student', 'group'], who.kind), who.name"""
