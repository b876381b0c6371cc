"""RunAPI on the wire: modify, its status words, its errors, and idempotency keys."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from luma_jupyter.demo.server import DemoService

MODIFY = "/api/v1/luma/modify_video"
MODEL = "luma-modify-video"
Ended = Callable[[str], dict[str, Any]]
Poll = Callable[[Callable[[], Any]], Any]


def test_modify(clip: dict[str, Any], api: httpx.Client, ended_modify: Ended) -> None:
    """A modify task has both names of its id and goes from pending to completed, with its source and its cost."""
    body = {"model": MODEL, "prompt": "Fog", "source_video_url": clip["video_url"], "watermark": True}
    created = api.post(MODIFY, json=body)
    task = created.json()
    assert task == {"id": task["id"], "task_id": task["id"], "status": "pending", "model": MODEL}
    assert created.headers["x-runapi-task-id"] == task["id"]
    done = ended_modify(task["id"])
    assert done["status"] == "completed"
    assert done["sources"] == [{"url": clip["video_url"]}]
    assert done["usage"] == {"cost": 0}
    assert httpx.get(done["videos"][0]["url"]).content[4:8] == b"ftyp"


def test_status_words(api: httpx.Client, poll: Poll, service: DemoService) -> None:
    """A task is processing once its turn has come, until its time is over."""
    body = {"model": MODEL, "source_video_url": "x", "prompt": "A boat [fail]"}
    service.seconds = 0.5
    task_id = api.post(MODIFY, json=body).json()["id"]
    service.seconds = 0
    words = []

    def ended() -> bool:
        words.append(api.get(f"{MODIFY}/{task_id}").json()["status"])
        return words[-1] == "failed"

    poll(ended)
    assert next(word for word in words if word != "pending") == "processing"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt": "x [fail]"}, "failure"),
        ({"prompt": "x [moderated]"}, "moderators"),
        ({"source_video_url": "http://127.0.0.1:1/x.mp4"}, "source video cannot be used"),
        ({"source_video_url": "SERVICE/media/none.mp4"}, "no such file"),
        ({"source_video_url": "SERVICE/media/../../etc/hostname"}, "no such file"),
        ({"source_video_url": "SERVICE/nowhere"}, "404"),
        ({"source_video_url": "THUMBNAIL"}, "not an MP4"),
    ],
)
def test_modify_fails(
    change: dict[str, str],
    reason: str,
    api: httpx.Client,
    ended_modify: Ended,
    service: DemoService,
    clip: dict[str, Any],
) -> None:
    """What cannot be made ends failed, with a reason in plain words and no video."""
    body = {"model": MODEL, "prompt": "Fog", "source_video_url": clip["video_url"], **change}
    url = body["source_video_url"].replace("SERVICE", service.url).replace("THUMBNAIL", clip["thumbnail_url"])
    task = api.post(MODIFY, json={**body, "source_video_url": url}).json()
    done = ended_modify(task["id"])
    assert done["status"] == "failed"
    assert re.search(reason, done["error"])
    assert "videos" not in done


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model": None}, "model"),
        ({"model": "ray-2"}, "model"),
        ({"prompt": ""}, "prompt"),
        ({"source_video_url": None}, "source_video_url"),
        ({"source_video_url": 4}, "source_video_url"),
        ({"watermark": 3}, "watermark"),
    ],
)
def test_modify_bad_request(change: dict[str, Any], complaint: str, api: httpx.Client) -> None:
    """A bad body is a 400 in RunAPI's shape that names the field."""
    answer = api.post(MODIFY, json={"model": MODEL, "prompt": "x", "source_video_url": "http://x/y.mp4", **change})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert complaint in answer.json()["error"]["message"]


def test_runapi_errors(api: httpx.Client, clip: dict[str, Any]) -> None:
    """Wrong keys and unknown ids answer in RunAPI's shape; one API's ids mean nothing to the other."""
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        answer = api.post(MODIFY, json={}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    answer = api.get(f"{MODIFY}/{clip['task_id']}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.usefixtures("slow")
def test_idempotency_key(api: httpx.Client) -> None:
    """The same key with the same body is the same task; with another body a conflict; no key, a new task each time."""
    body = {"model": MODEL, "prompt": "x [fail]", "source_video_url": "http://127.0.0.1:1/x.mp4"}
    headers = {"Idempotency-Key": "one"}
    first, again = (api.post(MODIFY, json=body, headers=headers).json()["id"] for _ in range(2))
    assert first == again
    other = api.post(MODIFY, json={**body, "prompt": "y [fail]"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    assert len({first, *(api.post(MODIFY, json=body).json()["id"] for _ in range(2))}) == 3
