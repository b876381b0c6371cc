"""The index of the media folder finds what reading every file would, whoever changes the folder, when and how.

Two kernels share a journal and a folder, in which people and programs add, remove, rename, replace and edit files; each
kernel may end at any moment, also within a write. Time is played, and as coarse as that of some disk.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.index import MediaIndex
from luma_jupyter.engine.library.whole_files import replacing
from luma_jupyter.engine.store.folders import FolderTable
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.task_spec import TaskSpec
from tests.engine.library.test_sidecars import a_task

pytestmark = pytest.mark.slow

TICK = 0.005  # seconds in which the real times of two changes may be the same, which here they must not be
PROMPTS = ("A red fox", "A red fox runs far away", "Élan", "Mill")
SPECS = [TaskSpec(request=GenerateRequest(prompt=prompt, take=take)) for prompt in PROMPTS for take in (1, 2)]


class Killed(BaseException):
    """The kernel ended."""


class Mortal:
    """A database that is left in the middle, with the kernel, when it has executed so many statements more."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.left: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def execute(self, sql: str, *values: object) -> Any:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed
        return self._file.execute(sql, *values)


class Times:
    """The times of files on a disk that knows them to so many seconds, by a clock that tests put forward and back."""

    def __init__(self, coarse: float) -> None:
        self.coarse = coarse
        self.now = 1.8e9
        self._known: dict[tuple[int, int], float] = {}

    def stat(self, path: Path) -> Any:
        """What `os.stat` says; a time that is seen for the first time is now."""
        real = os.stat(path)
        changed = self._known.setdefault((real.st_ino, real.st_ctime_ns), self.now // self.coarse * self.coarse)
        written = self._known.setdefault((real.st_ino, real.st_mtime_ns), self.now // self.coarse * self.coarse)
        return SimpleNamespace(
            st_ino=real.st_ino,
            st_size=0 if path.is_dir() else real.st_size,
            st_mtime=written,
            st_mtime_ns=int(written * 1e9),
            st_ctime=changed,
            st_ctime_ns=int(changed * 1e9),
        )


class Kernel:
    """What a kernel has of the folder."""

    def __init__(self, home: Path, times: Times) -> None:
        self.journal = Journal(home)
        self.file = Mortal(self.journal._file)
        self.index = MediaIndex(lambda: FolderTable(self.file), lambda: times.now, times.stat)  # type: ignore[arg-type]


class Folder:
    """A folder, its two kernels, and all that may happen, as chance will have it."""

    def __init__(self, root: Path, chance: Random) -> None:
        self.root = root
        self.chance = chance
        self.folder = root / "films"
        self.folder.mkdir()
        self.times = Times(chance.choice([0.004, 1.0, 2.0]))
        self.kernels = [Kernel(root / "home", self.times) for _ in range(2)]
        self.edited = [False, False]  # in place, since each kernel began
        self.made = 0
        for _ in range(4):
            self.add()

    def close(self) -> None:
        for kernel in self.kernels:
            kernel.journal.close()

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"))

    def one(self) -> Path:
        """Any of the files."""
        return self.chance.choice(self.files or [self.add()])

    def content(self, spec: TaskSpec | None = None) -> tuple[str, bytes]:
        """The name and the text of a new sidecar."""
        self.made += 1
        task = a_task(self.folder, (spec or self.chance.choice(SPECS)).request, intent=f"{self.made:032x}")
        text = io.BytesIO()
        sidecars.write(text, task, 1)
        return f"{Path(task.filename).stem[:-8]}{self.made:08x}.json", text.getvalue()

    @contextmanager
    def change(self) -> Iterator[None]:
        """A change, some moments after the last one."""
        self.times.now += 0.01
        time.sleep(TICK)
        yield
        for path in (self.folder, *self.folder.iterdir()):
            self.times.stat(path)

    # What people and programs do.

    def add(self) -> Path:
        """A copy, maybe with the times of its original."""
        name, text = self.content()
        path = self.folder / name
        with self.change():
            path.write_bytes(text)
            self.set_back(path)
        return path

    def set_back(self, path: Path) -> None:
        if self.chance.random() < 0.3:
            os.utime(path, (1e9, 1e9))

    def remove(self) -> None:
        with self.change():
            self.one().unlink()

    def rename(self) -> None:
        path = self.one()
        names = [unicodedata.normalize("NFD", path.name), f"{path.stem.upper()}.json", f"x{path.name}"[-200:], "x.txt"]
        with self.change():
            path.replace(self.folder / self.chance.choice(names))

    def replace(self) -> None:
        """Another file of the same name, as sync tools and editors put it."""
        part = self.root / "part"
        part.write_bytes(self.content()[1])
        self.set_back(part)
        with self.change():
            part.replace(self.one())

    def edit(self) -> None:
        """An edit in place, which leaves the folder's time: a clip of the same words, or what is no sidecar."""
        path, spec = self.one(), self.chance.choice(SPECS)
        if unicodedata.normalize("NFC", path.name).startswith(sidecars.beginnings(spec.request.prompt)):
            text = self.chance.choice([self.content(spec)[1], b"{"])
            with self.change():
                path.write_bytes(text)
            self.edited = [True, True]

    def wait(self) -> None:
        self.times.now += self.chance.choice([0.5, 1.5, 2.5, 2.5])

    def jump(self) -> None:
        """The clock is put right, or wrong; never to the very second at which a file was changed before."""
        self.times.now += self.chance.choice([-1, 1]) * self.chance.uniform(1000, 5000)

    # What kernels do.

    def save(self) -> None:
        """A kernel saves a clip; it may end meanwhile."""
        number, (name, text) = self.chance.randrange(2), self.content()
        dies = self.chance.choice(["", "", "", "before", "half-way"])
        own = self.kernels[number].index.own
        with self.change(), suppress(Killed), replacing(self.folder / name, own) as file:
            if self.chance.random() < 0.3:
                self.chance.choice([self.add, self.remove, self.look_up])()
            time.sleep(TICK)
            if dies == "before":
                raise Killed
            file.write(text)
        if dies:
            self.end(number)

    def end(self, number: int | None = None) -> None:
        """A kernel ends, and another one takes its place."""
        number = self.chance.randrange(2) if number is None else number
        self.kernels[number].journal.close()
        self.kernels[number] = Kernel(self.root / "home", self.times)
        self.edited[number] = False

    def die(self) -> None:
        """A kernel is killed while it looks for something."""
        number = self.chance.randrange(2)
        self.kernels[number].file.left = self.chance.randrange(20)
        with suppress(Killed):
            self.kernels[number].index.find_equal(self.folder, [self.chance.choice(SPECS)])
        self.end(number)

    def look_up(self) -> None:
        """What is found is what reading all files finds."""
        number, wanted = self.chance.randrange(2), self.chance.sample(SPECS, 3)
        found = self.kernels[number].index.find_equal(self.folder, wanted)
        there = [task for path in self.files if (task := sidecars.read(path))]
        for spec, tasks in zip(wanted, found, strict=True):
            by_index = {task.intent for task in tasks}
            by_reading = {task.intent for task in there if sidecars.answers(task, spec.fingerprint, spec.request)}
            assert by_index <= by_reading
            assert by_index or not by_reading, "it would be paid for again"
            assert self.edited[number] or by_index == by_reading


ACTIONS = ("add", "remove", "rename", "replace", "edit", "wait", "jump", "save", "end", "die", *("look_up",) * 6)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_index_finds_what_reading_all_files_finds(seed: int) -> None:
    """Whatever happens, no look-up misses a clip that is there, or finds one that is not."""
    chance = Random(seed)
    with tempfile.TemporaryDirectory() as root, closing(Folder(Path(root), chance)) as folder:
        for _ in range(60):
            getattr(folder, chance.choice(ACTIONS))()
