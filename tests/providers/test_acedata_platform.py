"""AceDataCloud's platform: what a call costs, what is left, what was charged; and its token, which goes there alone."""

from __future__ import annotations

import contextlib
import logging
import pickle
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance, Charge, Quote, UsageRow
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import (
    ConfigError,
    ConnectionLost,
    InvalidKey,
    LumaError,
    NotFound,
    ServiceDown,
    Unreachable,
    UnusableAnswer,
)
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.acedata_platform import AceDataPlatform

SERVICE, TRACE = "service-1", "trace-1"
API = {"path": "/luma/videos", "cost": 12, "stage": "Beta", "service_id": SERVICE}
LUMA = {"id": SERVICE, "alias": "luma", "packages": [{"price": 10, "amount": 400}]}
OTHER = {"id": "service-2", "alias": "other", "packages": [{"price": 1, "amount": 1}]}
APPLICATION = {"service_id": SERVICE, "remaining_amount": 100, "used_amount": 20}
ROW = {"trace_id": TRACE, "status_code": 200, "deducted_amount": 12, "created_at": "2023-11-14T22:13:20Z"}
SINCE, UNTIL = 1_700_000_000.0, 1_700_000_600.5


class Lists:
    """The platform, as far as it has lists: each is cut into pages of at most ``largest`` items."""

    def __init__(self, *, apis: Any = (API,), services: Any = (LUMA,), applications: Any = (), usage: Any = ()) -> None:
        self.lists = {"apis": apis, "services": services, "applications": applications, "usage/apis": usage}
        self.largest = 1000
        self.asked: dict[str, list[httpx.Request]] = defaultdict(list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/api/v1/").rstrip("/")
        self.asked[name].append(request)
        answer = self.lists[name]
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, list | tuple):
            return httpx.Response(200, json=answer)
        if answer and isinstance(answer[0], int):
            return httpx.Response(answer[0], json=answer[1])
        query = request.url.params
        limit, offset = min(self.largest, int(query["limit"])), int(query["offset"])
        return httpx.Response(200, json={"count": len(answer), "items": list(answer[offset:][:limit])})


def quote(fake: Any, **lists: Any) -> Quote | None:
    """The quote that comes of such lists."""
    service = fake(Lists(**lists))
    return service.run(service.platform().quote())  # type: ignore[no-any-return]


def packages(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    """The service, with packages of such prices and amounts."""
    return {**LUMA, "packages": [{"price": price, "amount": amount} for price, amount in pairs]}


# Prices.


@pytest.mark.parametrize(
    ("api", "luma", "expected"),
    [
        (API, LUMA, Quote(0.3)),
        ({**API, "cost": 0.5}, packages((10, 400)), Quote(0.0125)),
        ({**API, "cost": 0}, LUMA, Quote(0.0)),
        (API, packages((10, 400), (20, 1000), (5, 100)), Quote(0.6, up_to=True)),
        (API, packages((10, 400), (20, 800)), Quote(0.3)),
        (API, packages((0, 10)), Quote(0.0)),
        ({**API, "service_id": "luma"}, LUMA, Quote(0.3)),
        ({**API, "service_id": 7}, {**LUMA, "id": 7}, Quote(0.3)),
        ({name: value for name, value in API.items() if name != "path"}, LUMA, Quote(0.3)),
    ],
    ids=str,
)
def test_quote_is_credits_by_the_price_of_a_credit(fake: Any, api: Any, luma: Any, expected: Quote) -> None:
    """USD a call: the call's credits by a package's price a credit; of several packages the dearest, as “up to”."""
    found = quote(fake, apis=[api], services=[OTHER, luma])
    assert found is not None
    assert (found.usd, found.up_to) == (pytest.approx(expected.usd), expected.up_to)


@pytest.mark.parametrize(
    ("apis", "services"),
    [
        ([], [LUMA]),
        ([API, API | {"cost": 5}], [LUMA]),
        ([{**API, "path": "/suno/audios"}], [LUMA]),
        ([{**API, "cost": {"amount": 12}}], [LUMA]),
        ([{**API, "cost": "12"}], [LUMA]),
        ([{**API, "cost": None}], [LUMA]),
        ([{**API, "cost": -1}], [LUMA]),
        ([{**API, "cost": True}], [LUMA]),
        ([{**API, "cost": [12]}], [LUMA]),
        ([{**API, "service_id": None}], [{**LUMA, "id": None}]),
        ([API], []),
        ([API], [OTHER]),
        ([API], [{**LUMA, "packages": None}]),
        ([API], [{**LUMA, "packages": []}]),
        ([API], [{**LUMA, "packages": {"price": 10, "amount": 400}}]),
        ([API], [packages((10, 0))]),
        ([API], [packages(("10", 400))]),
        ([API], [packages((10, 400), (None, 400))]),
        ([API], [packages((10, 400), (-10, 400))]),
        ([None, "x"], [LUMA]),
        ([API], [None]),
    ],
    ids=str,
)
def test_price_that_is_not_understood_is_unknown(fake: Any, apis: Any, services: Any) -> None:
    """Whatever else comes in the place of a number is no price, and never a guess at one."""
    assert quote(fake, apis=apis, services=services) is None


def test_prices_are_asked_for_without_a_token(fake: Any, key: str, platform_token: str) -> None:
    """A quote needs no token and no key, and is sent neither, also where there are both."""
    service = fake(Lists())
    for api in (service.platform(), service.platform(token=None), service.acedata()):
        assert service.run(api.quote()) == Quote(pytest.approx(0.3))
    unkeyed = AceData(service.http, "https://api.acedata.cloud", None, platform=service.platform(token=None))
    assert service.run(unkeyed.quote()) == Quote(pytest.approx(0.3))
    assert [str(request.url) for request in service.requests[:2]] == [
        "https://platform.acedata.cloud/api/v1/apis/?path=%2Fluma%2Fvideos&limit=100&offset=0",
        "https://platform.acedata.cloud/api/v1/services/?limit=100&offset=0",
    ]
    for request in service.requests:
        assert request.headers.get("authorization") is None
        sent = f"{request.url} {request.headers.raw} {request.content!r}"
        assert [secret for secret in (key, platform_token) if secret in sent] == []


@pytest.mark.parametrize("largest", [1, 60, 100])
def test_service_is_found_on_any_page(fake: Any, largest: int) -> None:
    """All services are paged through, however small the platform's pages are."""
    lists = Lists(services=[{**OTHER, "id": f"other-{count}"} for count in range(15 if largest == 1 else 130)] + [LUMA])
    lists.largest = largest
    service = fake(lists)
    assert service.run(service.platform().quote()) == Quote(pytest.approx(0.3))
    asked = [int(request.url.params["offset"]) for request in lists.asked["services"]]
    assert asked == list(range(0, len(lists.lists["services"]), largest))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((500, {}), ServiceDown),
        ((404, {}), NotFound),
        ({"count": 1}, UnusableAnswer),
        ({"items": {}}, UnusableAnswer),
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.ReadTimeout(""), ConnectionLost),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["apis", "services"])
def test_quote_that_cannot_be_had_is_an_error(fake: Any, name: str, answer: Any, kind: type[LumaError]) -> None:
    """No answer, or one in another form, is an error, which is something else than a price that is not published."""
    with pytest.raises(kind):
        quote(fake, **{name: answer})


# The balance.


@pytest.mark.parametrize(
    ("applications", "luma", "expected"),
    [
        ([APPLICATION], LUMA, Balance(2.5, None, 0.5, 100.0, 20.0)),
        ([{**APPLICATION, "service_id": "service-2"}, APPLICATION], LUMA, Balance(2.5, None, 0.5, 100.0, 20.0)),
        ([APPLICATION, {**APPLICATION, "remaining_amount": 60}], LUMA, Balance(4.0, None, 1.0, 160.0, 40.0)),
        ([APPLICATION], packages((10, 400), (5, 100)), Balance(5.0, None, 1.0, 100.0, 20.0, up_to=True)),
        ([APPLICATION], packages(), Balance(None, None, None, 100.0, 20.0)),
        ([{**APPLICATION, "used_amount": "20"}], LUMA, Balance(2.5, None, None, 100.0, None)),
        ([APPLICATION, {**APPLICATION, "remaining_amount": None}], LUMA, Balance(None, None, 1.0, None, 40.0)),
        ([{**APPLICATION, "service_id": None}], LUMA, Balance(None)),
        ([], LUMA, Balance(None)),
    ],
    ids=str,
)
def test_balance_is_the_credits_for_this_service(fake: Any, applications: Any, luma: Any, expected: Balance) -> None:
    """Credits left and spent, over all subscriptions of the service, and their USD; what is not said is unknown."""
    service = fake(Lists(applications=applications, services=[luma]))
    assert service.run(service.acedata().balance()) == expected


@pytest.mark.parametrize("trouble", [(500, {}), httpx.ConnectError("refused")], ids=str)
def test_balance_without_a_price_is_in_credits(fake: Any, trouble: Any) -> None:
    """That the price of a credit cannot be had takes nothing from the credits."""
    service = fake(Lists(applications=[APPLICATION], services=trouble))
    assert service.run(service.platform().balance()) == Balance(None, None, None, 100.0, 20.0)


def test_balance_needs_the_platform_token(fake: Any) -> None:
    """Without the token, each call that needs it says which variable to set, and nothing is sent."""
    service = fake()
    file = LocalFile.of(b"x", "image/png", "a.png")
    api = service.platform(token=None)
    for call in (
        api.balance(),
        api.usage(SINCE, UNTIL),
        api.charged(TRACE, SINCE, UNTIL),
        api.upload(file, lambda share: None),
    ):
        with pytest.raises(ConfigError, match=r"^Set ACEDATACLOUD_PLATFORM_TOKEN to "):
            service.run(call)
    assert service.requests == []


# The statement.


def charged(fake: Any, *rows: Any, **lists: Any) -> Charge | None:
    """What was charged for the trace, by such a statement."""
    service = fake(Lists(usage=rows, **lists))
    return service.run(service.platform().charged(TRACE, SINCE, UNTIL))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([ROW], Charge(12.0, 0.3)),
        ([{**ROW, "trace_id": "another", "deducted_amount": 5}, ROW], Charge(12.0, 0.3)),
        ([{**ROW, "deducted_amount": 0}], Charge(0.0, 0.0)),
        ([{**ROW, "id": 1, "deducted_amount": 0}, {**ROW, "id": 2}], Charge(12.0, 0.3)),
        ([{**ROW, "id": 1}, {**ROW, "id": 1}], Charge(12.0, 0.3)),
        ([{**ROW, "deducted_amount": "12"}], None),
        ([ROW, {**ROW, "deducted_amount": None}], None),
        ([{**ROW, "trace_id": "another"}], None),
        ([], None),
    ],
    ids=str,
)
def test_charge_is_that_of_the_trace(fake: Any, rows: Any, expected: Charge | None) -> None:
    """What the rows of a submission's trace deducted, in credits and USD; not there or not understood: unknown."""
    found = charged(fake, *rows)
    if expected is None:
        assert found is None
    else:
        assert found == Charge(expected.credits, pytest.approx(expected.usd))


def test_charge_without_a_price_is_in_credits(fake: Any) -> None:
    """Where a credit's price is not known the credits are; where there are several it may be less."""
    assert charged(fake, ROW, services=[]) == Charge(12.0)
    assert charged(fake, ROW, services=(503, {})) == Charge(12.0)
    dear = charged(fake, ROW, services=[packages((10, 400), (5, 100))])
    assert dear == Charge(12.0, pytest.approx(0.6), up_to=True)


def test_usage_is_read_page_by_page(fake: Any) -> None:
    """The calls of a time, all pages, each with what is understood of it."""
    rows = [{**ROW, "id": count} for count in range(205)]
    odd = {"created_at": 1_700_000_000, "status_code": "200", "deducted_amount": [1], "trace_id": None}
    lists = Lists(usage=[*rows, odd, None])
    service = fake(lists)
    found = service.run(service.platform().usage(SINCE, UNTIL))
    assert found[:205] == [UsageRow(1_700_000_000.0, TRACE, 12.0, 200)] * 205
    assert found[205:] == [UsageRow(1_700_000_000.0, None, None)]
    asked = [dict(request.url.params) for request in lists.asked["usage/apis"]]
    times = {"created_at_from": "2023-11-14T22:13:20Z", "created_at_to": "2023-11-14T22:23:21Z"}
    assert asked == [{**times, "limit": "100", "offset": str(offset)} for offset in (0, 100, 200)]
    assert datetime.fromisoformat(asked[0]["created_at_to"]).timestamp() >= UNTIL


@pytest.mark.parametrize("created", ["2023-11-14T22:13:20", "2023-11-14T22:13:20.000Z", "2023-11-14T23:13:20+01:00"])
def test_time_of_a_row_is_in_utc(fake: Any, created: str) -> None:
    """A time without a zone is one of the service's, not one of the user's."""
    service = fake(Lists(usage=[{**ROW, "created_at": created}]))
    (row,) = service.run(service.platform().usage(SINCE, UNTIL))
    assert row.at == 1_700_000_000.0


@pytest.mark.parametrize("created", ["yesterday", None, True, [], "", 5])
def test_odd_time_of_a_row_is_unknown(fake: Any, created: Any) -> None:
    """A row whose time is not understood is there all the same."""
    service = fake(Lists(usage=[{**ROW, "created_at": created}]))
    (row,) = service.run(service.platform().usage(SINCE, UNTIL))
    assert row == UsageRow(None, TRACE, 12.0, 200)


# Keys.


@pytest.mark.parametrize(("key_id", "path"), [("key-1", "key-1"), ("../apis", "..%2Fapis")])
def test_key_is_ended_at_its_address(fake: Any, key_id: str, path: str) -> None:
    """The address is the documented one, without a slash at its end; an id that is none ends nothing else."""
    service = fake((204, ""))
    service.run(service.platform().end_sub_key(key_id))
    (request,) = service.requests
    assert (request.method, request.url.raw_path.decode()) == ("DELETE", f"/api/v1/credentials/{path}")


# The token.

FILE = LocalFile.of(b"\x89PNG\r\n\x1a\n", "image/png", "a.png")


PAYLOAD = {"prompt": "x"}
WITH_KEY: list[Callable[[AceData], Any]] = [
    lambda api: api.submit(PAYLOAD, "i"),
    lambda api: api.fetch(["t"]),
    lambda api: api.find(PAYLOAD, SINCE),
]
WITH_TOKEN: list[Callable[[AceData], Any]] = [
    lambda api: api.upload(FILE, lambda share: None),
    lambda api: api.balance(),
    lambda api: api.platform.usage(SINCE, UNTIL) if api.platform else None,
    lambda api: api.platform.charged(TRACE, SINCE, UNTIL) if api.platform else None,
]
WITH_NEITHER: list[Callable[[AceData], Any]] = [lambda api: api.quote()]


REDIRECTS = [(status, {}, {"Location": "https://evil.example/x"}) for status in (301, 302, 303, 307, 308)]


@pytest.mark.parametrize(
    "answer",
    [
        {"items": [], "count": 0},
        {"task_id": "t", "items": [API | APPLICATION | ROW | LUMA], "file_url": "https://cdn.acedata.cloud/a.png"},
        (401, {"error": {"code": "invalid_token"}}),
        (500, {}),
        (302, {}, {"Location": "https://api.acedata.cloud/luma/videos"}),
        (307, {}, {"Location": "https://platform.acedata.cloud/api/v1/files/"}),
        *REDIRECTS,
    ],
    ids=str,
)
def test_key_and_token_go_each_to_its_own_host(fake: Any, key: str, platform_token: str, answer: Any) -> None:
    """Whatever is answered: the token is sent to the platform alone, the key to the API alone; no redirect is taken."""
    service = fake(answer)
    for call in [*WITH_KEY, *WITH_TOKEN, *WITH_NEITHER]:
        with contextlib.suppress(LumaError):
            service.run(call(service.acedata()))
    assert {request.url.host for request in service.requests} == {"api.acedata.cloud", "platform.acedata.cloud"}
    sent = {(request.url.host, request.headers.get("authorization")) for request in service.requests}
    assert sent <= {
        ("api.acedata.cloud", f"Bearer {key}"),
        ("platform.acedata.cloud", f"Bearer {platform_token}"),
        ("platform.acedata.cloud", None),
    }
    for request in service.requests:
        whole = f"{request.url} {request.headers.raw!r} {request.content!r}"
        assert (key in whole) == (request.url.host == "api.acedata.cloud")
        open_to_all = request.url.path in ("/api/v1/apis/", "/api/v1/services/")
        assert (platform_token in whole) == (request.url.host == "platform.acedata.cloud" and not open_to_all)


def test_token_and_key_are_not_shown(
    fake: Any, key: str, platform_token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the clients nor errors nor their pickles show token or key, not even where the service quotes them."""

    def quoting(request: httpx.Request) -> httpx.Response:
        if request.url.path in ("/api/v1/apis/", "/api/v1/services/"):
            return Lists()(request)
        words = f"bad token {request.headers['authorization']}"
        return httpx.Response(401, json={"error": {"code": "invalid_token", "message": words}})

    caplog.set_level(logging.DEBUG)
    service = fake(quoting)
    api = service.acedata()
    shown = [f"{api!r} {api.platform!r} {vars(api)} {vars(api.platform)}"]
    for call in [*WITH_KEY, *WITH_TOKEN]:
        with pytest.raises(InvalidKey) as caught:
            service.run(call(api))
        assert "‹key›" in str(caught.value)
        shown += [str(caught.value), str(vars(caught.value)), repr(pickle.dumps(caught.value))]
    assert not [text for text in [*shown, caplog.text] if key in text or platform_token in text]


@pytest.mark.parametrize("call", WITH_TOKEN)
def test_refused_token_names_its_own_variable(fake: Any, call: Callable[[AceData], Any]) -> None:
    """The error of a refused platform token says which variable to correct; it is not the one of the key."""
    lists = Lists(applications=(401, {"error": {"code": "invalid_token", "message": "no"}}))
    lists.lists["usage/apis"] = lists.lists["files"] = lists.lists["applications"]
    service = fake(lists)
    with pytest.raises(InvalidKey) as caught:
        service.run(call(service.acedata()))
    assert str(caught.value) == (
        "AceDataCloud's platform did not accept the key: “no” (HTTP 401, invalid_token). Set "
        "ACEDATACLOUD_PLATFORM_TOKEN to a valid key of AceDataCloud's platform."
    )


def test_platform_is_where_the_settings_say(fake: Any) -> None:
    """All calls for the platform go to the configured address."""
    service = fake({"items": []})
    api = AceDataPlatform(service.http, "https://p.example/base", Secret("platform-xyz-123456"))
    service.run(api.usage(SINCE, UNTIL))
    assert str(service.requests[0].url).startswith("https://p.example/base/api/v1/usage/apis/?")
