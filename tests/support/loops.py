"""Loops for tests: one that lives on the test's own loop, and real threads whose time is in a hurry."""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from luma_jupyter.engine.loop_thread import LoopThread

SPEED = 200.0


class _SkippingSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # chosen by the platform
    """Skips over the time that a loop would sleep, by adding it to the loop's own clock."""

    skipped = 0.0
    other_threads = False
    stands_still = False

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        waits = timeout is None or (self.stands_still and timeout > 0)  # 0: callbacks are ready
        if not ready and waits and self.other_threads:
            return super().select(None)
        if not ready and timeout is None:
            raise RuntimeError("the loop would wait for ever: a test forgot to make something happen")
        if not ready:
            self.skipped += timeout
        return ready


class SingleThreadLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes by what it does itself, so that it calls at once what others would do in threads."""

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        called = self.create_future()
        try:
            called.set_result(function(*args))
        except Exception as error:
            called.set_exception(error)
        return called


class VirtualLoop(SingleThreadLoop):
    """An event loop on which sleeping takes no time: when nothing is ready, its clock jumps to the next timer.

    With ``other_threads``, an idle loop without timers waits for work from other threads.
    """

    def __init__(self, other_threads: bool = False) -> None:
        self._skipping = _SkippingSelector()
        self._skipping.other_threads = other_threads
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped

    def sleep(self, seconds: float) -> None:
        """Put the clock forward at once, as Windows does with a loop's clock when the machine was asleep."""
        self._skipping.skipped += seconds

    def stand_still(self, still: bool) -> None:
        """Hold the clock, or let it go on; meanwhile the loop does what is ready, and what other threads ask for."""
        self._skipping.stands_still = still


class Gate:
    """Holds up coroutines that want to pass while it is closed, and meanwhile the clocks of their virtual loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = True
        self._held: list[tuple[VirtualLoop, asyncio.Future[None]]] = []

    def clear(self) -> None:
        """Close it."""
        with self._lock:
            self._is_open = False

    def set(self) -> None:
        """Open it; from any thread."""
        with self._lock:
            self._is_open = True
            held, self._held = self._held, []
        for loop, passed in held:
            with suppress(RuntimeError):  # that loop has been closed
                loop.call_soon_threadsafe(self._let_pass, loop, passed)

    async def wait(self) -> None:
        """Return when it is open."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        with self._lock:
            if self._is_open:
                return
            passed = loop.create_future()
            self._held.append((loop, passed))
        loop.stand_still(True)
        await passed

    @staticmethod
    def _let_pass(loop: VirtualLoop, passed: asyncio.Future[None]) -> None:
        loop.stand_still(False)
        if not passed.done():
            passed.set_result(None)


class RunningLoop(LoopThread):
    """Not a thread of its own but the running loop, so that an engine can live on a virtual one."""

    is_open = True

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
