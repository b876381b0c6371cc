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
from luma_jupyter.errors import ConfigError, InvalidRequest, NoSuchStudent
from luma_jupyter.handed_in.submission import collect_all
from luma_jupyter.views.host import Host, How
from luma_jupyter.views.html import MOST_SAVED
from luma_jupyter.widgets.collection import FIELDS, STUDENT_FIELDS, Collection
from tests.support import settings
from tests.support.handed_in import code, printed, read_zip, tagged, write_notebook, write_zip
from tests.support.notebook import PromptService, Shell

NOTEBOOK = b'{"nbformat": 4, "cells": []}'
EVIL = "=HYPERLINK(1)<img src=x onerror=alert(1)>"
Hand = Callable[..., None]
CELLS = (
    tagged(code('frame = "snow@last"'), "answer"),
    tagged(printed("look(frame)", "Right: it is.\n"), "check"),
    tagged(code("=HYPERLINK(1)\r\n+1"), "answer"),
    tagged(printed("look(more)", "Not yet: it is not.\n"), "check"),
)


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


@pytest.fixture
def hand_lesson(hand: Hand, tmp_path: Path) -> Hand:
    """Hand in a lesson as a student: of two answers one is right."""

    def hand_in(student: str, *cells: dict[str, Any]) -> None:
        lesson = write_notebook(tmp_path / "mine.ipynb", *(cells or CELLS))
        write_zip(tmp_path / "class" / f"{student}.zip", {"lesson.ipynb": lesson.read_bytes()})

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
    line = "<b>eve.zip is refused: it is not a zip, or it is damaged."
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
    with pytest.raises(InvalidRequest, match=r"The table must be a \.csv file, not 'table\.xlsx'"):
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


@pytest.mark.parametrize("how", ["embed", "remote"])
def test_no_students_word_leads_a_page_elsewhere(hand: Hand, tmp_path: Path, how: How) -> None:
    """Where a page reaches no files, and has no room for them, nothing plays: an address in a sidecar is anybody's."""
    hand("ann", "A fox", video={"url": "https://elsewhere.example/other.mp4", "width": 640, "height": 360})
    found = Collection(collect_all(tmp_path / "class"), lambda place: Host("", how, "", serves=False), tmp_path)
    html = found._repr_html_()
    assert "A fox" in html
    assert "<video" not in html
    assert "elsewhere.example" not in html


def test_videos_without_sidecars_are_shown_by_their_names(hand: Hand, tmp_path: Path, film_bytes: bytes) -> None:
    """They count as videos, and cost nothing that is known."""
    write_zip(tmp_path / "class" / "cat.zip", {"mine/cat film.mp4": film_bytes})
    found = luma.collect("class")
    assert found["cat"].clips[0]["prompt"] == "cat film.mp4"
    assert "1 video, $0.00" in found._repr_html_()
    assert re.search(r'<video src="class/collected/cat-\w+/mine/cat%20film.mp4"', found._repr_html_())


def test_right_answers_are_told_of_each_student(hand: Hand, hand_lesson: Hand) -> None:
    """In the heading and in the table, where the lesson has questions."""
    hand("ann")
    hand_lesson("ben")
    hand_lesson("cat", CELLS[1])
    found = luma.collect("class")
    assert re.findall(r"0 clips, \$0\.00([^·<]*)<|0 clips, \$0\.00([^·<]*)·", found._repr_html_()) == [
        ("", " "),
        ("", ", 1 of 2 answers right "),
        ("", ", 1 of 1 answer right "),
    ]
    assert repr(found["ben"]) == "ben: 0 clips, $0.00, 1 of 2 answers right"
    assert [line.split()[4] for line in repr(found).splitlines()] == ["RIGHT", "-", "1", "1"]


def test_each_student_has_a_row(hand: Hand, hand_lesson: Hand) -> None:
    """As a DataFrame and as CSV, in which answers are no formulas and nothing is too long for a cell."""
    hand("ann", *"abcdefghijklmnopq", cost=0.5, note={"starred": True, "text": "x" * 2_000})
    hand_lesson("ben")
    hand_lesson("eve", CELLS[2])
    hand("fay", "A fox", "A boat", note={"starred": True, "text": "Mine"})
    found = luma.collect("class")
    frame = found.students()
    assert list(frame.columns) == list(STUDENT_FIELDS)
    assert list(frame["student"]) == ["ann", "ben", "eve", "fay"]
    assert list(frame["cost"]) == [8.5, 0.0, 0.0, 0.0]
    assert list(frame["right"]) == [0, 1, 0, 0]
    ann, ben, eve, fay = rows_of(found.to_csv("table.csv", by="student"))
    assert (ann["clips"], ann["starred"], len(ann["notes"])) == ("17", "17", 32_000)
    assert (ben["notebook"], ben["right"], ben["questions"], ben["file"]) == ("lesson.ipynb", "1", "2", "ben.zip")
    assert ben["answers"].startswith('frame = "snow@last"\n=HYPERLINK(1)')
    assert eve["answers"].startswith("'=HYPERLINK(1)")
    assert (fay["notes"], fay["cost"]) == ("Mine; Mine", "0.0")
    with pytest.raises(InvalidRequest, match=r"by must be 'clip' or 'student', not 'class'\."):
        found.to_csv("table.csv", by="class")


def test_saved_table_is_told_with_local_times(hand: Hand, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says how many rows there are; a time has no zone behind it."""
    hand("ann", "A fox")
    found = luma.collect("class")
    (row,) = rows_of(found.to_csv("class.csv"))
    assert capsys.readouterr().out == "class.csv: 1 row saved.\n"
    made = found["ann"].clips[0]["made"]
    assert row["made"] == made.strftime("%Y-%m-%d %H:%M:%S")
    hand("ben", "A boat")
    luma.collect("class").to_csv("class.csv")
    assert capsys.readouterr().out == "class.csv: 2 rows saved.\n"


def test_student_who_is_not_there_is_told_in_one_line(hand: Hand, tmp_path: Path) -> None:
    """Why the zip was refused, or who there is; it is a KeyError, so that `in` and `get` work as ever."""
    hand("ann")
    hand("ben")
    (tmp_path / "class" / "dora.zip").write_bytes(b"no zip")
    found = luma.collect("class")
    assert ("dora" in found, found.get("dora")) == (False, None)
    with pytest.raises(KeyError) as caught:
        found["dora"]
    assert str(caught.value) == "dora.zip is refused: it is not a zip, or it is damaged."
    with pytest.raises(NoSuchStudent, match=r"^There is no student 'cat'; choose ann, ben\.$"):
        found["cat"]
    for number in range(12):
        hand(f"s{number:02}")
    with pytest.raises(NoSuchStudent, match=r"choose ann, ben, s00, .*, s07 or one of 4 more\.$"):
        luma.collect("class")["cat"]
    (tmp_path / "one").mkdir()
    with pytest.raises(NoSuchStudent, match=r"^There is no student 'ann': nothing was collected\.$"):
        luma.collect("one")["ann"]
    (tmp_path / "class" / "ann.zip").rename(tmp_path / "one" / "ann.zip")
    with pytest.raises(NoSuchStudent, match=r"^There is no student 0; choose ann\.$"):
        luma.collect("one")[0]  # type: ignore[index]


def test_what_was_handed_in_says_how_to_have_its_clips(hand: Hand) -> None:
    """A sheet, a comparison and a gallery are of clips; a gallery of the folder has them, and they can be compared."""
    hand("ann", "A fox", "A boat")
    found = luma.collect("class")
    ann = found["ann"]
    advice = re.escape("what was handed in: luma.gallery(collection['ann'].folder) makes clips of it.")
    asked: list[Callable[[], object]] = [
        lambda: luma.sheet(ann),  # type: ignore[arg-type]
        lambda: luma.sheet(found),  # type: ignore[arg-type]
        lambda: luma.compare(ann, ann),  # type: ignore[arg-type]
        lambda: luma.contact_sheet(ann),  # type: ignore[arg-type]
        lambda: luma.gallery(ann),  # type: ignore[arg-type]
    ]
    for ask in asked:
        with pytest.raises(InvalidRequest, match=advice):
            ask()
    entries = {f"luma_videos/{name}": content for name, content in read_zip(ann.zip).items()}  # as `handin` makes them
    write_zip(ann.zip, entries)
    gallery = luma.gallery(luma.collect("class")["ann"].folder)
    assert [clip.prompt for clip in luma.compare(gallery).clips] == ["A boat", "A fox"]
    assert "boat" in repr(luma.sheet(gallery))


def test_note_of_the_teacher_is_not_the_students(hand: Hand) -> None:
    """A star given in the gallery of a student's folder stays there, and is in no table of what was handed in."""
    hand("ann", "A fox", note={"starred": False, "text": "Mine"})
    ann = luma.collect("class")["ann"]
    write_zip(ann.zip, {f"luma_videos/{name}": content for name, content in read_zip(ann.zip).items()})
    (clip,) = luma.gallery(luma.collect("class")["ann"].folder)
    clip.starred, clip.note = True, "Well done"
    (row,) = luma.collect("class").rows()
    assert (row["starred"], row["note"]) == (False, "Mine")
    (clip,) = luma.gallery(luma.collect("class")["ann"].folder)
    assert (clip.starred, clip.note) == (True, "Well done")


def test_video_that_was_deleted_below_collected_is_listed(hand: Hand) -> None:
    """It was handed in: it has its row and its tile, and nothing is refused."""
    hand("ann", "A fox")
    (video,) = luma.collect("class")["ann"].folder.glob("*.mp4")
    video.unlink()
    found = luma.collect("class")
    assert (found.refused, [row["prompt"] for row in found.rows()]) == ([], ["A fox"])
    assert "A fox" in found._repr_html_()


def test_zips_without_names_are_told_below(hand: Hand) -> None:
    """In text and in HTML."""
    hand("lesson (1)")
    found = luma.collect("class")
    line = "Some zips have no student's name: ask for `%luma handin … -o NAME.zip`."
    assert repr(found).splitlines()[-1] == line
    assert found._repr_html_().index("<section") < found._repr_html_().index("Some zips have no student")
