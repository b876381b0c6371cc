"""Submissions to a class gateway, as its clients make them: what is repeated, how soon, and what is an answer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from luma_jupyter.domain.money import Balance
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import Conflict, InvalidKey, KeyReused, Moderated, Unconfirmed, Unreachable, UnusableAnswer
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.protocol import Accepted
from luma_jupyter.providers.runapi import RunApi
from luma_jupyter.settings import variable

GATEWAY = "https://hub.example/services/luma"
PAGE = (503, "<html>Proxy target missing</html>")
DONE = {"task_id": "t-1"}


def client(service: Any, name: str) -> Any:
    """A client of a gateway that speaks this API."""
    kind = {"acedata": AceData, "runapi": RunApi}[name]
    names = {"gateway": True, "key_variable": variable("gateway_token")}
    return kind(service.http, GATEWAY, Secret("hub-token-5c1d"), "The class gateway", **names)


def submit(service: Any, name: str = "acedata") -> Any:
    """What a submission comes to that nobody listens to."""
    return service.run(client(service, name).submit({"prompt": "x"}, "intent-1"))


BOTH = pytest.mark.parametrize("name", ["acedata", "runapi"])


@BOTH
def test_body_and_key_are_the_same_each_time(fake: Any, name: str) -> None:
    """A repeat is the first request to the letter, ever later, and at the gateway's own address."""
    service = fake(PAGE, httpx.ReadTimeout("slow"), PAGE, DONE)
    assert submit(service, name) == Accepted("t-1")
    first, *others = [(str(r.url), r.content, r.headers["idempotency-key"]) for r in service.requests]
    assert others == [first] * 3
    assert first[0].startswith(GATEWAY)
    assert first[2] == "intent-1"
    assert service.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("headers", "pauses"),
    [({}, [1.0, 2.0]), ({"Retry-After": "10"}, [11.0, 11.0]), ({"Retry-After": "0"}, [1.0, 2.0])],
)
def test_turn_is_waited_for_as_long_as_asked(fake: Any, headers: dict[str, str], pauses: list[float]) -> None:
    """By up to a tenth longer, so that a class does not come back at once; where nothing is asked, ever longer."""
    service = fake((429, {"error": "later"}, headers), (429, {"error": "later"}, headers), DONE)
    assert submit(service) == Accepted("t-1")
    assert service.slept == pauses


REFUSED = httpx.ConnectError("refused")


@pytest.mark.parametrize("waited", [0, 1, 5])
def test_gateway_that_is_away_for_a_moment_ends_no_wait_for_a_turn(fake: Any, waited: int) -> None:
    """However long it was waited for: the Hub or the gateway restarts, and three tries in a row reach nobody."""
    later = (429, {"error": "later"})
    service = fake(*[later] * waited, *[REFUSED] * 3, later, *[REFUSED] * 3, DONE)
    assert submit(service) == Accepted("t-1")


def test_gateway_that_stays_away_ends_the_wait_for_a_turn(fake: Any) -> None:
    """Four tries in a row reach nobody: it ends, and nothing was sent."""
    service = fake((429, {"error": "later"}), REFUSED)
    with pytest.raises(Unreachable, match="Nothing was sent"):
        submit(service)
    assert len(service.requests) == 5


def test_turn_holds_up_no_look_up(fake: Any) -> None:
    """A 429 at a gateway is this request's turn alone: look-ups go on."""
    service = fake((429, {"error": "later"}, {"Retry-After": "10"}), DONE, (404, {"error": "not found"}))
    submit(service)
    service.slept.clear()
    service.run(client(service, "acedata").fetch(["t-1"]))
    assert service.slept == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((403, {"error": {"code": "forbidden", "message": "No."}}), Moderated),
        ((401, {"error": {"code": "invalid_token", "message": "Who?"}}), InvalidKey),
        ((409, {"error": "another body"}), KeyReused),
        ((302, "", {"Location": "https://hub.example/hub/login"}), Exception),
    ],
)
@BOTH
def test_refusal_is_an_answer(fake: Any, name: str, answer: Any, kind: type[Exception]) -> None:
    """What the gateway refuses is not asked for again; nor is what redirects to another page."""
    service = fake(answer)
    with pytest.raises(kind):
        submit(service, name)
    assert len(service.requests) == 1


def test_answer_without_a_task_is_unconfirmed(fake: Any) -> None:
    """An answer of the gateway that cannot be read may be a task: that is the one thing that nobody repeats."""
    service = fake({"hello": "world"})
    with pytest.raises(Unconfirmed) as caught:
        submit(service)
    assert isinstance(caught.value.cause, UnusableAnswer)
    assert len(service.requests) == 1


def test_services_keep_their_own_conflict(fake: Any) -> None:
    """At AceDataCloud itself a 409 is no word about a key, which it passes over."""
    service = fake((409, {"error": "conflict"}))
    with pytest.raises(Conflict) as caught:
        service.run(service.acedata().submit({"prompt": "x"}, "intent-1"))
    assert not isinstance(caught.value, KeyReused)


def test_balance_without_a_cap_is_not_known(fake: Any) -> None:
    """Where a class has no cap, nothing is left or not left; what was spent is told."""
    service = fake({"balance_cents": None, "spent_cents_today": 150, "spent_cents_total": 900})
    assert service.run(client(service, "runapi").balance()) == Balance(None, 1.5, 9.0)
