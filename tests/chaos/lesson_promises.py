"""What must be true of a class that was struck, whatever the moments were; each fault found is a line of text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from luma_jupyter.gateway.ledger import Ledger
from tests.chaos.lesson import Lesson
from tests.chaos.life import End

IN_DOUBT = "unconfirmed"
AWAY_ERRORS = ("psycopg", "procrastinate", "DatabaseAway")


def faults(lesson: Lesson) -> Iterator[str]:
    """What is wrong when all has ended."""
    rows, prompts = lesson.rows(), [prompt for kernel in lesson.kernels for prompt in kernel.seat.prompts]
    yield from faults_of_clips(prompts, lesson.ends, rows, lesson.paid)
    yield from _faults_of_files(lesson, rows)
    yield from lesson.run(lambda database: Ledger(database).check())
    yield from sorted({f"in the log: {words}" for words in _unforeseen(lesson.gateway.log.read_text())})


def faults_of_clips(
    prompts: Sequence[str], ends: dict[str, End], rows: Sequence[tuple[Any, ...]], tasks: Counter[str]
) -> Iterator[str]:
    """What is wrong with clips: ``ends`` as students see them, ``rows`` of the ledger, ``tasks`` that were paid."""
    of_prompt: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        of_prompt[row[0]].append(row)
    for prompt in prompts:
        end, entered = ends.get(prompt), of_prompt[prompt]
        states = {row[1] for row in entered}
        if states > {"refused"}:  # nothing was made then, and the next kernel asked anew
            states -= {"refused"}
        if tasks[prompt] > 1:
            yield f"{prompt} was paid {tasks[prompt]} times"
        if sum(row[1] != "refused" for row in entered) > 1:
            yield f"{prompt} has {len(entered)} rows"
        if tasks[prompt] and not states & {"completed", IN_DOUBT}:
            yield f"{prompt} was paid, and the ledger says {states}"
        if end is None:
            yield f"{prompt} has no end that its student sees"
        elif end.status not in ("completed", "failed", IN_DOUBT):
            yield f"{prompt} ended as {end.status}"
        elif end.status == "completed" and states != {"completed"}:
            yield f"{prompt} is completed, and the ledger says {states}"
        elif end.status != "completed" and not end.error:
            yield f"{prompt} is {end.status} without a word"
        elif end.status == "failed" and tasks[prompt]:
            yield f"{prompt} was paid, and its student reads that it failed: {end.error}"
        elif end.status == IN_DOUBT and not states & {IN_DOUBT, "completed"}:
            yield f"{prompt} is in doubt, and the ledger says {states}"


def _faults_of_files(lesson: Lesson, rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    for prompt, state, task_id, name, _ in rows:
        if state == "completed":
            file = lesson.folder / "media" / name[:2] / name
            if not file.exists() or file.read_bytes() != lesson.vendor.video(task_id):
                yield f"the video of {prompt} is not kept as it was"
    for kernel in lesson.kernels:
        right = {lesson.vendor.video(end.task_id) for end in kernel.ends or () if end.status == "completed"}  # type: ignore[arg-type]
        files = {path.read_bytes() for path in kernel.seat.folder.glob("luma_videos/*.mp4")}
        if files != right:
            yield f"{kernel.seat.folder.name} has {len(files & right)} of {len(right)} videos"


def _unforeseen(log: str) -> Iterator[str]:
    """What the gateway's log has of tracebacks beside those of a PostgreSQL that is away: where each was, its error."""
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("Traceback") and not lines[number - 1].strip().startswith(("The above", "During")):
            ends = (after for after in lines[number + 1 :] if after[:1].strip())
            error = next(ends, "")
            if not any(word in error for word in AWAY_ERRORS):
                yield f"{lines[number - 1].partition(' ')[2][13:]} | {error}"
