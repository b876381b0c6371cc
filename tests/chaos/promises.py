"""What must be true of a notebook whose kernels were killed, whenever that was; each fault found is a line of text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.store.probe import FILE_NAME
from tests.chaos.life import Report
from tests.chaos.notebook import Notebook, Phase
from tests.support.films import JPEG
from tests.support.misbehaving import video


def faults(notebook: Notebook) -> Iterator[str]:
    """What is wrong at a moment when no kernel lives, be it after a kill or at the end."""
    yield from _faults_of_payments(notebook)
    yield from _damaged_files(notebook)
    if aside := [path.name for path in notebook.home.glob("*.sqlite3") if path.name != FILE_NAME]:
        yield f"a journal was set aside: {', '.join(aside)}"


def _faults_of_payments(notebook: Notebook) -> Iterator[str]:
    rows = notebook.rows()
    for prompt in notebook.prompts:
        posts, tasks = notebook.posts(prompt), notebook.tasks(prompt)
        begun = [row for row in rows if row.request.prompt == prompt and (row.sent_at or row.task_id)]
        if max(len(posts), len(tasks), len(begun)) > 1:
            yield f"{len(posts)} POSTs, {len(tasks)} tasks and {len(begun)} intents for {prompt!r}"
        if not begun:
            if posts:
                yield f"the journal knows nothing of the POST for {prompt!r}"
            continue
        row = begun[0]
        if any(post.headers.get("idempotency-key", row.intent) != row.intent for post in posts):
            yield f"the idempotency key of {prompt!r} is not its intent"
        if row.task_id not in (None, *tasks):
            yield f"the journal has another task id for {prompt!r} than the service"
        if row.task_id is None and any(map(notebook.was_looked_at, tasks)):
            yield f"{prompt!r} is in doubt, though its task was looked at"


def _damaged_files(notebook: Notebook) -> Iterator[str]:
    right = {video(task.id, notebook.server.video_size): task.id for task in notebook.server.tasks}
    checks: dict[str, Callable[[Path], bool]] = {
        ".mp4": lambda path: path.read_bytes() in right and right[path.read_bytes()] == _told(path),
        ".json": lambda path: bool(json.loads(path.read_bytes())),
        ".jpg": lambda path: path.read_bytes() == JPEG,
        ".part": lambda path: path.name.startswith("."),  # of a kernel that was killed
    }
    for path in notebook.media.iterdir() if notebook.media.exists() else ():
        if not checks[path.suffix](path):
            yield f"{path.name} is damaged, or is not what its sidecar says"


def _told(path: Path) -> str | None:
    """The task whose video this is, as its sidecar says."""
    task = sidecars.read(path.with_suffix(".json"))
    return task.task_id if task else None


def faults_at_the_end(notebook: Notebook, report: Report) -> Iterator[str]:
    """What is wrong when all cells were run once more, in a kernel that was left alone."""
    yield from faults(notebook)
    yield from report.notices
    yield from _faults_of_ends(notebook, report)
    kinds = {kind: {path.stem for path in notebook.media.glob(f"*{kind}")} for kind in (".mp4", ".json")}
    completed = sum(end.status == Status.COMPLETED for end in report.ends)
    if kinds[".mp4"] != kinds[".json"] or len(kinds[".mp4"]) != completed:
        yield f"{completed} clips are completed, and there is {kinds}"
    if left := sorted(path.name for path in notebook.media.glob(".*")):
        yield f"in the media folder there is still {', '.join(left)}"
    with closing(sqlite3.connect(notebook.home / FILE_NAME)) as journal:
        if (state := journal.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            yield f"the journal is damaged: {state}"


def _faults_of_ends(notebook: Notebook, report: Report) -> Iterator[str]:
    ends = {end.prompt: end for end in report.ends}
    doubtful = False  # whether a clip before is, so that nothing can come of this one
    for prompt, phase in notebook.phases().items():
        end, posts = ends[prompt], notebook.posts(prompt)
        if doubtful:
            expected, words, phases = Status.FAILED, "Nothing was sent", ("before the POST",)
        elif phase == "in doubt":
            expected, words, phases = Status.UNCONFIRMED, "Sent at", ("in doubt",)
        else:
            expected, words, phases = Status.COMPLETED, "", ("done",)
        if end.status != expected or words not in end.error or phase not in phases:
            yield f"{prompt!r} ended as {end.status}, not {expected}; in the journal as {phase}: {end.error}"
        if expected is Status.COMPLETED and (len(posts), notebook.tasks(prompt)) != (1, [end.task_id]):
            yield f"{prompt!r} was not sent once, or is another task's video"
        if expected is Status.FAILED and posts:
            yield f"{prompt!r} was sent, though its source is in doubt"
        doubtful = doubtful or expected is Status.UNCONFIRMED


def faults_of_resuming(notebook: Notebook, before: Mapping[str, Phase], posts: int, report: Report) -> Iterator[str]:
    """What is wrong when unfinished clips were followed again; ``before`` and ``posts`` are how it was before that."""
    yield from faults(notebook)
    yield from report.notices
    if len(notebook.posts()) != posts:
        yield "resuming sent a POST"
    wanted = {"in doubt": "unconfirmed", "running": "completed", "saving": "completed"}
    expected = {prompt: wanted[phase] for prompt, phase in before.items() if phase in wanted}
    found = {end.prompt: end.status for end in report.ends}
    if found != expected:
        yield f"resuming ended with {found}, not {expected}"
