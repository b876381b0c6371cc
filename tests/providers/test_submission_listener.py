"""The listener of a submission: called just before the body is sent, and when a try was not accepted."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.errors import ConfigError, RateLimited, Unconfirmed, Unreachable
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.requests import SUBMIT_TRIES
from luma_jupyter.providers.protocol import Accepted
from luma_jupyter.providers.runapi import RunApi
from luma_jupyter.settings import Secret

ANSWER = b'{"task_id": "t-1", "id": "t-1"}'
LIMITED = (429, {"error": "slow down"})


class RecordingListener:
    """Keeps what it hears; ``refuse`` is raised to keep a request back."""

    def __init__(self, refuse: Exception | None = None) -> None:
        self.events: list[Any] = []
        self.refuse = refuse

    def before_send(self) -> None:
        self.events.append("before_send")
        if self.refuse:
            raise self.refuse

    def not_accepted(self, reason: str, delay: float) -> None:
        self.events.append((reason, delay))


def submission(api: Any, listener: RecordingListener | None) -> Any:
    """A submission of a paid request."""
    modify = ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4"))
    payload = api.payload(GenerateRequest(prompt="x") if isinstance(api, AceData) else modify)
    return api.submit(payload, "intent-1", listener)


APIS = pytest.mark.parametrize("name", ["acedata", "runapi"])
SERVICES = {"acedata": "AceDataCloud", "runapi": "RunAPI"}


@APIS
def test_accepted_submission_is_announced_once(fake: Any, name: str) -> None:
    """A request that is accepted at once is sent once; nothing else is heard of it."""
    service, listener = fake({"task_id": "t-1"}), RecordingListener()
    assert service.run(submission(getattr(service, name)(), listener)) == Accepted("t-1")
    assert listener.events == ["before_send"]


@APIS
def test_listener_hears_of_each_try(fake: Any, name: str) -> None:
    """A 429 certainly was not accepted: the listener gets the reason and the delay, and each next try is announced."""
    service, listener = fake(LIMITED, (*LIMITED, {"Retry-After": "30"}), {"task_id": "t-1"}), RecordingListener()
    service.run(submission(getattr(service, name)(), listener))
    limited = f"{SERVICES[name]} is limiting the rate of requests."
    assert listener.events == ["before_send", (limited, 1.0), "before_send", (limited, 30.0), "before_send"]


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
def test_listener_hears_nothing_after_the_last_try(fake: Any, answer: Any, kind: type[Exception]) -> None:
    """When no other try follows, the error alone says what happened."""
    service, listener = fake(answer), RecordingListener()
    with pytest.raises(kind):
        service.run(submission(service.runapi(), listener))
    tries = SUBMIT_TRIES if kind is RateLimited else 1
    assert listener.events.count("before_send") == tries
    assert len(listener.events) == 2 * tries - 1
    assert listener.events[-1] == "before_send"


def test_request_is_the_same_with_and_without_a_listener(fake: Any) -> None:
    """With a listener a request has the same headers and body as without: with its length, not in chunks."""
    heard, unheard = fake({"id": "t"}), fake({"id": "t"})
    heard.run(submission(heard.runapi(), RecordingListener()))
    unheard.run(submission(unheard.runapi(), None))
    one, other = heard.requests[0], unheard.requests[0]
    assert one.content == other.content
    assert dict(one.headers) == dict(other.headers)
    assert one.headers["content-length"] == str(len(one.content))
    assert "transfer-encoding" not in one.headers


# Over real sockets.


def at_once() -> HttpClient:
    """A client that waits for nothing."""

    async def sleep(seconds: float) -> None:
        return None

    return HttpClient(sleep=sleep, random=lambda: 1.0)


def run(story: Any) -> Any:
    return asyncio.run(story)


def api(name: str, client: HttpClient, url: str) -> Any:
    return {"acedata": AceData, "runapi": RunApi}[name](client, url, Secret("k"))


async def accept(writer: asyncio.StreamWriter, number: int) -> bool:
    """Accept a task."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER))
    await writer.drain()
    return True


@APIS
def test_refused_connection_sends_no_body(name: str) -> None:
    """On refused connections the body is never sent, and the listener hears that each try was not accepted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listener, client = RecordingListener(), at_once()
        with pytest.raises(Unreachable):
            run(submission(api(name, client, f"http://127.0.0.1:{free.getsockname()[1]}"), listener))
    assert "before_send" not in listener.events
    assert [delay for _, delay in listener.events] == [1.0, 2.0, 4.0]
    assert all("cannot be reached" in reason for reason, _ in listener.events)


def test_refusing_proxy_gets_no_body(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy does not let the connection through, the body is never sent."""

    async def story() -> None:
        async def refuse(writer: asyncio.StreamWriter, number: int) -> bool:
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return False

        async with serving(refuse) as (proxy, received):
            monkeypatch.setenv("HTTPS_PROXY", proxy)
            listener, client = RecordingListener(), at_once()
            with pytest.raises(Unreachable):
                await submission(api("runapi", client, "https://api.invalid"), listener)
            await client.aclose()
            assert len(received) == SUBMIT_TRIES
            assert "before_send" not in listener.events

    run(story())


def test_before_send_is_called_between_connection_and_body(serving: Any) -> None:
    """``before_send`` is called after the connection came about and before the service has the request."""

    async def story() -> None:
        arrived: list[int] = []

        class Counting(RecordingListener):
            def before_send(self) -> None:
                super().before_send()
                arrived.append(len(received))

        async with serving(accept) as (url, received):
            listener, client = Counting(), at_once()
            assert await submission(api("acedata", client, url), listener) == Accepted("t-1")
            await client.aclose()
            assert (listener.events, arrived, len(received)) == (["before_send"], [0], 1)

    run(story())


@APIS
def test_listener_that_raises_keeps_the_body_back(name: str) -> None:
    """What the listener raises comes out, and the service gets headers at most: never a whole request."""

    async def story() -> None:
        received, closed = bytearray(), asyncio.Event()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.extend(await reader.read(-1))
            writer.close()
            closed.set()

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            client, listener = at_once(), RecordingListener(refuse=ConfigError("the journal cannot be written"))
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(ConfigError, match="the journal cannot be written"):
                await submission(api(name, client, url), listener)
            await closed.wait()
            await client.aclose()
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        assert body == b""
        assert not head or int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) > 0
        assert listener.events == ["before_send"]

    run(story())


def test_each_submission_try_opens_a_connection(serving: Any) -> None:
    """A busy service that closes the connection gets the request again, over a new one; both tries are announced."""

    async def story() -> None:
        async def busy_then_accept(writer: asyncio.StreamWriter, number: int) -> bool:
            if number == 1:
                writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")
                return False
            return await accept(writer, number)

        async with serving(busy_then_accept) as (url, received):
            listener, client = RecordingListener(), at_once()
            assert await submission(api("runapi", client, url), listener) == Accepted("t-1")
            await client.aclose()
            assert len(received) == 2
            assert [event if event == "before_send" else "not_accepted" for event in listener.events] == [
                "before_send",
                "not_accepted",
                "before_send",
            ]

    run(story())


def test_connection_broken_before_the_body_is_tried_again() -> None:
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

    listener = RecordingListener()
    api = AceData(
        HttpClient(transport=BreaksOnce(), sleep=at_once, random=lambda: 1.0), "https://a.example", Secret("k")
    )
    assert asyncio.run(submission(api, listener)) == Accepted("t-1")
    assert listener.events == [("AceDataCloud did not answer: “broken pipe”.", 1.0), "before_send"]
