"""The live card, tested by its model's trait and by what is displayed; no browser."""

from __future__ import annotations

import pytest

from luma_jupyter.notebook import showing
from luma_jupyter.notebook.card import Card, CardModel
from luma_jupyter.notebook.page import NOTHING, WIDGET_VIEW
from tests.notebook.conftest import FakeService, Shell, reach


def test_one_model_serves_every_display_of_a_clip(notebook: Shell, service: FakeService) -> None:
    """Showing a running clip again adds a display of the same model; at the end all of them become HTML."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("sunset")
    _, first, _, second = notebook.displays.latest()
    assert first[WIDGET_VIEW]["model_id"] == second[WIDGET_VIEW]["model_id"]
    service.gate.set()
    notebook.user_ns["sunset"].wait()
    first, nothing, second, nothing_too = notebook.displays.latest()
    assert first == second
    assert "<video" in first["text/html"]
    assert nothing == nothing_too == NOTHING


def test_the_model_gets_the_final_html_too(notebook: Shell, service: FakeService) -> None:
    """After a page reload only the model reaches the page, so it ends with the same HTML, and stays open."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    model = clip._card.model
    assert model.view["stop"] == "Stop following"
    service.gate.set()
    clip.wait()
    assert model.view == {"key": clip._task.key, "final": notebook.displays.latest()[0]["text/html"]}
    assert model.comm is not None


def test_the_button_stops_following(notebook: Shell, service: FakeService) -> None:
    """The button's message stops the clip; other messages do nothing."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    clip = notebook.user_ns["sunset"]
    reach(clip, "running")
    clip._card.model._handle_custom_msg({"do": "something else"}, [])
    clip._card.model._handle_custom_msg({"do": "stop"}, [])
    clip._handle.done.result(timeout=10)
    showing.settle(clip)
    assert clip.status == "detached"
    assert "may still run and be billed" in notebook.displays.latest()[0]["text/html"]


def test_a_done_clip_shows_plain_html_at_once(notebook: Shell) -> None:
    """A clip that is done needs no widget, however it is shown."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    sunset = notebook.user_ns["sunset"]
    sunset._card = None
    shown = len(notebook.displays.latest())
    notebook.run("sunset")
    assert notebook.displays.latest()[shown:] == [notebook.displays.latest()[0]]


def test_a_clip_that_ends_while_it_is_displayed_is_final(notebook: Shell, service: FakeService) -> None:
    """If the end comes between the drawing and the display, display and model are updated nevertheless."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    running = clip._look()
    service.gate.set()
    clip.wait()
    looks = iter([running, running])
    card = Card(clip._handle, lambda: next(looks, clip._look()), showing.painter())
    card.show()
    assert "<video" in card.model.view["final"]
    shown, live = notebook.displays.latest()[-2:]
    assert "<video" in shown["text/html"]
    assert live == NOTHING


def test_an_end_between_two_displays_reaches_both(notebook: Shell, service: FakeService) -> None:
    """A clip that ends at the very moment of a display is updated after it, never before, and its live part goes."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    publish = notebook.displays.publish

    def end_first(*args: object, **kwargs: object) -> None:
        notebook.displays.publish = publish
        service.gate.set()
        clip._handle.done.result(timeout=10)
        publish(*args, **kwargs)

    notebook.displays.publish = end_first
    clip._card.show()
    card, live = notebook.displays.latest()[-2:]
    assert "<video" in card["text/html"]
    assert live == NOTHING


def test_showing_waits_where_the_setting_says_so(notebook: Shell) -> None:
    """With LUMA_JUPYTER_WAIT=1 a clip that is shown by naming it is final in the saved notebook, failed ones too."""
    notebook.run("import luma_jupyter as luma\nluma.configure(wait=True)")
    notebook.run("luma.generate('A sunset')")
    notebook.run("luma.generate('A [fail] sunset')")
    completed, failed = notebook.displays.latest()
    assert "completed in" in completed["text/plain"]
    assert "no luck" in failed["text/plain"]


@pytest.mark.parametrize("name", ["view", "kernel"])
def test_only_what_the_page_needs_is_synchronised(name: str) -> None:
    """The model's own traits are the view and the kernel's id, both sent to the page."""
    own = {n for n in CardModel.class_own_traits() if not n.startswith("_")}
    assert own == {"view", "kernel"}
    assert CardModel.class_own_traits()[name].metadata["sync"] is True


def test_a_terminal_has_no_card(terminal: Shell) -> None:
    """Without a kernel nothing is displayed as a widget."""
    terminal.run("%%luma -o sunset\nA sunset")
    assert terminal.user_ns["sunset"]._card is None
    assert not showing.in_kernel()
