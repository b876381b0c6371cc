"""What students have handed in, as it is shown and as a table."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.views.html import MOST_SAVED
from luma_jupyter.widgets.collection import FIELDS, Collection
from tests.support import settings
from tests.support.handed_in import write_zip
from tests.support.notebook import PromptService, Shell

NOTEBOOK = b'{"nbformat": 4, "cells": []}'
EVIL = "=HYPERLINK(1)<img src=x onerror=alert(1)>"
Hand = Callable[..., None]


@pytest.fixture
def hand(notebook: Shell, filmed: PromptService, tmp_path: Path) -> Hand:
    """Hand in clips with these prompts, as a student; each has a sidecar with these changes."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    video = notebook.user_ns["sunset"].path
    sidecar = json.loads(video.with_suffix(".json").read_text())
    made = 0

    def hand_in(student: str, *prompts: str, **changes: Any) -> None:
        nonlocal made
        files = {"lesson.ipynb": NOTEBOOK}
        for prompt in prompts:
            made += 1
            right = fingerprint(GenerateRequest(prompt=prompt), None)
            data = sidecar | {"prompt": prompt, "fingerprint": right, "intent": f"{made:032x}"} | changes
            files |= {f"{made}.mp4": video.read_bytes(), f"{made}.json": json.dumps(data).encode()}
        write_zip(tmp_path / "class" / f"{student}.zip", files)

    return hand_in


def rows_of(file: Path) -> list[dict[str, str]]:
    """What a spreadsheet reads."""
    text = file.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_gallery_shows_each_student_with_what_was_noted(hand: Hand) -> None:
    """A section each: count, cost, the notebook, and tiles that play from the page, with notes below."""
    hand("ann", "A fox", "A boat", cost=0.5, note={"starred": True, "text": "The best"})
    hand("ben")
    html = luma.collect("class")._repr_html_()
    assert "2 students" in html
    assert re.findall(r"(\d clips?), (\$\d\.\d\d)", html) == [("2 clips", "$1.00"), ("0 clips", "$0.00")]
    assert re.search(r'href="class/collected/ann-\w+/lesson.ipynb"', html)
    assert len(re.findall(r'<video src="class/collected/ann-\w+/\d\.mp4"', html)) == 2
    assert len(re.findall(r'<img src="class/collected/ann-\w+/\d\.jpg"', html)) == 2
    assert html.count("★ The best") == 2


def test_collection_is_a_mapping_by_student(hand: Hand, tmp_path: Path) -> None:
    """Each has its clips as plain values, and is shown by itself."""
    hand("ann", "A fox", "A boat", name="fox", cost=0.35)
    hand("ben")
    found = luma.collect("class")
    ann = found["ann"]
    assert (list(found), len(found), len(ann), len(found["ben"])) == (["ann", "ben"], 2, 2, 0)
    assert (ann.student, ann.zip, ann.cost) == ("ann", tmp_path / "class" / "ann.zip", 0.7)
    assert [path.relative_to(ann.folder).as_posix() for path in ann.notebooks] == ["lesson.ipynb"]
    assert [(row["prompt"], row["name"], row["length"]) for row in ann.clips] == [
        ("A fox", "fox", 1.0),
        ("A boat", "fox", 1.0),
    ]
    assert repr(ann).splitlines()[0] == "ann: 2 clips, $0.70"
    assert "A boat" in repr(ann)
    assert ann._repr_html_().count("<figure") == 2
    assert repr(found["ben"]) == "ben: 0 clips, $0.00"
    hand("cat", "A fox")
    assert repr(luma.collect("class")["cat"]).startswith("cat: 1 clip, $0.00, and 1 of unknown price")


def test_refused_zips_are_told_above_the_others(hand: Hand, tmp_path: Path) -> None:
    """In text and in HTML; with nothing else it says that there is nothing."""
    hand("ann", "A fox")
    (tmp_path / "class" / "<b>eve.zip").write_bytes(b"no zip")
    found = luma.collect("class")
    line = "<b>eve.zip is refused: it is no zip, or damaged."
    assert found.refused == [line]
    assert repr(found).splitlines()[0] == line
    assert repr(found).splitlines()[2].split()[:3] == ["ann", "1", "$0.00"]
    assert "&lt;b&gt;eve.zip is refused" in found._repr_html_()
    (tmp_path / "empty").mkdir()
    assert repr(luma.collect("empty")) == "Nothing was collected."


def test_words_of_students_are_no_html_and_no_formulas(hand: Hand, tmp_path: Path) -> None:
    """Prompts, names, notes and names of zips; a table that is there is replaced."""
    hand("=evil()", EVIL, name=EVIL, note={"starred": True, "text": EVIL})
    found = luma.collect("class")
    for html in (found._repr_html_(), found["=evil()"]._repr_html_()):
        assert "onerror=alert" in html
        assert not re.search(r"<[^>&]*onerror=alert", html)
    for _ in range(2):
        file = found.to_csv("table.csv")
    (row,) = rows_of(file)
    assert (row["student"], row["zip"]) == ("'=evil()", "'=evil().zip")
    assert (row["prompt"], row["name"], row["note"]) == ("'" + EVIL,) * 3


def test_table_has_a_row_for_each_video_and_for_who_has_none(hand: Hand) -> None:
    """As CSV that Excel reads in any script, and as a DataFrame."""
    hand("狐狸", "一只狐狸", cost=0.25)
    hand("ann")
    found = luma.collect("class")
    file = found.to_csv("table.csv")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    ann, fox = rows_of(file)
    assert (fox["student"], fox["prompt"], fox["cost"], fox["length"]) == ("狐狸", "一只狐狸", "0.25", "1.0")
    assert (ann["student"], ann["prompt"], ann["cost"], ann["made"]) == ("ann", "", "", "")
    frame = found.dataframe()
    assert list(frame.columns) == list(FIELDS)
    assert frame["cost"].sum() == 0.25
    assert str(frame["made"].dtype).startswith("datetime64")


def test_table_needs_a_name_and_pandas(hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says in one line what to do."""
    hand("ann")
    found = luma.collect("class")
    with pytest.raises(InvalidRequest, match=r"The table is a \.csv, not 'table\.xlsx'"):
        found.to_csv("table.xlsx")
    with pytest.raises(InvalidRequest, match="It cannot be saved as"):
        found.to_csv(tmp_path / "nowhere" / "table.csv")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        found.dataframe()


def test_large_collection_stays_small_in_the_notebook(hand: Hand) -> None:
    """Fewer tiles of each student; the line says how to see all."""
    for student in range(8):
        hand(f"student {student}", *(f"A fox and {number} boats {'x' * 100}" for number in range(30)))
    found = luma.collect("class")
    html = found._repr_html_()
    assert len(html) < MOST_SAVED
    assert "and 22 more: collection[&#x27;student 3&#x27;] shows all" in html
    assert found["student 3"]._repr_html_().count("<figure") == 30


def test_page_that_reaches_no_files_has_the_videos_inside(hand: Hand, filmed: PromptService) -> None:
    """As in VS Code: pictures first, then videos, up to what may be in a notebook."""
    hand("ann", "A fox")
    settings.configure(embed=True)
    found: Collection = luma.collect("class")
    html = found._repr_html_()
    assert 'src="data:image/jpeg;base64,' in html
    assert '<video src="data:video/mp4;base64,' in html


def test_videos_without_sidecars_are_shown_by_their_names(hand: Hand, tmp_path: Path, film_bytes: bytes) -> None:
    """They count as videos, and cost nothing that is known."""
    write_zip(tmp_path / "class" / "cat.zip", {"mine/cat film.mp4": film_bytes})
    found = luma.collect("class")
    assert found["cat"].clips[0]["prompt"] == "cat film.mp4"
    assert "1 video, $0.00" in found._repr_html_()
    assert re.search(r'<video src="class/collected/cat-\w+/mine/cat%20film.mp4"', found._repr_html_())
