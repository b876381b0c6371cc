"""A damaged journal: what can be read of it is kept, and of the rest it is known that it was there."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from luma_jupyter.domain.note import Note
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.folders import Claims, Sidecar
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.engine.store.wanted import Wanted
from tests.engine.store.journals import ALIVE, WORKERS, a_task, another, filled, look, plain, together
from tests.support.world import EPOCH

pytestmark = pytest.mark.slow

TASKS = 60
KNOWN = [a_task(number) for number in range(TASKS)]
NOTE = Note(True, "A note")
PAGE = 4096
HEADER = 100  # bytes; what is spoiled there may look like another program's file, or that of a newer version


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a journal with some entries."""
    path = tmp_path_factory.mktemp("healthy") / FILE_NAME
    filled(path, TASKS)
    return path.read_bytes()


@pytest.fixture
def path(home: Path, healthy: bytes) -> Path:
    """That file, as the journal of a test."""
    home.mkdir(parents=True)
    (home / FILE_NAME).write_bytes(healthy)
    return home / FILE_NAME


def _spoil(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


def _use(home: Path, told: list[str]) -> Journal:
    """A kernel that goes through all of the journal, and writes into it."""
    journal = another(home, notify=told.append)
    for _ in range(2):  # what is damaged late is found in the second round
        journal.entries()
        journal.unfinished()
        journal.durations("acedata", "generate")
        journal.uploaded_url("https://api.acedata.cloud", "0" * 64, 0.0)
        for task in KNOWN:
            journal.find_equal(task.fingerprint)
        journal.spending(EPOCH)
        state = journal.folders.state("/films")
        journal.folders.write(state, "mark", True, [Sidecar(b"film.json", "mark", Claims("f"))])
        journal.folders.all(state)
        journal.folders.equal(state, ["f"])
        journal.descriptions.set_note("1", NOTE)
        journal.listed(Wanted(search="fox"))
        journal.exchanges.read(a_task(0).intent)
    journal.add_duration("acedata", "generate", 30.0)
    journal.add_upload("https://api.acedata.cloud", "0" * 64, "https://x.example/a", 2e9)
    journal.add(a_task(1000))
    return journal


def _is_known(journal: Journal, task: Task) -> bool:
    """Whether a request is answered by its entry, as it was, or is known to have been lost."""
    found = [entry.task for entry in journal.find_equal(task.fingerprint)]
    return found == [task] or (not found and bool(journal.lost(task.fingerprint)))


@pytest.mark.parametrize("size", [0, 1, 100, 5000])
@pytest.mark.parametrize("seed", range(5))
def test_damaged_lock_is_made_anew(home: Path, told: list[str], seed: int, size: int) -> None:
    """Whatever is in the file of the lock, the journal goes on with all that is in it, and nothing is told."""
    filled(home / FILE_NAME, 3)
    (home / "journal.lock").write_bytes(random.Random(seed).randbytes(size))
    journal = another(home, notify=told.append)
    journal.add(a_task(1000))
    assert len(journal.entries()) == 4
    assert told == []
    assert not list(home.glob("journal-*"))


def test_another_database_as_the_lock_is_emptied(home: Path, told: list[str]) -> None:
    """A copy of the journal in the lock's place, with its log, is emptied too."""
    filled(home / FILE_NAME, 3)
    (home / "journal.lock").write_bytes((home / FILE_NAME).read_bytes())
    (home / "journal.lock-journal").write_bytes(b"left by a crash" * 100)
    another(home, notify=told.append).add(a_task(1000))
    assert (home / "journal.lock").stat().st_size == 0
    assert told == []


def test_damaged_lock_that_many_kernels_find_goes_on_being_one(home: Path) -> None:
    """Kernels that find the lock damaged at the same moment all go on, one at a time, and nothing is lost."""
    home.mkdir(parents=True)
    (home / "journal.lock").write_bytes(b"garbage" * 1000)
    script = """
    for step in range(5):
        journal.close()
        journal.add(a_task(100 * number + step))
    print(told)
    """
    assert together(home, script) == ["[]"] * WORKERS
    assert len(Journal(home).entries()) == 5 * WORKERS


@pytest.mark.parametrize("page", range(45))
@pytest.mark.parametrize("kind", ["zeros", "noise"])
def test_damaged_page_makes_no_entry_forgotten(path: Path, told: list[str], page: int, kind: str) -> None:
    """Whichever page is spoiled, each entry is there as it was, or its request is known to have been lost."""
    assert path.stat().st_size // PAGE <= 45
    if page * PAGE >= path.stat().st_size:
        return
    _spoil(path, page * PAGE, bytes(PAGE) if kind == "zeros" else random.Random(page).randbytes(PAGE))
    journal = _use(path.parent, told)
    assert [task.intent for task in KNOWN if not _is_known(journal, task)] == []
    assert len(told) <= 1
    assert len(list(path.parent.glob("journal-damaged-*.sqlite3"))) == len(told)
    assert look(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("seed", range(100))
def test_damaged_bytes_make_no_entry_wrong(path: Path, told: list[str], seed: int) -> None:
    """Wherever a few bytes behind the header are spoiled, no entry changes its state, and each is known or told."""
    chance = random.Random(seed)
    for _ in range(chance.randrange(1, 4)):
        start = chance.randrange(HEADER, path.stat().st_size)
        _spoil(path, start, chance.randbytes(chance.randrange(1, 30)))
    journal = _use(path.parent, told)
    journal.check()  # finds what shows in no query
    found = {entry.task.intent: entry.task for entry in journal.entries()}
    for before in KNOWN:
        task = found.get(before.intent)
        known = task is not None or bool(journal.lost(before.fingerprint))
        assert known or told, before.intent
        if task is not None:
            assert (task.status, task.task_id, task.sent_at) == (Status.QUEUED, None, None)


def test_damage_is_counted_and_told_once(path: Path, told: list[str]) -> None:
    """One line says how many clips were kept and how many were lost; a second kernel says nothing."""
    ((leaf,),) = look(path, "SELECT max(pageno) FROM dbstat WHERE name = 'tasks' AND pagetype = 'leaf'") or ((12,),)
    _spoil(path, (leaf - 1) * PAGE, bytes(PAGE))
    journal = _use(path.parent, told)
    kept = len(journal.entries()) - 1
    lost = sum(bool(journal.lost(task.fingerprint)) for task in KNOWN)
    assert 0 < lost < 10
    assert kept + lost == TASKS
    assert told[0].endswith(
        f"a new one was begun. {kept} clips were read and kept, {lost} lost: "
        "look at the services' consoles before you ask for the lost ones again."
    )
    others: list[str] = []
    assert len(another(path.parent, ALIVE, others.append).entries()) == kept + 1
    assert (len(told), others) == (1, [])


def test_lost_entry_of_unknown_time_counts_for_the_day_of_its_loss(path: Path, told: list[str]) -> None:
    """Where the time was lost too, a later day's budget is not used up by it for ever."""
    ((leaf,),) = look(path, "SELECT max(pageno) FROM dbstat WHERE name = 'tasks' AND pagetype = 'leaf'") or ((12,),)
    ((times,),) = look(path, "SELECT rootpage FROM sqlite_master WHERE name = 'tasks_by_time'")
    for page in (leaf, times):
        _spoil(path, (page - 1) * PAGE, bytes(PAGE))
    journal = _use(path.parent, told)
    journal.check()
    lost = TASKS + 1 - len(journal.entries())
    assert 0 < lost < 10
    assert journal.spending(EPOCH).lost == lost
    assert journal.spending(EPOCH + 86_400).lost == 0


def test_damage_that_many_kernels_find_is_salvaged_once(path: Path) -> None:
    """Kernels that meet the damage at the same moment go on in one new file, with all that was in the old one."""
    _spoil(path, 0, b"garbage" * 20)
    lines = together(path.parent, "journal.add(a_task(1000 + number)); print(*told, sep='\\n')")
    assert len(list(path.parent.glob("journal-damaged-*.sqlite3"))) == 1
    (line,) = [line for line in lines if line]
    assert line.endswith(f"{TASKS} clips were read and kept; no other is known to have been in it.")
    assert len(Journal(path.parent).entries()) == TASKS + WORKERS


def test_what_was_only_in_the_log_is_salvaged(home: Path, tmp_path: Path, told: list[str]) -> None:
    """What a killed kernel wrote, and SQLite has in its log alone, is kept when the file's first page is bad."""
    other = another(home, ALIVE)
    for number in range(5):
        other.add(a_task(number))
    killed = tmp_path / "killed"
    killed.mkdir()
    for end in ("", "-wal"):
        shutil.copyfile(home / f"{FILE_NAME}{end}", killed / f"{FILE_NAME}{end}")
    _spoil(killed / FILE_NAME, 0, bytes(100))
    entries = another(killed, notify=told.append).entries()
    assert {entry.task.intent for entry in entries} == {a_task(number).intent for number in range(5)}


def test_lease_goes_on_in_the_salvaged_file(home: Path, told: list[str]) -> None:
    """A kernel goes on writing what it follows, also where its lease was what the damage took."""
    journal = another(home, notify=told.append)
    lease = journal.add(a_task(1))
    with closing(plain(home / FILE_NAME)) as connection:
        connection.execute("DELETE FROM leases")
    lease.write(a_task(1, status=Status.RUNNING, task_id="task-1"))
    (entry,) = journal.entries()
    assert (entry.task.status, entry.alive) == (Status.RUNNING, True)


def test_lost_entry_is_known_until_its_kernel_enters_it_again(home: Path, journal: Journal) -> None:
    """A lost request is unknown until somebody who knows it writes it down again, or adopts its task."""
    journal.heartbeat()
    with closing(plain(home / FILE_NAME)) as connection:
        for number in (1, 2, 3):
            task = a_task(number)
            values = (task.intent, task.fingerprint, task.created_at, f"task-{number}")
            connection.execute("INSERT INTO lost VALUES (?, ?, ?, ?)", values)
    assert journal.lost(a_task(1).fingerprint) == ["task-1"]
    assert journal.has_task_id("task-3")
    assert journal.spending(a_task(2).created_at).lost == 2
    journal.add(a_task(1))
    journal.add(a_task(50, task_id="task-2"))
    assert [bool(journal.lost(a_task(number).fingerprint)) for number in (1, 2, 3)] == [False, False, True]


def test_unreadable_row_is_a_lost_one(home: Path, journal: Journal) -> None:
    """A row whose snapshot cannot be read is known to be there, though SQLite finds no damage."""
    journal.add(a_task(1, task_id="task-1"))
    with closing(plain(home / FILE_NAME)) as connection:
        connection.execute("UPDATE tasks SET task = replace(task, '{', 'x')")
    assert journal.entries() == []
    assert journal.lost(a_task(1).fingerprint) == ["task-1"]


def test_transaction_that_waited_goes_on_in_the_new_file(home: Path, journal: Journal) -> None:
    """A kernel that waited for its turn while the file was set aside does not write into the old one."""
    journal.add(a_task(1))
    execute = journal._file._execute_here
    moved: list[Path] = []

    def move_first(sql: str, *values: object) -> tuple[list[object], int]:
        result = execute(sql, *values)
        if sql.startswith("BEGIN") and not moved:
            moved.append((home / FILE_NAME).rename(home / "aside.sqlite3"))
        return result

    journal._file._execute_here = move_first  # type: ignore[method-assign]
    journal.add(a_task(2))
    assert [entry.task for entry in journal.entries()] == [a_task(2)]


def test_newer_journal_is_not_moved_for_its_damage(path: Path, journal: Journal) -> None:
    """A damaged journal of a newer version is left where it is: this version does not know all that is in it."""
    look(path, "PRAGMA user_version = 99")
    _spoil(path, PAGE, bytes(PAGE))
    with pytest.raises(Exception, match="malformed"):
        journal.entries()
    assert not list(path.parent.glob("journal-*"))
