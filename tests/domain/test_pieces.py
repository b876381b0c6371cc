"""Parts of films, which check themselves; and the files of the user's that go into films, known by their content."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from luma_jupyter.domain.pieces import LONGEST_NAME, LONGEST_WORDS, FilmFile, Piece
from luma_jupyter.errors import InvalidRequest

INTENT = "0123456789abcdef" * 2
SHA = "ab" * 32


def piece(**fields: Any) -> Piece:
    return Piece(**{"source": INTENT, "label": "storm", **fields})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"start": -1}, "start must be a number of seconds, 0 or more, not -1."),
        ({"start": math.nan}, "start must be"),
        ({"start": math.inf}, "start must be"),
        ({"start": "1"}, "start must be"),
        ({"start": True}, "start must be"),
        ({"start": 2, "end": 2}, "end must be a number of seconds after 2, not 2."),
        ({"end": math.inf}, "end must be"),
        ({"end": "soon"}, "end must be"),
        ({"speed": 0}, "speed must be a number from 0.01 to 100, not 0."),
        ({"speed": 101}, "speed must be"),
        ({"crop": "wide"}, "crop must be a ratio such as 9:16 or 2.39:1, not 'wide'."),
        ({"crop": "100:1"}, "crop must be"),
        ({"crop": "0:16"}, "crop must be"),
        ({"crop": 1.5}, "crop must be"),
        ({"seconds": 0}, "seconds must be how many seconds the picture is shown, from 0.1 to 3,600, not 0."),
        ({"seconds": 1e9}, "seconds must be"),
        ({"title": 3}, "title must be text, not int."),
        ({"title": "x\ud800"}, "title has half a character"),
        ({"caption": "x" * (LONGEST_WORDS + 1)}, "caption has 2,001 characters, and may have 2,000."),
        ({"label": 3}, "label must be text"),
    ],
)
def test_piece_refuses_a_value_that_cannot_be_used(fields: dict[str, Any], words: str) -> None:
    """Each bad value of a part gets one line, which begins with the field and says what it can be."""
    with pytest.raises(InvalidRequest) as caught:
        piece(**fields)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_piece_reads_values_of_all_libraries() -> None:
    """Numbers of numpy count as numbers, and equal values make equal parts however they were written."""
    made = piece(start=np.int64(1), end=np.float32(4.5), speed=2, crop=" 09 : 16 ", title=" Sea\n")
    assert made == piece(start=1.0, end=4.5, speed=2.0, crop="9:16", title="Sea")
    assert repr(made.start) == "1.0"


def test_piece_without_words_has_none() -> None:
    """A title or caption of nothing but blanks, or of letters that nobody can see, is none."""
    assert (piece(title="  ").title, piece(caption="\n").caption) == (None, None)
    assert (piece(title="\u200b").title, piece(caption=" \u2060 ").caption) == (None, None)


def test_piece_of_another_label_is_the_same_part() -> None:
    """What the user calls a source does not count; what is taken of it does."""
    assert piece(label="a") == piece(label="b")
    assert piece().facts == piece(label="").facts
    assert piece() != piece(start=1)


@pytest.mark.parametrize(
    "made",
    [
        piece(),
        piece(start=1, end=4.5, speed=0.5, crop="9:16", title="Sea", caption="Waves"),
        Piece(source=FilmFile(SHA, "waves.mp4"), seconds=3),
    ],
)
def test_piece_comes_back_from_its_record(made: Piece) -> None:
    """A record has all of a part, also what the user called it."""
    again = Piece.from_record(made.record)
    assert (again, again.label, str(again)) == (made, made.label, str(made))


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"intent": "x"},
        {"intent": 3},
        {"file": {"sha256": "x", "name": "a"}},
        {"file": {"sha256": SHA, "name": 3}},
        {"file": {"sha256": SHA}},
        {"file": "a.mp4"},
        {"intent": INTENT, "spped": 2},
        {"intent": INTENT, "start": "x"},
        {"intent": INTENT, "label": ["x"]},
    ],
)
def test_piece_of_a_forged_record_is_refused(record: dict[str, Any]) -> None:
    """A record may come from anybody: what is no part is none."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        Piece.from_record(record)


def test_piece_is_called_as_the_user_named_it() -> None:
    """A part is called by its label, a file without one by its name."""
    assert (str(piece()), str(piece(label=""))) == ("storm", "a clip")
    assert [piece(label=label).source_label for label in ("storm@1-4.5", "storm ×2", "s[1]", "")] == [
        *("storm", "storm", "s[1]", "a clip"),
    ]
    assert str(Piece(source=FilmFile(SHA, "waves.mp4"))) == "waves.mp4"
    assert len(piece(label="x" * 500).label) == LONGEST_NAME


def test_film_file_is_known_by_its_content(tmp_path: Path) -> None:
    """Files of equal bytes are the same wherever they lie, and their bytes are not held."""
    (tmp_path / "a.mov").write_bytes(b"film")
    (tmp_path / "b.mp4").write_bytes(b"film")
    first, second = FilmFile.at(tmp_path / "a.mov"), FilmFile.at(tmp_path / "b.mp4")
    assert first == second
    assert (first.name, first.data) == ("a.mov", None)
    first.check()


def test_film_file_may_be_called_anything(tmp_path: Path) -> None:
    """A name in another encoding, as old archives leave it, can be shown."""
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    path.write_bytes(b"film")
    file = FilmFile.at(path)
    assert (file.name, piece(source=file, label=file.name).label) == ("caf�.mp4", "caf�.mp4")
    file.check()


def test_film_file_that_changed_is_refused(tmp_path: Path) -> None:
    """A file that was overwritten or taken away since it was named is told, by its name."""
    path = tmp_path / "a.mov"
    path.write_bytes(b"film")
    file = FilmFile.at(path)
    path.write_bytes(b"another film")
    with pytest.raises(InvalidRequest, match=r"a\.mov has changed since then: run the cell again\."):
        file.check()
    path.unlink()
    with pytest.raises(InvalidRequest, match=r"a\.mov cannot be read any more \(No such file or directory\)"):
        file.check()


def test_film_file_of_an_earlier_session_is_refused() -> None:
    """What a record tells of is not here; what was given as an object is."""
    with pytest.raises(InvalidRequest, match="given in an earlier session"):
        FilmFile.from_record({"sha256": SHA, "name": "a.mov"}).check()
    dataclasses.replace(FilmFile(SHA, "frame"), data=b"picture").check()
