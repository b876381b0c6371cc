"""A notebook in Chinese: what is live, what is saved and what is printed speak one language."""

from __future__ import annotations

import re

from tests.browser.conftest import Lab, LabPage
from tests.browser.test_lab import CARDS, LOAD, OpenPage

CELLS = (
    f'{LOAD}luma.configure(lang="zh", demo_seconds=4)',
    "%%luma -o 小船 --aspect-ratio 16:9\n黄昏时分，一艘小船驶向灯塔",
    "%%luma -o 坏了\n雨中的小船 [fail]",
    'boats = luma.batch(["雪中的小船", "雾中的小船", "夜里的小船 [fail]"], takes=2)\nboats',
    "luma.gallery()",
    "luma.sheet(boats)",
    "luma.Studio()",
    "%luma doctor",
    "%luma help",
    "%%luma --ratio 2:1\n小船",
)
# English that stays: what is typed, names of things, what the service says in its own words.
KEPT = re.compile(
    r"“[^”]*”|%{1,2}luma[^\n，。；（]*|--?[a-z-]+( [A-Z]+)?|`[^`]*`|[\w./:-]*[/_=.][\w./:=()\"'\[\]-]*|"
    r"(Jupyter|Demo|Luma|Notebook|SQLite|Python|AceDataCloud|RunAPI|Chromium|Colab|VS Code)[\w ]*"
)
ENGLISH = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")


def english_in(text: str) -> list[str]:
    """The places of a page's text where two English words stand side by side."""
    return [line for line in text.splitlines() if ENGLISH.search(KEPT.sub("·", line))]


def texts(page: LabPage) -> str:
    """What the outputs of a notebook show, with titles and labels for screen readers."""
    return str(
        page.page.evaluate(
            """() => [...document.querySelectorAll(".jp-OutputArea-output")].flatMap((output) => [
                output.innerText,
                ...[...output.querySelectorAll("[title], [aria-label], [placeholder]")].flatMap((node) =>
                    ["title", "aria-label", "placeholder"].map((name) => node.getAttribute(name) ?? "")),
            ]).join("\\n")"""
        )
    )


def test_a_notebook_in_chinese(open_page: OpenPage, lab: Lab) -> None:
    """Cards, a table, a gallery, a sheet, the studio, the doctor, help and an error: live, at the end, and reopened."""
    (lab.folder / "chinese").mkdir()
    lab.write("chinese/chinese.ipynb", *CELLS)
    page = open_page("chinese/chinese.ipynb", height=1400)
    page.run_all()
    page.wait_for("document.querySelectorAll('.luma-live tbody tr').length >= 6")
    assert "制作" in page.text()
    page.shot("chinese-live")
    page.wait_for(f"{CARDS} >= 5")
    page.wait_until_idle("chinese/chinese.ipynb")
    assert english_in(texts(page)) == []
    for _ in page.in_both_themes("chinese"):
        pass
    for number in range(1, len(CELLS)):
        page.output(number).scroll_into_view_if_needed()
        page.shot(f"chinese-{number}")
    page.save("chinese/chinese.ipynb")
    page.menu("Kernel", "Shut Down Kernel")
    page.open("chinese/chinese.ipynb")
    page.wait_for(f"{CARDS} >= 3")
    assert english_in(texts(page)) == []
    assert page.page.locator(".luma-card").first.get_attribute("lang") == "zh"
    page.shot("chinese-reopened")
