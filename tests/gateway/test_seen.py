"""Who was here, and when last."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from luma_jupyter.gateway.database import Connection, Database
from luma_jupyter.gateway.records import Person
from luma_jupyter.gateway.seen import EVERY, Seen

ANN = Person("ann", ("films",))


def test_person_is_written_down_once_a_minute_and_when_something_is_new(conninfo: str) -> None:
    """By the name; another group or role counts at once."""

    async def story() -> None:
        now = 100.0
        async with Database(conninfo, size=1) as database:
            seen = Seen(database, lambda: now)

            async def people() -> list[tuple[object, ...]]:
                async with database.connection() as connection:
                    cursor = await connection.execute("SELECT name, groups, teaches, seen_at FROM people")
                    return await cursor.fetchall()

            await seen.note(ANN)
            ((*facts, first),) = await people()
            assert facts == ["ann", ["films"], False]
            now += EVERY - 1
            await seen.note(ANN)
            assert (await people())[0][3] == first
            await seen.note(replace(ANN, groups=(), teaches=True))
            ((*facts, second),) = await people()
            assert facts == ["ann", [], True]
            now += 1
            await seen.note(ANN)
            assert first < second < (await people())[0][3]

    asyncio.run(story())


def test_nobody_is_refused_for_want_of_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again in a minute, not with each request."""
    monkeypatch.setattr("luma_jupyter.gateway.database.PATIENCE", 0.05)
    tries = 0

    class Counting(Database):
        def connection(self) -> AbstractAsyncContextManager[Connection]:
            nonlocal tries
            tries += 1
            return super().connection()

    async def story() -> None:
        now = 100.0
        async with Counting(f"host={tmp_path} user=luma") as database:
            seen = Seen(database, lambda: now)
            for minutes in (1, 2):
                for _ in range(100):
                    await seen.note(ANN)
                assert tries == minutes
                now += EVERY

    asyncio.run(story())
