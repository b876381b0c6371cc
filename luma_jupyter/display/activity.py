"""Lets the server of a kernel know that clips are watched there, where a setting asks for it.

A cell that returned at once leaves its kernel idle, and servers and hubs end what has been idle for long. They judge by
the messages that a kernel sends (jupyter_server, ``MappingKernelManager.start_watching_activity``; a hub's culler asks
the server): any but those that only show something count. So a message is sent that no page shows: it belongs to no
cell, and to a comm that nobody has. Nothing says "busy" or "idle": that would be wrong while a cell runs, and could end
the wait of who runs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from IPython import get_ipython

from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.errors import ConfigError
from luma_jupyter.settings import SettingsSource

INTERVAL = 30.0  # seconds; servers look for idle kernels every few minutes


class ActivitySignal:
    """Sends, on the engine's loop, while ``following`` says that clips are followed.

    ``settings`` gives those of the moment.
    """

    def __init__(self, settings: SettingsSource, loop_thread: LoopThread, following: Callable[[], bool]) -> None:
        self._settings = settings
        self._loop_thread = loop_thread
        self._following = following
        self._next: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A clip is followed from now on; from any thread. The setting may be changed meanwhile."""
        self._loop_thread.call_soon(self._begin)

    def _begin(self) -> None:
        if self._next is None:
            self._send()

    def _send(self) -> None:
        self._next = None
        if not self._following():
            return
        with suppress(ConfigError):  # of a variable that cannot be used any more: told where it is needed
            if self._settings().keep_active:
                send_activity()
        self._next = asyncio.get_running_loop().call_later(INTERVAL, self._send)


def send_activity() -> None:
    """Send the server a message that no page shows; nothing where no kernel runs this code."""
    kernel = getattr(get_ipython(), "kernel", None)
    if session := getattr(kernel, "session", None):
        session.send(kernel.iopub_socket, "comm_msg", {"comm_id": "luma_jupyter", "data": {}})  # type: ignore[union-attr]
