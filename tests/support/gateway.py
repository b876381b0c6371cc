"""A gateway in a thread of its own, between a vendor that misbehaves when told to and any client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tornado.netutil import bind_sockets

from luma_jupyter.domain.secret import Secret
from luma_jupyter.gateway.api import Gateway
from luma_jupyter.gateway.app import open_gateway
from luma_jupyter.gateway.database import DatabaseAway
from luma_jupyter.gateway.identity import Tokens
from luma_jupyter.gateway.jobs import Jobs
from luma_jupyter.gateway.records import Person, Vendor
from luma_jupyter.gateway.seen import Seen
from luma_jupyter.gateway.serve import http_server
from luma_jupyter.gateway.settings import GatewaySettings

T = TypeVar("T")

KEY = "vendors-key-of-the-class"
PREFIX = "/services/luma"


def gateway_settings(conninfo: str, vendor_url: str, folder: Path, **more: Any) -> GatewaySettings:
    """Settings of a gateway that keeps its media below a folder, before one vendor."""
    given: dict[str, Any] = {
        "database": conninfo,
        "url": f"http://127.0.0.1:9{PREFIX}",
        "service_prefix": PREFIX,
        "signing_key": Secret("s" * 32),
        "acedata_token": Secret(KEY),
        "acedata_platform_token": Secret(f"platform-{KEY}"),
        "runapi_key": Secret(KEY),
        "acedata_base_url": vendor_url,
        "acedata_platform_url": vendor_url,
        "runapi_base_url": vendor_url,
        "acedata_price": 300_000,
        "runapi_price": 500_000,
        "media": (folder / "media").as_uri(),
    }
    return GatewaySettings(**{**given, **more})


class RunningGateway:
    """A gateway that listens at ``url`` while the ``with`` block of `running_gateway` lasts."""

    gateway: Gateway

    def __init__(self, settings: GatewaySettings) -> None:
        self._sockets = bind_sockets(0, "127.0.0.1")
        self.url = f"http://127.0.0.1:{self._sockets[0].getsockname()[1]}{PREFIX}"
        self.settings = replace(settings, url=self.url)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="gateway", daemon=True)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in its loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def token(self, name: str, *groups: str, teaches: bool = False) -> str:
        """A token of a person's."""
        return self.run(Tokens(self.gateway.database).make(Person(name, groups, teaches)))

    def forget(self) -> None:
        """Be as at the beginning: without students, clips, caps."""

        async def forget() -> None:
            async with self.gateway.database.connection() as connection:
                cursor = await connection.execute(
                    "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public'"
                    " AND tablename NOT LIKE 'procrastinate%' AND tablename <> 'schema_version'"
                )
                (tables,) = await cursor.fetchone() or ("",)
                await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")

        async def forget_in_any_case() -> None:
            while True:  # a test before may have ended PostgreSQL: it is noticed by and by that connections are gone
                with suppress(DatabaseAway):
                    return await forget()

        self.run(forget_in_any_case())
        self.gateway.seen = Seen(self.gateway.database)
        self.gateway.hold_seconds = 0.0

    def look(self, vendor: Vendor = "acedata") -> None:
        """Have the vendor asked now how the tasks get on, as a worker does."""

        async def look() -> None:
            jobs = Jobs(self.settings, self.gateway.database)
            async with self.gateway.database.connection() as connection:
                cursor = await connection.execute("SELECT task_id FROM submissions WHERE state = 'accepted'")
                await jobs.looks.table.hint(vendor, [task_id for (task_id,) in await cursor.fetchall()])
            async with jobs.app.open_async():
                await jobs.looks.round(vendor, 0.1)
            await jobs.vendors.aclose()

        self.run(look())

    def save(self) -> None:
        """Have all videos fetched that are not kept yet, as a worker does."""

        async def save() -> None:
            jobs = Jobs(self.settings, self.gateway.database)
            for id in await jobs.saving.unsaved():
                await jobs.saving.save(id)
            await jobs.vendors.aclose()

        self.run(save())

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        """End as a replica does."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve_until_stop())

    async def _serve_until_stop(self) -> None:
        self._stop = asyncio.Event()
        async with open_gateway(self.settings) as self.gateway:
            self.gateway.hold_seconds = 0.0
            server = http_server(self.gateway)
            server.add_sockets(self._sockets)
            self._ready.set()
            await self._stop.wait()
            self.gateway.draining.set()
            await server.drain(5)
            await self.gateway.submissions.drain()


@contextmanager
def running_gateway(settings: GatewaySettings) -> Iterator[RunningGateway]:
    """A gateway for as long as the block lasts."""
    gateway = RunningGateway(settings)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()
