"""Many kernels on one home folder; `tests.benchmarks.kernels` makes more of them, and measures."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.benchmarks.kernels import prompts, run_kernels

KERNELS, CLIPS = 6, 5


@pytest.mark.slow
def test_many_kernels_at_once_pay_for_each_request_once() -> None:
    """Processes that make clips at the same time meet no locked journal; what all ask for is paid for once."""
    found = run_kernels(KERNELS, CLIPS, seconds=(0.1, 0.5))
    asked = {prompt for kernel in range(KERNELS) for prompt in prompts(kernel, CLIPS)}
    assert found.errors == []
    assert found.statuses == ["completed"] * KERNELS * CLIPS
    assert Counter(found.paid) == Counter(asked)
