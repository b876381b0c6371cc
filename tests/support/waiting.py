"""Waiting for what another thread or process makes true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONGEST_STORY = 120.0  # seconds, on the busiest machine: a test that waits for longer fails


def until(ask: Callable[[], T], timeout: float = 20.0) -> T:
    """Ask again and again until the answer is truthy, and return it. Raises TimeoutError."""
    begun = time.monotonic()
    while not (answer := ask()):
        waited = time.monotonic() - begun
        if waited > timeout:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(min(max(0.002, waited / 20), 0.1))  # seldom where it takes long: others need the processor
    return answer
