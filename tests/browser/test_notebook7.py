"""What a person sees in Notebook 7: the quickstart, the card while it lives, many clips, and all of it after saving."""

from __future__ import annotations

import json
import shutil

from tests.browser.conftest import ROOT, Lab
from tests.browser.test_lab import BAR, BROKEN, CARDS, CONTRAST, LOAD, OpenPage, live, played_well

MADE = "for number in range(12):\n    luma.generate(f'Clip {number}' + ' [fail]' * (number == 7))"


def test_the_quickstart_runs_and_plays_after_a_reload(open_notebook7: OpenPage, notebook7: Lab) -> None:
    """Run All Cells makes all videos, which play then, and again when the saved notebook is opened."""
    name = "01_quickstart.ipynb"
    shutil.copy(ROOT / "notebooks" / name, notebook7.folder)
    page = open_notebook7(name, height=3600)
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0")
    page.shot("notebook7-running")
    page.wait_for(f"{CARDS} == 6")
    page.wait_for("!document.querySelector('.luma-live')")
    played_well(page, 5)
    page.wait_until_idle(name)
    page.shot("notebook7-done")
    page.save(name)
    outputs = [
        o for cell in json.loads((notebook7.folder / name).read_text())["cells"] for o in cell.get("outputs", [])
    ]
    assert not [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    page.open(name)
    played_well(page, 5)
    page.shot("notebook7-reloaded")


def test_the_card_lives_and_survives_a_reload(open_notebook7: OpenPage, notebook7: Lab) -> None:
    """The bar moves and never falls; a page reloaded meanwhile shows the live card again, and then the video."""
    notebook7.write("live.ipynb", *live("A sunset in Notebook 7"), "sunset")
    page = open_notebook7("live.ipynb")
    page.run_all()
    page.wait_for(f"{BAR}?.value > 0")
    values = []
    for _ in range(3):
        values.append(page.page.evaluate(f"{BAR}.value"))
        page.page.wait_for_timeout(600)
    assert values == sorted(values)
    assert values[0] < values[-1] < 1
    page.shot("notebook7-live")
    assert page.page.evaluate(CONTRAST, ".luma-status") >= 4.5
    page.save("live.ipynb")
    page.open("live.ipynb")
    page.wait_for(f"{CARDS} == 2")
    page.wait_for("!document.querySelector('.luma-live')")
    played_well(page, 2)


def test_many_clips_become_one_table_with_links(open_notebook7: OpenPage, notebook7: Lab) -> None:
    """Twelve clips are one table that fills while they are made; in the end it is HTML with links to the videos."""
    folder = notebook7.folder / "many"
    folder.mkdir()
    notebook7.write("many/many.ipynb", f"{LOAD}luma.configure(demo_seconds=12, submissions=12)", MADE, "luma.clips()")
    page = open_notebook7("many/many.ipynb")
    page.run_all()
    page.wait_for("document.querySelectorAll('.luma-many tbody tr').length == 12")
    page.wait_for(f"{BAR}?.value > 0.3")
    page.shot("notebook7-many-live")
    assert page.page.evaluate(CONTRAST, ".luma-many td") >= 4.5
    page.wait_for(f"{CARDS} == 1")
    page.wait_for("!document.querySelector('.luma-live')")
    assert "12 clips: 11 completed, 1 failed" in page.text()
    page.shot("notebook7-many-done")
    rows = page.page.evaluate("[...document.querySelectorAll('.luma-card tr')].map((row) => row.offsetHeight)")
    assert max(rows[:7]) < 62, "two lines: no column is so narrow that words are broken"
    page.shot("notebook7-many-done")
    address = "document.querySelector('.luma-card a').href"
    kind = page.page.evaluate(f"async () => (await fetch({address})).headers.get('content-type')")
    assert kind == "video/mp4"
    page.save("many/many.ipynb")
    page.open("many/many.ipynb")
    page.wait_for(f"{CARDS} == 1")
    assert page.page.locator(".luma-card a").count() == 11
    assert not [words for words in BROKEN if words in page.text()]


def test_the_doctor_names_the_jupyter_server_as_host(open_notebook7: OpenPage, notebook7: Lab) -> None:
    """The finding about the host is that of a Jupyter server, and the table reads well."""
    notebook7.write("doctor.ipynb", LOAD, "%luma doctor")
    page = open_notebook7("doctor.ipynb", 1200, 800)
    page.run_all()
    page.wait_for("document.body.innerText.includes('checks passed')")
    assert "JupyterLab or Notebook 7: videos are shown from their files" in page.text()
    assert page.page.evaluate(CONTRAST, ".jp-OutputArea-output td") >= 4.5
    page.shot("notebook7-doctor")


def test_a_sheet_plays_and_a_timeline_unfolds(open_notebook7: OpenPage, notebook7: Lab) -> None:
    """A labelled sheet has controls for all its videos; what went over the wire opens by mouse and by keyboard, also
    enlarged."""
    folder = notebook7.folder / "sheet"
    folder.mkdir()
    make = "boats = luma.batch(['A calm boat', 'A wild boat']).wait()"
    notebook7.write("sheet/sheet.ipynb", LOAD, make, "luma.sheet(boats)", "%luma explain boats[0]")
    page = open_notebook7("sheet/sheet.ipynb")
    page.run_all()
    page.wait_for("document.querySelector('.luma-sheet') && document.querySelector('.luma-controls')")
    assert page.page.locator(".luma-sheet th").all_inner_texts()[-2:] == ["calm", "wild"]
    page.page.get_by_role("button", name="Play").click()
    page.wait_for("[...document.querySelectorAll('.luma-sheet video')].every((v) => v.currentTime > 0.1)")
    page.shot("notebook7-sheet")
    assert page.page.evaluate("getComputedStyle(document.querySelector('.luma-play')).borderRadius") == "4px"
    timeline = page.page.locator(".luma-card[class*=luma-explain-]")
    first, second = (timeline.locator("summary").nth(number) for number in range(2))
    page.page.evaluate("document.querySelector('.jp-Notebook').style.zoom = '1.5'")
    first.click()
    page.page.keyboard.press("Tab")
    assert second.evaluate("(summary) => summary === document.activeElement")
    page.page.keyboard.press("Enter")
    assert [step.evaluate("(summary) => summary.parentElement.open") for step in (first, second)] == [True, True]
    page.shot("notebook7-explain-150")
    assert page.faults(".luma-card[class*=luma-explain-]") == []
    assert page.faults(".luma-card:has(.luma-sheet)") == []
