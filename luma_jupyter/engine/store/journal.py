"""The journal: what was asked for, what was sent, and what came of it, on disk around each step that costs.

One SQLite file in the user's home for this package, shared by all kernels. Each row is the latest snapshot of one
intent, with the kernel that follows it. All that must not happen twice is decided inside a `transaction`, which locks
out the other kernels for a moment.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TypeAlias

from luma_jupyter.domain.duration_model import KEPT
from luma_jupyter.domain.money import Total
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.urls import is_web_url
from luma_jupyter.domain.vocabulary import Action, Provider
from luma_jupyter.engine.store import descriptions, exchanges, folders, spending
from luma_jupyter.engine.store.database import Database, storable
from luma_jupyter.engine.store.descriptions import DescriptionTables, searched_by
from luma_jupyter.engine.store.exchanges import ExchangeTable
from luma_jupyter.engine.store.folders import FolderTable
from luma_jupyter.engine.store.leases import LeaseLost, current_owner, is_alive
from luma_jupyter.engine.store.probe import FILE_NAME, UNFINISHED
from luma_jupyter.engine.store.salvage import salvage
from luma_jupyter.engine.store.serialization import dump, read_task
from luma_jupyter.engine.store.spending import Day, SpendingSums
from luma_jupyter.engine.store.wanted import ALWAYS, EVERYTHING, Wanted
from luma_jupyter.operating_system import at_fork, is_same_folder

# What brings a file from one version to the next; the version is SQLite's own ``user_version``.
MIGRATIONS = (
    """
    CREATE TABLE tasks (
        intent TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        folder TEXT NOT NULL,
        created_at REAL NOT NULL,
        status TEXT NOT NULL,
        task_id TEXT,
        task TEXT NOT NULL,
        owner TEXT
    ) WITHOUT ROWID;
    CREATE INDEX tasks_by_fingerprint ON tasks (fingerprint);
    CREATE INDEX tasks_by_time ON tasks (created_at);
    CREATE INDEX tasks_by_status ON tasks (status);
    CREATE INDEX tasks_by_task_id ON tasks (task_id);
    CREATE TABLE owners (owner TEXT PRIMARY KEY, beat REAL NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE durations (
        number INTEGER PRIMARY KEY,
        service TEXT NOT NULL,
        action TEXT NOT NULL,
        seconds REAL NOT NULL
    );
    CREATE INDEX durations_by_law ON durations (service, action);
    """,
    """
    CREATE TABLE uploads (
        service TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        url TEXT NOT NULL,
        expires REAL NOT NULL,
        PRIMARY KEY (service, sha256)
    ) WITHOUT ROWID;
    """,
)
_NAME = "CASE WHEN json_valid(task) THEN json_extract(task, '$.name') END"  # of a variable
# Tables, and indexes of others, that version 0.1.0 does not know, and need not know.
ADDITIONS: Mapping[str, Sequence[str]] = {
    "leases": ("CREATE TABLE leases (intent TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",),
    # Of what a damaged journal had and nobody can read any more; a column is NULL where it is not known.
    "lost": (
        "CREATE TABLE lost (intent TEXT PRIMARY KEY, fingerprint TEXT, created_at REAL, task_id TEXT) WITHOUT ROWID",
    ),
    **spending.TABLES,
    **folders.TABLES,
    **descriptions.TABLES,
    **exchanges.TABLES,
    "tasks_by_folder": ("CREATE INDEX tasks_by_folder ON tasks (folder, created_at, intent, status)",),
    "tasks_by_name": (f"CREATE INDEX tasks_by_name ON tasks ({_NAME})",),
}
# A snapshot, its owner, the owner's last heartbeat, and the number of the last lease.
_Row: TypeAlias = tuple[Task, str | None, float | None, int]
_NUMBER = "IFNULL((SELECT number FROM leases WHERE leases.intent = tasks.intent), 0)"
_ROWS = f"SELECT tasks.task, tasks.owner, owners.beat, {_NUMBER} FROM tasks LEFT JOIN owners USING (owner)"
_EQUAL = "fingerprint IN (SELECT value FROM json_each(?))"
# Each folder once, by one look into the index for each.
_FOLDERS = (
    "WITH RECURSIVE one (folder) AS (SELECT MIN(folder) FROM tasks UNION ALL "
    "SELECT (SELECT MIN(folder) FROM tasks WHERE folder > one.folder) FROM one WHERE folder IS NOT NULL) "
    "SELECT folder FROM one WHERE folder IS NOT NULL"
)
_REPLACE = "UPDATE tasks SET status = ?, task_id = ?, task = ?, owner = ?"

Key: TypeAlias = tuple[float, str, str]  # when a task was made (Unix seconds), its intent, its status


@dataclass(frozen=True)
class Entry:
    """What the journal has of an intent: the snapshot, the process that follows it, and whether that one lives.

    ``number``: how many leases there had been by then, None where it was not read in the journal.
    """

    task: Task
    owner: str | None = None
    alive: bool = False
    number: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Lease:
    """The right to write an intent down: it ends when another process acquires it, which gets the next ``number``."""

    journal: Journal
    number: int

    def write(self, task: Task) -> None:
        """Replace the snapshot of the intent. An ended task has no owner any more. Raises LeaseLost."""
        self.journal.write(task, self.number)


class Journal:
    """The journal in a folder. ``clock`` (Unix seconds) and ``owner`` are passed in by tests.

    Opened when first used. All calls raise ConfigError when the file cannot be written. ``notify`` gets one line when
    something happened to the file that the user should know.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        owner: str | None = None,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._file = Database(folder / FILE_NAME, MIGRATIONS, ADDITIONS, salvage=salvage, clock=clock, notify=notify)
        self._sums = SpendingSums(self._file)
        self.folders = FolderTable(self._file)
        self.descriptions = DescriptionTables(self._file)
        self.exchanges = ExchangeTable(self._file)
        self._clock = clock
        self._given_owner = owner
        self._reset()
        at_fork(child=self._reset)

    def _reset(self) -> None:
        """Start anew: a forked child is another owner."""
        self._owner = self._given_owner
        self._asked_last: tuple[object, ...] = ()
        self._read_last: list[_Row] = []

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        self._file.close()

    @property
    def owner(self) -> str:
        """This process, as the owner of the intents that it follows."""
        self._owner = self._owner or current_owner()
        return self._owner

    def check(self) -> str:
        """SQLite's journal mode of the file, which is whole and can be written to; it is made if it is not there."""
        self._file.verify()
        with self.transaction():  # takes the lock for writing
            self._sums.add_up_anew()
        ((mode,),), _ = self._file.execute("PRAGMA journal_mode")
        return str(mode)

    # Reading.

    def find(self, intent: str) -> Entry | None:
        """The entry of an intent."""
        return next(iter(self._select("WHERE intent = ?", intent)), None)

    def watched(self, intents: Sequence[str]) -> dict[str, Entry]:
        """The entries of intents, by intent; asked for again and again, they are read only once anything changed."""
        asked = (self._file.version(), tuple(intents))
        if asked != self._asked_last:
            sql = "WHERE intent IN (SELECT value FROM json_each(?))"
            self._read_last, self._asked_last = self._read(sql, json.dumps(intents)), asked
        return {entry.task.intent: entry for entry in self._entries(self._read_last)}

    def find_equal(self, *fingerprints: str) -> list[Entry]:
        """The entries of requests that are equal to one of these, newest first."""
        return self._select(f"WHERE {_EQUAL} ORDER BY created_at DESC, intent", json.dumps(fingerprints))

    def find_all(self, intents: Sequence[str]) -> list[Entry]:
        """The entries of some intents, in no order."""
        return self._select("WHERE intent IN (SELECT value FROM json_each(?))", json.dumps(intents))

    def listed(self, wanted: Wanted = EVERYTHING, folder: Path | None = None) -> list[Key]:
        """What is wanted of one folder or of all: oldest first."""
        if wanted.described and self._file.is_newer:  # it may have other tables to search
            return self._fitting(wanted, folder)
        condition, values = self._condition(wanted, folder)
        sql = f"SELECT created_at, intent, status FROM tasks WHERE {condition}"
        if wanted.statuses:
            sql += " AND +status IN (SELECT value FROM json_each(?))"  # with a +, it stays with the index by time
            values.append(json.dumps(wanted.statuses))
        most = -1 if wanted.newest is None else wanted.newest
        found, _ = self._file.execute(f"{sql} ORDER BY created_at DESC, intent DESC LIMIT ?", *values, most)
        found.reverse()
        return found

    def _fitting(self, wanted: Wanted, folder: Path | None) -> list[Key]:
        """As `listed`, by a look at each task; a note is none of its own."""
        keys = self.listed(replace(wanted, search="", action=None, starred=False, newest=None), folder)
        tasks = (entry.task for entry in self.find_all([intent for _, intent, _ in keys]))
        fitting = {task.intent for task in tasks if wanted.fits(searched_by(task))}
        found = [key for key in keys if key[1] in fitting]
        return found[-wanted.newest if wanted.newest else 0 :]

    def entries(self, *, folder: Path | None = None, since: float = 0.0, until: float = ALWAYS) -> list[Entry]:
        """The entries made from ``since`` to before ``until`` (Unix seconds), of one folder or of all; oldest first."""
        condition, values = self._condition(Wanted(since, until), folder)
        return self._select(f"WHERE {condition} ORDER BY created_at, intent", *values)

    def _condition(self, wanted: Wanted, folder: Path | None) -> tuple[str, list[object]]:
        sql, values = wanted.sql({"name": _NAME})
        if wanted.described:
            described, more = self.descriptions.condition(wanted)
            sql, values = f"{sql} AND {described}", [*values, *more]
        if folder is None:
            return sql, values
        here = Path(storable(str(folder)))
        same = self._folders(lambda other: is_same_folder(other, here))
        column = "folder" if wanted.by == "all" else "+folder"
        return f"{sql} AND {column} IN ({', '.join('?' * len(same))})", [*values, *same]

    def unfinished(self, wanted: Callable[[Path], bool] = lambda folder: True) -> list[Entry]:
        """The entries of wanted folders that had been begun and have not come to their end, oldest first."""
        found, _ = self._file.execute(f"SELECT DISTINCT folder FROM tasks WHERE {UNFINISHED}")
        chosen = [folder for (folder,) in found if wanted(Path(folder))]
        sql = f"WHERE {UNFINISHED} AND folder IN ({', '.join('?' * len(chosen))}) ORDER BY created_at, intent"
        return self._select(sql, *chosen)

    def being_sent(self) -> list[Task]:
        """The tasks that kernels which live have sent to a service, and that are not answered yet."""
        found = self._select("WHERE status = 'submitting'")
        return [entry.task for entry in found if entry.alive and entry.task.sent_at and not entry.task.task_id]

    def _folders(self, wanted: Callable[[Path], bool]) -> list[str]:
        """The wanted folders of all entries, as they are written there."""
        found, _ = self._file.execute(_FOLDERS)
        return [folder for (folder,) in found if wanted(Path(folder))]

    def missing(self, intents: Sequence[str]) -> list[str]:
        """Those of some intents that have no entry."""
        sql = "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT intent FROM tasks)"
        return [intent for (intent,) in self._file.execute(sql, json.dumps(intents))[0]]

    def find_task_id(self, task_id: str) -> Entry | None:
        """The entry with this task id of a service."""
        return next(iter(self._select("WHERE task_id = ?", storable(task_id))), None)

    def has_task_id(self, task_id: str) -> bool:
        """Whether an intent has this task id of a service, also one that was lost."""
        sql = "SELECT 1 FROM tasks WHERE task_id = ? UNION ALL SELECT 1 FROM lost WHERE task_id = ?"
        return bool(self._file.execute(sql, storable(task_id), storable(task_id))[0])

    def lost(self, *fingerprints: str) -> list[str | None]:
        """The task ids, as far as they are known, of equal requests whose entries a damage has made unreadable."""
        wanted = json.dumps(fingerprints)
        gone, _ = self._file.execute(f"SELECT task_id FROM lost WHERE {_EQUAL}", wanted)
        there, _ = self._file.execute(f"SELECT task_id, task FROM tasks WHERE {_EQUAL}", wanted)
        return [task_id for (task_id,) in gone] + [task_id for task_id, text in there if read_task(text) is None]

    def spending(self, since: float) -> Day:
        """What the tasks made since then (Unix seconds, a quarter of an hour), or sent again, cost or may cost.

        What was never sent counts where the process that follows it lives. A lost entry whose time is not known is
        counted, too.
        """
        ((lost,),), _ = self._file.execute("SELECT COUNT(*) FROM lost WHERE IFNULL(created_at, 1e12) >= ?", since)
        counted = [part for part in self._sums.since(since) if not part.follower or self._is_alive(part.follower)]
        lost += sum(part.tasks for part in counted if not part.provider)
        return Day([part for part in counted if part.provider], lost)

    def total(self, intents: Sequence[str]) -> Total:
        """What some tasks cost together, as far as their entries can be read."""
        return self._sums.total(intents)

    def _is_alive(self, owner: str) -> bool:
        found, _ = self._file.execute("SELECT beat FROM owners WHERE owner = ?", owner)
        return owner == self.owner or is_alive(owner, found[0][0] if found else None, self._clock())

    def waiting(self, since: float) -> list[str]:
        """The intents of this process, made since then (Unix seconds), of which the journal knows no send."""
        sql = "SELECT intent FROM tasks WHERE status IN ('queued', 'submitting') AND owner = ? AND created_at >= ?"
        return [intent for (intent,) in self._file.execute(sql, self.owner, since)[0]]

    def uploaded_url(self, service: str, sha256: str, until: float) -> str | None:
        """The address of a file that was uploaded to a service (its base URL) and lives until then (Unix seconds)."""
        sql = "SELECT url FROM uploads WHERE service = ? AND sha256 = ? AND expires > ?"
        found, _ = self._file.execute(sql, service, sha256, until)
        return next((url for (url,) in found if isinstance(url, str) and is_web_url(url)), None)

    def durations(self, provider: Provider, action: Action) -> list[float]:
        """How long the last ended tasks of an action took at a service, in seconds, newest first."""
        sql = "SELECT seconds FROM durations WHERE service = ? AND action = ? ORDER BY number DESC LIMIT ?"
        found, _ = self._file.execute(sql, provider, action, KEPT)
        return [seconds for (seconds,) in found if isinstance(seconds, float) and 0 <= seconds < 1e7]

    def _select(self, sql: str, *values: object) -> list[Entry]:
        return self._entries(self._read(sql, *values))

    def _read(self, sql: str, *values: object) -> list[_Row]:
        found, _ = self._file.execute(f"{_ROWS} {sql}", *values)
        return [(task, *facts) for text, *facts in found if (task := read_task(text))]

    def _entries(self, rows: Sequence[_Row]) -> list[Entry]:
        """What was read as it stands now: who lives is told by the system and the clock."""
        is_owner_alive = cache(partial(is_alive, now=self._clock()))  # entries share few owners
        return [
            Entry(task, owner, not task.status.ended and (owner == self.owner or is_owner_alive(owner, beat)), number)
            for task, owner, beat, number in rows
        ]

    # Writing.

    def transaction(self) -> AbstractContextManager[None]:
        """What is read and written inside happens at once, as other kernels see it; nothing stays if it raises.

        Other threads of this kernel wait outside; a transaction within another is a part of it.
        """
        return self._file.transaction()

    def add(self, task: Task) -> Lease:
        """Enter a new intent, followed by this process."""
        return self._file.transact(lambda: self._add(task))

    def _add(self, task: Task) -> Lease:
        self._put(task, self.owner)
        self.heartbeat()
        return self._next_lease(task.intent)

    def write(self, task: Task, lease: int) -> None:
        """Replace the snapshot of an intent under a lease. An ended task has no owner any more.

        Raises LeaseLost where another process has acquired it meanwhile; then nothing was written.
        """
        self._file.transact(lambda: self._write(task, lease))

    def _write(self, task: Task, lease: int) -> None:
        owner = self._owner_of(task)
        # A lease that was lost with a damaged journal still holds: the owner says who has it.
        held = "owner = ? AND IFNULL((SELECT number FROM leases WHERE leases.intent = tasks.intent), ?) = ?"
        _, changed = self._file.execute(
            f"{_REPLACE} WHERE intent = ? AND {held}", *_state(task), owner, task.intent, self.owner, lease, lease
        )
        if changed:
            return
        if self.find(task.intent) is not None:
            raise LeaseLost("Another kernel has taken it over.")
        self._put(task, owner)  # the file was set aside meanwhile
        self._file.execute("INSERT OR REPLACE INTO leases VALUES (?, ?)", task.intent, lease)
        self.heartbeat()

    def acquire(self, entry: Entry, task: Task) -> Lease | None:
        """Follow an intent from here on, as ``task``; None where another process was quicker, also one that let go.

        One that has ended meanwhile is entered as it ended, and nobody follows it.
        """
        return self._file.transact(lambda: self._acquire(entry, task))

    def _acquire(self, entry: Entry, task: Task) -> Lease | None:
        self.heartbeat()
        owner = self._owner_of(task)
        sql = f"{_REPLACE} WHERE intent = ? AND owner IS ? AND IFNULL(?, {_NUMBER}) = {_NUMBER}"
        _, changed = self._file.execute(sql, *_state(task), owner, task.intent, entry.owner, entry.number)
        if not changed and self.find(task.intent) is None:  # the file was set aside meanwhile
            self._put(task, owner)
            changed = 1
        return self._next_lease(task.intent) if changed else None

    def _owner_of(self, task: Task) -> str | None:
        return None if task.status.ended else self.owner

    def _next_lease(self, intent: str) -> Lease:
        sql = "INSERT INTO leases VALUES (?, 1) ON CONFLICT (intent) DO UPDATE SET number = number + 1 RETURNING number"
        ((number,),), _ = self._file.execute(sql, intent)
        return Lease(self, number)

    def add_upload(self, service: str, sha256: str, url: str, expires: float) -> None:
        """Remember where a service keeps a file; those that it does not keep any more are forgotten."""

        def write() -> None:
            self._file.execute("DELETE FROM uploads WHERE expires < ?", self._clock())
            self._file.execute("INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?)", service, sha256, url, expires)

        self._file.transact(write)

    def add_duration(self, provider: Provider, action: Action, seconds: float) -> None:
        """Remember how long a task took; the oldest ones are forgotten."""
        service = (provider, action)
        of_service = "FROM durations WHERE service = ? AND action = ?"
        oldest = f"SELECT number {of_service} ORDER BY number DESC LIMIT 1 OFFSET {KEPT}"

        def write() -> None:
            self._file.execute("INSERT INTO durations (service, action, seconds) VALUES (?, ?, ?)", *service, seconds)
            self._file.execute(f"DELETE {of_service} AND number <= ({oldest})", *service, *service)

        self._file.transact(write)

    def heartbeat(self) -> None:
        """Say that this kernel lives."""
        self._file.execute("INSERT OR REPLACE INTO owners VALUES (?, ?)", self.owner, self._clock())

    def _put(self, task: Task, owner: str | None) -> None:
        fixed = (task.intent, task.fingerprint, storable(str(task.folder)), task.created_at)
        state = _state(task)
        self._file.execute("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *fixed, *state, owner)
        _, task_id, _ = state
        self._file.execute("DELETE FROM lost WHERE intent = ? OR task_id = ?", task.intent, task_id)


def _state(task: Task) -> tuple[str, str | None, str]:
    """The columns that change in a task's life: status, task id, snapshot."""
    snapshot = json.dumps(dump(task), ensure_ascii=True, separators=(",", ":"))
    return task.status.value, task.task_id and storable(task.task_id), snapshot
