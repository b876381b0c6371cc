"""The file of the journal: on disk, private, shared by several kernels, and no kernel stopped by a broken one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store import database as database_module
from luma_jupyter.engine.store import journal as journal_module
from luma_jupyter.engine.store.database import network_file_system
from luma_jupyter.engine.store.journal import MIGRATIONS, Journal, Lease
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.errors import ConfigError
from tests.engine.store.journals import (
    ALIVE,
    POSIX,
    WORKERS,
    Python,
    a_task,
    another,
    filled,
    found_busy,
    look,
    plain,
    together,
)
from tests.support.file_systems import be_windows, deep_folder, hold_open, intercept

pytestmark = pytest.mark.slow


def test_transaction_that_fails_leaves_nothing(journal: Journal) -> None:
    """What was written before an error within a transaction is not there after it, and the journal goes on."""
    lease = journal.add(a_task(1))

    def write_and_fail() -> None:
        with journal.transaction():
            journal.add(a_task(2))
            lease.write(a_task(1, status=Status.COMPLETED))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert [entry.task for entry in journal.entries()] == [a_task(1)]
    with journal.transaction():
        journal.add(a_task(3))
    assert len(journal.entries()) == 2


def test_transaction_within_a_transaction_is_a_part_of_it(journal: Journal) -> None:
    """The inner one is a part of the outer one: it stays only if that does."""

    def write_and_fail() -> None:
        with journal.transaction():
            with journal.transaction():
                journal.add(a_task())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert journal.entries() == []


def test_transaction_is_seen_whole_or_not_at_all(journal: Journal, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kernel sees all of a transaction or nothing; one that wants to write meanwhile waits for its turn."""
    other = another(home, ALIVE)
    other.heartbeat()
    seen: list[int] = []
    with journal.transaction():
        journal.add(a_task(1))
        journal.add(a_task(2))
        assert other.entries() == []
        waits = found_busy(monkeypatch)
        writer = threading.Thread(target=lambda: (other.add(a_task(3)), seen.append(len(other.entries()))))
        writer.start()
        assert waits.wait(10)
        assert seen == []
    writer.join()
    assert seen == [3]


def test_waiting_for_a_busy_file_holds_up_no_other_thread(
    journal: Journal, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one thread waits for another kernel's transaction, the others of its own kernel read on."""
    journal.add(a_task(1))
    waits = found_busy(monkeypatch)
    writer = threading.Thread(target=lambda: journal.add(a_task(2)), daemon=True)
    with closing(plain(home / FILE_NAME)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        writer.start()
        assert waits.wait(10)
        assert len(journal.entries()) == 1
        assert writer.is_alive()
        connection.execute("ROLLBACK")
    writer.join()
    assert len(journal.entries()) == 2


def test_busy_file_is_an_error_in_the_end(journal: Journal, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another program never lets go of is an error that names the folder and the setting, not a hang."""
    journal.add(a_task(1))
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT", 0.05)
    with closing(plain(home / FILE_NAME)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match=r"is locked.*LUMA_JUPYTER_HOME"):
            another(home, ALIVE).add(a_task(2))
    another(home, ALIVE).add(a_task(2))
    assert len(journal.entries()) == 2


@pytest.mark.parametrize("local", [True, False], ids=["WAL", "DELETE"])
def test_database_is_begun_by_many_kernels_at_once(home: Path, local: bool) -> None:
    """Kernels that make the journal at the same moment, and write at once, all go on, and nothing is lost."""
    script = f"""
    from luma_jupyter.engine.store import database as module
    module._is_local = lambda folder: {local}
    for step in range(10):
        task = a_task(100 * number + step)
        journal.add(task).write(task.evolve(status=Status.RUNNING, task_id=f"task-{{number}}-{{step}}"))
    print(told)
    """
    assert together(home, script) == ["[]"] * WORKERS
    entries = Journal(home).entries()
    assert {entry.task.intent for entry in entries} == {
        a_task(100 * n + step).intent for n in range(8) for step in range(10)
    }
    assert {entry.task.status for entry in entries} == {Status.RUNNING}


def test_damage_that_many_kernels_find_is_set_aside_once(home: Path) -> None:
    """Kernels that find a damaged file at the same moment set one file aside, not the new one; one line tells it."""
    home.mkdir(parents=True)
    (home / FILE_NAME).write_bytes(b"garbage" * 1000)
    lines = together(home, "journal.add(a_task(number)); print(*told, sep='\\n')")
    assert len(list(home.glob("journal-damaged-*.sqlite3"))) == 1
    assert len([line for line in lines if line]) == 1
    assert len(Journal(home).entries()) == WORKERS


def test_killed_kernel_leaves_a_good_file(home: Path) -> None:
    """A kernel that is killed in the midst of writing leaves what it had written, and a file for the others."""
    script = """
    import os, signal
    lease = journal.add(a_task(number))
    with journal.transaction():
        lease.write(a_task(number, status=Status.RUNNING))
        journal.add(a_task(100 + number))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    together(home, script, 3)
    entries = Journal(home).entries()
    assert [(entry.task, entry.alive) for entry in entries] == [(a_task(number), False) for number in range(3)]


def test_transactions_of_many_threads_do_not_mix(journal: Journal) -> None:
    """Threads of one kernel share a journal: none writes into the transaction of another."""

    def work(number: int) -> None:
        for step in range(20):
            with journal.transaction():
                if not journal.find_equal(f"step-{step}"):
                    journal.add(a_task(100 * number + step, fingerprint=f"step-{step}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.entries()) == 20


FORK = """
import os, sys, warnings
from pathlib import Path
from tests.support.tasks import a_task
from luma_jupyter.engine.store.journal import Journal

def tell(pipe):
    os.write(pipe[1], b"x")

def hear(pipe):
    os.read(pipe[0], 1)

warnings.simplefilter("ignore", DeprecationWarning)
journal = Journal(Path("forked"))
journal.add(a_task(1))
of_parent = journal.owner
at_work, closed = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    assert journal.owner != of_parent
    entry = journal.find(a_task(1).intent)
    assert (entry.owner, entry.alive) == (of_parent, True)
    journal.add(a_task(2))
    tell(at_work)
    hear(closed)
    journal.add(a_task(3))
    grandchild = os.fork()
    if grandchild == 0:
        journal.add(a_task(4))
        os._exit(0)
    assert os.waitpid(grandchild, 0)[1] == 0
    journal.add(a_task(5))
    os._exit(0)
hear(at_work)
journal.add(a_task(6))
journal.close()  # as at the parent's end: SQLite then tidies up, unless it sees that others are at work
tell(closed)
assert os.waitpid(pid, 0)[1] == 0
print([int(entry.task.intent, 16) for entry in Journal(Path("forked")).entries()], end="")
"""


@POSIX
def test_forked_child_has_a_connection_of_its_own(python: Python) -> None:
    """A forked child, and its child, write as kernels of their own, and nothing that any of them wrote is lost."""
    result = python(FORK)
    assert (result.stdout, result.stderr, result.returncode) == ("[1, 2, 3, 4, 5, 6]", "", 0)


@POSIX
@pytest.mark.parametrize("local", [True, False], ids=["WAL", "DELETE"])
def test_files_are_private(home: Path, monkeypatch: pytest.MonkeyPatch, local: bool) -> None:
    """Folder and files are for this user alone, whatever the umask: the log beside the file too."""
    monkeypatch.setattr(database_module, "_is_local", lambda folder: local)
    before = os.umask(0)
    try:
        journal = another(home)
        with journal.transaction():
            journal.add(a_task())
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    finally:
        os.umask(before)
    logs = ("-wal", "-shm") if local else ("-journal",)
    assert modes == dict.fromkeys((FILE_NAME, "journal.lock", *(FILE_NAME + end for end in logs)), 0o600)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def _mode(home: Path) -> str:
    ((mode,),) = look(home / FILE_NAME, "PRAGMA journal_mode")
    return str(mode)


Partition = namedtuple("Partition", ["device", "mountpoint", "fstype", "opts"])


@pytest.mark.parametrize(
    ("fstype", "opts", "mode"),
    [
        ("ext4", "rw", "wal"),
        ("apfs", "rw", "wal"),
        ("NTFS", "rw,fixed", "wal"),
        ("tmpfs", "rw", "wal"),
        ("nfs4", "rw", "delete"),
        ("cifs", "rw", "delete"),
        ("fuse.sshfs", "rw", "delete"),
        ("lustre", "rw", "delete"),
        ("NTFS", "rw,remote", "delete"),
        ("", "", "delete"),
    ],
)
def test_journal_mode_is_as_the_file_system_allows(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fstype: str, opts: str, mode: str
) -> None:
    """On a file system of this machine the log is written ahead; on any other, which cannot share memory, it is not."""
    root = Path(tmp_path.anchor)
    mounts = [
        Partition("/dev/a", str(root), "nfs" if mode == "wal" else "ext4", "rw"),
        Partition("/dev/b", str(tmp_path), fstype, opts),
        Partition("/dev/c", str(tmp_path / "journals" / "other"), "nfs" if mode == "wal" else "ext4", "rw"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    another(home).add(a_task())
    assert _mode(home) == mode


@pytest.mark.parametrize(
    ("fstype", "opts", "name"),
    [
        ("nfs4", "rw,vers=4.1", "nfs4"),
        ("CIFS", "rw", "cifs"),
        ("fuse.sshfs", "rw", "fuse.sshfs"),
        ("ntfs", "rw,remote", "ntfs"),
        ("ext4", "rw", None),
        ("fuse.fuse-overlayfs", "rw", None),
        ("fuseblk", "rw", None),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fstype: str, opts: str, name: str | None
) -> None:
    """The nearest mount counts, also for a folder that is not there yet; where nothing is told, nothing is known."""
    mounts = [Partition("/dev/a", tmp_path.anchor, "ext4", "rw"), Partition("server:/", str(tmp_path), fstype, opts)]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    assert network_file_system(tmp_path / "home" / "luma") == name
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [])
    assert network_file_system(tmp_path) is None


def test_journal_mode_is_careful_where_no_mount_is_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system lists no file systems, the careful way is taken."""
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [])
    another(home).add(a_task())
    assert _mode(home) == "delete"


def test_journal_mode_changes_with_the_file_system(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that was begun on one kind of file system goes on, with its entries, on the other, and back."""
    for number, local in enumerate([True, False, True]):
        monkeypatch.setattr(database_module, "_is_local", lambda folder, local=local: local)
        journal = another(home)
        journal.add(a_task(number))
        assert len(journal.entries()) == number + 1
        journal.close()
        assert _mode(home) == ("wal" if local else "delete")


def test_journal_mode_changes_when_nobody_reads(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that finds the other kind of log waits until nobody reads, and then changes it."""
    monkeypatch.setattr(database_module, "_is_local", lambda folder: False)
    filled(home / FILE_NAME, 1)
    monkeypatch.setattr(database_module, "_is_local", lambda folder: True)
    journal = another(home, ALIVE)
    waiter = threading.Thread(target=lambda: journal.add(a_task(2)))
    with closing(plain(home / FILE_NAME)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM tasks").fetchone() == (1,)
        waiter.start()
        waiter.join(0.2)
        assert waiter.is_alive()
        reader.execute("COMMIT")
    waiter.join()
    assert len(journal.entries()) == 2
    assert _mode(home) == "wal"


@pytest.mark.parametrize("local", [True, False], ids=["WAL", "DELETE"])
def test_commit_reaches_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local: bool) -> None:
    """The connection runs with ``synchronous=FULL`` (2), in which a commit returns after the disk has it."""
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def note(path: Path, **options: Any) -> sqlite3.Connection:
        connection = connect(path, **options)
        if path.name == FILE_NAME:
            made.append(connection)
        return connection

    monkeypatch.setattr(sqlite3, "connect", note)
    monkeypatch.setattr(database_module, "_is_local", lambda folder: local)
    another(home).add(a_task())
    (connection,) = made
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_migration_keeps_the_entries(
    home: Path, journal: Journal, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of an earlier version is brought forward once, with all that is in it, and goes on being used."""
    journal.add(a_task(1))
    journal.close()
    step = "ALTER TABLE tasks ADD COLUMN colour TEXT; CREATE TABLE added (note TEXT)"
    monkeypatch.setattr(journal_module, "MIGRATIONS", (*MIGRATIONS, step))
    monkeypatch.setattr(
        Journal, "_put", lambda self, task, owner: self._file.execute("INSERT INTO added VALUES (?)", task.intent)
    )
    for number in (2, 3):
        later = another(home, notify=told.append)
        later.add(a_task(number))
        assert [entry.task for entry in later.entries()] == [a_task(1)]
    assert look(home / FILE_NAME, "PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]
    assert look(home / FILE_NAME, "SELECT note FROM added") == [(a_task(2).intent,), (a_task(3).intent,)]
    assert told == []


def test_migration_by_many_kernels_happens_once(home: Path) -> None:
    """Kernels of a later version that open an old file at the same moment change it once."""
    another(home).add(a_task(1))
    script = """
    from luma_jupyter.engine.store import journal as module
    module.MIGRATIONS += ("CREATE TABLE added (note TEXT)",)
    later = Journal(home, notify=told.append)
    print(len(later.entries()), later._file.execute("SELECT * FROM added")[0], told)
    """
    assert together(home, script) == ["1 [] []"] * WORKERS


def _garbage(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"This is not a database. " * 1000)


def _truncated(path: Path) -> None:
    filled(path)
    os.truncate(path, 3 * 4096 + 100)


def _page_of_zeros(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(4096))


def _foreign(path: Path) -> None:
    path.parent.mkdir(parents=True)
    look(path, "CREATE TABLE recipes (name TEXT)")


def _foreign_with_our_names(path: Path) -> None:
    path.parent.mkdir(parents=True)
    look(path, "CREATE TABLE tasks (todo TEXT)")


def _foreign_with_a_version(path: Path) -> None:
    _foreign(path)
    look(path, "PRAGMA user_version = 1")


BROKEN: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "garbage": (_garbage, "damaged", "is damaged"),
    "truncated": (_truncated, "damaged", "is damaged"),
    "a page of zeros": (_page_of_zeros, "damaged", "is damaged"),
    "another program's": (_foreign, "foreign", "is not one of luma_jupyter's"),
    "another program's tasks": (_foreign_with_our_names, "foreign", "is not one of luma_jupyter's"),
    "another program's version": (_foreign_with_a_version, "foreign", "is not one of luma_jupyter's"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_unusable_file_is_set_aside(home: Path, journal: Journal, told: list[str], kind: str) -> None:
    """A file that cannot be used is kept under another name, which one line tells; the work goes on with a new one."""
    make, word, reason = BROKEN[kind]
    make(home / FILE_NAME)
    content = (home / FILE_NAME).read_bytes()
    journal.entries()
    journal.add(a_task(1000))
    assert journal.entries()[-1].task == a_task(1000)
    assert another(home, ALIVE).find(a_task(1000).intent)
    (aside,) = home.glob(f"journal-{word}-*.sqlite3")
    assert aside.read_bytes() == content
    (line,) = told
    assert line.startswith(
        f"The journal of your clips {reason}; it was set aside as {aside.name}, and a new one was begun."
    )
    assert "look at the services' consoles before you" in line
    assert {path.name for path in home.glob("*.sqlite3")} == {aside.name, FILE_NAME}
    assert _mode(home) == "wal"


def test_empty_file_is_used(home: Path, journal: Journal, told: list[str]) -> None:
    """A file without anything in it, as a crash at its making leaves, is used."""
    home.mkdir(parents=True)
    (home / FILE_NAME).touch()
    journal.add(a_task())
    assert (len(journal.entries()), told) == (1, [])
    assert [path.name for path in home.glob("*.sqlite3")] == [FILE_NAME]


def test_file_set_aside_replaces_no_other(home: Path, journal: Journal, told: list[str]) -> None:
    """A file that is set aside never takes the place of one that was set aside before."""
    for content in (b"one " * 1000, b"two " * 1000, b"three " * 1000):
        home.mkdir(parents=True, exist_ok=True)
        journal.close()
        for path in home.glob(f"{FILE_NAME}*"):
            path.unlink()
        (home / FILE_NAME).write_bytes(content)
        journal.add(a_task())
    assert {path.read_bytes()[:4] for path in home.glob("journal-*")} == {b"one ", b"two ", b"thre"}
    assert len(told) == len(set(told)) == 3


@pytest.mark.parametrize("page", range(1, 12))
def test_damage_found_late_loses_no_new_entry(home: Path, told: list[str], page: int) -> None:
    """Whatever part of an open file goes bad, what is written next is written, and found; at most one line tells it."""
    filled(home / FILE_NAME)
    with (home / FILE_NAME).open("r+b") as file:
        file.seek(page * 4096)
        file.write(os.urandom(4096))
    journal = another(home, notify=told.append)
    lease = journal.add(a_task(1000))
    lease.write(a_task(1000, status=Status.RUNNING))
    journal.entries()
    journal.find_equal(a_task(7).fingerprint)
    lease.write(a_task(1000, status=Status.SAVING))
    found = journal.find(a_task(1000).intent)
    assert found
    assert found.task.status is Status.SAVING
    assert len(told) <= 1
    assert len(list(home.glob("journal-*"))) == len(told)


def test_damaged_index_is_a_damage(home: Path, journal: Journal, told: list[str]) -> None:
    """A file whose pages are whole, but do not belong together, is damaged, too."""
    filled(home / FILE_NAME)
    lease = Lease(journal, 1)  # the one under which this process entered it
    with closing(plain(home / FILE_NAME)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        words = "UPDATE sqlite_master SET rootpage = ? WHERE name = ?"
        names = ("tasks_by_status", "tasks_by_fingerprint")
        roots = connection.execute(
            "SELECT (SELECT rootpage FROM sqlite_master WHERE name = ?), "
            "(SELECT rootpage FROM sqlite_master WHERE name = ?)",
            names,
        ).fetchone()
        for name, root in zip(names, reversed(roots), strict=True):
            connection.execute(words, (root, name))
    lease.write(a_task(1, status=Status.RUNNING))
    expected = [a_task(number) for number in range(60)]
    expected[1] = a_task(1, status=Status.RUNNING)
    assert [entry.task for entry in journal.entries()] == expected
    assert len(told) == 1


def test_damage_within_a_transaction_fails_it_as_a_whole(home: Path, journal: Journal, told: list[str]) -> None:
    """Where the ground goes away under a transaction, it fails as a whole; the next one has a new file."""
    filled(home / FILE_NAME)
    with (home / FILE_NAME).open("r+b") as file:
        file.seek(4096)
        file.write(bytes(4096 * 100))

    def ask_and_add() -> None:
        with journal.transaction():
            journal.entries()
            journal.add(a_task(1000))

    with pytest.raises(ConfigError, match="malformed"):
        ask_and_add()
    assert len(told) == 1
    ask_and_add()
    assert [entry.task for entry in journal.entries()] == [a_task(1000)]


@pytest.mark.parametrize("numbers", [[1000], []], ids=["then written", "only read"])
def test_damage_passed_over_within_a_transaction_fails_it(home: Path, journal: Journal, numbers: list[int]) -> None:
    """Where damage was met and passed over, the transaction fails all the same, and nothing of it is entered."""
    filled(home / FILE_NAME)
    _spoil(home / FILE_NAME)

    def pass_over() -> None:
        with journal.transaction():
            with suppress(ConfigError):
                journal.entries()
            for number in numbers:
                journal.add(a_task(number))

    with pytest.raises(ConfigError, match="has just been made anew: run this again"):
        pass_over()
    assert journal.entries() == []
    pass_over()
    assert [entry.task for entry in journal.entries()] == [a_task(number) for number in numbers]


def _spoil(path: Path) -> None:
    """Overwrite all but the first pages, on which the tables' roots are."""
    with path.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(bytes(path.stat().st_size - 8 * 4096))


def test_damage_seen_by_a_second_kernel_is_not_told_again(home: Path, journal: Journal, told: list[str]) -> None:
    """A kernel that has a file open that another one has set aside goes over to the new file, without a word."""
    filled(home / FILE_NAME)
    other_told: list[str] = []
    other = another(home, ALIVE, other_told.append)
    other.heartbeat()
    _spoil(home / FILE_NAME)
    journal.entries()
    journal.add(a_task(1000))
    other.add(a_task(1001))
    for reader in (other, journal, another(home)):
        assert [entry.task for entry in reader.entries()] == [a_task(1000), a_task(1001)]
    assert (len(told), other_told) == (1, [])


def test_damage_seen_within_a_transaction_spares_the_new_file(
    home: Path, journal: Journal, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that meets the damage in a transaction, after another one has begun a new file, leaves that alone."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT", 0.05)  # the transaction outlasts the salvage, which waits
    filled(home / FILE_NAME)
    other_told: list[str] = []
    other = another(home, ALIVE, other_told.append)
    other.heartbeat()
    journal.heartbeat()
    _spoil(home / FILE_NAME)

    def meet_it() -> None:
        with other.transaction():
            journal.entries()
            journal.add(a_task(1000))
            other.entries()

    with pytest.raises(ConfigError, match="malformed"):
        meet_it()
    assert [entry.task for entry in other.entries()] == [a_task(1000)]
    assert (len(told), other_told) == (1, [])
    assert len(list(home.glob("journal-damaged-*.sqlite3"))) == 1


def _delete_file(home: Path) -> None:
    (home / FILE_NAME).unlink()


def _delete_files(home: Path) -> None:
    for path in home.iterdir():
        path.unlink()


def _move_folder(home: Path) -> None:
    home.rename(home.with_name("moved"))


LOSSES: dict[str, Callable[[Path], None]] = {
    "the file": _delete_file,
    "the file and its log": _delete_files,
    "the folder": shutil.rmtree,
    "moved away": _move_folder,
}


@pytest.mark.parametrize("what", LOSSES)
def test_lost_file_is_filled_again_by_its_kernels(home: Path, journal: Journal, told: list[str], what: str) -> None:
    """Two kernels whose journal is taken away go on in one new file, and each tells it all of what it follows."""
    other = another(home, ALIVE)
    lease, other_lease = journal.add(a_task(1)), other.add(a_task(2))
    LOSSES[what](home)
    assert journal.entries() == []
    lease.write(a_task(1, status=Status.RUNNING, task_id="task-1"))
    other_lease.write(a_task(2, status=Status.COMPLETED))
    expected = [a_task(1, status=Status.RUNNING, task_id="task-1"), a_task(2, status=Status.COMPLETED)]
    for reader in (journal, other, another(home)):
        assert [entry.task for entry in reader.entries()] == expected
    assert journal.has_task_id("task-1")
    assert told == []


def _file_in_the_way(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.parent.mkdir()
    home.write_text("in the way")


def _file_above(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.parent.write_text("in the way")


def _folder_in_the_way(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / FILE_NAME).mkdir(parents=True)


def _no_permission(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # the superuser may write everywhere


def _read_only_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(home / FILE_NAME, 1)
    connect = sqlite3.connect

    def read_only(path: Path, **options: Any) -> sqlite3.Connection:
        return connect(f"{path.as_uri()}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)


def _full_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def full(path: Path, **options: Any) -> sqlite3.Connection:
        connection = connect(path, **options)
        connection.execute("PRAGMA max_page_count = 2")
        return connection

    monkeypatch.setattr(sqlite3, "connect", full)


USELESS: dict[str, tuple[Callable[[Path, pytest.MonkeyPatch], None], str]] = {
    "a file in the way": (_file_in_the_way, "File exists"),
    "a file above": (_file_above, "Not a directory"),
    "a folder in the way": (_folder_in_the_way, "unable to open database file"),
    "no permission": (_no_permission, "Permission denied"),
    "a read-only file": (_read_only_file, "attempt to write a readonly database"),
    "a full disk": (_full_disk, "database or disk is full"),
}


@pytest.mark.parametrize("kind", USELESS)
def test_unusable_folder_is_an_error_that_says_what_helps(
    home: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, told: list[str], kind: str
) -> None:
    """Each use is a ConfigError that says where and why, and which setting helps; nothing is set aside for it."""
    make, why = USELESS[kind]
    lease = Lease(journal, 1)
    make(home, monkeypatch)
    for use in (lambda: journal.add(a_task()), journal.heartbeat, lambda: lease.write(a_task())):
        with pytest.raises(ConfigError) as caught:
            use()
        assert str(caught.value) == (
            f"The journal of your clips cannot be written in {str(home)!r} ({why}): "
            "set LUMA_JUPYTER_HOME to a folder where it can; nothing is paid for without it."
        )
    assert told == []
    assert not list(home.parent.glob("**/journal-*"))


def test_mended_folder_is_used_again(home: Path, journal: Journal) -> None:
    """After the folder was mended, the same kernel's journal works."""
    home.parent.mkdir()
    home.write_text("in the way")
    with pytest.raises(ConfigError):
        journal.add(a_task())
    home.unlink()
    journal.add(a_task())
    assert len(journal.entries()) == 1


def test_damaged_file_that_other_kernels_hold_stays_whole(
    home: Path, journal: Journal, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows lets nobody rename it: one line says so, nothing is lost, and it is set aside when they are gone."""
    _page_of_zeros(home / FILE_NAME)
    content = (home / FILE_NAME).read_bytes()
    holder = hold_open(home, monkeypatch, lambda call, name: call == "from" and name == FILE_NAME)
    with pytest.raises(ConfigError, match=r"is damaged, and other programs hold it open: shut down the other kernels"):
        journal.add(a_task(1000))
    assert ((home / FILE_NAME).read_bytes(), told) == (content, [])
    assert {path.name for path in home.glob("*.sqlite3")} == {FILE_NAME}
    assert holder.pauses
    holder.patience = 0
    journal.add(a_task(1000))
    assert len(list(home.glob("journal-damaged-*.sqlite3"))) == len(told) == 1


def test_logs_come_back_where_their_file_cannot_be_set_aside(
    home: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file and its log stay together."""
    _page_of_zeros(home / FILE_NAME)
    log = home / f"{FILE_NAME}-journal"
    hold_open(home, monkeypatch, lambda call, name: call == "from" and name == FILE_NAME)
    monkeypatch.setattr(database_module.Database, "_begin_with_what_is_left", lambda file, new: log.write_bytes(b"log"))
    with pytest.raises(ConfigError, match="hold it open"):
        journal.add(a_task(1000))
    assert {path.name for path in home.iterdir()} == {FILE_NAME, "journal.lock", log.name}


def test_damaged_file_is_not_lost_where_its_other_name_is_too_long(
    home: Path, journal: Journal, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a deep folder of Windows, which does not find such a name: the file stays, and one line says why."""
    _page_of_zeros(home / FILE_NAME)
    content = (home / FILE_NAME).read_bytes()

    def see(call: str, path: str) -> str:
        if call == "to" and "journal-damaged" in path:
            raise FileNotFoundError(2, "The system cannot find the path specified", path + "x" * 260)
        return path

    be_windows(monkeypatch)
    intercept(home, monkeypatch, see)
    with pytest.raises(ConfigError, match=r"cannot be written in .* \(its path is too long\): set LUMA_JUPYTER_HOME"):
        journal.add(a_task(1000))
    assert ((home / FILE_NAME).read_bytes(), told) == (content, [])


def test_commit_is_asked_for_the_disk_itself(home: Path, journal: Journal) -> None:
    """On macOS, what is only handed over to the disk may still be lost: SQLite asks for more."""
    journal.add(a_task())
    (asked,), _ = journal._file.execute("PRAGMA fullfsync")
    assert asked == (1,)


def test_path_that_sqlite_does_not_take_is_an_error_that_says_what_helps(tmp_path: Path) -> None:
    """SQLite takes fewer characters than the system: nothing is paid for without a journal."""
    home = deep_folder(tmp_path, 520)
    with pytest.raises(ConfigError, match=r"unable to open database file\): set LUMA_JUPYTER_HOME"):
        another(home).add(a_task())


def test_interrupt_at_any_moment_leaves_the_journal_in_order(python: Python, home: Path) -> None:
    """Wherever Ctrl-C comes, what is begun is ended: all or nothing is entered, and this kernel and others go on."""
    script = """
        from itertools import count
        from pathlib import Path
        from threading import Thread
        from luma_jupyter.engine.store.probe import FILE_NAME
        from tests.engine.store.journals import another, look
        from tests.support.interrupts import any_moment
        from tests.support.tasks import a_task

        home, numbers = Path(HOME), count(1)
        mine, others = another(home), another(home)

        def use():
            mine.entries(folder=Path("/empty"))
            with mine.transaction():
                mine.add(a_task(next(numbers)))
                mine.add(a_task(next(numbers)))

        def go_on():
            mine.add(a_task(next(numbers)))
            others.add(a_task(next(numbers)))

        def entered():
            ((number,),) = look(home / FILE_NAME, "SELECT count(*) FROM tasks")
            return number

        go_on()
        for interrupted in any_moment(stride=61):
            interrupted(use)
            before = entered()
            assert before % 2 == 0, interrupted
            thread = Thread(target=go_on, daemon=True)
            thread.start()
            thread.join(10)
            assert entered() == before + 2, interrupted
    """
    result = python(script.replace("HOME", repr(str(home))))
    assert result.returncode == 0, result.stderr
