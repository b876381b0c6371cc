"""Several clips shown as one live table, by its model; no browser."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from luma_jupyter.api.create import generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.display.outputs import NOTHING, WIDGET_VIEW
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.html import MOST_SAVED, saved_size
from luma_jupyter.widgets import table_card
from luma_jupyter.widgets.presenter import MOST_CARDS
from luma_jupyter.widgets.table_card import FIRST, FIRST_OF_ENDED, MOST_ROWS, MOST_WINDOWS, TableCard, TableModel
from tests.support import settings
from tests.support.long_list import LongList
from tests.support.notebook import PromptService, Shell, wait_for_end, wait_for_status
from tests.support.states import clip_state


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
    assert model.view == {"key": key, "final": final["text/html"], "outcomes": {"completed": 30}}


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
    assert "not watched any more" in message["rows"][0][1][2]
    assert message["view"]["status"] == "8 clips: 7 running, 1 not watched any more"
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
    many[0].handle.clock = lambda: 2e9  # minutes in which nothing was told
    model._handle_custom_msg({"do": "refresh", "version": known}, [])
    assert [index for index, _ in sent.messages[-1]["rows"]] == [0, 1, 2, 3]
    assert sent.messages[-1]["view"]["now"] == 2e9


def test_table_button_stops_all(notebook: Shell, service: PromptService) -> None:
    """The table's button stops following every clip of it."""
    service.running = True
    many, model = show_running(notebook, 3)
    model._handle_custom_msg({"do": "stop"}, [])
    for clip in many:
        clip.handle.done.result(10)
    assert {clip.status for clip in many} == {"detached"}
    draw_all_news()
    assert "3 clips: 3 not watched any more" in notebook.displays.latest()[0]["text/html"]


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


# Tables of more clips than are on the screen.

MANY = 20_000


def show_long(notebook: Shell) -> tuple[LongList, TableModel]:
    """A list that is too long for what is saved, shown in a cell; and the model of its live part."""
    notebook.user_ns["many"] = many = LongList(MANY)
    notebook.run("many")
    model = notebook.displays.models()[-1]
    model._handle_custom_msg({"do": "here"}, [])
    draw_all_news()
    return many, model


def test_a_long_final_table_reads_only_what_is_shown(notebook: Shell) -> None:
    """The first rows are saved, a few more are in the page, and the summary is the list's own."""
    many, model = show_long(notebook)
    plain, live = notebook.displays.latest()
    assert saved_size(plain["text/html"], plain["text/plain"]) <= MOST_SAVED
    assert "20,000 clips: 20,000 completed" in plain["text/html"]
    assert plain["text/html"].count("<tr>") - 1 == len(plain["text/plain"].splitlines()) - 2 >= 50
    assert live[WIDGET_VIEW]["model_id"] == model.model_id
    assert len(model.rows) == FIRST_OF_ENDED
    assert len(json.dumps({"rows": model.rows, "view": model.view})) < 20_000
    assert (model.view["total"], model.view["ended"], model.view["status"]) == (
        MANY,
        MANY,
        "20,000 clips: 20,000 completed",
    )
    assert max(part.stop for part in many.read) == MOST_ROWS


def test_a_page_gets_the_rows_that_it_asks_for_in_one_message(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones too; of what is no part of a list it gets nothing."""
    many, model = show_long(notebook)
    sent = SentMessages(model, monkeypatch)
    many.read.clear()
    model._handle_custom_msg({"do": "rows", "view": "a", "from": MANY - 50, "to": MANY + 40}, [])
    (message,) = sent.messages
    assert [index for index, _ in message["rows"]] == list(range(MANY - 50, MANY))
    assert message["rows"][-1][1][1] == f"Boat {MANY - 1}"
    assert message["asked"] == ["a"]
    assert many.read == [slice(MANY - 50, MANY + 40)]
    for start, stop in ((-5, 5), (5, 5), (0, 501), (0.0, 5), (True, 5), (None, None)):
        model._handle_custom_msg({"do": "rows", "view": "a", "from": start, "to": stop}, [])
    assert len(sent.messages) == 1


def test_a_live_table_sends_changes_of_rows_that_a_page_shows(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all others it tells the sums alone; a page that scrolls on hears of what it shows by then."""
    monkeypatch.setattr(table_card, "FIRST", 2)
    service.running = True
    many, model = show_running(notebook, 8)
    assert len(model.rows) == 2
    sent = SentMessages(model, monkeypatch)

    def stop(index: int) -> dict[str, Any]:
        many[index].stop()
        many[index].handle.done.result(10)
        draw_all_news()
        return sent.messages[-1]

    message = stop(5)
    assert message["rows"] == []
    assert message["view"]["status"] == "8 clips: 7 running, 1 not watched any more"
    assert (message["view"]["ended"], sum(count for *_, count in message["view"]["moving"])) == (1, 7)
    model._handle_custom_msg({"do": "rows", "view": "a", "from": 4, "to": 7}, [])
    assert [(index, row[3]) for index, row in sent.messages[-1]["rows"]] == [(4, True), (5, False), (6, True)]
    assert [index for index, _ in stop(6)["rows"]] == [6]
    assert [index for index, _ in stop(1)["rows"]] == [1]
    model._handle_custom_msg({"do": "rows", "view": "a", "from": 2, "to": 4}, [])
    assert stop(4)["rows"] == []
    assert [index for index, _ in stop(3)["rows"]] == [3]
    assert model.rows[1][2].startswith("not watched")


def test_the_bar_of_all_moves_by_groups(notebook: Shell, service: PromptService) -> None:
    """Of clips that move the page knows which curve, since when and how many: it needs no row for that."""
    service.running = True
    _, model = show_running(notebook, 8)
    assert {name for name, _, _ in model.view["moving"]} == set(model.curves) == {"acedata generate"}
    assert sum(count for *_, count in model.view["moving"]) == 8
    assert all(type(since) is int for _, since, _ in model.view["moving"])


def test_the_windows_of_views_that_are_gone_are_forgotten(notebook: Shell) -> None:
    """However many views ask, the rows of some are remembered."""
    _, model = show_long(notebook)
    for number in range(3 * MOST_WINDOWS):
        model._handle_custom_msg({"do": "rows", "view": f"{number}", "from": 400 + number, "to": 450 + number}, [])
    (card,) = kernel.presenter._ended
    assert isinstance(card, TableCard)
    assert len(card._windows) == MOST_WINDOWS
    assert len(card._sent) <= FIRST_OF_ENDED + 50 + MOST_WINDOWS


def test_a_long_live_table_stays_when_all_have_ended(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is saved has the first rows, and the live part goes on below it; no view says that it is final."""
    monkeypatch.setattr(table_card, "MOST_ROWS", 3)
    service.running = True
    many, model = show_running(notebook, 5)
    service.running = False
    many.wait()
    draw_all_news()
    final, live = notebook.displays.latest()
    assert "5 clips: 5 completed" in final["text/html"]
    assert "and 2 more: run this cell again" in final["text/html"]
    assert "luma-later" in final["text/html"]
    assert live[WIDGET_VIEW]["model_id"] == model.model_id
    assert "final" not in model.view
    assert (model.view["ended"], model.view["stop"]) == (5, "")
    assert [row[2] for row in model.rows] == ["completed"] * 5
    settings.configure(wait=True)
    notebook.displays.outputs.clear()
    notebook.run("many")
    assert len(notebook.displays.latest()) == 1, "nobody is there to scroll"


def test_a_large_batch_is_counted_without_a_look_at_its_clips(notebook: Shell) -> None:
    """Thousands of clips under way: the state of the model stays small, and news of one costs no look at all."""
    handles = [Handle(clip_state(Status.QUEUED).task.evolve(intent=f"{number:032}")) for number in range(5000)]
    many = ClipList(map(kernel.session.clip_for_handle, handles))
    presenter = kernel.presenter
    looked: list[Clip] = []

    def state(clip: Clip, handle: Handle) -> ClipState:
        looked.append(clip)
        return presenter.state(clip, handle)

    card = TableCard(many, presenter.updates, presenter.page, state)
    assert card.model.view["status"] == "5,000 clips: 5,000 queued"
    assert len(looked) == len(card.model.rows) == FIRST
    looked.clear()
    for handle in handles[1000:2000]:
        handle.task = handle.task.evolve(status=Status.RUNNING)
    for index in range(1000, 2000):
        card.updates.run(lambda index=index: card._row_changed(index))
    draw_all_news()
    assert card.model.view["status"] == "5,000 clips: 1,000 running, 4,000 queued"
    assert looked == []
    card.release()


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
    assert "2 clips: 1 completed, 1 not watched any more" in of_the_first
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
    assert "2 clips: 2 not watched any more" in first
    many[0].retry()
    wait_for_status(many[0], "running")
    notebook.run("many")
    draw_all_news()
    service.running = False
    many[0].wait()
    draw_all_news()
    assert finals(notebook)[0] == first
    assert "2 clips: 1 completed, 1 not watched any more" in finals(notebook)[1]
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
