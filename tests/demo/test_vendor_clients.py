"""The vendors' own Python clients, unchanged, against the service."""

import functools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from acedatacloud import AceDataCloud, AuthenticationError, ModerationError, ValidationError
from acedatacloud._runtime.tasks import failure_reason, task_status
from runapi.core import AuthenticationError as RunApiAuthenticationError
from runapi.core import ConflictError, RequestOptions, resource
from runapi.core import ValidationError as RunApiValidationError
from runapi.core.options import PollingOptions
from runapi.luma import LumaClient, NotFoundError, TaskFailedError

from luma_jupyter.demo.server import DemoService

MODEL = "luma-modify-video"


@pytest.fixture
def ace(service: DemoService) -> Iterator[AceDataCloud]:
    """AceDataCloud's client."""
    with AceDataCloud(service.token, base_url=service.url, platform_base_url=service.url, max_retries=0) as client:
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


def test_acedata_generate_and_extend(ace: AceDataCloud) -> None:
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


def test_acedata_held(ace: AceDataCloud) -> None:
    """A call that is held comes back complete."""
    handle = ace.luma.generate(prompt="A boat", async_=False)
    assert handle.done
    assert len(handle.urls()) == 2


def test_acedata_failures(ace: AceDataCloud, service: DemoService) -> None:
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


def test_runapi_modify(runapi: LumaClient, clip: dict[str, Any]) -> None:
    """The client runs a task to its end, and creates and gets one step by step."""
    request = {"model": MODEL, "prompt": "A foggy morning", "source_video_url": clip["video_url"]}
    done = runapi.modify_video.run(**request, watermark="LUMA-42")
    assert httpx.get(done.videos[0].url).headers["content-type"] == "video/mp4"
    assert done.sources[0].url == clip["video_url"]
    created = runapi.modify_video.create(**{**request, "prompt": "[fail]"})
    assert created.status == "pending"
    assert runapi.modify_video.get(created.id).status in ("pending", "processing", "failed")


def test_runapi_failures(runapi: LumaClient) -> None:
    """The client sees failed tasks as failed, and errors as its own exceptions."""
    request = {"model": MODEL, "source_video_url": "http://127.0.0.1:1/x.mp4"}
    for prompt, reason in (("x [fail]", "failure"), ("x [moderated]", "moderators"), ("x", "cannot be used")):
        with pytest.raises(TaskFailedError, match=reason):
            runapi.modify_video.run(**request, prompt=prompt)
    with pytest.raises(RunApiValidationError, match="prompt is required"):
        runapi.modify_video.create(**request)
    with pytest.raises(NotFoundError):
        runapi.modify_video.get("unknown")


def test_runapi_idempotency(runapi: LumaClient) -> None:
    """The client's idempotency key gives the same task again, and a conflict for another request."""
    options = RequestOptions(headers={"Idempotency-Key": "vendor"})
    request = {"model": MODEL, "source_video_url": "x"}
    first, again = (runapi.modify_video.create(options, **request, prompt="a [fail]") for _ in range(2))
    assert first.id == again.id
    with pytest.raises(ConflictError):
        runapi.modify_video.create(options, **request, prompt="b [fail]")


def test_runapi_balance(runapi: LumaClient) -> None:
    """The client reads the balance, and finds every amount that it asks for."""
    assert set(runapi.account.balance().to_dict().values()) == {0}


def test_runapi_price_quote(runapi: LumaClient) -> None:
    """The client reads a quote, with or without params, and sees one for another model as its own exception."""
    for params in ({"prompt": "Fog"}, None):
        quote = runapi.pricing.create_quote("luma", "modify-video", MODEL, params).price_quote
        assert (quote.service, quote.action, quote.model) == ("luma", "modify-video", MODEL)
        assert (quote.reservation_amount_cents, quote.currency) == (0, "USD")
        assert datetime.fromisoformat(quote.as_of).tzinfo
    with pytest.raises(RunApiValidationError, match="model must be"):
        runapi.pricing.create_quote("luma", "modify-video", "ray-2")


def test_runapi_wrong_key(runapi: LumaClient) -> None:
    """The client sees a wrong key as its own exception, for the balance as for a quote."""
    stranger = RequestOptions(headers={"Authorization": "Bearer wrong"})
    with pytest.raises(RunApiAuthenticationError):
        runapi.account.balance(stranger)
    with pytest.raises(RunApiAuthenticationError):
        runapi.pricing.create_quote("luma", "modify-video", MODEL, options=stranger)
