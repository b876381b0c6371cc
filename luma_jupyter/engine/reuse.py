"""Nothing is paid twice: the earlier task that answers a request which was made before.

`find_reusable` and `cancel_unsent` are called inside the journal's transaction in which a new task would be entered;
`find_saved` before it. What other kernels of this journal save is in the journal before it is in the folder, and of all
others no transaction keeps anybody; so nobody has to wait while the folder is looked through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import FREE, Provider, Status
from luma_jupyter.engine.films import FilmMaker, check_film
from luma_jupyter.engine.frames import name_frames, read_frames
from luma_jupyter.engine.library.film_files import discard_unfinished
from luma_jupyter.engine.library.sidecars import whole_size
from luma_jupyter.engine.plan import Plan
from luma_jupyter.engine.repository import Repository
from luma_jupyter.engine.store.journal import Entry
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ClipCancelled, InvalidRequest, LumaError
from luma_jupyter.languages import N_


def find_saved(plans: Sequence[Plan], repository: Repository) -> Mapping[str, Sequence[Task]]:
    """What the media folder has of equal requests, by fingerprint."""
    specs = [spec for plan in plans for spec in plan.asked]
    return repository.saved_equal(specs, plans[0].settings) if specs else {}


def find_reusable(
    plans: Sequence[Plan], repository: Repository, saved: Mapping[str, Sequence[Task]] | None = None
) -> list[Entry | None]:
    """Of each plan the entry that answers it; from this kernel, the journal, the folder. ``again``: none does.

    ``saved`` is what `find_saved` found of them, where that was asked for before.

    Raises InvalidRequest where there was one that a damage of the journal has made unreadable: what became of it is
    unknown, and may be paid for.
    """
    chosen = _find_answers(plans, repository, find_saved(plans, repository) if saved is None else saved)
    unknown = [
        spec
        for plan, entry in zip(plans, chosen, strict=True)
        if not (entry or plan.spec.again or plan.provider in FREE)
        for spec in plan.asked
    ]
    if unknown and (lost := repository.lost(unknown)):
        raise InvalidRequest(_lost_message(lost))
    return chosen


def _find_answers(
    plans: Sequence[Plan], repository: Repository, saved: Mapping[str, Sequence[Task]]
) -> list[Entry | None]:
    asked = [plan for plan in plans if not plan.spec.again]
    if not asked:
        return [None] * len(plans)
    specs = [spec for plan in asked for spec in plan.asked]
    equal = iter(repository.equal_requests(specs, saved, asked[0].settings))
    found = [[entry for _ in plan.asked for entry in next(equal).values()] for plan in asked]
    answers = iter([choose_reusable(entries, plan.provider) for plan, entries in zip(asked, found, strict=True)])
    return [None if plan.spec.again else next(answers) for plan in plans]


def with_frames_read(plans: Sequence[Plan], repository: Repository, check: Callable[[TaskSpec], Plan]) -> list[Plan]:
    """The plans; those that nothing answers with their frames read, as far as their clips are done.

    ``check`` makes a plan of a spec. Reads files, so no other kernel must have to wait for it.
    """
    framed = [number for number, plan in enumerate(plans) if plan.spec.frames]
    asked = [plans[number] for number in framed]
    answers = _find_answers(asked, repository, find_saved(asked, repository))
    unanswered = {number for number, entry in zip(framed, answers, strict=True) if entry is None}
    return [_with_frames_read(plan, check) if number in unanswered else plan for number, plan in enumerate(plans)]


def with_films_checked(plans: Sequence[Plan], repository: Repository, maker: FilmMaker) -> list[Plan]:
    """The plans; films that nothing answers only where they can be made, as far as their files are there.

    Reads files, so no other kernel must have to wait for it.
    """
    films = [plan for plan in plans if plan.provider == "local" and plan.sendable]
    answers = _find_answers(films, repository, find_saved(films, repository))
    new = {id(plan) for plan, entry in zip(films, answers, strict=True) if entry is None}
    return [_with_film_checked(plan, maker) if id(plan) in new else plan for plan in plans]


def _with_film_checked(plan: Plan, maker: FilmMaker) -> Plan:
    try:
        check_film(plan.spec, maker)
    except LumaError as error:
        return replace(plan, sendable=None, refusal=error)
    return plan


def _with_frames_read(plan: Plan, check: Callable[[TaskSpec], Plan]) -> Plan:
    spec = plan.spec
    try:
        request = read_frames(spec.request, {field: handle.task for field, handle in spec.frames.items()})
    except LumaError as error:
        return replace(plan, sendable=None, refusal=plan.refusal or error)
    if request == spec.request:
        return plan
    read = replace(spec, request=request)
    return replace(check(read), spec=spec, read=read)


def as_asked(task: Task, plan: Plan) -> Task:
    """A task that answers a plan; of one that an earlier version made of pictures, with their clips named."""
    if plan.read is None or task.fingerprint != plan.read.fingerprint:
        return task
    return task.evolve(request=name_frames(task.request, plan.spec.request))


def _lost_message(task_ids: Sequence[str | None]) -> str:
    known = next(filter(None, task_ids), None)
    look = N_("Look at your tasks in the service's console.")
    return " ".join(
        [
            N_("This was asked for before, and the damaged journal has lost what came of it, so nothing was sent."),
            N_(f"`%luma adopt {known}` brings it back, free.") if known else look,
            N_("--again (in Python again=True) makes a new one."),
        ]
    )


def choose_reusable(entries: Iterable[Entry], provider: Provider | None) -> Entry | None:
    """The recovered entry that answers a request which would go to ``provider`` (None: nowhere, a key is missing).

    Real before demo, then the newest. A demo clip answers only what would go to demo, as a film is answered by a film;
    a completed one only with its file.
    """
    usable = [
        entry
        for entry in entries
        if not entry.task.status.without_task
        and (entry.task.real or (entry.task.provider == provider and _has_what_it_made(entry)))
    ]
    return max(usable, key=lambda entry: (entry.task.real, entry.task.created_at), default=None)


def _has_what_it_made(entry: Entry) -> bool:
    task = entry.task
    if task.status is Status.COMPLETED:
        return task.path is not None and whole_size(task.path) is not None
    return entry.alive or task.provider != "local"


def cancel_unsent(plans: Iterable[Plan], repository: Repository) -> None:
    """End equal requests that a silent kernel has entered and not sent: should it wake up, it must not send."""
    for entry in repository.journal.find_equal(*(spec.fingerprint for plan in plans for spec in plan.asked)):
        task = repository.recovered(entry).task
        if entry.task.status is Status.CANCELLED or task.status is not Status.CANCELLED:
            continue
        message = N_("Its kernel was silent, nothing was sent, and another one asked for the same: run the cell again.")
        if task.provider == "local":
            message = str(task.error)
            discard_unfinished(task, repository.media.own)
        repository.journal.acquire(entry, task.evolve(error=ClipCancelled(message)))
