"""The engine's loop is never blocked: all that waits for a disk or for the journal is done in other threads."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.local_files import as_video
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.database import Database
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from tests.support import settings
from tests.support.fake_service import FakeService
from tests.support.films import film
from tests.support.waiting import until
from tests.support.world import submit

FOX = GenerateRequest(prompt="A red fox")
FILES = ("open", "os.rename", "os.remove", "os.mkdir", "os.scandir", "os.listdir", "shutil.copyfile")


@pytest.fixture
def engine(keys: None, loop_thread: LoopThread, providers: ProviderPool) -> Engine:
    """An engine with a thread of its own, whose seconds take a few milliseconds."""
    return Engine(settings.current, loop_thread, providers, jitter=lambda: 0.0)


class Watch:
    """Notes what is done to files and to the journal on a thread, while it is on."""

    thread: threading.Thread | None = None
    done: list[str]

    def hear(self, event: str, details: tuple[Any, ...]) -> None:
        """An audit event of Python's; modules that are loaded are none of ours."""
        if (
            event in FILES
            and threading.current_thread() is self.thread
            and not str(details[0]).endswith((".py", ".pyc"))
        ):
            self.done.append(f"{event} {details[0]}")

    @contextmanager
    def on(self, thread: threading.Thread) -> Iterator[list[str]]:
        self.thread, self.done = thread, []
        yield self.done
        self.thread = None


WATCH = Watch()


@pytest.fixture(scope="module", autouse=True)
def audit() -> None:
    """Hooks for audit events stay as long as their process, so there is one."""
    sys.addaudithook(WATCH.hear)


async def own_thread() -> threading.Thread:
    """The thread that runs this."""
    return threading.current_thread()


@pytest.fixture
def watched(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is done to files, journal and large contents on the engine's loop."""

    def watch(kind: type, name: str) -> None:
        call = getattr(kind, name)

        def watched(*args: Any, **options: Any) -> Any:
            if threading.current_thread() is WATCH.thread:
                WATCH.done.append(name)
            return call(*args, **options)

        monkeypatch.setattr(kind, name, watched)

    submit(engine, GenerateRequest(prompt="what is loaded once")).done.result(10)
    watch(Database, "execute")
    watch(LocalFile, "read")
    with WATCH.on(engine.loop_thread.submit(own_thread()).result(10)) as done:
        yield done


@pytest.fixture
def large(tmp_path: Path) -> LocalFile:
    """A video of the user's own."""
    path = tmp_path / "large.mp4"
    path.write_bytes(film(content=5000))
    return as_video(path)


def test_life_of_a_task_touches_no_file_on_the_loop(engine: Engine, watched: list[str], large: LocalFile) -> None:
    """From the upload of a source to the saved video, its thumbnail and its sidecar."""
    requests = [FOX, ModifyRequest(prompt="A blue fox", source=large)]
    ended = [submit(engine, request).done.result(10) for request in requests]
    assert [task.status for task in ended] == [Status.COMPLETED, Status.COMPLETED]
    saved = [sorted(file.suffix for file in task.path.parent.glob(f"*{task.key}.*")) for task in ended if task.path]
    assert saved == [[".jpg", ".json", ".mp4"], [".json", ".mp4"]]
    assert watched == []


def test_kernel_that_watches_another_touches_no_file_on_the_loop(
    engine: Engine,
    watched: list[str],
    loop_thread: LoopThread,
    providers: ProviderPool,
    service: FakeService,
    tmp_path: Path,
) -> None:
    """What another kernel does is read in the journal, and its video copied, beside the loop."""
    service.seconds = 1e9
    other = Engine(settings.current, engine.loop_thread, providers)
    home = settings.current().home_folder
    other.repository.journals[home] = Journal(home, owner="elsewhere|1|1.0")
    followed = submit(other, FOX, timeout=1e9)
    until(lambda: followed.task.status is Status.RUNNING)
    settings.configure(media=str(tmp_path / "copies"))
    seen = submit(engine, FOX)
    service.seconds = 1.0
    task = seen.done.result(20)
    assert (task.intent, task.status, task.path and task.path.parent.name) == (
        followed.task.intent,
        "completed",
        "copies",
    )
    assert watched == []


def test_busy_journal_holds_up_only_who_writes_to_it(engine: Engine, service: FakeService) -> None:
    """While somebody else writes to the journal for long, other tasks are looked for, and nothing is lost."""
    service.seconds = 1e9
    stopped, followed = (submit(engine, FOX, timeout=1e9, again=True) for _ in range(2))
    until(lambda: stopped.task.status is followed.task.status is Status.RUNNING)
    with closing(sqlite3.connect(settings.current().home_folder / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        stopped.stop()
        polls = len(service.seen("look"))
        until(lambda: len(service.seen("look")) > polls + 5)
        assert not stopped.done.done()
        other.execute("ROLLBACK")
    assert stopped.done.result(10).status is Status.DETACHED
    followed.stop()
    assert followed.done.result(10).status is Status.DETACHED


def hold(monkeypatch: pytest.MonkeyPatch, status: Status) -> tuple[threading.Event, Callable[[], None]]:
    """Let the journal take long to write down a status; what is set when it begins, and what lets it end."""
    begun, go_on = threading.Event(), threading.Event()
    write = Journal.write

    def slowly(journal: Journal, task: Task, lease: int) -> None:
        if task.status is status:
            begun.set()
            assert go_on.wait(10)
        write(journal, task, lease)

    monkeypatch.setattr(Journal, "write", slowly)
    return begun, go_on.set


def test_stop_while_the_answer_is_written_down_forgets_no_task(
    engine: Engine, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service has accepted it: it ends as what may still run and be billed, and not as never accepted."""
    service.seconds = 1e9
    begun, go_on = hold(monkeypatch, Status.RUNNING)
    handle = submit(engine, FOX, timeout=1e9)
    assert begun.wait(10)
    handle.stop()
    engine.loop_thread.call_and_wait(lambda: None, 5)  # the loop has heard of it
    go_on()
    ended = handle.done.result(10)
    assert (ended.status, ended.task_id) == (Status.DETACHED, service.tasks[0])
    entry = engine.journal.find(ended.intent)
    assert entry
    assert (entry.task.status, entry.task.task_id) == (Status.DETACHED, service.tasks[0])


def test_nothing_is_sent_before_it_is_written_down(
    engine: Engine, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the journal takes, the body of a paid request waits for it."""
    begun, go_on = hold(monkeypatch, Status.SUBMITTING)
    handle = submit(engine, FOX)
    assert begun.wait(10)
    engine.loop_thread.call_and_wait(lambda: None, 5)
    assert service.seen("submit") == []
    go_on()
    assert handle.done.result(10).status is Status.COMPLETED
    assert len(service.seen("submit")) == 1


def test_stop_while_it_is_written_down_that_it_is_submitted_sends_nothing(
    engine: Engine, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop does not interrupt the journal's write; the request that would follow it does not leave."""
    begun, go_on = hold(monkeypatch, Status.SUBMITTING)
    handle = submit(engine, FOX)
    assert begun.wait(10)
    handle.stop()
    engine.loop_thread.call_and_wait(lambda: None, 5)
    go_on()
    assert handle.done.result(10).status is Status.CANCELLED
    assert service.seen("submit") == []


def test_stop_while_the_end_is_written_down_changes_nothing(
    engine: Engine, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video that is saved stays completed."""
    begun, go_on = hold(monkeypatch, Status.COMPLETED)
    handle = submit(engine, FOX)
    assert begun.wait(10)
    handle.stop()
    engine.loop_thread.call_and_wait(lambda: None, 5)
    go_on()
    assert handle.done.result(10).status is Status.COMPLETED
