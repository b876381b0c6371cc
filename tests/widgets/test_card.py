"""The live card of a clip, by its model's trait and by what is displayed; no browser."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.api.create import generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.display.outputs import NOTHING, WIDGET_VIEW
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.widgets import card as card_module
from luma_jupyter.widgets import presenter, table_card
from luma_jupyter.widgets.base import LiveCard
from luma_jupyter.widgets.card import Card, CardModel
from tests.support import settings
from tests.support.html import video_source
from tests.support.notebook import PromptService, Shell, wait_for_end, wait_for_status


def test_one_model_serves_every_display_of_a_clip(notebook: Shell, service: PromptService) -> None:
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


def test_card_model_gets_the_final_html_too(notebook: Shell, service: PromptService) -> None:
    """After a page reload only the model reaches the page, so it ends with the same HTML, and stays open."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    (model,) = notebook.displays.models()
    wait_for_status(clip, Status.RUNNING)  # until then there is no task that may go on
    kernel.presenter.updates.flush_all()
    assert model.view["stop"] == "Stop watching (the task may go on)"
    service.gate.set()
    clip.wait()
    final = notebook.displays.latest()[0]["text/html"]
    assert model.view == {"key": clip.task.key, "final": final, "told": ["sunset: completed", "A sunset"]}
    assert model.comm is not None


def test_models_of_the_last_cards_stay_open(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the cards that have ended, only the last ones answer pages that were reloaded before their end."""
    monkeypatch.setattr(presenter, "ENDED_CARDS", 1)
    service.gate.clear()
    for name in ("first", "second", "third"):
        notebook.run(f"%%luma -o {name}\n{name}")
    models = notebook.displays.models()
    service.gate.set()
    for name in ("first", "second", "third"):
        notebook.user_ns[name].wait()
    kernel.presenter.updates.flush_all()
    assert sum(model.comm is None for model in models) == 2
    assert sum(model.layout.comm is None for model in models) == 2


def test_model_of_a_card_that_ends_while_it_is_shown_is_let_go_too(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip that ends before its card has a model leaves no model open for ever."""
    monkeypatch.setattr(presenter, "ENDED_CARDS", 0)
    service.gate.clear()
    listen, models = LiveCard._listen, []

    def end_before_there_is_a_model(card: LiveCard) -> None:
        service.gate.set()
        kernel.session.own_clips[-1].wait()
        listen(card)
        models.append(card.model)

    monkeypatch.setattr(LiveCard, "_listen", end_before_there_is_a_model)
    notebook.run("%%luma -o sunset\nA sunset")
    (model,) = models
    assert model.comm is None


def test_card_button_stops_following(notebook: Shell, service: PromptService) -> None:
    """The button's message stops the clip; other messages do nothing."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    clip = notebook.user_ns["sunset"]
    wait_for_status(clip, "running")
    (model,) = notebook.displays.models()
    model._handle_custom_msg({"do": "something else"}, [])
    model._handle_custom_msg({"do": "stop"}, [])
    clip.handle.done.result(timeout=10)
    kernel.presenter.flush([clip])
    assert clip.status == "detached"
    assert "may still run and be billed" in notebook.displays.latest()[0]["text/html"]


def test_card_of_a_film_follows_its_making(notebook: Shell, service: PromptService) -> None:
    """The bar stands where the making is; the plain HTML, which a page without widgets has, comes anew in quarters."""
    service.gate.clear()
    notebook.run("import luma_jupyter\nharbour = luma_jupyter.generate('A harbour')")
    notebook.run("movie = luma_jupyter.film([harbour])")
    notebook.run("movie")
    movie, loop_thread = notebook.user_ns["movie"], kernel.session.engine.loop_thread

    async def tell(**changes: Any) -> None:
        await movie.handle.emit(status=Status.RUNNING, making="video copied", **changes)
        kernel.presenter.updates.flush_all()

    card = kernel.presenter._card(movie, movie.handle)
    stages = []
    for progress in (0.1, 0.2, 0.6):
        loop_thread.run(tell(progress=progress))
        (model,) = notebook.displays.models()
        assert model.view["curve"] == [(0.0, progress)]
        stages.append(card.stage)
    assert model.view["status"] == "making the film: video copied (60 %)"
    assert "60% made" in card.bundle()["text/html"]
    assert stages[0] == stages[1] != stages[2]
    card.release()
    notebook.run("movie.stop()")
    service.gate.set()


def test_a_done_clip_shows_plain_html_at_once(notebook: Shell) -> None:
    """A clip that is done needs no widget, however it is shown."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    shown = len(notebook.displays.latest())
    notebook.run("sunset")
    assert notebook.displays.latest()[shown:] == [notebook.displays.latest()[0]]


def test_a_clip_that_ends_while_it_is_displayed_is_final(notebook: Shell, service: PromptService) -> None:
    """If the end comes between the drawing and the display, display and model are updated nevertheless."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    running = clip.state
    handle = Handle(clip.task)

    def end_after_the_drawing(*args: object, **kwargs: object) -> None:
        notebook.displays.publish = publish
        publish(*args, **kwargs)
        service.gate.set()
        handle.task = clip.wait().task

    states = iter([running, running])
    presenter = kernel.presenter
    card = Card(handle, presenter.updates, presenter.page, lambda: next(states, clip.state), lambda: clip.state)
    publish, notebook.displays.publish = notebook.displays.publish, end_after_the_drawing
    card.show()
    assert "<video" in card.model.view["final"]
    shown, live = notebook.displays.latest()[-2:]
    assert "<video" in shown["text/html"]
    assert live == NOTHING


def test_an_end_between_two_displays_reaches_both(notebook: Shell, service: PromptService) -> None:
    """A clip that ends at the very moment of a display is updated after it, never before, and its live part goes."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    clip = notebook.user_ns["sunset"]
    publish = notebook.displays.publish

    def end_first(*args: object, **kwargs: object) -> None:
        notebook.displays.publish = publish
        service.gate.set()
        clip.handle.done.result(timeout=10)
        publish(*args, **kwargs)

    notebook.displays.publish = end_first
    notebook.run("sunset")
    card, live = notebook.displays.latest()[-2:]
    assert "<video" in card["text/html"]
    assert live == NOTHING


def test_showing_a_clip_waits_where_the_setting_says_so(notebook: Shell) -> None:
    """With LUMA_JUPYTER_WAIT=1 a clip that is shown by naming it is final in the saved notebook, failed ones too."""
    notebook.run("import luma_jupyter as luma\nluma.configure(wait=True)")
    notebook.run("luma.generate('A sunset')")
    notebook.run("luma.generate('A [fail] sunset')")
    completed, failed = notebook.displays.latest()
    assert "completed in" in completed["text/plain"]
    assert "no luck" in failed["text/plain"]


@pytest.mark.parametrize("name", ["view", "kernel"])
def test_card_model_synchronises_only_what_the_page_needs(name: str) -> None:
    """The model's own traits are the view and the kernel's id, both sent to the page."""
    own = {n for n in CardModel.class_own_traits() if not n.startswith("_")}
    assert own == {"view", "kernel"}
    assert CardModel.class_own_traits()[name].metadata["sync"] is True


def test_a_terminal_has_no_card(terminal: Shell) -> None:
    """Without a kernel nothing is displayed as a widget."""
    terminal.run("%%luma -o sunset\nA sunset")
    assert terminal.displays.latest() == []
    assert not kernel.presenter.environment.in_kernel


def test_card_script_follows_the_curve_of_python() -> None:
    """The card's script has no numbers of its own for the bar: it follows the curve that Python sends."""
    script = (Path(__file__).parents[2] / "luma_jupyter/widgets/card.js").read_text(encoding="utf-8")
    assert "along(view.curve" in script
    assert not re.search(r"0\.\d\d", script)


def test_a_card_of_a_retried_clip_shows_its_own_task(notebook: Shell, service: PromptService) -> None:
    """A clip that was stopped and is followed again gets a new card; the one before ends as the task ended there."""
    service.running = True
    notebook.run("%%luma -o sunset --timeout 1e9\nA sunset")
    clip = notebook.user_ns["sunset"]
    wait_for_status(clip, "running")
    stopped = clip.handle
    clip.stop()
    wait_for_end(clip)
    clip.retry()
    notebook.run("sunset")
    service.running = False
    clip.wait()
    kernel.session.engine.loop_thread.submit(asyncio.sleep(5)).result(10)
    first, nothing, second, nothing_too = notebook.displays.latest()
    assert "may still run and be billed" in first["text/html"]
    assert "completed in" in second["text/plain"]
    assert nothing == nothing_too == NOTHING
    assert (stopped.listeners, clip.handle.listeners) == (0, 0)


def test_a_card_of_a_clip_retried_before_it_was_drawn_shows_its_own_task(
    notebook: Shell, service: PromptService
) -> None:
    """Even where the clip stands for another handle by the time that its card is drawn."""
    service.running = True
    clip = generate("A sunset", timeout=1e9)
    wait_for_status(clip, "running")
    kernel.presenter.show(clip)
    clip.follow(Handle(clip.task))
    clip.stop()
    kernel.session.engine.handles[clip.task.intent].stop()
    kernel.session.engine.handles[clip.task.intent].done.result(10)
    kernel.session.engine.loop_thread.submit(asyncio.sleep(5)).result(10)
    first, nothing = notebook.displays.latest()
    assert "may still run and be billed" in first["text/html"]
    assert nothing == NOTHING


@pytest.mark.parametrize("many", [False, True])
def test_a_card_of_a_clip_that_ends_before_it_is_shown_leaves_no_listener(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    """A clip may end at the very moment at which its card is made: it is shown as ended, and nothing stays behind."""
    service.gate.clear()
    clip = generate("A sunset")
    module, name = (table_card, "TableCard") if many else (card_module, "Card")
    real = getattr(module, name)

    def end_first(*arguments: Any) -> LiveCard:
        card = real(*arguments)
        service.gate.set()
        clip.wait()
        return card

    monkeypatch.setattr(module, name, end_first)
    kernel.presenter.show_list([clip]) if many else kernel.presenter.show(clip)
    kernel.session.engine.loop_thread.submit(asyncio.sleep(5)).result(10)
    (shown,) = notebook.displays.latest()
    assert "luma_videos/a-sunset" in shown["text/html"]
    assert clip.handle.listeners == 0


@pytest.mark.parametrize("status", [403, 404])
def test_a_video_that_the_pages_server_refuses_goes_into_the_notebook(
    notebook: Shell, service: PromptService, status: int
) -> None:
    """The card is drawn anew with the video in it and the reason; so are all that come later from that folder."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    service.gate.set()
    notebook.user_ns["sunset"].wait()
    assert (video_source(notebook.displays.latest()[0]["text/html"]) or "").startswith("luma_videos/")
    (model,) = notebook.displays.models()
    before = len(notebook.displays.outputs)
    for _ in range(2):  # two pages have it open
        model._handle_custom_msg({"do": "reach", "status": status}, [])
    kernel.presenter.updates.flush_all()
    (update,) = notebook.displays.outputs[before:]  # once, what the page said
    assert update["update"]
    shown = notebook.displays.latest()[0]["text/html"]
    assert (video_source(shown) or "").startswith("data:video/mp4;base64,")
    assert f"its server answers {status}. So the video is in the notebook itself." in shown
    notebook.run("%%luma --wait\nA dawn")
    assert "data:video/mp4" in str(notebook.displays.latest())
    settings.configure(embed=False)
    notebook.run("sunset")
    assert video_source(notebook.displays.latest()[-1]["text/html"]) == "https://media.example/task-1.mp4"


@pytest.mark.parametrize("content", [{"do": "reach"}, {"do": "reach", "status": 500}, {"do": "reach", "status": [404]}])
def test_other_answers_of_the_pages_server_change_nothing(
    notebook: Shell, service: PromptService, content: dict[str, Any]
) -> None:
    """A server that is overloaded answers otherwise in a moment."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    (model,) = notebook.displays.models()
    model._handle_custom_msg({"do": "reach", "status": 404}, [])  # before there is a video
    service.gate.set()
    notebook.user_ns["sunset"].wait()
    shown = notebook.displays.latest()[0]
    model._handle_custom_msg(content, [])
    kernel.presenter.updates.flush_all()
    assert notebook.displays.latest()[0] == shown
    assert (video_source(shown["text/html"]) or "").startswith("luma_videos/")


def test_a_video_that_the_page_loads_all_the_same_is_not_kept_in_the_notebook(
    notebook: Shell, service: PromptService
) -> None:
    """Of a folder that a page may not reach: the page is asked with its address, and once it loads, that is shown."""
    settings.configure(media="../videos")
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    service.gate.set()
    sunset = notebook.user_ns["sunset"].wait()
    assert (video_source(notebook.displays.latest()[0]["text/html"]) or "").startswith("data:video/mp4;base64,")
    (model,) = notebook.displays.models()
    assert model.view["probe"] == f"../videos/{sunset.path.name}"
    model._handle_custom_msg({"do": "reach", "status": 200}, [])
    kernel.presenter.updates.flush_all()
    assert video_source(notebook.displays.latest()[0]["text/html"]) == f"../videos/{sunset.path.name}"
    assert "probe" not in model.view
    notebook.run("sunset")
    assert "data:video" not in str(notebook.displays.latest())
