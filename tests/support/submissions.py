"""What students ask a gateway for in tests, and a vendor that is played."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from luma_jupyter.errors import ConnectionLost, Moderated, Unconfirmed
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.records import Intent, Person, Vendor
from luma_jupyter.gateway.submissions import Submissions
from luma_jupyter.gateway.turns import Turns
from luma_jupyter.providers.protocol import Accepted
from tests.support.waiting import LONGEST_STORY

PRICE = 10
MODERATED = Moderated("AceDataCloud", "not this one", code="forbidden", http_status=403)
LOST = Unconfirmed(ConnectionLost("AceDataCloud"))


def intent(owner: str = "anna", key: str = "", prompt: str = "a cat", **changes: Any) -> Intent:
    """What a student wants; requests are equal where the prompts are. ``groups``: the student's.

    ``key``: by default the student's first one.
    """
    values: dict[str, Any] = {
        "owner": Person(owner, tuple(changes.pop("groups", ()))),
        "vendor": "acedata",
        "key": key or f"{owner}-1",
        "body": {"action": "generate", "prompt": prompt},
        "fingerprint": prompt,
        "price": PRICE,
    }
    return Intent(**(values | changes))


class PlayedVendor:
    """Accepts all, unless ``error`` says otherwise; counts what came; ``hold`` lets nobody through until it is set."""

    def __init__(self) -> None:
        self.posts: Counter[str] = Counter()
        self.error: Callable[[Mapping[str, Any]], Exception | None] = lambda body: None
        self.hold = asyncio.Event()
        self.hold.set()
        self.came = asyncio.Event()

    async def submit(self, vendor: Vendor, body: Mapping[str, Any], intent: str) -> Accepted:
        self.posts[intent] += 1
        self.came.set()
        await self.hold.wait()
        if error := self.error(body):
            raise error
        return Accepted(f"task-{intent}-{self.posts[intent]}", f"trace-{intent}")


class Replica:
    """One process of a gateway: its own connections, and what stands on them."""

    def __init__(self, database: Database, vendor: PlayedVendor, per_student: int, under_way: int | None) -> None:
        self.database = database
        self.ledger = Ledger(database)
        self.turns = Turns(database, per_student, under_way)
        self.submissions = Submissions(self.ledger, self.turns, vendor)


@asynccontextmanager
async def replica(
    conninfo: str, vendor: PlayedVendor | None = None, per_student: int = 1000, under_way: int | None = None
) -> AsyncIterator[Replica]:
    """Start a replica; at the end it has sent what it was sending. Raises TimeoutError where a story does not end."""
    async with asyncio.timeout(LONGEST_STORY), Database(conninfo, size=8) as database:
        made = Replica(database, vendor or PlayedVendor(), per_student, under_way)
        yield made
        await made.submissions.drain()


def outcomes(results: list[Any]) -> Counter[str]:
    """How often each kind of error came out of `asyncio.gather`, or a row."""
    return Counter(type(result).__name__ for result in results)
