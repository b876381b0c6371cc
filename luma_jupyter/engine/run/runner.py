"""Starts the runs of all tasks that one kernel follows; holds what they share: slots, uploads, pollers, a heartbeat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

from luma_jupyter.domain.vocabulary import Action, Provider, Status
from luma_jupyter.engine.films import FilmMaker
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library.index import COARSE
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.repository import Repository
from luma_jupyter.engine.run.base import Run, RunResources
from luma_jupyter.engine.run.duration_store import DurationStore
from luma_jupyter.engine.run.film_run import FilmRun
from luma_jupyter.engine.run.funds import Funds
from luma_jupyter.engine.run.options import RunOptions
from luma_jupyter.engine.run.poller import Poller
from luma_jupyter.engine.run.slots import Slots
from luma_jupyter.engine.run.submission import Submission
from luma_jupyter.engine.run.task_run import ServiceResources, TaskRun
from luma_jupyter.engine.run.uploads import SharedUploads
from luma_jupyter.engine.run.watch import Watch
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.leases import HEARTBEAT_INTERVAL
from luma_jupyter.errors import LumaError
from luma_jupyter.settings import SettingsSource
from luma_jupyter.worker_threads import in_thread

CONCURRENT_DOWNLOADS = 4  # more would keep each other, and the polls, waiting for a connection until they time out
CONCURRENT_FILMS = 2  # each takes the processor for itself
QUIET = COARSE + 0.5  # seconds after the last run until what it saved is taken into the index of its folder
SLEPT = 5.0  # seconds by which the wall clock gets ahead of a loop's when the machine has slept


class TaskRunner:
    """Starts runs on the engine's loop. ``jitter`` from 0 to 1; ``film_maker`` is what makes films at this moment."""

    def __init__(
        self,
        settings: SettingsSource,
        loop_thread: LoopThread,
        funds: Funds,
        repository: Repository,
        jitter: Callable[[], float],
        film_maker: Callable[[], FilmMaker],
    ) -> None:
        self._settings = settings
        self._loop_thread = loop_thread
        self._providers = funds.providers
        self._funds = funds
        self._repository = repository
        self._jitter = jitter
        self._film_maker = film_maker
        self.durations = DurationStore(settings, lambda: repository.journal)
        self.reset()

    def reset(self) -> None:
        """Start anew, as in a forked child."""
        self._watches: dict[Journal, Watch] = {}
        self._pollers: dict[tuple[Provider, bool], Poller] = {}
        self._slots: dict[Provider, Slots] = {}
        self._downloads = asyncio.Semaphore(CONCURRENT_DOWNLOADS)
        self._uploads = SharedUploads()
        self._films = Slots(lambda: CONCURRENT_FILMS)
        self._heart: asyncio.Task[None] | None = None
        self._listing: asyncio.Task[None] | None = None
        self._known_limit = 1
        self._runs: set[Run] = set()

    def start(self, handle: Handle, options: RunOptions) -> Handle:
        """Begin the run of a task wherever it stands; from any thread."""
        is_film = handle.task.provider == "local"
        run = self._film_run(handle, options) if is_film else self._task_run(handle, options)
        self._runs.add(run)

        def start() -> None:
            run.start().add_done_callback(lambda task: self._ended(run))
            if self._heart is None or self._heart.done():
                self._heart = asyncio.get_running_loop().create_task(self._send_heartbeats())

        handle.stop = lambda: self._loop_thread.call_soon(run.stop)
        self._loop_thread.call_soon(start)
        return handle

    def _film_run(self, handle: Handle, options: RunOptions) -> Run:
        resources = RunResources(**self._shared())
        return FilmRun(handle, options, resources, self._films, self._film_maker())

    def _task_run(self, handle: Handle, options: RunOptions) -> Run:
        provider, action = handle.task.provider, handle.task.request.action
        submission = Submission(handle, self._funds, self._repository.journal, options, self._uploads)
        resources = ServiceResources(
            **self._shared(),
            http=lambda: self._providers.http,
            poller=lambda: self._poller(provider, action),
            slots=self._slots.setdefault(provider, Slots(self._submissions_at_once)),
            downloads=self._downloads,
            client=partial(self._providers.client, provider, action),
            exchanges=self._repository.exchanges,
            on_duration=partial(self.durations.add, provider, action),
        )
        return TaskRun(handle, submission, resources, options.timeout, options.watching)

    def _shared(self) -> dict[str, Any]:
        """What all runs share, see `RunResources`."""
        journal = self._repository.journal
        return {
            "journal": journal,
            "watch": self._watches.setdefault(journal, Watch(journal)),
            "recovered": self._repository.recovered,
            "change": self._repository.media.own,
            "name_of": self._repository.name_of,
            "on_saved": self._repository.notes.settle,
        }

    def _ended(self, run: Run) -> None:
        self._runs.discard(run)
        if not self._runs:
            if self._listing:
                self._listing.cancel()
            self._listing = asyncio.get_running_loop().create_task(self._settle_media())

    async def _settle_media(self) -> None:
        """Have the media folders listed while nobody waits for that; who closes the loop waits until it is done."""
        await asyncio.sleep(QUIET)
        if not self._runs:
            await in_thread(self._repository.media.settle)

    def _submissions_at_once(self) -> int:
        with contextlib.suppress(LumaError):  # a setting that is wrong by now is told at the next cell
            self._known_limit = self._settings().submissions
        return self._known_limit

    @property
    def followed(self) -> list[Handle]:
        """The tasks that this kernel itself follows, and that have not ended; from any thread."""
        return [run.handle for run in list(self._runs) if not run.watching and not run.handle.task.status.ended]

    def stop_all(self, why: str, *, tell_later: bool) -> None:
        """Stop following everything; a video that is being saved is saved. On the engine's loop."""
        for run in list(self._runs):
            if run.handle.task.status is not Status.SAVING:
                run.stop(why, tell_later=tell_later)

    def poll_now(self, slept: float = 0.0) -> None:
        """Poll all tasks as soon as their services may be asked. On the engine's loop."""
        for poller in self._pollers.values():
            poller.poll_now(slept)

    def _poller(self, provider: Provider, action: Action) -> Poller:
        """The poller of the API that does an action at a service."""
        api = (provider, action == "modify")
        if api not in self._pollers:
            client = partial(self._providers.client, provider, action)
            self._pollers[api] = Poller(self._settings, client, self._jitter)
        return self._pollers[api]

    async def _send_heartbeats(self) -> None:
        """Let other kernels know that this one lives, as long as it follows anything; and notice when it slept."""
        loop = asyncio.get_running_loop()
        while self._repository.followed():
            with contextlib.suppress(LumaError):  # it is told where it matters: at the next step of a task
                await in_thread(self._repository.heartbeat)
            ahead = self._repository.clock() - loop.time()
            await asyncio.sleep(HEARTBEAT_INTERVAL)
            if (slept := self._repository.clock() - loop.time() - ahead) > SLEPT:
                self.poll_now(slept)
