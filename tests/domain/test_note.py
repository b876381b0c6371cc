"""A person's note: bounded, on one line, and what a file that somebody wrote makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from luma_jupyter.domain.note import LONGEST_NOTE, NO_NOTE, Note, read_note
from luma_jupyter.errors import InvalidRequest


def test_note_is_one_line_without_controls() -> None:
    """What a terminal would obey is shown as a mark, and white space is one blank."""
    assert Note(text=" good\n\tlight\x1b[2J \u202e!").text == "good light�[2J !"
    assert Note(starred=False, text="  \n ") == NO_NOTE


@pytest.mark.parametrize("values", [{"text": 3}, {"text": None}, {"text": "x" * (LONGEST_NOTE + 1)}, {"starred": 1}])
def test_what_can_be_no_note_is_refused(values: dict[str, Any]) -> None:
    """Neither a number nor a book is one."""
    with pytest.raises(InvalidRequest):
        Note(**values)


@pytest.mark.parametrize("note", [NO_NOTE, Note(True), Note(True, "Größe 狐狸"), Note(text="x" * LONGEST_NOTE)])
def test_note_is_read_as_it_was_kept(note: Note) -> None:
    """Its record says all of it."""
    assert read_note(note.record) == note


@pytest.mark.parametrize("record", [None, 3, "★", [], {}, {"starred": "true"}, {"starred": 1, "text": {"a": 1}}])
def test_record_that_is_none_counts_for_nothing(record: object) -> None:
    """Whatever somebody wrote there."""
    assert read_note(record) == NO_NOTE
