"""Services for the providers' tests: one that gives prepared answers without a network, and one on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.acedata_platform import AceDataPlatform
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.runapi import RunApi
from luma_jupyter.settings import Secret

KEY = "sk-very-secret-123"
PLATFORM_TOKEN = "platform-very-secret-456"
NOW = 1_700_000_100.5  # by the clock of all clients here


@dataclass
class Fake:
    """A service that gives the answers in turn, the last one for ever; it keeps what it received.

    An answer is JSON (a dict or list: with status 200), ``(status, body[, headers])`` where a string is sent as it is,
    an exception to raise, or a function of the request. ``run`` runs a coroutine on a loop where the client's waiting,
    kept in ``slept``, takes no time.
    """

    answers: list[Any]
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    requests: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = HttpClient(transport=httpx.MockTransport(self._answer), sleep=self._sleep, random=lambda: 1.0)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            return answer(request)  # type: ignore[no-any-return]
        status, body, *headers = answer if isinstance(answer, tuple) else (200, answer)
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        return httpx.Response(status, content=content, headers=headers[0] if headers else {})

    @property
    def sent(self) -> list[Any]:
        """The JSON bodies received."""
        return [json.loads(request.content) for request in self.requests]

    def acedata(self, base_url: str = "https://api.acedata.cloud") -> AceData:
        return AceData(self.http, base_url, Secret(KEY), platform=self.platform(), clock=lambda: NOW)

    def platform(self, token: str | None = PLATFORM_TOKEN) -> AceDataPlatform:
        return AceDataPlatform(self.http, "https://platform.acedata.cloud", Secret(token) if token else None)

    def runapi(self, base_url: str = "https://runapi.ai") -> RunApi:
        return RunApi(self.http, base_url, Secret(KEY))


@pytest.fixture
def fake(run_virtually: Callable[[Coroutine[Any, Any, Any]], Any]) -> Callable[..., Fake]:
    """Make a service that gives these answers."""
    return lambda *answers: Fake(list(answers) or [{"task_id": "t-1"}], run_virtually)


@pytest.fixture
def key() -> str:
    """The key that all clients here use."""
    return KEY


@pytest.fixture
def platform_token() -> str:
    """The token of all clients of AceDataCloud's platform here."""
    return PLATFORM_TOKEN


Behaviour = Callable[[asyncio.StreamWriter, int], Awaitable[bool]]


@pytest.fixture
def serving() -> Callable[[Behaviour], AbstractAsyncContextManager[tuple[str, list[bytes]]]]:
    """Serve on a real socket of 127.0.0.1: gives the base URL, and the requests that came.

    ``behave`` gets the connection and the request's number, and says whether the connection stays open.
    """

    @asynccontextmanager
    async def serve(behave: Behaviour) -> AsyncIterator[tuple[str, list[bytes]]]:
        received: list[bytes] = []

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while head := await reader.readuntil(b"\r\n\r\n"):
                    length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x[:15] == b"content-length:"), 0)
                    received.append(head + await reader.readexactly(length))
                    if not await behave(writer, len(received)):
                        break
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", received

    return serve
