"""The engine of a kernel: takes requests, checks all that can be checked before anything is sent, and keeps the tasks.

A request that was made before is answered by what came of it: nothing is paid twice unless somebody asks for that.
`Engine.submit` is called from the user's thread; the life of a task happens on the engine's loop (`lives`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from luma_jupyter import settings
from luma_jupyter.choices import Action, Provider
from luma_jupyter.engine import sidecars
from luma_jupyter.engine.archive import Archive
from luma_jupyter.engine.bridge import Bridge
from luma_jupyter.engine.forks import at_fork
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.journal import Journal, Row
from luma_jupyter.engine.library import adopt, make_folder
from luma_jupyter.engine.lives import Lives
from luma_jupyter.engine.previews import Preview, preview
from luma_jupyter.engine.prices import Price, Prices
from luma_jupyter.engine.recall import revived
from luma_jupyter.engine.records import fingerprint
from luma_jupyter.engine.schedule import Law
from luma_jupyter.engine.services import Services, choose_provider
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError
from luma_jupyter.models import Balance, Request, Status, Task

T = TypeVar("T")

DEFAULT_TIMEOUT = 900.0  # seconds


class Engine:
    """Follows all tasks of a kernel. ``bridge``, ``services`` and ``clock`` (Unix seconds) are passed in by tests.

    ``notices`` collects lines that the user should read once.
    """

    def __init__(
        self,
        bridge: Bridge | None = None,
        services: Services | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.bridge = bridge or Bridge()
        self.services = services or Services()
        self.prices = Prices(self.services, clock)
        self.handles: dict[str, Handle] = {}
        self.notices: list[str] = []
        self._clock = clock
        self.archive = Archive(self.handles, lambda: self.services.demo_url, clock, self.notices.append)
        self._lives = Lives(self.bridge, self.services, self.archive, clock, jitter)
        at_fork(child=self._let_go)

    def _let_go(self) -> None:
        """In a forked child nothing is followed: its handles end as detached, and new tasks start on their own loop."""
        self.services.forget()
        self._lives.forget()
        for handle in self.handles.values():
            handle.let_go()

    @property
    def journal(self) -> Journal:
        """The journal in the home folder of this moment."""
        return self.archive.journal

    def submit(
        self,
        request: Request,
        *,
        provider: str | None = None,
        after: Handle | None = None,
        source_label: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        again: bool = False,
        name: str | None = None,
    ) -> Handle:
        """Answer a request by what an equal one came to, or begin a task's life; returns at once.

        ``after`` is the task whose video is the source; ``timeout`` is how many seconds to follow it once submitted;
        ``again`` makes a new video in any case; ``name`` is the variable's. Raises InvalidRequest, ConfigError or
        OverBudget when it cannot be sent as it is; then nothing was, and no task exists.
        """
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise InvalidRequest(f"The timeout must be a number of seconds above 0, not {timeout!r}.")
        now = settings.current()
        source_intent = after.task.intent if after else None
        mark = fingerprint(request, source_intent)
        wanted, missing = self._wanted(request, provider, after, source_label)
        if not again and (row := self.archive.standing(mark, request, wanted)):
            return self._join(row, after, timeout)
        if wanted is None:
            raise missing or ConfigError("No service is set up.")
        self.preview(request, provider=provider, after=after, source_label=source_label)
        make_folder(now.media_folder)
        price = self._price(wanted, request.action)
        intent = uuid.uuid4().hex
        task = Task(
            intent=intent,
            request=request,
            provider=wanted,
            status=Status.QUEUED,
            created_at=self._clock(),
            filename=sidecars.file_name(request.prompt, intent[:8]),
            fingerprint=mark,
            media=now.media_folder,
            folder=now.folder,
            source_label=source_label,
            source_intent=source_intent,
            name=name,
            price=price.usd,
        )
        with self._entering(intent):  # another kernel, or another thread, may have been quicker
            row = None if again else self.archive.standing(mark, request, wanted)
            if row is None:
                self.prices.check(price, wanted, self.archive.today)
                self.journal.add(task)
                handle = self.handles[intent] = self._followed(task)
        return self._join(row, after, timeout) if row else self._lives.begin(handle, after, timeout)

    def resume(
        self, intent: str, *, timeout: float = DEFAULT_TIMEOUT, resend: bool = False, may_pay_twice: bool = False
    ) -> Handle:
        """Follow a task again that nobody follows, or fetch its file again; returns at once.

        One in doubt is looked for. Where that finds nothing, ``resend`` sends it again at a service that knows repeated
        requests by their key, and ``may_pay_twice`` anywhere. Raises InvalidRequest where there is nothing to resume,
        ConfigError without a key, OverBudget where paying twice would pass the budget.
        """
        found = self.journal.find(intent)
        if found is None:
            raise InvalidRequest("The journal on this machine does not know this clip: run its cell again.")
        row = self.archive.settled(found)
        if row.task.status in (Status.FAILED, Status.CANCELLED):
            raise InvalidRequest(f"It ended as {row.task.status}, for good: run its cell again for a new one.")
        if row.task.status is not Status.UNCONFIRMED:
            return self._join(row, None, timeout)
        api = self.services.api(row.task.provider, row.task.request.action)
        send = may_pay_twice or (resend and api.repeatable)
        if send and not api.repeatable:
            price = self._price(row.task.provider, row.task.request.action)
            self.prices.check(price, row.task.provider, self.archive.today)
        return self._take(found, revived(row.task), None, timeout, doubtful=True, resend=send)

    def preview(
        self,
        request: Request,
        *,
        provider: str | None = None,
        after: Handle | None = None,
        source_label: str | None = None,
    ) -> Preview:
        """Check a request as far as is possible before sending it, and show what would be sent.

        The source of a clip that is not done yet is shown by name. Raises InvalidRequest or ConfigError.
        """
        wanted, missing = self._wanted(request, provider, after, source_label)
        if wanted is None:
            raise missing or ConfigError("No service is set up.")
        return preview(request, wanted, after, source_label, self.services, self.prices)

    def earlier(
        self,
        request: Request,
        *,
        provider: str | None = None,
        after: Handle | None = None,
        source_label: str | None = None,
    ) -> Task | None:
        """The task that answers a request without anything being sent, if there is one."""
        wanted, _ = self._wanted(request, provider, after, source_label)
        row = self.archive.standing(fingerprint(request, after.task.intent if after else None), request, wanted)
        return row.task if row else None

    def price(self, provider: Provider, action: Action) -> Price:
        """The price of a call, asked for at the service where it is not known; blocks meanwhile."""
        return self.bridge.ask(self.prices.ask(provider, action))

    def check_budget(self, calls: Sequence[tuple[Provider, Action]]) -> None:
        """Raise OverBudget where this day's budget does not allow all these calls together."""
        prices = {call: self._price(*call) for call in dict.fromkeys(calls)}
        for (provider, _), price in prices.items():
            self.prices.check(price, provider, self.archive.today)
        if len(calls) > 1:
            total = Price(sum(prices[call].usd or 0.0 for call in calls), "in all")
            self.prices.check(total, calls[0][0], self.archive.today, f"these {len(calls)} calls are")

    def balance(self) -> Balance:
        """What the account at RunAPI has left; blocks meanwhile. Raises ConfigError or ServiceError."""
        return self.bridge.ask(self.services.runapi().balance())

    def check(self, providers: Sequence[Provider]) -> list[LumaError | None]:
        """Ask services at the same time something harmless: what each said no with. Blocks; nothing is made or paid."""

        async def ask() -> list[LumaError | None]:
            return await asyncio.gather(*map(self.services.check, providers))

        return self.bridge.ask(ask())

    def spent_today(self) -> tuple[float, int]:
        """What today's calls cost or may cost, in USD, and how many more there are whose price nobody knows."""
        rows = self.archive.today()
        return self.prices.spent(rows), self.prices.unpriced(rows)

    def _wanted(
        self, request: Request, provider: str | None, after: Handle | None, label: str | None
    ) -> tuple[Provider | None, ConfigError | None]:
        """The service for a request, or the error that says what is missing for it."""
        source = after.task.provider if after else None
        try:
            return choose_provider(request.action, provider, source, label or "the source", settings.current()), None
        except ConfigError as error:
            return None, error

    def _price(self, provider: Provider, action: Action) -> Price:
        price = self.prices.known(provider, action)
        if price.usd is None and settings.current().budget is not None:
            price = self.price(provider, action)
        return price

    def _join(self, row: Row, after: Handle | None, timeout: float) -> Handle:
        """The handle on a task that exists: the one of this kernel, or one that goes on where it was left."""
        task = row.task
        known = self.handles.get(task.intent)
        if known and not known.task.status.ended:
            return known
        now = settings.current()
        if task.status is Status.COMPLETED and task.path and sidecars.size_of_whole(task.path) is not None:
            return self._ended(adopt(task, now.media_folder))
        if task.status is Status.UNCONFIRMED:
            return self._ended(task)
        if row.alive:
            return self._watch(task.evolve(media=now.media_folder), after, timeout)
        make_folder(now.media_folder)
        return self._take(row, revived(task.evolve(media=now.media_folder)), after, timeout)

    @contextlib.contextmanager
    def _entering(self, intent: str) -> Iterator[None]:
        """A transaction in which an intent gets a new handle; that does not stay either if it fails."""
        before = self.handles.get(intent)
        try:
            with self.journal.transaction():
                yield
        except BaseException:
            self.handles.pop(intent, None)
            if before:
                self.handles[intent] = before
            raise

    def _ended(self, task: Task) -> Handle:
        handle = self.handles[task.intent] = Handle(task, self._clock)
        handle.recalled = True
        return handle

    def _followed(self, task: Task) -> Handle:
        """The handle on a task that this kernel follows, and so writes down."""
        return Handle(task, self._clock, self.journal.write, self._expecting(task))

    def _expecting(self, task: Task) -> Callable[[], Law]:
        return lambda: self._lives.experience.law(task.provider, task.request.action)

    def _take(self, row: Row, task: Task, after: Handle | None, timeout: float, **submission: bool) -> Handle:
        if task.status is not Status.SAVING:
            self.services.api(task.provider, task.request.action)  # without a key nobody can follow it
        with self._entering(task.intent):
            known = self.handles.get(task.intent)
            if known and not known.task.status.ended:  # another thread was quicker
                return known
            if not self.journal.take(row, task):
                return self._watch(row.task.evolve(media=task.media), after, timeout)
            handle = self.handles[task.intent] = self._followed(task)
            handle.recalled = task.status is Status.SAVING  # only its file is to be fetched
        return self._lives.begin(handle, after, timeout, **submission)

    def _watch(self, task: Task, after: Handle | None, timeout: float) -> Handle:
        if task.status.ended:
            task = revived(task)
        handle = self.handles[task.intent] = Handle(task, self._clock, expect=self._expecting(task))
        return self._lives.begin(handle, after, timeout, watching=True)
