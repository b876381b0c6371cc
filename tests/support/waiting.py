"""Waiting for what another thread or process makes true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(ask: Callable[[], T], timeout: float = 20.0) -> T:
    """Ask again and again until the answer is truthy, and return it. Raises TimeoutError."""
    deadline = time.monotonic() + timeout
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.002)
    return answer
