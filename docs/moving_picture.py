"""Makes the picture at the top of README: a ``%%luma`` cell that is typed, run and becomes a video, in JupyterLab.

``python -m docs.moving_picture`` from the root of the repository takes some 40 seconds, and needs Chromium. Typing and
playing are timed by hand; what is between them is as it was. The player's controls are hidden while it plays.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from tests.browser.conftest import Lab, LabPage, running_chromium

PICTURE = Path(__file__).parents[1] / "notebooks" / "images" / "quickstart.webp"
LINE, PROMPT = "%%luma -o sunset", "Astronauts shuttle from space to volcano"
WIDTH, HEIGHT = 820, 720  # pixels of the window; the picture shows the notebook in it
PLAYED = 5.0  # seconds of the video
FRAME = 0.125  # seconds between two frames of it
SEEK = """async ([second]) => {
    const video = document.querySelector(".jp-Cell video");
    video.controls = false;
    const sought = new Promise(done => video.addEventListener("seeked", done, { once: true }));
    video.currentTime = second;
    await sought;
    await new Promise(requestAnimationFrame);
}"""
Frame = tuple[Image.Image, float]


class Camera:
    """Takes pictures of the notebook."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.area = page.locator(".jp-NotebookPanel-notebook").bounding_box()

    def take(self, seconds: float) -> Frame:
        """The page as it is, to be shown for so long."""
        return Image.open(io.BytesIO(self.page.screenshot(clip=self.area))).convert("RGB"), seconds

    def typed(self) -> Iterator[Frame]:
        """The cell is written."""
        yield self.take(0.6)
        for text in (LINE, "\n", PROMPT):
            for start in range(0, len(text), 2):
                self.page.keyboard.insert_text(text[start : start + 2])
                yield self.take(0.09)
        yield self.take(0.5)

    def made(self) -> Iterator[Frame]:
        """The card, from the request to the video."""
        self.page.keyboard.press("Control+Enter")
        now = time.monotonic()
        while not self.page.query_selector(".jp-Cell :text('completed in')"):
            picture, _ = self.take(0)
            time.sleep(0.05)
            before, now = now, time.monotonic()
            yield picture, now - before

    def played(self) -> Iterator[Frame]:
        """The video."""
        self.page.wait_for_function("document.querySelector('.jp-Cell video').readyState >= 3")
        for number in range(round(PLAYED / FRAME)):
            self.page.evaluate(SEEK, [number * FRAME])
            yield self.take(FRAME)


def frames() -> list[Frame]:
    """All of it."""
    with TemporaryDirectory() as folder, running_chromium() as chromium:
        notebooks, home = Path(folder) / "notebooks", Path(folder) / "home"
        notebooks.mkdir()
        lab = Lab(notebooks, home)
        shutil.rmtree(lab.ipython)  # films are as long as always
        lab.write("film.ipynb", "%load_ext luma_jupyter", "")
        with lab.running():
            page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            LabPage(page, lab).open("film.ipynb")
            page.evaluate("const { shell } = jupyterapp; shell.mode = 'single-document'; shell.collapseLeft();")
            page.click(".jp-Cell >> nth=0 >> .cm-content")
            page.keyboard.press("Shift+Enter")
            page.click(".jp-Cell >> nth=1 >> .cm-content")
            time.sleep(2)  # loaded, and the card's script is there
            camera = Camera(page)
            return [*camera.typed(), *camera.made(), *camera.played()]


def main() -> None:
    """Write the picture."""
    taken = frames()
    first, *others = [image for image, _ in taken]
    durations = [round(seconds * 1000) for _, seconds in taken]
    first.save(PICTURE, save_all=True, append_images=others, duration=durations, loop=0, quality=75, method=5, kmax=1)


if __name__ == "__main__":
    main()
