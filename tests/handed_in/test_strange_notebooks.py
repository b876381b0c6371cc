"""A notebook that is strange anywhere is handed in and collected, or refused in one line."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.note import NO_NOTE
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.handed_in.answers import answers_in
from luma_jupyter.handed_in.masking import Maker
from luma_jupyter.handed_in.notebook import parse_notebook
from luma_jupyter.handed_in.packing import LastChanges, hand_in
from luma_jupyter.handed_in.shown import Library
from tests.support.handed_in import code, markdown, printed, read_zip, tagged
from tests.support.notebook import MP4

Place: TypeAlias = tuple[Any, ...]

HALF = "\ud83d"
MAKER = Maker({"RUNAPI_API_KEY": "run-secret-1234"}, Path("/home/ann"), ["ann"], [Path("/home/ann/course")])
NOTEBOOK: dict[str, Any] = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3"}, "authors": [{"name": "Ann"}]},
    "cells": [
        {**markdown("# Words\n[a](b) <details>\n"), "id": "a", "attachments": {"a.png": {"image/png": "aaaa"}}},
        tagged(code("x = sunset", {"text/html": '<video src="a.mp4">', "text/plain": ["a", "b"]}), "answer"),
        tagged(printed("look(x)", "Right: it is.\n"), "check"),
        {**code("1 / 0"), "outputs": [{"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["a", "b"]}]},
        {**code("2", {"image/png": "aaaa", "application/json": {"a": [1]}}), "metadata": {"jupyter": {"a": True}}},
        {"cell_type": "raw", "metadata": {}, "source": "As typed"},
    ],
}


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where in it there are values."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from places(one, (*place, name))


def put(notebook: Any, place: Place, value: Any) -> Any:
    """The notebook with another value in a place."""
    if not place:
        return value
    copy = deepcopy(notebook)
    inside = copy
    for name in place[:-1]:
        inside = inside[name]
    inside[place[-1]] = value
    return copy


def nested(levels: int) -> Any:
    """Lists in each other."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


TEXTS = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from(
    [f'<video src="{HALF}.mp4">', f"{HALF} = 1", f"%luma show -o {HALF}", "data:image/png;base64,", "a\0.mp4"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from([nested(90), nested(600)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(place=st.sampled_from(list(places(NOTEBOOK))), value=VALUES)
def test_any_json_in_any_place_becomes_a_zip_or_is_refused(place: Place, value: Any) -> None:
    """What is packed can be read again, by this version too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.mp4").write_bytes(MP4)
        library = Library(folder, folder, lambda key: None, lambda name, source: [], lambda task: NO_NOTE)
        file = folder / "lesson.ipynb"
        file.write_text(json.dumps(put(NOTEBOOK, place, value)))
        try:
            made = hand_in(file, folder / "lesson.zip", library, MAKER, LastChanges())
        except InvalidRequest:
            return
        assert repr(made)
        files = read_zip(made.path)
        content = parse_notebook(files["lesson.ipynb"])
        assert content
        assert files["lesson.html"].decode()
        assert str(answers_in([content])).encode()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there, names of files have no odd bytes")
def test_names_with_odd_bytes_are_handed_in(tmp_path: Path) -> None:
    """As of an old archive: of the notebook, of a video and of the folder; a mark takes their place in the zip."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    video, file = (folder / os.fsdecode(name) for name in (b"\xe7a.mp4", b"le\xe7on.ipynb"))
    video.write_bytes(MP4)
    file.write_text(json.dumps(put(NOTEBOOK, ("cells", 1), code("x = 1"))))
    library = Library(folder, folder, lambda key: None, lambda name, source: [video], lambda task: NO_NOTE)
    made = hand_in(file, folder / "a.zip", library, replace(MAKER, folders=[folder]), LastChanges())
    assert sorted(read_zip(made.path)) == ["le�on.html", "le�on.ipynb", "�a.mp4"]
