"""The journal: what is entered comes back, is found, and has one owner at a time."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.duration_model import KEPT
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import Entry, Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.errors import ClipDetached
from tests.engine.store.journals import (
    ALIVE,
    FULL,
    OTHER,
    a_task,
    another,
    look,
    plain,
    together,
)
from tests.support.world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, World


def test_entry_comes_back_with_every_field(journal: Journal, home: Path) -> None:
    """What was written is what this kernel and another one read, every field of it."""
    journal.add(FULL)
    for reader in (journal, another(home)):
        (entry,) = reader.entries()
        assert str(entry.task.error) == "stopped"
        assert isinstance(entry.task.error, ClipDetached)
        assert entry.task.evolve(error=None) == FULL.evolve(error=None)
        assert (found := reader.find(FULL.intent))
        assert found.task.evolve(error=None) == FULL.evolve(error=None)


def test_empty_journal_has_nothing_and_tells_nothing(journal: Journal, told: list[str]) -> None:
    """Before anything was asked for, there is nothing, and nothing to tell."""
    assert (journal.entries(), journal.find_equal("f"), journal.find("1" * 32), journal.unfinished()) == (
        [],
        [],
        None,
        [],
    )
    assert not journal.has_task_id("task-1")
    assert told == []


def test_journal_makes_no_file_before_it_is_used(home: Path) -> None:
    """A journal that nobody asks makes no file and no folder."""
    Journal(home)
    assert not home.exists()


def test_entries_are_found_by_time_and_folder(journal: Journal) -> None:
    """Entries come oldest first, from one moment to before another, of one folder or of all."""
    for number in (3, 1, 4, 2):
        journal.add(a_task(number, folder=Path("/odd" if number % 2 else "/even")))

    def numbers(**options: Any) -> list[int]:
        return [int(entry.task.intent, 16) for entry in journal.entries(**options)]

    assert numbers() == [1, 2, 3, 4]
    assert numbers(since=EPOCH + 2, until=EPOCH + 4) == [2, 3]
    assert numbers(folder=Path("/odd")) == [1, 3]
    assert numbers(folder=Path("/odd"), since=EPOCH + 2) == [3]
    assert numbers(folder=Path("/neither")) == []


def test_find_equal_gives_the_newest_first(journal: Journal) -> None:
    """All entries of a fingerprint are found, the newest first, and no other."""
    for number in (1, 3, 2):
        journal.add(a_task(number, fingerprint="same"))
    journal.add(a_task(4))
    assert [entry.task.created_at - EPOCH for entry in journal.find_equal("same")] == [3, 2, 1]


@pytest.mark.parametrize("status", Status)
def test_unfinished_is_what_has_not_come_to_its_end(journal: Journal, status: Status) -> None:
    """Unfinished is what somebody would want to follow further or to decide on."""
    journal.add(a_task(status=status, folder=Path("/lesson")))
    finished = status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    assert len(journal.unfinished()) == (0 if finished else 1)


def test_being_sent_is_what_has_left_and_is_not_answered(journal: Journal, home: Path) -> None:
    """Neither what has still to leave, nor what is answered, looked for, or was sent by a kernel that is gone."""
    sent = a_task(status=Status.SUBMITTING, sent_at=EPOCH)
    lease = journal.add(a_task(status=Status.SUBMITTING))
    journal.add(a_task(2, status=Status.QUEUED, sent_at=EPOCH))
    gone = Journal(home, clock=lambda: EPOCH - 3600, owner=OTHER)
    gone.add(a_task(3, status=Status.SUBMITTING, sent_at=EPOCH))
    assert journal.being_sent() == []
    lease.write(sent)
    assert journal.being_sent() == [sent]
    lease.write(sent.evolve(status=Status.RUNNING, task_id="task-1"))
    assert journal.being_sent() == []


def test_has_task_id_knows_what_is_written_down(journal: Journal) -> None:
    """A service's task that an entry has is known to be that entry's, from the moment it is written down."""
    lease = journal.add(a_task())
    assert not journal.has_task_id("task-1")
    lease.write(a_task(task_id="task-1"))
    assert journal.has_task_id("task-1")


@pytest.mark.parametrize("text", ["\ud83d", "a\0b", "x" * 10_000, "'; DROP TABLE tasks; --"])
def test_journal_keeps_any_text(journal: Journal, text: str) -> None:
    """Half characters, as a service or an old folder's name can have, and anything else are kept and found again."""
    lease = journal.add(a_task(folder=Path(f"/{text}")))
    lease.write(a_task(folder=Path(f"/{text}"), task_id=text, name=text))
    assert journal.has_task_id(text)
    (entry,) = journal.entries(folder=Path(f"/{text}"))
    assert (entry.task.task_id, entry.task.name) == (text, text)
    assert journal.unfinished() == [entry]


def test_write_replaces_the_snapshot(journal: Journal) -> None:
    """There is one entry for an intent, with its latest snapshot."""
    lease = journal.add(a_task())
    for status in (Status.SUBMITTING, Status.RUNNING, Status.SAVING):
        lease.write(a_task(status=status))
        (entry,) = journal.entries()
        assert (entry.task.status, entry.owner, entry.alive) == (status, journal.owner, True)


@pytest.mark.parametrize("status", [status for status in Status if status.ended])
def test_ended_task_has_no_owner(journal: Journal, status: Status) -> None:
    """Nobody follows what has ended, so any kernel may take it up again."""
    journal.add(a_task()).write(a_task(status=status))
    (entry,) = journal.entries()
    assert (entry.task.status, entry.owner, entry.alive) == (status, None, False)


def test_damaged_row_hides_no_other(journal: Journal, home: Path, told: list[str]) -> None:
    """An entry that cannot be read is passed over, and hides no other."""
    damages: list[object] = ["", "{", "null", "[" * 100_000, "{}", b"\xff\xfe", "\x00"]
    for number in range(len(damages) + 2):
        journal.add(a_task(number))
    with closing(plain(home / FILE_NAME)) as connection:
        for number, damage in enumerate(damages):
            connection.execute("UPDATE tasks SET task = ? WHERE intent = ?", (damage, f"{number:032x}"))
        utf = "UPDATE tasks SET task = CAST(x'7bff80' AS TEXT) WHERE intent = ?"
        connection.execute(utf, (f"{len(damages):032x}",))
    (entry,) = journal.entries()
    assert entry.task == a_task(len(damages) + 1)
    assert told == []


def test_damaged_owner_hides_no_entry(journal: Journal, home: Path) -> None:
    """An entry whose owner cannot be read is followed by nobody, but it is there: it may have been paid for."""
    journal.add(a_task(status=Status.RUNNING))
    look(home / FILE_NAME, "UPDATE tasks SET owner = 'x'")
    assert journal.entries() == [Entry(a_task(status=Status.RUNNING), "x", False)]


def test_entry_is_alive_while_its_kernel_is(home: Path, journal: Journal) -> None:
    """An entry is alive while the kernel that follows it is; whoever looks."""
    journal.add(a_task(1))
    another(home, ALIVE).add(a_task(2))
    Journal(home, clock=lambda: EPOCH - 3600, owner=OTHER).add(a_task(3))
    seen = [
        [entry.alive for entry in reader.entries()] for reader in (journal, another(home, ALIVE), another(home, OTHER))
    ]
    assert seen == [[True, True, False], [True, True, False], [True, True, True]]


def test_heartbeat_brings_an_entry_back_to_life(home: Path, journal: Journal) -> None:
    """A kernel elsewhere that was silent, as in a laptop that slept, is alive again from its next beat on."""
    Journal(home, clock=lambda: EPOCH - 3600, owner=ALIVE).add(a_task())
    assert not journal.entries()[0].alive
    another(home, ALIVE).heartbeat()
    assert journal.entries()[0].alive


def test_acquire_is_won_by_one_kernel(home: Path, journal: Journal) -> None:
    """Of two kernels that want to take over an entry, one does, and the other hears that it was too late."""
    Journal(home, clock=lambda: EPOCH - 3600, owner="elsewhere|9|1.0").add(a_task(status=Status.RUNNING))
    one, two = another(home, ALIVE), another(home, OTHER)
    entry_of_one, entry_of_two = *one.entries(), *two.entries()
    assert one.acquire(entry_of_one, entry_of_one.task)
    assert not two.acquire(entry_of_two, entry_of_two.task.evolve(name="not written"))
    assert journal.entries() == [Entry(entry_of_one.task, ALIVE, True)]


def test_acquire_of_an_entry_without_owner_happens_once(home: Path) -> None:
    """An entry without an owner is taken once."""
    one, two = another(home, ALIVE), another(home, OTHER)
    one.add(a_task()).write(a_task(status=Status.DETACHED))
    (entry,) = two.entries()
    assert two.acquire(entry, a_task(status=Status.RUNNING))
    assert not one.acquire(entry, a_task(status=Status.RUNNING))


def test_acquire_of_an_entry_that_another_kernel_had_meanwhile_is_too_late(home: Path, journal: Journal) -> None:
    """What has come to its end since the entry was read is not overwritten, though nobody follows it, as before."""
    journal.add(a_task()).write(a_task(status=Status.UNCONFIRMED))
    (entry,) = journal.entries()
    lease = another(home, OTHER).acquire(entry, a_task(status=Status.RUNNING))
    assert lease
    lease.write(a_task(status=Status.COMPLETED))
    assert not journal.acquire(entry, a_task(status=Status.QUEUED))
    assert [found.task.status for found in journal.entries()] == [Status.COMPLETED]


def test_acquire_as_ended_is_followed_by_nobody(home: Path, journal: Journal) -> None:
    """What ended with its kernel is entered as it ended, at once: nobody follows it, and it is unfinished no more."""
    Journal(home, clock=lambda: EPOCH - 3600, owner="elsewhere|9|1.0").add(a_task(status=Status.RUNNING))
    (entry,) = journal.entries()
    assert journal.acquire(entry, a_task(status=Status.FAILED))
    (settled,) = journal.entries()
    assert (settled.task.status, settled.owner, settled.alive) == (Status.FAILED, None, False)
    assert journal.unfinished() == []


def test_acquire_of_a_lost_entry_enters_it_again(journal: Journal) -> None:
    """An entry that was lost with its file is entered again by the first who takes it, and by nobody after."""
    assert journal.acquire(Entry(a_task()), a_task())
    assert [entry.task for entry in journal.entries()] == [a_task()]
    assert not journal.acquire(Entry(a_task()), a_task())


def test_race_for_one_request_enters_one_task(home: Path) -> None:
    """Of kernels that look for a request and add it where it is missing, within a transaction, exactly one adds it."""
    script = """
    added = 0
    for round in range(50):
        with journal.transaction():
            if not journal.find_equal(f"race-{round}"):
                journal.add(a_task(100 * round + number, fingerprint=f"race-{round}"))
                added += 1
    print(added)
    """
    assert sum(map(int, together(home, script, before="journal.heartbeat()"))) == 50
    marks = [entry.task.fingerprint for entry in Journal(home).entries()]
    assert sorted(marks) == sorted(f"race-{round_}" for round_ in range(50))


def test_race_to_acquire_is_won_by_one_kernel(home: Path, journal: Journal) -> None:
    """Of kernels that take over the same entries at once, each entry gets exactly one."""
    for number in range(50):
        journal.add(a_task(number)).write(a_task(number, status=Status.DETACHED))
    script = "print(sum(journal.acquire(row, row.task.evolve(status=Status.RUNNING)) is not None for row in rows))"
    assert sum(map(int, together(home, script, before="rows = journal.entries()"))) == 50
    assert {entry.task.status for entry in journal.entries()} == {Status.RUNNING}


def test_journal_has_no_column_for_a_key(home: Path) -> None:
    """A snapshot has no place for a key: the columns and fields are these, and none holds headers or settings."""
    another(home).add(FULL)
    columns = [name for _, name, *_ in look(home / FILE_NAME, "PRAGMA table_info(tasks)")]
    assert columns == ["intent", "fingerprint", "folder", "created_at", "status", "task_id", "task", "owner"]


async def test_home_folder_has_no_key_after_some_runs(world: World, tmp_path: Path) -> None:
    """After tasks that went well and tasks that did not, no key is anywhere in the home folder."""
    await world.end(world.generate())
    world.service.failure = {"code": "api_error", "message": "oops"}
    await world.end(world.generate())
    files = [path for path in (tmp_path / "home").iterdir() if path.is_file()]
    assert FILE_NAME in {path.name for path in files}
    for path in files:
        for key in (ACEDATA_KEY, RUNAPI_KEY):
            assert key.encode() not in path.read_bytes()


def test_durations_are_kept_by_service_and_action(home: Path, journal: Journal) -> None:
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


def test_durations_that_are_none_are_passed_over(home: Path, journal: Journal) -> None:
    """What is no duration in a damaged table is passed over."""
    journal.add_duration("acedata", "generate", 40.0)
    for value in ("'long'", "-1.0", "1e30"):
        look(
            home / FILE_NAME,
            f"INSERT INTO durations (service, action, seconds) VALUES ('acedata', 'generate', {value})",
        )
    assert journal.durations("acedata", "generate") == [40.0]


def test_unfinished_reads_only_the_wanted_folders(journal: Journal) -> None:
    """Only the entries of wanted folders are read; each folder is asked about once."""
    asked: list[Path] = []
    leases = [
        journal.add(a_task(number, folder=Path(folder))) for number, folder in enumerate(["/a", "/a", "/b", "/c"])
    ]
    leases[3].write(a_task(3, folder=Path("/c"), status=Status.COMPLETED))

    def wanted(folder: Path) -> bool:
        asked.append(folder)
        return folder == Path("/a")

    assert [entry.task.folder for entry in journal.unfinished(wanted)] == [Path("/a"), Path("/a")]
    assert sorted(asked) == [Path("/a"), Path("/b")]
    assert len(journal.unfinished()) == 3


def test_missing_tells_intents_without_an_entry(journal: Journal) -> None:
    """Of many intents, those that a new file does not know are found in one question."""
    journal.add(a_task(1))
    assert journal.missing([a_task(number).intent for number in (1, 2, 3)]) == [a_task(2).intent, a_task(3).intent]
    assert journal.missing([]) == []


def test_snapshot_in_the_file_is_plain_json(home: Path, journal: Journal) -> None:
    """Anybody can read the file with SQLite and JSON alone."""
    journal.add(FULL)
    ((text,),) = look(home / FILE_NAME, "SELECT task FROM tasks")
    data = json.loads(text)
    assert (data["prompt"], data["status"], data["task_id"]) == ("Élan 🦊", "detached", "task-1")
