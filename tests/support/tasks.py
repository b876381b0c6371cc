"""Tasks with few particulars; in a module that imports little, for many processes at once begin with it."""

from __future__ import annotations

from typing import Any

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status

EPOCH = 1_700_000_000.0


def a_task(number: int = 1, **changes: Any) -> Task:
    """A task with few particulars, made so many seconds after the epoch."""
    task = Task(
        intent=f"{number:032x}",
        request=GenerateRequest(prompt=f"Film {number}"),
        provider="acedata",
        status=Status.QUEUED,
        created_at=EPOCH + number,
        filename=f"film-{number}.mp4",
        fingerprint=f"{number:064x}",
    )
    return task.evolve(**changes)
