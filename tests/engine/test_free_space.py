"""A nearly full disk: nothing is paid for that would find no room, and all that costs nothing goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library.space import LEAST_FREE
from luma_jupyter.errors import ConfigError
from tests.support.fake_service import FakeService
from tests.support.world import World

REFUSED = r"^Only 150 MB are free for videos in .*, and 200 MB should be: .* Nothing was sent\.$"


def fill_up(world: World) -> None:
    """From now on there is little room."""
    world.engine.free_space = lambda folder: 150_000_000


async def test_paid_request_is_refused_before_anything_is_entered(world: World) -> None:
    """Whatever it asks for, no task exists after it, in the journal or here; and nothing was sent."""
    source = world.generate()
    await world.end(source)
    fill_up(world)
    for ask in (world.generate, lambda: world.extend(source), lambda: world.modify(source)):
        with pytest.raises(ConfigError, match=REFUSED):
            ask()
    assert world.engine.handles == {}  # the source has ended
    assert [entry.task.intent for entry in world.engine.journal.entries()] == [source.task.intent]
    assert len(world.service.seen("submit")) == 1


async def test_room_is_looked_for_where_videos_are_saved(world: World, media: Path) -> None:
    """The folder that is asked about is the media folder; with just enough room, the video is made."""
    asked: list[Path] = []

    def just_enough(folder: Path) -> int:
        asked.append(folder)
        return LEAST_FREE

    world.engine.free_space = just_enough
    assert (await world.end(world.generate())).status is Status.COMPLETED
    assert asked == [media]


async def test_room_for_videos_as_large_as_the_last_ones_is_looked_for(world: World) -> None:
    """How large they were the journal says, so that the folder need not be listed."""
    made = await world.end(world.generate())
    journal = world.engine.journal
    (entry,) = journal.entries()
    journal.acquire(entry, made.evolve(file_size=100_000_000))
    world.engine.free_space = lambda folder: 499_000_000
    with pytest.raises(ConfigError, match="500 MB should be"):
        world.generate("A mill")


async def test_request_is_made_where_nobody_can_tell_how_much_is_free(world: World) -> None:
    """Some file systems do not say: that refuses nothing."""

    def unknown(folder: Path) -> int:
        raise OSError(38, "Function not implemented")

    world.engine.free_space = unknown
    assert (await world.end(world.generate())).status is Status.COMPLETED


@pytest.mark.usefixtures("demo")
async def test_demo_clip_is_made_all_the_same(world: World) -> None:
    """A simulated clip costs nothing, so it may try."""
    fill_up(world)
    task = await world.end(world.generate(provider="demo"))
    assert (task.status, task.provider) == (Status.COMPLETED, "demo")
    assert task.path


async def test_answered_request_plays(world: World) -> None:
    """What was made before is shown as ever, and what is under way is followed and saved."""
    made = await world.end(world.generate("A boat"))
    running = world.generate("A mill")
    await world.until(running, Status.RUNNING)
    fill_up(world)
    assert world.generate("A boat", again=False).task.path == made.path
    assert world.generate("A mill", again=False) is running
    assert (await world.end(running)).path
    assert len(world.service.seen("submit")) == 2


@pytest.mark.parametrize("resend", [True, False])
async def test_unconfirmed_request_is_not_sent_again(world: World, service: FakeService, resend: bool) -> None:
    """To look for it is free; to send it again is not, and is refused."""
    service.script("submit", service.lose)
    unconfirmed = await world.end(world.generate())
    assert unconfirmed.status is Status.UNCONFIRMED
    fill_up(world)
    if resend:
        with pytest.raises(ConfigError, match=REFUSED):
            world.engine.resume(unconfirmed.intent, may_pay_twice=True)
        assert world.engine.handles[unconfirmed.intent].task.status is Status.UNCONFIRMED
    else:
        looked_for = await world.end(world.engine.resume(unconfirmed.intent))
        assert looked_for.status is Status.UNCONFIRMED
        assert looked_for.ended_at == unconfirmed.ended_at
    assert len(service.seen("submit")) == 1
