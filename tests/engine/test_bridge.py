"""The engine's thread and loop, and waiting for it from a plain thread and from inside a running loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from loops import HurriedLoop, end

from luma_jupyter.engine.bridge import Bridge, wait
from luma_jupyter.errors import WaitInterrupted

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def future() -> concurrent.futures.Future[str]:
    return concurrent.futures.Future()


def test_one_thread_for_all_coroutines(bridge: Bridge) -> None:
    """However many coroutines are started, from however many threads, they share one daemon thread and one loop."""

    async def where() -> tuple[threading.Thread, asyncio.AbstractEventLoop]:
        await asyncio.sleep(0)
        return threading.current_thread(), asyncio.get_running_loop()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = list(pool.map(lambda _: bridge.start(where()), range(50)))
    ((thread, loop),) = {future.result(5) for future in futures}
    assert loop is bridge.loop
    assert thread.daemon
    assert thread.name == "luma_jupyter"


def test_one_loop_when_many_need_the_first() -> None:
    """Threads that need the loop in the same moment get the same one, and no second one is made."""
    made: list[HurriedLoop] = []

    def slowly() -> HurriedLoop:
        time.sleep(0.01)
        made.append(HurriedLoop())
        return made[-1]

    bridge = Bridge(slowly)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loops = set(pool.map(lambda _: bridge.loop, range(4)))
    end(bridge)
    assert loops == set(made)
    assert len(made) == 1


def test_nothing_is_started_before_it_is_needed() -> None:
    """Making a bridge starts no thread: importing and configuring stay free of side effects."""
    before = threading.active_count()
    Bridge()
    assert threading.active_count() == before


def test_calls_run_in_order_in_a_context_of_their_own(bridge: Bridge) -> None:
    """Functions run on the loop's thread in the order of the calls, without the caller's context variables."""
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("the caller's")
    heard: list[tuple[int, str, str]] = []
    done: concurrent.futures.Future[None] = concurrent.futures.Future()
    for number in range(3):
        bridge.call(lambda number=number: heard.append((number, variable.get(), threading.current_thread().name)))
    bridge.call(lambda: done.set_result(None))
    done.result(5)
    assert heard == [(number, "none", "luma_jupyter") for number in range(3)]


def test_a_plain_wait_ends_with_the_future(bridge: Bridge) -> None:
    """Without a running loop a wait blocks until the future is done, and leaves its result alone."""
    future = bridge.start(asyncio.sleep(4, "result"))
    assert wait(future, None) is True
    assert future.result(0) == "result"


@pytest.mark.parametrize("timeout", [0, 0.02])
def test_a_plain_wait_ends_with_its_timeout(future: concurrent.futures.Future[str], timeout: float) -> None:
    """After its timeout a wait gives False, no sooner, and leaves the future alone."""
    begun = time.monotonic()
    assert wait(future, timeout) is False
    assert time.monotonic() - begun >= timeout
    assert not future.done()


def test_what_is_done_needs_no_wait(future: concurrent.futures.Future[str]) -> None:
    """A future that is done already counts as done, also without any time to wait; one that failed as well."""
    future.set_exception(ValueError())
    assert wait(future, 0) is True


def test_a_plain_wait_ticks(future: concurrent.futures.Future[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """While a plain wait blocks, its tick is called again and again, so that a line of progress can move."""
    monkeypatch.setattr("luma_jupyter.engine.bridge.TICK", 0.01)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            future.set_result("done")

    assert wait(future, None, tick) is True
    assert len(ticks) == 3


def test_a_plain_wait_can_be_interrupted(future: concurrent.futures.Future[str]) -> None:
    """A SIGINT passes out of a plain wait as KeyboardInterrupt, and leaves the future alone."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process starts without it
    try:
        with pytest.raises(KeyboardInterrupt):
            wait(future, 5, lambda: signal.raise_signal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)
    assert not future.done()


def test_a_loop_that_cannot_be_patched(future: concurrent.futures.Future[str]) -> None:
    """Inside a foreign loop, such as uvloop's, the wait is a plain one, and asyncio is not patched in vain."""

    class Foreign(asyncio.AbstractEventLoop):
        pass

    before = (asyncio.Task, asyncio.Future, asyncio.run, asyncio.get_event_loop)
    asyncio._set_running_loop(Foreign())
    try:
        assert wait(future, 0.01) is False
        assert wait(future, None, lambda: future.set_result("done")) is True
    finally:
        asyncio._set_running_loop(None)
    assert (asyncio.Task, asyncio.Future, asyncio.run, asyncio.get_event_loop) == before


PRELUDE = """
import asyncio, concurrent.futures, os, signal, threading, time
from luma_jupyter.engine.bridge import Interrupted, wait

class Counter:
    count = 0

    def __init__(self):
        self.task = asyncio.create_task(self.go_on())

    async def go_on(self):
        while True:
            await asyncio.sleep(0.001)
            self.count += 1

    def then(self, action, *args):
        # from another thread, once a running loop has counted on
        goal = self.count + 5
        def watch():
            while self.count < goal:
                time.sleep(0.001)
            action(*args)
        threading.Thread(target=watch, daemon=True).start()

def handler(number, frame):
    raise AssertionError("the previous handler was called")

signal.signal(signal.SIGINT, handler)
"""

NESTED: dict[str, str] = {
    "the user's tasks go on, and the end is noticed": """
        future = concurrent.futures.Future()
        counter.then(future.set_result, "result")
        assert wait(future, 20) is True
        assert future.result(0) == "result"
    """,
    "the timeout ends it": """
        future = concurrent.futures.Future()
        assert wait(future, 0.02) is False
        assert not future.done()
        assert counter.count > 0
        future.set_result("late")
        assert wait(future, 0) is True
    """,
    "what is done is done": """
        future = concurrent.futures.Future()
        future.set_result("done")
        assert wait(future, 20) is True
    """,
    "a SIGINT from outside interrupts the wait and nothing else": """
        for _ in range(5):
            future = concurrent.futures.Future()
            counter.then(os.kill, os.getpid(), signal.SIGINT)
            try:
                wait(future, 20)
            except Interrupted:
                pass
            else:
                raise AssertionError("not interrupted")
            assert not future.done()
    """,
    "a SIGINT in the middle of a user's task does not hurt it": """
        async def unlucky():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)
            return "unhurt"
        task = asyncio.create_task(unlucky())
        try:
            wait(concurrent.futures.Future(), 20)
        except Interrupted:
            pass
        else:
            raise AssertionError("not interrupted")
        assert await task == "unhurt"
    """,
    "a SIGINT at the end takes nothing away": """
        future = concurrent.futures.Future()
        async def both():
            signal.raise_signal(signal.SIGINT)
            future.set_result("done")
        task = asyncio.create_task(both())
        assert wait(future, 20) is True
    """,
    "waits can be nested": """
        outer, inner = concurrent.futures.Future(), concurrent.futures.Future()
        async def second():
            asyncio.get_running_loop().call_later(0.01, inner.set_result, None)
            assert wait(inner, 20) is True
            outer.set_result(None)
        task = asyncio.create_task(second())
        assert wait(outer, 20) is True
    """,
}


_PLACES = [
    (story, where) for story in NESTED for where in ("main", "other") if where == "main" or "SIGINT" not in story
]


@pytest.mark.parametrize(("story", "where"), _PLACES)
def test_a_wait_inside_a_running_loop(python: Python, story: str, where: str) -> None:
    """A wait that blocks a running loop's thread, as in a notebook's cell, keeps the loop and its tasks alive."""
    end = """
        assert signal.getsignal(signal.SIGINT) is handler
        assert not counter.task.done()
        counter.task.cancel()
    """
    start = {
        "main": "asyncio.run(main())",
        "other": "thread = threading.Thread(target=lambda: asyncio.run(main())); thread.start(); thread.join()",
    }[where]
    main = f"async def main():\n        counter = Counter()\n{NESTED[story]}{end}"
    result = python(f"{PRELUDE}\n{main}\n{start}\nprint('well', end='')")
    assert (result.stdout, result.stderr, result.returncode) == ("well", "", 0)


def test_an_interrupted_question(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that is interrupted is dropped, and says in one line that nothing else was sent."""
    asked: list[asyncio.Task[Any]] = []

    async def question() -> None:
        asked.append(asyncio.current_task())
        await asyncio.Event().wait()

    def interrupted(future: Any, timeout: float | None) -> bool:
        while not asked:
            time.sleep(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr("luma_jupyter.engine.bridge.wait", interrupted)
    with pytest.raises(WaitInterrupted, match="nothing was sent but a question"):
        bridge.ask(question())
    concurrent.futures.wait([asyncio.run_coroutine_threadsafe(asyncio.wait(asked), bridge.loop)], 5)
    assert asked[0].cancelled()
