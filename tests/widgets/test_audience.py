"""What is drawn where somebody sees the live part, and where nobody does: by what is displayed; no browser."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from luma_jupyter.api.create import generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.display import page as page_module
from luma_jupyter.display.outputs import NOTHING
from luma_jupyter.views.table import MOST_WAITING_ROWS
from luma_jupyter.widgets.base import CardModel, Model
from luma_jupyter.widgets.table_card import STEPS
from tests.support.notebook import PromptService, Shell, wait_for_status
from tests.support.waiting import until

MAKING = "the service is making the video (as of "


def draw_all_news() -> None:
    """Return once all news has been drawn."""
    kernel.session.engine.loop_thread.submit(asyncio.sleep(60)).result(10)


def updates(notebook: Shell) -> list[dict[str, Any]]:
    """The data of all updates of displays."""
    return [output["data"] for output in notebook.displays.outputs if output.get("update")]


def show_running(notebook: Shell, service: PromptService) -> Clip:
    """A clip that runs, with its card, which nobody has answered."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    clip: Clip = notebook.user_ns["sunset"]
    wait_for_status(clip, "running")
    return clip


def show_unseen(notebook: Shell, service: PromptService) -> Clip:
    """A clip that runs, with its card, in a page that shows no widgets."""
    clip = show_running(notebook, service)
    until(lambda: kernel.presenter.page.is_silent)
    draw_all_news()
    return clip


def finish(service: PromptService, clip: Clip) -> None:
    """Have a clip completed, and its card drawn."""
    service.running = False
    clip.wait()
    draw_all_news()


def answer(notebook: Shell) -> None:
    """Have the page answer the live part that was drawn last."""
    widget = notebook.displays.models()[-1]
    model, *_ = getattr(widget, "children", [widget])
    model._handle_custom_msg({"do": "here", "page": "JupyterLab"}, [])


def run_seen(notebook: Shell, cell: str) -> None:
    """Run a cell, and have the page answer what it draws before it ends: here the time after that is over at once."""
    notebook.user_ns["answer"] = lambda: answer(notebook)
    notebook.run(f"{cell}\nanswer()")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many messages widgets send, by what they are."""
    sent: Counter[str] = Counter()
    send = Model._send

    def count(model: Model, message: dict[str, Any], buffers: Any = None) -> None:
        sent[message["method"]] += 1
        send(model, message, buffers)

    monkeypatch.setattr(Model, "_send", count)
    return sent


@pytest.fixture
def by_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Jupyter server runs the cells itself."""
    monkeypatch.setattr(page_module, "is_run_by_server", lambda: True)


def test_a_card_that_nobody_sees_is_brought_forward(
    notebook: Shell, service: PromptService, sent: Counter[str]
) -> None:
    """Its plain HTML follows the status, with no more than four messages to its end, and none to the widget."""
    clip = show_unseen(notebook, service)
    assert not notebook.displays.models()[-1].is_wanted()
    assert MAKING in notebook.displays.latest()[0]["text/html"]
    sent.clear()
    finish(service, clip)
    final, nothing = notebook.displays.latest()
    assert "<video" in final["text/html"]
    assert "luma-later" not in final["text/html"]
    assert nothing == NOTHING
    assert len(updates(notebook)) <= 4
    assert updates(notebook)[-2:] == [NOTHING, final]  # a widget that a page cannot show is hidden to its end
    assert sent == {}


def test_a_card_that_somebody_sees_is_updated_at_its_end_alone(notebook: Shell, service: PromptService) -> None:
    """As long as it lives, the widget shows how it stands."""
    service.running = True
    notebook.user_ns["sunset"] = clip = generate("A sunset", timeout=1e9)
    run_seen(notebook, "display(sunset)")
    draw_all_news()
    assert not kernel.presenter.page.is_silent
    assert updates(notebook) == []
    finish(service, clip)
    assert len(updates(notebook)) == 2
    assert notebook.displays.models()[-1].is_wanted()


def test_a_card_that_is_seen_after_all_goes_on_as_a_widget(
    notebook: Shell, service: PromptService, sent: Counter[str]
) -> None:
    """A page that was closed, or slow, gets all that it missed, and what follows."""
    clip = show_unseen(notebook, service)
    before = len(updates(notebook))
    sent.clear()
    answer(notebook)
    draw_all_news()
    assert sent == {"update": 1}
    assert notebook.displays.models()[-1].is_wanted()
    clip.stop()
    clip.handle.done.result(10)
    draw_all_news()
    assert len(updates(notebook)) == before + 2


@pytest.mark.parametrize("shown", ["sunset", "[sunset]"])
def test_a_page_that_comes_late_gets_the_time_that_it_is(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    """Not that of the last change: its times and bars would be back there. So does one whose connection was lost."""
    service.running = True
    clip = generate("A sunset", timeout=1e9)
    wait_for_status(clip, "running")
    now = 2e9
    clip.handle.clock = lambda: now
    notebook.user_ns["clips"] = clip if shown == "sunset" else ClipList([clip])
    notebook.run("clips")
    until(lambda: kernel.presenter.page.is_silent)
    draw_all_news()
    model = notebook.displays.models()[-1]
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(type(model), "_send", lambda _, message, buffers=None: told.append(message))
    now += 90
    answer(notebook)
    draw_all_news()
    assert [message["state"]["view"]["now"] for message in told] == [now]
    now += 90
    assert model.get_state("view")["view"]["now"] == now


def test_a_card_does_not_stray_into_other_cells(notebook: Shell, service: PromptService, by_server: None) -> None:
    """Where updates reach only the cell that runs, none is sent after it; a page that answers later gets the end."""
    clip = show_unseen(notebook, service)
    notebook.ip.execution_count += 1  # its cell is over
    shown = len(updates(notebook))
    finish(service, clip)
    assert len(updates(notebook)) == shown
    answer(notebook)
    draw_all_news()
    final, nothing = notebook.displays.latest()
    assert "<video" in final["text/html"]
    assert nothing == NOTHING


def test_a_cell_that_waits_ends_with_its_video_where_the_server_runs_the_cells(
    notebook: Shell, by_server: None
) -> None:
    """While the cell runs, its updates reach it."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.ip.execution_count += 1
    assert "<video" in notebook.displays.latest()[0]["text/html"]


def test_a_model_that_nobody_wants_tells_what_it_is_asked_alone(sent: Counter[str]) -> None:
    """Changes are not sent; a page that opens later asks for all of it, and gets it."""
    model = CardModel(view={"key": "a"})
    sent.clear()
    model.is_wanted = lambda: False
    model.send_state("view")
    assert sent == {}
    model.send_state()
    assert sent == {"update": 1}


def test_many_clips_that_nobody_sees_are_brought_forward_in_steps(
    notebook: Shell, service: PromptService, sent: Counter[str]
) -> None:
    """However many they are, their table comes a few times, with its first rows."""
    service.running = True
    many = ClipList(generate(f"Clip {number}", timeout=1e9) for number in range(30))
    notebook.user_ns["many"] = many
    for clip in many:
        wait_for_status(clip, "running")
    notebook.run("many")
    until(lambda: kernel.presenter.page.is_silent)
    waiting = notebook.displays.latest()[0]["text/html"]
    assert "30 clips: 30 running (as of " in waiting
    assert waiting.count("<tr>") == MOST_WAITING_ROWS + 1
    assert ">When done</a>" in waiting
    assert "<code>%luma show many</code>" in waiting
    sent.clear()
    for clip in many[:15]:
        clip.stop()
        clip.handle.done.result(10)
        draw_all_news()
    waiting = notebook.displays.latest()[0]["text/html"]
    assert "30 clips: 15 running, 15 not watched any more (as of " in waiting
    service.running = False
    many[15:].wait()
    draw_all_news()
    assert len(updates(notebook)) <= 2 * STEPS + 2
    assert sent == {}
    assert notebook.displays.latest()[0]["text/html"].count("<tr>") == 31


@pytest.mark.parametrize(
    ("cell", "what", "way"),
    [
        ("luma.Studio(action='extend', source='sunset')", "the studio", "%%luma extend sunset\nyour prompt"),
        ("luma.Studio(prompt='A boat')", "the studio", "%%luma\nA boat</pre>"),
        ("luma.gallery()", "posters that play", "%%luma extend sunset\nyour prompt"),
        ("luma.compare(sunset, sunset)", "one set of controls", "each plays by itself"),
    ],
)
def test_what_a_page_lacks_is_told_until_the_live_part_comes(notebook: Shell, cell: str, what: str, way: str) -> None:
    """One line below says what to install and where, and how to go on without it."""
    notebook.run("import luma_jupyter as luma")
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.displays.outputs.clear()
    notebook.run(cell)
    until(lambda: kernel.presenter.page.is_silent)
    draw_all_news()
    line = notebook.displays.latest()[-1]["text/html"]
    assert f"To have {what}" in line
    assert "<code>pip install anywidget</code> in the environment of the Jupyter server (not of the kernel)" in line
    assert "then reload the page" in line
    assert way in line
    answer(notebook)
    draw_all_news()
    assert notebook.displays.latest()[-1] == NOTHING


def test_a_page_that_shows_the_studio_lacks_nothing(notebook: Shell) -> None:
    """The room for what is missing stays empty, without a message."""
    run_seen(notebook, "import luma_jupyter as luma\ndisplay(luma.Studio())")
    draw_all_news()
    assert updates(notebook) == []
    assert notebook.displays.latest()[-1] == NOTHING


def test_what_a_page_lacks_does_not_stray_into_other_cells(notebook: Shell, by_server: None) -> None:
    """Where updates reach only the cell that runs, the next cell says it instead."""
    notebook.run("import luma_jupyter as luma\ndisplay(luma.Studio())\nget_ipython().execution_count += 1")
    until(lambda: kernel.presenter.page.is_silent)
    draw_all_news()
    assert updates(notebook) == []
