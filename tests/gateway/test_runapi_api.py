"""RunAPI's wire, as the vendor's own client and the kernel's drive it."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from runapi.core import AuthenticationError, ConflictError, InsufficientCreditsError, RequestOptions, resource
from runapi.core import ValidationError as RunApiValidationError
from runapi.core.files import FilesClient
from runapi.core.http_client import HttpClient as RunApiHttpClient
from runapi.core.options import ClientOptions, PollingOptions
from runapi.luma import LumaClient, NotFoundError, TaskFailedError
from tornado.httputil import HTTPHeaders

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance, Billing, Quote
from luma_jupyter.domain.requests import ModifyRequest, VideoRef
from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.task import TaskPhase
from luma_jupyter.errors import KeyReused
from luma_jupyter.gateway.runapi_api import StorageHandler
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.runapi import RunApi
from tests.support.gateway import RunningGateway
from tests.support.misbehaving import Server

T = TypeVar("T")
MODEL = "luma-modify-video"
FOG = {"model": MODEL, "prompt": "Fog", "source_video_url": "https://example.com/v.mp4"}
PNG = b"\x89PNG\r\n\x1a\n and the rest"
CHECKSUM = base64.b64encode(hashlib.md5(PNG).digest()).decode()


@pytest.fixture
def theirs(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[LumaClient]:
    """The vendor's client, with a student's token for its key; polling fast."""
    monkeypatch.setattr(resource, "PollingOptions", functools.partial(PollingOptions, poll_interval=0.05))
    client = LumaClient(api_key=gateway.token("ann"), base_url=gateway.url)
    yield client
    # It has no close of its own.
    client._http._client.close()
    client._http._upload_client.close()


@pytest.fixture
def files(gateway: RunningGateway) -> Iterator[FilesClient]:
    """The vendor's client for uploads."""
    http = RunApiHttpClient(ClientOptions(api_key=gateway.token("ann"), base_url=gateway.url, max_retries=0))
    yield FilesClient(http=http)
    http.close()


def ours(gateway: RunningGateway, use: Callable[[RunApi], Awaitable[T]]) -> T:
    """Have the kernel's client do something, with a student's token for its key."""

    async def story() -> T:
        http = HttpClient()
        try:
            return await use(RunApi(http, gateway.url, Secret(gateway.token("ann"))))
        finally:
            await http.aclose()

    return asyncio.run(story())


def test_vendors_client_modifies_and_watches(theirs: LumaClient, gateway: RunningGateway, vendor: Server) -> None:
    """The vendor gets all that was asked for; the video is the gateway's, and says what it cost."""
    created = theirs.modify_video.create(**FOG, watermark="LUMA-42")
    assert created.status == "processing"
    (task,) = vendor.tasks
    assert {name: task.request[name] for name in FOG} == FOG
    assert task.request["watermark"] == "LUMA-42"
    gateway.look("runapi")
    gateway.save()
    done = theirs.modify_video.get(created.id)
    assert done.status == "completed"
    assert httpx.get(done.videos[0].url).headers["content-type"] == "video/mp4"
    assert done.videos[0].url.startswith(f"{gateway.url}/media/")
    assert done.sources[0].url == FOG["source_video_url"]
    assert done.usage.cost == 0.5


def test_vendors_client_sees_failures_as_its_own_errors(
    theirs: LumaClient, gateway: RunningGateway, vendor: Server
) -> None:
    """A failed task, a bad request, a task of nobody, a cap, a token of nobody."""
    vendor.failure = "the film tore"
    options = RequestOptions(headers={"Idempotency-Key": "one"})
    theirs.modify_video.create(options, **FOG)
    gateway.look("runapi")
    with pytest.raises(TaskFailedError, match="the film tore"):
        theirs.modify_video.run(**FOG, options=options)
    with pytest.raises(ConflictError):
        theirs.modify_video.create(options, **{**FOG, "prompt": "Rain"})
    with pytest.raises(RunApiValidationError, match="name the video"):
        theirs.modify_video.create(model=MODEL, prompt="Fog")
    with pytest.raises(NotFoundError):
        theirs.modify_video.get("unknown")
    gateway.run(gateway.gateway.ledger.set_cap("group", "films", 0, None, "teacher"))
    gateway.run(gateway.gateway.ledger.set_cap("class", "", 0, None, "teacher"))
    with pytest.raises(InsufficientCreditsError, match="The budget of the class"):
        theirs.modify_video.create(**FOG)
    with pytest.raises(AuthenticationError):
        theirs.account.balance(RequestOptions(headers={"Authorization": "Bearer wrong"}))


def test_vendors_client_reads_balance_and_price(theirs: LumaClient, gateway: RunningGateway) -> None:
    """In cents, and of the one who asks; a quote for another model is a bad request."""
    gateway.run(gateway.gateway.ledger.set_cap("student", "ann", 1_234_567, None, "teacher"))
    balance = theirs.account.balance().to_dict()
    assert (balance["balance_cents"], balance["spent_cents_total"]) == (123, 0)
    for params in ({"prompt": "Fog"}, None):
        quote = theirs.pricing.create_quote("luma", "modify-video", MODEL, params).price_quote
        assert (quote.reservation_amount_cents, quote.currency) == (50, "USD")
        assert datetime.fromisoformat(quote.as_of).tzinfo
    with pytest.raises(RunApiValidationError, match="model must be"):
        theirs.pricing.create_quote("luma", "modify-video", "ray-2")


def test_vendors_client_uploads(files: FilesClient, theirs: LumaClient, tmp_path: Path, vendor: Server) -> None:
    """In three steps and in one; the address is the vendor's again when a request names it."""
    (tmp_path / "start.png").write_bytes(PNG)
    data = base64.b64encode(PNG).decode()
    for upload, name in (
        (files.create(file=tmp_path / "start.png"), "start.png"),
        (files.create(source=data, file_name="end.png"), "end.png"),
        (files.create(source=f"data:image/png;base64,{data}"), "upload"),
    ):
        assert (upload.file_name, upload.size_bytes, upload.mime_type) == (name, len(PNG), "image/png")
        assert datetime.fromisoformat(upload.expires_at) > datetime.fromisoformat(upload.created_at)
        theirs.modify_video.create(**{**FOG, "source_video_url": upload.url})
        assert vendor.tasks[-1].request["source_video_url"] == f"{vendor.url}/files/uploaded"
    for source in ("https://example.com/x.png", "~~~", {"type": "base64", "data": 5}, {"type": "base64", "data": ""}):
        with pytest.raises(RunApiValidationError, match="base64"):
            files.create(source=source)


def test_kernels_client_modifies_and_knows_its_money(gateway: RunningGateway) -> None:
    """Price, balance, cost; the same intent is the same task, another request with it a conflict."""
    gateway.run(gateway.gateway.ledger.set_cap("student", "", 2_000_000, None, "teacher"))

    async def submit(client: RunApi) -> str:
        assert await client.quote() == Quote(0.5)
        assert await client.balance() == Balance(2.0, 0.0, 0.0)
        payload = client.payload(ModifyRequest(prompt="Fog", source=VideoRef(url="https://example.com/v.mp4")))
        first, again = [await client.submit(payload, "intent") for _ in range(2)]
        assert first.task_id == again.task_id
        assert (first.replayed, again.replayed) == (False, True)
        assert first.billing == Billing(0.5)
        with pytest.raises(KeyReused):
            await client.submit({**payload, "prompt": "Rain"}, "intent")
        assert (await client.fetch([first.task_id]))[first.task_id].phase is TaskPhase.RUNNING
        return first.task_id

    task_id = ours(gateway, submit)
    gateway.look("runapi")

    async def look(client: RunApi) -> None:
        state = (await client.fetch([task_id]))[task_id]
        assert (state.phase, state.cost) == (TaskPhase.COMPLETED, 0.5)
        assert await client.fetch(["unknown"]) == {}
        assert await client.balance() == Balance(1.5, 0.5, 0.5)

    ours(gateway, look)


def test_kernels_client_uploads_in_three_steps(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The PUT goes without its token, to the gateway's own address, which is on a local network here."""
    came: list[HTTPHeaders] = []
    prepare = StorageHandler.prepare

    async def note(handler: StorageHandler) -> None:
        came.append(handler.request.headers)
        await prepare(handler)

    monkeypatch.setattr(StorageHandler, "prepare", note)

    async def upload(client: RunApi) -> Any:
        return await client.upload(LocalFile.of(PNG, "image/png", "first.png"), lambda share: None)

    kept = ours(gateway, upload)
    (headers,) = came
    assert "Authorization" not in headers
    assert kept.url.startswith(f"{gateway.url}/uploads/")
    assert kept.expires_at


def _prepare(client: httpx.Client, **changes: Any) -> httpx.Response:
    body = {"filename": "a.png", "byte_size": len(PNG), "checksum": CHECKSUM, **changes}
    return client.post("/api/v1/files/prepare", json=body)


def test_announced_file_is_taken_as_announced_alone(ann: httpx.Client, bob: httpx.Client) -> None:
    """Other headers, other bytes and another size are refused; once more is as good as once."""
    prepared = _prepare(ann).json()
    url, headers, signed_id = prepared["upload_url"], prepared["headers"], {"signed_id": prepared["signed_id"]}
    assert ann.post("/api/v1/files/confirm", json=signed_id).status_code == 422
    with httpx.Client(trust_env=False) as storage:
        assert storage.put(url, content=PNG).status_code == 403
        assert storage.put(url, content=PNG[:-1], headers=headers).status_code == 400
        assert storage.put(url, content=PNG[:-1] + b"x", headers=headers).status_code == 400
        assert storage.put(f"{url}x", content=PNG, headers=headers).status_code == 404
        assert storage.put(f"{url}%00", content=PNG, headers=headers).status_code == 400
        for _ in range(2):
            assert storage.put(url, content=PNG, headers=headers).status_code == 200
    first, again = (ann.post("/api/v1/files/confirm", json=signed_id).json() for _ in range(2))
    assert first == again
    assert bob.post("/api/v1/files/confirm", json=signed_id).status_code == 404
    assert ann.post("/api/v1/files/confirm", json={"signed_id": 5}).status_code == 404


def test_announcement_that_cannot_be_kept_is_refused(ann: httpx.Client) -> None:
    """A name, a size within bounds and an MD5 are needed."""
    bad: list[dict[str, Any]] = [
        {"filename": ""},
        {"filename": 5},
        {"filename": "a\0b"},
        {"byte_size": 0},
        {"byte_size": True},
        {"byte_size": 10**12},
        {"checksum": "x"},
        {"checksum": 5},
        {"checksum": base64.b64encode(b"short").decode()},
    ]
    for change in bad:
        assert _prepare(ann, **change).status_code == 400, change
