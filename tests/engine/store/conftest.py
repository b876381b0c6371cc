"""Fixtures for the store: a journal in a home folder, and what the user was told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.engine.store.journal import Journal
from tests.support.world import EPOCH


@pytest.fixture
def told() -> list[str]:
    """What the user was told of the file."""
    return []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "home"


@pytest.fixture
def journal(home: Path, told: list[str]) -> Journal:
    return Journal(home, clock=lambda: EPOCH, notify=told.append)
