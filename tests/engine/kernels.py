"""Kernels that share a home folder and the services; a cell that is run in one of them, and what came of it."""

from __future__ import annotations

import asyncio
from typing import Any

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.leases import LEASE_TIMEOUT
from tests.support import settings
from tests.support.fake_service import FakeService, reply
from tests.support.loops import RunningLoop
from tests.support.world import Clock, World

now = Clock()


PROMPT = "A red fox"


class Kernels:
    """Kernels on machines of their own that share a home folder and the services; they live as long as they beat."""

    def __init__(self, service: FakeService, providers: ProviderPool) -> None:
        self._service = service
        self._services = providers
        self._made = 0

    def start(self) -> World:
        self._made += 1
        engine = Engine(settings.current, RunningLoop(), self._services, now, lambda: 0.0)
        home = settings.current().home_folder
        owner = f"elsewhere|{self._made}|1.0"
        engine.repository.journals[home] = Journal(home, clock=now, owner=owner, notify=engine.notices.append)
        return World(engine, self._service)

    @staticmethod
    async def kill(world: World) -> None:
        """End a kernel at once: it writes nothing more, and the others hear no beat of it for long enough."""
        for handle in list(world.engine.handles.values()):
            handle.stop()
            handle.abandon()
        world.engine.handles.clear()  # a kernel that follows nothing does not beat
        await asyncio.sleep(LEASE_TIMEOUT + 1)


def ask(world: World, prompt: str = PROMPT, **options: Any) -> Handle:
    """Run the cell."""
    return world.generate(prompt, **{"again": False, **options})


def paid(world: World) -> int:
    return len(world.service.seen("submit"))


def requests(world: World) -> int:
    """All that any service was asked."""
    return sum(len(world.service.seen(kind)) for kind in ("submit", "look", "list", "quote", "video", "thumbnail"))


async def failed(world: World) -> Handle:
    world.service.script("submit", reply(403, {"error": {"code": "forbidden", "message": "No dragons."}}))
    return ask(world)


async def failed_while_running(world: World) -> Handle:
    world.service.failure = {"code": "api_error", "message": "The dragon escaped."}
    handle = ask(world)
    await world.end(handle)
    world.service.failure = None
    return handle


async def cancelled(world: World) -> Handle:
    handle = ask(world)
    handle.stop()
    return handle


async def detached(world: World) -> Task:
    handle = ask(world)
    await world.until(handle, Status.RUNNING)
    handle.stop()
    return await world.end(handle)


async def until(world: World, handle: Handle, status: Status) -> None:
    if status is not Status.QUEUED:
        await world.until(handle, status)
