"""Rate limits: after one 429 all requests to that service wait, uploads too, and none to another."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import LumaError
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER, Call
from tests.support.fake_service import reply

ACEDATA, RUNAPI = "https://api.acedata.cloud", "https://runapi.ai"


async def fetch(services: Any, base: str = ACEDATA) -> None:
    call = Call("S", "POST", f"{base}/luma/tasks", Secret("k"), {"action": "retrieve_batch", "ids": ["t"]})
    await services.http.requests.fetch(call)


async def submit(services: Any, base: str = ACEDATA) -> None:
    await services.http.requests.submit(Call("S", "POST", f"{base}/luma/videos", Secret("k"), {}))


async def download(services: Any, base: str = "https://cdn.example") -> None:
    file = Partial(io.BytesIO())
    await services.http.transfers.download(f"{base}/v.mp4", file, largest=10_000, trusted_origin=base)


def times(services: Any) -> list[float]:
    """When requests came, in seconds of the loop's clock."""
    return [round(seen.at, 2) for seen in services.all_seen]


@pytest.fixture
def services(fake: Any) -> Any:
    """Honest services, and clients without jitter."""
    services = fake()
    services.chance = 0.0
    return services


def limit(services: Any, headers: dict[str, str]) -> None:
    """Answer the next request with 429 and such headers."""
    services.script("any", reply(429, {"error": "slow down"}, headers=headers))


CALLS = pytest.mark.parametrize("later", [fetch, submit])


@CALLS
@pytest.mark.parametrize("first", [fetch, submit])
def test_rate_limit_delays_all_requests_to_the_service(services: Any, first: Any, later: Any) -> None:
    """After a 429 of one request, all others to that service wait as long as it asked, of either kind."""

    async def story() -> None:
        limit(services, {"Retry-After": "40"})
        hit = asyncio.create_task(first(services))
        await asyncio.sleep(5)
        await asyncio.gather(*[later(services) for _ in range(10)])
        await hit

    services.run(story())
    again = 1 if first is submit else 0
    assert times(services) == [0.0] + [40.0] * (10 + again)


@CALLS
def test_rate_limit_does_not_delay_other_services(services: Any, later: Any) -> None:
    """While one service limits the rate, requests to another origin, and downloads, go at once."""

    async def story() -> None:
        limit(services, {"Retry-After": "40"})
        await fetch(services, ACEDATA)
        await later(services, RUNAPI)
        await later(services, "https://api.acedata.cloud:8443")
        await download(services)
        await later(services, ACEDATA)

    services.run(story())
    assert times(services) == [0.0, 0.0, 0.0, 0.0, 40.0]


def test_rate_limit_covers_all_paths_of_an_api(services: Any) -> None:
    """Both APIs' clients wait for their own service, whichever of its paths answered 429."""

    async def story() -> None:
        limit(services, {"Retry-After": "20"})
        acedata, runapi = services.acedata(), services.runapi()
        with pytest.raises(LumaError):
            await acedata.fetch(["t"])
        await acedata.submit(acedata.payload(GenerateRequest(prompt="x")), "i")
        await acedata.fetch(["t"])
        modify = ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4"))
        await runapi.submit(runapi.payload(modify), "i")

    services.run(story())
    assert times(services) == [0.0, 20.0, 20.0, 20.0]
    assert [request.url.host for request in services.requests] == ["api.acedata.cloud"] * 3 + ["runapi.ai"]


FILE = LocalFile.of(b"\x89PNG\r\n\x1a\n", "image/png", "a.png")


@pytest.mark.parametrize("first", ["upload", "look"])
def test_rate_limit_is_shared_by_uploads_and_look_ups(services: Any, first: str) -> None:
    """Whichever of them is refused, the others wait too, and none of the files goes out for nothing."""

    async def upload() -> None:
        await services.platform().upload(FILE, lambda share: None)

    async def look() -> None:
        await services.platform().usage(0.0, 1.0)

    async def story() -> None:
        limit(services, {"Retry-After": "40"})
        hit = asyncio.create_task(upload() if first == "upload" else fetch(services, "https://platform.acedata.cloud"))
        await asyncio.sleep(5)
        await asyncio.gather(*[call() for call in (upload, look) for _ in range(5)])
        await hit

    services.run(story())
    again = 1 if first == "upload" else 0
    assert times(services) == [0.0] + [40.0] * (10 + again)


FAR = "Mon, 01 Jan 2024 00:00:00 +99999999999999999"  # a date that Python cannot have


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"Retry-After": "soon"}, {"Retry-After": FAR}])
def test_rate_limit_without_retry_after_delays_no_other_request(services: Any, headers: dict[str, str]) -> None:
    """Without a time to wait, only the refused request itself waits, by its own rhythm."""

    async def story() -> None:
        limit(services, headers)
        await fetch(services)
        await fetch(services)

    services.run(story())
    assert times(services) == [0.0, 0.0]


def test_rate_limit_with_a_date_counts_by_the_services_clock(services: Any) -> None:
    """A Retry-After that is a date counts from the service's own clock."""

    async def story() -> None:
        limit(services, {"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"})
        await fetch(services)
        await fetch(services)

    services.run(story())
    assert times(services) == [0.0, 30.0]


def test_rate_limit_delay_is_bounded(services: Any) -> None:
    """A service that asks for very long is left alone for five minutes, so that no running task is lost sight of."""

    async def story() -> None:
        limit(services, {"Retry-After": "86400"})
        await fetch(services)
        await fetch(services)

    services.run(story())
    assert times(services) == [0.0, LONGEST_RETRY_AFTER]


def limit_late(services: Any, headers: dict[str, str]) -> None:
    """Answer the next request with 429 and such headers, after five seconds."""

    async def refuse(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        return httpx.Response(429, headers=headers)

    services.script("any", refuse)


@CALLS
def test_rate_limit_is_not_shortened_by_a_later_answer(services: Any, later: Any) -> None:
    """Of two answers that ask for a pause the one that lasts longer holds, though the other one comes after it."""

    async def story() -> None:
        limit_late(services, {"Retry-After": "10"})
        late = asyncio.create_task(fetch(services))
        await asyncio.sleep(1)
        limit(services, {"Retry-After": "40"})
        await fetch(services)
        await late
        await later(services)

    services.run(story())
    assert times(services) == [0.0, 1.0, 41.0]


@CALLS
def test_rate_limit_that_is_put_off_holds_for_those_who_wait(services: Any, later: Any) -> None:
    """Whoever waits for a service while it asks for a longer pause waits for that one, too."""

    async def story() -> None:
        limit_late(services, {"Retry-After": "40"})
        late = asyncio.create_task(fetch(services))
        await asyncio.sleep(1)
        limit(services, {"Retry-After": "10"})
        await fetch(services)
        await later(services)
        await late

    services.run(story())
    assert times(services) == [0.0, 1.0, 45.0]


def test_retry_after_of_another_status_delays_nothing(services: Any) -> None:
    """Another answer with Retry-After, such as a running task's, is no limit of the rate."""

    async def story() -> None:
        for _ in range(2):
            found = await services.http.requests.fetch(Call("S", "GET", ACEDATA, Secret("k")))
            assert found.retry_after == 40.0

    services.script("any", reply(503, headers={"Retry-After": "40"}), for_ever=True)
    services.run(story())
    assert times(services) == [0.0, 0.0]


def test_rate_limit_delay_has_jitter(services: Any) -> None:
    """Each waits a little longer than asked, by chance and up to a tenth, never less."""

    async def story() -> None:
        limit(services, {"Retry-After": "100"})
        await fetch(services)
        numbers = iter([0.0, 0.3, 0.6, 0.9])
        services.http.connections.random = lambda: next(numbers)
        await asyncio.gather(*[fetch(services) for _ in range(4)])

    services.run(story())
    assert times(services) == [0.0, 100.0, 103.0, 106.0, 109.0]


def test_rate_limit_delay_can_be_cancelled(services: Any) -> None:
    """A submission that waits for its service ends at once when it is cancelled, and is never sent."""

    async def story() -> None:
        limit(services, {"Retry-After": "100"})
        await fetch(services)
        waiting = asyncio.create_task(submit(services))
        await asyncio.sleep(10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert asyncio.get_running_loop().time() == 10

    services.run(story())
    assert len(services.requests) == 1
