"""Several clips at once: a list, waited for together, shown as one live table; tested by its model, no browser."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from luma_jupyter.errors import ClipFailed
from luma_jupyter.notebook import showing
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.orders import generate
from luma_jupyter.notebook.page import NOTHING, WIDGET_VIEW
from luma_jupyter.notebook.session import clips
from tests.notebook.conftest import FakeService, Shell, reach


class Sent:
    """The custom messages that a model sends."""

    def __init__(self, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[dict[str, Any]] = []
        monkeypatch.setattr(
            type(model), "send", lambda _, content: self.messages.append(json.loads(json.dumps(content)))
        )


def drawn(notebook: Shell, many: Clips) -> Any:
    """The table's card, once all its news has been drawn."""
    bridge = showing.painter().bridge
    bridge.start(asyncio.sleep(5)).result(10)
    assert many._card
    return many._card


def table_of(notebook: Shell, count: int) -> Clips:
    """A table of clips, shown in a cell while their tasks run."""
    notebook.user_ns["many"] = many = Clips(generate(f"Clip {number}", timeout=1e9) for number in range(count))
    for clip in many:
        reach(clip, "running")
    notebook.run("many")
    return many


def test_many_clips_are_one_widget(notebook: Shell, service: FakeService) -> None:
    """However many clips there are, the table is one model; at the end it is plain HTML."""
    service.running = True
    many = table_of(notebook, 30)
    waiting, live = notebook.displays.latest()
    assert "30 clips" in waiting["text/html"]
    model = drawn(notebook, many).model
    assert live[WIDGET_VIEW]["model_id"] == model.model_id
    assert len(model.rows) == 30
    assert {row[3] for row in model.rows} == {True}
    assert set(model.curves) == {"acedata generate"}
    service.running = False
    many.wait()
    drawn(notebook, many)
    final, nothing = notebook.displays.latest()
    assert "30 clips: 30 completed" in final["text/html"]
    assert final["text/html"].count("<tr>") == 30 + 1
    assert nothing == NOTHING
    assert model.view == {"key": many._card._key, "final": final["text/html"]}  # type: ignore[union-attr]


def test_only_changed_rows_are_sent(notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message has the rows whose words changed and nothing of the others; no change, no message."""
    service.running = True
    many = table_of(notebook, 8)
    card = drawn(notebook, many)
    sent = Sent(card.model, monkeypatch)
    assert card.draw() == 0
    many[3].stop()
    many[3]._handle.done.result(10)
    drawn(notebook, many)
    (message,) = sent.messages
    assert [index for index, _ in message["rows"]] == [3]
    assert "not followed any more" in message["rows"][0][1][2]
    assert message["view"]["words"] == "8 clips: 7 running, 1 not followed any more"
    assert message["view"]["version"] == card.model.view["version"]
    assert card.model.rows[3] == message["rows"][0][1]


def test_a_page_that_opens_late_gets_all(
    notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that knows the table as it was asks for it whole; one that knows it as it is gets nothing."""
    service.running = True
    many = table_of(notebook, 4)
    card = drawn(notebook, many)
    sent = Sent(card.model, monkeypatch)
    known = card.model.view["version"]
    many[0].stop()
    many[0]._handle.done.result(10)
    drawn(notebook, many)
    before = len(sent.messages)
    card.model._handle_custom_msg({"do": "look", "version": card.model.view["version"]}, [])
    assert len(sent.messages) == before
    card.model._handle_custom_msg({"do": "look", "version": known}, [])
    assert [index for index, _ in sent.messages[-1]["rows"]] == [0, 1, 2, 3]


def test_the_button_stops_all(notebook: Shell, service: FakeService) -> None:
    """The table's button stops following every clip of it."""
    service.running = True
    many = table_of(notebook, 3)
    drawn(notebook, many).model._handle_custom_msg({"do": "stop"}, [])
    for clip in many:
        clip._handle.done.result(10)
    assert {clip.status for clip in many} == {"detached"}
    drawn(notebook, many)
    assert "3 clips: 3 not followed any more" in notebook.displays.latest()[0]["text/html"]


def test_it_is_a_list(notebook: Shell) -> None:
    """Clips behave as a list of clips; a slice of them is shown as a table too."""
    many = Clips(generate(f"Clip {number}") for number in range(3)).wait()
    assert isinstance(many, list)
    assert type(many[0:2]) is Clips
    assert [clip.prompt for clip in many[0:2]] == ["Clip 0", "Clip 1"]
    assert many[-1].prompt == "Clip 2"
    assert "PROMPT" in repr(many)
    assert repr(Clips()) == "No clips."
    assert isinstance(clips(), Clips)


def test_a_grown_list_is_a_new_table(notebook: Shell) -> None:
    """When clips were added to the list, showing it shows them too; shown again unchanged, it is the same card."""
    many = Clips([generate("One").wait()])
    notebook.user_ns["many"] = many
    notebook.run("many")
    first = many._card
    notebook.run("many")
    assert many._card is first
    many.append(generate("Two").wait())
    notebook.run("many")
    assert "2 clips: 2 completed" in notebook.displays.latest()[-1]["text/html"]


def test_all_are_waited_for_before_the_first_error(notebook: Shell) -> None:
    """A clip that failed does not keep the others from being waited for; of several, the error says whose it is."""
    many = Clips(generate(prompt) for prompt in ("A [fail] one", "A good one", "Another [fail]"))
    notebook.user_ns["many"] = many
    with pytest.raises(ClipFailed, match=r"^many\[0\] \(“A \[fail\] one”\): .*no luck"):
        many.wait()
    with pytest.raises(ClipFailed, match=r"^AceDataCloud .*no luck"):
        many[:1].wait()
    assert many[0].error
    assert not str(many[0].error).startswith("many")
    assert [clip.status for clip in many] == ["failed", "completed", "failed"]


def test_all_are_stopped(notebook: Shell, service: FakeService) -> None:
    """Stopping the list stops each of its clips."""
    service.running = True
    many = Clips(generate(f"Clip {number}", timeout=1e9) for number in range(3))
    for clip in many:
        reach(clip, "running")
    many.stop()
    assert [clip._handle.done.result(10).status for clip in many] == ["detached"] * 3


def test_a_terminal_gets_text(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a kernel the table is printed, and so is that there is nothing."""
    terminal.user_ns["many"] = Clips([generate("One").wait()])
    terminal.run("many")
    terminal.run("many[:0]")
    printed = capsys.readouterr().out
    assert "PROMPT" in printed
    assert "No clips." in printed
    assert terminal.displays.latest() == []


def test_resuming_many_shows_one_table(notebook: Shell, service: FakeService) -> None:
    """What an earlier kernel left is shown as cards while they are few, and as one table when they are many."""
    service.running = True
    for number in range(showing.MOST_CARDS + 1):
        reach(generate(f"Clip {number}", timeout=1e9), "running")
    notebook.restart()
    notebook.run("%luma resume")
    assert [list(output) for output in notebook.displays.latest()] == [
        ["text/html", "text/plain"],
        [WIDGET_VIEW, *NOTHING],
    ]
    assert f"{showing.MOST_CARDS + 1} clips" in notebook.displays.latest()[0]["text/html"]
