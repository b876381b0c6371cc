"""Links within README and the documentation lead somewhere; those that lead out are for `make linkcheck`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, markdown, name_of

LESSONS = ROOT / "notebooks" / "lessons"


def without_code(text: str) -> str:
    """Markdown without its code: what looks like a link or a heading in there is none."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def anchors(page: Path) -> set[str]:
    """What can stand behind ``#`` in a link to a page, as GitHub and MyST make it of headings."""
    text = re.sub(r"^```.*?^```$", "", markdown(page), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    """Each file is there, and so is the heading behind ``#``."""
    found = re.findall(r"\]\(<?([^)\s>]+)|\]:? ?<?(\.\.?/[^)>`\s]+)", without_code(markdown(page)))
    links = [link for pair in found for link in pair if link and not link.startswith(("http", "mailto:"))]
    for link in links:
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if target.parent == DOCS / "tutorial" / "lessons":
            target = LESSONS / target.name  # copied when the pages are built
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Of notebooks, tests, documentation and the package."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:notebooks|tests|docs|luma_jupyter)/[\w/.-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_each_page_is_in_a_table_of_contents() -> None:
    """None can be found by its address alone."""
    listed = {
        (page.parent / f"{entry}.md").resolve()
        for page in PAGES
        for tree in re.findall(
            r"^```\{toctree\}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        for entry in tree.split()
    }
    assert set(PAGES[2:]) - listed == {DOCS / "index.md"}
