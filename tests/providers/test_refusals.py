"""Which refusal is which error, and that each says what happened, in whose words, and what to do next."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest

from luma_jupyter import errors
from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.errors import ServiceError, Unconfirmed
from luma_jupyter.providers.http.reply import Reply


def submission_error(fake: Any, name: str, *answers: Any) -> Exception:
    """The error that a submission ends with."""
    service = fake(*answers)
    api = getattr(service, name)()
    modify = ModifyRequest(prompt="x", source=VideoRef(url="https://a.example/v.mp4"))
    payload = api.payload(GenerateRequest(prompt="x") if name == "acedata" else modify)
    with pytest.raises(errors.LumaError) as caught:
        service.run(api.submit(payload, "i"))
    return caught.value


def body(code: str, message: str = "what it says") -> dict[str, Any]:
    """AceDataCloud's documented error body."""
    return {"success": False, "error": {"code": code, "message": message}, "trace_id": "tr-9"}


DOCUMENTED = [
    (400, "bad_request", errors.InvalidParameter, "Correct the request."),
    (400, "api_not_implemented", errors.InvalidParameter, "Correct the request."),
    (400, "token_mismatched", errors.InvalidKey, "Set ACEDATACLOUD_API_TOKEN to a valid key of AceDataCloud."),
    (401, "invalid_token", errors.InvalidKey, "Set ACEDATACLOUD_API_TOKEN to a valid key of AceDataCloud."),
    (401, "token_expired", errors.InvalidKey, "Set ACEDATACLOUD_API_TOKEN to a valid key of AceDataCloud."),
    (401, "no_token", errors.InvalidKey, "Set ACEDATACLOUD_API_TOKEN to a valid key of AceDataCloud."),
    (403, "forbidden", errors.Moderated, "Change the prompt."),
    (403, "used_up", errors.InsufficientBalance, "Top up the account."),
    (403, "disabled", errors.AccessDenied, "Check in the service's console that this API is enabled for the key."),
    (404, "not_found", errors.NotFound, "Check the id or URL, and the base URL if you set one."),
    (429, "too_many_requests", errors.RateLimited, "Wait a little."),
]


@pytest.mark.parametrize(("status", "code", "kind", "advice"), DOCUMENTED)
def test_acedata_refusal(fake: Any, status: int, code: str, kind: type[ServiceError], advice: str) -> None:
    """Every documented refusal has its class and one message: what, its words, status, code, trace id, what to do."""
    error = submission_error(fake, "acedata", (status, body(code)))
    assert type(error) is kind
    assert isinstance(error, ServiceError)
    what = kind.what.format(service="AceDataCloud")
    assert str(error) == f"{what}: “what it says” (HTTP {status}, {code}, trace tr-9). {advice}"
    facts = (error.service, error.words, error.code, error.http_status, error.trace_id)
    assert facts == ("AceDataCloud", "what it says", code, status, "tr-9")


@pytest.mark.parametrize(("code", "kind"), [(code, kind) for _, code, kind, _ in DOCUMENTED])
def test_refusal_inside_a_2xx_is_a_refusal(fake: Any, code: str, kind: type[ServiceError]) -> None:
    """A refusal by code that comes with status 200 is still a refusal: nothing was made, nobody fears for money."""
    error = submission_error(fake, "acedata", (200, body(code)))
    said_by_status_alone = (errors.InvalidParameter, errors.NotFound, errors.RateLimited)
    assert type(error) is (errors.UnusableAnswer if kind in said_by_status_alone else kind)
    assert "what it says" in str(error)


@pytest.mark.parametrize(
    "shape", [lambda w: {"error": w}, lambda w: {"error": {"message": w}}, lambda w: {"message": w}]
)
@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (400, errors.InvalidParameter, "Correct the request."),
        (401, errors.InvalidKey, "Set RUNAPI_API_KEY to a valid key of RunAPI."),
        (402, errors.InsufficientBalance, "Top up the account."),
        (403, errors.AccessDenied, "Check in the service's console that this API is enabled for the key."),
        (404, errors.NotFound, "Check the id or URL, and the base URL if you set one."),
        (409, errors.KeyReused, "This request made nothing. Look at your tasks in the service's console."),
        (422, errors.InvalidParameter, "Correct the request."),
        (429, errors.RateLimited, "Wait a little."),
        (418, ServiceError, ""),
    ],
)
def test_runapi_refusal(fake: Any, status: int, kind: type[ServiceError], advice: str, shape: Any) -> None:
    """Every documented refusal of RunAPI has its class, in each form that its error bodies take."""
    error = submission_error(fake, "runapi", (status, shape("what it says")))
    assert type(error) is kind
    assert str(error) == f"{kind.what.format(service='RunAPI')}: “what it says” (HTTP {status}). {advice}".rstrip()


PAGE = "<!doctype html><html><body>nginx</body></html>"


@pytest.mark.parametrize(
    ("content", "words", "code"),
    [
        ({"error": "text"}, "text", None),
        ({"error": {"code": "c", "message": "m"}}, "m", "c"),
        ({"error": {"code": "c", "detail": "d"}}, "d", "c"),
        ({"error": {"code": 17}}, None, "17"),
        ({"code": "c", "message": "m"}, "m", "c"),
        ({"detail": "d"}, "d", None),
        ({"error": None, "message": "m"}, "m", None),
        ({"error": True}, None, None),
        ({"error": ["a"], "detail": [{"loc": 1}]}, None, None),
        ({"error": "two\nlines\t of  text"}, "two lines of text", None),
        ({"error": "x" * 1000}, "x" * 299 + "…", None),
        ([], None, None),
        ('"just a text"', "just a text", None),
        (PAGE, "something other than JSON", None),
        ('{"broken": ', "something other than JSON", None),
        ("", "something other than JSON", None),
        (b"\xff\xfe\x00", "something other than JSON", None),
    ],
)
def test_error_body_is_read_in_any_shape(fake: Any, content: Any, words: str | None, code: str | None) -> None:
    """Whatever an error body looks like, its words and code are found as one short line, or its absence is said."""
    error = submission_error(fake, "acedata", (400, content))
    assert isinstance(error, errors.InvalidParameter)
    assert (error.words, error.code) == (words, code)
    assert "\n" not in str(error)
    assert "<html>" not in str(error)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirected_submission_is_not_followed(fake: Any, status: int) -> None:
    """A redirect of a paid request goes nowhere, and the key with it; the error says to check the base URL."""
    service = fake((status, "", {"Location": "https://evil.example/"}))
    api = service.acedata()
    with pytest.raises(ServiceError) as caught:
        asyncio.run(api.submit(api.payload(GenerateRequest(prompt="x")), "i"))
    assert len(service.requests) == 1
    assert str(caught.value).endswith(f"(HTTP {status}). It redirects to another address: check the base URL.")


def test_long_retry_after_is_in_the_error(fake: Any) -> None:
    """A service that asks for very long is not waited for in silence: the error says how long it asks for."""
    error = submission_error(fake, "runapi", (429, {"error": "slow down"}, {"Retry-After": "900"}))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == 900.0
    assert str(error) == ("RunAPI gets too many requests at the moment: “slow down” (HTTP 429). It asks to wait 900 s.")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 1999 07:27:30 GMT"}, 0.0),
        ({"retry-after": "Wed, 99 Oct 2026 99:28:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """Retry-After is read as seconds or as an HTTP date, by the service's own clock where it tells it."""
    assert Reply(429, None, headers).retry_after == seconds


def test_retry_after_date_counts_by_our_clock() -> None:
    """Without the service's clock, an HTTP date counts from ours."""
    seconds = Reply(429, None, {"retry-after": formatdate(time.time() + 100, usegmt=True)}).retry_after
    assert seconds is not None
    assert 90 < seconds <= 100


@pytest.mark.parametrize("name", ["acedata", "runapi"])
@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((500, body("api_error")), errors.ServiceDown),
        ((504, body("timeout")), errors.ServiceDown),
        ((500, body("forbidden")), errors.ServiceDown),
        ((502, PAGE), errors.ServiceDown),
        ((503, {"error": "bare"}, {"Retry-After": "1"}), errors.ServiceDown),
        ((408, {}), ServiceError),
        ((303, "", {"Location": "/luma/tasks/1"}), ServiceError),
        ((200, PAGE), errors.UnusableAnswer),
        ((200, '{"task_id": "t-1'), errors.UnusableAnswer),
        ((200, {}), errors.UnusableAnswer),
        ((200, []), errors.UnusableAnswer),
        ((204, ""), errors.UnusableAnswer),
        ((201, {"success": True}), errors.UnusableAnswer),
        ((200, {"task_id": ""}), errors.UnusableAnswer),
        ((200, {"task_id": None, "id": {}}), errors.UnusableAnswer),
        ((200, {"success": False, "error": "a bare string"}), errors.UnusableAnswer),
        ((200, {"success": False, "code": "c", "message": "m"}), errors.UnusableAnswer),
        ((200, {"success": False, "error": {"message": "without a code"}}), errors.UnusableAnswer),
        ((200, body("api_error")), errors.UnusableAnswer),
        ((200, body("timeout")), errors.UnusableAnswer),
    ],
    ids=str,
)
def test_doubtful_reply_is_unconfirmed(fake: Any, name: str, answer: Any, cause: type[ServiceError]) -> None:
    """An answer that does not say whether the task exists is unconfirmed, and never “try again”."""
    error = submission_error(fake, name, answer)
    assert isinstance(error, Unconfirmed)
    assert type(error.cause) is cause
    assert error.cause.http_status == answer[0]
    assert str(error).startswith(error.cause.finding)
    assert "may have been accepted and billed" in str(error)
    assert error.cause.advice == "" or error.cause.advice not in str(error)
