"""What a finished clip really cost, as the service's statement has it: kept, shown, counted, not waited for long."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.run.task_run import STATEMENT_PATIENCE
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.views.clip_html import final_html
from luma_jupyter.views.history import History
from luma_jupyter.views.text import cost_text
from tests.support import settings
from tests.support.fake_service import Answer, reply
from tests.support.states import clip_state
from tests.support.world import World


@pytest.fixture
def traced(world: World) -> World:
    """AceDataCloud gives trace ids, a call costs 0.7 credits, and its statement says 0.6 of the first."""
    world.service.traced = True
    world.service.credits = 0.7
    world.service.charges["trace-of-task-1"] = 0.6
    return world


def stored(task: Task, home: Path) -> Task:
    """The task as another kernel reads it in the journal."""
    entry = Journal(home, owner="another machine|1|0.0").find(task.intent)
    assert entry
    return entry.task


async def test_finished_clip_has_what_was_charged_in_card_journal_and_sidecar(traced: World, tmp_path: Path) -> None:
    """The estimate and the charge are on the card; credits, cost and trace id are where a later kernel finds them."""
    task = await traced.end(traced.generate())
    assert (task.status, task.price, task.credits, task.cost) == (Status.COMPLETED, 0.35, 0.6, 0.3)
    assert cost_text(task) == "about $0.35, charged $0.30"
    assert " · about $0.35, charged $0.30" in final_html(replace(clip_state(), task=task))
    kept = stored(task, tmp_path / "home")
    assert (kept.trace_id, kept.credits, kept.cost) == ("trace-of-task-1", 0.6, 0.3)
    assert task.path
    beside = sidecars.read(task.path.with_suffix(".json"))
    assert beside
    assert beside.trace_id == "trace-of-task-1"


async def test_history_and_the_day_count_what_was_charged(traced: World, tmp_path: Path) -> None:
    """The charge takes the place of the estimate: in the table, and in what was spent today."""
    task = await traced.end(traced.generate())
    (row,) = History([task], tmp_path, 0.0)
    assert row["cost"] == 0.3
    traced.service.charges["trace-of-task-2"] = 0.8
    await traced.end(traced.generate("A kite"))
    assert traced.engine.costs.spent_today() == (pytest.approx(0.7), 0)


async def test_charge_in_credits_alone_is_shown_in_credits(traced: World) -> None:
    """Where nobody says what a credit costs, the credits are told."""
    traced.service.credits = None
    task = await traced.end(traced.generate())
    assert (task.credits, task.cost) == (0.6, None)
    assert cost_text(task) == "charged 0.6 credits"


NOTHING: dict[str, Answer] = {
    "not yet": reply(200, {"items": []}),
    "another's": reply(200, {"items": [{"trace_id": "trace-of-another", "deducted_amount": 9}]}),
    "no amount": reply(200, {"items": [{"trace_id": "trace-of-task-1", "deducted_amount": None}]}),
    "refused": reply(403, {"error": {"code": "forbidden", "message": "no"}}),
    "no connection": httpx.ConnectError("no route"),
    "a page": reply(200, text="<html>"),
}


@pytest.mark.parametrize("answer", NOTHING.values(), ids=list(NOTHING))
async def test_statement_without_the_charge_leaves_the_estimate(traced: World, answer: Answer) -> None:
    """The clip is completed and saved all the same, and says what it was expected to cost."""
    traced.service.script("usage", *[answer] * 9)
    task = await traced.end(traced.generate())
    assert (task.status, task.problem, task.credits, task.cost) == (Status.COMPLETED, None, None, None)
    assert task.path
    assert cost_text(task) == "about $0.35"


async def test_statement_that_hangs_holds_nothing_up_for_long(traced: World) -> None:
    """After a few seconds the clip is completed without it."""
    traced.service.script("usage", traced.service.after(600))
    task = await traced.end(traced.generate())
    assert (task.status, task.cost) == (Status.COMPLETED, None)
    (at,) = traced.service.times("usage")
    assert asyncio.get_running_loop().time() - at <= STATEMENT_PATIENCE + 0.1


async def test_stop_while_the_statement_is_asked_completes_the_clip(traced: World) -> None:
    """The file is saved by then, so nothing is left to be followed."""
    traced.service.script("usage", traced.service.after(600))
    handle = traced.generate()
    while not traced.service.seen("usage"):
        await asyncio.sleep(0.1)
    handle.stop()
    task = await traced.end(handle)
    assert task.status is Status.COMPLETED
    assert task.path


async def test_no_statement_is_asked_for_without_a_trace_id_or_token(world: World) -> None:
    """There is nothing to look for, or nobody who may."""
    await world.end(world.generate())
    settings.configure(acedata_platform_token=None)
    world.service.traced = True
    task = await world.end(world.generate("A kite"))
    assert task.trace_id == "trace-of-task-2"
    assert world.service.seen("usage") == []


async def test_trace_id_that_comes_with_the_end_is_kept(world: World) -> None:
    """A service that names it only in the finished task is asked for the charge too."""
    world.service.result = {"trace_id": "trace-late"}
    world.service.charges["trace-late"] = 0.6
    task = await world.end(world.generate())
    assert (task.trace_id, task.credits) == ("trace-late", 0.6)


async def test_what_was_sent_is_in_no_sidecar(world: World) -> None:
    """The body is the journal's alone."""
    world.service.traced = True
    source = world.generate()
    task = await world.end(world.modify(source))
    assert task.payload
    assert task.path
    assert "payload" not in json.loads(task.path.with_suffix(".json").read_text("utf-8"))
