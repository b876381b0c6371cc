"""`TaskSpec`: all that somebody says who wants a video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import FilmRequest, Request, check_takes
from luma_jupyter.domain.values import as_python, read_flag, read_number
from luma_jupyter.domain.vocabulary import PROVIDERS, Provider
from luma_jupyter.engine.handle import Handle
from luma_jupyter.errors import InvalidRequest, shown

DEFAULT_TIMEOUT = 900.0  # seconds


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A checked request, and how it is to be made.

    ``provider`` is the caller's own choice (None: as the settings say), ``after`` the task whose video is the source,
    ``label`` how the user named the source; ``frames``: by the field, the tasks whose frames it takes; ``parts``: by
    their intents, those whose videos are parts of a film. ``out`` is where a film is saved too. ``timeout`` is how many
    seconds to follow the task (None: 900); ``again`` makes a new video in any case; ``name`` is the variable's. Raises
    InvalidRequest for a value that cannot be used.
    """

    request: Request
    provider: str | None = None
    after: Handle | None = None
    label: str | None = None
    frames: Mapping[str, Handle] = field(default_factory=dict)
    parts: Mapping[str, Handle] = field(default_factory=dict)
    out: Path | None = None
    timeout: float | None = None
    again: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        if self.timeout is not None and not read_number(self.timeout) > 0:
            name = "timeout"
            raise InvalidRequest(f"{name} must be a number of seconds above 0, not {shown(self.timeout)}.")
        if self.provider is not None and not isinstance(self.provider, str):
            providers = ", ".join(PROVIDERS)
            raise InvalidRequest(f"There is no provider {shown(self.provider)}: choose auto, {providers}.")
        object.__setattr__(self, "again", read_flag("again", self.again))

    @property
    def follow_for(self) -> float:
        """Seconds to follow the task once it is submitted."""
        return DEFAULT_TIMEOUT if self.timeout is None else read_number(self.timeout)

    @property
    def source_intent(self) -> str | None:
        """The intent of the task whose video is the source."""
        return self.after.task.intent if self.after else None

    @property
    def source_provider(self) -> Provider | None:
        """The service that makes the source; none for a film, which goes anywhere as a file."""
        provider = self.after.task.provider if self.after else None
        return None if provider == "local" else provider

    @cached_property
    def fingerprint(self) -> str:
        """What equal requests have in common."""
        return fingerprint(self.request, self.source_intent)

    def takes(self, count: int) -> list[TaskSpec]:
        """This spec so many times, each as a take of its own: the first is this very one. Raises InvalidRequest."""
        count = as_python(count)
        check_takes("takes", count)
        assert not isinstance(self.request, FilmRequest)  # made again, it is the same
        return [replace(self, request=replace(self.request, take=take)) for take in range(1, count + 1)]
