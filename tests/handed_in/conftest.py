"""Fixtures for what is handed in: time that costs nothing."""

from __future__ import annotations

import pytest

from luma_jupyter.handed_in import notebook


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited for a notebook that is being saved; nothing really waits."""
    pauses: list[float] = []
    monkeypatch.setattr(notebook, "sleep", pauses.append)
    return pauses
