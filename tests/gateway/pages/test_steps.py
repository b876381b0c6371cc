"""The tables of a gateway that ran before there were pages."""

from __future__ import annotations

import asyncio
from importlib import resources

import psycopg

from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.records import Intent, Person
from tests.support.postgres import PostgresServer

STEPS = ("0001_ledger.sql", "0002_tokens.sql", "0003_media.sql")


def test_ledger_of_before_goes_on(postgres: PostgresServer) -> None:
    """Its clips and its money stay, and the next request is let through as before."""
    name = postgres.create()
    with psycopg.connect(postgres.conninfo(name), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE schema_version (part text, step text, applied_at timestamptz DEFAULT now(),"
            " PRIMARY KEY (part, step))"
        )
        for step in STEPS:
            connection.execute((resources.files("luma_jupyter.gateway") / "sql" / step).read_bytes())
            connection.execute("INSERT INTO schema_version (part, step) VALUES ('luma', %s)", (step,))
        admitted = "SELECT admit('ann', '{}', NULL, 'acedata', 'k', '{}', 'f', 5, false, 'a', true)"
        connection.execute(admitted)

    async def story() -> None:
        async with Database(postgres.conninfo(name), size=2) as database:
            assert (await database.migrate())[0] == 4
            ledger = Ledger(database)
            again = await ledger.admit(Intent(Person("ann"), "acedata", "k", {}, "f", 5))
            assert (again.submission.id, again.fresh) == (1, False)
            assert (await ledger.admit(Intent(Person("ann"), "acedata", "k2", {}, "f", 5))).fresh
            assert await ledger.check() == []

    asyncio.run(story())
    postgres.drop(name)
