"""A gateway without its web side: ledger, media, vendors that are played, and the jobs of a worker."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from luma_jupyter.domain.secret import Secret
from luma_jupyter.gateway.bodies import Bodies
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.jobs import Jobs
from luma_jupyter.gateway.looks import Looks, LookTable
from luma_jupyter.gateway.records import Intent, Person, Submission, Vendor
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.uploads import Uploads
from tests.support.clients import impatient
from tests.support.fake_service import FakeService
from tests.support.waiting import LONGEST_STORY

URL = "https://hub.example/services/luma"
ANN, BEN, TEACHER = Person("ann"), Person("ben"), Person("miss", teaches=True)


def far_ahead() -> float:
    """A clock, in Unix seconds, by which all looks are due."""
    return time.time() + 1000.0


def settings_for(conninfo: str, folder: Path, **changes: Any) -> GatewaySettings:
    """Settings with all keys, and videos in a folder."""
    given: dict[str, Any] = {
        "database": conninfo,
        "url": URL,
        "signing_key": Secret("a signing key that is long"),
        "media": f"file://{folder}/media",
        "acedata_token": Secret("class-key"),
        "acedata_platform_token": Secret("platform-class-token"),
        "runapi_key": Secret("class-runapi-key"),
        "acedata_price": 400_000,
    }
    return GatewaySettings(**given | changes)


@dataclass
class ClassRoom:
    """All that a test may want of a gateway; ``service`` plays both vendors."""

    settings: GatewaySettings
    database: Database
    service: FakeService
    jobs: Jobs
    bodies: Bodies
    uploads: Uploads
    _numbers: list[int] = field(default_factory=lambda: [0])

    async def enter(self, person: Person = ANN, vendor: Vendor = "acedata", **body: Any) -> Submission:
        """Enter a request as sent, without sending it."""
        self._numbers[0] += 1
        prepared = await self.bodies.prepare(person, vendor, {"prompt": "a heron", **body})
        fingerprint = hashlib.sha256(repr(sorted(prepared.items())).encode()).hexdigest()
        key = f"key-{self._numbers[0]}"
        return (await self.jobs.ledger.admit(Intent(person, vendor, key, prepared, fingerprint, 400_000))).submission

    async def submit(self, person: Person = ANN, vendor: Vendor = "acedata", **body: Any) -> Submission:
        """Send a request, and enter that it was accepted."""
        submission = await self.enter(person, vendor, **body)
        accepted = await self.jobs.vendors.submit(vendor, submission.body, f"{submission.id:032x}")
        await self.jobs.ledger.accept(submission.id, accepted.task_id, accepted.trace_id, None)
        return await self.get(submission.id)

    async def follow(self, vendor: Vendor = "acedata", seconds: float = 0.02) -> None:
        """A round of look-ups in which all is due."""
        table = LookTable(self.database, self.jobs.ledger)
        await Looks(table, self.jobs.vendors, far_ahead).round(vendor, seconds)

    async def make_due(self) -> None:
        """Have all tasks looked at in the next round, whoever had claimed them."""
        await self.rows("UPDATE submissions SET next_look_at = now(), claimed_until = NULL")

    async def complete(self, person: Person = ANN, vendor: Vendor = "acedata", **body: Any) -> Submission:
        """A request whose video is done, and not yet fetched."""
        submission = await self.submit(person, vendor, **body)
        await self.follow(vendor)
        return await self.get(submission.id)

    async def get(self, id: int) -> Submission:
        submission = await self.jobs.ledger.get(id)
        assert submission
        return submission

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(query, values)  # type: ignore[arg-type]
            return await cursor.fetchall() if cursor.description else []

    async def troubles(self) -> dict[tuple[str, str], str]:
        """What a teacher has to know of, in words."""
        return {(one.kind, one.subject): one.words for one in await self.jobs.vendors.troubles.all()}


@asynccontextmanager
async def class_room(conninfo: str, folder: Path, *, real: bool = False, **changes: Any) -> AsyncIterator[ClassRoom]:
    """A class room whose vendors are done with each task at once, or that has ``real`` connections.

    ``changes`` are of its settings. Raises TimeoutError where a story does not end.
    """
    settings = settings_for(conninfo, folder, **changes)
    service = FakeService(epoch=time.time())
    service.seconds = 0.0
    async with asyncio.timeout(LONGEST_STORY), Database(conninfo, size=6) as database:
        jobs = Jobs(settings, database, None if real else impatient(httpx.MockTransport(service)))
        service.epoch -= asyncio.get_running_loop().time()
        uploads = Uploads(jobs.vendors, jobs.media)
        try:
            yield ClassRoom(settings, database, service, jobs, Bodies(jobs.vendors, uploads), uploads)
        finally:
            await jobs.vendors.aclose()


Run = Callable[[Callable[[ClassRoom], Coroutine[Any, Any, None]]], None]


def runner(conninfo: str, folder: Path, **changes: Any) -> Run:
    """What runs a test's story in a class room."""

    def run(story: Callable[[ClassRoom], Coroutine[Any, Any, None]]) -> None:
        async def play() -> None:
            async with class_room(conninfo, folder, **changes) as room:
                await story(room)

        asyncio.run(play())

    return run
