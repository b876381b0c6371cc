"""How long tasks take, when one is polled, and how full its bar is."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_jupyter.domain.duration_model import (
    BIN_TASKS,
    EARLY_POLLS,
    FULLEST,
    HALF_LIFE,
    KEPT,
    LONGEST_FAULT_PAUSE,
    LONGEST_PAUSE,
    REQUEST_COST,
    SHORTEST_PAUSE,
    TRUSTED_AFTER,
    DurationModel,
    fit,
    pause_after_faults,
    prior,
)
from luma_jupyter.domain.vocabulary import PROVIDERS, Provider

EVEN = DurationModel(((0.0, 0.0), (30.0, 0.0), (120.0, 0.999)), delay=1.5)  # nothing before 30 s, nearly all by 120


def polls_of(model: DurationModel, until: float = 900.0) -> list[float]:
    """The polls of a task that never ends."""
    polls = [0.0]
    while polls[-1] < until:
        polls.append(model.next_poll(polls[-1]))
    return polls[1:]


def mean_delay(model: DurationModel, durations: list[float]) -> float:
    polls = polls_of(model, 2 * max(durations))
    return sum(next(poll for poll in polls if poll >= end) - end for end in durations) / len(durations)


def history(*seconds: float, count: int = 40, spread: float = 0.05, seed: int = 1) -> list[float]:
    """Durations around some values, newest first."""
    rng = random.Random(seed)
    return [rng.choice(seconds) * rng.gauss(1, spread) for _ in range(count)]


durations = st.lists(st.floats(0.0, 5000.0), max_size=120)
providers = st.sampled_from(PROVIDERS)


@pytest.mark.parametrize("provider", ["acedata", "runapi"])
def test_prior_polls_early(provider: Provider) -> None:
    """Refusals come early, so the first polls do; then hardly any before a video can be done, and many when it may."""
    polls = polls_of(prior(provider))
    assert polls[:4] == list(EARLY_POLLS)
    assert len([poll for poll in polls if 18 < poll < 30]) <= 1
    assert 15 <= len([poll for poll in polls if 30 <= poll < 120]) <= 60
    assert max(after - before for before, after in pairwise(polls[4:])) < 15


@pytest.mark.parametrize(("elapsed", "planned"), [(0.4, 1), (0.6, 3), (1.9, 3), (2.1, 8), (5.4, 8)])
def test_early_poll_counts_as_made_from_half_way_on(elapsed: float, planned: float) -> None:
    """A poll that was made along with another task's takes the place of the planned one that is nearer to it."""
    assert prior("acedata").next_poll(elapsed) == planned


def test_polls_are_dense_where_ends_are_likely() -> None:
    """With the hazard rate rises the density of polls; where nothing ever ends there is none."""
    polls = polls_of(EVEN, 119)
    assert polls[0] > 30
    pauses = [after - before for before, after in pairwise(polls)]
    assert pauses == sorted(pauses, reverse=True)


def test_polls_back_off_in_the_tail() -> None:
    """Who is still running long after all others is polled ever more rarely, but at least every two minutes."""
    polls = polls_of(fit(prior("acedata"), history(75)), 100_000)
    late = [round(after - before, 6) for before, after in pairwise(polls) if before > 400]
    assert late == sorted(late)
    assert late[0] < 30
    assert late[-1] == LONGEST_PAUSE


def test_tasks_that_share_a_request_are_polled_more_often() -> None:
    """The more tasks pay for a request, the sooner the next one comes, up to a bound."""
    pauses = [EVEN.next_poll(60, together) - 60 for together in (1, 2, 10, 50, 1_000_000)]
    assert pauses == sorted(pauses, reverse=True)
    assert EVEN.next_poll(60) - 60 == pauses[0]
    assert pauses[-1] / pauses[0] == pytest.approx(math.sqrt(1 - REQUEST_COST), rel=0.02)


@pytest.mark.parametrize("together", [1, 50])
def test_early_polls_are_made_once_however_many_share_them(together: int) -> None:
    """Early polls come at their times also where many tasks share them, and are over with the last one."""
    model = prior("acedata")
    polls = [0.0]
    while model.polls_early(polls[-1]):
        polls.append(model.next_poll(polls[-1], together))
    assert polls[1:4] == list(EARLY_POLLS[:3])
    assert polls[4] == pytest.approx(EARLY_POLLS[3], abs=0.3)
    assert not fit(model, history(75)).polls_early(0.0)


@pytest.mark.parametrize("delay", [0.5, 1.5, 4.0])
def test_mean_delay_is_the_one_asked_for(delay: float) -> None:
    """The polls of a model are as many as it takes to see its ends so many seconds late, on average."""
    ends = [30 + 90 * (number + 0.5) / 500 for number in range(500)]
    assert mean_delay(DurationModel(EVEN.knots, delay), ends) == pytest.approx(delay, rel=0.15)


def test_fitted_model_needs_few_polls() -> None:
    """After forty tasks that took about 75 s, the next is left alone for most of the time, and is seen soon after."""
    model = fit(prior("acedata"), history(75))
    polls = polls_of(model)
    ends = history(75, count=300, seed=2)
    assert polls[0] > 50
    assert len([poll for poll in polls if poll < 75]) <= 6
    assert mean_delay(model, ends) < 1.6


def test_fitted_model_of_two_kinds_of_tasks_polls_around_both() -> None:
    """Where some take 40 s and some 110 s, there are polls around both, and few between."""
    polls = polls_of(fit(prior("acedata"), history(40, 110, count=60)))
    count = [len([poll for poll in polls if start <= poll < start + 16]) for start in (32, 64, 102)]
    assert count[1] <= min(count[0], count[2]) / 2


def test_fit_is_not_spoilt_by_outliers() -> None:
    """Two wild durations among forty change neither the typical time nor the polls around it by much."""
    clean = fit(prior("acedata"), history(75, count=38))
    wild = fit(prior("acedata"), [5000.0, *history(75, count=38), 4000.0])
    assert wild.typical == pytest.approx(clean.typical, rel=0.03)
    around = [len([poll for poll in polls_of(model) if 60 < poll < 90]) for model in (clean, wild)]
    assert around[1] == pytest.approx(around[0], abs=3)
    assert mean_delay(wild, history(75, count=300, seed=2)) < 2


def test_fit_counts_recent_tasks_more() -> None:
    """When a service has become slower, the model follows within some ended tasks, and the old ones fade."""
    believed = prior("acedata")
    old, new = history(40, count=KEPT), history(100, count=KEPT)
    typical = [fit(believed, [*new[:count], *old]).typical for count in (0, HALF_LIFE // 2, HALF_LIFE * 3 // 2)]
    assert typical[0] == pytest.approx(40, rel=0.1)
    assert typical[2] == pytest.approx(100, rel=0.1)
    assert typical[0] < typical[1] < typical[2]
    assert fit(believed, [*new, *old]) == fit(believed, new)


@pytest.mark.parametrize("count", [0, 1, TRUSTED_AFTER - 1, TRUSTED_AFTER])
def test_early_polls_end_when_enough_is_known(count: int) -> None:
    """Until twenty tasks have ended, refusals are polled early; a model of one task is none."""
    model = fit(prior("acedata"), history(75, count=count))
    assert (model.early == EARLY_POLLS) is (count < TRUSTED_AFTER)
    assert (model == prior("acedata")) is (count < 2)


def test_fit_of_equal_durations_can_be_worked_with() -> None:
    """A service that takes the same time to the millisecond gives a model that can be worked with."""
    model = fit(prior("runapi"), [60.0] * KEPT)
    polls = polls_of(model, 300)
    assert model.typical == pytest.approx(60, rel=0.05)
    assert min(after - before for before, after in pairwise(polls)) >= SHORTEST_PAUSE - 1e-9
    assert mean_delay(model, [60.0]) < 3


@given(providers, durations)
def test_fit_of_any_durations_is_a_model(provider: Provider, seen: list[float]) -> None:
    """Whatever was seen, shares start at 0, never fall and never reach 1; knots go forward; polls come and go on."""
    model = fit(prior(provider), seen)
    times = [time for time, _ in model.knots]
    shares = [model.share(time) for time in (*times, *(times[-1] * factor for factor in (1.5, 10, 1000)))]
    assert model.knots[0] == (0.0, 0.0)
    assert all(before < after for before, after in pairwise(times))
    assert shares == sorted(shares)
    assert 0 <= shares[-1] < 1
    assert model.typical > 0
    elapsed = 0.0
    for _ in range(300):
        poll = model.next_poll(elapsed)
        assert SHORTEST_PAUSE - 1e-6 <= poll - elapsed <= LONGEST_PAUSE + 1e-6
        elapsed = poll


@given(providers, durations, st.floats(-10, 1e5), st.floats(0, 1e4))
def test_progress_never_falls_and_is_never_full(
    provider: Provider, seen: list[float], elapsed: float, more: float
) -> None:
    """Whatever the model, the bar starts empty, only grows, and is not full before the end is known."""
    model = fit(prior(provider), seen)
    assert model.progress(0) == model.progress(-1) == 0
    assert model.progress(elapsed) <= model.progress(elapsed + more) <= FULLEST
    assert [share for _, share in model.curve] == sorted(share for _, share in model.curve)


def test_progress_moves_from_the_start_and_is_the_share_of_ended_tasks_from_the_typical_time() -> None:
    """Until the typical time, when it is half full, it goes evenly: before the first end nothing else would move."""
    model = fit(prior("acedata"), history(75, count=KEPT))
    assert model.progress(model.typical) == pytest.approx(0.5)
    assert model.share(50) < 0.1
    assert model.progress(50) == pytest.approx(25 / model.typical)
    assert model.progress(1) == pytest.approx(0.5 / model.typical)
    assert model.progress(80) == model.share(80) > 0.5
    assert EVEN.progress(75) == pytest.approx(0.4995, abs=0.001)
    for seconds, share in model.curve:
        assert share == pytest.approx(model.progress(seconds), abs=0.01)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 6.0, 100.0])
def test_prior_of_the_demo_follows_its_setting(seconds: float) -> None:
    """What is expected of the demo service follows its setting; of the real ones, their documentation."""
    model = prior("demo", seconds)
    assert model.typical == pytest.approx(max(seconds, 0.5), rel=0.1)
    assert mean_delay(model, [1.3 + seconds]) < 0.6
    assert [round(prior(provider).typical, -1) for provider in ("acedata", "runapi")] == [80, 80]


def test_model_with_a_heavy_tail_has_a_typical_time() -> None:
    """A model of which less than half has ended at its last knot still has a typical time, further out."""
    model = DurationModel(((0.0, 0.0), (100.0, 0.2)), delay=2.0)
    assert model.share(model.typical) == pytest.approx(0.5)


def test_fit_has_some_tasks_in_each_bin() -> None:
    """The more tasks have ended, the finer the model; but no bin rests on less than a few of them."""
    known = len(prior("acedata").knots)
    for count in (20, 50, KEPT):
        bins = len(fit(prior("acedata"), history(75, count=count)).knots) - known
        assert count / BIN_TASKS / 2 < bins < count / BIN_TASKS + 4


def test_pause_after_faults_grows_and_is_bounded() -> None:
    """A failing service is left alone twice as long after each failure, but never for longer than a minute."""
    pauses = [pause_after_faults(faults) for faults in (1, 2, 3, 4, 5, 6, 7, 10_000)]
    assert pauses == [2, 4, 8, 16, 32, LONGEST_FAULT_PAUSE, LONGEST_FAULT_PAUSE, LONGEST_FAULT_PAUSE]
