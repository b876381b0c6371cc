"""When to look at a task next, and how far along it is: pure functions of the time that passed.

Refusals come early, so the first looks do; after that a steady interval. How long tasks take: AceDataCloud's
documentation says one to two minutes, RunAPI's 30 to 120 seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from luma_jupyter.models import Provider

EARLY_LOOKS = (1.0, 3.0, 8.0, 18.0)  # seconds after submission
STEADY_INTERVAL = 10.0  # seconds
MERGE_WINDOW = 1.0  # seconds; tasks due this close together share one look-up
LONGEST_PAUSE = 60.0  # seconds between looks while a service is failing

TYPICAL_SECONDS: dict[Provider, float] = {"acedata": 90.0, "runapi": 75.0}

# (multiple of the typical time, share of the bar): straight up to the typical time, then ever slower, never full.
_CURVE = ((0.0, 0.0), (1.0, 0.85), (2.0, 0.93), (4.0, 0.97), (10.0, 0.99))


def next_look(elapsed: float) -> float:
    """Seconds after submission at which a task is looked at next, when ``elapsed`` seconds have passed."""
    index = bisect_right(EARLY_LOOKS, elapsed + MERGE_WINDOW / 2)
    return EARLY_LOOKS[index] if index < len(EARLY_LOOKS) else elapsed + STEADY_INTERVAL


def pause_after_faults(faults: int) -> float:
    """Seconds to leave a service alone after ``faults`` look-ups in a row failed."""
    return min(LONGEST_PAUSE, 2.0 ** min(faults, 10))


def progress_curve(typical: float) -> tuple[tuple[float, float], ...]:
    """The bar as a polyline of (seconds, share from 0 to 1) for tasks that typically take ``typical`` seconds."""
    return tuple((multiple * max(typical, 0.1), share) for multiple, share in _CURVE)


def progress(elapsed: float, typical: float) -> float:
    """The share of the bar after ``elapsed`` seconds, from 0 to below 1; never falls."""
    curve = progress_curve(typical)
    for (x0, y0), (x1, y1) in pairwise(curve):
        if elapsed < x1:
            return y0 + (y1 - y0) * max(0.0, elapsed - x0) / (x1 - x0)
    return curve[-1][1]
