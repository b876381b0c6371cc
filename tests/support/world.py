"""An engine with a fake service around it, its clock, an ear for its events, and how a test asks it for videos."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import httpx

from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, Request
from luma_jupyter.domain.task import Task, TaskEvent
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.plan import Preview
from luma_jupyter.engine.task_spec import TaskSpec
from tests.support.fake_service import FakeService
from tests.support.tasks import EPOCH

ACEDATA_KEY = "acedata-key-7f3a"
RUNAPI_KEY = "runapi-key-91bc"


def submit(engine: Engine, request: Request, **options: Any) -> Handle:
    """Ask an engine for a video; ``options`` are the other fields of a `TaskSpec`."""
    return engine.submit(engine.plan(TaskSpec(request=request, **options)))


def preview(engine: Engine, request: Request, **options: Any) -> Preview:
    """What would be sent for a request; ``options`` as in `submit`. Raises what stands against it."""
    return engine.plan(TaskSpec(request=request, **options)).preview


@dataclass
class Clock:
    """Unix seconds: those of the running loop, from `EPOCH` on, and ``slept``, which passed unseen by it."""

    slept: float = 0.0

    def __call__(self) -> float:
        return EPOCH + asyncio.get_running_loop().time() + self.slept


@dataclass
class World:
    """An engine on the test's own loop, and all that was heard from it."""

    engine: Engine
    service: FakeService
    clock: Clock = field(default_factory=Clock)
    events: dict[Handle, list[TaskEvent]] = field(default_factory=lambda: defaultdict(list))

    def submit(self, request: Request, **options: Any) -> Handle:
        """Ask for a video, and listen: a new one, unless ``again`` is False."""
        handle = submit(self.engine, request, **{"again": True, **options})
        handle.listen(self.events[handle].append)
        return handle

    def generate(self, prompt: str = "A red fox in the snow", **options: Any) -> Handle:
        return self.submit(GenerateRequest(prompt=prompt), **options)

    def extend(self, after: Handle, **options: Any) -> Handle:
        return self.submit(ExtendRequest(prompt="The fox runs"), after=after, label="fox", **options)

    def modify(self, after: Handle, **options: Any) -> Handle:
        return self.submit(ModifyRequest(prompt="The fox is blue"), after=after, label="fox", **options)

    def generate_to(self, ending: str) -> Handle:
        """Ask for a video that ends so: completed, failed, unconfirmed, detached or cancelled."""
        if ending == "failed":
            self.service.failure = {"code": "x", "message": "No dragons."}
        if ending == "unconfirmed":
            self.service.script("submit", httpx.ReadError("lost"))
        handle = self.generate(timeout=5 if ending == "detached" else 900)
        if ending == "cancelled":
            handle.stop()
        return handle

    async def end(self, handle: Handle) -> Task:
        """The task as it ended."""
        return await asyncio.wrap_future(handle.done)

    async def until(self, handle: Handle, status: Status) -> None:
        """Wait for a status, which must be still to come."""
        reached = asyncio.get_running_loop().create_future()

        def hear(event: TaskEvent) -> None:
            if event.task.status is status and not reached.done():
                reached.set_result(None)

        handle.listen(hear)
        await reached

    def story(self, handle: Handle) -> str:
        """The statuses that were heard of, in order, each once in a row; before them the one at submission."""
        words = ["queued", *(event.task.status.value for event in self.events[handle])]
        return " ".join(word for word, _ in groupby(words))

    def problems(self, handle: Handle) -> list[str | None]:
        """The problems that were heard of while it ran, in order, each once in a row; without the first None."""
        running = [event.task.problem for event in self.events[handle] if event.task.status is Status.RUNNING]
        return [problem for problem, _ in groupby(running)][1:]
