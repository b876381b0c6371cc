"""Whether the page answers: silence counts only while the kernel has nothing to do, on a clock that takes no time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.events import EventManager, available_events

from luma_jupyter.display import page as page_module
from luma_jupyter.display.page import PATIENCE, STANDS_STILL, Audience, Page
from tests.support.loops import RunningLoop

Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Cells:
    """A shell of which a test says when a cell runs."""

    def __init__(self) -> None:
        self.events = EventManager(self, available_events)

    def begin(self) -> None:
        self.events.trigger("pre_execute")
        self.events.trigger("pre_run_cell", SimpleNamespace())

    def end(self) -> None:
        self.events.trigger("post_execute")


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> Cells:
    """The cells of a kernel."""
    cells = Cells()
    monkeypatch.setattr(page_module, "get_ipython", lambda: cells)
    return cells


class Drawn:
    """A live part that was drawn in the running cell; ``told`` is what became known, with what was known before."""

    def __init__(self, page: Page) -> None:
        self.told: list[tuple[bool | None, bool | None]] = []
        self.audience = Audience(page, lambda before: self.told.append((before, self.audience.there)))
        page.expect(self.audience)

    def answer(self, page: object = "JupyterLab 4.6.6") -> None:
        """Somebody in the page sees it."""
        self.audience.take({"do": "here", "page": page})


def test_nobody_is_there_after_three_seconds_in_which_no_cell_ran(run_virtually: Run, cells: Cells) -> None:
    """The time counts from the end of the cell, not from the drawing; then all who wait are told at once."""

    async def story() -> None:
        page = Page(RunningLoop(), lambda folder, status: None)
        drawn = [Drawn(page), Drawn(page)]
        await asyncio.sleep(60)
        cells.end()
        await asyncio.sleep(PATIENCE - 0.1)
        assert [part.audience.there for part in drawn] == [None, None]
        assert not page.is_silent
        await asyncio.sleep(0.2)
        assert [part.told for part in drawn] == [[(None, False)]] * 2
        assert page.is_silent

    run_virtually(story())


def test_a_cell_that_runs_holds_up_the_verdict(run_virtually: Run, cells: Cells) -> None:
    """Answers wait behind the cells of a *Run All*, however long they take."""

    async def story() -> None:
        drawn = Drawn(Page(RunningLoop(), lambda folder, status: None))
        for _ in range(5):
            cells.end()
            await asyncio.sleep(PATIENCE - 0.5)
            cells.begin()
            await asyncio.sleep(120)
        assert drawn.audience.there is None
        cells.end()
        await asyncio.sleep(PATIENCE + 0.1)
        assert drawn.audience.there is False

    run_virtually(story())


def test_an_answer_comes_in_time_or_later(run_virtually: Run, cells: Cells) -> None:
    """Who answered is there for good; who answers after all is there too, and what draws is told both."""

    async def story() -> None:
        page = Page(RunningLoop(), lambda folder, status: None)
        quick, late = Drawn(page), Drawn(page)
        cells.end()
        quick.answer()
        quick.answer()
        await asyncio.sleep(60)
        assert quick.told == [(None, True)]
        assert late.told == [(None, False)]
        assert page.is_silent
        late.answer()
        await asyncio.sleep(0)
        assert late.told == [(None, False), (False, True)]
        assert (page.is_silent, page.answer) == (False, "JupyterLab 4.6.6")

    run_virtually(story())


@pytest.mark.parametrize(
    ("said", "kept"), [("\x1b[31mred", "�[31mred"), ("x" * 10_000, "x" * 200), (7, ""), (None, ""), ({}, "")]
)
def test_what_a_page_says_of_itself_may_be_anything(run_virtually: Run, cells: Cells, said: object, kept: str) -> None:
    """It is shown to people later: nothing in it is obeyed, and it has an end. All but the answer is passed over."""

    async def story() -> None:
        page = Page(RunningLoop(), lambda folder, status: None)
        drawn = Drawn(page)
        drawn.audience.take({"do": "stop"})
        assert page.answer is None
        drawn.answer(said)
        assert page.answer == kept

    run_virtually(story())


def test_updates_reach_only_their_own_cell_where_the_server_runs_the_cells(
    run_virtually: Run, cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the page has answered: then it hears of updates, too."""
    monkeypatch.setattr(page_module, "is_run_by_server", lambda: True)
    monkeypatch.setattr(page_module, "cell_number", lambda: 7)

    async def story() -> None:
        page = Page(RunningLoop(), lambda folder, status: None)
        drawn = Drawn(page)
        assert [page.reaches(cell) for cell in (6, 7)] == [False, True]
        drawn.answer()
        assert [page.reaches(cell) for cell in (6, 7)] == [True, True]

    run_virtually(story())


@pytest.mark.parametrize("by_server", [True, False])
def test_the_next_cell_says_once_that_cards_stand_still(
    run_virtually: Run,
    cells: Cells,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    by_server: bool,
) -> None:
    """Where the server runs the cells and nobody answered; elsewhere cards are brought forward, and nothing is said."""
    monkeypatch.setattr(page_module, "is_run_by_server", lambda: by_server)

    async def story() -> None:
        Drawn(Page(RunningLoop(), lambda folder, status: None))
        cells.end()
        cells.begin()
        assert capsys.readouterr().out == ""
        cells.end()
        await asyncio.sleep(PATIENCE + 0.1)
        cells.begin()
        cells.end()
        cells.begin()
        assert capsys.readouterr().out == (f"{STANDS_STILL}\n" if by_server else "")

    run_virtually(story())


def test_nothing_is_heard_of_cells_where_there_is_no_shell(run_virtually: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody is taken to be away, and cards are drawn as ever."""
    monkeypatch.setattr(page_module, "get_ipython", lambda: None)

    async def story() -> None:
        drawn = Drawn(Page(RunningLoop(), lambda folder, status: None))
        await asyncio.sleep(60)
        assert drawn.audience.there is None

    run_virtually(story())
