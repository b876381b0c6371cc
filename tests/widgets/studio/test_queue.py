"""The live queue: what is in it, what its buttons do, and that nothing of it stays behind."""

from __future__ import annotations

from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.widgets.studio.queue import Queue
from tests.support import settings
from tests.support.notebook import PromptService, Shell, announce_late, leave_running, wait_for_status


@pytest.fixture
def queue(notebook: Shell) -> Queue:
    """An empty queue."""
    return Queue(kernel.session, kernel.presenter)


def rows(queue: Queue) -> list[tuple[str, str]]:
    """Label and status of each row, once all news are drawn."""
    kernel.presenter.updates.draw_now(queue)
    return [(row[0], row[2]) for row in queue.model.rows]


def actions(queue: Queue) -> dict[str, str]:
    """What the button in each row does."""
    return {str(index): row[-1] for index, row in enumerate(queue.model.rows) if row[-1]}


def press(queue: Queue, act: str, row: object) -> None:
    """Press the button in a row."""
    queue.model._handle_custom_msg({"do": f"{act} one", "row": row}, [])


def test_queue_is_joined_by_a_new_clip(queue: Queue, notebook: Shell, service: PromptService) -> None:
    """From a magic or from Python; it stays when it has ended, and the video of the newest is there."""
    assert (rows(queue), queue.model.view["status"]) == ([], "Nothing is being made.")
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    sunset = notebook.user_ns["sunset"]
    wait_for_status(sunset, "running")
    assert rows(queue) == [("sunset", "running")]
    assert actions(queue) == {"0": "stop"}
    service.gate.set()
    sunset.wait()
    assert rows(queue) == [("sunset", "completed")]
    assert actions(queue) == {}
    assert "<video" in queue.model.result
    assert "A sunset" in queue.model.result


def test_queue_has_clips_that_ended_before_anybody_heard_of_them(
    queue: Queue, notebook: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service may be quicker than a busy kernel; what was there already is played, and joins nothing."""
    announce_late(monkeypatch)
    sunset = luma.generate("A sunset").wait()
    luma.generate("A storm [fail]")
    assert [status.partition(":")[0] for _, status in rows(queue)] == ["completed", "failed"]
    kernel.restart()
    again = Queue(kernel.session, kernel.presenter)
    assert luma.generate("A sunset").task.intent == sunset.task.intent
    assert rows(again) == []


def test_queue_resumes_what_an_earlier_kernel_left(notebook: Shell, service: PromptService) -> None:
    """A new queue has it, its button follows it again, and the variable is there again."""
    leave_running(notebook, service, "%%luma -o sunset --timeout 1e9\nA sunset")
    queue = Queue(kernel.session, kernel.presenter)
    assert actions(queue) == {"0": "resume"}
    press(queue, "resume", 0)
    sunset = queue.clips[0].wait()
    assert notebook.user_ns["sunset"] is sunset
    assert rows(queue) == [("sunset", "completed")]
    assert len(service.sent) == 1


def test_queue_stops_one_clip_and_resumes_it(queue: Queue, notebook: Shell, service: PromptService) -> None:
    """The button stops that one alone, then offers to resume it, which pays nothing."""
    service.running = True
    for name in ("one", "two"):
        notebook.run(f"%%luma -o {name} --timeout 1e9\nClip {name}")
        wait_for_status(notebook.user_ns[name], "running")
    press(queue, "stop", 1)
    notebook.user_ns["two"].handle.done.result(10)
    kernel.presenter.updates.draw_now(queue)
    assert actions(queue) == {"0": "stop", "1": "resume"}
    service.running = False
    press(queue, "resume", 1)
    notebook.user_ns["two"].wait()
    notebook.user_ns["one"].wait()
    assert [status for _, status in rows(queue)] == ["completed", "completed"]
    assert len(service.sent) == 2


def test_queue_explains_a_resume_that_cannot_be(notebook: Shell, service: PromptService) -> None:
    """Without the key the reason stands below the table, until the next press."""
    leave_running(notebook, service, "%%luma -o sunset --timeout 1e9\nA sunset")
    queue = Queue(kernel.session, kernel.presenter)
    settings.configure(acedata_token=None)
    press(queue, "resume", 0)
    assert queue.model.trouble.startswith("sunset: ")
    assert "ACEDATACLOUD_API_TOKEN" in queue.model.trouble
    press(queue, "stop", 0)
    assert queue.model.trouble == ""


@pytest.mark.parametrize("row", [5, -1, "0", None, 0.0])
def test_queue_ignores_a_row_that_there_is_not(
    queue: Queue, notebook: Shell, service: PromptService, row: object
) -> None:
    """A page may say anything."""
    service.gate.clear()
    clip = luma.generate("A boat")
    press(queue, "stop", row)
    service.gate.set()
    assert clip.wait().status == "completed"


def test_two_queues_show_the_same(queue: Queue, notebook: Shell, service: PromptService) -> None:
    """What one stops, the other one shows as stopped; closing one leaves the other one alive."""
    other = Queue(kernel.session, kernel.presenter)
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    wait_for_status(notebook.user_ns["sunset"], "running")
    press(queue, "stop", 0)
    notebook.user_ns["sunset"].handle.done.result(10)
    assert rows(other) == rows(queue)
    queue.close()
    service.running = False
    notebook.run("%%luma -o boat\nA boat")
    notebook.user_ns["boat"].wait()
    assert rows(other)[1] == ("boat", "completed")


def test_queue_leaves_nothing_behind_when_closed(notebook: Shell, service: PromptService) -> None:
    """No listener at a task, nobody who waits for new clips, no comm."""
    service.gate.clear()
    clip = luma.generate("A boat")
    before = clip.handle.listeners
    queue = Queue(kernel.session, kernel.presenter)
    models: list[Any] = [queue.model, queue.model.layout]
    assert clip.handle.listeners == before + 1
    queue.close()
    assert clip.handle.listeners == before
    luma.generate("A mill")
    assert queue.clips == [clip], "it hears of no new clip"
    assert [model.comm for model in models] == [None, None]
    service.gate.set()
    clip.wait()


def test_queue_has_one_row_and_listener_for_a_clip_followed_again(
    queue: Queue, notebook: Shell, service: PromptService
) -> None:
    """A clip that is followed again has the one row that it had, and one listener."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    sunset = notebook.user_ns["sunset"]
    for _ in range(3):
        wait_for_status(sunset, "running")
        press(queue, "stop", 0)
        sunset.handle.done.result(10)
        press(queue, "resume", 0)
    assert len(rows(queue)) == 1
    assert sunset.handle.listeners == 1
    service.running = False
    sunset.wait()
