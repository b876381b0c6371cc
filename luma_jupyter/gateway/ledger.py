"""The ledger: what was asked for, what came of it, and the money for it.

Each change of state is one statement that says from which states it goes. That the money moves with it, that rows which
joined it follow, and that those who wait are told, is the work of the trigger in ``sql/0001_ledger.sql``: the wallets
are equal to the rows whoever changes one. All methods raise `DatabaseAway`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from types import EllipsisType
from typing import Any, Final, TypeAlias
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from luma_jupyter.domain.money import dollars
from luma_jupyter.domain.task import Video
from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.database import Connection, Database
from luma_jupyter.gateway.records import (
    MICROS,
    Admission,
    Cap,
    Change,
    Intent,
    Left,
    Person,
    Submission,
    Vendor,
    WalletKind,
)
from luma_jupyter.gateway.rows import COLUMNS, MAY_BE_FOUND, Rows, submission
from luma_jupyter.languages import N_
from luma_jupyter.languages import gettext as _

OnCompleted: TypeAlias = Callable[[Connection, int], Awaitable[None]]

WITHDRAWN: Final = "withdrawn"  # the code of what was refused by nobody: it was entered, then not sent after all
_CAP_PASSED: Final = "LU001"


# By whose cap it is, and whether it is one in all. A kernel adds "Ask your teacher."
_OVER_CAP: Mapping[tuple[WalletKind, bool], str] = {
    ("student", True): N_("Your budget does not cover this video: {left} is left of the {total} set by your teacher."),
    ("student", False): N_(
        "Your budget for today does not cover this video: {left} is left of the {total} set by your teacher."
    ),
    ("group", True): N_(
        "The budget of your group ({group}) does not cover this video: {left} is left of the {total} set by your "
        "teacher."
    ),
    ("group", False): N_(
        "The budget of your group ({group}) for today does not cover this video: {left} is left of the {total} set by "
        "your teacher."
    ),
    ("class", True): N_(
        "The budget of the class does not cover this video: {left} is left of the {total} set by your teacher."
    ),
    ("class", False): N_(
        "The budget of the class for today does not cover this video: {left} is left of the {total} set by your "
        "teacher."
    ),
}


class OverCap(LumaError):
    """A cap does not hold the price; nothing was entered."""

    def __init__(self, cap: Cap) -> None:
        self.cap = cap
        left, total = (dollars(amount / MICROS) for amount in (cap.left or 0, cap.cap or 0))
        super().__init__(_OVER_CAP[cap.kind, cap.in_all].format(left=left, total=total, group=cap.name))


class Paused(LumaError):
    """A teacher has paused the class; nothing was entered."""

    def __init__(self) -> None:
        super().__init__(
            N_("Your teacher has paused new clips. Nothing was sent: run the cell again when the class goes on.")
        )


class KeyConflict(LumaError):
    """The same idempotency key came with another request before; this one made nothing.

    ``submission``: that request's, None where it is another student's.
    """

    def __init__(self, submission: Submission | None = None) -> None:
        self.submission = submission
        super().__init__(N_("Another request came with the same idempotency key before. This one made nothing."))


class Ledger(Rows):
    """All submissions, caps and wallets. ``on_completed`` is called in the transaction that completes a submission."""

    def __init__(self, database: Database, on_completed: OnCompleted | None = None) -> None:
        super().__init__(database)
        self._on_completed = on_completed

    # Admission

    async def admit(self, intent: Intent, day: date | None = None, attempt: str = "") -> Admission:
        """Enter an intent as sent and reserve its price, or find what answers it; ``day``: by default today, in UTC.

        ``attempt`` is the caller's name for this call, see `withdraw`. What made nothing before is entered again, but
        what its vendor refused for good is answered by that. Raises OverCap, Paused, KeyConflict, and
        InvalidRequest for what cannot be written down.
        """
        row, fresh = await self._admit(intent, day, attempt or uuid4().hex, has_turn=True)
        assert row
        return Admission(row, fresh)

    async def known(self, intent: Intent) -> Submission | None:
        """What answers an intent without anything being sent: its own row, or one that joins a classmate's now.

        None: it is for `admit`, after its turn. Raises what `admit` raises.
        """
        row, _ = await self._admit(intent, None, uuid4().hex, has_turn=False)
        return row

    async def _admit(
        self, intent: Intent, day: date | None, attempt: str, has_turn: bool
    ) -> tuple[Submission | None, bool]:
        owner = intent.owner
        values = {
            "owner": owner.name,
            "groups": list(owner.groups),
            "day": day,
            "vendor": intent.vendor,
            "key": intent.key,
            "body": Jsonb(dict(intent.body)),
            "fingerprint": intent.fingerprint,
            "price": intent.price,
            "lesson": intent.lesson,
            "attempt": attempt,
            "has_turn": has_turn,
        }
        try:
            async with self.database.connection() as connection:
                cursor = await connection.execute(_ADMIT, values)
                answer = await cursor.fetchone()
        except psycopg.Error as error:
            if error.sqlstate != _CAP_PASSED:
                raise
            passed = Cap(**json.loads(error.diag.message_detail or "{}"))
            raise OverCap(replace(passed, reserved=passed.reserved - intent.price)) from None
        assert answer
        outcome, detail, *columns = answer
        if outcome == "over":
            raise OverCap(Cap(**detail))
        if outcome == "paused":
            raise Paused
        if outcome == "turn":
            return None, False
        if outcome == "taken":
            raise KeyConflict
        row = submission(columns)
        if outcome == "conflict":
            raise KeyConflict(row)
        return row, outcome == "fresh"

    async def check_key(self, owner: str, vendor: Vendor, key: str) -> None:
        """Raise KeyConflict where another student has this key, as `admit` does."""
        others = "SELECT FROM submissions WHERE vendor = %s AND key = %s AND owner <> %s LIMIT 1"
        if await self._execute(others, (vendor, key, owner)):
            raise KeyConflict

    async def withdraw(self, intent: Intent, attempt: str) -> None:
        """Take back what a call of `admit` may have entered whose answer was lost: it certainly was not sent."""
        await self._execute(
            "UPDATE submissions SET state = 'refused', error_code = 'withdrawn', ended_at = now() "
            "WHERE owner = %s AND vendor = %s AND key = %s AND attempt = %s AND state = 'sent' AND joined IS NULL",
            (intent.owner.name, intent.vendor, intent.key, attempt),
        )

    # What came of it

    async def accept(
        self, id: int, task_id: str, trace_id: str | None, price: int | None, next_look_at: float | None = None
    ) -> Submission | None:
        """Note the vendor's task of what was sent, or was thought to be lost or to have made nothing.

        ``price``: where the vendor has told one; no cap is asked. ``next_look_at``: by default now. Returns the row,
        None where nothing was changed.
        """
        return await self._one(
            "UPDATE submissions SET state = 'accepted', task_id = %s, trace_id = %s, price = coalesce(%s, price), "
            "ended_at = NULL, next_look_at = coalesce(to_timestamp(%s), now()), looks = 0, "
            "error_code = NULL, error_message = NULL, error_status = NULL "
            "WHERE id = %s AND state IN ('sent', 'unconfirmed', 'refused', 'released') AND joined IS NULL "
            "RETURNING {columns}",
            (_storable(task_id), _storable(trace_id), price, next_look_at, id),
        )

    async def found(self, id: int, task_id: str, trace_id: str | None) -> bool:
        """Note the task of what was lost, from the vendor's list; False where it may be another submission's.

        A row is entered before it is sent: whoever else may have made what is in a list is known once that has come.
        """
        return await self._changed(
            "UPDATE submissions AS s SET state = 'accepted', task_id = %s, trace_id = %s, next_look_at = now(), "
            "looks = 0, error_message = NULL WHERE id = %s AND " + MAY_BE_FOUND + " AND NOT EXISTS ("
            "SELECT FROM submissions AS other WHERE other.vendor = s.vendor AND other.task_id = %s)",
            (_storable(task_id), _storable(trace_id), id, _storable(task_id)),
        )

    async def not_found(self, id: int) -> None:
        """Note that the vendor's list has nothing of what was lost."""
        await self._execute("UPDATE submissions SET looks = looks + 1 WHERE id = %s AND state = 'unconfirmed'", (id,))

    async def refuse(
        self, id: int, code: str | None, message: str | None, status: int | None = None
    ) -> Submission | None:
        """Note that the vendor made nothing of what was sent, or was thought to be lost; ``status``: of HTTP."""
        return await self._one(
            "UPDATE submissions SET state = 'refused', ended_at = now(), "
            "error_code = %s, error_message = %s, error_status = %s "
            "WHERE id = %s AND state IN ('sent', 'unconfirmed') AND joined IS NULL "
            "RETURNING {columns}",
            (_storable(code), _storable(message), status, id),
        )

    async def lose(self, id: int, message: str) -> Submission | None:
        """Note that nobody knows what became of what was sent; its money stays reserved."""
        return await self._one(
            "UPDATE submissions SET state = 'unconfirmed', error_message = %s WHERE id = %s AND state = 'sent' "
            "RETURNING {columns}",
            (_storable(message), id),
        )

    async def forgotten(self, id: int) -> bool:
        """Note that the vendor knows an accepted task no longer; its money stays reserved until it is released."""
        return await self._changed(
            "UPDATE submissions SET state = 'unconfirmed', error_message = %s "
            "WHERE id = %s AND state = 'accepted' AND joined IS NULL",
            (N_("The service does not know its task any more."), id),
        )

    async def complete(self, id: int, video: Video, cost: int | None, ended_at: float) -> bool:
        """Note the video of an accepted task; ``cost`` None: the price is counted, unless its charge is known."""
        values = Jsonb({name: _storable(value) for name, value in asdict(video).items()}), cost, ended_at, id
        async with self.database.connection() as connection, connection.transaction():
            if self._on_completed:  # before the wallets are locked, for which a whole class waits
                lock = "SELECT FROM submissions WHERE id = %s AND state = 'accepted' AND joined IS NULL FOR UPDATE"
                if (await connection.execute(lock, (id,))).rowcount:
                    await self._on_completed(connection, id)
            cursor = await connection.execute(
                "UPDATE submissions SET state = 'completed', video = %s, cost = coalesce(%s, cost), "
                "ended_at = to_timestamp(%s) WHERE id = %s AND state = 'accepted' AND joined IS NULL",
                values,
            )
            return bool(cursor.rowcount)

    async def fail(self, id: int, code: str | None, message: str | None) -> bool:
        """Note that the vendor ended an accepted task without a video, which costs nothing."""
        return await self._changed(
            "UPDATE submissions SET state = 'failed', ended_at = now(), error_code = %s, error_message = %s "
            "WHERE id = %s AND state = 'accepted' AND joined IS NULL",
            (_storable(code), _storable(message), id),
        )

    async def charge(self, id: int, cost: int) -> None:
        """Note what the vendor's statement says that a task was charged; it counts once the task has ended."""
        await self._execute(
            "UPDATE submissions SET cost = %s "
            "WHERE id = %s AND state IN ('accepted', 'completed', 'failed') AND joined IS NULL",
            (cost, id),
        )

    async def release(self, id: int, by: str) -> bool:
        """Give back the money for what certainly made nothing after all."""
        return await self._changed(
            "WITH freed AS (UPDATE submissions SET state = 'released', ended_at = now() "
            "WHERE id = %s AND state = 'unconfirmed' RETURNING id) "
            "INSERT INTO audit (who, what, before, after) "
            "SELECT %s, 'submission ' || id, '\"unconfirmed\"', '\"released\"' FROM freed",
            (id, by),
        )

    async def media_saved(self, id: int, media: str | None) -> None:
        """Note the name of the stored video, None: it is not stored any more."""
        await self._execute("UPDATE submissions SET media = %s WHERE id = %s", (media, id))

    # Whose sender has ended

    async def still_sending(self, ids: Sequence[int]) -> None:
        """Note that a living process is sending these."""
        await self._execute(
            "UPDATE submissions AS s SET beat_at = now() FROM ("
            "SELECT id FROM submissions WHERE id = ANY(%s) AND state = 'sent' ORDER BY id FOR UPDATE SKIP LOCKED"
            ") AS mine WHERE s.id = mine.id",
            (list(ids),),
        )

    async def stale_sent(self, before: float) -> list[Submission]:
        """Give up, as unconfirmed, those whose sender was last heard of before ``before`` (Unix seconds)."""
        return await self._all(
            "UPDATE submissions SET state = 'unconfirmed', "
            "error_message = %s "
            "WHERE state = 'sent' AND joined IS NULL AND beat_at < to_timestamp(%s) RETURNING {columns}",
            (N_("The gateway was stopped while it was sent."), before),
        )

    # Money

    async def left(self, person: Person) -> Left:
        """What is left for a person in all and today, and what the person has spent."""
        caps = await self._caps(person)
        in_all, today = (
            min((cap.left for cap in caps if cap.in_all == which and cap.left is not None), default=None)
            for which in (True, False)
        )
        own = {cap.in_all: cap for cap in caps if cap.kind == "student"}
        return Left(in_all, today, own[False].spent, own[True].spent, own[True].reserved)

    async def cap(self, kind: WalletKind, name: str) -> tuple[int | None, int | None]:
        """What holds for a wallet, in all and a day: its own cap, or that of each student or group."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(
                "SELECT in_all, a_day FROM caps WHERE kind = %s AND name IN (%s, '') ORDER BY name DESC LIMIT 1",
                (kind, name),
            )
            return await cursor.fetchone() or (None, None)

    async def set_cap(
        self, kind: WalletKind, name: str, in_all: int | EllipsisType | None, a_day: int | EllipsisType | None, by: str
    ) -> None:
        """Set what a wallet may hold; ``name`` '': the class, or each student or group without a cap of its own.

        None: no cap. Where ``...`` is given, what holds now stays.
        """
        values: dict[str, Any] = {"kind": kind, "name": name, "by": by}
        for field, cap in (("in_all", in_all), ("a_day", a_day)):
            values |= {f"{field}_stays": cap is ..., field: None if cap is ... else cap}
        await self._execute(_SET_CAP, values)

    async def note(self, who: str, what: str) -> None:
        """Write something down for the teacher to read."""
        await self._execute("INSERT INTO audit (who, what) VALUES (%s, %s)", (_storable(who), _storable(what)))

    async def changes(self, limit: int = 100) -> list[Change]:
        """What was changed by hand, or noted, the newest first."""
        async with self.database.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Change))
            await cursor.execute(
                "SELECT extract(epoch FROM at)::float8 AS at, who, what, before, after FROM audit "
                "ORDER BY id DESC LIMIT %s",
                (limit,),
            )
            return await cursor.fetchall()

    async def check(self) -> list[str]:
        """Each wallet that is not equal to the rows, in words; none: the books are right."""
        words = _(
            "{wallet}: {reserved} reserved and {spent} spent, but by the clips {due_reserved} and {due_spent} (in "
            "millionths of a US dollar)"
        )
        async with self.database.connection() as connection:
            cursor = await connection.execute(_CHECK)
            return [
                words.format(
                    wallet=" ".join(filter(None, (kind, name, day))),
                    reserved=reserved,
                    spent=spent,
                    due_reserved=due_reserved,
                    due_spent=due_spent,
                )
                for kind, name, day, reserved, spent, due_reserved, due_spent in await cursor.fetchall()
            ]

    async def _caps(self, person: Person) -> list[Cap]:
        async with self.database.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Cap))
            await cursor.execute(
                "SELECT * FROM limits(%s, %s::text[], (now() AT TIME ZONE 'utc')::date)",
                (person.name, list(person.groups)),
            )
            return await cursor.fetchall()


def _storable(text: Any) -> Any:
    """A vendor's text as PostgreSQL can hold it: what came of a paid request is written down in any case."""
    if not isinstance(text, str):
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


_ADMIT: Final = sql.SQL(
    "SELECT outcome, detail, {columns} FROM admit(%(owner)s, %(groups)s::text[], %(day)s::date, %(vendor)s, %(key)s, "
    "%(body)s, %(fingerprint)s, %(price)s::bigint, %(lesson)s, %(attempt)s, %(has_turn)s)"
).format(columns=sql.SQL(", ").join(sql.SQL("(submission).{}").format(sql.Identifier(name)) for name in COLUMNS))

# The other cap may just be changed by somebody else: what is in the row when its turn comes stays.
_SET_CAP: Final = """
WITH old AS (SELECT to_jsonb(c) AS cap FROM caps AS c WHERE kind = %(kind)s AND name = %(name)s),
held AS (SELECT in_all, a_day FROM caps WHERE kind = %(kind)s AND name IN (%(name)s, '') ORDER BY name DESC LIMIT 1),
new AS (
    INSERT INTO caps AS c VALUES (
        %(kind)s, %(name)s,
        CASE WHEN %(in_all_stays)s THEN (SELECT in_all FROM held) ELSE %(in_all)s::bigint END,
        CASE WHEN %(a_day_stays)s THEN (SELECT a_day FROM held) ELSE %(a_day)s::bigint END
    )
    ON CONFLICT (kind, name) DO UPDATE SET
        in_all = CASE WHEN %(in_all_stays)s THEN c.in_all ELSE excluded.in_all END,
        a_day = CASE WHEN %(a_day_stays)s THEN c.a_day ELSE excluded.a_day END
    RETURNING to_jsonb(c) AS cap
)
INSERT INTO audit (who, what, before, after)
SELECT %(by)s, 'cap', old.cap, new.cap FROM new LEFT JOIN old ON true"""

_CHECK: Final = """
SELECT kind, name, nullif(day::text, '-infinity'),
    coalesce(m.reserved, 0), coalesce(m.spent, 0), coalesce(due.reserved, 0), coalesce(due.spent, 0)
FROM (
    SELECT w.kind, w.name, w.day,
        sum(reserved_for(s.state, s.price))::bigint AS reserved,
        sum(spent_for(s.state, s.price, s.cost))::bigint AS spent
    FROM submissions AS s CROSS JOIN LATERAL wallets_of(s.owner, s.groups, s.day) AS w
    GROUP BY w.kind, w.name, w.day
) AS due FULL JOIN wallets AS m USING (kind, name, day)
WHERE coalesce(m.reserved, 0) <> coalesce(due.reserved, 0) OR coalesce(m.spent, 0) <> coalesce(due.spent, 0)
ORDER BY kind, name, day"""
