"""Amounts of money: a price and where it is known from, and what an account has left."""

from __future__ import annotations

from dataclasses import dataclass


def dollars(amount: float) -> str:
    """An amount of USD as people read it."""
    return f"${amount:.2f}"


@dataclass(frozen=True)
class Price:
    """The price of one call: ``usd`` (None: not known), and ``basis``, where that comes from, in words."""

    usd: float | None
    basis: str

    def __str__(self) -> str:
        return self.basis if self.usd is None else f"{dollars(self.usd)} ({self.basis})"


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has left and has spent, in USD; None where the service does not say."""

    left: float | None
    spent_today: float | None = None
    spent_in_all: float | None = None
