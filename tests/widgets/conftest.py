"""Fixtures for what lives in the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from luma_jupyter.display import environment
from luma_jupyter.views.host import Surroundings

Seen: TypeAlias = Callable[[Surroundings], None]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """A function that sets where the code runs."""
    return lambda surroundings: monkeypatch.setattr(environment, "detect_surroundings", lambda: surroundings)
