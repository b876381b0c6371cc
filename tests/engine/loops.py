"""Loops and bridges for tests: one that lives on the test's own loop, and real threads whose time is in a hurry."""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Any

from luma_jupyter.engine.bridge import Bridge

SPEED = 200.0


class LoopBridge(Bridge):
    """Not a thread of its own but the running loop, so that an engine can live on a virtual one."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()


class _HurriedSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # chosen by the platform
    def select(self, timeout: float | None = None) -> Any:
        return super().select(None if timeout is None else timeout / SPEED)


class QuietLoop(asyncio.SelectorEventLoop):
    """An event loop that does not mention it, in asyncio's debug mode, when the machine is slow."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector)
        self.slow_callback_duration = float("inf")


class HurriedLoop(QuietLoop):
    """An event loop whose seconds take a few milliseconds."""

    def __init__(self) -> None:
        super().__init__(_HurriedSelector())

    def time(self) -> float:
        return time.monotonic() * SPEED


def end(bridge: Bridge) -> None:
    """Stop and close a bridge's loop, and whatever still runs on it, so that nothing of a test outlives it."""
    loop = bridge.loop

    async def cancel_all() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    bridge.start(cancel_all()).result(5)
    bridge.call(loop.stop)
    while loop.is_running():
        time.sleep(0.001)
    loop.close()
