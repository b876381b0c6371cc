"""A task that takes frames of other clips: it waits for them, reads and uploads, or says why nothing was sent."""

from __future__ import annotations

import httpx
import pytest

from luma_jupyter.domain.duration_model import prior
from luma_jupyter.domain.requests import ExtendRequest, FrameRef, GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.errors import ClipCancelled, ClipFailed, ConfigError, InvalidRequest
from luma_jupyter.views.clip_html import final_html
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.text import request_summary, status_text
from tests.support import settings
from tests.support.fake_service import reply
from tests.support.world import EPOCH, World, preview


@pytest.fixture(autouse=True)
def films(world: World, film_bytes: bytes) -> None:
    """The service's videos are of a second that is red and then blue."""
    world.service.script("video", reply(200, content=film_bytes), for_ever=True)


def frame(clip: Handle, when: float | str = "last", label: str = "storm") -> FrameRef:
    return FrameRef(clip.task.intent, when, label)


def state(task: Task) -> ClipState:
    return ClipState(task, "night", EPOCH, prior("acedata"))


def goes_on(world: World, clip: Handle, when: float | str = "last", **options: object) -> Handle:
    """A clip that begins with a frame of another one."""
    request = GenerateRequest(prompt="Night falls", start_image=frame(clip, when))
    return world.submit(request, frames={"start_image": clip}, **options)


async def test_frame_is_waited_for_then_uploaded(world: World) -> None:
    """It is queued until its clip is done; what is kept names the frame, and shows it small."""
    storm = world.generate("A storm")
    night = goes_on(world, storm)
    await world.until(storm, Status.SAVING)
    assert night.task.status is Status.QUEUED
    assert status_text(state(night.task)) == "queued: needs storm first; nothing is sent yet"
    assert len(world.service.seen("submit")) == 1
    task = await world.end(night)
    assert world.story(night) == "queued submitting running saving completed"
    assert world.service.seen("submit")[1].payload["start_image_url"] == "https://media.example/uploaded-1"
    assert b"\x89PNG" in world.service.seen("upload")[0].request.content
    assert isinstance(task.request, GenerateRequest)
    assert task.request.start_image == frame(storm)
    assert request_summary(task) == "generate 16:9, from storm@last"
    assert 'alt="First frame, as it was sent: storm@last"' in final_html(state(task))


async def test_chain_by_frames_is_submitted_link_by_link(world: World) -> None:
    """Five shots that were asked for at once are made one after the other."""
    shots = [world.generate("Shot 1")]
    for _ in range(4):
        shots.append(goes_on(world, shots[-1]))
    assert {shot.task.status for shot in shots} == {Status.QUEUED}
    tasks = [await world.end(shot) for shot in shots]
    assert [task.status for task in tasks] == [Status.COMPLETED] * 5
    assert [task.submitted_at for task in tasks[1:]] == [task.ended_at for task in tasks[:-1]]


async def test_step_waits_for_its_source_and_its_frame(world: World) -> None:
    """An extension that ends on another clip's frame waits for both, and says so."""
    source, end = world.generate("A storm"), world.generate("The sun")
    world.service.script("submit", world.service.after(100))
    request = ExtendRequest(prompt="It clears up", end_image=frame(end, "first", "sun"))
    handle = world.submit(request, after=source, label="storm", frames={"end_image": end})
    assert status_text(state(handle.task)) == "queued: needs storm and sun first; nothing is sent yet"
    task = await world.end(handle)
    assert task.status is Status.COMPLETED
    assert task.submitted_at == max(source.task.ended_at or 0, end.task.ended_at or 0)
    sent = world.service.seen("submit")[2].payload
    assert sent["video_id"].startswith("video-of-task-")
    assert sent["end_image_url"] == "https://media.example/uploaded-1"


async def test_waiting_for_a_frame_holds_no_slot(world: World) -> None:
    """With one submission at once, others are sent while a step waits for its clip."""
    settings.configure(submissions=1)
    storm = world.generate("A storm")
    night = goes_on(world, storm)
    await world.until(storm, Status.RUNNING)
    other = world.generate("A fox")
    await world.until(other, Status.RUNNING)
    assert night.task.status is Status.QUEUED
    assert (await world.end(night)).status is Status.COMPLETED


@pytest.mark.parametrize("early", [True, False], ids=["asked early", "asked late"])
@pytest.mark.parametrize("ending", ["failed", "unconfirmed", "detached", "cancelled"])
async def test_frame_of_a_clip_without_video_sends_nothing(world: World, ending: str, early: bool) -> None:
    """However its clip ends, a step fails in the words that a failed source has; so does what comes after it."""
    storm = world.generate_to(ending)
    if not early:
        await world.end(storm)
    night = goes_on(world, storm)
    last = goes_on(world, night)
    assert (await world.end(storm)).status == ending
    sent = len(world.service.seen("submit"))
    task = await world.end(night)
    first = "`%luma retry storm` goes on with that one" if ending == "unconfirmed" else "run that one again first"
    assert isinstance(task.error, ClipFailed)
    assert str(task.error) == f"Nothing was sent: its source storm ended as {ending}; {first}."
    assert task.error.reason is storm.task.error
    assert "Nothing was sent" in str((await world.end(last)).error)
    assert len(world.service.seen("submit")) == sent


async def test_step_fails_as_soon_as_one_of_its_clips_has(world: World) -> None:
    """Nobody waits a quarter of an hour for the other one."""
    slow = world.generate("A storm")
    fails = world.generate("Dragons")
    request = GenerateRequest(prompt="Night", start_image=frame(slow), end_image=frame(fails, "first", "dragons"))
    handle = world.submit(request, frames={"start_image": slow, "end_image": fails})
    await world.until(slow, Status.RUNNING)
    fails.stop()
    task = await world.end(handle)
    assert "its source dragons ended as" in str(task.error)
    assert slow.task.status is Status.RUNNING


async def test_frame_of_a_file_that_is_gone_sends_nothing(world: World) -> None:
    """It is told at once where the clip is done, and else when it is; with what brings the file back."""
    words = r"the file of storm is not here: `%luma retry storm` fetches it again\.$"
    storm = world.generate("A storm")
    night = goes_on(world, storm)
    world.service.behave("video")
    world.service.script("video", reply(404), for_ever=True)
    assert str((await world.end(night)).error).startswith("Nothing was sent: the file of storm is not here: ")
    assert storm.task.status is Status.COMPLETED
    with pytest.raises(InvalidRequest, match=words.replace("the", "The", 1)):
        goes_on(world, storm)
    assert len(world.service.seen("submit")) == 1


async def test_moment_behind_the_end_sends_nothing(world: World) -> None:
    """Of a clip that is not done nobody can tell before; of one that is, it is refused at once."""
    storm = world.generate("A storm")
    night = goes_on(world, storm, 9.0)
    words = "storm@9: The video has no frame at 9 s: it is 1.00 s long."
    assert str((await world.end(night)).error) == f"Nothing was sent: {words}"
    with pytest.raises(InvalidRequest, match=f"^{words}$"):
        goes_on(world, storm, 9.0)
    assert len(world.service.seen("submit")) == 1


async def test_step_that_is_stopped_while_it_waits_for_a_frame_sends_nothing(world: World) -> None:
    """Nothing was sent, and its clip goes on."""
    storm = world.generate("A storm")
    night = goes_on(world, storm)
    await world.until(storm, Status.RUNNING)
    night.stop()
    task = await world.end(night)
    assert isinstance(task.error, ClipCancelled)
    assert str(task.error).endswith("Nothing was sent.")
    assert (await world.end(storm)).status is Status.COMPLETED
    assert len(world.service.seen("submit")) == 1


async def test_step_whose_clips_nobody_knows_any_more_sends_nothing(world: World) -> None:
    """As in a kernel that took it over without its cell."""
    request = GenerateRequest(prompt="Night falls", start_image=FrameRef("a" * 32, "last", "storm"))
    task = await world.end(world.submit(request))
    assert str(task.error) == "Nothing was sent: run the cell again."


async def test_unconfirmed_step_is_sent_again_to_the_letter(world: World) -> None:
    """What was sent has its picture already: neither its clip nor a frame of it is needed again."""
    storm = world.generate("A storm")
    world.service.script("submit", None, httpx.ReadError("lost"))
    night = goes_on(world, storm)
    assert (await world.end(night)).status is Status.UNCONFIRMED
    assert storm.task.path
    storm.task.path.unlink()
    again = world.engine.resume(night.task.intent, resend=True, may_pay_twice=True)
    assert status_text(state(again.task)) == "nobody knows yet whether it was received: it is looked for at the service"
    assert (await world.end(again)).status is Status.COMPLETED
    sent = [seen.payload for seen in world.service.seen("submit")]
    assert sent[1] == sent[2]
    assert len(world.service.seen("upload")) == 1


async def test_plan_shows_a_frame_by_name(world: World) -> None:
    """A dry run says when it will be there; of a clip that is done, that it is uploaded first."""
    storm = world.generate("A storm")
    request = GenerateRequest(prompt="Night falls", start_image=frame(storm))
    options = {"frames": {"start_image": storm}}
    assert preview(world.engine, request, **options).payload["start_image_url"] == "‹storm@last, when it is done›"
    await world.end(storm)
    assert preview(world.engine, request, **options).payload["start_image_url"] == "‹storm@last, uploaded first›"
    assert world.service.seen("upload") == []


@pytest.mark.parametrize("done", [True, False])
async def test_frame_that_could_not_be_sent_is_refused_at_once(
    world: World, done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the token that files need, and without the package that reads frames; before anything is queued."""
    storm = world.generate("A storm")
    if done:
        await world.end(storm)
    settings.configure(acedata_platform_token=None)
    with pytest.raises(
        InvalidRequest, match="storm@last is a file of yours, which AceDataCloud takes only with a platform"
    ):
        goes_on(world, storm)
    monkeypatch.setattr("luma_jupyter.video.frames.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'luma-jupyter\[media\]'"):
        goes_on(world, storm)
    assert len(world.engine.handles) == 1 - done


async def test_frame_of_a_simulated_clip_forces_no_demo(world: World) -> None:
    """It goes where the request would go without it, as any picture."""
    storm = world.generate("A storm")
    storm.task = storm.task.evolve(provider="demo")
    night = goes_on(world, storm)
    assert night.task.provider == "acedata"
    assert (await world.end(night)).status is Status.COMPLETED
