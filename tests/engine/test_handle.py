"""A handle: one task as others see it, and who listens to it."""

from __future__ import annotations

from typing import Any

import pytest

from luma_jupyter.domain.duration_model import prior
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task, TaskEvent
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle, Handles
from luma_jupyter.errors import ConfigError
from tests.support.entries import an_entry
from tests.support.world import World, submit

HELLO = GenerateRequest(prompt="hello")


async def test_listener_that_raises_costs_nothing(world: World, caplog: Any) -> None:
    """A card that cannot be drawn costs neither the task nor the other listeners' events; it is logged."""
    handle = submit(world.engine, HELLO)

    def break_down(event: TaskEvent) -> None:
        raise RuntimeError("cannot draw")

    handle.listen(break_down)
    handle.listen(world.events[handle].append)
    await world.end(handle)
    assert world.story(handle) == "queued submitting running saving completed"
    assert "cannot draw" in caplog.text


async def test_listeners_hear_of_the_end_first(world: World) -> None:
    """Who waits for `done` finds everything drawn: listeners hear of the end before it resolves."""
    handle = world.generate()
    heard: list[tuple[bool, bool]] = []
    handle.listen(lambda event: heard.append((event.task.status.ended, handle.done.done())))
    await world.end(handle)
    assert heard[-1] == (True, False)
    assert not any(done for _, done in heard)


async def test_handle_of_an_ended_task_never_changes() -> None:
    """A handle of an ended task is done from the start and never changes again."""
    task = Task(intent="k", request=HELLO, provider="demo", status=Status.COMPLETED, created_at=1.0, filename="k.mp4")
    handle = Handle(task)
    heard: list[TaskEvent] = []
    handle.listen(heard.append)
    handle.stop()
    await handle.emit(status=Status.FAILED)
    assert handle.done.result(0) is handle.task is task
    assert heard == []


async def test_task_that_was_accepted_keeps_its_id_though_nothing_can_be_expected_of_it() -> None:
    """What goes wrong once a task's id is written down does not take that away: it is what was paid for."""
    task = Task(intent="k", request=HELLO, provider="acedata", status=Status.QUEUED, created_at=1.0, filename="k.mp4")
    written: list[Task] = []
    handle = Handle(task, save=written.append, expect=[prior("acedata")].pop)
    with pytest.raises(IndexError):  # there is no second model
        await handle.emit(status=Status.RUNNING, task_id="task-1")
    await handle.emit(status=Status.DETACHED)
    assert [one.task_id for one in written] == ["task-1", "task-1"]


async def test_task_that_the_journal_lost_is_written_again_as_it_is() -> None:
    """What is written again is the newest snapshot, also where that one could not be written at its time."""
    task = Task(intent="k", request=HELLO, provider="acedata", status=Status.QUEUED, created_at=1.0, filename="k.mp4")
    written: list[Task] = []
    full = False

    def save(task: Task) -> None:
        if full:
            raise ConfigError("The disk is full.")
        written.append(task)

    handle = Handle(task, save=save)
    handle.write_again()
    full = True
    await handle.emit(status=Status.RUNNING, task_id="t")
    assert handle.task.problem == "The disk is full."
    full = False
    handle.write_again()
    assert [(task.status, task.task_id) for task in written] == [(Status.QUEUED, None), (Status.RUNNING, "t")]


def test_handles_are_found_by_what_was_asked_for() -> None:
    """Equal requests are found at once; a handle that takes another's place in its stead, one that goes no more."""
    task = an_entry(Status.RUNNING, fingerprint="fox").task
    first, second, other = Handle(task), Handle(task), Handle(task.evolve(intent="2" * 32))
    handles = Handles()
    handles[task.intent] = first
    handles["2" * 32] = other
    handles[task.intent] = second
    assert handles.equal("fox") == list(handles.values()) == [second, other]
    del handles[task.intent]
    assert (handles.equal("fox"), handles.equal("mill")) == ([other], [])
    handles.clear()
    assert (handles.equal("fox"), len(handles)) == ([], 0)
