"""`Handle`: one task as others see it, from any thread; each step is written down before anybody hears of it."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
import time
from collections import UserDict, defaultdict
from collections.abc import Callable, ValuesView
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from luma_jupyter.domain.duration_model import DurationModel, prior
from luma_jupyter.domain.task import Listener, Task, TaskEvent
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipDetached, ConfigError
from luma_jupyter.worker_threads import in_thread

NOTHING = nullcontext()
log = logging.getLogger(__name__)


class Handle:
    """One task. Reading never blocks; snapshots are replaced whole, so any thread may read.

    ``followed``: the engine follows the task, or did, to its end. ``asked_for``: somebody asked for it in this kernel;
    what is only shown is never sent. ``reused``: it had ended before it was asked for.
    ``copies`` are the files as which a film is yet to be saved, too. ``save`` writes a snapshot down; what it raises
    stops a submission, and is a problem to tell at any other time. ``duration_model``: how long such tasks take, as
    ``expect`` says when it begins to run.
    """

    def __init__(
        self,
        task: Task,
        clock: Callable[[], float] = time.time,
        save: Callable[[Task], object] = lambda task: None,
        expect: Callable[[], DurationModel] | None = None,
    ) -> None:
        self.task = task
        self._expect = expect or (lambda: prior(task.provider))
        self.duration_model = self._expect()
        self.done: concurrent.futures.Future[Task] = concurrent.futures.Future()
        self.clock = clock
        self.save = save
        self.followed = False
        self.asked_for = True
        self.reused = False
        self.copies: set[Path] = set()
        self._copied: Path | None = None  # the film, once its run takes no more of them
        self._copying = threading.Lock()
        self.stop: Callable[[], None] = lambda: None
        self._listeners: list[Listener] = []
        self._writing = threading.Lock()  # whoever writes does so with the newest snapshot
        self._to_write = task
        if task.status.ended:
            self.done.set_result(task)

    def add_copies(self, copies: set[Path]) -> Path | None:
        """Have a film saved as these files, too, before its end is told; from any thread.

        Where they come too late for that, it returns the film, and the caller saves it as these files.
        """
        with self._copying:
            if self._copied is None:
                self.copies |= copies
            return self._copied

    def drop_copies(self, copies: set[Path]) -> None:
        """Do not save a film as these files any more, but for one that is being written; from any thread."""
        with self._copying:
            self.copies -= copies

    def take_copy(self, film: Path) -> Path | None:
        """Take one of ``copies``, to save the film as it; None: there are no more, and from now on none is added."""
        with self._copying:
            if self.copies:
                return self.copies.pop()
            self._copied = film
            return None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each event from now on, on the engine's thread; what is returned ends that."""
        self._listeners = [*self._listeners, listener]  # replaced whole: the engine's thread goes through it
        return lambda: self._remove(listener)

    def _remove(self, listener: Listener) -> None:
        self._listeners = [other for other in self._listeners if other is not listener]

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    async def emit(self, within: AbstractContextManager[object] = NOTHING, /, **changes: object) -> None:
        """Make a new snapshot, write it down, and tell everybody; at an end, listeners first, then who waits for it.

        It is done as a whole though the caller is cancelled. On the engine's loop, one at a time. It is written down
        ``within`` a context, in a thread; what that raises is raised, and nothing has changed then. Raises ConfigError
        where a submission cannot be written down; it must not go on then.
        """
        if self.done.done():
            return
        now = self.clock()
        task = self._changed(changes, now)
        try:
            await in_thread(lambda: self._write(task, within))
        except ConfigError as error:
            if task.status is Status.SUBMITTING:
                raise
            task = task.evolve(problem=task.problem or str(error))
        if changes.get("status") is Status.RUNNING:
            self.task = task  # what was written down stands, whatever goes wrong from here on
            self.duration_model = await in_thread(self._expect)
        self._tell(task, now)

    def mention(self, **news: str | float | None) -> None:
        """Tell everybody of a problem, an upload or a progress, which nobody writes down. On the engine's loop."""
        if not self.done.done():
            self._tell(self.task.evolve(**news), self.clock())

    def _changed(self, changes: dict[str, object], now: float) -> Task:
        if "status" in changes and Status(str(changes["status"])).ended:
            changes["ended_at"] = changes.get("ended_at") or self.task.ended_at or now
        return self.task.evolve(**changes)

    def _write(self, task: Task, within: AbstractContextManager[object]) -> None:
        with self._writing, within:
            self._to_write = task
            self.save(task)

    def write_again(self) -> None:
        """Write down what was to be written last: the journal does not have it. From any thread."""
        with self._writing:
            self.save(self._to_write)

    def _tell(self, task: Task, now: float) -> None:
        self.task = task
        event = TaskEvent(task, now)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # a card that cannot be drawn must not cost a paid task
                log.exception("A listener failed")
        if task.status.ended:
            self.done.set_result(task)

    def abandon(self) -> None:
        """Let go of it: from now on nothing is written down or told here, as in a kernel that was killed."""
        self._listeners = []
        self.stop = lambda: None
        self.save = lambda task: None

    def detach_after_fork(self) -> None:
        """In a forked child: nothing is followed here, so it ends as detached."""
        self.abandon()
        self.done = concurrent.futures.Future()  # the parent's may be locked, or about to be resolved
        if self.task.status.ended:
            self.done.set_result(self.task)
        else:
            error = ClipDetached("It is still being watched in the process that this one was made from.")
            now = self.clock()
            self._tell(self._changed({"status": Status.DETACHED, "error": error}, now), now)


class Handles(UserDict[str, Handle]):
    """A kernel's handles by intent, of which those of equal requests are found at once; from any thread."""

    def __init__(self) -> None:
        self._by_fingerprint: defaultdict[str, dict[str, Handle]] = defaultdict(dict)
        super().__init__()

    def __setitem__(self, intent: str, handle: Handle) -> None:
        super().__setitem__(intent, handle)
        self._by_fingerprint[handle.task.fingerprint][intent] = handle

    def __delitem__(self, intent: str) -> None:
        equal = self._by_fingerprint[self[intent].task.fingerprint]
        super().__delitem__(intent)
        equal.pop(intent, None)

    def values(self) -> ValuesView[Handle]:
        """All handles as they are now: another thread may add one meanwhile."""
        return dict(self.data).values()

    def equal(self, fingerprint: str) -> list[Handle]:
        """The handles of equal requests."""
        return list(self._by_fingerprint.get(fingerprint, {}).values())
