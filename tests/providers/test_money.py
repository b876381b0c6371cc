"""What the services say about money, and about tasks whose answer was lost: prices, balances, costs, listings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.money import Balance, Quote
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import ListedTask, TaskPhase, TaskState, Video
from luma_jupyter.errors import (
    ConfigError,
    Conflict,
    ConnectionLost,
    InvalidKey,
    InvalidParameter,
    KeyReused,
    LumaError,
    NotFound,
    ServiceDown,
    ServiceError,
    Unreachable,
    UnusableAnswer,
)
from luma_jupyter.providers.acedata import ARRIVES_WITHIN
from luma_jupyter.providers.paging import MOST_PAGES
from luma_jupyter.providers.runapi import RunApi

WEB = "https://cdn.example/v.mp4"
MODIFY = ModifyRequest(prompt="a fox", source=VideoRef(url=WEB))
FAILURES: list[tuple[Any, type[LumaError]]] = [
    ((401, {"error": "no key"}), InvalidKey),
    ((404, {}), ServiceError),
    ((500, {"error": "oops"}), ServiceDown),
    ((502, "<html>"), ServiceDown),
    (httpx.ConnectError("refused"), Unreachable),
    (httpx.ReadTimeout(""), ConnectionLost),
]


def quoted(**quote: Any) -> dict[str, Any]:
    """RunAPI's answer to a request for a quote."""
    return {"price_quote": {"currency": "USD", "estimate_basis": "fixed", "as_of": "2026-10-21T07:28:00Z", **quote}}


@pytest.mark.parametrize(
    ("answer", "price"),
    [
        (quoted(reservation_amount_cents=50), 0.5),
        (quoted(reservation_amount_cents=35.5), 0.355),
        (quoted(reservation_amount_cents=0), 0.0),
        ({"price_quote": {"reservation_amount_cents": 50}}, 0.5),
        (quoted(reservation_amount_cents=50, currency=None), 0.5),
        (quoted(reservation_amount_cents=50, currency="EUR"), None),
        (quoted(reservation_amount_cents=50, currency="usd cents"), None),
        (quoted(reservation_amount_cents=50, currency=["USD"]), None),
        (quoted(reservation_amount_cents="50"), None),
        (quoted(reservation_amount_cents=-50), None),
        (quoted(reservation_amount_cents=True), None),
        (quoted(reservation_amount_cents=None), None),
        (quoted(reservation_amount_cents=1e300), None),
        ((200, '{"price_quote": {"reservation_amount_cents": NaN}}'), None),
        (quoted(), None),
        ({"price_quote": None}, None),
        ({"price_quote": [50]}, None),
        ({}, None),
        ([], None),
        ((200, "<html>"), None),
    ],
    ids=str,
)
def test_runapi_quote_is_a_price_in_usd(fake: Any, answer: Any, price: float | None) -> None:
    """A quote in US cents is a price; one in any other form or currency is none, and no error."""
    service = fake(answer)
    assert service.run(service.runapi().quote()) == (None if price is None else Quote(price))
    assert service.payloads == [
        {"service": "luma", "action": "modify-video", "model": "luma-modify-video", "params": {}}
    ]
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("POST", "https://runapi.ai/api/v1/price_quotes")
    assert "idempotency-key" not in request.headers


def test_runapi_quote_needs_no_key(fake: Any, key: str) -> None:
    """A price is asked for without the key, so it can be had before there is one."""
    service = fake(quoted(reservation_amount_cents=50))
    for api in (service.runapi(), RunApi(service.http, "https://runapi.ai", None)):
        assert service.run(api.quote()) == Quote(0.5)
    assert [key in str(request.headers.raw) for request in service.requests] == [False, False]
    assert {request.headers.get("authorization") for request in service.requests} == {None}


def test_acedata_without_a_platform_has_no_quote(fake: Any) -> None:
    """Without the platform nothing is asked for, and nothing is known."""
    service = fake()
    api = replace(service.acedata(), platform=None)
    assert service.run(api.quote()) is None
    with pytest.raises(ConfigError, match="no platform"):
        service.run(api.balance())
    assert service.requests == []


@pytest.mark.parametrize(
    ("answer", "balance"),
    [
        (
            {
                "balance_cents": 1250,
                "paid_balance_cents": 1000,
                "bonus_balance_cents": 250,
                "spent_cents_today": 150,
                "spent_cents_total": 99950,
            },
            Balance(12.5, 1.5, 999.5),
        ),
        ({"balance_cents": 0}, Balance(0.0, None, None)),
        ({"balance_cents": 7.5, "spent_cents_today": "150", "spent_cents_total": None}, Balance(0.075, None, None)),
        ({"balance_cents": 1, "spent_cents_today": -1, "spent_cents_total": 0}, Balance(0.01, None, 0.0)),
        ({"balance_cents": 2_500_000, "spent_cents_total": 1_500_000}, Balance(25_000.0, None, 15_000.0)),
        ({"balance_cents": -50}, Balance(-0.5, None, None)),
    ],
)
def test_runapi_balance_is_in_usd(fake: Any, answer: Any, balance: Balance) -> None:
    """The balance and what was spent come in US cents; what is not said, or makes no sense, is unknown."""
    service = fake(answer)
    assert service.run(service.runapi().balance()) == balance
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("GET", "https://runapi.ai/api/v1/me/balance")


@pytest.mark.parametrize(
    "answer",
    [{}, [], {"balance_cents": None}, {"balance_cents": "12"}, {"balance_cents": True}, (200, "<html>")],
    ids=str,
)
def test_response_without_a_balance_is_an_error(fake: Any, answer: Any) -> None:
    """An answer that has no balance is an error, and not a balance of nothing."""
    service = fake(answer)
    with pytest.raises(UnusableAnswer):
        service.run(service.runapi().balance())


@pytest.mark.parametrize(("answer", "kind"), FAILURES, ids=str)
@pytest.mark.parametrize("call", ["quote", "balance"])
def test_failed_quote_or_balance_is_asked_once(fake: Any, call: str, answer: Any, kind: type[LumaError]) -> None:
    """A quote or a balance that cannot be had is an error of the service; it is asked for once."""
    service = fake(answer)
    with pytest.raises(kind):
        service.run(getattr(service.runapi(), call)())
    assert len(service.requests) == 1


@pytest.mark.parametrize("name", ["acedata", "runapi"])
def test_check_submits_nothing(fake: Any, name: str) -> None:
    """A task that does not exist is a good answer of AceDataCloud, a balance one of RunAPI; nothing is submitted."""
    service = fake((404, {"error": {"code": "not_found"}}) if name == "acedata" else {"balance_cents": 1})
    service.run(getattr(service, name)().check())
    (request,) = service.requests
    assert (request.method, request.url.path) in [("POST", "/luma/tasks"), ("GET", "/api/v1/me/balance")]


@pytest.mark.parametrize(("answer", "kind"), [f for f in FAILURES if f[0] != (404, {})], ids=str)
@pytest.mark.parametrize("name", ["acedata", "runapi"])
def test_failed_check_is_an_error(fake: Any, name: str, answer: Any, kind: type[LumaError]) -> None:
    """A key that is refused, and a service that cannot answer, are told apart by the error; it is asked once."""
    service = fake(answer)
    with pytest.raises(kind):
        service.run(getattr(service, name)().check())
    assert len(service.requests) == 1


@pytest.mark.parametrize("body", ["<html>Not Found</html>", "", '"Not Found"', "[]"])
@pytest.mark.parametrize("name", ["acedata", "runapi"])
def test_check_of_a_wrong_address_is_an_error(fake: Any, name: str, body: str) -> None:
    """Any host answers 404 at an address that it does not have: that is no good key, and the base URL is spoken of."""
    service = fake((404, body))
    with pytest.raises(NotFound, match="base URL"):
        service.run(getattr(service, name)().check())
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"cost": 0.5}, 0.5),
        ({"cost": 1}, 1.0),
        ({"cost": 0}, 0.0),
        ({"cost": "0.5"}, None),
        ({"cost": None}, None),
        ({"cost": True}, None),
        ({"cost": -0.5}, None),
        ({"cost": 1e9}, None),
        ({"cost": {"usd": 0.5}}, None),
        ({}, None),
        (None, None),
        ([0.5], None),
        ("0.5", None),
    ],
    ids=str,
)
def test_runapi_cost_is_taken_from_a_number_alone(fake: Any, usage: Any, cost: float | None) -> None:
    """What a finished task cost is taken from a number alone; anything else is unknown, and the video is there."""
    service = fake({"id": "t", "status": "completed", "videos": [{"url": WEB}], "usage": usage})
    state = service.run(service.runapi().fetch(["t"]))["t"]
    assert state.cost == cost
    assert state.video.url == WEB


def test_acedata_has_no_cost(fake: Any) -> None:
    """AceDataCloud bills in credits: a number in its answer is no amount of money."""
    answer = {"id": "t", "response": {"state": "completed", "video_url": WEB, "usage": {"cost": 5}, "cost": 5}}
    service = fake(answer)
    assert service.run(service.acedata().fetch(["t"]))["t"].cost is None


# Tasks whose answer was lost.

SINCE = 1_700_000_000.75
GENERATE = GenerateRequest(prompt="a fox", start_image="https://a.example/a.png", callback_url="https://hook.example/x")
EXTEND = ExtendRequest(prompt="a fox", source=VideoRef("7f3b2c1d-1111-4222-8333-444455556666", WEB))


def listed(request: Any, **changes: Any) -> dict[str, Any]:
    """A task of AceDataCloud's list, made in time, with the whole request."""
    return {"_id": "x", "id": "t-1", "created_at": SINCE + 5, "request": request, "response": None, **changes}


def find(service: Any, request: Any = GENERATE) -> list[str]:
    """The ids that AceDataCloud is found to have for a request."""
    api = service.acedata()
    return service.run(api.find(api.payload(request), SINCE))  # type: ignore[no-any-return]


@pytest.mark.parametrize("request_", [GENERATE, EXTEND, GenerateRequest(prompt="a fox")])
def test_find_returns_tasks_with_an_equal_request(fake: Any, request_: Any) -> None:
    """Tasks made since then whose whole request is what would be sent are found, in order; nothing is made."""
    payload = fake().acedata().payload(request_)
    tasks = [
        listed(payload, id="b"),
        listed(payload, id="a", created_at=int(SINCE)),
        listed(payload, id=17, response={"state": "completed"}),
        listed(dict(reversed(payload.items())), id="c"),
    ]
    service = fake({"items": tasks, "count": 4})
    assert find(service, request_) == ["b", "a", "17", "c"]
    limits = {"created_at_min": int(SINCE), "created_at_max": 1_700_000_161, "limit": 50, "offset": 0}
    assert service.payloads == [{"action": "retrieve_batch", **limits}]
    assert str(service.requests[0].url) == "https://api.acedata.cloud/luma/tasks"


PAYLOAD = {
    "action": "generate",
    "prompt": "a fox",
    "aspect_ratio": "16:9",
    "loop": False,
    "enhancement": True,
    "start_image_url": "https://a.example/a.png",
    "async": True,
    "callback_url": "https://hook.example/x",
}


@pytest.mark.parametrize(
    "task",
    [
        listed({**PAYLOAD, "prompt": "a Fox"}),
        listed({**PAYLOAD, "loop": True}),
        listed({**PAYLOAD, "seed": 5}),
        listed({name: value for name, value in PAYLOAD.items() if name != "async"}),
        listed({name: value for name, value in PAYLOAD.items() if name != "start_image_url"}),
        listed({}),
        listed(None),
        listed([PAYLOAD]),
        listed(PAYLOAD, created_at=SINCE - 5),
        listed(PAYLOAD, created_at=None),
        listed(PAYLOAD, created_at=str(SINCE + 5)),
        listed(PAYLOAD, id=None),
        listed(PAYLOAD, id=""),
        listed(PAYLOAD, id=["t-1"]),
        {"request": PAYLOAD, "created_at": SINCE + 5},
        {"id": "t-1", "request": PAYLOAD},
        {"id": "t-1", "created_at": SINCE + 5},
        None,
        "t-1",
    ],
    ids=str,
)
def test_find_skips_other_tasks(fake: Any, task: Any) -> None:
    """A task with any other request, made before, or without an id is not ours, and hides none that is."""
    assert fake().acedata().payload(GENERATE) == PAYLOAD
    assert find(fake({"items": [task, listed(PAYLOAD, id="mine")]})) == ["mine"]


def test_find_in_an_empty_list_returns_nothing(fake: Any) -> None:
    """A list without tasks is an answer, and is asked for once."""
    service = fake({"items": [], "count": 0})
    assert find(service) == []
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"items": None}, UnusableAnswer),
        ({"items": {"t-1": listed(PAYLOAD)}}, UnusableAnswer),
        ({"count": 0}, UnusableAnswer),
        (listed(PAYLOAD), UnusableAnswer),
        ([listed(PAYLOAD)], UnusableAnswer),
        ((200, "<html>"), UnusableAnswer),
        ((400, {"error": {"code": "bad_request", "message": "ids is required"}}), InvalidParameter),
        ((400, {"items": [listed(PAYLOAD)]}), InvalidParameter),
        ((404, {}), NotFound),
        ((500, {}), ServiceDown),
    ],
    ids=str,
)
def test_find_without_a_list_is_an_error(fake: Any, answer: Any, kind: type[ServiceError]) -> None:
    """An answer that is no list says nothing of what was made, which is something else than finding nothing."""
    service = fake(answer)
    with pytest.raises(kind):
        find(service)
    assert len(service.requests) == 1


def pages(items: list[Any]) -> Any:
    """A list of tasks that is given page by page."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        page = items[asked["offset"] :][: asked["limit"]]
        return httpx.Response(200, json={"items": page, "count": len(page)})

    return answer


@pytest.mark.parametrize(("number", "requests"), [(0, 1), (49, 1), (50, 2), (51, 2), (120, 3)])
def test_find_reads_to_the_end_of_the_list(fake: Any, number: int, requests: int) -> None:
    """Page after page of 50 is read until one is short, so a task is found wherever it stands; each look is exempt."""
    items = [listed({"prompt": "other"}, id=f"other-{count}") for count in range(number)]
    if items:
        items[-1] = listed(PAYLOAD, id="mine")
    service = fake(pages(items))
    assert find(service) == (["mine"] if items else [])
    assert [sent["offset"] for sent in service.payloads] == [50 * page for page in range(requests)]
    assert {request.headers["x-record-exempt"] for request in service.requests} == {"true"}


def test_find_counts_a_task_once(fake: Any) -> None:
    """A task that moved on to the next page while the list was read is one task, not two equal ones."""
    items = [listed({"prompt": "other"}, id=f"other-{count}") for count in range(49)]
    mine = listed(PAYLOAD, id="mine")
    assert find(fake({"items": [*items, mine]}, {"items": [mine]})) == ["mine"]


def test_find_ends_where_a_list_does_not(fake: Any) -> None:
    """A service that knows no offsets is asked twice, and a list without end a limited number of times."""
    same = fake({"items": [listed(PAYLOAD, id=f"t-{count}") for count in range(50)]})
    assert len(find(same)) == 50
    assert len(same.requests) == 2
    endless = fake(pages([listed(PAYLOAD, id=f"t-{count}") for count in range(10_000)]))
    assert len(find(endless)) == 50 * MOST_PAGES
    assert len(endless.requests) == MOST_PAGES


def test_find_looks_only_where_the_task_can_be(fake: Any) -> None:
    """What was made since a request was lost neither hides its task, however much it is, nor is taken for it."""
    sent_at = SINCE - 86_400
    made_since = [listed(PAYLOAD, id=f"later-{count}", created_at=SINCE - 80_000 + count) for count in range(2000)]
    tasks = [*reversed(made_since), listed(PAYLOAD, id="mine", created_at=sent_at + 5)]

    def newest_first(request: httpx.Request) -> Any:
        asked = json.loads(request.content)
        first, last = asked["created_at_min"], asked["created_at_max"]
        return pages([task for task in tasks if first <= task["created_at"] <= last])(request)

    service = fake(newest_first)
    api = service.acedata()
    assert service.run(api.find(PAYLOAD, sent_at)) == ["mine"]
    (asked,) = service.payloads
    assert asked["created_at_max"] - sent_at >= ARRIVES_WITHIN


OTHERS = [listed({"prompt": "other"}, id=f"other-{count}") for count in range(10_000)]


@pytest.mark.parametrize(
    "answer", [pages(OTHERS), {"items": OTHERS[:50]}], ids=["without end", "the same page each time"]
)
def test_find_in_a_list_that_cannot_be_read_to_its_end_is_an_error(fake: Any, answer: Any) -> None:
    """What is in none of the pages that were read may be in those that were not: it was not looked for."""
    with pytest.raises(UnusableAnswer, match="its list of tasks goes on"):
        find(fake(answer))


@pytest.mark.parametrize(
    ("answer", "cut"),
    [
        (pages(OTHERS), True),
        ({"items": OTHERS[:50]}, True),
        (pages(OTHERS[: 50 * (MOST_PAGES - 1)]), False),
        (pages(OTHERS[: 50 * MOST_PAGES - 1]), False),
        (pages(OTHERS[:1]), False),
        ({"items": []}, False),
    ],
    ids=["without end", "the same page each time", "full pages", "most tasks", "one task", "none"],
)
def test_list_of_tasks_says_whether_there_may_be_more(fake: Any, answer: Any, cut: bool) -> None:
    """A list ends with a page that is short or empty; where none came, there may be more."""
    service = fake(answer)
    assert service.run(service.acedata().list_tasks(SINCE, SINCE + 99.5)).cut is cut


def test_broken_page_breaks_the_search(fake: Any) -> None:
    """A page that cannot be had is an error: half a list would look like a task that was never made."""
    items = [listed(PAYLOAD, id=f"t-{count}") for count in range(50)]
    with pytest.raises(ServiceDown):
        find(fake({"items": items}, (502, "<html>")))


def test_list_of_tasks_has_all_that_an_account_shows(fake: Any) -> None:
    """The tasks of a time, with id, time, request, trace and state, whatever they are and wherever they came from."""
    done = {"state": "completed", "video_url": WEB, "trace_id": "tr-1"}
    items = [
        listed({"prompt": "a"}, id="a", created_at=SINCE + 9),
        listed({"prompt": "b"}, id="b", response=done, finished_at=SINCE + 65),
        listed({"prompt": "c"}, id="c", created_at=SINCE + 1000),
        {"id": "nothing else"},
    ]
    service = fake({"items": items})
    tasks = service.run(service.acedata().list_tasks(SINCE, SINCE + 99.5))
    video = Video(url=WEB)
    assert tasks == [
        ListedTask("a", SINCE + 9, {"prompt": "a"}, TaskState("a", TaskPhase.RUNNING)),
        ListedTask(
            "b",
            SINCE + 5,
            {"prompt": "b"},
            TaskState("b", TaskPhase.COMPLETED, video=video, seconds=60.0, trace_id="tr-1"),
            "tr-1",
        ),
    ]
    assert service.payloads[0]["created_at_max"] == 1_700_000_101


@pytest.mark.parametrize("ids", [["t"], ["t", "u"]])
def test_look_ups_are_no_calls_on_the_statement(fake: Any, ids: list[str]) -> None:
    """Single and batch look-ups carry the header by which the vendor's own client keeps them off the statement."""
    service = fake({"id": "t", "items": []})
    service.run(service.acedata().fetch(ids))
    assert service.requests[0].headers["x-record-exempt"] == "true"


@pytest.mark.parametrize(("answer", "kind"), FAILURES[-2:], ids=str)
def test_find_without_the_network_is_an_error(fake: Any, answer: Any, kind: type[LumaError]) -> None:
    """Without the network the search is an error, which is something else than finding nothing."""
    with pytest.raises(kind):
        find(fake(answer))


def test_runapi_find_asks_for_nothing(fake: Any) -> None:
    """RunAPI has no list of tasks: nothing is asked for."""
    service = fake()
    api = service.runapi()
    assert service.run(api.find(api.payload(MODIFY), SINCE)) == []
    assert service.requests == []


def test_only_runapi_is_repeatable(fake: Any) -> None:
    """With its key a repeated request is the same one for RunAPI; for AceDataCloud each is a new task."""
    assert fake().runapi().repeatable
    assert not fake().acedata().repeatable


def test_key_with_another_input_made_nothing(fake: Any) -> None:
    """A 409 refuses this request and says so: it made nothing, whatever was sent under the key before."""
    service = fake((409, {"error": "this key was used"}))
    api = service.runapi()
    with pytest.raises(KeyReused, match="this key was used") as caught:
        service.run(api.submit(api.payload(MODIFY), "intent-1"))
    assert isinstance(caught.value, Conflict)
    assert str(caught.value) == (
        "RunAPI has had another request under the same idempotency key: “this key was used” (HTTP 409). This request "
        "made nothing. Look at your tasks in the service's console."
    )
    assert len(service.requests) == 1
    assert service.requests[0].headers["idempotency-key"] == "intent-1"
