"""What may happen to a request instead of an honest answer.

A fault is played once, by the server's own loop. Those with ``accepted`` say whether a submission creates its task all
the same; looks and downloads create nothing, so there it makes no difference.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Literal, Protocol, TypeAlias

from tests.support.films import PAGE

Kind: TypeAlias = Literal["submit", "look", "video", "thumbnail", "other"]


@dataclass(frozen=True)
class Request:
    """A request that came: lower-case header names, ``at`` in Unix seconds, ``connection`` counts from 1."""

    kind: Kind
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_whole(self) -> bool:
        """Whether all of the body came that was announced."""
        return len(self.body) == int(self.headers.get("content-length", 0))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. ``content`` is bytes (sent as they are), a text (sent as a page) or anything else (as JSON)."""

    status: int
    content: object
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content
        return (self.content if isinstance(self.content, str) else json.dumps(self.content)).encode()

    @property
    def all_headers(self) -> dict[str, str]:
        kind = "text/html" if isinstance(self.content, str) else "application/json"
        return {"Content-Type": kind, "Content-Length": str(len(self.body)), **self.headers}


@dataclass
class Exchange:
    """One request and the way to answer it.

    ``honest`` does what it asks for, such as creating a task; ``refuse`` closes the port to new connections.
    """

    request: Request
    honest: Callable[[], Answer]
    refuse: Callable[[], None]
    writer: asyncio.StreamWriter
    is_last: bool = False

    async def send(self, answer: Answer, pieces: Iterable[bytes] | None = None, pause: float = 0.0) -> bool:
        """Send an answer, its body perhaps in (other) pieces; True: the connection stays open."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in answer.all_headers.items())
        self.writer.write(f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n{lines}\r\n".encode())
        for piece in [answer.body] if pieces is None else pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause)
        return True


class Fault(Protocol):
    """What happens to a request; says whether the connection stays open."""

    async def play(self, exchange: Exchange) -> bool: ...


@dataclass(frozen=True)
class DropBefore:
    """The connection closes once the request was read; nothing was done."""

    async def play(self, exchange: Exchange) -> bool:
        return False


@dataclass(frozen=True)
class DropAfter:
    """What was asked for is done, and the connection closes without an answer."""

    async def play(self, exchange: Exchange) -> bool:
        exchange.honest()
        return False


@dataclass(frozen=True)
class Reset:
    """The connection is reset once the request was read; nothing was done."""

    async def play(self, exchange: Exchange) -> bool:
        exchange.writer.transport.abort()
        return False


@dataclass(frozen=True)
class Raw:
    """These bytes as they are, HTTP or not, and the connection closes; nothing was done."""

    content: bytes

    async def play(self, exchange: Exchange) -> bool:
        exchange.writer.write(self.content)
        await exchange.writer.drain()
        return False


@dataclass(frozen=True)
class Hang:
    """No answer ever; the connection closes when the server does."""

    accepted: bool = True

    async def play(self, exchange: Exchange) -> bool:
        if self.accepted:
            exchange.honest()
        await asyncio.Event().wait()
        return False


@dataclass(frozen=True)
class Late:
    """What was asked for is done at once, and the honest answer comes after some seconds."""

    seconds: float

    async def play(self, exchange: Exchange) -> bool:
        answer = exchange.honest()
        await asyncio.sleep(self.seconds)
        return await exchange.send(answer)


@dataclass(frozen=True)
class Status:
    """Another answer than the honest one; not accepted unless told so. The body is as an `Answer`'s content."""

    code: int
    body: object = field(default_factory=lambda: _error("api_error", "something broke"))
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = field(default=False, kw_only=True)

    async def play(self, exchange: Exchange) -> bool:
        if self.accepted:
            exchange.honest()
        return await exchange.send(Answer(self.code, self.body, self.headers))


@dataclass(frozen=True)
class TooMany:
    """A 429 that asks to wait, in seconds or (rounded to whole ones) until a date; not accepted."""

    seconds: float
    as_date: bool = False

    async def play(self, exchange: Exchange) -> bool:
        wait = formatdate(time.time() + self.seconds, usegmt=True) if self.as_date else f"{self.seconds:g}"
        return await exchange.send(Answer(429, _error("too_many_requests", "slow down"), {"Retry-After": wait}))


def BrokenJson(*, accepted: bool = True) -> Status:
    """A 200 whose JSON breaks off before it says anything."""
    return Status(200, b'{"success": true, "task_id": ', {"Content-Type": "application/json"}, accepted=accepted)


def HtmlPage(*, accepted: bool = True, status: int = 200) -> Status:
    """A gateway's page instead of JSON."""
    return Status(status, PAGE, accepted=accepted)


def WrongType() -> Status:
    """A download that is a page, and says so."""
    return Status(200, PAGE)


def NotAVideo() -> Status:
    """A download that calls itself a video and is JSON."""
    return Status(200, _error("expired", "the link is no longer valid"), {"Content-Type": "video/mp4"})


def Expired(status: int = 403) -> Status:
    """A link that is no longer valid: 403, 404 or 410."""
    return Status(status, b"<Error>expired</Error>", {"Content-Type": "application/xml"})


@dataclass(frozen=True)
class LastAnswer:
    """An honest answer, and from then on connections are refused, until `Server.listen`."""

    async def play(self, exchange: Exchange) -> bool:
        exchange.refuse()
        await exchange.send(exchange.honest())
        return False


@dataclass(frozen=True)
class CloseIdle:
    """A stale keep-alive: an honest answer, but the next request on this connection finds it closed, and is not done.

    That next request is recorded, whatever its kind, and uses up no fault.
    """

    async def play(self, exchange: Exchange) -> bool:
        exchange.is_last = True
        return await exchange.send(exchange.honest())


@dataclass(frozen=True)
class Unknown:
    """A look, as if these ids (none given: all) did not exist: a 404, or missing from the batch."""

    ids: tuple[str, ...] = ()

    async def play(self, exchange: Exchange) -> bool:
        answer = exchange.honest()
        data = json.loads(answer.body)
        if "items" in data:
            items = [task for task in data["items"] if self.ids and task["id"] not in self.ids]
            return await exchange.send(Answer(200, {"items": items, "count": len(items)}))
        return await exchange.send(answer if self.ids and data.get("id") not in self.ids else NOT_FOUND)


@dataclass(frozen=True)
class Truncated:
    """The full Content-Length, the first bytes of the body, and the connection closes."""

    size: int

    async def play(self, exchange: Exchange) -> bool:
        answer = exchange.honest()
        await exchange.send(answer, [answer.body[: self.size]])
        return False


@dataclass(frozen=True)
class Slow:
    """The honest body in chunks of some bytes, with a pause in seconds after each."""

    chunk: int
    pause: float

    async def play(self, exchange: Exchange) -> bool:
        answer = exchange.honest()
        pieces = (answer.body[i : i + self.chunk] for i in range(0, len(answer.body), self.chunk))
        return await exchange.send(answer, pieces, self.pause)


@dataclass(frozen=True)
class Oversized:
    """A download that announces this many bytes, and streams them until the client closes."""

    length: int

    async def play(self, exchange: Exchange) -> bool:
        headers = {"Content-Type": "video/mp4", "Content-Length": str(self.length)}
        pieces = (bytes(min(65536, self.length - start)) for start in range(0, self.length, 65536))
        return await exchange.send(Answer(200, b"", headers), pieces)


def _error(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "error": {"code": code, "message": message}}


NOT_FOUND = Answer(404, _error("not_found", "no such thing"))
