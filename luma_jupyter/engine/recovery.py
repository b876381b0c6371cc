"""How a task stands when the kernel that followed it is gone, and from where it goes on."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from urllib.parse import urlsplit

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.journal import Entry
from luma_jupyter.errors import ClipCancelled, ClipDetached, ClipFailed, ClipUnconfirmed
from luma_jupyter.languages import N_
from luma_jupyter.providers.protocol import ProviderClient

CONNECT_TIMEOUT = 0.25  # seconds; on loopback the answer comes at once


def recovered(entry: Entry, demo_url: str | None) -> Entry:
    """An entry as it stands when the kernel that followed it is gone; ``demo_url`` is this kernel's demo service.

    A demo task ends with the service that made it, and a film with the kernel. A sent request without an answer is
    unconfirmed, unless a class gateway can be asked again; one that never left is cancelled; all else can be followed
    again.
    """
    task = entry.task
    if entry.alive or task.status is Status.COMPLETED or task.status.without_task:
        return entry
    if not task.real and task.base_url and task.base_url != demo_url:
        message = N_("The demo service that made it ended with its kernel: run the cell again.")
        return _ended(entry, status=Status.FAILED, error=ClipFailed(message))
    if task.status.ended:
        return entry
    if task.task_id:
        message = N_(f"The kernel that watched it ended; it may still run and be billed (task id {task.task_id}).")
        return _ended(entry, status=Status.DETACHED, error=ClipDetached(message))
    if task.sent_at and task.gateway:
        return _ended(entry, status=Status.DETACHED, error=unanswered(N_("The kernel ended.")))
    if task.sent_at:
        message = unconfirmed_message(task, N_("the kernel ended before an answer came."))
        return _ended(entry, status=Status.UNCONFIRMED, error=ClipUnconfirmed(message))
    message = N_("The kernel ended before anything was sent: nothing was paid.")
    if task.provider == "local":
        message = N_("The kernel ended before the film was made: run the cell again.")
    return _ended(entry, status=Status.CANCELLED, error=ClipCancelled(message))


def is_served(task: Task) -> bool:
    """Whether the demo service that made a task may still live: something accepts connections at its port.

    A stopped task has no owner whom one could ask for; its kernel can resume it as long as its service runs.
    """
    if task.provider != "demo":
        return False
    try:
        socket.create_connection(("127.0.0.1", urlsplit(task.base_url).port or 0), CONNECT_TIMEOUT).close()
    except (OSError, ValueError):  # ValueError: no port
        return False
    return True


def _ended(entry: Entry, **changes: object) -> Entry:
    known_until = entry.task.sent_at or entry.task.created_at
    return replace(entry, task=entry.task.evolve(ended_at=known_until, **changes))


def resumed(task: Task) -> Task:
    """A task at the point from which its run goes on: a film is made from the beginning."""
    if task.provider == "local":
        return task.evolve(status=Status.QUEUED, error=None, problem=None, ended_at=None, video=None, making=None)
    status = Status.SAVING if task.video else Status.RUNNING if task.task_id else Status.QUEUED
    ended = task.ended_at if task.video else None  # fetching its file again is no part of the time that it took
    return task.evolve(status=status, error=None, problem=None, ended_at=ended)


def unanswered(why: str) -> ClipDetached:
    """What a task ends with that a class gateway is asked for again; ``why`` is a sentence."""
    return ClipDetached(f"{why} {N_('The class gateway had not answered yet; asking again cannot pay twice.')}")


def unconfirmed_message(task: Task, reason: str, advice: str | None = None) -> str:
    """What is known of a request that was sent and not answered, and what can be done; both are sentences."""
    sent = time.strftime("%H:%M:%S on %Y-%m-%d", time.localtime(task.sent_at))
    return " ".join(
        [
            N_(f"Sent at {sent}, no usable answer: {reason}"),
            N_("It may be running and may be billed, so it is not sent again by itself."),
            advice or _advice(task),
        ]
    )


def _advice(task: Task) -> str:
    """What can be done about an unconfirmed request."""
    name, service = task.name or "NAME", task.service_name
    if task.gateway:
        return N_(
            f"`%luma retry {name}` (in Python `{name}.retry()`) asks the class gateway again, which cannot pay twice; "
            "your teacher sees what became of it."
        )
    has_key = task.request.action == "modify"  # RunAPI's requests carry an idempotency key
    retry = N_(
        f"`%luma retry {name}` (in Python `{name}.retry()`) sends it again under the same idempotency key."
        if has_key
        else f"`%luma retry {name}` (in Python `{name}.retry()`) looks for it, and pays nothing twice unasked."
    )
    if not task.real:  # the demo service has no console
        return retry
    look = N_(f"Look at your tasks in {service}'s console.")
    return f"{look} {retry}"


def can_repeat(task: Task, client: ProviderClient) -> bool:
    """Whether a request that was sent before makes nothing new where it is sent again: there it is known by its key."""
    return client.repeatable and task.base_url == client.base_url and has_its_key(task, client)


def has_its_key(task: Task, client: ProviderClient) -> bool:
    """Whether a client has the key that a request was sent with before; earlier versions wrote nothing down of it."""
    return task.account in ("", client.account)
