"""Amounts of money as people read them."""

from __future__ import annotations

import pytest

from luma_jupyter.domain.money import Balance, Billing, Charge, Price, Quote, dollars


@pytest.mark.parametrize(
    ("amount", "text"), [(0.0, "$0.00"), (0.5, "$0.50"), (0.1 + 0.2, "$0.30"), (1234.5, "$1234.50")]
)
def test_amount_is_shown_in_dollars_and_cents(amount: float, text: str) -> None:
    """Amounts are shown in dollars and cents."""
    assert dollars(amount) == text


def test_price_says_where_it_is_known_from() -> None:
    """A price has its basis beside it; one that nobody knows is nothing but that."""
    assert str(Price(0.5, "quoted")) == "$0.50 (quoted)"
    assert str(Price(None, "no quote yet")) == "no quote yet"


def test_price_that_may_be_less_says_so() -> None:
    """An upper bound is shown as one; a price that nobody knows has none."""
    assert str(Price(0.35, "quoted", up_to=True)) == "up to $0.35 (quoted)"
    assert str(Price(None, "no quote yet", up_to=True)) == "no quote yet"


def test_amounts_are_unknown_unless_said() -> None:
    """What a service does not say is None, and neither zero nor a bound."""
    assert Balance(1.0) == Balance(1.0, None, None, None, None, up_to=False)
    assert Charge(12.0) == Charge(12.0, None, up_to=False)
    assert Billing() == Billing(None, None, None)
    assert Quote(0.3) == Quote(0.3, up_to=False)
