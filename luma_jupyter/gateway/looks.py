"""Follows the tasks of the whole class at a vendor: in short rounds, each of which any worker may make.

A round claims the tasks that are due before it ends: their rows get a time soon after that, so that they are due again
where it dies half-way, and no other round looks at them meanwhile. What it plans beyond its end, it writes back. So two
rounds at once, or one that was stopped and goes on hours later, do no harm: a look costs nothing, and whatever it finds
is taken in by the ledger once.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from luma_jupyter.domain.duration_model import fit, pause_after_faults, prior
from luma_jupyter.domain.task import TaskPhase, TaskState
from luma_jupyter.errors import LumaError, ServiceError
from luma_jupyter.gateway.database import Database, News
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.look_plan import Followed, LookPlan, ended_at
from luma_jupyter.gateway.records import MICROS, Vendor
from luma_jupyter.gateway.vendors import Vendors
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER

log = logging.getLogger(__name__)

ROUND = 5.0  # seconds
LEASE = 2.0  # seconds after its end until others may claim what a round has claimed and did not write back
CLAIM_EVERY = 1.0  # seconds between two looks at what is newly due
ENDS_WITHIN = 1.0  # seconds after its process was told to end
ABSURD = 900.0  # seconds ahead for which no look is planned and no task claimed, unless the clock was put back since
NEWS_EVERY = 0.2  # seconds between two looks at what is due, whatever news comes: what comes together shares a request
AHEAD = 3.0  # seconds beyond a round's end for which it takes tasks along that are nearly due
CONCURRENT_LOOKS = 8
SHORTEST_INTERVAL = 0.04  # seconds between two requests to a vendor
ENDS_AT_ONCE = 6  # that are written down at the same time: the pool has some more connections
# By how many seconds a look may come too late, on average, where a request is for one task; most requests are for many.
DELAY = 0.61
DELAY_WITH_CALLBACKS = 5.0  # where the vendor says by itself that there is something to see
BUSY_WAIT = 0.1  # seconds, at most, between two looks at the plan while a request is under way
FORGOTTEN_AFTER = 86_400.0  # seconds since it was sent, after which a task that is not known may never be again
FORGOTTEN_LOOKS = 30  # in a row that do not know it, some five minutes: an id can be missing for a moment
CHANNEL, NEWS = "submissions", "look"


class LookTable:
    """What PostgreSQL knows of looks: which are due, and who has claimed them. Its methods raise DatabaseAway."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self.ledger = ledger

    def hints(self) -> AbstractContextManager[News]:
        """Listen to whether something is to be looked at now."""
        return self._database.news(CHANNEL, {NEWS})

    def changes(self) -> AbstractContextManager[News]:
        """Listen to whether anything has happened at all."""
        return self._database.news(CHANNEL)

    async def claim(self, vendor: Vendor, due_by: float, now: float, until: float) -> list[Due]:
        """The tasks that are due by then and nobody else follows, which are the caller's ``until`` then."""
        async with self._database.connection() as connection:
            values = {"vendor": vendor, "due_by": due_by, "now": now, "until": until, "absurd": now + ABSURD}
            cursor = await connection.execute(_CLAIM, values)
            return [Due(*row) for row in await cursor.fetchall()]

    async def write_back(self, tasks: Sequence[Followed], until: float) -> None:
        """Let go of tasks that were claimed ``until`` then; others may follow them as planned, now."""
        facts = [task.id for task in tasks], [task.planned for task in tasks], [task.looks for task in tasks]
        async with self._database.connection() as connection:
            await connection.execute(_WRITE_BACK, (*facts, until))
            await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, NEWS))

    async def hint(self, vendor: Vendor, task_ids: Sequence[str]) -> None:
        """Have tasks looked at now, whoever follows them."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "UPDATE submissions SET next_look_at = now(), claimed_until = NULL, looks = greatest(looks, 1)"
                " WHERE state = 'accepted' AND vendor = %s AND task_id = ANY(%s)",
                (vendor, list(task_ids)),
            )
            if cursor.rowcount:
                await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, NEWS))


@dataclass(frozen=True)
class Due:
    """A task whose look is due at ``due``; ``looks``: how often it was looked at. Times in Unix seconds."""

    id: int
    task_id: str
    sent_at: float
    due: float
    looks: int


@dataclass(frozen=True)
class RoundCount:
    """What a round did."""

    requests: int
    looks: int
    ended: int


class Looks:
    """The rounds of one process. ``clock`` is Unix seconds."""

    def __init__(self, table: LookTable, vendors: Vendors, clock: Callable[[], float] = time.time) -> None:
        self.table = table
        self.vendors = vendors
        self.clock = clock
        self.faults: dict[Vendor, int] = {}  # look-ups in a row that have failed
        self.unknown: dict[int, int] = {}  # by submission: looks in a row that did not know its task
        self.ending = False  # this process is to end, and rounds with it

    async def round(self, vendor: Vendor, seconds: float = ROUND) -> RoundCount:
        """Follow a vendor's tasks for so long. Raises DatabaseAway: what it has claimed is due again soon."""
        calls_back = self.vendors.settings.callback_url is not None
        assumed = replace(prior(vendor), delay=DELAY_WITH_CALLBACKS if calls_back else DELAY)
        model = fit(assumed, await self.table.ledger.durations(vendor))
        plan = LookPlan(model, self.vendors.client(vendor).batch_size)
        return await _Round(self, vendor, plan, self.clock() + seconds).run()


class _Round:
    """One round of look-ups, which ends ``until`` then."""

    def __init__(self, looks: Looks, vendor: Vendor, plan: LookPlan, until: float) -> None:
        self._looks = looks
        self._table = looks.table
        self._vendor: Vendor = vendor
        self._plan = plan
        self._until = until
        self._claim_at = self._claimed_at = 0.0
        self._not_before = 0.0  # the vendor is left alone until then
        self._requests: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Semaphore(ENDS_AT_ONCE)
        self._count = self._looked_at = self._ended = 0

    async def run(self) -> RoundCount:
        """Make the round."""
        clock = self._looks.clock
        with self._table.hints() as hints, self._table.changes() as changes:
            try:
                while (now := clock()) < self._until and not self._looks.ending:
                    if now >= self._claim_at:
                        await self._claim(now)
                    self._look(clock())
                    news = hints if len(self._plan) else changes
                    if await news.wait(self._next(clock()) - clock()):
                        self._claim_at = self._claimed_at + NEWS_EVERY
            finally:
                if self._requests:
                    await asyncio.wait(self._requests)
                if tasks := self._plan.tasks:
                    await self._table.write_back(tasks, self._until + LEASE)
        return RoundCount(self._count, self._looked_at, self._ended)

    async def _claim(self, now: float) -> None:
        """Take on what is due before the round ends, or soon after.

        Where that is nothing, nothing is to be done until something is accepted.
        """
        for due in await self._table.claim(self._vendor, self._until + AHEAD, now, self._until + LEASE):
            self._plan.take_on(due.id, due.task_id, due.sent_at, due.due, due.looks == 0, now)
        self._claimed_at = now
        self._claim_at = now + CLAIM_EVERY if len(self._plan) else math.inf
        self._not_before = max(self._not_before, now + await self._looks.vendors.troubles.paused(self._vendor))

    def _look(self, now: float) -> None:
        """Begin the request that is due, if the vendor may be asked."""
        if now < self._not_before or len(self._requests) >= CONCURRENT_LOOKS:
            return
        if batch := self._plan.batch(now):
            self._not_before = now + SHORTEST_INTERVAL
            request = asyncio.create_task(self._ask(batch))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)

    def _next(self, now: float) -> float:
        """When there is something to do next, or it is to be seen whether this process ends."""
        next_look = max(self._plan.soonest(), self._not_before)
        busy = now + BUSY_WAIT if self._requests else math.inf
        if len(self._requests) >= CONCURRENT_LOOKS:
            next_look = math.inf
        return min(next_look, busy, self._claim_at, self._until, now + ENDS_WITHIN)

    async def _ask(self, batch: list[Followed]) -> None:
        """Look at tasks, and take in what became of them."""
        self._count += 1
        self._looked_at += len(batch)
        clock = self._looks.clock
        try:
            states = await self._looks.vendors.fetch(self._vendor, [task.task_id for task in batch])
        except Exception as error:
            self._failed(batch, error)
            return
        self._looks.faults.pop(self._vendor, None)
        ended = [task for task in batch if _has_ended(states.get(task.task_id))]
        running = [task for task in batch if task not in ended]
        for task in batch:
            if task.task_id in states:
                self._looks.unknown.pop(task.id, None)
            else:
                self._looks.unknown[task.id] = self._looks.unknown.get(task.id, 0) + 1
        for task in running:
            self._plan.runs_on(task, states.get(task.task_id), len(running), clock())
        now = clock()
        forgotten = [task for task in running if self._is_forgotten(task, now)]
        await asyncio.gather(
            *(self._end(task, states[task.task_id], now) for task in ended),
            *(self._forget(task, now) for task in forgotten),
        )

    def _is_forgotten(self, task: Followed, now: float) -> bool:
        return now - task.sent_at > FORGOTTEN_AFTER and self._looks.unknown.get(task.id, 0) >= FORGOTTEN_LOOKS

    async def _forget(self, task: Followed, now: float) -> None:
        """Leave a task that its vendor has forgotten to the teacher; where that fails, it is looked at again."""
        try:
            await self._table.ledger.forgotten(task.id)
        except Exception as error:
            log.warning("Submission %d was not given up: %s", task.id, error)
            self._plan.put_back([task], now + CLAIM_EVERY)
        else:
            self._looks.unknown.pop(task.id, None)
            self._plan.let_go(task)

    def _failed(self, batch: list[Followed], error: Exception) -> None:
        """Leave the vendor alone for a while, longer after each failure in a row, or as long as it asks."""
        if isinstance(error, LumaError):
            log.warning("A look-up failed: %s", type(error).__name__)
        else:
            log.error("A look-up failed in an unforeseen way", exc_info=error)
        now = self._looks.clock()
        if now >= self._not_before - SHORTEST_INTERVAL:  # else it is of the same round: they count once
            self._looks.faults[self._vendor] = self._looks.faults.get(self._vendor, 0) + 1
        asked = error.retry_after or 0.0 if isinstance(error, ServiceError) else 0.0
        pause = max(min(asked, LONGEST_RETRY_AFTER), pause_after_faults(self._looks.faults.get(self._vendor, 1)))
        self._not_before = max(self._not_before, now + pause)
        self._plan.put_back(batch, self._not_before)

    async def _end(self, task: Followed, state: TaskState, now: float) -> None:
        """Write down that a task has ended; where that fails, it is looked at again."""
        ledger = self._table.ledger
        try:
            async with self._writing:
                if state.phase is TaskPhase.COMPLETED and state.video:
                    cost = None if state.cost is None else round(state.cost * MICROS)
                    await ledger.complete(task.id, state.video, cost, ended_at(task, state, now))
                else:
                    code, words = (state.error.code, state.error.words) if state.error else (None, None)
                    await ledger.fail(task.id, code, words)
        except Exception as error:
            log.warning("The end of submission %d was not written down: %s", task.id, error)
            self._plan.put_back([task], now + CLAIM_EVERY)
        else:
            self._ended += 1
            self._plan.let_go(task)


def _has_ended(state: TaskState | None) -> bool:
    return state is not None and state.phase is not TaskPhase.RUNNING


_CLAIM = """
WITH due AS (
    SELECT id, next_look_at FROM submissions
    WHERE state = 'accepted' AND joined IS NULL AND vendor = %(vendor)s
        AND (next_look_at <= to_timestamp(%(due_by)s) OR next_look_at > to_timestamp(%(absurd)s))
        AND (claimed_until IS NULL OR claimed_until < to_timestamp(%(now)s)
            OR claimed_until > to_timestamp(%(absurd)s))
    FOR UPDATE SKIP LOCKED
)
UPDATE submissions AS s SET claimed_until = to_timestamp(%(until)s) FROM due WHERE s.id = due.id
RETURNING s.id, s.task_id, extract(epoch FROM s.sent_at)::float8, extract(epoch FROM
    CASE WHEN due.next_look_at > to_timestamp(%(absurd)s) THEN to_timestamp(%(now)s) ELSE due.next_look_at END
)::float8, s.looks
"""

_WRITE_BACK = """
UPDATE submissions AS s SET next_look_at = to_timestamp(l.at), looks = s.looks + l.looks, claimed_until = NULL
FROM unnest(%s::bigint[], %s::float8[], %s::integer[]) AS l (id, at, looks)
WHERE s.id = l.id AND s.state = 'accepted' AND s.claimed_until = to_timestamp(%s)
"""
