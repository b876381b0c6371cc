"""Payloads: the exact request for every field, and that bad input is never sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.errors import InvalidRequest

PROMPT = "A fox — “quick” & 日本"
A, B, C = "https://example.com/a.png", "https://example.com/b.png", "https://hook.example/x"
GENERATE = {"action": "generate", "prompt": PROMPT, "aspect_ratio": "16:9", "loop": False, "enhancement": True}
ID, WEB = "7f3b2c1d-1111-4222-8333-444455556666", "https://cdn.example/v.mp4?sig=1%202"
BY_ID, BY_URL, BOTH = VideoRef(ID), VideoRef(url=WEB), VideoRef(ID, WEB)
MODIFY = {"model": "luma-modify-video", "prompt": PROMPT, "source_video_url": WEB}


def submit(api: Any, request: Any) -> str:
    """Submit a request through one of the APIs."""

    async def send() -> str:
        return await api.submit(api.payload(request), "intent-1")  # type: ignore[no-any-return]

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({}, {}),
        ({"aspect_ratio": "9:21"}, {"aspect_ratio": "9:21"}),
        ({"loop": True}, {"loop": True}),
        ({"enhancement": False}, {"enhancement": False}),
        ({"start_image": A}, {"start_image_url": A}),
        ({"end_image": B}, {"end_image_url": B}),
        ({"callback_url": C}, {"callback_url": C}),
        (
            {"start_image": A, "end_image": B, "callback_url": C, "loop": True, "aspect_ratio": "1:1"},
            {"start_image_url": A, "end_image_url": B, "callback_url": C, "loop": True, "aspect_ratio": "1:1"},
        ),
    ],
)
def test_generate_payload(fake: Any, fields: dict[str, Any], body: dict[str, Any]) -> None:
    """Generate is POSTed with exactly the documented fields, always in the asynchronous mode."""
    service = fake({"task_id": "t-1"})
    assert submit(service.acedata(), GenerateRequest(prompt=PROMPT, **fields)) == "t-1"
    assert service.sent == [{**GENERATE, **body, "async": True}]
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("POST", "https://api.acedata.cloud/luma/videos")


@pytest.mark.parametrize(
    ("source", "fields", "body"),
    [
        (BY_ID, {}, {"video_id": ID}),
        (BY_URL, {}, {"video_url": WEB}),
        (BOTH, {}, {"video_id": ID}),
        (BY_ID, {"end_image": B}, {"video_id": ID, "end_image_url": B}),
        (BY_URL, {"callback_url": C}, {"video_url": WEB, "callback_url": C}),
    ],
)
def test_extend_payload(fake: Any, source: VideoRef, fields: dict[str, Any], body: dict[str, Any]) -> None:
    """Extend names its source by id, else by URL, and sends no field that belongs to generate."""
    service = fake({"task_id": "t-1"})
    assert submit(service.acedata(), ExtendRequest(prompt=PROMPT, source=source, **fields)) == "t-1"
    assert service.sent == [{"action": "extend", "prompt": PROMPT, **body, "async": True}]


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({}, {}),
        ({"watermark": True}, {"watermark": True}),
        ({"watermark": False}, {"watermark": False}),
        ({"watermark": "wm-1"}, {"watermark": "wm-1"}),
        ({"callback_url": C}, {"callback_url": C}),
        ({"take": 2}, {}),
    ],
)
def test_modify_payload(fake: Any, fields: dict[str, Any], body: dict[str, Any]) -> None:
    """Modify is POSTed with the required model and source; a watermark goes as it was given, False too."""
    service = fake({"id": "m-1"})
    assert submit(service.runapi(), ModifyRequest(prompt=PROMPT, source=BOTH, **fields)) == "m-1"
    assert service.sent == [{**MODIFY, **body}]
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("POST", "https://runapi.ai/api/v1/luma/modify_video")


@pytest.mark.parametrize("name", ["acedata", "runapi"])
def test_submission_headers(fake: Any, key: str, name: str) -> None:
    """Each request carries the key as a bearer token, JSON, and who sends it; RunAPI's one idempotency key as well."""
    service = fake({"task_id": "t-1"})
    request = GenerateRequest(prompt="x") if name == "acedata" else ModifyRequest(prompt="x", source=VideoRef(url=WEB))
    api = getattr(service, name)()
    submit(api, request)
    headers = service.requests[0].headers
    assert headers["authorization"] == f"Bearer {key}"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("luma-jupyter/")
    assert headers.get("idempotency-key") == {"runapi": "intent-1"}.get(name)
    assert api.headers("intent-1") == ({"Idempotency-Key": "intent-1"} if name == "runapi" else {})


@pytest.mark.parametrize(
    ("reply", "task_id"),
    [
        ({"id": "a", "status": "pending"}, "a"),
        ({"task_id": "b", "status": "pending", "model": "luma-modify-video"}, "b"),
        ({"id": "a", "task_id": "b"}, "a"),
        ({"id": 17}, "17"),
        ((202, {"status": "pending"}, {"X-RunAPI-Task-Id": "c"}), "c"),
        ((200, "accepted", {"x-runapi-task-id": "c"}), "c"),
        ((200, {"id": "", "task_id": None}, {"x-runapi-task-id": "c"}), "c"),
    ],
)
def test_runapi_task_id_is_found(fake: Any, reply: Any, task_id: str) -> None:
    """The id is taken from `id`, `task_id` or the header, whichever is there: it is paid for, so it is not lost."""
    service = fake(reply)
    assert submit(service.runapi(), ModifyRequest(prompt="x", source=BY_URL)) == task_id
    assert len(service.requests) == 1


@pytest.mark.parametrize("reply", [{"task_id": "a"}, {"task_id": "a", "success": False, "error": {"code": "x"}}])
def test_acedata_task_id_is_kept(fake: Any, reply: Any) -> None:
    """An accepted task's id is kept, whatever else the answer says: the look-up will tell."""
    assert submit(fake(reply).acedata(), GenerateRequest(prompt="x")) == "a"


LOCAL = ["http://127.0.0.1:8888/a", "http://localhost/a", "https://192.168.1.5/a", "http://[::1]/a", "http://127.1/a"]


@pytest.mark.parametrize("url", LOCAL)
@pytest.mark.parametrize("name", ["start_image", "end_image", "callback_url"])
def test_generate_payload_has_no_local_url(fake: Any, name: str, url: str) -> None:
    """A URL on the user's own machine or network never goes to a paid service; the error names field and URL."""
    service = fake()
    with pytest.raises(InvalidRequest) as caught:
        submit(service.acedata(), GenerateRequest(prompt="x", **{name: url}))
    field = name if name == "callback_url" else f"{name}_url"
    assert str(caught.value).startswith(f"{field}: AceDataCloud cannot reach {url}, which is on your own ")
    assert service.requests == []


@pytest.mark.parametrize("url", LOCAL)
def test_extend_and_modify_payloads_have_no_local_source(fake: Any, url: str) -> None:
    """A source on the user's own network goes to neither service; by id, its URL does not matter."""
    service, source = fake(), VideoRef(url=url)
    with pytest.raises(InvalidRequest, match="video_url: AceDataCloud cannot reach"):
        submit(service.acedata(), ExtendRequest(prompt="x", source=source))
    with pytest.raises(InvalidRequest, match="source_video_url: RunAPI cannot reach"):
        submit(service.runapi(), ModifyRequest(prompt="x", source=source))
    assert service.requests == []
    submit(service.acedata(), ExtendRequest(prompt="x", source=VideoRef(ID, url)))
    assert service.sent[0]["video_id"] == ID
    assert "video_url" not in service.sent[0]


def test_local_api_accepts_its_own_media(fake: Any) -> None:
    """Where the base URL is itself on loopback, media of that very origin is fine, and a local callback."""
    base, service = "http://127.0.0.1:5000", fake({"task_id": "t", "id": "t"})
    own = VideoRef(url=f"{base}/media/a.mp4")
    callback = "http://localhost:9/hook"
    submit(service.acedata(base), GenerateRequest(prompt="x", start_image=own.url))
    submit(service.acedata(base), ExtendRequest(prompt="x", source=own, callback_url=callback))
    submit(service.runapi(base), ModifyRequest(prompt="x", source=own))
    assert [str(request.url.port) for request in service.requests] == ["5000"] * 3


@pytest.mark.parametrize("other", ["http://127.0.0.1:5001/a", "http://localhost:5000/a", "https://127.0.0.1:5000/a"])
def test_local_api_accepts_no_other_local_media(fake: Any, other: str) -> None:
    """Another port, name or scheme on this machine is another server: what it holds is not shown around."""
    service = fake()
    with pytest.raises(InvalidRequest, match="start_image_url: AceDataCloud cannot reach"):
        submit(service.acedata("http://127.0.0.1:5000"), GenerateRequest(prompt="x", start_image=other))
    assert service.requests == []
