"""What is asked of services for somebody who wants to know: the account's tasks, and what was charged for them."""

from __future__ import annotations

import time

import pytest

from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.services import Services
from tests.support.fake_service import FakeService, reply
from tests.support.world import EPOCH

TASKS = [{"id": f"task-{number}", "created_at": EPOCH, "request": {"prompt": "p"}} for number in range(50)]


@pytest.fixture
def services(keys: None, providers: ProviderPool, loop_thread: LoopThread) -> Services:
    """AceDataCloud with a key and a token."""
    return Services(providers, loop_thread, time.time)


@pytest.mark.parametrize("number", [49, 50])
def test_account_says_whether_there_may_be_more_tasks(services: Services, service: FakeService, number: int) -> None:
    """A service that gives the same full page again and again has more tasks than can be read; a short page ends it."""
    service.script("list", reply(200, {"items": TASKS[:number]}), for_ever=True)
    account = services.account(EPOCH - 60)
    assert (len(account.tasks), account.cut) == (number, number == 50)


def test_account_adds_up_what_was_charged_for_a_submission(services: Services, service: FakeService) -> None:
    """Several rows of one submission are one amount, as on its clip; with one that is not understood it is unknown."""
    amounts = [("a", 0.5), ("a", 0.25), ("b", 0.5), ("b", None), ("c", 0.5)]
    rows = [{"trace_id": trace_id, "deducted_amount": amount} for trace_id, amount in amounts]
    service.script("list", reply(200, {"items": []}))
    service.script("usage", reply(200, {"items": rows}))
    assert services.account(EPOCH - 60).charges == {"a": 0.75, "b": None, "c": 0.5}
