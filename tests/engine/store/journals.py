"""Journals with tasks in them, as this kernel, another one and any program see them; and many kernels at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.requests import ExtendRequest, VideoRef
from luma_jupyter.domain.task import Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import ClipDetached
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


def plain(path: Path) -> sqlite3.Connection:
    """The file as any other program opens it."""
    return sqlite3.connect(path, isolation_level=None)


def look(path: Path, words: str) -> list[Any]:
    with closing(plain(path)) as connection:
        return connection.execute(words).fetchall()


PROJECT = str(Path(__file__).parents[3])  # so that others find `tests`


WORKERS = 8


WORK = """
import sys
from pathlib import Path
from tests.support.tasks import a_task
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.domain.vocabulary import Status
number = int(sys.argv[2])
told = []
journal = Journal(Path(sys.argv[1]), notify=told.append)
{before}
print("ready", flush=True)
sys.stdin.readline()
"""


def together(home: Path, script: str, workers: int = WORKERS, before: str = "") -> list[str]:
    """What so many kernels print that do the same, each with a number of its own, from the same moment on."""
    environ = {**os.environ, "PYTHONPATH": PROJECT}
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


def filled(path: Path, entries: int = 60) -> None:
    """A journal with some entries, closed."""
    journal = another(path.parent)
    for number in range(entries):
        journal.add(a_task(number))
    journal.close()
