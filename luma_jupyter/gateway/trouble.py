"""What a teacher has to know of, and which vendor is to be left alone: what all processes tell each other by tables.

None of it is worth that something paid fails: while PostgreSQL is away, it is logged, and goes on.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, LiteralString, TypeAlias

from luma_jupyter.gateway.database import Database, DatabaseAway
from luma_jupyter.gateway.records import Vendor
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER

log = logging.getLogger(__name__)

Kind: TypeAlias = Literal["key", "balance", "access", "store", "fetch", "statement"]

CACHED = 1.0  # seconds for which a pause that another process has noted may go unseen
CLEARED_EVERY = 60.0  # seconds between two times that what works is told to the table, unless this process knew better


@dataclass(frozen=True)
class Trouble:
    """One trouble in words, since when, and when it was last seen (Unix seconds)."""

    kind: Kind
    subject: str
    words: str
    since: float
    last_at: float


class Troubles:
    """The tables of troubles and pauses. ``clock`` is monotonic, in seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._cleared_at: dict[tuple[Kind, str], float] = {}
        self._pauses: dict[Vendor, tuple[float, float]] = {}  # until when, and when that was read

    async def note(self, kind: Kind, subject: str, words: str) -> None:
        """Write down what is wrong, or that it still is."""
        self._cleared_at.pop((kind, subject), None)
        log.error(
            "Trouble: %s %s; `luma-gateway status` says more.", kind, subject
        )  # a vendor's words may quote a prompt
        await self._execute(
            "INSERT INTO trouble (kind, subject, words) VALUES (%s, %s, %s)"
            " ON CONFLICT (kind, subject) DO UPDATE SET words = EXCLUDED.words, last_at = now()",
            (kind, subject, words),
        )

    async def clear(self, kind: Kind, subject: str) -> None:
        """Write down that it works; mostly that is known already, and costs nothing."""
        now = self._clock()
        if now - self._cleared_at.get((kind, subject), -CLEARED_EVERY) >= CLEARED_EVERY:
            self._cleared_at[kind, subject] = now
            await self._execute("DELETE FROM trouble WHERE kind = %s AND subject = %s", (kind, subject))

    async def all(self) -> list[Trouble]:
        """All that is wrong, the oldest first. Raises DatabaseAway."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT kind, subject, words, extract(epoch FROM since)::float8, extract(epoch FROM last_at)::float8"
                " FROM trouble ORDER BY since"
            )
            return [Trouble(*row) for row in await cursor.fetchall()]

    async def pause(self, vendor: Vendor, seconds: float) -> None:
        """Have all processes leave a vendor alone for so long, at most for `LONGEST_RETRY_AFTER` from now."""
        seconds = min(seconds, LONGEST_RETRY_AFTER)
        now = self._clock()
        self._pauses[vendor] = (max(self._pauses.get(vendor, (0.0, 0.0))[0], now + seconds), now)
        await self._execute(
            "INSERT INTO pauses (vendor, until) VALUES (%s, now() + make_interval(secs => %s))"
            " ON CONFLICT (vendor) DO UPDATE SET until = greatest(pauses.until, EXCLUDED.until)",
            (vendor, seconds),
        )

    async def paused(self, vendor: Vendor) -> float:
        """For how many seconds a vendor is still to be left alone."""
        until, read_at = self._pauses.get(vendor, (-math.inf, -math.inf))
        now = self._clock()
        if until <= now and now - read_at >= CACHED:
            rows = await self._execute(
                "SELECT extract(epoch FROM until - now())::float8 FROM pauses WHERE vendor = %s", (vendor,)
            )
            until = now + (rows[0][0] if rows else 0.0)
            self._pauses[vendor] = (until, now)
        return max(0.0, until - now)

    async def _execute(self, statement: LiteralString, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Carry out a statement, and give its rows; none where PostgreSQL is away."""
        try:
            async with self._database.connection() as connection:
                cursor = await connection.execute(statement, values)
                return await cursor.fetchall() if cursor.description else []
        except DatabaseAway as error:
            log.warning("Not written down: %s", error)
            return []
