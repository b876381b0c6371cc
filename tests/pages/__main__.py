"""Look at every kind of page: ``python -m tests.pages [NAME…]``; the table goes to build/pages.md, too.

Each kind of page has a server in an environment of its own below build/pages, made anew when its list has changed; the
kernels are in this environment. Screenshots, light and dark, go to build/pages/screenshots. The exit code is 1 where
something false is on a page.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.browser.conftest import NO_CHROMIUM, Browser, LabApart, LabPage, Tabs, running_chromium
from tests.pages.environment import BUILD, NotInstalled, server_python
from tests.pages.kinds import BY_NAME, Kind
from tests.pages.table import Row, table
from tests.pages.visit import COLUMNS, LOOKED_ON, Visit, visit

SCREENSHOTS = BUILD / "screenshots"
THEMES = ("Dark", "Light")  # the last one stays
SLOWNESS = 2.0  # pictures in both themes take longer than a look


def try_kind(kind: Kind, chromium: Any) -> list[Row]:
    """The rows of one kind of page: one for each front end and each person."""
    try:
        python = server_python(kind)
    except NotInstalled as error:
        return [Row(f"{front_end} {kind.title}", COLUMNS, why_not=str(error)) for front_end in kind.front_ends]
    with TemporaryDirectory(prefix="luma_jupyter_pages_") as below:
        folders = [Path(below) / name for name in ("notebooks", "home")]
        for folder in folders:
            folder.mkdir()
        lab = LabApart(*folders, python)
        with lab.running(), closing(Browser(Tabs(chromium))) as browser:
            visits = [Visit(browser, lab, kind, front_end, shoot) for front_end in kind.front_ends]
            visit(visits, SLOWNESS)
        visits[0].troubles += browser.errors
        return [row for one in visits for row in rows(one)]


def rows(one: Visit) -> Iterator[Row]:
    """A row for each person; who only looked on did not reload."""
    first, *others = one.people
    yield Row(one.title, COLUMNS, first.cells, troubles=one.troubles)
    for person in others:
        yield Row(f"{one.title}, the other person", LOOKED_ON, person.cells)


def shoot(page: LabPage, name: str) -> None:
    """Keep a picture of a page in both themes."""
    for theme in THEMES:
        page.use_theme(f"JupyterLab {theme}")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.page.screenshot(path=SCREENSHOTS / f"{name}, {theme.lower()}.png")


def main(names: Sequence[str]) -> int:
    """Look at the kinds of pages of these names; 1 where something false is on one."""
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    found = []
    with running_chromium() as chromium:
        if chromium is None:
            sys.exit(NO_CHROMIUM)
        for name in names or BY_NAME:
            print(f"{name} …", file=sys.stderr, flush=True)
            found += try_kind(BY_NAME[name], chromium)
    (BUILD.parent / "pages.md").write_text(table(found, COLUMNS), encoding="utf-8")
    print(table(found, COLUMNS))
    return 1 if any(row.failures for row in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
