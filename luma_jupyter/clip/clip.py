"""`Clip`, the user's handle on a video: bound at once, filled in while the task runs.

Reading an attribute never blocks. What is known only at the end raises `ClipNotReady` before, which is also an
AttributeError, so that tab completion, ``hasattr`` and variable viewers pass over it. Waiting is explicit: `Clip.wait`,
or ``await clip``.

A clip knows its task's handle, and its session as an `Owner`: what that does for it is asked for here, and done there.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from luma_jupyter.clip.cut import Cut, Cuttable
from luma_jupyter.clip.images import ClipFrame, read_images
from luma_jupyter.clip.noted import Noted, NoteKeeper
from luma_jupyter.clip.saving import read_target, save
from luma_jupyter.domain.identifiers import KEY_PREFIX
from luma_jupyter.domain.requests import ExtendRequest, ModifyRequest, Request
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.urls import shown_url
from luma_jupyter.domain.values import as_python, read_flag, read_timeout
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library.sidecars import shareable
from luma_jupyter.engine.loop_thread import TICK, GaveWay, Interrupted, wait, wait_for_all
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ClipError, ClipNotReady, ConfigError, InvalidRequest, WaitInterrupted, WaitTimeout
from luma_jupyter.interrupts import deferred_interrupt
from luma_jupyter.printable import writable
from luma_jupyter.video import frames
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.exchanges import Explanation
from luma_jupyter.views.lineage_svg import Lineage
from luma_jupyter.views.text import clock, short

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image

LONGEST_STOP = 2.0  # seconds that the stop of a film is waited for


class Presenter(Protocol):
    """How clips reach the page, or the terminal; and how a question reaches the user."""

    def show(self, clip: Clip) -> None:
        """Show a clip where the user is: its card in a notebook, its text elsewhere."""

    def show_list(self, clips: Sequence[Clip]) -> None:
        """Show clips as one table."""

    def flush(self, clips: Sequence[Clip]) -> None:
        """Bring what shows these up to date: what is drawn after the cell that waited may reach nobody."""

    def html(self, clip: Clip) -> str:
        """An ended clip as HTML."""

    def ask(self, question: str) -> str | None:
        """What the user answers; None where nobody can be asked."""

    @property
    def waits_when_shown(self) -> bool:
        """Whether a cell waits for a clip that it only shows."""


Source: TypeAlias = "Clip | str | Sequence[Clip | str] | None"


class Owner(NoteKeeper, Protocol):
    """What a clip needs of the session that it belongs to."""

    presenter: Presenter

    def create(self, spec: TaskSpec) -> Clip:
        """Make a video, or find what an equal request came to."""

    def retry(self, clip: Clip, *, may_pay_twice: bool) -> None:
        """Have a clip stand for its task again, which goes on where it was left."""

    def lineage(self, clip: Clip) -> Lineage:
        """The tree that a clip belongs to."""

    def explain(self, clip: Clip) -> Explanation:
        """What went over the wire for a clip."""

    def find_name(self, value: object) -> str | None:
        """The variable that holds a clip, or any other value."""

    def relative_path(self, path: Path) -> str | None:
        """A path as seen from the notebook's folder; None on another drive."""

    @property
    def restore(self) -> Callable[[Mapping[str, Any]], Clip]:
        """The public function that makes a clip from its `Clip.record`; pickles name it."""


class Clip(Cuttable, Noted):
    """A video that is being made, or is done. Made by `generate`, `extend`, `modify` and `film`, not by hand."""

    def __init__(self, owner: Owner, handle: Handle, *, name: str | None = None, source: Source = None) -> None:
        self._owner: Owner = owner
        self._handle = handle
        self._name = name
        self._source = source
        self.embed: bool | None = None  # the video in the notebook itself; None: as the settings and the host say

    # What is known from the start.

    @property
    def status(self) -> str:
        """One word: queued, submitting, running, saving, completed, failed, unconfirmed, detached or cancelled.

        Detached: it is not watched any more.
        """
        return self.task.status.value

    @property
    def task_id(self) -> str | None:
        """The service's id of the task; None before it was accepted."""
        return self.task.task_id

    @property
    def prompt(self) -> str:
        """What the video should show."""
        return self.task.request.prompt

    @property
    def action(self) -> str:  # no Literal in a property's type: Jedi 0.20 then completes nothing of the whole object
        """generate, extend, modify or film."""
        return self.task.request.action

    @property
    def provider(self) -> str:
        """The service: acedata, runapi or demo; local for a film, which is made here."""
        return self.task.provider

    @property
    def source(self) -> Source:
        """What it was made from: a clip, a video id, a URL or a file's name; of a film its parts; None for generate."""
        return self._source

    @property
    def created_at(self) -> datetime:
        """When it was asked for, in local time."""
        return datetime.fromtimestamp(self.task.created_at, UTC).astimezone()

    @property
    def elapsed(self) -> float:
        """Seconds since it was submitted, until now or its end."""
        return self.task.elapsed(self._handle.clock())

    @property
    def error(self) -> ClipError | None:
        """Why it ended without a video; None while it runs and when it is completed."""
        error = self.task.error
        return error if isinstance(error, ClipError) else None

    # What is known at the end.

    @property
    def video_id(self) -> str | None:
        """The service's id of the video; None where the service gives none (RunAPI)."""
        return self._video().video_id

    @property
    def url(self) -> str | None:
        """The video's address at the service, which may expire; None for a film, which is only here."""
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
        return self.task.path

    @property
    def duration(self) -> float:
        """The video's length in seconds, read from the saved file. Needs PyAV: ``luma-jupyter[media]``."""
        try:
            return frames.duration(self.file())
        except (InvalidRequest, ConfigError) as error:  # no attribute may break inspection
            raise ClipNotReady(str(error)) from None

    def _video(self) -> Video:
        task = self.task
        if not task.status.ended:
            raise ClipNotReady(
                f"{self.label} is not done yet ({task.status}, {clock(self.elapsed)}); "
                f"`{self.label}.wait()` waits for it."
            )
        _raise_unless_completed(task)
        assert task.video is not None
        return task.video

    def file(self) -> Path:
        """The saved file, which is there. Raises InvalidRequest where it is not, and as ``path`` does."""
        path = self.path
        if path is None or not path.exists():
            reason = self.state.remedy
            raise InvalidRequest(f"The file of {self.label} is not here: {reason}.")
        return path

    # Waiting and stopping.

    def wait(self, timeout: float | None = None, *, tick: Callable[[], None] | None = None) -> Clip:
        """Block until the clip is done, and return it; the kernel's asyncio tasks go on meanwhile.

        ``tick`` is called a few times a second where no event loop runs. Raises ClipError when it ended otherwise than
        completed, WaitTimeout after ``timeout`` seconds, or where one that began before is due that cannot return
        before this one, WaitInterrupted when interrupted. After the last two it is still being watched.
        """
        seconds, handle = read_timeout(timeout), self._handle  # a retry may put another in its place
        try:
            done = wait(handle.done, seconds, tick)
        except (Interrupted, KeyboardInterrupt):
            raise WaitInterrupted(f"{self.label} is still being watched; `{self.label}.wait()` waits again.") from None
        except GaveWay:
            raise WaitTimeout(
                f"`{self.label}.wait()` ended early, so that another wait could end; {self.label} is still being "
                f"watched. In an async function write `await {self.label}`: it holds up nothing."
            ) from None
        self._owner.presenter.flush([self])
        if not done:
            raise WaitTimeout(
                f"{self.label} is not done after {seconds:g} s ({self.status}); it is still being watched."
            )
        _raise_unless_completed(handle.task)
        return self

    def __await__(self) -> Generator[Any, None, Clip]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Clip:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise InvalidRequest(
                f"`await {self.label}` needs asyncio, but another library runs this code: use `{self.label}.wait()` in "
                "a thread."
            ) from None
        # An idle loop notices an interrupt only when it wakes up, so it wakes up now and then. `asyncio.wait` leaves
        # the engine's future alone when this coroutine is cancelled.
        handle = self._handle  # a retry may put another in its place
        with deferred_interrupt():
            done = asyncio.wrap_future(handle.done)
        while not done.done():
            await asyncio.wait({done}, timeout=TICK)
        self._owner.presenter.flush([self])
        _raise_unless_completed(handle.task)
        return self

    def stop(self) -> None:
        """Stop watching. The task itself may go on and be billed; while it is queued, nothing is sent at all.

        A film is not made any more, and nothing is left of it.
        """
        self._handle.stop()
        if self.task.provider == "local":  # so that the same film can be asked for again at once
            wait_for_all([self._handle.done], LONGEST_STOP)

    def retry(self, *, may_pay_twice: bool = False) -> Clip:
        """Go on where it was left; returns itself at once.

        A clip that is not watched any more is watched again, and a file that is gone is fetched again. One that is
        unconfirmed is looked for first. Where that finds nothing, RunAPI gets the request again under the same
        idempotency key; AceDataCloud has none, so there only ``may_pay_twice`` sends it again. Raises InvalidRequest
        where there is nothing to go on with, ConfigError without a key, OverBudget where it may be paid for again,
        NotConfirmed where that would be with a key that was found.
        """
        may_pay_twice = read_flag("may_pay_twice", may_pay_twice)
        if not self.task.status.ended:
            raise InvalidRequest(f"{self.label} is already {self.status}; `{self.label}.wait()` waits for it.")
        self._owner.retry(self, may_pay_twice=may_pay_twice)
        return self

    # What can be made of it.

    def extend(
        self,
        prompt: str,
        *,
        end_image: Any = None,
        callback_url: str | None = None,
        provider: str | None = None,
        timeout: float | None = None,
        again: bool = False,
    ) -> Clip:
        """Continue this clip; queued until it is done. Arguments as for `luma_jupyter.extend`."""
        images = read_images(self._owner.find_name, end_image=end_image)
        request = ExtendRequest(prompt=prompt, callback_url=callback_url, **images.given)
        options = {"provider": provider, "timeout": timeout, "again": again}
        return self._owner.create(self._next_step(request, frames=images.frames, **options))

    def modify(
        self,
        prompt: str,
        *,
        watermark: bool | str | None = None,
        callback_url: str | None = None,
        provider: str | None = None,
        timeout: float | None = None,
        again: bool = False,
    ) -> Clip:
        """Re-render this clip; queued until it is done. Arguments as for `luma_jupyter.modify`."""
        request = ModifyRequest(prompt=prompt, watermark=watermark, callback_url=callback_url)
        return self._owner.create(self._next_step(request, provider=provider, timeout=timeout, again=again))

    def _next_step(self, request: Request, **options: Any) -> TaskSpec:
        return TaskSpec(request=request, after=self._handle, label=self.source_label, **options)

    def lineage(self) -> Lineage:
        """The tree it belongs to, generate → extend → modify: what it was made from, and all that came of that.

        Of what is known in this folder. Text where it is printed, a drawing where a notebook shows it.
        """
        return self._owner.lineage(self)

    def explain(self) -> Explanation:
        """What went over the wire for it, step by step, and why; as far as it was recorded on this machine."""
        return self._owner.explain(self)

    def at(self, when: float | str) -> ClipFrame:
        """A frame of this clip for a step to start from or to end on: ``start_image=clip.at("last")``; never waits.

        ``when`` is ``"first"``, ``"last"``, or a number of seconds. The step is queued until this clip is done. Raises
        InvalidRequest for a moment that no video has; of a clip that is done, that this one has not.
        """
        frame = ClipFrame(self, when)
        if isinstance(frame.when, float) and (path := self.task.path) and path.exists():
            with contextlib.suppress(ConfigError):  # it is told where a frame has to be read
                frames.check_moment(path, frame.when)
        return frame

    def frame(self, when: float | str = "first") -> Image:
        """One frame as a PIL image: ``"first"``, ``"last"``, or the one shown at so many seconds; waits for the clip.

        Raises ClipError where there is no video, InvalidRequest for a moment that it does not have.
        """
        self.wait()
        return frames.frame_at(self.file(), as_python(when))

    def frames(self, count: int) -> numpy.ndarray[Any, Any]:
        """So many frames from the first to the last: an array (count, height, width, 3) of uint8; waits for the clip.

        Raises as `frame` does, and InvalidRequest where they would take more than 4 GB of memory.
        """
        self.wait()
        return frames.evenly_spaced_frames(self.file(), as_python(count))

    def as_cut(self) -> Cut:
        """All of it as a cut: a part of a film as it is."""
        return Cut(self)

    def save(
        self,
        path: str | PathLike[str],
        *,
        width: int | None = None,
        fps: float | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> Path:
        """Save the video as a file, or into a folder under its own name, and return where it is; waits for the clip.

        The suffix says the format: ``.mp4``, ``.webm``, ``.gif``, ``.webp``, or ``.png`` for a single picture; a video
        that is to stay as it is is copied. ``width`` is in pixels, ``fps`` in frames per second, ``start`` and ``end``
        in seconds. A file that is there is replaced, a folder that is not there is made. Raises ClipError where there
        is no video, InvalidRequest where it cannot be saved so, ConfigError without the extra ``media`` (but for
        copies).
        """
        target = read_target(path)
        self.wait()
        source = self.file()
        return save(source, target.file(source.name), width=width, fps=fps, start=start, end=end)

    # What sessions and pages need of it.

    @property
    def handle(self) -> Handle:
        """Its task, as the engine follows it."""
        return self._handle

    @property
    def task(self) -> Task:
        """The newest snapshot of its task."""
        return self._handle.task

    @property
    def name(self) -> str | None:
        """The name of the variable that holds it, as far as it is known."""
        name = self._name or self._owner.find_name(self)
        if name and name.isidentifier():
            self._name = name  # a place in a list is looked for each time: lists change
        return name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name

    @property
    def label(self) -> str:
        """What sentences call it: its variable, else "clip"."""
        return self.name or "clip"

    @property
    def source_label(self) -> str:
        """What a card calls it on which it is the source: its variable, else its key."""
        return self.name or f"{KEY_PREFIX}{self.task.key}"

    @property
    def presenter(self) -> Presenter:
        """How it reaches the page."""
        return self._owner.presenter

    @property
    def state(self) -> ClipState:
        """All that a drawing of it needs, as of now."""
        return self.state_of(self._handle)

    def state_of(self, handle: Handle) -> ClipState:
        """As `state`, of this handle, for which it stood when it was shown."""
        task = handle.task
        media = self._owner.relative_path(task.path or task.media / task.filename)
        there = os.path.exists(task.path) if task.path else bool(task.problem)  # of a file that never came, that tells
        gone = task.status is Status.COMPLETED and not there
        return ClipState(task, self.name, handle.clock(), handle.duration_model, media, handle.reused, gone=gone)

    def follow(self, handle: Handle) -> None:
        """Stand for this handle from now on; a card that was shown keeps what it shows."""
        self._handle = handle

    # How Python sees and keeps it.

    def __repr__(self) -> str:
        state = self.state
        saved = f", {state.file}" if state.file else ", file gone" if state.gone else ""
        return writable(f"<Clip {state.label}: {self.status}, “{short(self.prompt, 40)}”{saved}>")

    def _repr_html_(self) -> str | None:
        self._wait_when_shown()
        return self._owner.presenter.html(self) if self.task.status.ended else None

    def _ipython_display_(self) -> None:
        self._owner.presenter.show(self)
        self._wait_when_shown()

    def _wait_when_shown(self) -> None:
        if self._owner.presenter.waits_when_shown:
            with contextlib.suppress(ClipError):  # the card says why
                self.wait()

    def __copy__(self) -> Clip:
        return self  # a handle on one task: a copy of it is the same handle

    def __deepcopy__(self, memo: dict[int, Any]) -> Clip:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.task.status.ended:
            raise InvalidRequest(
                f"{self.label} is not done yet ({self.status}): pickle and %store can keep it when it is done."
            )
        return self._owner.restore, (self.record,)

    @property
    def record(self) -> dict[str, Any]:
        """What is kept of it where it is stored: its task as others may have it, its variable, source and reason.

        The last is why it failed, `ClipError.reason`: of that a sidecar has only the words.
        """
        source: Any = None  # of a film its request tells
        if isinstance(self._source, Clip):
            source = self._source.record
        elif isinstance(self._source, str):
            source = shown_url(self._source)
        reason = self.error.reason if self.error else None
        return {"task": shareable(self.task), "name": self._name, "source": source, "reason": reason}


def _raise_unless_completed(task: Task) -> None:
    if task.error is not None:
        raise copy.copy(task.error)  # a fresh one: a raised error collects tracebacks
