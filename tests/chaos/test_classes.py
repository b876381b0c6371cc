"""`make class-chaos` in short: a class that is struck for some seconds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos import classes
from tests.chaos.lesson_promises import faults, faults_of_clips
from tests.chaos.life import End
from tests.support.postgres import programs_or_skip


def test_class_that_is_struck_everywhere_pays_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one paid task a clip, each with an end that its student sees, and books that are right.

    Where a promise is broken, all is kept that tells how it came to that.
    """
    programs_or_skip()
    monkeypatch.setattr(classes, "KEPT", tmp_path)
    monkeypatch.setattr(classes, "faults", lambda lesson: [*faults(lesson), "one broken promise"])
    outcome = classes.perform(students=2, clips=10, seed=1, pause=0.4, most_seconds=3.0)
    assert outcome.problems == ["one broken promise"]
    rows = [json.loads(line) for line in (tmp_path / "1" / "submissions.jsonl").read_text().splitlines()]
    assert {row["body"]["prompt"] for row in rows} >= {f"Clip {number}" for number in range(10)}
    assert len(list((tmp_path / "1").glob("student-*/home/*.sqlite*"))) >= 2
    assert outcome.most_tasks == 1
    assert sum(outcome.ends.values()) == 10
    assert outcome.blows.total() > 2


def test_the_harness_finds_each_broken_promise() -> None:
    """A second payment, a loss without a word, a student and a ledger that say different things."""

    def end(prompt: str, status: str, error: str = "") -> End:
        return End(prompt, "intent", status, "task", error)

    def row(prompt: str, state: str) -> tuple[str, str, str, str, str]:
        return (prompt, state, "task", "name.mp4", "ann")

    rows = [row("twice", "completed"), *[row("rows", "completed")] * 2, row("paid", "refused"), row("row", "failed")]
    rows += [row("silent", "refused"), row("doubt", "refused"), row("good", "refused"), row("good", "completed")]
    ends = [end("twice", "completed"), end("rows", "completed"), end("paid", "failed", "no"), end("row", "completed")]
    ends += [end("silent", "failed"), end("doubt", "unconfirmed", "?"), end("good", "completed")]
    prompts = ["twice", "rows", "paid", "row", "silent", "doubt", "lost", "good"]
    paid = Counter({"twice": 2, "rows": 1, "paid": 1, "good": 1})
    assert list(faults_of_clips(prompts, {each.prompt: each for each in ends}, rows, paid)) == [
        "twice was paid 2 times",
        "rows has 2 rows",
        "paid was paid, and the ledger says {'refused'}",
        "paid was paid, and its student reads that it failed: no",
        "row is completed, and the ledger says {'failed'}",
        "silent is failed without a word",
        "doubt is in doubt, and the ledger says {'refused'}",
        "lost has no end that its student sees",
    ]
