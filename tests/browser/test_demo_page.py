"""The page that ``make demo`` leaves."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import ROOT, Lab, LabPage, missing

PAGE = ROOT / "build" / "demo" / "01_quickstart.html"


def test_every_video_of_the_demo_page_plays(chromium: Any, lab: Lab) -> None:
    """Opened from the disk, every video of the page plays."""
    if not PAGE.exists():
        missing("there is no page yet: make demo")
    page = chromium.new_page(viewport={"width": 1100, "height": 3600})
    page.goto(PAGE.as_uri())
    played = LabPage(page, lab).play_all()
    assert len(played) == 5
    assert all(video["ready"] == 4 and video["moved"] for video in played)
    LabPage(page, lab).shot("demo-page")
    page.close()
