"""What the responses of both APIs have in common: status words, values, error bodies, and which refusal is which error.

The ``read_…`` functions take any JSON value, since no response is sure to be as documented.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from luma_jupyter.domain.task import TaskPhase
from luma_jupyter.domain.urls import is_web_url
from luma_jupyter.errors import (
    AccessDenied,
    Conflict,
    InsufficientBalance,
    InvalidKey,
    InvalidParameter,
    Moderated,
    NotFound,
    RateLimited,
    ServiceDown,
    ServiceError,
    Unconfirmed,
    UnusableAnswer,
)
from luma_jupyter.languages import N_
from luma_jupyter.providers.http.reply import Reply
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER
from luma_jupyter.settings import variable

# Seen in the vendors' own clients (acedatacloud, runapi-core).
DONE_WORDS = frozenset({"completed", "complete", "succeeded", "succeed", "success", "finished"})
FAILED_WORDS = frozenset({"failed", "failure", "error", "cancelled", "canceled", "rejected"})
# Only the first two are documented; the rest is what services call the same. A task with one of them is never taken for
# one that ended: a "processing" beside a finished_at was seen.
RUNNING_WORDS = frozenset(
    {
        "pending",
        "processing",
        "accepted",
        "created",
        "dreaming",
        "generating",
        "in_progress",
        "queued",
        "queueing",
        "running",
        "scheduled",
        "started",
        "starting",
        "submitted",
        "waiting",
    }
)

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
    422: InvalidParameter,
    429: RateLimited,
}
# Replies that do not say whether the request was accepted: it may have timed out or failed half-way through the
# service (by status, or by the code of AceDataCloud's 500 and 504); "see other" is how some say that it was.
_DOUBTFUL_STATUS = frozenset({303, 408})
_DOUBTFUL_CODES = frozenset({"api_error", "timeout"})
# A class gateway's keys are not its students'.
_GATEWAY_VARIABLE = variable("gateway_token")
_GATEWAY_ADVICE: dict[type[ServiceError], str] = {
    InvalidKey: N_(f"Restart your Jupyter server, or ask your teacher for another token ({_GATEWAY_VARIABLE})."),
    InsufficientBalance: N_("Ask your teacher."),
    AccessDenied: N_("Ask your teacher."),
}
_LONGEST_TEXT = 300  # characters


def read_text(value: object) -> str | None:
    """Text or a whole number as one line, cut where it is long; None where ``value`` is anything else, or empty."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    line = " ".join(str(value).split())
    return (line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…") or None


def read_pixels(value: object) -> int | None:
    """``value`` as a whole number of pixels; None where it is no number, or none that a picture has."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        return None
    return int(value)


def read_amount(value: object) -> float | None:
    """``value`` as an amount of money; None where it is no number, negative, or a million and more."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        return None
    return float(value)


def read_balance(value: object) -> float | None:
    """``value`` as what an account has left, in money or credits, which may be negative; None where it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e12 < value < 1e12:
        return None
    return float(value)


def read_credits(value: object) -> float | None:
    """``value`` as a number of credits; None where it is no number, or negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return float(value)


def read_unix_time(value: object) -> float | None:
    """``value`` as a time in Unix seconds; None where it is no number, before 2001, or thousands of years ahead."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e9 < value < 1e11:
        return None
    return float(value)


def read_iso_time(value: object) -> float | None:
    """An ISO 8601 time in Unix seconds, in UTC where it names no zone; None where ``value`` is none."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def read_url(value: object) -> str | None:
    """``value`` where it is an http(s) URL; else None."""
    return value if isinstance(value, str) and is_web_url(value) else None


def read_object(value: object) -> Mapping[str, Any]:
    """``value`` where it is a JSON object; else an empty one."""
    return value if isinstance(value, Mapping) else {}


def read_error(data: object) -> tuple[str | None, str | None]:
    """The code and the message of an error body: ``error`` as an object or a string, a ``message``, a bare string."""
    if isinstance(data, str):
        return None, read_text(data)
    if not isinstance(data, Mapping):
        return None, None
    error = data.get("error")
    if isinstance(error, Mapping):
        return read_text(error.get("code")), read_text(error.get("message") or error.get("detail"))
    message = read_text(error) or read_text(data.get("message")) or read_text(data.get("detail"))
    return read_text(data.get("code")), message


def read_phase(words: Collection[str], *, has_video: bool, has_error: bool, finished: bool) -> TaskPhase:
    """How a task stands by its status words, of which there is one at least.

    A done word needs a video: it may come a moment later, until the task has finished without. A word that nobody knows
    says nothing by itself: beside an error object or a ``finished_at`` the task has ended, as completed where there is
    a video and no error, which is paid for and has to be delivered.
    """
    known = DONE_WORDS | FAILED_WORDS | RUNNING_WORDS
    if FAILED_WORDS.intersection(words):
        return TaskPhase.FAILED
    if RUNNING_WORDS.intersection(words):
        return TaskPhase.RUNNING
    if known.issuperset(words):
        if has_video:
            return TaskPhase.COMPLETED
        return TaskPhase.FAILED if finished else TaskPhase.RUNNING
    if has_error:
        return TaskPhase.FAILED
    if not finished:
        return TaskPhase.RUNNING
    return TaskPhase.COMPLETED if has_video else TaskPhase.FAILED


def read_end(words: Collection[str], message: str | None) -> str | None:
    """Why a task ended without a video: the service's message, and its status words where they are no failing ones."""
    unusual = ", ".join(sorted(set(words) - FAILED_WORDS))
    if message is None:
        return N_(f"it ended as {unusual}, without a video") if unusual else None
    return f"{unusual}: {message}" if unusual else message


def refusal(service: str, key_variable: str, reply: Reply, *, conflict: type[ServiceError] = Conflict) -> ServiceError:
    """The error that a reply means which is not 2xx, or is 2xx and not in its documented form.

    ``key_variable``: the environment variable that the advice about a bad key names. ``conflict``: what a 409 means.
    """
    code, message = read_error(reply.data)
    by_status = conflict if reply.status == 409 else _BY_STATUS.get(reply.status)
    kind: type[ServiceError] = _BY_CODE.get(code or "") or by_status or ServiceError
    if reply.status >= 500:
        kind = ServiceDown
    elif reply.ok and kind is ServiceError:
        kind = UnusableAnswer
    if message is None and reply.data is None:
        message = N_("something other than JSON")
    advice: str | None = None
    if key_variable == _GATEWAY_VARIABLE and kind in _GATEWAY_ADVICE:
        words = _GATEWAY_ADVICE[kind]
        advice = "" if message and message.endswith(words) else words  # the gateway says most of it itself
    elif kind is InvalidKey:
        advice = N_(f"Set {key_variable} to a valid key of {service}.")
    elif kind is RateLimited and (reply.retry_after or 0) > LONGEST_RETRY_AFTER:
        advice = N_(f"It asks to wait {reply.retry_after:.0f} s.")
    elif 300 <= reply.status < 400:
        advice = N_("It redirects to another address: check the base URL.")
    return kind(
        service,
        message,
        code=code,
        http_status=reply.status,
        trace_id=read_text(read_object(reply.data).get("trace_id")),
        retry_after=reply.retry_after,
        advice=advice,
    )


def raise_for_submission(
    service: str, key_variable: str, reply: Reply, *, conflict: type[ServiceError] = Conflict
) -> NoReturn:
    """Raise what a submission's reply without a task id means; ``conflict``: what a 409 means.

    A 4xx, a redirect, and an error object with a refusing code in a 2xx certainly created nothing: the ServiceError
    itself. All else may have: Unconfirmed. What an earlier request made is another matter: whoever sends one again has
    to keep that doubt.
    """
    error = refusal(service, key_variable, reply, conflict=conflict)
    has_error = isinstance(reply.data, Mapping) and isinstance(reply.data.get("error"), Mapping)
    refused = 300 <= reply.status < 500 or (reply.ok and has_error and error.code not in {None, *_DOUBTFUL_CODES})
    if not refused or reply.status in _DOUBTFUL_STATUS:
        raise Unconfirmed(error)
    raise error
