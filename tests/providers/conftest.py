"""Services for the providers' tests: one that gives prepared answers without a network, and a proxy on a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.secret import Secret
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.acedata_platform import AceDataPlatform
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.runapi import RunApi
from tests.support.fake_service import Answer, FakeService, reply
from tests.support.misbehaving import Server, Status

KEY = "sk-very-secret-123"
PLATFORM_TOKEN = "platform-very-secret-456"
NOW = 1_700_000_100.5  # by the clock of all clients here


def _answer(answer: Any) -> Answer:
    """An answer as the tests here write it: JSON (a dict or list), or ``(status, body[, headers])``; or as it is."""
    if isinstance(answer, BaseException) or callable(answer):
        return answer
    status, body, *headers = answer if isinstance(answer, tuple) else (200, answer)
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return reply(status, content=content, headers=headers[0] if headers else {})


class Fake(FakeService):
    """The fake service behind the clients of both APIs, which gives the answers in turn, the last one for ever.

    ``run`` runs a coroutine on a loop where the clients' waiting, kept in ``slept``, takes no time; ``chance`` is what
    they have for it.
    """

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], *answers: Any) -> None:
        super().__init__()
        self.run = run
        self.slept: list[float] = []
        self.chance = 1.0
        self.http = HttpClient(transport=httpx.MockTransport(self), sleep=self._sleep, random=lambda: self.chance)
        if answers:
            self.script("any", *map(_answer, answers), for_ever=True)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds)

    def acedata(self, base_url: str = "https://api.acedata.cloud") -> AceData:
        return AceData(self.http, base_url, Secret(KEY), platform=self.platform(), clock=lambda: NOW)

    def platform(self, token: str | None = PLATFORM_TOKEN) -> AceDataPlatform:
        return AceDataPlatform(self.http, "https://platform.acedata.cloud", Secret(token) if token else None)

    def runapi(self, base_url: str = "https://runapi.ai") -> RunApi:
        return RunApi(self.http, base_url, Secret(KEY))


@pytest.fixture
def fake(run_virtually: Callable[[Coroutine[Any, Any, Any]], Any]) -> Callable[..., Fake]:
    """Make a service that gives these answers; without any, an honest one."""
    return partial(Fake, run_virtually)


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
