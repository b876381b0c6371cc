"""The engine of a kernel: takes requests, checks all that can be checked before anything is sent, and keeps the tasks.

`Engine.submit` is called from the user's thread; the life of a task (`tasks.Life`) happens on the engine's loop.
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
from typing import Any

from luma_jupyter import settings
from luma_jupyter.engine.bridge import Bridge
from luma_jupyter.engine.library import file_name, make_folder
from luma_jupyter.engine.poller import Poller
from luma_jupyter.engine.schedule import TYPICAL_SECONDS
from luma_jupyter.engine.services import Services, choose_provider
from luma_jupyter.engine.tasks import Handle, Life, with_source
from luma_jupyter.errors import (
    ClipDetached,
    InvalidRequest,
)
from luma_jupyter.models import (
    Action,
    GenerateRequest,
    Provider,
    Request,
    Status,
    Task,
    VideoRef,
)

DEFAULT_TIMEOUT = 900.0  # seconds
CONCURRENT_DOWNLOADS = 4  # more would keep each other, and the look-ups, waiting for a connection until they time out

log = logging.getLogger(__name__)


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
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise InvalidRequest(f"The timeout must be a number of seconds above 0, not {timeout!r}.")
        chosen = self.preview(request, provider=provider, after=after, source_label=source_label).provider
        make_folder(settings.current().media_folder)
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
        life = Life(
            handle,
            self.services,
            lambda: self.poller(chosen, request.action),
            self.downloads,
            after=after,
            timeout=timeout,
        )
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
            request = with_source(request, after, chosen)
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
