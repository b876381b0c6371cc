"""Submissions: a paid request is sent again only where it certainly was not accepted."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.errors import (
    Conflict,
    ConnectionLost,
    InsufficientBalance,
    KeyReused,
    RateLimited,
    Unconfirmed,
    Unreachable,
)
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER, SUBMIT_TRIES

ACCEPTED = {"task_id": "t-1"}
LIMITED = (429, {"error": "slow down"})
NOT_SENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout(""), httpx.PoolTimeout(""), httpx.ProxyError("403")]


def submit(service: Any, name: str = "runapi", **options: Any) -> str:
    """Submit one paid request through one of the APIs."""
    api = getattr(service, name)()
    modify = ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4"))
    payload = api.payload(GenerateRequest(prompt="x") if name == "acedata" else modify)
    return service.run(api.submit(payload, "intent-1", **options)).task_id  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["acedata", "runapi"])
@pytest.mark.parametrize("failure", [*NOT_SENT, LIMITED], ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("times", range(SUBMIT_TRIES))
def test_submission_is_repeated_while_certainly_not_accepted(fake: Any, name: str, failure: Any, times: int) -> None:
    """Without a connection, or at a rate limit, the request is sent again up to four times in all, and succeeds."""
    service = fake(*[failure] * times, ACCEPTED)
    assert submit(service, name) == "t-1"
    assert len(service.requests) == times + 1
    assert service.slept == [1.0, 2.0, 4.0][:times]


@pytest.mark.parametrize("failure", NOT_SENT, ids=lambda f: type(f).__name__)
def test_submission_gives_up_without_a_connection(fake: Any, failure: Exception) -> None:
    """After four tries without a connection the error says that nothing was sent."""
    service = fake(failure)
    with pytest.raises(Unreachable) as caught:
        submit(service)
    assert len(service.requests) == SUBMIT_TRIES == 4
    assert str(caught.value) == (
        f"RunAPI cannot be reached: “{failure!s}”. Nothing was sent. Check the network and the base URL, then run the "
        "cell again."
    ).replace("“”", "“no connection”")


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({}, [1.0, 2.0, 4.0]),
        ({"Retry-After": "3"}, [3.0, 3.0, 4.0]),
        ({"Retry-After": "60"}, [60.0, 60.0, 60.0]),
        ({"Retry-After": "later"}, [1.0, 2.0, 4.0]),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:10 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, [10.0] * 3),
    ],
)
def test_submission_gives_up_on_a_rate_limit(fake: Any, headers: dict[str, str], slept: list[float]) -> None:
    """After four answers 429 the error is the limit itself; between them it waits as long as the service asks."""
    service = fake((*LIMITED, headers))
    with pytest.raises(RateLimited):
        submit(service)
    assert len(service.requests) == SUBMIT_TRIES
    assert service.slept == slept


def test_submission_waits_five_minutes_at_most(fake: Any) -> None:
    """A rate limit that asks for more than five minutes is handed to the user at once."""
    assert LONGEST_RETRY_AFTER == 300
    service = fake((*LIMITED, {"Retry-After": "300"}), ACCEPTED)
    assert submit(service) == "t-1"
    assert service.slept == [300]
    service = fake((*LIMITED, {"Retry-After": str(LONGEST_RETRY_AFTER + 1)}))
    with pytest.raises(RateLimited):
        submit(service)
    assert (len(service.requests), service.slept) == (1, [])


def test_backoff_grows_with_jitter() -> None:
    """Waits grow up to half a minute; randomness takes off up to half, so that clients do not come back together."""
    slow, fast = HttpClient(random=lambda: 1.0), HttpClient(random=lambda: 0.0)
    assert [slow.backoff(n) for n in (1, 2, 3, 9)] == [1.0, 2.0, 4.0, 30.0]
    assert [fast.backoff(n) for n in (1, 2, 3, 9)] == [0.5, 1.0, 2.0, 15.0]


@pytest.mark.parametrize("name", ["acedata", "runapi"])
@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadError("reset"),
        httpx.ReadTimeout(""),
        httpx.WriteError("broken pipe"),
        httpx.WriteTimeout(""),
        httpx.CloseError(""),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.LocalProtocolError("odd"),
        httpx.DecodingError("bad gzip"),
        OSError("odd"),
        (500, {"error": {"code": "api_error"}}),
        (502, "<html>"),
        (503, {}, {"Retry-After": "1"}),
        (504, {"error": {"code": "timeout"}}),
        (408, {}),
        (200, "<html>"),
        (200, {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("before", [0, 1])
def test_submission_is_not_repeated_after_a_lost_answer(fake: Any, name: str, failure: Any, before: int) -> None:
    """Whatever else goes wrong, there is not one POST more, and the error says that it may have been billed."""
    service = fake(*[LIMITED] * before, failure, ACCEPTED)
    with pytest.raises(Unconfirmed, match="may have been accepted and billed") as caught:
        submit(service, name)
    assert len(service.requests) == before + 1
    assert caught.value.cause.service == {"acedata": "AceDataCloud", "runapi": "RunAPI"}[name]


@pytest.mark.parametrize(
    ("failure", "words"),
    [(httpx.ReadTimeout(""), "no answer in time"), (httpx.ReadError("reset"), "reset"), (OSError(), "OSError")],
)
def test_lost_answer_says_what_happened(fake: Any, failure: Exception, words: str) -> None:
    """Unconfirmed names what happened instead of an answer."""
    with pytest.raises(Unconfirmed) as caught:
        submit(fake(failure))
    assert isinstance(caught.value.cause, ConnectionLost)
    assert str(caught.value).startswith(f"RunAPI did not answer: “{words}”. The request was sent: ")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 413, 422, 301])
def test_refused_submission_is_not_repeated(fake: Any, status: int) -> None:
    """A refusal is not repeated: the same request would be refused again."""
    service = fake((status, {"error": "no"}), ACCEPTED)
    with pytest.raises(Exception, match=f"HTTP {status}") as caught:
        submit(service)
    assert not isinstance(caught.value, Unconfirmed)
    assert len(service.requests) == 1


def test_conflict_is_a_refusal_after_a_repetition_too(fake: Any) -> None:
    """A 409 says that this request made nothing; the tries before it were certainly not accepted, so that is all."""
    for before in ([], [LIMITED], [httpx.ConnectError("refused")]):
        service = fake(*before, (409, {"error": "seen before"}))
        with pytest.raises(KeyReused, match="This request made nothing"):
            submit(service)
        assert len(service.requests) == len(before) + 1
        with pytest.raises(Conflict, match="reports a conflict"):
            submit(fake(*before, (409, {"error": "seen before"})), "acedata")


def test_refusal_after_a_repetition_is_a_refusal(fake: Any) -> None:
    """Other refusals mean the same to a repeat."""
    with pytest.raises(InsufficientBalance):
        submit(fake(LIMITED, (402, {"error": "no credits"})))


def test_repeated_submission_has_the_same_idempotency_key(fake: Any) -> None:
    """Repeats are the same request to the letter, under the same idempotency key."""
    service = fake(LIMITED, httpx.ConnectError("refused"), LIMITED, ACCEPTED)
    submit(service)
    assert {request.headers["idempotency-key"] for request in service.requests} == {"intent-1"}
    assert len({request.content for request in service.requests}) == 1


def test_cancelled_submission_is_not_repeated(fake: Any) -> None:
    """A submission that is cancelled while it waits for its next try ends there."""

    async def cancelled(seconds: float) -> None:
        raise asyncio.CancelledError

    service = fake(LIMITED)
    service.http.connections.sleep = cancelled
    with pytest.raises(asyncio.CancelledError):
        submit(service)
    assert len(service.requests) == 1


def test_cancellation_does_not_break_off_a_submission(fake: Any) -> None:
    """Cancelled while it waits for the reply, a submission still gives the task's id; then it is cancelled."""

    async def story() -> str:
        caller = asyncio.current_task()
        assert caller is not None

        def accept(request: httpx.Request) -> httpx.Response:
            caller.cancel()
            return httpx.Response(200, json={"task_id": "task-1"})

        api = fake(accept).acedata()
        task_id = (await api.submit(api.payload(GenerateRequest(prompt="x")), "intent-1")).task_id
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        caller.uncancel()
        return task_id

    assert asyncio.run(story()) == "task-1"


def test_fetch_is_tried_once(fake: Any) -> None:
    """A look-up is not repeated by itself: whoever polls has a rhythm of its own."""
    service = fake(httpx.ConnectError("refused"))
    with pytest.raises(Unreachable) as caught:
        asyncio.run(service.acedata().fetch(["t"]))
    assert len(service.requests) == 1
    assert "Nothing was sent" not in str(caught.value)
    assert str(caught.value) == (
        "AceDataCloud cannot be reached: “refused”. Check the network, and the base URL if you set one."
    )
