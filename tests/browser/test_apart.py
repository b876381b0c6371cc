"""What a person sees where the kernel is not in its server's environment: no page says what is not so.

`make pages` tries more kinds of pages, and keeps what they look like.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.conftest import Browser, Lab, LabPage, Tabs
from tests.pages.environment import importable
from tests.pages.judgement import is_false
from tests.pages.kinds import BOTH, BY_NAME
from tests.pages.visit import COLUMNS, PAGES, Visit, visit

SERVERS = {"alone": "lab_alone", "anywidget": "lab_with_anywidget"}
OURS = ("luma_jupyter", "ipywidgets", "anywidget", "jupyterlab_widgets", "jupyterlab")
EXTENSIONS = """JSON.parse(document.getElementById("jupyter-config-data").textContent)
    .federated_extensions.map((extension) => extension.name)"""
OUTPUT = "document.querySelector('.jp-OutputArea-output pre')"
WHERE = "import sys, luma_jupyter, anywidget, ipywidgets\nprint(sys.prefix)"
everywhere = pytest.mark.parametrize("front_end", BOTH)


def visited(name: str, request: pytest.FixtureRequest, tabs: Tabs) -> Iterator[dict[str, Visit]]:
    """The visits to both front ends of one server, made once; no error of a page's script passes unseen."""
    lab = request.getfixturevalue(SERVERS[name])
    with closing(Browser(tabs)) as browser:
        visits = {front_end: Visit(browser, lab, BY_NAME[name], front_end, keep) for front_end in BOTH}
        visit(list(visits.values()))
        yield visits
        assert browser.errors == []


def keep(page: LabPage, name: str) -> None:
    """Keep a screenshot."""
    page.shot(f"apart, {name}")


@pytest.fixture(scope="module")
def alone(request: pytest.FixtureRequest, tabs: Tabs) -> Iterator[dict[str, Visit]]:
    """Visits to a server without any widgets."""
    yield from visited("alone", request, tabs)


@pytest.fixture(scope="module")
def anywidget(request: pytest.FixtureRequest, tabs: Tabs) -> Iterator[dict[str, Visit]]:
    """Visits to a server with anywidget."""
    yield from visited("anywidget", request, tabs)


@everywhere
@pytest.mark.parametrize(
    ("name", "found", "has_anywidget"), [("alone", OURS[4:], False), ("anywidget", OURS[1:], True)]
)
def test_the_server_has_not_what_its_kernel_has(
    request: pytest.FixtureRequest,
    browser: Browser,
    name: str,
    front_end: str,
    found: tuple[str, ...],
    has_anywidget: bool,
) -> None:
    """The kernel imports luma_jupyter and all widgets; its server and page have only what is in their environment."""
    lab: Lab = request.getfixturevalue(SERVERS[name])
    assert importable(Path(lab.python), OURS) == list(found)
    notebook = f"{name} {front_end}.ipynb"
    lab.write(notebook, WHERE)
    page = browser.open(lab, PAGES[front_end], notebook)
    assert ("anywidget" in page.page.evaluate(EXTENSIONS)) is has_anywidget
    page.run_all()
    page.wait_for(OUTPUT)
    kernel = Path(page.page.evaluate(f"{OUTPUT}.innerText").strip())
    assert kernel.is_dir()
    assert not Path(lab.python).is_relative_to(kernel)


@pytest.mark.parametrize("column", COLUMNS)
@everywhere
@pytest.mark.parametrize("name", SERVERS)
def test_an_output_is_true_on_the_page(request: pytest.FixtureRequest, name: str, front_end: str, column: str) -> None:
    """Running, done, opened again and copied: it says nothing false, shows no red box, moves, and plays."""
    seen: Visit = request.getfixturevalue(name)[front_end]
    assert seen.troubles == []
    assert not is_false(seen.people[0].cells[column]), seen.people[0].cells[column]


@everywhere
def test_with_anywidget_all_live(anywidget: dict[str, Visit], front_end: str) -> None:
    """Where the server has anywidget nothing is lost by the kernel being elsewhere; only the copy does not live."""
    cells = anywidget[front_end].people[0].cells
    assert {column: cells[column] for column in COLUMNS[:-1]} == dict.fromkeys(COLUMNS[:-1], "live")


@everywhere
def test_without_widgets_no_output_lives(alone: dict[str, Visit], front_end: str) -> None:
    """Where the server has no widgets the card's HTML is brought forward, by four messages at most."""
    cells = alone[front_end].people[0].cells
    assert "live" not in cells.values()
    assert cells["card done"] in {f"forward, {updates} updates" for updates in range(1, 5)}
