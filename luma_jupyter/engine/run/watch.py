"""Reads in the journal what other kernels do with tasks: once in a while, for all that wait for it together."""

from __future__ import annotations

import asyncio
from functools import partial

from luma_jupyter.engine.store.journal import Entry, Journal
from luma_jupyter.worker_threads import in_thread

WATCH_INTERVAL = 1.0  # seconds between two readings


class Watch:
    """The readings of one journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: list[tuple[str, asyncio.Future[Entry | None]]] = []
        self._reading: asyncio.Task[None] | None = None
        self._next = 0.0  # not before that, by the loop's clock

    async def entry(self, intent: str) -> Entry | None:
        """The entry of an intent as the next reading finds it. Raises LumaError where that cannot be had."""
        found: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((intent, found))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        return await found

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(self._next - loop.time())
            waiting = [(intent, future) for intent, future in self._waiting if not future.done()]
            self._waiting = []
            self._next = loop.time() + WATCH_INTERVAL
            try:
                entries = await in_thread(partial(self._journal.watched, sorted({intent for intent, _ in waiting})))
            except Exception as error:
                for _, future in waiting:
                    if not future.done():  # else its task was stopped meanwhile
                        future.set_exception(error)
            else:
                for intent, future in waiting:
                    if not future.done():
                        future.set_result(entries.get(intent))
