"""Files that another program holds open, as scanners, players and synchronizers do in Windows: no video is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.whole_files import size_of
from luma_jupyter.operating_system import PAUSES
from tests.support.fake_service import VIDEO, reply
from tests.support.file_systems import MOVES, hold_open
from tests.support.films import film
from tests.support.world import World


async def test_file_that_is_held_for_a_moment_is_waited_for(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scanner looks at each new file: after a few short pauses all have their names."""
    holder = hold_open(media, monkeypatch, lambda call, name: call == "from", patience=3)
    task = await world.end(world.generate("A fox"))
    assert task.problem is None
    assert holder.pauses == [0.05, 0.1, 0.2]
    assert sorted(path.suffix for path in media.iterdir()) == [".jpg", ".json", ".mp4"]


async def test_video_that_cannot_be_named_is_kept_and_named_by_a_retry(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its part stays, the clip says so, and a retry gives it its name without fetching it again."""
    holder = hold_open(media, monkeypatch, lambda call, name: call in MOVES and ".mp4." in name and "incom" not in name)
    task = await world.end(world.generate("A fox"))
    (kept,) = media.iterdir()
    assert (task.status, task.path, kept.read_bytes()) == (Status.COMPLETED, None, VIDEO)
    assert str(task.problem) == (
        "The file could not be saved: the media folder cannot be written: The process cannot access the file: another "
        f"process is using it; what came is kept as {kept.name}"
    )
    assert holder.pauses == list(PAUSES)
    holder.patience = 0
    saved = await world.end(world.engine.resume(task.intent))
    assert (saved.problem, saved.path and saved.path.read_bytes()) == (None, VIDEO)
    assert sorted(path.suffix for path in media.iterdir()) == [".jpg", ".json", ".mp4"]
    assert (len(world.service.seen("video")), len(world.service.seen("submit"))) == (1, 1)


@pytest.mark.parametrize("end", [".mp4", ".json"])
async def test_video_gets_another_name_where_a_program_holds_its_own(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """A damaged video in a player, or a sidecar in an editor, stays as it is; the whole video is beside it."""
    task = await world.end(world.generate("A fox"))
    assert task.path
    task.path.write_bytes(VIDEO[:50])
    held = task.path.with_suffix(end)
    before = held.read_bytes()
    hold_open(media, monkeypatch, lambda call, name: call in MOVES and name == held.name)
    again = await world.end(world.generate("A fox", again=False))
    assert (again.intent, again.problem, again.path) == (task.intent, None, media / f"a-fox-{task.key}-2.mp4")
    assert again.path
    assert (again.path.read_bytes(), held.read_bytes()) == (VIDEO, before)
    assert sidecars.intent_of(again.path) == task.intent
    assert len(world.service.seen("submit")) == 1


async def test_rests_that_cannot_be_deleted_do_no_harm(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of a killed kernel and of a broken video stay where they are held; the video is saved all the same."""
    whole = film(content=4000)
    world.service.script("video", reply(200, content=whole[:3000]))
    hold_open(media, monkeypatch, lambda call, name: call in ("unlink", "remove"))
    handle = world.generate("A fox")
    left = media / f".{Path(handle.task.filename).stem}.mp4.99.part"
    left.write_bytes(b"half")
    task = await world.end(handle)
    assert (task.problem, task.path and task.path.read_bytes()) == (None, VIDEO)
    assert left.exists()


async def test_held_video_is_the_clip_all_the_same(
    world: World, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video that nobody else may even read now is known by its sidecar: nothing is paid for it again."""
    task = await world.end(world.generate("A fox"))
    world.engine.handles.clear()
    world.engine.journal.close()
    (tmp_path / "home").rename(tmp_path / "lost")
    hold_open(media, monkeypatch, lambda call, name: call == "open" and name == task.filename)
    assert world.generate("A fox", again=False).task.path == task.path
    assert len(world.service.seen("submit")) == 1


async def test_half_a_video_that_is_held_is_not_taken_for_a_whole_one(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of a killed kernel into which nobody can look now: the video is fetched."""
    hold_open(media, monkeypatch, lambda call, name: call == "open" and name.endswith(".99.part"))
    handle = world.generate("A fox")
    left = media / f".{handle.task.filename}.99.part"
    left.write_bytes(b"half")
    task = await world.end(handle)
    assert (task.problem, task.path and task.path.read_bytes()) == (None, VIDEO)


def test_gallery_shows_the_videos_that_nobody_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be looked into now hides no other."""
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(VIDEO)
    hold_open(tmp_path, monkeypatch, lambda call, name: call == "open" and name == "a.mp4")
    assert sidecars.plain_videos(tmp_path, ()) == [tmp_path / "b.mp4"]


def test_file_that_is_held_for_a_moment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading it is tried again after a pause."""
    path = tmp_path / "a.mp4"
    path.write_bytes(VIDEO)
    holder = hold_open(tmp_path, monkeypatch, lambda call, name: call == "open", patience=1)
    assert size_of(path) == len(VIDEO)
    assert holder.pauses == [0.05]
