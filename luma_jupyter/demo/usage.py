"""The calls of AceDataCloud's generation API, as its platform's statement lists them; a demo charges for none."""

import time
import uuid
from collections import deque
from dataclasses import dataclass, field

MOST_ROWS = 10_000  # older ones are forgotten: a kernel may poll for days


@dataclass(frozen=True)
class UsageEntry:
    """One call; `at` in seconds since 1970, `elapsed` in seconds."""

    trace_id: str
    status_code: int
    elapsed: float
    at: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class UsageLog:
    """All calls, newest first."""

    def __init__(self) -> None:
        self._entries: deque[UsageEntry] = deque(maxlen=MOST_ROWS)

    def add(self, entry: UsageEntry) -> None:
        """Enter a call."""
        self._entries.appendleft(entry)

    def between(self, start: float, end: float) -> list[UsageEntry]:
        """Return the calls from `start` to `end`, in seconds since 1970."""
        return [entry for entry in self._entries if start <= entry.at <= end]
