"""What a folder of 20,000 clips costs to look at: a gallery and a table in Chromium, and a key press in the studio.

A cell's time is from the key that runs it to the first picture with its items, so the kernel's part is in it; that part
is measured alone, too. While one scrolls, what counts is the longest time between two pictures.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.benchmarks.report import Report, say
from tests.browser import test_many_clips as many
from tests.browser.conftest import CHROMIUM_FLAGS, Lab, LabPage
from tests.support.processes import end

TIMES = 5
MOST_TO_OPEN, MOST_KERNEL, LONGEST_FRAME, MOST_KEY = 1500.0, 100.0, 100.0, 50.0  # milliseconds
NOTEBOOK = f"{many.NAME}/views.ipynb"
CELLS = {"gallery": (many.GALLERY, many.TILES), "table": (many.TABLE, many.ROWS)}
KERNEL = """import time
def timed(make):
    begun = time.perf_counter()
    make()._ipython_display_()
    print(f"this took {1e3 * (time.perf_counter() - begun):.3f} ms")
"""
STUDIO = "studio = luma.Studio(takes='999', yes=True)\nstudio"
# One key press in the prompt in the kernel, whose time the cell prints.
PRESS = """begun = time.perf_counter()
studio.form.prompt += 'x'
print(f"this took {1e3 * (time.perf_counter() - begun):.3f} ms")"""
# Tells when a cell is asked to run, and when the first picture comes that has items with words in a list.
OPENED = """async (selector) => {
    let begun;
    addEventListener("keydown", () => { begun ??= performance.now(); }, { capture: true, once: true });
    const there = () => document.querySelector(`${selector} :is(.luma-item, tbody tr:not(.luma-coming))`);
    window.opened = (async () => {
        while (!there()) await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        return performance.now() - begun;
    })();
}"""
# Scrolls through a list, in steps and then in jumps, and gives the milliseconds between each two pictures.
SCROLL = """async (selector) => {
    const list = document.querySelector(selector), frames = [];
    let last = performance.now();
    const picture = async () => {
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
    };
    list.scrollTop = 0;
    for (let i = 0; i < 300; i++) { list.scrollTop += 120; await picture(); }
    for (let i = 0; i <= 60; i++) { list.scrollTop = (i / 60) * list.scrollHeight; await picture(); await picture(); }
    return frames;
}"""
# The milliseconds that the page takes for each key until it has drawn it, and for what the kernel says to it.
KEYS = """async () => {
    window.keys = [];
    new PerformanceObserver((seen) => keys.push(...seen.getEntries().filter(({ name }) => name === "keydown")
        .map(({ processingEnd, startTime }) => processingEnd - startTime))).observe(
            { type: "event", durationThreshold: 16 });
    window.tasks = [];
    new PerformanceObserver((seen) => tasks.push(...seen.getEntries().map(({ duration }) => duration))).observe(
        { type: "longtask" });
}"""


def run(report: Report) -> None:
    """Measure all of it in JupyterLab, in a headless Chromium."""
    with tempfile.TemporaryDirectory() as root, sync_playwright() as playwright:
        folder, home = Path(root, "notebooks"), Path(root, "home")
        folder.mkdir()
        home.mkdir()
        lab = Lab(folder, home)
        say(f"views: {many.COUNT:,} clips")
        many.place(lab, many.NAME, many.COUNT)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        server = lab.start()
        try:
            _lists(report, lab, browser)
            _studio(report, lab, browser)
        finally:
            browser.close()
            end(server)


def _page(lab: Lab, browser: Browser, *cells: str) -> LabPage:
    lab.write(NOTEBOOK, f"{many.SETTINGS}\n{KERNEL}", *cells)
    page = LabPage(browser.new_page(viewport={"width": 1200, "height": 1000}), lab)
    page.open(NOTEBOOK)
    _run(page, 0)
    return page


def _run(page: LabPage, cell: int) -> None:
    """Run a cell and wait for its end."""
    page.page.locator(".jp-CodeCell .cm-content").nth(cell).click()
    page.page.keyboard.press("Control+Enter")
    page.page.wait_for_timeout(200)
    page.wait_until_idle(NOTEBOOK)


def _timed(page: LabPage, cell: int) -> float:
    """Run a cell that prints its time, in milliseconds."""
    _run(page, cell)
    words = f"document.querySelectorAll('.jp-CodeCell')[{cell}].innerText"
    page.wait_for(f"{words}.includes('this took')")
    return float(page.page.evaluate(f"{words}.match(/.*this took ([\\d.]+)/s)[1]"))


def _lists(report: Report, lab: Lab, browser: Browser) -> None:
    rows: list[dict[str, Any]] = []
    for name, (cell, selector) in CELLS.items():
        page = _page(lab, browser, f"timed(lambda: {cell.rpartition('= ')[2].split()[0]})", cell)
        kernel = [_timed(page, 1) for _ in range(TIMES)]
        opened = []
        for _ in range(TIMES):
            page.menu("Edit", "Clear Outputs of All Cells")
            page.wait_for(f"!document.querySelector('{selector}')")
            page.page.locator(".jp-CodeCell .cm-content").nth(2).click()
            page.page.evaluate(OPENED, selector)
            page.page.keyboard.press("Control+Enter")
            opened.append(page.page.evaluate("opened"))
            page.wait_until_idle(NOTEBOOK)
        page.wait_for(f"document.querySelector('{selector}').scrollHeight > 100000")
        frames = sorted(page.page.evaluate(SCROLL, selector))
        nodes = page.page.evaluate("(list) => document.querySelectorAll(`${list} *`).length", selector)
        rows.append(
            {
                "": name,
                "kernel (ms)": median(kernel),
                "cell to picture (ms)": median(opened),
                "at most": max(opened),
                "frames": len(frames),
                "median frame (ms)": median(frames),
                "99 of 100": frames[len(frames) * 99 // 100],
                "longest": frames[-1],
                "nodes in the page": nodes,
            }
        )
        report.check(f"a {name} of {many.COUNT:,} clips: the kernel's part", median(kernel), MOST_KERNEL, "ms")
        report.check(f"a {name} of {many.COUNT:,} clips opens", median(opened), MOST_TO_OPEN, "ms")
        report.check(f"scrolling through the {name}, longest frame", frames[-1], LONGEST_FRAME, "ms")
        page.page.close()
    report.table(f"Looking at {many.COUNT:,} clips in JupyterLab", rows)


def _studio(report: Report, lab: Lab, browser: Browser) -> None:
    page = _page(lab, browser, STUDIO, PRESS)
    _run(page, 1)
    page.page.wait_for_selector(".luma-studio textarea")
    page.page.fill(".luma-studio textarea", "A kite")
    page.page.wait_for_timeout(2000)
    page.page.evaluate(KEYS)
    page.page.focus(".luma-studio textarea")
    for _ in range(3):
        page.page.keyboard.type(" in the rain", delay=60)
        page.page.wait_for_timeout(2500)  # until the kernel has answered
    keys, tasks = page.page.evaluate("[keys, tasks]")
    kernel = [_timed(page, 2) for _ in range(TIMES)]
    page.page.close()
    values = {"in the page": keys or [0.0], "the page's longest task": tasks or [0.0], "in the kernel": kernel}
    rows = [{"": what, "median (ms)": median(times), "most (ms)": max(times)} for what, times in values.items()]
    report.table(
        "One change in the studio with 999 takes; keys of less than 16 ms and tasks of less than 50 do not count", rows
    )
    report.check("a key in the studio: in the page", max(values["in the page"]), MOST_KEY, "ms")
    report.check(
        "what the kernel says of it: the page's longest task", max(values["the page's longest task"]), MOST_KEY, "ms"
    )
    report.check("a change in the studio with 999 takes: in the kernel", median(kernel), MOST_KEY, "ms")
