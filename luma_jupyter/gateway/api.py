"""What both wires have in common: who asks, bounded bodies, refusals in each vendor's shape, look-ups that are held."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeAlias, TypeVar

from tornado.http1connection import HTTP1Connection
from tornado.web import HTTPError, stream_request_body

from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.bodies import Bodies
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.handler import Handler
from luma_jupyter.gateway.identity import Identity
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.monitoring import Requests
from luma_jupyter.gateway.records import MICROS, Intent, Left, Person, State, Submission, Vendor
from luma_jupyter.gateway.refusals import Refusal, refusal_for
from luma_jupyter.gateway.seen import Seen
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.storage import StoreFull
from luma_jupyter.gateway.submissions import Submissions
from luma_jupyter.gateway.uploads import Uploads
from luma_jupyter.gateway.vendors import Vendors
from luma_jupyter.languages import N_
from luma_jupyter.providers.protocol import Upload

T = TypeVar("T")
Look: TypeAlias = Callable[[], Awaitable[Sequence[Submission | None]]]

MOST_HELD = 32  # look-ups that one process holds open for one student, or twice as many as may be under way
HOLD_SECONDS = 20.0  # so long a look-up is held open, at most; clients wait 30 s for an answer
MOST_UPLOADS = 2  # files that one process passes on to a vendor at once: each is whole in its memory
IN_MEMORY = 1_000_000  # bytes of an upload; what is longer is on the disk while it comes
LONGEST_IDEMPOTENCY_KEY = 512  # characters, as RunAPI documents
ENDED = (State.COMPLETED, State.FAILED)


class Holds:
    """The look-ups that are held open, by student, so that nobody takes all of a process."""

    def __init__(self) -> None:
        self._of: dict[str, list[asyncio.Event]] = {}

    @contextmanager
    def hold(self, owner: str, most: int) -> Iterator[asyncio.Event]:
        """Hold one more; what it gives is set when it is to be let go, as there are more than ``most`` younger ones."""
        held, let_go = self._of.setdefault(owner, []), asyncio.Event()
        held.append(let_go)
        if len(held) > most:
            held.pop(0).set()
        try:
            yield let_go
        finally:
            if let_go in held:
                held.remove(let_go)
            if not held:
                self._of.pop(owner, None)

    def number(self, owner: str) -> int:
        """How many are held for a student."""
        return len(self._of.get(owner, ()))


@dataclass
class Gateway:
    """What the handlers of one process share. ``draining`` is set when it ends: nothing is held open any more."""

    settings: GatewaySettings
    database: Database
    identity: Identity
    ledger: Ledger
    submissions: Submissions
    vendors: Vendors
    bodies: Bodies
    uploads: Uploads
    seen: Seen
    hold_seconds: float = HOLD_SECONDS
    holds: Holds = field(default_factory=Holds)
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    handing_over: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_UPLOADS))
    requests: Requests = field(default_factory=Requests)


@dataclass(frozen=True)
class Made:
    """A task, and whether an earlier request with the same key made it."""

    submission: Submission
    replayed: bool

    @property
    def fields(self) -> dict[str, Any]:
        """What the answer says beside the task where this request made none."""
        if self.submission.shared:
            return {"task_replayed": True, "shared": True}
        return {"task_replayed": True} if self.replayed else {}


@dataclass(frozen=True)
class ReceivedFile:
    """A file that somebody has sent."""

    name: str
    data: bytes = field(repr=False)


@stream_request_body
class ApiHandler(Handler):
    """An endpoint of one of the vendors.

    What speaks against a request is found before its body has come, and told after that: somebody who is still sending
    would see a broken connection instead of the answer. Meanwhile nothing of it is kept.
    """

    takes_file: ClassVar[bool] = False  # its body may be as large as a file

    def initialize(self) -> None:
        """Prepare for what comes of the body: all of it is read, and what is too large is thrown away."""
        assert isinstance(self.request.connection, HTTP1Connection)
        self.request.connection.set_max_body_size(10 * self.gateway.settings.upload_bytes)
        self._refusal: Exception | None = None
        self._person: Person | None = None
        self._size = 0
        self._body = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # open as long as the request
        self._gone = asyncio.Event()

    @property
    def gateway(self) -> Gateway:
        """What the handlers share."""
        gateway: Gateway = self.settings["gateway"]
        return gateway

    @property
    def person(self) -> Person:
        """Who asks. Raises what speaks against that."""
        if self._refusal:
            raise self._refusal
        if self._person is None:
            raise self.unknown_person()
        return self._person

    def unknown_person(self) -> Refusal:
        """What to say to somebody whom nobody knows."""
        words = N_("The class gateway does not know this token: stop and start your server.")
        return Refusal(401, "invalid_token", words)

    async def prepare(self) -> None:
        """Find out who asks."""
        try:
            self._person = await self.gateway.identity.who(self.request.headers.get("Authorization"))
            if self._person:
                await self.gateway.seen.note(self._person)
        except LumaError as error:
            self.refuse(error)

    def refuse(self, why: Exception) -> None:
        """Refuse the request, once its body has come."""
        self._refusal = why

    def data_received(self, chunk: bytes) -> None:
        """Take a piece of the body, as far as it is of use."""
        settings = self.gateway.settings
        most = settings.upload_bytes + IN_MEMORY if self.takes_file else settings.body_bytes
        self._size += len(chunk)
        if self._size > most and self._refusal is None:
            self.refuse(Refusal(413, "too_large", N_(f"A request may have {most:,} bytes at most.")))
        if self._refusal is None:
            try:
                self._body.write(chunk)
            except OSError:  # the disk, on which a large one is
                self.refuse(StoreFull())

    def received(self) -> bytes:
        """The whole body. Raises what speaks against the request."""
        if self._refusal:
            raise self._refusal
        self._body.seek(0)
        return self._body.read()

    def json_body(self) -> dict[str, Any]:
        """The body, a JSON object. Raises what speaks against the request."""
        try:
            body = json.loads(self.received())
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise Refusal(400, "bad_request", "The body is not a JSON object.")
        return body

    # Paid requests.

    async def submit(self, vendor: Vendor, body: Mapping[str, Any]) -> Made:
        """Make the task that is asked for, or find the one that was made for the same key."""
        gateway, person, key = self.gateway, self.person, self._idempotency_key()
        known = await gateway.ledger.find(person.name, vendor, key) if key else None
        replayed = known is not None and not known.state.without_task
        if known and replayed:  # what is answered from the ledger is not prepared once more
            sent, price = known.body, known.price
            if known.shared and known.state is State.SENT:  # it is sent and paid itself where the classmate's is lost
                price = await gateway.vendors.price(vendor)
        else:
            if key:  # any other refusal would tell a kernel that its earlier request made nothing
                await gateway.ledger.check_key(person.name, vendor, key)
            sent, price = await gateway.bodies.prepare(person, vendor, body), await gateway.vendors.price(vendor)
        headers, share = self.request.headers, gateway.settings.share
        intent = Intent(
            owner=person,
            vendor=vendor,
            key=key or uuid.uuid4().hex,
            body=sent,
            fingerprint=request_fingerprint(vendor, body, headers.get("X-Luma-Take", "")),
            price=price,
            lesson=share == "always" or (share == "lesson" and headers.get("X-Luma-Lesson") == "1"),
        )
        return Made(await self._while_connected(gateway.submissions.submit(intent)), replayed)

    async def _while_connected(self, asking: Coroutine[Any, Any, T]) -> T:
        """What asking gives; nothing more is entered once its client has gone, who asks again with the same key."""
        asked = asyncio.ensure_future(asking)
        try:
            await _first(self._gone.wait(), [asked])
            if not asked.done():
                raise Refusal(499, "client_gone", "Who asked has gone.")
            return asked.result()
        finally:
            asked.cancel()

    def _idempotency_key(self) -> str:
        """The key that the client has given; empty without any."""
        key = self.request.headers.get("Idempotency-Key", "")
        if len(key) > LONGEST_IDEMPOTENCY_KEY or not (key.isascii() and key.isprintable()):
            raise Refusal(400, "bad_request", "This Idempotency-Key cannot be used: give up to 512 ASCII characters.")
        return key

    # Look-ups.

    async def held(self, look: Look, seconds: float | None = None) -> Sequence[Submission | None]:
        """What ``look`` gives once one of them has ended, at the latest when it was held for so many seconds.

        It is let go when the client goes away, when this process ends, and when its student asks too much at once.
        """
        found = await look()
        ids = {str(submission.id) for submission in found if submission}
        if has_ended(found) or not ids:
            return found
        loop = asyncio.get_running_loop()
        until = loop.time() + (self.gateway.hold_seconds if seconds is None else seconds)
        most = max(MOST_HELD, 2 * self.gateway.settings.per_student)
        with (
            self.gateway.holds.hold(self.person.name, most) as too_many,
            self.gateway.database.news("submissions", ids) as news,
        ):
            leaving = [asyncio.ensure_future(event.wait()) for event in (self._gone, self.gateway.draining, too_many)]
            try:
                while not has_ended(found := await look()):
                    if (left := until - loop.time()) <= 0 or any(task.done() for task in leaving):
                        break
                    await _first(news.wait(left), leaving)
            finally:
                for task in leaving:
                    task.cancel()
        return found

    def on_connection_close(self) -> None:
        """Let go of what is held: nobody waits for it any more."""
        super().on_connection_close()
        self._gone.set()

    # Files.

    async def pass_on(self, person: Person, vendor: Vendor, read: Callable[[], ReceivedFile]) -> Upload:
        """Hand a file over to a vendor, when it is its turn: only then it is ``read`` into memory."""
        async with self.gateway.handing_over:
            file = read()
            return await self.gateway.uploads.add(person, vendor, file.name, file.data)

    # Answers.

    def set_default_headers(self) -> None:
        """Let nobody keep an answer."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send the body of any error answer, whatever was raised."""
        error = kwargs.get("exc_info", (None, HTTPError(status_code)))[1]  # none where tornado itself gave up
        refusal = self.translated(error if isinstance(error, Refusal) else refusal_for(error, self._reason))
        self.set_status(refusal.status_code)
        if refusal.retry_after is not None:
            self.set_header("Retry-After", str(refusal.retry_after))
        with suppress(RuntimeError):  # where the connection has gone
            self.finish(self.error_body(refusal))

    def translated(self, refusal: Refusal) -> Refusal:
        """A refusal with the status and the code that the vendor has for it: they are AceDataCloud's."""
        return refusal

    def error_body(self, refusal: Refusal) -> dict[str, Any]:
        """An error in AceDataCloud's shape, which is also the one for paths that belong to no API."""
        error = {"code": refusal.code, "message": refusal.message}
        return {"success": False, "error": error, "trace_id": self.request_id}

    def on_finish(self) -> None:
        """Throw the body away."""
        with suppress(OSError):  # what could not be written is still in its buffer
            self._body.close()


class NotFoundHandler(ApiHandler):
    """Every path that is not served."""

    async def prepare(self) -> None:
        """Say so, whoever asks."""
        raise Refusal(404, "not_found", N_("There is nothing at this address of the class gateway."))


_NOT_COUNTED = ("async", "callback_url", "timeout")  # fields that say how, and not what


def request_fingerprint(vendor: Vendor, body: Mapping[str, Any], take: str = "") -> str:
    """What equal requests have in common, of whomever: 64 hex digits (SHA-256)."""
    asked = {name: value for name, value in body.items() if name not in _NOT_COUNTED and value is not None}
    facts = json.dumps([vendor, asked, take], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(facts.encode()).hexdigest()


def has_ended(submissions: Sequence[Submission | None]) -> bool:
    """Whether there is something to tell of these: one of them has ended, or is none that its asker has."""
    return any(submission is None or submission.state in ENDED for submission in submissions)


def dollars(amount: int | None) -> float | None:
    """An amount of the ledger in US dollars."""
    return None if amount is None else amount / MICROS


def least_left(left: Left) -> int | None:
    """What is left by the cap that binds first; None where there is no cap."""
    return min((amount for amount in (left.in_all, left.today) if amount is not None), default=None)


def iso(moment: datetime) -> str:
    """A moment in UTC as both vendors write it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


async def _first(waiting: Coroutine[Any, Any, object], others: Sequence[asyncio.Future[Any]]) -> None:
    """Wait until one of these is done; the first one is given up otherwise."""
    task = asyncio.ensure_future(waiting)
    try:
        await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
