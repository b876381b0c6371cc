"""A service's reply to a request, without the HTTP library behind it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any


@dataclass(frozen=True)
class Reply:
    """A reply: ``data`` is the parsed JSON, None where the body is not JSON.

    The names in ``headers`` are looked up in lower case.
    """

    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks us to wait (it sends seconds or an HTTP date); None where it asks for none."""
        text = self.headers.get("retry-after", "")
        with suppress(ValueError):
            seconds = float(text)
            return max(0.0, seconds) if math.isfinite(seconds) else None
        try:
            now = parsedate_to_datetime(self.headers["date"]).timestamp() if "date" in self.headers else time.time()
            return max(0.0, parsedate_to_datetime(text).timestamp() - now)
        except (ValueError, OverflowError):
            return None
