"""The only thread and the only event loop of the engine, and the ways across: a coroutine in, a Future out.

A blocking `wait` is the delicate one. Inside a kernel an event loop is already running in the waiting thread, and the
user's own asyncio tasks live on it; they must go on while a cell waits. nest-asyncio2 makes that loop re-entrant. A
SIGINT in such a nested run would hit whichever task happens to be running, so while waiting the signal only resolves a
future, and the wait then raises by itself. Without such a loop, too, it is heard of between two looks at the future and
not within one, which would leave the future locked, and this thread waiting for it for ever.

A wait that one of those tasks begins meanwhile stands above the first one on the thread's stack: that one cannot return
before it. So the later one gives way when the earlier one's timeout has passed.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import math
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import closing
from typing import Any, TypeVar

from luma_jupyter.errors import WaitInterrupted, WaitTimeout
from luma_jupyter.interrupts import deferred_interrupt, on_interrupt
from luma_jupyter.operating_system import at_fork
from luma_jupyter.worker_threads import WorkerThreads

T = TypeVar("T")

CLOSE_TIMEOUT = 2.0  # seconds
TICK = 0.2  # seconds between two looks at the clock while a wait cannot be woken otherwise


class Interrupted(Exception):
    """A wait was ended by SIGINT."""


class GaveWay(Exception):
    """A wait was ended for another one below it on the stack, whose timeout has passed."""


class _Deadlines(threading.local):
    """Until when the nested waits of this thread last, the outermost first, in seconds of `time.monotonic`."""

    def __init__(self) -> None:
        self.stack: list[float] = []


_deadlines = _Deadlines()


class LoopThread:
    """One daemon thread that runs one event loop, started when first needed. ``new_loop`` is passed in by tests."""

    def __init__(self, new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> None:
        self._new_loop = new_loop
        self._reset()
        at_fork(child=self._reset)

    def _reset(self) -> None:
        """Start anew: a forked child has neither the thread nor a usable lock."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        return self._loop or self._start()

    def _start(self) -> asyncio.AbstractEventLoop:
        with deferred_interrupt(), self._lock:  # a thread that is interrupted while it starts may never run
            if self._loop is None:
                loop = self._new_loop()
                loop.set_default_executor(WorkerThreads())
                self._thread = threading.Thread(target=self._run, args=(loop,), name="luma_jupyter", daemon=True)
                self._thread.start()
                self._loop = loop
            return self._loop

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        with closing(loop):
            loop.run_forever()

    def close(self, at_last: Callable[[], Coroutine[Any, Any, object]] | None = None) -> None:
        """Cancel all that runs on the loop, run ``at_last`` there, and end the thread; the next use starts another.

        Blocks meanwhile, `CLOSE_TIMEOUT` seconds at most: a loop that is stuck ends with its process.
        """
        with deferred_interrupt():
            with self._lock:
                loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
            if loop is None or thread is None:
                return
            closed = asyncio.run_coroutine_threadsafe(_cancel_all_then(at_last), loop)
            closed.add_done_callback(lambda future: loop.call_soon_threadsafe(loop.stop))
            thread.join(CLOSE_TIMEOUT)

    @property
    def is_open(self) -> bool:
        """Whether the loop runs, so that it need not be started."""
        return self._loop is not None

    @property
    def is_current(self) -> bool:
        """Whether the caller is on the loop."""
        try:
            return asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return False

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the loop, from any thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, question: Coroutine[Any, Any, T]) -> T:
        """The answer to a question that changes nothing; blocks meanwhile.

        Raises WaitInterrupted on SIGINT, WaitTimeout where another wait could not go on for it.
        """
        future = self.submit(question)
        try:
            wait(future, None)
        except GaveWay:
            _cancel(future)
            raise WaitTimeout(
                "No answer came before another wait had to end; nothing was sent but a question."
            ) from None
        except (Interrupted, KeyboardInterrupt):
            _cancel(future)
            raise WaitInterrupted("nothing was sent but a question.") from None
        with deferred_interrupt():
            return future.result()

    def call_soon(self, function: Callable[[], object]) -> None:
        """Run a function on the loop, from any thread.

        In a context of its own: in the caller's, what it displays would be marked as an answer to the caller's cell for
        ever, and nbclient drops answers to cells that are over.
        """
        self.loop.call_soon_threadsafe(function, context=contextvars.Context())

    def call_and_wait(self, function: Callable[[], object], timeout: float) -> None:
        """Run a function on the loop and return when it has, or after ``timeout`` seconds; from any thread."""
        if self.is_current:
            function()
            return
        done: concurrent.futures.Future[None] = concurrent.futures.Future()

        def call() -> None:
            try:
                function()
            finally:
                done.set_result(None)

        self.call_soon(call)
        _wait_plainly(done, timeout, None)


def _cancel(future: concurrent.futures.Future[Any]) -> None:
    with deferred_interrupt():
        future.cancel()


async def _cancel_all_then(at_last: Callable[[], Coroutine[Any, Any, object]] | None) -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in filter(_has_begun, others):
            task.cancel()
        await asyncio.wait(others, timeout=TICK)  # one that sums up at its end hears it again
    if at_last:
        await at_last()


def _has_begun(task: asyncio.Task[Any]) -> bool:
    """Whether a task had its first step: one that is cancelled before that never runs what it was made for."""
    coroutine = task.get_coro()  # or what closes an asynchronous generator
    return not inspect.iscoroutine(coroutine) or inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED


def wait_for_all(futures: Iterable[concurrent.futures.Future[Any]], timeout: float) -> None:
    """Block until all are done, or ``timeout`` seconds have passed. Raises KeyboardInterrupt on SIGINT."""
    deadline = time.monotonic() + timeout
    for future in futures:
        _wait_plainly(future, deadline - time.monotonic(), None)


def wait(future: concurrent.futures.Future[Any], timeout: float | None, tick: Callable[[], None] | None = None) -> bool:
    """Block until ``future`` is done; False when ``timeout`` seconds passed first.

    A running event loop in this thread goes on meanwhile. ``tick`` is called a few times a second where no loop runs.
    Raises Interrupted on SIGINT (without a loop: KeyboardInterrupt) and GaveWay, and leaves the future alone.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _wait_plainly(future, timeout, tick)
    if not isinstance(loop, asyncio.BaseEventLoop):  # uvloop's: nest-asyncio2 refuses it, but patches asyncio before
        return _wait_plainly(future, timeout, tick)
    with deferred_interrupt():  # an import or a patch that stopped halfway would stay so
        import nest_asyncio2  # start-up, and it patches asyncio: only where it is needed

        nest_asyncio2.apply(loop)
    return _wait_nested(loop, future, timeout)


def _wait_plainly(
    future: concurrent.futures.Future[Any], timeout: float | None, tick: Callable[[], None] | None
) -> bool:
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    while True:
        with deferred_interrupt():
            if future.done():
                return True
            left = min(TICK, deadline - time.monotonic())
            if left <= 0:
                return False
            if tick:
                tick()
            concurrent.futures.wait([future], timeout=left)


def _wait_nested(
    loop: asyncio.AbstractEventLoop, future: concurrent.futures.Future[Any], timeout: float | None
) -> bool:
    interrupt: asyncio.Future[None] = loop.create_future()
    with on_interrupt(lambda: loop.call_soon_threadsafe(_resolve, interrupt)):
        done: asyncio.Future[Any] = asyncio.wrap_future(future, loop=loop)
        done.add_done_callback(lambda copy: copy.cancelled() or copy.exception())  # is read from the future itself
        now = time.monotonic()
        own = math.inf if timeout is None else now + timeout
        end = min([own, *_deadlines.stack])
        _deadlines.stack.append(own)
        try:
            left = end - now
            while left >= 0 and not (done.done() or interrupt.done()):
                # Windows' loops do not wake up for a signal, so they wake up now and then.
                pause = asyncio.wait({done, interrupt}, timeout=min(TICK, left), return_when=asyncio.FIRST_COMPLETED)
                loop.run_until_complete(pause)
                left = end - time.monotonic()
        finally:
            _deadlines.stack.pop()
        is_done = future.done()
    if interrupt.done() and not is_done:
        raise Interrupted
    if end < own and not is_done:
        raise GaveWay
    return is_done


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
