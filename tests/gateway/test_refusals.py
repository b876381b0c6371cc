"""What is answered where something was raised."""

from __future__ import annotations

import pytest
from tornado.web import HTTPError

from luma_jupyter.errors import ConfigError, InvalidParameter, RateLimited, ServiceDown, ServiceError, Unreachable
from luma_jupyter.gateway.identity import HubAway, NotInClass
from luma_jupyter.gateway.refusals import refusal_for
from luma_jupyter.gateway.storage import StoreAway, StoreFull
from luma_jupyter.gateway.submissions import TurnTimeout


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (TurnTimeout(4.2), 429, "too_many_requests"),
        (HubAway(), 429, "too_many_requests"),
        (StoreAway(), 429, "too_many_requests"),
        (StoreFull(), 429, "store_full"),
        (NotInClass("no"), 403, "not_in_class"),
        (ConfigError("no price"), 403, "gateway_settings"),
        (ServiceError("X", "no", code="c", http_status=302), 400, "c"),
        (ServiceError("X", "no", http_status=503), 429, "too_many_requests"),
        (ServiceError("X"), 429, "too_many_requests"),
        (HTTPError(405), 405, "method_not_allowed"),
        (HTTPError(400), 400, "bad_request"),
        (HTTPError(500), 500, "api_error"),
        (Exception(), 500, "api_error"),
    ],
)
def test_trouble_has_its_status(error: Exception, status: int, code: str) -> None:
    """What passes by itself is a 429 with Retry-After; what does not says whom to tell."""
    refusal = refusal_for(error)
    assert (refusal.status_code, refusal.code) == (status, code)
    assert (refusal.retry_after is not None) == (status == 429)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TurnTimeout(4.2), "It waits for its turn at the class gateway."),
        (Unreachable("AceDataCloud", "no connection"), "AceDataCloud cannot be reached: “no connection”."),
        (
            RateLimited("RunAPI", "slowly", http_status=429),
            "RunAPI gets too many requests at the moment: “slowly” (HTTP 429).",
        ),
        (ServiceDown("RunAPI", http_status=503), "RunAPI is having trouble (HTTP 503)."),
        (InvalidParameter("RunAPI", "no such video", http_status=422), "no such video"),
    ],
)
def test_passing_trouble_says_whose_it_is(error: Exception, words: str) -> None:
    """A card shows it as it is, and a sentence of its own follows; a refusal is in the vendor's words alone."""
    assert refusal_for(error).message == words
