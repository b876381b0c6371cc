"""How late the engine's loop is while it follows a hundred tasks, and something large or slow happens beside that.

Each run is a process of its own (``python -m tests.benchmarks.loop``). A probe on the engine's own loop asks to be
woken every 5 ms and notes by how much it comes later: so long do all polls, answers, cards and stops wait. A loop on
which nothing happens is measured first: other work on the machine makes that one late, too.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
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
    idle, *others = rows
    for row in others:
        later = max(0.0, row["worst (ms)"] - idle["worst (ms)"])
        report.check(f"loop at worst later than an idle one while {row['while']}", later, MOST_LATE, "ms")


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


class Probe:
    """Notes how late its loop wakes it, in seconds."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def run(self) -> None:
        """Go on until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PERIOD
            await asyncio.sleep(PERIOD)
            self.late.append(loop.time() - due)

    def row(self, what: str) -> dict[str, Any]:
        """What was noted since the last row, in milliseconds."""
        late, self.late = sorted(self.late), []
        return {
            "while": what,
            "median (ms)": 1e3 * late[len(late) // 2],
            "p99 (ms)": 1e3 * late[int(0.99 * len(late))],
            "worst (ms)": 1e3 * late[-1],
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

    probe = Probe()
    with suppress(TimeoutError):
        asyncio.run(asyncio.wait_for(probe.run(), BUSY))
    rows = [probe.row("nothing is done: the machine itself")]
    engine = Engine(Configuration().current)

    def submit(request: Request) -> Handle:
        return engine.submit(engine.plan(TaskSpec(request=request, again=True)))

    large = as_video("large.mp4")
    submit(GenerateRequest(prompt="the first one loads what is loaded once"))
    handles = [submit(GenerateRequest(prompt=str(number))) for number in range(TASKS)]
    until(lambda: all(handle.task.task_id for handle in handles), 60)
    probing = engine.loop_thread.submit(probe.run())
    time.sleep(BUSY)
    rows.append(probe.row(f"{TASKS} tasks are followed"))
    upload = submit(ModifyRequest(prompt="large", source=large))
    until(lambda: upload.task.task_id, 120)
    rows.append(probe.row(f"{LARGE / 1e6:.0f} MB are hashed and uploaded, too"))
    with closing(sqlite3.connect(Configuration().current().home_folder / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(BUSY)
        other.execute("ROLLBACK")
    time.sleep(1)
    rows.append(probe.row(f"somebody else writes to the journal for {BUSY:g} s"))
    probing.cancel()
    engine.close()
    print(json.dumps(rows), flush=True)


if __name__ == "__main__":
    main()
