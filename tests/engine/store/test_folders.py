"""The tables of the media index: made anew where an earlier version made others, and no other table is touched."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from luma_jupyter.engine.library.index import MediaIndex
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.engine.store.wanted import EVERYTHING
from tests.engine.library.test_sidecars import a_task as a_saved_task
from tests.engine.library.test_sidecars import placed
from tests.engine.store.journals import a_task, plain

WITHOUT_WORDS = (
    "CREATE TABLE sidecars (folder INTEGER, words TEXT, name BLOB, mark TEXT, fingerprint TEXT, intent TEXT, "
    "created_at REAL, variable TEXT, task_id TEXT, PRIMARY KEY (folder, words, name)) WITHOUT ROWID",
    "CREATE INDEX sidecars_by_time ON sidecars (folder, created_at, intent)",
    "INSERT INTO sidecars (folder, words, name, mark, fingerprint) VALUES (1, 'film.json', x'66', 'mark', 'f')",
)
BEFORE = (
    "CREATE TABLE sidecars (folder INTEGER, words TEXT, name BLOB, mark TEXT, fingerprint TEXT, "
    "PRIMARY KEY (folder, words, name)) WITHOUT ROWID",
    "CREATE INDEX sidecars_by_fingerprint ON sidecars (fingerprint, folder)",
    "INSERT INTO sidecars VALUES (1, 'film.json', x'66696c6d2e6a736f6e', 'mark', 'f')",
)


@pytest.mark.parametrize("form", ["without words", "before", "none"])
def test_index_of_an_earlier_form_is_made_anew(tmp_path: Path, form: str) -> None:
    """Its folders are read anew; what was paid for, and by whom it is followed, stays as it was."""
    media = tmp_path / "luma_videos"
    media.mkdir()
    film = placed(a_saved_task(media))
    with closing(Journal(tmp_path)) as journal:
        lease = journal.add(a_task(1))
        assert MediaIndex(lambda: journal.folders).listed(media, EVERYTHING)
    with closing(plain(tmp_path / FILE_NAME)) as file:
        file.execute("DROP TABLE sidecars")
        file.execute("UPDATE folders SET settled = 1")
        for index in ("tasks_by_folder", "tasks_by_name"):
            file.execute(f"DROP INDEX {index}")
        for statement in {"without words": WITHOUT_WORDS, "before": BEFORE, "none": ("DROP TABLE folders",)}[form]:
            file.execute(statement)
    with closing(Journal(tmp_path)) as journal:
        found = MediaIndex(lambda: journal.folders).listed(media, EVERYTHING)
        assert [intent for _, intent, *_ in found] == [film.intent]
        journal.write(a_task(1, name="fox"), lease.number)
        assert [entry.task.name for entry in journal.entries()] == ["fox"]
    with closing(plain(tmp_path / FILE_NAME)) as file:
        indexes = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert {"tasks_by_folder", "tasks_by_name", "sidecars_by_date", "sidecars_by_fingerprint"} <= indexes
