"""A gallery as a person has it while clips are made: it is chosen from, searched and played large; in JupyterLab and in
Notebook 7, by mouse and by keyboard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.conftest import Lab, LabPage
from tests.browser.test_gallery import videos_asked
from tests.browser.test_lab import LOAD

SETTINGS = f"{LOAD}\nluma.configure(demo_seconds=8)"
PROMPTS = ["A fox by the sea", "A boat in the rain", "狐狸 at night"]
BATCH = f"clips = luma.batch({PROMPTS!r}, provider='demo', again=True)"
GALLERY = "shown = luma.gallery()\nshown"
COMPARE = "luma.compare(clips[0], clips[1])"
CHOSEN = "print('chosen', [clip.prompt for clip in shown.chosen], [clip.note for clip in shown])"
HEADING = "document.querySelector('.luma-heading')?.innerText"
TITLES = "[...document.querySelectorAll('.luma-item figcaption [title]')].map((part) => part.title)"
PLAYED = "document.querySelector('.luma-player video')?.currentTime > 0.1"
ZOOMED = "document.querySelector('.jp-WindowedPanel-viewport').style.zoom"  # JupyterLab gives what is around it pixels
FOCUS = "document.activeElement.getAttribute('aria-label')"


def open_gallery(lab: Lab, open_: Any, name: str, *cells: str) -> LabPage:
    """A notebook, in a folder of its name, in which a batch is begun and its gallery shown at once, as by Run All."""
    (lab.folder / name).mkdir()
    lab.write(f"{name}/{name}.ipynb", SETTINGS, BATCH, GALLERY, *cells)
    page: LabPage = open_(f"{name}/{name}.ipynb")
    page.run_all()
    page.wait_for(f"{HEADING} === '0 clips, 3 being made'")
    page.wait_for(f"{HEADING} === '3 clips'")
    page.wait_for("document.querySelectorAll('.luma-item .luma-tile').length === 3")
    return page


def run_last(page: LabPage) -> str:
    """Run the last cell; what it printed."""
    page.page.locator(".jp-CodeCell .cm-content").last.click()
    page.page.keyboard.press("Control+Enter")
    output = page.page.locator(".jp-OutputArea-output:has-text('chosen')").last
    output.wait_for()
    printed: str = output.inner_text().strip()
    return printed


def test_a_gallery_is_chosen_from_and_searched(lab: Lab, open_page: Any) -> None:
    """Clips come by themselves; a star and a note by mouse and by keyboard are kept, shown everywhere, and saved."""
    page = open_gallery(lab, open_page, "choosing", COMPARE, CHOSEN)
    page.wait_for("document.querySelectorAll('.luma-live-sides .luma-star').length === 2")
    tiles = page.page.locator(".luma-live-tiles")
    tiles.get_by_role("button", name="Star A fox by the sea").click()
    page.wait_for("document.querySelector('.luma-live-sides .luma-star').getAttribute('aria-pressed') === 'true'")
    side = page.page.locator(".luma-live-sides .luma-pen").last
    side.focus()
    page.page.keyboard.press("Enter")
    page.page.keyboard.type("the light")
    page.page.keyboard.press("Enter")
    tiles.get_by_text("the light", exact=True).wait_for()
    assert page.page.evaluate(FOCUS).startswith("Note on")
    pen = tiles.get_by_role("button", name="Note on A fox by the sea")
    pen.click()
    page.page.keyboard.type("never")
    page.page.keyboard.press("Escape")
    assert page.page.evaluate(FOCUS) == "Note on A fox by the sea"
    assert run_last(page) == "chosen ['A fox by the sea'] ['', 'the light', '']"
    for _ in page.in_both_themes("gallery-live"):
        assert page.faults(".luma-card") == []

    search = page.page.get_by_role("searchbox", name="Search prompts, names and notes")
    search.fill("LIGHT")
    page.wait_for("document.querySelector('.luma-count').innerText === '1 of 3 clips'")
    assert page.page.evaluate(TITLES) == ["A boat in the rain"]
    search.fill("狐狸")
    page.wait_for(f"{TITLES}.join() === '狐狸 at night'")
    page.shot("gallery-search")
    search.press("Escape")
    page.wait_for(f"{TITLES}.length === 3")
    assert search.input_value() == ""
    assert page.page.evaluate("document.activeElement.className") == "luma-search"
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Space")
    page.wait_for(f"{TITLES}.join() === 'A fox by the sea'")
    page.page.keyboard.press("Space")
    page.wait_for(f"{TITLES}.length === 3")

    tiles.get_by_role("button", name="Use this prompt again: 狐狸 at night").click()
    page.wait_for("document.querySelector('.luma-studio .luma-cell')?.innerText === '%%luma\\n狐狸 at night'")
    page.page.set_viewport_size({"width": 600, "height": 900})
    page.page.wait_for_timeout(500)
    page.shot("gallery-600")
    assert page.faults(".luma-card") == []
    page.page.set_viewport_size({"width": 1000, "height": 900})
    page.page.evaluate(f"{ZOOMED} = '1.5'")
    page.page.wait_for_timeout(500)
    room = page.page.locator(".luma-live-tiles").bounding_box()
    for part in (page.page.get_by_role("searchbox"), *page.page.locator(".luma-item").all()):
        box = part.bounding_box()
        assert box["x"] >= room["x"]
        assert box["x"] + box["width"] <= room["x"] + room["width"] <= 1000
    page.shot("gallery-150")
    assert page.faults(".luma-card") == []
    page.page.evaluate(f"{ZOOMED} = ''")
    page.save("choosing/choosing.ipynb")
    saved = json.loads((lab.folder / "choosing" / "choosing.ipynb").read_text(encoding="utf-8"))["cells"][2]["outputs"][
        0
    ]
    html = "".join(saved["data"]["text/html"])
    assert html.count("<figure") == 3
    assert "★" in html


@pytest.mark.parametrize("front_end", ["lab", "notebook7"])
def test_clips_are_played_large_by_keyboard(front_end: str, request: pytest.FixtureRequest) -> None:
    """A tile opens over the page; arrows go through all clips, of which only the one that is shown is loaded; `s` is
    its star; Escape goes back to where one was."""
    lab = request.getfixturevalue(front_end)
    open_ = request.getfixturevalue("open_page" if front_end == "lab" else "open_notebook7")
    page = open_gallery(lab, open_, f"large {front_end}", CHOSEN)
    asked = videos_asked(page)
    page.page.get_by_role("button", name="Play 狐狸 at night large").focus()
    page.page.keyboard.press("Enter")
    page.wait_for(PLAYED)
    page.page.keyboard.press("ArrowLeft")
    assert page.page.inner_text(".luma-place") == "1 of 3"
    page.page.keyboard.press("ArrowRight")
    page.wait_for(f"{PLAYED} && document.querySelector('.luma-prompt').innerText === 'A boat in the rain'")
    assert page.page.locator(".luma-player video").count() == 1
    page.page.keyboard.press("s")
    assert page.page.get_attribute(".luma-player .luma-star", "aria-pressed") == "true"
    page.shot(f"gallery-large-{front_end}")
    assert page.faults(".luma-player") == []
    assert len(set(asked)) == 2
    for _ in range(8):
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("document.activeElement.closest('.luma-player, body:focus') !== null")
    page.page.keyboard.press("Escape")
    page.wait_for("!document.querySelector('.luma-player').open")
    assert page.page.evaluate(FOCUS) == "Play 狐狸 at night large"
    page.wait_for("!document.querySelector('.luma-player video')")  # a dialog tells of its end afterwards
    page.wait_for("document.querySelectorAll('.luma-item [aria-pressed=true]').length === 1")
    assert run_last(page) == "chosen ['A boat in the rain'] ['', '', '']"
