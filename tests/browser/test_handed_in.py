"""What is handed in, as a teacher has it: the page on a machine without a network, and the class in JupyterLab."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nbformat

from tests.browser.conftest import Lab, LabPage
from tests.browser.test_lab import LOAD, OpenPage

SUNSET = "%%luma -o sunset --wait\nA sunset over the sea"
FILM = '%%luma film sunset sunset@0.5- -o movie --title "Evening" --wait\nThe sun\nThe sea'
PICTURE = """from PIL import Image
Image.linear_gradient("L").resize((120, 60))"""
NOTE = """import json
sidecar = sunset.path.with_suffix(".json")
note = {"starred": True, "text": "The best of five"}
done = sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"note": note}))"""
ERROR = "1 / 0"
WORDS = """# Lesson 2: What a task is

**About 20 minutes.** Run `%luma explain`, and *look*:

* one, and [what it costs](https://a.example)
* two

| status | what it means |
| --- | --- |
| running | the service has your order |

> A quote

<details><summary>Solution</summary>

Let **Python** count:

```python
looks = 7
```

</details>"""


def add_words(file: Path) -> None:
    """Put words before a notebook's cells, and fold the source of the last one."""
    notebook = nbformat.read(file, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(WORDS))
    notebook.cells[-1].metadata["jupyter"] = {"source_hidden": True}
    nbformat.write(notebook, file)


def hand_in(open_page: OpenPage, lab: Lab, folder: str) -> Path:
    """A lesson that was played, saved and handed in; the zip."""
    (lab.folder / folder).mkdir()
    lab.write(f"{folder}/lesson.ipynb", LOAD, SUNSET, FILM, PICTURE, NOTE, "sunset", ERROR)
    add_words(lab.folder / folder / "lesson.ipynb")
    page = open_page(f"{folder}/lesson.ipynb")
    page.run_all()
    page.wait_for("document.body.innerText.includes('ZeroDivisionError')")
    page.save(f"{folder}/lesson.ipynb")
    lab.write(f"{folder}/hand in.ipynb", LOAD, "%luma handin lesson.ipynb -o class/ann.zip")
    page = open_page(f"{folder}/hand in.ipynb")
    page.run_all()
    page.wait_for("document.body.innerText.includes('and 2 videos')")
    return lab.folder / folder / "class" / "ann.zip"


def test_page_of_a_lesson_plays_on_another_machine_without_a_network(
    open_page: OpenPage, lab: Lab, chromium: Any, tmp_path: Path
) -> None:
    """The zip in an empty folder: all videos play from inside the page, which asks for nothing else; light and dark."""
    shutil.unpack_archive(hand_in(open_page, lab, "handed"), tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "elsewhere" / "luma_videos")  # nothing is needed but the page
    for scheme in ("light", "dark"):
        context = chromium.new_context(offline=True, color_scheme=scheme, viewport={"width": 900, "height": 1400})
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url[:20]))  # noqa: B023
        page.goto((tmp_path / "elsewhere" / "lesson.html").as_uri())
        shown = LabPage(page, lab)
        played = shown.play_all()
        assert [video["src"][:16] for video in played] == ["data:video/mp4;b", "data:video/mp4;b"]
        assert all(video["ready"] == 4 and video["moved"] for video in played)
        assert [url for url in asked if not url.startswith("data:")] == [page.url[:20]]
        assert shown.faults("main") == []
        assert "★ The best of five" in shown.text()
        assert "looks = 7" not in shown.text()
        page.get_by_text("Solution").click()
        assert "looks = 7" in shown.text()
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=str(shown.shot(f"handed-in-{scheme}")), full_page=True)
        context.close()


def test_class_is_shown_by_student_and_plays(open_page: OpenPage, lab: Lab) -> None:
    """In JupyterLab, from the zips in a folder; a hostile one is a line above; light and dark."""
    handed = hand_in(open_page, lab, "teacher")
    shutil.copy(handed, handed.with_name("ben.zip"))
    handed.with_name("eve.zip").write_bytes(b"no zip")
    lab.write("teacher/collect.ipynb", LOAD, 'luma.collect("class")')
    page = open_page("teacher/collect.ipynb")
    page.run_all()
    page.wait_for("document.querySelectorAll('.luma-tile').length == 4")
    assert "eve.zip is refused: it is not a zip, or it is damaged." in page.text()
    for summary in page.page.locator(".luma-tile summary").all():
        summary.click()
    played = page.play_all(".luma-tile video")
    assert len(played) == 4
    assert all(video["ready"] == 4 and video["moved"] for video in played)
    for _ in page.in_both_themes("collected"):
        assert page.faults(".luma-card") == []
