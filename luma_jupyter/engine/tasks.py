"""A task's life: wait for its source, submit once, follow to the end, save the video. Each transition is an event.

::

    queued → submitting → running → saving → completed
      │          │           │
      │          │           ├→ failed        the service ended it without a video
      │          │           └→ detached      stop(), or the timeout: it may still run and be billed
      │          ├→ failed                    refused: nothing was made
      │          └→ unconfirmed               sent, no usable answer: may have been accepted and billed
      ├→ failed                               its source did not complete: nothing was sent
      └→ cancelled                            stop(): nothing was sent

`Engine.submit` is called from the user's thread and checks all that can be checked before anything is sent; the rest
happens on the engine's loop. A `Handle` is how others see a task: its latest snapshot, its events, its end.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import time
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from luma_jupyter import settings
from luma_jupyter.engine.bridge import Bridge
from luma_jupyter.engine.library import Library, file_name
from luma_jupyter.engine.poller import Poller
from luma_jupyter.engine.schedule import TYPICAL_SECONDS
from luma_jupyter.engine.services import Services, choose_provider
from luma_jupyter.errors import (
    ClipCancelled,
    ClipDetached,
    ClipFailed,
    ClipUnconfirmed,
    InvalidRequest,
    LumaError,
    Unconfirmed,
)
from luma_jupyter.models import (
    Action,
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

DEFAULT_TIMEOUT = 900.0  # seconds
CONCURRENT_DOWNLOADS = 4  # more would keep each other, and the look-ups, waiting for a connection until they time out

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


@dataclass(frozen=True)
class Preview:
    """A request as it would be sent: ``headers`` without the key."""

    provider: Provider
    url: str
    headers: dict[str, str]
    payload: dict[str, Any]


class Engine:
    """Follows all tasks of a kernel. ``bridge``, ``services`` and ``clock`` (Unix seconds) are passed in by tests."""

    def __init__(
        self,
        bridge: Bridge | None = None,
        services: Services | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.bridge = bridge or Bridge()
        self.services = services or Services()
        self.handles: list[Handle] = []
        self._clock = clock
        self._pollers: dict[tuple[Provider, bool], Poller] = {}
        self.downloads = asyncio.Semaphore(CONCURRENT_DOWNLOADS)
        _forget_in_forks(self)

    def submit(
        self,
        request: Request,
        *,
        provider: str | None = None,
        after: Handle | None = None,
        source_label: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Handle:
        """Begin a task's life and return at once.

        ``after`` is the task whose video is the source; ``timeout`` is how many seconds to follow it once submitted.
        Raises InvalidRequest or ConfigError when it cannot be sent as it is; then nothing was, and no task exists.
        """
        if not timeout > 0:
            raise InvalidRequest(f"The timeout must be more than 0 seconds, not {timeout}.")
        chosen = self.preview(request, provider=provider, after=after, source_label=source_label).provider
        key = uuid.uuid4().hex[:8]
        task = Task(
            key=key,
            request=request,
            provider=chosen,
            status=Status.QUEUED,
            created_at=self._clock(),
            filename=file_name(request.prompt, key),
            source_label=source_label,
        )
        handle = Handle(task, self._clock)
        self.handles.append(handle)
        life = _Life(self, handle, after, timeout)
        handle.stop = lambda: self.bridge.call(life.stop)
        self.bridge.call(life.begin)
        return handle

    def preview(
        self,
        request: Request,
        *,
        provider: str | None = None,
        after: Handle | None = None,
        source_label: str | None = None,
    ) -> Preview:
        """Check a request as far as is possible before sending it, and show what would be sent.

        The source of a clip that is not done yet is shown by name. Raises InvalidRequest or ConfigError.
        """
        label = source_label or "the source"
        source = after.task.provider if after else None
        chosen = choose_provider(request.action, provider, source, label, settings.current())
        api = self.services.api(chosen, request.action)
        if after and after.task.video:
            request = _with_source(request, after, chosen)
        elif after and not isinstance(request, GenerateRequest):
            request = replace(request, source=VideoRef(url=f"‹video of {label}, when it is done›"))
        return Preview(chosen, api.submit_url, api.headers("‹one per request›"), api.payload(request))

    def typical_seconds(self, provider: Provider) -> float:
        """How long a task usually takes."""
        return TYPICAL_SECONDS.get(provider) or settings.current().demo_seconds

    def poller(self, provider: Provider, action: Action) -> Poller:
        """The poller of the API that does an action at a provider."""
        api = (provider, action == "modify")
        if api not in self._pollers:
            self._pollers[api] = Poller(lambda: self.services.api(provider, action))
        return self._pollers[api]


def _with_source(request: Request, after: Handle, provider: Provider) -> Request:
    """The request with its source's video: by id at the service that made it (ids are of no use elsewhere), or URL."""
    video = after.task.video
    assert video is not None
    assert not isinstance(request, GenerateRequest)
    own_id = video.video_id if after.task.provider == provider and request.action == "extend" else None
    return replace(request, source=VideoRef(video_id=own_id, url=video.url))


class _Life:
    """The coroutine behind one handle, and how `stop` reaches it."""

    def __init__(self, engine: Engine, handle: Handle, after: Handle | None, timeout: float) -> None:
        self._engine = engine
        self._handle = handle
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
            emit(status=Status.CANCELLED, error=ClipCancelled("It was stopped while queued: nothing was sent."))
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
            why = f" ({source.error})" if source.error else ""
            message = f"Nothing was sent: its source {name} ended as {source.status}{why}"
            self._handle.emit(status=Status.FAILED, error=ClipFailed(message, source.error))
            return None
        return _with_source(request, self._after, self._handle.task.provider)

    async def _submit(self, request: Request) -> bool:
        """Send the paid request; stopping does not interrupt it, so that its task id is never lost."""
        handle = self._handle
        if self._stopped:
            raise asyncio.CancelledError
        api = self._engine.services.api(handle.task.provider, request.action)
        api.payload(request)
        self._origin = api.base_url
        handle.emit(status=Status.SUBMITTING, request=request, submitted_at=handle.clock())
        submission = asyncio.ensure_future(api.submit(request, str(uuid.uuid4())))
        try:
            while not submission.done():
                try:
                    await asyncio.shield(submission)
                except asyncio.CancelledError:
                    continue
            task_id = submission.result()
        except Unconfirmed as error:
            handle.emit(status=Status.UNCONFIRMED, error=ClipUnconfirmed(str(error), error.cause))
            return False
        except LumaError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            log.exception("A submission ended in an unforeseen way")
            message = f"Internal error, please report it: {error!r}. The request may have been sent and billed."
            handle.emit(status=Status.UNCONFIRMED, error=ClipUnconfirmed(message))
            return False
        handle.emit(status=Status.RUNNING, task_id=task_id)
        return True

    async def _follow(self) -> bool:
        handle = self._handle
        poller = self._engine.poller(handle.task.provider, handle.task.request.action)
        try:
            if self._stopped:
                raise asyncio.CancelledError
            async with asyncio.timeout(self._timeout):
                state = await poller.result(handle.task.task_id or "", lambda problem: handle.emit(problem=problem))
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
        services = self._engine.services
        path: Path | None = None
        size: int | None = None
        problem: str | None = None
        try:
            library = Library(settings.current().media_folder, services.http)
            async with self._engine.downloads:
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


def _forget_in_forks(engine: Engine) -> None:
    """In a forked child nothing is followed: its handles end as detached, and new tasks start on a loop of its own."""
    parent = weakref.ref(engine)

    def forget() -> None:
        engine = parent()
        if engine is None:
            return
        engine.services.forget()
        engine._pollers.clear()
        engine.downloads = asyncio.Semaphore(CONCURRENT_DOWNLOADS)
        for handle in engine.handles:
            handle._listeners.clear()
            handle.stop = lambda: None
            handle.done = concurrent.futures.Future()  # the parent's may be locked, or about to be resolved
            if handle.task.status.ended:
                handle.done.set_result(handle.task)
            else:
                error = ClipDetached("It is followed in the process that this one was forked from.")
                handle.emit(status=Status.DETACHED, error=error)

    os.register_at_fork(after_in_child=forget)
