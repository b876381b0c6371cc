"""What both APIs share: callbacks, media, odd requests, injected faults."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from luma_jupyter.demo.server import LOST, InjectedReply, RequestInfo, start
from tests.support.misbehaving import Server

VIDEOS, TASKS, MODIFY = "/luma/videos", "/luma/tasks", "/api/v1/luma/modify_video"
MODEL = "luma-modify-video"
Ended = Callable[[str], dict[str, Any]]


def test_callback_gets_the_result(api: httpx.Client, ended_task: Ended, ended_modify: Ended, server: Server) -> None:
    """With a callback URL, both APIs answer at once and POST the result later: a look-up's `response`, or the task."""
    url = f"{server.url}/done"
    task_id = api.post(VIDEOS, json={"prompt": "Called back [fail]", "callback_url": url}).json()["task_id"]
    server.until(lambda: server.requests, timeout=20)
    assert server.requests[0].json == ended_task(task_id)["response"]
    body = {"model": MODEL, "prompt": "Called back [fail]", "source_video_url": "x", "callback_url": url}
    task_id = api.post(MODIFY, json=body).json()["id"]
    server.until(lambda: len(server.requests) == 2, timeout=20)
    assert server.requests[1].json == ended_modify(task_id)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "nonsense", "ftp://x/"])
def test_failing_callback_changes_nothing(url: str, api: httpx.Client, ended_task: Ended) -> None:
    """A callback that cannot be delivered changes nothing."""
    task_id = api.post(VIDEOS, json={"prompt": "Not called back [fail]", "callback_url": url}).json()["task_id"]
    assert ended_task(task_id)["id"] == task_id


def test_media_answer_head_and_range(clip: dict[str, Any]) -> None:
    """Media need no key, and know HEAD and Range, which players use to seek."""
    whole = httpx.get(clip["video_url"]).content
    head = httpx.head(clip["video_url"])
    assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", len(whole))
    part = httpx.get(clip["video_url"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/v1/me", 404, "not_found"),
        ("GET", "/media/", 404, "not_found"),
        ("GET", "/media/none.mp4", 404, "not_found"),
        ("GET", "/media/..%2F..%2Fetc%2Fhostname", 404, "not_found"),
        ("POST", "/media/none.mp4", 405, "method_not_allowed"),
        ("GET", VIDEOS, 405, "method_not_allowed"),
        ("DELETE", TASKS, 405, "method_not_allowed"),
        ("PUT", MODIFY, 405, "method_not_allowed"),
        ("POST", f"{MODIFY}/x", 405, "method_not_allowed"),
        ("POST", "/api/v1/me/balance", 405, "method_not_allowed"),
        ("GET", "/api/v1/price_quotes", 405, "method_not_allowed"),
    ],
)
def test_unserved_requests_are_refused_in_json(
    method: str, path: str, status: int, code: str, api: httpx.Client
) -> None:
    """What is not served is refused in JSON."""
    answer = api.request(method, path)
    assert answer.status_code in ({status, 403} if "%2F" in path else {status})
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["error"]["code"] == code or answer.status_code == 403


def test_blocking_calls_wait_side_by_side(api: httpx.Client) -> None:
    """Blocking calls wait side by side, and the service answers others meanwhile."""
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(api.post, VIDEOS, json={"prompt": f"Twin {number}"}) for number in (1, 2)]
        assert api.post(TASKS, json={"id": "unknown"}).status_code == 404
        assert not all(answer.done() for answer in held)
        first, second = (answer.result().json() for answer in held)
    assert first["success"] is second["success"] is True
    assert first["video_url"] != second["video_url"]


def test_hook_answers_loses_or_breaks_a_request(capfd: pytest.CaptureFixture[str]) -> None:
    """A hook sees each request and may answer it, lose its answer, or break (a JSON 500); nothing is printed."""
    seen: list[RequestInfo] = []

    def hook(request: RequestInfo) -> InjectedReply | None:
        seen.append(request)
        if b"broken" in request.body:
            raise ValueError("in a handler")
        if b"lost" in request.body and request.path == VIDEOS:
            return LOST
        if request.path == "/busy" or b"busy" in request.body:
            return InjectedReply(429, b"<html>", {"Retry-After": "7"})
        return None

    service = start(seconds=0, token="known", hook=hook)
    with httpx.Client(base_url=service.url, headers={"Authorization": "Bearer known"}) as client:
        for busy in (client.get("/busy"), client.post(VIDEOS, json={"prompt": "busy"})):
            assert (busy.status_code, busy.content, busy.headers["retry-after"]) == (429, b"<html>", "7")
        broken = client.post(VIDEOS, json={"prompt": "broken"})
        assert (broken.status_code, broken.json()["error"]["code"]) == (500, "api_error")
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(VIDEOS, json={"prompt": "lost [fail]", "async": True})
        assert client.post(VIDEOS, json={"prompt": "kept [fail]", "async": True}).status_code == 200
        assert client.get("/nowhere", headers={"Authorization": ""}).status_code == 404
    service.close()
    assert [request.path for request in seen] == ["/busy", *[VIDEOS] * 4, "/nowhere"]
    assert seen[2].method == "POST"
    assert json.loads(seen[2].body) == {"prompt": "broken"}
    assert seen[2].headers["Authorization"] == "Bearer known"
    assert capfd.readouterr() == ("", "")


def test_lost_answer_is_carried_out(server: Server) -> None:
    """A request whose answer is lost has been accepted all the same."""
    service = start(seconds=0, token="known", hook=lambda request: LOST)
    body = {"prompt": "lost [fail]", "callback_url": server.url}
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(service.url + VIDEOS, json=body, headers={"Authorization": "Bearer known"})
    server.until(lambda: server.requests, timeout=20)
    assert server.requests[0].json["success"] is False
    service.close()
