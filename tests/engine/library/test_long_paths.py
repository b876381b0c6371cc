"""A media folder so deep that Windows refuses paths in it: a shorter name, or a word before anything is paid."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ConfigError
from tests.support import file_systems, settings
from tests.support.fake_service import VIDEO, reply
from tests.support.films import film
from tests.support.world import World

LONG_PROMPT = "Astronauts shuttle from space to volcano"


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of the test's folder, on such a Windows."""
    file_systems.refuse_long_paths(tmp_path, monkeypatch)
    return tmp_path


def test_file_system_of_these_tests_refuses_long_paths(windows: Path) -> None:
    """259 characters are taken, and 260 are not found; folders end earlier."""
    folder = file_systems.deep_folder(windows, 240)
    folder.mkdir(parents=True)
    (folder / ("x" * 18)).write_bytes(b"content")
    with pytest.raises(FileNotFoundError):
        (folder / ("x" * 19)).write_bytes(b"content")
    with pytest.raises(FileNotFoundError):
        file_systems.deep_folder(windows, 248).mkdir(parents=True)


async def test_video_in_a_deep_folder_gets_a_shorter_name(world: World, windows: Path) -> None:
    """Video, sidecar and thumbnail are there whole, and an equal request is answered by them, without a journal too."""
    media = file_systems.deep_folder(windows, 205)
    settings.configure(media=media)
    task = await world.end(world.generate(LONG_PROMPT))
    assert (task.status, task.problem) == (Status.COMPLETED, None)
    assert task.path == media / f"clip-{task.key}.mp4"
    assert task.path.read_bytes() == VIDEO
    assert sorted(path.name for path in media.iterdir()) == [
        f"clip-{task.key}{end}" for end in (".jpg", ".json", ".mp4")
    ]
    settings.configure(home=windows / "other")
    world.engine.handles.clear()
    assert world.generate(LONG_PROMPT, again=False).task.path == task.path
    assert len(world.service.seen("submit")) == 1


@pytest.mark.parametrize("length", [230, 247, 248, 300])
async def test_folder_that_is_too_deep_is_told_before_anything_is_paid(
    world: World, windows: Path, length: int
) -> None:
    """Where no name fits, one line says so and what helps; nothing is sent, entered or left."""
    media = file_systems.deep_folder(windows, length)
    settings.configure(media=media)
    words = r"^Videos cannot be saved in .* \(its path is too long\): set LUMA_JUPYTER_MEDIA to another folder\.$"
    with pytest.raises(ConfigError, match=words):
        world.generate(LONG_PROMPT)
    assert not world.service.seen("submit")
    assert not world.engine.journal.entries()
    assert not [name for _, _, names in os.walk(windows / ("d" * 50)) for name in names]


async def test_part_of_a_broken_video_is_kept_in_a_deep_folder(world: World, windows: Path) -> None:
    """Also what came of a video is kept where its path just fits."""
    media = file_systems.deep_folder(windows, 205)
    settings.configure(media=media)
    whole = film(content=4000)
    world.service.script("video", *[reply(200, content=whole[:3000])] * 9)
    task = await world.end(world.generate(LONG_PROMPT))
    assert task.path is None
    assert [(path.name, path.stat().st_size) for path in media.iterdir()] == [(f"clip-{task.key}.incomplete.mp4", 3000)]


async def test_folder_that_became_too_deep_loses_no_video(world: World, windows: Path) -> None:
    """A clip is not gone on with where no name fits, one line says so; it is saved where one fits, free."""
    task = await world.end(world.generate(LONG_PROMPT))
    assert task.path
    task.path.unlink()
    settings.configure(media=file_systems.deep_folder(windows, 240))
    with pytest.raises(ConfigError, match="its path is too long"):
        world.engine.resume(task.intent)
    settings.configure(media="elsewhere")
    assert (await world.end(world.engine.resume(task.intent))).path == windows / "elsewhere" / task.filename
    assert len(world.service.seen("submit")) == 1


async def test_long_name_of_a_variable_is_no_name_of_a_file(world: World, windows: Path) -> None:
    """However long the name behind -o is, the file is called by the prompt."""
    task = await world.end(world.generate("A fox", name="sunset" * 50))
    assert task.path
    assert task.path.name == f"a-fox-{task.key}.mp4"


async def test_journal_in_a_folder_that_is_too_deep_is_told_before_anything_is_paid(
    world: World, windows: Path
) -> None:
    """Its own path would be too long: nothing is sent."""
    settings.configure(home=file_systems.deep_folder(windows, 246))
    with pytest.raises(
        ConfigError,
        match=r"^The journal of your clips cannot be written .*\(its path is too long\): set LUMA_",
    ):
        world.generate()
    assert not world.service.seen("submit")
