"""What the wire hands over, without the library behind it: answers, and how a submission goes."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Reply:
    """An answer: ``data`` is the parsed JSON, None where the body is not JSON; ``attempts`` counts the requests."""

    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 1

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks us to wait (it sends seconds or an HTTP date), or None."""
        text = self.headers.get("retry-after", "")
        with suppress(ValueError):
            seconds = float(text)
            return max(0.0, seconds) if math.isfinite(seconds) else None
        try:
            now = parsedate_to_datetime(self.headers["date"]).timestamp() if "date" in self.headers else time.time()
            return max(0.0, parsedate_to_datetime(text).timestamp() - now)
        except ValueError:
            return None


@dataclass(frozen=True)
class Upload:
    """A file at a service: where it finds it, and until when (Unix seconds; None: it does not say)."""

    url: str
    expires_at: float | None = None


class Sending(Protocol):
    """Who is told how a paid request gets on its way."""

    def leaves(self) -> None:
        """The body is about to be sent: from here on it may be accepted. May raise to keep it back."""

    def returned(self, why: str, delay: float) -> None:
        """It certainly was not accepted; another try follows in ``delay`` seconds."""
