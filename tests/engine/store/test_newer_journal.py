"""A journal that a newer version wrote: it is read, never written and never moved; and tables that others ignore."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.journal import MIGRATIONS, Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.errors import ConfigError
from tests.support import settings
from tests.support.fake_service import FakeService
from tests.support.loops import RunningLoop
from tests.support.world import Clock, World

NEWER = "was written by a newer version"


def task(intent: str = "0" * 32, **changes: object) -> Task:
    made = Task(
        intent=intent,
        request=GenerateRequest(prompt="A boat"),
        provider="acedata",
        status=Status.QUEUED,
        created_at=1.7e9,
        filename="a-boat.mp4",
    )
    return made.evolve(**changes)


def make_newer(folder: Path) -> bytes:
    """Let the journal in a folder be of the next version, with a table and a column that this one does not know."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("ALTER TABLE tasks ADD COLUMN later TEXT")
        connection.execute("CREATE TABLE later (what TEXT)")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        connection.execute("PRAGMA journal_mode = DELETE")
    return (folder / FILE_NAME).read_bytes()


@pytest.fixture
def newer(tmp_path: Path) -> tuple[Path, bytes]:
    """A home folder whose journal is newer, with one task in it, and the file's bytes."""
    home = tmp_path / "home"
    journal = Journal(home)
    journal.add(task()).write(task(status=Status.COMPLETED))
    journal.close()
    return home, make_newer(home)


def test_a_newer_journal_is_read(newer: tuple[Path, bytes]) -> None:
    """What it knows is known here too, and one line says what is the matter."""
    home, before = newer
    told: list[str] = []
    journal = Journal(home, notify=told.append)
    entry = journal.find("0" * 32)
    assert entry
    assert entry.task.status is Status.COMPLETED
    assert [entry.task.intent for entry in journal.entries()] == ["0" * 32]
    assert len(told) == 1
    assert NEWER in told[0]
    assert "pip install -U" in told[0]
    journal.close()
    assert (home / FILE_NAME).read_bytes() == before
    assert [path.name for path in home.iterdir() if "newer" in path.name] == []


@pytest.mark.parametrize("write", ["add", "acquire", "heartbeat", "upload", "duration"])
def test_a_newer_journal_is_not_written(newer: tuple[Path, bytes], write: str) -> None:
    """Every write is refused in words that say what to do, and changes nothing."""
    home, before = newer
    journal = Journal(home)
    entry = journal.find("0" * 32)
    assert entry
    writes = {
        "add": lambda: journal.add(task("1" * 32)),
        "acquire": lambda: journal.acquire(entry, task()),
        "heartbeat": journal.heartbeat,
        "upload": lambda: journal.add_upload("https://a.example", "0" * 64, "https://a.example/x", 2e9),
        "duration": lambda: journal.add_duration("acedata", "generate", 60.0),
    }
    with pytest.raises(ConfigError, match=NEWER):
        writes[write]()
    journal.close()
    assert (home / FILE_NAME).read_bytes() == before


async def test_nothing_is_paid_for_beside_a_newer_journal(
    keys: None, newer: tuple[Path, bytes], service: FakeService, providers: ProviderPool, media: Path
) -> None:
    """An older kernel plays what is there, pays nothing, and says why."""
    home, before = newer
    world = World(Engine(settings.current, RunningLoop(), providers, Clock(), lambda: 0.0), service)
    settings.configure(home=home.parent / "other-home")
    made = await world.end(world.generate("A lighthouse", again=False))
    settings.configure(home=home)
    shown = World(Engine(settings.current, RunningLoop(), providers, Clock(), lambda: 0.0), service)
    assert shown.generate("A lighthouse", again=False).task.path == made.path
    with pytest.raises(ConfigError, match=NEWER):
        shown.generate("A new lighthouse", again=False)
    assert len(service.seen("submit")) == 1
    shown.engine.journal.close()
    assert (home / FILE_NAME).read_bytes() == before


def test_tables_that_were_added_do_not_make_a_journal_newer(tmp_path: Path) -> None:
    """The version that earlier kernels look at stays, so that they go on with the same file."""
    journal = Journal(tmp_path)
    journal.add(task())
    journal.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(tasks)")]
    assert version == 3
    assert {"tasks", "owners", "durations", "uploads", "leases"} <= tables
    assert columns == ["intent", "fingerprint", "folder", "created_at", "status", "task_id", "task", "owner"]


def test_what_a_later_version_wrote_survives_a_rewrite(tmp_path: Path) -> None:
    """Keys of a snapshot that this version does not know are kept when it writes the next one."""
    journal = Journal(tmp_path)
    journal.add(task(extra={"stars": 5}))
    entry = journal.find("0" * 32)
    assert entry
    assert entry.task.extra == {"stars": 5}
    lease = journal.acquire(entry, entry.task)
    assert lease
    lease.write(entry.task.evolve(status=Status.RUNNING))
    entry = journal.find("0" * 32)
    assert entry
    assert (entry.task.status, entry.task.extra) == (Status.RUNNING, {"stars": 5})
