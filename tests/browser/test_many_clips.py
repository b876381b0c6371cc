"""A folder of 20,000 clips in JupyterLab: gallery and table open, scroll to their ends, hold few items.

How fast: `make bench`, part ``views``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from luma_jupyter.demo.film import FilmSpec, render
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.views.html import MOST_SAVED
from tests.browser.conftest import Browser, Lab, LabPage, Tabs
from tests.browser.test_lab import BROKEN, LOAD, OpenPage
from tests.support.many_clips import fill

COUNT = 20_000
NAME = "many clips"
SETTINGS = f"{LOAD}luma.configure(home='home', demo_seconds=900, confirm_count=5000)"
GALLERY, TABLE = "shown = luma.gallery()\nshown", "luma.clips()"
BATCH = "many = luma.batch([f'Kite {number}' for number in range(1000)], provider='demo')\nmany"
TILES, ROWS = ".luma-live-tiles", ".luma-many .luma-scroll"
# Of a list: the positions of the items that are in the page, from 1; the words of the last one that can be seen in it.
PLACES = """(selector) => [...document.querySelectorAll(`${selector} :is(.luma-item, tbody tr)`)]
    .map((item) => Number(item.getAttribute("aria-posinset") ?? item.getAttribute("aria-rowindex") - 1))"""
LAST = """([...document.querySelectorAll("SELECTOR :is(.luma-item, tbody tr)")].filter((item) => {
    const room = item.closest("SELECTOR").getBoundingClientRect();
    return item.getBoundingClientRect().top < room.bottom - 20;
}).at(-1)?.innerText ?? "")"""
# What remains of a table whose clips have all ended, once the live part is in it again.
REPLACED = "document.querySelector('.luma-card:has(.luma-live) .luma-later')"
MOST_ITEMS = 120  # in the page at once, of whatever list


def requests(count: int) -> list[GenerateRequest]:
    """What the clips of the folder were asked for with."""
    return [GenerateRequest(prompt=f"Paper boat {number} on a calm lake") for number in range(1, count + 1)]


def place(lab: Lab, name: str, count: int) -> Path:
    """Make a folder of clips beside which a notebook is to be; the folder."""
    folder = lab.folder / name
    folder.mkdir()
    film = render(FilmSpec("A paper boat on a calm lake"), lab.home, "boat").video
    fill(folder, requests(count), film, media=folder / "luma_videos", home=folder / "home")
    return folder


def last_words(selector: str) -> str:
    """An expression: what the last item says that can be seen in a list."""
    return LAST.replace("SELECTOR", selector)


def scroll(page: LabPage, selector: str, share: float) -> None:
    """Jump to a place in a list, from 0 to 1."""
    page.page.eval_on_selector(selector, "(list, share) => { list.scrollTop = share * list.scrollHeight; }", share)


def scroll_until(page: LabPage, selector: str, share: float, words: str) -> None:
    """Go to a place in a list, again where it was drawn anew, until its last item fits a regular expression."""
    move = f"const list = document.querySelector('{selector}'); if (list) list.scrollTop = {share} * list.scrollHeight"
    page.wait_for(f"{{ {move}; return /{words}/.test({last_words(selector)}); }}")


@pytest.fixture(scope="module")
def folder(lab: Lab) -> Path:
    """A folder of clips, in the server's."""
    return place(lab, NAME, COUNT)


Opener = Callable[..., LabPage]


@pytest.fixture
def opened(open_page: OpenPage, lab: Lab, folder: Path) -> Opener:
    """A function that opens a new notebook of these cells in that folder, and runs it."""

    def open_new(name: str, *cells: str) -> LabPage:
        lab.write(f"{NAME}/{name}.ipynb", SETTINGS, *cells)
        page: LabPage = open_page(f"{NAME}/{name}.ipynb")
        page.run_all()
        return page

    return open_new


@pytest.fixture(scope="module")
def shown(lab: Lab, folder: Path, tabs: Tabs) -> Iterator[LabPage]:
    """A page with a table and a gallery of the clips, for several tests; no error of its scripts passes unseen."""
    lab.write(f"{NAME}/shown.ipynb", SETTINGS, TABLE, GALLERY)
    with closing(Browser(tabs)) as browser:
        page = browser.open(lab, LabPage, f"{NAME}/shown.ipynb")
        page.run_all()
        yield page
        assert browser.errors == []


def test_a_gallery_of_twenty_thousand_clips_scrolls_to_its_last(shown: LabPage) -> None:
    """By wheel, by a jump and by keyboard; few tiles are in the page, no video is asked for before it plays, and only
    posters near the screen; any tile can be picked."""
    asked: list[str] = []
    page = shown
    page.page.on("request", lambda request: asked.append(request.url))
    page.wait_for(f"{last_words(TILES)}.includes('Paper boat 199')")
    assert page.page.evaluate(PLACES, TILES) == list(range(1, len(page.page.evaluate(PLACES, TILES)) + 1))
    width = page.page.locator(TILES).bounding_box()["width"]
    page.page.hover(TILES, position={"x": width - 4, "y": 100})  # beside the tiles: one below the mouse plays
    for _ in range(6):
        page.page.mouse.wheel(0, 2500)
        page.page.wait_for_timeout(100)
    page.wait_for(f"/Paper boat 19[78]\\d\\d/.test({last_words(TILES)})")
    assert len(page.page.evaluate(PLACES, TILES)) <= MOST_ITEMS
    scroll(page, TILES, 0.5)
    page.wait_for(f"/Paper boat (99|100)\\d\\d /.test({last_words(TILES)})")
    page.shot("many-gallery-middle")
    scroll(page, TILES, 1)
    page.wait_for(f"{last_words(TILES)}.includes('Paper boat 1 on')")
    page.wait_for("[...document.querySelectorAll('.luma-item img')].some((image) => image.naturalWidth)")
    page.shot("many-gallery-end")
    assert max(page.page.evaluate(PLACES, TILES)) == COUNT
    assert len(page.page.evaluate(PLACES, TILES)) <= MOST_ITEMS
    assert not [url for url in asked if ".mp4" in url]
    posters = {url for url in asked if url.endswith(".jpg")}
    assert len(posters) <= 5 * MOST_ITEMS
    assert page.page.locator(".luma-item[aria-setsize='20000']").count()
    assert page.faults(".luma-card") == []
    page.page.mouse.move(5, 5)
    page.page.locator(".luma-open").last.focus()
    page.wait_for("document.querySelector('.luma-preview')?.currentTime > 0.1")
    assert len({url for url in asked if ".mp4" in url}) == 1
    page.page.keyboard.press("Shift+Tab")
    assert page.page.evaluate("document.activeElement.title") == "Use this prompt again"
    page.page.get_by_role("button", name="Extend Paper boat 1 on a calm lake").click()
    page.wait_for("document.querySelector('.luma-studio .luma-cell')?.innerText.includes('extend clip:')")


def test_a_tile_in_use_stays_when_one_scrolls_away(shown: LabPage) -> None:
    """One that has the focus stays in the page, in its place; one that was left does not."""
    page = shown
    page.page.wait_for_selector(TILES)
    scroll(page, TILES, 0)
    page.wait_for(f"{last_words(TILES)}.includes('Paper boat 199')")
    page.page.locator(".luma-star").first.focus()
    scroll(page, TILES, 0.3)
    page.wait_for(f"/Paper boat (13|14)\\d\\d\\d /.test({last_words(TILES)})")
    assert page.page.evaluate(PLACES, TILES)[0] == 1
    page.page.evaluate("document.activeElement.blur()")
    scroll(page, TILES, 0.4)
    page.wait_for(f"/Paper boat (11|12)\\d\\d\\d /.test({last_words(TILES)})")
    assert page.page.evaluate(PLACES, TILES)[0] > 1


def test_many_clips_are_searched_and_played_large(shown: LabPage) -> None:
    """Of 20,000 clips one is found as one types; arrows go on to clips that were never drawn."""
    page = shown
    page.page.wait_for_selector(TILES)
    search = page.page.get_by_role("searchbox")
    search.fill("BOAT 123")
    found = sum("123" in str(number) for number in range(1, COUNT + 1))
    page.wait_for(f"document.querySelector('.luma-count')?.innerText === '{found} of 20,000 clips'")
    page.wait_for(f"document.querySelectorAll('{TILES} .luma-tile').length > 5")
    scroll(page, TILES, 1)
    page.wait_for(f"{last_words(TILES)}.includes('Paper boat 123 on')")
    search.press("Escape")
    page.wait_for(f"{last_words(TILES)}.includes('Paper boat 199')")
    page.page.locator(".luma-open").first.click()
    place = "document.querySelector('.luma-place').innerText"
    for number in range(2, 90):
        page.page.keyboard.press("ArrowRight")
        page.wait_for(f"{place} === '{number} of 20,000'")
    page.wait_for("document.querySelector('.luma-prompt').innerText === 'Paper boat 19912 on a calm lake'")
    page.wait_for("document.querySelector('.luma-player video')?.currentTime > 0")
    page.page.keyboard.press("Escape")


def test_a_table_of_twenty_thousand_clips_scrolls_to_its_last(shown: LabPage) -> None:
    """By keyboard and by a jump; few rows are in the page, each says which it is of how many, and its video opens."""
    page = shown
    page.wait_for(f"{last_words(ROWS)}.includes('Paper boat ')")
    assert page.page.inner_text(".luma-live .luma-status") == "20,000 clips: 20,000 completed"
    assert not page.page.locator(".luma-later").is_visible()
    assert page.page.get_attribute(".luma-many table", "aria-rowcount") == f"{COUNT + 1}"
    for _ in page.in_both_themes("many-table"):
        assert page.faults(".luma-live") == []
    page.page.focus(ROWS)
    page.page.keyboard.press("PageDown")
    page.wait_for(f"document.querySelector('{ROWS}').scrollTop > 100")
    page.page.keyboard.press("End")
    page.wait_for(f"{last_words(ROWS)}.includes('Paper boat 20000 ')")
    for _ in page.in_both_themes("many-table-end"):
        assert max(page.page.evaluate(PLACES, ROWS)) == COUNT
    assert len(page.page.evaluate(PLACES, ROWS)) <= MOST_ITEMS
    scroll(page, ROWS, 0.5)
    page.wait_for(f"/Paper boat 100\\d\\d /.test({last_words(ROWS)})")
    address = page.page.locator(".luma-many tbody a").last.get_attribute("href")
    kind = page.page.evaluate("async (url) => (await fetch(url)).headers.get('content-type')", address)
    assert kind == "video/mp4"
    for _ in page.in_both_themes("many-table-middle"):
        assert page.faults(".luma-live") == []


def test_gallery_and_table_of_many_clips_are_saved_small(opened: Opener, lab: Lab) -> None:
    """Without their kernel the first clips are there, and a line says how many are left out, and how to see them: where
    it ends while the page is open, as where the page is opened when it has ended."""
    page = opened("saved", GALLERY, TABLE)
    page.wait_for(f"{last_words(TILES)}.includes('Paper') && {last_words(ROWS)}.includes('Paper')")
    page.save(f"{NAME}/saved.ipynb")
    _, *shown = json.loads((lab.folder / NAME / "saved.ipynb").read_text(encoding="utf-8"))["cells"]
    for cell in shown:
        size = len(json.dumps(cell["outputs"], ensure_ascii=False).encode())
        assert 20_000 < size <= MOST_SAVED + 2_000, "one output is HTML and text, the others a few hundred bytes"
    page.menu("Kernel", "Restart Kernel…")
    page.page.click(".jp-Dialog button.jp-mod-accept")
    page.wait_for("!document.querySelector('.luma-item')")
    page.wait_for("!document.querySelector('.luma-live:not([hidden])')")
    assert page.text().count(" more: run this cell again to scroll through all of them") == 2
    page.wait_until_idle(f"{NAME}/saved.ipynb")
    page.open(f"{NAME}/saved.ipynb")
    page.wait_for("document.querySelectorAll('.luma-tile').length > 30")
    page.wait_for("document.querySelectorAll('.luma-card tbody tr').length > 30")
    page.wait_for("!document.body.innerText.includes('Loading widget')")
    words = page.text()
    for left in (page.page.locator(".luma-tile").count(), page.page.locator(".luma-card tbody tr").count()):
        assert f"and {COUNT - left:,} more: run this cell again to scroll through all of them" in words
    assert not [broken for broken in BROKEN if broken in words]
    page.shot("many-saved")


def test_a_live_table_of_a_thousand_clips_scrolls_while_they_are_made(opened: Opener) -> None:
    """Its last rows come when asked for, and hear of what happens; when all have ended it is where it was, though its
    output was drawn anew, and one can still scroll."""
    page = opened("live", BATCH)
    page.wait_for("document.querySelector('.luma-status')?.innerText.startsWith('1,000 clips: ')")
    scroll_until(page, ROWS, 1, "Kite 999")
    for _ in page.in_both_themes("many-live-end"):
        assert len(page.page.evaluate(PLACES, ROWS)) <= MOST_ITEMS
    page.page.get_by_role("button", name="Stop watching all (the tasks may go on)").click()
    page.wait_for(f"/not watched|cancelled/.test({last_words(ROWS)})")
    page.wait_for("/^1,000 clips: [^q]*$/.test(document.querySelector('.luma-status')?.innerText)")
    page.wait_for(f"{REPLACED}?.textContent.includes(' more: run this cell again')")
    page.wait_for(f"{last_words(ROWS)}.includes('Kite 999')")
    scroll_until(page, ROWS, 0, r"Kite \d\b")
    scroll_until(page, ROWS, 0.9, r"Kite 9\d\d")
