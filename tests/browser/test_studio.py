"""The studio as somebody uses it who types no code: in JupyterLab and Notebook 7, with the mouse and with the keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import Lab, LabPage
from tests.browser.test_lab import BROKEN, CONTRAST

LOAD = "import luma_jupyter as luma\nluma.configure(demo_seconds=3)"
COMMS = "print('open comms:', len(get_ipython().kernel.comm_manager.comms))"


@pytest.fixture(params=["JupyterLab", "Notebook 7"])
def open_studio(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., tuple[LabPage, Lab, str]]:
    """Open a notebook with these cells in each of the two: the page, its server, and the notebook's name."""
    kind, opener = ("lab", "open_page") if request.param == "JupyterLab" else ("notebook7", "open_notebook7")
    lab: Lab = request.getfixturevalue(kind)
    open_page = request.getfixturevalue(opener)

    def open_(*cells: str, height: int = 1500) -> tuple[LabPage, Lab, str]:
        name = f"{tmp_path.name}/studio.ipynb"  # a folder of its own: the clips of a folder are shown
        (lab.folder / tmp_path.name).mkdir()
        lab.write(name, *cells)
        page = open_page(name, height=height)
        page.run_all()
        return page, lab, name

    return open_


def fill(page: LabPage, root: Any = None, **fields: str) -> None:
    """Fill text fields by their accessible names."""
    for name, text in fields.items():
        (root or page.page).get_by_role("textbox", name=name.replace("_", " "), exact=True).fill(text)


def press(page: LabPage, name: str, root: Any = None) -> None:
    """Press a button."""
    (root or page.page).get_by_role("button", name=name, exact=True).click()


def row(page: LabPage, label: str) -> Any:
    """The row of a clip in the queue."""
    return page.page.locator(f'.luma-queue tbody tr:has(td:first-child:text-is("{label}"))')


def run_cell(page: LabPage, number: int) -> str:
    """Run a cell, and give what it printed."""
    page.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content").click()
    page.page.keyboard.press("Control+Enter")
    output = page.page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-OutputArea-output")
    output.last.wait_for(state="attached")
    printed: str = output.last.inner_text().strip()
    return printed


def test_a_form_makes_clips_for_the_queue_and_variables(open_studio: Any) -> None:
    """Each form makes its clip: what is wrong is marked first, the queue shows the way, the video plays, and the next
    cell has the variable. A saved notebook says how to come back, without an error."""
    next_cell = "print(boat.status, longer.source is boat, foggy.source is longer, foggy.path.exists())"
    page, lab, name = open_studio(LOAD, "luma.Studio()", f"if 'foggy' in globals():\n    {next_cell}")
    fill(page, Prompt="A boat on {{water}}", Variable="my boat")
    page.page.get_by_text("there is no variable water").wait_for()
    page.page.get_by_text("use letters, digits and _, such as").wait_for()
    variable = page.page.get_by_role("textbox", name="Variable")
    assert variable.get_attribute("aria-invalid") == "true"
    press(page, "Generate")
    page.wait_for("document.querySelector('.luma-outcome').textContent === ''")
    assert page.page.locator(".luma-queue tbody tr").count() == 0, "nothing was sent"
    fill(page, Prompt="A boat on a lake", Variable="boat")
    page.page.get_by_role("radio", name="9:16").check()
    page.page.get_by_text("-o boat --aspect-ratio 9:16").wait_for()
    assert "1 new video, free (demo)." in page.text()
    cell = page.page.get_by_role("region", name="The same as a cell")
    assert cell.inner_text() == "%%luma -o boat --aspect-ratio 9:16\nA boat on a lake"
    page.page.get_by_text("What will be sent").click()
    assert "Authorization: Bearer " in page.page.get_by_role("region", name="What will be sent").inner_text()
    press(page, "Generate")
    row(page, "boat").get_by_role("button", name="Stop boat").wait_for()
    page.shot(f"studio-running-{lab.module}")
    row(page, "boat").get_by_text("completed").wait_for()
    page.wait_for("document.querySelector('.luma-result video')")
    (played,) = page.play_all()
    assert played["moved"]

    page.page.get_by_role("tab", name="Extend").click()
    page.page.get_by_role("button", name="boat A boat on a lake").click()
    assert page.page.get_by_role("textbox", name="Source").input_value() == "boat"
    fill(page, Prompt="It reaches the shore", Variable="longer")
    press(page, "Extend")
    row(page, "longer").wait_for()
    page.page.get_by_role("tab", name="Modify").click()
    fill(page, Source="longer", Prompt="In the fog", Variable="foggy")
    page.page.get_by_text("-o foggy").wait_for()  # the kernel has what was typed
    page.page.get_by_role("checkbox", name="Watermark").check()
    press(page, "Modify")
    row(page, "foggy").get_by_text("completed").wait_for()
    page.page.locator(".luma-result").get_by_text("In the fog").wait_for()
    (played,) = page.play_all()
    assert played["moved"]
    page.shot(f"studio-done-{lab.module}")
    assert page.faults(".luma-studio") == []
    assert page.faults(".luma-queue") == []

    assert run_cell(page, 2) == "completed True True True"
    page.save(name)
    assert "Run this cell again to open the studio." in (lab.folder / name).read_text()


def test_a_picture_that_is_chosen_is_uploaded(open_studio: Any, tmp_path: Path) -> None:
    """From the disk of whoever sits before the page; a file that is no picture is marked, and nothing is sent."""
    page, lab, _ = open_studio(LOAD, "luma.Studio()")
    page.page.get_by_text("First and last frame").click()
    wrong = tmp_path / "notes.png"
    wrong.write_text("no picture")
    page.page.get_by_label("Upload a file: First frame").set_input_files(wrong)
    page.page.get_by_text("is not a picture in PNG, JPEG or WebP format").wait_for()
    picture = tmp_path / "red square.png"
    Image.effect_noise((1400, 1400), 90).convert("RGB").save(picture)
    assert picture.stat().st_size > 2_000_000, "more than one piece"
    page.page.get_by_label("Upload a file: First frame").set_input_files(picture)
    page.wait_for("document.querySelector('[name=start_image]').value.endsWith('red-square.png')")
    fill(page, Prompt="Noise comes to rest", Variable="noise")
    press(page, "Generate")
    row(page, "noise").get_by_text("completed").wait_for()
    kept = lab.folder / tmp_path.name / "luma_videos" / "uploads" / "red-square.png"
    assert kept.read_bytes() == picture.read_bytes()
    page.page.get_by_role("tab", name="Generate").click()
    page.page.get_by_label("Pick a clip: Last frame").click()
    page.page.locator("[data-picks=end_image]").get_by_role("button", name="noise").click()
    assert page.page.get_by_role("textbox", name="Last frame").input_value() == "noise@first"
    page.page.get_by_text("This clip is made from noise").wait_for()
    fill(page, Variable="calm")
    page.page.get_by_text("1 new video, free (demo).").wait_for()
    page.shot("studio-frames")


def test_the_studio_is_used_with_the_keyboard_alone(open_studio: Any) -> None:
    """From the prompt to the button and on to the queue, without a mouse; no key falls through to the notebook."""
    page, _, _ = open_studio(LOAD, "luma.Studio()")
    page.page.get_by_role("textbox", name="Prompt").focus()
    keys = page.page.keyboard
    keys.type("A bird over dunes")
    keys.press("Tab")
    keys.press("ArrowRight")  # the ratio after the first one
    page.page.get_by_role("radio", name="9:16", checked=True).wait_for()
    keys.press("Tab")
    keys.type("bird")
    seen = []
    for _ in range(30):
        keys.press("Tab")
        seen.append(page.page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name"))
        if seen[-1] == "Generate":
            break
    assert seen[:3] == ["AutomaticAceDataCloudRunAPIDemo service", "loop", "enhancement"]
    page.page.get_by_text("1 new video, free (demo).").wait_for()
    cells = page.page.locator(".jp-Notebook .jp-Cell").count()
    keys.press("a")  # JupyterLab would put a cell above
    keys.press("Enter")
    row(page, "bird").wait_for()
    assert page.page.locator(".jp-Notebook .jp-Cell").count() == cells
    page.page.get_by_role("tab", name="Generate").focus()
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    page.page.get_by_role("tab", name="Modify", selected=True).wait_for()
    page.page.get_by_role("textbox", name="Source").wait_for()
    stop = row(page, "bird").get_by_role("button", name="Stop bird")
    stop.focus()
    keys.press("Enter")
    row(page, "bird").get_by_role("button", name="Resume bird").wait_for()
    keys.press("Enter")
    row(page, "bird").get_by_text("completed").wait_for()


def test_two_cleared_studios_leave_no_comms(open_studio: Any) -> None:
    """Both show the same task; run again, a cell shows it still; a cleared output leaves no comm in the kernel."""
    page, _, _ = open_studio(
        "import luma_jupyter as luma\nluma.configure(demo_seconds=25)", COMMS, "luma.Studio()", "luma.Studio()", COMMS
    )
    page.page.get_by_text("open comms: 0").wait_for()
    page.page.get_by_text("open comms: 12").wait_for()
    first, second = page.page.locator(".luma-studio").nth(0), page.page.locator(".luma-studio").nth(1)
    second.wait_for()
    fill(page, first, Prompt="A slow sunset", Variable="slow")
    press(page, "Generate", first)
    page.wait_for("document.querySelectorAll('.luma-queue tbody tr').length == 2")
    fill(page, second, Prompt="A slow sunset")
    press(page, "Generate", second)
    page.page.wait_for_timeout(700)
    assert page.page.locator(".luma-queue tbody tr").count() == 2, "an equal request joins the first one"
    run_cell(page, 2)
    page.wait_for("document.querySelectorAll('.luma-queue tbody tr').length == 2")
    page.page.wait_for_timeout(2500)
    assert run_cell(page, 4) == "open comms: 12"
    page.menu("Edit", "Clear Outputs of All Cells")
    page.page.wait_for_timeout(2500)
    assert run_cell(page, 4) == "open comms: 0"
    assert run_cell(page, 1) == "open comms: 0"


def test_the_studio_has_contrast_in_both_themes(open_page: Any, lab: Lab) -> None:
    """Text can be read in both; and what a reopened notebook without its kernel shows is a line, not an error."""
    name = "themes.ipynb"
    lab.write(name, LOAD, 'luma.Studio(action="modify", prompt="Fog", out="1x", source="nothing")')
    page = open_page(name, height=1300)
    page.run_all()
    page.page.get_by_text("There is no variable nothing").wait_for()
    for _ in page.in_both_themes("studio"):
        assert page.page.evaluate(CONTRAST, ".luma-studio .luma-hint") >= 4.5
        assert page.page.evaluate(CONTRAST, ".luma-studio .luma-error:not(:empty)") >= 4.5
        assert page.faults(".luma-studio") == []
    page.save(name)
    page.menu("Kernel", "Shut Down Kernel")
    page.page.wait_for_timeout(500)
    page.open(name)
    page.wait_for("!document.body.innerText.includes('Loading widget')")
    page.page.get_by_text("Run this cell again to open the studio.").wait_for()
    assert not [words for words in BROKEN if words in page.text()]
