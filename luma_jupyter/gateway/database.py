"""PostgreSQL, which the gateway's processes share, as they do the videos: connections, versions of the tables, news.

News: whoever changes something says so by ``NOTIFY`` on a channel, with a row's id. Each process listens on one
connection of its own and wakes whom it concerns. To miss none, begin to listen before looking::

    with database.news("submissions", {"17"}) as news:
        while not await has_ended(17):
            await news.wait(20.0)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final, Self, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from luma_jupyter.errors import InvalidRequest, LumaError
from luma_jupyter.languages import N_

log = logging.getLogger(__name__)

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]

PATIENCE = 2.0  # seconds to wait for a connection
CHANNELS: Final = ("submissions", "turns")
_RECONNECT_DELAY = 0.25  # seconds
_MIGRATION_LOCK = 0x6C756D61  # "luma"; of all locks that the gateway takes by number, the only one
# A machine that went away without a word is noticed after some 15 seconds.
_OPTIONS: Final = {"autocommit": True, "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2}


class DatabaseAway(LumaError):
    """PostgreSQL cannot be reached, or broke off.

    ``asked``: a statement was under way, so that nobody knows whether it was carried out; else nothing was.
    """

    def __init__(self, asked: bool = False) -> None:
        self.asked = asked
        super().__init__(
            N_("The class gateway cannot reach its database. This usually passes by itself: try again in a moment.")
        )


class News:
    """What came on a channel since it was listened to, or last waited for."""

    def __init__(self, payloads: Collection[str] | None) -> None:
        self._payloads = payloads
        self._came = asyncio.Event()

    def concerns(self, payload: str) -> bool:
        """Whether its listener wants to know of it."""
        return self._payloads is None or payload in self._payloads

    def tell(self) -> None:
        """Something came, or may have."""
        self._came.set()

    async def wait(self, timeout: float) -> bool:
        """Return True at the next news, at once if some came since the last wait; False after ``timeout`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._came.wait()
        came = self._came.is_set()
        self._came.clear()
        return came


class Database:
    """The connections of a process, at most ``size`` and one for news; an asynchronous context manager.

    It opens also while PostgreSQL is away, and reconnects by itself.
    """

    def __init__(self, conninfo: str, size: int = 10) -> None:
        # Whoever asks makes the pool try again: else its own pauses double, and outlast the outage.
        self.pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=size,
            open=False,
            configure=_configure,
            kwargs=dict(_OPTIONS),
            reconnect_timeout=PATIENCE,
        )
        self._conninfo = conninfo
        self._listeners: dict[str, set[News]] = {channel: set() for channel in CHANNELS}
        self._listening: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.pool.open(wait=False)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._listening, self._checking):
            if task:
                task.cancel()
                await asyncio.wait({task})
        await self.pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection on which each statement is a transaction of its own.

        Raises DatabaseAway, and InvalidRequest for text that PostgreSQL cannot hold.
        """
        asked = False
        try:
            async with self.pool.connection(timeout=PATIENCE) as connection:
                asked = True
                yield connection
        except PoolTimeout:
            raise DatabaseAway from None
        except (psycopg.DataError, UnicodeEncodeError):
            raise InvalidRequest("The request has characters that cannot be used (NUL, or half of a pair).") from None
        except psycopg.OperationalError as error:
            log.warning("The database broke off: %s", error)
            self._check_others()
            raise DatabaseAway(asked) from error

    async def migrate(self) -> list[int]:
        """Bring the tables up to date; the numbers of our own steps that were missing. Others may do so meanwhile."""
        async with self.connection() as connection:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                await connection.execute(_VERSIONS)
            applied = [step.name for step in _our_steps() if await _apply(connection, "luma", step)]
            await _migrate_jobs(connection)
        return [int(name.partition("_")[0]) for name in applied]

    @contextmanager
    def news(self, channel: str, payloads: Collection[str] | None = None) -> Iterator[News]:
        """Listen to a channel, or to some of what is told on it."""
        news = News(payloads)
        self._listeners[channel].add(news)
        try:
            yield news
        finally:
            self._listeners[channel].remove(news)

    async def wait_for(self, channel: str, timeout: float, payloads: Collection[str] | None = None) -> None:
        """Return at the next news, or after ``timeout`` seconds; news between two calls are missed (see `news`)."""
        with self.news(channel, payloads) as news:
            await news.wait(timeout)

    async def _listen(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(self._conninfo, **_OPTIONS) as connection:  # type: ignore[arg-type]
                    for channel in CHANNELS:
                        await connection.execute(f"LISTEN {channel}")
                    self._tell_all()
                    async for notification in connection.notifies():
                        self._tell(notification.channel, notification.payload)
            except psycopg.Error as error:
                log.warning("No news from the database: %s", error)
            await asyncio.sleep(_RECONNECT_DELAY)

    def _tell(self, channel: str, payload: str) -> None:
        for news in self._listeners[channel]:
            if news.concerns(payload):
                news.tell()

    def _tell_all(self) -> None:
        """Some may have been missed while nobody listened."""
        for listeners in self._listeners.values():
            for news in listeners:
                news.tell()

    def _check_others(self) -> None:
        """Replace the pool's other broken connections now, not when they are needed."""
        if not self._checking or self._checking.done():
            self._checking = asyncio.create_task(self.pool.check())


async def _configure(connection: Connection) -> None:
    """Have no query compiled: to compile one takes half a second, and the longest runs for some milliseconds."""
    await connection.execute("SET jit = off")


_VERSIONS: Final = """
CREATE TABLE IF NOT EXISTS schema_version (
    part text NOT NULL, -- 'luma' or 'procrastinate'
    step text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (part, step)
)"""
_NOTE: Final = "INSERT INTO schema_version (part, step) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING step"


async def _apply(connection: Connection, part: str, step: Traversable) -> bool:
    """Carry out a file of SQL unless it has been; whoever does so at the same time waits for it."""
    async with connection.transaction():
        noted = await connection.execute(_NOTE, (part, step.name))
        if await noted.fetchone() is None:
            return False
        await connection.execute(step.read_bytes())
    return True


def _our_steps() -> list[Traversable]:
    return _files(resources.files("luma_jupyter.gateway") / "sql")


async def _migrate_jobs(connection: Connection) -> None:
    """Make procrastinate's tables, or take the steps that its later versions bring: it keeps no list of its own."""
    folder = resources.files("procrastinate") / "sql"
    steps = _files(folder / "migrations")
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        if await _apply(connection, "procrastinate", folder / "schema.sql"):
            for step in steps:  # the schema has them all
                await connection.execute(_NOTE, ("procrastinate", step.name))
    for step in steps:
        await _apply(connection, "procrastinate", step)


def _files(folder: Traversable) -> list[Traversable]:
    return sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
