"""`Clip`, the user's handle on a video: bound at once, filled in while the task runs.

Reading an attribute never blocks. What is known only at the end raises `ClipNotReady` before, which is also an
AttributeError, so that tab completion, ``hasattr`` and variable viewers pass over it. Waiting is explicit: `Clip.wait`,
or ``await clip``.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
from collections.abc import Callable, Generator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter import settings
from luma_jupyter.engine.bridge import TICK, Interrupted, wait
from luma_jupyter.engine.handle import Handle
from luma_jupyter.errors import ClipError, ClipNotReady, InvalidRequest, WaitInterrupted, WaitTimeout
from luma_jupyter.models import Task, Video
from luma_jupyter.notebook.embed import with_video
from luma_jupyter.notebook.footage import Footage
from luma_jupyter.notebook.host import here
from luma_jupyter.notebook.render import Look, clock, final_html, short
from luma_jupyter.notebook.steps import Steps

if TYPE_CHECKING:
    from luma_jupyter.notebook.card import Card


_watchers: list[Callable[[Clip], None]] = []


def watch(watcher: Callable[[Clip], None]) -> Callable[[], None]:
    """Call ``watcher`` with each clip that begins to stand for a task, from now on; what is returned ends that."""
    _watchers.append(watcher)
    return lambda: _watchers.remove(watcher) if watcher in _watchers else None


class Clip(Footage, Steps):
    """A video that is being made, or is done. Made by `generate`, `extend` and `modify`, not by hand."""

    def __init__(self, handle: Handle, *, name: str | None = None, source: Clip | str | None = None) -> None:
        self._handle = handle
        self._name = name
        self._source = source
        self._card: Card | None = None
        self._embed: bool | None = None  # None: as the settings and the host say
        self._tell_watchers()

    @property
    def _task(self) -> Task:
        return self._handle.task

    @property
    def status(self) -> str:
        """One word: queued, submitting, running, saving, completed, failed, unconfirmed, detached or cancelled."""
        return self._task.status.value

    @property
    def task_id(self) -> str | None:
        """The service's id of the task; None before it was accepted."""
        return self._task.task_id

    @property
    def prompt(self) -> str:
        """What the video should show."""
        return self._task.request.prompt

    @property
    def action(self) -> str:  # no Literal in a property's type: Jedi 0.20 then completes nothing of the whole object
        """generate, extend or modify."""
        return self._task.request.action

    @property
    def provider(self) -> str:
        """The service: acedata, runapi or demo."""
        return self._task.provider

    @property
    def source(self) -> Clip | str | None:
        """What it was made from: a clip, a video id or a URL; None for generate."""
        return self._source

    @property
    def created_at(self) -> datetime:
        """When it was asked for, in local time."""
        return datetime.fromtimestamp(self._task.created_at).astimezone()

    @property
    def elapsed(self) -> float:
        """Seconds since it was submitted, until now or its end."""
        return self._task.elapsed(self._handle.clock())

    @property
    def error(self) -> ClipError | None:
        """Why it ended without a video; None while it runs and when it is completed."""
        error = self._task.error
        return error if isinstance(error, ClipError) else None

    @property
    def video_id(self) -> str | None:
        """The service's id of the video; None where the service gives none (RunAPI)."""
        return self._video().video_id

    @property
    def url(self) -> str:
        """The video's address at the service; it may expire."""
        return self._video().url

    @property
    def thumbnail_url(self) -> str | None:
        """The thumbnail's address at the service, if there is one."""
        return self._video().thumbnail_url

    @property
    def width(self) -> int | None:
        """Pixels, as the service reports them."""
        return self._video().width

    @property
    def height(self) -> int | None:
        """Pixels, as the service reports them."""
        return self._video().height

    @property
    def path(self) -> Path | None:
        """The saved file; None where it could not be saved (the clip's card says why)."""
        self._video()
        return self._task.path

    def _video(self) -> Video:
        task = self._task
        if not task.status.ended:
            raise ClipNotReady(f"still {task.status} ({clock(self.elapsed)}); `{self._label}.wait()` waits for it.")
        self._raise_unless_completed()
        assert task.video is not None
        return task.video

    def _raise_unless_completed(self) -> None:
        error = self._task.error
        if error is not None:
            raise copy.copy(error)  # a fresh one: a raised error collects tracebacks

    @property
    def _label(self) -> str:
        return self._called or "clip"

    @property
    def _called(self) -> str | None:
        """The name of the variable that holds it, as far as it is known."""
        from luma_jupyter.notebook.variables import name_of

        name = self._name or name_of(self)
        if name and name.isidentifier():
            self._name = name  # a place in a list is looked for each time: lists change
        return name

    def wait(self, timeout: float | None = None) -> Clip:
        """Block until the clip is done, and return it; the kernel's asyncio tasks go on meanwhile.

        Raises ClipError when it ended otherwise than completed, WaitTimeout after ``timeout`` seconds, WaitInterrupted
        when interrupted. The last two leave it followed.
        """
        return self._wait(timeout)

    def _wait(self, timeout: float | None = None, tick: Callable[[], None] | None = None) -> Clip:
        if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout < 0):
            raise InvalidRequest(f"The timeout must be a number of seconds, 0 or more, not {timeout!r}.")
        try:
            done = wait(self._handle.done, timeout, tick)
        except (Interrupted, KeyboardInterrupt):
            raise WaitInterrupted(f"{self._label} is followed further; `{self._label}.wait()` waits again.") from None
        self._settle()
        if not done:
            raise WaitTimeout(
                f"{self._label} is still {self.status} after waiting {timeout:g} s; it is followed further."
            )
        self._raise_unless_completed()
        return self

    def __await__(self) -> Generator[Any, None, Clip]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Clip:
        # An idle loop notices an interrupt only when it wakes up, so it wakes up now and then. `asyncio.wait` leaves
        # the engine's future alone when this coroutine is cancelled.
        done = asyncio.wrap_future(self._handle.done)
        while not done.done():
            await asyncio.wait({done}, timeout=TICK)
        self._settle()
        self._raise_unless_completed()
        return self

    def _settle(self) -> None:
        """Bring its card up to date: what is drawn after the cell that waited may reach nobody."""
        if self._card:
            from luma_jupyter.notebook.showing import settle

            settle(self)

    def stop(self) -> None:
        """Stop following. The task itself may still run and be billed; while queued, nothing is sent at all."""
        self._handle.stop()

    def retry(self, *, may_pay_twice: bool = False) -> Clip:
        """Go on where it was left; returns itself at once.

        A clip that is not followed any more is followed again, and a file that is gone is fetched again. One that is
        unconfirmed is looked for first. Where that finds nothing, RunAPI gets the request again under the same
        idempotency key; AceDataCloud has none, so there only ``may_pay_twice`` sends it again. Raises InvalidRequest
        where there is nothing to go on with, ConfigError without a key, OverBudget where it may be paid for again.
        """
        from luma_jupyter.notebook.session import engine

        if not self._task.status.ended:
            raise InvalidRequest(f"{self._label} is {self.status} already; `{self._label}.wait()` waits for it.")
        self._follow(engine().resume(self._task.intent, resend=True, may_pay_twice=may_pay_twice))
        return self

    def _follow(self, handle: Handle) -> None:
        """Stand for this handle from now on; a card that was shown keeps what it shows."""
        if handle is not self._handle:
            self._handle = handle
            self._card = None
            self._tell_watchers()

    def _tell_watchers(self) -> None:
        for watcher in list(_watchers):
            watcher(self)

    def _look(self) -> Look:
        handle = self._handle
        served = here(self._embed).serves
        return Look(self._task, self._called, handle.clock(), handle.law, self._media(), handle.recalled, served)

    def _final_look(self) -> Look:
        """With the video in it, where the host wants that."""
        return with_video(self._look(), here(self._embed))

    def _media(self) -> str | None:
        """The video's path relative to the notebook's folder, present or future."""
        now = settings.current()
        try:
            return os.path.relpath(self._task.path or self._task.media / self._task.filename, now.folder)
        except ValueError:  # another drive
            return None

    def __repr__(self) -> str:
        saved = f", {self._media()}" if self._task.path else ""
        return f"<Clip {self._called or self._task.key}: {self.status}, “{short(self.prompt, 40)}”{saved}>"

    def _repr_html_(self) -> str | None:
        return final_html(self._final_look()) if self._task.status.ended else None

    def _ipython_display_(self) -> None:
        from luma_jupyter.notebook.showing import show, shown_clips_wait

        show(self)
        if shown_clips_wait():
            with contextlib.suppress(ClipError):  # the card says why
                self.wait()

    def __copy__(self) -> Clip:
        return self  # a handle on one task: a copy of it is the same handle

    def __deepcopy__(self, memo: dict[int, Any]) -> Clip:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if not self._task.status.ended:
            raise InvalidRequest(
                f"{self._label} is still {self.status}: a clip can be pickled or stored when it is done."
            )
        return _revive, (self._task, self._name, self._source)


def _revive(task: Task, name: str | None, source: Clip | str | None) -> Clip:
    return Clip(Handle(task), name=name, source=source)
