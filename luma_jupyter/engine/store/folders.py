"""What the sidecars of media folders were when they were last read: a table that lists them, and finds them by
fingerprint.

It is made anew from the files whenever it is not there or not right, so nothing of it is saved from a damaged journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from luma_jupyter.engine.store.database import Busy, Database
from luma_jupyter.engine.store.wanted import LAST, Wanted
from luma_jupyter.operating_system import plain_form

TABLES = {
    "folders": (
        "CREATE TABLE folders (number INTEGER PRIMARY KEY, folder TEXT UNIQUE, mark TEXT, settled INTEGER, version)",
    ),
    # By the name of this form's index: a table of an earlier form, which has none, is made anew.
    "sidecars_by_date": (
        "DROP TABLE IF EXISTS sidecars",
        "CREATE TABLE sidecars (folder, words, name, mark, fingerprint, intent, created_at, variable, task_id, "
        "action, text, starred, note, usd, exact, PRIMARY KEY (folder, words, name)) WITHOUT ROWID",
        "CREATE INDEX sidecars_by_fingerprint ON sidecars (fingerprint, folder)",
        "CREATE INDEX sidecars_by_date ON sidecars (folder, created_at, intent, usd, exact)",
        "CREATE INDEX sidecars_by_intent ON sidecars (intent, folder)",
        "CREATE INDEX sidecars_by_variable ON sidecars (variable, folder)",
        "CREATE INDEX sidecars_by_task_id ON sidecars (task_id, folder)",
        "DELETE FROM folders",  # each has to be read anew
    ),
}
_COLUMNS = "name, mark, fingerprint, intent, created_at, variable, task_id, action, text, starred, note, usd, exact"
# Of the sidecars what they are searched by: a note that the journal has comes before the sidecar's.
_DESCRIBED = (
    "SELECT sidecars.intent, action, sidecars.text, IFNULL(notes.starred, sidecars.starred) AS starred, "
    "IFNULL(notes.folded, sidecars.note) AS note FROM sidecars LEFT JOIN notes ON notes.intent = sidecars.intent"
)


class Claims(NamedTuple):
    """What a sidecar says of its task; ``fingerprint`` is None where it is none of ours, the rest where it is unusable.

    ``variable`` is the one that held the clip, ``created_at`` in Unix seconds. ``text`` is what it is searched by,
    ``note`` the words of a person's note, both folded; ``usd`` what it cost or may cost, None where nobody knows.
    """

    fingerprint: str | None = None
    intent: str | None = None
    created_at: float | None = None
    variable: str | None = None
    task_id: str | None = None
    action: str | None = None
    text: str | None = None
    starred: int = 0
    note: str = ""
    usd: float | None = None
    exact: int = 0


class Sidecar(NamedTuple):
    """A sidecar by its file's ``name`` (as bytes): what it said when the file had this ``mark``.

    ``mark`` is None where the next look at the file has to read it again.
    """

    name: bytes
    mark: str | None
    claims: Claims

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Sidecar:
        """From the table's columns."""
        return cls(row[0], row[1], Claims(*row[2:]))


# When its task was made (Unix seconds), the intent, the file's name; what it cost in USD, and whether exactly so much.
SavedKey: TypeAlias = tuple[float, str, bytes, float | None, int]


@dataclass(frozen=True)
class FolderState:
    """A folder as the table has it: its ``mark`` when it was looked through, and the ``version`` of its rows.

    ``settled``: nothing can have changed since without another mark.
    """

    folder: str
    number: int = -1
    mark: str = ""
    settled: bool = False
    version: int = 0


class FolderTable:
    """The table in a journal's file. All calls raise ConfigError where that cannot be read or written."""

    def __init__(self, file: Database) -> None:
        self._file = file

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be entered, as a newer version wrote the file."""
        return self._file.is_newer

    def state(self, folder: str) -> FolderState:
        """A folder as it was last looked through; without a number where it never was."""
        sql = "SELECT folder, number, mark, settled, version FROM folders WHERE folder = ?"
        found, _ = self._file.execute(sql, folder)
        return FolderState(*found[0]) if found else FolderState(folder)

    def all(self, state: FolderState) -> dict[bytes, Sidecar]:
        """All sidecars of a folder, by name."""
        found, _ = self._file.execute(f"SELECT {_COLUMNS} FROM sidecars WHERE folder = ?", state.number)
        return {row[0]: Sidecar.of_row(row) for row in found}

    def equal(self, state: FolderState, fingerprints: Sequence[str]) -> list[Sidecar]:
        """The sidecars with one of these fingerprints, by name."""
        sql = (
            f"SELECT {_COLUMNS} FROM sidecars INDEXED BY sidecars_by_fingerprint "
            "WHERE fingerprint IN (SELECT value FROM json_each(?)) AND folder = ? ORDER BY name"
        )
        return [Sidecar.of_row(row) for row in self._file.execute(sql, json.dumps(fingerprints), state.number)[0]]

    def beginning(self, state: FolderState, words: str) -> list[Sidecar]:
        """The sidecars whose names begin so, in whatever case and form of Unicode."""
        words = plain_form(words)
        sql = f"SELECT {_COLUMNS} FROM sidecars WHERE folder = ? AND words >= ? AND words < ?"
        return [Sidecar.of_row(row) for row in self._file.execute(sql, state.number, words, words + LAST)[0]]

    def listed(self, state: FolderState, wanted: Wanted, known: frozenset[str]) -> list[SavedKey]:
        """The usable sidecars that are wanted, oldest first, but those of ``known`` intents.

        Of copies of one it is the first by name.
        """
        condition, values = wanted.sql({"name": "variable"})
        if wanted.described:
            described, more = wanted.described_sql()
            condition += f" AND intent IN (SELECT intent FROM ({_DESCRIBED} WHERE folder = ?) WHERE {described})"
            values += [state.number, *more]
        folder = "folder" if wanted.by == "all" else "+folder"
        there, values = f"sidecars WHERE {condition} AND {folder} = ? AND intent IS NOT NULL", [*values, state.number]
        if known and not wanted.narrow:  # mostly all are; a row for each takes several times as long as one text
            ((intents,),), _ = self._file.execute(f"SELECT json_group_array(intent) FROM {there}", *values)
            if known.issuperset(json.loads(intents)):
                return []
        most = -1 if wanted.newest is None else wanted.newest
        found, _ = self._file.execute(
            f"SELECT created_at, intent, MIN(name), usd, exact FROM {there} "
            "AND intent NOT IN (SELECT value FROM json_each(?)) "
            "GROUP BY created_at, intent ORDER BY created_at DESC, intent DESC LIMIT ?",
            *values,
            json.dumps([*known]),
            most,
        )
        found.reverse()
        return found

    def described(self, wanted: Wanted, but: Sequence[str]) -> list[str]:
        """The intents that are looked for, in all folders ``but`` these, as they were when last looked through."""
        described, values = wanted.described_sql()
        # With the + the number has no type, as the sidecars' column: else SQLite does not use that one's key.
        others = "folder IN (SELECT +number FROM folders WHERE folder NOT IN (SELECT value FROM json_each(?)))"
        sql = f"SELECT DISTINCT intent FROM ({_DESCRIBED} WHERE {others}) WHERE {described}"
        return [intent for (intent,) in self._file.execute(sql, json.dumps(but), *values)[0] if intent]

    def with_notes(self, claims: Mapping[bytes, Claims]) -> dict[bytes, Claims]:
        """What sidecars say, with the notes that the journal has."""
        noted = {intent: note for intent, *note in self._file.execute("SELECT intent, starred, folded FROM notes")[0]}
        changed = {name: one for name, one in claims.items() if one.intent in noted}
        for name, one in changed.items():
            starred, note = noted[one.intent]
            changed[name] = one._replace(starred=starred, note=note)
        return {**claims, **changed}

    def write(
        self,
        state: FolderState,
        mark: str,
        settled: bool,
        changed: Iterable[Sidecar],
        gone: Iterable[bytes] = (),
        patience: float = 0.05,
    ) -> bool:
        """Enter what changed since ``state``; False where nothing was entered.

        Another kernel was quicker then, or is busy for longer than ``patience`` (seconds).
        """
        try:
            return self._file.transact(lambda: self._write(state, mark, settled, changed, gone), patience)
        except Busy:
            return False

    def _write(
        self, state: FolderState, mark: str, settled: bool, changed: Iterable[Sidecar], gone: Iterable[bytes]
    ) -> bool:
        execute = self._file.execute
        now = self.state(state.folder)
        if (now.number, now.version) != (state.number, state.version):
            return False
        if state.number < 0:
            execute("INSERT INTO folders VALUES (NULL, ?, '', 0, 0)", state.folder)
        number = self.state(state.folder).number
        for name in gone:
            execute("DELETE FROM sidecars WHERE folder = ? AND words = ? AND name = ?", number, _words(name), name)
        for one in changed:
            values = (number, _words(one.name), one.name, one.mark, *one.claims)
            execute(f"INSERT OR REPLACE INTO sidecars VALUES ({', '.join('?' * len(values))})", *values)
        execute(
            "UPDATE folders SET mark = ?, settled = ?, version = version + 1 WHERE number = ?", mark, settled, number
        )
        return True


def _words(name: bytes) -> str:
    """A name as it is compared: some archives and disks store other forms."""
    return plain_form(name.decode(errors="replace"))
