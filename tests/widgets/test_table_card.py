"""Several clips shown as one live table, by its model; no browser."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from luma_jupyter.api.create import generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.display.outputs import NOTHING, WIDGET_VIEW
from luma_jupyter.widgets.presenter import MOST_CARDS
from luma_jupyter.widgets.table_card import TableCard, TableModel
from tests.support.notebook import PromptService, Shell, wait_for_end, wait_for_status


class SentMessages:
    """The custom messages that a model sends."""

    def __init__(self, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[dict[str, Any]] = []
        monkeypatch.setattr(
            type(model), "send", lambda _, content: self.messages.append(json.loads(json.dumps(content)))
        )


def draw_all_news() -> None:
    """Return once all news has been drawn."""
    kernel.session.engine.loop_thread.submit(asyncio.sleep(5)).result(10)


def running_clips(count: int) -> ClipList:
    """So many clips whose tasks run."""
    many = ClipList(generate(f"Clip {number}", timeout=1e9) for number in range(count))
    for clip in many:
        wait_for_status(clip, "running")
    return many


def show_running(notebook: Shell, count: int) -> tuple[ClipList, TableModel]:
    """So many clips whose tasks run, shown in a cell, and the model of their table."""
    notebook.user_ns["many"] = many = running_clips(count)
    notebook.run("many")
    model = notebook.displays.models()[-1]
    model._handle_custom_msg({"do": "here"}, [])
    draw_all_news()
    return many, model


def test_many_clips_are_one_widget(notebook: Shell, service: PromptService) -> None:
    """However many clips there are, the table is one model; at the end it is plain HTML."""
    service.running = True
    many, model = show_running(notebook, 30)
    waiting, live = notebook.displays.latest()
    assert "30 clips" in waiting["text/html"]
    assert live[WIDGET_VIEW]["model_id"] == model.model_id
    assert len(model.rows) == 30
    assert {row[3] for row in model.rows} == {True}
    assert set(model.curves) == {"acedata generate"}
    key = model.view["key"]
    service.running = False
    many.wait()
    draw_all_news()
    final, nothing = notebook.displays.latest()
    assert "30 clips: 30 completed" in final["text/html"]
    assert final["text/html"].count("<tr>") == 30 + 1
    assert nothing == NOTHING
    assert model.view == {"key": key, "final": final["text/html"]}


def test_table_sends_only_changed_rows(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message has the rows whose words changed and nothing of the others; no change, no message."""
    service.running = True
    many = running_clips(8)
    presenter = kernel.presenter
    card = TableCard(many, presenter.updates, presenter.page, presenter.state)
    sent = SentMessages(card.model, monkeypatch)
    counts: list[int] = []
    kernel.session.engine.loop_thread.call_and_wait(lambda: counts.append(card.draw()), 5)
    assert counts == [0]
    many[3].stop()
    many[3].handle.done.result(10)
    draw_all_news()
    (message,) = sent.messages
    assert [index for index, _ in message["rows"]] == [3]
    assert "not followed any more" in message["rows"][0][1][2]
    assert message["view"]["status"] == "8 clips: 7 running, 1 not followed any more"
    assert message["view"]["version"] == card.model.view["version"]
    assert card.model.rows[3] == message["rows"][0][1]


def test_table_sends_all_rows_to_a_page_that_opens_late(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that knows the table as it was asks for it whole; one that knows it as it is gets nothing."""
    service.running = True
    many, model = show_running(notebook, 4)
    sent = SentMessages(model, monkeypatch)
    known = model.view["version"]
    many[0].stop()
    many[0].handle.done.result(10)
    draw_all_news()
    before = len(sent.messages)
    model._handle_custom_msg({"do": "refresh", "version": model.view["version"]}, [])
    assert len(sent.messages) == before
    model._handle_custom_msg({"do": "refresh", "version": known}, [])
    assert [index for index, _ in sent.messages[-1]["rows"]] == [0, 1, 2, 3]


def test_table_button_stops_all(notebook: Shell, service: PromptService) -> None:
    """The table's button stops following every clip of it."""
    service.running = True
    many, model = show_running(notebook, 3)
    model._handle_custom_msg({"do": "stop"}, [])
    for clip in many:
        clip.handle.done.result(10)
    assert {clip.status for clip in many} == {"detached"}
    draw_all_news()
    assert "3 clips: 3 not followed any more" in notebook.displays.latest()[0]["text/html"]


def test_a_list_that_grew_is_a_new_table(notebook: Shell, service: PromptService) -> None:
    """When clips were added to the list, showing it shows them too; shown again unchanged, it is the same card."""
    service.running = True
    many, first = show_running(notebook, 1)
    notebook.run("many")
    assert notebook.displays.models() == [first, first]
    many.append(generate("Two", timeout=1e9))
    notebook.run("many")
    *_, third = notebook.displays.models()
    assert third is not first
    service.running = False
    many.wait()
    draw_all_news()
    finals = [data["text/html"] for data in notebook.displays.latest() if data["text/html"]]
    assert ["1 clip: 1 completed" in html for html in finals] == [True, True, False]
    assert "2 clips: 2 completed" in finals[-1]
    notebook.run("many")
    assert "2 clips: 2 completed" in notebook.displays.latest()[-1]["text/html"]


def test_resuming_many_shows_one_table(notebook: Shell, service: PromptService) -> None:
    """What an earlier kernel left is shown as cards while they are few, and as one table when they are many."""
    service.running = True
    for number in range(MOST_CARDS + 1):
        wait_for_status(generate(f"Clip {number}", timeout=1e9), "running")
    notebook.restart()
    notebook.run("%luma resume")
    assert [list(output) for output in notebook.displays.latest()] == [
        ["text/html", "text/plain"],
        [WIDGET_VIEW, *NOTHING],
    ]
    assert f"{MOST_CARDS + 1} clips" in notebook.displays.latest()[0]["text/html"]


# Tables whose clips are followed again, and those that nobody needs any more.


def finals(notebook: Shell) -> list[str]:
    """The HTML of all tables that are displayed now."""
    return [data["text/html"] for data in notebook.displays.latest() if data["text/html"]]


def test_a_table_of_a_retried_clip_ends_right_beside_the_table_shown_again(
    notebook: Shell, service: PromptService, caplog: pytest.LogCaptureFixture
) -> None:
    """A table whose clip is retried while others run keeps what it shows of it; shown again, it is a new table."""
    service.running = True
    many, first = show_running(notebook, 2)
    before = [clip.handle for clip in many]
    many[1].stop()
    wait_for_end(many[1])
    many[1].retry()
    wait_for_status(many[1], "running")
    notebook.run("many")
    draw_all_news()
    second = notebook.displays.models()[-1]
    assert second is not first
    service.running = False
    many.wait()
    draw_all_news()
    of_the_first, of_the_second = finals(notebook)
    assert "2 clips: 1 completed, 1 not followed any more" in of_the_first
    assert "2 clips: 2 completed" in of_the_second
    assert (first.view["final"], second.view["final"]) == (of_the_first, of_the_second)
    assert [data for data in notebook.displays.latest() if not data["text/html"]] == [NOTHING, NOTHING]
    assert [handle.listeners for handle in {*before, *(clip.handle for clip in many)}] == [0, 0, 0]
    assert caplog.text == ""


def test_a_table_that_has_ended_stays_as_it_is_when_a_clip_is_retried(
    notebook: Shell, service: PromptService, caplog: pytest.LogCaptureFixture
) -> None:
    """All had ended, one is retried, and the list is shown again: the first table is final, the second one ends."""
    service.running = True
    many, _ = show_running(notebook, 2)
    many.stop()
    for clip in many:
        wait_for_end(clip)
    draw_all_news()
    (first,) = finals(notebook)
    assert "2 clips: 2 not followed any more" in first
    many[0].retry()
    wait_for_status(many[0], "running")
    notebook.run("many")
    draw_all_news()
    service.running = False
    many[0].wait()
    draw_all_news()
    assert finals(notebook)[0] == first
    assert "2 clips: 1 completed, 1 not followed any more" in finals(notebook)[1]
    assert caplog.text == ""


def test_showing_clips_many_times_leaves_no_listener(notebook: Shell, service: PromptService) -> None:
    """However often `clips` is shown, its tasks have the listener of one card while they run, and none at the end."""
    service.running = True
    many = running_clips(3)
    for _ in range(20):
        notebook.run("import luma_jupyter as luma\nluma.clips()")
        assert [clip.handle.listeners for clip in many] == [1, 1, 1]
    assert len({model.model_id for model in notebook.displays.models()}) == 1
    service.running = False
    many.wait()
    draw_all_news()
    assert [clip.handle.listeners for clip in many] == [0, 0, 0]
    assert ["3 clips: 3 completed" in html for html in finals(notebook)] == [True] * 20
    notebook.run("luma.clips()")
    assert [clip.handle.listeners for clip in many] == [0, 0, 0]
