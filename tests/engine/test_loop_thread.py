"""The engine's thread and loop, and waiting for it from a plain thread and from inside a running loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import gc
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from luma_jupyter.engine.loop_thread import GaveWay, LoopThread, wait
from luma_jupyter.errors import WaitInterrupted, WaitTimeout
from tests.support.loops import HurriedLoop
from tests.support.waiting import until

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def future() -> concurrent.futures.Future[str]:
    return concurrent.futures.Future()


def test_loop_thread_runs_all_coroutines_on_one_loop(loop_thread: LoopThread) -> None:
    """However many coroutines are started, from however many threads, they share one daemon thread and one loop."""

    async def where() -> tuple[threading.Thread, asyncio.AbstractEventLoop]:
        await asyncio.sleep(0)
        return threading.current_thread(), asyncio.get_running_loop()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = list(pool.map(lambda _: loop_thread.submit(where()), range(50)))
    ((thread, loop),) = {future.result(5) for future in futures}
    assert loop is loop_thread.loop
    assert thread.daemon
    assert thread.name == "luma_jupyter"


def test_loop_thread_writes_until_its_process_has_ended(python: Python) -> None:
    """What was paid for is saved and written down when the interpreter ends: its threads take work until then."""
    script = """
        import atexit
        from luma_jupyter.engine.loop_thread import LoopThread
        from luma_jupyter.worker_threads import in_thread
        loop_thread = LoopThread()
        loop_thread.loop  # which runs by then
        atexit.register(lambda: print(loop_thread.run(in_thread(lambda: "written"))))
    """
    done = python(script)
    assert (done.stdout, done.stderr) == ("written\n", "")


def test_loop_thread_makes_one_loop_when_many_need_the_first() -> None:
    """Threads that need the loop in the same moment get the same one, and no second one is made."""
    made: list[HurriedLoop] = []

    def slowly() -> HurriedLoop:
        time.sleep(0.01)
        made.append(HurriedLoop())
        return made[-1]

    loop_thread = LoopThread(slowly)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loops = set(pool.map(lambda _: loop_thread.loop, range(4)))
    loop_thread.close()
    assert loops == set(made)
    assert len(made) == 1


def test_loop_thread_is_not_started_before_it_is_needed() -> None:
    """Making one starts no thread: importing and configuring stay free of side effects."""
    before = threading.active_count()
    LoopThread()
    assert threading.active_count() == before


def test_close_cancels_what_runs_and_ends_thread_and_loop(loop_thread: LoopThread) -> None:
    """What runs is cancelled, also what goes on for a while when it is; then comes the last deed, then the end."""
    story: list[str] = []

    async def sums_up() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            story.append("cancelled")
            await asyncio.Event().wait()

    async def at_last() -> None:
        story.append(f"at last, {len(asyncio.all_tasks())} task")

    async def thread() -> threading.Thread:
        return threading.current_thread()

    loop, running = loop_thread.loop, loop_thread.submit(sums_up())
    its_thread = loop_thread.run(thread())
    loop_thread.close(at_last)
    assert story == ["cancelled", "at last, 1 task"]
    assert running.cancelled()
    assert loop.is_closed()
    assert not its_thread.is_alive()


def test_close_lets_each_task_begin_that_it_cancels(loop_thread: LoopThread) -> None:
    """A task that has just been made, as libraries do when they connect, awaits what it was made for."""
    made: list[str] = []

    async def part() -> None:
        made.append("begun")

    async def whole(part: Coroutine[Any, Any, None]) -> None:
        await part

    async def connecting() -> None:
        while True:
            made.append("made")
            task = asyncio.get_running_loop().create_task(whole(part()))
            await asyncio.sleep(0)
            del task

    loop_thread.submit(connecting())
    loop_thread.run(asyncio.sleep(1))
    loop_thread.close()
    gc.collect()
    assert made.count("begun") == made.count("made") > 0


def test_close_waits_for_what_closes_a_generator(loop_thread: LoopThread) -> None:
    """An asynchronous generator that nobody finished is closed by a task that has no coroutine; the rest goes on."""
    closed: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.01)

    async def leave_one() -> None:
        generator = numbers()
        await anext(generator)
        del generator
        gc.collect()

    async def at_last() -> None:
        closed.append("at last")

    loop_thread.submit(leave_one()).result(5)
    loop_thread.close(at_last)
    assert closed == ["at last"]


def test_closed_loop_thread_begins_anew_when_needed(loop_thread: LoopThread) -> None:
    """Closing twice is closing once; the next use has another loop."""
    first = loop_thread.loop
    loop_thread.close()
    loop_thread.close()
    assert loop_thread.run(asyncio.sleep(0, "runs")) == "runs"
    assert loop_thread.loop is not first


def test_close_leaves_a_stuck_loop_behind(loop_thread: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that does not answer holds nobody up."""
    monkeypatch.setattr("luma_jupyter.engine.loop_thread.CLOSE_TIMEOUT", 0.05)
    free, loop = threading.Event(), loop_thread.loop
    loop_thread.call_soon(lambda: free.wait(20))
    begun = time.monotonic()
    loop_thread.close()
    assert time.monotonic() - begun < 10
    assert not loop.is_closed()
    free.set()
    while not loop.is_closed():
        time.sleep(0.001)


def test_call_soon_runs_in_order_in_a_context_of_its_own(loop_thread: LoopThread) -> None:
    """Functions run on the loop's thread in the order of the calls, without the caller's context variables."""
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("the caller's")
    heard: list[tuple[int, str, str]] = []
    done: concurrent.futures.Future[None] = concurrent.futures.Future()

    def note(number: int) -> None:
        heard.append((number, variable.get(), threading.current_thread().name))

    for number in range(3):
        loop_thread.call_soon(
            lambda number=number: heard.append((number, variable.get(), threading.current_thread().name))
        )
    loop_thread.call_soon(lambda: done.set_result(None))
    done.result(5)
    assert heard == [(number, "none", "luma_jupyter") for number in range(3)]


def test_wait_ends_with_the_future(loop_thread: LoopThread) -> None:
    """Without a running loop a wait blocks until the future is done, and leaves its result alone."""
    future = loop_thread.submit(asyncio.sleep(4, "result"))
    assert wait(future, None) is True
    assert future.result(0) == "result"


@pytest.mark.parametrize("timeout", [0, 0.02])
def test_wait_ends_with_its_timeout(future: concurrent.futures.Future[str], timeout: float) -> None:
    """After its timeout a wait gives False, no sooner, and leaves the future alone."""
    begun = time.monotonic()
    assert wait(future, timeout) is False
    assert time.monotonic() - begun >= timeout
    assert not future.done()


def test_wait_for_a_done_future_returns_at_once(future: concurrent.futures.Future[str]) -> None:
    """A future that is done already counts as done, also without any time to wait; one that failed as well."""
    future.set_exception(ValueError())
    assert wait(future, 0) is True


def test_wait_ticks_while_it_blocks(future: concurrent.futures.Future[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """While a plain wait blocks, its tick is called again and again, so that a line of progress can move."""
    monkeypatch.setattr("luma_jupyter.engine.loop_thread.TICK", 0.01)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            future.set_result("done")

    assert wait(future, None, tick) is True
    assert len(ticks) == 3


def test_wait_is_ended_by_sigint(future: concurrent.futures.Future[str]) -> None:
    """A SIGINT passes out of a plain wait as KeyboardInterrupt, and leaves the future alone."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process starts without it
    try:
        with pytest.raises(KeyboardInterrupt):
            wait(future, 5, lambda: signal.raise_signal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)
    assert not future.done()


def test_wait_inside_a_foreign_loop_patches_nothing(future: concurrent.futures.Future[str]) -> None:
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
import asyncio, concurrent.futures, gc, os, signal, threading, time
from luma_jupyter.engine.loop_thread import GaveWay, Interrupted, wait

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
    "an error is told once, by who reads the future": """
        future = concurrent.futures.Future()
        counter.then(future.set_exception, ValueError("no key"))
        assert wait(future, 20) is True
        gc.collect()
        assert str(future.exception(0)) == "no key"
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
    "the timeout holds though a task waits longer": """
        async def waits_long():
            try:
                wait(concurrent.futures.Future(), timeout)
            except GaveWay:
                return "gave way"
        for timeout in (None, 20):
            task = asyncio.create_task(waits_long())
            start = time.monotonic()
            assert wait(concurrent.futures.Future(), 0.1) is False
            assert 0.09 < time.monotonic() - start < 2
            assert await task == "gave way"
        assert wait(concurrent.futures.Future(), 0.01) is False  # nothing of those is left
    """,
    "a shorter wait within a longer one ends with its own timeout": """
        outer = concurrent.futures.Future()
        async def waits_briefly():
            assert wait(concurrent.futures.Future(), 0.01) is False
            outer.set_result(None)
        task = asyncio.create_task(waits_briefly())
        assert wait(outer, 20) is True
        await task
    """,
    "an await goes on though a task waits": """
        long, short = concurrent.futures.Future(), concurrent.futures.Future()
        async def waits_long():
            assert wait(long, 20) is True
        task = asyncio.create_task(waits_long())
        counter.then(short.set_result, "short")
        assert await asyncio.wrap_future(short) == "short"
        start = time.monotonic()
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.05)
        except TimeoutError:
            assert time.monotonic() - start < 2
        long.set_result(None)
        await task
    """,
}


_PLACES = [
    (story, where) for story in NESTED for where in ("main", "other") if where == "main" or "SIGINT" not in story
]


@pytest.mark.parametrize(("story", "where"), _PLACES)
def test_wait_inside_a_running_loop_keeps_its_tasks_alive(python: Python, story: str, where: str) -> None:
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


def test_run_is_dropped_when_it_is_interrupted(loop_thread: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that is interrupted is dropped, and says in one line that nothing else was sent."""
    asked: list[asyncio.Task[Any]] = []

    async def question() -> None:
        asked.append(asyncio.current_task())
        await asyncio.Event().wait()

    def interrupted(future: Any, timeout: float | None) -> bool:
        until(lambda: asked)
        raise KeyboardInterrupt

    monkeypatch.setattr("luma_jupyter.engine.loop_thread.wait", interrupted)
    with pytest.raises(WaitInterrupted, match="nothing was sent but a question"):
        loop_thread.run(question())
    concurrent.futures.wait([asyncio.run_coroutine_threadsafe(asyncio.wait(asked), loop_thread.loop)], 5)
    assert asked[0].cancelled()


def test_run_is_dropped_when_another_wait_is_due(loop_thread: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that holds up a wait which is due is given up, in one line; nothing goes on in its name."""
    started: list[concurrent.futures.Future[Any]] = []

    def give_way(future: concurrent.futures.Future[Any], timeout: float | None) -> bool:
        started.append(future)
        raise GaveWay

    monkeypatch.setattr("luma_jupyter.engine.loop_thread.wait", give_way)
    with pytest.raises(WaitTimeout, match="nothing was sent but a question"):
        loop_thread.run(asyncio.sleep(60))
    assert started[0].cancelled()


def test_loop_thread_knows_whether_it_is_current(loop_thread: LoopThread) -> None:
    """Only what runs on the loop is on it: no other thread, and no other loop."""

    async def asks() -> bool:
        return loop_thread.is_current

    assert loop_thread.run(asks())
    assert not loop_thread.is_current
    assert not asyncio.run(asks())


def test_call_and_wait_runs_on_the_loop_and_returns_when_it_has(loop_thread: LoopThread) -> None:
    """From another thread, the function runs on the loop's, and the caller goes on after it."""
    ran: list[str] = []

    def slowly() -> None:
        time.sleep(0.05)
        ran.append(threading.current_thread().name)

    loop_thread.call_and_wait(slowly, 5)
    assert ran == ["luma_jupyter"]


def test_call_and_wait_on_the_loop_itself_calls_at_once(loop_thread: LoopThread) -> None:
    """From the loop, the function is called as it is: the loop does not wait for itself."""
    ran: list[str] = []

    async def asks() -> list[str]:
        loop_thread.call_and_wait(lambda: ran.append(threading.current_thread().name), 60)
        return [*ran]

    begun = time.monotonic()
    assert loop_thread.run(asks()) == ["luma_jupyter"]
    assert time.monotonic() - begun < 30


def test_call_and_wait_returns_after_its_timeout(loop_thread: LoopThread) -> None:
    """Where the loop is busy, the caller goes on all the same, and the function runs later."""
    busy, over = threading.Event(), threading.Event()
    loop_thread.call_soon(lambda: busy.wait(20))
    begun = time.monotonic()
    loop_thread.call_and_wait(over.set, 0.05)
    assert 0.05 <= time.monotonic() - begun < 10
    assert not over.is_set()
    busy.set()
    assert over.wait(5)


def test_call_and_wait_for_what_fails_returns(loop_thread: LoopThread) -> None:
    """A function that raises does so on the loop, which reports it; the caller does not wait in vain."""
    reported: list[Any] = []
    loop_thread.loop.set_exception_handler(lambda loop, context: reported.append(context["exception"]))
    begun = time.monotonic()
    loop_thread.call_and_wait(lambda: {}["missing"], 60)
    loop_thread.call_and_wait(lambda: None, 60)
    assert time.monotonic() - begun < 30
    assert [type(error) for error in reported] == [KeyError]


SILENT_INTERRUPT = """
import _thread, asyncio, concurrent.futures, threading
from luma_jupyter.engine.loop_thread import Interrupted, wait
async def main():
    threading.Timer(0.1, _thread.interrupt_main).start()
    try:
        wait(concurrent.futures.Future(), None)  # without end
    except Interrupted:
        print("interrupted", end="")
asyncio.run(main())
"""


def test_wait_inside_a_running_loop_hears_of_an_interrupt_that_wakes_nothing(python: Python) -> None:
    """In Windows, kernels are interrupted without any signal to the process: an idle loop would sleep on."""
    result = python(SILENT_INTERRUPT)
    assert (result.stdout, result.stderr, result.returncode) == ("interrupted", "", 0)


def test_wait_for_all_hears_of_an_interrupt_that_wakes_nothing(python: Python) -> None:
    """Nor does a thread in Windows that waits for a lock."""
    script = """
    import _thread, concurrent.futures, signal, threading, time
    from luma_jupyter.engine.loop_thread import wait_for_all
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
    done, never = concurrent.futures.Future(), concurrent.futures.Future()
    done.set_result(None)
    wait_for_all([done, never], 0.01)
    threading.Timer(0.1, _thread.interrupt_main).start()
    start = time.monotonic()
    try:
        wait_for_all([done, never], 20)
    except KeyboardInterrupt:
        print("interrupted" if time.monotonic() - start < 10 else "too late", end="")
    """
    result = python(script)
    assert (result.stdout, result.stderr, result.returncode) == ("interrupted", "", 0)


STILL_WORKS = """
import asyncio, contextlib, threading
from luma_jupyter.engine import loop_thread
from luma_jupyter.errors import WaitTimeout
from tests.support.interrupts import any_moment

loop_thread.TICK = 0.002

def still_works(thread):
    answers = []
    def ask():
        answers.append(thread.submit(asyncio.sleep(0, "answer")).result(5))
        thread.close()
    other = threading.Thread(target=ask, daemon=True)
    other.start()
    other.join(5)
    return answers == ["answer"]
"""
ANY_MOMENT = f"""{STILL_WORKS}
def use(thread):
    thread.call_and_wait(int, 5)
    loop_thread.wait(thread.submit(asyncio.sleep(0.003)), None)
    thread.close()

def plainly(interrupted, thread):
    interrupted(use, thread)

def nested(interrupted, thread):
    async def main():
        interrupted(use, thread)
    with contextlib.closing(asyncio.new_event_loop()) as loop:  # asyncio.run handles SIGINT in a way of its own
        loop.run_until_complete(main())

for interrupted in any_moment(stride=STRIDE, last=8000, raised=loop_thread.Interrupted):
    thread = loop_thread.LoopThread()
    WHERE(interrupted, thread)
    assert still_works(thread), f"stuck after an interrupt at {{interrupted}}"
"""


@pytest.mark.parametrize(("where", "stride"), [("plainly", "17"), ("nested", "19")])
def test_interrupt_at_any_moment_leaves_the_loop_thread_in_order(python: Python, where: str, stride: str) -> None:
    """Wherever in a call, a wait or an end SIGINT comes, it leaves no lock behind on which the thread stands still."""
    result = python(ANY_MOMENT.replace("WHERE", where).replace("STRIDE", stride))
    assert result.returncode == 0, result.stderr


INTERRUPTED_FIRST_WAIT = """
import asyncio, concurrent.futures, contextlib, nest_asyncio2, signal

from luma_jupyter.engine import loop_thread

applied, whole = [], nest_asyncio2.apply

def apply(loop):
    signal.raise_signal(signal.SIGINT)
    applied.append(whole(loop))

async def main():
    loop_thread.wait(concurrent.futures.Future(), 20)

nest_asyncio2.apply = apply
signal.signal(signal.SIGINT, signal.default_int_handler)
with contextlib.closing(asyncio.new_event_loop()) as loop:
    try:
        loop.run_until_complete(main())
    except KeyboardInterrupt:
        print(len(applied), end="")
"""


def test_interrupt_while_a_loop_is_made_ready_leaves_nothing_half_done(python: Python) -> None:
    """What nests loops patches asyncio, once for a process: SIGINT waits until that is over."""
    assert python(INTERRUPTED_FIRST_WAIT).stdout == "1"


DROPPED_AT_ANY_MOMENT = f"""{STILL_WORKS}
def give_way(future, timeout):
    raise loop_thread.GaveWay

loop_thread.wait = give_way
for interrupted in any_moment(stride=1, raised=WaitTimeout):
    thread = loop_thread.LoopThread()
    thread.call_and_wait(int, 5)
    interrupted(thread.run, asyncio.sleep(1))
    assert still_works(thread), f"stuck after an interrupt at {{interrupted}}"
"""


def test_interrupt_at_any_moment_of_a_question_that_is_dropped_leaves_the_loop_thread_in_order(python: Python) -> None:
    """Wherever SIGINT comes while a question is given up, it leaves no lock behind on which the thread stands still."""
    result = python(DROPPED_AT_ANY_MOMENT)
    assert result.returncode == 0, result.stderr
