"""What only a real connection shows: stale connections, broken ones, and proxies. The server is on loopback."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest

from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConnectionLost, LumaError, Unconfirmed, Unreachable
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.providers.http.requests import Call
from tests.support import misbehaving as m
from tests.support.clients import impatient

ANSWER = b'{"task_id": "t-1"}'
SECRET = "sk-very-secret-123"
NOTHING_FOUND = {"items": [], "count": 0}
ACCEPTED = {"task_id": "task-1"}


async def fetch(client: HttpClient, url: str) -> Any:
    call = Call("AceDataCloud", "POST", f"{url}/luma/tasks", Secret(SECRET), {"action": "retrieve_batch"})
    return (await client.requests.fetch(call)).data


async def submit(client: HttpClient, url: str) -> Any:
    call = Call("AceDataCloud", "POST", f"{url}/luma/videos", Secret(SECRET), {"a": 1})
    return (await client.requests.submit(call)).data


def results(client: HttpClient, *calls: Any) -> list[Any]:
    """The results or errors of some calls one after the other; then the client is closed."""

    async def closing() -> list[Any]:
        try:
            return [await _result(call) for call in calls]
        finally:
            await client.aclose()

    return asyncio.run(closing())


async def _result(call: Any) -> Any:
    try:
        return await call
    except LumaError as error:
        return error


def test_stale_connection_does_not_fail_a_submission(server: m.Server) -> None:
    """A server that drops kept connections at their next request costs a look-up, never a paid submission."""
    server.script("look", m.CloseIdle())
    server.script("submit", m.CloseIdle(), m.CloseIdle())
    client = impatient()
    first, second, third, dropped = results(client, *[f(client, server.url) for f in (fetch, submit, submit, fetch)])
    assert (first, second, third) == (NOTHING_FOUND, {"task_id": "task-1"}, {"task_id": "task-2"})
    assert isinstance(dropped, ConnectionLost)
    assert [request.kind for request in server.requests] == ["look", "submit", "submit", "look"]


def test_fetches_share_a_connection(server: m.Server) -> None:
    """Repeated look-ups use one connection."""
    client = impatient()
    results(client, *[fetch(client, server.url) for _ in range(5)])
    assert [request.connection for request in server.requests] == [1] * 5


def test_refused_connection_is_unreachable(server: m.Server) -> None:
    """Where nobody listens, nothing was sent: not a lost payment."""
    server.refuse()
    client = impatient()
    (error,) = results(client, submit(client, server.url))
    assert type(error) is Unreachable
    assert "Nothing was sent" in str(error)


def test_failed_tls_handshake_is_unreachable(server: m.Server) -> None:
    """Where TLS does not come about, the request was not sent: not a lost payment."""
    client = impatient()
    (error,) = results(client, submit(client, server.url.replace("http:", "https:")))
    assert type(error) is Unreachable
    assert "SSL" in str(error)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + ANSWER,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" + ANSWER,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 18\r\n\r\n" + ANSWER,
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ],
)
def test_broken_reply_to_a_submission_is_unconfirmed(server: m.Server, broken: bytes) -> None:
    """A connection that ends before its answer does is a lost answer: one POST, unconfirmed."""
    server.script("submit", m.Raw(broken))
    server.script("look", m.Raw(broken))
    client = impatient()
    unconfirmed, lost = results(client, submit(client, server.url), fetch(client, server.url))
    assert type(unconfirmed) is Unconfirmed
    assert type(lost) is ConnectionLost
    assert len(server.requests) == 2


def test_reset_connection_is_unconfirmed(server: m.Server) -> None:
    """A reset connection is a lost answer too."""
    server.script("submit", m.Reset())
    client = impatient()
    (error,) = results(client, submit(client, server.url))
    assert type(error) is Unconfirmed
    assert len(server.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_loopback_bypasses_the_proxy(
    server: m.Server, proxy: m.Server, host: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a proxy in the environment, requests to this machine, and their key, do not reach it."""
    monkeypatch.setenv(variable, proxy.url)
    client, here, file = impatient(), server.url.replace("127.0.0.1", host), io.BytesIO()
    download = client.transfers.download(f"{here}/media/task-1.mp4", Partial(file), largest=10_000, trusted_origin=here)
    found = results(client, fetch(client, here), submit(client, here), download)
    assert found == [NOTHING_FOUND, ACCEPTED, None]
    assert file.getvalue() == m.video("task-1")
    assert proxy.requests == []
    assert [SECRET in str(request) for request in server.requests] == [True, True, False]


@pytest.mark.parametrize(
    "exceptions", ["localhost,[::1]", "::1", "10.0.0.0/8,*.corp.example,", "[", "*", "http://nas:80x"]
)
def test_any_entry_of_no_proxy_leaves_requests_possible(
    server: m.Server, exceptions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that fit no host are passed over, with and without a proxy; httpx alone raises for some of them."""
    monkeypatch.setenv("NO_PROXY", exceptions)
    for proxy in ("", "http://127.0.0.1:9"):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        client = impatient()
        (answer,) = results(client, submit(client, server.url))
        assert "task_id" in answer


@pytest.mark.parametrize(
    ("exceptions", "through"), [("", True), ("api.invalid", False), (".invalid", False), ("*", False)]
)
def test_hosts_of_no_proxy_are_reached_without_it(
    proxy: m.Server, exceptions: str, through: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host, a domain with its names, or all."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", exceptions)
    client = impatient()
    results(client, submit(client, "http://api.invalid"))
    assert bool(proxy.requests) is through


def test_proxy_is_used_for_other_hosts(proxy: m.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to elsewhere use the proxy of the environment; its own refusal is no acceptance of the task."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    client = impatient()
    plain, tunnel = results(client, fetch(client, "http://api.invalid"), submit(client, "https://api.invalid"))
    assert plain is None
    assert type(tunnel) is Unreachable
    first, *others = proxy.requests
    assert (first.method, first.path) == ("POST", "http://api.invalid/luma/tasks")
    assert [request.method for request in others] == ["CONNECT"] * 4
    assert not [request for request in others if SECRET in str(request)]
