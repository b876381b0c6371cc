"""Calls the function of the setting ``notify`` when what was asked for has ended."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.errors import ConfigError
from luma_jupyter.languages import gettext as _
from luma_jupyter.operating_system import at_fork
from luma_jupyter.printable import say
from luma_jupyter.settings import SettingsSource
from luma_jupyter.views.text import short
from luma_jupyter.worker_threads import WorkerThreads

CLOSE_TIMEOUT = 2.0  # seconds


class Notifier:
    """Calls the user's function on one thread of its own: a call that hangs holds up nothing but the next call.

    ``settings`` gives those of the moment: the function that is set when something ends is the one that is called.
    """

    def __init__(self, settings: SettingsSource, loop_thread: LoopThread) -> None:
        self._settings = settings
        self._loop_thread = loop_thread
        self._reset()
        at_fork(child=self._reset)

    def _reset(self) -> None:
        """Start anew, as in a forked child."""
        self._worker = WorkerThreads(1)
        self._wait_for_call: Callable[[float], object] = lambda timeout: None
        self._expected: dict[frozenset[Handle], Clip | ClipList] = {}  # changed on the engine's loop alone
        self._closed = False

    def expect(self, asked_for: Clip | ClipList) -> None:
        """Have the function called once with this, when all of it has ended; from any thread.

        What had ended before it was asked for does not count, and the same tasks are expected once.
        """
        clips = [asked_for] if isinstance(asked_for, Clip) else asked_for
        handles = frozenset(clip.handle for clip in clips if not clip.handle.reused)
        if handles:
            self._loop_thread.call_soon(lambda: self._count(handles, asked_for))

    def _count(self, handles: frozenset[Handle], asked_for: Clip | ClipList) -> None:
        if handles in self._expected:
            return
        self._expected[handles] = asked_for
        left, key = len(handles), [handles]  # the key is taken away at the end: a future keeps what it called

        def one_ended(done: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                self._begin_call(self._expected.pop(key.pop()))

        for handle in handles:
            handle.done.add_done_callback(one_ended)  # called on the loop too, or at once

    def _begin_call(self, ended: Clip | ClipList) -> None:
        notify = None
        with suppress(ConfigError):  # of a variable that cannot be used any more: told where it is needed
            notify = self._settings().notify
        if notify and not self._closed:
            self._wait_for_call = self._worker.submit(_call, notify, ended).result

    def close(self) -> None:
        """Have nothing called any more for what ends from now on: it ends with the program."""
        if self._loop_thread.is_open:
            self._loop_thread.call_and_wait(self._close, CLOSE_TIMEOUT)

    def _close(self) -> None:
        self._closed = True

    def wait(self, timeout: float) -> None:
        """Block until the calls that have begun are over, or so many seconds have passed."""
        with suppress(TimeoutError):
            self._wait_for_call(timeout)

    def finish(self, timeout: float) -> None:
        """As `wait`, and let go of the thread."""
        self.wait(timeout)
        self._worker.shutdown()


def _call(notify: Callable[[Any], object], ended: Clip | ClipList) -> None:
    try:
        notify(ended)
    except (Exception, SystemExit) as error:
        reason = short("".join(traceback.format_exception_only(error)), 200)
        text = _("The function in configure(notify=…) failed; nothing else did: {reason}")
        say(f"luma_jupyter: {text.format(reason=reason)}")
