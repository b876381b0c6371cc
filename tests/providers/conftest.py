"""Services for the providers' tests: one that gives prepared answers without a network, and one on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.acedata_platform import AceDataPlatform
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.runapi import RunApi
from luma_jupyter.settings import Secret
from tests.support.misbehaving import Server, Status

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


@pytest.fixture
def proxy() -> Iterator[Server]:
    """A proxy that lets nothing through."""
    with Server() as refusing:
        refusing.script("other", *[Status(503, b"")] * 9)
        yield refusing
