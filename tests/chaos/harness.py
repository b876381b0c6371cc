"""Strikes kernels at random moments, and checks what the next kernel makes of what they left.

``python -m tests.chaos.harness [--killed 200] [--ended 200] [--frozen 200] [--seed 1]`` prints a table for each, and
exits with 1 where a promise was broken.

Each notebook has a service of its own. One to three of its kernels are killed (SIGKILL), or end in order, or are frozen
(SIGSTOP) until one of another machine with the same home has taken over, and thawed. Perhaps another one resumes, and
the last one is left alone. What must be true then, whatever the moments were (`promises`): one POST and one task at
most for each cell; `unconfirmed` is what was on its way to the service when a kernel was killed or frozen, and nothing
else; all else is completed, with a file that is the service's video to the byte; the journal is whole.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import get_args

from tests.chaos.life import STORIES, Blow, Deed, Effect
from tests.chaos.notebook import AtService, AtTime, Moment, Notebook, Phase, When
from tests.chaos.promises import faults, faults_at_the_end, faults_of_resuming
from tests.support.misbehaving import Kind

AT_ONCE = 2  # notebooks


@dataclass(frozen=True)
class Plan:
    """What is done to a notebook: some kernels are struck; then perhaps one resumes; then one runs all cells."""

    story: str
    blows: tuple[tuple[Deed, Moment], ...]
    resume: bool = False
    blow: Blow = "killed"

    def __str__(self) -> str:
        blows = "; ".join(f"{deed}, {self.blow} {moment}" for deed, moment in self.blows)
        return f"{self.story}: {blows}{'; resume' if self.resume else ''}"


@dataclass(frozen=True)
class Strike:
    """A blow, the phase of the clip that it struck, and what became of that: its last status."""

    blow: Blow
    moment: Moment
    phase: Phase
    outcome: str


@dataclass
class Result:
    """What came of a plan; ``problems`` are broken promises, ``tasks`` the most that were created for one cell."""

    plan: Plan
    strikes: list[Strike] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    tasks: int = 0


def perform(plan: Plan) -> Result:
    """Do to a notebook what the plan says, and check it after each step."""
    result = Result(plan)
    with Notebook(plan.story) as notebook:
        struck: list[tuple[Moment, str, Phase]] = []
        doubtful: set[str] = set()
        for deed, moment in plan.blows:
            phases = notebook.strike(plan.blow, deed, moment)
            result.problems += faults(notebook)
            struck.append((moment, *_struck(phases, doubtful)))
            doubtful |= {prompt for prompt, phase in notebook.phases().items() if phase == "in doubt"}
            if doubtful and plan.blow == "ended":
                result.problems.append(f"an orderly end left in doubt: {doubtful}")
        if plan.resume:
            before, posts = notebook.phases(), len(notebook.posts())
            result.problems += faults_of_resuming(notebook, before, posts, notebook.leave_alone("resume"))
        report = notebook.leave_alone("run all")
        result.problems += faults_at_the_end(notebook, report)
        ends = {end.prompt: end.status for end in report.ends}
        unconfirmed = {prompt for prompt, status in ends.items() if status == "unconfirmed"}
        if unconfirmed != doubtful:
            result.problems.append(f"unconfirmed are {unconfirmed}, in doubt after a blow were {doubtful}")
        later = [prompt for _, prompt, _ in struck[1:]]
        for number, (moment, prompt, phase) in enumerate(struck):
            outcome = "struck again" if prompt in later[number:] else ends[prompt]
            result.strikes.append(Strike(plan.blow, moment, phase, outcome))
        result.tasks = max(len(notebook.tasks(prompt)) for prompt in notebook.prompts)
    return result


def _struck(phases: Mapping[str, Phase], explained: set[str]) -> tuple[str, Phase]:
    """The clip that a blow struck: the first that had not ended. After an unconfirmed one, no other is begun."""
    for prompt, phase in phases.items():
        if prompt in explained:
            return prompt, "after a doubt"
        if phase != "done":
            return prompt, phase
    return prompt, "done"


def seconds_of(story: str) -> float:
    """How long a kernel takes that runs all cells of a story for the first time."""
    with Notebook(story) as notebook:
        notebook.leave_alone("resume")  # the first one waits until everything is imported
        begin = time.monotonic()
        notebook.leave_alone("run all")
        return time.monotonic() - begin


def random_plans(blows: int, seed: int, seconds: Mapping[str, float], blow: Blow = "killed") -> Iterator[Plan]:
    """Plans with so many blows in all; ``seconds``: how long each story takes."""
    chance = random.Random(seed)
    while blows > 0:
        story = chance.choice(["generate", "modify", "film", "film"])
        first: tuple[Deed, Moment] = ("run all", random_moment(chance, story, seconds[story]))
        more = chance.choice([0, 0, 0, 0, 1, 2])
        others = [
            (chance.choice(get_args(Deed)), random_moment(chance, story, seconds[story] / 2)) for _ in range(more)
        ]
        plan = Plan(story, (first, *others)[:blows], chance.random() < 0.5, blow)
        blows -= len(plan.blows)
        yield plan


def random_moment(chance: random.Random, story: str, seconds: float) -> Moment:
    """Most often any moment of a life; else one at which something just happens."""
    cells = len(STORIES[story])
    which = chance.random()
    if which < 0.65:
        return AtTime(chance.uniform(0.0, seconds * 1.1))
    if which < 0.75:
        event, of_a_cell = chance.choice([("os.rename", 3), ("socket.connect", 2)])
        return Effect(event, chance.randint(1, of_a_cell * cells))
    kinds: list[Kind] = ["submit", "submit", "look", "video", "thumbnail"]
    kind, when = chance.choice(kinds), chance.choice(get_args(When))
    return AtService(kind, chance.randint(1, cells), when)


def table(results: Sequence[Result], blow: Blow) -> str:
    """Blows by the phase in which they fell, and what became of the clips."""
    strikes = [strike for result in results for strike in result.strikes if strike.blow == blow]
    outcomes = ["completed", "unconfirmed", "struck again"]
    outcomes += sorted({strike.outcome for strike in strikes} - set(outcomes))
    counts = Counter((strike.phase, strike.outcome) for strike in strikes)
    aims = Counter((strike.phase, type(strike.moment)) for strike in strikes)
    lines = [[f"kernel {blow}", "times", "at a random time", "at a request", "before an effect", *outcomes]]
    for phase in (*get_args(Phase), None):
        by_outcome = [sum(n for (p, o), n in counts.items() if phase in (p, None) and o == each) for each in outcomes]
        by_aim = [
            sum(n for (p, k), n in aims.items() if phase in (p, None) and k is each)
            for each in (AtTime, AtService, Effect)
        ]
        lines.append([phase or "in all", *map(str, [sum(by_outcome), *by_aim, *by_outcome])])
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Strike so many kernels in each way, a few notebooks at once."""
    parser = argparse.ArgumentParser(description="Strike kernels at random moments, and see what is lost.")
    for blow in get_args(Blow):
        parser.add_argument(f"--{blow}", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begin = time.monotonic()
    with ProcessPoolExecutor(AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as pool:
        seconds = dict(zip(STORIES, pool.map(seconds_of, STORIES), strict=True))
        plans = [
            plan for blow in get_args(Blow) for plan in random_plans(getattr(given, blow), given.seed, seconds, blow)
        ]
        results = list(pool.map(perform, plans))
    broken = [result for result in results if result.problems]
    for result in broken:
        print(f"{result.plan}\n    " + "\n    ".join(result.problems), file=sys.stderr)
    for blow in get_args(Blow):
        print(table(results, blow), end="\n\n")
    spent = time.monotonic() - begin
    lengths = " to ".join(f"{each:.2f}" for each in (min(seconds.values()), max(seconds.values())))
    print(
        f"{sum(len(result.strikes) for result in results)} kernels of {len(results)} notebooks struck in {spent:.0f} s "
        f"(seed {given.seed}; undisturbed, a kernel took {lengths} s). "
        f"Tasks created for one cell: at most {max(result.tasks for result in results)}. "
        f"Notebooks with a broken promise: {len(broken)}."
    )
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
