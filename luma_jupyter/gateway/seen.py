"""Who was here, and when last, for the teacher to see."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress

from luma_jupyter.gateway.database import Database, DatabaseAway
from luma_jupyter.gateway.records import Person

EVERY = 60.0  # seconds between two notes of one process about the same person


class Seen:
    """The table of people. ``clock`` is monotonic, in seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._noted_at: dict[Person, float] = {}

    async def note(self, person: Person) -> None:
        """Write down that somebody is here, unless that was done a moment ago, or PostgreSQL is away."""
        now = self._clock()
        if now - self._noted_at.get(person, -math.inf) < EVERY:
            return
        self._noted_at[person] = now
        with suppress(DatabaseAway):
            async with self._database.connection() as connection:
                await connection.execute(
                    "INSERT INTO people (name, groups, teaches) VALUES (%s, %s, %s) ON CONFLICT (name) DO UPDATE"
                    " SET groups = excluded.groups, teaches = excluded.teaches, seen_at = excluded.seen_at",
                    (person.name, list(person.groups), person.teaches),
                )
