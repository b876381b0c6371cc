"""What the answers of both APIs have in common: status words, error bodies, and which refusal is which error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from luma_jupyter.errors import (
    AccessDenied,
    Conflict,
    InsufficientBalance,
    InvalidKey,
    InvalidParameter,
    InvalidRequest,
    Moderated,
    NotFound,
    RateLimited,
    ServiceDown,
    ServiceError,
    Unconfirmed,
    UnusableAnswer,
)
from luma_jupyter.files import LocalFile
from luma_jupyter.models import VideoRef
from luma_jupyter.urls import is_local_url, is_web_url, origin
from luma_jupyter.wire.http import LONGEST_RETRY_AFTER
from luma_jupyter.wire.replies import Reply

# Seen in the vendors' own clients (acedatacloud, runapi-core).
DONE_WORDS = frozenset({"completed", "complete", "succeeded", "succeed", "success", "finished"})
FAILED_WORDS = frozenset({"failed", "failure", "error", "cancelled", "canceled", "rejected"})

_BY_CODE: dict[str, type[ServiceError]] = {
    "used_up": InsufficientBalance,
    "forbidden": Moderated,
    "disabled": AccessDenied,
    "token_mismatched": InvalidKey,
    "invalid_token": InvalidKey,
    "token_expired": InvalidKey,
    "no_token": InvalidKey,
}
_BY_STATUS: dict[int, type[ServiceError]] = {
    400: InvalidParameter,
    401: InvalidKey,
    402: InsufficientBalance,
    403: AccessDenied,
    404: NotFound,
    409: Conflict,
    422: InvalidParameter,
    429: RateLimited,
}
# Answers that do not say whether the request was accepted: it may have timed out or failed half-way through the
# service (by status, or by the code of AceDataCloud's 500 and 504); "see other" is how some say that it was.
_DOUBTFUL_STATUS = frozenset({303, 408})
_DOUBTFUL_CODES = frozenset({"api_error", "timeout"})
_LONGEST_QUOTE = 300


def text(value: object) -> str | None:
    """``value`` as a quotable line, None where it is no text or empty."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    line = " ".join(str(value).split())
    return (line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…") or None


def number(value: object) -> int | None:
    """``value`` as a whole number of pixels, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        return None
    return int(value)


def amount(value: object) -> float | None:
    """``value`` as an amount of money, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        return None
    return float(value)


def instant(value: object) -> float | None:
    """``value`` as a time in Unix seconds, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e9 < value < 1e11:
        return None
    return float(value)


def url(value: object) -> str | None:
    """``value`` where it is an http(s) URL, else None."""
    return value if isinstance(value, str) and is_web_url(value) else None


def address(media: str | LocalFile | VideoRef | None) -> str | None:
    """Where a service finds an image or a video; of a file that is not uploaded yet, words in its place."""
    if isinstance(media, LocalFile):
        return f"‹{media.name}, uploaded first›"
    return media.url if isinstance(media, VideoRef) else media


def moment(value: object) -> float | None:
    """An ISO 8601 time in Unix seconds, None where it is none."""
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return None


def error_words(data: object) -> tuple[str | None, str | None]:
    """The code and the message of an error body: ``error`` as an object or a string, a ``message``, a bare string."""
    if isinstance(data, str):
        return None, text(data)
    if not isinstance(data, Mapping):
        return None, None
    error = data.get("error")
    if isinstance(error, Mapping):
        return text(error.get("code")), text(error.get("message") or error.get("detail"))
    return text(data.get("code")), text(error) or text(data.get("message")) or text(data.get("detail"))


def refusal(service: str, key_variable: str, reply: Reply) -> ServiceError:
    """The error that a reply other than 2xx means; a 2xx that lands here is not in its documented form."""
    code, words = error_words(reply.data)
    kind: type[ServiceError] = _BY_CODE.get(code or "") or _BY_STATUS.get(reply.status) or ServiceError
    if reply.status >= 500:
        kind = ServiceDown
    elif reply.ok and kind is ServiceError:
        kind = UnusableAnswer
    if words is None and reply.data is None:
        words = "something other than JSON"
    advice: str | None = None
    if kind is InvalidKey:
        advice = f"Set {key_variable} to a valid key of {service}."
    elif kind is RateLimited and (reply.retry_after or 0) > LONGEST_RETRY_AFTER:
        advice = f"It asks to wait {reply.retry_after:.0f} s."
    elif 300 <= reply.status < 400:
        advice = "It redirects to another address: check the base URL."
    trace = reply.data.get("trace_id") if isinstance(reply.data, Mapping) else None
    return kind(
        service,
        words,
        code=code,
        http_status=reply.status,
        trace_id=text(trace),
        retry_after=reply.retry_after,
        advice=advice,
    )


def refuse_submission(service: str, key_variable: str, reply: Reply, repeated: bool = False) -> NoReturn:
    """Raise what a submission's reply without a task id means.

    A 4xx, a redirect, and an error object with a refusing code in a 2xx certainly created nothing: the ServiceError
    itself. All else, and a 409 that answers a repetition (RunAPI: the key was seen before), may have: Unconfirmed.
    ``repeated``: the request had been sent before, in an earlier submission.
    """
    error = refusal(service, key_variable, reply)
    has_error = isinstance(reply.data, Mapping) and isinstance(reply.data.get("error"), Mapping)
    refused = 300 <= reply.status < 500 or (reply.ok and has_error and error.code not in {None, *_DOUBTFUL_CODES})
    if not refused or reply.status in _DOUBTFUL_STATUS or (reply.status == 409 and (repeated or reply.attempts > 1)):
        raise Unconfirmed(error)
    raise error


def check_reachable(service: str, base_url: str, media: Mapping[str, str | None], callback_url: str | None) -> None:
    """Refuse URLs that the service could not reach, or that would show it what is on the user's own network.

    Where the API itself is on loopback (the demo service, a test), media of that same origin is fine, and so is a local
    callback. Raises InvalidRequest.
    """
    for name, address in media.items():
        if address and is_local_url(address) and origin(address) != origin(base_url):
            raise InvalidRequest(f"{name}: {service} cannot reach {address}, which is on your own machine or network.")
    if callback_url and is_local_url(callback_url) and not is_local_url(base_url):
        raise InvalidRequest(f"callback_url: {service} cannot reach {callback_url}, which is on your own network.")


def as_mapping(value: object) -> Mapping[str, Any]:
    """``value`` where it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}
