"""Every error that luma_jupyter raises, as one tree.

::

    LumaError
    ├── InvalidRequest (ValueError)      bad input; nothing was sent
    │   ├── NoSuchStudent (KeyError)     nobody of that name is in what was collected
    │   └── NotConfirmed                 many or dear videos, or a key that was found: somebody has to say yes
    ├── ConfigError                      a setting, key or package is missing or wrong; nothing was sent
    ├── OverBudget                       the request would pass the budget, or nobody knows; nothing was sent
    ├── NotEnoughBalance                 the balance at the service certainly does not cover it; nothing was sent
    ├── ServiceError                     a service said no, or could not be understood
    │   ├── InvalidKey                   401
    │   ├── InsufficientBalance          402, or 403 "used_up"
    │   ├── Moderated                    403 "forbidden"
    │   ├── AccessDenied                 any other 403
    │   ├── InvalidParameter             400, 422
    │   ├── NotFound                     404
    │   ├── Conflict                     409
    │   │   └── KeyReused                this idempotency key came with another request before
    │   ├── RateLimited                  429
    │   ├── ServiceDown                  5xx
    │   ├── TaskFailed                   the task was accepted and ended without a video
    │   ├── UnusableAnswer               an HTML page, broken JSON, an unknown shape
    │   ├── ConnectionLost               sent, but no answer came back
    │   └── Unreachable                  no connection: certainly nothing was accepted
    ├── Unconfirmed                      a paid request was sent and may have been accepted
    ├── DownloadError                    a finished video could not be fetched or was not a video
    │   └── Expired                      its address is no longer served
    ├── ClipNotReady (AttributeError)    known only when the clip is done
    ├── ClipError (AttributeError)       the clip ended otherwise than completed
    │   ├── ClipFailed
    │   ├── ClipUnconfirmed
    │   ├── ClipDetached
    │   └── ClipCancelled
    └── WaitTimeout (TimeoutError)       a wait took longer than asked; the clip is still being watched

    WaitInterrupted (KeyboardInterrupt)  a wait was interrupted; the clip is still being watched

In IPython they show as one line; in Python code they are ordinary exceptions.
Messages are English, and are translated when they are shown. One about a parameter begins with its name; there
`with_words` puts what the user typed for it.
The two that clip attributes raise are also AttributeErrors, so that ``hasattr``, tab completion and variable
viewers stay harmless.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from luma_jupyter.languages import N_, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import printable

__all__ = [
    "AccessDenied",
    "ClipCancelled",
    "ClipDetached",
    "ClipError",
    "ClipFailed",
    "ClipNotReady",
    "ClipUnconfirmed",
    "ConfigError",
    "Conflict",
    "ConnectionLost",
    "DownloadError",
    "Expired",
    "InsufficientBalance",
    "InvalidKey",
    "InvalidParameter",
    "InvalidRequest",
    "KeyReused",
    "LumaError",
    "Moderated",
    "NoSuchStudent",
    "NotConfirmed",
    "NotEnoughBalance",
    "NotFound",
    "OverBudget",
    "RateLimited",
    "ServiceDown",
    "ServiceError",
    "TaskFailed",
    "Unconfirmed",
    "Unreachable",
    "UnusableAnswer",
    "WaitInterrupted",
    "WaitTimeout",
]


E = TypeVar("E", bound=Exception)


def with_message(error: E, message: str) -> E:
    """The same error with another message; a fresh one, without the traceback."""
    other = copy.copy(error)
    other.args = (message,)
    return other


def with_words(error: E, words: Mapping[str, str]) -> E:
    """The same error in the user's words: for the parameter that its message begins with, what was typed for it."""
    message = str(error)
    name = re.match(r"[\w-]*", message)[0]  # type: ignore[index]  # it always matches
    return with_message(error, words[name] + message.removeprefix(name)) if name in words else error


def missing_package(package: str | None) -> ConfigError:
    """What to say where a package of the extra ``media`` is needed that is not installed."""
    return ConfigError(f"This needs a package that is not installed ({package}): pip install 'luma-jupyter[media]'")


def shown(value: object) -> str:
    """How a value looks in a message: on one line, and not for ever; what cannot be shown, by its type."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a user's own class, for instance
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 100 else f"{text[:99]}…"  # a data URI can be megabytes


class _OneLine:
    """Shows an exception in IPython as its message alone, in the reader's language (IPython's own hooks).

    Messages quote services, files and notebooks: they are shown as `printable` gives them.
    """

    def __str__(self) -> str:
        return printable(super().__str__())

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {printable(translated(self))}"]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(*self._render_traceback_())


class LumaError(_OneLine, Exception):
    """The root of all errors of this package."""


class InvalidRequest(LumaError, ValueError):
    """The input cannot be sent as it is; nothing was sent."""


class NoSuchStudent(InvalidRequest, KeyError):
    """Nobody of that name is in what was collected: the zip was refused, or there is none."""

    def __str__(self) -> str:
        return printable(self.args[0])  # a KeyError would put it in quotes


class NotConfirmed(InvalidRequest):
    """So many or so dear new videos, or a key that was found, which pays: somebody has to say yes; nothing was sent."""


class ConfigError(LumaError):
    """A setting, a key or an optional package is missing or wrong; nothing was sent."""


class OverBudget(LumaError):
    """The request would pass the budget, or its price is not known; nothing was sent."""


class NotEnoughBalance(LumaError):
    """The balance at the service certainly does not cover the call; nothing was sent."""


class ServiceError(LumaError):
    """A service refused a request, or its answer could not be used.

    ``service`` is its display name, ``words`` what it said itself, ``code`` its error code, ``http_status`` the HTTP
    status, ``trace_id`` the id to quote to its support, ``retry_after`` seconds that it asked us to wait. Each is
    None where it is not known.

    The advice holds whatever the request was for: while a paid task is looked at, or its video fetched, nobody must be
    told to run the cell again.
    """

    what = N_("{service} refused the request")
    advice = ""

    def __init__(
        self,
        service: str,
        words: str | None = None,
        *,
        code: str | None = None,
        http_status: int | None = None,
        trace_id: str | None = None,
        retry_after: float | None = None,
        advice: str | None = None,
    ) -> None:
        self.service = service
        self.words = words
        self.code = code
        self.http_status = http_status
        self.trace_id = trace_id
        self.retry_after = retry_after
        if advice is not None:
            self.advice = advice
        super().__init__(f"{self.finding} {self.advice}".rstrip())

    @property
    def finding(self) -> str:
        """The message without the advice: what happened, the service's words, and the facts to quote."""
        reason, error = self.what.format(service=self.service), self.words
        facts = [str(fact) for fact in (self.http_status and f"HTTP {self.http_status}", self.code) if fact]
        if self.trace_id:
            facts.append(f"trace {self.trace_id}")
        known = ", ".join(facts)
        if error and known:
            return N_(f"{reason}: “{error}” ({known}).")
        if error:
            return N_(f"{reason}: “{error}”" if error.endswith(".") else f"{reason}: “{error}”.")
        return N_(f"{reason} ({known})." if known else f"{reason}.")

    def __reduce__(self) -> tuple[object, ...]:
        return _revive, (type(self), self.args, self.__dict__)


def _revive(kind: type[LumaError], args: tuple[object, ...], state: dict[str, object]) -> LumaError:
    """Unpickle an error without running its constructor, whose arguments differ from ``args``."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidKey(ServiceError):
    """The key is missing, wrong, expired or for another API."""

    what = N_("{service} did not accept the key")


class InsufficientBalance(ServiceError):
    """The balance is spent."""

    what = N_("{service} says that the balance is spent")
    advice = N_("Top up the account.")


class Moderated(ServiceError):
    """The prompt was refused by moderation."""

    what = N_("{service} refused the prompt (moderation)")
    advice = N_("Change the prompt.")


class AccessDenied(ServiceError):
    """The key may not use this API."""

    what = N_("{service} denied access")
    advice = N_("Check in the service's console that this API is enabled for the key.")


class InvalidParameter(ServiceError):
    """The service did not accept a parameter."""

    what = N_("{service} did not accept a parameter")
    advice = N_("Correct the request.")


class NotFound(ServiceError):
    """The service does not know the task, the video or the address."""

    what = N_("{service} did not find it")
    advice = N_("Check the id or URL, and the base URL if you set one.")


class Conflict(ServiceError):
    """The service reports a conflict with an earlier request."""

    what = N_("{service} reports a conflict with an earlier request")
    advice = N_("Look at your tasks in the service's console first.")


class KeyReused(Conflict):
    """The idempotency key came with another request before: this request made nothing, that one may have."""

    what = N_("{service} has had another request under the same idempotency key")
    advice = N_("This request made nothing. Look at your tasks in the service's console.")


class RateLimited(ServiceError):
    """Too many requests."""

    what = N_("{service} gets too many requests at the moment")
    advice = N_("Wait a little.")


class ServiceDown(ServiceError):
    """The service answered with a server error."""

    what = N_("{service} is having trouble")
    advice = N_("This usually passes by itself.")


class TaskFailed(ServiceError):
    """The service accepted the task and ended it without a video."""

    what = N_("{service} could not make the video")
    advice = N_("A failed task is generally not billed. Change the request or run the cell again.")


class UnusableAnswer(ServiceError):
    """The service's answer was not in its documented form."""

    what = N_("{service} sent an answer that cannot be used")
    advice = N_("Check the base URL if you set one.")


class ConnectionLost(ServiceError):
    """The request was sent, but the connection broke or timed out before an answer came."""

    what = N_("{service} did not answer")
    advice = N_("Check the network.")


class Unreachable(ServiceError):
    """No connection could be made: nothing was sent."""

    what = N_("{service} cannot be reached")
    advice = N_("Check the network, and the base URL if you set one.")


class Unconfirmed(LumaError):
    """A request that creates a paid task was sent and no usable answer came back.

    ``cause`` is what happened instead of an answer.
    """

    def __init__(self, cause: ServiceError) -> None:
        self.cause = cause
        super().__init__(f"{cause.finding} {N_('The request was sent: it may have been accepted and billed.')}")

    def __reduce__(self) -> tuple[object, ...]:
        return Unconfirmed, (self.cause,)


class DownloadError(LumaError):
    """A file could not be fetched, or was not what it should be."""


class Expired(DownloadError):
    """The host of a file does not serve this address any more."""


class ClipNotReady(LumaError, AttributeError):
    """The attribute is known only when the clip is completed."""


class ClipError(LumaError, AttributeError):
    """The clip ended otherwise than completed.

    ``reason`` is the service's own refusal where there is one, else None.
    """

    def __init__(self, message: str, reason: LumaError | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class ClipFailed(ClipError):
    """The service said no, or the clip's source did not complete."""


class ClipUnconfirmed(ClipError):
    """The request was sent and no usable answer came back: it may have been accepted and billed."""


class ClipDetached(ClipError):
    """Following ended before the task did; the task may still run and be billed."""


class ClipCancelled(ClipError):
    """Stopped before anything was sent."""


class WaitTimeout(LumaError, TimeoutError):
    """The wait took longer than asked; the clip is still being watched."""


class WaitInterrupted(_OneLine, KeyboardInterrupt):
    """The wait was interrupted; the clip is still being watched."""

    def _render_traceback_(self) -> list[str]:
        return [f"{_('Interrupted')}: {printable(translated(self))}"]
