"""The engine of a kernel: takes specs, checks all that can be checked before anything is sent, and keeps the tasks.

A request that was made before is answered by what came of it: nothing is paid twice unless somebody asks for that.
`Engine.submit` is called from the user's thread; a task's run happens on the engine's loop (`run.runner`).
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from luma_jupyter.domain.duration_model import DurationModel
from luma_jupyter.domain.money import Price
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import FREE, Provider, Status
from luma_jupyter.engine.adoption import FoundTask, find_task, is_same_request
from luma_jupyter.engine.budget import Budget
from luma_jupyter.engine.costs import Costs
from luma_jupyter.engine.ending import WHY, Ending
from luma_jupyter.engine.films import FilmMaker, outline, save_copies
from luma_jupyter.engine.handle import Handle, Handles
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.folder import copy_into, ensure_folder
from luma_jupyter.engine.library.space import check_space, free_space
from luma_jupyter.engine.loop_thread import LoopThread, wait_for_all
from luma_jupyter.engine.notes import Notes
from luma_jupyter.engine.plan import Plan, make_plan
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.recovery import can_repeat, resumed
from luma_jupyter.engine.repository import Repository
from luma_jupyter.engine.reuse import (
    as_asked,
    cancel_unsent,
    choose_reusable,
    find_reusable,
    find_saved,
    with_films_checked,
    with_frames_read,
)
from luma_jupyter.engine.run.funds import Funds
from luma_jupyter.engine.run.options import RunOptions
from luma_jupyter.engine.run.runner import TaskRunner
from luma_jupyter.engine.services import Services
from luma_jupyter.engine.store.journal import Entry, Journal, Lease
from luma_jupyter.engine.task_spec import DEFAULT_TIMEOUT, TaskSpec
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError, NotConfirmed, with_message
from luma_jupyter.films.plan import FilmPlan
from luma_jupyter.interrupts import deferred_interrupt, interrupt_if_heard
from luma_jupyter.jitter import jitter
from luma_jupyter.operating_system import at_fork
from luma_jupyter.settings import KEY_SETTINGS, Settings, SettingsSource


class Engine:
    """Follows all tasks of a kernel. ``settings`` gives those of the moment.

    ``loop_thread``, ``providers``, ``clock`` (Unix seconds) and ``jitter`` (0 to 1) are passed in by tests, which may
    also set ``free_space``: how many bytes are free in a folder, and ``film_maker``. ``notices`` collects lines that
    the user should read once. ``on_start`` is called with the handle of each task that begins to be followed here.
    """

    def __init__(
        self,
        settings: SettingsSource,
        loop_thread: LoopThread | None = None,
        providers: ProviderPool | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = jitter,
    ) -> None:
        self._settings = settings
        self.loop_thread = loop_thread or LoopThread()
        self.providers = providers or ProviderPool(settings)
        self.services = Services(self.providers, self.loop_thread, clock)
        self.budget = Budget(self.providers, clock)
        self.handles = Handles()
        self.notices: list[str] = []
        self.free_space: Callable[[Path], int] = free_space
        self.film_maker = FilmMaker()
        self.on_start: Callable[[Handle], object] = lambda handle: None
        self._clock = clock
        self.repository = Repository(
            settings, self.handles, lambda: self.providers.demo_url, clock, self.notices.append
        )
        self.costs = Costs(settings, self.budget, self.loop_thread, self.repository)
        funds = Funds(settings, self.providers, self.budget, clock, self.notices.append, self.repository.today)
        self._runner = TaskRunner(settings, self.loop_thread, funds, self.repository, jitter, lambda: self.film_maker)
        at_fork(child=self._after_fork)

    def _after_fork(self) -> None:
        """In a forked child nothing is followed: its handles end as detached, and new tasks start on their own loop."""
        self.providers.reset()
        self._runner.reset()
        self.repository.exchanges.reset()
        for handle in self.handles.values():
            handle.detach_after_fork()

    @property
    def journal(self) -> Journal:
        """The journal in the home folder of this moment."""
        return self.repository.journal

    @property
    def notes(self) -> Notes:
        """A person's notes on tasks."""
        return self.repository.notes

    @property
    def is_following(self) -> bool:
        """Whether any task is followed here and has not ended."""
        return any(not handle.task.status.ended for handle in list(self.handles.values()))

    @property
    def demo_token(self) -> str:
        """The key of the demo service, which is started where it does not run. Raises ConfigError."""
        return self.providers.demo(self._settings().demo_seconds).token

    # Making videos.

    def plan(self, spec: TaskSpec) -> Plan:
        """Check a spec as far as is possible before sending it; nothing is sent or entered.

        Raises InvalidRequest for a service that there is not, or that cannot do the action.
        """
        return self.plan_all([spec])[0]

    def plan_all(self, specs: Sequence[TaskSpec]) -> list[Plan]:
        """As `plan`, of several specs, under the settings of one moment."""
        now, client_for = self._settings(), cache(self.providers.client)

        def check(spec: TaskSpec) -> Plan:
            return make_plan(spec, now, client_for, self.budget)

        plans = with_frames_read([check(spec) for spec in specs], self.repository, check)
        return with_films_checked(plans, self.repository, self.film_maker)

    def outline(self, spec: TaskSpec) -> FilmPlan:
        """What making a film would come to; nothing is made. Raises as `outline` in `engine.films` does."""
        return outline(spec, self.film_maker)

    def find_earlier(self, plan: Plan) -> Task | None:
        """The task that answers a request without anything being sent, if there is one; raises as `submit` does."""
        (entry,) = find_reusable([plan], self.repository)
        return entry.task if entry else None

    def with_earlier(self, plans: Sequence[Plan]) -> list[Plan]:
        """The plans with what answers them, as `find_earlier` finds it."""
        found = find_reusable(plans, self.repository)
        return [replace(plan, earlier=entry) if entry else plan for plan, entry in zip(plans, found, strict=True)]

    def new_of(self, plans: Sequence[Plan]) -> list[Plan]:
        """The plans that no earlier task answers."""
        return [plan for plan in self.with_earlier([plan for plan in plans if not plan.earlier]) if not plan.earlier]

    def submit(self, plan: Plan) -> Handle:
        """Answer a request by what an equal one came to, or begin a task's run; returns at once.

        Raises InvalidRequest, ConfigError or OverBudget when it cannot be sent as it is, NotConfirmed where the plan
        says that an earlier task answers it, and none does any more; then nothing was sent, and no task exists.
        """
        return self.submit_all([plan])[0]

    def submit_all(self, plans: Sequence[Plan]) -> list[Handle]:
        """As `submit`, of several plans: all that are new are sent, or none.

        What was sent an error says, where another one cannot be had that was made before.
        """
        prices = self.costs.prices_to_count(plans)
        with deferred_interrupt():  # what was entered is also begun, and told
            try:
                found = self._enter(plans, prices)
            except ConfigError:  # also of a journal that cannot be written; to play what is there, it is not needed
                earlier = find_reusable(plans, self.repository)
                if None in earlier:
                    raise
                found = [entry for entry in earlier if entry]
            new = [one for one in found if isinstance(one, Handle)]
            for one, plan in zip(found, plans, strict=True):
                if isinstance(one, Handle):
                    one.copies.update(self._copies(plan))
                    self._start(one, _run_options(plan))
        try:
            return [
                one if isinstance(one, Handle) else self._answer(one, plan)
                for one, plan in zip(found, plans, strict=True)
            ]
        except LumaError as error:
            if not new:
                raise
            raise with_message(error, f"{len(new):,} new ones were sent, and are being watched; but: {error}") from None

    def _answer(self, entry: Entry, plan: Plan) -> Handle:
        """The handle on what answers a plan."""
        handle = self._join(entry, _run_options(plan), plan.settings)
        copies = self._copies(plan)
        film = handle.add_copies(copies)
        if handle.task.status is Status.COMPLETED:  # so nothing more is written down of it
            handle.task = as_asked(handle.task, plan)
            film = handle.task.path
        if film:
            save_copies(film, copies)
        return handle

    def _copies(self, plan: Plan) -> set[Path]:
        """As which files a film is saved too; none that was asked for before is saved as these any more."""
        if plan.spec.out is None:
            return set()
        for handle in list(self.handles.values()):  # another thread may add one meanwhile
            if not handle.task.status.ended:
                handle.drop_copies({plan.spec.out})
        return {plan.spec.out}

    def _enter(self, plans: Sequence[Plan], prices: Sequence[Price]) -> list[Handle | Entry]:
        """Enter new tasks into the journal, or find what answers them: decided in one moment, for all kernels.

        All of them are entered, or none.
        """
        intents, journal = [uuid.uuid4().hex for _ in plans], self.journal
        found: list[Handle | Entry | None] = [_completed_earlier(plan) for plan in plans]
        open_ones = [number for number, entry in enumerate(found) if entry is None]
        open_plans = [plans[number] for number in open_ones]
        saved = find_saved(open_plans, self.repository)
        with self._transaction(*intents):
            looked_up = find_reusable(open_plans, self.repository, saved)
            for number, entry in zip(open_ones, looked_up, strict=True):
                found[number] = entry
            new = [number for number in open_ones if found[number] is None]
            if any(plans[number].earlier for number in new):  # what was said of number and price holds no more
                raise NotConfirmed(
                    "Nothing was sent: a clip that would have answered one of these without charge has ended without a "
                    "video meanwhile. Run the cell again."
                )
            if new:
                self._check([(plans[number], prices[number]) for number in new])
                cancel_unsent([plans[number] for number in new if not plans[number].spec.again], self.repository)
            for number in new:
                task = plans[number].new_task(intents[number], prices[number], self._clock())
                if plans[number].spec.again:
                    times = self.repository.times_made(plans[number].spec, saved, plans[number].settings)
                    task = task.evolve(again=times)
                lease = journal.add(task)
                found[number] = self.handles[task.intent] = self._followed(task, lease)
            return [one for one in found if one]

    def _check(self, new: Sequence[tuple[Plan, Price]]) -> None:
        """Make sure that new tasks can be sent, saved and paid for. Raises InvalidRequest, ConfigError, OverBudget."""
        calls = [(provider, price) for plan, price in new if (provider := plan.preview.provider) != "local"]
        now = new[0][0].settings
        ensure_folder(now.media_folder, self.repository.media.own)
        if any(provider not in FREE for provider, _ in calls):
            check_space(now.media_folder, self.repository.last_sizes, self.free_space)
        self.costs.check(calls, now)

    def resume(
        self, intent: str, *, timeout: float = DEFAULT_TIMEOUT, resend: bool = False, may_pay_twice: bool = False
    ) -> Handle:
        """Watch a task again that nobody watches, or fetch its file again; returns at once.

        An unconfirmed one is looked for. Where that finds nothing, ``resend`` sends it again at a service that knows
        repeated requests by their key, and ``may_pay_twice`` anywhere. Raises InvalidRequest where there is nothing to
        resume, ConfigError without a key, OverBudget where paying twice would pass the budget.
        """
        now = self._settings()
        found = self.journal.find(intent)
        if found is None:
            raise InvalidRequest("Nothing is written down of this clip on this computer: run its cell again.")
        entry = self.repository.recovered(found)
        if (what := entry.task.status).without_task:
            raise InvalidRequest(f"It ended as {what}, for good: run its cell again for a new one.")
        if entry.task.provider == "local" and not entry.alive and choose_reusable([entry], "local") is None:
            raise InvalidRequest("The file of the film is gone: run its cell again to make it anew.")
        if entry.task.status is not Status.UNCONFIRMED:
            return self._join(entry, RunOptions(timeout=timeout), now)
        repeats = can_repeat(entry.task, self.providers.client(entry.task.provider, entry.task.request.action))
        send = may_pay_twice or (resend and repeats)
        if send:
            check_space(now.media_folder, self.repository.last_sizes, self.free_space)
        price = None
        if send and not repeats:
            price = self.costs.countable_price(entry.task.provider, entry.task.request.action, now)
            self.costs.check([(entry.task.provider, price)], now)  # again a moment before it is sent
        options = RunOptions(timeout=timeout, unconfirmed=True, resend=send, price=price, ended_at=entry.task.ended_at)
        return self._acquire(found, resumed(entry.task.evolve(media=now.media_folder)), options)

    def may_send_again(self, intent: str, *, may_pay_twice: bool) -> bool:
        """Whether `resume` with ``resend`` sends a task again, should its service not have it. Raises ConfigError."""
        found = self.journal.find(intent)
        task = self.repository.recovered(found).task if found else None
        if task is None or task.status is not Status.UNCONFIRMED:
            return False
        return may_pay_twice or can_repeat(task, self.providers.client(task.provider, task.request.action))

    def watch(self, task: Task) -> Handle:
        """The handle on a task of some kernel, which is watched, unless it has ended; nothing is resumed, or sent."""
        entry = self.repository.recovered(self.journal.find(task.intent) or Entry(task))
        if entry.task.status.ended:
            return Handle(entry.task)
        return self._join(entry, RunOptions(asked_for=False), self._settings())

    def finish(self, grace: float, *, tell_later: bool = False) -> Ending:
        """End in good order: stop following everything, and give what is under way ``grace`` seconds to be answered.

        What is queued is not sent; a submission that has left gets its answer, a finished video its file. Blocks
        meanwhile. What goes on at a service can be followed again by another kernel. ``tell_later``: nobody hears of it
        now, so the next kernel says what was not sent.
        """
        handles = self._runner.followed
        if handles:
            self.loop_thread.call_and_wait(lambda: self._runner.stop_all(WHY, tell_later=tell_later), grace)
            wait_for_all((handle.done for handle in handles), grace)
        return Ending([handle.task for handle in handles])

    def close(self) -> None:
        """Let go of all tasks as they stand, and close what was opened: connections, thread, journals, demo service.

        Blocks a moment. Nothing more is written down or told of a task; `finish` comes before this.
        """
        for handle in list(self.handles.values()):
            handle.abandon()
        self.loop_thread.close(self.providers.aclose)
        self._runner.reset()
        self.repository.close()
        self.providers.close()

    def adopt(self, task_id: str, provider: Provider | None = None) -> Handle:
        """Follow a task of a service that was made elsewhere, or lost here; free. Blocks while it is looked up.

        An id that the journal has joins its clip; one that an unconfirmed clip was waiting for settles that clip.
        Raises InvalidRequest where no service knows it.
        """
        now = self._settings()
        if known := self.journal.find_task_id(task_id):
            return self._join(self.repository.recovered(known), RunOptions(), now)
        keyed = [name for name in KEY_SETTINGS if getattr(now, KEY_SETTINGS[name]) is not None]
        found = self.loop_thread.run(find_task(task_id, [provider] if provider else keyed or ["demo"], self.providers))
        ensure_folder(now.media_folder, self.repository.media.own)
        with deferred_interrupt():
            with self.journal.transaction():  # others may have come to have it while it was looked up
                known = self.journal.find_task_id(task_id)
                if known is None:
                    task, lease = self._enter_found(found, now)
            if known is None:
                handle = self.handles[task.intent] = self._followed(task, lease)
                return self._start(handle, RunOptions())
        return self._join(self.repository.recovered(known), RunOptions(), now)

    def _enter_found(self, found: FoundTask, now: Settings) -> tuple[Task, Lease]:
        """Enter a service's task: as that of the unconfirmed clip that waits for it, else as one of its own.

        In a transaction. Raises InvalidRequest while an equal request is under way: it may become that one's.
        """
        listed, client = found.listed, self.providers.client(found.provider, found.request.action)
        for entry in self.journal.unfinished():
            task = self.repository.recovered(entry).task
            if not task.sent_at or task.task_id or not is_same_request(task, found, client):
                continue
            if not task.status.ended:
                raise InvalidRequest(
                    "A clip of the same request is being sent, or looked for, and may come to have this task: "
                    "adopt it once that has ended."
                )
            accepted = resumed(task).evolve(status=Status.RUNNING, task_id=listed.task_id, trace_id=listed.trace_id)
            if lease := self.journal.acquire(entry, accepted):
                return accepted, lease
        task = found.new_task(uuid.uuid4().hex, now)
        return task, self.journal.add(task)

    # Handles: one for each intent that this kernel follows, or that it alone knows all about.

    def _start(self, handle: Handle, options: RunOptions) -> Handle:
        """Begin a task's run, and tell of it; its handle is let go at its end."""
        handle.followed = True
        handle.done.add_done_callback(lambda done: self._let_go(handle))
        self._runner.start(handle, options)
        self.on_start(handle)
        return handle

    def _let_go(self, handle: Handle) -> None:
        """Forget a task that has ended, where journal and media folder can tell all of it; who holds it keeps it."""
        task = handle.task
        settled = task.status.without_task or (task.status is Status.COMPLETED and task.path)
        if settled and task.problem is None and self.handles.get(task.intent) is handle:
            self.handles.pop(task.intent, None)

    def _join(self, entry: Entry, options: RunOptions, now: Settings) -> Handle:
        """The handle on a task that exists: the one of this kernel, or one that goes on where it was left."""
        task = entry.task
        if known := self._under_way(task.intent, options):
            return known
        if task.status is Status.COMPLETED and task.path and sidecars.whole_size(task.path) is not None:
            return self._ended(copy_into(now.media_folder, task, self.repository.media.own))
        if task.status is Status.UNCONFIRMED:
            return self._ended(task)
        if entry.alive:
            return self._watch(task.evolve(media=now.media_folder), options)
        ensure_folder(now.media_folder, self.repository.media.own)
        return self._acquire(entry, resumed(task.evolve(media=now.media_folder)), options)

    def _under_way(self, intent: str, options: RunOptions) -> Handle | None:
        """The handle of this kernel on a task that has not ended, which is asked for by now, if not before."""
        known = self.handles.get(intent)
        if known is None or known.task.status.ended:
            return None
        known.asked_for |= options.asked_for
        return known

    def _acquire(self, entry: Entry, task: Task, options: RunOptions) -> Handle:
        """Follow a task that nobody follows; watch it where another kernel was quicker."""
        if task.status is not Status.SAVING:
            self.providers.client(task.provider, task.request.action)  # without a key nobody can follow it
        with deferred_interrupt():
            with self._transaction(task.intent):
                if known := self._under_way(task.intent, options):  # another thread was quicker
                    return known
                lease = self.journal.acquire(entry, task)
                if lease:
                    handle = self.handles[task.intent] = self._followed(task, lease)
                    handle.reused = task.status is Status.SAVING  # only its file is to be fetched
            if lease:
                return self._start(handle, options)
        return self._watch(entry.task.evolve(media=task.media), options)

    def _watch(self, task: Task, options: RunOptions) -> Handle:
        if task.status.ended:
            task = resumed(task)
        with deferred_interrupt():
            handle = self.handles[task.intent] = Handle(task, self._clock, expect=self._expectation(task))
            handle.asked_for = options.asked_for
            return self._start(handle, replace(options, watching=True))

    def _ended(self, task: Task) -> Handle:
        handle = self.handles[task.intent] = Handle(task, self._clock)
        handle.reused = True
        self._let_go(handle)
        return handle

    def _followed(self, task: Task, lease: Lease) -> Handle:
        """The handle on a task that this kernel follows, and so writes down."""
        return Handle(task, self._clock, lease.write, self._expectation(task))

    def _expectation(self, task: Task) -> Callable[[], DurationModel]:
        return lambda: self._runner.durations.model(task.provider, task.request.action)

    @contextlib.contextmanager
    def _transaction(self, *intents: str) -> Iterator[None]:
        """A transaction in which intents may get new handles, which do not stay if it fails, or is interrupted."""
        before = {intent: self.handles[intent] for intent in intents if intent in self.handles}
        try:
            with self.journal.transaction():
                yield
                interrupt_if_heard()
        except BaseException:
            for intent in intents:
                self.handles.pop(intent, None)
            self.handles.update(before)  # not |=, which does not see to what is equal
            raise


def _completed_earlier(plan: Plan) -> Entry | None:
    """What answers a plan for good: its video is there, which nothing changes."""
    return plan.earlier if plan.earlier and plan.earlier.task.status is Status.COMPLETED else None


def _run_options(plan: Plan) -> RunOptions:
    spec = plan.spec
    return RunOptions(timeout=spec.follow_for, after=spec.after, frames=spec.frames, parts=spec.parts)
