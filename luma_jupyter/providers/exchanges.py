"""Where the engine, which knows for which clips something is sent and why, meets the HTTP client, which sees the wire.

The engine says it around a call (`together`, `because`), a context variable takes it along, and the
client reports what it saw to whom it concerns. Nothing here raises, waits, or changes what is sent: what cannot be
recorded is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from luma_jupyter.domain.exchange import Step
from luma_jupyter.domain.secret import Secret
from luma_jupyter.languages import N_

log = logging.getLogger(__name__)


@dataclass(repr=False)  # it holds what is not masked yet
class Seen:
    """An exchange as it was: nothing of it is masked or bounded yet, and it is to be shown to nobody.

    ``payload`` is JSON; ``file``: what stands for the bytes of a file that was sent, ``received`` for those of one that
    came, whose ``content`` is empty here. ``begun`` and ``ended`` in Unix seconds.
    """

    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: Any = None
    file: str = ""
    key: Secret | None = None
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    received: str = ""
    trouble: str = ""
    begun: float = 0.0
    ended: float = 0.0


class Listener(Protocol):
    """Who records the exchanges of one clip; ``clock`` in Unix seconds. Both must return at once."""

    def clock(self) -> float: ...

    def hear(self, seen: Seen, purpose: Purpose, others: int) -> None:
        """Take in an exchange, which was for so many other clips too."""


@dataclass(frozen=True)
class Purpose:
    """Whose exchange it is, and why; ``task_id``: the task that is asked for, where others are in the same request."""

    listener: Listener
    step: Step = Step.OTHER
    task_id: str = ""


_purposes: ContextVar[tuple[Purpose, ...]] = ContextVar("purposes", default=())


def purposes() -> tuple[Purpose, ...]:
    """For whom, and why, something would be sent now."""
    return _purposes.get()


@contextmanager
def together(wanted: Iterable[Purpose]) -> Iterator[None]:
    """What is sent in here is for all of these."""
    token = _purposes.set(tuple(wanted))
    try:
        yield
    finally:
        with suppress(ValueError):  # a coroutine that was thrown away is ended in the context of somebody else
            _purposes.reset(token)


def because(step: Step) -> AbstractContextManager[None]:
    """What is sent in here is for this step."""
    return together([replace(purpose, step=step) for purpose in _purposes.get()])


class Observation:
    """One exchange while it goes on, as a context: what leaves it as an error is its trouble, and is raised as it is.

    Its end is told to everybody whom it concerns; where that is nobody, it costs nothing.
    """

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._purposes = _purposes.get()

    def __enter__(self) -> Observation:
        self.begin()
        return self

    def begin(self) -> None:
        """It begins now: what went before, such as writing it down, was none of it."""
        self._seen.begun = self._now()

    def answered(self, status: int, headers: Mapping[str, str], content: bytes = b"") -> None:
        """An answer came."""
        self._seen.status, self._seen.answer_headers, self._seen.content = status, headers, content

    def received(self, count: int) -> None:
        """So many bytes of a file came with it."""
        self._seen.received = f"‹a file: {count:,} bytes came›" if count else ""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        seen = self._seen
        seen.ended = self._now()
        if error is not None and not seen.trouble:
            seen.trouble = str(error) if isinstance(error, Exception) else N_("It was broken off.")
        _tell(seen, self._purposes)

    def _now(self) -> float:
        try:
            return self._purposes[0].listener.clock() if self._purposes else 0.0
        except Exception:
            return 0.0


def mention_written(begun: float, ended: float) -> None:
    """Tell that something was written down, from one moment to another (Unix seconds)."""
    _tell(Seen(begun=begun, ended=ended), tuple(replace(one, step=Step.WRITTEN) for one in _purposes.get()))


def _tell(seen: Seen, told: tuple[Purpose, ...]) -> None:
    for purpose in told:
        try:
            purpose.listener.hear(seen, purpose, len(told) - 1)
        except Exception:  # it must not cost a paid task
            log.debug("An exchange could not be recorded", exc_info=True)
