"""AceDataCloud on the wire: generate, extend, look-up, and every documented error."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from luma_jupyter.demo.server import DemoService

VIDEOS, TASKS = "/luma/videos", "/luma/tasks"
Ended = Callable[[str], dict[str, Any]]


def test_blocking_call_answers_the_whole_result(clip: dict[str, Any], api: httpx.Client) -> None:
    """Without async and callback, the call answers the whole documented result, with real files behind its URLs."""
    assert clip["success"] is True
    assert clip["state"] == "completed"
    assert clip["prompt"] == "Astronauts shuttle from space to volcano"
    assert (
        (clip["video_width"], clip["video_height"]) == (clip["thumbnail_width"], clip["thumbnail_height"]) == (640, 360)
    )
    assert len({clip["task_id"], clip["video_id"]}) == 2
    video, thumbnail = httpx.get(clip["video_url"]), httpx.get(clip["thumbnail_url"])
    assert (video.headers["content-type"], video.content[4:8]) == ("video/mp4", b"ftyp")
    assert (thumbnail.headers["content-type"], thumbnail.content[:2]) == ("image/jpeg", b"\xff\xd8")


def test_async_call_answers_a_task_id(api: httpx.Client, ended_task: Ended) -> None:
    """With async, the answer is a task id at once; the task runs, then holds the result."""
    body = {"prompt": "A boat", "async": True, "aspect_ratio": "1:1", "loop": True}
    answer = api.post(VIDEOS, json=body).json()
    assert list(answer) == ["task_id", "trace_id"]
    running = api.post(TASKS, json={"id": answer["task_id"]}).json()
    assert running["response"] == {"success": True, "task_id": answer["task_id"]}
    assert running["finished_at"] is None
    task = ended_task(answer["task_id"])
    times = {"created_at", "started_at", "finished_at", "elapsed"}
    assert set(task) == {"_id", "id", "request", "response", "trace_id", *times}
    assert task["trace_id"] == answer["trace_id"]
    assert task["created_at"] <= task["started_at"] <= task["finished_at"]
    assert task["elapsed"] == task["finished_at"] - task["created_at"]
    assert task["id"] == answer["task_id"]
    assert task["request"] == body
    assert 0 <= task["finished_at"] - task["created_at"] < 20
    assert abs(task["finished_at"] - time.time()) < 60
    assert (task["response"]["state"], task["response"]["video_width"]) == ("completed", 480)


def test_batch_look_up_leaves_out_unknown_tasks(clip: dict[str, Any], api: httpx.Client) -> None:
    """A batch look-up gives the tasks that are known and leaves out the others."""
    answer = api.post(TASKS, json={"ids": [clip["task_id"], "unknown"], "action": "retrieve_batch"}).json()
    assert answer["count"] == 1
    assert [task["response"] for task in answer["items"]] == [clip]


def test_unknown_task_is_404(api: httpx.Client) -> None:
    """A single look-up of an unknown id is a 404."""
    answer = api.post(TASKS, json={"id": "unknown", "action": "retrieve"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_extend_lengthens_its_source(clip: dict[str, Any], api: httpx.Client) -> None:
    """An extension is longer than its source and keeps its size; the video id wins over a URL."""
    source = {"video_id": clip["video_id"], "video_url": "http://127.0.0.1:1/never-read"}
    body = {"action": "extend", "prompt": "The ship lands", "end_image_url": clip["thumbnail_url"], **source}
    longer = api.post(VIDEOS, json=body).json()
    assert longer["video_width"] == clip["video_width"]
    assert len(httpx.get(longer["video_url"]).content) > len(httpx.get(clip["video_url"]).content)


def test_start_image_is_used_if_reachable(clip: dict[str, Any], api: httpx.Client) -> None:
    """A thumbnail can be the first frame of the next film; a foreign image out of reach is done without."""
    with_image, without = (
        api.post(VIDEOS, json={"prompt": clip["prompt"], "start_image_url": url}).json()
        for url in (clip["thumbnail_url"], "http://127.0.0.1:1/none.png")
    )
    plain, read, unread = (httpx.get(result["video_url"]).content for result in (clip, with_image, without))
    assert plain == unread
    assert plain != read


@pytest.mark.parametrize(
    ("which", "name", "reason"),
    [
        ("start", "gone.png", "there is no such file here"),
        ("end", "gone.png", "there is no such file here"),
        ("start", "..", "there is no such file here"),
        ("start", "VIDEO", "it is not an image, or damaged"),
        ("end", "VIDEO", "it is not an image, or damaged"),
    ],
)
@pytest.mark.parametrize("action", ["generate", "extend"])
def test_unusable_image_of_the_service_fails_the_task(
    action: str, which: str, name: str, reason: str, clip: dict[str, Any], api: httpx.Client, ended_task: Ended
) -> None:
    """An image of this very service that is gone or none fails the task in one sentence, in a look-up as in a call.

    An extension has no start image, so there nothing is amiss with it.
    """
    url = clip["video_url"].rpartition("/")[0] + f"/{name}" if name != "VIDEO" else clip["video_url"]
    body = {"prompt": "A boat", "action": action, "video_id": clip["video_id"], f"{which}_image_url": url}
    response = ended_task(api.post(VIDEOS, json={**body, "async": True}).json()["task_id"])["response"]
    if (action, which) == ("extend", "start"):
        assert response["success"] is True
        return
    complaint = {"code": "api_error", "message": f"The {which} image cannot be used: {reason}."}
    assert (response["success"], response["error"]) == (False, complaint)
    held = api.post(VIDEOS, json=body)
    assert (held.status_code, held.json()["error"]) == (500, complaint)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "json"),
        (b"not json", "json"),
        (b"[1]", "json"),
        ({}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": "x", "action": "modify"}, "action"),
        ({"prompt": "x", "action": True}, "action"),
        ({"prompt": "x", "aspect_ratio": "2:1"}, "aspect_ratio"),
        ({"prompt": "x", "loop": "yes"}, "loop"),
        ({"prompt": "x", "enhancement": 1}, "enhancement"),
        ({"prompt": "x", "async": "true"}, "async"),
        ({"prompt": "x", "timeout": "long"}, "timeout"),
        ({"prompt": "x", "timeout": True}, "timeout"),
        ({"prompt": "x", "timeout": 0}, "timeout"),
        ({"prompt": "x", "start_image_url": ["a"]}, "start_image_url"),
        ({"prompt": "x", "callback_url": 5}, "callback_url"),
        ({"prompt": "x", "action": "extend"}, "video_id or video_url"),
        ({"prompt": "x", "action": "extend", "video_id": "unknown"}, "video_id unknown"),
        ({"action": "extend", "video_id": "unknown"}, "prompt"),
    ],
)
def test_bad_video_body_names_the_field(body: Any, complaint: str, api: httpx.Client) -> None:
    """Whatever is wrong with a body is a documented 400 that names the field."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = api.post(VIDEOS, content=data)
    assert answer.status_code == 400
    assert set(answer.json()) == {"success", "error", "trace_id"}
    assert answer.json()["success"] is False
    assert answer.json()["error"]["code"] == "bad_request"
    assert complaint in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": 5},
        {"action": "list"},
        {"action": "retrieve_batch", "ids": []},
        {"action": "retrieve_batch", "ids": [1]},
    ],
)
def test_bad_look_up_is_400(body: Any, api: httpx.Client) -> None:
    """A look-up without a usable id, or with another action, is a 400."""
    answer = api.post(TASKS, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        ({"limit": 0}, "limit must"),
        ({"offset": -1}, "offset"),
        ({"limit": "5"}, "limit"),
        ({"created_at_min": "x"}, "min"),
    ],
)
def test_bad_listing_names_the_field(limits: dict[str, Any], complaint: str, api: httpx.Client) -> None:
    """A listing with a limit that is none is a 400 that names it."""
    answer = api.post(TASKS, json={"action": "retrieve_batch", **limits})
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]["message"]


def test_listing_gives_the_tasks_of_a_time_in_pages(api: httpx.Client) -> None:
    """Without ids, a batch lists the tasks made in a time, newest first, a page at a time, with their whole request."""
    before = time.time()
    bodies = [{"prompt": f"Listed {number} [fail]", "async": True} for number in range(3)]
    ids = [api.post(VIDEOS, json=body).json()["task_id"] for body in bodies]

    def page(**limits: Any) -> list[dict[str, Any]]:
        answer = api.post(TASKS, json={"action": "retrieve_batch", "created_at_min": before, **limits}).json()
        assert answer["count"] == len(answer["items"])
        return answer["items"]  # type: ignore[no-any-return]

    assert [task["id"] for task in page()] == ids[::-1]
    assert [task["request"] for task in page()] == bodies[::-1]
    assert [[task["id"] for task in page(limit=2, offset=offset)] for offset in (0, 2, 4)] == [
        [ids[2], ids[1]],
        [ids[0]],
        [],
    ]
    assert page(created_at_max=before) == []


def test_platform_token_cannot_generate(platform: httpx.Client) -> None:
    """The platform's token is a 401 at the generation API, to submit as to look up."""
    for path in (VIDEOS, TASKS):
        answer = platform.post(path, json={"prompt": "x"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")


@pytest.mark.parametrize("path", [VIDEOS, TASKS])
@pytest.mark.parametrize(
    ("header", "code"),
    [(None, "no_token"), ("Basic x", "no_token"), ("Bearer", "no_token"), ("Bearer wröng", "invalid_token")],
)
def test_missing_and_wrong_token_are_401(path: str, header: str | None, code: str, service: DemoService) -> None:
    """No token and a wrong one are two documented 401s."""
    headers = {"Authorization": header.encode()} if header else {}
    answer = httpx.post(service.url + path, json={"prompt": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.json()["success"] is False


@pytest.mark.usefixtures("slow")
def test_blocking_call_times_out(api: httpx.Client) -> None:
    """A blocking call that takes longer than its timeout is a documented 504."""
    answer = api.post(VIDEOS, json={"prompt": "Slow [fail]", "timeout": 0.05})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")


def test_fail_in_a_prompt_fails_the_task(api: httpx.Client, ended_task: Ended) -> None:
    """[fail] in a prompt makes a task that fails as documented; a blocking call answers the same as a 500."""
    task_id = api.post(VIDEOS, json={"prompt": "A boat [FAIL]", "async": True}).json()["task_id"]
    response = ended_task(task_id)["response"]
    assert response["success"] is False
    assert response["error"]["code"] == "api_error"
    assert "video_url" not in response
    held = api.post(VIDEOS, json={"prompt": "A boat [fail]"})
    assert (held.status_code, held.json()["error"]) == (500, response["error"])


def test_moderated_in_a_prompt_is_refused(api: httpx.Client) -> None:
    """[moderated] in a prompt is refused at once, in the documented words."""
    answer = api.post(VIDEOS, json={"prompt": "A boat [Moderated]", "async": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert answer.json()["error"]["message"].startswith("Sorry! Our")
