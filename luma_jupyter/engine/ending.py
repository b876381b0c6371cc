"""What an orderly end of the program leaves behind, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.languages import N_, ngettext

WHY = N_("The program ended.")


@dataclass(frozen=True)
class Ending:
    """The tasks that had not ended when the program did, as they stand now."""

    tasks: Sequence[Task]

    def __str__(self) -> str:
        """A line for each kind, in the reader's language; empty where everything had ended."""
        paid = [task for task in self.tasks if task.real]
        films = [task for task in self.tasks if task.provider == "local"]
        clips = [task for task in self.tasks if task.provider != "local"]
        unsent, unmade = _count(clips, Status.CANCELLED), _count(films, Status.CANCELLED)
        going_on = _count([task for task in paid if task.task_id], Status.DETACHED)
        unanswered, unfinished, unsaved = _unanswered(paid), _ended_with_demo(self.tasks), _unsaved(paid)
        lines = {
            ngettext(
                "{count} clip was not sent and cost nothing.", "{count} clips were not sent and cost nothing.", unsent
            ): unsent,
            ngettext(
                "{count} clip goes on at the service; to watch it further, run this again or say %luma resume.",
                "{count} clips go on at the service; to watch them further, run this again or say %luma resume.",
                going_on,
            ): going_on,
            ngettext(
                "{count} clip was sent and not answered yet, and may be made and billed: %luma retry asks what became "
                "of it, in Python clip.retry().",
                "{count} clips were sent and not answered yet, and may be made and billed: %luma retry asks what "
                "became of one, in Python clip.retry().",
                unanswered,
            ): unanswered,
            ngettext(
                "{count} clip of the demo service ended unfinished.",
                "{count} clips of the demo service ended unfinished.",
                unfinished,
            ): unfinished,
            ngettext(
                "{count} film was not made in time: run this again.",
                "{count} films were not made in time: run this again.",
                unmade,
            ): unmade,
            ngettext(
                "{count} clip is made but not saved here; to save it, run this again or say %luma resume.",
                "{count} clips are made but not saved here; to save them, run this again or say %luma resume.",
                unsaved,
            ): unsaved,
        }
        return "\n".join(f"luma_jupyter: {line.format(count=count)}" for line, count in lines.items() if count)


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
