"""The gallery and the comparison as a person has them: in JupyterLab and in Notebook 7, live and after saving."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.demo.film import FilmSpec, render
from tests.browser.conftest import Lab, LabPage
from tests.browser.in_step import SEEK, in_step
from tests.browser.test_lab import BROKEN, LOAD, OpenPage
from tests.support.saved_clips import place_clip

MANY = 200
COMMS = "print('comms', len(get_ipython().kernel.comm_manager.comms))"
GALLERY = "shown = luma.gallery(folder='films')\nshown"
COMPARE = "luma.compare(luma.gallery(folder='films')[:2])"
PICKS = "document.querySelectorAll('.luma-live-tiles .luma-picks').length"
FORM = "document.querySelector('.luma-studio .luma-cell')?.innerText"
SIDES = "document.querySelectorAll('.luma-live-sides video').length"
# Puts into the page when the cell's output came and when so many tiles could be scrolled through, those in sight with
# their pictures.
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
        const all = document.querySelector(`.luma-item[aria-setsize="${count}"]`);
        if (all && drawn && document.querySelector(".luma-picks")) window.openAt = performance.now();
        else requestAnimationFrame(look);
    };
    look();
}"""
VIDEOS = "[...document.querySelectorAll('.luma-live-sides video')]"
# From the shortest to the longest.
BY_LENGTH = f"{VIDEOS}.sort((a, b) => a.duration - b.duration)"
SCRUBS = (0.5, 4.0, 1.0, 3.0, 2.0, 4.5, 0.1, 2.2, 3.3, 1.1)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a demo film of five seconds, with its thumbnail beside it."""
    return render(FilmSpec("A paper boat in the rain"), tmp_path_factory.mktemp("film"), "film").video


def place(film: Path, folder: Path, count: int) -> None:
    """Put copies of a film into a media folder, with the sidecars that say where they came from."""
    folder.mkdir(parents=True)
    for number in range(count):
        video = place_clip(film, folder, number, f"A paper boat in the rain, take {number}", "boat", (640, 360))
        shutil.copyfile(film.with_suffix(".jpg"), video.with_suffix(".jpg"))


def videos_asked(page: LabPage) -> list[str]:
    """The addresses of the videos that the page asks for from now on; the list fills."""
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url) if ".mp4" in request.url else None)
    return asked


Opener = Callable[..., LabPage]


@pytest.fixture
def opened(request: pytest.FixtureRequest, film: Path) -> Opener:
    """A function that opens a new notebook with films in its folder, in the front end that the test is for."""
    lab: Lab = request.getfixturevalue(getattr(request, "param", "lab"))
    open_: OpenPage = request.getfixturevalue("open_page" if type(lab) is Lab else "open_notebook7")

    def open_new(name: str, *cells: str, count: int = 3, theme: str = "Light") -> LabPage:
        place(film, lab.folder / name / "films", count)
        lab.write(f"{name}/{name}.ipynb", LOAD, *cells)
        lab.theme(f"JupyterLab {theme}")
        return open_(f"{name}/{name}.ipynb")

    return open_new


def test_a_gallery_of_two_hundred_loads_only_the_video_that_is_pointed_at(opened: Opener) -> None:
    """All tiles come without a video; one that is pointed at loads, and goes away again. (How soon: `make bench`.)"""
    page = opened("many films", GALLERY, count=MANY)
    asked = videos_asked(page)
    page.page.evaluate(WATCH, MANY)
    page.run_all()
    page.wait_for("window.openAt")
    assert asked == []
    page.page.hover(".luma-tile >> nth=2")
    page.wait_for("document.querySelector('.luma-preview')?.currentTime > 0.2")
    page.shot("gallery-hover")
    page.page.hover(".luma-tile >> nth=4")
    page.wait_for("document.querySelector('.luma-item:nth-child(5) .luma-preview')?.currentTime > 0.1")
    assert page.page.locator(".luma-preview").count() == 1
    page.page.mouse.move(5, 5)
    page.wait_for("!document.querySelector('.luma-preview')")
    assert len(set(asked)) == 2
    assert page.faults(".luma-card") == []


@pytest.mark.parametrize("opened", ["lab", "notebook7"], indirect=True)
def test_gallery_and_comparison_are_used_by_keyboard(opened: Opener) -> None:
    """A focused poster plays, Enter plays it large; picking shows what to go on with; Space plays a comparison."""
    page = opened("keys", GALLERY, COMPARE)
    page.run_all()
    page.wait_for(f"{PICKS} == 3 && {SIDES} == 2")
    page.page.locator(".luma-open").first.focus()
    page.wait_for("document.querySelector('.luma-preview')?.currentTime > 0.1")
    page.page.keyboard.press("Enter")
    page.wait_for("document.querySelector('.luma-player video')?.currentTime > 0.1")
    assert not page.page.locator(".luma-preview").count()
    page.page.keyboard.press("Escape")
    page.page.get_by_role("button", name="Modify A paper boat in the rain, take 1").focus()
    page.page.keyboard.press("Space")
    page.wait_for(f"{FORM}?.includes('modify')")
    page.page.get_by_role("button", name="Extend A paper boat in the rain, take 0").click()
    page.wait_for(f"{FORM}?.includes('extend')")
    page.wait_for("document.activeElement.name === 'prompt'")
    page.shot("gallery-picked")
    page.page.get_by_role("button", name="Play", exact=True).press("Space")
    page.wait_for(in_step(VIDEOS, least=0.5))
    page.page.get_by_role("button", name="Pause").press("Space")
    page.wait_for("[...document.querySelectorAll('.luma-sides video')].every((v) => v.paused)")


def scrub(page: LabPage, position: float) -> None:
    """Move the slider of a comparison to so many seconds."""
    page.page.locator(".luma-position").evaluate(SEEK, position)


def test_compared_videos_keep_step(opened: Opener) -> None:
    """Two videos of five seconds stay within 80 ms of each other, playing through their end, and after each scrub."""
    page = opened("in step", COMPARE, theme="Dark")
    page.run_all()
    page.wait_for(f"{SIDES} == 2 && document.querySelector('.luma-position').max > 4")
    page.page.get_by_role("button", name="Play").click()
    page.wait_for(in_step(VIDEOS, least=0.1))
    page.wait_for(in_step(VIDEOS, least=4.0))
    page.wait_for(in_step(VIDEOS, least=0.1, most=3))  # they began again
    for position in SCRUBS:
        scrub(page, position)
        page.wait_for(in_step(VIDEOS, least=position - 0.04, most=position + 2))
    page.page.evaluate(f"{VIDEOS}[1].currentTime += 0.2")
    page.wait_for(in_step(VIDEOS))
    page.page.get_by_role("button", name="Pause").click()
    page.wait_for(f"{VIDEOS}.every((v) => v.paused && !v.seeking)")
    for position in SCRUBS:
        scrub(page, position)
        page.wait_for(in_step(VIDEOS, least=position - 0.05, most=position + 0.05))
    page.shot("compare-dark")
    page.page.get_by_role("button", name="Mute").click()
    assert page.page.evaluate("[...document.querySelectorAll('.luma-sides video')].every((v) => !v.muted)")
    page.page.get_by_role("button", name="Slider").click()
    page.page.get_by_role("slider", name="Before and after").press("ArrowLeft")
    cut = "getComputedStyle(document.querySelectorAll('.luma-sides video')[1]).clipPath"
    page.wait_for(f"{cut} == 'inset(0px 0px 0px 49%)'")
    page.shot("compare-slider-dark")
    assert page.faults(".luma-card") == []


def test_the_shortest_video_waits_at_its_end_for_the_others(opened: Opener, lab: Lab, tmp_path: Path) -> None:
    """Of three videos the shortest waits at its end for the others, and all begin again together."""
    page = opened("short", "luma.compare(luma.gallery(folder='films'))")
    short = render(FilmSpec("A short one", seconds=1.5), tmp_path, "short").video
    shutil.copyfile(short, next((lab.folder / "short" / "films").glob("*.mp4")))
    page.run_all()
    page.wait_for(f"{SIDES} == 3 && document.querySelector('.luma-position').max > 4")
    page.page.get_by_role("button", name="Play").click()
    waiting = f"Math.abs({BY_LENGTH}[0].currentTime - 1.5) < 0.1"
    page.wait_for(f"{waiting} && {in_step(f'{BY_LENGTH}.slice(1)', least=3)}")
    page.wait_for(in_step(VIDEOS, most=1))
    assert page.page.get_by_role("button", name="Slider").count() == 0


def test_cleared_outputs_leave_no_comm_in_the_kernel(opened: Opener) -> None:
    """When gallery, form and comparison are cleared away, the kernel has as many comms as before."""
    page = opened("comms", COMMS, GALLERY, COMPARE, COMMS)
    page.run_all()
    page.wait_for(f"{PICKS} == 3 && {SIDES} == 2")
    page.page.get_by_role("button", name="Extend A paper boat in the rain, take 0").click()
    page.wait_for(f"{FORM}?.includes('extend')")
    counts = page.page.locator(".jp-OutputArea-output:has-text('comms ')")
    before, meanwhile = (int(text.split()[1]) for text in counts.all_inner_texts())
    page.menu("Edit", "Clear Outputs of All Cells")
    page.page.wait_for_timeout(2500)
    page.page.locator(".jp-CodeCell .cm-content").last.click()
    page.page.keyboard.press("Control+Enter")
    counts.wait_for()
    assert before < meanwhile
    assert int(counts.inner_text().split()[1]) == before


def test_gallery_and_comparison_play_saved_untrusted_and_exported(opened: Opener, lab: Lab, chromium: Any) -> None:
    """Without its kernel, from somebody else and as an HTML page: both are there, play, and nothing is missing."""
    page = opened("kept", GALLERY, COMPARE, theme="Dark")
    page.run_all()
    page.wait_for(f"{PICKS} == 3 && {SIDES} == 2")
    page.shot("gallery-dark")
    assert page.faults(".luma-card") == []
    page.save("kept/kept.ipynb")
    page.menu("Kernel", "Shut Down Kernel")
    folder = lab.folder / "kept"
    notebook = json.loads((folder / "kept.ipynb").read_text())
    notebook["metadata"]["somebody"] = "else"
    (folder / "untrusted.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(folder / "kept.ipynb")]
    subprocess.run(command, check=True, capture_output=True)
    for name in ("kept", "untrusted"):
        page.open(f"kept/{name}.ipynb")
        page.wait_for("document.querySelectorAll('.luma-tile').length == 3")
        page.shot(f"gallery-{name}")
        plain_form_plays(page)
    export = chromium.new_page(viewport={"width": 1200, "height": 1600})
    export.goto((folder / "kept.html").as_uri())
    plain_form_plays(LabPage(export, lab))
    LabPage(export, lab).shot("gallery-export")
    export.close()


def plain_form_plays(page: LabPage) -> None:
    """Three tiles and two sides are in the page, all pictures are there and all videos play; nothing speaks of loss."""
    page.wait_for("document.querySelectorAll('.luma-tile').length == 3")
    page.wait_for("[...document.querySelectorAll('.luma-tile img')].every((image) => image.naturalWidth)")
    page.wait_for("!document.body.innerText.includes('Loading widget')")
    assert page.page.locator(".luma-picks, .luma-controls").count() == 0
    assert not [words for words in BROKEN if words in page.text()]
    for summary in page.page.locator(".luma-tile summary").all():
        summary.click()
    played = page.play_all()
    assert len(played) == 5
    assert all(video["moved"] for video in played), played
