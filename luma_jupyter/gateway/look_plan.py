"""When a vendor is asked of which task: pure scheduling, of the tasks that one process follows at this moment.

A request takes along as many tasks as the vendor allows, of those that are at least half-way to their next look: they
cost little more, and so the tasks of a whole class come into step.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from luma_jupyter.domain.duration_model import DurationModel
from luma_jupyter.domain.task import TaskState
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER

UNKNOWN_PAUSE = 10.0  # seconds, at most, until a task is looked at again that the vendor does not know yet


@dataclass(eq=False)
class Followed:
    """A submission whose task is followed; times are Unix seconds.

    ``planned``: its next look, ``halfway``: from when on a request takes it along, ``ran_at``: when it was last seen
    running, ``looks``: how often it was looked at since it was taken on.
    """

    id: int
    task_id: str
    sent_at: float
    planned: float
    halfway: float
    ran_at: float
    looks: int = 0
    looking: bool = field(default=False, repr=False)


class LookPlan:
    """The tasks of one vendor. ``model``: how long they take."""

    def __init__(self, model: DurationModel, batch_size: int) -> None:
        self.model = model
        self._batch_size = batch_size
        self._tasks: dict[int, Followed] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def take_on(self, id: int, task_id: str, sent_at: float, due: float, first: bool, now: float) -> None:
        """Follow a task whose next look is ``due``; ``first``: it was never looked at, so that the model says when.

        One that is followed already is looked at when that is due, at the latest. Where the clock was put back since,
        it was sent just now.
        """
        sent_at = min(sent_at, now)
        if known := self._tasks.get(id):
            known.planned = min(known.planned, due)
            return
        planned = max(due, sent_at + self.model.next_poll(0.0)) if first else due
        elapsed = max(0.0, now - sent_at)
        gap = self.model.next_poll(elapsed, self._batch_size) - elapsed
        ran_at = max(sent_at, planned - gap)  # about when it was looked at last
        self._tasks[id] = Followed(id, task_id, sent_at, planned, (ran_at + planned) / 2, ran_at)

    def batch(self, now: float) -> list[Followed]:
        """The tasks of the next request; none where none is due."""
        free = [task for task in self._tasks.values() if not task.looking]
        if min((task.planned for task in free), default=math.inf) > now:
            return []
        ready = (task for task in free if task.halfway <= now or task.planned <= now)
        chosen = heapq.nsmallest(self._batch_size, ready, key=lambda task: task.planned)
        for task in chosen:
            task.looking = True
            task.looks += 1
        return chosen

    def soonest(self) -> float:
        """When the next look is due; infinite where there is none."""
        return min((task.planned for task in self._tasks.values() if not task.looking), default=math.inf)

    def runs_on(self, task: Followed, state: TaskState | None, together: int, now: float) -> None:
        """Plan the next look at a task that runs on, in a request for so many; None: it is not known there yet."""
        elapsed = now - task.sent_at
        planned = task.sent_at + self.model.next_poll(elapsed, together)
        if state:
            task.ran_at = now
            planned = max(planned, now + min(state.retry_after or 0.0, LONGEST_RETRY_AFTER))
        else:
            planned = min(planned, now + UNKNOWN_PAUSE)
        task.planned, task.halfway, task.looking = planned, (now + planned) / 2, False

    def put_back(self, tasks: Iterable[Followed], at: float) -> None:
        """Plan tasks anew of which nothing was learned."""
        for task in tasks:
            task.planned, task.halfway, task.looking = at, at, False

    def let_go(self, task: Followed) -> None:
        """Follow a task no longer."""
        self._tasks.pop(task.id, None)

    @property
    def tasks(self) -> Sequence[Followed]:
        """All that are followed."""
        return list(self._tasks.values())


def ended_at(task: Followed, state: TaskState, now: float) -> float:
    """When a task has ended: as the vendor says, else half-way between the last two looks."""
    if state.seconds is not None:
        return min(now, task.sent_at + state.seconds)
    return (task.ran_at + now) / 2
