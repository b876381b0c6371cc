"""Amounts of money as people read them."""

from __future__ import annotations

import pytest

from luma_jupyter.domain.money import Price, dollars


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
