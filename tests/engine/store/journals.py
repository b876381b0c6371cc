"""Journals with tasks in them, as this kernel, another one and any program see them; and many kernels at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import textwrap
import threading
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from io import StringIO
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.requests import ExtendRequest, VideoRef
from luma_jupyter.domain.task import Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store import database
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import ClipDetached
from tests.support import forks
from tests.support.tasks import EPOCH, a_task

Python = Callable[..., subprocess.CompletedProcess[str]]


ALIVE = "elsewhere|1|1.0"  # other kernels, on another machine: their beats tell whether they live


OTHER = "elsewhere|2|1.0"


POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these modes nor forks")


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


def another(home: Path, owner: str | None = None, notify: Callable[[str], None] = lambda line: None) -> Journal:
    """Another kernel's journal in the same folder."""
    return Journal(home, clock=lambda: EPOCH, owner=owner, notify=notify)


def found_busy(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What is set once somebody finds a journal busy, and waits for it."""
    found = threading.Event()

    def jitter() -> float:
        found.set()
        return 0.0

    monkeypatch.setattr(database, "jitter", jitter)
    return found


def plain(path: Path) -> sqlite3.Connection:
    """The file as any other program opens it."""
    return sqlite3.connect(path, isolation_level=None)


def look(path: Path, words: str) -> list[Any]:
    with closing(plain(path)) as connection:
        return connection.execute(words).fetchall()


WORKERS = 8


def together(home: Path, script: str, workers: int = WORKERS, before: str = "") -> list[str]:
    """What so many kernels print that do the same, each with a number of its own, from the same moment on."""
    moment = forks.FORKS.Barrier(workers)
    kernels = [forks.Call(_work, home, number, before, script, moment) for number in range(workers)]
    try:
        return [_said(kernel) for kernel in kernels]
    finally:
        for kernel in kernels:
            kernel.close()


def _work(home: Path, number: int, before: str, script: str, moment: Barrier) -> str:
    told: list[str] = []
    journal = Journal(home, notify=told.append)
    names = globals() | {"home": home, "number": number, "told": told, "journal": journal}
    exec(before, names)
    moment.wait(60)
    with redirect_stdout(StringIO()) as said:
        exec(textwrap.dedent(script), names)
    return said.getvalue().strip()


def _said(kernel: forks.Call) -> str:
    try:
        return str(kernel.result())
    except EOFError:  # it was killed
        return ""


def filled(path: Path, entries: int = 60) -> None:
    """A journal with some entries, closed."""
    journal = another(path.parent)
    for number in range(entries):
        journal.add(a_task(number))
    journal.close()
