"""The list of tasks is what reading all of the journal and the media folders gives, whoever changes them, and when.

Two kernels share a journal, in which tasks of several folders and days are entered and change; in the folders, people
and programs add, remove, rename, replace, copy and edit sidecars.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handles
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.index import MediaIndex
from luma_jupyter.engine.library.whole_files import replacing
from luma_jupyter.engine.repository import Repository
from luma_jupyter.engine.store.wanted import Wanted
from luma_jupyter.operating_system import is_same_folder
from luma_jupyter.settings import Settings
from tests.engine.library.test_sidecars import a_task
from tests.support.world import EPOCH

pytestmark = pytest.mark.slow

TICK = 0.005  # seconds in which the times of two changes of a folder may be the same
LATER = 1e9  # seconds: so long ago everything was written
DAY = 24 * 3600.0
NAMES = (None, "fox", "mill[0]", "élan")
SAVED = (Status.COMPLETED, Status.COMPLETED, Status.DETACHED)  # what may have a sidecar


def said(tasks: Iterable[Task]) -> list[tuple[Task, str]]:
    """Tasks as they can be compared: two errors that say the same are not equal."""
    return [(task.evolve(error=None) if task.error else task, str(task.error)) for task in tasks]


class Kernel:
    """What a kernel knows."""

    def __init__(self, root: Path) -> None:
        now = Settings(folder=root / "lesson", home=root / "home")
        self.repository = Repository(lambda: now, Handles(), lambda: None, lambda: EPOCH, lambda line: None)
        self.repository.media = MediaIndex(lambda: self.repository.journal.folders, lambda: time.time() + LATER)

    def close(self) -> None:
        self.repository.close()


class Life:
    """Two kernels, the folders, and all that may happen, as chance will have it."""

    def __init__(self, root: Path, chance: Random) -> None:
        self.root = root
        self.chance = chance
        self.kernels = [Kernel(root) for _ in range(2)]
        self.folders = [root / "lesson", root / "other"]
        self.media = [root / "lesson" / "luma_videos", root / "other" / "luma_videos", root / "other"]
        for media in self.media:
            media.mkdir(parents=True, exist_ok=True)
        self.made = 0

    def close(self) -> None:
        for kernel in self.kernels:
            kernel.close()

    @property
    def repository(self) -> Repository:
        """That of one of the kernels."""
        return self.chance.choice(self.kernels).repository

    @property
    def files(self) -> list[Path]:
        return sorted(file for media in self.media for file in media.glob("*.json"))

    def new(self, **changes: object) -> Task:
        """A task that nobody knows yet."""
        self.made += 1
        media = self.chance.choice(self.media)
        known = {
            "created_at": EPOCH + self.chance.randrange(3) * DAY + self.chance.randrange(4),
            "name": self.chance.choice(NAMES),
            "task_id": f"task-{self.made}",
            "folder": self.chance.choice(self.folders),
        }
        intent = f"{self.chance.randrange(16**8):08x}{self.made:024x}"
        return a_task(media, GenerateRequest(prompt=f"Film {self.made}"), intent).evolve(**{**known, **changes})

    def place(self, task: Task, path: Path | None = None) -> None:
        """Write a sidecar, as a kernel or another program does."""
        text = io.BytesIO()
        sidecars.write(text, task, 1)
        path = path or (task.media / task.filename).with_suffix(".json")
        time.sleep(TICK)
        if self.chance.random() < 0.5:
            with replacing(path, self.repository.media.own) as file:
                file.write(text.getvalue())
        else:
            path.with_suffix(".new").write_bytes(text.getvalue())
            path.with_suffix(".new").replace(path)

    # What happens.

    def enter(self) -> None:
        """A task without a file, whose kernel is gone."""
        status = self.chance.choice(list(Status))
        sent = EPOCH if self.chance.random() < 0.5 else None
        self.repository.journal._put(self.new(status=status, sent_at=sent), self.chance.choice([None, "gone|1|1.0"]))

    def save(self) -> None:
        """A task with its sidecar."""
        task = self.new(status=self.chance.choice(SAVED))
        self.repository.journal._put(task, None)
        self.place(task)

    def hand_over(self) -> None:
        """A sidecar that the journal does not know."""
        self.place(self.new())

    def replace(self) -> None:
        """Another file under the same name: a clip's, or nothing usable."""
        if self.files:
            path = self.chance.choice(self.files)
            self.place(self.new(media=path.parent, video=self.chance.choice([None, a_task(path.parent).video])), path)

    def edit(self) -> None:
        """An edit in place, which leaves the folder's time."""
        if self.files:
            path = self.chance.choice(self.files)
            if task := sidecars.read(path):
                text = io.BytesIO()
                sidecars.write(text, task.evolve(cost=self.chance.random()), 1)
                path.write_bytes(text.getvalue())

    def remove(self) -> None:
        if self.files:
            time.sleep(TICK)
            self.chance.choice(self.files).unlink()

    def copy(self) -> None:
        """A copy in this folder or another one, under its name or another one."""
        if self.files:
            time.sleep(TICK)
            path = self.chance.choice(self.files)
            to = self.chance.choice(self.media) / self.chance.choice([path.name, f"a-{path.name}"[-100:], "z.json"])
            if not to.exists():  # else it would be an edit in place
                shutil.copyfile(path, to)

    def end(self) -> None:
        """A kernel ends, and another one takes its place."""
        number = self.chance.randrange(2)
        self.kernels[number].close()
        self.kernels[number] = Kernel(self.root)

    # What is seen of it.

    def look(self) -> None:
        """All of a folder, or of all; all of a day, or of all days; and the few of a look-up."""
        repository = self.repository
        folder = self.chance.choice([None, *self.folders, self.media[1]])
        since, until = self.chance.choice([(0.0, 1e12), (EPOCH + DAY, EPOCH + 2 * DAY)])
        expected = self.by_reading(repository, folder, since, until)
        past = repository.history(Wanted(since, until), folder=folder)
        assert len(past) == len(expected)
        assert said(past) == said(expected)
        assert said(reversed(past)) == said(expected[::-1])
        assert past.counts == Counter(task.status for task in expected)
        start, stop, step = (self.chance.choice([None, -3, 0, 2, 5]) for _ in range(3))
        assert said(past[start : stop : step or None]) == said(expected[start : stop : step or None])
        for place, task in enumerate(expected):
            assert said([past[place]]) == said([task])
            assert past.place(task.intent) == place
        self.look_up(repository, folder, expected, since, until)

    def look_up(
        self, repository: Repository, folder: Path | None, expected: list[Task], since: float, until: float
    ) -> None:
        one = self.chance.choice([*expected, self.new()])
        few = {
            "key": ([one.key], lambda task: task.key == one.key),
            "intent": ([one.intent], lambda task: task.intent == one.intent),
            "name": (["fox", "élan"], lambda task: task.name in ("fox", "élan")),
            "task_id": ([one.task_id or "", "gone"], lambda task: task.task_id == one.task_id),
        }
        for by, (values, is_wanted) in few.items():
            wanted = Wanted(since, until, by, values)  # type: ignore[arg-type]
            assert said(repository.history(wanted, folder=folder)) == said(filter(is_wanted, expected)), by
        usable = frozenset(Status) - {Status.FAILED, Status.CANCELLED, Status.UNCONFIRMED}
        here = [task for task in self.by_reading(repository, self.folders[0], 0.0, 1e12) if task.status in usable]
        count = self.chance.choice([1, 3, 100])
        assert said(repository.newest(count, usable)) == said(here[-count:])

    def by_reading(self, repository: Repository, folder: Path | None, since: float, until: float) -> list[Task]:
        """Each row and each file is read."""
        lesson = self.folders[0]
        here = folder or lesson
        entries = repository.journal.entries(folder=folder, since=since, until=until)
        tasks = {entry.task.intent: repository.recovered(entry).task for entry in entries}
        for media in [self.media[0]] if is_same_folder(here, lesson) else [here / "luma_videos", here]:
            for path in sorted(media.glob("*.json"), key=lambda path: path.name):
                task = sidecars.read(path)
                if task and since <= task.created_at < until:
                    tasks.setdefault(task.intent, task.evolve(folder=here))
        return sorted(tasks.values(), key=lambda task: (task.created_at, task.intent))


ACTIONS = ("enter", "enter", "save", "save", "hand_over", "replace", "edit", "remove", "copy", "end", *("look",) * 4)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**9))
def test_list_has_what_reading_everything_finds(seed: int) -> None:
    """Whatever happens, what is listed and what is looked up is what reading each row and each file gives."""
    chance = Random(seed)
    with tempfile.TemporaryDirectory() as root, closing(Life(Path(root), chance)) as life:
        for _ in range(50):
            getattr(life, chance.choice(ACTIONS))()
        life.look()
