"""Chance in pauses, which leaves a notebook's own random numbers alone."""

from __future__ import annotations

from luma_jupyter.jitter import jitter


def test_jitter_differs_from_time_to_time() -> None:
    """It is a number from 0 to 1, by chance."""
    numbers = {jitter() for _ in range(100)}
    assert len(numbers) > 90
    assert 0 <= min(numbers) <= max(numbers) <= 1
