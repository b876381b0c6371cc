"""What tasks are searched by: a folded text of each, beside its row, and a person's notes that are in no sidecar.

The texts are made from the rows when somebody searches: nothing is added to what is written where something is paid,
and it does not matter which version of luma_jupyter wrote a row. A task's name is the last thing of it that may change:
at its end. So a text holds for the status that the task had when it was made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from luma_jupyter.domain.folding import fold
from luma_jupyter.domain.note import Note, read_note
from luma_jupyter.domain.task import Task
from luma_jupyter.engine.store.database import Database
from luma_jupyter.engine.store.wanted import Wanted

LONGEST = 20_000  # characters of a prompt, of which a forged sidecar may have two million
TABLES = {
    "texts": ("CREATE TABLE texts (intent TEXT PRIMARY KEY, status, action, text) WITHOUT ROWID",),
    "notes": ("CREATE TABLE notes (intent TEXT PRIMARY KEY, starred, text, folded) WITHOUT ROWID",),
}
_DESCRIBED = (
    "SELECT texts.intent, action, texts.text, starred, folded AS note FROM texts "
    "LEFT JOIN notes ON notes.intent = texts.intent"
)
_MISSING = (
    "SELECT intent FROM tasks INDEXED BY tasks_by_status WHERE NOT EXISTS "
    "(SELECT 1 FROM texts WHERE texts.intent = tasks.intent AND texts.status = tasks.status)"
)


def searched_text(prompt: object, name: object) -> str:
    """The text by which a task is found: its name and its prompt, folded, as far as they are searched."""
    return fold(f"{name or ''}\n{prompt}"[:LONGEST])


def searched_by(task: Task) -> dict[str, object]:
    """What a task without a note is searched by, as `Wanted.fits` takes it."""
    keys = {"created_at": task.created_at, "intent": task.intent, "name": task.name, "task_id": task.task_id}
    text = searched_text(task.request.prompt, task.name)
    return {**keys, "action": task.request.action, "text": text, "starred": 0, "note": ""}


def _described(snapshot: object) -> tuple[str, str]:
    """Action and text of a row's snapshot; empty where it is damaged."""
    try:
        task = json.loads(str(snapshot))
        return str(task["action"]), searched_text(task["prompt"], task.get("name"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", ""


class DescriptionTables:
    """The tables in a journal's file. All calls raise ConfigError where that cannot be read or written."""

    def __init__(self, file: Database) -> None:
        self._file = file
        self._filled: object = None  # the file's version when it had all texts

    def condition(self, wanted: Wanted) -> tuple[str, list[object]]:
        """The condition on an intent, and its values, that it is one of those that are looked for."""
        self._fill()
        described, values = wanted.described_sql()
        return f"intent IN (SELECT intent FROM ({_DESCRIBED}) WHERE {described})", values

    def _fill(self) -> None:
        """Make the texts of the rows that have none yet."""
        version = self._file.version()  # another kernel may enter a row while these are read
        if self._filled == version or self._file.is_newer:
            return
        missing, _ = self._file.execute(f"SELECT intent, status, task FROM tasks WHERE intent IN ({_MISSING})")
        if missing:  # made before anything is locked
            rows = [(intent, status, *_described(snapshot)) for intent, status, snapshot in missing]
            columns = ", ".join(f"json_extract(value, '$[{number}]')" for number in range(4))
            self._file.execute(f"INSERT OR REPLACE INTO texts SELECT {columns} FROM json_each(?)", json.dumps(rows))
        self._filled = version

    def notes(self, intents: Sequence[str]) -> dict[str, Note]:
        """The notes on some tasks that are kept here, by intent."""
        sql = "SELECT intent, starred, text FROM notes WHERE intent IN (SELECT value FROM json_each(?))"
        found, _ = self._file.execute(sql, json.dumps(intents))
        return {intent: read_note({"starred": starred == 1, "text": text}) for intent, starred, text in found}

    def set_note(self, intent: str, note: Note) -> None:
        """Keep a note here."""
        values = (intent, int(note.starred), note.text, fold(note.text))
        self._file.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)", *values)

    def forget_note(self, intent: str) -> None:
        """Keep no note here any more, where there is one."""
        if self.notes([intent]):
            self._file.execute("DELETE FROM notes WHERE intent = ?", intent)
