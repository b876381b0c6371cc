"""A notebook's file, which may be anybody's."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.handed_in import notebook
from luma_jupyter.handed_in.notebook import DEEPEST, PAUSES, cells_of, parse_notebook, read_notebook
from tests.support.handed_in import code, markdown, write_notebook


def test_cells_have_their_texts_whole(tmp_path: Path) -> None:
    """Whether the file has them as one text or as lines; outputs are as they are in the file."""
    cell = code(["a\n", "b"], {"text/html": ["<b>", "x</b>"], "text/plain": 5})  # type: ignore[arg-type]
    first, second = cells_of(read_notebook(write_notebook(tmp_path / "a.ipynb", cell, markdown("c\nd")))[0])
    assert (first.kind, first.source, list(first.data("text/html"))) == ("code", "a\nb", ["<b>x</b>"])
    assert (list(first.data("text/plain")), list(first.data("image/png"))) == ([""], [])
    assert (second.kind, second.source, second.outputs) == ("markdown", "c\nd", ())


def test_large_notebook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is read; the line says what helps."""
    monkeypatch.setattr(notebook, "LARGEST", 10)
    with pytest.raises(InvalidRequest, match=r"'a\.ipynb' is larger than 0 MB: clear its outputs, and save it\."):
        read_notebook(write_notebook(tmp_path / "a.ipynb"))


def test_notebook_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name and why."""
    write_notebook(tmp_path / "a.ipynb")

    def fail(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(InvalidRequest, match=r"'a\.ipynb' cannot be read \(Permission denied\)\."):
        read_notebook(tmp_path / "a.ipynb")


def test_notebook_that_is_being_saved_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter has emptied the file, and fills it meanwhile."""
    file = write_notebook(tmp_path / "a.ipynb", markdown("x"))
    whole = file.read_bytes()
    file.write_bytes(b"")
    steps = [whole[:20], whole]
    monkeypatch.setattr(notebook, "sleep", lambda seconds: file.write_bytes(steps.pop(0)))
    content, saved_at = read_notebook(file)
    assert (cells_of(content)[0].source, steps, saved_at) == ("x", [], file.stat().st_mtime)


def test_waiting_for_a_save_ends(tmp_path: Path, pauses: list[float]) -> None:
    """A file that stays broken is told after a moment; one that is whole is not waited for."""
    read_notebook(write_notebook(tmp_path / "a.ipynb"))
    assert pauses == []
    (tmp_path / "a.ipynb").write_bytes(b"")
    with pytest.raises(InvalidRequest, match="not a notebook that Jupyter can open"):
        read_notebook(tmp_path / "a.ipynb")
    assert pauses == list(PAUSES)
    assert sum(PAUSES) < 2


def test_notebook_that_is_saved_all_the_time_has_an_earlier_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what was done after what was read is never taken for saved."""
    file = write_notebook(tmp_path / "a.ipynb")
    read, saves = Path.read_bytes, []

    def save_again(path: Path) -> bytes:
        content = read(path)
        os.utime(path, (len(saves), len(saves)))
        saves.append(content)
        return content

    monkeypatch.setattr(Path, "read_bytes", save_again)
    assert read_notebook(file)[1] == file.stat().st_mtime - 1
    assert len(saves) == len(PAUSES) + 1


@pytest.mark.parametrize(
    "cell",
    [
        5,
        {"cell_type": "code"},
        {"cell_type": "code", "source": [1]},
        {"cell_type": "code", "source": "", "outputs": 5},
        {"cell_type": "code", "source": "", "outputs": ["x"]},
        {"cell_type": "heading", "source": ""},
    ],
)
def test_cell_that_is_none_makes_the_notebook_broken(tmp_path: Path, cell: object) -> None:
    """Nothing is read of a file that Jupyter would not open."""
    (tmp_path / "a.ipynb").write_text(json.dumps({"nbformat": 4, "cells": [cell]}))
    with pytest.raises(InvalidRequest, match="not a notebook that Jupyter can open"):
        read_notebook(tmp_path / "a.ipynb")


def test_half_a_character_becomes_a_mark() -> None:
    """No file can have one: in texts and in names, wherever they are; whole ones stay."""
    half, whole = r"a\ud83d", r"\ud83d\ude00"
    cell = f'{{"cell_type": "raw", "source": ["{half}", "{whole}"], "metadata": {{"{half}": [5, "{half}"]}}}}'
    content = parse_notebook(f'{{"nbformat": 4, "cells": [{cell}]}}'.encode())
    assert content
    assert content["cells"][0] == {"cell_type": "raw", "source": ["a�", "😀"], "metadata": {"a�": [5, "a�"]}}


@pytest.mark.parametrize(("levels", "is_taken"), [(DEEPEST - 5, True), (DEEPEST + 1, False), (600, False)])
@pytest.mark.parametrize("ends", ["[]", ('{"a":', "}")])
def test_what_is_too_deep_is_no_notebook(levels: int, ends: Sequence[str], is_taken: bool) -> None:
    """Nobody has so many lists in each other, and whoever looks into them would come to Python's own limit."""
    deep = ends[0] * levels + "5" + ends[1] * levels
    assert (parse_notebook(f'{{"nbformat": 4, "metadata": {deep}, "cells": []}}'.encode()) is not None) is is_taken


@pytest.mark.parametrize(
    ("metadata", "is_folded"),
    [
        ({"jupyter": {"source_hidden": True}}, True),
        ({"tags": ["check", "solution"]}, True),
        ({"jupyter": {"source_hidden": "no"}, "tags": ["check"]}, False),
        ({"jupyter": [], "tags": "solution"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_cell_whose_source_is_hidden_is_folded(metadata: object, is_folded: bool) -> None:
    """By what Jupyter writes, or by the tag of a solution; what is neither says nothing."""
    (cell,) = cells_of({"cells": [{**code("x"), "metadata": metadata}]})
    assert cell.is_folded is is_folded
