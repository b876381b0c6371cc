"""What is known of how long tasks take: learned from the journal, for each service and action."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter import settings
from luma_jupyter.engine.experience import Experience
from luma_jupyter.engine.journal import Journal
from luma_jupyter.engine.schedule import KNOWN_LAW, learned, prior


@pytest.fixture
def journal() -> Journal:
    return Journal(settings.current().home_folder)


@pytest.fixture
def experience(journal: Journal) -> Experience:
    return Experience(lambda: journal)


def test_nothing_is_known_at_first(experience: Experience) -> None:
    """Before any task has ended, the law is what the services' documentation says, or what the demo is set to."""
    settings.configure(demo_seconds=3)
    assert experience.law("acedata", "generate") == prior("acedata")
    assert experience.law("runapi", "modify") == prior("runapi")
    assert experience.law("demo", "extend") == prior("demo", 3)


def test_each_service_and_action_has_its_law(experience: Experience) -> None:
    """What generate teaches says nothing of extend."""
    for _ in range(KNOWN_LAW):
        experience.learn("acedata", "generate", 40.0)
    assert experience.law("acedata", "generate").typical == pytest.approx(40, rel=0.1)
    assert experience.law("acedata", "extend") == prior("acedata")


def test_each_task_changes_the_law_of_the_next(experience: Experience) -> None:
    """A law is learned anew when a task has ended, and is the same object until then."""
    seen: list[float] = []
    for seconds in (40.0, 50.0, 60.0):
        experience.learn("runapi", "modify", seconds)
        seen.insert(0, seconds)
        law = experience.law("runapi", "modify")
        assert law == learned(prior("runapi"), seen)
        assert experience.law("runapi", "modify") is law


def test_another_kernel_begins_with_what_is_known(experience: Experience) -> None:
    """What one kernel learned, the next one knows."""
    for _ in range(KNOWN_LAW):
        experience.learn("acedata", "generate", 40.0)
    other = Experience(lambda: Journal(settings.current().home_folder))
    assert other.law("acedata", "generate") == experience.law("acedata", "generate")


def test_without_a_journal_it_is_the_prior(tmp_path: Path) -> None:
    """Where the journal cannot be read or written, nothing fails here: the law is what is believed."""
    (tmp_path / "file").write_text("not a folder")
    experience = Experience(lambda: Journal(tmp_path / "file" / "home"))
    experience.learn("acedata", "generate", 40.0)
    assert experience.law("acedata", "generate") == prior("acedata")
