"""Many kernels that share one journal and one media folder: how long one more clip takes, and what is paid for.

Each kernel is a process of its own (``python -m tests.benchmarks.kernels``); they are released together. Each makes its
clips one after another, and every fifth is asked for by all kernels at once, which is paid for once. At the same time
as many processes do the journal's part of a submission by hand in a plain SQLite table on the same disk: on a machine
with other work, or a slow disk, that is as good as it gets. Where there is a disk in memory it is used.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.environment import environment
from tests.benchmarks.report import Report, say
from tests.support.misbehaving import Server

KERNELS, CLIPS = 40, 25
SHARED = 5  # every so-manieth clip is the same for all kernels
TASK_SECONDS = 1.0, 5.0
MEMORY = Path("/dev/shm")
PLAIN = "plain.sqlite3"
MOST_P99 = 100.0  # milliseconds
LONGEST_RUN = 600.0  # seconds


@dataclass(frozen=True)
class Outcome:
    """What came of a run: the times of all calls in milliseconds, what went wrong, and the prompts paid for.

    ``by_hand``: how long an entry by hand took meanwhile.
    """

    submissions: list[float]
    completions: list[float]
    errors: list[str]
    statuses: list[str]
    by_hand: list[float]
    paid: list[str]


def prompts(kernel: int, clips: int) -> list[str]:
    """What a kernel asks for."""
    return [f"{'all' if number % SHARED == 0 else kernel} boats, {number}" for number in range(clips)]


def run_kernels(kernels: int, clips: int, seconds: tuple[float, float], by_hand: int = 0) -> Outcome:
    """Let so many kernels make so many clips each, whose tasks take from so long to so long; and others by hand."""
    source = random.Random(7)
    memory = MEMORY if MEMORY.is_dir() else None
    with (
        Server(seconds=lambda task: random.Random(str(task.request)).uniform(*seconds)) as server,
        tempfile.TemporaryDirectory(dir=memory) as folder,
    ):
        _plain_table(Path(folder))
        variables = environment(server.url, folder) | {"LUMA_JUPYTER_CHECK_BALANCE": "0"}
        calls = [["kernel", str(number), str(clips)] for number in range(kernels)]
        calls += [["plain", str(source.uniform(*seconds)), str(clips)] for _ in range(by_hand)]
        reports = _run_together(calls, variables, folder)
        paid = [task.request["prompt"] for task in server.tasks if task.request["prompt"] != "warm"]
    return Outcome(*([each for one in reports for each in one.get(name, ())] for name in _REPORTED), paid)


_REPORTED = ("submissions", "completions", "errors", "statuses", "by_hand")


def _run_together(calls: Sequence[Sequence[str]], variables: dict[str, str], folder: str) -> list[dict[str, Any]]:
    """What processes of this module report, which are released together once all are ready."""
    with ExitStack() as stack:
        running = []
        for call in calls:
            words = [sys.executable, "-m", "tests.benchmarks.kernels", *call]
            process = subprocess.Popen(
                words, env=variables, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            running.append(process)
        for process in running:
            assert process.stdout
            while (line := process.stdout.readline()) != "ready\n":  # before it the kernel may tell something
                assert line, "a process ended before it was ready"
        for process in running:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        return [_report(process) for process in running]


def _report(process: subprocess.Popen[str]) -> dict[str, Any]:
    printed, _ = process.communicate(timeout=LONGEST_RUN)
    if process.returncode:
        raise RuntimeError(f"a process ended with {process.returncode}")
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])  # as above
    return found


def run(report: Report) -> None:
    """Measure the kernels, and beside them the processes by hand."""
    say(f"kernels: {KERNELS} kernels make {CLIPS} clips each, about two minutes")
    found = run_kernels(KERNELS, CLIPS, TASK_SECONDS, by_hand=KERNELS)
    rows = {
        "luma.generate returns": found.submissions,
        "the clip is completed": found.completions,
        "an entry by hand, meanwhile": found.by_hand,
    }
    report.table(
        f"{KERNELS} kernels that make {CLIPS} clips each",
        [
            {"": name, "median (ms)": at(times, 0.5), "p99 (ms)": at(times, 0.99), "worst (ms)": max(times)}
            for name, times in rows.items()
        ],
    )
    report.check(f"{KERNELS} kernels: p99 of one submission", at(found.submissions, 0.99), MOST_P99, "ms")
    report.check(f"{KERNELS} kernels: clips that met an error", len(found.errors), 0, "")
    report.check(f"{KERNELS} kernels: requests paid twice", len(found.paid) - len(set(found.paid)), 0, "")


def at(times: Sequence[float], share: float) -> float:
    """The time that so large a share of all keeps to."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


# In the processes that are measured.


def make_clips(kernel: int, clips: int) -> dict[str, Any]:
    """Make clips one after another; how long each took, in milliseconds."""
    import luma_jupyter as luma

    luma.generate("warm").wait()
    _wait_for_start()
    found: dict[str, Any] = {name: [] for name in _REPORTED if name != "by_hand"}
    for prompt in prompts(kernel, clips):
        begun = time.perf_counter()
        try:
            clip = luma.generate(prompt)
            found["submissions"].append(1e3 * (time.perf_counter() - begun))
            clip.wait()
            found["statuses"].append(clip.status)
            if problem := clip._handle.task.problem:
                found["errors"].append(problem)
        except Exception as error:
            found["errors"].append(f"{prompt}: {error!r}")
        found["completions"].append(1e3 * (time.perf_counter() - begun))
    return found


def _wait_for_start() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _plain_table(folder: Path) -> None:
    with closing(sqlite3.connect(folder / PLAIN, isolation_level=None)) as table:
        table.execute("PRAGMA journal_mode = WAL")
        table.execute("CREATE TABLE clips (fingerprint TEXT PRIMARY KEY, data TEXT)")


def enter_by_hand(pause: float, clips: int) -> dict[str, Any]:
    """Look up and enter so many rows, each in a transaction that reaches the disk; how long each took."""
    took = []
    with closing(sqlite3.connect(PLAIN, isolation_level=None, timeout=30)) as table:
        table.execute("PRAGMA synchronous = FULL")
        _wait_for_start()
        for number in range(clips):
            key = f"{os.getpid()} {number}"
            begun = time.perf_counter()
            table.execute("BEGIN IMMEDIATE")
            table.execute("SELECT data FROM clips WHERE fingerprint = ?", (key,)).fetchone()
            table.execute("INSERT INTO clips VALUES (?, ?)", (key, "x" * 600))
            table.execute("COMMIT")
            took.append(1e3 * (time.perf_counter() - begun))
            time.sleep(pause)
    return {"by_hand": took}


def main() -> None:
    """Measure in this process, and print what was found as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("kernel", "plain"))
    parser.add_argument("which", type=float, help="the kernel's number, or the seconds between two entries")
    parser.add_argument("clips", type=int)
    given = parser.parse_args()
    found = (
        make_clips(int(given.which), given.clips) if given.what == "kernel" else enter_by_hand(given.which, given.clips)
    )
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
