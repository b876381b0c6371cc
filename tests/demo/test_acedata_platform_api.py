"""AceDataCloud's platform on the wire: prices, subscriptions, and the statement, with a token of its own."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from luma_jupyter.demo import usage
from luma_jupyter.demo.server import DemoService
from luma_jupyter.demo.usage import UsageEntry, UsageLog

APIS, SERVICES = "/api/v1/apis/", "/api/v1/services/"
APPLICATIONS, USAGE = "/api/v1/applications/", "/api/v1/usage/apis/"


def get(client: httpx.Client, path: str, /, **query: Any) -> list[dict[str, Any]]:
    """The items of a list."""
    answer = client.get(path, params=query)
    assert answer.status_code == 200
    assert set(answer.json()) == {"count", "items"}
    return answer.json()["items"]  # type: ignore[no-any-return]


def iso(at: float) -> str:
    """A time as the platform reads it."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def test_prices_are_open_and_zero(service: DemoService) -> None:
    """What a call costs, and what credits cost, anybody may ask, and the demo is free."""
    with httpx.Client(base_url=service.url) as stranger:
        (api,) = get(stranger, APIS, path="/luma/videos")
        luma = next(item for item in get(stranger, SERVICES) if item["id"] == api["service_id"])
        assert get(stranger, APIS, path="/elsewhere") == []
    assert api["cost"] == 0
    assert luma["alias"] == "luma"
    assert luma["packages"] == [{"price": 0, "amount": 1}]


def test_lists_come_in_pages_and_ignore_an_alias(platform: httpx.Client) -> None:
    """A list is paged by limit and offset, counts all, and an alias changes nothing, as at the vendor."""
    whole = get(platform, SERVICES, alias="luma")
    assert len(whole) == 2
    assert [get(platform, SERVICES, limit=1, offset=offset) for offset in range(3)] == [[whole[0]], [whole[1]], []]
    assert platform.get(SERVICES, params={"limit": 1}).json()["count"] == 2
    answer = platform.get(SERVICES, params={"limit": "-1"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "limit must be a whole number")


@pytest.mark.parametrize("path", [APPLICATIONS, USAGE])
def test_account_wants_the_platform_token(path: str, api: httpx.Client, platform: httpx.Client) -> None:
    """With the generation API's key, or without any, the account is a 401."""
    assert platform.get(path).status_code == 200
    assert api.get(path).json()["error"]["code"] == "invalid_token"
    assert api.get(path, headers={"Authorization": ""}).json()["error"]["code"] == "no_token"


def test_subscription_is_empty_and_of_the_priced_service(platform: httpx.Client) -> None:
    """There is one subscription, of the service whose credits a call costs, with nothing in it and nothing spent."""
    (subscription,) = get(platform, APPLICATIONS)
    (api,) = get(platform, APIS, path="/luma/videos")
    assert subscription["service_id"] == api["service_id"]
    assert (subscription["remaining_amount"], subscription["used_amount"]) == (0, 0)


def test_statement_has_each_call_by_its_trace(api: httpx.Client, platform: httpx.Client) -> None:
    """A submission's trace id is that of its row, a refusal has one too; look-ups can ask to be left out."""
    before = time.time()
    accepted = api.post("/luma/videos", json={"prompt": "A boat [fail]", "async": True}).json()
    refused = api.post("/luma/videos", json={}).json()
    look_up = {"id": accepted["task_id"]}
    api.post("/luma/tasks", json=look_up, headers={"x-record-exempt": "true"})
    api.post("/luma/tasks", json=look_up)
    rows = get(platform, USAGE, created_at_from=iso(before))
    assert [row["status_code"] for row in rows] == [200, 400, 200]
    assert [row["trace_id"] for row in rows[1:]] == [refused["trace_id"], accepted["trace_id"]]
    assert {row["deducted_amount"] for row in rows} == {0}
    assert all(before <= datetime.fromisoformat(row["created_at"]).timestamp() <= time.time() for row in rows)
    assert len(get(platform, USAGE, created_at_from=iso(before), status_code=400)) == 1
    assert get(platform, USAGE, created_at_from=iso(before), api_id="another") == []
    assert get(platform, USAGE, created_at_from=iso(before), created_at_to=iso(before)) == []
    assert platform.get(USAGE, params={"created_at_from": "yesterday"}).status_code == 400


def test_statement_forgets_old_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that polls for days does not fill its memory with its own statement."""
    monkeypatch.setattr(usage, "MOST_ROWS", 2)
    log = UsageLog()
    for number in range(3):
        log.add(UsageEntry(str(number), 200, 0.0, at=number))
    assert [entry.trace_id for entry in log.between(0, 10)] == ["2", "1"]
