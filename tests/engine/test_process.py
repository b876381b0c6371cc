"""The end of the interpreter, and forks, while tasks are under way; and an engine with a real thread of its own."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest
from luma_jupyter.domain.task import TaskEvent
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.loop_thread import LoopThread, wait
from luma_jupyter.engine.provider_pool import ProviderPool
from tests.support import settings
from tests.support.fake_service import FakeService, reply
from tests.support.world import submit

pytestmark = pytest.mark.slow

Python = Callable[..., subprocess.CompletedProcess[str]]
STRICT = ("-X", "dev", "-W", "error")


@pytest.fixture
def engine(keys: None, loop_thread: LoopThread, providers: ProviderPool) -> Engine:
    """An engine on a thread of its own."""
    return Engine(settings.current, loop_thread, providers)


def test_engine_runs_tasks_on_a_thread_of_its_own(engine: Engine, service: FakeService) -> None:
    """Submitting returns at once; the rest happens on the engine's thread, in order, while this one waits."""
    listening = threading.Event()

    async def when_listening(request: httpx.Request) -> httpx.Response:
        while not listening.is_set():
            await asyncio.sleep(1)
        return service.honest("submit", request)

    service.seconds = 2
    service.script("submit", when_listening)
    handle = submit(engine, GenerateRequest(prompt="A red fox"), timeout=1e9)
    events: list[tuple[TaskEvent, str]] = []
    handle.listen(lambda event: events.append((event, threading.current_thread().name)))
    longer = submit(engine, ExtendRequest(prompt="It runs"), after=handle, timeout=1e9)
    assert longer.task.status is Status.QUEUED
    listening.set()
    assert wait(longer.done, 10)
    assert handle.task.status is longer.task.status is Status.COMPLETED
    words = [event.task.status.value for event, _ in events]
    assert list(dict.fromkeys(words))[-3:] == ["running", "saving", "completed"]
    assert {thread for _, thread in events} == {"luma_jupyter"}
    assert [event.at for event, _ in events] == sorted(event.at for event, _ in events)


def test_stop_reaches_a_task_from_another_thread(engine: Engine, service: FakeService) -> None:
    """A stop reaches a task on the engine's thread from any other."""
    service.seconds = 1e9
    handle = submit(engine, GenerateRequest(prompt="A red fox"), timeout=1e9)
    running = threading.Event()
    handle.listen(lambda event: running.set() if event.task.status is Status.RUNNING else None)
    assert running.wait(5)
    handle.stop()
    assert wait(handle.done, 5)
    assert handle.task.status is Status.DETACHED


def test_submit_from_many_threads_ends_all_tasks(engine: Engine, service: FakeService) -> None:
    """Tasks that are submitted from several threads at once all come to their end."""
    service.script("submit", *[reply(403, {"error": {"code": "used_up", "message": "spent"}})] * 40)
    request = GenerateRequest(prompt="A red fox")
    handles: list[Handle] = []
    threads = [
        threading.Thread(target=lambda: handles.extend(submit(engine, request, again=True) for _ in range(10)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(wait(handle.done, 5) for handle in handles)
    assert len(set(handles)) == len(service.seen("submit")) == 40


def test_submit_of_one_request_from_many_threads_makes_one_task(engine: Engine, service: FakeService) -> None:
    """Threads that ask for the same at the same moment all get the same task, which is sent once."""
    request = GenerateRequest(prompt="A red fox")
    handles: list[Handle] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait(5)
        handles.append(submit(engine, request))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(wait(handle.done, 5) for handle in handles)
    assert len({handle.task.intent for handle in handles}) == len(service.seen("submit")) == 1


START = """
import atexit, httpx, os, sys
from tests.support.fake_service import FakeService
from tests.support.loops import HurriedLoop, QuietLoop
from tests.support.waiting import until
from tests.support.world import submit
from tests.support import settings
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.engine import Engine
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.providers.http.client import HttpClient

def closed_at_exit(engine):  # as a kernel has it
    atexit.register(engine.close)
    return engine

def engine_with(loop_thread, service):
    http = lambda: HttpClient(transport=httpx.MockTransport(service))
    return closed_at_exit(Engine(settings.current, loop_thread, ProviderPool(settings.current, http)))

def real_engine():
    return closed_at_exit(Engine(settings.current, LoopThread(QuietLoop)))

settings.configure(acedata_token="k")
request = GenerateRequest(prompt="A red fox")
"""

EXITS: dict[str, str] = {
    "while running": """
        service = FakeService()
        service.seconds = 1e9
        engine = engine_with(LoopThread(HurriedLoop), service)
        handles = [submit(engine, request, timeout=1e9, again=True) for _ in range(20)]
        until(lambda: handles[-1].task.status is Status.RUNNING and service.seen("look"))
    """,
    "while a connection is refused": """
        settings.configure(acedata_base_url="http://127.0.0.1:1")
        handle = submit(real_engine(), request)
        until(lambda: handle.task.problem)
    """,
    "while a name is looked up": """
        import socket, threading
        looked_up, look_up = threading.Event(), socket.getaddrinfo
        socket.getaddrinfo = lambda *args, **options: looked_up.set() or look_up(*args, **options)
        settings.configure(acedata_base_url="http://localhost:1")
        handle = submit(real_engine(), request)
        assert looked_up.wait(10)
    """,
    "while an answer is awaited": """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        settings.configure(acedata_base_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        handle = submit(real_engine(), request)
        connection, _ = server.accept()
        connection.recv(1)
        connection.close()
        server.close()
    """,
    "at once": """
        nobody = "http://127.0.0.1:1"  # an address: names are not looked up any more once Python begins to end
        settings.configure(acedata_base_url=nobody, acedata_platform_url=nobody)
        submit(real_engine(), request)
    """,
}


@pytest.mark.parametrize("when", EXITS)
def test_interpreter_ends_in_mid_run_without_a_word(python: Python, when: str) -> None:
    """Whatever a task is doing, the interpreter ends at once when its script does, with code 0 and without a word."""
    begun = time.monotonic()
    result = python(f"{START}\n{_dedent(EXITS[when])}\nprint('well', end='')", *STRICT)
    assert (result.stdout, result.stderr, result.returncode) == ("well", "", 0)
    assert time.monotonic() - begun < 15


FORK = """
import warnings
warnings.filterwarnings("ignore", "This process", DeprecationWarning)  # Python 3.12: it has threads, and forks
service = FakeService()
events = []
engine = engine_with(LoopThread(HurriedLoop), service)
before = submit(engine, request)
until(lambda: before.task.status is Status.COMPLETED)
service.seconds = 1e9
handle = submit(engine, request, timeout=1e9, again=True)
handle.listen(lambda event: events.append(event.task.status))
until(lambda: handle.task.status is Status.RUNNING)
Engine(settings.current)  # is gone at once, and not missed
parents_http = engine.providers.http
pid = os.fork()
service.seconds = 3
if pid == 0:
    heard = len(events)
    assert Status.DETACHED not in events
    assert engine.providers.http is not parents_http
    assert before.done.result(0).status is Status.COMPLETED
    ended = handle.done.result(5)
    assert ended.status is Status.DETACHED, ended
    assert "in the process that this one was made from" in str(ended.error)
    assert ended.task_id
    handle.stop()
    sent = len(service.seen("submit"))
    new = submit(engine, request, again=True)
    assert new.done.result(10).status is Status.COMPLETED, new.task
    assert new.task.path.exists()
    assert len(service.seen("submit")) == sent + 1
    assert len(events) == heard
    sys.exit(0)
assert handle.done.result(10).status is Status.COMPLETED
assert Status.DETACHED not in events
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
print("well", end="")
"""


@pytest.mark.parametrize("flags", [(), STRICT], ids=["plain", "strict"])
def test_fork_in_mid_run_detaches_in_the_child_only(python: Python, flags: tuple[str, ...]) -> None:
    """A forked child lets go of its parent's tasks, can make new ones and ends cleanly; the parent notices nothing."""
    result = python(f"{START}\n{FORK}", *flags)
    assert (result.stdout, result.stderr, result.returncode) == ("well", "", 0)


def _dedent(script: str) -> str:
    return "\n".join(line.strip() for line in script.splitlines())
