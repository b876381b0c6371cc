"""Many kernels that share one journal and one media folder: how long one more clip takes, and what is paid for.

Each kernel is a process of its own (``python -m tests.benchmarks.kernels``); they are released together. Each makes its
clips one after another, and every fifth is asked for by all kernels at once, which is paid for once. Beside that stands
the same number of processes that do the journal's part of it by hand in a plain SQLite table, as good as it gets.
"""

from __future__ import annotations

import argparse
import json
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
MOST_P99 = 100.0  # milliseconds
LONGEST_RUN = 600.0  # seconds


@dataclass(frozen=True)
class Outcome:
    """What came of a run: the times of all calls in milliseconds, what went wrong, and the prompts paid for."""

    submissions: list[float]
    completions: list[float]
    errors: list[str]
    statuses: list[str]
    paid: list[str]


def prompts(kernel: int, clips: int) -> list[str]:
    """What a kernel asks for."""
    return [f"{'all' if number % SHARED == 0 else kernel} boats, {number}" for number in range(clips)]


def run_kernels(kernels: int, clips: int, seconds: tuple[float, float] = TASK_SECONDS) -> Outcome:
    """Let so many kernels make so many clips each, whose tasks take from so long to so long."""
    with (
        Server(seconds=lambda task: random.Random(str(task.request)).uniform(*seconds)) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        variables = environment(server.url, folder) | {"LUMA_JUPYTER_CHECK_BALANCE": "0"}
        reports = _run_together([["kernel", str(number), str(clips)] for number in range(kernels)], variables, folder)
        paid = [task.request["prompt"] for task in server.tasks if task.request["prompt"] != "warm"]
    return Outcome(*([each for report in reports for each in report[name]] for name in _REPORTED), paid)


_REPORTED = ("submissions", "completions", "errors", "statuses")


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
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        return [_report(process) for process in running]


def _report(process: subprocess.Popen[str]) -> dict[str, Any]:
    printed, _ = process.communicate(timeout=LONGEST_RUN)
    if process.returncode:
        raise RuntimeError(f"a process ended with {process.returncode}")
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])  # before it the kernel may have told something
    return found


def run(report: Report) -> None:
    """Measure the kernels, and the processes by hand."""
    say(f"kernels: {KERNELS} kernels make {CLIPS} clips each, about two minutes")
    found = run_kernels(KERNELS, CLIPS)
    with tempfile.TemporaryDirectory() as folder:
        _plain_table(Path(folder))
        reports = _run_together(
            [["plain", str(number), str(CLIPS)] for number in range(KERNELS)], environment("", folder), folder
        )
    plain = [each for one in reports for each in one["submissions"]]
    rows = {
        "luma.generate returns": found.submissions,
        "the clip is completed": found.completions,
        "by hand: a look-up and an entry in a plain table": plain,
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
    found: dict[str, Any] = {name: [] for name in _REPORTED}
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
    with closing(sqlite3.connect(folder / "plain.sqlite3", isolation_level=None)) as table:
        table.execute("PRAGMA journal_mode = WAL")
        table.execute("CREATE TABLE clips (fingerprint TEXT PRIMARY KEY, data TEXT)")


def enter_by_hand(kernel: int, clips: int) -> dict[str, Any]:
    """Look up and enter so many rows, each in a transaction that reaches the disk; how long each took."""
    took = []
    with closing(sqlite3.connect("plain.sqlite3", isolation_level=None, timeout=30)) as table:
        table.execute("PRAGMA synchronous = FULL")
        _wait_for_start()
        for prompt in prompts(kernel, clips):
            begun = time.perf_counter()
            table.execute("BEGIN IMMEDIATE")
            table.execute("SELECT data FROM clips WHERE fingerprint = ?", (prompt,)).fetchone()
            table.execute("INSERT OR IGNORE INTO clips VALUES (?, ?)", (prompt, "x" * 600))
            table.execute("COMMIT")
            took.append(1e3 * (time.perf_counter() - begun))
            time.sleep(0.1)
    return {"submissions": took}


def main() -> None:
    """Measure in this process, and print what was found as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("kernel", "plain"))
    parser.add_argument("number", type=int)
    parser.add_argument("clips", type=int)
    given = parser.parse_args()
    found = (make_clips if given.what == "kernel" else enter_by_hand)(given.number, given.clips)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
