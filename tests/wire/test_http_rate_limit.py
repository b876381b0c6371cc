"""A 429 slows the whole client for that service down: one answer is enough for all, and only for that service."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx
import pytest

from luma_jupyter.errors import LumaError
from luma_jupyter.models import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.settings import Secret
from luma_jupyter.wire.acedata import AceData
from luma_jupyter.wire.http import LONGEST_RETRY_AFTER, Http
from luma_jupyter.wire.partial import Partial
from luma_jupyter.wire.runapi import RunApi

ACEDATA, RUNAPI, FILES = "https://api.acedata.cloud", "https://runapi.ai", "https://cdn.example"


class Town:
    """Services that answer what they are told, else accept; when each request came, in seconds of the loop."""

    def __init__(self, random: float = 0.0) -> None:
        self.busy: list[dict[str, str]] = []
        self.seen: list[tuple[str, float]] = []
        self.http = Http(transport=httpx.MockTransport(self._answer), random=lambda: random)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((f"{request.method} {request.url.host}", round(asyncio.get_running_loop().time(), 2)))
        if self.busy:
            return httpx.Response(429, json={"error": "slow down"}, headers=self.busy.pop(0))
        if request.url.host == "cdn.example":
            return httpx.Response(200, content=b"video")
        return httpx.Response(200, json={"id": "t", "task_id": "t"})

    async def look(self, base: str = ACEDATA) -> None:
        await self.http.look("S", "GET", f"{base}/look", key=Secret("k"))

    async def submit(self, base: str = ACEDATA) -> None:
        await self.http.submit("S", f"{base}/submit", key=Secret("k"), payload={})

    async def fetch(self, base: str = FILES) -> None:
        await self.http.download(f"{base}/v.mp4", Partial(io.BytesIO()), largest=100, trusted_origin=base)

    @property
    def times(self) -> list[float]:
        return [at for _, at in self.seen]


CALLS = pytest.mark.parametrize("later", [Town.look, Town.submit], ids=["look", "submit"])


@CALLS
@pytest.mark.parametrize("first", [Town.look, Town.submit], ids=["look", "submit"])
def test_one_answer_is_enough_for_all(run_virtually: Any, first: Any, later: Any) -> None:
    """After a 429 of one request, all others to that service wait as long as it asked, looks and submissions alike."""

    async def story() -> None:
        town.busy = [{"Retry-After": "40"}]
        hit = asyncio.create_task(first(town))
        await asyncio.sleep(5)
        await asyncio.gather(*[later(town) for _ in range(10)])
        await hit

    town = Town()
    run_virtually(story())
    again = 1 if first is Town.submit else 0
    assert town.times == [0.0] + [40.0] * (10 + again)


@CALLS
def test_other_services_are_not_slowed(run_virtually: Any, later: Any) -> None:
    """While one service is busy, requests to another origin, and downloads, go at once."""

    async def story() -> None:
        town.busy = [{"Retry-After": "40"}]
        await town.look(ACEDATA)
        await later(town, RUNAPI)
        await later(town, "https://api.acedata.cloud:8443")
        await town.fetch()
        await later(town, ACEDATA)

    town = Town()
    run_virtually(story())
    assert town.times == [0.0, 0.0, 0.0, 0.0, 40.0]


def test_the_address_of_an_api_is_one_service(run_virtually: Any) -> None:
    """Both APIs' clients wait for their own service, whichever of its paths was busy."""

    async def story() -> None:
        town.busy = [{"Retry-After": "20"}]
        acedata, runapi = AceData(town.http, ACEDATA, Secret("k")), RunApi(town.http, RUNAPI, Secret("k"))
        with pytest.raises(LumaError):
            await acedata.look_up(["t"])
        await acedata.submit(GenerateRequest(prompt="x"), "i")
        await acedata.look_up(["t"])
        await runapi.submit(ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4")), "i")

    town = Town()
    run_virtually(story())
    assert town.times == [0.0, 20.0, 20.0, 20.0]
    assert [who for who, _ in town.seen] == ["POST api.acedata.cloud"] * 3 + ["POST runapi.ai"]


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"Retry-After": "soon"}])
def test_a_429_that_asks_for_nothing_slows_nobody(run_virtually: Any, headers: dict[str, str]) -> None:
    """Without a time to wait, only the refused request itself waits, by its own rhythm."""

    async def story() -> None:
        town.busy = [headers]
        await town.look()
        await town.look()

    town = Town()
    run_virtually(story())
    assert town.times == [0.0, 0.0]


def test_a_date_is_a_time_to_wait_too(run_virtually: Any) -> None:
    """A Retry-After that is a date counts from the service's own clock."""

    async def story() -> None:
        town.busy = [{"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}]
        await town.look()
        await town.look()

    town = Town()
    run_virtually(story())
    assert town.times == [0.0, 30.0]


def test_nobody_is_silenced_for_hours(run_virtually: Any) -> None:
    """A service that asks for very long is left alone for five minutes, so that no running task is lost sight of."""

    async def story() -> None:
        town.busy = [{"Retry-After": "86400"}]
        await town.look()
        await town.look()

    town = Town()
    run_virtually(story())
    assert town.times == [0.0, LONGEST_RETRY_AFTER]


def test_only_a_429_slows_all(run_virtually: Any) -> None:
    """Another answer with Retry-After, such as a running task's, is no limit of the rate."""

    async def story() -> list[float | None]:
        http = Http(transport=httpx.MockTransport(lambda r: httpx.Response(503, headers={"Retry-After": "40"})))
        replies = [await http.look("S", "GET", ACEDATA, key=Secret("k")) for _ in range(2)]
        assert asyncio.get_running_loop().time() == 0
        return [reply.retry_after for reply in replies]

    assert run_virtually(story()) == [40.0, 40.0]


def test_those_who_waited_do_not_come_back_together(run_virtually: Any) -> None:
    """Each waits a little longer than asked, by chance and up to a tenth, never less."""

    async def story() -> None:
        town.busy = [{"Retry-After": "100"}]
        await town.look()
        numbers = iter([0.0, 0.3, 0.6, 0.9])
        town.http._random = lambda: next(numbers)
        await asyncio.gather(*[town.look() for _ in range(4)])

    town = Town()
    run_virtually(story())
    assert town.times == [0.0, 100.0, 103.0, 106.0, 109.0]


def test_waiting_for_a_service_can_be_stopped(run_virtually: Any) -> None:
    """A submission that waits for its service ends at once when it is cancelled, and never leaves."""

    async def story() -> None:
        town.busy = [{"Retry-After": "100"}]
        await town.look()
        waiting = asyncio.create_task(town.submit())
        await asyncio.sleep(10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert asyncio.get_running_loop().time() == 10

    town = Town()
    run_virtually(story())
    assert len(town.seen) == 1
