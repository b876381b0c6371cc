"""What is known of how long tasks take: a law for each service and action, learned from those that have ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from luma_jupyter import settings
from luma_jupyter.choices import Action, Provider
from luma_jupyter.engine.journal import Journal
from luma_jupyter.engine.schedule import Law, learned, prior
from luma_jupyter.errors import ConfigError


class Experience:
    """The laws that the journal of the moment teaches. A demo service takes as long as its setting says.

    Where the journal cannot be read, the law is what is believed beforehand: it is told where it matters.
    """

    def __init__(self, journal: Callable[[], Journal]) -> None:
        self._journal = journal
        self._laws: dict[tuple[Journal, Provider, Action], Law] = {}

    def law(self, provider: Provider, action: Action) -> Law:
        """How long a task takes that is submitted now."""
        believed = prior(provider, settings.current().demo_seconds)
        if provider == "demo":
            return believed
        with suppress(ConfigError):
            key = (self._journal(), provider, action)
            if key not in self._laws:
                self._laws[key] = learned(believed, key[0].durations(provider, action))
            return self._laws[key]
        return believed

    def learn(self, provider: Provider, action: Action, seconds: float) -> None:
        """Remember how long a task took."""
        if provider == "demo":
            return
        with suppress(ConfigError):
            key = (self._journal(), provider, action)
            key[0].add_duration(provider, action, seconds)
            self._laws.pop(key, None)
