"""Whose request goes next: each student has so many clips under way, the class too, and turns are fair.

First goes the student with the fewest under way, then whose last turn, or coming, is longest ago: so one batch of 200
does not hold up a class. Who waits, and who may go, stands in PostgreSQL (table ``waiting``): all replicas are one
queue. A process asks for all of its waiting requests in one statement, so a rush costs no more than a trickle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import TypeAlias

from luma_jupyter.gateway.database import Database, DatabaseAway, News

Place: TypeAlias = tuple[str, str]  # owner, and vendor and key

HEARTBEAT = 1.0  # seconds; who is not heard of for five gets no turn, and keeps the place for two minutes


class Turns:
    """The queue, seen from one process; ``per_student``, ``under_way``: clips of one student and of all (None: any)."""

    def __init__(self, database: Database, per_student: int, under_way: int | None = None) -> None:
        self._database = database
        self._per_student = per_student
        self._under_way = under_way
        self._waiting: dict[Place, set[asyncio.Future[None]]] = {}
        self._news: News | None = None
        self._asking: asyncio.Task[None] | None = None

    async def take(self, owner: str, key: str, timeout: float) -> bool:
        """Wait for a turn; False: it has not come within ``timeout`` seconds. Raises DatabaseAway.

        The turn counts as a clip under way until `Ledger.admit` has entered it, or `leave`. Whoever comes back soon
        with the same key has kept the place.
        """
        place = (owner, key)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(place, set()).add(turn)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_for_all())
        elif self._news:
            self._news.tell()
        came = False
        try:
            async with asyncio.timeout(timeout):
                await turn
            came = True
        except TimeoutError:
            pass
        finally:
            self._forget(place, turn)
            if not came and place not in self._waiting:
                with suppress(DatabaseAway):  # then it is forgotten in a few seconds
                    await self.leave(owner, key)
        return came

    async def leave(self, owner: str, key: str) -> None:
        """Give a turn back, or wait no longer."""
        async with self._database.connection() as connection:
            await connection.execute("SELECT leave_turn(%s, %s)", (owner, key))

    def _forget(self, place: Place, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(place, set())
        turns.discard(turn)
        if not turns:
            self._waiting.pop(place, None)

    async def _ask_for_all(self) -> None:
        """Ask for turns while anybody waits: when one comes to wait, when one was freed, and each heartbeat."""
        with self._database.news("turns") as news:
            self._news = news
            try:
                while self._waiting:
                    try:
                        granted = await self._granted(self._waiting)
                    except Exception as error:
                        for place in list(self._waiting):
                            self._tell(place, error)
                    else:
                        for place in granted:
                            self._tell(place, None)
                    if self._waiting:
                        await news.wait(HEARTBEAT)
            finally:
                self._news = self._asking = None

    def _tell(self, place: Place, error: Exception | None) -> None:
        for turn in self._waiting.pop(place, ()):
            if turn.done():
                continue
            if error:
                turn.set_exception(error)
            else:
                turn.set_result(None)

    async def _granted(self, places: Collection[Place]) -> list[Place]:
        owners, keys = zip(*places, strict=True)
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT owner, key FROM take_turns(%s, %s, %s, %s)",
                (list(owners), list(keys), self._per_student, self._under_way),
            )
            return [(owner, key) for owner, key in await cursor.fetchall()]
