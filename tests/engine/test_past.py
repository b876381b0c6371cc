"""Tasks as a sequence: what is known without reading them, and what is listed where the journal is not usable."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.note import NO_NOTE
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.past import Past
from luma_jupyter.engine.store.journal import MIGRATIONS, Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.engine.store.wanted import Wanted
from luma_jupyter.errors import ConfigError
from tests.engine.kernels import Kernels, ask
from tests.engine.library.test_sidecars import a_task, placed
from tests.engine.store.journals import plain
from tests.support import settings
from tests.support.world import World


@pytest.fixture
def handed(media: Path) -> list[Task]:
    """A folder that somebody handed over."""
    media.mkdir()
    requests = [GenerateRequest(prompt=f"Film {number}") for number in range(5)]
    return [
        placed(a_task(media, request, f"{number:08x}{'f' * 24}", name=f"film_{number}", task_id=f"task-{number}"))
        for number, request in enumerate(requests)
    ]


def intents(past: Past) -> list[str]:
    return [task.intent for task in past]


@pytest.fixture
def newer(tmp_path: Path) -> None:
    """A journal that a newer version wrote, with one task in it."""
    home = settings.current().home_folder
    with closing(Journal(home)) as journal:
        journal.add(a_task(tmp_path, intent="1" * 32).evolve(folder=settings.current().folder, created_at=1.0))
    with closing(plain(home / FILE_NAME)) as file:
        for index in ("tasks_by_folder", "tasks_by_name", "sidecars_by_date"):
            file.execute(f"DROP INDEX {index}")
        for table in ("texts", "notes", "charges"):
            file.execute(f"DROP TABLE {table}")
        file.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


@pytest.mark.usefixtures("newer")
async def test_folder_is_read_where_a_newer_version_keeps_the_journal(world: World, handed: list[Task]) -> None:
    """What it has and what the folder has are listed together, and each is found as ever."""
    repository = world.engine.repository
    assert intents(repository.history()) == ["1" * 32, *(task.intent for task in handed)]
    assert intents(repository.history(Wanted(by="key", values=["00000002"]))) == [handed[2].intent]
    assert intents(repository.history(Wanted(by="name", values=["film_1", "film_3"]))) == [
        handed[1].intent,
        handed[3].intent,
    ]
    assert intents(repository.history(Wanted(by="task_id", values=["task-4"]))) == [handed[4].intent]
    assert [task.intent for task in repository.newest(2, [Status.COMPLETED])] == [task.intent for task in handed[-2:]]
    assert not repository.history(Wanted(since=1e11))
    assert intents(repository.history(Wanted(search="fox", action="generate")))[0] == "1" * 32
    assert not repository.history(Wanted(search="dog"))
    assert repository.notes.of(handed[0]) == NO_NOTE
    assert str(repository.history().total) == "~$2.10"


def test_list_needs_a_journal_that_can_be_read(world: World, handed: list[Task], tmp_path: Path) -> None:
    """Without one it is told; the videos of a folder are listed all the same."""
    (tmp_path / "in the way").write_text("")
    settings.configure(home=tmp_path / "in the way")
    repository = world.engine.repository
    with pytest.raises(ConfigError, match="LUMA_JUPYTER_HOME"):
        repository.history()
    assert repository.last_sizes() == []
    assert intents(repository.saved(handed[0].media)) == [task.intent for task in handed]
    assert [task.path for task in repository.saved(handed[0].media)] == [task.path for task in handed]
    (handed[0].media / "other.mp4").write_bytes((handed[0].media / handed[0].filename).read_bytes())
    assert repository.plain_videos(handed[0].media) == [handed[0].media / "other.mp4"]


async def test_counts_read_only_what_is_unfinished(
    world: World, kernels: Kernels, handed: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many there are of each status is known without reading those that have come to their end."""
    other = kernels.start()
    await other.end(ask(other, "A fox"))
    running = ask(other, "A mill")
    await other.until(running, Status.RUNNING)
    past = world.engine.repository.history()
    read: list[str] = []
    find_all = Journal.find_all
    monkeypatch.setattr(Journal, "find_all", lambda journal, some: read.extend(some) or find_all(journal, some))
    monkeypatch.setattr(sidecars, "read", None)
    assert past.counts == Counter({Status.COMPLETED: 6, Status.RUNNING: 1})
    assert [task.intent for task in past.unfinished] == [running.task.intent]
    assert set(read) == {running.task.intent}
    assert len(past.of(Status.COMPLETED)) == 6
    await other.end(running)
    assert past.counts == Counter({Status.COMPLETED: 7})


async def test_row_that_cannot_be_read_is_left_out(world: World) -> None:
    """It counts until somebody looks at it; the others are shown."""
    journal = world.engine.journal
    for number in range(3):
        journal.add(a_task(Path("/films"), intent=f"{number:032x}").evolve(folder=settings.current().folder))
    journal._file.execute("UPDATE tasks SET task = '{' WHERE intent = ?", f"{1:032x}")
    past = world.engine.repository.history()
    assert len(past) == 3
    assert intents(past) == [f"{number:032x}" for number in (0, 2)]
    assert (len(past), past.place(f"{1:032x}"), past.place(f"{2:032x}")) == (2, None, 1)


async def test_row_is_read_from_its_file(world: World, handed: list[Task]) -> None:
    """An edit in place is seen by whoever looks at the clip: the index says only that it is there."""
    past = world.engine.repository.history()
    path = (handed[0].media / handed[0].filename).with_suffix(".json")
    with path.open("wb") as file:
        sidecars.write(file, handed[0].evolve(cost=0.5), 4)
    assert past[0].cost == 0.5


async def test_last_video_sizes_are_those_of_this_folder(world: World, tmp_path: Path) -> None:
    """The newest few that were saved."""
    here = settings.current().folder

    def enter(number: int, **changes: Any) -> None:
        task = a_task(tmp_path, intent=f"{number:032x}").evolve(folder=here, created_at=float(number))
        task = task.evolve(path=tmp_path / task.filename, file_size=number, **changes)
        world.engine.journal.add(task).write(task)

    for number in range(1, 9):
        enter(number)
    enter(10, folder=tmp_path / "elsewhere")
    enter(11, status=Status.FAILED)
    assert sorted(world.engine.repository.last_sizes()) == [4, 5, 6, 7, 8]


async def test_past_is_narrowed_and_begun_with_other_tasks(world: World, handed: list[Task]) -> None:
    """What is wanted of it keeps its order; tasks that come before it are read as those in it, once they are known."""
    past = world.engine.repository.saved(handed[0].media)[::-1]
    assert [task.request.prompt for task in past.wanted(Wanted(search="film 3"))] == ["Film 3"]
    assert intents(past[2:].wanted(Wanted(search="film"))) == intents(past[2:])
    assert intents(world.engine.repository.history()[::-1].wanted(Wanted(search="film"))) == intents(past)
    first = past[0]
    assert past[1:].after([first]).intents == past.intents
    assert past.of(Status.FAILED, {first.intent}).intents == (first.intent,)
