"""Payloads: the exact request for every field, and that bad input is never sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Billing
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.errors import InvalidRequest, Unconfirmed
from luma_jupyter.providers.protocol import Accepted

PROMPT = "A fox — “quick” & 日本"
A, B, C = "https://example.com/a.png", "https://example.com/b.png", "https://hook.example/x"
GENERATE = {"action": "generate", "prompt": PROMPT, "aspect_ratio": "16:9", "loop": False, "enhancement": True}
ID, WEB = "7f3b2c1d-1111-4222-8333-444455556666", "https://cdn.example/v.mp4?sig=1%202"
BY_ID, BY_URL, BOTH = VideoRef(ID), VideoRef(url=WEB), VideoRef(ID, WEB)
MODIFY = {"model": "luma-modify-video", "prompt": PROMPT, "source_video_url": WEB}


def submit(api: Any, request: Any) -> str:
    """Submit a request through one of the APIs; gives the task's id."""
    return accepted(api, request).task_id


def accepted(api: Any, request: Any) -> Accepted:
    """Submit a request through one of the APIs."""

    async def send() -> Accepted:
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
    assert service.payloads == [{**GENERATE, **body, "async": True}]
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
    assert service.payloads == [{"action": "extend", "prompt": PROMPT, **body, "async": True}]


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
    assert service.payloads == [{**MODIFY, **body}]
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("POST", "https://runapi.ai/api/v1/luma/modify_video")


@pytest.mark.parametrize("name", ["acedata", "runapi"])
def test_submission_headers(fake: Any, key: str, name: str) -> None:
    """Each request carries the key as a bearer token, JSON, who sends it, and the intent; RunAPI's twice."""
    service = fake({"task_id": "t-1"})
    request = GenerateRequest(prompt="x") if name == "acedata" else ModifyRequest(prompt="x", source=VideoRef(url=WEB))
    api = getattr(service, name)()
    submit(api, request)
    headers = service.requests[0].headers
    assert headers["authorization"] == f"Bearer {key}"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("luma-jupyter/")
    both = {"Idempotency-Key": "intent-1", "X-Client-Request-Id": "intent-1"}
    expected = both if name == "runapi" else {"Idempotency-Key": "intent-1"}
    assert {header: headers[header] for header in both if header in headers} == expected
    assert api.headers("intent-1") == expected


@pytest.mark.parametrize("name", ["acedata", "runapi"])
def test_submission_says_which_take_it_is_where_it_is_not_the_first(fake: Any, name: str) -> None:
    """A further take is named in a header of its own, and not in the body, which is the service's."""
    service = fake({"task_id": "t-1"}, {"task_id": "t-2"})
    request = GenerateRequest(prompt="x") if name == "acedata" else ModifyRequest(prompt="x", source=VideoRef(url=WEB))
    api = getattr(service, name)()
    for take in ("", "2.1"):
        service.run(api.submit(api.payload(request), "intent-1", take=take))
    assert [sent.headers.get("x-luma-take") for sent in service.requests] == [None, "2.1"]
    assert service.requests[0].content == service.requests[1].content


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
        ((202, "", {"Location": "/api/v1/luma/modify_video/d-4"}), "d-4"),
        ((202, {"status": "pending"}, {"Location": "https://runapi.ai/api/v1/tasks/d%204/?x=1"}), "d 4"),
        ((202, {"id": "a"}, {"Location": "/api/v1/luma/modify_video/d-4"}), "a"),
        ((202, {}, {"X-RunAPI-Task-Id": "c", "Location": "/api/v1/tasks/d-4"}), "c"),
    ],
)
def test_runapi_task_id_is_found(fake: Any, reply: Any, task_id: str) -> None:
    """The id is taken from `id`, `task_id` or a header, whichever is there: it is paid for, so it is not lost."""
    service = fake(reply)
    assert submit(service.runapi(), ModifyRequest(prompt="x", source=BY_URL)) == task_id
    assert len(service.requests) == 1


@pytest.mark.parametrize("reply", [{"task_id": "a"}, {"task_id": "a", "success": False, "error": {"code": "x"}}])
def test_acedata_task_id_is_kept(fake: Any, reply: Any) -> None:
    """An accepted task's id is kept, whatever else the answer says: the look-up will tell."""
    assert submit(fake(reply).acedata(), GenerateRequest(prompt="x")) == "a"


@pytest.mark.parametrize(
    "reply",
    [
        (202, {}),
        (202, {}, {"Location": ""}),
        (202, {}, {"Location": "/api/v1/tasks/"}),
        (303, {}, {"Location": "/api/v1/tasks/d-4"}),
    ],
    ids=str,
)
def test_answer_without_a_task_id_is_unconfirmed(fake: Any, reply: Any) -> None:
    """An accepted task whose id is nowhere may be billed; nothing else is taken for an id, nor a redirect followed."""
    service = fake(reply)
    with pytest.raises(Unconfirmed):
        submit(service.runapi(), ModifyRequest(prompt="x", source=BY_URL))
    assert len(service.requests) == 1


def test_acedata_submission_keeps_its_trace(fake: Any) -> None:
    """The trace id of a submission is kept: it names what was charged. Nothing is ever a replay there."""
    reply = {"task_id": "a", "trace_id": "tr-1", "task_replayed": True}
    assert accepted(fake(reply).acedata(), GenerateRequest(prompt="x")) == Accepted("a", "tr-1")
    assert accepted(fake({"task_id": "a"}).acedata(), GenerateRequest(prompt="x")) == Accepted("a")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, Accepted("a")),
        ({"task_replayed": True}, Accepted("a", replayed=True)),
        ({"task_replayed": "true"}, Accepted("a")),
        ({"trace_id": "tr"}, Accepted("a", trace_id="tr")),
        ({"billing": {"reservation_amount_cents": 50}}, Accepted("a", billing=Billing(reserved=0.5))),
        (
            {"billing": {"reservation_amount_cents": 50, "settlement_amount_cents": 35, "refund_amount_cents": 15}},
            Accepted("a", billing=Billing(0.5, 0.35, 0.15)),
        ),
        ({"billing": {"reservation_amount_cents": "50"}}, Accepted("a")),
        ({"billing": [50]}, Accepted("a")),
    ],
    ids=str,
)
def test_runapi_submission_says_whether_it_was_replayed(fake: Any, more: dict[str, Any], expected: Accepted) -> None:
    """A replay is what the service calls one; of its billing that is kept which is understood, in USD."""
    assert accepted(fake({"id": "a", **more}).runapi(), ModifyRequest(prompt="x", source=BY_URL)) == expected


def test_earlier_payload_is_sent_as_it_was(fake: Any) -> None:
    """A repeat sends the body that was sent before, to the byte, whatever its request would come to now."""
    service = fake({"id": "a"})
    earlier = {
        "model": "luma-modify-video",
        "prompt": "ein Fuchs ü",
        "source_video_url": "https://old.example/v",
        "x": 1,
    }
    for _ in range(2):
        asyncio.run(service.runapi().submit(earlier, "intent-1"))
    first, second = service.requests
    assert service.payloads == [earlier, earlier]
    assert first.content == second.content
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "intent-1"


# Files, which AceDataCloud takes only with a platform token.

FILES: list[tuple[str, Any]] = [
    ("start_image_url", lambda file: GenerateRequest(prompt="x", start_image=file)),
    ("end_image_url", lambda file: GenerateRequest(prompt="x", end_image=file)),
    ("end_image_url", lambda file: ExtendRequest(prompt="x", source=VideoRef(ID), end_image=file)),
    ("video_url", lambda file: ExtendRequest(prompt="x", source=file)),
]


def local_file(size: int) -> LocalFile:
    """A file of so many bytes, as a record tells of it."""
    return LocalFile("0" * 64, "image/png", "first.png", size)


@pytest.mark.parametrize(("field", "make"), FILES)
def test_file_without_a_platform_token_is_refused(fake: Any, field: str, make: Any) -> None:
    """Before anything is sent, one line names the field, the file, and both ways out; also with no platform at all."""
    service = fake()
    for platform in (service.platform(token=None), None):
        with pytest.raises(InvalidRequest) as caught:
            replace(service.acedata(), platform=platform).payload(make(local_file(5)))
        assert str(caught.value) == (
            f"{field}: first.png is a file of yours, which AceDataCloud takes only with a platform token: set "
            "ACEDATACLOUD_PLATFORM_TOKEN (made in its console), or give a URL."
        )
    assert service.requests == []


@pytest.mark.parametrize(("field", "make"), FILES)
def test_file_is_taken_up_to_100_mb(fake: Any, field: str, make: Any) -> None:
    """With a token a file has words in the place of its address, and one that is too large is refused in one line."""
    service = fake()
    assert service.acedata().payload(make(local_file(100_000_000)))[field] == "‹first.png, uploaded first›"
    with pytest.raises(InvalidRequest) as caught:
        service.acedata().payload(make(local_file(120_000_000)))
    assert str(caught.value) == (
        f"{field}: first.png has 120 MB, and AceDataCloud's platform takes files of up to 100 MB: make it smaller, "
        "or give a URL."
    )
    assert service.requests == []


def test_runapi_takes_larger_files(fake: Any) -> None:
    """The platform's limit and token are AceDataCloud's own."""
    request = ModifyRequest(prompt="x", source=local_file(150_000_000))
    assert fake().runapi().payload(request)["source_video_url"] == "‹first.png, uploaded first›"


def test_refused_address_is_told_without_its_token(fake: Any) -> None:
    """A Jupyter server's token in an address of one's own goes into no error."""
    request = GenerateRequest(prompt="x", start_image="http://localhost:8888/files/a.png?token=5ecret")
    with pytest.raises(InvalidRequest, match=r"cannot reach http://localhost:8888/files/a\.png\?…, which"):
        fake().acedata().payload(request)
    request = GenerateRequest(prompt="x", callback_url="http://localhost:8888/?token=5ecret")
    with pytest.raises(InvalidRequest, match=r"cannot reach http://localhost:8888/\?…, which"):
        fake().acedata().payload(request)


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
    assert service.payloads[0]["video_id"] == ID
    assert "video_url" not in service.payloads[0]


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
