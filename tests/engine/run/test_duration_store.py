"""What is known of how long tasks take: learned from the journal, for each service and action."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.domain.duration_model import TRUSTED_AFTER, DurationModel, fit, prior
from luma_jupyter.engine.run.duration_store import DurationStore
from luma_jupyter.engine.store.journal import Journal
from tests.support import settings


@pytest.fixture
def journal() -> Journal:
    return Journal(settings.current().home_folder)


@pytest.fixture
def durations(journal: Journal) -> DurationStore:
    return DurationStore(settings.current, lambda: journal)


def test_duration_model_is_the_prior_at_first(durations: DurationStore) -> None:
    """Before any task has ended, the model is what the services' documentation says, or what the demo is set to."""
    settings.configure(demo_seconds=3)
    assert durations.model("acedata", "generate") == prior("acedata")
    assert durations.model("runapi", "modify") == prior("runapi")
    assert durations.model("demo", "extend") == prior("demo", 3)


def test_duration_model_is_of_one_service_and_action(durations: DurationStore) -> None:
    """What generate teaches says nothing of extend."""
    for _ in range(TRUSTED_AFTER):
        durations.add("acedata", "generate", 40.0)
    assert durations.model("acedata", "generate").typical == pytest.approx(40, rel=0.1)
    assert durations.model("acedata", "extend") == prior("acedata")


def test_duration_model_is_fitted_anew_after_each_task(durations: DurationStore) -> None:
    """A model is learned anew when a task has ended, and is the same object until then."""
    seen: list[float] = []
    for seconds in (40.0, 50.0, 60.0):
        durations.add("runapi", "modify", seconds)
        seen.insert(0, seconds)
        model = durations.model("runapi", "modify")
        assert model == fit(prior("runapi"), seen)
        assert durations.model("runapi", "modify") is model


def test_duration_store_is_shared_by_kernels(durations: DurationStore) -> None:
    """What one kernel learned, the next one knows."""
    for _ in range(TRUSTED_AFTER):
        durations.add("acedata", "generate", 40.0)
    other = DurationStore(settings.current, lambda: Journal(settings.current().home_folder))
    assert other.model("acedata", "generate") == durations.model("acedata", "generate")


def test_duration_model_without_a_journal_is_the_prior(tmp_path: Path) -> None:
    """Where the journal cannot be read or written, nothing fails here: the model is what is believed."""
    (tmp_path / "file").write_text("not a folder")
    durations = DurationStore(settings.current, lambda: Journal(tmp_path / "file" / "home"))
    durations.add("acedata", "generate", 40.0)
    assert durations.model("acedata", "generate") == prior("acedata")


def test_duration_model_that_is_read_as_a_task_ends_is_one_of_them(
    durations: DurationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that another thread takes away at the moment at which it is looked up is there all the same."""

    class Models(dict[object, DurationModel]):
        def __contains__(self, key: object) -> bool:
            there = super().__contains__(key)
            durations.add("acedata", "generate", 40.0)
            return there

    before = durations.model("acedata", "generate")
    monkeypatch.setattr(durations, "_models", Models(durations._models))
    assert durations.model("acedata", "generate") in (before, fit(prior("acedata"), [40.0]))


def test_duration_of_the_demo_is_not_remembered(durations: DurationStore, journal: Journal) -> None:
    """The demo service takes as long as it is told to, so that is what is expected of it."""
    durations.add("demo", "generate", 500.0)
    assert durations.model("demo", "generate") == prior("demo")
    assert journal.durations("demo", "generate") == []
