"""Contact sheets: all clips of a list on one picture, those too that have no video."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest

import luma_jupyter as luma
from luma_jupyter.clip import sheet
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.errors import ConfigError, InvalidRequest
from tests.support.notebook import PromptService, Shell

GREY = (216, 216, 216)


@pytest.fixture
def shots(notebook: Shell, filmed: PromptService) -> ClipList:
    """Two clips in the list ``shots``, of which the first one fails."""
    shots = ClipList(luma.generate(prompt) for prompt in ("A [fail] storm", "A harbour at night"))
    notebook.user_ns["shots"] = shots
    return shots


def test_a_contact_sheet_waits_and_has_a_tile_for_each(shots: ClipList) -> None:
    """The pictures side by side; a clip that failed is a grey tile."""
    picture = shots.contact_sheet(columns=2)
    assert [clip.status for clip in shots] == ["failed", "completed"]
    left, right = np.hsplit(np.asarray(picture).astype(int), 2)
    assert (left == GREY).all(axis=-1).mean() > 0.1
    assert (right == GREY).all(axis=-1).mean() < 0.01
    assert (right.max(axis=-1) - right.min(axis=-1) > 100).mean() > 0.1


def test_a_contact_sheet_says_what_each_is(shots: ClipList, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name, what became of it, its prompt and its length."""
    cells: list[Any] = []
    monkeypatch.setattr("luma_jupyter.films.contact_sheet.contact_sheet", lambda given, columns: cells.extend(given))
    luma.contact_sheet(shots)
    assert [(cell.name, cell.prompt, cell.length) for cell in cells] == [
        ("shots[0] (failed)", "A [fail] storm", None),
        ("shots[1]", "A harbour at night", pytest.approx(1.0)),
    ]
    assert [cell.picture for cell in cells] == [None, shots[1].path]


def test_a_contact_sheet_is_of_whatever_holds_clips(shots: ClipList) -> None:
    """A list, a generator, one clip, the clips of the folder."""
    size = shots.contact_sheet().size
    assert luma.contact_sheet(list(shots)).size == luma.contact_sheet(clip for clip in shots).size == size
    assert luma.clips().contact_sheet().size == size
    assert luma.contact_sheet(shots[1], columns=np.int64(1)).size == ClipList(shots[1:]).contact_sheet(columns=1).size


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        (lambda clip: [clip, 3], {}, "A contact sheet takes clips, not int."),
        (lambda clip: [clip[0:1]], {}, "A contact sheet takes clips, not Cut."),
        (lambda clip: "shots", {}, "A contact sheet takes clips, not str."),
        (lambda clip: [], {}, "There are no clips for a contact sheet."),
        (lambda clip: [clip], {"columns": 0}, "columns must be a whole number from 1 to 12, not 0."),
        (lambda clip: [clip], {"columns": "two"}, "columns must be a whole number from 1 to 12, not 'two'."),
    ],
)
def test_what_is_no_sheet_is_refused(shots: ClipList, given: Any, options: dict[str, Any], words: str) -> None:
    """In one line."""
    with pytest.raises(InvalidRequest, match=f"^{re.escape(words)}$"):
        luma.contact_sheet(given(shots[1].wait()), **options)


def test_without_its_packages_a_sheet_says_what_to_install(shots: ClipList, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs the extra ``media``."""
    monkeypatch.setitem(sys.modules, "luma_jupyter.films.contact_sheet", None)
    with pytest.raises(ConfigError, match=r"pip install 'luma-jupyter\[media\]'$"):
        sheet.contact_sheet(shots)
