"""A task's life: wait for its source, submit once, follow to the end, save the video. Each transition is an event.

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

A `Handle` is how others see a task: its latest snapshot, its events, its end.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from luma_jupyter import settings
from luma_jupyter.engine.library import Library
from luma_jupyter.engine.poller import Poller
from luma_jupyter.engine.services import Services
from luma_jupyter.errors import (
    ClipCancelled,
    ClipDetached,
    ClipFailed,
    ClipUnconfirmed,
    LumaError,
    Unconfirmed,
)
from luma_jupyter.models import (
    GenerateRequest,
    Listener,
    Provider,
    Request,
    Status,
    Task,
    TaskEvent,
    TaskPhase,
    VideoRef,
)

log = logging.getLogger(__name__)


class Handle:
    """One task as others see it. Reading never blocks; snapshots are replaced whole, so any thread may read."""

    def __init__(self, task: Task, clock: Callable[[], float] = time.time) -> None:
        self.task = task
        self.done: concurrent.futures.Future[Task] = concurrent.futures.Future()
        self.clock = clock
        self.stop: Callable[[], None] = lambda: None
        self._listeners: list[Listener] = []
        if task.status.ended:
            self.done.set_result(task)

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with each event from now on, on the engine's thread."""
        self._listeners.append(listener)

    def emit(self, **changes: object) -> None:
        """Make a new snapshot and tell everybody; at an end, listeners first and then those who wait for `done`."""
        if self.done.done():
            return
        now = self.clock()
        if "status" in changes and Status(str(changes["status"])).ended:
            changes["ended_at"] = now
        self.task = self.task.evolve(**changes)
        event = TaskEvent(self.task, now)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # a card that cannot be drawn must not cost a paid task
                log.exception("A listener failed")
        if self.task.status.ended:
            self.done.set_result(self.task)


def with_source(request: Request, after: Handle, provider: Provider) -> Request:
    """The request with its source's video: by id at the service that made it (ids are of no use elsewhere), or URL."""
    video = after.task.video
    assert video is not None
    assert not isinstance(request, GenerateRequest)
    own_id = video.video_id if after.task.provider == provider and request.action == "extend" else None
    return replace(request, source=VideoRef(video_id=own_id, url=video.url))


class Life:
    """The coroutine behind one handle, and how `stop` reaches it.

    ``poller`` watches the tasks of the request's API, ``downloads`` limits how many videos are fetched at a time,
    ``timeout`` is how many seconds to follow the task once submitted.
    """

    def __init__(
        self,
        handle: Handle,
        services: Services,
        poller: Callable[[], Poller],
        downloads: asyncio.Semaphore,
        *,
        after: Handle | None,
        timeout: float,
    ) -> None:
        self._handle = handle
        self._services = services
        self._poller = poller
        self._downloads = downloads
        self._after = after
        self._timeout = timeout
        self._coroutine: asyncio.Task[None] | None = None
        self._stopped = False
        self._origin = ""  # the base URL of the API that the request went to

    def begin(self) -> None:
        self._coroutine = asyncio.get_running_loop().create_task(self._live())

    def stop(self) -> None:
        if self._coroutine and not self._stopped:
            self._stopped = True
            # Not at once: a coroutine that is cancelled before its first step never runs, so it would never end.
            asyncio.get_running_loop().call_soon(self._coroutine.cancel)

    async def _live(self) -> None:
        emit = self._handle.emit
        try:
            request = await self._source_ready()
            if request and await self._submit(request) and await self._follow():
                await self._save()
        except asyncio.CancelledError:
            never = "sent" if self._handle.task.status is Status.QUEUED else "accepted"
            error = f"It was stopped before the service had accepted it: nothing was {never}."
            emit(status=Status.CANCELLED, error=ClipCancelled(error))
        except LumaError as error:
            emit(status=Status.FAILED, error=ClipFailed(str(error), error))
        except Exception as error:
            log.exception("A task ended in an unforeseen way")
            emit(status=Status.FAILED, error=ClipFailed(f"Internal error, please report it: {error!r}"))

    async def _source_ready(self) -> Request | None:
        request = self._handle.task.request
        if self._after is None:
            return request
        source = await asyncio.shield(asyncio.wrap_future(self._after.done))
        if source.status is not Status.COMPLETED:
            name = self._handle.task.source_label or "the source"
            message = f"Nothing was sent: its source {name} ended as {source.status}."
            self._handle.emit(status=Status.FAILED, error=ClipFailed(message, source.error))
            return None
        return with_source(request, self._after, self._handle.task.provider)

    async def _submit(self, request: Request) -> bool:
        """Send the paid request. A stop takes effect between two tries of it, never within one."""
        handle = self._handle
        if self._stopped:
            raise asyncio.CancelledError
        api = self._services.api(handle.task.provider, request.action)
        api.payload(request)
        self._origin = api.base_url
        handle.emit(status=Status.SUBMITTING, request=request, submitted_at=handle.clock())
        try:
            task_id = await api.submit(request, str(uuid.uuid4()))
        except Unconfirmed as error:
            handle.emit(status=Status.UNCONFIRMED, error=ClipUnconfirmed(str(error), error.cause))
            return False
        except LumaError:
            raise
        except Exception as error:
            log.exception("A submission ended in an unforeseen way")
            message = f"Internal error, please report it: {error!r}. The request may have been sent and billed."
            handle.emit(status=Status.UNCONFIRMED, error=ClipUnconfirmed(message))
            return False
        handle.emit(status=Status.RUNNING, task_id=task_id)
        return True

    async def _follow(self) -> bool:
        handle = self._handle
        try:
            async with asyncio.timeout(self._timeout):
                state = await self._poller().result(
                    handle.task.task_id or "", lambda problem: handle.emit(problem=problem)
                )
        except TimeoutError:
            self._detach(f"It was followed for {self._timeout:g} s without an end")
            return False
        except asyncio.CancelledError:
            self._detach("Following was stopped here")
            return False
        if state.phase is TaskPhase.FAILED:
            handle.emit(status=Status.FAILED, problem=None, error=ClipFailed(str(state.error), state.error))
            return False
        handle.emit(status=Status.SAVING, video=state.video, problem=None)
        return True

    def _detach(self, why: str) -> None:
        message = f"{why}; the task may still run and be billed (task id {self._handle.task.task_id})."
        if self._handle.task.problem:
            message += f" The last look failed: {self._handle.task.problem}"
        self._handle.emit(status=Status.DETACHED, error=ClipDetached(message))

    async def _save(self) -> None:
        handle = self._handle
        path: Path | None = None
        size: int | None = None
        problem: str | None = None
        try:
            library = Library(settings.current().media_folder, self._services.http)
            async with self._downloads:
                path = await library.save(handle.task, self._origin)
                size = path.stat().st_size
                await library.save_companions(handle.task, path, self._origin)
        except asyncio.CancelledError:
            problem = None if path else "The file was not saved: it was stopped."
        except LumaError as error:
            problem = f"The {'sidecar' if path else 'file'} could not be saved: {error}"
        except Exception as error:  # the video exists and was paid for, whatever happened to the file
            log.exception("A video was not saved, in an unforeseen way")
            problem = f"The {'sidecar' if path else 'file'} could not be saved: {error!r}"
        handle.emit(status=Status.COMPLETED, path=path, file_size=size, problem=problem)
