"""Price and balance, asked for a moment before a paid call: what is certainly not covered is not sent, all else is."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.run.funds import BALANCE_LIFETIME, FEW_CALLS, PATIENCE
from luma_jupyter.errors import ClipFailed, NotEnoughBalance
from tests.support import settings
from tests.support.fake_service import Answer, reply
from tests.support.world import World


def modify(world: World, prompt: str = "Fog") -> Handle:
    return world.submit(ModifyRequest(prompt=prompt, source=VideoRef(url="https://x.example/v.mp4")))


def asked(world: World) -> int:
    """How often a service was asked for prices or balances."""
    return sum(len(world.service.seen(kind)) for kind in ("quote", "price", "balance", "subscriptions"))


# What the balance does not cover.


async def test_call_above_the_balance_is_refused_before_anything_is_sent(world: World) -> None:
    """With both figures and the way out, the clip ends as failed: nothing was sent, so nothing is paid or in doubt."""
    world.service.cents = 49
    handle = modify(world)
    task = await world.end(handle)
    assert (task.status, task.sent_at, task.task_id) == (Status.FAILED, None, None)
    assert isinstance(task.error, ClipFailed)
    assert isinstance(task.error.reason, NotEnoughBalance)
    words = str(task.error)
    assert "The balance at RunAPI is $0.49, and this call costs $0.50 (quoted by RunAPI at " in words
    assert "nothing was sent" in words
    assert "luma_jupyter.configure(check_balance=False)" in words
    assert task.charge(0.5) == 0.0
    assert world.service.seen("submit") == []
    assert world.story(handle) == "queued failed"


async def test_call_above_acedata_s_balance_is_refused_too(world: World) -> None:
    """With a platform token AceDataCloud is asked as RunAPI is; its credits are counted in dollars."""
    world.service.credits, world.service.credits_left = 0.7, 0.6
    task = await world.end(world.generate())
    assert "The balance at AceDataCloud is $0.30, and this call costs $0.35" in str(task.error)
    assert world.service.seen("submit") == []


async def test_balance_that_is_just_enough_is_enough(world: World) -> None:
    """A call that takes the last cent is sent."""
    world.service.cents = 50
    assert (await world.end(modify(world))).status is Status.COMPLETED


async def test_balance_that_was_topped_up_is_asked_for_anew(world: World) -> None:
    """Whoever tops up the account need not wait: what was too low is never remembered."""
    world.service.cents = 49
    assert (await world.end(modify(world))).status is Status.FAILED
    world.service.cents = 1000
    assert (await world.end(modify(world))).status is Status.COMPLETED


async def test_call_is_sent_all_the_same_where_the_user_says_so(world: World) -> None:
    """With check_balance False nobody is asked, and the service itself says whether it takes the call."""
    settings.configure(check_balance=False)
    world.service.cents = 0
    assert (await world.end(modify(world))).status is Status.COMPLETED
    assert asked(world) == 0


# What nobody can tell.

UNTOLD: dict[str, Answer] = {
    "no connection": httpx.ConnectError("no route"),
    "refused": reply(403, {"error": {"code": "forbidden", "message": "not for this key"}}),
    "no number": reply(200, {"balance_cents": "many"}),
    "a page": reply(200, text="<html>"),
}


@pytest.mark.parametrize("answer", UNTOLD.values(), ids=list(UNTOLD))
@pytest.mark.parametrize("kind", ["quote", "balance"])
async def test_price_or_balance_that_cannot_be_had_holds_nothing_back(world: World, kind: str, answer: Answer) -> None:
    """Only what is certain keeps a call back."""
    world.service.cents = 0 if kind == "quote" else 100
    world.service.script(kind, *[answer] * 9)  # type: ignore[arg-type]
    task = await world.end(modify(world))
    assert task.status is Status.COMPLETED
    assert len(world.service.seen("submit")) == 1


@pytest.mark.parametrize("kind", ["quote", "balance"])
async def test_price_or_balance_that_comes_too_late_is_not_waited_for(world: World, kind: str) -> None:
    """A submission waits a few seconds for each of them, and no longer."""
    world.service.cents = 0
    world.service.script(kind, world.service.after(PATIENCE + 30))  # type: ignore[arg-type]
    handle = modify(world)
    await world.until(handle, Status.RUNNING)
    (submission,) = world.service.times("submit")
    assert submission == PATIENCE
    assert (await world.end(handle)).status is Status.COMPLETED


async def test_unknown_price_holds_nothing_back(world: World) -> None:
    """Where AceDataCloud does not say its price, an empty account is the service's own business."""
    world.service.credits, world.service.credits_left = None, 0.0
    assert (await world.end(world.generate())).status is Status.COMPLETED


async def test_stop_while_the_balance_is_asked_for_sends_nothing(world: World) -> None:
    """It ends as cancelled, and costs nothing."""
    world.service.script("balance", world.service.after(2))
    handle = modify(world)
    await asyncio.sleep(1)
    handle.stop()
    assert (await world.end(handle)).status is Status.CANCELLED
    assert world.service.seen("submit") == []


# What is told, and how often somebody is asked.


async def test_balance_for_few_calls_is_told_once(world: World) -> None:
    """A balance for less than three calls is one line, the first time."""
    world.service.cents = FEW_CALLS * 50 - 1
    for prompt in ("Fog", "Rain"):
        assert (await world.end(modify(world, prompt))).status is Status.COMPLETED
    told = [notice for notice in world.engine.notices if "balance" in notice]
    assert told == ["The balance at RunAPI is $1.49: less than 3 calls."]


async def test_balance_for_enough_calls_is_not_told(world: World) -> None:
    """Three calls are enough for silence."""
    world.service.cents = FEW_CALLS * 50
    await world.end(modify(world))
    assert world.engine.notices == []


async def test_balance_is_asked_for_once_a_minute(world: World) -> None:
    """However many clips are sent; after a minute it is asked for again."""
    for prompt in ("Fog", "Rain", "Snow"):
        await world.end(modify(world, prompt))
    within = int(asyncio.get_running_loop().time() // BALANCE_LIFETIME) + 1
    assert len(world.service.seen("balance")) <= within
    before = len(world.service.seen("balance"))
    await asyncio.sleep(BALANCE_LIFETIME)
    await world.end(modify(world, "Hail"))
    assert len(world.service.seen("balance")) == before + 1


@pytest.mark.usefixtures("demo")
async def test_demo_service_is_never_asked_for_money(world: World) -> None:
    """What is free needs no balance."""
    await world.end(world.submit(GenerateRequest(prompt="A red fox"), provider="demo"))
    assert len(world.service.seen("submit")) == 1
    assert asked(world) == 0


async def test_acedata_without_a_platform_token_is_asked_nothing(world: World) -> None:
    """Its balance is not to be had, so its price is not asked for either."""
    settings.configure(acedata_platform_token=None)
    assert (await world.end(world.generate())).status is Status.COMPLETED
    assert asked(world) == 0
    assert world.service.seen("usage") == []


async def test_repetition_of_an_unconfirmed_request_asks_for_no_balance(world: World) -> None:
    """What was sent may be paid already: whether there is money for it is no question any more."""
    world.service.idempotent = True
    world.service.script("submit", world.service.lose)
    lost = await world.end(modify(world))
    world.service.cents = 0
    before = asked(world)
    task = await world.end(world.engine.resume(lost.intent, resend=True))
    assert task.status is Status.COMPLETED
    assert asked(world) == before
