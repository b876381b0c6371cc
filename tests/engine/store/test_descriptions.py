"""What tasks are searched by: texts beside the rows, whoever wrote these, and notes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from luma_jupyter.domain.note import Note
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store import descriptions
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.engine.store.serialization import dump
from luma_jupyter.engine.store.wanted import Wanted
from tests.engine.store.journals import a_task, look, plain

FOX = a_task(1, request=GenerateRequest(prompt="A red FOX"), name="seas[3]", status=Status.COMPLETED)
DOG = a_task(2, request=GenerateRequest(prompt="A dog"), status=Status.FAILED)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path)) as journal:
        for task in (FOX, DOG):
            journal._put(task, None)
        yield journal


def found(journal: Journal, **wanted: object) -> list[str]:
    return [intent for _, intent, _ in journal.listed(Wanted(**wanted))]  # type: ignore[arg-type]


def test_row_of_an_earlier_version_is_searched_too(journal: Journal, tmp_path: Path) -> None:
    """Version 0.1.0 knows no texts, and writes none, also after this one has made some."""
    assert found(journal, search="cat") == []
    cat = a_task(3, request=GenerateRequest(prompt="A cat"))
    with closing(plain(tmp_path / FILE_NAME)) as file:
        row = (cat.intent, cat.fingerprint, "", cat.created_at, "queued", None, json.dumps(dump(cat)), None)
        file.execute("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    assert found(journal, search="cat") == [cat.intent]
    assert found(journal, search="a") == [FOX.intent, DOG.intent, cat.intent]


def test_row_that_comes_while_others_are_read_is_found_from_then_on(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another kernel enters a clip just while the texts of earlier ones are made."""
    cat = a_task(3, request=GenerateRequest(prompt="A cat"))
    described = descriptions._described

    def enter_meanwhile(snapshot: object) -> tuple[str, str]:
        with closing(Journal(tmp_path)) as other:
            other._put(cat, None)
        return described(snapshot)

    monkeypatch.setattr(descriptions, "_described", enter_meanwhile)
    assert found(journal, search="fox") == [FOX.intent]
    monkeypatch.setattr(descriptions, "_described", described)
    assert found(journal, search="cat") == [cat.intent]


def test_name_that_comes_at_the_end_is_searched(journal: Journal) -> None:
    """What holds a clip may be known late."""
    lease = journal.add(sea := a_task(4))
    assert found(journal, search="waves") == []
    lease.write(sea.evolve(status=Status.COMPLETED, name="waves[2]"))
    assert found(journal, search="waves[2]") == [sea.intent]


def test_damaged_row_is_found_by_nothing(journal: Journal, tmp_path: Path) -> None:
    """It stands in nobody's way."""
    with closing(plain(tmp_path / FILE_NAME)) as file:
        file.execute("UPDATE tasks SET task = ? WHERE intent = ?", ("[" * 5000, FOX.intent))
    assert found(journal, search="a") == [DOG.intent]


def test_search_goes_together_with_days_statuses_and_actions(journal: Journal) -> None:
    """All that is said of them has to fit."""
    assert found(journal, search="a", statuses=[Status.FAILED]) == [DOG.intent]
    assert found(journal, search="a", action="generate", newest=1) == [DOG.intent]
    assert found(journal, search="a", until=DOG.created_at) == [FOX.intent]
    assert found(journal, action="film") == []


def test_notes_are_kept_searched_and_forgotten(journal: Journal) -> None:
    """A note of the journal's is found by its words and its star."""
    journal.descriptions.set_note(DOG.intent, Note(True, "Ｇｏｏｄ"))
    assert journal.descriptions.notes([FOX.intent, DOG.intent]) == {DOG.intent: Note(True, "Ｇｏｏｄ")}
    assert found(journal, search="good") == found(journal, starred=True) == [DOG.intent]
    assert found(journal, search="good fox") == []
    for _ in range(2):
        journal.descriptions.forget_note(DOG.intent)
        assert found(journal, search="good") == found(journal, starred=True) == []


def test_search_writes_nothing_where_nothing_is_new(journal: Journal, tmp_path: Path) -> None:
    """Texts are made once; another kernel finds them there."""
    assert found(journal, search="fox") == [FOX.intent]
    with closing(Journal(tmp_path)) as other, closing(plain(tmp_path / FILE_NAME)) as file:
        other.listed()
        ((before,),) = file.execute("PRAGMA data_version").fetchall()
        assert found(other, search="fox") == found(journal, search="fox") == [FOX.intent]
        assert file.execute("PRAGMA data_version").fetchall() == [(before,)]
    assert look(tmp_path / FILE_NAME, "SELECT COUNT(*) FROM texts") == [(2,)]
