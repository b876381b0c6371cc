"""`make class-chaos` in short: a class that is struck for some seconds."""

from __future__ import annotations

from tests.chaos.classes import perform
from tests.support.postgres import programs_or_skip


def test_class_that_is_struck_everywhere_pays_and_loses_nothing() -> None:
    """At most one paid task a clip, each with an end that its student sees, and books that are right."""
    programs_or_skip()
    outcome = perform(students=3, clips=12, seed=1, pause=0.4, most_seconds=4.0)
    assert outcome.problems == []
    assert outcome.most_tasks == 1
    assert sum(outcome.ends.values()) == 12
    assert outcome.blows.total() > 3
