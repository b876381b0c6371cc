"""What a page does in Chromium: how soon a gallery of 200 clips and a sheet of 64 are open, and how well a comparison
and that sheet keep step."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from luma_jupyter.demo.film import FilmSpec, render
from tests.benchmarks.report import Report, say
from tests.browser import test_gallery as gallery
from tests.browser import test_sheet as sheets
from tests.browser.conftest import CHROMIUM_FLAGS, Lab, LabPage
from tests.browser.test_lab import LOAD

TIMES = 5
MOST_TO_OPEN, MOST_APART = 1000.0, 80.0  # milliseconds
# How far apart the two videos are in each picture, for some milliseconds: [seconds, position, whether one stands].
SIDES_APART = """async (ms) => {
    const [a, b] = document.querySelectorAll(".luma-live-sides video");
    const apart = [];
    const end = performance.now() + ms;
    while (performance.now() < end) {
        await new Promise(requestAnimationFrame);
        apart.push([Math.abs(a.currentTime - b.currentTime), a.currentTime, a.paused || b.paused]);
    }
    return apart;
}"""
# Scrubs to a position, and when both are there tells how far apart they are, and where they are; in seconds.
SCRUB = """async (position) => {
    const [a, b] = document.querySelectorAll(".luma-live-sides video");
    const input = document.querySelector(".luma-position");
    input.value = position;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    const end = performance.now() + 3000;
    const there = () => !a.seeking && !b.seeking && Math.abs(a.currentTime - position) < 0.3;
    do await new Promise(requestAnimationFrame); while (!there() && performance.now() < end);
    return [Math.abs(a.currentTime - b.currentTime), a.currentTime];
}"""
# How far apart the videos in sight are in each picture, for some milliseconds: [seconds, the place of the first].
SHEET_APART = f"""async (ms) => {{
    const apart = [];
    const end = performance.now() + ms;
    while (performance.now() < end) {{
        await new Promise(requestAnimationFrame);
        {sheets.SEEN}
        const places = seen.map((video) => video.currentTime);
        apart.push([Math.max(...places) - Math.min(...places), Math.max(...places)]);
    }}
    return apart;
}}"""


def run(report: Report) -> None:
    """Measure all in JupyterLab, in a headless Chromium."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        film = render(FilmSpec("A paper boat in the rain"), Path(folder), "film").video
        lab = Lab(Path(folder), Path(folder, "home"))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        server = lab.start()
        try:
            _gallery(report, lab, browser, film)
            _comparison(report, lab, browser, film)
            _sheet(report, lab, browser)
        finally:
            browser.close()
            server.kill()
            server.wait()


def _opened(lab: Lab, browser: Browser, film: Path, name: str, cell: str, count: int) -> LabPage:
    gallery.place(film, lab.folder / name / "films", count)
    lab.write(f"{name}/{name}.ipynb", LOAD, cell)
    page = LabPage(browser.new_page(viewport={"width": 1200, "height": 1000}), lab)
    page.open(f"{name}/{name}.ipynb")
    return page


def _gallery(report: Report, lab: Lab, browser: Browser, film: Path) -> None:
    say(f"pages: a gallery of {gallery.MANY} clips")
    took = []
    for turn in range(TIMES):
        page = _opened(lab, browser, film, f"many-{turn}", gallery.GALLERY, gallery.MANY)
        page.page.evaluate(gallery.WATCH, gallery.MANY)
        page.run_all()
        page.wait_for("window.openAt")
        took.append(page.page.evaluate("openAt - cameAt"))
        page.page.close()
    rows = [{"clips": gallery.MANY, "times": TIMES, "median (ms)": median(took), "most (ms)": max(took)}]
    report.table(
        "A gallery, from its first tile on the page to a list of all, those in sight with posters and buttons", rows
    )
    report.check(f"a gallery of {gallery.MANY} clips opens", median(took), MOST_TO_OPEN, "ms")


def _comparison(report: Report, lab: Lab, browser: Browser, film: Path) -> None:
    say("pages: a comparison of two clips")
    page = _opened(lab, browser, film, "compare", gallery.COMPARE, 3)
    page.run_all()
    page.wait_for(f"{gallery.SIDES} == 2 && document.querySelector('.luma-position').max > 4")
    page.page.get_by_role("button", name="Play").click()
    page.wait_for("document.querySelector('.luma-sides video').currentTime > 0.1")
    playing = [1000 * apart for apart, *_ in page.page.evaluate(SIDES_APART, 10_000)]
    scrubbed = [1000 * page.page.evaluate(SCRUB, position)[0] for position in gallery.SCRUBS]
    page.page.close()
    both = {"playing": playing, "scrubbed while playing": scrubbed}
    rows = [
        {"": what, "looks": len(apart), "median (ms)": median(apart), "most (ms)": max(apart)}
        for what, apart in both.items()
    ]
    report.table("How far apart two videos are", rows)
    report.check("two videos apart while playing, at most", max(playing), MOST_APART, "ms")
    report.check("two videos apart after a scrub, at most", max(scrubbed), MOST_APART, "ms")


def _sheet(report: Report, lab: Lab, browser: Browser) -> None:
    say("pages: a sheet of 64 small videos")
    took, apart, count = [], [], 0
    film = sheets.write_small(lab.folder / "small.mp4", seconds=5)
    for turn in range(TIMES):
        name = f"sheet-{turn}"
        sheets.place(film, lab.folder / name / "films", sheets.BEASTS, sheets.WEATHERS)
        lab.write(f"{name}/{name}.ipynb", LOAD, sheets.SHEET)
        page = LabPage(browser.new_page(viewport={"width": 1920, "height": 1400}), lab)
        page.open(f"{name}/{name}.ipynb")
        page.page.evaluate(sheets.WATCH)
        page.run_all()
        page.wait_for(f"window.openAt && {sheets.READY}")
        took.append(page.page.evaluate("openAt - cameAt"))
        page.page.get_by_role("button", name="Play").click()
        page.wait_for("document.querySelector('.luma-sheet video').currentTime > 0.5")
        apart += [1000 * distance for distance, _ in page.page.evaluate(SHEET_APART, 6000)]
        count = page.page.evaluate(f"() => {{ {sheets.SEEN} return seen.length; }}")
        page.page.close()
    rows = [{"times": TIMES, "in sight": count, "open, median (ms)": median(took), "open, most (ms)": max(took)}]
    rows[0] |= {"looks": len(apart), "apart, median (ms)": median(apart), "apart, most (ms)": max(apart)}
    report.table(
        "A sheet of 8 × 8: from its table to the first pictures of those in sight; and how far apart they are", rows
    )
    report.check("a sheet of 64 clips opens", median(took), MOST_TO_OPEN, "ms")
    report.check(
        "64 videos apart while playing, 99 of 100 looks", sorted(apart)[int(0.99 * len(apart))], MOST_APART, "ms"
    )
