"""How long tasks take, and when it is worth polling one: pure functions of the seconds since its submission.

A `DurationModel` says which share of tasks has ended by when. From its hazard rate h(t), the rate at which tasks end
that have not ended yet, follows when to poll: n(t) = c·√h(t) polls a second cost least for what they save in delay, so
polls are rare while an end is improbable, dense where it is likely, and ever rarer in the tail. The next poll comes
where the integral of n has grown by one. (J. B. Keller, "Optimum checking schedules for systems subject to random
failure", Management Science 21, 1974, 256-260; the problem: R. E. Barlow, L. C. Hunter and F. Proschan, "Optimum
checking procedures", J. SIAM 11, 1963, 1078-1095.) The factor c is such that an end is seen `delay` seconds late on
average.

A model is fitted as a histogram with bins of equal mass, which neither an outlier nor a second mode spoils: bins are
narrow where durations lie close together. Little is known until 20 tasks have ended; until then refusals, which come
early, are polled for early.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from luma_jupyter.domain.vocabulary import Provider

EARLY_POLLS = (1.0, 3.0, 8.0, 18.0)  # seconds
SHORTEST_PAUSE = 0.25  # seconds between two polls of a task
LONGEST_PAUSE = 120.0  # seconds
LONGEST_FAULT_PAUSE = 60.0  # seconds between polls while a service is failing
FULLEST = 0.99  # a bar is never full before the end

TRUSTED_AFTER = 20  # ended tasks after which the fitted model is followed
KEPT = 100  # ended tasks that are remembered
HALF_LIFE = 30  # ended tasks after which one counts half
BIN_TASKS = 3  # ended tasks in a bin of the histogram
NARROWEST = 0.002  # a bin's width as a share of its time
BULK = 0.9  # the share of tasks whose delay counts; with the last ones, an outlier would cost all others polls
FEWEST = 2.0  # polls in which the bulk is seen, at least
# The request's share of what a poll of one task costs: half as much as each task that is asked for in it. So tasks that
# share their requests are polled by up to a quarter more often, and their ends seen by up to a fifth sooner (√2/3).
REQUEST_COST = 1 / 3

Knot = tuple[float, float]


@dataclass(frozen=True)
class DurationModel:
    """Which share of tasks has ended after how many seconds, as a polyline from (0, 0) to a last knot below 1.

    Beyond the last knot the share that still runs falls as 1/t. ``delay``: by how many seconds a poll may come too
    late, on average. ``early``: polls that are due whatever the model says, in seconds.
    """

    knots: tuple[Knot, ...]
    delay: float
    early: tuple[float, ...] = ()

    def share(self, elapsed: float) -> float:
        """The share of tasks that have ended after ``elapsed`` seconds, from 0 to below 1; never falls."""
        (last, ended) = self.knots[-1]
        if elapsed >= last:
            return 1 - (1 - ended) * last / elapsed
        if elapsed <= 0:
            return 0.0
        index = bisect_right(self._times, elapsed)
        (t0, f0), (t1, f1) = self.knots[index - 1], self.knots[index]
        return f0 + (f1 - f0) * (elapsed - t0) / (t1 - t0)

    def progress(self, elapsed: float) -> float:
        """How far along a task is that still runs, from 0 to `FULLEST`: the share of tasks that would have ended.

        Before the first end that is likely nothing would move: so at least it goes evenly to the half at `typical`.
        """
        evenly = min(max(elapsed, 0.0) / self.typical, 1.0) / 2
        return min(max(self.share(elapsed), evenly), FULLEST)

    @cached_property
    def curve(self) -> tuple[Knot, ...]:
        """`progress` as a polyline of (seconds, share), with some of the tail."""
        last = self.knots[-1][0]
        times = sorted({*self._times, self.typical, 1.5 * last, 3 * last, 8 * last})
        return tuple((round(t, 2), round(self.progress(t), 4)) for t in times)

    @cached_property
    def typical(self) -> float:
        """The time by which half of the tasks have ended, in seconds."""
        for (t0, f0), (t1, f1) in pairwise(self.knots):
            if f1 >= 0.5:
                return t0 + (t1 - t0) * (0.5 - f0) / (f1 - f0)
        last, ended = self.knots[-1]
        return last * (1 - ended) / 0.5

    def next_poll(self, elapsed: float, together: int = 1) -> float:
        """Seconds after submission at which a task is polled next that still runs after ``elapsed`` seconds.

        ``together``: how many tasks share the request. Half-way to an early poll, another task's request may have taken
        it along: then that poll was made.
        """
        cost = 1 - REQUEST_COST + REQUEST_COST / together  # as a share of what it costs alone; best is n ~ 1/√cost
        planned = self._time_of_poll(self._polls_until(elapsed) + math.sqrt(cost))
        halfway = ((before + poll) / 2 for before, poll in pairwise((0.0, *self.early)))
        early = (poll for poll, half in zip(self.early, halfway, strict=True) if elapsed < half)
        due = min(planned, next(early, math.inf))
        return min(max(due, elapsed + SHORTEST_PAUSE), elapsed + LONGEST_PAUSE)

    def polls_early(self, elapsed: float) -> bool:
        """Whether early polls are still to come."""
        return elapsed < max(self.early, default=0.0)

    # The integral of n, and its inverse. On a segment of the polyline the ending rate d is constant, and the share that
    # still runs goes from s0 to s1: ∫√h dt = ∫√(d/s) dt = 2(√s0 − √s1)/√d. In the tail h = 1/t, so it is 2(√t1 − √t0).

    def _polls_until(self, elapsed: float) -> float:
        """How many polls are worth their cost within ``elapsed`` seconds."""
        last = self.knots[-1][0]
        if elapsed >= last:
            return self._cumulative_polls[-1] + self._factor * 2 * (math.sqrt(elapsed) - math.sqrt(last))
        index = bisect_right(self._times, max(elapsed, 0.0)) - 1
        return self._cumulative_polls[index] + self._factor * _root_hazard(
            self.knots[index], (elapsed, self.share(elapsed))
        )

    def _time_of_poll(self, polls: float) -> float:
        """The time at which so many polls are due; infinite for a model that has no polls to give."""
        if polls >= self._cumulative_polls[-1]:
            return (math.sqrt(self.knots[-1][0]) + (polls - self._cumulative_polls[-1]) / (2 * self._factor)) ** 2
        index = bisect_right(self._cumulative_polls, polls) - 1
        (t0, f0), (t1, f1) = self.knots[index], self.knots[index + 1]
        rate = (f1 - f0) / (t1 - t0)
        root = math.sqrt(1 - f0) - (polls - self._cumulative_polls[index]) / self._factor * math.sqrt(rate) / 2
        return t0 + (1 - f0 - root * root) / rate

    @cached_property
    def _times(self) -> list[float]:
        return [t for t, _ in self.knots]

    @cached_property
    def _cumulative_polls(self) -> list[float]:
        return [0.0, *accumulate(self._factor * _root_hazard(*ends) for ends in pairwise(self.knots))]

    @cached_property
    def _factor(self) -> float:
        """c: with n = c·√h the mean delay is ∫ f/2n dt = ∫ √(f·s) dt / 2c; of the first `BULK` of all tasks.

        A model that is sharper than that would get no poll at all: it gets `FEWEST`.
        """
        segments = list(_until_bulk(self.knots))
        wanted = sum(_root_spread(*ends) for ends in segments) / (2 * self.delay * BULK)
        return max(wanted, FEWEST / sum(_root_hazard(*ends) for ends in segments))


def _root_hazard(start: Knot, end: Knot) -> float:
    """∫√h dt between two points of a segment."""
    (t0, f0), (t1, f1) = start, end
    return 2 * (math.sqrt(1 - f0) - math.sqrt(1 - f1)) / math.sqrt((f1 - f0) / (t1 - t0)) if f1 > f0 else 0.0


def _root_spread(start: Knot, end: Knot) -> float:
    """∫√(f·s) dt over a segment: 2/3 (s0^1.5 − s1^1.5)/√d."""
    (t0, f0), (t1, f1) = start, end
    return 2 / 3 * ((1 - f0) ** 1.5 - (1 - f1) ** 1.5) / math.sqrt((f1 - f0) / (t1 - t0)) if f1 > f0 else 0.0


def _until_bulk(knots: Sequence[Knot]) -> Iterator[tuple[Knot, Knot]]:
    """The segments, or their parts, in which the first `BULK` of all tasks end."""
    for (t0, f0), (t1, f1) in pairwise(knots):
        if f1 <= BULK:
            yield (t0, f0), (t1, f1)
        else:
            yield (t0, f0), (t0 + (t1 - t0) * (BULK - f0) / (f1 - f0), BULK)
            return


# Some are refused within seconds, most take 30 to 120 s (RunAPI's documentation; AceDataCloud's: one to two minutes),
# and of the rest nobody knows. The vendors' own clients poll every 3 and 2 s, so they are 1.5 and 1 s late on average.
_REAL = ((0.0, 0.0), (2.0, 0.015), (10.0, 0.03), (30.0, 0.04), (120.0, 0.94), (150.0, 0.96), (300.0, 0.985))
_PRIORS: dict[Provider, DurationModel] = {
    "acedata": DurationModel(_REAL, delay=1.5, early=EARLY_POLLS),
    "runapi": DurationModel(_REAL, delay=1.06, early=EARLY_POLLS),
    # A film, which tells itself how far it is: this is for bars of many clips.
    "local": DurationModel(((0.0, 0.0), (1.0, 0.3), (20.0, 0.9), (120.0, 0.98)), delay=1.0),
}
_DEMO_DELAY = 0.15  # seconds: it costs nobody anything


def prior(provider: Provider, demo_seconds: float = 6.0) -> DurationModel:
    """What is assumed of a service before any of its tasks has ended; the demo takes about ``demo_seconds``."""
    if provider != "demo":
        return _PRIORS[provider]
    # It spreads its tasks over 0.8 to 1.2 times that, and renders one after the other, a second or two each.
    s = max(demo_seconds, 0.5)
    return DurationModel(
        ((0.0, 0.0), (0.75 * s, 0.02), (1.2 * s, 0.85), (1.2 * s + 3, 0.95), (3 * s + 20, 0.98)), _DEMO_DELAY
    )


def fit(assumed: DurationModel, durations: Sequence[float]) -> DurationModel:
    """The model of tasks of which the last ones took ``durations`` (seconds, newest first); `assumed` where unknown.

    What was assumed counts ever less, and from `TRUSTED_AFTER` tasks on the early polls are left out.
    """
    kept = durations[:KEPT]
    if len(kept) < 2:
        return assumed
    weights = [0.5 ** (age / HALF_LIFE) for age in range(len(kept))]
    effective = sum(weights) ** 2 / sum(weight * weight for weight in weights)
    seen = _histogram(kept, weights, effective)
    doubt = TRUSTED_AFTER / (TRUSTED_AFTER + effective**2)
    times = sorted({t for model in (seen, assumed) for t in model._times})
    mixed = tuple((t, doubt * assumed.share(t) + (1 - doubt) * seen.share(t)) for t in times)
    return DurationModel(mixed, assumed.delay, assumed.early if len(kept) < TRUSTED_AFTER else ())


def _histogram(durations: Sequence[float], weights: Sequence[float], effective: float) -> DurationModel:
    """A model from weighted durations that count as ``effective`` equal ones: bins of equal mass, and some beyond."""
    pairs = sorted((max(duration, 0.1), weight) for duration, weight in zip(durations, weights, strict=True))
    outside = 1 / (effective + 1)  # the chance that the next one is below all, or above all, is half of this each
    total, passed = sum(weights), 0.0
    points: list[Knot] = []  # each duration with the share up to its middle
    for duration, weight in pairs:
        points.append((duration, outside / 2 + (1 - outside) * (passed + weight / 2) / total))
        passed += weight
    bins = max(2, round(len(pairs) / BIN_TASKS))
    (low, share), (high, most) = points[0], points[-1]
    margin = 2 * max(high - low, 0.1 * high) / bins
    knots: list[Knot] = [(0.0, 0.0), (max(low - margin, low / 2), 0.0)]
    quantile = _interpolation(points)
    for index in range(bins + 1):
        level = share + (most - share) * index / bins
        time = quantile(level)
        if time - knots[-1][0] < NARROWEST * time and index:  # a bin that has no width: its mass goes to the one before
            time = knots.pop()[0]
        knots.append((time, level))
    knots.append((knots[-1][0] + margin, most + 0.8 * (1 - most)))
    return DurationModel(tuple(knots), 1.0)


def _interpolation(points: Sequence[Knot]) -> Callable[[float], float]:
    """The duration at a level, along a line through ``points``."""
    levels = [level for _, level in points]

    def at(level: float) -> float:
        index = min(max(bisect_right(levels, level), 1), len(points) - 1)
        (t0, f0), (t1, f1) = points[index - 1], points[index]
        return t0 + (t1 - t0) * min(1.0, (level - f0) / (f1 - f0))

    return at


def pause_after_faults(faults: int) -> float:
    """Seconds to leave a service alone after ``faults`` polls in a row failed."""
    return min(LONGEST_FAULT_PAUSE, 2.0 ** min(faults, 10))
