"""A task's run: wait for its sources, submit once, follow to the end, save the video. Each transition is an event.

::

    queued → submitting → running → saving → completed
      │          │           │
      │          │           ├→ failed        the service ended it without a video
      │          │           └→ detached      stop(), or the timeout: it may still run and be billed
      │          ├→ failed                    refused: nothing was made
      │          ├→ cancelled                 stop() between two tries: nothing was accepted
      │          └→ unconfirmed               sent, no usable answer: may have been accepted and billed
      ├→ failed                               its source did not complete: nothing was sent
      └→ cancelled                            stop(): nothing was sent

A run can begin anywhere on this way: a task that was left by another kernel goes on from its snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from luma_jupyter.domain.exchange import Step
from luma_jupyter.domain.task import TaskPhase
from luma_jupyter.domain.urls import is_local_url
from luma_jupyter.domain.vocabulary import Status, in_sentence
from luma_jupyter.engine.exchanges import Exchanges
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library.folder import MediaFolder
from luma_jupyter.engine.library.whole_files import size_of
from luma_jupyter.engine.recovery import has_its_key, unanswered, unconfirmed_message
from luma_jupyter.engine.run.base import BY_USER, Run, RunResources
from luma_jupyter.engine.run.poller import NOT_KNOWN, Poller
from luma_jupyter.engine.run.slots import Slots
from luma_jupyter.engine.run.submission import CLOCK_SLACK, Submission
from luma_jupyter.errors import (
    ClipCancelled,
    ClipDetached,
    ClipFailed,
    ClipUnconfirmed,
    Expired,
    LumaError,
    ServiceError,
)
from luma_jupyter.languages import N_
from luma_jupyter.providers.exchanges import because
from luma_jupyter.worker_threads import in_thread

if TYPE_CHECKING:
    from luma_jupyter.providers.http.client import HttpClient
    from luma_jupyter.providers.protocol import ProviderClient

LATE = 5.0  # seconds by which a timeout comes late where the loop's clock went on while the machine slept (Windows)
LAST_LOOKS = 60.0  # seconds that a task is watched further whose time was over while the machine slept
STATEMENT_PATIENCE = 3.0  # seconds that a finished clip waits for what was charged
FORGOTTEN_AFTER = 24 * 3600.0  # seconds after which an unknown task is not waited for any more, once it was
FORGOTTEN_LOOKS = 12  # unknown in so many looks in a row: about two minutes; one may be a proxy's page

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServiceResources(RunResources):
    """What the runs of one API's tasks share.

    ``poller`` polls the tasks of the request's API, ``slots`` and ``downloads`` limit how many submissions and
    downloads are under way at once, ``exchanges`` records what goes over the wire, ``on_duration`` is told how many
    seconds the task took.
    """

    http: Callable[[], HttpClient]
    poller: Callable[[], Poller]
    slots: Slots
    downloads: asyncio.Semaphore
    client: Callable[[], ProviderClient]
    exchanges: Exchanges
    on_duration: Callable[[float], object]


class TaskRun(Run):
    """The run of a task that a service makes.

    ``timeout`` is how many seconds to follow the task once it is submitted; ``watching``: another kernel follows it.
    """

    def __init__(
        self, handle: Handle, submission: Submission, resources: ServiceResources, timeout: float, watching: bool
    ) -> None:
        super().__init__(handle, resources, watching)
        self._submission = submission
        self._resources = resources
        self._timeout = timeout

    def stop(self, why: str = BY_USER, *, tell_later: bool = False) -> None:
        """As `Run.stop`; a submission that waits for its turn does not take it."""
        super().stop(why, tell_later=tell_later)
        self._submission.stopped = self._stopped

    async def _go_on(self) -> None:
        with self._resources.exchanges.recording(self._resources.journal, self._handle.task.intent):
            await self._go_on_recorded()

    async def _go_on_recorded(self) -> None:
        handle = self._handle
        if handle.task.task_id is None and not await self._submission.run(self._resources.slots):
            return
        self._resources.exchanges.write_soon()
        if handle.task.video is None and not await self._follow(self._timeout):
            return
        await self._save()

    async def _end_stopped(self) -> None:
        handle = self._handle
        if self._submission.unconfirmed and handle.task.gateway and not self._stopped_by_user:
            await handle.emit(status=Status.DETACHED, problem=None, error=unanswered(self._stopped_by))
            return
        if self._submission.unconfirmed:
            await self._end_early(f"{self._stopped_by[0].lower()}{self._stopped_by[1:]}", None)
            return
        if self._tell_later:
            handle.save = lambda task: None
        unsent = N_("Nothing was sent." if handle.task.status is Status.QUEUED else "The service had not accepted it.")
        error = f"{self._stopped_by} {unsent}"
        await handle.emit(status=Status.CANCELLED, sent_at=None, error=ClipCancelled(error))

    async def _end_early(self, why: str, reason: LumaError | None) -> None:
        """End it: as failed where the service certainly has no task of it, else as what may still be billed."""
        task, emit = self._handle.task, self._handle.emit
        if task.task_id:
            going_on = N_(f"The task may still run (task id {task.task_id}).")
            await emit(status=Status.DETACHED, error=ClipDetached(f"{why} {going_on}"))
        elif task.sent_at:
            message = unconfirmed_message(task, reason.finding if isinstance(reason, ServiceError) else why)
            ended_at = self._submission.ended_at
            await emit(
                status=Status.UNCONFIRMED, problem=None, ended_at=ended_at, error=ClipUnconfirmed(message, reason)
            )
        else:
            await emit(status=Status.FAILED, problem=None, error=ClipFailed(why, reason))

    # Watching and saving.

    async def _follow(self, timeout: float) -> bool:
        handle, loop = self._handle, asyncio.get_running_loop()
        unknown, forgotten = 0, False

        def on_poll(problem: str | None) -> None:
            nonlocal unknown, forgotten
            if problem != handle.task.problem:
                handle.mention(problem=problem)
            unknown = unknown + 1 if problem == NOT_KNOWN else 0
            old = handle.task.elapsed(handle.clock()) > FORGOTTEN_AFTER and unknown >= FORGOTTEN_LOOKS
            if unknown and ((old and self._asks_as_before()) or self._asked_elsewhere()):
                forgotten = True
                limit.reschedule(0)

        try:
            async with asyncio.timeout(timeout) as limit:
                elapsed = handle.task.elapsed(handle.clock())
                task_id, at_once = handle.task.task_id or "", handle.task.gateway
                end = await self._resources.poller().wait_for_end(
                    task_id, elapsed, handle.duration_model, on_poll, at_once=at_once
                )
        except TimeoutError:
            if forgotten and (asked := self._asked_elsewhere()):
                await self._detach_elsewhere(asked)
            elif forgotten:
                service = in_sentence(handle.task.service_name)
                message = N_(f"{service} does not know this task any more (task id {handle.task.task_id}).")
                message = f"{message[0].upper()}{message[1:]}"
                await handle.emit(status=Status.FAILED, problem=None, error=ClipFailed(message))
            elif loop.time() - (limit.when() or 0.0) > LATE:  # its poll was due in the same moment, and not made
                return await self._follow(LAST_LOOKS)
            else:
                await self._detach(N_(f"It was watched for {self._timeout:g} s, and had not ended."))
            return False
        except asyncio.CancelledError:
            await self._detach(N_("You stopped watching it.") if self._stopped_by_user else self._stopped_by)
            return False
        state = end.state
        if state.phase is TaskPhase.FAILED:
            await handle.emit(status=Status.FAILED, problem=None, error=ClipFailed(str(state.error), state.error))
        else:
            trace_id = handle.task.trace_id or state.trace_id
            await handle.emit(status=Status.SAVING, video=state.video, cost=state.cost, trace_id=trace_id, problem=None)
        if end.seconds is not None:  # after the end is told: others wait for that
            await in_thread(partial(self._resources.on_duration, end.seconds))
        return state.phase is not TaskPhase.FAILED

    def _asks_as_before(self) -> bool:
        """Whether the account that made the task is asked for it. At a gateway, which forgets none, nobody can tell."""
        return not self._handle.task.gateway and has_its_key(self._handle.task, self._resources.client())

    def _asked_elsewhere(self) -> str | None:
        """The address that is asked for the task, where that is not the one that accepted it."""
        asked = self._resources.client().base_url
        return None if self._handle.task.base_url in ("", asked) else asked

    async def _detach_elsewhere(self, asked: str) -> None:
        """End it where the service that is asked does not know it, and another one had accepted it."""
        task = self._handle.task
        sentences = [
            N_(
                f"It was made at {task.base_url} (task id {task.task_id}), and {asked} does not know it: nobody can "
                "watch it there."
            ),
            N_(
                "That one was on this machine, and ended with its tasks if it was a demo. `--again` makes a new one."
                if is_local_url(task.base_url)
                else "It is paid for: set that address, or the class gateway, as it was, and say %luma resume."
            ),
        ]
        message = " ".join(sentences)
        await self._handle.emit(status=Status.DETACHED, problem=None, error=ClipDetached(message))

    async def _detach(self, why: str) -> None:
        error = self._handle.task.problem
        sentences = [
            why,
            N_(f"The task may still run and be billed (task id {self._handle.task.task_id})."),
            N_("To watch it further, run the cell again, or say %luma resume."),
            N_(f"The last look failed: {error}") if error else "",
        ]
        message = " ".join(filter(None, sentences))
        await self._handle.emit(status=Status.DETACHED, error=ClipDetached(message))

    async def _save(self) -> None:
        handle = self._handle
        path: Path | None = None
        size: int | None = None
        problem: str | None = None
        name = handle.task.name
        try:
            name = name or await in_thread(partial(self._resources.name_of, handle.task))
            folder = MediaFolder(handle.task.media, self._resources.http(), self._resources.change)
            async with self._resources.downloads:
                with because(Step.VIDEO):
                    saved = await folder.save(
                        handle.task.evolve(name=name, ended_at=handle.task.ended_at or handle.clock())
                    )
                path = saved.path
                if saved.moved:
                    problem = N_(f"Its folder was moved or renamed meanwhile: the video is in {str(path.parent)!r}.")
                size = await in_thread(partial(size_of, path))
                await in_thread(partial(self._resources.on_saved, handle.task.evolve(path=path, filename=path.name)))
                with because(Step.THUMBNAIL):
                    await folder.save_thumbnail(handle.task, path)
        except asyncio.CancelledError:
            reason = f"{self._stopped_by[0].lower()}{self._stopped_by[1:]}"
            problem = problem if path else N_(f"The file was not saved: {reason}")
        except Expired as error:
            problem = N_(
                f"The file cannot be had: {error}. Addresses expire (RunAPI's after 7 days); --again makes a new one."
            )
        except LumaError as error:
            problem = N_(f"The file could not be saved: {error}")
        except FileNotFoundError:
            path = None
            problem = N_(
                "Its folder was moved or renamed just as the video had been saved there; a retry saves it here."
            )
        except Exception as error:  # the video exists and was paid for, whatever happened to the file
            log.exception("A video was not saved, in an unforeseen way")
            problem = N_(f"The file could not be saved: {error!r}")
        filename = path.name if path else handle.task.filename
        charged = await self._fetch_charge()
        saved_as = {"name": name, "path": path, "filename": filename, "file_size": size}
        await handle.emit(status=Status.COMPLETED, problem=problem, **saved_as, **charged)

    async def _fetch_charge(self) -> dict[str, object]:
        """What the service's statement says of this task, where it can be asked and has it by now."""
        task = self._handle.task
        if not task.trace_id or task.cost is not None or not task.sent_at:
            return {}
        try:
            with because(Step.STATEMENT):
                async with asyncio.timeout(STATEMENT_PATIENCE):
                    until = self._handle.clock()
                    charge = await self._resources.client().charged(task.trace_id, task.sent_at - CLOCK_SLACK, until)
        except (LumaError, TimeoutError, asyncio.CancelledError):
            return {}
        if charge is None:
            return {}
        return {"credits": charge.credits, "cost": charge.usd}
