"""`Run`: what the runs of all tasks have in common, whoever makes the video.

It is the coroutine behind one handle, and how `stop` reaches it. While another kernel follows a task, this one only
watches the journal, and takes over when that kernel is gone; a run whose lease was lost watches from then on.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library.folder import copy_into
from luma_jupyter.engine.library.whole_files import Change
from luma_jupyter.engine.recovery import resumed
from luma_jupyter.engine.run.watch import Watch
from luma_jupyter.engine.store.journal import Entry, Journal
from luma_jupyter.engine.store.leases import LEASE_TIMEOUT, LeaseLost
from luma_jupyter.errors import ClipDetached, ConfigError, DownloadError, LumaError
from luma_jupyter.languages import N_
from luma_jupyter.worker_threads import in_thread

BY_USER = N_("It was stopped.")
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunResources:
    """What a run shares with others.

    ``watch`` tells what other kernels write down, ``recovered`` says how an entry stands when the kernel that followed
    it is gone, ``change`` hears of each file that is made. ``name_of`` gives the variable that holds a task's clip now,
    ``on_saved`` hears of each task that has a sidecar.
    """

    journal: Journal
    watch: Watch
    recovered: Callable[[Entry], Entry]
    change: Change
    name_of: Callable[[Task], str | None]
    on_saved: Callable[[Task], None]


class Run(ABC):
    """The run of one task. ``watching``: another kernel follows it."""

    def __init__(self, handle: Handle, resources: RunResources, watching: bool) -> None:
        self._handle = handle
        self._shared = resources
        self._watching = watching
        self._stopped = False
        self._stopped_by = BY_USER
        self._tell_later = False
        self._coroutine: asyncio.Task[None] | None = None

    @property
    def watching(self) -> bool:
        """Whether another kernel follows it."""
        return self._watching

    @property
    def handle(self) -> Handle:
        """The task that it runs."""
        return self._handle

    def start(self) -> asyncio.Task[None]:
        """Begin, on the running loop."""
        self._coroutine = asyncio.get_running_loop().create_task(self._run())
        return self._coroutine

    @property
    def _stopped_by_user(self) -> bool:
        return self._stopped_by == BY_USER

    def stop(self, why: str = BY_USER, *, tell_later: bool = False) -> None:
        """Stop watching, where it stands: what was sent may still run and be billed.

        ``why`` is a sentence. ``tell_later``: nobody hears of it now, so what was not sent stays in the journal as
        it is, and the next kernel says it.
        """
        if self._coroutine and not self._stopped:
            self._stopped = True
            self._stopped_by = why
            self._tell_later = tell_later
            # Not at once: a coroutine that is cancelled before its first step never runs, so it would never end.
            asyncio.get_running_loop().call_soon(self._coroutine.cancel)

    @abstractmethod
    async def _go_on(self) -> None:
        """Bring the task from where it stands to its end; what it raises ends it."""

    @abstractmethod
    async def _end_stopped(self) -> None:
        """End it where it was stopped before it had an end of its own."""

    @abstractmethod
    async def _end_early(self, why: str, reason: LumaError | None) -> None:
        """End it for a reason, which is a sentence."""

    async def _run(self) -> None:
        while True:
            try:
                await self._come_to_its_end()
                return
            except LeaseLost:  # this kernel was silent for long, and another one has taken it over
                self._handle.save = lambda task: None
                self._watching = True

    async def _come_to_its_end(self) -> None:
        try:
            if self._watching and not await self._watch():
                return
            self._watching = False
            await self._go_on()
        except LeaseLost:
            raise
        except asyncio.CancelledError:
            await self._end_stopped()
        except LumaError as error:
            await self._end_early(str(error), error)
        except Exception as error:
            log.exception("A task ended in an unforeseen way")
            await self._end_early(N_(f"Internal error, please report it: {error!r}."), None)

    # While another kernel follows it.

    async def _watch(self) -> bool:
        """Read in the journal what another kernel does; True when it is this one's turn."""
        handle, journal = self._handle, self._shared.journal
        missing_since: float | None = None
        while True:
            try:
                found = await self._shared.watch.entry(handle.task.intent)
            except LumaError as error:
                handle.mention(problem=str(error))
                found = None
            except asyncio.CancelledError:
                await handle.emit(status=Status.DETACHED, error=ClipDetached("Another kernel is still watching it."))
                return False
            if found is None:  # a journal that was lost: the kernel that follows it enters it again, if it lives
                missing_since = missing_since or handle.clock()
                if handle.clock() - missing_since > LEASE_TIMEOUT:
                    raise ConfigError("Nothing is written down of it any more, so nobody can tell what became of it.")
            else:
                missing_since = None
                entry = await in_thread(partial(self._shared.recovered, found))
                if entry.alive:
                    if entry.task != handle.task:
                        await handle.emit(**_changes(entry.task))
                elif entry.task.status not in (Status.DETACHED, Status.CANCELLED):
                    await self._mirror_end(entry.task)
                    return False
                elif found.task.status is Status.CANCELLED or (
                    entry.task.status is Status.CANCELLED and not handle.asked_for
                ):
                    await handle.emit(**_changes(entry.task))
                    return False
                elif lease := await in_thread(partial(journal.acquire, found, resumed(found.task))):
                    handle.save = lease.write
                    await handle.emit(**_changes(resumed(found.task)))
                    return True

    async def _mirror_end(self, task: Task) -> None:
        if task.path:
            try:
                task = await in_thread(partial(copy_into, self._handle.task.media, task, self._shared.change))
            except DownloadError as error:
                task = task.evolve(
                    path=None, problem=f"The file could not be copied from the folder of the other kernel: {error}"
                )
        await self._handle.emit(**_changes(await self._before_end(task)))

    async def _before_end(self, task: Task) -> Task:
        """Do what is to be done with a completed task before anybody hears of it; the task as it is then."""
        return task


def _changes(task: Task) -> dict[str, object]:
    """All that a snapshot says, as changes to another one of the same intent; but for where this kernel keeps files."""
    own = () if task.status is Status.COMPLETED else ("media", "folder", "filename")
    return {name: getattr(task, name) for name in Task.__dataclass_fields__ if name not in ("intent", *own)}
