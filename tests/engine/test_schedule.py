"""How long tasks take, when one is looked at, and how full its bar is."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_jupyter.choices import PROVIDERS, Provider
from luma_jupyter.engine.schedule import (
    BIN_TASKS,
    EARLY_LOOKS,
    FULLEST,
    HALF_LIFE,
    KEPT,
    KNOWN_LAW,
    LONGEST_FAULT_PAUSE,
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    Law,
    learned,
    pause_after_faults,
    prior,
)

EVEN = Law(((0.0, 0.0), (30.0, 0.0), (120.0, 0.999)), delay=1.5)  # nothing before 30 s, nearly all by 120


def looks_of(law: Law, until: float = 900.0) -> list[float]:
    """The looks at a task that never ends."""
    looks = [0.0]
    while looks[-1] < until:
        looks.append(law.next_look(looks[-1]))
    return looks[1:]


def mean_delay(law: Law, durations: list[float]) -> float:
    looks = looks_of(law, 2 * max(durations))
    return sum(next(look for look in looks if look >= end) - end for end in durations) / len(durations)


def history(*seconds: float, count: int = 40, spread: float = 0.05, seed: int = 1) -> list[float]:
    """Durations around some values, newest first."""
    rng = random.Random(seed)
    return [rng.choice(seconds) * rng.gauss(1, spread) for _ in range(count)]


durations = st.lists(st.floats(0.0, 5000.0), max_size=120)
providers = st.sampled_from(PROVIDERS)


@pytest.mark.parametrize("provider", ["acedata", "runapi"])
def test_looks_come_early_where_nothing_is_known(provider: Provider) -> None:
    """Refusals come early, so the first looks do; then hardly any before a video can be done, and many when it may."""
    looks = looks_of(prior(provider))
    assert looks[:4] == list(EARLY_LOOKS)
    assert len([look for look in looks if 18 < look < 30]) <= 1
    assert 15 <= len([look for look in looks if 30 <= look < 120]) <= 60
    assert max(after - before for before, after in pairwise(looks[4:])) < 15


@pytest.mark.parametrize(("elapsed", "planned"), [(0.4, 1), (0.6, 3), (1.9, 3), (2.1, 8), (5.4, 8)])
def test_half_way_to_an_early_look_it_counts_as_made(elapsed: float, planned: float) -> None:
    """A look that was made along with another task's takes the place of the planned one that is nearer to it."""
    assert prior("acedata").next_look(elapsed) == planned


def test_looks_are_dense_where_ends_are_likely() -> None:
    """With the hazard rate rises the density of looks; where nothing ever ends there is none."""
    looks = looks_of(EVEN, 119)
    assert looks[0] > 30
    pauses = [after - before for before, after in pairwise(looks)]
    assert pauses == sorted(pauses, reverse=True)


def test_the_tail_backs_off() -> None:
    """Who is still running long after all others is looked at ever more rarely, but at least every two minutes."""
    looks = looks_of(learned(prior("acedata"), history(75)), 100_000)
    late = [round(after - before, 6) for before, after in pairwise(looks) if before > 400]
    assert late == sorted(late)
    assert late[0] < 30
    assert late[-1] == LONGEST_PAUSE


@pytest.mark.parametrize("delay", [0.5, 1.5, 4.0])
def test_the_mean_delay_is_the_one_asked_for(delay: float) -> None:
    """The looks of a law are as many as it takes to see its ends so many seconds late, on average."""
    ends = [30 + 90 * (number + 0.5) / 500 for number in range(500)]
    assert mean_delay(Law(EVEN.knots, delay), ends) == pytest.approx(delay, rel=0.15)


def test_a_learned_law_needs_few_looks() -> None:
    """After forty tasks that took about 75 s, the next is left alone for most of the time, and is seen soon after."""
    law = learned(prior("acedata"), history(75))
    looks = looks_of(law)
    ends = history(75, count=300, seed=2)
    assert looks[0] > 50
    assert len([look for look in looks if look < 75]) <= 6
    assert mean_delay(law, ends) < 1.6


def test_two_kinds_of_tasks_are_both_waited_for() -> None:
    """Where some take 40 s and some 110 s, there are looks around both, and few between."""
    looks = looks_of(learned(prior("acedata"), history(40, 110, count=60)))
    count = [len([look for look in looks if start <= look < start + 16]) for start in (32, 64, 102)]
    assert count[1] <= min(count[0], count[2]) / 2


def test_outliers_do_not_spoil_a_law() -> None:
    """Two wild durations among forty change neither the typical time nor the looks around it by much."""
    clean = learned(prior("acedata"), history(75, count=38))
    wild = learned(prior("acedata"), [5000.0, *history(75, count=38), 4000.0])
    assert wild.typical == pytest.approx(clean.typical, rel=0.03)
    around = [len([look for look in looks_of(law) if 60 < look < 90]) for law in (clean, wild)]
    assert around[1] == pytest.approx(around[0], abs=3)
    assert mean_delay(wild, history(75, count=300, seed=2)) < 2


def test_recent_tasks_count_more() -> None:
    """When a service has become slower, the law follows within some ended tasks, and the old ones fade."""
    believed = prior("acedata")
    old, new = history(40, count=KEPT), history(100, count=KEPT)
    typical = [learned(believed, [*new[:count], *old]).typical for count in (0, HALF_LIFE // 2, HALF_LIFE * 3 // 2)]
    assert typical[0] == pytest.approx(40, rel=0.1)
    assert typical[2] == pytest.approx(100, rel=0.1)
    assert typical[0] < typical[1] < typical[2]
    assert learned(believed, [*new, *old]) == learned(believed, new)


@pytest.mark.parametrize("count", [0, 1, KNOWN_LAW - 1, KNOWN_LAW])
def test_early_looks_end_when_enough_is_known(count: int) -> None:
    """Until twenty tasks have ended, refusals are looked for early; a law of one task is none."""
    law = learned(prior("acedata"), history(75, count=count))
    assert (law.early == EARLY_LOOKS) is (count < KNOWN_LAW)
    assert (law == prior("acedata")) is (count < 2)


def test_equal_durations_are_a_law_too() -> None:
    """A service that takes the same time to the millisecond gives a law that can be worked with."""
    law = learned(prior("runapi"), [60.0] * KEPT)
    looks = looks_of(law, 300)
    assert law.typical == pytest.approx(60, rel=0.05)
    assert min(after - before for before, after in pairwise(looks)) >= SHORTEST_PAUSE - 1e-9
    assert mean_delay(law, [60.0]) < 3


@given(providers, durations)
def test_every_law_is_one(provider: Provider, seen: list[float]) -> None:
    """Whatever was seen, shares start at 0, never fall and never reach 1; knots go forward; looks come and go on."""
    law = learned(prior(provider), seen)
    times = [time for time, _ in law.knots]
    shares = [law.share(time) for time in (*times, *(times[-1] * factor for factor in (1.5, 10, 1000)))]
    assert law.knots[0] == (0.0, 0.0)
    assert all(before < after for before, after in pairwise(times))
    assert shares == sorted(shares)
    assert 0 <= shares[-1] < 1
    assert law.typical > 0
    elapsed = 0.0
    for _ in range(300):
        look = law.next_look(elapsed)
        assert SHORTEST_PAUSE - 1e-6 <= look - elapsed <= LONGEST_PAUSE + 1e-6
        elapsed = look


@given(providers, durations, st.floats(-10, 1e5), st.floats(0, 1e4))
def test_the_bar_never_falls_and_is_never_full(
    provider: Provider, seen: list[float], elapsed: float, more: float
) -> None:
    """Whatever the law, the bar starts empty, only grows, and is not full before the end is known."""
    law = learned(prior(provider), seen)
    assert law.progress(0) == law.progress(-1) == 0
    assert law.progress(elapsed) <= law.progress(elapsed + more) <= FULLEST
    assert [share for _, share in law.curve] == sorted(share for _, share in law.curve)


def test_the_bar_tells_how_many_would_have_ended() -> None:
    """The bar is the share of tasks that have ended by then; at the typical time it is half full."""
    law = learned(prior("acedata"), history(75, count=KEPT))
    assert law.progress(law.typical) == pytest.approx(0.5)
    assert law.progress(50) < 0.1
    assert law.progress(100) > 0.9
    assert EVEN.progress(75) == pytest.approx(0.4995)
    for seconds, share in law.curve:
        assert share == pytest.approx(law.progress(seconds), abs=0.01)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 6.0, 100.0])
def test_the_demo_takes_as_long_as_it_is_set_to(seconds: float) -> None:
    """What is expected of the demo service follows its setting; of the real ones, their documentation."""
    law = prior("demo", seconds)
    assert law.typical == pytest.approx(max(seconds, 0.5), rel=0.1)
    assert mean_delay(law, [1.3 + seconds]) < 0.6
    assert [round(prior(provider).typical, -1) for provider in ("acedata", "runapi")] == [80, 80]


def test_a_heavy_tail_is_a_law() -> None:
    """A law of which less than half has ended at its last knot still has a typical time, further out."""
    law = Law(((0.0, 0.0), (100.0, 0.2)), delay=2.0)
    assert law.share(law.typical) == pytest.approx(0.5)


def test_bins_hold_some_tasks_each() -> None:
    """The more tasks have ended, the finer the law; but no bin rests on less than a few of them."""
    known = len(prior("acedata").knots)
    for count in (20, 50, KEPT):
        bins = len(learned(prior("acedata"), history(75, count=count)).knots) - known
        assert count / BIN_TASKS / 2 < bins < count / BIN_TASKS + 4


def test_pauses_grow_and_are_bounded() -> None:
    """A failing service is left alone twice as long after each failure, but never for longer than a minute."""
    pauses = [pause_after_faults(faults) for faults in (1, 2, 3, 4, 5, 6, 7, 10_000)]
    assert pauses == [2, 4, 8, 16, 32, LONGEST_FAULT_PAUSE, LONGEST_FAULT_PAUSE, LONGEST_FAULT_PAUSE]
