"""What a person sees in JupyterLab: the quickstart, the card while it lives, and the notebook after saving."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from luma_jupyter.demo.server import LOST, InjectedReply, RequestInfo, start
from tests.browser.conftest import ROOT, Browser, Lab, LabPage, Tabs

BROKEN = ("model not found", "Error displaying widget", "Loading widget", "Failed to load model")
CARDS = "document.querySelectorAll('.luma-card:not(:has(.luma-later))').length"
BAR = "document.querySelector('.luma-live .luma-bar')"
OpenPage = Callable[..., LabPage]

# The contrast of the text on what is behind it, by the WCAG formula, for the first element of a class.
CONTRAST = """(selector) => {
    const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const element = document.querySelector(selector);
    let opacity = 1, behind = null;
    for (let node = element; node; node = node.parentElement) {
        const style = getComputedStyle(node), ground = parse(style.backgroundColor);
        opacity *= Number(style.opacity);
        if (!behind && ground.length >= 3 && (ground[3] ?? 1) > 0.9) behind = ground;
    }
    const text = parse(getComputedStyle(element).color).slice(0, 3)
        .map((c, i) => c * opacity + behind[i] * (1 - opacity));
    const [a, b] = [light(text), light(behind)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
}"""


def played_well(page: LabPage, count: int) -> None:
    """Exactly ``count`` videos are on the page, and each of them plays."""
    page.wait_for(f"document.querySelectorAll('video').length >= {count}")
    played = page.play_all()
    assert len(played) == count
    assert all(video["ready"] == 4 and video["moved"] for video in played), played
    assert not [words for words in BROKEN if words in page.text()]


@pytest.fixture(scope="module")
def quickstart(lab: Lab, tabs: Tabs) -> str:
    """The quickstart, run in JupyterLab and saved: its name in the server's folder."""
    name = "01_quickstart.ipynb"
    shutil.copy(ROOT / "notebooks" / name, lab.folder)
    browser = Browser(tabs)
    page = browser.open(lab, LabPage, name, height=3600)
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0")
    page.shot("quickstart-running")
    page.wait_for(f"{CARDS} == 6")
    page.wait_for("!document.querySelector('.luma-live')")
    played_well(page, 5)
    page.wait_until_idle(name)
    page.shot("quickstart-done")
    page.save(name)
    browser.leave()
    assert browser.errors == []
    return name


def test_the_saved_quickstart_is_small_and_has_no_widgets_left(lab: Lab, quickstart: str) -> None:
    """Every card is plain HTML in the file, which stays below 100 KB and tells no path of the machine."""
    saved = (lab.folder / quickstart).read_text()
    assert len(saved.encode()) < 100_000
    outputs = [output for cell in json.loads(saved)["cells"] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]
    assert str(lab.folder) not in saved
    last = json.loads(saved)["cells"][-1]
    assert last["execution_count"], "Run All Cells goes on after the lessons about errors"
    assert not last["outputs"]


def test_the_saved_quickstart_plays_after_a_reload(open_page: OpenPage, quickstart: str) -> None:
    """Opened again, the videos play and no widget is missing."""
    played_well(open_page(quickstart, height=3600), 5)


def test_the_quickstart_plays_untrusted_from_a_copy_of_its_folder(
    open_page: OpenPage, lab: Lab, quickstart: str
) -> None:
    """In a copied folder, as somebody else's notebook, JupyterLab sanitises the outputs, and the videos still play."""
    copy = lab.folder / "from a friend"
    copy.mkdir()
    shutil.copytree(lab.folder / "luma_videos", copy / "luma_videos")
    notebook = json.loads((lab.folder / quickstart).read_text())
    notebook["metadata"]["somebody"] = "else"  # the signature is of the content: now nobody here has signed it
    (copy / quickstart).write_text(json.dumps(notebook))
    cells = lab.get(f"contents/from a friend/{quickstart}")["content"]["cells"]
    assert any(cell["metadata"].get("trusted") is False for cell in cells)
    page = open_page(f"from a friend/{quickstart}", height=3600)
    played_well(page, 5)
    page.shot("quickstart-untrusted")


def test_the_html_export_plays(chromium: Any, lab: Lab, quickstart: str) -> None:
    """An export beside the media folder plays from the disk."""
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(lab.folder / quickstart)]
    subprocess.run(command, check=True, capture_output=True)
    page = chromium.new_page(viewport={"width": 1200, "height": 3600})
    page.goto((lab.folder / quickstart).with_suffix(".html").as_uri())
    played_well(LabPage(page, lab), 5)
    LabPage(page, lab).shot("quickstart-export")
    page.close()


LOAD = "import luma_jupyter as luma\n%load_ext luma_jupyter\n"


def live(prompt: str, seconds: int = 7) -> tuple[str, str]:
    """Cells that make a clip slowly; each test needs a prompt of its own, since nothing is made twice."""
    return f"{LOAD}luma.configure(demo_seconds={seconds})", f"%%luma -o sunset --aspect-ratio 9:16\n{prompt}"


def test_the_bar_moves_while_another_cell_runs(open_page: OpenPage, lab: Lab) -> None:
    """With the kernel busy in a later cell the bar goes on, never falls, is never full, and the video comes after."""
    lab.write(
        "busy.ipynb",
        *live("A sunset while the kernel is busy"),
        "import time\nfor _ in range(50):\n    time.sleep(0.1)",
    )
    page = open_page("busy.ipynb")
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0")
    seen = []
    for _ in range(4):
        busy = page.page.query_selector('.jp-NotebookPanel-toolbar [data-status="busy"]')
        seen.append((busy is not None, page.page.evaluate(f"{BAR}.value")))
        page.page.wait_for_timeout(700)
    values = [value for _, value in seen]
    assert all(busy for busy, _ in seen)
    assert values == sorted(values)
    assert len(set(values)) >= 3
    assert 0 < values[0] < values[-1] < 1
    page.wait_for(f"{CARDS} == 1")
    played_well(page, 1)


def test_the_stop_button_ends_the_card_with_the_reason(open_page: OpenPage, lab: Lab) -> None:
    """The button says what it does and does it; the card ends with the reason."""
    lab.write("stop.ipynb", *live("A sunset that nobody follows"))
    page = open_page("stop.ipynb")
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0")
    button = page.page.get_by_role("button", name="Stop watching (the task may go on)")
    assert "may go on" in button.get_attribute("title")
    assert "billed" in button.get_attribute("title")
    button.click()
    page.wait_for(f"{CARDS} == 1")
    assert "not watched any more" in page.text()
    assert "may still run and be billed" in page.text()
    page.shot("stopped", ".luma-card")


def test_a_page_reloaded_in_mid_run_ends_with_the_video(open_page: OpenPage, lab: Lab) -> None:
    """After a reload the card goes on and becomes the video; saved and opened without its kernel, it still plays."""
    lab.write("reload.ipynb", *live("A sunset on a page that is reloaded", seconds=15))
    page = open_page("reload.ipynb")
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0")
    page.save("reload.ipynb")
    page.open("reload.ipynb")
    page.wait_for("document.querySelector('.luma-live')")
    page.shot("reloaded", ".luma-live")
    page.wait_for(f"{CARDS} == 1")
    page.wait_for("!document.querySelector('.luma-live')")
    played_well(page, 1)
    page.shot("reloaded-done")
    page.save("reload.ipynb")
    page.menu("Kernel", "Shut Down Kernel")
    again = open_page("reload.ipynb")
    again.wait_for("!document.body.innerText.includes('Loading widget')")
    again.page.click(".luma-later summary")
    played_well(again, 1)
    again.shot("reloaded-reopened")


def in_all_looks(page: LabPage, moment: str) -> Iterator[None]:
    """Show the page wide and narrow, in both themes, and keep a picture of each."""
    for width in (1200, 520):
        page.page.set_viewport_size({"width": width, "height": 1500})
        yield from page.in_both_themes(f"{moment}-{width}")


def test_cards_have_contrast_and_fit_the_page(open_page: OpenPage, lab: Lab) -> None:
    """Live, finished and failed cards have readable contrast in both themes, and fit a narrow page, portrait too."""
    others = "%%luma extend sunset\nThe tide comes in", "%%luma\nNever seen [fail]"
    lab.write("looks.ipynb", *live("A sunset in all looks", seconds=20), *others)
    page = open_page("looks.ipynb", 1200, 1500)
    page.page.keyboard.press("Control+b")  # no file browser beside a narrow notebook
    page.page.locator("#jp-left-stack").wait_for(state="hidden")
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0.005")
    for _ in in_all_looks(page, "live"):
        assert page.page.evaluate(CONTRAST, ".luma-live .luma-status") >= 4.5
        assert page.page.evaluate(CONTRAST, ".luma-live .luma-time") >= 4.5
    page.wait_for(f"{CARDS} == 3")
    for _ in in_all_looks(page, "done"):
        assert page.page.evaluate(CONTRAST, ".luma-card div") >= 4.5
        assert page.page.evaluate(CONTRAST, ".luma-card div:nth-of-type(2)") >= 4.5
        for card in page.page.query_selector_all(".luma-card"):
            assert card.evaluate("(card) => card.scrollWidth <= card.clientWidth + 1")
            assert card.evaluate("(card) => card.getBoundingClientRect().right <= innerWidth")
        height = page.page.evaluate("document.querySelector('.luma-card video').getBoundingClientRect().height")
        assert height <= 480


class PaidService:
    """A service that outlives the kernel, as the paid ones do; ``sent`` counts the paid requests."""

    def __init__(self) -> None:
        self.sent = 0
        self.loses_answers = False
        self.slow_uploads = False
        self.demo = start(seconds=1, hook=self._hear, film_seconds=1)

    def _hear(self, request: RequestInfo) -> InjectedReply | None:
        if self.slow_uploads and request.path.startswith("/api/v1/files"):
            time.sleep(2)
        if request.path != "/luma/videos":
            return None
        self.sent += 1
        return LOST if self.loses_answers else None

    def cells(self, prompt: str) -> tuple[str, str]:
        """Cells that make a clip here."""
        keys = f'luma.configure(acedata_token="{self.demo.token}", acedata_base_url="{self.demo.url}")'
        return f"{LOAD}{keys}", f"%%luma -o sunset\n{prompt}"


@pytest.fixture
def paid() -> Iterator[PaidService]:
    service = PaidService()
    yield service
    service.demo.close()


def test_restart_and_run_all_pays_nothing(open_page: OpenPage, lab: Lab, paid: PaidService) -> None:
    """After a restart the finished video is shown again at once, plays, and says that nothing was paid."""
    lab.write("again.ipynb", *paid.cells("A sunset, run again"))
    page = open_page("again.ipynb")
    page.run_all()
    page.wait_for(f"{CARDS} == 1")
    page.restart_and_run_all("again.ipynb")
    page.wait_for("document.body.innerText.includes('no charge')")
    played_well(page, 1)
    page.shot("run-again")
    assert paid.sent == 1


def test_a_killed_kernel_leaves_a_clip_that_is_followed_further(
    open_page: OpenPage, lab: Lab, paid: PaidService
) -> None:
    """Without its kernel a clip is unfinished, which the next one says; %luma resume brings its live card and video."""
    paid.demo.seconds = 20
    cells = paid.cells("A sunset, resumed")
    lab.write("resume.ipynb", *cells)
    page = open_page("resume.ipynb")
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0")
    page.menu("Kernel", "Shut Down Kernel")
    lab.write("resumed.ipynb", cells[0], "%luma resume")
    again = open_page("resumed.ipynb")
    again.run_all()
    again.wait_for(f"{BAR}?.value > 0")
    assert "1 clip of this folder is unfinished" in again.text()
    again.shot("resumed-live")
    again.wait_for(f"{CARDS} == 1")
    played_well(again, 1)
    again.shot("resumed-done")
    assert paid.sent == 1


def test_a_lost_answer_is_explained(open_page: OpenPage, lab: Lab, paid: PaidService) -> None:
    """The card says when it was sent and what can be done, also when the cell is run again; nothing is sent twice."""
    paid.loses_answers = True
    lab.write("lost.ipynb", *paid.cells("A sunset, in doubt"))
    page = open_page("lost.ipynb")
    page.run_all()
    page.wait_for("document.body.innerText.includes('may be billed')")
    page.shot("unconfirmed")
    page.restart_and_run_all("lost.ipynb")
    page.wait_for("document.body.innerText.includes('1 is unconfirmed')")
    page.wait_for("document.body.innerText.includes('Sent at')")
    page.shot("unconfirmed-again")
    assert paid.sent == 1


def test_the_history_shows_all_clips_of_the_folder(open_page: OpenPage, lab: Lab) -> None:
    """The table shows all clips of the folder, those of other kernels too."""
    lab.write("history.ipynb", LOAD, "%luma history")
    page = open_page("history.ipynb", 1200, 700)
    page.run_all()
    page.wait_for("document.querySelectorAll('.jp-OutputArea-output table tbody tr').length >= 3")
    page.shot("history")


# An MP4 as large as may be embedded: a box of zeros that players pass over (ISO/IEC 14496-12, "free").
GROW = """with sunset.wait().path.open("ab") as file:
    room = 9_900_000 - file.tell()
    file.write(room.to_bytes(4, "big") + b"free" + bytes(room - 8))"""


def test_an_embedded_video_plays_without_its_folder(open_page: OpenPage, lab: Lab) -> None:
    """With --embed the notebook alone is enough, trusted or not; also with a video of nearly 10 MB."""
    folder = lab.folder / "embedded"
    folder.mkdir()
    cells = (LOAD, "%%luma -o sunset --embed --no-wait\nA sunset to send away", GROW, "sunset")
    lab.write("embedded/embedded.ipynb", *cells)
    page = open_page("embedded/embedded.ipynb")
    page.run_all()
    page.wait_for(f"{CARDS} == 2")
    page.wait_for("!document.querySelector('.luma-live')")
    page.page.wait_for_timeout(2000)  # longer than the card's script waits before it would put its own copy there
    page.save("embedded/embedded.ipynb")
    shutil.rmtree(folder / "luma_videos")
    notebook = json.loads((folder / "embedded.ipynb").read_text())
    notebook["metadata"]["somebody"] = "else"
    (folder / "untrusted.ipynb").write_text(json.dumps(notebook))
    assert len((folder / "embedded.ipynb").read_bytes()) > 13_000_000
    for name in ("embedded", "untrusted"):
        page.open(f"embedded/{name}.ipynb")
        played_well(page, 2)
        assert page.page.evaluate("[...document.querySelectorAll('video')].every((v) => v.src.startsWith('data:'))")
    page.shot("embedded-untrusted")


MANY = "many = luma.clips()\nmany"


def test_many_clips_become_one_table_with_links(open_page: OpenPage, lab: Lab, paid: PaidService) -> None:
    """Twelve clips are one table that fills while they are made; in the end it is HTML with links to the videos."""
    (lab.folder / "many").mkdir()
    paid.demo.seconds = 25
    made = "for number in range(12):\n    luma.generate(f'Clip {number}' + ' [fail]' * (number == 7))"
    setting = "luma.configure(submissions=12)"
    lab.write("many/many.ipynb", f"{paid.cells('')[0]}\n{setting}", made, MANY)
    page = open_page("many/many.ipynb", 1200, 1000)
    page.run_all()
    page.wait_for("document.querySelectorAll('.luma-many tbody tr').length == 12")
    page.wait_for(f"{BAR}?.value > 0.03")
    for _ in page.in_both_themes("many-live"):
        assert page.page.evaluate(CONTRAST, ".luma-many td") >= 4.5
    assert "12 clips: " in page.page.inner_text(".luma-live .luma-status")
    page.save("many/many.ipynb")
    page.open("many/many.ipynb")
    page.wait_for("document.querySelectorAll('.luma-many tbody tr').length == 12")
    page.wait_for("document.querySelectorAll('.luma-many a').length > 0")
    page.shot("many-reloaded")
    page.wait_for(f"{CARDS} == 1")
    page.wait_for("!document.querySelector('.luma-live')")
    assert "12 clips: 11 completed, 1 failed" in page.text()
    for _ in page.in_both_themes("many-done"):
        assert page.page.locator(".luma-card a").count() == 11
    address = "document.querySelector('.luma-card a').href"
    kind = page.page.evaluate(f"async () => (await fetch({address})).headers.get('content-type')")
    assert kind == "video/mp4"


def test_a_card_shows_how_far_an_upload_is(open_page: OpenPage, lab: Lab, paid: PaidService) -> None:
    """While a picture goes up the card says which and how far, and then the video begins with it."""
    paid.slow_uploads = True
    Image.effect_noise((900, 506), 80).save(lab.folder / "first.png")
    load, _ = paid.cells("")
    platform = f'acedata_platform_url="{paid.demo.url}", acedata_platform_token="{paid.demo.platform_token}"'
    load += f"\nluma.configure({platform})"
    lab.write("upload.ipynb", load, "%%luma -o begun --start-image first.png\nA sunset that begins with a picture")
    page = open_page("upload.ipynb")
    page.run_all()
    page.wait_for("document.querySelector('.luma-status')?.innerText.startsWith('uploading first.png')")
    page.shot("uploading", ".luma-card")
    page.wait_for(f"{CARDS} == 1")
    played_well(page, 1)
    assert paid.sent == 1


def test_a_card_says_when_its_kernel_is_gone(open_page: OpenPage, lab: Lab, paid: PaidService) -> None:
    """A card whose kernel was restarted does not go on as if nothing had happened: it says so, and what to do."""
    paid.demo.seconds = 60
    lab.write("gone.ipynb", *paid.cells("A sunset without a kernel"))
    page = open_page("gone.ipynb")
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0")
    page.menu("Kernel", "Restart Kernel…")
    page.page.click(".jp-Dialog button.jp-mod-accept")
    page.wait_for("document.querySelector('.luma-status')?.innerText.includes('The kernel is gone')")
    page.shot("kernel-gone", ".luma-card")
    page.page.wait_for_timeout(3000)  # a server that is stopped while a kernel restarts does not end
    page.wait_until_idle("gone.ipynb")


GRID = "grid = luma.batch(['A paper boat in the rain'], aspect_ratio=['16:9', '9:16'], loop=[True, False])\ngrid"
STEPS = """foggy = grid[1].modify("A foggy morning with golden light")
longer = luma.batch("It sails into the sunset", action="extend", source=[foggy, grid[1]])
longer.wait()
grid[1].lineage()"""


def test_a_batch_is_confirmed_and_its_lineage_is_drawn(open_page: OpenPage, lab: Lab) -> None:
    """The question is answered in the notebook; the table tells the rows apart; the drawing shows what came of one."""
    (lab.folder / "batch").mkdir()
    setting = f"{LOAD}luma.configure(demo_seconds=8, confirm_count=3, home='home')"
    lab.write("batch/batch.ipynb", setting, GRID, STEPS)
    page = open_page("batch/batch.ipynb", 1200, 1400)
    page.run_all()
    page.page.wait_for_selector(".jp-Stdin-input")
    for _ in page.in_both_themes("batch-question"):
        assert "4 new videos are more than 3 (the setting confirm_count). Send them? [y/N]" in page.text()
        assert "2 aspect ratios × loop on and off = 4 new videos, free (demo)." in page.text()
    page.page.fill(".jp-Stdin-input", "y")
    page.page.press(".jp-Stdin-input", "Enter")
    page.wait_for("document.querySelectorAll('.luma-request-summary').length == 4")
    asked = page.page.eval_on_selector_all(".luma-request-summary", "cells => cells.map((cell) => cell.textContent)")
    assert asked == ["generate 16:9, loop", "generate 16:9", "generate 9:16, loop", "generate 9:16"]
    for _ in page.in_both_themes("batch-live"):
        assert page.page.evaluate(CONTRAST, ".luma-request-summary") >= 4.5
    page.wait_for(f"{CARDS} == 1")
    page.wait_for("document.querySelector('.jp-RenderedSVG img')?.naturalWidth > 400")
    for _ in page.in_both_themes("batch-done"):
        assert page.page.locator(".jp-RenderedSVG img").is_visible()
