"""Fixtures for tests of the gateway: a PostgreSQL for all of them, and a database with its tables for each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from luma_jupyter.gateway.database import Database
from tests.support.postgres import PostgresServer, programs_or_skip


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests; who stops it starts it again."""
    server = PostgresServer(programs_or_skip())
    yield server
    server.close()


@pytest.fixture(scope="session")
def template(postgres: PostgresServer) -> str:
    """The name of a database with the gateway's tables, to make others of."""
    name = postgres.create()

    async def migrate() -> None:
        async with Database(postgres.conninfo(name), size=1) as database:
            await database.migrate()

    asyncio.run(migrate())
    return name


@pytest.fixture
def conninfo(postgres: PostgresServer, template: str) -> Iterator[str]:
    """How to connect to a database of the test's own, with the gateway's tables."""
    name = postgres.create(template)
    yield postgres.conninfo(name)
    postgres.drop(name)
