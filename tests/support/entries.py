"""Entries of the journal as an earlier kernel left them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.store.journal import Entry
from tests.support.world import EPOCH


def an_entry(status: Status, provider: Provider = "acedata", *, there: Path | None = None, **changes: Any) -> Entry:
    task = Task(
        intent="1" * 32,
        request=GenerateRequest(prompt="A red fox"),
        provider=provider,
        status=status,
        created_at=EPOCH,
        filename="a.mp4",
        path=there,
    )
    return Entry(task.evolve(**changes))
