"""What is known of earlier tasks: by the media folder alone, by this kernel without a journal, by their files."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.leases import HEARTBEAT_INTERVAL
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.errors import ConfigError
from tests.engine.kernels import (
    Kernels,
    ask,
    detached,
    failed,
    paid,
    requests,
)
from tests.support import settings
from tests.support.fake_service import VIDEO, reply
from tests.support.world import World


async def test_media_folder_alone_plays_a_notebook(
    world: World, kernels: Kernels, tmp_path: Path, no_keys: Any
) -> None:
    """The folder alone plays a notebook through, in a fresh home and without a key: nobody is asked for anything."""
    blue = world.modify(world.extend(ask(world)))
    await world.end(blue)
    before = requests(world)
    no_keys()
    handed = tmp_path / "pupil" / "films"
    shutil.copytree(tmp_path / "luma_videos", handed)
    settings.configure(home=tmp_path / "pupil" / "home", media=handed)
    pupil = kernels.start()
    fox = ask(pupil)
    longer = pupil.extend(fox, again=False)
    shown = pupil.modify(longer, again=False)
    for handle in (fox, longer, shown):
        assert handle.reused
        assert handle.task.status is Status.COMPLETED
        assert handle.task.path
        assert handle.task.path.parent == handed
    assert shown.task.intent == blue.task.intent
    assert requests(world) == before
    assert {task.intent for task in pupil.engine.repository.history()} == {h.task.intent for h in (fox, longer, shown)}


async def test_media_folder_needs_no_usable_home(world: World, kernels: Kernels, tmp_path: Path, no_keys: Any) -> None:
    """To show what is there, no journal is needed; to make anything new, one is."""
    made = await world.end(ask(world))
    (tmp_path / "in the way").write_text("")
    settings.configure(home=tmp_path / "in the way")
    pupil = kernels.start()
    assert ask(pupil).task.path == made.path
    with pytest.raises(ConfigError, match="LUMA_JUPYTER_HOME"):
        ask(pupil, "Another film")
    no_keys()
    assert ask(pupil).task.path == made.path
    assert paid(world) == 1


async def test_forged_sidecar_changes_no_entry(world: World, media: Path) -> None:
    """A sidecar that names a clip of the journal changes none of its words; one that does not fit is none."""
    made = await world.end(ask(world))
    assert made.path
    sidecar = made.path.with_suffix(".json")
    data = json.loads(sidecar.read_bytes())
    other = media / "a-red-fox-00000000.json"
    other.write_text(json.dumps({**data, "intent": "0" * 32, "prompt": "A blue fox"}))
    shutil.copy(made.path, other.with_suffix(".mp4"))
    sidecar.write_text(json.dumps({**data, "task_id": "forged", "provider": "demo", "cost": 1000.0}))
    shown = ask(world).task
    assert (shown.intent, shown.task_id, shown.provider, shown.cost) == (made.intent, "task-1", "acedata", None)
    assert shown.path == made.path
    assert list(world.engine.repository.history()) == [made]


async def test_lost_journal_is_made_up_for_by_the_kernel_that_follows(world: World, tmp_path: Path) -> None:
    """What this kernel follows, it knows without the journal: the same cell is still the same task."""
    first = ask(world)
    await world.until(first, Status.RUNNING)
    (tmp_path / "home" / FILE_NAME).write_bytes(b"garbage" * 1000)
    assert ask(world) is first
    made = await world.end(first)
    assert ask(world).task.intent == made.intent
    assert paid(world) == 1
    assert [task.intent for task in world.engine.repository.history()] == [made.intent]


async def test_heartbeat_enters_again_what_a_lost_journal_had(world: World, tmp_path: Path) -> None:
    """Where the journal is lost while a task runs, the next beat enters it again, so that no other kernel pays anew."""
    world.service.seconds = 4 * HEARTBEAT_INTERVAL
    handle = ask(world)
    await world.until(handle, Status.RUNNING)
    shutil.rmtree(tmp_path / "home")
    await asyncio.sleep(1.5 * HEARTBEAT_INTERVAL)
    (entry,) = world.engine.journal.entries()
    assert (entry.task.intent, entry.task.status, entry.alive) == (handle.task.intent, Status.RUNNING, True)
    assert (await world.end(handle)).status is Status.COMPLETED


async def test_lost_journal_of_a_detached_clip_pays_nothing_twice(world: World, tmp_path: Path) -> None:
    """A clip that was stopped in this kernel is followed further, though the journal was lost meanwhile."""
    first = await detached(world)
    shutil.rmtree(tmp_path / "home")
    task = await world.end(ask(world))
    assert (task.status, task.intent) == (Status.COMPLETED, first.intent)
    assert paid(world) == 1
    assert [task.intent for task in world.engine.repository.history()] == [first.intent]


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(VIDEO[:-1])], ids=["missing", "cut"])
async def test_media_folder_with_a_broken_video_fetches_it_again(
    world: World, kernels: Kernels, tmp_path: Path, no_keys: Any, harm: Any
) -> None:
    """A handed-out video that is missing or cut is fetched again by its sidecar's address: free, and without a key."""
    made = await world.end(ask(world))
    handed = tmp_path / "pupil" / "films"
    shutil.copytree(tmp_path / "luma_videos", handed)
    harm(handed / made.filename)
    no_keys()
    settings.configure(home=tmp_path / "pupil" / "home", media=handed)
    pupil = kernels.start()
    task = await pupil.end(ask(pupil))
    assert (task.intent, task.path, task.status) == (made.intent, handed / made.filename, Status.COMPLETED)
    assert task.path.read_bytes() == VIDEO
    assert paid(world) == 1


async def test_unfinished_of_a_renamed_folder_is_not_forgotten(kernels: Kernels, tmp_path: Path) -> None:
    """What was unfinished in a folder that is gone is told in every folder; what lies in another one is not."""
    folder = tmp_path / "before"
    folder.mkdir()
    kernel.configuration.remember_folder(folder)
    one, two = kernels.start(), kernels.start()
    first = ask(one)
    await one.until(first, Status.RUNNING)
    await kernels.kill(one)
    folder.rename(tmp_path / "after")
    assert [task.intent for task in two.engine.repository.unfinished(tmp_path / "after")] == [first.task.intent]
    (tmp_path / "before").mkdir()
    assert two.engine.repository.unfinished(tmp_path / "after") == []


async def test_lost_clip_of_a_renamed_folder_is_saved_where_that_is_now(kernels: Kernels, tmp_path: Path) -> None:
    """The folder of before is not made again: what else was unfinished in it would be no folder's any more."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    kernel.configuration.remember_folder(before)
    one, two = kernels.start(), kernels.start()
    one.service.echoes = one.service.lists = True
    one.service.script("submit", one.service.lose)
    lost = await one.end(ask(one))
    before.rename(after)
    settings.configure(media=after / "luma_videos")
    task = await two.end(two.engine.resume(lost.intent))
    assert task.status is Status.COMPLETED
    assert task.path
    assert task.path.is_relative_to(after)
    assert not before.exists()


async def test_unfinished_has_no_doubt_that_a_new_video_answered(world: World) -> None:
    """A clip in doubt is no unfinished one any more when the user made it anew."""
    world.service.script("submit", httpx.ReadError("lost"))
    await world.end(ask(world))
    folder = settings.current().folder
    assert len(world.engine.repository.unfinished(folder)) == 1
    await asyncio.sleep(1)
    await world.end(ask(world, again=True))
    assert world.engine.repository.unfinished(folder) == []


async def test_deleted_file_is_fetched_again(world: World, no_keys: Any) -> None:
    """A clip whose file is gone has its file again: fetched, not paid for, and no key is needed for that."""
    made = await world.end(ask(world))
    assert made.path
    made.path.unlink()
    no_keys()
    shown = ask(world)
    task = await world.end(shown)
    assert (task.status, task.path, task.problem, task.intent) == (Status.COMPLETED, made.path, None, made.intent)
    assert made.path.read_bytes() == VIDEO
    assert (paid(world), len(world.service.seen("video"))) == (1, 2)
    assert ask(world).reused


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_deleted_file_with_an_expired_address_is_told(world: World, media: Path, status: int) -> None:
    """A file that is gone, and whose address is, too: the clip says so and what helps, and nothing is paid."""
    made = await world.end(ask(world))
    shutil.rmtree(media)
    world.service.script("video", *[reply(status)] * 20)
    task = await world.end(ask(world))
    assert (task.status, task.path, task.intent) == (Status.COMPLETED, None, made.intent)
    assert f"HTTP {status}. Addresses expire (RunAPI's after 7 days); --again makes a new one." in str(task.problem)
    assert paid(world) == 1
    world.service.behave("video")
    assert (await world.end(ask(world))).path


async def test_video_that_was_never_saved_is_fetched_again(world: World) -> None:
    """Where the file could not be had at first, the same cell tries it again."""
    world.service.script("video", *[reply(503)] * 4)
    assert (await world.end(ask(world))).path is None
    task = await world.end(ask(world))
    assert task.path
    assert (paid(world), task.problem) == (1, None)


@pytest.mark.parametrize("with_sidecar", [True, False])
async def test_copied_clip_replaces_no_file(kernels: Kernels, tmp_path: Path, with_sidecar: bool) -> None:
    """A clip that is copied into a folder where another file has its name gets another name; that file stays."""
    one, two = kernels.start(), kernels.start()
    made = await one.end(ask(one))
    other = tmp_path / "other"
    other.mkdir()
    settings.configure(media=other)
    taken = other / made.filename
    taken.write_bytes(b"precious")
    if with_sidecar:
        taken.with_suffix(".json").write_text('{"intent": "another"}')
    shown = ask(two).task
    assert shown.path == other / f"{taken.stem}-2.mp4"
    assert shown.path.read_bytes() == VIDEO
    assert taken.read_bytes() == b"precious"
    assert ask(two).task.path == shown.path


async def test_clips_with_equal_keys_have_two_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clips of one prompt whose random keys begin alike, as one in four billion do, have two files."""
    intents = [uuid.UUID(hex=f"0123abcd{number:024x}") for number in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(uuid, "uuid4", intents.copy().pop)
        tasks = [await world.end(ask(world, again=True)) for _ in intents]
    assert [task.filename for task in tasks] == ["a-red-fox-0123abcd.mp4", "a-red-fox-0123abcd-2.mp4"]
    assert all(task.path and task.path.read_bytes() == VIDEO for task in tasks)
    assert ask(world).task.path in [task.path for task in tasks]


async def test_unfinished_is_what_nobody_follows_to_its_end(kernels: Kernels) -> None:
    """What a dead kernel left, and what is in doubt, is unfinished; what is done, failed or followed is not."""
    one, two = kernels.start(), kernels.start()
    await one.end(await failed(one))
    await one.end(ask(one, "Done"))
    one.service.script("submit", one.service.lose)
    doubt = await one.end(ask(one, "In doubt"))
    await asyncio.sleep(1)
    here = ask(two, "Followed here")
    left = ask(one, "Left")
    await one.until(left, Status.RUNNING)
    folder = settings.current().folder
    assert [task.intent for task in two.engine.repository.unfinished(folder)] == [doubt.intent]
    one.service.seconds = 1000
    await kernels.kill(one)
    assert here.task.status is Status.RUNNING
    unfinished = two.engine.repository.unfinished(folder)
    assert [(task.intent, task.status) for task in unfinished] == [
        (doubt.intent, Status.UNCONFIRMED),
        (left.task.intent, Status.DETACHED),
    ]
    assert two.engine.repository.unfinished(folder / "other") == []
