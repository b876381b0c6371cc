"""Amounts of money: prices and where they are known from, what was charged, and what an account has left."""

from __future__ import annotations

from dataclasses import dataclass

from luma_jupyter.languages import N_


def dollars(amount: float) -> str:
    """An amount of USD as people read it."""
    return f"${amount:.2f}"


@dataclass(frozen=True, slots=True)
class Quote:
    """What a service asks for one call, in USD; ``up_to``: it may be less, never more."""

    usd: float
    up_to: bool = False


@dataclass(frozen=True)
class Price:
    """The price of one call: ``usd`` (None: not known), and ``basis``, where that comes from, in words.

    ``up_to``: it may be less, never more.
    """

    usd: float | None
    basis: str
    up_to: bool = False

    def __str__(self) -> str:
        if self.usd is None:
            return self.basis
        amount, reason = dollars(self.usd), self.basis
        return N_(f"up to {amount} ({reason})" if self.up_to else f"{amount} ({reason})")


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has left and has spent, in USD, and in the service's own credits; None where it does not say.

    ``up_to``: the amounts in USD may be less, never more (the credits were bought in packages of several prices).
    """

    left: float | None
    spent_today: float | None = None
    spent_in_all: float | None = None
    credits_left: float | None = None
    credits_spent: float | None = None
    up_to: bool = False


@dataclass(frozen=True, slots=True)
class Charges:
    """What tasks cost or may cost: ``usd``, and to that ``calls`` at a price that was not known when they were made.

    ``unpriced`` of these may have made a video; the others are earlier sends that nobody answered.
    """

    usd: float
    calls: int = 0
    unpriced: int = 0

    def at(self, price: float | None) -> float:
        """The sum in USD where a call costs ``price``; without what is unpriced, where that is None."""
        return self.usd + self.calls * (price or 0.0)


@dataclass(frozen=True, slots=True)
class Total:
    """What tasks cost together, in USD: ``exact`` where all of it was reported, not only expected.

    ``unknown`` counts the tasks whose cost nobody knows, which is not in it.
    """

    usd: float = 0.0
    exact: bool = True
    unknown: int = 0

    def __add__(self, other: Total) -> Total:
        return Total(self.usd + other.usd, self.exact and other.exact, self.unknown + other.unknown)

    def __str__(self) -> str:
        amount = f"{'' if self.exact else '~'}{dollars(self.usd)}"
        return N_(f"{amount} and {self.unknown:,} of unknown cost") if self.unknown else amount


@dataclass(frozen=True, slots=True)
class Charge:
    """What a task really cost: credits, and USD where a credit's price is known; ``up_to``: it may be less USD."""

    credits: float
    usd: float | None = None
    up_to: bool = False


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One call as a service's statement has it; None where it does not say.

    ``at`` in Unix seconds; ``credits`` is what was deducted for it; ``status`` is the HTTP status that it answered.
    """

    at: float | None
    trace_id: str | None
    credits: float | None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Billing:
    """What a service says of one task's money, in USD: set aside for it, charged in the end, given back.

    None where it does not say.
    """

    reserved: float | None = None
    settled: float | None = None
    refunded: float | None = None
