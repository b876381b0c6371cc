"""The list that tables and galleries share, in a page that has nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from luma_jupyter.widgets.base import script

# A list of 1,000 items of 40 pixels in a region of 400; what it asks for is kept, and comes when it is given.
START = """() => {
    document.body.innerHTML = `<div id="region" tabindex="0" style="height:400px;overflow:auto">
        <div id="body" style="position:relative"></div></div>`;
    const [region, body] = ["region", "body"].map((id) => document.getElementById(id));
    globalThis.known = new Set(Array.from({ length: 100 }, (_, at) => at));
    globalThis.asked = [];
    const make = () => {
        const item = document.createElement("button");
        item.style.cssText = "position:absolute;height:40px";
        return item;
    };
    const draw = (item, at) => { item.textContent = known.has(at) ? `item ${at}` : "…"; };
    const ask = (from, to) => {
        if (Array.from({ length: to - from }, (_, i) => from + i).every((at) => known.has(at))) return false;
        asked.push([from, to]);
    };
    globalThis.list = virtualList({ region, body, height: 40, make, draw, ask });
    list.resize(1000);
}"""
# Twenty items, 100 pixels wide and from 40 to 59 high, in a region of 350 × 400 on a page enlarged so much.
START_TILES = """(zoom) => {
    document.body.style.zoom = zoom;
    document.body.innerHTML = `<div id="region" style="width:350px;height:400px;overflow:auto">
        <div id="body" style="position:relative"></div></div>`;
    const [region, body] = ["region", "body"].map((id) => document.getElementById(id));
    const make = () => Object.assign(document.createElement("div"), { style: "position:absolute;width:100px" });
    globalThis.more = 0;
    const draw = (item, at) => { item.innerHTML = `<div style="height:${40 + at + more}px"></div>`; };
    globalThis.list = virtualList({ region, body, height: 30, width: 100, grows: true, make, draw, ask: () => false });
    list.resize(20);
}"""
GIVE = """() => {
    const [from, to] = asked.at(-1);
    for (let at = from; at < to; at++) known.add(at);
    list.answered();
}"""
SCROLL = """async (top) => {
    document.getElementById("region").scrollTop = top;
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
}"""
# Out of the page and back, so many times: it leaves again before it has heard of the place that it came back to.
LEAVE = """async (times) => {
    const region = document.getElementById("region");
    const frames = async () => { for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); };
    const back = () => new Promise((resolve) => new ResizeObserver(resolve).observe(region));
    for (let time = 0; time < times; time++) {
        region.remove();
        await frames();
        document.body.append(region);
        await back();
    }
    await frames();
}"""
# To another place of the page at once, as a card takes its live part; then there is news of the list.
MOVE = """async () => {
    const region = document.getElementById("region");
    document.body.appendChild(document.createElement("div")).append(region);
    list.update();
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
}"""
# The same, to a place that is not shown yet, while the list has still to hear of a scroll.
MOVE_HIDDEN = """async () => {
    const region = document.getElementById("region");
    const there = document.body.appendChild(document.createElement("div"));
    there.style.display = "none";
    there.append(region);
    region.dispatchEvent(new Event("scroll"));
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    there.style.display = "";
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
}"""
# Out of sight and back between two pictures, as where an output is drawn anew, with news of the list meanwhile.
NEWS_OUT_OF_SIGHT = """async () => {
    const region = document.getElementById("region");
    region.style.display = "none";
    list.update();
    region.style.display = "";
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
}"""
PLACES = "[...document.querySelectorAll('#body > *')].map(({ style }) => [style.left, style.top].map(parseFloat))"
WORDS = "[...document.querySelectorAll('#body > *')].map((item) => item.textContent)"
TOPS = "[...document.querySelectorAll('#body > *')].map((item) => parseInt(item.style.top))"


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page with the list in it."""
    context = chromium.new_context()
    page = context.new_page()
    page.add_script_tag(content=script("base.js", "virtual_list.js"))
    page.evaluate(START)
    yield page
    context.close()


def test_only_items_near_the_screen_are_in_the_page(page: Any) -> None:
    """In their order, at their places, wherever one scrolls; the region scrolls as if all were there."""
    assert page.evaluate(WORDS) == [f"item {at}" for at in range(25)]
    assert page.evaluate("document.getElementById('region').scrollHeight") == 40_000
    page.evaluate(SCROLL, 2000)
    assert page.evaluate(WORDS) == [f"item {at}" for at in range(35, 75)]
    page.evaluate(SCROLL, 1600)
    assert page.evaluate(TOPS) == [40 * at for at in range(25, 65)]
    page.evaluate(SCROLL, 1e9)
    assert page.evaluate(TOPS) == [40 * at for at in range(975, 1000)]


def test_items_that_the_page_does_not_have_are_asked_for_once(page: Any) -> None:
    """One question at a time, for some more than what is near; places are kept for them meanwhile."""
    page.evaluate(SCROLL, 20_000)
    assert page.evaluate("asked") == [[445, 565]]
    assert set(page.evaluate(WORDS)) == {"…"}
    page.evaluate(SCROLL, 30_000)
    assert len(page.evaluate("asked")) == 1
    page.evaluate(GIVE)
    assert page.evaluate("asked")[1:] == [[695, 815]]
    page.evaluate(GIVE)
    assert page.evaluate(WORDS) == [f"item {at}" for at in range(735, 775)]
    page.evaluate(SCROLL, 31_000)
    assert len(page.evaluate("asked")) == 2


def test_what_is_not_answered_is_asked_for_again(page: Any) -> None:
    """Without anybody doing anything: after ten seconds, then after twenty, until there is an answer."""
    page.clock.install()
    page.evaluate("document.getElementById('region').scrollTop = 20_000")
    page.evaluate("list.update()")
    for seconds, questions in ((9, 1), (2, 2), (18, 2), (2, 3)):
        page.clock.run_for(1000 * seconds)
        assert page.evaluate("asked") == [[445, 565]] * questions
    page.evaluate(GIVE)
    page.clock.run_for(600_000)
    assert len(page.evaluate("asked")) == 3


def test_what_an_answer_does_not_give_is_asked_for_again(page: Any) -> None:
    """Also what was given, where it is another list by now: once what was asked for before is answered."""
    page.evaluate(SCROLL, 20_000)
    page.evaluate("list.answered(1000, [0, 0])")
    assert page.evaluate("asked") == [[445, 565]] * 2
    page.evaluate("list.reset(900)")
    assert len(page.evaluate("asked")) == 2
    page.evaluate("list.answered(900, [445, 565])")
    assert len(page.evaluate("asked")) == 2
    page.evaluate("list.reset(800)")
    assert page.evaluate("asked") == [[445, 565]] * 3


def test_an_item_that_has_the_focus_stays_in_the_page(page: Any) -> None:
    """Also where items come before it, and it is another place: its element stands for it, and for no other."""
    page.locator("#body > *").nth(3).focus()
    page.evaluate(SCROLL, 3000)
    assert page.evaluate(WORDS)[0] == "item 3"
    assert page.evaluate("document.activeElement.textContent") == "item 3"
    page.evaluate("list.resize(1002, 2)")
    assert page.evaluate("document.activeElement.textContent") == "item 5"
    assert page.evaluate("document.activeElement.style.top") == "200px"
    page.evaluate("list.insert([0, 4, 8], 1005)")
    assert page.evaluate("document.activeElement.textContent") == "item 7"
    page.evaluate("document.activeElement.blur()")
    page.evaluate(SCROLL, 3100)
    assert page.evaluate(TOPS)[0] > 2000


@pytest.mark.parametrize("times", [1, 2])
def test_a_list_that_leaves_the_page_comes_back_where_it_was(page: Any, times: int) -> None:
    """An output may be drawn anew, or its cell be moved; also twice in the same moment."""
    page.evaluate(SCROLL, 3000)
    page.evaluate(LEAVE, times)
    assert page.evaluate("document.getElementById('region').scrollTop") == 3000
    page.evaluate("list.end()")
    assert page.evaluate(WORDS) == []


def test_a_list_that_is_moved_in_the_page_stays_where_it_was(page: Any) -> None:
    """It has no other size, so nobody hears of it; what is in sight is there, and one can go to the top."""
    page.evaluate(SCROLL, 2000)
    page.evaluate(MOVE)
    assert page.evaluate("document.getElementById('region').scrollTop") == 2000
    assert page.evaluate(WORDS) == [f"item {at}" for at in range(35, 75)]
    page.evaluate(SCROLL, 0)
    assert page.evaluate(TOPS)[0] == 0


def test_a_list_that_is_shown_again_is_where_it_was(page: Any) -> None:
    """What it hears of a scroll while it has no size is not where somebody went."""
    page.evaluate(SCROLL, 2000)
    page.evaluate(MOVE_HIDDEN)
    assert page.evaluate("document.getElementById('region').scrollTop") == 2000


@pytest.mark.parametrize("zoom", ["1", "1.5"])
def test_rows_are_as_high_as_the_highest_item_and_as_many_wide_as_fit(page: Any, zoom: str) -> None:
    """On an enlarged page, too: three of 100 pixels in a row of 350 (less the scroll bar), each 59 pixels high."""
    page.evaluate(START_TILES, zoom)
    assert page.evaluate(PLACES) == [[100 * (at % 3), 59 * (at // 3)] for at in range(20)]


def test_a_list_that_has_news_out_of_sight_is_as_wide_as_before(page: Any) -> None:
    """Nobody hears that it is back, for its size is the same; it was of one column."""
    page.evaluate(START_TILES, "1")
    before = page.evaluate(PLACES)
    page.evaluate(NEWS_OUT_OF_SIGHT)
    assert page.evaluate(PLACES) == before


def test_what_is_in_sight_stays_there_when_rows_grow(page: Any) -> None:
    """Higher items make all rows higher, at once; the list is scrolled on as far as they have moved."""
    page.evaluate(START_TILES, "1")
    page.evaluate(SCROLL, 10)
    page.evaluate("() => { more = 59; list.update(); }")
    assert page.evaluate(PLACES)[3] == [0, 118]
    assert page.evaluate("document.getElementById('region').scrollTop") == 20
