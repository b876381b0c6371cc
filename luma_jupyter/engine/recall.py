"""What an earlier entry means now: how a task stands that nobody follows, and which one answers a request."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from luma_jupyter.choices import Provider
from luma_jupyter.engine.journal import Row
from luma_jupyter.engine.services import SERVICE_NAMES
from luma_jupyter.engine.sidecars import size_of_whole
from luma_jupyter.errors import ClipCancelled, ClipDetached, ClipFailed, ClipUnconfirmed
from luma_jupyter.models import Status, Task

_NOT_STANDING = (Status.FAILED, Status.CANCELLED)


def settled(row: Row, demo_url: str | None) -> Row:
    """A row as it stands when the kernel that followed it is gone; ``demo_url`` is this kernel's demo service.

    A demo task ends with the service that made it. A sent request without an answer is in doubt; one that never left is
    cancelled; all else can be followed again.
    """
    task = row.task
    known_until = task.sent_at or task.created_at
    if row.alive or task.status in (Status.COMPLETED, *_NOT_STANDING):
        return row
    if not task.real and task.base_url and task.base_url != demo_url:
        message = "The demo service that made it ended with its kernel: run the cell again."
        return replace(row, task=task.evolve(status=Status.FAILED, ended_at=known_until, error=ClipFailed(message)))
    if task.status.ended:
        return row
    if task.task_id:
        message = f"The kernel that followed it ended; it may still run and be billed (task id {task.task_id})."
        return replace(row, task=task.evolve(status=Status.DETACHED, ended_at=known_until, error=ClipDetached(message)))
    if task.sent_at:
        message = in_doubt(task, "the kernel ended before an answer came.")
        return replace(
            row, task=task.evolve(status=Status.UNCONFIRMED, ended_at=known_until, error=ClipUnconfirmed(message))
        )
    message = "The kernel ended before anything was sent: nothing was paid."
    return replace(row, task=task.evolve(status=Status.CANCELLED, ended_at=known_until, error=ClipCancelled(message)))


def standing(rows: Iterable[Row], wanted: Provider | None) -> Row | None:
    """The settled row that answers a request which would go to ``wanted`` (None: nowhere, a key is missing).

    Real before demo, then the newest. A demo clip answers only what would go to demo, and only with its file.
    """
    able = [
        row
        for row in rows
        if row.task.status not in _NOT_STANDING and (row.task.real or (wanted == "demo" and _is_there(row.task)))
    ]
    return max(able, key=lambda row: (row.task.real, row.task.created_at), default=None)


def _is_there(task: Task) -> bool:
    return task.status is not Status.COMPLETED or (task.path is not None and size_of_whole(task.path) is not None)


def revived(task: Task) -> Task:
    """A task at the point from which its life goes on."""
    status = Status.SAVING if task.video else Status.RUNNING if task.task_id else Status.QUEUED
    ended = task.ended_at if task.video else None  # fetching its file again is no part of the time that it took
    return task.evolve(status=status, error=None, problem=None, ended_at=ended)


def in_doubt(task: Task, finding: str, advice: str | None = None) -> str:
    """What is known of a request that was sent and not answered, and what can be done; both are sentences."""
    sent = time.strftime("%H:%M:%S on %Y-%m-%d", time.localtime(task.sent_at))
    name = task.name or "NAME"
    retry = f"`%luma retry {name}` (in Python `{name}.retry()`)"
    keyed = task.request.action == "modify"  # RunAPI's requests carry an idempotency key
    deed = "sends it again under the same idempotency key" if keyed else "looks for it, and pays nothing twice unasked"
    advice = advice or f"Look at your tasks in {SERVICE_NAMES[task.provider]}'s console; {retry} {deed}."
    return (
        f"Sent at {sent}, no usable answer: {finding} It may be running and may be billed, so it is not sent again "
        f"by itself. {advice}"
    )
