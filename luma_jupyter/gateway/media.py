"""The videos and files that the gateway keeps: by content, for a time, up to a quota; and their signed addresses.

A kernel fetches videos without any key, so an address is its own permit: it is signed for its owner, and it ends.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, LiteralString, TypeAlias
from urllib.parse import urlencode

from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.records import Submission
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.storage import MediaStore, Part
from luma_jupyter.worker_threads import in_thread

MediaKind: TypeAlias = Literal["video", "thumbnail"]
SUFFIXES: Mapping[MediaKind, str] = {"video": "mp4", "thumbnail": "jpg"}  # in addresses
DAY = 86_400.0  # seconds
ORPHANED = 3600.0  # seconds after which a file that no table names is nobody's
STALE_PART = 6 * 3600.0  # seconds after which nobody writes to a part file any more
SWEPT_AT_ONCE = 100


def media_url(settings: GatewaySettings, submission: Submission, kind: MediaKind) -> str:
    """Where a video, or its thumbnail, is served to its owner, until its retention is over; the same at each call."""
    begun = submission.ended_at or submission.created_at
    expires = int(begun + settings.media_days * DAY) + 1
    file = f"{submission.id}.{SUFFIXES[kind]}"
    query = urlencode({"expires": expires, "signature": sign(settings, file, submission.owner, expires)})
    return f"{settings.url}/media/{file}?{query}"


def sign(settings: GatewaySettings, file: str, owner: str, expires: int) -> str:
    """The signature of an address: of its file, whose it is, and until when it is good."""
    text = f"media\n{file}\n{owner}\n{expires}"
    return hmac.new(settings.signing_key.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()


def is_signed(settings: GatewaySettings, file: str, owner: str, expires: str, signature: str) -> bool:
    """Whether an address was signed by this gateway, however long ago."""
    known = expires.isascii() and expires.isdigit() and len(expires) <= 12
    good = sign(settings, file, owner, int(expires) if known else 0)
    return hmac.compare_digest(good.encode(), signature.encode()) and known


@dataclass(frozen=True)
class Wanted:
    """A video or thumbnail that somebody asks for: whose it is, its name in the store (None: not fetched yet).

    ``gone``: it is not kept any more, or was lost. ``pending``: it is still to come.
    """

    owner: str
    name: str | None
    gone: bool
    pending: bool


class Media:
    """The store, and the tables that say what is in it."""

    def __init__(self, settings: GatewaySettings, database: Database, store: MediaStore | None = None) -> None:
        self.settings = settings
        self.database = database
        self.store = store or MediaStore(settings.media)

    async def keep(self, part: Part, suffix: str) -> str:
        """Keep a file; its name. Nothing is kept where this raises StoreFull, StoreAway or DatabaseAway.

        The row is locked until the file is in its place, so that none is swept away that is just kept again.
        """
        name = await self.store.name_of(part, suffix)
        async with self.database.connection() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO media (name, size) VALUES (%s, 0)"
                " ON CONFLICT (name) DO UPDATE SET kept_at = now(), removed_at = NULL",
                (name,),
            )
            size = await self.store.place(part, name)
            await connection.execute("UPDATE media SET size = %s WHERE name = %s", (size, name))
        return name

    async def put(self, chunks: AsyncIterable[bytes], suffix: str) -> str:
        """Keep what comes in chunks; its name. Raises what `keep` does, and what ``chunks`` does."""
        async with self.store.part() as part:
            async for chunk in chunks:
                await in_thread(partial(part.write, chunk))
            return await self.keep(part, suffix)

    async def read_all(self, name: str) -> bytes | None:
        """A whole file; None where it is not kept. Raises StoreAway."""
        size = await self.store.size(name)
        return None if size is None else b"".join([chunk async for chunk in self.store.read(name, 0, size)])

    async def wanted(self, submission: int, kind: MediaKind) -> Wanted | None:
        """What there is of a video or its thumbnail; None for a submission that does not exist. Raises DatabaseAway."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(_WANTED, (submission,))
            row = await cursor.fetchone()
        if row is None:
            return None
        owner, state, video, thumbnail, lost, removed = row
        name = video if kind == "video" else thumbnail
        waits = state in ("sent", "accepted", "unconfirmed") or (state == "completed" and video is None and not lost)
        return Wanted(owner, name, gone=bool(removed or lost), pending=name is None and waits)

    async def sweep(self) -> None:
        """Remove what was kept for long enough, the oldest of what is over the quota, and what nobody ever named.

        Raises StoreAway, DatabaseAway.
        """
        while await self._remove(_EXPIRED, (self.settings.media_days, SWEPT_AT_ONCE)):
            pass
        quota = self.settings.media_quota
        while quota is not None and await self._remove(_OVER_QUOTA, (quota, SWEPT_AT_ONCE)):
            pass
        await self._remove_orphans()
        async with self.database.connection() as connection:
            for forget in _FORGET:
                await connection.execute(forget, (self.settings.media_days + 1,))
        await self.store.sweep_parts(STALE_PART)

    async def remove(self, names: Sequence[str]) -> int:
        """Remove files before their time; how many were there. Raises StoreAway, DatabaseAway."""
        return await self._remove(_NAMED, (list(names),))

    async def _remove(self, which: LiteralString, values: Sequence[Any]) -> int:
        """Remove the files that a query names; how many those were."""
        async with self.database.connection() as connection, connection.transaction():
            cursor = await connection.execute(which, values)
            names = [name for (name,) in await cursor.fetchall()]
            for name in names:
                await self.store.remove(name)
            await connection.execute("UPDATE media SET removed_at = now() WHERE name = ANY(%s)", (names,))
            await connection.execute(_NOTE_REMOVED, (names,))
            await connection.execute("UPDATE submissions SET media = NULL WHERE media = ANY(%s)", (names,))
        return len(names)

    async def _remove_orphans(self) -> None:
        """Remove files of whose keeping nothing was written down, as PostgreSQL went away in that moment."""
        old = {name for name, age in (await self.store.names()).items() if age > ORPHANED}
        async with self.database.connection() as connection:
            cursor = await connection.execute(
                "SELECT name FROM media WHERE name = ANY(%s) AND removed_at IS NULL", (list(old),)
            )
            known = {name for (name,) in await cursor.fetchall()}
        for name in old - known:
            await self.store.remove(name)


_WANTED = """
SELECT s.owner, s.state, coalesce(s.media, o.media), f.thumbnail, f.lost, m.removed_at
FROM submissions s
LEFT JOIN submissions o ON o.id = s.joined
LEFT JOIN fetched f ON f.submission = coalesce(s.joined, s.id)
LEFT JOIN media m ON m.name = coalesce(s.media, o.media)
WHERE s.id = %s"""

# So that nobody fetches it again, or waits for it.
_NOTE_REMOVED = """
INSERT INTO fetched (submission, lost)
SELECT id, 'it was kept for as long as videos are' FROM submissions WHERE media = ANY(%s) AND joined IS NULL
ON CONFLICT (submission) DO UPDATE SET lost = EXCLUDED.lost"""

_FORGET: Sequence[LiteralString] = (
    "DELETE FROM prepared_uploads WHERE made_at < now() - make_interval(days => %s)",
    "DELETE FROM uploads WHERE created_at < now() - make_interval(days => %s)",
    "DELETE FROM trouble WHERE kind = 'fetch' AND last_at < now() - make_interval(days => %s)",
)

_NAMED = "SELECT name FROM media WHERE removed_at IS NULL AND name = ANY(%s) FOR UPDATE"

_EXPIRED = """
SELECT name FROM media
WHERE removed_at IS NULL AND kept_at < now() - make_interval(days => %s)
ORDER BY kept_at LIMIT %s FOR UPDATE SKIP LOCKED"""

_OVER_QUOTA = """
SELECT name FROM media WHERE removed_at IS NULL AND name IN (
    SELECT name FROM (
        SELECT name, kept_at, sum(size) OVER (ORDER BY kept_at DESC, name) AS total
        FROM media WHERE removed_at IS NULL
    ) newest WHERE total > %s ORDER BY kept_at LIMIT %s
) FOR UPDATE SKIP LOCKED"""
