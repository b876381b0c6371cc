"""The rows of the ledger as values. Amounts are whole millionths of a US dollar, times Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from luma_jupyter.domain.task import Video
from luma_jupyter.languages import N_

Vendor: TypeAlias = Literal["acedata", "runapi"]
WalletKind: TypeAlias = Literal["student", "group", "class"]
MICROS = 1_000_000  # in a US dollar


class State(StrEnum):
    """Where a submission stands. Money is reserved from ``sent`` on, and until it has ended."""

    SENT = "sent"  # admitted; the POST may have left
    ACCEPTED = "accepted"  # the vendor has the task
    COMPLETED = "completed"
    FAILED = "failed"  # the vendor ended it without a video, and charges nothing
    REFUSED = "refused"  # it made nothing
    UNCONFIRMED = "unconfirmed"  # nobody knows whether the vendor took it; the money stays reserved
    RELEASED = "released"  # it was unconfirmed, and a teacher or the vendor's list said that it made nothing

    @property
    def without_task(self) -> bool:
        """Whether it certainly made nothing."""
        return self in (State.REFUSED, State.RELEASED)


STATE_TEXT: Mapping[State, str] = {
    State.SENT: N_("being sent"),
    State.ACCEPTED: N_("under way"),
    State.COMPLETED: N_("done"),
    State.FAILED: N_("failed"),
    State.REFUSED: N_("refused"),
    State.UNCONFIRMED: N_("unconfirmed"),
    State.RELEASED: N_("released"),
}


WALLET_TEXT: Mapping[WalletKind, str] = {
    "class": N_("The class"),
    "student": N_("Each student"),
    "group": N_("Each group"),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. ``teaches``: may see and steer all."""

    name: str
    groups: tuple[str, ...] = ()
    teaches: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """A video that somebody wants: ``key`` is the kernel's idempotency key, ``body`` what the vendor is to get.

    ``fingerprint``: equal for equal bodies, of whomever; it is of the body as the kernel sent it. ``price``: reserved.
    ``lesson``: the request may be answered with an equal one of a classmate.
    """

    owner: Person
    vendor: Vendor
    key: str
    body: Mapping[str, Any]
    fingerprint: str
    price: int
    lesson: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """One row: a video that somebody wanted, and what came of it.

    ``task_id`` is the vendor's, ``joined`` the row of the classmate's that answers this one. ``media`` is the name of
    the stored video, None until it is saved. ``error_code``, ``error_message``: in the vendor's words, with the HTTP
    status that they came with. ``next_look_at``, ``looks``: when the vendor is asked next, and how often it was; while
    it is unconfirmed, how often its list had nothing of it.
    """

    id: int
    owner: str
    vendor: Vendor
    key: str
    body: Mapping[str, Any]
    fingerprint: str
    state: State
    price: int
    cost: int | None
    created_at: float
    sent_at: float | None
    ended_at: float | None
    task_id: str | None
    trace_id: str | None
    video: Video | None
    media: str | None
    error_code: str | None
    error_message: str | None
    error_status: int | None
    joined: int | None
    next_look_at: float | None
    looks: int

    @property
    def shared(self) -> bool:
        """Whether a classmate's request answers it, free of charge."""
        return self.joined is not None


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of an intent. ``fresh``: this caller, and nobody else, sends it to the vendor."""

    submission: Submission
    fresh: bool


@dataclass(frozen=True, slots=True)
class Cap:
    """A wallet against its cap: of ``name``'s, in all or of one day."""

    kind: WalletKind
    name: str
    in_all: bool
    cap: int | None
    reserved: int
    spent: int

    @property
    def left(self) -> int | None:
        """What it still holds, None: it has no cap."""
        return None if self.cap is None else max(0, self.cap - self.reserved - self.spent)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left for a person, by the least of all caps that bind; None: no cap. The rest is the person's own."""

    in_all: int | None
    today: int | None
    spent_today: int
    spent_in_all: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody changed by hand, at ``at`` (Unix seconds)."""

    at: float
    who: str
    what: str
    before: Any
    after: Any
