"""Nothing is paid twice: the earlier task that answers a request which was made before.

`find_reusable` and `cancel_unsent` are called inside the journal's transaction in which a new task would be entered;
`find_saved` before it. What other kernels of this journal save is in the journal before it is in the folder, and of all
others no transaction keeps anybody; so nobody has to wait while the folder is looked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.library.sidecars import whole_size
from luma_jupyter.engine.plan import Plan
from luma_jupyter.engine.repository import Repository
from luma_jupyter.engine.store.journal import Entry
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ClipCancelled, InvalidRequest


def find_saved(plans: Sequence[Plan], repository: Repository) -> Mapping[str, Sequence[Task]]:
    """What the media folder has of equal requests, by fingerprint."""
    return repository.saved_equal([plan.spec for plan in plans], plans[0].settings) if plans else {}


def find_reusable(
    plans: Sequence[Plan], repository: Repository, saved: Mapping[str, Sequence[Task]] | None = None
) -> list[Entry | None]:
    """Of each plan the entry that answers it; from this kernel, the journal, the folder. ``again``: none does.

    ``saved`` is what `find_saved` found of them, where that was asked for before.

    Raises InvalidRequest where there was one that a damage of the journal has made unreadable: what became of it is
    unknown, and may be paid for.
    """
    asked = [plan for plan in plans if not plan.spec.again]
    if not asked:
        return [None] * len(plans)
    saved = find_saved(plans, repository) if saved is None else saved
    equal = repository.equal_requests([plan.spec for plan in asked], saved, asked[0].settings)
    chosen = [choose_reusable(found.values(), plan.provider) for plan, found in zip(asked, equal, strict=True)]
    unknown = [plan.spec for plan, entry in zip(asked, chosen, strict=True) if not entry and plan.provider != "demo"]
    if unknown and (lost := repository.lost(unknown)):
        raise InvalidRequest(_lost_message(lost))
    answers = iter(chosen)
    return [None if plan.spec.again else next(answers) for plan in plans]


def _lost_message(task_ids: Sequence[str | None]) -> str:
    known = next(filter(None, task_ids), None)
    adopt = f"`%luma adopt {known}` brings it back, free" if known else "look at your tasks in the service's console"
    return (
        "This was asked for before, and the damaged journal does not tell any more what came of it, so nothing was "
        f"sent: {adopt}; --again (in Python again=True) makes a new one."
    )


def choose_reusable(entries: Iterable[Entry], provider: Provider | None) -> Entry | None:
    """The recovered entry that answers a request which would go to ``provider`` (None: nowhere, a key is missing).

    Real before demo, then the newest. A demo clip answers only what would go to demo, and a completed one only with
    its file.
    """
    usable = [
        entry
        for entry in entries
        if not entry.task.status.without_task
        and (entry.task.real or (provider == "demo" and _has_what_it_made(entry.task)))
    ]
    return max(usable, key=lambda entry: (entry.task.real, entry.task.created_at), default=None)


def _has_what_it_made(task: Task) -> bool:
    return task.status is not Status.COMPLETED or (task.path is not None and whole_size(task.path) is not None)


def cancel_unsent(specs: Iterable[TaskSpec], repository: Repository) -> None:
    """End equal requests that a silent kernel has entered and not sent: should it wake up, it must not send."""
    for entry in repository.journal.find_equal(*(spec.fingerprint for spec in specs)):
        task = repository.recovered(entry).task
        if entry.task.status is Status.CANCELLED or task.status is not Status.CANCELLED:
            continue
        message = "Its kernel was silent, nothing was sent, and another one asked for the same: run the cell again."
        if lease := repository.journal.acquire(entry, task):
            lease.write(task.evolve(error=ClipCancelled(message)))
