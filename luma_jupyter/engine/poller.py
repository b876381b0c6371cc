"""Looks at the running tasks of one API: due ones together in batches, sleeping exactly until the next is due.

A look-up that fails never fails a task. The service is left alone for a while (longer after each failure in a row, or
as long as it asks), the tasks are told why, and the looks go on until whoever watches gives up.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from luma_jupyter.engine.schedule import MERGE_WINDOW, next_look, pause_after_faults
from luma_jupyter.engine.services import Api
from luma_jupyter.errors import LumaError, ServiceError
from luma_jupyter.models import TaskPhase, TaskState

CONCURRENT_LOOKS = 4
LONGEST_ASKED_PAUSE = 300.0  # seconds; a service that asks for more would silence all its tasks until they time out
NOT_KNOWN = "The service does not know this task yet."

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Watch:
    task_id: str
    started: float
    due: float
    end: asyncio.Future[TaskState]
    on_look: Callable[[str | None], None]


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
        self._faults = 0
        self._not_before = 0.0

    async def result(self, task_id: str, on_look: Callable[[str | None], None]) -> TaskState:
        """Wait for the end of a task: its completed or failed state.

        ``on_look`` is called after each look, with the problem where it failed. Cancelling this ends the watch.
        """
        now = asyncio.get_running_loop().time()
        watch = _Watch(task_id, now, now + next_look(0.0), asyncio.get_running_loop().create_future(), on_look)
        self._watches.add(watch)
        self._changed.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        try:
            return await watch.end
        finally:
            self._watches.discard(watch)
            self._changed.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._watches:
            self._changed.clear()
            wake = max(min(watch.due for watch in self._watches), self._not_before)
            if (delay := wake - loop.time()) > 0:
                try:
                    await asyncio.wait_for(self._changed.wait(), delay)
                    continue
                except TimeoutError:
                    pass
            await self._look_at_due(loop.time())

    async def _look_at_due(self, now: float) -> None:
        due = sorted((w for w in self._watches if w.due <= now + MERGE_WINDOW), key=lambda w: w.due)
        try:
            api = self._api()
        except LumaError as error:  # such as: the key was taken away meanwhile
            self._failed(due, error)
            return
        except Exception as error:
            log.exception("A service could not be prepared in an unforeseen way")
            self._failed(due, error)
            return
        slots = asyncio.Semaphore(CONCURRENT_LOOKS)

        async def look(batch: list[_Watch]) -> None:
            async with slots:
                await self._look(api, batch)

        batches = [due[i : i + api.batch_size] for i in range(0, len(due), api.batch_size)]
        await asyncio.gather(*map(look, batches))

    async def _look(self, api: Api, batch: list[_Watch]) -> None:
        try:
            states = await api.look_up([watch.task_id for watch in batch])
        except LumaError as error:
            self._failed(batch, error)
            return
        except Exception as error:
            log.exception("A look-up failed in an unforeseen way")
            self._failed(batch, error)
            return
        self._faults = 0
        now = asyncio.get_running_loop().time()
        for watch in batch:
            state = states.get(watch.task_id)
            self._plan(watch, now, state.retry_after if state else None)
            if watch.end.done():
                continue
            if state and state.phase is not TaskPhase.RUNNING:
                watch.end.set_result(state)
            else:
                watch.on_look(None if state else NOT_KNOWN)

    def _failed(self, batch: list[_Watch], error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._not_before:  # else it is another failure of the same round: tasks that fail together count once
            self._faults += 1
        asked = _bounded(error.retry_after) if isinstance(error, ServiceError) else 0.0
        pause = max(asked, pause_after_faults(self._faults)) * (1 + self._jitter() / 4)
        self._not_before = max(self._not_before, now + pause)
        for watch in batch:
            self._plan(watch, now, None)
            if not watch.end.done():
                watch.on_look(str(error))

    @staticmethod
    def _plan(watch: _Watch, now: float, retry_after: float | None) -> None:
        watch.due = max(watch.started + next_look(now - watch.started), now + _bounded(retry_after))


def _bounded(retry_after: float | None) -> float:
    return min(retry_after or 0.0, LONGEST_ASKED_PAUSE)
