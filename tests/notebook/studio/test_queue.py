"""The live queue: what is in it, what its buttons do, and that nothing of it stays behind."""

from __future__ import annotations

from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter import settings
from luma_jupyter.notebook import clip as clips_module
from luma_jupyter.notebook import showing
from luma_jupyter.notebook.studio.queue import Queue
from tests.notebook.conftest import FakeService, Shell, reach


@pytest.fixture
def queue(notebook: Shell) -> Queue:
    """An empty queue."""
    return Queue(showing.painter())


def rows(queue: Queue) -> list[tuple[str, str]]:
    """Label and status of each row, once all news are drawn."""
    queue.tell()
    return [(row[0], row[2]) for row in queue.model.rows]


def acts(queue: Queue) -> dict[str, str]:
    """What the button in each row does."""
    found: dict[str, str] = queue.model.view["acts"]
    return found


def press(queue: Queue, act: str, row: object) -> None:
    """Press the button in a row."""
    queue._asked(queue.model, {"do": f"{act} one", "row": row}, [])


def test_a_new_clip_joins_by_itself(queue: Queue, notebook: Shell, service: FakeService) -> None:
    """From a magic or from Python; it stays when it has ended, and the video of the newest is there."""
    assert (rows(queue), queue.model.view["words"]) == ([], "Nothing is under way.")
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    sunset = notebook.user_ns["sunset"]
    reach(sunset, "running")
    assert rows(queue) == [("sunset", "running")]
    assert acts(queue) == {"0": "stop"}
    service.gate.set()
    sunset.wait()
    assert rows(queue) == [("sunset", "completed")]
    assert acts(queue) == {}
    assert "<video" in queue.model.result
    assert "A sunset" in queue.model.result


def test_what_an_earlier_kernel_left_can_be_resumed(notebook: Shell, service: FakeService) -> None:
    """A new queue has it, its button follows it again, and the variable is there again."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    reach(notebook.user_ns["sunset"], "running")
    notebook.restart()
    queue = Queue(showing.painter())
    assert acts(queue) == {"0": "resume"}
    service.running = False
    press(queue, "resume", 0)
    sunset = queue.clips[0].wait()
    assert notebook.user_ns["sunset"] is sunset
    assert rows(queue) == [("sunset", "completed")]
    assert len(service.sent) == 1


def test_one_can_be_stopped_and_followed_again(queue: Queue, notebook: Shell, service: FakeService) -> None:
    """The button stops that one alone, then offers to resume it, which pays nothing."""
    service.running = True
    for name in ("one", "two"):
        notebook.run(f"%%luma -o {name} --timeout 1e9\nClip {name}")
        reach(notebook.user_ns[name], "running")
    press(queue, "stop", 1)
    notebook.user_ns["two"]._handle.done.result(10)
    queue.tell()
    assert acts(queue) == {"0": "stop", "1": "resume"}
    service.running = False
    press(queue, "resume", 1)
    notebook.user_ns["two"].wait()
    notebook.user_ns["one"].wait()
    assert [status for _, status in rows(queue)] == ["completed", "completed"]
    assert len(service.sent) == 2


def test_a_resume_that_cannot_be_is_explained(notebook: Shell, service: FakeService) -> None:
    """Without the key the reason stands below the table, until the next press."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    reach(notebook.user_ns["sunset"], "running")
    notebook.restart()
    queue = Queue(showing.painter())
    settings.configure(acedata_token=None)
    press(queue, "resume", 0)
    assert queue.model.trouble.startswith("sunset: ")
    assert "ACEDATACLOUD_API_TOKEN" in queue.model.trouble
    press(queue, "stop", 0)
    assert queue.model.trouble == ""


@pytest.mark.parametrize("row", [5, -1, "0", None, 0.0])
def test_a_row_that_is_none_does_nothing(queue: Queue, notebook: Shell, service: FakeService, row: object) -> None:
    """A page may say anything."""
    service.gate.clear()
    clip = luma.generate("A boat")
    press(queue, "stop", row)
    service.gate.set()
    assert clip.wait().status == "completed"


def test_two_queues_show_the_same(queue: Queue, notebook: Shell, service: FakeService) -> None:
    """What one stops, the other one shows as stopped; closing one leaves the other one alive."""
    other = Queue(showing.painter())
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    reach(notebook.user_ns["sunset"], "running")
    press(queue, "stop", 0)
    notebook.user_ns["sunset"]._handle.done.result(10)
    assert rows(other) == rows(queue)
    queue.close()
    service.running = False
    notebook.run("%%luma -o boat\nA boat")
    notebook.user_ns["boat"].wait()
    assert rows(other)[1] == ("boat", "completed")


def test_a_closed_queue_leaves_nothing_behind(notebook: Shell, service: FakeService) -> None:
    """No listener at a task, nobody who waits for new clips, no comm."""
    service.gate.clear()
    clip = luma.generate("A boat")

    def observers() -> tuple[int, int]:
        return len(clip._handle._listeners), len(clips_module._watchers)

    before = observers()
    queue = Queue(showing.painter())
    models: list[Any] = [queue.model, queue.model.layout]
    assert observers() == (before[0] + 1, before[1] + 1)
    queue.close()
    assert observers() == before
    assert [model.comm for model in models] == [None, None]
    service.gate.set()
    clip.wait()


def test_a_thousand_updates_are_not_a_thousand_rows(queue: Queue, notebook: Shell, service: FakeService) -> None:
    """A clip that is followed again has the one row that it had, and one listener."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    sunset = notebook.user_ns["sunset"]
    for _ in range(3):
        reach(sunset, "running")
        press(queue, "stop", 0)
        sunset._handle.done.result(10)
        press(queue, "resume", 0)
    assert len(rows(queue)) == 1
    assert len(sunset._handle._listeners) == 1
    service.running = False
    sunset.wait()
