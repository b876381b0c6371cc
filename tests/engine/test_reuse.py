"""Which earlier task answers a request: the whole table."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.reuse import choose_reusable
from tests.support.entries import an_entry
from tests.support.fake_service import VIDEO
from tests.support.world import EPOCH

WANTED: list[Provider | None] = ["acedata", "demo", None]


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("provider", ["acedata", "demo"])
@pytest.mark.parametrize("file", [True, False], ids=["with file", "without file"])
def test_choose_reusable_answers_with_real_clips_before_demo(
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
    assert choose_reusable([entry], wanted) == (entry if expected else None)


@pytest.mark.parametrize("wanted", WANTED)
def test_choose_reusable_prefers_real_then_newest(tmp_path: Path, wanted: Provider | None) -> None:
    """Real before demo, then the newest; what came to nothing does not hide what is there."""
    path = tmp_path / "a.mp4"
    path.write_bytes(VIDEO)
    old = an_entry(Status.COMPLETED, created_at=EPOCH - 9)
    new = an_entry(Status.RUNNING, created_at=EPOCH - 8)
    demo = an_entry(Status.COMPLETED, "demo", created_at=EPOCH, there=path)
    failed = an_entry(Status.FAILED, created_at=EPOCH + 1)
    for entries in ([old, new, demo, failed], [failed, demo, new, old]):
        assert choose_reusable(entries, wanted) == new
    assert choose_reusable([failed], wanted) is None
    assert choose_reusable([], wanted) is None
    assert choose_reusable([demo, failed], wanted) == (demo if wanted == "demo" else None)
