"""A whole class followed by the gateway's rounds of look-ups on a virtual clock: how many requests, and how late."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from luma_jupyter.domain.task import Video
from luma_jupyter.gateway.looks import ROUND, Due, Looks, LookTable
from tests.support.loops import VirtualLoop
from tests.support.polling import PolledService

ANSWER = 0.05  # seconds that a look-up takes


@dataclass
class _News:
    """Nobody hints; where nothing is followed, what is accepted is seen within a second."""

    longest: float = math.inf

    async def wait(self, timeout: float) -> bool:
        await asyncio.sleep(min(timeout, self.longest))
        return self.longest < math.inf


class MemoryTable:
    """The table of looks, and the ledger behind it, in memory: as much of them as rounds need."""

    def __init__(self, durations: Sequence[float]) -> None:
        self.ledger = self
        self.rows: dict[int, Due] = {}
        self.claimed: set[int] = set()
        self._durations = durations
        self._done = asyncio.Event()

    def add(self, id: int, task_id: str) -> None:
        """Have a task followed from now on."""
        now = asyncio.get_running_loop().time()
        self.rows[id] = Due(id, task_id, now, now, 0)

    async def durations(self, vendor: str) -> Sequence[float]:
        return self._durations

    @contextmanager
    def hints(self) -> Iterator[_News]:
        yield _News()

    @contextmanager
    def changes(self) -> Iterator[_News]:
        yield _News(1.0)

    async def claim(self, vendor: str, due_by: float, now: float, until: float) -> list[Due]:
        due = [row for id, row in self.rows.items() if id not in self.claimed and row.due <= due_by]
        self.claimed |= {row.id for row in due}
        return due

    async def write_back(self, tasks: Sequence[Any], until: float) -> None:
        for task in tasks:
            self.rows[task.id] = Due(task.id, task.task_id, task.sent_at, task.planned, task.looks)
            self.claimed.discard(task.id)

    async def complete(self, id: int, video: Video, cost: int | None, ended_at: float) -> None:
        del self.rows[id]


class _Service(PolledService):
    """A service whose answers take a moment, and whose finished tasks have a video."""

    async def fetch(self, ids: Sequence[str]) -> dict[str, Any]:
        await asyncio.sleep(ANSWER)
        found = await super().fetch(ids)
        return {task_id: SimpleNamespace(**_facts(state)) for task_id, state in found.items()}


def _facts(state: Any) -> dict[str, Any]:
    video = Video("https://media.example/v.mp4")
    return {"phase": state.phase, "video": video, "cost": None, "seconds": None, "retry_after": None, "error": None}


def follow_class(
    durations: Sequence[Sequence[float]], known: Sequence[float], *, at_once: int, within: float
) -> PolledService:
    """Follow the clips of many students: for each, how long each clip takes (seconds), ``at_once`` of them at a time.

    The students begin evenly spread over ``within`` seconds. ``known``: how long earlier tasks took.
    """

    async def story() -> PolledService:
        loop = asyncio.get_running_loop()
        service, table = _Service(50), MemoryTable(known)
        settings = SimpleNamespace(callback_url=None)

        async def no_pause(vendor: str) -> float:
            return 0.0

        async def fetch(vendor: str, ids: Sequence[str]) -> Any:
            return await service.fetch(ids)

        vendors = SimpleNamespace(
            settings=settings, client=lambda vendor: service, fetch=fetch, troubles=SimpleNamespace(paused=no_pause)
        )
        looks = Looks(cast(LookTable, table), cast(Any, vendors), clock=loop.time)

        async def student(number: int, clips: Sequence[float]) -> None:
            await asyncio.sleep(within * number / len(durations))
            turns = asyncio.Semaphore(at_once)

            async def clip(index: int, seconds: float) -> None:
                async with turns:
                    id = 1000 * number + index
                    table.add(id, service.begin(seconds))
                    await asyncio.sleep(seconds)

            await asyncio.gather(*(clip(index, seconds) for index, seconds in enumerate(clips)))

        everybody = asyncio.gather(*(student(number, clips) for number, clips in enumerate(durations)))
        while not everybody.done() or table.rows:
            await looks.round("acedata", ROUND)
        return service

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story())
