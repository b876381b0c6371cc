"""How often one call is paid for when something goes wrong, through the vendors' own Python clients and through ours.

Each cell of the table is one call (or, where the process was stopped, the same call once more) in a process of its own,
against `tests.support.misbehaving.Server`. It says how many tasks the service created (each is paid for, unless it
fails), and what the caller ended up with:

* ``video``: the finished video of one of these tasks; where the client saves it, as a file that is whole, and plays;
* ``error says so``: it holds the id of each task, or says that the request may have been accepted (`SAYS_SO`);
* ``error, id known``: it does not, but the caller was given a handle with the id before;
* ``lost``: an error, and a task exists of which the caller has neither the id nor a word;
* ``refused``, ``sent``: what became of a file that cannot be used;
* ``wrong``: no error, and something else than the video.

``not measured``: the client could not be imported, or not be put into the situation; ``–``: there is no such thing in
its call, which takes no image, or saves no file.

A process that ends in order gets a SIGTERM, on which it calls ``sys.exit``. A frozen one (SIGSTOP) stands for a kernel
on a machine that sleeps: another process makes the same call to its end, which is the one that counts, then the first
one wakes up. Our kernels share their home folder, and know of each other by leases; the vendors' clients have no such
thing, so for them these are two processes that make the same call.
"""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import psutil

from tests.benchmarks.callers import CALLS, SAVE_FILES, TAKE_IMAGES
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
    Late,
    Server,
    Status,
    TooMany,
    Unknown,
)
from tests.video.test_video_tracks import FILM_WITH_SOUND, VOICE

IMAGE = "https://pictures.example.com/first-frame.png"
SAYS_SO = re.compile(r"\bmay (be|have been|still)\b.*(accepted|billed|charged|paid|run)", re.IGNORECASE)
NOT_MEASURED = "not measured"
NO_SUCH_THING = "–"
FILES = {"film.mp4": FILM_WITH_SOUND, "voice.m4a": VOICE}
UNUSABLE = "voice.m4a"
LONGEST_CALL = 60.0  # seconds
AT_ONCE = 3
MANY = 10


@dataclass(frozen=True)
class Row:
    """A situation: the faults that the service plays, and where ``stop`` is set the signal that ends the first call.

    ``timeout``: the client's own, in seconds, by its documented option. ``stop_at``: the first call is stopped once the
    service has seen such a request. ``freeze``: it is frozen before it sends, until another one has made the same call.
    ``source``: one of `FILES`, given as a source. ``film``: what the service's videos are, where they are real ones.
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
    freeze: bool = False
    source: str | None = None
    film: bytes | None = None


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
    Row(
        "process ends in order (sys.exit) while the answer is on its way (2 s), same call again",
        (Late(2.0),),
        stop=signal.SIGTERM,
        stop_at="submit",
    ),
    Row("process frozen before it sends, same call in another one, then the first wakes up", freeze=True),
    Row("a stray byte behind the end of the video", film=FILM_WITH_SOUND + b"\0"),
    Row("a film from the disk as the source", source="film.mp4"),
    Row("a sound file from the disk as the source", source=UNUSABLE),
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
        if self.verdict in (NOT_MEASURED, NO_SUCH_THING):
            return self.verdict
        return f"{self.tasks} {'task' if self.tasks == 1 else 'tasks'}, {self.verdict}"


def measure(row: Row, client: str) -> Result:
    """Play a row to a client."""
    if (row.image and client not in TAKE_IMAGES) or (row.film and client not in SAVE_FILES):
        return Result(row.name, client, 0, NO_SUCH_THING, [], 0.0)
    begin = time.monotonic()
    with Server(seconds=row.seconds) as server, tempfile.TemporaryDirectory() as folder:
        server.failure, server.running, server.film = row.failure, row.running, row.film
        server.script(row.of, *row.faults)
        calls = _calls(row, client, server, folder)
        words = verdict_on_unusable(server, calls[-1]) if row.source == UNUSABLE else verdict(server, calls[-1])
        result = Result(row.name, client, len(server.tasks), words, calls, time.monotonic() - begin)
    print(f"{result.seconds:5.1f} s  {client}: {row.name}: {result.cell}", file=sys.stderr)
    return result


def _calls(row: Row, client: str, server: Server, folder: str) -> list[dict[str, Any]]:
    """Make the calls of a row; their reports, of which the last one counts, empty where a process made none."""
    if row.freeze:
        with _caller(row, client, server, folder, "--machine", "one", "--freeze") as frozen:
            server.until(lambda: frozen.poll() is not None or _is_stopped(frozen.pid), 20.0)
            with _caller(row, client, server, folder, "--machine", "other") as other:
                overtaking = _report(other)
            frozen.send_signal(signal.SIGCONT)
            return [_report(frozen), overtaking]
    calls = []
    if row.stop:
        server.seconds = math.inf
        with _caller(row, client, server, folder) as stopped:
            with suppress(TimeoutError):
                server.until(lambda: stopped.poll() is not None or (server.tasks and server.seen(row.stop_at)), 20.0)
                time.sleep(0.2)  # until what it saw is digested, or written down
            stopped.send_signal(row.stop)
            calls.append(_report(stopped))
        server.seconds = 0.0
    with _caller(row, client, server, folder) as caller:
        return [*calls, _report(caller)]


def _is_stopped(process: int) -> bool:
    return psutil.Process(process).status() == psutil.STATUS_STOPPED


@contextmanager
def _caller(row: Row, client: str, server: Server, folder: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A new process that makes the call of a row; it is gone in the end."""
    options += ("--image", IMAGE) if row.image else ()
    options += () if row.timeout is None else ("--timeout", str(row.timeout))
    variables = environment(server.url, folder)
    if row.source:
        Path(folder, row.source).write_bytes(FILES[row.source])
        options += ("--source", row.source)
        variables |= {"ACEDATACLOUD_PLATFORM_TOKEN": "no-real-token", "ACEDATACLOUD_PLATFORM_BASE_URL": server.url}
    if row.freeze:  # no question about money before: the first connection is the paid one
        variables |= {"LUMA_JUPYTER_CHECK_BALANCE": "0", "LUMA_JUPYTER_RUNAPI_PRICE": "0.5"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.callers", client, *options],
        env=variables,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _report(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a caller printed at its end; empty where it printed nothing, or came to no end."""
    try:
        output, _ = process.communicate(timeout=LONGEST_CALL)
    except subprocess.TimeoutExpired:
        return {}
    return json.loads(output.splitlines()[-1]) if output.strip() else {}


def verdict_on_unusable(server: Server, report: Mapping[str, Any]) -> str:
    """What became of a file that cannot be used: whether it was refused before anything was paid."""
    if not report or not report["measured"] or not (server.tasks or report["error"]):
        return verdict(server, report)
    return "sent" if server.tasks else "refused"


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
    if saved := report.get("path"):
        if Path(saved).read_bytes() != server.video(made[0]):
            return "wrong: another file than the video"
        if server.film and not _plays(saved):
            return "wrong: a file that does not play"
    elif server.film:
        return "wrong: no file"
    return "video"


def _plays(path: str) -> bool:
    """Whether a film can be played to its end."""
    try:
        with av.open(path) as film:
            return sum(1 for _ in film.decode(video=0)) > 0
    except av.FFmpegError:
        return False


def rows_of(results: Sequence[Result]) -> Rows:
    """The results as a table; where our two services agree, one cell speaks for both."""
    cells = {(result.fault, result.client): result.cell for result in results}
    titles = [f"{name} {version(name)}" for name in ("acedatacloud", "runapi-luma")]
    rows = []
    for row in ROWS:
        first, second, *ours = (cells[row.name, client] for client in CALLS)
        different = set(ours) - {NO_SUCH_THING}
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
