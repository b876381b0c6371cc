"""Films with captions as a person has them: in JupyterLab and in Notebook 7, saved, untrusted and exported."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.browser.conftest import Lab, LabPage
from tests.browser.test_lab import CARDS, LOAD, OpenPage

DRAW = """from PIL import Image
for name, colour in (("harbour", "#224466"), ("storm", "#663322")):
    Image.new("RGB", (640, 360), colour).save(f"{name}.png")"""
FILM = """%%luma film harbour.png@2 storm.png@2 -o movie --title "Night at sea" --no-wait
The old harbour
A storm & its night"""
LINES = ["The old harbour", "A storm & its night"]
# Plays the video for a moment; which captions are shown then, and all that there are.
CAPTIONS = """async () => {
    const video = document.querySelector("video");
    video.muted = true;
    video.scrollIntoView();
    await video.play();
    while (video.currentTime < 0.5) await new Promise((resolve) => setTimeout(resolve, 50));
    video.pause();
    const track = video.textTracks[0];
    const texts = (cues) => [...(cues ?? [])].map((cue) => cue.text);
    return track ? [track.mode, texts(track.activeCues), texts(track.cues)] : ["none", [], []];
}"""
SHOWN = ["showing", ["The old harbour"], ["The old harbour", "A storm &amp; its night"]]


def write_film(lab: Lab, name: str) -> None:
    """A notebook that makes a film of two pictures, in a folder of its own."""
    (lab.folder / name).mkdir()
    lab.write(f"{name}/{name}.ipynb", LOAD, DRAW, FILM)


def captions_below(page: LabPage) -> list[str]:
    """The captions as text, once they are folded out."""
    page.page.click(".luma-card summary:text-is('Captions')")
    lines: list[str] = page.page.locator(".luma-card details:has(summary:text-is('Captions')) > div").all_inner_texts()
    return lines


def test_a_film_is_shown_with_its_captions(open_page: OpenPage, lab: Lab) -> None:
    """The card ends as a player that shows the captions, says what it is of, and has them as text below."""
    write_film(lab, "captions")
    page = open_page("captions/captions.ipynb")
    page.run_all()
    page.wait_for(f"{CARDS} == 1 && document.querySelector('video')")
    assert page.page.evaluate(CAPTIONS) == SHOWN
    assert page.page.get_attribute("video", "title") == "Night at sea"
    assert captions_below(page) == LINES
    for _ in page.in_both_themes("film"):
        assert page.faults(".luma-card") == []


def test_a_saved_film_has_its_captions_wherever_it_is_shown(open_page: OpenPage, lab: Lab, chromium: Any) -> None:
    """Opened again and as an HTML page from the disk they are shown over it; from somebody else they are below it."""
    write_film(lab, "saved")
    page = open_page("saved/saved.ipynb")
    page.run_all()
    page.wait_for(f"{CARDS} == 1 && document.querySelector('video')")
    page.save("saved/saved.ipynb")
    page.menu("Kernel", "Shut Down Kernel")
    folder = lab.folder / "saved"
    page.open("saved/saved.ipynb")
    page.wait_for("document.querySelector('video')")
    assert page.page.evaluate(CAPTIONS) == SHOWN

    notebook = json.loads((folder / "saved.ipynb").read_text())
    notebook["metadata"]["somebody"] = "else"
    (folder / "untrusted.ipynb").write_text(json.dumps(notebook))
    page.open("saved/untrusted.ipynb")
    page.wait_for("document.querySelector('video')")
    assert page.page.evaluate(CAPTIONS)[2] == []
    assert page.page.get_attribute("video", "title") == "Night at sea"
    assert captions_below(page) == LINES
    page.shot("film-untrusted")

    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(folder / "saved.ipynb")]
    subprocess.run(command, check=True, capture_output=True)
    export = LabPage(chromium.new_page(viewport={"width": 1200, "height": 1000}), lab)
    export.page.goto((folder / "saved.html").as_uri())
    assert export.page.evaluate(CAPTIONS) == SHOWN
    export.shot("film-export")
    export.page.close()


def test_a_film_is_shown_with_its_captions_in_notebook_7(open_notebook7: OpenPage, notebook7: Lab) -> None:
    """As in JupyterLab, also when it is opened again."""
    write_film(notebook7, "captions")
    page = open_notebook7("captions/captions.ipynb")
    page.run_all()
    page.wait_for(f"{CARDS} == 1 && document.querySelector('video')")
    assert page.page.evaluate(CAPTIONS) == SHOWN
    page.save("captions/captions.ipynb")
    page.open("captions/captions.ipynb")
    page.wait_for("document.querySelector('video')")
    assert page.page.evaluate(CAPTIONS) == SHOWN
    page.shot("film-notebook7")
