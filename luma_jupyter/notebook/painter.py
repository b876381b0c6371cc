"""When cards are drawn: at once while that is cheap, else in turn, so that the page never drowns in messages.

Thousands of tasks may have news at the same moment. All messages of a kernel go through one channel, and a page that
has to digest hundreds a second stops answering. So a card that has news waits for its turn, and is then drawn as it is
by that time: news that came meanwhile cost nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from luma_jupyter.engine.bridge import Bridge

MESSAGES_PER_SECOND = 8  # a card may take three in its turn; so no second has more than ten

log = logging.getLogger(__name__)


class Drawable(Protocol):
    """What a painter draws."""

    def draw(self) -> int:
        """Send what has changed; the number of messages that it took."""


class Painter:
    """Draws cards on the engine's loop, those first that have waited longest."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self._waiting: dict[Drawable, None] = {}  # in the order of their news
        self._free_at = 0.0  # on the loop's clock
        self._turn: asyncio.TimerHandle | None = None

    def news(self, card: Drawable) -> None:
        """Draw a card soon; from any thread."""
        self._waiting.setdefault(card)
        if _running_loop() is self.bridge.loop:
            self._draw()
        else:
            self.bridge.call(self._draw)

    def settle(self, card: Drawable) -> None:
        """Draw a card now if it has news, before the cell ends that waited for it; from any thread."""
        if self._waiting.pop(card, self) is not self:
            self._spend(card)

    def _draw(self) -> None:
        loop = asyncio.get_running_loop()
        if self._turn:
            self._turn.cancel()
            self._turn = None
        while self._waiting and loop.time() >= self._free_at:
            try:
                card = next(iter(self._waiting))
                self._waiting.pop(card)
            except (StopIteration, RuntimeError, KeyError):  # another thread settled one at this moment
                continue
            self._spend(card)
        if self._waiting:
            self._turn = loop.call_at(self._free_at, self._draw)

    def _spend(self, card: Drawable) -> None:
        try:
            messages = card.draw()
        except Exception:  # a card that cannot be drawn must not cost the others theirs
            log.exception("A card could not be drawn")
            messages = 1
        self._free_at = max(self._free_at, self.bridge.loop.time()) + messages / MESSAGES_PER_SECOND


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
