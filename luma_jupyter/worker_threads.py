"""What an event loop must not wait for (disks, databases, hashes of large files), done by threads beside it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

MOST_THREADS = 16
_Job = tuple[concurrent.futures.Future[Any], Callable[[], Any]]


async def in_thread(function: Callable[[], T]) -> T:
    """What a function that may block gives, or raises; meanwhile the running loop goes on.

    It is awaited to its end though the caller is cancelled meanwhile, as nobody could tell else what it has done; the
    caller's next wait is cancelled then.
    """
    return await despite_cancellation(asyncio.get_running_loop().run_in_executor(None, function))


async def despite_cancellation(future: asyncio.Future[T]) -> T:
    """Await ``future`` to its end though cancelled meanwhile; the caller's next wait is then cancelled."""
    cancelled = False
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError:
            cancelled = True
    caller = asyncio.current_task()
    if cancelled and caller:
        caller.cancel()
    return future.result()


class WorkerThreads(concurrent.futures.ThreadPoolExecutor):  # asyncio takes no other kind
    """Up to ``most`` threads, started when needed, that work until their process has ended.

    Those of the standard library take nothing more from the moment on when an interpreter begins to end; but then what
    was paid for is still to be saved and written down.
    """

    def __init__(self, most: int = MOST_THREADS) -> None:
        super().__init__(max_workers=most)
        self._most = most
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0

    def submit(self, function: Callable[..., T], /, *args: Any, **options: Any) -> concurrent.futures.Future[T]:
        """Have a thread call a function; from any thread."""
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._jobs.put((future, partial(function, *args, **options)))
        if not self._idle.acquire(blocking=False) and self._started < self._most:
            self._start()
        return future

    def _start(self) -> None:
        """Start one more thread; an interpreter that ends may refuse it (Python 3.12), then the others do the work."""
        try:
            threading.Thread(target=self._work, name="luma_jupyter worker", daemon=True).start()
            self._started += 1
        except RuntimeError:
            if not self._started and (job := self._jobs.get()):
                _do(*job)

    def _work(self) -> None:
        while job := self._jobs.get():
            _do(*job)
            del job  # what it had in memory is not held until the next one comes
            self._idle.release()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads, each once it is free; nobody waits for them."""
        for _ in range(self._started):
            self._jobs.put(None)


def _do(future: concurrent.futures.Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
