"""What a notebook pays before its first video: ``%load_ext``, the first cell, and a journal of ten thousand tasks.

Each measurement is a process of its own. The extensions of others are measured in the same environment, in turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import Journal
from tests.benchmarks.environment import ROOT, environment
from tests.benchmarks.report import Report, say
from tests.support.misbehaving import Server

TIMES = 7
EXTENSIONS = {
    "(an empty one)": "empty_extension",
    "luma_jupyter": "luma_jupyter",
    "ipyparallel": "ipyparallel",
    "jupysql": "sql",
    "jupyter-ai-magics": "jupyter_ai_magics",
}
MOST_OVER_BARE, MOST_TO_POST, MOST_TO_RESUME, MOST_A_TRANSITION = 30.0, 500.0, 1000.0, 1.0  # milliseconds
TASKS = 10_000

LOAD = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
from IPython.terminal.ipapp import TerminalIPythonApp
app = TerminalIPythonApp.instance()
app.initialize(["--no-banner", "--no-confirm-exit", "--quick"])
begun = time.perf_counter()
app.shell.run_line_magic("load_ext", sys.argv[1])
loaded = time.perf_counter()
for cell in sys.argv[2:]:
    app.shell.run_cell(cell).raise_error()
done = time.perf_counter()
import os
print("\\n" + json.dumps([1e3 * (loaded - begun), 1e3 * (done - loaded)]), flush=True)
os._exit(0)
"""


def load(python: str, variables: dict[str, str], folder: str, *words: str) -> tuple[float, float]:
    """Milliseconds that an extension takes to load, and some cells after it to run, in a fresh terminal IPython."""
    done = subprocess.run(
        [python, "-c", LOAD, *words], env=variables, cwd=folder, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:] + done.stdout[-2000:])
    loaded, ran = json.loads(done.stdout.splitlines()[-1])
    return loaded, ran


def extensions(report: Report, peers: str) -> None:
    """``%load_ext`` of ours, of others, and of one that does nothing; ``peers`` is a Python that has them all."""
    say("startup: loading extensions")
    found: dict[str, list[float]] = {name: [] for name in EXTENSIONS}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty_extension.py").write_text("def load_ipython_extension(shell): pass\n")
        found_there = environment("http://127.0.0.1:9", folder)
        found_there |= {"IPYTHONDIR": folder, "PYTHONPATH": f"{folder}:{ROOT}"}
        for _ in range(TIMES):
            for name, module in EXTENSIONS.items():
                found[name].append(load(peers, found_there, folder, module)[0])
    middle = {name: median(values) for name, values in found.items()}
    bare = middle["(an empty one)"]
    rows = [
        {"extension": name, "load_ext (ms)": middle[name], "over a bare IPython (ms)": middle[name] - bare}
        for name in EXTENSIONS
    ]
    report.table(f"%load_ext, median of {TIMES} fresh processes", rows)
    report.check("%load_ext luma_jupyter, over a bare IPython", middle["luma_jupyter"] - bare, MOST_OVER_BARE, "ms")
    for name in list(EXTENSIONS)[2:]:
        report.check(f"%load_ext luma_jupyter, against {name}", middle["luma_jupyter"], middle[name], "ms")


def first_cell(report: Report) -> None:
    """From the moment that a cold kernel is asked to run its first ``%%luma`` until the POST has arrived."""
    from jupyter_client.manager import KernelManager

    say("startup: the first cell")
    took = []
    with Server(seconds=60) as server:
        for number in range(TIMES):
            with tempfile.TemporaryDirectory() as folder:
                manager = KernelManager()
                variables = environment(server.url, folder) | {"IPYTHONDIR": folder}
                manager.start_kernel(env=variables, cwd=folder, stderr=subprocess.DEVNULL)
                client = manager.client()
                client.start_channels()
                client.wait_for_ready(timeout=60)
                client.execute_interactive("%load_ext luma_jupyter", timeout=60, output_hook=lambda message: None)
                begun = time.time()
                client.execute(f"%%luma -o boat\nA paper boat {number}")
                server.until(lambda n=number: len(server.tasks) > n, 20.0)
                took.append(1e3 * (server.tasks[-1].created - begun))
                client.stop_channels()
                manager.shutdown_kernel(now=True)
    report.table(
        f"First %%luma until its POST arrives, {TIMES} cold kernels",
        [{"median (ms)": median(took), "worst (ms)": max(took)}],
    )
    report.check("first %%luma until its POST arrives", median(took), MOST_TO_POST, "ms")


def journal(report: Report) -> None:
    """A journal of ten thousand tasks: loading, resuming fifty of this folder, and one transition."""
    say("startup: ten thousand tasks in the journal")
    with tempfile.TemporaryDirectory() as folder:
        found_there = environment("http://127.0.0.1:9", folder) | {"IPYTHONDIR": folder, "LUMA_JUPYTER_WAIT": "0"}
        book = Journal(Path(found_there["LUMA_JUPYTER_HOME"]))
        fill(book, Path(folder))
        transitions = transition_times(book)
        book.close()
        both = [load(sys.executable, found_there, folder, "luma_jupyter", "%luma resume") for _ in range(3)]
        disk = sync_times(Path(folder))
    rows: list[dict[str, Any]] = [
        {"step": "%load_ext luma_jupyter", "median (ms)": median(loaded for loaded, _ in both)},
        {"step": "%luma resume, 50 of 10,000", "median (ms)": median(ran for _, ran in both)},
        {"step": "one transition", "median (ms)": median(transitions)},
        {"step": "one transition, 95th percentile", "median (ms)": sorted(transitions)[len(transitions) * 95 // 100]},
        {"step": "(this disk: append 600 bytes, fsync)", "median (ms)": median(disk)},
    ]
    report.table("Ten thousand tasks in the journal", rows)
    report.check("%load_ext and %luma resume, 10,000 tasks", median(map(sum, both)), MOST_TO_RESUME, "ms")
    report.check("one transition, median", median(transitions), MOST_A_TRANSITION, "ms")


def fill(book: Journal, folder: Path) -> None:
    """Ten thousand tasks: fifty of this folder and a tenth of all are unfinished, left by a kernel that is gone."""
    now = time.time()
    with book.transaction():
        for number in range(TASKS):
            request = GenerateRequest(prompt=f"A paper boat on a calm lake in the evening, take {number}")
            here = number % (TASKS // 50) == 0
            status = Status.DETACHED if here else Status.RUNNING if number % 10 == 1 else Status.COMPLETED
            where = folder if here else Path(tempfile.gettempdir())
            task = Task(
                intent=f"{number:032x}",
                request=request,
                provider="acedata",
                status=status,
                created_at=now - TASKS + number,
                submitted_at=now - TASKS + number,
                sent_at=now - TASKS + number,
                task_id=f"task-{number}",
                filename=f"boat-{number}.mp4",
                fingerprint=fingerprint(request, None),
                media=where / "luma_videos",
                folder=where,
                base_url="https://api.acedata.cloud",
                name=f"boat_{number}",
            )
            book._put(task, None if status.ended else "elsewhere|1|0.0")


def transition_times(book: Journal, count: int = 500) -> list[float]:
    """Milliseconds for each of some transitions of one task."""
    entry = book.entries()[-1]
    lease = book.acquire(entry, entry.task)
    assert lease
    took = []
    for number in range(count):
        begun = time.perf_counter()
        lease.write(entry.task.evolve(status=Status.RUNNING, problem=str(number)))
        took.append(1e3 * (time.perf_counter() - begun))
    return took


def sync_times(folder: Path, count: int = 200) -> list[float]:
    """Milliseconds that this disk takes to keep a few bytes, for comparison."""
    took = []
    with (folder / "sync").open("ab", buffering=0) as file:
        for _ in range(count):
            begun = time.perf_counter()
            file.write(bytes(600))
            os.fsync(file.fileno())
            took.append(1e3 * (time.perf_counter() - begun))
    return took


def run(report: Report, peers: str) -> None:
    """All of it."""
    extensions(report, peers)
    first_cell(report)
    journal(report)
