"""Records what goes over the wire for clips: heard on the loop, masked and written down by a thread, a while later.

Money comes first. To be heard costs an entry in a list; nothing raises, and nobody waits for it. It is written down
once a request was answered and once a run ends, for all clips of that moment in one commit, so no look-up costs one.
What cannot be written waits in memory for the next time, the oldest of it is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from luma_jupyter.domain.exchange import Exchange, Recorded
from luma_jupyter.domain.secret import Secret
from luma_jupyter.engine.masking import masked
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import LumaError
from luma_jupyter.interrupts import deferred_interrupt
from luma_jupyter.providers.exchanges import Purpose, Seen, together
from luma_jupyter.settings import LOGIN_KEYS, SettingsSource
from luma_jupyter.worker_threads import in_thread

PAUSE = 1.0  # seconds from the first reason to write until it is written, so that many clips share a commit
MOST_PENDING = 2000  # exchanges in memory
WRITE_FROM = 500  # exchanges in memory that are reason enough to write
CLIPS_IN_COMMIT = 20  # so that whoever writes down something that costs waits a few milliseconds for it, at most

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Heard:
    """An exchange that is not written down yet, and for so many other clips too."""

    journal: Journal
    intent: str
    seen: Seen
    purpose: Purpose
    others: int


@dataclass(frozen=True)
class _Recording:
    """Listens for one clip."""

    exchanges: Exchanges
    journal: Journal
    intent: str

    def clock(self) -> float:
        return self.exchanges.clock()

    def hear(self, seen: Seen, purpose: Purpose, others: int) -> None:
        self.exchanges.hear(_Heard(self.journal, self.intent, seen, purpose, others))


class Exchanges:
    """The recorder of one engine. ``settings`` gives those of the moment, ``clock`` Unix seconds."""

    def __init__(self, settings: SettingsSource, clock: Callable[[], float]) -> None:
        self._settings = settings
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Start anew, as in a forked child: what the parent heard it writes down itself."""
        self._pending: deque[_Heard] = deque(maxlen=MOST_PENDING)
        self._lock = threading.Lock()  # who writes has taken what is not in the journal yet: others wait for it
        self._writing: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def recording(self, journal: Journal, intent: str) -> Iterator[None]:
        """Record what is sent in here for a clip, unless the settings say not to; on the engine's loop."""
        with together(self._purposes(journal, intent)):
            try:
                yield
            finally:
                self.write_soon()

    def _purposes(self, journal: Journal, intent: str) -> list[Purpose]:
        """For whom something is recorded: for one clip, or for nobody."""
        try:
            return [Purpose(_Recording(self, journal, intent))] if self.is_on else []
        except Exception:
            log.warning("What goes over the wire cannot be recorded", exc_info=True)
            return []

    @property
    def is_on(self) -> bool:
        """Whether the settings say to record."""
        with contextlib.suppress(LumaError):  # a setting that is wrong by now is told at the next cell
            return self._settings().keep_exchanges
        return False

    def hear(self, heard: _Heard) -> None:
        """Take in an exchange; on the engine's loop."""
        self._pending.append(heard)
        if len(self._pending) == WRITE_FROM:
            self.write_soon()

    def write_soon(self) -> None:
        """Have what was heard written down in a while; on the engine's loop."""
        if self._pending and (self._writing is None or self._writing.done()):
            with contextlib.suppress(RuntimeError):  # the loop has ended: it is written when all is closed
                self._writing = asyncio.get_running_loop().create_task(self._write_later())

    async def _write_later(self) -> None:
        await asyncio.sleep(PAUSE)
        try:
            await in_thread(self.write)
        except Exception:  # there is no thread to be had
            log.debug("What went over the wire was not written down", exc_info=True)

    def write(self) -> None:
        """Write down what was heard, as far as that is possible now; from any thread. Raises nothing."""
        with deferred_interrupt(), self._lock:
            self._write()

    def _write(self) -> None:
        try:
            self._write_pending()
        except Exception:
            log.warning("What went over the wire could not be recorded", exc_info=True)

    def _write_pending(self) -> None:
        by_journal: dict[Journal, dict[str, list[_Heard]]] = defaultdict(lambda: defaultdict(list))
        for one in self._take():
            by_journal[one.journal][one.intent].append(one)
        for journal, by_intent in by_journal.items():
            clips = list(by_intent.items())
            for start in range(0, len(clips), CLIPS_IN_COMMIT):
                self._add(journal, dict(clips[start : start + CLIPS_IN_COMMIT]))

    def _take(self) -> list[_Heard]:
        """All that was heard and is not written down."""
        return [self._pending.popleft() for _ in range(len(self._pending))]

    def _add(self, journal: Journal, by_intent: Mapping[str, Sequence[_Heard]]) -> None:
        """Write down the exchanges of a few clips; where that cannot be done now, they wait for the next time."""
        try:
            keys = self._keys()
            journal.exchanges.add({intent: _masked(ones, keys) for intent, ones in by_intent.items()})
        except LumaError:  # a busy, full or newer journal
            log.debug("What went over the wire could not be written down", exc_info=True)
            self._pending.extendleft(one for ones in by_intent.values() for one in reversed(ones))

    def _keys(self) -> list[Secret]:
        """All keys that this kernel knows."""
        with contextlib.suppress(LumaError):
            now = self._settings()
            keys = [getattr(now, name) for name in (*LOGIN_KEYS.values(), "gateway_token")]
            return [key for key in keys if key is not None]
        return []

    def of(self, journal: Journal, intent: str) -> Recorded:
        """What was recorded of a clip: what the journal has of it, and what is not written down yet."""
        recorded = Recorded()
        with deferred_interrupt(), self._lock:
            self._write()
            with contextlib.suppress(LumaError):  # one that cannot be read, or a newer one without this table
                recorded = journal.exchanges.read(intent)
            pending = [one for one in list(self._pending) if one.intent == intent]
        return recorded.followed_by(_masked(pending, self._keys()))


def _masked(heard: Sequence[_Heard], keys: Sequence[Secret]) -> list[Exchange]:
    return [masked(one.seen, one.purpose, one.others, keys) for one in heard]
