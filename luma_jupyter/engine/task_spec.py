"""`TaskSpec`: all that somebody says who wants a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import Request, check_takes
from luma_jupyter.domain.vocabulary import Provider
from luma_jupyter.engine.handle import Handle
from luma_jupyter.errors import InvalidRequest

DEFAULT_TIMEOUT = 900.0  # seconds


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A checked request, and how it is to be made.

    ``provider`` is the caller's own choice (None: as the settings say), ``after`` the task whose video is the source,
    ``label`` how the user named the source; ``timeout`` is how many seconds to follow the task (None: 900);
    ``again`` makes a new video in any case; ``name`` is the variable's. Raises InvalidRequest for a timeout that is
    none.
    """

    request: Request
    provider: str | None = None
    after: Handle | None = None
    label: str | None = None
    timeout: float | None = None
    again: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        timeout = self.follow_for
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise InvalidRequest(f"timeout must be a number of seconds above 0, not {timeout!r}.")

    @property
    def follow_for(self) -> float:
        """Seconds to follow the task once it is submitted."""
        return DEFAULT_TIMEOUT if self.timeout is None else self.timeout

    @property
    def source_intent(self) -> str | None:
        """The intent of the task whose video is the source."""
        return self.after.task.intent if self.after else None

    @property
    def source_provider(self) -> Provider | None:
        """The service that makes the source."""
        return self.after.task.provider if self.after else None

    @cached_property
    def fingerprint(self) -> str:
        """What equal requests have in common."""
        return fingerprint(self.request, self.source_intent)

    def takes(self, count: int) -> list[TaskSpec]:
        """This spec so many times, each as a take of its own: the first is this very one. Raises InvalidRequest."""
        check_takes("takes", count)
        return [replace(self, request=replace(self.request, take=take)) for take in range(1, count + 1)]
