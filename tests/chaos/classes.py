"""A class whose every part is struck at random moments, and what must be true of its money and videos then.

``python -m tests.chaos.classes [--clips 500] [--students 10] [--pause 0.7] [--seed 1]`` prints figures, and exits with
1 where a promise was broken.

While students' kernels run their cells through a gateway of two replicas and two workers, one thing after another is
killed (SIGKILL) or frozen for some seconds (SIGSTOP): kernels, replicas, workers. PostgreSQL crashes, and both vendors
lose answers, refuse, break off and are slow. Then all are left alone until everything has ended. What must be true
then, whatever the moments were (`lesson_promises`): no clip has two paid tasks; each one has ended in a way that its
student sees, and that the ledger tells as well; what was paid is in the ledger; the wallets are equal to the rows; each
video that the ledger has is kept, to the byte, and so is each one that a student has. Where a promise was broken,
``build/class-chaos`` has the journals, the ledger and the gateway's log.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.lesson import Lesson
from tests.chaos.lesson_promises import faults
from tests.support.misbehaving import Kind

KEPT = Path("build") / "class-chaos"  # what there is to look at where a promise was broken


@dataclass
class Outcome:
    """What came of a class; ``problems`` are broken promises."""

    seconds: float
    blows: Counter[str]
    faults: Counter[Kind]
    ends: Counter[str]
    states: Counter[str]
    tasks: int
    most_tasks: int
    saved: int
    problems: list[str]


def perform(students: int, clips: int, seed: int, pause: float, most_seconds: float) -> Outcome:
    """Strike a class for so many seconds at most, one blow each ``pause`` seconds; what came of it."""
    begin = time.monotonic()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Lesson(students, clips, seed, Path(folder)) as lesson,
    ):
        lesson.misbehave()
        lesson.live(pause, most_seconds)
        lesson.leave_alone()
        rows, problems = lesson.rows(), list(faults(lesson))
        if problems:
            lesson.keep(KEPT / str(seed))
        return Outcome(
            seconds=time.monotonic() - begin,
            blows=lesson.blows,
            faults=lesson.vendor_faults,
            ends=Counter(end.status for end in lesson.ends.values()),
            states=Counter(row[1] for row in rows),
            tasks=lesson.paid.total(),
            most_tasks=max(lesson.paid.values()),
            saved=sum(row[3] is not None for row in rows),
            problems=problems,
        )


def main() -> int:
    """Strike a class, and print what came of it."""
    parser = argparse.ArgumentParser(description="Strike all parts of a class, and see what is lost.")
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--pause", type=float, default=0.7, help="seconds between two blows")
    parser.add_argument("--seconds", type=float, default=600.0, help="for which blows fall at most")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    outcome = perform(given.students, given.clips, given.seed, given.pause, given.seconds)
    print("\n".join(outcome.problems), file=sys.stderr)
    for name in ("blows", "faults", "ends", "states"):
        counts = ", ".join(f"{number} {what}" for what, number in sorted(getattr(outcome, name).items()))
        print(f"{name}: {counts}")
    print(
        f"{given.clips} clips of {given.students} students in {outcome.seconds:.0f} s (seed {given.seed}). "
        f"Paid tasks: {outcome.tasks}, for one clip at most {outcome.most_tasks}. Videos kept: {outcome.saved}. "
        f"Broken promises: {len(outcome.problems)}."
    )
    return bool(outcome.problems)


if __name__ == "__main__":
    sys.exit(main())
