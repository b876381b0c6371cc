"""When a task is looked at, and how full its bar is."""

from __future__ import annotations

from itertools import pairwise

import pytest

from luma_jupyter.engine.schedule import (
    LONGEST_PAUSE,
    STEADY_INTERVAL,
    next_look,
    pause_after_faults,
    progress,
    progress_curve,
)


def test_looks_come_early_and_then_steadily() -> None:
    """A task is looked at after 1, 3, 8 and 18 seconds, then every ten seconds for as long as it takes."""
    looks = [next_look(0.0)]
    while looks[-1] < 900:
        looks.append(next_look(looks[-1]))
    assert looks[:6] == [1, 3, 8, 18, 28, 38]
    assert {after - before for before, after in pairwise(looks[3:])} == {STEADY_INTERVAL}


@pytest.mark.parametrize(("elapsed", "planned"), [(0.4, 1), (0.6, 3), (1.2, 3), (2.6, 8), (17.4, 18), (17.6, 27.6)])
def test_a_look_that_came_a_little_early_counts(elapsed: float, planned: float) -> None:
    """A look that was made early to share a batch takes the place of the planned one, instead of adding to it."""
    assert next_look(elapsed) == pytest.approx(planned)


def test_pauses_grow_and_are_bounded() -> None:
    """A failing service is left alone twice as long after each failure, but never for longer than a minute."""
    pauses = [pause_after_faults(faults) for faults in (1, 2, 3, 4, 5, 6, 7, 10_000)]
    assert pauses == [2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


@pytest.mark.parametrize("typical", [0.0, 6.0, 90.0])
def test_the_bar_never_falls_and_is_never_full(typical: float) -> None:
    """Whatever the typical time, the bar starts empty, only grows, and is not full before the end is known."""
    shares = [progress(seconds / 2, typical) for seconds in range(-2, 4000)]
    assert shares == sorted(shares)
    assert shares[0] == shares[2] == 0
    assert 0.95 < shares[-1] < 1


def test_the_bar_follows_its_curve() -> None:
    """The share at each corner of the curve is the curve's own, and a task of typical length is nearly done."""
    curve = progress_curve(90)
    assert [progress(seconds, 90) for seconds, _ in curve] == pytest.approx([share for _, share in curve])
    assert progress(45, 90) == pytest.approx(progress(90, 90) / 2)
    assert progress(90, 90) == pytest.approx(0.85)
