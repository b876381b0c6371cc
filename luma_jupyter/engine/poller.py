"""Looks at the running tasks of one API: the soonest due in one request, sleeping exactly until the next is due.

When a task is due, its law says (`schedule`). A request takes along as many tasks as the API allows, of those that are
at least half-way to their next look: they cost nothing more, and so tasks that run together come into step. Requests
are spaced by the service's budget, which also spreads the tasks of an API without batches.

A look-up that fails never fails a task. The service is left alone for a while (longer after each failure in a row, or
as long as it asks), the tasks are told why, and the looks go on until whoever watches gives up.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from luma_jupyter import settings
from luma_jupyter.engine.schedule import Law, pause_after_faults
from luma_jupyter.engine.services import Api
from luma_jupyter.errors import LumaError, ServiceError
from luma_jupyter.models import TaskPhase, TaskState

CONCURRENT_LOOKS = 8
LONGEST_ASKED_PAUSE = 300.0  # seconds; a service that asks for more would silence all its tasks until they time out
UNKNOWN_PAUSE = 10.0  # seconds, at most, until a task is looked at again that the service does not know yet
PUNCTUAL = 10.0  # seconds by which a look may be late before it says too little of when the task ended
NOT_KNOWN = "The service does not know this task yet."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class End:
    """How a task ended: its last state, and how many seconds after its submission, None where nobody knows."""

    state: TaskState
    seconds: float | None


@dataclass(eq=False)
class _Watch:
    """A task that is looked at; times are the loop's. ``ran_at``: when it was last seen running, so far as is known."""

    task_id: str
    submitted: float
    law: Law
    on_look: Callable[[str | None], None]
    end: asyncio.Future[End]
    ran_at: float
    looked_at: float
    planned: float
    looking: bool = False

    def halfway(self, now: float) -> bool:
        """Whether its next look is nearer than its last one."""
        return self.planned - now <= max(0.0, now - self.looked_at)

    def ended(self, state: TaskState) -> End:
        """Its end as the last look saw it: when the service says, else half-way between the last two looks.

        Nobody knows where the look came late, as after the machine slept.
        """
        seconds = state.seconds
        if seconds is None and self.looked_at - self.planned < PUNCTUAL:
            seconds = (self.ran_at + self.looked_at) / 2 - self.submitted
        return End(state, seconds)


class Poller:
    """Watches the tasks of one API. ``api`` is asked for before each look, as keys and URLs may change meanwhile.

    ``jitter`` (0 to 1) lengthens pauses, so that the clients of a whole class do not come back at once.
    """

    def __init__(self, api: Callable[[], Api], jitter: Callable[[], float] = random.random) -> None:
        self._api = api
        self._jitter = jitter
        self._watches: set[_Watch] = set()
        self._changed = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self._faults = 0
        self._not_before = 0.0  # the service is left alone until then
        self._next_slot = 0.0  # the budget has no request before

    async def result(self, task_id: str, elapsed: float, law: Law, on_look: Callable[[str | None], None]) -> End:
        """Wait for the end of a task that was submitted ``elapsed`` seconds ago and takes as long as ``law`` says.

        ``on_look`` is called after each look, with the problem where it failed. Cancelling this ends the watch.
        """
        loop = asyncio.get_running_loop()
        end: asyncio.Future[End] = loop.create_future()
        submitted = loop.time() - elapsed
        first = submitted + law.next_look(0.0)  # at once, for a task that nobody followed for a while
        watch = _Watch(task_id, submitted, law, on_look, end, ran_at=submitted, looked_at=submitted, planned=first)
        self._watches.add(watch)
        self._changed.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        try:
            return await end
        finally:
            self._watches.discard(watch)
            self._changed.set()

    def look_now(self, slept: float = 0.0) -> None:
        """Look at all tasks as soon as the service may be asked: something may have happened to them.

        ``slept``: seconds that passed unseen by the loop's clock.
        """
        for watch in self._watches:
            watch.submitted -= slept
            watch.planned = min(watch.planned - slept, asyncio.get_running_loop().time())
        self._changed.set()

    async def _run(self) -> None:
        while self._watches:
            self._changed.clear()
            if (delay := self._until_next_look()) > 0:
                try:
                    await asyncio.wait_for(self._changed.wait(), delay if delay < math.inf else None)
                    continue
                except TimeoutError:
                    pass
            self._look_at_soonest()

    def _until_next_look(self) -> float:
        """Seconds; infinite while a look that is under way must end first."""
        soonest = min((watch.planned for watch in self._waiting()), default=math.inf)
        if soonest == math.inf or len(self._looks) >= CONCURRENT_LOOKS:
            return math.inf
        return max(soonest, self._not_before, self._next_slot) - asyncio.get_running_loop().time()

    def _waiting(self) -> list[_Watch]:
        return [watch for watch in self._watches if not watch.looking and not watch.end.done()]

    def _look_at_soonest(self) -> None:
        waiting = self._waiting()
        now = asyncio.get_running_loop().time()
        try:
            self._next_slot = now + 60 / settings.current().looks_per_minute
            api = self._api()
        except LumaError as error:  # such as: the key was taken away meanwhile
            self._failed(waiting, error)
            return
        except Exception as error:
            log.exception("A service could not be prepared in an unforeseen way")
            self._failed(waiting, error)
            return
        along = [watch for watch in waiting if watch.halfway(now)]
        batch = heapq.nsmallest(api.batch_size, along, key=lambda watch: watch.planned)
        for watch in batch:
            watch.looking = True
            watch.looked_at = now
        look = asyncio.create_task(self._look(api, batch))
        self._looks.add(look)
        look.add_done_callback(self._look_is_over)

    def _look_is_over(self, look: asyncio.Task[None]) -> None:
        self._looks.discard(look)
        self._changed.set()

    async def _look(self, api: Api, batch: list[_Watch]) -> None:
        try:
            states = await api.look_up([watch.task_id for watch in batch])
        except LumaError as error:
            self._failed(batch, error)
        except Exception as error:
            log.exception("A look-up failed in an unforeseen way")
            self._failed(batch, error)
        else:
            self._faults = 0
            for watch in batch:
                self._seen(watch, states.get(watch.task_id))
        for watch in batch:
            watch.looking = False

    def _seen(self, watch: _Watch, state: TaskState | None) -> None:
        if watch.end.done():
            return
        if state and state.phase is not TaskPhase.RUNNING:
            watch.end.set_result(watch.ended(state))
            return
        now = asyncio.get_running_loop().time()
        watch.planned = watch.submitted + watch.law.next_look(now - watch.submitted)
        if state:
            watch.ran_at = watch.looked_at
            watch.planned = max(watch.planned, now + _bounded(state.retry_after))
        else:
            watch.planned = min(watch.planned, now + UNKNOWN_PAUSE)
        watch.on_look(None if state else NOT_KNOWN)

    def _failed(self, batch: list[_Watch], error: Exception) -> None:
        """Leave the service alone for a while; as nothing was learned, the tasks are due when that is over."""
        now = asyncio.get_running_loop().time()
        if now >= self._not_before:  # else it is another failure of the same round: looks that fail together count once
            self._faults += 1
        asked = _bounded(error.retry_after) if isinstance(error, ServiceError) else 0.0
        pause = max(asked, pause_after_faults(self._faults)) * (1 + self._jitter() / 4)
        self._not_before = max(self._not_before, now + pause)
        for watch in batch:
            watch.planned = min(watch.planned, now)
            if not watch.end.done():
                watch.on_look(str(error))


def _bounded(retry_after: float | None) -> float:
    return min(retry_after or 0.0, LONGEST_ASKED_PAUSE)
