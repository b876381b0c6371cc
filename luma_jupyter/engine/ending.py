"""What an orderly end of the program leaves behind, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status

WHY = "The program ended"  # begins the sentence that a clip says of it


@dataclass(frozen=True)
class Ending:
    """The tasks that had not ended when the program did, as they stand now."""

    tasks: Sequence[Task]

    def __str__(self) -> str:
        """A line for each kind; empty where everything had ended."""
        paid = [task for task in self.tasks if task.real]
        made = [task for task in paid if task.task_id]
        films = [task for task in self.tasks if task.provider == "local"]
        clips = [task for task in self.tasks if task.provider != "local"]
        lines = [
            _line(_count(clips, Status.CANCELLED), "was not sent", "were not sent", "and cost nothing"),
            _line(_count(made, Status.DETACHED), "goes on", "go on", f"at the service; {_GO_ON}"),
            _line(_unanswered(paid), "was sent and not answered", "were sent and not answered", _LOOKED_FOR),
            _line(_ended_with_demo(self.tasks), "of the demo service ended", "of the demo service ended", "unfinished"),
            _line(_count(films, Status.CANCELLED), "was not made", "were not made", "in time: run this again", "film"),
            _line(_unsaved(paid), "is made but not saved", "are made but not saved", f"here; {_GO_ON}"),
        ]
        return "\n".join(line for line in lines if line)


_GO_ON = "to follow further, run this again or say %luma resume"
_LOOKED_FOR = "yet, may be made and billed, and is looked for at the next start"


def _line(count: int, one: str, many: str, rest: str, what: str = "clip") -> str:
    if not count:
        return ""
    return f"luma_jupyter: 1 {what} {one} {rest}." if count == 1 else f"luma_jupyter: {count} {what}s {many} {rest}."


def _count(tasks: Sequence[Task], status: Status) -> int:
    return sum(task.status is status for task in tasks)


def _unanswered(tasks: Sequence[Task]) -> int:
    return sum(bool(task.sent_at) and not task.task_id for task in tasks if task.status is not Status.CANCELLED)


def _ended_with_demo(tasks: Sequence[Task]) -> int:
    return sum(task.provider == "demo" and task.status is Status.DETACHED for task in tasks)


def _unsaved(tasks: Sequence[Task]) -> int:
    return sum(
        task.status is Status.SAVING or (task.status is Status.COMPLETED and task.path is None) for task in tasks
    )
