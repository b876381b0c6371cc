"""What is read of a lesson's answers, in notebooks that may come from anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.handed_in.answers import LONGEST_ANSWER, MOST_ANSWERS, answers_in
from luma_jupyter.handed_in.notebook import read_notebook
from tests.support.handed_in import Cell, code, markdown, printed, tagged, write_notebook


def test_checks_that_say_right_are_counted(tmp_path: Path) -> None:
    """Of those that were run and of those that were not; a line below another one counts, and no other word does."""
    cells = [
        tagged(code('frame = "snow@last"'), "answer"),
        tagged(printed("look(1)", "Right: it is.\n"), "check", "hidden"),
        tagged(code("frame = 2"), "answer"),
        tagged(printed("look(2)", "Not yet: the word is not Right: it is.\n"), "check"),
        tagged(printed("look(3)", "Look:\nRight: it is.\n"), "check"),
        tagged(printed("看(4)", "对了：就是它。\n"), "check"),
        tagged(printed("看(5)", "还不对：“对了：”这个词不算。\n"), "check"),
        tagged(code("look(4)"), "check"),
        printed("print('Right: ')", "Right: \n"),
        tagged(markdown("Right: "), "check", "answer"),
    ]
    content = read_notebook(write_notebook(tmp_path / "a.ipynb", *cells))[0]
    found = answers_in([content, content])
    assert (found.right, found.questions) == (6, 12)
    assert found.texts == ('frame = "snow@last"', "frame = 2") * 2
    assert str(found) == "6 of 12 answers right"
    assert str(answers_in([])) == "0 of 0 answers right"


@pytest.mark.parametrize("metadata", [None, 1, [], {"tags": None}, {"tags": "check"}, {"tags": {"check": 1}}])
def test_tags_of_another_kind_are_none(tmp_path: Path, metadata: Any) -> None:
    """Whatever stands where the tags should be."""
    content = read_notebook(write_notebook(tmp_path / "a.ipynb", {**code("x"), "metadata": metadata}))[0]
    assert answers_in([content]).questions == 0


@pytest.mark.parametrize("text", [None, 1, {"Right: ": 1}, ["Right: ", 1], [["Right: "]]])
def test_output_of_another_kind_is_not_right(tmp_path: Path, text: Any) -> None:
    """Nor is what stands behind very much else, or in another stream."""
    streams = [("stdout", text), ("stderr", "Right: "), ([], "Right: "), ("stdout", "x" * 20_000 + "\nRight: ")]
    outputs = [{"output_type": "stream", "name": name, "text": said} for name, said in streams]
    file = tmp_path / "a.ipynb"
    write_notebook(file, {**tagged(code("x"), "check"), "outputs": outputs})
    found = answers_in([json.loads(file.read_text())])
    assert (found.right, found.questions) == (0, 1)


def test_answers_are_bounded(tmp_path: Path) -> None:
    """Each, and how many there are."""
    cells: list[Cell] = [tagged(code("x" * 5_000), "answer") for _ in range(MOST_ANSWERS + 1)]
    found = answers_in([read_notebook(write_notebook(tmp_path / "a.ipynb", *cells))[0]])
    assert len(found.texts) == MOST_ANSWERS
    assert {len(text) for text in found.texts} == {LONGEST_ANSWER}
    assert found.texts[0].endswith("x…")
