"""Sheets as a person has them: live in JupyterLab, blind, and as a page of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.browser.conftest import Lab, LabPage
from tests.browser.in_step import SEEK, in_step
from tests.browser.test_lab import LOAD, OpenPage
from tests.support.saved_clips import place_clip

BEASTS = ("fox", "owl", "polar bear", "cat", "ship", "lighthouse", "train", "kite")
WEATHERS = ("snow", "rain", "fog", "dusk", "night", "storm", "spring", "autumn")
CLIPS = "clips = list(luma.gallery(folder='films'))[::-1]"
SHEET = f"{CLIPS}\nsheet = luma.sheet(clips)\nsheet"
BLIND = f"{CLIPS}\nblind = luma.sheet(clips, blind=True)\nblind"
FORM = "document.querySelectorAll('.luma-live-sheet .luma-votes').length"
READY = "document.querySelector('.luma-position')?.max > 1"
VOTED = "document.querySelector('.luma-voted')?.textContent"
SEEN = """const seen = [...document.querySelectorAll(".luma-sheet video")].filter((video) => {
    const [box, room] = [video, video.closest(".luma-sheet")].map((node) => node.getBoundingClientRect());
    return box.top < Math.min(room.bottom, innerHeight) && box.bottom > Math.max(room.top, 0)
        && box.left < Math.min(room.right, innerWidth) && box.right > Math.max(room.left, 0);
});"""
# When the first picture of each video in sight is there, in milliseconds since the page began to load.
OPEN = f"""() => new Promise((resolve) => {{
    const look = () => {{
        {SEEN}
        if (seen.length && seen.every((video) => video.readyState >= 2)) resolve([seen.length, performance.now()]);
        else requestAnimationFrame(look);
    }};
    look();
}})"""
# Puts into the page when the sheet came and when the first pictures of its videos in sight were there.
WATCH = f"""() => {{
    const look = () => {{
        {SEEN}
        if (document.querySelector(".luma-sheet")) window.cameAt ??= performance.now();
        if (seen.length && seen.every((video) => video.readyState >= 2)) window.openAt = performance.now();
        else requestAnimationFrame(look);
    }};
    look();
}}"""
IN_SIGHT = f"(() => {{ {SEEN} return seen; }})()"


def write_small(path: Path, seconds: int = 3) -> Path:
    """A small video, in which a square moves."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as video:
        stream = video.add_stream("libx264", rate=24, options={"preset": "veryfast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(seconds * 24):
            pixels = np.full((90, 160, 3), (40, 60, 90), np.uint8)
            pixels[30:60, 2 * number : 2 * number + 12] = (230, 200, 60)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        video.mux(stream.encode(None))
    return path


def place(film: Path, folder: Path, beasts: tuple[str, ...], weathers: tuple[str, ...]) -> None:
    """Put copies of a film into a media folder, with the sidecars of a grid of prompts."""
    folder.mkdir(parents=True)
    for number, (beast, weather) in enumerate((beast, weather) for beast in beasts for weather in weathers):
        words = f"{beast.replace(' ', '-')}-{weather}"
        place_clip(film, folder, number, f"A {beast} in {weather}", words, (160, 90))


Opener = Callable[..., LabPage]


@pytest.fixture
def opened(lab: Lab, open_page: OpenPage, tmp_path: Path) -> Opener:
    """A function that opens a new notebook with a grid of films in its folder."""
    film = write_small(tmp_path / "film.mp4")

    def open_new(name: str, *cells: str, count: int = 8, theme: str = "Light", **size: int) -> LabPage:
        place(film, lab.folder / name / "films", BEASTS[:count], WEATHERS[:count])
        lab.write(f"{name}/{name}.ipynb", LOAD, *cells)
        lab.theme(f"JupyterLab {theme}")
        return open_page(f"{name}/{name}.ipynb", **size)

    return open_new


def test_a_sheet_of_many_plays_in_step(opened: Opener) -> None:
    """Those in sight within 80 ms, playing through their end and after one scrolled; labels stay; axe finds nothing."""
    page = opened("sheet of many", SHEET, count=6, theme="Dark")
    page.run_all()
    page.wait_for(READY)
    page.page.get_by_role("button", name="Play").click()
    page.wait_for(in_step(IN_SIGHT, least=2.0))
    page.wait_for(in_step(IN_SIGHT, least=0.2, most=1.5))  # they began again
    room = page.page.locator(".luma-sheet")
    room.evaluate("(room) => { room.scrollTop = 300; room.scrollLeft = 300; }")
    page.page.wait_for_timeout(500)
    page.wait_for(in_step(IN_SIGHT, least=0.2))
    corner = room.bounding_box()
    column, row = page.page.get_by_role("columnheader").last, page.page.get_by_role("rowheader", name="lighthouse")
    assert column.bounding_box()["y"] == pytest.approx(corner["y"], abs=3)
    assert row.bounding_box()["x"] == pytest.approx(corner["x"], abs=3)
    page.shot("sheet-dark-scrolled")
    page.page.get_by_role("button", name="Pause").click()
    page.wait_for("[...document.querySelectorAll('.luma-sheet video')].every((v) => v.paused)")
    assert page.faults(".luma-card") == []
    page.save("sheet of many/sheet of many.ipynb")
    page.menu("Kernel", "Shut Down Kernel")
    page.open("sheet of many/sheet of many.ipynb")
    page.wait_for("document.querySelectorAll('.luma-sheet details').length == 36")
    page.page.locator(".luma-sheet summary").first.click()
    page.shot("sheet-saved")
    assert page.play_all(".luma-sheet details[open] > video")[0]["moved"]


def test_a_sheet_scrolls_in_its_own_frame_on_narrow_and_enlarged_pages(opened: Opener) -> None:
    """At 600 pixels and at 150 % the page itself does not scroll sideways; the frame is reached by keyboard."""
    page = opened("sheet", SHEET, count=3, width=600)
    page.run_all()
    page.wait_for(READY)
    for zoom in ("1", "1.5"):
        page.page.evaluate(f"document.querySelector('.jp-WindowedPanel-viewport').style.zoom = '{zoom}'")
        page.page.locator(".luma-sheet").focus()
        page.page.keyboard.press("ArrowRight")
        page.wait_for("document.querySelector('.luma-sheet').scrollLeft > 0")
        wide = "(() => { const b = document.querySelector('.luma-card'); return b.scrollWidth - b.clientWidth; })()"
        assert page.page.evaluate(wide) <= 1
        page.shot(f"sheet-600-zoom-{zoom}")
    assert page.faults(".luma-card") == []


def test_a_blind_sheet_is_voted_on_by_keys_and_buttons(opened: Opener, lab: Lab) -> None:
    """Nothing tells what a tile is until all have votes, which outlive a reload of the page; then all labels show."""
    page = opened("blind", BLIND, "blind.votes", count=2)
    page.run_all()
    page.wait_for(f"{FORM} == 4 && {READY}")
    page.wait_for("document.body.innerText.includes('Votes are still missing (4 of 4)')")
    html = page.page.locator(".luma-card").evaluate("(card) => card.outerHTML")
    assert not [word for word in ("fox", "owl", "snow", "rain") if word in html]
    buttons = page.page.get_by_role("group", name="Vote on video 1")
    buttons.get_by_role("radio").first.focus()
    page.page.keyboard.press("4")
    page.page.get_by_role("group", name="Vote on video 2").get_by_text("2", exact=True).click()
    page.wait_for(f"{VOTED}?.includes('2 of 4 done')")
    assert page.faults(".luma-card") == []
    page.shot("sheet-blind")
    page.save("blind/blind.ipynb")
    page.open("blind/blind.ipynb")
    page.wait_for(f"{FORM} == 4 && {VOTED}?.includes('2 of 4 done')")
    assert page.page.get_by_role("group", name="Vote on video 1").get_by_role("radio", name="4").is_checked()
    for number, mark in ((3, "1"), (4, "5")):
        page.page.get_by_role("group", name=f"Vote on video {number}").get_by_role("radio").first.focus()
        page.page.keyboard.press(mark)
    page.wait_for(f"{VOTED}.startsWith('All videos have a vote')")
    names = page.page.locator(".luma-label").all_inner_texts()
    assert sorted(names) == ["fox · rain", "fox · snow", "owl · rain", "owl · snow"]
    page.shot("sheet-voted")
    page.page.locator(".jp-CodeCell .cm-content").last.click()
    page.page.keyboard.press("Control+Enter")
    page.wait_for("!document.body.innerText.includes('Votes are still missing')")


def test_a_saved_page_plays_together_without_a_notebook(
    tmp_path: Path, chromium: Any, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen videos in one file, without a network; in both colour schemes, at 600 pixels too."""
    import luma_jupyter as luma

    place(write_small(tmp_path / "film.mp4"), tmp_path / "films", BEASTS[:4], WEATHERS[:4])

    def save() -> Path:
        return luma.sheet(list(luma.gallery(folder=tmp_path / "films"))[::-1]).save(tmp_path / "sheet.html")

    with ThreadPoolExecutor(1) as elsewhere:  # to wait inside Playwright's loop would patch asyncio for all later tests
        target = elsewhere.submit(save).result()
    errors: list[Any] = []
    for scheme, width in (("light", 1600), ("dark", 600)):
        page = chromium.new_page(viewport={"width": width, "height": 1100}, color_scheme=scheme, offline=True)
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(target.as_uri(), wait_until="commit")
        page.evaluate(OPEN)
        shown = LabPage(page, lab)
        for act in ("Play", "Pause", "Play"):
            page.get_by_role("button", name=act).click()
            shown.wait_for(in_step(IN_SIGHT, least=0.2))
        page.locator(".luma-position").evaluate(SEEK, 1.5)
        shown.wait_for(in_step(IN_SIGHT, least=1.5))
        shown.shot(f"sheet-page-{scheme}")
        assert shown.faults("body") == []
        assert errors == []
        page.close()
