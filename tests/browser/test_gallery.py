"""The gallery and the comparison as a person has them: in JupyterLab and in Notebook 7, live and after saving."""

from __future__ import annotations

import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest

from luma_jupyter.demo.film import FilmSpec, render
from luma_jupyter.engine import sidecars
from luma_jupyter.engine.records import fingerprint
from luma_jupyter.models import GenerateRequest, Status, Task, Video
from tests.browser.conftest import Lab, LabPage
from tests.browser.test_lab import LOAD, OpenPage

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
MANY = 200
COMMS = "print('comms', len(get_ipython().kernel.comm_manager.comms))"
GALLERY = "shown = luma.gallery(folder='films')\nshown"
COMPARE = "luma.compare(*luma.gallery(folder='films')[:2])"
TILES = "document.querySelectorAll('.luma-live-tiles .luma-picks').length"
SIDES = "document.querySelectorAll('.luma-live-sides video').length"
# Puts into the page when the cell's output came and when its tiles were there, with the pictures that are in sight.
WATCH = """(count) => {
    const seen = (image) => {
        const [box, room] = [image.getBoundingClientRect(), image.closest(".luma-tiles").getBoundingClientRect()];
        return box.top < Math.min(room.bottom, innerHeight) && box.bottom > Math.max(room.top, 0);
    };
    const look = () => {
        const tiles = document.querySelectorAll(".luma-tile");
        if (tiles.length) window.cameAt ??= performance.now();
        const images = [...document.querySelectorAll(".luma-tile img")].filter(seen);
        const drawn = images.length && images.every((image) => image.complete && image.naturalWidth);
        if (tiles.length === count && drawn && document.querySelector(".luma-picks")) window.openAt = performance.now();
        else requestAnimationFrame(look);
    };
    look();
}"""
# How far apart both videos are, in seconds: in each picture for a while; at that moment.
APART = """async (ms) => {
    const [a, b] = document.querySelectorAll(".luma-live-sides video");
    const apart = [];
    const end = performance.now() + ms;
    while (performance.now() < end) {
        await new Promise(requestAnimationFrame);
        apart.push([Math.abs(a.currentTime - b.currentTime), a.currentTime, a.paused || b.paused]);
    }
    return apart;
}"""
SCRUB = """async (position) => {
    const [a, b] = document.querySelectorAll(".luma-live-sides video");
    const input = document.querySelector(".luma-position");
    const shown = (video) => new Promise((done) => video.requestVideoFrameCallback((_, frame) => done(frame.mediaTime)));
    const frames = Promise.all([shown(a), shown(b)]);
    input.value = position;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    const [first, second] = await Promise.race([frames, new Promise((done) => setTimeout(done, 2000, [0, 0]))]);
    const start = performance.now();
    while ((a.seeking || b.seeking) && performance.now() - start < 2000) await new Promise(requestAnimationFrame);
    return [Math.abs(a.currentTime - b.currentTime), Math.abs(first - second), a.currentTime];
}"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a demo film of five seconds, with its thumbnail beside it."""
    return render(FilmSpec("A paper boat in the rain"), tmp_path_factory.mktemp("film"), "film").video


def place(film: Path, folder: Path, count: int) -> None:
    """Put copies of a film into a media folder, with the sidecars that say where they came from."""
    folder.mkdir(parents=True)
    for number in range(count):
        request = GenerateRequest(prompt=f"A paper boat in the rain, take {number}")
        intent = f"{number:032x}"[::-1]
        task = Task(
            intent=intent,
            request=request,
            provider="demo",
            status=Status.COMPLETED,
            created_at=1_700_000_000.0 + number,
            filename=f"boat-{intent[:8]}.mp4",
            fingerprint=fingerprint(request, None),
            ended_at=1_700_000_090.0 + number,
            task_id=f"task-{number}",
            video=Video("http://127.0.0.1:9/film.mp4", None, 640, 360),
        )
        video = folder / task.filename
        shutil.copyfile(film, video)
        shutil.copyfile(film.with_suffix(".jpg"), video.with_suffix(".jpg"))
        with video.with_suffix(".json").open("wb") as file:
            sidecars.write(file, task, video.stat().st_size)


def faults(page: LabPage, selector: str) -> list[Any]:
    """What axe-core finds serious or critical in a part of the page."""
    page.page.evaluate(AXE)
    found = page.page.evaluate("(selector) => axe.run(selector)", selector)["violations"]
    return [(f["id"], [n["html"] for n in f["nodes"][:2]]) for f in found if f["impact"] in ("serious", "critical")]


def videos_asked(page: LabPage) -> list[str]:
    """The addresses of the videos that the page asks for from now on; the list fills."""
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url) if ".mp4" in request.url else None)
    return asked


@pytest.fixture
def page(request: pytest.FixtureRequest, film: Path) -> Any:
    """A function that opens a notebook of some cells, with 200 films in its folder, in the front end of the test."""
    front_end = getattr(request, "param", "lab")
    lab: Lab = request.getfixturevalue("lab" if front_end == "lab" else "notebook7")
    open_: OpenPage = request.getfixturevalue("open_page" if front_end == "lab" else "open_notebook7")

    def open_with(name: str, *cells: str, count: int = 2, **size: int) -> LabPage:
        place(film, lab.folder / name / "films", count)
        lab.write(f"{name}/{name}.ipynb", LOAD, *cells)
        return open_(f"{name}/{name}.ipynb", **size)

    return open_with


def test_two_hundred_posters_open_at_once(page: Any) -> None:
    """The gallery is there within a second of its output; no video is loaded but the one that is pointed at."""
    opened: LabPage = page("gallery", GALLERY, count=MANY)
    asked = videos_asked(opened)
    opened.page.evaluate(WATCH, MANY)
    started = time.monotonic()
    opened.run_all()
    opened.wait_for("window.openAt", timeout=30)
    print("run to open", time.monotonic() - started)
    print("opened in", opened.page.evaluate("openAt - cameAt"))
    assert opened.page.evaluate("openAt - cameAt") < 1000
    assert asked == []
    opened.page.hover(".luma-tile >> nth=2")
    opened.wait_for("document.querySelector('.luma-preview')?.currentTime > 0.2", timeout=10)
    opened.shot("gallery-hover")
    assert len(set(asked)) == 1
    opened.page.mouse.move(5, 5)
    opened.wait_for("!document.querySelector('.luma-preview')", timeout=5)
    print(faults(opened, ".luma-card"))


def test_compare(page: Any) -> None:
    opened: LabPage = page("compare", COMPARE)
    opened.run_all()
    opened.wait_for(f"{SIDES} == 2", timeout=30)
    opened.wait_for("document.querySelector('.luma-position').max > 4", timeout=10)
    opened.shot("compare")
    opened.page.get_by_role("button", name="Play").click()
    opened.page.wait_for_timeout(100)
    apart = opened.page.evaluate(APART, 7000)
    gaps = sorted(a[0] for a in apart)
    print("n", len(gaps), "median", statistics.median(gaps), "p95", gaps[int(len(gaps) * 0.95)], "max", gaps[-1])
    print("moved", apart[0][1], apart[-1][1], sum(a[2] for a in apart))
    print([opened.page.evaluate(SCRUB, p) for p in (0.5, 4, 1, 3, 2, 4.5, 0.1, 2.2, 3.3, 1.1)])
    opened.page.get_by_role("button", name="Pause").click()
    print([opened.page.evaluate(SCRUB, p) for p in (0.5, 4, 1, 3, 2, 4.5, 0.1, 2.2, 3.3, 1.1)])
    opened.page.get_by_role("button", name="Slider").click()
    opened.shot("compare-slider")
    print(faults(opened, ".luma-card"))
