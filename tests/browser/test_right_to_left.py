"""Prompts in Arabic: each reads from the right, in cards and tables, and turns nothing else round."""

from __future__ import annotations

import json

from tests.browser.conftest import Lab, LabPage
from tests.browser.test_lab import CARDS, LOAD, OpenPage

SHIP = "سفينة تبحر نحو الغروب، لقطة واسعة (35mm)."
BATCH = ["قارب ورقي في المطر (1).", "طائرة ورقية فوق البحر (2)."]
# Where the first and the last letter of an element's text are.
ENDS = """(element) => {
    const text = element.firstChild;
    const left = (at) => {
        const range = document.createRange();
        range.setStart(text, at);
        range.setEnd(text, at + 1);
        return range.getBoundingClientRect().left;
    };
    return [left(0), left(text.length - 1)];
}"""


def reads_from_the_right(page: LabPage, selector: str, words: str) -> bool:
    """Whether the element with these words begins at the right, and has its full stop at the left."""
    begin, end = page.page.locator(selector, has_text=words).first.evaluate(ENDS)
    return bool(begin > end)


def reads_from_the_left(page: LabPage, selector: str) -> bool:
    """Whether a line of ours begins at the left."""
    begin, end = page.page.locator(selector).first.evaluate(ENDS)
    return bool(begin < end)


def test_arabic_prompts_read_from_the_right(open_page: OpenPage, lab: Lab) -> None:
    """In a card and a table, while they live, when all is done, and in a copy that nobody trusts; our words do not."""
    (lab.folder / "arabic").mkdir()
    lab.write(
        "arabic/arabic.ipynb",
        f"{LOAD}luma.configure(demo_seconds=6)",
        f"%%luma -o غروب\n{SHIP}",
        f"boats = luma.batch({BATCH!r})\nboats",
    )
    page = open_page("arabic/arabic.ipynb")
    page.run_all()
    page.wait_for("document.querySelectorAll('.luma-live tbody tr').length == 2")
    assert reads_from_the_right(page, ".luma-card > div", SHIP)
    for prompt in BATCH:
        assert reads_from_the_right(page, ".luma-live td div", prompt)
    assert reads_from_the_left(page, ".luma-live .luma-status")
    assert reads_from_the_left(page, ".luma-live .luma-request-summary")
    page.shot("right-to-left-live")

    page.wait_for(f"{CARDS} == 2")
    page.wait_until_idle("arabic/arabic.ipynb")
    for _ in page.in_both_themes("right-to-left"):
        assert reads_from_the_right(page, ".luma-card > div", SHIP)
        for prompt in BATCH:
            assert reads_from_the_right(page, ".luma-card td div", prompt)
        assert reads_from_the_left(page, ".luma-card td small")
        assert reads_from_the_left(page, ".luma-card summary")
    assert page.page.locator(".luma-card").first.get_attribute("lang") == "en"

    page.save("arabic/arabic.ipynb")
    notebook = json.loads((lab.folder / "arabic" / "arabic.ipynb").read_text(encoding="utf-8"))
    notebook["metadata"]["somebody"] = "else"
    (lab.folder / "arabic" / "untrusted.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    page.open("arabic/untrusted.ipynb")
    page.wait_for(f"{CARDS} == 2")
    assert reads_from_the_right(page, ".luma-card > div", SHIP)
    assert all(reads_from_the_right(page, ".luma-card td div", prompt) for prompt in BATCH)
    assert page.page.locator(".luma-card").first.get_attribute("lang") == "en"
    page.shot("right-to-left-untrusted")
