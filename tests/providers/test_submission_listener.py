"""The listener of a submission: called just before the body is sent, and when a try was not accepted."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError, RateLimited, Unconfirmed, Unreachable
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.http.requests import SUBMIT_TRIES
from luma_jupyter.providers.protocol import Accepted
from luma_jupyter.providers.runapi import RunApi
from tests.support import misbehaving as m
from tests.support.clients import impatient

LIMITED = (429, {"error": "slow down"})


class RecordingListener:
    """Keeps what it hears; ``refuse`` is raised to keep a request back."""

    def __init__(self, refuse: Exception | None = None) -> None:
        self.events: list[Any] = []
        self.refuse = refuse

    async def before_send(self) -> None:
        self.events.append("before_send")
        if self.refuse:
            raise self.refuse

    async def not_accepted(self, reason: str, delay: float) -> None:
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
    limited = f"{SERVICES[name]} gets too many requests at the moment."
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


def run(name: str, url: str, listener: RecordingListener) -> Any:
    """What the service at this address says to a submission."""

    async def submit() -> Any:
        client = impatient()
        try:
            return await submission({"acedata": AceData, "runapi": RunApi}[name](client, url, Secret("k")), listener)
        finally:
            await client.aclose()

    return asyncio.run(submit())


@APIS
def test_refused_connection_sends_no_body(server: m.Server, name: str) -> None:
    """On refused connections the body is never sent, and the listener hears that each try was not accepted."""
    server.refuse()
    listener = RecordingListener()
    with pytest.raises(Unreachable):
        run(name, server.url, listener)
    assert "before_send" not in listener.events
    assert [delay for _, delay in listener.events] == [1.0, 2.0, 4.0]
    assert all("cannot be reached" in reason for reason, _ in listener.events)


def test_refusing_proxy_gets_no_body(proxy: m.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy does not let the connection through, the body is never sent."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    listener = RecordingListener()
    with pytest.raises(Unreachable):
        run("runapi", "https://api.invalid", listener)
    assert len(proxy.requests) == SUBMIT_TRIES
    assert "before_send" not in listener.events


def test_before_send_is_called_between_connection_and_body(server: m.Server) -> None:
    """``before_send`` is called after the connection came about and before the service has the request."""
    arrived: list[int] = []

    class Counting(RecordingListener):
        async def before_send(self) -> None:
            await super().before_send()
            arrived.append(len(server.requests))

    listener = Counting()
    assert run("acedata", server.url, listener) == Accepted("task-1")
    assert (listener.events, arrived, len(server.requests)) == (["before_send"], [0], 1)


@APIS
def test_listener_that_raises_keeps_the_body_back(server: m.Server, name: str) -> None:
    """What the listener raises comes out, and the service gets headers at most: never a whole request."""
    listener = RecordingListener(refuse=ConfigError("the journal cannot be written"))
    with pytest.raises(ConfigError, match="the journal cannot be written"):
        run(name, server.url, listener)
    server.until(lambda: server.cut_short)
    (headers_alone,) = server.cut_short
    assert headers_alone.body == b""
    assert int(headers_alone.headers["content-length"]) > 0
    assert server.requests == []
    assert listener.events == ["before_send"]


def test_each_submission_try_opens_a_connection(server: m.Server) -> None:
    """A busy service that closes the connection gets the request again, over a new one; both tries are announced."""
    server.script("submit", m.Raw(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"))
    listener = RecordingListener()
    assert run("runapi", server.url, listener) == Accepted("task-1")
    assert [request.connection for request in server.requests] == [1, 2]
    assert [event if event == "before_send" else "not_accepted" for event in listener.events] == [
        "before_send",
        "not_accepted",
        "before_send",
    ]


def test_connection_broken_before_the_body_is_tried_again() -> None:
    """A request whose body was never asked for certainly was not accepted: no doubt, and another try."""

    class BreaksOnce(httpx.AsyncBaseTransport):
        broken = False

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not self.broken:
                self.broken = True
                raise httpx.WriteError("broken pipe")
            await request.aread()
            return httpx.Response(200, json={"task_id": "t-1"})

    listener = RecordingListener()
    api = AceData(impatient(BreaksOnce()), "https://a.example", Secret("k"))
    assert asyncio.run(submission(api, listener)) == Accepted("t-1")
    assert listener.events == [("AceDataCloud did not answer: “broken pipe”.", 1.0), "before_send"]
