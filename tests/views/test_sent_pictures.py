"""The card shows the pictures that were sent, small; the table does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from luma_jupyter.domain.duration_model import prior
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.local_files import as_image
from luma_jupyter.views import table
from luma_jupyter.views.clip_html import final_html, waiting_html
from luma_jupyter.views.clip_state import ClipState


def noon() -> LocalFile:
    file = as_image("start_image", np.full((40, 60, 3), 99, np.uint8))
    assert isinstance(file, LocalFile)
    return replace(file, name='noon"><script>.png')


def state(status: Status, **images: LocalFile | str) -> ClipState:
    task = Task(
        intent="a" * 32,
        request=GenerateRequest(prompt="A fox", **images),  # type: ignore[arg-type]
        provider="acedata",
        status=status,
        created_at=0.0,
        filename="a-fox.mp4",
        media=Path("videos"),
        task_id="t",
        video=Video(url="https://example.com/v.mp4") if status is Status.COMPLETED else None,
    )
    return ClipState(task, "fox", 5.0, prior("acedata"))


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED, Status.FAILED])
def test_card_shows_what_was_sent(status: Status) -> None:
    """While it is made, when it is done, when it failed: each picture small, with words in its place, all escaped."""
    draw = final_html if status.ended else waiting_html
    picture = noon()
    html = draw(state(status, start_image=picture, end_image=picture))
    assert (
        html.count(f'<img src="{picture.preview}" alt="First frame, as it was sent: noon&quot;&gt;&lt;script&gt;.png"')
        == 1
    )
    assert html.count('alt="Last frame, as it was sent: ') == 1
    assert "<script>" not in html
    assert len(html) < 20_000


def test_card_without_previews_shows_none() -> None:
    """An address, a file of an older record, and a forged preview are shown by their names alone."""
    forged = replace(noon(), preview='data:image/jpeg;base64,x" onerror="alert(1)')
    for image in ("https://example.com/a.png", replace(noon(), preview=None), forged):
        html = final_html(state(Status.COMPLETED, start_image=image))
        assert "<img" not in html
        assert "onerror" not in html


def test_table_shows_no_pictures() -> None:
    """A row of many has no room for pictures."""
    assert "base64" not in str(table.live_row(state(Status.RUNNING, start_image=noon())))
