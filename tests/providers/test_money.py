"""What the services say about money, and about tasks whose answer was lost: prices, balances, costs, listings."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from luma_jupyter.domain.money import Balance
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.errors import (
    Conflict,
    ConnectionLost,
    InvalidKey,
    LumaError,
    ServiceDown,
    ServiceError,
    Unconfirmed,
    Unreachable,
    UnusableAnswer,
)

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
    assert service.run(service.runapi().quote()) == price
    assert service.sent == [{"service": "luma", "action": "modify-video", "model": "luma-modify-video", "params": {}}]
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("POST", "https://runapi.ai/api/v1/price_quotes")
    assert "idempotency-key" not in request.headers


def test_acedata_has_no_quote(fake: Any) -> None:
    """AceDataCloud publishes no price: nothing is asked for."""
    service = fake()
    assert service.run(service.acedata().quote()) is None
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
    assert service.sent == [{"action": "retrieve_batch", "created_at_min": int(SINCE)}]
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


@pytest.mark.parametrize(
    "answer",
    [
        {"items": []},
        {"items": None},
        {"items": {"t-1": listed(PAYLOAD)}},
        {"count": 0},
        listed(PAYLOAD),
        [listed(PAYLOAD)],
        (200, "<html>"),
        (400, {"error": {"code": "bad_request", "message": "ids is required"}}),
        (400, {"items": [listed(PAYLOAD)]}),
        (404, {}),
        (500, {}),
    ],
    ids=str,
)
def test_find_without_a_list_returns_nothing(fake: Any, answer: Any) -> None:
    """That the service lists tasks at all is not documented: whatever else it answers finds nothing."""
    service = fake(answer)
    assert find(service) == []
    assert len(service.requests) == 1


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


@pytest.mark.parametrize("repeated", [False, True])
def test_conflict_with_an_earlier_submission_is_unconfirmed(fake: Any, repeated: bool) -> None:
    """A 409 refuses a first request, and says of a repeated one that it was accepted before: nothing is known then."""
    service = fake((409, {"error": "this key was used"}))
    api = service.runapi()
    with pytest.raises(Unconfirmed if repeated else Conflict, match="this key was used"):
        service.run(api.submit(api.payload(MODIFY), "intent-1", repeated=repeated))
    assert len(service.requests) == 1
    assert service.requests[0].headers["idempotency-key"] == "intent-1"


@pytest.mark.parametrize("name", ["acedata", "runapi"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 422])
def test_other_refusals_of_a_repeated_submission(fake: Any, name: str, status: int) -> None:
    """That it was sent before changes nothing about what another refusal means."""
    service = fake((status, {"error": "no"}))
    api = getattr(service, name)()
    payload = api.payload(MODIFY if name == "runapi" else GENERATE)
    with pytest.raises(ServiceError, match=f"HTTP {status}"):
        service.run(api.submit(payload, "intent-1", repeated=True))
