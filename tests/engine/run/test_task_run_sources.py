"""A task that comes after another: it waits for its source, takes its video, and sends nothing if there is none."""

from __future__ import annotations

import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipFailed, ClipUnconfirmed
from tests.support import settings
from tests.support.world import World


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        ("extend", {"action": "extend", "video_id": "video-of-task-1"}),
        ("modify", {"model": "luma-modify-video", "source_video_url": "https://media.example/task-1.mp4"}),
    ],
)
async def test_follow_up_waits_for_its_source(world: World, action: str, sent: dict[str, str]) -> None:
    """A follow-up of a running clip is queued until it is done; its own service gets the id, another one the URL."""
    source = world.generate()
    handle = getattr(world, action)(source)
    await world.until(source, Status.SAVING)
    assert handle.task.status is Status.QUEUED
    assert len(world.service.seen("submit")) == 1
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running saving completed"
    assert source.task.status is Status.COMPLETED
    submitted = world.service.seen("submit")[1]
    assert submitted.payload.items() >= sent.items()
    assert "video_url" not in submitted.payload
    assert task.request.source is not None  # type: ignore[union-attr]
    assert task.source_label == "fox"


async def test_source_of_another_service_is_extended_by_url(world: World) -> None:
    """RunAPI gives no video id, and its task ids mean nothing elsewhere: AceDataCloud gets the URL."""
    handle = world.extend(world.modify(world.generate()))
    await world.end(handle)
    payload = world.service.seen("submit")[2].payload
    assert payload["video_url"] == "https://media.example/task-2.mp4"
    assert "video_id" not in payload


async def test_source_id_of_another_service_is_not_sent(world: World) -> None:
    """A video id is of use only where it comes from: elsewhere the follow-up names the video by URL."""
    source = world.generate()
    await world.end(source)
    source.task = source.task.evolve(provider="runapi")
    await world.end(world.extend(source))
    payload = world.service.seen("submit")[1].payload
    assert payload["video_url"] == "https://media.example/task-1.mp4"
    assert "video_id" not in payload


async def test_source_without_an_id_is_extended_by_url(world: World) -> None:
    """Where the service reported no video id, its own follow-up names the video by URL."""
    world.service.result = {"video_id": None}
    await world.end(world.extend(world.generate()))
    assert world.service.seen("submit")[1].payload["video_url"] == "https://media.example/task-1.mp4"


async def test_chain_of_follow_ups_is_submitted_link_by_link(world: World) -> None:
    """A chain is submitted link by link, each after the end of the one before, however early it was asked for."""
    first = world.generate()
    second = world.extend(first)
    third = world.extend(second)
    await world.end(third)
    assert [seen.payload.get("video_id") for seen in world.service.seen("submit")] == [
        None,
        "video-of-task-1",
        "video-of-task-2",
    ]
    ends = [handle.task.ended_at for handle in (first, second)]
    assert [handle.task.submitted_at for handle in (second, third)] == ends


async def test_follow_ups_of_one_source_are_independent(world: World) -> None:
    """One clip can be the source of several; stopping one of them does no harm to the clip or the other."""
    source = world.generate()
    longer, foggy = world.extend(source), world.modify(source)
    await world.until(source, Status.RUNNING)
    longer.stop()
    assert (await world.end(longer)).status is Status.CANCELLED
    assert (await world.end(foggy)).status is Status.COMPLETED
    assert source.task.status is Status.COMPLETED


async def test_follow_up_of_a_finished_source_starts_at_once(world: World) -> None:
    """When the source is done already, its follow-up is submitted without delay."""
    source = world.generate()
    ended = (await world.end(source)).ended_at
    task = await world.end(world.extend(source))
    assert task.submitted_at == ended


@pytest.mark.parametrize("early", [True, False], ids=["asked early", "asked late"])
@pytest.mark.parametrize("ending", ["failed", "unconfirmed", "detached", "cancelled"])
async def test_follow_up_of_a_source_without_video_sends_nothing(world: World, ending: str, early: bool) -> None:
    """However a source ends without a video, its follow-ups fail, name it, keep the reason, and send nothing."""
    source = world.generate_to(ending)
    if not early:
        await world.end(source)
    second = world.extend(source)
    third = world.modify(second)
    assert (await world.end(source)).status == ending
    sent = len(world.service.seen("submit"))
    task = await world.end(second)
    last = await world.end(third)
    assert world.story(second) == world.story(third) == "queued failed"
    assert isinstance(task.error, ClipFailed)
    assert f"Nothing was sent: its source fox ended as {ending}" in str(task.error)
    assert task.error.reason is source.task.error
    assert "Nothing was sent" in str(last.error)
    assert len(world.service.seen("submit")) == sent
    if ending == "unconfirmed":
        assert isinstance(task.error.reason, ClipUnconfirmed)


async def test_source_on_a_local_network_is_not_sent(world: World) -> None:
    """A result whose URL only the user's network can reach is refused before it is sent to another service."""
    world.service.result = {"video_url": "http://192.168.0.7/v.mp4"}
    source = world.generate()
    handle = world.modify(source)
    task = await world.end(handle)
    assert source.task.status is Status.COMPLETED
    assert world.story(handle) == "queued failed"
    assert "192.168.0.7" in str(task.error)
    assert len(world.service.seen("submit")) == 1


async def test_follow_up_of_a_real_clip_is_not_simulated_silently(world: World) -> None:
    """When the key of the next step's service is missing, the follow-up is an error, not a simulation."""
    source = world.generate()
    settings.configure(runapi_key=None)
    with pytest.raises(Exception, match="RUNAPI_API_KEY"):
        world.modify(source)
    assert list(world.engine.handles.values()) == [source]
