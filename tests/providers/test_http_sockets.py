"""What only a real connection shows: stale connections, broken ones, and proxies. The server is on loopback."""

from __future__ import annotations

import asyncio
import io
import socket
from typing import Any

import pytest

from luma_jupyter.errors import ConnectionLost, LumaError, Unconfirmed, Unreachable
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.providers.http.requests import Call
from luma_jupyter.settings import Secret

ANSWER = b'{"task_id": "t-1"}'
SECRET = b"sk-very-secret-123"


def http() -> HttpClient:
    """A client that waits for nothing between two tries."""

    async def at_once(seconds: float) -> None:
        return None

    return HttpClient(sleep=at_once)


async def answer(writer: asyncio.StreamWriter, number: int, body: bytes = ANSWER) -> bool:
    """Answer and keep the connection."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    return True


async def fetch(client: HttpClient, url: str) -> Any:
    call = Call("RunAPI", "GET", f"{url}/tasks", Secret(SECRET.decode()))
    return (await client.requests.fetch(call)).data


async def submit(client: HttpClient, url: str) -> Any:
    call = Call("RunAPI", "POST", f"{url}/submit", Secret(SECRET.decode()), {"a": 1})
    return (await client.requests.submit(call)).data


async def closing(client: HttpClient, *calls: Any) -> list[Any]:
    """The results or errors of some calls one after the other; then the client is closed."""
    try:
        results = []
        for call in calls:
            try:
                results.append(await call)
            except LumaError as error:
                results.append(error)
        return results
    finally:
        await client.aclose()


def test_stale_connection_does_not_fail_a_submission(serving: Any) -> None:
    """A server that drops kept connections at their next request costs a look-up, never a paid submission."""

    async def story() -> None:
        known = set()

        async def once_per_connection(writer: asyncio.StreamWriter, number: int) -> bool:
            if writer in known:
                return False
            known.add(writer)
            return await answer(writer, number)

        async with serving(once_per_connection) as (url, received):
            client = http()
            calls = [f(client, url) for f in (fetch, submit, submit, fetch)]
            first, second, third, dropped = await closing(client, *calls)
            assert first == second == third == {"task_id": "t-1"}
            assert isinstance(dropped, ConnectionLost)
            assert [request.split(b" ")[0] for request in received] == [b"GET", b"POST", b"POST", b"GET"]

    asyncio.run(story())


def test_fetches_share_a_connection(serving: Any) -> None:
    """Repeated look-ups use one connection."""

    async def story() -> None:
        connections = set()

        async def remember(writer: asyncio.StreamWriter, number: int) -> bool:
            connections.add(writer)
            return await answer(writer, number)

        async with serving(remember) as (url, received):
            client = http()
            await closing(client, *[fetch(client, url) for _ in range(5)])
            assert (len(received), len(connections)) == (5, 1)

    asyncio.run(story())


def test_refused_connection_is_unreachable() -> None:
    """Where nobody listens, nothing was sent: not a lost payment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        client = http()
        (error,) = asyncio.run(closing(client, submit(client, url)))
    assert type(error) is Unreachable
    assert "Nothing was sent" in str(error)


def test_failed_tls_handshake_is_unreachable() -> None:
    """Where TLS does not come about, the request was not sent: not a lost payment."""

    async def story() -> None:
        async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(no_tls, "127.0.0.1", 0) as server:
            client = http()
            (error,) = await closing(client, submit(client, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
            assert type(error) is Unreachable
            assert "SSL" in str(error)

    asyncio.run(story())


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
def test_broken_reply_to_a_submission_is_unconfirmed(serving: Any, broken: bytes) -> None:
    """A connection that ends before its answer does is a lost answer: one POST, unconfirmed."""

    async def story() -> None:
        async def break_off(writer: asyncio.StreamWriter, number: int) -> bool:
            writer.write(broken)
            await writer.drain()
            return False

        async with serving(break_off) as (url, received):
            client = http()
            unconfirmed, lost = await closing(client, submit(client, url), fetch(client, url))
            assert type(unconfirmed) is Unconfirmed
            assert type(lost) is ConnectionLost
            assert len(received) == 2

    asyncio.run(story())


def test_reset_connection_is_unconfirmed(serving: Any) -> None:
    """A reset connection is a lost answer too."""

    async def story() -> None:
        async def reset(writer: asyncio.StreamWriter, number: int) -> bool:
            writer.transport.abort()
            return False

        async with serving(reset) as (url, received):
            client = http()
            (error,) = await closing(client, submit(client, url))
            assert type(error) is Unconfirmed
            assert len(received) == 1

    asyncio.run(story())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_loopback_bypasses_the_proxy(serving: Any, host: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a proxy in the environment, requests to this machine, and their key, do not reach it."""

    async def story() -> None:
        async with serving(answer) as (proxy, seen_by_proxy), serving(answer) as (url, received):
            monkeypatch.setenv(variable, proxy)
            client = http()
            here = url.replace("127.0.0.1", host)
            file = io.BytesIO()
            download = client.transfers.download(f"{here}/file", Partial(file), largest=100, trusted_origin=here)
            results = await closing(client, fetch(client, here), submit(client, here), download)
            assert results == [{"task_id": "t-1"}, {"task_id": "t-1"}, None]
            assert file.getvalue() == ANSWER
            assert seen_by_proxy == []
            assert [SECRET in request for request in received] == [True, True, False]

    asyncio.run(story())


def test_proxy_is_used_for_other_hosts(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to elsewhere use the proxy of the environment; its own refusal is no acceptance of the task."""

    async def story() -> None:
        async def refuse(writer: asyncio.StreamWriter, number: int) -> bool:
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return False

        async with serving(refuse) as (proxy, received):
            monkeypatch.setenv("HTTP_PROXY", proxy)
            monkeypatch.setenv("HTTPS_PROXY", proxy)
            client = http()
            plain, tunnel = await closing(
                client, fetch(client, "http://api.invalid"), submit(client, "https://api.invalid")
            )
            assert plain is None
            assert type(tunnel) is Unreachable
            assert received[0].startswith(b"GET http://api.invalid/tasks ")
            assert [request.split(b" ")[0] for request in received[1:]] == [b"CONNECT"] * 4
            assert not [request for request in received[1:] if SECRET in request]

    asyncio.run(story())
