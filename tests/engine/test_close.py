"""The engine closes what it opened, and lets go of what it follows."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from tests.support import settings
from tests.support.fake_service import FakeService
from tests.support.world import submit

FOX = GenerateRequest(prompt="A red fox")


@pytest.fixture
def engine(keys: None, loop_thread: LoopThread, providers: ProviderPool) -> Engine:
    """An engine on a thread of its own."""
    return Engine(settings.current, loop_thread, providers, jitter=lambda: 0.0)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """The connections to SQLite files, as they are opened."""
    opened: list[sqlite3.Connection] = []
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def note(*args: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", note)
    return opened


def running(engine: Engine) -> Handle:
    """A task that is running and does not end."""
    handle = submit(engine, FOX, timeout=1e9)
    reached = threading.Event()
    handle.listen(lambda event: reached.set() if event.task.status is Status.RUNNING else None)
    assert handle.task.status is Status.RUNNING or reached.wait(10)
    return handle


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def test_close_closes_journals_connections_thread_and_demo(
    engine: Engine, service: FakeService, connections: list[sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journals of all homes, the HTTP client, the thread and the demo service, with a task under way too."""
    service.seconds = 1e9
    closed: list[str] = []
    monkeypatch.setattr(engine.providers, "_demo", SimpleNamespace(url="", close=lambda: closed.append("demo")))
    running(engine)
    http, loop = engine.providers.http, engine.loop_thread.loop
    client = http.connections.kept
    settings.configure(home="another-home")
    assert list(engine.repository.history()) == []
    assert sum(map(is_open, connections)) == 2
    engine.close()
    assert not any(map(is_open, connections))
    assert client.is_closed
    assert loop.is_closed()
    assert closed == ["demo"]
    assert engine.providers.http is not http


def test_closed_engine_has_let_go_of_its_tasks(engine: Engine, service: FakeService) -> None:
    """Nothing is written down at the end: the journal has the task as it stood, for the next kernel to follow."""
    service.seconds = 1e9
    handle = running(engine)
    heard: list[Status] = []
    handle.listen(lambda event: heard.append(event.task.status))
    engine.close()
    assert heard == []
    entry = engine.journal.find(handle.task.intent)
    assert entry
    assert entry.task.status is Status.RUNNING


def test_closed_engine_can_be_used_again(engine: Engine, service: FakeService) -> None:
    """What is asked of it later opens anew what it needs."""
    engine.close()
    assert submit(engine, FOX).done.result(10).status is Status.COMPLETED
    engine.close()
    assert submit(engine, FOX).reused
    assert submit(engine, FOX, again=True).done.result(10).status is Status.COMPLETED


def test_close_waits_for_the_folder_that_is_being_listed(
    engine: Engine, service: FakeService, connections: list[sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look through the folder after the last run has ended opens nothing once all is closed."""
    settle, close = engine.repository.media.settle, engine.loop_thread.close
    begun, closing, listed = (threading.Event() for _ in range(3))

    def settle_late() -> None:
        begun.set()
        closing.wait(10)
        time.sleep(0.1)
        settle()
        listed.set()

    def close_loop(*arguments: Any) -> None:
        closing.set()
        close(*arguments)

    monkeypatch.setattr(engine.repository.media, "settle", settle_late)
    monkeypatch.setattr(engine.loop_thread, "close", close_loop)
    submit(engine, FOX).done.result(10)
    assert begun.wait(10)
    engine.close()
    assert listed.is_set()
    assert not any(is_open(connection) for connection in connections)
