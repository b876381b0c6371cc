"""Ctrl-C at the worst moment: nothing is entered into the journal, or what was entered is begun, and known."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.journal import Journal, Lease
from luma_jupyter.engine.task_spec import TaskSpec
from tests.support import settings
from tests.support.fake_service import FakeService
from tests.support.loops import HurriedLoop
from tests.support.waiting import until
from tests.support.world import submit

FOX = GenerateRequest(prompt="A red fox")


class Interrupted(LoopThread):
    """A loop's thread; when ``armed``, Ctrl-C is pressed just before the next function gets onto the loop."""

    armed = False

    def call_soon(self, function: Callable[[], object]) -> None:
        if self.armed:
            self.armed = False
            signal.raise_signal(signal.SIGINT)
        super().call_soon(function)


@pytest.fixture
def loop_thread() -> Iterator[Interrupted]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process starts without it
    loop_thread = Interrupted(HurriedLoop)
    yield loop_thread
    loop_thread.close()
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def engine(keys: None, loop_thread: Interrupted, providers: ProviderPool) -> Engine:
    return Engine(settings.current, loop_thread, providers)


def test_interrupt_before_the_start_of_a_run_loses_no_task(
    engine: Engine, loop_thread: Interrupted, service: FakeService
) -> None:
    """Between the journal's commit and the start: KeyboardInterrupt is raised, and the task runs to its end."""
    service.seconds = 1e9
    loop_thread.armed = True
    with pytest.raises(KeyboardInterrupt):
        submit(engine, FOX)
    (handle,) = engine.handles.values()
    service.seconds = 1.0
    assert handle.done.result(10).status is Status.COMPLETED
    assert submit(engine, FOX).task.intent == handle.task.intent
    assert len(service.seen("submit")) == 1


def _interrupt_after(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Press Ctrl-C when the next call of this method of a journal's has done its part."""
    method = getattr(Journal, name)

    def call_and_interrupt(journal: Journal, *arguments: Any) -> Lease:
        monkeypatch.setattr(Journal, name, method)
        lease: Lease = method(journal, *arguments)
        signal.raise_signal(signal.SIGINT)
        return lease

    monkeypatch.setattr(Journal, name, call_and_interrupt)


def test_interrupt_while_tasks_are_entered_enters_and_sends_none(
    engine: Engine, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the transaction the step is not taken at all: nothing is there, and the next submit goes as the first."""
    plans = [engine.plan(TaskSpec(request=GenerateRequest(prompt=f"A red fox {number}"))) for number in range(3)]
    _interrupt_after(monkeypatch, "add")
    with pytest.raises(KeyboardInterrupt):
        engine.submit_all(plans)
    assert (engine.handles, engine.journal.entries(), service.seen("submit")) == ({}, [], [])
    for handle in engine.submit_all(plans):
        assert handle.done.result(10).status is Status.COMPLETED
    assert len(service.seen("submit")) == 3


def test_interrupt_while_a_task_is_acquired_leaves_it_as_it_was(
    engine: Engine, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that nobody followed is followed by nobody, and can still be taken up again."""
    service.seconds = 1e9
    left = submit(engine, FOX, timeout=1e9)
    until(lambda: left.task.status is Status.RUNNING)
    left.stop()
    assert left.done.result(10).status is Status.DETACHED
    _interrupt_after(monkeypatch, "acquire")
    with pytest.raises(KeyboardInterrupt):
        engine.resume(left.task.intent)
    assert engine.handles == {left.task.intent: left}
    (entry,) = engine.journal.entries()
    assert (entry.task.status, entry.owner) == (Status.DETACHED, None)
    service.seconds = 1.0
    assert engine.resume(left.task.intent).done.result(10).status is Status.COMPLETED


@pytest.mark.parametrize("way", ["resume", "submit"])
def test_interrupt_while_a_task_is_taken_up_again_loses_no_task(
    engine: Engine, loop_thread: Interrupted, service: FakeService, way: str
) -> None:
    """A task that nobody followed is followed from there on, though the cell that asked for it was interrupted."""
    service.seconds = 1e9
    left = submit(engine, FOX, timeout=1e9)
    until(lambda: left.task.status is Status.RUNNING)
    left.stop()
    assert left.done.result(10).status is Status.DETACHED
    loop_thread.armed = True
    with pytest.raises(KeyboardInterrupt):
        _ = engine.resume(left.task.intent) if way == "resume" else submit(engine, FOX)
    (handle,) = engine.handles.values()
    assert handle is not left
    service.seconds = 1.0
    assert handle.done.result(10).status is Status.COMPLETED
    assert len(service.seen("submit")) == 1


def test_interrupt_while_a_task_begins_to_be_watched_leaves_it_watched(
    engine: Engine, loop_thread: Interrupted, providers: ProviderPool, service: FakeService
) -> None:
    """A task that another kernel follows is watched to its end, though the cell that asked for it was interrupted."""
    service.seconds = 1e9
    other = Engine(settings.current, loop_thread, providers)
    home = settings.current().home_folder
    other.repository.journals[home] = Journal(home, owner="elsewhere|1|1.0")
    followed = submit(other, FOX, timeout=1e9)
    until(lambda: followed.task.status is Status.RUNNING)
    loop_thread.armed = True
    with pytest.raises(KeyboardInterrupt):
        submit(engine, FOX)
    (watched,) = engine.handles.values()
    assert submit(engine, FOX) is watched
    followed.stop()  # and so the one that watches it follows it further
    service.seconds = 1.0
    assert watched.done.result(10).status is Status.COMPLETED
    assert watched.task.intent == followed.task.intent
    assert len(service.seen("submit")) == 1
