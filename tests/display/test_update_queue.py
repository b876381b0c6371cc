"""When cards are drawn: soon, in turn, and never too many at a time."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from luma_jupyter.display.update_queue import MESSAGES_PER_SECOND, UpdateQueue
from luma_jupyter.engine.loop_thread import LoopThread
from tests.support.loops import RunningLoop

Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Drawing:
    """A card that notes when it is drawn; each time takes some messages."""

    def __init__(self, log: list[tuple[float, Drawing]], messages: int = 1) -> None:
        self.log = log
        self.messages = messages

    def draw(self) -> int:
        self.log.append((asyncio.get_running_loop().time(), self))
        return self.messages


def most_in_a_second(log: list[tuple[float, Drawing]]) -> int:
    """The most messages that any second had."""
    window: deque[tuple[float, Drawing]] = deque()
    most = 0
    for at, card in log:
        window.append((at, card))
        while at - window[0][0] >= 1:
            window.popleft()
        most = max(most, sum(card.messages for _, card in window))
    return most


def test_a_lone_card_is_drawn_at_once(run_virtually: Run) -> None:
    """A lone card with news is drawn in the same moment."""
    log: list[tuple[float, Drawing]] = []

    async def story() -> None:
        queue, card = UpdateQueue(RunningLoop()), Drawing(log)
        for _ in range(3):
            queue.request(card)
            await asyncio.sleep(5)

    run_virtually(story())
    assert [at for at, _ in log] == [0, 5, 10]


@pytest.mark.parametrize("messages", [1, 2, 3])
def test_no_second_has_more_than_ten_messages(run_virtually: Run, messages: int) -> None:
    """However many cards have news however often, there are at most ten messages a second, and none is forgotten."""
    log: list[tuple[float, Drawing]] = []

    async def story() -> None:
        queue = UpdateQueue(RunningLoop())
        cards = [Drawing(log, messages) for _ in range(100)]
        for _ in range(50):
            for card in cards:
                queue.request(card)
            await asyncio.sleep(0.05)
        await asyncio.sleep(300)
        assert {card for _, card in log} == set(cards)

    run_virtually(story())
    assert most_in_a_second(log) <= 10
    assert log[-1][0] < 100 * messages / MESSAGES_PER_SECOND + 3


def test_a_busy_card_does_not_keep_others_from_their_turn(run_virtually: Run) -> None:
    """One card with news all the time does not keep the others from being drawn."""
    log: list[tuple[float, Drawing]] = []

    async def story() -> None:
        queue, busy = UpdateQueue(RunningLoop()), Drawing(log)
        others = [Drawing(log) for _ in range(5)]
        for _ in range(40):
            queue.request(busy)
            for other in others:
                queue.request(other)
            await asyncio.sleep(0.05)

    run_virtually(story())
    assert len({card for _, card in log[:6]}) == 6


def test_a_card_without_messages_takes_no_turn(run_virtually: Run) -> None:
    """A card that has nothing to send does not take a turn from the others."""
    log: list[tuple[float, Drawing]] = []

    async def story() -> None:
        queue = UpdateQueue(RunningLoop())
        for card in [Drawing(log, 0) for _ in range(100)]:
            queue.request(card)

    run_virtually(story())
    assert [at for at, _ in log] == [0] * 100


def test_flush_draws_a_waiting_card_at_once(run_virtually: Run) -> None:
    """Who waited for a clip gets its card drawn now, once; a card without news is not drawn."""
    log: list[tuple[float, Drawing]] = []

    async def story() -> None:
        queue = UpdateQueue(RunningLoop())
        first, second, idle = (Drawing(log) for _ in range(3))
        queue.request(first)
        queue.request(second)
        queue.flush([second])
        queue.flush([idle])
        await asyncio.sleep(10)
        assert log == [(0, first), (0, second)]

    run_virtually(story())


def test_a_card_that_cannot_be_drawn_stops_nobody(run_virtually: Run, caplog: pytest.LogCaptureFixture) -> None:
    """An accident in one card is logged, and the others are drawn."""
    log: list[tuple[float, Drawing]] = []

    class Broken(Drawing):
        def draw(self) -> int:
            raise RuntimeError("a bug")

    async def story() -> None:
        queue = UpdateQueue(RunningLoop())
        for card in (Broken(log), Drawing(log)):
            queue.request(card)
        await asyncio.sleep(1)

    with caplog.at_level(logging.ERROR):
        run_virtually(story())
    assert len(log) == 1
    assert "could not be drawn" in caplog.text


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    """A real thread with a real loop."""
    loop_thread = LoopThread()
    yield loop_thread
    loop_thread.close()


@pytest.mark.parametrize("call", ["flush", "flush_all", "draw_now"])
def test_flush_returns_only_after_the_drawing_that_goes_on(loop_thread: LoopThread, call: str) -> None:
    """A card that the loop is drawing at this moment is drawn when one of them returns, by one thread."""
    begun, drawn = threading.Event(), []

    class Slow:
        def draw(self) -> int:
            begun.set()
            time.sleep(0.3)
            drawn.append(threading.current_thread().name)
            return 1

    queue, card = UpdateQueue(loop_thread), Slow()
    queue.request(card)
    assert begun.wait(5)
    if call == "flush":
        queue.flush([card])
        assert drawn == ["luma_jupyter"]
    elif call == "flush_all":
        queue.flush_all()
        assert drawn == ["luma_jupyter"]
    else:
        queue.draw_now(card)
        assert drawn == ["luma_jupyter"] * 2
