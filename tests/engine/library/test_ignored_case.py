"""File systems that take `Sea` for `sea`, and may store accents apart: no clip replaces another, and each is found."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.store.probe import may_be_unfinished
from tests.engine.kernels import Kernels, ask
from tests.support import file_systems, settings
from tests.support.fake_service import VIDEO
from tests.support.world import World


@pytest.fixture(params=["NFC", "NFD"])
def folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """All of the test's folder, on such a file system."""
    file_systems.ignore_case(tmp_path, monkeypatch, request.param)
    return tmp_path


def test_file_system_of_these_tests_ignores_case(folded: Path) -> None:
    """One file has all these names."""
    (folded / "Séa").write_bytes(b"one")
    (folded / unicodedata.normalize("NFD", "SÉA")).write_bytes(b"other")
    assert [unicodedata.normalize("NFC", path.name) for path in folded.iterdir()] == ["Séa"]
    assert (folded / "séa").read_bytes() == b"other"


@pytest.mark.usefixtures("folded")
async def test_prompts_that_differ_by_case_are_two_clips(world: World, media: Path) -> None:
    """`Sea` and `sea`: each has its video, its sidecar and its thumbnail, and each is found again."""
    tasks = [await world.end(world.generate(prompt)) for prompt in ("Sea", "sea", "Séa")]
    assert len(list(media.iterdir())) == 9
    for task in tasks:
        assert task.path
        assert sidecars.intent_of(task.path) == task.intent
        found = world.generate(task.request.prompt, again=False).task.path
        assert found
        assert found.samefile(task.path)
    assert len(world.service.seen("submit")) == 3


@pytest.mark.usefixtures("folded")
async def test_file_of_another_case_is_not_replaced(world: World, media: Path) -> None:
    """A file of the user's own that has the video's name but for its case stays as it is."""
    handle = world.generate("Sea")
    own = media / handle.task.filename.upper()
    own.write_bytes(b"mine")
    task = await world.end(handle)
    assert task.path == media / f"sea-{task.key}-2.mp4"
    assert (own.read_bytes(), task.path.read_bytes()) == (b"mine", VIDEO)


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda name: unicodedata.normalize("NFD", name)])
async def test_files_that_were_renamed_by_case_are_the_clip(
    world: World, media: Path, folded: Path, spell: object
) -> None:
    """What another system made of the names changes nothing, with a journal and without."""
    assert callable(spell)
    task = await world.end(world.generate("Séa"))
    for path in list(media.iterdir()):
        path.rename(media / "aside").rename(media / spell(path.name))
    for home in ("home", "other"):
        settings.configure(home=folded / home)
        world.engine.handles.clear()
        found = world.generate("Séa", again=False).task
        assert (found.intent, found.path and found.path.read_bytes()) == (task.intent, VIDEO)
    assert len(world.service.seen("submit")) == 1


async def test_folder_of_another_case_is_the_same_notebooks_folder(kernels: Kernels, folded: Path) -> None:
    """Who opens a notebook by another spelling of its folder finds what was left unfinished there, and its history."""
    (folded / "Work").mkdir()
    settings.configure(media=folded / "media")
    first = kernels.start()
    before = settings.current
    first.engine.repository._settings = lambda: before()
    handle = ask(first, timeout=5)
    task = await first.end(handle)
    journal = first.engine.journal
    stored = journal.find(task.intent)
    assert stored
    other = folded.with_name(folded.name) / "work"
    lease = journal.add(task.evolve(intent="f" * 32, folder=folded / "Work"))
    lease.write(task.evolve(intent="f" * 32, folder=folded / "Work"))
    assert [entry.task.intent for entry in journal.entries(folder=other)] == ["f" * 32]
    assert "f" * 32 in [found.intent for found in first.engine.repository.unfinished(other)]
    assert may_be_unfinished(settings.current().home_folder, other)
