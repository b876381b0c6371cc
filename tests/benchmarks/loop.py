"""How late the engine's loop is while it follows a hundred tasks, and something large or slow happens beside that.

Each run is a process of its own (``python -m tests.benchmarks.loop``). A probe on the engine's own loop asks to be
woken every 5 ms and notes by how much it comes later: so long do all polls, answers, cards and stops wait. Other work
on the machine makes every loop late: a bare one in another process is measured at the same time, and of each delay it
is noted for how long the loop's thread only waited for a core (Linux tells), and how long this process was computing,
on whichever thread.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.environment import environment
from tests.benchmarks.report import Report, say
from tests.support.films import film
from tests.support.misbehaving import Server
from tests.support.waiting import until

TASKS = 100
LARGE = 200_000_000  # bytes; the largest source that is taken
BUSY = 5.0  # seconds that somebody else writes to the journal
PERIOD = 0.005  # seconds
MOST_LATE = 50.0  # milliseconds


def run(report: Report) -> None:
    """Follow the tasks, and measure how late the loop is in each part."""
    say(f"loop: {TASKS} tasks in one kernel, about a minute")
    source = random.Random(7)
    with Server(seconds=lambda task: source.uniform(5, 40), video_size=1_000_000) as server, _folder() as folder:
        Path(folder, "large.mp4").write_bytes(film(content=LARGE - 500))
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.loop"],
            env=environment(server.url, folder),
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
            check=True,
        )
    rows = json.loads(done.stdout)
    report.table("How late the engine's loop is", rows)
    for row in rows:
        report.check(f"loop late by our own doing while {row['while']}", row["with a core (ms)"], MOST_LATE, "ms")


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


@dataclass(frozen=True)
class Delay:
    """By how much a loop woke somebody too late, in seconds.

    ``computing``: how much of it its process was computing; ``waiting``: how much of it its thread waited for a core.
    """

    at: float
    late: float
    computing: float
    waiting: float


class Probe:
    """Notes how late its loop wakes it."""

    def __init__(self) -> None:
        self.delays: list[Delay] = []

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            due, computed, waited = time.monotonic() + PERIOD, time.process_time(), waited_for_core()
            await asyncio.sleep(PERIOD)
            late = time.monotonic() - due
            computing, waiting = time.process_time() - computed, waited_for_core() - waited
            self.delays.append(Delay(due, late, min(late, computing), min(late, waiting)))


def waited_for_core() -> float:
    """For how many seconds this thread could have run and had no core; always 0 where the system does not tell."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


class BareLoop:
    """A process that does nothing but measure its own loop, while the ``with`` block lasts."""

    def __enter__(self) -> BareLoop:
        words = [sys.executable, "-m", "tests.benchmarks.loop", "bare"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *exception: object) -> None:
        noted, _ = self._process.communicate()
        self.delays = [Delay(*delay) for delay in json.loads(noted)]


def run_bare() -> None:
    """Measure a bare loop until nobody writes to this process any more."""
    probe = Probe()
    threading.Thread(target=lambda: asyncio.run(probe.run()), daemon=True).start()
    sys.stdin.read()
    print(json.dumps([astuple(delay) for delay in list(probe.delays)]), flush=True)


def row(what: str, part: tuple[float, float], ours: list[Delay], bare: list[Delay]) -> dict[str, Any]:
    """The delays in a part of the time, in milliseconds."""
    within = [delay for delay in ours if part[0] <= delay.at < part[1]]
    late = sorted(1e3 * delay.late for delay in within)
    return {
        "while": what,
        "median (ms)": late[len(late) // 2],
        "p99 (ms)": late[int(0.99 * len(late))],
        "worst (ms)": late[-1],
        "with a core (ms)": max(1e3 * (delay.late - delay.waiting) for delay in within),
        "computing (ms)": max(1e3 * delay.computing for delay in within),
        "a bare loop, worst (ms)": max(1e3 * delay.late for delay in bare if part[0] <= delay.at < part[1]),
    }


def main() -> None:
    """Follow the tasks in this process, and print the rows."""
    from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, Request
    from luma_jupyter.engine.engine import Engine
    from luma_jupyter.engine.handle import Handle
    from luma_jupyter.engine.local_files import as_video
    from luma_jupyter.engine.store.probe import FILE_NAME
    from luma_jupyter.engine.task_spec import TaskSpec
    from luma_jupyter.settings import Configuration

    if "bare" in sys.argv:
        run_bare()
        return
    probe, parts = Probe(), dict[str, tuple[float, float]]()
    engine = Engine(Configuration().current)

    def submit(request: Request) -> Handle:
        return engine.submit(engine.plan(TaskSpec(request=request, again=True)))

    def end_part(what: str) -> None:
        nonlocal begun
        parts[what] = begun, time.monotonic()
        begun = time.monotonic()

    large = as_video("large.mp4")
    submit(GenerateRequest(prompt="the first one loads what is loaded once"))
    handles = [submit(GenerateRequest(prompt=str(number))) for number in range(TASKS)]
    until(lambda: all(handle.task.task_id for handle in handles), 60)
    with BareLoop() as bare:
        time.sleep(1)
        probing = engine.loop_thread.submit(probe.run())
        begun = time.monotonic()
        time.sleep(BUSY)
        end_part(f"{TASKS} tasks are followed")
        upload = submit(ModifyRequest(prompt="large", source=large))
        until(lambda: upload.task.task_id, 120)
        end_part(f"{LARGE / 1e6:.0f} MB are hashed and uploaded, too")
        with closing(sqlite3.connect(Configuration().current().home_folder / FILE_NAME, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(BUSY)
            other.execute("ROLLBACK")
        time.sleep(1)
        end_part(f"somebody else writes to the journal for {BUSY:g} s")
        probing.cancel()
    engine.close()
    print(json.dumps([row(what, part, probe.delays, bare.delays) for what, part in parts.items()]), flush=True)


if __name__ == "__main__":
    main()
