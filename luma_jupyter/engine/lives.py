"""The lives of all tasks that one kernel follows, and what they share: turns, pollers, experience, a heartbeat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

from luma_jupyter import settings
from luma_jupyter.choices import Action, Provider
from luma_jupyter.engine.archive import Archive
from luma_jupyter.engine.bridge import Bridge
from luma_jupyter.engine.experience import Experience
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.owners import HEARTBEAT
from luma_jupyter.engine.poller import Poller
from luma_jupyter.engine.services import Services
from luma_jupyter.engine.submission import Submission
from luma_jupyter.engine.tasks import Life
from luma_jupyter.errors import LumaError

CONCURRENT_DOWNLOADS = 4  # more would keep each other, and the look-ups, waiting for a connection until they time out
SLEPT = 5.0  # seconds by which the wall clock gets ahead of a loop's when the machine has slept


class Lives:
    """Begins lives on the engine's loop. ``clock`` in Unix seconds, ``jitter`` from 0 to 1."""

    def __init__(
        self,
        bridge: Bridge,
        services: Services,
        archive: Archive,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._bridge = bridge
        self._services = services
        self._archive = archive
        self._clock = clock
        self._jitter = jitter
        self.experience = Experience(lambda: archive.journal)
        self.forget()

    def forget(self) -> None:
        """Start anew, as in a forked child."""
        self._pollers: dict[tuple[Provider, bool], Poller] = {}
        self._turns: dict[tuple[Provider, int], asyncio.Semaphore] = {}
        self._downloads = asyncio.Semaphore(CONCURRENT_DOWNLOADS)
        self._heart: asyncio.Task[None] | None = None

    def begin(
        self, handle: Handle, after: Handle | None, timeout: float, *, watching: bool = False, **submission: bool
    ) -> Handle:
        """Begin the life of a task wherever it stands; from any thread. ``watching``: another kernel follows it."""
        provider, action = handle.task.provider, handle.task.request.action
        journal = self._archive.journal
        turn = (provider, settings.current().submissions)
        turns = self._turns.setdefault(turn, asyncio.Semaphore(turn[1]))
        life = Life(
            handle,
            Submission(handle, self._services, journal, turns, after=after, **submission),
            journal,
            lambda: self._services.http,
            lambda: self._poller(provider, action),
            self._downloads,
            learn=partial(self.experience.learn, provider, action),
            timeout=timeout,
            settled=self._archive.settled if watching else None,
        )

        def begin() -> None:
            life.begin()
            if self._heart is None or self._heart.done():
                self._heart = asyncio.get_running_loop().create_task(self._beat())

        handle.stop = lambda: self._bridge.call(life.stop)
        self._bridge.call(begin)
        return handle

    def look_now(self, slept: float = 0.0) -> None:
        """Look at all tasks as soon as their services may be asked. On the engine's loop."""
        for poller in self._pollers.values():
            poller.look_now(slept)

    def _poller(self, provider: Provider, action: Action) -> Poller:
        """The poller of the API that does an action at a provider."""
        api = (provider, action == "modify")
        if api not in self._pollers:
            self._pollers[api] = Poller(lambda: self._services.api(provider, action), self._jitter)
        return self._pollers[api]

    async def _beat(self) -> None:
        """Let other kernels know that this one lives, as long as it follows anything; and notice when it slept."""
        loop = asyncio.get_running_loop()
        while self._archive.followed():
            with contextlib.suppress(LumaError):  # it is told where it matters: at the next step of a task
                self._archive.beat()
            ahead = self._clock() - loop.time()
            await asyncio.sleep(HEARTBEAT)
            if (slept := self._clock() - loop.time() - ahead) > SLEPT:
                self.look_now(slept)
