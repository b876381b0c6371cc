"""How often one call is paid for when something goes wrong, through the vendors' own Python clients and through ours.

Each cell of the table is one call (or, where the process was stopped, the same call once more) in a process of its own,
against `tests.support.misbehaving.Server`. It says how many tasks the service created (each is paid for, unless it
fails), and what the caller ended up with:

* ``video``: the finished video of one of these tasks;
* ``error says so``: it holds the id of each task, or says that the request may have been accepted (`SAYS_SO`);
* ``error, id known``: it does not, but the caller was given a handle with the id before;
* ``lost``: an error, and a task exists of which the caller has neither the id nor a word;
* ``wrong``: no error, and something else than the video.

``not measured``: the client could not be imported, or not be put into the situation; ``–``: its call takes no image.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from tests.benchmarks.callers import CALLS, TAKE_IMAGES
from tests.benchmarks.environment import environment
from tests.benchmarks.report import Report, Rows
from tests.support.misbehaving import (
    BrokenJson,
    DropAfter,
    DropBefore,
    Fault,
    Hang,
    HtmlPage,
    Kind,
    Server,
    Status,
    TooMany,
    Unknown,
    video,
)

IMAGE = "https://pictures.example.com/first-frame.png"
SAYS_SO = re.compile(r"\bmay (be|have been|still)\b.*(accepted|billed|charged|paid|run)", re.IGNORECASE)
NOT_MEASURED = "not measured"
NO_IMAGE = "–"
LONGEST_CALL = 60.0  # seconds
AT_ONCE = 3
MANY = 10


@dataclass(frozen=True)
class Row:
    """A situation: the faults that the service plays, and where ``stop`` is set the signal that ends the first call.

    ``timeout``: the client's own, in seconds, by its documented option. ``stop_at``: the first call is stopped once the
    service has seen such a request.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    of: Kind = "submit"
    seconds: float = 0.0
    image: bool = False
    failure: str | None = None
    running: Mapping[str, Any] = field(default_factory=lambda: {"response": None})
    timeout: float | None = None
    stop: signal.Signals | None = None
    stop_at: Kind = "look"


LOST = DropAfter()
ROWS = (
    Row("no fault"),
    Row("connection dropped before acceptance", (DropBefore(),)),
    Row("answer lost after acceptance, once", (LOST,)),
    Row("answer lost after acceptance, each time", (LOST,) * MANY),
    *(Row(f"{code} after acceptance, once", (Status(code, accepted=True),)) for code in (500, 502, 503, 504)),
    Row("504 after acceptance, each time", (Status(504, accepted=True),) * MANY),
    Row("429 with Retry-After: 1, not accepted, once", (TooMany(1),)),
    Row("read timeout (2 s) after acceptance, once", (Hang(),), timeout=2.0),
    Row("broken JSON after acceptance, once", (BrokenJson(),)),
    Row("HTML page with status 200 after acceptance, once", (HtmlPage(),)),
    Row("look-up answers 404, once", (Unknown(),), of="look"),
    Row("look-up answers an HTML page with status 200, once", (HtmlPage(),), of="look"),
    Row("input image; the running task has no `response` yet", image=True, seconds=1.5, running={}),
    Row("input image; the task fails at the service", image=True, failure="the model gave up"),
    Row("process killed while the task runs, same call again", stop=signal.SIGKILL),
    Row("process killed before the answer came, same call again", (Hang(),), stop=signal.SIGKILL, stop_at="submit"),
    Row("interrupted (SIGINT) while the task runs, same call again", stop=signal.SIGINT),
)


@dataclass(frozen=True)
class Result:
    """What came of a row with one client: ``calls`` are the callers' reports."""

    fault: str
    client: str
    tasks: int
    verdict: str
    calls: Sequence[Mapping[str, Any]]
    seconds: float

    @property
    def cell(self) -> str:
        if self.verdict in (NOT_MEASURED, NO_IMAGE):
            return self.verdict
        return f"{self.tasks} {'task' if self.tasks == 1 else 'tasks'}, {self.verdict}"


def measure(row: Row, client: str) -> Result:
    """Play a row to a client."""
    if row.image and client not in TAKE_IMAGES:
        return Result(row.name, client, 0, NO_IMAGE, [], 0.0)
    begin = time.monotonic()
    with Server(seconds=row.seconds) as server, tempfile.TemporaryDirectory() as folder:
        server.failure, server.running = row.failure, row.running
        server.script(row.of, *row.faults)
        calls = []
        if row.stop:
            server.seconds = math.inf
            calls.append(_call(row, client, server, folder))
            server.seconds = 0.0
        calls.append(_call(row, client, server, folder, to_its_end=True))
        result = Result(
            row.name, client, len(server.tasks), verdict(server, calls[-1]), calls, time.monotonic() - begin
        )
    print(f"{result.seconds:5.1f} s  {client}: {row.name}: {result.cell}", file=sys.stderr)
    return result


def _call(row: Row, client: str, server: Server, folder: str, *, to_its_end: bool = False) -> dict[str, Any]:
    """Make a call in a new process, and stop it where the row wants that; its report, empty where it made none."""
    options = ["--image", IMAGE] if row.image else []
    options += [] if row.timeout is None else ["--timeout", str(row.timeout)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.callers", client, *options],
        env=environment(server.url, folder),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        if row.stop and not to_its_end:
            with suppress(TimeoutError):
                server.until(lambda: process.poll() is not None or (server.tasks and server.seen(row.stop_at)), 20.0)
                time.sleep(0.2)  # until what it saw is digested, or written down
            process.send_signal(row.stop)
        output, _ = process.communicate(timeout=LONGEST_CALL)
    except subprocess.TimeoutExpired:
        return {}
    finally:
        process.kill()
        process.wait()
    return json.loads(output.splitlines()[-1]) if output.strip() else {}


def verdict(server: Server, report: Mapping[str, Any]) -> str:
    """What the caller ended up with, in the words of the table."""
    if not report:
        return "no end"
    if not report["measured"]:
        return NOT_MEASURED
    error = report["error"]
    if error is None:
        return _verdict_on_result(server, report)
    if server.failure:
        return "failure reported" if server.failure in error else "failure not reported"
    if not server.tasks:
        return "error"
    made = [task.id for task in server.tasks]
    if SAYS_SO.search(error) or all(task_id in error + report["details"] for task_id in made):
        return "error says so"
    return "error, id known" if set(made) <= set(report["ids"]) else "lost"


def _verdict_on_result(server: Server, report: Mapping[str, Any]) -> str:
    made = [task.id for task in server.tasks if server.video_url(task.id) in report["urls"]]
    if IMAGE in report["urls"]:
        return "wrong: the input image as the result"
    if server.failure or not made:
        return "wrong: no error and no video"
    saved = report.get("sha256")
    if saved and saved != hashlib.sha256(video(made[0], server.video_size)).hexdigest():
        return "wrong: another file than the video"
    return "video"


def rows_of(results: Sequence[Result]) -> Rows:
    """The results as a table; where our two services agree, one cell speaks for both."""
    cells = {(result.fault, result.client): result.cell for result in results}
    titles = [f"{name} {version(name)}" for name in ("acedatacloud", "runapi-luma")]
    rows = []
    for row in ROWS:
        first, second, *ours = (cells[row.name, client] for client in CALLS)
        different = set(ours) - {NO_IMAGE}
        both = different.pop() if len(different) == 1 else f"generate: {ours[0]}; modify: {ours[1]}"
        names = ("one call, and …", *titles, f"luma_jupyter {version('luma-jupyter')}")
        rows.append(dict(zip(names, (row.name, first, second, both), strict=True)))
    return rows


def run(report: Report) -> None:
    """Measure all rows, a few at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(measure, row, client) for row in ROWS for client in CALLS]
        results = [future.result() for future in running]
    report.table("One call, when something goes wrong", rows_of(results))
    ours = [result for result in results if result.client.startswith("luma_jupyter")]
    report.check("one call, when something goes wrong: tasks", max(result.tasks for result in ours), 1, "tasks")
