"""The journal: all of it on disk, private, shared by several kernels, and no kernel stopped by a broken file."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, World

from luma_jupyter.engine import database as database_module
from luma_jupyter.engine import journal as journal_module
from luma_jupyter.engine.glance import FILE_NAME
from luma_jupyter.engine.journal import MIGRATIONS, Journal, Row
from luma_jupyter.engine.schedule import KEPT
from luma_jupyter.errors import ClipDetached, ConfigError
from luma_jupyter.models import ExtendRequest, GenerateRequest, Status, Task, Video, VideoRef

Python = Callable[..., subprocess.CompletedProcess[str]]

ALIVE = "elsewhere|1|1.0"  # other kernels, on another machine: their beats tell whether they live
OTHER = "elsewhere|2|1.0"
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these modes nor forks")


def a_task(number: int = 1, **changes: Any) -> Task:
    """A task with few particulars, made so many seconds after the epoch."""
    task = Task(
        intent=f"{number:032x}",
        request=GenerateRequest(prompt=f"Film {number}"),
        provider="acedata",
        status=Status.QUEUED,
        created_at=EPOCH + number,
        filename=f"film-{number}.mp4",
        fingerprint=f"{number:064x}",
    )
    return task.evolve(**changes)


FULL = a_task(
    status=Status.DETACHED,
    request=ExtendRequest(prompt="Élan 🦊", source=VideoRef(video_id="v-1", url="https://x.example/v")),
    media=Path("/films"),
    folder=Path("/lesson"),
    source_label="fox",
    source_intent="f" * 32,
    name="longer",
    submitted_at=EPOCH + 1,
    sent_at=EPOCH + 2,
    ended_at=EPOCH + 3,
    task_id="task-1",
    base_url="https://api.acedata.cloud",
    video=Video("https://x.example/w", "v-2", 1280, 720, "https://x.example/w.jpg"),
    price=0.5,
    cost=0.25,
    doubts=1,
    error=ClipDetached("stopped"),
    problem="no connection",
)


@pytest.fixture
def told() -> list[str]:
    """What the user was told of the file."""
    return []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "home"


@pytest.fixture
def journal(home: Path, told: list[str]) -> Journal:
    return Journal(home, clock=lambda: EPOCH, tell=told.append)


def another(home: Path, owner: str | None = None, tell: Callable[[str], None] = lambda line: None) -> Journal:
    """Another kernel's journal in the same folder."""
    return Journal(home, clock=lambda: EPOCH, owner=owner, tell=tell)


def plain(path: Path) -> sqlite3.Connection:
    """The file as any other program opens it."""
    return sqlite3.connect(path, isolation_level=None)


def look(path: Path, words: str) -> list[Any]:
    with closing(plain(path)) as connection:
        return connection.execute(words).fetchall()


# Reading and writing.


def test_all_of_a_task_comes_back(journal: Journal, home: Path) -> None:
    """What was written is what this kernel and another one read, every field of it."""
    journal.add(FULL)
    for reader in (journal, another(home)):
        (row,) = reader.rows()
        assert str(row.task.error) == "stopped"
        assert isinstance(row.task.error, ClipDetached)
        assert row.task.evolve(error=None) == FULL.evolve(error=None)
        assert (found := reader.find(FULL.intent))
        assert found.task.evolve(error=None) == FULL.evolve(error=None)


def test_an_empty_journal(journal: Journal, told: list[str]) -> None:
    """Before anything was asked for, there is nothing, and nothing to tell."""
    assert (journal.rows(), journal.same("f"), journal.find("1" * 32), journal.unfinished()) == ([], [], None, [])
    assert not journal.claims("task-1")
    assert told == []


def test_nothing_happens_before_it_is_used(home: Path) -> None:
    """A journal that nobody asks makes no file and no folder."""
    Journal(home)
    assert not home.exists()


def test_rows_are_found_by_time_and_folder(journal: Journal) -> None:
    """Rows come oldest first, from one moment to before another, of one folder or of all."""
    for number in (3, 1, 4, 2):
        journal.add(a_task(number, folder=Path("/odd" if number % 2 else "/even")))

    def numbers(**options: Any) -> list[int]:
        return [int(row.task.intent, 16) for row in journal.rows(**options)]

    assert numbers() == [1, 2, 3, 4]
    assert numbers(since=EPOCH + 2, until=EPOCH + 4) == [2, 3]
    assert numbers(folder=Path("/odd")) == [1, 3]
    assert numbers(folder=Path("/odd"), since=EPOCH + 2) == [3]
    assert numbers(folder=Path("/neither")) == []


def test_equal_requests_are_found_newest_first(journal: Journal) -> None:
    """All rows of a fingerprint are found, the newest first, and no other."""
    for number in (1, 3, 2):
        journal.add(a_task(number, fingerprint="same"))
    journal.add(a_task(4))
    assert [row.task.created_at - EPOCH for row in journal.same("same")] == [3, 2, 1]


@pytest.mark.parametrize("status", Status)
def test_what_counts_as_unfinished(journal: Journal, status: Status) -> None:
    """Unfinished is what somebody would want to follow further or to decide on."""
    journal.add(a_task(status=status, folder=Path("/lesson")))
    finished = status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    assert len(journal.unfinished()) == (0 if finished else 1)


def test_task_ids_are_claimed(journal: Journal) -> None:
    """A service's task that a row has is known to be that row's, from the moment it is written down."""
    journal.add(a_task())
    assert not journal.claims("task-1")
    journal.write(a_task(task_id="task-1"))
    assert journal.claims("task-1")


@pytest.mark.parametrize("text", ["\ud83d", "a\0b", "x" * 10_000, "'; DROP TABLE tasks; --"])
def test_any_text_can_be_kept(journal: Journal, text: str) -> None:
    """Half characters, as a service or an old folder's name can have, and anything else are kept and found again."""
    journal.add(a_task(folder=Path(f"/{text}")))
    journal.write(a_task(folder=Path(f"/{text}"), task_id=text, name=text))
    assert journal.claims(text)
    (row,) = journal.rows(folder=Path(f"/{text}"))
    assert (row.task.task_id, row.task.name) == (text, text)
    assert journal.unfinished() == [row]


def test_a_later_snapshot_takes_the_place(journal: Journal) -> None:
    """There is one row for an intent, with its latest snapshot."""
    journal.add(a_task())
    for status in (Status.SUBMITTING, Status.RUNNING, Status.SAVING):
        journal.write(a_task(status=status))
        (row,) = journal.rows()
        assert (row.task.status, row.owner, row.alive) == (status, journal.owner, True)


@pytest.mark.parametrize("status", [status for status in Status if status.ended])
def test_an_ended_task_has_no_owner(journal: Journal, status: Status) -> None:
    """Nobody follows what has ended, so any kernel may take it up again."""
    journal.add(a_task())
    journal.write(a_task(status=status))
    (row,) = journal.rows()
    assert (row.task.status, row.owner, row.alive) == (status, None, False)


def test_a_damaged_row_is_one_row(journal: Journal, home: Path, told: list[str]) -> None:
    """A row that cannot be read is passed over, and hides no other."""
    damages: list[object] = ["", "{", "null", "[" * 100_000, "{}", b"\xff\xfe", "\x00"]
    for number in range(len(damages) + 2):
        journal.add(a_task(number))
    with closing(plain(home / FILE_NAME)) as connection:
        for number, damage in enumerate(damages):
            connection.execute("UPDATE tasks SET task = ? WHERE intent = ?", (damage, f"{number:032x}"))
        utf = "UPDATE tasks SET task = CAST(x'7bff80' AS TEXT) WHERE intent = ?"
        connection.execute(utf, (f"{len(damages):032x}",))
    (row,) = journal.rows()
    assert row.task == a_task(len(damages) + 1)
    assert told == []


def test_a_damaged_owner_hides_no_row(journal: Journal, home: Path) -> None:
    """A row whose owner cannot be read is followed by nobody, but it is there: it may have been paid for."""
    journal.add(a_task(status=Status.RUNNING))
    look(home / FILE_NAME, "UPDATE tasks SET owner = 'x'")
    assert journal.rows() == [Row(a_task(status=Status.RUNNING), "x", False)]


# Owners.


def test_who_is_alive(home: Path, journal: Journal) -> None:
    """A row is alive while the kernel that follows it is; whoever looks."""
    journal.add(a_task(1))
    another(home, ALIVE).add(a_task(2))
    Journal(home, clock=lambda: EPOCH - 3600, owner=OTHER).add(a_task(3))
    seen = [[row.alive for row in reader.rows()] for reader in (journal, another(home, ALIVE), another(home, OTHER))]
    assert seen == [[True, True, False], [True, True, False], [True, True, True]]


def test_a_beat_brings_back_to_life(home: Path, journal: Journal) -> None:
    """A kernel elsewhere that was silent, as in a laptop that slept, is alive again from its next beat on."""
    Journal(home, clock=lambda: EPOCH - 3600, owner=ALIVE).add(a_task())
    assert not journal.rows()[0].alive
    another(home, ALIVE).beat()
    assert journal.rows()[0].alive


def test_taking_over(home: Path, journal: Journal) -> None:
    """Of two kernels that want to take over a row, one does, and the other hears that it was too late."""
    Journal(home, clock=lambda: EPOCH - 3600, owner="elsewhere|9|1.0").add(a_task(status=Status.RUNNING))
    one, two = another(home, ALIVE), another(home, OTHER)
    row_of_one, row_of_two = *one.rows(), *two.rows()
    assert one.take(row_of_one, row_of_one.task)
    assert not two.take(row_of_two, row_of_two.task.evolve(name="not written"))
    assert journal.rows() == [Row(row_of_one.task, ALIVE, True)]


def test_taking_what_nobody_owns(home: Path) -> None:
    """A row without an owner is taken once."""
    one, two = another(home, ALIVE), another(home, OTHER)
    one.add(a_task())
    one.write(a_task(status=Status.DETACHED))
    (row,) = two.rows()
    assert two.take(row, a_task(status=Status.RUNNING))
    assert not one.take(row, a_task(status=Status.RUNNING))


def test_taking_what_is_gone(journal: Journal) -> None:
    """A row that was lost with its file is entered again by the first who takes it, and by nobody after."""
    assert journal.take(Row(a_task()), a_task())
    assert [row.task for row in journal.rows()] == [a_task()]
    assert not journal.take(Row(a_task()), a_task())


# Transactions.


def test_a_transaction_that_fails_leaves_nothing(journal: Journal) -> None:
    """What was written before an error within a transaction is not there after it, and the journal goes on."""
    journal.add(a_task(1))

    def write_and_fail() -> None:
        with journal.transaction():
            journal.add(a_task(2))
            journal.write(a_task(1, status=Status.COMPLETED))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert [row.task for row in journal.rows()] == [a_task(1)]
    with journal.transaction():
        journal.add(a_task(3))
    assert len(journal.rows()) == 2


def test_a_transaction_within_a_transaction(journal: Journal) -> None:
    """The inner one is a part of the outer one: it stays only if that does."""

    def write_and_fail() -> None:
        with journal.transaction():
            with journal.transaction():
                journal.add(a_task())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert journal.rows() == []


def test_nobody_sees_half_a_transaction(journal: Journal, home: Path) -> None:
    """Another kernel sees all of a transaction or nothing; one that wants to write meanwhile waits for its turn."""
    other = another(home, ALIVE)
    other.beat()
    seen: list[int] = []
    with journal.transaction():
        journal.add(a_task(1))
        journal.add(a_task(2))
        assert other.rows() == []
        writer = threading.Thread(target=lambda: (other.add(a_task(3)), seen.append(len(other.rows()))))
        writer.start()
        writer.join(0.2)
        assert seen == []
    writer.join()
    assert seen == [3]


def test_a_file_that_stays_busy(journal: Journal, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another program never lets go of is an error that names the folder and the setting, not a hang."""
    journal.add(a_task(1))
    monkeypatch.setattr(database_module, "PATIENCE", 0.05)
    with closing(plain(home / FILE_NAME)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match=r"is locked.*LUMA_JUPYTER_HOME"):
            another(home, ALIVE).add(a_task(2))
    another(home, ALIVE).add(a_task(2))
    assert len(journal.rows()) == 2


# Several kernels at once.

WORKERS = 8
WORK = """
import sys
from pathlib import Path
from test_journal import a_task
from luma_jupyter.engine.journal import Journal
from luma_jupyter.models import Status
number = int(sys.argv[2])
told = []
journal = Journal(Path(sys.argv[1]), tell=told.append)
{before}
print("ready", flush=True)
sys.stdin.readline()
"""


def together(home: Path, script: str, workers: int = WORKERS, before: str = "") -> list[str]:
    """What so many kernels print that do the same, each with a number of its own, from the same moment on."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", WORK.format(before=before) + textwrap.dedent(script)]
    processes = [
        subprocess.Popen(
            [*command, str(home), str(number)],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(workers)
    ]
    try:
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        return [process.communicate(timeout=60)[0].strip() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("local", [True, False], ids=["WAL", "DELETE"])
def test_many_kernels_begin_one_journal(home: Path, local: bool) -> None:
    """Kernels that make the journal at the same moment, and write at once, all go on, and nothing is lost."""
    script = f"""
    from luma_jupyter.engine import database as module
    module._is_local = lambda folder: {local}
    for step in range(10):
        task = a_task(100 * number + step)
        journal.add(task)
        journal.write(task.evolve(status=Status.RUNNING, task_id=f"task-{{number}}-{{step}}"))
    print(told)
    """
    assert together(home, script) == ["[]"] * WORKERS
    rows = Journal(home).rows()
    assert {row.task.intent for row in rows} == {a_task(100 * n + step).intent for n in range(8) for step in range(10)}
    assert {row.task.status for row in rows} == {Status.RUNNING}


def test_a_race_for_one_request(home: Path) -> None:
    """Of kernels that look for a request and add it where it is missing, within a transaction, exactly one adds it."""
    script = """
    added = 0
    for round in range(50):
        with journal.transaction():
            if not journal.same(f"race-{round}"):
                journal.add(a_task(100 * round + number, fingerprint=f"race-{round}"))
                added += 1
    print(added)
    """
    assert sum(map(int, together(home, script, before="journal.beat()"))) == 50
    marks = [row.task.fingerprint for row in Journal(home).rows()]
    assert sorted(marks) == sorted(f"race-{round_}" for round_ in range(50))


def test_a_race_for_one_row(home: Path, journal: Journal) -> None:
    """Of kernels that take over the same rows at once, each row gets exactly one."""
    for number in range(50):
        journal.add(a_task(number))
        journal.write(a_task(number, status=Status.DETACHED))
    script = "print(sum(journal.take(row, row.task.evolve(status=Status.RUNNING)) for row in rows))"
    assert sum(map(int, together(home, script, before="rows = journal.rows()"))) == 50
    assert {row.task.status for row in journal.rows()} == {Status.RUNNING}


def test_many_kernels_find_the_damage(home: Path) -> None:
    """Kernels that find a damaged file at the same moment set one file aside, not the new one; one line tells it."""
    home.mkdir(parents=True)
    (home / FILE_NAME).write_bytes(b"garbage" * 1000)
    lines = together(home, "journal.add(a_task(number)); print(*told, sep='\\n')")
    assert len(list(home.glob("journal-damaged-*.sqlite3"))) == 1
    assert len([line for line in lines if line]) == 1
    assert len(Journal(home).rows()) == WORKERS


def test_a_killed_kernel_leaves_a_good_file(home: Path) -> None:
    """A kernel that is killed in the midst of writing leaves what it had written, and a file for the others."""
    script = """
    import os, signal
    journal.add(a_task(number))
    with journal.transaction():
        journal.write(a_task(number, status=Status.RUNNING))
        journal.add(a_task(100 + number))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    together(home, script, 3)
    rows = Journal(home).rows()
    assert [(row.task, row.alive) for row in rows] == [(a_task(number), False) for number in range(3)]


def test_many_threads_of_a_kernel(journal: Journal) -> None:
    """Threads of one kernel share a journal: none writes into the transaction of another."""

    def work(number: int) -> None:
        for step in range(20):
            with journal.transaction():
                if not journal.same(f"step-{step}"):
                    journal.add(a_task(100 * number + step, fingerprint=f"step-{step}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.rows()) == 20


FORK = """
import os, sys, warnings
from pathlib import Path
from test_journal import a_task
from luma_jupyter.engine.journal import Journal

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
    row = journal.find(a_task(1).intent)
    assert (row.owner, row.alive) == (of_parent, True)
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
print([int(row.task.intent, 16) for row in Journal(Path("forked")).rows()], end="")
"""


@POSIX
def test_a_forked_child_has_a_journal_of_its_own(python: Python) -> None:
    """A forked child, and its child, write as kernels of their own, and nothing that any of them wrote is lost."""
    result = python(FORK)
    assert (result.stdout, result.stderr, result.returncode) == ("[1, 2, 3, 4, 5, 6]", "", 0)


# The file.


@POSIX
@pytest.mark.parametrize("local", [True, False], ids=["WAL", "DELETE"])
def test_the_files_are_private(home: Path, monkeypatch: pytest.MonkeyPatch, local: bool) -> None:
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
def test_the_log_is_as_the_file_system_allows(
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


def test_no_mount_is_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system lists no file systems, the careful way is taken."""
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [])
    another(home).add(a_task())
    assert _mode(home) == "delete"


def test_a_journal_that_moves_to_another_file_system(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that was begun on one kind of file system goes on, with its rows, on the other, and back."""
    for number, local in enumerate([True, False, True]):
        monkeypatch.setattr(database_module, "_is_local", lambda folder, local=local: local)
        journal = another(home)
        journal.add(a_task(number))
        assert len(journal.rows()) == number + 1
        journal.close()
        assert _mode(home) == ("wal" if local else "delete")


def test_a_move_while_others_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that finds the other kind of log waits until nobody reads, and then changes it."""
    monkeypatch.setattr(database_module, "_is_local", lambda folder: False)
    _filled(home / FILE_NAME, 1)
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
    assert len(journal.rows()) == 2
    assert _mode(home) == "wal"


@pytest.mark.parametrize("local", [True, False], ids=["WAL", "DELETE"])
def test_each_commit_reaches_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local: bool) -> None:
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


def test_a_later_version_keeps_the_rows(
    home: Path, journal: Journal, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of an earlier version is brought forward once, with all that is in it, and goes on being used."""
    journal.add(a_task(1))
    journal.close()
    step = "ALTER TABLE tasks ADD COLUMN colour TEXT; CREATE TABLE notes (note TEXT)"
    monkeypatch.setattr(journal_module, "MIGRATIONS", (*MIGRATIONS, step))
    monkeypatch.setattr(
        Journal, "_put", lambda self, task, owner: self._file.run("INSERT INTO notes VALUES (?)", task.intent)
    )
    for number in (2, 3):
        later = another(home, tell=told.append)
        later.add(a_task(number))
        assert [row.task for row in later.rows()] == [a_task(1)]
    assert look(home / FILE_NAME, "PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]
    assert look(home / FILE_NAME, "SELECT note FROM notes") == [(a_task(2).intent,), (a_task(3).intent,)]
    assert told == []


def test_many_kernels_bring_a_file_forward(home: Path) -> None:
    """Kernels of a later version that open an old file at the same moment change it once."""
    another(home).add(a_task(1))
    script = """
    from luma_jupyter.engine import journal as module
    module.MIGRATIONS += ("CREATE TABLE notes (note TEXT)",)
    later = Journal(Path(sys.argv[1]), tell=told.append)
    print(len(later.rows()), later._file.run("SELECT * FROM notes")[0], told)
    """
    assert together(home, script) == ["1 [] []"] * WORKERS


def test_no_key_in_the_file(home: Path) -> None:
    """A snapshot has no place for a key: the columns and fields are these, and none holds headers or settings."""
    another(home).add(FULL)
    columns = [name for _, name, *_ in look(home / FILE_NAME, "PRAGMA table_info(tasks)")]
    assert columns == ["intent", "fingerprint", "folder", "created_at", "status", "task_id", "task", "owner"]


async def test_no_key_after_a_life(world: World, tmp_path: Path) -> None:
    """After tasks that went well and tasks that did not, no key is anywhere in the home folder."""
    await world.end(world.generate())
    world.service.failure = {"code": "api_error", "message": "oops"}
    await world.end(world.generate())
    files = [path for path in (tmp_path / "home").iterdir() if path.is_file()]
    assert FILE_NAME in {path.name for path in files}
    for path in files:
        for key in (ACEDATA_KEY, RUNAPI_KEY):
            assert key.encode() not in path.read_bytes()


# A file that cannot be used.


def _filled(path: Path, rows: int = 60) -> None:
    """A journal with some rows, closed."""
    journal = another(path.parent)
    for number in range(rows):
        journal.add(a_task(number))
    journal.close()


def _garbage(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"This is not a database. " * 1000)


def _truncated(path: Path) -> None:
    _filled(path)
    os.truncate(path, 3 * 4096 + 100)


def _page_of_zeros(path: Path) -> None:
    _filled(path)
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


def _newer(path: Path) -> None:
    _filled(path)
    look(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


BROKEN: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "garbage": (_garbage, "damaged", "is damaged"),
    "truncated": (_truncated, "damaged", "is damaged"),
    "a page of zeros": (_page_of_zeros, "damaged", "is damaged"),
    "another program's": (_foreign, "foreign", "is not one of luma_jupyter's"),
    "another program's tasks": (_foreign_with_our_names, "foreign", "is not one of luma_jupyter's"),
    "another program's version": (_foreign_with_a_version, "foreign", "is not one of luma_jupyter's"),
    "newer": (_newer, "newer", "was written by a newer version of luma_jupyter"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_set_aside(home: Path, journal: Journal, told: list[str], kind: str) -> None:
    """A file that cannot be used is kept under another name, which one line tells; the work goes on with a new one."""
    make, word, reason = BROKEN[kind]
    make(home / FILE_NAME)
    content = (home / FILE_NAME).read_bytes()
    journal.rows()
    journal.add(a_task(1000))
    assert [row.task for row in journal.rows()] == [a_task(1000)]
    assert another(home, ALIVE).find(a_task(1000).intent)
    (aside,) = home.glob(f"journal-{word}-*.sqlite3")
    assert aside.read_bytes() == content
    (line,) = told
    assert line.startswith(
        f"The journal of your clips {reason}; it was set aside as {aside.name}, and a new one was begun."
    )
    assert "unfinished or spent today is forgotten" in line
    assert {path.name for path in home.glob("*.sqlite3")} == {aside.name, FILE_NAME}
    assert _mode(home) == "wal"


def test_an_empty_file_is_a_journal(home: Path, journal: Journal, told: list[str]) -> None:
    """A file without anything in it, as a crash at its making leaves, is used."""
    home.mkdir(parents=True)
    (home / FILE_NAME).touch()
    journal.add(a_task())
    assert (len(journal.rows()), told) == (1, [])
    assert [path.name for path in home.glob("*.sqlite3")] == [FILE_NAME]


def test_two_damages_in_one_second(home: Path, journal: Journal, told: list[str]) -> None:
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
def test_damage_that_is_found_late(home: Path, told: list[str], page: int) -> None:
    """Whatever part of an open file goes bad, what is written next is written, and found; at most one line tells it."""
    _filled(home / FILE_NAME)
    with (home / FILE_NAME).open("r+b") as file:
        file.seek(page * 4096)
        file.write(os.urandom(4096))
    journal = another(home, tell=told.append)
    journal.add(a_task(1000))
    journal.write(a_task(1000, status=Status.RUNNING))
    journal.rows()
    journal.same(a_task(7).fingerprint)
    journal.write(a_task(1000, status=Status.SAVING))
    found = journal.find(a_task(1000).intent)
    assert found
    assert found.task.status is Status.SAVING
    assert len(told) <= 1
    assert len(list(home.glob("journal-*"))) == len(told)


def test_an_index_that_does_not_fit(home: Path, journal: Journal, told: list[str]) -> None:
    """A file whose pages are whole, but do not belong together, is damaged, too."""
    _filled(home / FILE_NAME)
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
    journal.write(a_task(1, status=Status.RUNNING))
    assert [row.task for row in journal.rows()] == [a_task(1, status=Status.RUNNING)]
    assert len(told) == 1


def test_damage_within_a_transaction(home: Path, journal: Journal, told: list[str]) -> None:
    """Where the ground goes away under a transaction, it fails as a whole; the next one has a new file."""
    _filled(home / FILE_NAME)
    with (home / FILE_NAME).open("r+b") as file:
        file.seek(4096)
        file.write(bytes(4096 * 100))

    def ask_and_add() -> None:
        with journal.transaction():
            journal.rows()
            journal.add(a_task(1000))

    with pytest.raises(ConfigError, match="malformed"):
        ask_and_add()
    assert len(told) == 1
    ask_and_add()
    assert [row.task for row in journal.rows()] == [a_task(1000)]


def _spoil(path: Path) -> None:
    """Overwrite all but the first pages, on which the tables' roots are."""
    with path.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(bytes(path.stat().st_size - 8 * 4096))


def test_the_second_kernel_to_see_a_damage(home: Path, journal: Journal, told: list[str]) -> None:
    """A kernel that has a file open that another one has set aside goes over to the new file, without a word."""
    _filled(home / FILE_NAME)
    other_told: list[str] = []
    other = another(home, ALIVE, other_told.append)
    other.beat()
    _spoil(home / FILE_NAME)
    journal.rows()
    journal.add(a_task(1000))
    other.add(a_task(1001))
    for reader in (other, journal, another(home)):
        assert [row.task for row in reader.rows()] == [a_task(1000), a_task(1001)]
    assert (len(told), other_told) == (1, [])


def test_a_damage_that_is_seen_within_a_transaction(home: Path, journal: Journal, told: list[str]) -> None:
    """A kernel that meets the damage in a transaction, after another one has begun a new file, leaves that alone."""
    _filled(home / FILE_NAME)
    other_told: list[str] = []
    other = another(home, ALIVE, other_told.append)
    other.beat()
    journal.beat()
    _spoil(home / FILE_NAME)

    def meet_it() -> None:
        with other.transaction():
            journal.rows()
            journal.add(a_task(1000))
            other.rows()

    with pytest.raises(ConfigError, match="malformed"):
        meet_it()
    assert [row.task for row in other.rows()] == [a_task(1000)]
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
def test_a_journal_that_is_lost_while_open(home: Path, journal: Journal, told: list[str], what: str) -> None:
    """Two kernels whose journal is taken away go on in one new file, and each tells it all of what it follows."""
    other = another(home, ALIVE)
    journal.add(a_task(1))
    other.add(a_task(2))
    LOSSES[what](home)
    assert journal.rows() == []
    journal.write(a_task(1, status=Status.RUNNING, task_id="task-1"))
    other.write(a_task(2, status=Status.COMPLETED))
    expected = [a_task(1, status=Status.RUNNING, task_id="task-1"), a_task(2, status=Status.COMPLETED)]
    for reader in (journal, other, another(home)):
        assert [row.task for row in reader.rows()] == expected
    assert journal.claims("task-1")
    assert told == []


# A folder that cannot be used.


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
    _filled(home / FILE_NAME, 1)
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
def test_a_folder_that_cannot_be_used(
    home: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, told: list[str], kind: str
) -> None:
    """Each use is a ConfigError that says where and why, and which setting helps; nothing is set aside for it."""
    make, why = USELESS[kind]
    make(home, monkeypatch)
    for use in (lambda: journal.add(a_task()), journal.beat, lambda: journal.write(a_task())):
        with pytest.raises(ConfigError) as caught:
            use()
        assert str(caught.value) == (
            f"The journal cannot be written in {str(home)!r} ({why}): "
            "set LUMA_JUPYTER_HOME to a folder where it can; nothing is paid for without it."
        )
    assert told == []
    assert not list(home.parent.glob("**/journal-*"))


def test_a_folder_that_can_be_used_again(home: Path, journal: Journal) -> None:
    """After the folder was mended, the same kernel's journal works."""
    home.parent.mkdir()
    home.write_text("in the way")
    with pytest.raises(ConfigError):
        journal.add(a_task())
    home.unlink()
    journal.add(a_task())
    assert len(journal.rows()) == 1


def test_durations_are_kept_by_law(home: Path, journal: Journal) -> None:
    """How long tasks took is kept for each service and action, newest first; the oldest are forgotten."""
    assert journal.durations("acedata", "generate") == []
    for number in range(KEPT + 5):
        journal.add_duration("acedata", "generate", float(number))
    journal.add_duration("acedata", "extend", 40.0)
    journal.add_duration("runapi", "modify", 50.0)
    newest_first = [float(number) for number in reversed(range(5, KEPT + 5))]
    assert another(home).durations("acedata", "generate") == newest_first
    assert journal.durations("acedata", "extend") == [40.0]
    assert journal.durations("runapi", "modify") == [50.0]
    assert look(home / FILE_NAME, "SELECT count(*) FROM durations") == [(KEPT + 2,)]


def test_durations_that_are_none(home: Path, journal: Journal) -> None:
    """What is no duration in a damaged table is passed over."""
    journal.add_duration("acedata", "generate", 40.0)
    for value in ("'long'", "-1.0", "1e30"):
        look(
            home / FILE_NAME,
            f"INSERT INTO durations (service, action, seconds) VALUES ('acedata', 'generate', {value})",
        )
    assert journal.durations("acedata", "generate") == [40.0]


def test_the_unfinished_of_some_folders(journal: Journal) -> None:
    """Only the rows of wanted folders are read; each folder is asked about once."""
    asked: list[Path] = []
    for number, folder in enumerate(["/a", "/a", "/b", "/c"]):
        journal.add(a_task(number, folder=Path(folder)))
    journal.write(a_task(3, folder=Path("/c"), status=Status.COMPLETED))

    def wanted(folder: Path) -> bool:
        asked.append(folder)
        return folder == Path("/a")

    assert [row.task.folder for row in journal.unfinished(wanted)] == [Path("/a"), Path("/a")]
    assert sorted(asked) == [Path("/a"), Path("/b")]
    assert len(journal.unfinished()) == 3


def test_intents_that_have_no_row(journal: Journal) -> None:
    """Of many intents, those that a new file does not know are found in one question."""
    journal.add(a_task(1))
    assert journal.missing([a_task(number).intent for number in (1, 2, 3)]) == [a_task(2).intent, a_task(3).intent]
    assert journal.missing([]) == []


@pytest.fixture(autouse=True)
def _close_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened: some of it lies on file systems that tests invent."""
    made: list[Journal] = []
    begin = Journal.__init__

    def note(self: Journal, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(Journal, "__init__", note)
    yield
    for journal in made:
        journal.close()


def test_the_snapshot_is_plain_json(home: Path, journal: Journal) -> None:
    """Anybody can read the file with SQLite and JSON alone."""
    journal.add(FULL)
    ((text,),) = look(home / FILE_NAME, "SELECT task FROM tasks")
    data = json.loads(text)
    assert (data["prompt"], data["status"], data["task_id"]) == ("Élan 🦊", "detached", "task-1")
