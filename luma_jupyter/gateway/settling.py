"""What is found out later: what became of requests whose answer was lost, and what the vendor has charged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from luma_jupyter.errors import InvalidParameter, NotFound, ServiceError
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.records import MICROS, Submission, Vendor
from luma_jupyter.gateway.submissions import HEARTBEAT
from luma_jupyter.gateway.vendors import Vendors
from luma_jupyter.providers.acedata import ARRIVES_WITHIN

log = logging.getLogger(__name__)

STALE = 60.0  # seconds without a sign of life of the process that sends a request, after which it has ended
HEARD_AGAIN = 3 * HEARTBEAT  # seconds after an outage of PostgreSQL in which every living process is heard of again
LOOKED_FOR = 120  # times that the vendor's list is looked into for a lost request: an hour in which it can be had
CLOCK_SLACK = 60.0  # seconds by which the vendor's clock may be behind ours
STATEMENT_DAYS = 3  # for which the vendor's statement is asked what a task has cost
STATED_AT_ONCE = 200


class Settling:
    """Looks into the vendors' own lists. ``clock`` in Unix seconds."""

    def __init__(
        self, database: Database, ledger: Ledger, vendors: Vendors, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._vendors = vendors
        self._clock = clock
        self._finding = asyncio.Lock()

    async def find_lost(self) -> int:
        """Give up what nobody sends any more, and look for all that is unconfirmed; how many were found.

        A request counts as found where the vendor has exactly one equal one that no submission claims, and where no
        other submission may claim it. It is never sent again. A vendor whose list cannot be had is left alone until the
        next time, and nothing is done while this process still does it from the last time. Raises DatabaseAway.
        """
        if self._finding.locked():
            return 0
        async with self._finding:
            await self._give_up_silent()
            found = 0
            away: set[Vendor] = set()
            for submission in await self._ledger.lost(LOOKED_FOR):
                if submission.vendor in away:
                    continue
                try:
                    found += await self._find(submission)
                except ServiceError as error:
                    log.warning("The list of tasks cannot be had: %s", type(error).__name__)
                    away.add(submission.vendor)
            return found

    async def _give_up_silent(self) -> None:
        """Give up what nobody sends any more. Who was without PostgreSQL for all the time is heard of again first."""
        before = self._clock() - STALE
        if await self._ledger.silent(before):
            await self._vendors.http.connections.sleep(HEARD_AGAIN)
            await self._ledger.stale_sent(before)

    async def _find(self, submission: Submission) -> bool:
        sent_at = submission.sent_at or submission.created_at
        vendor, since, until = submission.vendor, sent_at - CLOCK_SLACK, sent_at + ARRIVES_WITHIN
        try:
            listed = await self._vendors.find(vendor, submission.body, since, until)
        except (InvalidParameter, NotFound):  # it has no such list
            listed = []
        claimed = await self._claimed(submission, [task.task_id for task in listed])
        free = [task for task in listed if task.task_id not in claimed]
        if len(free) == 1 and await self._ledger.found(submission.id, free[0].task_id, free[0].trace_id):
            return True
        await self._ledger.not_found(submission.id)
        return False

    async def _claimed(self, submission: Submission, ids: list[str]) -> set[str]:
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT DISTINCT task_id FROM submissions WHERE vendor = %s AND task_id = ANY(%s)",
                (submission.vendor, ids),
            )
            return {task_id for (task_id,) in await cursor.fetchall()}

    async def read_statement(self) -> int:
        """Settle completed tasks to what AceDataCloud's statement says; how many. Raises DatabaseAway."""
        now = self._clock()
        waiting = await self._ledger.uncharged("acedata", now - STATEMENT_DAYS * 86_400, STATED_AT_ONCE)
        traced = {task.trace_id: task for task in waiting if task.trace_id and task.joined is None}
        if not traced:
            return 0
        sent = [task.sent_at or task.created_at for task in traced.values()]
        try:
            charges = await self._vendors.charges(min(sent) - CLOCK_SLACK, max(sent) + CLOCK_SLACK)
        except ServiceError as error:
            await self._vendors.troubles.note("statement", "acedata", str(error))
            return 0
        await self._vendors.troubles.clear("statement", "acedata")
        known = {trace_id: charge.usd for trace_id, charge in charges.items() if trace_id in traced}
        settled = {trace_id: usd for trace_id, usd in known.items() if usd is not None}
        for trace_id, usd in settled.items():
            await self._ledger.charge(traced[trace_id].id, round(usd * MICROS))
        return len(settled)
