"""The package's own clients against the service: what only the two together can show."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from luma_jupyter.demo.server import DemoService
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance, Billing, Charge, Quote
from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import InvalidKey, KeyReused, Unconfirmed
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.acedata_platform import AceDataPlatform
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.runapi import RunApi

T = TypeVar("T")
PNG = LocalFile.of(b"\x89PNG\r\n\x1a\n and the rest", "image/png", "first.png")
MODIFY = ModifyRequest(prompt="Fog [fail]", source=VideoRef(url="https://example.com/v.mp4"))


class Clients:
    """The clients of both APIs of one service."""

    def __init__(self, service: DemoService) -> None:
        self.http = HttpClient()
        platform = AceDataPlatform(self.http, service.url, Secret(service.platform_token))
        self.acedata = AceData(self.http, service.url, Secret(service.token), platform=platform)
        self.platform = platform
        self.runapi = RunApi(self.http, service.url, Secret(service.token))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run one story with the clients, and close their connections."""

        async def story() -> T:
            try:
                return await coroutine
            finally:
                await self.http.aclose()

        return asyncio.run(story())


@pytest.fixture
def clients(service: DemoService) -> Clients:
    """Our clients, with the service's key and token."""
    return Clients(service)


def test_file_is_uploaded_with_the_platform_token(clients: Clients, service: DemoService) -> None:
    """A file is where a request can name it; with the key in the token's place it is refused, and the error says so."""
    request = GenerateRequest(prompt="x", start_image=PNG)
    assert clients.acedata.payload(request)["start_image_url"] == "‹first.png, uploaded first›"
    assert clients.run(clients.acedata.upload(PNG, lambda share: None)).url.startswith(f"{service.url}/media/")
    wrong = replace(clients.platform, token=Secret(service.token))
    with pytest.raises(InvalidKey, match="ACEDATACLOUD_PLATFORM_TOKEN"):
        clients.run(wrong.upload(PNG, lambda share: None))


def test_money_of_the_demo_is_known_and_none(clients: Clients) -> None:
    """Prices, balances and charges are found along the whole way, and are zero."""
    before = time.time()

    async def story() -> Charge | None:
        payload = clients.acedata.payload(GenerateRequest(prompt="A boat [fail]"))
        earlier = {row.trace_id for row in await clients.platform.usage(before, time.time())}  # in the same second
        accepted = await clients.acedata.submit(payload, "intent")
        assert accepted.trace_id
        await clients.acedata.fetch([accepted.task_id])
        rows = await clients.platform.usage(before, time.time())
        new = [row.trace_id for row in rows if row.trace_id not in earlier]
        assert new == [accepted.trace_id]  # the look-up is not on the statement
        return await clients.platform.charged(accepted.trace_id, before, time.time())

    assert clients.run(story()) == Charge(0.0, 0.0)
    assert clients.run(clients.acedata.quote()) == clients.run(clients.runapi.quote()) == Quote(0.0)
    assert clients.run(clients.acedata.balance()) == Balance(0.0, None, 0.0, 0.0, 0.0)


def test_lost_task_is_found_among_many(clients: Clients, service: DemoService) -> None:
    """A task is found by its whole request, wherever in the list it stands; another prompt is not."""
    before = time.time()
    names = range(60)

    async def story() -> list[str]:
        payloads = [clients.acedata.payload(GenerateRequest(prompt=f"Lost {before} {name} [fail]")) for name in names]
        ids = [(await clients.acedata.submit(payload, "intent")).task_id for payload in payloads]
        assert await clients.acedata.find({**payloads[0], "prompt": "Lost"}, before) == []
        found = await clients.acedata.find(payloads[0], before)
        listed = await clients.acedata.list_tasks(before, time.time())
        assert [task.task_id for task in listed if task.task_id in ids] == ids[::-1]
        assert all(task.trace_id and task.request in payloads for task in listed if task.task_id in ids)
        return [*found, *ids[:1]]

    found, made = clients.run(story())
    assert found == made


def test_answer_is_lost_where_a_prompt_asks_for_it(clients: Clients) -> None:
    """With ``[lost]`` in its prompt a task is made as any other, and only the answer to its request is lost: it is in
    AceDataCloud's list of tasks, and is what RunAPI's key leads to."""

    async def story() -> None:
        before = time.time()
        payload = clients.acedata.payload(GenerateRequest(prompt="A ship [lost] [fail]"))
        with pytest.raises(Unconfirmed):
            await clients.acedata.submit(payload, "intent")
        listed = await clients.acedata.list_tasks(before - 1, time.time() + 1)
        assert [task.request for task in listed if task.request == payload] == [payload]
        payload = clients.runapi.payload(replace(MODIFY, prompt="Fog [lost] [fail]"))
        with pytest.raises(Unconfirmed):
            await clients.runapi.submit(payload, "lost-intent")
        assert (await clients.runapi.submit(payload, "lost-intent")).replayed

    clients.run(story())


def test_repeated_intent_is_replayed_or_refused(clients: Clients) -> None:
    """The same body under the same intent is the first task; another body is refused, and made nothing."""

    async def story() -> None:
        payload = clients.runapi.payload(MODIFY)
        first = await clients.runapi.submit(payload, "our-intent")
        again = await clients.runapi.submit(payload, "our-intent")
        assert (first.replayed, again.replayed) == (False, True)
        assert first.task_id == again.task_id
        assert first.billing == Billing(0.0, 0.0, 0.0)
        with pytest.raises(KeyReused):
            await clients.runapi.submit({**payload, "prompt": "Rain [fail]"}, "our-intent")

    clients.run(story())
