"""The page: whether anybody there sees what lives, and with what.

A kernel need not be in the environment of its Jupyter server, and a page can show what that server has. Only the page
knows; so the script of each live part answers when it is drawn. That answer waits behind the cells that run, as all
messages of a page do: silence counts only while the kernel has nothing to do.

Where nobody answers, plain HTML is brought forward by updates. They do not reach it either where the server runs the
cells itself, as jupyter_server_documents 0.3 does: that one adds an update to the cell that runs by then, or drops it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython import get_ipython

from luma_jupyter.display.environment import cell_number, is_run_by_server
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.languages import N_
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import printable, say

PATIENCE = 3.0  # seconds in which no cell runs and no answer comes, after which nobody is taken to see a live part
_LONGEST_ANSWER = 200  # characters
STANDS_STILL = N_(
    "luma_jupyter: this page shows no forms, and a card stands still when its cell is over (%luma doctor says why). "
    "%luma show NAME shows how far a clip is, and a cell with --wait ends with its video."
)


class Audience:
    """Who sees one live part: ``there`` is True when its script has answered, False when nobody did, None before.

    ``on_change`` is called on the engine's loop when that becomes known, and when somebody comes later; it is told what
    was known before.
    """

    def __init__(self, page: Page, on_change: Callable[[bool | None], None]) -> None:
        self.there: bool | None = None
        self.on_change = on_change
        self._page = page

    def take(self, content: dict[str, Any]) -> None:
        """Take a message of the page, if it is the answer."""
        if content.get("do") == "here":
            self._page.hear(self, content.get("page"))


class Page:
    """The pages of this kernel.

    ``answer`` is what the page said of itself that answered last, as far as it could; None while none has.
    ``is_silent``: something was drawn since then, and nobody answered. ``is_run_by_server``: the Jupyter server runs
    the cells. ``note_answer`` is told what a page's server answers for a video: its folder, and the HTTP status.
    """

    def __init__(self, loop_thread: LoopThread, note_answer: Callable[[Path, int], None]) -> None:
        self.answer: str | None = None
        self.is_silent = False
        self.is_run_by_server = False
        self.note_answer = note_answer
        self._loop_thread = loop_thread
        self._waiting: dict[Audience, None] = {}  # changed on the engine's loop alone
        self._timer: asyncio.TimerHandle | None = None
        self._watches = False
        self._told = False

    @property
    def loses_updates(self) -> bool:
        """Whether an update of a display reaches it only while its own cell runs."""
        return self.is_run_by_server and self.answer is None

    def reaches(self, cell: int) -> bool:
        """Whether an update reaches a display that this cell made."""
        return not self.loses_updates or cell == cell_number()

    def expect(self, audience: Audience) -> None:
        """Wait for the answer of a live part that the running cell draws."""
        self.is_run_by_server = is_run_by_server()
        self._loop_thread.call_soon(lambda: self._waiting.setdefault(audience))
        if not self._watches and (shell := get_ipython()):
            self._watches = True
            shell.events.register("pre_execute", self._cell_begins)
            shell.events.register("pre_run_cell", self._tell_once)
            shell.events.register("post_execute", self._cell_ends)

    def hear(self, audience: Audience, answer: object) -> None:
        """An answer came; what the page says of itself may be anything."""
        self.answer = printable(answer)[:_LONGEST_ANSWER] if isinstance(answer, str) else ""
        self.is_silent = False
        self._loop_thread.call_soon(lambda: self._take(audience, there=True))

    def _take(self, audience: Audience, *, there: bool) -> None:
        self._waiting.pop(audience, None)
        before, audience.there = audience.there, there
        if before is not there:
            audience.on_change(before)

    def _cell_begins(self, *args: object) -> None:
        if self._loop_thread.is_open:
            self._loop_thread.call_soon(self._stop_timer)

    def _cell_ends(self, *args: object) -> None:
        if self._loop_thread.is_open:
            self._loop_thread.call_soon(self._start_timer)

    def _start_timer(self) -> None:
        self._stop_timer()
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._take_as_silent)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _take_as_silent(self) -> None:
        for audience in list(self._waiting):
            self.is_silent = True
            self._take(audience, there=False)

    def _tell_once(self, *args: object) -> None:
        if self.is_silent and self.loses_updates and not self._told:
            self._told = True
            say(_(STANDS_STILL))
