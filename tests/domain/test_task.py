"""Snapshots of a task, which the floors hand each other: their time, their charge, and how one becomes the next."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task, TaskPhase
from luma_jupyter.domain.vocabulary import Status

INTENT = "7f3b2c1d111142228333444455556666"


def a_task(**fields: Any) -> Task:
    values = {
        "intent": INTENT,
        "request": GenerateRequest(prompt="a fox"),
        "provider": "demo",
        "status": Status.QUEUED,
        "filename": "f.mp4",
        "created_at": 100.0,
    }
    return Task(**{**values, **fields})


def test_task_phases_are_frozen() -> None:
    """A look-up says one of these words."""
    assert [str(phase) for phase in TaskPhase] == ["running", "completed", "failed"]


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 60.0),
        ({"submitted_at": 110.0}, 50.0),
        ({"submitted_at": 110.0, "ended_at": 130.0}, 20.0),
        ({"ended_at": 130.0}, 30.0),
        ({"submitted_at": 170.0}, 0.0),
    ],
)
def test_elapsed_counts_from_submission_to_the_end(fields: dict[str, float], seconds: float) -> None:
    """Time counts from submission (before it, from creation) to now or the end, and is never negative."""
    assert a_task(**fields).elapsed(160.0) == seconds


def test_evolve_makes_a_new_snapshot() -> None:
    """A change makes a new snapshot and leaves the old one as it was; both survive pickling."""
    task = a_task()
    later = task.evolve(status=Status.RUNNING, task_id="t")
    assert (later.status, later.task_id, later.key) == (Status.RUNNING, "t", "7f3b2c1d")
    assert task.status is Status.QUEUED
    assert pickle.loads(pickle.dumps(later)) == later


@pytest.mark.parametrize(
    ("fields", "price", "charge"),
    [
        ({"status": Status.COMPLETED, "price": 0.5}, 0.9, 0.5),
        ({"status": Status.COMPLETED, "price": None}, 0.9, 0.9),
        ({"status": Status.COMPLETED, "price": None}, None, None),
        ({"status": Status.COMPLETED, "price": None, "cost": 0.3}, None, 0.3),
        ({"status": Status.COMPLETED, "price": 0.5, "cost": 0.0}, None, 0.0),
        ({"status": Status.COMPLETED, "price": 0.5, "cost": 0.25, "doubts": 2}, None, 1.25),
        ({"status": Status.UNCONFIRMED, "price": 0.5}, None, 0.5),
        ({"status": Status.FAILED, "price": 0.5}, None, 0.0),
        ({"status": Status.FAILED, "price": None, "doubts": 1}, 0.4, 0.4),
        ({"status": Status.CANCELLED, "price": None}, None, 0.0),
    ],
)
def test_charge_is_the_cost_else_the_price(fields: dict[str, Any], price: float | None, charge: float | None) -> None:
    """What it cost or may cost: nothing for what was refused or never left, each unanswered send once more.

    The price of today stands in where its own is not known; None where nobody knows either.
    """
    assert a_task(**fields).charge(price) == (None if charge is None else pytest.approx(charge))
