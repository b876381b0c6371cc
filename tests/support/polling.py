"""Many tasks followed by one poller on a virtual clock: how many requests it makes, and how late it sees each end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from luma_jupyter.domain.duration_model import DurationModel
from luma_jupyter.domain.task import TaskPhase, TaskState
from luma_jupyter.engine.run.poller import Poller
from tests.support.loops import VirtualLoop


@dataclass
class PolledService:
    """A client whose tasks end when they are said to, in seconds of the loop's clock; it answers at once.

    ``requests``: when each came, and for how many tasks; ``delays``: how late each end was seen.
    """

    batch_size: int
    holds_look_ups: bool = field(default=False, init=False)
    requests: list[tuple[float, int]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    _ends: dict[str, float] = field(default_factory=dict)

    def begin(self, seconds: float) -> str:
        """Have a task that takes so long; its id."""
        task_id = f"task-{len(self._ends)}"
        self._ends[task_id] = asyncio.get_running_loop().time() + seconds
        return task_id

    async def fetch(self, ids: Sequence[str]) -> dict[str, TaskState]:
        """Say how tasks stand."""
        now = asyncio.get_running_loop().time()
        self.requests.append((now, len(ids)))
        return {task_id: self._state(task_id, now) for task_id in ids}

    def _state(self, task_id: str, now: float) -> TaskState:
        late = now - self._ends[task_id]
        if late >= 0:
            self.delays.append(late)
        return TaskState(task_id, TaskPhase.COMPLETED if late >= 0 else TaskPhase.RUNNING)


def follow_together(
    durations: Sequence[float], model: DurationModel, *, batch_size: int = 50, pause: float = 0.0
) -> PolledService:
    """Follow tasks that take so long (seconds), each submitted ``pause`` seconds after the one before."""
    service = PolledService(batch_size)
    settings: Any = SimpleNamespace(looks_per_minute=600)
    poller = Poller(lambda: settings, lambda: cast(Any, service))

    async def follow(number: int, seconds: float) -> None:
        await asyncio.sleep(number * pause)
        await poller.wait_for_end(service.begin(seconds), 0.0, model, lambda problem: None)

    async def follow_all() -> None:
        await asyncio.gather(*(follow(number, seconds) for number, seconds in enumerate(durations)))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(follow_all())
    return service
