"""When to look, for laws of all kinds, against fixed intervals and the best possible schedule; on a virtual clock.

Tasks come one after the other; each duration is learned as the poller learns it, exactly for AceDataCloud (which says
when a task began and ended), and to half the time between two looks for RunAPI.

Then tasks that run together, as one poller follows them.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import mean

from luma_jupyter.domain.duration_model import KEPT, DurationModel, fit, prior
from luma_jupyter.domain.vocabulary import Provider
from tests.benchmarks.laws import LAWS, drifting, wide
from tests.benchmarks.report import Report, save
from tests.support.polling import follow_together

TASKS = 600
INTERVALS: dict[Provider, float] = {"acedata": 3.0, "runapi": 2.0}  # of the vendors' own clients
KNOWN = "log-normal, median 60 s"
GRID = 500  # moments that the best schedule chooses from
SAMPLE = 4000
MOST_WASTE = 1.25
TOGETHER = (1, 10, 50, 200)  # tasks
SEEDS = 5
SUBMISSION = 0.05  # seconds that one takes, four at once
MOST_LOOKS, MOST_DELAY = 1 / 20, 0.9  # of the vendor's, for 50 tasks of AceDataCloud


def looks_of(law: DurationModel) -> Iterator[float]:
    """The looks at a task that never ends."""
    elapsed = 0.0
    while True:
        elapsed = law.next_poll(elapsed)
        yield elapsed


def seen(looks: Iterator[float], duration: float) -> tuple[int, float, float]:
    """How many looks a task took, how late its end was seen, and when it was last seen running."""
    before = 0.0
    for count, look in enumerate(looks, 1):
        if look >= duration:
            return count, look - duration, before
        before = look
    raise AssertionError("looks never end")


def fixed(interval: float) -> Iterator[float]:
    """The vendors' clients: at once, and then steadily."""
    look = 0.0
    while True:
        yield look
        look += interval


def durations(name: str) -> list[float]:
    """The durations of one law, the same for every client."""
    rng = random.Random(name)
    if name == "drifting":
        return [max(1.0, drifting(rng, number)) for number in range(TASKS)]
    return [max(1.0, LAWS[name](rng)) for _ in range(TASKS)]


def play(name: str, provider: Provider) -> tuple[list[int], list[float]]:
    """Follow the tasks of a law one by one, learning; the looks and the delay of each."""
    history: list[float] = []
    looks, delays = [], []
    for duration in durations(name):
        law = fit(prior(provider), history)
        count, delay, ran_at = seen(looks_of(law), duration)
        looks.append(count)
        delays.append(delay)
        known = duration if provider == "acedata" else (ran_at + duration + delay) / 2
        history = [known, *history[: KEPT - 1]]
    return looks, delays


def known_law(sample: Sequence[float], delay: float) -> DurationModel:
    """A law as if it were known: its quantiles, from a large sample."""
    ordered = sorted(sample)
    bins = 60
    knots = [(0.0, 0.0), (ordered[0] * 0.999, 0.0)]
    for index in range(1, bins + 1):
        knots.append((ordered[(len(ordered) - 1) * index // bins], 0.999 * index / bins))
    return DurationModel(tuple(knots), delay)


def best_cost(sample: Sequence[float], price: float) -> float:
    """The least that a schedule can cost, in seconds of delay, when a look costs ``price``: a dynamic programme.

    The schedule chooses its moments from a grid; V(i) is what is still to come after a look at moment i that found the
    task running, weighted by how many tasks do.
    """
    ordered = sorted(sample)
    step = ordered[-1] * 1.01 / GRID
    grid = [step * index for index in range(GRID + 1)]
    ended = [bisect_right(ordered, moment) for moment in grid]
    sums = [0.0]
    for duration in ordered:
        sums.append(sums[-1] + duration)
    value = [0.0] * (GRID + 1)
    for i in range(GRID - 1, -1, -1):
        running = len(ordered) - ended[i]
        if running:
            value[i] = min(
                price * running + grid[j] * (ended[j] - ended[i]) - (sums[ended[j]] - sums[ended[i]]) + value[j]
                for j in range(i + 1, GRID + 1)
            )
    return value[0] / len(ordered)


def cost_of(law: DurationModel, sample: Sequence[float], price: float) -> float:
    """What a law's schedule costs, in seconds of delay, when a look costs ``price``."""
    moments, looks = [], looks_of(law)
    while not moments or moments[-1] < max(sample):
        moments.append(next(looks))
    found = [bisect_left(moments, duration) for duration in sample]
    return mean(price * (index + 1) + moments[index] - duration for index, duration in zip(found, sample, strict=True))


def play_together(provider: Provider, tasks: int, seed: int) -> dict[str, float]:
    """Follow tasks of 30 to 120 s that were submitted one after the other, and as the vendor's client does."""
    rng = random.Random(f"{provider}, {tasks} together, {seed}")
    taken = [wide(rng) for _ in range(tasks)]
    batch_size = 50 if provider == "acedata" else 1
    service = follow_together(taken, prior(provider), batch_size=batch_size, pause=SUBMISSION)
    peers = [seen(fixed(INTERVALS[provider]), duration) for duration in taken]
    return {
        "looks": len(service.requests) / tasks,
        "looks every 3 or 2 s": mean(count for count, _, _ in peers),
        "mean delay (s)": mean(service.delays),
        "delay every 3 or 2 s (s)": mean(delay for _, delay, _ in peers),
    }


def run_together(report: Report) -> None:
    """Play tasks that run together, with several seeds, and keep what was promised."""
    rows = []
    for provider in INTERVALS:
        for tasks in TOGETHER:
            played = [play_together(provider, tasks, seed) for seed in range(SEEDS * max(TOGETHER) // tasks)]
            means = {name: mean(each[name] for each in played) for name in played[0]}
            rows.append({"service": provider, "tasks": tasks, "played": len(played), **means})
    report.table("Tasks of 30 to 120 s that run together", rows)
    for seed in range(SEEDS):
        row = play_together("acedata", 50, seed)
        looks = row["looks"] / row["looks every 3 or 2 s"]
        delay = row["mean delay (s)"] / row["delay every 3 or 2 s (s)"]
        report.check(f"acedata, 50 together, seed {seed}: looks", looks, MOST_LOOKS, "of the fixed interval's")
        report.check(f"acedata, 50 together, seed {seed}: delay", delay, MOST_DELAY, "of the fixed interval's")


def run(report: Report) -> None:
    """Play all laws for both services, and compare with the best schedule where the law is known."""
    run_together(report)
    rows = []
    for provider, interval in INTERVALS.items():
        for name in (*LAWS, "drifting"):
            looks, delays = play(name, provider)
            peers = [seen(fixed(interval), duration) for duration in durations(name)]
            theirs = mean(count for count, _, _ in peers), mean(delay for _, delay, _ in peers)
            late = slice(TASKS // 6, None)
            rows.append(
                {
                    "service": provider,
                    "law": name,
                    "looks": mean(looks),
                    "looks later on": mean(looks[late]),
                    "looks every 3 or 2 s": theirs[0],
                    "mean delay (s)": mean(delays),
                    "delay later on (s)": mean(delays[late]),
                    "delay every 3 or 2 s (s)": theirs[1],
                }
            )
            better = min(mean(looks) / theirs[0], mean(delays) / theirs[1])
            report.check(f"{provider}, {name}: the better of looks and delay", better, 1.0, "of the fixed interval's")
    report.table("Laws of all kinds, learned on the way", rows)
    waste = []
    for name in LAWS:
        rng = random.Random(f"{name}, known")
        sample = [max(1.0, LAWS[name](rng)) for _ in range(SAMPLE)]
        law = known_law(sample, prior("acedata").delay)
        price = 1 / (2 * law._factor**2)  # what a look must be worth for this density to be the best
        best = best_cost(sample, price)
        few = [fit(prior("acedata"), [max(1.0, LAWS[name](rng)) for _ in range(KEPT)]) for _ in range(5)]
        waste.append(
            {
                "law": name,
                "price of a look (s)": price,
                "best possible (s)": best,
                "law known": cost_of(law, sample, price) / best,
                f"law learned from {KEPT} tasks": mean(cost_of(each, sample, price) for each in few) / best,
            }
        )
    report.table("Cost of a schedule (delay, plus looks at their price), as a multiple of the best possible one", waste)
    known = next(row for row in waste if row["law"] == KNOWN)
    report.check(f"{KNOWN}, known: cost of the schedule", float(known["law known"]), MOST_WASTE, "of the best possible")
    _plot(report)


def _plot(report: Report) -> None:
    figure, axes = report.plot("laws")
    for row, name in enumerate(LAWS):
        rng = random.Random(name)
        law = fit(prior("acedata"), [max(1.0, LAWS[name](rng)) for _ in range(KEPT)])
        looks = []
        for look in looks_of(law):
            if look > 160:
                break
            looks.append(look)
        axes.eventplot(looks, lineoffsets=row, linelengths=0.7)
        assert all(before < after for before, after in pairwise(looks))
    axes.set(
        yticks=range(len(LAWS)),
        yticklabels=list(LAWS),
        xlabel="seconds since submission",
        title="When a task is looked at",
    )
    save(figure)
