"""Rate limits: after one 429 all requests to that service wait, and none to another."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.errors import LumaError
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER, Call
from luma_jupyter.providers.runapi import RunApi
from luma_jupyter.settings import Secret

ACEDATA, RUNAPI, FILES = "https://api.acedata.cloud", "https://runapi.ai", "https://cdn.example"


class LimitedServices:
    """Services that answer 429 with the headers in ``limits``, then accept; ``seen``: what came when, in loop time."""

    def __init__(self, random: float = 0.0) -> None:
        self.limits: list[dict[str, str]] = []
        self.seen: list[tuple[str, float]] = []
        self.http = HttpClient(transport=httpx.MockTransport(self._answer), random=lambda: random)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((f"{request.method} {request.url.host}", round(asyncio.get_running_loop().time(), 2)))
        if self.limits:
            return httpx.Response(429, json={"error": "slow down"}, headers=self.limits.pop(0))
        if request.url.host == "cdn.example":
            return httpx.Response(200, content=b"video")
        return httpx.Response(200, json={"id": "t", "task_id": "t"})

    async def fetch(self, base: str = ACEDATA) -> None:
        await self.http.requests.fetch(Call("S", "GET", f"{base}/tasks", Secret("k")))

    async def submit(self, base: str = ACEDATA) -> None:
        await self.http.requests.submit(Call("S", "POST", f"{base}/submit", Secret("k"), {}))

    async def download(self, base: str = FILES) -> None:
        await self.http.transfers.download(f"{base}/v.mp4", Partial(io.BytesIO()), largest=100, trusted_origin=base)

    @property
    def times(self) -> list[float]:
        return [at for _, at in self.seen]


CALLS = pytest.mark.parametrize("later", [LimitedServices.fetch, LimitedServices.submit], ids=["fetch", "submit"])


@CALLS
@pytest.mark.parametrize("first", [LimitedServices.fetch, LimitedServices.submit], ids=["fetch", "submit"])
def test_rate_limit_delays_all_requests_to_the_service(run_virtually: Any, first: Any, later: Any) -> None:
    """After a 429 of one request, all others to that service wait as long as it asked, of either kind."""

    async def story() -> None:
        services.limits = [{"Retry-After": "40"}]
        hit = asyncio.create_task(first(services))
        await asyncio.sleep(5)
        await asyncio.gather(*[later(services) for _ in range(10)])
        await hit

    services = LimitedServices()
    run_virtually(story())
    again = 1 if first is LimitedServices.submit else 0
    assert services.times == [0.0] + [40.0] * (10 + again)


@CALLS
def test_rate_limit_does_not_delay_other_services(run_virtually: Any, later: Any) -> None:
    """While one service limits the rate, requests to another origin, and downloads, go at once."""

    async def story() -> None:
        services.limits = [{"Retry-After": "40"}]
        await services.fetch(ACEDATA)
        await later(services, RUNAPI)
        await later(services, "https://api.acedata.cloud:8443")
        await services.download()
        await later(services, ACEDATA)

    services = LimitedServices()
    run_virtually(story())
    assert services.times == [0.0, 0.0, 0.0, 0.0, 40.0]


def test_rate_limit_covers_all_paths_of_an_api(run_virtually: Any) -> None:
    """Both APIs' clients wait for their own service, whichever of its paths answered 429."""

    async def story() -> None:
        services.limits = [{"Retry-After": "20"}]
        acedata, runapi = AceData(services.http, ACEDATA, Secret("k")), RunApi(services.http, RUNAPI, Secret("k"))
        with pytest.raises(LumaError):
            await acedata.fetch(["t"])
        await acedata.submit(acedata.payload(GenerateRequest(prompt="x")), "i")
        await acedata.fetch(["t"])
        modify = ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4"))
        await runapi.submit(runapi.payload(modify), "i")

    services = LimitedServices()
    run_virtually(story())
    assert services.times == [0.0, 20.0, 20.0, 20.0]
    assert [who for who, _ in services.seen] == ["POST api.acedata.cloud"] * 3 + ["POST runapi.ai"]


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"Retry-After": "soon"}])
def test_rate_limit_without_retry_after_delays_no_other_request(run_virtually: Any, headers: dict[str, str]) -> None:
    """Without a time to wait, only the refused request itself waits, by its own rhythm."""

    async def story() -> None:
        services.limits = [headers]
        await services.fetch()
        await services.fetch()

    services = LimitedServices()
    run_virtually(story())
    assert services.times == [0.0, 0.0]


def test_rate_limit_with_a_date_counts_by_the_services_clock(run_virtually: Any) -> None:
    """A Retry-After that is a date counts from the service's own clock."""

    async def story() -> None:
        services.limits = [{"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}]
        await services.fetch()
        await services.fetch()

    services = LimitedServices()
    run_virtually(story())
    assert services.times == [0.0, 30.0]


def test_rate_limit_delay_is_bounded(run_virtually: Any) -> None:
    """A service that asks for very long is left alone for five minutes, so that no running task is lost sight of."""

    async def story() -> None:
        services.limits = [{"Retry-After": "86400"}]
        await services.fetch()
        await services.fetch()

    services = LimitedServices()
    run_virtually(story())
    assert services.times == [0.0, LONGEST_RETRY_AFTER]


def test_retry_after_of_another_status_delays_nothing(run_virtually: Any) -> None:
    """Another answer with Retry-After, such as a running task's, is no limit of the rate."""

    async def story() -> list[float | None]:
        http = HttpClient(transport=httpx.MockTransport(lambda r: httpx.Response(503, headers={"Retry-After": "40"})))
        replies = [await http.requests.fetch(Call("S", "GET", ACEDATA, Secret("k"))) for _ in range(2)]
        assert asyncio.get_running_loop().time() == 0
        return [reply.retry_after for reply in replies]

    assert run_virtually(story()) == [40.0, 40.0]


def test_rate_limit_delay_has_jitter(run_virtually: Any) -> None:
    """Each waits a little longer than asked, by chance and up to a tenth, never less."""

    async def story() -> None:
        services.limits = [{"Retry-After": "100"}]
        await services.fetch()
        numbers = iter([0.0, 0.3, 0.6, 0.9])
        services.http.connections.random = lambda: next(numbers)
        await asyncio.gather(*[services.fetch() for _ in range(4)])

    services = LimitedServices()
    run_virtually(story())
    assert services.times == [0.0, 100.0, 103.0, 106.0, 109.0]


def test_rate_limit_delay_can_be_cancelled(run_virtually: Any) -> None:
    """A submission that waits for its service ends at once when it is cancelled, and is never sent."""

    async def story() -> None:
        services.limits = [{"Retry-After": "100"}]
        await services.fetch()
        waiting = asyncio.create_task(services.submit())
        await asyncio.sleep(10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert asyncio.get_running_loop().time() == 10

    services = LimitedServices()
    run_virtually(story())
    assert len(services.seen) == 1
