"""Polls the running tasks of one API in batches, and sleeps exactly until the next one is due.

The duration model of a task says when it is due. A request takes along as many tasks as the API allows, of those that
are at least half-way to their next poll: they cost little more, and so tasks that run together come into step. Where
requests are shared, a task leaves the early polls to the one that was submitted before it, as long as that has some.
Requests are spaced by the service's rate limit, which also spreads the tasks of an API without batches.

A class gateway holds a look-up until there is news, so it is asked at once, and again at once after each answer that
was held or brought news; one that came at once without any says that it does not hold, and then the model is followed.
A task that joins meanwhile is looked for in a request of its own.

A poll that fails never fails a task. The service is left alone for a while (longer after each failure in a row, or as
long as it asks), the tasks are told why, and polling goes on until whoever waits gives up.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from luma_jupyter.domain.duration_model import SHORTEST_PAUSE, DurationModel, pause_after_faults
from luma_jupyter.domain.exchange import Step
from luma_jupyter.domain.task import TaskPhase, TaskState
from luma_jupyter.errors import LumaError, ServiceError
from luma_jupyter.jitter import jitter
from luma_jupyter.languages import N_
from luma_jupyter.providers.exchanges import Purpose, purposes, together
from luma_jupyter.providers.protocol import ProviderClient
from luma_jupyter.settings import SettingsSource

CONCURRENT_POLLS = 8
CONCURRENT_HELD = 32  # look-ups that a gateway holds: of an API without batches, one for each task
HELD = 1.0  # seconds after which an answer counts as held
LONGEST_ASKED_PAUSE = 300.0  # seconds; a service that asks for more would silence all its tasks until they time out
UNKNOWN_PAUSE = 10.0  # seconds, at most, until a task is polled again that the service does not know yet
PUNCTUAL = 10.0  # seconds by which a poll may be late before it says too little of when the task ended
NOT_KNOWN = N_("The service does not know this task yet.")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskEnd:
    """How a task ended: its last state, and how many seconds after its submission, None where nobody knows."""

    state: TaskState
    seconds: float | None


@dataclass(eq=False)
class _PolledTask:
    """A task that somebody waits for; times are the loop's. ``ran_at``: when it was last seen running.

    ``step`` says why its next poll is planned when it is, ``recorded``: for whom its polls are recorded.
    """

    task_id: str
    submitted: float
    model: DurationModel
    on_poll: Callable[[str | None], None]
    end: asyncio.Future[TaskEnd]
    ran_at: float
    polled_at: float
    planned: float
    step: Step
    recorded: tuple[Purpose, ...] = ()
    polling: bool = False

    def is_halfway(self, now: float) -> bool:
        """Whether its next poll is nearer than its last one."""
        return self.planned - now <= max(0.0, now - self.polled_at)

    def purposes(self, now: float) -> list[Purpose]:
        """For whom, and why, it is polled now: where that comes before its time, another task's poll takes it along."""
        step = self.step if self.planned <= now + SHORTEST_PAUSE / 2 else Step.LOOK_ALONG
        return [replace(one, step=step, task_id=self.task_id) for one in self.recorded]

    def end_with(self, state: TaskState) -> TaskEnd:
        """Its end as the last poll saw it: when the service says, else half-way between the last two polls.

        Nobody knows where the poll came late, as after the machine slept.
        """
        seconds = state.seconds
        if seconds is None and self.polled_at - self.planned < PUNCTUAL:
            seconds = (self.ran_at + self.polled_at) / 2 - self.submitted
        return TaskEnd(state, seconds)


class Poller:
    """Polls the tasks of one API. ``client`` is asked for before each poll, as keys and URLs may change meanwhile.

    ``jitter`` (0 to 1) lengthens pauses, so that the clients of a whole class do not come back at once.
    """

    def __init__(
        self,
        settings: SettingsSource,
        client: Callable[[], ProviderClient],
        jitter: Callable[[], float] = jitter,
    ) -> None:
        self._settings = settings
        self._client = client
        self._jitter = jitter
        self._tasks: set[_PolledTask] = set()
        self._changed = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._polls: set[asyncio.Task[None]] = set()
        self._faults = 0
        self._batch_size = 1  # as it was at the last request
        self._concurrent = CONCURRENT_POLLS  # likewise
        self._not_before = 0.0  # the service is left alone until then
        self._next_slot = 0.0  # the rate limit has no request before

    async def wait_for_end(
        self,
        task_id: str,
        elapsed: float,
        model: DurationModel,
        on_poll: Callable[[str | None], None],
        *,
        at_once: bool = False,
    ) -> TaskEnd:
        """Wait for the end of a task that was submitted ``elapsed`` seconds ago and takes as long as ``model`` says.

        ``on_poll`` is called after each poll, with the problem where it failed. ``at_once``: the first poll, which may
        be held, is not waited for. Cancelling this ends the polling.
        """
        loop = asyncio.get_running_loop()
        end: asyncio.Future[TaskEnd] = loop.create_future()
        submitted = loop.time() - elapsed
        if self._batch_size > 1 and any(task.model.polls_early(loop.time() - task.submitted) for task in self._tasks):
            model = replace(model, early=())
        due = model.next_poll(0.0)
        first = submitted + due  # at once, for a task that nobody followed for a while
        step = Step.LOOK_NOW if first < loop.time() else _step_at(model, due, Step.LOOK_FIRST)
        if at_once:
            first, step = loop.time(), Step.LOOK_HELD
        task = _PolledTask(
            task_id,
            submitted,
            model,
            on_poll,
            end,
            ran_at=submitted,
            polled_at=submitted,
            planned=first,
            step=step,
            recorded=purposes(),
        )
        self._tasks.add(task)
        self._changed.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        try:
            return await end
        finally:
            self._tasks.discard(task)
            self._changed.set()

    def poll_now(self, slept: float = 0.0) -> None:
        """Poll all tasks as soon as the service may be asked: something may have happened to them.

        ``slept``: seconds that passed unseen by the loop's clock.
        """
        for task in self._tasks:
            task.submitted -= slept
            task.step = Step.LOOK_NOW
            task.planned = min(task.planned - slept, asyncio.get_running_loop().time())
        self._changed.set()

    async def _run(self) -> None:
        while self._tasks:
            self._changed.clear()
            if (delay := self._until_next_poll()) > 0:
                try:
                    await asyncio.wait_for(self._changed.wait(), delay if delay < math.inf else None)
                    continue
                except TimeoutError:
                    pass
            self._poll_soonest()

    def _until_next_poll(self) -> float:
        """Seconds; infinite while a poll that is under way must end first."""
        soonest = min((task.planned for task in self._waiting()), default=math.inf)
        if soonest == math.inf or len(self._polls) >= self._concurrent:
            return math.inf
        return max(soonest, self._not_before, self._next_slot) - asyncio.get_running_loop().time()

    def _waiting(self) -> list[_PolledTask]:
        return [task for task in self._tasks if not task.polling and not task.end.done()]

    def _poll_soonest(self) -> None:
        waiting = self._waiting()
        now = asyncio.get_running_loop().time()
        due = [task for task in waiting if task.is_halfway(now)]
        if not due:  # the task whose poll this was has left meanwhile
            return
        try:
            self._next_slot = now + 60 / self._settings().looks_per_minute
            client = self._client()
        except LumaError as error:  # such as: the key was taken away meanwhile
            self._failed(waiting, error)
            return
        except Exception as error:
            log.exception("A service could not be prepared in an unforeseen way")
            self._failed(waiting, error)
            return
        self._batch_size = client.batch_size
        self._concurrent = CONCURRENT_HELD if client.holds_look_ups else CONCURRENT_POLLS
        batch = heapq.nsmallest(self._batch_size, due, key=lambda task: task.planned)
        for task in batch:
            task.polling = True
            task.polled_at = now
        poll = asyncio.create_task(self._poll(client, batch))
        self._polls.add(poll)
        poll.add_done_callback(self._poll_ended)

    def _poll_ended(self, poll: asyncio.Task[None]) -> None:
        self._polls.discard(poll)
        self._changed.set()

    async def _poll(self, client: ProviderClient, batch: list[_PolledTask]) -> None:
        try:
            with together(one for task in batch for one in task.purposes(task.polled_at)):
                states = await client.fetch([task.task_id for task in batch])
        except LumaError as error:
            self._failed(batch, error)
        except Exception as error:
            log.exception("A poll failed in an unforeseen way")
            self._failed(batch, error)
        else:
            self._faults = 0
            for task in batch:
                _end(task, states.get(task.task_id))
            running = [task for task in batch if not task.end.done()]
            waited = asyncio.get_running_loop().time() - batch[0].polled_at
            at_once = client.holds_look_ups and (len(running) < len(batch) or waited >= HELD)
            for task in running:
                _plan(task, states.get(task.task_id), len(running), at_once=at_once)
        finally:
            for task in batch:
                task.polling = False

    def _failed(self, batch: list[_PolledTask], error: Exception) -> None:
        """Leave the service alone for a while; as nothing was learned, the tasks are due when that is over."""
        now = asyncio.get_running_loop().time()
        if now >= self._not_before:  # else it is another failure of the same round: polls that fail together count once
            self._faults += 1
        asked = _bounded(error.retry_after) if isinstance(error, ServiceError) else 0.0
        pause = max(asked, pause_after_faults(self._faults)) * (1 + self._jitter() / 4)
        self._not_before = max(self._not_before, now + pause)
        for task in batch:
            task.planned = min(task.planned, now)
            task.step = Step.LOOK_AFTER_FAULT
            if not task.end.done():
                _tell(task, str(error))


def _end(task: _PolledTask, state: TaskState | None) -> None:
    """Take in that a task has ended, where it has."""
    if state and state.phase is not TaskPhase.RUNNING and not task.end.done():
        task.end.set_result(task.end_with(state))


def _plan(task: _PolledTask, state: TaskState | None, together: int, *, at_once: bool) -> None:
    """Plan the next poll of a task that runs on, in a request for so many; None: the service does not know it yet.

    ``at_once``: as soon as the service allows, whatever the model says.
    """
    now = asyncio.get_running_loop().time()
    due = task.model.next_poll(now - task.submitted, together)
    task.planned, task.step = task.submitted + due, _step_at(task.model, due)
    if at_once:
        task.planned, task.step = now, Step.LOOK_HELD
    if state:
        task.ran_at = task.polled_at
        asked = now + _bounded(state.retry_after)
        if asked > task.planned:
            task.planned, task.step = asked, Step.LOOK_ASKED
    elif now + UNKNOWN_PAUSE < task.planned:
        task.planned, task.step = now + UNKNOWN_PAUSE, Step.LOOK_UNKNOWN
    _tell(task, None if state else NOT_KNOWN)


def _step_at(model: DurationModel, due: float, otherwise: Step = Step.LOOK) -> Step:
    """Which kind of poll it is that a model has planned, so many seconds after the submission."""
    return Step.LOOK_EARLY if due in model.early else otherwise


def _tell(task: _PolledTask, problem: str | None) -> None:
    """Call who waits for a task; what goes wrong there must not end the polling of it, or of the others."""
    try:
        task.on_poll(problem)
    except Exception:
        log.exception("What a poll found could not be told")


def _bounded(retry_after: float | None) -> float:
    return min(retry_after or 0.0, LONGEST_ASKED_PAUSE)
