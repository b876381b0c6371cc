"""A media folder on a mounted drive: what is saved is whole, and what is replaced is never lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.folder import incomplete_path
from luma_jupyter.engine.library.whole_files import replacing, size_of
from luma_jupyter.engine.local_files import as_image, as_video
from luma_jupyter.errors import InvalidRequest
from tests.support import drive
from tests.support.fake_service import JPEG, VIDEO, reply
from tests.support.films import film
from tests.support.world import World


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of the test's folder, on such a drive."""
    drive.mount(tmp_path, monkeypatch)
    return tmp_path


def test_drive_of_these_tests_is_as_odd_as_said(mounted: Path) -> None:
    """No link, no renaming over a file, no size."""
    one, other = mounted / "one", mounted / "other"
    for path in (one, other):
        path.write_bytes(b"content")
    for call in (os.rename, os.replace):
        with pytest.raises(FileExistsError):
            call(one, other)
    with pytest.raises(OSError, match="not supported"):
        os.link(one, mounted / "third")
    assert one.stat().st_size == 0
    assert size_of(one) == 7


@pytest.mark.usefixtures("mounted")
async def test_video_is_saved_with_its_size_and_found_again(world: World, media: Path) -> None:
    """Video, thumbnail and sidecar lie there whole, nothing else does, and an equal request is answered by them."""
    task = await world.end(world.generate("A red fox"))
    assert (task.status, task.problem, task.file_size) == (Status.COMPLETED, None, len(VIDEO))
    assert {path.suffix for path in media.iterdir()} == {".mp4", ".json", ".jpg"}
    assert task.path
    assert (task.path.read_bytes(), task.path.with_suffix(".jpg").read_bytes()) == (VIDEO, JPEG)
    again = world.generate("A red fox", again=False)
    assert again.task.path == task.path
    assert len(world.service.seen("submit")) == 1


async def test_damaged_video_is_replaced_by_a_whole_one(world: World, media: Path, mounted: Path) -> None:
    """A file of that name is in the way twice, the video and its sidecar; both are new afterwards, and alone."""
    task = await world.end(world.generate("A red fox"))
    assert task.path
    task.path.write_bytes(VIDEO[:50])
    await world.end(world.generate("A red fox", again=False))
    assert task.path.read_bytes() == VIDEO
    assert sidecars.whole_size(task.path) == len(VIDEO)
    assert sorted(path.suffix for path in media.iterdir()) == [".jpg", ".json", ".mp4"]


@pytest.mark.usefixtures("mounted")
async def test_longer_part_of_a_broken_video_is_kept(world: World, media: Path) -> None:
    """What came first is more than what came at the next try: its size is told by its content."""
    whole = film(content=4000)
    world.service.script("video", *(reply(200, content=whole[:share]) for share in (3000, 1000, 2000, 500)))
    task = await world.end(world.generate("A red fox"))
    assert task.path is None
    assert size_of(incomplete_path(media / task.filename)) == 3000


def test_file_that_cannot_be_replaced_stays(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the new file does not get its name, the old one has it again, and nothing else is left."""
    path = mounted / "a.json"
    path.write_bytes(b"old")
    replace = os.replace

    def fail_once(source: Path, target: Path) -> None:
        if target == path and "old" not in source.name:
            raise OSError("the drive is gone")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_once)
    with pytest.raises(OSError, match="the drive is gone"), replacing(path) as file:
        file.write(b"new")
    assert [(left.name, left.read_bytes()) for left in mounted.iterdir()] == [("a.json", b"old")]


def test_files_from_a_drive_are_read_by_their_content(mounted: Path) -> None:
    """A picture or video whose size is not told yet is not empty; one that is empty is refused."""
    picture, video, empty = mounted / "a.png", mounted / "a.mp4", mounted / "b.jpg"
    Image.new("RGB", (32, 18)).save(picture)
    video.write_bytes(VIDEO)
    empty.touch()
    assert as_video(video).size == len(VIDEO)
    with pytest.raises(InvalidRequest, match=r"b\.jpg is empty"):
        as_image("start_image", empty)
    image = as_image("start_image", picture)
    assert isinstance(image, LocalFile)
    assert image.size == size_of(picture)
