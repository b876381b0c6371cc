"""What a teacher changes, while others change the same."""

from __future__ import annotations

import asyncio

import pytest

from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.pages.steering import Steering

ANNS_IN_ALL = (
    "INSERT INTO caps VALUES ('student', 'ann', 70, 20) ON CONFLICT (kind, name) DO UPDATE SET in_all = excluded.in_all"
)
WAITS = "SELECT FROM pg_locks WHERE NOT granted"  # anybody for a lock


@pytest.mark.parametrize("whose", ["ann", ""])
def test_caps_that_two_teachers_set_at_once_both_hold(conninfo: str, whose: str) -> None:
    """One sets that in all, the other one that of a day, where the student had caps before, and where each has."""

    async def story() -> None:
        async with asyncio.timeout(20), Database(conninfo) as database, database.connection() as connection:
            ledger = Ledger(database)
            await ledger.set_cap("student", whose, 10, 20, "miss")
            async with connection.transaction():
                await connection.execute(ANNS_IN_ALL)
                other = asyncio.create_task(Steering(ledger, "sir").set_cap("student", "ann", {"a_day": 90}))
                while not other.done() and not (await connection.execute(WAITS)).rowcount:
                    await asyncio.sleep(0.01)
            await other
            assert await ledger.cap("student", "ann") == (70, 90)
            assert (await ledger.changes())[0].after == {"kind": "student", "name": "ann", "in_all": 70, "a_day": 90}

    asyncio.run(story())
