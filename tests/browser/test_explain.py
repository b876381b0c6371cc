"""What went over the wire as a person looks at it: by mouse and by keyboard, narrow, saved, and from somebody else."""

from __future__ import annotations

import json

from tests.browser.conftest import Lab, LabPage
from tests.browser.test_lab import LOAD, OpenPage

# The demo service limits the rate once, and films of a second are enough.
LIMITED = """import luma_jupyter.demo.server as demo
answers = [demo.InjectedReply(429, b'{"error": {"code": "too_many", "message": "Slow down."}}', {"Retry-After": "1"})]
def limit(request):
    return answers.pop() if answers and request.path.endswith("/modify_video") else None
demo.start.__defaults__ = (2.0, None, limit, 1.0)
luma.configure(provider="demo", wait=True)"""
MAKE = [
    "%%luma -o fox\nA red fox runs through deep snow, foggy morning",
    "%%luma modify fox -o night\nAt night, with stars",
    "boats = luma.batch(['A paper boat', 'A kite', 'A lantern'])\nboats.wait()",
]
EXPLAIN = ["%luma explain fox", "%luma explain night", "%luma explain boats[1]"]
SUMMARY = ".luma-card[class*=luma-explain-] summary"


def write_explained(lab: Lab, name: str) -> None:
    """A notebook that makes clips and explains them, in a folder of its own."""
    (lab.folder / name).mkdir()
    lab.write(f"{name}/{name}.ipynb", LOAD, LIMITED, *MAKE, *EXPLAIN)


def wait_for_explanations(page: LabPage, name: str) -> None:
    """Wait until all of them are there."""
    page.wait_for("document.querySelectorAll('.luma-card[class*=luma-explain-]').length == 3")
    page.wait_until_idle(f"{name}/{name}.ipynb")


def opened(page: LabPage, words: str) -> str:
    """What the first step that has these words shows, once it is unfolded."""
    step = page.page.locator("details:has(summary)", has_text=words).first
    if step.get_attribute("open") is None:
        step.locator("summary").click()
    text: str = step.inner_text()
    return text


def test_a_timeline_unfolds_by_mouse_and_by_keyboard(open_page: OpenPage, lab: Lab) -> None:
    """Each step says what it was; unfolded, what was sent, what came back, and why; in both themes, also narrow."""
    write_explained(lab, "explained")
    page = open_page("explained/explained.ipynb")
    page.run_all()
    wait_for_explanations(page, "explained")
    shown = " ".join(page.page.locator(".luma-card[class*=luma-explain-]").all_text_contents())  # also out of sight
    for words in (
        "Written down",
        "Request (try 2)",
        "asked to wait (Retry-After: 1)",
        "shared with 2 other clips",
        "Download",
    ):
        assert words in shown
    request = opened(page, "/luma/videos → 200")
    assert "Authorization: Bearer ‹your key›" in request
    assert '"prompt": "A red fox runs through deep snow, foggy morning"' in request
    assert "The one call that is paid for." in request

    second = page.page.locator(SUMMARY).nth(1)
    page.page.locator(SUMMARY).nth(0).focus()
    page.page.keyboard.press("Tab")
    assert second.evaluate("(summary) => summary === document.activeElement")
    before = second.evaluate("(summary) => summary.parentElement.open")
    page.page.keyboard.press("Enter")
    assert second.evaluate("(summary) => summary.parentElement.open") is not before
    for cell, name in ((5, "explain-generate"), (6, "explain-retries"), (7, "explain-batch")):
        page.output(cell).scroll_into_view_if_needed()
        for _ in page.in_both_themes(name):
            assert page.faults(".luma-card[class*=luma-explain-]") == []
    page.page.set_viewport_size({"width": 600, "height": 900})
    page.wait_for("document.querySelector('.luma-card[class*=luma-explain-]').clientWidth < 600")
    assert page.page.locator(".luma-card[class*=luma-explain-]").first.evaluate(
        "(card) => card.scrollWidth <= card.clientWidth"
    )
    page.shot("explain-narrow")

    page.page.set_viewport_size({"width": 1200, "height": 1000})
    page.save("explained/explained.ipynb")
    notebook = json.loads((lab.folder / "explained" / "explained.ipynb").read_text())
    notebook["metadata"]["somebody"] = "else"
    (lab.folder / "explained" / "untrusted.ipynb").write_text(json.dumps(notebook))
    page.open("explained/untrusted.ipynb")
    page.wait_for("document.querySelectorAll('.luma-card[class*=luma-explain-] details').length > 20")
    assert "Authorization: Bearer ‹your key›" in opened(page, "/luma/videos → 200")
    bars = page.page.locator(f"{SUMMARY} > div > div")
    places = bars.evaluate_all("(bars) => bars.map((bar) => [bar.getBoundingClientRect().left, bar.offsetHeight])")
    assert len({left for left, _ in places}) > 5
    assert {height for _, height in places} == {4}
    page.shot("explain-untrusted")
