"""The list of a live gallery and its large player, in a page of which the test plays the kernel: clips come between
question and answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from luma_jupyter.widgets.base import script
from luma_jupyter.widgets.gallery.live import GalleryModel

# Six hundred clips, a boat and a fox in turn, in two columns of which two rows are in sight; `kernel` answers as the
# gallery's own does, when it is told to.
START = """() => {
    document.body.innerHTML = `<style>.luma-item { position: absolute; width: 232px; }</style>
        <div id="region" style="width:480px;height:400px;overflow:auto">
        <div class="luma-list" style="position:relative"></div></div>`;
    const clips = Array.from({ length: 600 }, (_, number) => `${number % 2 ? "fox" : "boat"} ${number}`);
    const listeners = { "msg:custom": [], "change:view": [] };
    const traits = { view: { arrived: 0, total: clips.length, added: [] }, kernel: "k", key: "key" };
    const frames = async () => { for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); };
    const tile = (name) => `<figure class="luma-tile" data-key="${name}" data-starred="false" data-note=""><details>
        <summary class="luma-poster">${name}</summary><video></video></details>
        <figcaption><span title="${name}"></span></figcaption></figure>`;
    globalThis.kernel = {
        questions: [],
        answer: ({ from, to, search, starred, near }) => {
            const found = clips.filter((name) => name.includes(search));
            const { arrived } = traits.view;
            const rows = { from, to, tiles: found.slice(from, to).map(tile), total: found.length, count: "", arrived };
            return { ...rows, search, starred, near };
        },
        say: async (content) => {
            for (const listener of listeners["msg:custom"]) listener(content);
            await frames();
        },
        answerOne: () => kernel.say(kernel.answer(kernel.questions.shift())),
        answerAll: async () => {
            for (let i = 0; i < 20 && kernel.questions.length; i++) await kernel.answerOne();
        },
        complete: (name) => {
            clips.unshift(name);
            traits.view = { arrived: traits.view.arrived + 1, total: clips.length, added: [0] };
            for (const listener of listeners["change:view"]) listener();
        },
    };
    const model = {
        get: (name) => traits[name],
        on: (name, listener) => listeners[name].push(listener),
        off: () => {},
        send: (content) => { if (content.do === "rows") kernel.questions.push(content); },
    };
    const region = document.getElementById("region");
    globalThis.tiles = allTiles(region, [], model, () => {});
    tiles.begin(0);
    globalThis.go = async (top) => {
        region.scrollTop = top;
        await frames();
    };
    globalThis.names = (above = 0) => [...document.querySelectorAll(".luma-item")]
        .filter(({ style }) => {
            const top = parseInt(style.top) - region.scrollTop;
            return top >= -above && top < 400 + above;
        })
        .map((item) => item.querySelector("summary, .luma-open")?.textContent.trim() ?? "");
}"""
OPEN = "(name) => tiles.open([...document.querySelectorAll('.luma-tile')].find(({ dataset }) => dataset.key === name))"
PLAYED = """(() => {
    const part = (name) => document.querySelector(`.luma-player .luma-${name}`).textContent;
    return [part("prompt"), part("place")];
})()"""


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page with the gallery's list in it, of which the first tiles have come."""
    context = chromium.new_context()
    page = context.new_page()
    page.add_script_tag(content=script(*GalleryModel.scripts).replace("export default", "void"))
    page.evaluate(START)
    page.evaluate("kernel.answerAll()")
    yield page
    context.close()


def in_sight(page: Any) -> list[str]:
    """The clips of the tiles in sight; empty for a tile that is not there."""
    names: list[str] = page.evaluate("names()")
    return names


def search_boats(page: Any) -> None:
    """Search, and scroll to the 201st of what is found."""
    page.evaluate("tiles.search('boat', false)")
    page.evaluate("kernel.answerAll()")
    page.evaluate("go(20_000)")
    page.evaluate("kernel.answerAll()")
    assert in_sight(page) == ["boat 400", "boat 402", "boat 404", "boat 406"]


def test_tiles_in_sight_stay_when_a_clip_comes_into_a_search(page: Any) -> None:
    """What was known may be at other places: until the kernel has said so, it is shown, and then what is there now."""
    search_boats(page)
    page.evaluate("kernel.complete('boat new')")
    assert in_sight(page) == ["boat 400", "boat 402", "boat 404", "boat 406"]
    page.evaluate("kernel.answerOne()")
    assert in_sight(page) == ["boat 398", "boat 400", "boat 402", "boat 404"]
    page.evaluate("kernel.answerAll()")
    page.evaluate("go(0)")
    page.evaluate("kernel.answerAll()")
    assert in_sight(page) == ["boat new", "boat 0", "boat 2", "boat 4"]


def test_tiles_come_though_a_clip_came_while_they_were_asked_for(page: Any) -> None:
    """An answer that was made before it is of other places, so they are asked for again, once."""
    page.evaluate("go(20_000)")
    (asked,) = page.evaluate("kernel.questions.splice(0)")
    made = page.evaluate("(question) => kernel.answer(question)", asked)
    page.evaluate("kernel.complete('boat new')")
    page.evaluate("kernel.complete('fox new')")
    page.evaluate("(content) => kernel.say(content)", made)
    assert len(page.evaluate("kernel.questions")) == 1
    page.evaluate("kernel.answerAll()")
    assert in_sight(page) == ["boat 198", "fox 199", "boat 200", "fox 201"]


def test_the_first_clip_that_a_search_finds_comes(page: Any) -> None:
    """There was no tile, so none was near the screen."""
    page.evaluate("tiles.search('kite', false)")
    page.evaluate("kernel.answerAll()")
    assert in_sight(page) == []
    page.evaluate("kernel.complete('kite')")
    page.evaluate("kernel.answerAll()")
    assert in_sight(page) == ["kite"]


def test_the_large_player_stays_with_its_video_when_a_clip_comes_into_a_search(page: Any) -> None:
    """It plays on, and the next one is the one behind it."""
    search_boats(page)
    page.evaluate(OPEN, "boat 400")
    assert page.evaluate(PLAYED) == ["boat 400", "201 of 300"]
    page.evaluate("globalThis.playing = document.querySelector('.luma-player video')")
    page.evaluate("kernel.complete('boat new')")
    page.evaluate("kernel.answerAll()")
    assert page.evaluate(PLAYED) == ["boat 400", "202 of 301"]
    assert page.evaluate("document.querySelector('.luma-player video') === playing")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(PLAYED) == ["boat 402", "203 of 301"]


def test_tiles_near_the_screen_stay_when_the_large_player_goes_beyond_them(page: Any) -> None:
    """What it asks for takes the place of no tile that one is about to scroll to."""
    page.evaluate("go(20_000)")
    page.evaluate("kernel.answerAll()")
    page.evaluate(OPEN, "boat 200")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
        page.evaluate("kernel.answerAll()")
    assert page.evaluate(PLAYED) == ["boat 230", "231 of 600"]
    page.keyboard.press("Escape")
    page.evaluate("go(20_400)")
    page.evaluate("kernel.answerAll()")
    assert "" not in page.evaluate("names(500)")
