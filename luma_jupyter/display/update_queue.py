"""When cards are drawn: at once while that is cheap, else in turn, so that the page never drowns in messages.

Thousands of tasks may have news at the same moment. All messages of a kernel go through one channel, and a page that
has to digest hundreds a second stops answering. So a card that has news waits for its turn, and is then drawn as it is
by that time: news that came meanwhile cost nothing.

All drawing happens on the engine's loop, so a card is never drawn twice at the same time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from luma_jupyter.engine.loop_thread import LoopThread

MESSAGES_PER_SECOND = 8  # a card may take three in its turn; so no second has more than ten
FLUSH_TIMEOUT = 5.0  # seconds that a cell waits for a loop that is busy

log = logging.getLogger(__name__)


class Drawable(Protocol):
    """What the queue draws."""

    def draw(self) -> int:
        """Send what has changed; the number of messages that it took."""


class UpdateQueue:
    """Draws cards on the engine's loop, those first that have waited longest."""

    def __init__(self, loop_thread: LoopThread) -> None:
        self._loop_thread = loop_thread
        self._waiting: dict[Drawable, None] = {}  # in the order of their news
        self._free_at = 0.0  # on the loop's clock
        self._next_turn: asyncio.TimerHandle | None = None

    def request(self, card: Drawable) -> None:
        """Draw a card soon; from any thread."""
        self._waiting.setdefault(card)
        if self._loop_thread.is_current:
            self._draw_waiting()
        else:
            self._loop_thread.call_soon(self._draw_waiting)

    def flush(self, cards: Iterable[Drawable]) -> None:
        """Have those drawn that have news, and return when they are; from any thread."""
        wanted = list(cards)
        if wanted:
            self._loop_thread.call_and_wait(lambda: self._draw_if_waiting(wanted), FLUSH_TIMEOUT)

    def flush_all(self) -> None:
        """Have all drawn that have news, and return when they are; from any thread."""
        if self._loop_thread.is_open:  # even with none waiting: one may be drawn at this moment
            self._loop_thread.call_and_wait(lambda: self._draw_if_waiting(list(self._waiting)), FLUSH_TIMEOUT)

    def draw_now(self, card: Drawable) -> None:
        """Have a card drawn, and return when it is; from any thread."""
        self._loop_thread.call_and_wait(lambda: self._draw(card), FLUSH_TIMEOUT)

    def run(self, work: Callable[[], object]) -> None:
        """Have something done on the engine's loop, where nothing is drawn meanwhile, and return when it is; from any
        thread."""
        self._loop_thread.call_and_wait(work, FLUSH_TIMEOUT)

    def _draw_if_waiting(self, cards: list[Drawable]) -> None:
        for card in cards:
            if card in self._waiting:
                self._draw(card)

    def _draw_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        if self._next_turn:
            self._next_turn.cancel()
            self._next_turn = None
        while self._waiting and loop.time() >= self._free_at:
            self._draw(next(iter(list(self._waiting))))  # another thread may add one at this moment
        if self._waiting:
            self._next_turn = loop.call_at(self._free_at, self._draw_waiting)

    def _draw(self, card: Drawable) -> None:
        self._waiting.pop(card, None)
        try:
            messages = card.draw()
        except Exception:  # a card that cannot be drawn must not cost the others theirs
            log.exception("A card could not be drawn")
            messages = 1
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + messages / MESSAGES_PER_SECOND
