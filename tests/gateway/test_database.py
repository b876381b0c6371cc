"""Connections, the versions of the tables, and news."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import psycopg
import pytest

from luma_jupyter.gateway.database import Database, DatabaseAway
from tests.support import postgres as support
from tests.support.postgres import PostgresServer
from tests.support.waiting import LONGEST_STORY


def test_migrate_twice_and_by_four_at_once_applies_each_step_once(postgres: PostgresServer) -> None:
    """Replicas and workers that start together bring a new database up to date; later ones find nothing to do."""
    name = postgres.create()

    async def migrate() -> list[int]:
        async with Database(postgres.conninfo(name), size=1) as database:
            return await database.migrate()

    async def story() -> tuple[list[list[int]], list[int]]:
        return await asyncio.gather(*(migrate() for _ in range(4))), await migrate()

    together, later = asyncio.run(story())
    steps = [number for numbers in together for number in numbers]
    assert steps
    assert len(steps) == len(set(steps))
    assert later == []
    with psycopg.connect(postgres.conninfo(name)) as connection:
        assert connection.execute("SELECT count(*) FROM submissions").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)
    postgres.drop(name)


def test_steps_of_a_later_procrastinate_are_applied_to_its_older_tables(conninfo: str) -> None:
    """Its schema is not made again, but a step that is not noted is taken: the last one can be taken twice."""
    last = "SELECT step FROM schema_version WHERE part = 'procrastinate' AND step ~ '^[0-9]' ORDER BY step DESC LIMIT 1"

    async def story() -> tuple[object, object]:
        async with Database(conninfo) as database, database.connection() as connection:
            before = await (await connection.execute(last)).fetchone()
            await connection.execute(f"DELETE FROM schema_version WHERE step = ({last})")  # type: ignore[arg-type]
            await database.migrate()
            return before, await (await connection.execute(last)).fetchone()

    before, after = asyncio.run(story())
    assert before == after is not None


def test_connection_without_a_server_raises_database_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process starts all the same; who asks is told after the patience for it, and nothing was asked."""
    monkeypatch.setattr("luma_jupyter.gateway.database.PATIENCE", 0.05)

    async def story() -> None:
        async with Database(f"host={tmp_path} user=luma") as database, database.connection():
            pass

    with pytest.raises(DatabaseAway) as caught:
        asyncio.run(story())
    assert not caught.value.asked


def test_pool_goes_on_after_a_crash_of_the_server(postgres: PostgresServer, conninfo: str) -> None:
    """A statement that meets the crash raises `DatabaseAway`; once the server is back all connections serve again."""

    async def ask(database: Database) -> None:
        async with database.connection() as connection:
            await connection.execute("SELECT pg_sleep(0.01)")

    async def story() -> bool:
        async with asyncio.timeout(LONGEST_STORY), Database(conninfo, size=4) as database:
            await asyncio.gather(*(ask(database) for _ in range(20)))
            asked = asyncio.gather(*(ask(database) for _ in range(100)), return_exceptions=True)
            await asyncio.sleep(0.05)
            postgres.stop(signal.SIGQUIT)
            postgres.start()
            errors = [error for error in await asked if error]
            assert {type(error) for error in errors} == {DatabaseAway}
            while True:
                try:
                    await asyncio.gather(*(ask(database) for _ in range(20)))
                except DatabaseAway:
                    continue
                return any(error.asked for error in errors)

    assert asyncio.run(story())


def test_news_reach_those_whom_they_concern(conninfo: str) -> None:
    """What is told with an id wakes who listens to it or to all, and nobody else."""

    async def story() -> tuple[bool, bool, bool]:
        async with Database(conninfo) as database:
            with (
                database.news("submissions") as every,
                database.news("submissions", {"17"}) as one,
                database.news("submissions", {"18"}) as other,
            ):
                await every.wait(5)  # told when listening begins
                await one.wait(0), await other.wait(0)
                async with database.connection() as connection:
                    await connection.execute("SELECT pg_notify('submissions', '17')")
                return await every.wait(5), await one.wait(5), await other.wait(0)

    assert asyncio.run(story()) == (True, True, False)


def test_wait_for_returns_at_its_timeout(conninfo: str) -> None:
    """Nobody waits for ever where nothing comes."""

    async def story() -> None:
        async with Database(conninfo) as database, asyncio.timeout(5):
            await database.wait_for("turns", 5)  # told when listening begins
            await database.wait_for("turns", 0.01, {"x"})

    asyncio.run(story())


def test_listeners_are_woken_when_the_server_is_back(postgres: PostgresServer, conninfo: str) -> None:
    """They may have missed something."""

    async def story() -> bool:
        async with Database(conninfo) as database:
            with database.news("submissions", {"17"}) as news:
                await news.wait(5)
                postgres.restart()
                return await news.wait(5)

    assert asyncio.run(story())


def test_tests_without_postgresql_skip_or_fail_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without it runs the other tests; continuous integration must have it."""
    monkeypatch.setattr(support, "programs", lambda: None)
    monkeypatch.delenv("LUMA_DATABASE_TESTS", raising=False)
    with pytest.raises(pytest.skip.Exception):
        support.programs_or_skip()
    monkeypatch.setenv("LUMA_DATABASE_TESTS", "required")
    with pytest.raises(pytest.fail.Exception):
        support.programs_or_skip()
