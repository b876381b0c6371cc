"""Write the files of versions that have none yet: ``python -m tests.gateway.versions``."""

from __future__ import annotations

import asyncio
import json
from importlib import resources
from unittest.mock import patch

import psycopg

from luma_jupyter.gateway.api import request_fingerprint
from luma_jupyter.gateway.database import Database
from tests.gateway.versions import FOLDER
from tests.support.postgres import PostgresServer, programs_or_skip

BODY = {"prompt": "a heron", "async": True}
VIDEO = {"url": "https://cdn.example/v.mp4", "video_id": "v1", "width": 1280, "height": 720, "thumbnail_url": None}
# What a class has done by each version.
_FACTS = json.dumps(BODY), request_fingerprint("acedata", BODY)
_ADMIT = "SELECT admit(%s, %s, NULL, 'acedata', %s, %s::jsonb, %s, 300000, false, 'attempt', true)"
_TASK = "UPDATE submissions SET task_id = 'task-' || id, trace_id = 'trace-' || id, next_look_at = now()"
_ENDED = "UPDATE submissions SET ended_at = now()"
ROWS: dict[int, list[tuple[str, tuple[object, ...]]]] = {
    1: [
        ("INSERT INTO caps VALUES ('student', '', 5000000, 2000000), ('class', '', 90000000, NULL)", ()),
        *[(_ADMIT, (owner, ["films"], key, *_FACTS)) for owner, key in (("ann", "k1"), ("ann", "k2"), ("ben", "k1"))],
        *[(_ADMIT, ("cleo", [], key, *_FACTS)) for key in ("k1", "k2", "k3")],
        (f"{_TASK}, state = 'accepted' WHERE id IN (1, 2, 3)", ()),
        (f"{_ENDED}, state = 'completed', video = %s::jsonb WHERE id = 1", (json.dumps(VIDEO),)),
        (f"{_ENDED}, state = 'failed', error_code = 'api_error' WHERE id = 2", ()),
        ("UPDATE submissions SET state = 'unconfirmed' WHERE id = 4", ()),
        (f"{_ENDED}, state = 'refused', error_code = 'forbidden' WHERE id = 5", ()),
        ("INSERT INTO audit (who, what) VALUES ('teacher', 'cap')", ()),
    ],
    2: [("INSERT INTO tokens (hash, name, groups) VALUES ('0a', 'ann', '{films}')", ())],
    3: [
        ("INSERT INTO media (name, size) VALUES ('00.mp4', 1000)", ()),
        ("UPDATE submissions SET media = '00.mp4' WHERE id = 1", ()),
        ("INSERT INTO teachers VALUES ('teacher')", ()),
        ("INSERT INTO trouble (kind, subject, words) VALUES ('key', 'acedata', 'The class key does not work.')", ()),
    ],
}
_OF_PSQL = ("\\", "SET ", "SELECT pg_catalog.set_config")  # lines that no other client understands, or needs


def main() -> None:
    """Write them."""
    server = PostgresServer(programs_or_skip())
    try:
        folder = resources.files("luma_jupyter.gateway") / "sql"
        steps = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
        for number in range(1, len(steps) + 1):
            file = FOLDER / f"{steps[number - 1].name[:4]}.sql"
            if not file.exists():
                name = server.create()
                with patch("luma_jupyter.gateway.database._our_steps", lambda upto=number: steps[:upto]):
                    asyncio.run(_migrate(server.conninfo(name)))
                _fill(server.conninfo(name), number)
                text = server.dump(name, "--no-owner", "--inserts").decode()
                lines = (line for line in text.splitlines() if not line.startswith(_OF_PSQL))
                file.write_text("\n".join(lines) + "\n")
                print(file)
    finally:
        server.close()


async def _migrate(conninfo: str) -> None:
    async with Database(conninfo, size=1) as database:
        await database.migrate()


def _fill(conninfo: str, version: int) -> None:
    with psycopg.connect(conninfo) as connection:
        for number in range(1, version + 1):
            for statement, values in ROWS.get(number, []):
                connection.execute(statement, values)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
