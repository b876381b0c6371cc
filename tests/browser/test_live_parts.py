"""Live parts by their scripts alone, with a model that is played and may lose its kernel; no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.views.comparison import comparison_html
from luma_jupyter.views.gallery import Tile, gallery_html
from luma_jupyter.views.sheet import SheetTile, blind_html
from luma_jupyter.views.table import live_view
from luma_jupyter.widgets.base import Model, joined, script
from luma_jupyter.widgets.compare.compare import CompareModel
from luma_jupyter.widgets.gallery.live import GalleryModel
from luma_jupyter.widgets.sheet.sheet import SheetModel
from luma_jupyter.widgets.studio.queue import QueueModel
from tests.support.states import clip_state

ENDED = "The kernel has ended: run this cell again."
GONE = "The kernel is gone: run the cell again, or %luma resume."
# Draws a live part below what is plain HTML. `change` tells its script of an event, and what the model has by then.
START = """async ([source, html, state]) => {
    document.body.innerHTML = `${html}<div id="live"></div>`;
    const handlers = {};
    globalThis.ended = false;
    globalThis.sent = [];
    const model = {
        get: (name) => state[name],
        on: (event, handler) => (handlers[event] ??= []).push(handler),
        off: (event, handler) => { handlers[event] = handlers[event].filter((one) => one !== handler); },
        send: (content) => {
            if (ended) throw new Error("Cannot send");
            sent.push(content);
        },
    };
    globalThis.change = (event, changes = {}) => {
        Object.assign(state, changes);
        for (const handler of [...(handlers[event] ?? [])]) handler();
    };
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    (await import(address)).default.render({ model, el: document.getElementById("live") });
}"""
CONTROLS = "[...document.querySelectorAll('video')].map((video) => video.controls)"
Opener = Callable[..., Any]


@pytest.fixture
def open_live(chromium: Any) -> Iterator[Opener]:
    """Open a page with the live part of a model below some HTML: ``open_live(kind, html, trait=…)``."""
    context, errors = chromium.new_context(), []

    def open_(kind: type[Model], html: str, **state: Any) -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error))
        page.evaluate(START, [script(*kind.scripts), html, {"key": "k", "kernel": "k", **state}])
        return page

    yield open_
    context.close()
    assert errors == []


def open_comparison(open_live: Opener) -> Any:
    """A page with two clips side by side."""
    return open_live(CompareModel, comparison_html("k", [clip_state(), clip_state()]))


def open_blind_sheet(open_live: Opener) -> Any:
    """A page with two videos to vote on."""
    html = blind_html("k", [SheetTile("A", "a.mp4"), SheetTile("B", "b.mp4")], "")
    return open_live(SheetModel, html, marks=[0, 0], labels=[])


# Once the kernel has ended.


def test_a_star_that_cannot_be_sent_is_taken_back(open_live: Opener) -> None:
    """The page says why, as long as nothing else is said; before that the kernel has it, and it stays."""
    page = open_comparison(open_live)
    first, second = page.locator(".luma-star").all()
    first.click()
    assert page.evaluate("sent.filter(({ do: what }) => what === 'note').map(({ starred }) => starred)") == [True]
    page.evaluate("ended = true")
    second.click()
    assert [star.get_attribute("aria-pressed") for star in (first, second)] == ["true", "false"]
    assert page.get_by_role("alert").all_inner_texts() == ["", ENDED]
    first.click()
    assert first.get_attribute("aria-pressed") == "true"


def test_a_note_that_cannot_be_sent_stays_in_its_field(open_live: Opener) -> None:
    """The page says why; the words can be copied, and Escape brings back what is kept."""
    page = open_comparison(open_live)
    pen, field = page.locator(".luma-pen").first, page.locator(".luma-note-field").first
    for ended, words in (("false", "the light"), ("true", "the shade")):
        page.evaluate(f"ended = {ended}")
        pen.click()
        field.fill(words)
        field.press("Enter")
    page.get_by_role("button", name="Star").last.focus()
    assert field.input_value() == "the shade"
    assert page.get_by_role("alert").first.inner_text() == ENDED
    field.press("Escape")
    assert page.locator(".luma-noted").first.inner_text() == "the light"


def test_a_vote_that_cannot_be_sent_is_taken_back(open_live: Opener) -> None:
    """By key and by button; the page says why, and what the kernel has stays marked."""
    page = open_blind_sheet(open_live)
    page.evaluate("change('change:marks', { marks: [2, 0] })")
    page.evaluate("ended = true")
    for number in (1, 2):
        votes = page.get_by_role("group", name=f"Vote on video {number}")
        votes.get_by_role("radio").last.focus()
        page.keyboard.press("4")
        votes.get_by_text("5", exact=True).click()
    assert page.evaluate("[...document.querySelectorAll(':checked')].map(({ value }) => value)") == ["2"]
    assert page.get_by_role("status").inner_text() == ENDED


def test_a_comparison_is_plain_again_when_the_kernel_is_restarted(open_live: Opener) -> None:
    """Nothing takes what it could not keep: each video has its own controls, as in the saved notebook."""
    page = open_comparison(open_live)
    assert page.locator(".luma-star").count() == 2
    page.evaluate("change('comm_live_update')")
    assert page.get_by_role("button").count() == 0
    assert page.evaluate(CONTROLS) == [True, True]


def test_a_blind_sheet_is_plain_again_when_the_kernel_is_restarted(open_live: Opener) -> None:
    """It says how one votes, as in the saved notebook."""
    page = open_blind_sheet(open_live)
    assert page.get_by_role("radio").count() == 10
    page.evaluate("change('comm_live_update')")
    assert page.get_by_role("radio").count() == 0
    assert page.get_by_role("status").inner_text() == (
        "To vote, from 1 (worst) to 5 (best), run this cell in a notebook."
    )
    assert page.evaluate(CONTROLS) == [True, True]


@pytest.mark.parametrize("press", ["Extend", "Modify", "Use this prompt again", "Search"])
def test_a_gallery_is_plain_again_when_a_press_cannot_be_sent(open_live: Opener, press: str) -> None:
    """Each clip has its video below its poster, as in the saved notebook, and no button that does nothing."""
    html = gallery_html("k", [Tile(clip_state(status=Status.COMPLETED))], "1 clip", 0, "")
    view = {"arrived": 0, "total": 1, "heading": "1 clip", "left_out": "", "added": []}
    page = open_live(GalleryModel, html, view=view)
    page.get_by_role("button", name="Extend").wait_for()
    page.evaluate("ended = true")
    if press == "Search":
        page.get_by_role("searchbox").fill("fox")
    else:
        page.get_by_role("button", name=press).click()
    page.get_by_role("button", name="Extend").wait_for(state="detached")
    assert page.get_by_role("searchbox").count() == 0
    page.locator("summary").click()
    assert page.locator("details[open] video").is_visible()


def queue_view(status: Status) -> dict[str, Any]:
    """The view of a queue with one clip."""
    return {**live_view("k", {status: 1}, 1.0), "queue": True, "moving": [], "first": 300, "version": 0}


def open_queue(open_live: Opener) -> Any:
    """A page with a queue in which one clip runs."""
    row = ["sunset", "A sunset", "running", True, 1.0, None, "acedata generate", "", "", "A sunset", "stop"]
    texts = {"result": "", "trouble": ""}
    view = queue_view(Status.RUNNING)
    page = open_live(QueueModel, '<div class="luma-card luma-k"></div>', view=view, rows=[row], curves={}, **texts)
    page.get_by_role("cell", name="sunset", exact=True).wait_for()
    return page


@pytest.mark.parametrize("name", ["Stop watching all (the tasks may go on)", "Stop sunset"])
def test_a_press_that_cannot_be_sent_tells_that_the_kernel_is_gone(open_live: Opener, name: str) -> None:
    """At once, and not a minute later, when the server has been asked."""
    page = open_queue(open_live)
    page.evaluate("ended = true")
    page.get_by_role("button", name=name).click()
    assert page.get_by_text(GONE).is_visible()


# Comparisons.


def test_slider_is_moved_by_the_videos_and_not_by_what_is_below_them(open_live: Opener) -> None:
    """Stars, notes, links and text can be used on both sides; what is pressed on a video is dragged anywhere."""
    page = open_comparison(open_live)
    page.add_style_tag(content=joined(*CompareModel.styles))
    page.get_by_role("button", name="Slider").evaluate("(button) => { button.hidden = false; button.click(); }")
    share = page.get_by_role("slider", name="Before and after")
    for side in page.locator(".luma-side").all():
        star = side.locator(".luma-star")
        star.click()
        assert star.get_attribute("aria-pressed") == "true"
        side.locator(".luma-pen").click()
        side.locator(".luma-note-field").fill("the light")
        box = side.locator("figcaption").bounding_box()
        page.mouse.move(box["x"] + 2, box["y"] + 4)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 4)
        assert page.evaluate("getSelection().toString()") == "A sunset"
        page.mouse.move(box["x"] + 20, box["y"] - 50)
        page.mouse.up()
        assert share.input_value() == "50"
    box = page.locator("video").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] + 20)
    assert share.input_value() == "25"
    page.mouse.up()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    assert share.input_value() == "25"


# The queue.


def test_all_of_a_queue_can_be_stopped_again(open_live: Opener) -> None:
    """The button that stopped all is there again for what comes next: another clip, or one that goes on."""
    page = open_queue(open_live)
    button = page.get_by_role("button", name="Stop watching all")
    button.click()
    assert button.is_disabled()
    for status in (Status.DETACHED, Status.RUNNING):
        page.evaluate("(view) => change('change:view', { view })", queue_view(status))
    assert button.is_enabled()
    button.click()
    assert page.evaluate("sent.filter(({ do: what }) => what === 'stop').length") == 2
