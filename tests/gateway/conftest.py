"""Fixtures for tests of the gateway: a PostgreSQL for all of them, and a database with its tables for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest

from luma_jupyter.gateway.database import Database
from tests.support.gateway import RunningGateway, gateway_settings, running_gateway
from tests.support.gateway_process import loggers_as_before
from tests.support.misbehaving import Server
from tests.support.postgres import PostgresServer, programs_or_skip


@pytest.fixture(autouse=True)
def own_loggers() -> Iterator[None]:
    """What is set for a process is not for other tests."""
    with loggers_as_before():
        yield


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
def patient_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd that asks at once waits for its turn at the database, however busy the machine is."""
    monkeypatch.setattr("luma_jupyter.gateway.database.PATIENCE", 60.0)


@pytest.fixture(scope="session")
def all_vendors() -> Iterator[Server]:
    """Both vendors' services for all tests; tasks are done at once."""
    with Server() as running:
        yield running


@pytest.fixture
def vendor(all_vendors: Server) -> Server:
    """Both vendors' services, which have heard of nothing yet."""
    all_vendors.forget()
    return all_vendors


@pytest.fixture(scope="module")  # not longer: coverage does not see threads that began before it paused
def one_gateway(
    postgres: PostgresServer, template: str, all_vendors: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    """A gateway for all tests of a module."""
    name = postgres.create(template)
    folder = tmp_path_factory.mktemp("gateway")
    with running_gateway(gateway_settings(postgres.conninfo(name), all_vendors.url, folder)) as running:
        yield running
    postgres.drop(name)


@pytest.fixture
def gateway(one_gateway: RunningGateway, vendor: Server) -> RunningGateway:
    """A gateway before these vendors that knows nobody and nothing yet, and holds no look-up open."""
    one_gateway.forget()
    return one_gateway


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
