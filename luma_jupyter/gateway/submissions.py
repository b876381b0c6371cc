"""The way of a paid request: the one place that pays.

1. What has a row already is answered from it; so is, with sharing, what a classmate has asked for.
2. It waits for its turn; nothing is entered yet.
3. It is entered as sent, with its money, in one commit.
4. Then it is sent, once, and what came of it is written down, however long PostgreSQL is away and whether or not the
   kernel still waits. A repetition of the same request meanwhile waits for that, too.

Where the process is killed between 3 and 4, the row is given up by `Ledger.stale_sent`: nobody else sends it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol, TypeAlias
from uuid import uuid4

from luma_jupyter.errors import LumaError, ServiceError, Unconfirmed
from luma_jupyter.gateway.database import DatabaseAway
from luma_jupyter.gateway.ledger import WITHDRAWN, Ledger, OverCap, Paused
from luma_jupyter.gateway.records import MICROS, Intent, State, Submission, Vendor
from luma_jupyter.gateway.turns import Turns
from luma_jupyter.languages import N_
from luma_jupyter.providers.gateway import WAITS_FOR_TURN
from luma_jupyter.providers.protocol import Accepted

log = logging.getLogger(__name__)

Outcome: TypeAlias = tuple[Submission, LumaError | None]

HEARTBEAT: Final = 5.0  # seconds between two signs of life of what is being sent
RETRY_AFTER: Final = 5.0
_AGAIN: Final = 0.2  # seconds until PostgreSQL is asked again


class Sender(Protocol):
    """Who sends a request to its vendor, once (`Vendors`)."""

    async def submit(self, vendor: Vendor, body: Mapping[str, Any], intent: str) -> Accepted: ...


class TurnTimeout(LumaError):
    """Others were first all the time; nothing was entered. ``retry_after``: seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(WAITS_FOR_TURN)


class Refused(LumaError):
    """The vendor made nothing of it. ``error``: its own, where this very request was sent, not an earlier one."""

    def __init__(self, submission: Submission, error: LumaError | None = None) -> None:
        self.submission = submission
        self.error = error
        super().__init__(submission.error_message or submission.error_code or N_("The request was refused."))


class Lost(LumaError):
    """It was sent, and nobody knows whether the vendor took it."""

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        super().__init__(N_("The request was sent and no answer came back: it may have been accepted and billed."))


class Undecided(Lost):
    """It is still being sent: the same request again, with the same key, learns what came of it."""


class Submissions:
    """Submits for the whole class; one for each process, whose end waits for `drain`.

    ``closing`` is set when it ends: nothing is entered any more, and what waits for its turn goes to another one.
    """

    def __init__(self, ledger: Ledger, turns: Turns, vendors: Sender, closing: asyncio.Event | None = None) -> None:
        self._ledger = ledger
        self._turns = turns
        self._vendors = vendors
        self._closing = closing or asyncio.Event()
        self._sending: dict[int, asyncio.Task[Outcome]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None

    async def submit(self, intent: Intent, *, timeout: float = 60.0) -> Submission:
        """Have a request made, or find what came of it before: the row, with the vendor's task.

        Nothing was entered: raises TurnTimeout, OverCap, Paused, KeyConflict, InvalidRequest, DatabaseAway. It was
        entered: Refused, Lost, Undecided (a kind of Lost) when it takes longer than ``timeout`` seconds.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            row, error = await self._decided(await self._entered(intent, deadline), deadline)
            if row.state is State.SENT:
                raise Undecided(row)
            if row.state is State.UNCONFIRMED:
                raise Lost(row)
            if not row.state.without_task:
                return row
            if row.state is State.REFUSED and row.error_code != WITHDRAWN:
                raise Refused(row, error) from error

    async def drain(self) -> None:
        """Return when nothing is being sent any more."""
        while tasks := {*self._sending.values(), *self._others}:
            await asyncio.wait(tasks)

    async def _entered(self, intent: Intent, deadline: float) -> Submission:
        """The row that answers an intent; where it is new its request is on the way from here on."""
        if row := await self._ledger.known(intent):
            return row
        place = intent.owner.name, f"{intent.vendor} {intent.key}"  # as `admit` in ``sql/0005_lost.sql`` has it
        if self._closing.is_set() or not await self._turns.take(*place, _left(deadline) / 2):
            raise TurnTimeout(RETRY_AFTER)
        if self._closing.is_set():
            await self._turns.leave(*place)
            raise TurnTimeout(RETRY_AFTER)
        attempt = uuid4().hex
        try:
            admission = await self._ledger.admit(intent, attempt=attempt)
        except (OverCap, Paused):
            await self._turns.leave(*place)
            raise
        except (DatabaseAway, asyncio.CancelledError) as error:
            if not isinstance(error, DatabaseAway) or error.asked:
                self._in_background(self._withdraw(intent, attempt))
            raise
        row = admission.submission
        if admission.fresh:
            self._sending[row.id] = asyncio.create_task(self._send(row, intent))
            if not self._beating:
                self._beating = asyncio.create_task(self._beat())
        return row

    async def _decided(self, row: Submission, deadline: float) -> Outcome:
        """A row once it has been sent, or as it is at the deadline; and the error, where this process has sent it."""
        if task := self._sending.get(row.id):
            await asyncio.wait({task}, timeout=_left(deadline))
            return task.result() if task.done() else (row, None)
        with self._ledger.database.news("submissions", {str(row.id)}) as news:
            while row.state is State.SENT and (left := _left(deadline)):
                with suppress(DatabaseAway):
                    row = await self._ledger.get(row.id) or row
                if row.state is State.SENT:
                    await news.wait(min(left, HEARTBEAT))
        return row, None

    async def _send(self, row: Submission, intent: Intent) -> Outcome:
        """Send a request, and write down what came of it."""
        ledger, id = self._ledger, row.id
        facts = {"submission": id, "vendor": intent.vendor, "prompt": intent.body.get("prompt")}  # see `logs`
        log.info("Submission %d is sent to %s.", id, intent.vendor, extra=facts)
        try:
            accepted = await self._vendors.submit(intent.vendor, intent.body, _vendor_key(intent))
        except Unconfirmed as error:
            message = str(error)
            return await self._persist(row, lambda: ledger.lose(id, message)), error
        except LumaError as error:
            code, message, status = told(error)
            return await self._persist(row, lambda: ledger.refuse(id, code, message, status)), error
        except Exception:
            log.exception("Something unforeseen happened while submission %d was sent", id)
            return await self._persist(row, lambda: ledger.lose(id, N_("Something unforeseen happened."))), None
        else:
            return await self._accept(row, accepted), None
        finally:
            if self._sending.get(id) is asyncio.current_task():  # else it was released meanwhile, and is sent anew
                del self._sending[id]

    async def _accept(self, row: Submission, accepted: Accepted) -> Submission:
        usd = accepted.billing.reserved if accepted.billing else None
        price = None if usd is None else round(usd * MICROS)
        ids = accepted.task_id, accepted.trace_id
        row = await self._persist(row, lambda: self._ledger.accept(row.id, *ids, price))
        if row.task_id != accepted.task_id:  # it slept so long that the request was released and sent anew
            log.error("Submission %d has a second task: %s", row.id, accepted.task_id)
            with suppress(DatabaseAway):
                await self._ledger.note("gateway", N_(f"Clip {row.id} has a second task: {accepted.task_id}"))
        return row

    async def _beat(self) -> None:
        """Say every few seconds that this process lives, while it sends anything."""
        try:
            while self._sending:
                with suppress(DatabaseAway):
                    await self._ledger.still_sending(list(self._sending))
                await asyncio.sleep(HEARTBEAT)
        finally:
            self._beating = None

    async def _persist(self, row: Submission, change: Callable[[], Awaitable[Submission | None]]) -> Submission:
        """Make a change, however long the database is away; the row as it is then, also where it was changed before."""
        while True:
            try:
                return await change() or await self._ledger.get(row.id) or row
            except DatabaseAway:
                await asyncio.sleep(_AGAIN)

    async def _withdraw(self, intent: Intent, attempt: str) -> None:
        while True:
            try:
                return await self._ledger.withdraw(intent, attempt)
            except DatabaseAway:
                await asyncio.sleep(_AGAIN)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)


def _left(deadline: float) -> float:
    return max(0.0, deadline - asyncio.get_running_loop().time())


def _vendor_key(intent: Intent) -> str:
    """The idempotency key for the vendor, 32 hex digits: no student can meet another's."""
    parts = (intent.owner.name, intent.vendor, intent.key)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def passes(status: int | None) -> bool:
    """Whether what a vendor answers with this HTTP status passes by itself; None: it has not answered.

    `may_be_sent_anew` in ``sql/0005_lost.sql`` says the same.
    """
    return status is None or status >= 500 or status == 429


def told(error: LumaError) -> tuple[str | None, str, int | None]:
    """What is told of an error that made nothing: its code, words, and its HTTP status.

    A refusal comes in the vendor's own words. Of what passes, they alone would not say whose trouble it is.
    """
    if not isinstance(error, ServiceError):
        return None, str(error), None
    words = error.finding if passes(error.http_status) or not error.words else error.words
    return error.code, words, error.http_status
