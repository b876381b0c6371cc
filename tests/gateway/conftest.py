"""Fixtures for tests of the gateway: a PostgreSQL for all of them, and a database with its tables for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from luma_jupyter.gateway.database import Database
from tests.support.gateway import RunningGateway, gateway_settings, running_gateway
from tests.support.misbehaving import Server
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


@pytest.fixture
def vendor() -> Iterator[Server]:
    """Both vendors' services; tasks are done at once."""
    with Server() as running:
        yield running


@pytest.fixture
def gateway(conninfo: str, vendor: Server, tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway before that vendor, which holds no look-up open."""
    with running_gateway(gateway_settings(conninfo, vendor.url, tmp_path)) as running:
        yield running


@pytest.fixture
def client_of(gateway: RunningGateway) -> Iterator[Callable[[str], httpx.Client]]:
    """An HTTP client with the token of a student, by the name."""
    clients: list[httpx.Client] = []

    def client(name: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {gateway.token(name)}"}
        clients.append(httpx.Client(base_url=gateway.url, headers=headers, timeout=30, trust_env=False))
        return clients[-1]

    yield client
    for opened in clients:
        opened.close()


@pytest.fixture
def ann(client_of: Callable[[str], httpx.Client]) -> httpx.Client:
    """A student's client."""
    return client_of("ann")


@pytest.fixture
def bob(client_of: Callable[[str], httpx.Client]) -> httpx.Client:
    """A classmate's client."""
    return client_of("bob")
