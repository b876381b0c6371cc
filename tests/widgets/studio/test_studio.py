"""The studio as a whole: how it is shown, what it binds together, and that it can be cleared away."""

from __future__ import annotations

import re
from pathlib import Path

import ipywidgets
import numpy as np
import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.display.outputs import WIDGET_VIEW
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import InvalidRequest
from tests.support.notebook import PromptService, Shell


def open_comms() -> set[str]:
    """The comms that are open."""
    module = ipywidgets.widgets.widget
    return set(module._instances if hasattr(module, "_instances") else ipywidgets.Widget.widgets)  # until ipywidgets 8


def test_studio_is_shown_below_a_note_for_pages_without_a_kernel(notebook: Shell) -> None:
    """The first output is what a saved notebook keeps; the second one is the widget."""
    notebook.run("import luma_jupyter as luma\nluma.Studio()")
    note, live, _ = notebook.displays.latest()
    assert "Run this cell again to open the studio. What you made with it is kept." in note["text/html"]
    assert "Run this cell again" in note["text/plain"]
    assert live[WIDGET_VIEW]["model_id"] in open_comms()


@pytest.mark.parametrize("cell", ["%luma studio", "luma.Studio()"])
def test_studio_word_is_the_same_as_the_class(notebook: Shell, cell: str) -> None:
    """``%luma studio`` is ``luma.Studio()``."""
    notebook.user_ns["luma"] = luma
    notebook.run(cell)
    assert len(notebook.displays.latest()) == 3


def test_studio_button_puts_the_clip_into_the_queue(notebook: Shell, service: PromptService) -> None:
    """A new one, and one that was made before, whose video is shown again."""
    studio = luma.Studio(prompt="A boat", out="boat")
    (boat,) = studio.form.submit()
    boat.wait()
    assert studio.queue.clips == [boat]
    again = luma.Studio(prompt="A boat")
    assert again.queue.clips == []
    again.form.submit()
    kernel.presenter.updates.draw_now(again.queue)
    assert again.queue.clips == [boat]
    assert "<video" in again.queue.model.result
    assert repr(again) == "<Studio: generate, clips in the queue: 1>"
    assert len(service.sent) == 1


def test_studio_leaves_no_comm_when_cleared(notebook: Shell) -> None:
    """When its last view is gone from the page, all that it opened is closed, and another studio lives on."""
    other = luma.Studio()
    before = open_comms()
    studio = luma.Studio()
    assert len(open_comms()) > len(before)
    studio.form.on_message({"do": "gone"}, [])
    assert open_comms() == before
    assert other.form.comm is not None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"action": "film"}, "There is no action film: choose generate, extend, modify."),
        ({"colour": "red"}, "The studio has no field colour. Its fields are action, prompt,"),
        ({"loop": "yes"}, "loop must be True or False, not 'yes'."),
        ({"prompt": ["a"]}, "prompt must be text, not ['a']."),
    ],
)
def test_studio_refuses_what_a_field_cannot_hold(notebook: Shell, fields: dict[str, object], words: str) -> None:
    """One line says which fields there are, or what the one can hold."""
    with pytest.raises(InvalidRequest, match=re.escape(words)):
        luma.Studio(**fields)


def test_studio_takes_numbers_of_numpy(notebook: Shell) -> None:
    """A number is written into its field, a flag is one."""
    studio = luma.Studio(takes=np.int64(3), loop=np.bool_(True))
    assert (studio.form.takes, studio.form.loop) == ("3", True)


def test_studio_in_a_terminal_says_where_to_go(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and no widget."""
    terminal.run("%luma studio")
    assert "needs a notebook" in capsys.readouterr().out
    assert terminal.displays.latest() == []


@pytest.mark.parametrize("cell", ["luma.Studio()", "%luma studio"])
def test_studio_follows_no_task_of_other_kernels(
    notebook: Shell, engine: Engine, tmp_path: Path, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another kernel makes is offered as a source and shown, and stays that kernel's: no handle, no watch."""
    mine = luma.generate("A sunset").wait()
    elsewhere = Journal(tmp_path / "home", owner="another machine|1|0.0")
    theirs = mine.task.evolve(intent="e" * 32, created_at=mine.task.created_at + 1)
    elsewhere.add(theirs.evolve(status=Status.RUNNING, video=None, path=None, ended_at=None))
    looked: list[str] = []
    monkeypatch.setattr(engine, "resume", lambda intent, **options: looked.append(intent))
    known = dict(engine.handles)
    notebook.user_ns["luma"] = luma
    notebook.run(f"studio = {cell}" if cell == "luma.Studio()" else cell)
    form = luma.Studio().form
    form.refresh()
    assert [(choice["word"], choice["done"]) for choice in form.clips] == [
        ("clip:eeeeeeee", False),
        (f"clip:{mine.task.key}", True),
    ]
    assert engine.handles == known
    assert looked == []
    elsewhere.close()
