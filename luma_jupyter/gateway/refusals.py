"""What is answered where something stands in the way, in AceDataCloud's codes; `runapi_api` translates them.

Until a paid request is entered in the ledger that is a 4xx: nothing was made, and every client reads it so. What passes
by itself is a 429 with Retry-After. Only a request whose outcome nobody knows is answered with a 5xx.
"""

from __future__ import annotations

import math

from tornado.web import HTTPError

from luma_jupyter.errors import ConfigError, InvalidRequest, ServiceError
from luma_jupyter.gateway.database import DatabaseAway
from luma_jupyter.gateway.identity import HubAway, NotInClass
from luma_jupyter.gateway.ledger import KeyConflict, OverCap, Paused
from luma_jupyter.gateway.storage import StoreAway, StoreFull
from luma_jupyter.gateway.submissions import Lost, Refused, TurnTimeout, Undecided, passes, told
from luma_jupyter.languages import N_
from luma_jupyter.providers.protocol import LOST_AT_GATEWAY, NOT_IN_CLASS

RETRY_SECONDS = 2  # after which a passing trouble is worth another try


class Refusal(HTTPError):
    """An error answer with a code and a message of its own."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(status)
        self.code, self.message, self.retry_after = code, message, retry_after


def refusal_for(error: BaseException, reason: str = "") -> Refusal:
    """What is answered where this was raised."""
    if isinstance(error, DatabaseAway | HubAway | StoreAway):
        return Refusal(429, "too_many_requests", N_("The class gateway is busy: this passes by itself."), RETRY_SECONDS)
    if isinstance(error, TurnTimeout):
        return Refusal(429, "too_many_requests", str(error), math.ceil(error.retry_after))
    if isinstance(error, OverCap):
        return Refusal(403, "used_up", str(error))
    if isinstance(error, Paused):
        return Refusal(403, "paused", str(error))
    if isinstance(error, NotInClass):
        return Refusal(403, NOT_IN_CLASS, str(error))
    if isinstance(error, KeyConflict):
        return Refusal(409, "conflict", str(error))
    if isinstance(error, InvalidRequest):
        return Refusal(400, "bad_request", str(error))
    if isinstance(error, StoreFull):
        words = N_("The class gateway has no room for files: tell your teacher.")
        return Refusal(429, "store_full", words, RETRY_SECONDS)
    if isinstance(error, Refused):
        row = error.submission
        return _vendors_refusal(row.error_code, row.error_message, row.error_status)
    if isinstance(error, Undecided):
        words = N_("It is still being sent: the same request, with the same key, learns more.")
        return Refusal(504, "timeout", words)
    if isinstance(error, Lost):
        return Refusal(502, LOST_AT_GATEWAY, str(error))
    if isinstance(error, ServiceError):
        return _vendors_refusal(*told(error))
    if isinstance(error, ConfigError):
        words = N_("The class gateway is not set up for this. Your teacher can change that.")
        return Refusal(403, "gateway_settings", words)
    if isinstance(error, HTTPError):
        codes = {404: "not_found", 405: "method_not_allowed"}
        code = codes.get(error.status_code, "bad_request" if error.status_code < 500 else "api_error")
        return Refusal(error.status_code, code, reason or N_("The request cannot be used."))
    return Refusal(500, "api_error", N_("The class gateway has a fault of its own: tell your teacher."))


def _vendors_refusal(code: str | None, message: str | None, status: int | None) -> Refusal:
    """A vendor's refusal, which made nothing; what passes by itself is a 429, as it is at the gateway."""
    if passes(status):
        return Refusal(429, "too_many_requests", message or N_("The service is having trouble."), RETRY_SECONDS)
    return Refusal(max(400, status or 0), code or "bad_request", message or N_("The service refused the request."))
