"""The engine of a kernel: takes specs, checks all that can be checked before anything is sent, and keeps the tasks.

A request that was made before is answered by what came of it: nothing is paid twice unless somebody asks for that.
`Engine.submit` is called from the user's thread; a task's run happens on the engine's loop (`run.runner`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from luma_jupyter.domain.duration_model import DurationModel
from luma_jupyter.domain.money import Balance, Price
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Action, Provider, Status
from luma_jupyter.engine.budget import Budget
from luma_jupyter.engine.ending import WHY, Ending
from luma_jupyter.engine.fork import at_fork
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.folder import check_space, copy_into, ensure_folder, free_space
from luma_jupyter.engine.loop_thread import LoopThread, deferred_interrupt, wait_for_all
from luma_jupyter.engine.plan import Plan, make_plan
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.recovery import resumed
from luma_jupyter.engine.repository import Repository
from luma_jupyter.engine.run.options import RunOptions
from luma_jupyter.engine.run.runner import TaskRunner
from luma_jupyter.engine.store.journal import Entry, Journal, Lease
from luma_jupyter.engine.task_spec import DEFAULT_TIMEOUT, TaskSpec
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError
from luma_jupyter.settings import Settings, SettingsSource


class Engine:
    """Follows all tasks of a kernel. ``settings`` gives those of the moment.

    ``loop_thread``, ``providers``, ``clock`` (Unix seconds) and ``jitter`` (0 to 1) are passed in by tests, which may
    also set ``free_space``: how many bytes are free in a folder. ``notices`` collects lines that the user should read
    once.
    """

    def __init__(
        self,
        settings: SettingsSource,
        loop_thread: LoopThread | None = None,
        providers: ProviderPool | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self.loop_thread = loop_thread or LoopThread()
        self.providers = providers or ProviderPool(settings)
        self.budget = Budget(self.providers, clock)
        self.handles: dict[str, Handle] = {}
        self.notices: list[str] = []
        self.free_space: Callable[[Path], int] = free_space
        self._clock = clock
        self.repository = Repository(
            settings, self.handles, lambda: self.providers.demo_url, clock, self.notices.append
        )
        self._runner = TaskRunner(settings, self.loop_thread, self.providers, self.repository, jitter)
        at_fork(child=self._after_fork)

    def _after_fork(self) -> None:
        """In a forked child nothing is followed: its handles end as detached, and new tasks start on their own loop."""
        self.providers.reset()
        self._runner.reset()
        for handle in self.handles.values():
            handle.detach_after_fork()

    @property
    def journal(self) -> Journal:
        """The journal in the home folder of this moment."""
        return self.repository.journal

    # Making videos.

    def plan(self, spec: TaskSpec) -> Plan:
        """Check a spec as far as is possible before sending it; nothing is sent or entered.

        Raises InvalidRequest for a service that there is not, or that cannot do the action.
        """
        return make_plan(spec, self._settings(), self.providers, self.budget)

    def find_earlier(self, plan: Plan) -> Task | None:
        """The task that answers a request without anything being sent, if there is one."""
        entry = self.repository.find_reusable(plan.spec, plan.provider, plan.settings)
        return entry.task if entry else None

    def submit(self, plan: Plan) -> Handle:
        """Answer a request by what an equal one came to, or begin a task's run; returns at once.

        Raises InvalidRequest, ConfigError or OverBudget when it cannot be sent as it is; then nothing was, and no task
        exists.
        """
        options = RunOptions(timeout=plan.spec.follow_for, after=plan.spec.after)
        price = self._price_to_count(plan)
        with deferred_interrupt():  # what was entered is also begun
            try:
                found = self._enter(plan, price)
            except ConfigError:  # also of a journal that cannot be written; to play what is there, it is not needed
                earlier = self._find_reusable(plan)
                if earlier is None:
                    raise
                found = earlier
            if isinstance(found, Handle):
                return self._runner.start(found, options)
        return self._join(found, options, plan.settings)

    def _enter(self, plan: Plan, price: Price) -> Handle | Entry:
        """Enter a new task into the journal, or find what answers it: decided in one moment, for all kernels."""
        intent = uuid.uuid4().hex
        with self._transaction(intent):
            if found := self._find_reusable(plan):
                return found
            provider = plan.preview.provider
            ensure_folder(plan.settings.media_folder)
            if provider != "demo":
                check_space(plan.settings.media_folder, self.free_space)
            self.budget.check(price, provider, self.repository.today, plan.settings)
            if not plan.spec.again:
                self.repository.cancel_unsent(plan.spec)
            task = self._new_task(intent, plan, price)
            lease = self.journal.add(task)
            handle = self.handles[intent] = self._followed(task, lease)
            return handle

    def _find_reusable(self, plan: Plan) -> Entry | None:
        if plan.spec.again:
            return None
        return self.repository.find_reusable(plan.spec, plan.provider, plan.settings)

    def _new_task(self, intent: str, plan: Plan, price: Price) -> Task:
        spec = plan.spec
        return Task(
            intent=intent,
            request=spec.request,
            provider=plan.preview.provider,
            status=Status.QUEUED,
            created_at=self._clock(),
            filename=sidecars.video_file_name(spec.request.prompt, intent[:8]),
            fingerprint=spec.fingerprint,
            media=plan.settings.media_folder,
            folder=plan.settings.folder,
            source_label=spec.label,
            source_intent=spec.source_intent,
            name=spec.name,
            price=price.usd,
        )

    def resume(
        self, intent: str, *, timeout: float = DEFAULT_TIMEOUT, resend: bool = False, may_pay_twice: bool = False
    ) -> Handle:
        """Follow a task again that nobody follows, or fetch its file again; returns at once.

        An unconfirmed one is looked for. Where that finds nothing, ``resend`` sends it again at a service that knows
        repeated requests by their key, and ``may_pay_twice`` anywhere. Raises InvalidRequest where there is nothing to
        resume, ConfigError without a key, OverBudget where paying twice would pass the budget.
        """
        now = self._settings()
        found = self.journal.find(intent)
        if found is None:
            raise InvalidRequest("The journal on this machine does not know this clip: run its cell again.")
        entry = self.repository.recovered(found)
        if entry.task.status.without_task:
            raise InvalidRequest(f"It ended as {entry.task.status}, for good: run its cell again for a new one.")
        if entry.task.status is not Status.UNCONFIRMED:
            return self._join(entry, RunOptions(timeout=timeout), now)
        client = self.providers.client(entry.task.provider, entry.task.request.action)
        send = may_pay_twice or (resend and client.repeatable)
        if send:
            check_space(now.media_folder, self.free_space)
        if send and not client.repeatable:
            price = self._countable_price(entry.task.provider, entry.task.request.action, now)
            self.budget.check(price, entry.task.provider, self.repository.today, now)
        options = RunOptions(timeout=timeout, unconfirmed=True, resend=send, ended_at=entry.task.ended_at)
        return self._acquire(found, resumed(entry.task), options)

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

    # Money.

    def price(self, provider: Provider, action: Action) -> Price:
        """The price of a call, asked for at the service where it is not known; blocks meanwhile."""
        return self.loop_thread.run(self.budget.fetch_price(provider, action, self._settings()))

    def check_budget(self, calls: Sequence[tuple[Provider, Action]]) -> None:
        """Raise OverBudget where this day's budget does not allow all these calls together."""
        now = self._settings()
        prices = {call: self._countable_price(*call, now) for call in dict.fromkeys(calls)}
        for (provider, _), price in prices.items():
            self.budget.check(price, provider, self.repository.today, now)
        if len(calls) > 1:
            total = Price(sum(prices[call].usd or 0.0 for call in calls), "in all")
            self.budget.check(total, calls[0][0], self.repository.today, now, len(calls))

    def spent_today(self) -> tuple[float, int]:
        """What today's calls cost or may cost, in USD, and how many more there are whose price nobody knows."""
        return self.budget.spent(self.repository.today(), self._settings())

    def balance(self) -> Balance:
        """What the account at RunAPI has left; blocks meanwhile. Raises ConfigError or ServiceError."""
        return self.loop_thread.run(self.providers.runapi().balance())

    def check(self, providers: Sequence[Provider]) -> list[LumaError | None]:
        """Ask services at the same time something harmless: what each said no with. Blocks; nothing is made or paid."""

        async def check_all() -> list[LumaError | None]:
            return await asyncio.gather(*map(self.providers.check, providers))

        return self.loop_thread.run(check_all())

    def _price_to_count(self, plan: Plan) -> Price:
        """The price of a new task; asked for only where a budget has to know it, and no earlier task answers."""
        if plan.sendable is None:
            return Price(None, "it cannot be sent")
        price = plan.sendable.price
        if price.usd is None and plan.settings.budget is not None and self._find_reusable(plan) is None:
            price = self.price(plan.sendable.provider, plan.spec.request.action)
        return price

    def _countable_price(self, provider: Provider, action: Action, now: Settings) -> Price:
        price = self.budget.known_price(provider, action, now)
        if price.usd is None and now.budget is not None:
            price = self.price(provider, action)
        return price

    # Handles: one for each intent that this kernel knows.

    def _join(self, entry: Entry, options: RunOptions, now: Settings) -> Handle:
        """The handle on a task that exists: the one of this kernel, or one that goes on where it was left."""
        task = entry.task
        known = self.handles.get(task.intent)
        if known and not known.task.status.ended:
            return known
        if task.status is Status.COMPLETED and task.path and sidecars.whole_size(task.path) is not None:
            return self._ended(copy_into(now.media_folder, task))
        if task.status is Status.UNCONFIRMED:
            return self._ended(task)
        if entry.alive:
            return self._watch(task.evolve(media=now.media_folder), options)
        ensure_folder(now.media_folder)
        return self._acquire(entry, resumed(task.evolve(media=now.media_folder)), options)

    def _acquire(self, entry: Entry, task: Task, options: RunOptions) -> Handle:
        """Follow a task that nobody follows; watch it where another kernel was quicker."""
        if task.status is not Status.SAVING:
            self.providers.client(task.provider, task.request.action)  # without a key nobody can follow it
        with deferred_interrupt():
            with self._transaction(task.intent):
                known = self.handles.get(task.intent)
                if known and not known.task.status.ended:  # another thread was quicker
                    return known
                lease = self.journal.acquire(entry, task)
                if lease:
                    handle = self.handles[task.intent] = self._followed(task, lease)
                    handle.reused = task.status is Status.SAVING  # only its file is to be fetched
            if lease:
                return self._runner.start(handle, options)
        return self._watch(entry.task.evolve(media=task.media), options)

    def _watch(self, task: Task, options: RunOptions) -> Handle:
        if task.status.ended:
            task = resumed(task)
        with deferred_interrupt():
            handle = self.handles[task.intent] = Handle(task, self._clock, expect=self._expectation(task))
            return self._runner.start(handle, replace(options, watching=True))

    def _ended(self, task: Task) -> Handle:
        handle = self.handles[task.intent] = Handle(task, self._clock)
        handle.reused = True
        return handle

    def _followed(self, task: Task, lease: Lease) -> Handle:
        """The handle on a task that this kernel follows, and so writes down."""
        return Handle(task, self._clock, lease.write, self._expectation(task))

    def _expectation(self, task: Task) -> Callable[[], DurationModel]:
        return lambda: self._runner.durations.model(task.provider, task.request.action)

    @contextlib.contextmanager
    def _transaction(self, intent: str) -> Iterator[None]:
        """A transaction in which an intent may get a new handle; that does not stay either if it fails."""
        before = self.handles.get(intent)
        try:
            with self.journal.transaction():
                yield
        except BaseException:
            self.handles.pop(intent, None)
            if before:
                self.handles[intent] = before
            raise
