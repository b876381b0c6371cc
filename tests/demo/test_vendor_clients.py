"""The vendors' own Python clients, unchanged, against the service."""

import base64
import functools
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from acedatacloud import AceDataCloud, AuthenticationError, ModerationError, ValidationError
from acedatacloud._runtime.tasks import failure_reason, task_status
from runapi.core import AuthenticationError as RunApiAuthenticationError
from runapi.core import ConflictError, RequestOptions, resource
from runapi.core import ValidationError as RunApiValidationError
from runapi.core.files import FilesClient
from runapi.core.http_client import HttpClient
from runapi.core.options import ClientOptions, PollingOptions
from runapi.luma import LumaClient, NotFoundError, TaskFailedError

from luma_jupyter.demo.server import DemoService

pytestmark = pytest.mark.slow

MODEL = "luma-modify-video"
PNG = b"\x89PNG\r\n\x1a\n and the rest"


@pytest.fixture
def ace(service: DemoService) -> Iterator[AceDataCloud]:
    """AceDataCloud's client."""
    with AceDataCloud(service.token, base_url=service.url, platform_base_url=service.url, max_retries=0) as client:
        yield client


@pytest.fixture
def ace_platform(service: DemoService) -> Iterator[AceDataCloud]:
    """AceDataCloud's client with a platform token, as its description says to make one for files."""
    urls = {"base_url": service.url, "platform_base_url": service.url}
    with AceDataCloud(service.platform_token, **urls, max_retries=0) as client:
        yield client


@pytest.fixture
def runapi(service: DemoService, monkeypatch: pytest.MonkeyPatch) -> Iterator[LumaClient]:
    """RunAPI's client, polling fast; `run` takes no option for that."""
    monkeypatch.setattr(resource, "PollingOptions", functools.partial(PollingOptions, poll_interval=0.05))
    client = LumaClient(api_key=service.token, base_url=service.url)
    yield client
    # It has no close of its own.
    client._http._client.close()
    client._http._upload_client.close()


def test_acedata_client_generates_and_extends(ace: AceDataCloud) -> None:
    """The client generates, waits, looks up, and extends by id and by URL."""
    handle = ace.luma.generate(prompt="Astronauts shuttle from space to volcano", aspect_ratio="9:16")
    assert not handle.done
    task = handle.wait(poll_interval=0.05)
    assert task_status(task) == "succeeded"
    assert handle.urls() == [task["response"]["video_url"], task["response"]["thumbnail_url"]]
    assert ace.tasks.get(handle.id, service="luma") == task
    clip = task["response"]
    for source in ({"video_id": clip["video_id"]}, {"video_url": clip["video_url"]}):
        longer = ace.luma.generate(action="extend", prompt="The ship lands", wait=True, poll_interval=0.05, **source)
        assert longer.done
        assert httpx.get(longer.urls()[0]).headers["content-type"] == "video/mp4"


def test_acedata_client_gets_a_blocking_result(ace: AceDataCloud) -> None:
    """A blocking call comes back complete."""
    handle = ace.luma.generate(prompt="A boat", async_=False)
    assert handle.done
    assert len(handle.urls()) == 2


def test_acedata_client_sees_failures(ace: AceDataCloud, service: DemoService) -> None:
    """The client sees failed tasks as failed, and errors as its own exceptions."""
    task = ace.luma.generate(prompt="A boat [fail]").wait(poll_interval=0.05)
    assert task_status(task) == "failed"
    assert "asks for a failure" in failure_reason(task)
    with pytest.raises(ValidationError, match="prompt is required"):
        ace.luma.generate()
    with pytest.raises(ModerationError):
        ace.luma.generate(prompt="[moderated]")
    with AceDataCloud("wrong", base_url=service.url) as stranger, pytest.raises(AuthenticationError):
        stranger.luma.generate(prompt="A boat")


def test_runapi_client_modifies(runapi: LumaClient, clip: dict[str, Any]) -> None:
    """The client runs a task to its end, and creates and gets one step by step."""
    request = {"model": MODEL, "prompt": "A foggy morning", "source_video_url": clip["video_url"]}
    done = runapi.modify_video.run(**request, watermark="LUMA-42")
    assert httpx.get(done.videos[0].url).headers["content-type"] == "video/mp4"
    assert done.sources[0].url == clip["video_url"]
    created = runapi.modify_video.create(**{**request, "prompt": "[fail]"})
    assert created.status == "pending"
    assert runapi.modify_video.get(created.id).status in ("pending", "processing", "failed")


def test_runapi_client_sees_failures(runapi: LumaClient) -> None:
    """The client sees failed tasks as failed, and errors as its own exceptions."""
    request = {"model": MODEL, "source_video_url": "http://127.0.0.1:1/x.mp4"}
    for prompt, reason in (("x [fail]", "failure"), ("x [moderated]", "moderators"), ("x", "cannot be used")):
        with pytest.raises(TaskFailedError, match=reason):
            runapi.modify_video.run(**request, prompt=prompt)
    with pytest.raises(RunApiValidationError, match="prompt is required"):
        runapi.modify_video.create(**request)
    with pytest.raises(NotFoundError):
        runapi.modify_video.get("unknown")


def test_runapi_client_repeats_idempotently(runapi: LumaClient) -> None:
    """The client's idempotency key gives the same task again, and a conflict for another request."""
    options = RequestOptions(headers={"Idempotency-Key": "vendor"})
    request = {"model": MODEL, "source_video_url": "x"}
    first, again = (runapi.modify_video.create(options, **request, prompt="a [fail]") for _ in range(2))
    assert first.id == again.id
    with pytest.raises(ConflictError):
        runapi.modify_video.create(options, **request, prompt="b [fail]")


def test_runapi_client_reads_the_balance(runapi: LumaClient) -> None:
    """The client reads the balance, and finds every amount that it asks for."""
    assert set(runapi.account.balance().to_dict().values()) == {0}


def test_runapi_client_reads_a_price_quote(runapi: LumaClient) -> None:
    """The client reads a quote, with or without params, and sees one for another model as its own exception."""
    for params in ({"prompt": "Fog"}, None):
        quote = runapi.pricing.create_quote("luma", "modify-video", MODEL, params).price_quote
        assert (quote.service, quote.action, quote.model) == ("luma", "modify-video", MODEL)
        assert (quote.reservation_amount_cents, quote.currency) == (0, "USD")
        assert datetime.fromisoformat(quote.as_of).tzinfo
    with pytest.raises(RunApiValidationError, match="model must be"):
        runapi.pricing.create_quote("luma", "modify-video", "ray-2")


def test_runapi_client_sees_a_wrong_key(runapi: LumaClient) -> None:
    """The client sees a wrong key as its own exception, for the balance as for a quote."""
    stranger = RequestOptions(headers={"Authorization": "Bearer wrong"})
    with pytest.raises(RunApiAuthenticationError):
        runapi.account.balance(stranger)
    with pytest.raises(RunApiAuthenticationError):
        runapi.pricing.create_quote("luma", "modify-video", MODEL, options=stranger)


def test_acedata_client_uploads(ace_platform: AceDataCloud, service: DemoService, tmp_path: Path) -> None:
    """The client uploads a file and mere bytes, and finds both behind the URL that it is given."""
    (tmp_path / "start.png").write_bytes(PNG)
    files = ace_platform.files
    for answer in (files.upload(str(tmp_path / "start.png")), files.upload(PNG)):
        assert answer["file_url"] == answer["url"]
        assert answer["url"].startswith(f"{service.url}/media/")
        media = httpx.get(answer["file_url"])
        assert (media.content, media.headers["content-type"]) == (PNG, "image/png")
    with pytest.raises(ValidationError, match="file is empty"):
        files.upload(b"")
    with (
        AceDataCloud("wrong", base_url=service.url, platform_base_url=service.url) as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.files.upload(PNG)


def test_acedata_clients_of_api_and_platform_are_two(ace: AceDataCloud, ace_platform: AceDataCloud) -> None:
    """The client with the key uploads nothing and sees no subscriptions; the one with the token generates nothing."""
    with pytest.raises(AuthenticationError):
        ace.files.upload(PNG)
    with pytest.raises(AuthenticationError):
        ace.platform.applications.list()
    with pytest.raises(AuthenticationError):
        ace_platform.luma.generate(prompt="A boat")
    (subscription,) = ace_platform.platform.applications.list()["items"]
    assert (subscription["remaining_amount"], subscription["used_amount"]) == (0, 0)


@pytest.fixture
def files(service: DemoService) -> Iterator[FilesClient]:
    """RunAPI's client for uploads."""
    http = HttpClient(ClientOptions(api_key=service.token, base_url=service.url, max_retries=0))
    yield FilesClient(http=http)
    http.close()


def test_runapi_client_uploads(files: FilesClient, tmp_path: Path, clip: dict[str, Any]) -> None:
    """The client uploads a file in three steps, data in base64, and a URL, and reads all that it asks for."""
    (tmp_path / "start.png").write_bytes(PNG)
    for upload, name in (
        (files.create(file=tmp_path / "start.png"), "start.png"),
        (files.create(source=base64.b64encode(PNG).decode(), file_name="end.png"), "end.png"),
        (files.create(source=base64.b64encode(PNG).decode()), "upload.png"),
    ):
        assert (upload.file_name, upload.size_bytes, upload.mime_type) == (name, len(PNG), "image/png")
        lasting = datetime.fromisoformat(upload.expires_at) - datetime.fromisoformat(upload.created_at)
        assert lasting.days == 7
        media = httpx.get(upload.url)
        assert (media.content, media.headers["content-type"]) == (PNG, "image/png")
    copy = files.create(source=clip["video_url"])
    assert (copy.mime_type, copy.file_name) == ("video/mp4", clip["video_url"].rpartition("/")[2])
    assert copy.url != clip["video_url"]
    assert httpx.get(copy.url).content == httpx.get(clip["video_url"]).content


def test_runapi_client_sees_upload_failures(files: FilesClient) -> None:
    """The client sees sources that cannot be read as its own exception, as it does a wrong key."""
    with pytest.raises(RunApiValidationError, match="source cannot be read"):
        files.create(source="http://127.0.0.1:1/x.png")
    with pytest.raises(RunApiValidationError, match="base64"):
        files.create(source="~~~")
    with pytest.raises(RunApiAuthenticationError):
        files.create(source=PNG.hex(), options=RequestOptions(headers={"Authorization": "Bearer wrong"}))
