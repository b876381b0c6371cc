"""How long tasks took, remembered; and the model of each service and action that follows from that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from luma_jupyter.domain.duration_model import DurationModel, fit, prior
from luma_jupyter.domain.vocabulary import FREE, Action, Provider
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import ConfigError
from luma_jupyter.settings import SettingsSource


class DurationStore:
    """The models that fit the journal of the moment. A demo service takes as long as its setting says.

    Where the journal cannot be read, the model is what is assumed beforehand: it is told where it matters.
    """

    def __init__(self, settings: SettingsSource, journal: Callable[[], Journal]) -> None:
        self._settings = settings
        self._journal = journal
        self._models: dict[tuple[Journal, Provider, Action], DurationModel] = {}

    def model(self, provider: Provider, action: Action) -> DurationModel:
        """How long a task takes that is submitted now."""
        assumed = prior(provider)
        with suppress(ConfigError):  # a setting that is wrong by now costs no task
            assumed = prior(provider, self._settings().demo_seconds)
        if provider in FREE:
            return assumed
        with suppress(ConfigError):
            key = (self._journal(), provider, action)
            model = self._models.get(key)  # another thread may take it away at any moment
            if model is None:
                model = self._models[key] = fit(assumed, key[0].durations(provider, action))
            return model
        return assumed

    def add(self, provider: Provider, action: Action, seconds: float) -> None:
        """Remember how long a task took."""
        if provider in FREE:
            return
        with suppress(ConfigError):
            key = (self._journal(), provider, action)
            key[0].add_duration(provider, action, seconds)
            self._models.pop(key, None)
