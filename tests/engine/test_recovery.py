"""What an earlier entry means now: the whole table of how it stands, and of which one answers a request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.recovery import find_reusable, recovered
from luma_jupyter.engine.store.journal import Entry
from luma_jupyter.errors import ClipCancelled, ClipDetached, ClipFailed, ClipUnconfirmed
from tests.support.fake_service import VIDEO
from tests.support.world import EPOCH

DEMO_URL = "http://127.0.0.1:5000"


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


@pytest.mark.parametrize(
    ("entry", "status", "error"),
    [
        (an_entry(Status.QUEUED), Status.CANCELLED, ClipCancelled),
        (an_entry(Status.SUBMITTING), Status.CANCELLED, ClipCancelled),
        (an_entry(Status.SUBMITTING, sent_at=EPOCH), Status.UNCONFIRMED, ClipUnconfirmed),
        (an_entry(Status.RUNNING, sent_at=EPOCH, task_id="t"), Status.DETACHED, ClipDetached),
        (an_entry(Status.SAVING, sent_at=EPOCH, task_id="t"), Status.DETACHED, ClipDetached),
        (an_entry(Status.COMPLETED, sent_at=EPOCH, task_id="t"), Status.COMPLETED, None),
        (an_entry(Status.FAILED), Status.FAILED, None),
        (an_entry(Status.CANCELLED), Status.CANCELLED, None),
        (an_entry(Status.UNCONFIRMED, sent_at=EPOCH), Status.UNCONFIRMED, None),
        (an_entry(Status.DETACHED, sent_at=EPOCH, task_id="t"), Status.DETACHED, None),
        (an_entry(Status.QUEUED, "demo"), Status.CANCELLED, ClipCancelled),
        (an_entry(Status.RUNNING, "demo", base_url="http://127.0.0.1:1", task_id="t"), Status.FAILED, ClipFailed),
        (an_entry(Status.DETACHED, "demo", base_url="http://127.0.0.1:1", task_id="t"), Status.FAILED, ClipFailed),
        (an_entry(Status.UNCONFIRMED, "demo", base_url="http://127.0.0.1:1", sent_at=EPOCH), Status.FAILED, ClipFailed),
        (an_entry(Status.COMPLETED, "demo", base_url="http://127.0.0.1:1"), Status.COMPLETED, None),
        (an_entry(Status.RUNNING, "demo", base_url=DEMO_URL, task_id="t"), Status.DETACHED, ClipDetached),
        (an_entry(Status.DETACHED, "demo", base_url=DEMO_URL, task_id="t"), Status.DETACHED, None),
        (an_entry(Status.UNCONFIRMED, "demo", base_url=DEMO_URL, sent_at=EPOCH), Status.UNCONFIRMED, None),
    ],
)
def test_recovered_entry_stands_as_far_as_it_came(entry: Entry, status: Status, error: type[Exception] | None) -> None:
    """What can be followed is detached, what was sent is in doubt, what never left is cancelled; a demo's is over."""
    found = recovered(entry, DEMO_URL).task
    assert found.status is status
    assert type(found.error) is (error or type(None))
    alive = replace(entry, owner="someone", alive=True)
    assert recovered(alive, DEMO_URL) == alive


WANTED: list[Provider | None] = ["acedata", "demo", None]


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("provider", ["acedata", "demo"])
@pytest.mark.parametrize("file", [True, False], ids=["with file", "without file"])
def test_find_reusable_answers_with_real_clips_before_demo(
    tmp_path: Path, wanted: Provider | None, status: Status, provider: Provider, file: bool
) -> None:
    """A real clip answers any request, unless it came to nothing; a demo clip only one that would go to demo.

    A demo clip without its file is none: its service is gone, and making it anew is free.
    """
    path = tmp_path / "a.mp4"
    path.write_bytes(VIDEO)
    entry = an_entry(status, provider, there=path if file else tmp_path / "gone.mp4")
    nothing = status in (Status.FAILED, Status.CANCELLED)
    simulated = provider == "demo"
    expected = not nothing and (not simulated or (wanted == "demo" and (file or status is not Status.COMPLETED)))
    assert find_reusable([entry], wanted) == (entry if expected else None)


@pytest.mark.parametrize("wanted", WANTED)
def test_find_reusable_prefers_real_then_newest(tmp_path: Path, wanted: Provider | None) -> None:
    """Real before demo, then the newest; what came to nothing does not hide what is there."""
    path = tmp_path / "a.mp4"
    path.write_bytes(VIDEO)
    old = an_entry(Status.COMPLETED, created_at=EPOCH - 9)
    new = an_entry(Status.RUNNING, created_at=EPOCH - 8)
    demo = an_entry(Status.COMPLETED, "demo", created_at=EPOCH, there=path)
    failed = an_entry(Status.FAILED, created_at=EPOCH + 1)
    for entries in ([old, new, demo, failed], [failed, demo, new, old]):
        assert find_reusable(entries, wanted) == new
    assert find_reusable([failed], wanted) is None
    assert find_reusable([], wanted) is None
    assert find_reusable([demo, failed], wanted) == (demo if wanted == "demo" else None)
