"""Tables of earlier versions are brought up to date, also while an older replica serves a class."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import httpx
import psycopg
import pytest

from luma_jupyter.gateway import database as module
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.ledger import Ledger
from tests.gateway.versions import versions
from tests.gateway.versions.__main__ import BODY
from tests.support.gateway import RunningGateway, gateway_settings, running_gateway
from tests.support.misbehaving import Server
from tests.support.postgres import PostgresServer
from tests.support.waiting import until

STEPS = sorted((resources.files("luma_jupyter.gateway") / "sql").iterdir(), key=lambda file: file.name)
NUMBERS = [int(step.name[:4]) for step in STEPS]
# What an older replica would stumble over. A step that needs one of these says why, in a line `-- not additive: …`.
NOT_ADDITIVE = re.compile(
    r"\b(DROP|RENAME|TRUNCATE|DELETE\s+FROM|SET\s+NOT\s+NULL|ALTER\s+COLUMN|ADD\s+(CONSTRAINT|CHECK|UNIQUE))\b"
    r"|ADD\s+COLUMN\s+(?=[^,;]*NOT\s+NULL)(?![^,;]*DEFAULT)",
    re.IGNORECASE,
)
# The gateway's own; procrastinate sees to its tables.
COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name NOT LIKE 'procrastinate%' ORDER BY 1, 2"
)
FUNCTIONS = (
    "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    " AND proname NOT LIKE 'procrastinate%' ORDER BY 1, 2"
)


@pytest.fixture
def restored(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """How to connect to a database as an earlier version left it."""
    name = postgres.create()
    with psycopg.connect(postgres.conninfo(name)) as connection:
        connection.execute("SET check_function_bodies = off")  # in a dump they may stand before what they use
        connection.execute(request.param.read_bytes())
    yield postgres.conninfo(name)
    postgres.drop(name)


async def _migrate(conninfo: str) -> tuple[list[int], list[str]]:
    async with Database(conninfo, size=2) as database:
        return await database.migrate(), await Ledger(database).check()


def _submit(running: RunningGateway, owner: str, key: str, prompt: str = BODY["prompt"]) -> httpx.Response:
    headers = {"Authorization": f"Bearer {running.token(owner, 'films')}", "Idempotency-Key": key}
    body = {**BODY, "prompt": prompt}
    return httpx.post(f"{running.url}/luma/videos", json=body, headers=headers, trust_env=False, timeout=20)


@pytest.mark.parametrize("restored", versions(), ids=lambda file: file.stem, indirect=True)
def test_tables_of_an_earlier_version_are_migrated_and_work(
    restored: str,
    postgres: PostgresServer,
    conninfo: str,
    vendor: Server,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """The books are right, an earlier request is answered from its row, a new one is made; tables are like new ones."""
    version = int(request.node.callspec.id)
    assert asyncio.run(_migrate(restored)) == ([number for number in NUMBERS if number > version], [])
    with running_gateway(gateway_settings(restored, vendor.url, tmp_path)) as running:
        again = _submit(running, "ben", "k1")
        assert (again.status_code, again.json()["task_id"], again.json()["task_replayed"]) == (200, "task-3", True)
        assert len(vendor.tasks) == 0
        assert _submit(running, "ben", "k4", "snow").status_code == 200
        assert len(vendor.tasks) == 1
        running.look()
        assert running.run(running.gateway.ledger.check()) == []
        assert running.run(running.gateway.ledger.get(4)).state == "unconfirmed"  # type: ignore[union-attr]
    with psycopg.connect(restored) as migrated, psycopg.connect(conninfo) as new:
        for query in (COLUMNS, FUNCTIONS):
            assert migrated.execute(query).fetchall() == new.execute(query).fetchall()


def test_each_version_but_the_newest_can_be_restored() -> None:
    """Whoever adds a step keeps what came before it: `python -m tests.gateway.versions` makes the file."""
    assert {int(file.stem) for file in versions()} >= set(NUMBERS[:-1])


@pytest.mark.parametrize("step", STEPS[1:], ids=lambda step: step.name)
def test_later_steps_only_add(step: Path) -> None:
    """A replica of the version before goes on while they are taken, and after that."""
    text = step.read_text("utf-8")
    code = re.sub(r"AS \$\$.*?\$\$|--[^\n]*", "", text, flags=re.DOTALL)  # bodies of functions change no table
    assert "-- not additive: " in text or NOT_ADDITIVE.search(code) is None


@pytest.mark.parametrize(
    ("statement", "adds"),
    [
        ("ALTER TABLE submissions DROP COLUMN body", False),
        ("ALTER TABLE submissions RENAME COLUMN body TO request", False),
        ("ALTER TABLE submissions ADD COLUMN hidden boolean NOT NULL", False),
        ("ALTER TABLE submissions ADD COLUMN hidden boolean NOT NULL DEFAULT false", True),
        ("ALTER TABLE submissions ADD COLUMN a text, ADD COLUMN b text", True),
        ("ALTER TABLE submissions ALTER COLUMN body TYPE text", False),
        ("CREATE TABLE seen (name text NOT NULL)", True),
        ("CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'", True),
    ],
)
def test_what_counts_as_adding(statement: str, adds: bool) -> None:
    """What an older replica neither reads nor writes."""
    assert (NOT_ADDITIVE.search(statement) is None) is adds


def test_older_replica_serves_while_a_later_step_is_taken(
    conninfo: str, vendor: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column, a table, an index and a function of the ledger change under load; no request fails."""
    vendor.seconds = 1000.0
    admit = re.search(r"CREATE (FUNCTION admit\(.*?\$\$;)", STEPS[0].read_text("utf-8"), re.DOTALL)
    assert admit
    step = tmp_path / "9999_later.sql"
    step.write_text(
        "ALTER TABLE submissions ADD COLUMN later timestamptz, ADD COLUMN more text NOT NULL DEFAULT '';\n"
        "ALTER TABLE tokens ADD COLUMN later timestamptz;\nALTER TABLE audit ADD COLUMN later timestamptz;\n"
        "CREATE TABLE later (name text PRIMARY KEY);\nCREATE INDEX submissions_later ON submissions (later);\n"
        f"CREATE OR REPLACE {admit[1]}\n"
    )
    settings = gateway_settings(conninfo, vendor.url, tmp_path, per_student=1000)
    answers: list[tuple[int, str]] = []
    with running_gateway(settings) as running:
        token, stop = running.token("ann"), threading.Event()

        def load(thread: int) -> None:
            with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client:
                for number in range(10_000):
                    if stop.is_set():
                        return
                    key = {"Idempotency-Key": f"{thread}-{number}"}
                    made = client.post("/luma/videos", json={**BODY, "prompt": f"{thread} {number}"}, headers=key)
                    listed = client.post("/luma/tasks", json={"action": "retrieve_batch", "limit": 5})
                    answers.extend((answer.status_code, answer.text) for answer in (made, listed))

        threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(answers) > 100)
        before = len(answers)
        monkeypatch.setattr(module, "_our_steps", lambda: [*STEPS, step])
        assert asyncio.run(_migrate(conninfo)) == ([9999], [])
        until(lambda: len(answers) > before + 100)
        stop.set()
        for thread in threads:
            thread.join(20)
        assert {answer for answer in answers if answer[0] != 200} == set()
        assert len(vendor.tasks) == len(answers) // 2
        assert running.run(running.gateway.ledger.check()) == []
