"""Fixtures for the store: a journal in a home folder, and what the user was told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(autouse=True)
def _close_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened: some of it lies on file systems that tests invent."""
    made: list[Journal] = []
    begin = Journal.__init__

    def note(self: Journal, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(Journal, "__init__", note)
    yield
    for journal in made:
        journal.close()
