"""What is kept of a person: given to the person as a file, or erased, so that the sums are all that stays.

Erased are prompts, videos, files, addresses, tokens and the name, in whose place a made-up one is put: the rows stay,
so that each wallet is still equal to them. A video that answers a classmate's request, too, is the classmate's.
"""

from __future__ import annotations

import json
import secrets
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.media import Media
from luma_jupyter.gateway.storage import MediaStore
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import make_private

ROWS_FILE = "rows.json"

# All that there is of a person, by table: each row as JSON. Hashes of tokens are no news to anybody but a thief,
# and where vendors call back is for them alone.
OF_A_PERSON: Mapping[str, LiteralString] = {
    "submissions": (
        "SELECT to_jsonb(t) #- '{body,callback_url}' FROM submissions AS t WHERE owner = %(name)s ORDER BY id"
    ),
    "fetched": (
        "SELECT to_jsonb(t) FROM fetched AS t JOIN submissions AS s ON s.id = t.submission WHERE s.owner = %(name)s"
    ),
    "uploads": "SELECT to_jsonb(t) FROM uploads AS t WHERE owner = %(name)s ORDER BY created_at",
    "prepared_uploads": "SELECT to_jsonb(t) FROM prepared_uploads AS t WHERE owner = %(name)s ORDER BY made_at",
    "wallets": "SELECT to_jsonb(t) FROM wallets AS t WHERE kind = 'student' AND name = %(name)s ORDER BY day",
    "caps": "SELECT to_jsonb(t) FROM caps AS t WHERE kind = 'student' AND name = %(name)s",
    "tokens": "SELECT to_jsonb(t) - 'hash' FROM tokens AS t WHERE name = %(name)s ORDER BY id",
    "teachers": "SELECT to_jsonb(t) FROM teachers AS t WHERE name = %(name)s",
    "people": "SELECT to_jsonb(t) FROM people AS t WHERE name = %(name)s",
    "waiting": "SELECT to_jsonb(t) FROM waiting AS t WHERE owner = %(name)s",
    "last_turns": "SELECT to_jsonb(t) FROM last_turns AS t WHERE owner = %(name)s",
    "trouble": (
        "SELECT to_jsonb(t) FROM trouble AS t WHERE kind = 'fetch'"
        " AND subject IN (SELECT id::text FROM submissions WHERE owner = %(name)s)"
    ),
    "audit": (
        "SELECT to_jsonb(t) FROM audit AS t WHERE who = %(name)s OR %(name)s IN ("
        "SELECT value ->> 'name' FROM (VALUES (before), (after)) AS v (value) WHERE value ->> 'kind' = 'student'"
        ") ORDER BY id"
    ),
}

# Carried out one after the other, in one transaction. While nobody enters or changes a clip, wallets and rows are
# renamed together.
_ERASE: Sequence[LiteralString] = (
    "DELETE FROM trouble WHERE kind = 'fetch' AND subject IN (SELECT id::text FROM submissions WHERE owner = %(name)s)",
    "UPDATE fetched SET thumbnail = NULL WHERE submission IN (SELECT id FROM submissions AS s WHERE owner = %(name)s"
    " AND NOT EXISTS (SELECT FROM submissions AS j WHERE j.joined = s.id AND j.owner <> s.owner))",
    # Nobody is to fetch it now, but for a classmate who shares it.
    "INSERT INTO fetched (submission, lost) SELECT id, 'It was erased.' FROM submissions AS s"
    " WHERE owner = %(name)s AND joined IS NULL AND state = 'completed' AND media IS NULL"
    " AND NOT EXISTS (SELECT FROM submissions AS j WHERE j.joined = s.id AND j.owner <> s.owner)"
    " ON CONFLICT (submission) DO UPDATE SET lost = coalesce(fetched.lost, excluded.lost)",
    "UPDATE submissions AS s SET owner = %(pseudonym)s, key = id::text, body = '{}', fingerprint = '', attempt = '',"
    " error_message = NULL, video = CASE WHEN EXISTS ("
    "SELECT FROM submissions AS j WHERE j.joined = s.id AND j.owner <> s.owner) THEN video END"
    " WHERE owner = %(name)s",
    "UPDATE wallets SET name = %(pseudonym)s WHERE kind = 'student' AND name = %(name)s",
    "DELETE FROM caps WHERE kind = 'student' AND name = %(name)s",
    "DELETE FROM tokens WHERE name = %(name)s",
    "DELETE FROM teachers WHERE name = %(name)s",
    "DELETE FROM people WHERE name = %(name)s",
    "DELETE FROM waiting WHERE owner = %(name)s",
    "DELETE FROM last_turns WHERE owner = %(name)s",
    "DELETE FROM prepared_uploads WHERE owner = %(name)s",
    "UPDATE uploads SET title = 'a file' WHERE owner = ''"
    " AND name IN (SELECT name FROM uploads WHERE owner = %(name)s)",
    "DELETE FROM uploads WHERE owner = %(name)s",
    "UPDATE audit SET who = %(pseudonym)s WHERE who = %(name)s",
    "UPDATE audit SET before = before || jsonb_build_object('name', %(pseudonym)s::text)"
    " WHERE before ->> 'kind' = 'student' AND before ->> 'name' = %(name)s",
    "UPDATE audit SET after = after || jsonb_build_object('name', %(pseudonym)s::text)"
    " WHERE after ->> 'kind' = 'student' AND after ->> 'name' = %(name)s",
    "INSERT INTO audit (who, what) VALUES (%(by)s, %(noted)s)",
)

_UNDER_WAY: LiteralString = (
    "SELECT count(*) FROM submissions WHERE owner = %(name)s AND state IN ('sent', 'accepted', 'unconfirmed')"
)

# The files of a person that nobody else has, too.
_FILES: LiteralString = """
WITH mine AS (
    SELECT media AS name FROM submissions WHERE owner = %(name)s
    UNION SELECT f.thumbnail FROM fetched AS f JOIN submissions AS s ON s.id = f.submission WHERE s.owner = %(name)s
    UNION SELECT name FROM uploads WHERE owner = %(name)s
), others AS (
    SELECT media AS name FROM submissions WHERE owner <> %(name)s
    UNION SELECT f.thumbnail FROM fetched AS f JOIN submissions AS s ON f.submission IN (s.id, s.joined)
        WHERE s.owner <> %(name)s
    UNION SELECT name FROM uploads WHERE owner NOT IN ('', %(name)s)
)
SELECT name FROM mine WHERE name IS NOT NULL AND name NOT IN (SELECT name FROM others WHERE name IS NOT NULL)"""


@dataclass(frozen=True)
class Exported:
    """How much there was of a person."""

    rows: int
    files: int


@dataclass(frozen=True)
class Erased:
    """What stands in the place of a name, and how much was erased with it."""

    pseudonym: str
    clips: int
    files: int


async def export(database: Database, store: MediaStore, name: str, file: Path) -> Exported:
    """Write all that there is of a person to a new zip: the rows as JSON, videos and files.

    Raises InvalidRequest where there is nothing, or the file is there already; OSError, StoreAway, DatabaseAway.
    """
    rows = await _rows(database, name)
    if not any(rows.values()):
        raise InvalidRequest(f"Nothing is kept of {name}.")
    if file.exists():
        raise InvalidRequest(f"{file} exists already: name another file.")
    kept = [(f"videos/{row['id']}.mp4", row["media"]) for row in rows["submissions"]]
    kept += [(f"files/{row['id']}.{row['name'].rpartition('.')[2]}", row["name"]) for row in rows["uploads"]]
    make_private(file)
    try:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(ROWS_FILE, json.dumps(rows, ensure_ascii=False, indent=1))
            files = [await _add(archive, store, title, stored) for title, stored in kept if stored]
    except BaseException:
        file.unlink()
        raise
    return Exported(sum(map(len, rows.values())), sum(files))


async def _rows(database: Database, name: str) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {}
    async with database.connection() as connection:
        for table, query in OF_A_PERSON.items():
            cursor = await connection.execute(query, {"name": name})
            rows[table] = [row for (row,) in await cursor.fetchall()]
    return rows


async def _add(archive: zipfile.ZipFile, store: MediaStore, title: str, stored: str) -> bool:
    """Add a file of the store; False where it is not kept any more."""
    size = await store.size(stored)
    if size is None:
        return False
    with archive.open(title, "w", force_zip64=True) as entry:
        async for chunk in store.read(stored, 0, size):
            entry.write(chunk)
    return True


async def erase(database: Database, media: Media, name: str, by: str) -> Erased:
    """Erase what there is of a person; ``by`` did so, says the audit log. A repetition goes on with what broke off.

    Raises InvalidRequest where there is nothing, or clips are under way; StoreAway, DatabaseAway.
    """
    pseudonym = f"erased-{secrets.token_hex(6)}"
    noted = N_(f"A person was erased: the clips are now {pseudonym}’s.")
    values = {"name": name, "by": by, "pseudonym": pseudonym, "noted": noted}
    rows = await _rows(database, name)
    if not any(rows.values()):
        raise InvalidRequest(f"Nothing is kept of {name}.")
    async with database.connection() as connection:
        await _check_ended(connection, values)
        files = [file for (file,) in await (await connection.execute(_FILES, values)).fetchall()]
    removed = await media.remove(files)
    async with database.connection() as connection, connection.transaction():
        await connection.execute("LOCK TABLE submissions IN SHARE ROW EXCLUSIVE MODE")
        await _check_ended(connection, values)
        for statement in _ERASE:
            await connection.execute(statement, values)
    return Erased(pseudonym, len(rows["submissions"]), removed)


async def _check_ended(connection: Any, values: Mapping[str, str]) -> None:
    (number,) = await (await connection.execute(_UNDER_WAY, values)).fetchone()
    if number:
        name = values["name"]
        raise InvalidRequest(
            f"Clips of {name} that have not ended: {number}. Wait for them, and `release` those that are unconfirmed."
        )
