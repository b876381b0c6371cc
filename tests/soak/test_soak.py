"""A kernel holds no more after some hundred clips than after the first hundred; `harness` makes ten thousand."""

from __future__ import annotations

import pytest

from tests.soak.harness import FIRST, Census, ForgetfulService, grown, soak
from tests.support.notebook import PromptService, Shell

pytestmark = pytest.mark.slow


@pytest.fixture
def service() -> PromptService:
    """Both services, played, which keep nothing of what is over."""
    return ForgetfulService()


def test_kernel_holds_no_more_after_many_clips(notebook: Shell) -> None:
    """Memory, descriptors, threads, comms, cards, handles, clips and runs stay as they are after the first clips."""
    first, last = soak(notebook, 4 * FIRST)
    assert (first.clips_made, last.clips_made) == (FIRST, 4 * FIRST)
    assert grown(first, last) == []


def test_soak_names_what_grows() -> None:
    """What a kernel holds more of is named with its numbers, memory with its bound."""
    first = Census(100, memory=60.0, descriptors=14, threads=3, comms=98, cards=49, handles=100, clips=100, runs=100)
    last = Census(900, memory=81.0, descriptors=14, threads=3, comms=900, cards=49, handles=110, clips=100, runs=100)
    assert grown(first, last) == ["comms: 98 → 900", "memory: 21.0 MB more, and 20 are allowed"]
    assert grown(first, first) == []
