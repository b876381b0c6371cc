"""``%luma explain`` and ``clip.explain()``: what went over the wire for a clip of a user's."""

from __future__ import annotations

import re

import pytest

from luma_jupyter.cells.completion import Completer
from luma_jupyter.domain.exchange import Step
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.views.exchanges import Explanation
from tests.support import settings
from tests.support.notebook import PromptService, Shell


def explained(notebook: Shell, line: str) -> Explanation:
    """What the line gives."""
    notebook.run(f"told = %luma explain {line}")
    told = notebook.user_ns["told"]
    assert isinstance(told, Explanation)
    return told


def test_explain_tells_a_clip_by_its_variable_and_by_its_key(notebook: Shell) -> None:
    """As other words of the line name a clip; in a notebook as HTML, and in a terminal as text."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma -o two --takes 2 --wait\nTwo of them")
    clip = notebook.user_ns["sunset"]
    told = explained(notebook, "sunset")
    assert [one.step for one in told if one.step in (Step.WRITTEN, Step.SUBMIT)] == [Step.WRITTEN, Step.SUBMIT]
    assert list(clip.explain()) == list(told)
    assert list(explained(notebook, f"clip:{clip.task.key}")) == list(told)
    assert "ace-secret" not in f"{told!r}{told._repr_html_()}"
    assert repr(explained(notebook, "two[1]")).startswith("two[1]: “Two of them”")
    notebook.run("%luma explain sunset")
    shown = notebook.displays.outputs
    assert not any("Traceback" in str(output) for output in shown)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "Say which: %luma explain NAME"),
        ("sunset dawn", "Say which: %luma explain NAME"),
        ("nothing", "There is no variable nothing"),
        ("two", "two is a list: take one of its clips, two[0] to two[1]."),
        ("sunset@last", "here goes a whole clip: write sunset."),
        ("--all", "%luma explain takes no options: leave out --all."),
    ],
)
def test_explain_says_what_it_cannot_explain(notebook: Shell, line: str, words: str) -> None:
    """One clip, by its name."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma -o two --takes 2 --wait\nTwo of them")
    with pytest.raises(InvalidRequest, match=re.escape(words)):
        notebook.run(f"%luma explain {line}")


def test_explain_is_completed_and_in_the_help(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Tab offers the word, and behind it the clips."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    completer = Completer(lambda: notebook.user_ns)
    assert completer.complete("%luma expl") == ("expl", ["explain"])
    assert completer.complete("%luma explain sun") == ("sun", ["sunset"])
    capsys.readouterr()
    notebook.run("%luma help")
    assert "%luma explain NAME" in capsys.readouterr().out


def test_explain_of_what_was_not_recorded_says_so_in_a_line(notebook: Shell, service: PromptService) -> None:
    """A clip that waits, one while nothing is recorded, and an adopted one."""
    settings.configure(keep_exchanges=False)
    notebook.run("%%luma -o off --wait\nA sunset")
    assert explained(notebook, "off").note.startswith("Nothing is recorded of it, as keep_exchanges is off")
    settings.configure(keep_exchanges=None)
    service.gate.clear()
    notebook.run("%%luma -o first\nA dawn")
    notebook.run("%%luma extend first -o second\nA day")
    assert explained(notebook, "second").note == "Nothing was sent for it yet."
    service.gate.set()
    notebook.run("%luma wait")
    task_id = notebook.user_ns["off"].task_id
    notebook.run("%luma adopt " + task_id)
    assert explained(notebook, "_luma").note


def test_explain_of_an_earlier_kernel_s_clip_has_its_steps(notebook: Shell) -> None:
    """After a restart, the cell finds its clip again, and what went over the wire for it."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    before = list(notebook.user_ns["sunset"].explain())
    notebook.restart()
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert list(notebook.user_ns["sunset"].explain()) == before
    assert before[-1].step in (Step.VIDEO, Step.THUMBNAIL, Step.STATEMENT)
