"""The day's sums that the journal's file keeps: what the tasks themselves say, whoever wrote them and however."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.money import Total
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import MIGRATIONS, Journal, _state
from luma_jupyter.engine.store.probe import FILE_NAME
from tests.engine.store.journals import ALIVE, OTHER, a_task, another, look, plain
from tests.support.world import EPOCH

DAY = 86_400.0
amounts = st.one_of(st.none(), st.floats(0, 100, width=16))
tasks = st.builds(
    lambda number, action, **facts: a_task(
        number,
        request=GenerateRequest(prompt="A fox")
        if action == "generate"
        else ExtendRequest(prompt="A fox", source=VideoRef(video_id="v")),
        **facts,
    ),
    number=st.integers(1, 5),
    action=st.sampled_from(["generate", "extend"]),
    provider=st.sampled_from(["acedata", "runapi", "demo"]),
    status=st.sampled_from(Status),
    price=amounts,
    cost=amounts,
    sent_at=st.sampled_from([None, EPOCH - DAY, EPOCH]),
    task_id=st.sampled_from([None, "t"]),
    doubts=st.integers(0, 2),
    created_at=st.sampled_from([EPOCH - DAY, EPOCH, EPOCH + 1, EPOCH + DAY]),
)
ways = st.sampled_from(["put", "old kernel", "delete", "ask"])


def expected(rows: dict[str, tuple[Task, str | None]], price: float | None) -> tuple[float, int]:
    """What the tasks of the day cost by their own word, as an early version added them up one by one."""
    spent, unpriced = 0.0, 0
    for task, owner in rows.values():
        sent_again = task.sent_at if task.doubts else None
        if (sent_again or task.created_at) < EPOCH:
            continue
        waits = task.status in (Status.QUEUED, Status.SUBMITTING) and not (task.sent_at or task.task_id or task.doubts)
        if waits and owner != ALIVE:
            continue
        charge = task.charge(price)
        spent += charge or 0.0
        unpriced += charge is None
    return spent, unpriced


def found(journal: Journal, price: float | None) -> tuple[float, int]:
    """The same, by the sums of the file."""
    charges = [part.charges for part in journal.spending(EPOCH).spending]
    return sum(each.at(price) for each in charges), sum(each.unpriced for each in charges if price is None)


@settings(max_examples=60)
@given(st.lists(st.tuples(ways, tasks, st.sampled_from([None, ALIVE, OTHER])), max_size=12))
def test_sums_are_what_the_tasks_say(tmp_path_factory: Any, steps: list[tuple[str, Task, str | None]]) -> None:
    """Whatever is entered, replaced, changed and deleted, also by programs that know of no sums, they agree."""
    home = tmp_path_factory.mktemp("home")
    journal = another(home, ALIVE)
    journal.heartbeat()
    rows: dict[str, tuple[Task, str | None]] = {}
    with closing(plain(home / FILE_NAME)) as old:
        for how, task, owner in steps:
            if how == "ask":
                journal.spending(EPOCH)
                continue
            if how == "put":
                journal._put(task, owner)
            elif how == "delete":
                old.execute("DELETE FROM tasks WHERE intent = ?", (task.intent,))
            elif task.intent in rows:
                task = task.evolve(created_at=rows[task.intent][0].created_at)
                sql = "UPDATE tasks SET status = ?, task_id = ?, task = ?, owner = ? WHERE intent = ?"
                old.execute(sql, (*_state(task), owner, task.intent))
            else:
                continue
            rows.pop(task.intent, None)
            if how != "delete":
                rows[task.intent] = task, owner
    for price in (None, 0.25):
        spent, unpriced = expected(rows, price)
        assert found(journal, price) == (pytest.approx(spent, abs=1e-6), unpriced)
    journal.check()
    assert found(journal, 0.25) == (pytest.approx(spent, abs=1e-6), 0)


@pytest.fixture
def early(tmp_path: Path) -> Path:
    """A home whose journal has a priced task, and no sums yet, as versions before them left it."""
    with closing(Journal(tmp_path)) as journal:
        journal.add(a_task(price=0.5, sent_at=EPOCH))
    with closing(plain(tmp_path / FILE_NAME)) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        for table in ("changed", "charges", "spending"):
            file.execute(f"DROP TABLE {table}")
    return tmp_path


def test_sums_of_an_early_journal_are_added_up_once(early: Path) -> None:
    """A journal of a version without sums has them from its first opening on, and the version of its file stays."""
    (version,) = look(early / FILE_NAME, "PRAGMA user_version")
    for _ in range(2):
        with closing(Journal(early)) as journal:
            assert [part.charges.usd for part in journal.spending(EPOCH).spending] == [0.5]
    assert look(early / FILE_NAME, "PRAGMA user_version") == [version]


def test_total_is_that_of_the_tasks_themselves(tmp_path: Path) -> None:
    """What some tasks cost together is told without a look at each: exact, expected, unknown, nothing."""
    tasks = [
        a_task(1, price=0.5, cost=0.375, status=Status.COMPLETED),
        a_task(2, cost=0.25, status=Status.COMPLETED),
        a_task(3, status=Status.COMPLETED),
        a_task(4, price=0.125, status=Status.FAILED),
        a_task(5, price=0.125, status=Status.COMPLETED),
        a_task(6, price=0.0, status=Status.COMPLETED),
    ]
    with closing(Journal(tmp_path)) as journal:
        for task in tasks:
            journal._put(task, None)
        for some in (tasks, tasks[:2], tasks[1:4], tasks[3:4], tasks[4:], []):
            assert journal.total([task.intent for task in some]) == sum((task.total for task in some), Total())
        with closing(plain(tmp_path / FILE_NAME)) as file:
            file.execute("UPDATE tasks SET task = 'x' WHERE status = 'failed'")
        assert journal.total([task.intent for task in tasks[:4]]) == Total(0.625, exact=True, unknown=1)


def test_damaged_snapshot_counts_as_lost(tmp_path: Path) -> None:
    """A row that nobody can read is counted, and stands in nobody's way: another program may go on writing it."""
    with closing(Journal(tmp_path)) as journal:
        journal.add(a_task(price=0.5))
        with closing(plain(tmp_path / FILE_NAME)) as file:
            file.execute("UPDATE tasks SET task = replace(task, '{', 'x')")
        day = journal.spending(EPOCH)
        assert (day.spending, day.lost) == ([], 1)
        journal._put(a_task(price=0.5), None)
        assert journal.spending(EPOCH).lost == 0


def test_failed_write_leaves_the_sums(tmp_path: Path) -> None:
    """What does not come about is not counted."""
    with closing(Journal(tmp_path)) as journal:
        journal.add(a_task(price=0.5))
        before = journal.spending(EPOCH)
        with closing(plain(tmp_path / FILE_NAME)) as file, pytest.raises(sqlite3.IntegrityError):
            file.execute("INSERT OR REPLACE INTO tasks SELECT intent, NULL, 'x', 1, 's', NULL, '{}', NULL FROM tasks")
        assert journal.spending(EPOCH) == before


def test_wrong_sums_are_mended_by_a_check(tmp_path: Path) -> None:
    """A damage that SQLite does not see is gone after `%luma doctor`."""
    with closing(Journal(tmp_path)) as journal:
        journal.add(a_task(price=0.5))
        journal.spending(EPOCH)
        with closing(plain(tmp_path / FILE_NAME)) as file:
            file.execute("UPDATE spending SET usd = 7")
        journal.check()
        assert [part.charges.usd for part in journal.spending(EPOCH).spending] == [0.5]


def test_newer_journal_is_added_up_row_by_row(tmp_path: Path) -> None:
    """Where nothing can be written, what was spent is told all the same."""
    with closing(Journal(tmp_path)) as journal:
        journal.add(a_task(price=0.5, sent_at=EPOCH))
    with closing(plain(tmp_path / FILE_NAME)) as file:
        file.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with closing(Journal(tmp_path)) as newer:
        assert [part.charges.usd for part in newer.spending(EPOCH).spending] == [0.5]


def test_all_tables_are_named_on_the_first_page(tmp_path: Path) -> None:
    """A journal whose first page is lost is read by that of a new one, which therefore has to name all tables."""
    with closing(Journal(tmp_path)) as journal:
        journal.check()
    page = (tmp_path / FILE_NAME).read_bytes()[:4096]
    assert page[100] == 0x0D  # a leaf, so the whole schema (sqlite.org/fileformat2.html, 1.6)
