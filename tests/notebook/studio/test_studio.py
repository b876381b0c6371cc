"""The studio as a whole: how it is shown, what it binds together, and that it can be cleared away."""

from __future__ import annotations

import ipywidgets
import pytest
import traitlets

import luma_jupyter as luma
from luma_jupyter.notebook.page import WIDGET_VIEW
from tests.notebook.conftest import FakeService, Shell


def comms() -> set[str]:
    """The comms that are open."""
    return set(ipywidgets.widgets.widget._instances)


def test_it_is_shown_below_a_note_for_pages_without_a_kernel(notebook: Shell) -> None:
    """The first output is what a saved notebook keeps; the second one is the widget."""
    notebook.run("import luma_jupyter as luma\nluma.Studio()")
    note, live = notebook.displays.latest()
    assert "run this cell to fill in its forms" in note["text/html"]
    assert "run this cell" in note["text/plain"]
    assert live[WIDGET_VIEW]["model_id"] in comms()


@pytest.mark.parametrize("cell", ["%luma studio", "luma.Studio()"])
def test_the_magic_is_the_same(notebook: Shell, cell: str) -> None:
    """``%luma studio`` is ``luma.Studio()``."""
    notebook.user_ns["luma"] = luma
    notebook.run(cell)
    assert len(notebook.displays.latest()) == 2


def test_the_button_puts_the_clip_into_the_queue(notebook: Shell, service: FakeService) -> None:
    """A new one, and one that was made before, whose video is shown again."""
    studio = luma.Studio(prompt="A boat", out="boat")
    (boat,) = studio.form.submit()
    boat.wait()
    assert studio.queue.clips == [boat]
    again = luma.Studio(prompt="A boat")
    assert again.queue.clips == []
    again.form.submit()
    again.queue.tell()
    assert again.queue.clips == [boat]
    assert "<video" in again.queue.model.result
    assert repr(again) == "<Studio: generate, 1 clips in the queue>"
    assert len(service.sent) == 1


def test_clearing_it_leaves_no_comm(notebook: Shell) -> None:
    """When its last view is gone from the page, all that it opened is closed, and another studio lives on."""
    other = luma.Studio()
    before = comms()
    studio = luma.Studio()
    assert len(comms()) > len(before)
    studio.form.heard({"do": "gone"}, [])
    assert comms() == before
    assert other.form.comm is not None


def test_a_field_that_there_is_not_is_refused(notebook: Shell) -> None:
    """As a value that a field cannot have."""
    with pytest.raises(traitlets.TraitError):
        luma.Studio(action="delete")


def test_in_a_terminal_it_says_where_to_go(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and no widget."""
    terminal.run("%luma studio")
    assert "needs a notebook" in capsys.readouterr().out
    assert terminal.displays.latest() == []
