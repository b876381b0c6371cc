"""A class at work: PostgreSQL, vendors, a gateway and students' kernels, and what is done to them at random moments."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
import psycopg

from luma_jupyter.gateway.database import Database, DatabaseAway
from luma_jupyter.gateway.identity import Tokens
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.records import Person
from tests.chaos.life import End
from tests.chaos.student import Seat, study
from tests.support import forks
from tests.support.gateway_process import GatewayProcess
from tests.support.misbehaving import (
    BrokenJson,
    DropAfter,
    DropBefore,
    Exchange,
    Fault,
    HtmlPage,
    Kind,
    Late,
    Reset,
    Server,
    Slow,
    Status,
    TooMany,
    Truncated,
    Unknown,
    WrongType,
)
from tests.support.postgres import PostgresServer, programs
from tests.support.processes import free_port
from tests.support.waiting import until

VIDEO_SIZE = 20_000  # bytes
LONGEST_CLIP = 2.0  # seconds that a task takes at its vendor
FROZEN = (0.3, 6.0)  # seconds
AWAY = (0.1, 3.0)  # seconds that PostgreSQL is
SILENT = 7.0  # seconds without a sign of life after which a replica that is alone has ended; workers wait for a minute
PATIENCE = 240.0  # seconds in which all must have ended that was left alone

# What the vendors do instead of an honest answer, and how often.
FAULTS: dict[Kind, tuple[float, Sequence[Fault]]] = {
    "submit": (
        0.12,
        [
            DropAfter(),
            DropBefore(),
            Reset(),
            Status(500),
            Status(503, accepted=True),
            BrokenJson(),
            HtmlPage(status=502),
        ]
        + [Late(1.5), TooMany(0.3), TooMany(1), Status(400)] * 2,
    ),
    "look": (0.15, [Reset(), Status(500), TooMany(0.3), Late(1.0), Unknown(), Truncated(20), BrokenJson()]),
    "video": (0.2, [Reset(), Truncated(9000), Status(500), Slow(4000, 0.1), WrongType()]),
    "thumbnail": (0.2, [Reset(), Status(500)]),
}
BLOWS = {
    "kernel killed": 5,
    "kernel frozen": 2,
    "replica killed": 3,
    "replica frozen": 2,
    "worker killed": 2,
    "worker frozen": 2,
    "PostgreSQL crashed": 1,
}


@dataclass(frozen=True)
class _Counted:
    """A fault that is counted by the kind of request that meets it."""

    fault: Fault
    counts: Counter[Kind]

    async def play(self, exchange: Exchange) -> bool:
        self.counts[exchange.request.kind] += 1
        return await self.fault.play(exchange)


@dataclass
class Kernel:
    """A student's kernels, one after the other; ``ends`` is what the last one has reported."""

    seat: Seat
    process: BaseProcess | None = None
    pipe: Connection | None = None
    ends: list[End] | None = None

    def start(self) -> None:
        """Start a fresh kernel that runs all cells."""
        self.pipe, there = forks.FORKS.Pipe()
        self.process = forks.start(study, there, self.seat)
        there.close()

    def hear(self) -> None:
        """Take its report, and let it end; one that has ended by itself is a mistake of ours."""
        assert self.pipe
        self.ends = self.pipe.recv()
        self.pipe.send("heard")
        self.close()

    def close(self, number: signal.Signals | None = None) -> None:
        """End it, by a signal where it does not by itself."""
        if self.process and self.pipe:
            if number:
                os.kill(self.process.pid or 0, number)
            self.process.join()
            self.process.close()
            self.pipe.close()
            self.process = self.pipe = None


class Lesson:
    """PostgreSQL, both vendors, a gateway and its students, in a folder; all lasts as long as the ``with`` block."""

    def __init__(self, students: int, clips: int, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.vendor = Server(seconds=self._duration, video_size=VIDEO_SIZE)
        program_folder = programs()
        assert program_folder, "no PostgreSQL: install Debian's package postgresql"
        self.postgres = PostgresServer(program_folder, durable=True)
        self.conninfo = self.postgres.conninfo(self.postgres.create())
        prompts = [f"Clip {number}" for number in range(clips)]
        self._shares = {f"student-{number}": prompts[number::students] for number in range(students)}
        self.kernels: list[Kernel] = []
        self.blows: Counter[str] = Counter()
        self.vendor_faults: Counter[Kind] = Counter()
        self._thaws: list[tuple[float, psutil.Process]] = []
        self._back_at: float | None = None

    def __enter__(self) -> Lesson:
        self.vendor.__enter__()
        self.gateway = GatewayProcess(self._config(), self.folder / "log")
        for name, prompts in self._shares.items():
            token = self.run(lambda database, name=name: Tokens(database).make(Person(name, ("films",))))  # type: ignore[misc]
            (self.folder / name).mkdir()
            self.kernels.append(Kernel(Seat(self.folder / name, self.url, token, prompts)))
        return self

    def __exit__(self, *exception: object) -> None:
        for _, process in self._thaws:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        for kernel in self.kernels:
            kernel.close(signal.SIGKILL)
        self.gateway.close()
        self.postgres.close()
        self.vendor.__exit__()

    def _duration(self, task: object) -> float:
        return random.Random(str(task)).uniform(0.1, LONGEST_CLIP)

    def _config(self) -> Path:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        told = {
            **{"database": self.conninfo, "url": self.url, "listen": f"127.0.0.1:{port}", "signing_key": "s" * 32},
            **{"acedata_token": "class-key", "runapi_key": "class-key", "media": (self.folder / "media").as_uri()},
            **dict.fromkeys(("acedata_base_url", "acedata_platform_url", "runapi_base_url"), self.vendor.url),
        }
        numbers = {"acedata_price": 0.4, "runapi_price": 0.5, "replicas": 2, "workers": 2, "per_student": 6}
        config = self.folder / "luma-gateway.toml"
        lines = [*(f'{name} = "{value}"' for name, value in told.items()), *(f"{n} = {v}" for n, v in numbers.items())]
        config.write_text("\n".join(lines))
        return config

    def run(self, use: Callable[[Database], Any]) -> Any:
        """What ``use`` gives on the gateway's database."""

        async def run() -> Any:
            async with Database(self.conninfo, size=1) as database:
                while True:
                    with suppress(DatabaseAway):
                        return await use(database)

        return asyncio.run(run())

    def rows(self) -> list[tuple[Any, ...]]:
        """All rows of the ledger: prompt, state, task, the name of the stored video."""
        with psycopg.connect(self.conninfo) as connection:
            return connection.execute(
                "SELECT body ->> 'prompt', state, task_id, media, owner FROM submissions"
            ).fetchall()

    @property
    def ends(self) -> dict[str, End]:
        """How the clips have ended, by their prompts, as their students see it."""
        return {end.prompt: end for kernel in self.kernels for end in kernel.ends or ()}

    @property
    def paid(self) -> Counter[str]:
        """How many tasks were paid for each prompt."""
        return Counter(task.request["prompt"] for task in self.vendor.tasks)

    def keep(self, place: Path) -> None:
        """Copy what there is to look at: the students' folders, the gateway's log, the ledger's tables."""
        shutil.copytree(self.folder, place, dirs_exist_ok=True)
        with psycopg.connect(self.conninfo) as connection:
            for table in ("submissions", "audit"):
                rows = connection.execute(f"SELECT to_jsonb(t) FROM {table} AS t ORDER BY id")
                (place / f"{table}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for (row,) in rows))

    # What is done to it.

    def misbehave(self) -> None:
        """Have the vendors misbehave from now on."""
        for kind, (share, faults) in FAULTS.items():
            for _ in range(20_000):
                fault = self.chance.choice(faults) if self.chance.random() < share else None
                self.vendor.script(kind, fault and _Counted(fault, self.vendor_faults))

    def live(self, pause: float, most_seconds: float) -> None:
        """Let the students work, and strike something every now and then, until all are done or the time is over."""
        for kernel in self.kernels:
            kernel.start()
        until_then = time.monotonic() + most_seconds
        while (busy := [kernel for kernel in self.kernels if kernel.pipe]) and time.monotonic() < until_then:
            self._listen(busy, self.chance.uniform(0.3, 1.7) * pause)
            self._strike()
            self._mend()

    def _listen(self, busy: Sequence[Kernel], seconds: float) -> None:
        """Hear the kernels that are done within so many seconds."""
        pipes = {kernel.pipe: kernel for kernel in busy if kernel.pipe}
        deadline = time.monotonic() + seconds
        while pipes and (left := deadline - time.monotonic()) > 0:
            for pipe in wait(list(pipes), left):
                pipes.pop(pipe).hear()  # type: ignore[call-overload]

    def _strike(self) -> None:
        """Let one thing happen."""
        (blow,) = self.chance.choices(list(BLOWS), list(BLOWS.values()))
        what, deed = blow.split()
        if what == "PostgreSQL":
            if self._back_at is not None:
                return
            self.postgres.stop(signal.SIGQUIT)
            self._back_at = time.monotonic() + self.chance.uniform(*AWAY)
        elif what == "kernel":
            busy = [kernel for kernel in self.kernels if kernel.process]
            if not busy:
                return
            kernel = self.chance.choice(busy)
            assert kernel.process
            if deed == "killed":
                kernel.close(signal.SIGKILL)
                kernel.start()
            else:
                self._freeze(psutil.Process(kernel.process.pid))
        else:
            children = self.gateway.children(what)
            if not children:
                return
            process = self.chance.choice(children)
            if deed == "killed":
                process.kill()
            else:
                self._freeze(process)
        self.blows[blow] += 1

    def _freeze(self, process: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
            self._thaws.append((time.monotonic() + self.chance.uniform(*FROZEN), process))

    def _mend(self, everything: bool = False) -> None:
        """Thaw what was frozen for long enough, and start PostgreSQL again."""
        now = time.monotonic()
        for at, process in list(self._thaws):
            if everything or at <= now:
                self._thaws.remove((at, process))
                with suppress(psutil.NoSuchProcess):
                    process.resume()
        if self._back_at is not None and (everything or self._back_at <= now):
            self._back_at = None
            self.postgres.start()

    def leave_alone(self) -> None:
        """Let all come to its end: kernels that are left alone run all cells once more; what is paid is saved."""
        self.vendor.behave()
        self._mend(everything=True)
        for kernel in self.kernels:
            if not kernel.process:
                kernel.start()
        deadline = time.monotonic() + PATIENCE
        while busy := [kernel for kernel in self.kernels if kernel.pipe]:
            assert time.monotonic() < deadline, f"{len(busy)} kernels hang"
            self._listen(busy, 1.0)
            self._give_up_silent()
        until(self._is_settled, max(1.0, deadline - time.monotonic()))

    def _give_up_silent(self) -> None:
        """As workers do after a minute: what a killed replica was sending is unconfirmed."""
        self.run(lambda database: Ledger(database).stale_sent(time.time() - SILENT))

    def _is_settled(self) -> bool:
        time.sleep(0.2)
        self._give_up_silent()
        return not [
            row for row in self.rows() if row[1] in ("sent", "accepted") or (row[1] == "completed" and not row[3])
        ]
