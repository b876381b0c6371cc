"""A notebook whose kernels are struck: their processes, the service that they talk to, and what they leave."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import psutil

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.engine.store.serialization import load
from tests.chaos.life import SIGNALS, STORIES, Blow, Deed, Effect, Life, Report, live
from tests.support import forks, misbehaving
from tests.support.misbehaving import Exchange, Kind, Request, Server

SECONDS = 0.15  # that a task takes at the service
SECONDS_IF_STRUCK = 10.0  # likewise, where its kernel is struck meanwhile, which is to end first
LATENCY = 0.04  # seconds until the service answers
VIDEO_SIZE = 100_000  # bytes
KERNEL_TIMEOUT = 60.0  # seconds after which a kernel that is neither struck nor done is a mistake of ours

When = Literal["arrives", "is accepted", "is half answered", "is answered"]
Phase = Literal["before the POST", "in doubt", "running", "saving", "done", "after a doubt"]


@dataclass(frozen=True)
class AtTime:
    """Seconds after a kernel's start."""

    seconds: float

    def __str__(self) -> str:
        return f"after {self.seconds:.3f} s"


@dataclass(frozen=True)
class AtService:
    """When the nth request of a kind is where ``when`` says."""

    kind: Kind
    number: int
    when: When

    def __str__(self) -> str:
        return f"when {self.kind} {self.number} {self.when}"


Moment: TypeAlias = AtTime | AtService | Effect


class _Aim:
    """The moment at the service that is waited for with one kernel, which is struck then; ``process`` is its number."""

    def __init__(self, moment: Moment | None, blow: Blow = "killed") -> None:
        self.process: Future[int] = Future()
        self.struck_at = math.inf  # Unix seconds
        self._moment = moment
        self._blow = blow
        self._counts: Counter[Kind] = Counter()
        self._lock = threading.Lock()
        self._over = False

    def count(self, kind: Kind) -> int:
        """The number of this request among those of its kind."""
        self._counts[kind] += 1
        return self._counts[kind]

    def strikes(self, kind: Kind, number: int, when: When) -> bool:
        """Strike the kernel where this is the moment; says whether that killed it."""
        if self._moment != AtService(kind, number, when):
            return False
        process = self.process.result(KERNEL_TIMEOUT)
        with self._lock:
            if not self._over:
                self.struck_at = time.time()
                os.kill(process, SIGNALS[self._blow])
        return self._blow == "killed"

    def drop(self) -> None:
        """The kernel is about to end otherwise: from here on its number may be another process's."""
        with self._lock:
            self._over = True


class _Stage:
    """The service is honest and a little slow, so that there is time to be killed. A fault for `Server.script`."""

    def __init__(self) -> None:
        self.aim = _Aim(None)

    async def play(self, exchange: Exchange) -> bool:
        aim, kind = self.aim, exchange.request.kind
        number = aim.count(kind)
        if aim.strikes(kind, number, "arrives"):
            return False
        answer = exchange.honest()
        if aim.strikes(kind, number, "is accepted"):
            return False
        await asyncio.sleep(LATENCY)
        half = len(answer.body) // 2
        await exchange.send(answer, [answer.body[:half]], LATENCY / 2)
        if aim.strikes(kind, number, "is half answered"):
            return False
        exchange.writer.write(answer.body[half:])
        await exchange.writer.drain()
        return not aim.strikes(kind, number, "is answered")


class Notebook:
    """A notebook in a folder of its own, and the service that it talks to; both last as long as the ``with`` block."""

    def __init__(self, story: str) -> None:
        self.prompts = STORIES[story]
        self._story = story
        self._stage = _Stage()
        self.server = Server(seconds=self._seconds_of, video_size=VIDEO_SIZE)
        self._temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self.home, self.media = self.folder / "home", self.folder / "luma_videos"

    def __enter__(self) -> Notebook:
        self.server.__enter__()
        for kind in ("submit", "look", "video", "thumbnail"):
            self.server.script(kind, *[self._stage] * 5000)
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.__exit__()
        self._temporary.cleanup()

    def _seconds_of(self, task: misbehaving.Task) -> float:
        return SECONDS if task.created + SECONDS < self._stage.aim.struck_at else SECONDS_IF_STRUCK

    # Kernels.

    def strike(self, blow: Blow, deed: Deed, moment: Moment) -> dict[str, Phase]:
        """Start a kernel and strike it at a moment, or when it is done and idle; the phases of the cells then."""
        if blow == "frozen":
            return self._freeze(deed, moment)
        with self._kernel(deed, moment, blow) as (process, pipe):
            if isinstance(moment, AtTime):
                process.join(moment.seconds)
            elif not wait([process.sentinel, pipe], KERNEL_TIMEOUT):
                raise TimeoutError(f"a kernel hangs: {self._story}, {deed}, {moment}")
            self._stage.aim.drop()
            with suppress(ProcessLookupError):  # struck by now, and gone
                os.kill(process.pid or 0, SIGNALS[blow])
            process.join(KERNEL_TIMEOUT)
            if process.is_alive():  # an interrupt that came before Python could take one is lost
                os.kill(process.pid or 0, SIGNALS[blow])
        self._hear_out()
        return self.phases()

    def _freeze(self, deed: Deed, moment: Moment) -> dict[str, Phase]:
        """Freeze a kernel, let one of another machine do the same to its end, thaw the first, and let it end too."""
        with self._kernel(deed, moment, "frozen", "one") as (process, pipe):
            self._wait_for_ice(process.pid or 0, pipe, moment)
            self._stage.aim.drop()
            phases = self.phases()
            self.leave_alone(deed, "other")
            os.kill(process.pid or 0, signal.SIGCONT)
            if not pipe.poll(KERNEL_TIMEOUT):
                raise TimeoutError(f"a kernel hangs after it was frozen: {self._story}, {deed}, {moment}")
            pipe.recv()
            pipe.send("heard")
        self._hear_out()
        return phases

    def _wait_for_ice(self, number: int, pipe: Connection, moment: Moment) -> None:
        """Until a kernel is frozen. One that holds the journal's lock is thawed for an instant: a lock on a share of a
        network ends with its owner's silence, and one on this machine does not."""
        process = psutil.Process(number)
        if isinstance(moment, AtTime):
            time.sleep(moment.seconds)
            process.suspend()
        while process.status() != psutil.STATUS_STOPPED and not pipe.poll(0.01):
            pass
        process.suspend()
        while self._is_locked():
            process.resume()
            time.sleep(0.003)
            process.suspend()

    def _is_locked(self) -> bool:
        """Whether a kernel is writing to the journal, or opening it."""
        journal = self.home / FILE_NAME
        return any(map(_is_locked, (journal, journal.with_suffix(".lock"))))

    def _hear_out(self) -> None:
        """Wait until the service has read what the dead kernel had sent: it answers requests in their order."""
        with closing(HTTPConnection(urlsplit(self.server.url).netloc, timeout=KERNEL_TIMEOUT)) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()

    def leave_alone(self, deed: Deed, machine: str | None = None) -> Report:
        """Start a kernel and let it come to its end. Raises EOFError where it ends by an exception; stderr has it."""
        with self._kernel(deed, None, machine=machine) as (_, pipe):
            if not pipe.poll(KERNEL_TIMEOUT):
                raise TimeoutError(f"a kernel hangs: {self._story}, {deed}")
            report: Report = pipe.recv()
            pipe.send("heard")
        return report

    @contextmanager
    def _kernel(
        self, deed: Deed, moment: Moment | None, blow: Blow = "killed", machine: str | None = None
    ) -> Iterator[tuple[BaseProcess, Connection]]:
        self._stage.aim = _Aim(moment, blow)
        effect = moment if isinstance(moment, Effect) else None
        life = Life(self.folder, self.server.url, self._story, deed, blow, effect, machine)
        here, there = forks.FORKS.Pipe()
        process = forks.start(live, there, life)
        there.close()
        assert process.pid
        self._stage.aim.process.set_result(process.pid)
        try:
            yield process, here
        except BaseException:
            process.kill()
            raise
        finally:
            process.join()
            process.close()
            here.close()

    # What is there.

    def posts(self, prompt: str | None = None) -> list[Request]:
        """The paid requests that came, of a cell or of all."""
        return [post for post in self.server.seen("submit") if prompt in (None, post.json["prompt"])]

    def tasks(self, prompt: str) -> list[str]:
        """The ids of the tasks that were created, and so paid for, for a cell."""
        return [task.id for task in self.server.tasks if task.request["prompt"] == prompt]

    def was_looked_at(self, task_id: str) -> bool:
        """Whether a kernel asked how this task is; only one that has written its id down does."""
        return any(task_id in look.path or task_id.encode() in look.body for look in self.server.seen("look"))

    def rows(self) -> list[Task]:
        """What the journal says now; read from a copy, so that the next kernel finds it just as it was left."""
        with tempfile.TemporaryDirectory() as folder:
            for path in self.home.glob(f"{FILE_NAME}*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, folder)
            with closing(sqlite3.connect(Path(folder, FILE_NAME))) as journal:
                if not journal.execute("SELECT 1 FROM sqlite_master WHERE name = 'tasks'").fetchone():
                    return []
                return [load(json.loads(text)) for (text,) in journal.execute("SELECT task FROM tasks")]

    def phases(self) -> dict[str, Phase]:
        """How far each cell is, by the journal."""
        begun = {task.request.prompt: task for task in self.rows() if task.sent_at}
        return {prompt: _phase(begun.get(prompt)) for prompt in self.prompts}


def _is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=0.1, isolation_level=None)) as file:
        try:
            file.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        file.execute("ROLLBACK")
    return False


def _phase(task: Task | None) -> Phase:
    if task is None:
        return "before the POST"
    if task.task_id is None:
        return "in doubt"
    if task.video is None:
        return "running"
    return "done" if task.status is Status.COMPLETED else "saving"
