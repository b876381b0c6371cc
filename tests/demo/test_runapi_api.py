"""RunAPI on the wire: modify, its status words, its errors, idempotency keys, the balance, and price quotes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from luma_jupyter.demo.server import DemoService
from tests.support.waiting import until

MODIFY = "/api/v1/luma/modify_video"
BALANCE = "/api/v1/me/balance"
QUOTES = "/api/v1/price_quotes"
MODEL = "luma-modify-video"
QUOTED = {"service": "luma", "action": "modify-video", "model": MODEL}
Ended = Callable[[str], dict[str, Any]]


def test_modify_task_completes(clip: dict[str, Any], api: httpx.Client, ended_modify: Ended) -> None:
    """A modify task has both names of its id and goes from pending to completed, with its source and its cost."""
    body = {"model": MODEL, "prompt": "Fog", "source_video_url": clip["video_url"], "watermark": True}
    created = api.post(MODIFY, json=body)
    task = created.json()
    billing = {"reservation_amount_cents": 0, "settlement_amount_cents": 0, "refund_amount_cents": 0}
    shape = {"id": task["id"], "task_id": task["id"], "status": "pending", "model": MODEL}
    assert task == {**shape, "billing": billing, "task_replayed": False}
    assert created.headers["x-runapi-task-id"] == task["id"]
    done = ended_modify(task["id"])
    assert done["status"] == "completed"
    assert done["sources"] == [{"url": clip["video_url"]}]
    assert done["usage"] == {"cost": 0}
    assert httpx.get(done["videos"][0]["url"]).content[4:8] == b"ftyp"


def test_status_is_processing_until_the_end(api: httpx.Client, service: DemoService) -> None:
    """A task is processing once its turn has come, until its time is over."""
    body = {"model": MODEL, "source_video_url": "x", "prompt": "A boat [fail]"}
    service.seconds = 0.5
    task_id = api.post(MODIFY, json=body).json()["id"]
    service.seconds = 0
    words = []

    def ended() -> bool:
        words.append(api.get(f"{MODIFY}/{task_id}").json()["status"])
        return words[-1] == "failed"

    until(ended)
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
def test_failed_modify_has_a_reason(
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
def test_bad_modify_body_names_the_field(change: dict[str, Any], complaint: str, api: httpx.Client) -> None:
    """A bad body is a 400 in RunAPI's shape that names the field."""
    answer = api.post(MODIFY, json={"model": MODEL, "prompt": "x", "source_video_url": "http://x/y.mp4", **change})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert complaint in answer.json()["error"]["message"]


def test_wrong_key_and_unknown_id_are_errors(api: httpx.Client, clip: dict[str, Any]) -> None:
    """Wrong keys and unknown ids answer in RunAPI's shape; one API's ids mean nothing to the other."""
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        answer = api.post(MODIFY, json={}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    answer = api.get(f"{MODIFY}/{clip['task_id']}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.usefixtures("slow")
def test_idempotency_key_gives_the_same_task(api: httpx.Client) -> None:
    """The same key with the same body is the same task; with another body a conflict; no key, a new task each time."""
    body = {"model": MODEL, "prompt": "x [fail]", "source_video_url": "http://127.0.0.1:1/x.mp4"}
    headers = {"Idempotency-Key": "one"}
    first, again = (api.post(MODIFY, json=body, headers=headers).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert (first["task_replayed"], again["task_replayed"]) == (False, True)
    other = api.post(MODIFY, json={**body, "prompt": "y [fail]"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    assert len({first["id"], *(api.post(MODIFY, json=body).json()["id"] for _ in range(2))}) == 3


def test_balance_is_zero(api: httpx.Client) -> None:
    """The balance has all five amounts in whole cents, and a demo neither holds nor spends any."""
    answer = api.get(BALANCE)
    assert answer.status_code == 200
    assert answer.json() == {
        "balance_cents": 0,
        "paid_balance_cents": 0,
        "bonus_balance_cents": 0,
        "spent_cents_today": 0,
        "spent_cents_total": 0,
    }


@pytest.mark.parametrize("params", [{"params": {"prompt": "Fog", "source_video_url": "x"}}, {"params": None}, {}])
def test_price_quote_is_zero(params: dict[str, Any], api: httpx.Client) -> None:
    """A quote says what it is for, that it costs nothing, and when that was so; params may be left out."""
    answer = api.post(QUOTES, json={**QUOTED, **params})
    assert answer.status_code == 200
    quote = answer.json()["price_quote"]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(quote.pop("as_of"))) < timedelta(minutes=1)
    assert quote == {
        **QUOTED,
        "pricing_status": "available",
        "estimate_basis": "exact",
        "reservation_amount_cents": 0,
        "currency": "USD",
    }


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"service": "suno"}, "service must be luma"),
        ({"service": None}, "service must be luma"),
        ({"action": "generate"}, "action must be modify-video"),
        ({"action": ["modify-video"]}, "action must be modify-video"),
        ({"model": "ray-2"}, f"model must be {MODEL}"),
        ({"model": None}, f"model must be {MODEL}"),
        ({"params": "Fog"}, "params has the wrong type"),
        ({"params": []}, "params has the wrong type"),
    ],
)
def test_bad_price_quote_names_the_field(change: dict[str, Any], complaint: str, api: httpx.Client) -> None:
    """A quote for anything but modify is a 400 in RunAPI's shape that names the field."""
    answer = api.post(QUOTES, json={**QUOTED, **change})
    assert answer.status_code == 400
    assert answer.json() == {"error": {"code": "bad_request", "message": complaint}}


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_price_quote_without_json_object_is_400(content: bytes, api: httpx.Client) -> None:
    """A quote whose body is no JSON object is a 400 in RunAPI's shape."""
    answer = api.post(QUOTES, content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"


def test_price_quote_wants_no_key(service: DemoService) -> None:
    """Anybody may ask for a price, as at the vendor."""
    answer = httpx.post(service.url + QUOTES, json={**QUOTED, "params": {}})
    assert answer.json()["price_quote"]["reservation_amount_cents"] == 0


@pytest.mark.parametrize("path", [MODIFY, BALANCE])
def test_platform_token_is_no_key_of_runapi(path: str, platform: httpx.Client) -> None:
    """The token of AceDataCloud's platform opens nothing of RunAPI's."""
    method = "POST" if path == MODIFY else "GET"
    assert platform.request(method, path, json={}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "key", "complaint"),
    [
        ("GET", BALANCE, "", "missing"),
        ("GET", BALANCE, "Bearer wrong", "invalid"),
        ("POST", QUOTES, "Bearer wrong", "invalid"),
    ],
)
def test_money_wants_the_key(method: str, path: str, key: str, complaint: str, api: httpx.Client) -> None:
    """Without the key the balance, and with a wrong one both are a 401 in RunAPI's shape, whatever the body."""
    answer = api.request(method, path, headers={"Authorization": key})
    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": "unauthorized", "message": f"API key is {complaint}."}}
