"""Who is told of a paid request: the moment before its body leaves, and that it came back; over real sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from luma_jupyter.errors import ConfigError, RateLimited, Unconfirmed, Unreachable
from luma_jupyter.models import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.settings import Secret
from luma_jupyter.wire.acedata import AceData
from luma_jupyter.wire.http import SUBMIT_TRIES, Http
from luma_jupyter.wire.runapi import RunApi

ANSWER = b'{"task_id": "t-1", "id": "t-1"}'
LIMITED = (429, {"error": "slow down"})


class Told:
    """Keeps what is told; ``refuse`` is raised instead of letting a request leave."""

    def __init__(self, refuse: Exception | None = None) -> None:
        self.story: list[Any] = []
        self.refuse = refuse

    def leaves(self) -> None:
        self.story.append("leaves")
        if self.refuse:
            raise self.refuse

    def returned(self, why: str, delay: float) -> None:
        self.story.append((why, delay))


def submission(api: Any, told: Told) -> Any:
    """A submission of a paid request."""
    modify = ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4"))
    return api.submit(GenerateRequest(prompt="x") if isinstance(api, AceData) else modify, "intent-1", sending=told)


APIS = pytest.mark.parametrize("name", ["acedata", "runapi"])
SERVICES = {"acedata": "AceDataCloud", "runapi": "RunAPI"}


@APIS
def test_a_request_leaves_once(fake: Any, name: str) -> None:
    """A request that is accepted at once leaves once, and never comes back."""
    service, told = fake({"task_id": "t-1"}), Told()
    assert service.run(submission(getattr(service, name)(), told)) == "t-1"
    assert told.story == ["leaves"]


@APIS
def test_each_try_leaves_and_comes_back(fake: Any, name: str) -> None:
    """A 429 certainly was not accepted: it is told with its reason and the delay, and each next try leaves anew."""
    service, told = fake(LIMITED, (*LIMITED, {"Retry-After": "30"}), {"task_id": "t-1"}), Told()
    service.run(submission(getattr(service, name)(), told))
    limited = f"{SERVICES[name]} is limiting the rate of requests."
    assert told.story == ["leaves", (limited, 1.0), "leaves", (limited, 30.0), "leaves"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (LIMITED, RateLimited),
        (httpx.ReadError("reset"), Unconfirmed),
        ((500, {}), Unconfirmed),
        ((200, "<html>"), Unconfirmed),
    ],
    ids=["429", "lost", "500", "page"],
)
def test_the_last_try_is_told_by_its_error(fake: Any, answer: Any, kind: type[Exception]) -> None:
    """When no other try follows, nothing is said to come back: the error says what happened."""
    service, told = fake(answer), Told()
    with pytest.raises(kind):
        service.run(submission(service.runapi(), told))
    tries = SUBMIT_TRIES if kind is RateLimited else 1
    assert told.story.count("leaves") == tries
    assert len(told.story) == 2 * tries - 1
    assert told.story[-1] == "leaves"


def test_the_request_is_the_same_whether_told_or_not(fake: Any) -> None:
    """A request that is told of has the same headers and body as one that is not: its length, not in chunks."""
    told, quiet = fake({"id": "t"}), fake({"id": "t"})
    told.run(submission(told.runapi(), Told()))
    quiet.run(submission(quiet.runapi(), None))  # type: ignore[arg-type]
    one, other = told.requests[0], quiet.requests[0]
    assert one.content == other.content
    assert dict(one.headers) == dict(other.headers)
    assert one.headers["content-length"] == str(len(one.content))
    assert "transfer-encoding" not in one.headers


# Over real sockets.


def at_once() -> Http:
    """A client that waits for nothing."""

    async def sleep(seconds: float) -> None:
        return None

    return Http(sleep=sleep, random=lambda: 1.0)


def run(story: Any) -> Any:
    return asyncio.run(story)


def api(name: str, client: Http, url: str) -> Any:
    return {"acedata": AceData, "runapi": RunApi}[name](client, url, Secret("k"))


async def accept(writer: asyncio.StreamWriter, number: int) -> bool:
    """Accept a task."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER))
    await writer.drain()
    return True


@APIS
def test_nothing_leaves_to_where_nobody_listens(name: str) -> None:
    """On refused connections the request never leaves: its journal says so, whenever the kernel ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told, client = Told(), at_once()
        with pytest.raises(Unreachable):
            run(submission(api(name, client, f"http://127.0.0.1:{free.getsockname()[1]}"), told))
    assert "leaves" not in told.story
    assert [delay for _, delay in told.story] == [1.0, 2.0, 4.0]
    assert all("cannot be reached" in why for why, _ in told.story)


def test_nothing_leaves_through_a_proxy_that_refuses(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy does not let the connection through, the request never leaves."""

    async def story() -> None:
        async def refuse(writer: asyncio.StreamWriter, number: int) -> bool:
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return False

        async with serving(refuse) as (proxy, received):
            monkeypatch.setenv("HTTPS_PROXY", proxy)
            told, client = Told(), at_once()
            with pytest.raises(Unreachable):
                await submission(api("runapi", client, "https://api.invalid"), told)
            await client.aclose()
            assert len(received) == SUBMIT_TRIES
            assert "leaves" not in told.story

    run(story())


def test_it_leaves_when_the_connection_stands(serving: Any) -> None:
    """The moment is told after the connection came about and before the service has the request."""

    async def story() -> None:
        arrived: list[int] = []

        class Looking(Told):
            def leaves(self) -> None:
                super().leaves()
                arrived.append(len(received))

        async with serving(accept) as (url, received):
            told, client = Looking(), at_once()
            assert await submission(api("acedata", client, url), told) == "t-1"
            await client.aclose()
            assert (told.story, arrived, len(received)) == (["leaves"], [0], 1)

    run(story())


@APIS
def test_what_cannot_be_written_down_does_not_leave(name: str) -> None:
    """When the journal refuses, its error comes out, and the service gets headers at most: never a whole request."""

    async def story() -> None:
        received, closed = bytearray(), asyncio.Event()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.extend(await reader.read(-1))
            writer.close()
            closed.set()

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            client, told = at_once(), Told(refuse=ConfigError("the journal cannot be written"))
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(ConfigError, match="the journal cannot be written"):
                await submission(api(name, client, url), told)
            await closed.wait()
            await client.aclose()
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        assert body == b""
        assert not head or int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) > 0
        assert told.story == ["leaves"]

    run(story())


def test_each_try_has_a_connection_of_its_own(serving: Any) -> None:
    """A busy service that closes the connection gets the request again, over a new one: told of both times."""

    async def story() -> None:
        async def busy_then_accept(writer: asyncio.StreamWriter, number: int) -> bool:
            if number == 1:
                writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")
                return False
            return await accept(writer, number)

        async with serving(busy_then_accept) as (url, received):
            told, client = Told(), at_once()
            assert await submission(api("runapi", client, url), told) == "t-1"
            await client.aclose()
            assert len(received) == 2
            assert [step if step == "leaves" else "returned" for step in told.story] == ["leaves", "returned", "leaves"]

    run(story())


def test_a_connection_that_breaks_before_the_body_is_tried_again() -> None:
    """A request whose body was never asked for certainly was not accepted: no doubt, and another try."""

    class BreaksOnce(httpx.AsyncBaseTransport):
        broken = False

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not self.broken:
                self.broken = True
                raise httpx.WriteError("broken pipe")
            await request.aread()
            return httpx.Response(200, content=ANSWER)

    async def at_once(seconds: float) -> None:
        return None

    told = Told()
    api = AceData(Http(transport=BreaksOnce(), sleep=at_once, random=lambda: 1.0), "https://a.example", Secret("k"))
    assert asyncio.run(submission(api, told)) == "t-1"
    assert told.story == [("AceDataCloud did not answer: “broken pipe”.", 1.0), "leaves"]
