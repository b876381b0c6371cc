"""Asking for the same again: what was made is shown, what runs is followed, what is in doubt is told; none is paid."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fake_service import VIDEO, FakeService, reply
from loops import LoopBridge
from world import EPOCH, World

from luma_jupyter import settings
from luma_jupyter.choices import Provider
from luma_jupyter.engine.database import Database
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.journal import FILE_NAME, Journal, Row
from luma_jupyter.engine.owners import HEARTBEAT, SILENCE
from luma_jupyter.engine.poller import Poller
from luma_jupyter.engine.recall import settled, standing
from luma_jupyter.engine.services import Services
from luma_jupyter.errors import (
    ClipCancelled,
    ClipDetached,
    ClipFailed,
    ClipUnconfirmed,
    ConfigError,
    InvalidRequest,
)
from luma_jupyter.models import GenerateRequest, ModifyRequest, Status, Task, VideoRef

PROMPT = "A red fox"
DEMO_URL = "http://127.0.0.1:5000"


def now() -> float:
    return EPOCH + asyncio.get_running_loop().time()


class Kernels:
    """Kernels on machines of their own that share a home folder and the services; they live as long as they beat."""

    def __init__(self, service: FakeService, services: Services) -> None:
        self._service = service
        self._services = services
        self._made = 0

    def start(self) -> World:
        self._made += 1
        engine = Engine(LoopBridge(), self._services, now, lambda: 0.0)
        home = settings.current().home_folder
        owner = f"elsewhere|{self._made}|1.0"
        engine.archive.journals[home] = Journal(home, clock=now, owner=owner, tell=engine.notices.append)
        return World(engine, self._service)

    @staticmethod
    async def kill(world: World) -> None:
        """End a kernel at once: it writes nothing more, and the others hear no beat of it for long enough."""
        for handle in world.engine.handles.values():
            handle.keep = lambda task: None
            handle.stop()
        if heart := world.engine._lives._heart:
            heart.cancel()
        await asyncio.sleep(SILENCE + 1)


@pytest.fixture
def kernels(keys: None, service: FakeService, services: Services) -> Kernels:
    return Kernels(service, services)


def ask(world: World, prompt: str = PROMPT, **options: Any) -> Handle:
    """Run the cell."""
    return world.generate(prompt, **{"again": False, **options})


def paid(world: World) -> int:
    return len(world.service.seen("submit"))


def requests(world: World) -> int:
    """All that any service was asked."""
    return sum(len(world.service.seen(kind)) for kind in ("submit", "look", "list", "quote", "video", "thumbnail"))


# In one kernel.


async def test_what_runs_is_followed_once(world: World) -> None:
    """The same cell again while its clip is under way is the same task, at each step of its life."""
    world.service.script("video", world.service.after(10))
    first = ask(world)
    for status in (Status.SUBMITTING, Status.RUNNING, Status.SAVING):
        assert ask(world) is first
        await world.until(first, status)
        assert ask(world) is first
    await world.end(first)
    assert not first.recalled
    assert paid(world) == 1


async def test_what_is_done_is_shown(world: World) -> None:
    """The same cell again after the end is the same clip, with its file, and nobody is asked for anything."""
    made = await world.end(ask(world))
    before = requests(world)
    shown = ask(world)
    assert shown.recalled
    assert shown.done.done()
    same = ("intent", "task_id", "path", "file_size", "created_at", "ended_at", "video", "provider")
    assert {name: getattr(shown.task, name) for name in same} == {name: getattr(made, name) for name in same}
    assert shown.task.path
    assert shown.task.path.read_bytes() == VIDEO
    assert requests(world) == before


async def _failed(world: World) -> Handle:
    world.service.script("submit", reply(403, {"error": {"code": "forbidden", "message": "No dragons."}}))
    return ask(world)


async def _failed_while_running(world: World) -> Handle:
    world.service.failure = {"code": "api_error", "message": "The dragon escaped."}
    handle = ask(world)
    await world.end(handle)
    world.service.failure = None
    return handle


async def _cancelled(world: World) -> Handle:
    handle = ask(world)
    handle.stop()
    return handle


@pytest.mark.parametrize("end", [_failed, _failed_while_running, _cancelled])
async def test_what_came_to_nothing_is_made_anew(world: World, end: Callable[[World], Any]) -> None:
    """After a failed or a cancelled clip, the same cell is a new task."""
    first = await end(world)
    assert (await world.end(first)).status in (Status.FAILED, Status.CANCELLED)
    before = paid(world)
    second = await world.end(ask(world))
    assert second.status is Status.COMPLETED
    assert second.intent != first.task.intent
    assert paid(world) == before + 1


async def test_what_was_let_go_is_taken_up(world: World) -> None:
    """After a stop, the same cell follows the same task to its end."""
    first = ask(world)
    await world.until(first, Status.RUNNING)
    first.stop()
    assert (await world.end(first)).status is Status.DETACHED
    second = ask(world)
    task = await world.end(second)
    assert (task.status, task.intent, task.error) == (Status.COMPLETED, first.task.intent, None)
    assert paid(world) == 1


async def test_what_is_in_doubt_is_told(world: World) -> None:
    """After a lost answer, the same cell sends nothing, however often, and tells what is known."""
    world.service.script("submit", world.service.lose)
    first = await world.end(ask(world))
    assert first.status is Status.UNCONFIRMED
    for _ in range(3):
        told = ask(world)
        assert told.done.done()
        assert (told.task.intent, told.task.status) == (first.intent, Status.UNCONFIRMED)
        assert isinstance(told.task.error, ClipUnconfirmed)
        assert str(told.task.error) == str(first.error)
    assert paid(world) == 1


@pytest.mark.parametrize("when", ["running", "completed", "unconfirmed"])
async def test_again_is_a_new_one(world: World, when: str) -> None:
    """Who asks for another one gets another one, whatever stands; from then on it is the one that is shown."""
    if when == "unconfirmed":
        world.service.script("submit", world.service.lose)
    first = ask(world)
    await (world.until(first, Status.RUNNING) if when == "running" else world.end(first))
    await asyncio.sleep(1)
    second = ask(world, again=True)
    assert second.task.intent != first.task.intent
    made = await world.end(second)
    assert made.status is Status.COMPLETED
    assert ask(world).task.intent == made.intent
    assert paid(world) == 2


async def test_a_new_source_has_new_children(world: World) -> None:
    """A follow-up of the same clip is the same; of one that was made again, it is another."""
    fox = ask(world)
    longer, blue = world.extend(fox, again=False), world.modify(fox, again=False)
    for handle in (fox, longer, blue):
        await world.end(handle)
    await asyncio.sleep(1)
    new_fox = ask(world, again=True)
    new_longer = world.extend(new_fox, again=False)
    assert new_longer.task.intent != longer.task.intent
    await world.end(new_longer)
    assert paid(world) == 5
    assert world.extend(fox, again=False).task.intent == longer.task.intent
    assert world.modify(fox, again=False).task.intent == blue.task.intent
    assert world.extend(new_fox, again=False).task.intent == new_longer.task.intent
    assert paid(world) == 5


async def test_a_whole_notebook_again(world: World) -> None:
    """Restart & Run All of three steps: three paid tasks the first time, none the second."""
    for _ in range(2):
        fox = ask(world)
        longer = world.extend(fox, again=False)
        blue = world.modify(longer, again=False)
        assert (await world.end(blue)).status is Status.COMPLETED
        assert paid(world) == 3


async def test_time_limits_and_callbacks_do_not_count(world: World) -> None:
    """Another time limit, callback or variable, or the service by its name, is the same request."""
    made = await world.end(ask(world))
    request = GenerateRequest(prompt=PROMPT, callback_url="https://hook.example/")
    assert world.submit(request, again=False, timeout=5, name="x", provider="acedata").task.intent == made.intent


async def test_two_prompts_are_two_clips(world: World) -> None:
    """Any other request is another clip."""
    await world.end(ask(world))
    await world.end(ask(world, "A red fox."))
    assert paid(world) == 2


# Other kernels.


async def test_what_another_kernel_follows_is_watched(kernels: Kernels, media: Path) -> None:
    """A clip that another kernel follows is seen to its end without asking any service for it."""
    one, two = kernels.start(), kernels.start()
    one.service.script("video", one.service.after(10))
    first, second = ask(one), ask(two)
    assert second.task.intent == first.task.intent
    await one.end(first)
    before = requests(one)
    task = await two.end(second)
    assert task == first.task
    assert two.story(second).endswith("running saving completed")
    assert (paid(one), requests(one), len(list(media.glob("*.mp4")))) == (1, before, 1)


async def test_a_watched_failure(kernels: Kernels) -> None:
    """What ends badly in the kernel that follows it has the same words in the one that watches."""
    one, two = kernels.start(), kernels.start()
    one.service.failure = {"code": "api_error", "message": "The dragon escaped."}
    first, second = ask(one), ask(two)
    await one.end(first)
    task = await two.end(second)
    assert (task.status, str(task.error)) == (Status.FAILED, str(first.task.error))
    assert isinstance(task.error, ClipFailed)


async def test_watching_can_be_stopped(kernels: Kernels) -> None:
    """A stop where a clip is watched ends the watching, and does not reach the kernel that follows it."""
    one, two = kernels.start(), kernels.start()
    first, second = ask(one), ask(two)
    await one.until(first, Status.RUNNING)
    second.stop()
    assert (await two.end(second)).status is Status.DETACHED
    assert (await one.end(first)).status is Status.COMPLETED
    assert ask(two).task.path == first.task.path
    assert paid(one) == 1


async def test_a_stop_there_is_taken_up_here(kernels: Kernels) -> None:
    """A clip that the other kernel lets go is followed further by the one that watches it."""
    one, two = kernels.start(), kernels.start()
    first, second = ask(one), ask(two)
    await one.until(first, Status.RUNNING)
    first.stop()
    await one.end(first)
    task = await two.end(second)
    assert (task.status, task.intent) == (Status.COMPLETED, first.task.intent)
    assert paid(one) == 1


async def _until(world: World, handle: Handle, status: Status) -> None:
    if status is not Status.QUEUED:
        await world.until(handle, status)


@pytest.mark.parametrize("watched", [False, True], ids=["asked later", "watched"])
@pytest.mark.parametrize("status", [Status.RUNNING, Status.SAVING])
async def test_a_dead_kernel_s_clip_is_taken_over(kernels: Kernels, status: Status, watched: bool) -> None:
    """A clip whose kernel is gone is followed to its end by the next one that asks, or that watched it."""
    one, two = kernels.start(), kernels.start()
    one.service.script("video", one.service.after(1000))
    one.service.seconds = 100
    first = ask(one)
    second = ask(two) if watched else None
    await _until(one, first, status)
    await kernels.kill(one)
    second = second or ask(two)
    task = await two.end(second)
    assert (task.status, task.intent, task.error, task.problem) == (Status.COMPLETED, first.task.intent, None, None)
    assert task.path
    assert task.path.read_bytes() == VIDEO
    assert paid(one) == 1
    (row,) = two.engine.journal.rows()
    assert (row.task, row.owner) == (task, None)


async def test_a_race_of_two_kernels(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two kernels that both found nothing to show, one makes the task, and the other watches that."""
    one, two = kernels.start(), kernels.start()
    preview = one.engine.preview
    quicker: list[Handle] = []

    def preview_slowly(*args: Any, **options: Any) -> Any:
        quicker.append(ask(two))
        return preview(*args, **options)

    monkeypatch.setattr(one.engine, "preview", preview_slowly)
    slower = ask(one)
    assert [slower.task.intent] == [handle.task.intent for handle in quicker]
    assert (await one.end(slower)).status is Status.COMPLETED
    assert (await two.end(quicker[0])).status is Status.COMPLETED
    assert paid(one) == len(one.engine.archive.history()) == 1


async def test_a_race_to_take_over(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two kernels that both found a task that nobody follows, one follows it, and the other watches."""
    one, two = kernels.start(), kernels.start()
    left = ask(one)
    await one.until(left, Status.RUNNING)
    left.stop()
    await one.end(left)
    api = one.engine.services.api
    quicker: list[Handle] = []

    def slowly(*args: Any) -> Any:
        if not quicker:
            quicker.append(left)
            quicker[:] = [ask(two)]
        return api(*args)

    monkeypatch.setattr(one.engine.services, "api", slowly)
    tasks = [await one.end(ask(one)), await two.end(quicker[0])]
    assert {(task.status, task.intent) for task in tasks} == {(Status.COMPLETED, left.task.intent)}
    times = one.service.times("look")
    assert len(times) == len(set(times)) > 0
    assert paid(one) == 1


@pytest.mark.parametrize("watched", [False, True], ids=["asked later", "watched"])
async def test_a_dead_kernel_s_doubt(kernels: Kernels, watched: bool) -> None:
    """A request that was on its way when its kernel died is in doubt, and is not sent by the next one."""
    one, two = kernels.start(), kernels.start()
    one.service.script("submit", one.service.after(1000))
    first = ask(one)
    second = ask(two) if watched else None
    await asyncio.sleep(1)
    await kernels.kill(one)
    task = await two.end(second or ask(two))
    assert (task.status, task.intent) == (Status.UNCONFIRMED, first.task.intent)
    assert "It may be running and may be billed" in str(task.error)
    assert paid(one) == 1


async def test_what_had_not_left_when_its_kernel_died(kernels: Kernels) -> None:
    """A request that certainly never left is a new task for who asks later, and goes on where it is watched."""
    settings.configure(submissions=1)
    one, two, three = kernels.start(), kernels.start(), kernels.start()
    one.service.script("submit", one.service.after(1000))
    ask(one, "Another film")
    await asyncio.sleep(1)
    waiting = ask(one)
    watched = ask(two)
    await kernels.kill(one)
    later = ask(three, again=False)
    tasks = [await two.end(watched), await three.end(later)]
    assert [task.status for task in tasks] == [Status.COMPLETED] * 2
    assert waiting.task.intent == watched.task.intent
    assert {task.intent for task in tasks} == {watched.task.intent}
    assert paid(one) == 2


async def test_three_kernels_and_one_heir(kernels: Kernels) -> None:
    """Of several that watch a clip whose kernel dies, one takes it over and the others watch that one."""
    one, *others = (kernels.start() for _ in range(4))
    one.service.seconds = 300
    first = ask(one)
    handles = [ask(other) for other in others]
    await one.until(first, Status.RUNNING)
    await kernels.kill(one)
    looks = len(one.service.seen("look"))
    tasks = [await other.end(handle) for other, handle in zip(others, handles, strict=True)]
    assert {(task.status, task.intent) for task in tasks} == {(Status.COMPLETED, first.task.intent)}
    assert len({task.path for task in tasks}) == 1
    times = one.service.times("look")[looks:]
    assert len(times) == len(set(times)) > 0
    assert paid(one) == 1


async def test_a_clip_from_another_folder_is_copied(kernels: Kernels, tmp_path: Path, media: Path) -> None:
    """Each notebook has its clips in its own folder: a clip of another one is copied, with its sidecar, not fetched."""
    one, two, three = (kernels.start() for _ in range(3))
    first = ask(one)
    other = tmp_path / "other"
    settings.configure(media=other)
    watched = await two.end(ask(two))
    before = requests(one)
    shown = ask(three)
    assert shown.recalled
    for task in (watched, shown.task):
        assert task.path == other / first.task.filename
        assert task.intent == first.task.intent
    assert {path.name for path in other.iterdir()} == {first.task.filename, f"{Path(first.task.filename).stem}.json"}
    assert (other / first.task.filename).read_bytes() == VIDEO
    assert (media / first.task.filename).exists()
    assert (paid(one), requests(one)) == (1, before)


# The folder alone.


@pytest.fixture
def no_keys() -> Callable[[], None]:
    def take_away() -> None:
        settings.configure(acedata_token=None, runapi_key=None)

    return take_away


async def test_a_lesson_is_handed_out(world: World, kernels: Kernels, tmp_path: Path, no_keys: Any) -> None:
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
        assert handle.recalled
        assert handle.task.status is Status.COMPLETED
        assert handle.task.path
        assert handle.task.path.parent == handed
    assert shown.task.intent == blue.task.intent
    assert requests(world) == before
    assert {task.intent for task in pupil.engine.archive.history()} == {h.task.intent for h in (fox, longer, shown)}


async def test_a_lesson_without_a_usable_home(world: World, kernels: Kernels, tmp_path: Path, no_keys: Any) -> None:
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


async def test_a_forged_lesson_changes_nothing_else(world: World, media: Path) -> None:
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
    assert world.engine.archive.history() == [made]


async def test_a_lost_journal_while_it_runs(world: World, tmp_path: Path) -> None:
    """What this kernel follows, it knows without the journal: the same cell is still the same task."""
    first = ask(world)
    await world.until(first, Status.RUNNING)
    (tmp_path / "home" / FILE_NAME).write_bytes(b"garbage" * 1000)
    assert ask(world) is first
    made = await world.end(first)
    assert ask(world).task.intent == made.intent
    assert paid(world) == 1
    assert [task.intent for task in world.engine.archive.history()] == [made.intent]


async def test_a_heartbeat_enters_again_what_a_lost_journal_had(world: World, tmp_path: Path) -> None:
    """Where the journal is lost while a task runs, the next beat enters it again, so that no other kernel pays anew."""
    world.service.seconds = 4 * HEARTBEAT
    handle = ask(world)
    await world.until(handle, Status.RUNNING)
    shutil.rmtree(tmp_path / "home")
    await asyncio.sleep(1.5 * HEARTBEAT)
    (row,) = world.engine.journal.rows()
    assert (row.task.intent, row.task.status, row.alive) == (handle.task.intent, Status.RUNNING, True)
    assert (await world.end(handle)).status is Status.COMPLETED


async def test_a_lost_journal_while_another_kernel_watches(kernels: Kernels, tmp_path: Path) -> None:
    """The watching kernel waits for the other one to enter its task again, and then sees it to its end."""
    one, two = kernels.start(), kernels.start()
    one.service.seconds = 4 * HEARTBEAT
    first = ask(one)
    await one.until(first, Status.RUNNING)
    second = ask(two)
    await asyncio.sleep(2)
    shutil.rmtree(tmp_path / "home")
    assert (await two.end(second)).status is Status.COMPLETED
    assert paid(one) == 1


async def test_a_lost_journal_of_a_dead_kernel(kernels: Kernels, tmp_path: Path) -> None:
    """Where the journal is lost and the kernel that followed it, too, the watching one says so, and pays nothing."""
    one, two = kernels.start(), kernels.start()
    first = ask(one)
    await one.until(first, Status.RUNNING)
    second = ask(two)
    await asyncio.sleep(2)
    shutil.rmtree(tmp_path / "home")
    await kernels.kill(one)
    task = await two.end(second)
    assert task.status is Status.DETACHED
    assert "nobody can tell what became of it" in str(task.error)
    assert "task-1" in str(task.error)
    assert (await two.end(ask(two))).status is Status.COMPLETED
    assert paid(one) == 1


async def test_a_lost_journal_of_what_was_let_go(world: World, tmp_path: Path) -> None:
    """A clip that was stopped in this kernel is followed further, though the journal was lost meanwhile."""
    first = await _detached(world)
    shutil.rmtree(tmp_path / "home")
    task = await world.end(ask(world))
    assert (task.status, task.intent) == (Status.COMPLETED, first.intent)
    assert paid(world) == 1
    assert [task.intent for task in world.engine.archive.history()] == [first.intent]


async def test_watching_goes_on_while_the_journal_cannot_be_read(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that is unreadable for a while is a problem to tell, no end."""
    one, two = kernels.start(), kernels.start()
    first, second = ask(one), ask(two)
    await two.until(second, Status.RUNNING)
    find = Journal.find
    answers = iter([ConfigError("The disk is asleep."), ConfigError("The disk is asleep.")])

    def sleepy(self: Journal, intent: str) -> Row | None:
        if error := next(answers, None):
            raise error
        return find(self, intent)

    monkeypatch.setattr(Journal, "find", sleepy)
    await one.end(first)
    assert (await two.end(second)).status is Status.COMPLETED
    assert "The disk is asleep." in two.problems(second)


async def test_a_watched_clip_whose_file_cannot_be_copied(kernels: Kernels, tmp_path: Path) -> None:
    """Where the video of the other kernel cannot be copied into this one's folder, the clip is done, and says why."""
    one, two = kernels.start(), kernels.start()
    one.service.script("thumbnail", one.service.after(30))
    first = ask(one)
    settings.configure(media=tmp_path / "elsewhere")
    second = ask(two)
    await two.until(second, Status.SAVING)
    (tmp_path / "elsewhere").write_text("a file")
    await one.end(first)
    task = await two.end(second)
    assert (task.status, task.path) == (Status.COMPLETED, None)
    assert "could not be copied" in str(task.problem)


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(VIDEO[:-1])], ids=["missing", "cut"])
async def test_a_lesson_with_a_broken_video(
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


async def test_a_renamed_folder_is_not_forgotten(kernels: Kernels, tmp_path: Path) -> None:
    """What was unfinished in a folder that is gone is told in every folder; what lies in another one is not."""
    settings._folder_at_load = tmp_path / "before"
    settings._folder_at_load.mkdir()
    one, two = kernels.start(), kernels.start()
    first = ask(one)
    await one.until(first, Status.RUNNING)
    await kernels.kill(one)
    settings._folder_at_load.rename(tmp_path / "after")
    assert [task.intent for task in two.engine.archive.unfinished(tmp_path / "after")] == [first.task.intent]
    (tmp_path / "before").mkdir()
    assert two.engine.archive.unfinished(tmp_path / "after") == []


async def test_a_doubt_that_a_new_video_answered(world: World) -> None:
    """A clip in doubt is no unfinished one any more when the user made it anew."""
    world.service.script("submit", httpx.ReadError("lost"))
    await world.end(ask(world))
    folder = settings.current().folder
    assert len(world.engine.archive.unfinished(folder)) == 1
    await asyncio.sleep(1)
    await world.end(ask(world, again=True))
    assert world.engine.archive.unfinished(folder) == []


async def test_a_cancelled_step_of_a_dead_kernel_stands_still(kernels: Kernels) -> None:
    """The time of what was never sent does not go on when its kernel is gone."""
    one, two = kernels.start(), kernels.start()
    one.extend(ask(one), again=False)
    await kernels.kill(one)
    before = [task.elapsed(now()) for task in two.engine.archive.history()]
    await asyncio.sleep(100)
    assert [task.elapsed(now()) for task in two.engine.archive.history()] == before


async def test_an_internal_error_after_acceptance(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours while a task runs lets it go: the same cell then follows it further and pays nothing."""

    async def broken(*args: Any) -> None:
        raise RuntimeError("our mistake")

    with monkeypatch.context() as patch:
        patch.setattr(Poller, "result", broken)
        task = await world.end(ask(world))
    assert task.status is Status.DETACHED
    assert "please report it" in str(task.error)
    assert "task-1" in str(task.error)
    assert (await world.end(ask(world))).status is Status.COMPLETED
    assert paid(world) == 1


@pytest.mark.parametrize("made", ["new", "taken over"])
async def test_a_step_that_is_not_written_down_is_not_taken(
    world: World, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """Where the disk is full at the last moment, nothing is begun; when it has room again, the same cell works."""
    intent = (await _detached(world)).intent if made == "taken over" else None
    run = Database.run

    def full(self: Database, words: str, *values: object) -> Any:
        if words == "COMMIT":
            raise ConfigError("The disk is full.")
        return run(self, words, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "run", full)
        with pytest.raises(ConfigError, match="The disk is full"):
            ask(world)
    task = await world.end(ask(world))
    assert task.status is Status.COMPLETED
    assert intent in (None, task.intent)
    assert paid(world) == len(world.engine.archive.history()) == 1


# Files.


async def test_a_deleted_file_is_fetched_again(world: World, no_keys: Any) -> None:
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
    assert ask(world).recalled


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_an_expired_address(world: World, media: Path, status: int) -> None:
    """A file that is gone, and whose address is, too: the clip says so and what helps, and nothing is paid."""
    made = await world.end(ask(world))
    shutil.rmtree(media)
    world.service.script("video", *[reply(status)] * 20)
    task = await world.end(ask(world))
    assert (task.status, task.path, task.intent) == (Status.COMPLETED, None, made.intent)
    assert f"HTTP {status}. Addresses expire (RunAPI's after 7 days); --again makes a new one." in str(task.problem)
    assert paid(world) == 1
    world.service._scripts["video"].clear()
    assert (await world.end(ask(world))).path


async def test_a_video_that_was_never_saved(world: World) -> None:
    """Where the file could not be had at first, the same cell tries it again."""
    world.service.script("video", *[reply(503)] * 4)
    assert (await world.end(ask(world))).path is None
    task = await world.end(ask(world))
    assert task.path
    assert (paid(world), task.problem) == (1, None)


@pytest.mark.parametrize("with_sidecar", [True, False])
async def test_a_copy_replaces_no_file(kernels: Kernels, tmp_path: Path, with_sidecar: bool) -> None:
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


async def test_equal_keys_are_two_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clips of one prompt whose random keys begin alike, as one in four billion do, have two files."""
    intents = [uuid.UUID(hex=f"0123abcd{number:024x}") for number in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(uuid, "uuid4", intents.copy().pop)
        tasks = [await world.end(ask(world, again=True)) for _ in intents]
    assert [task.filename for task in tasks] == ["a-red-fox-0123abcd.mp4", "a-red-fox-0123abcd-2.mp4"]
    assert all(task.path and task.path.read_bytes() == VIDEO for task in tasks)
    assert ask(world).task.path in [task.path for task in tasks]


# Resuming.


async def _detached(world: World) -> Task:
    handle = ask(world)
    await world.until(handle, Status.RUNNING)
    handle.stop()
    return await world.end(handle)


async def test_resuming_what_was_let_go(world: World, kernels: Kernels) -> None:
    """A detached clip is followed to its end, in any kernel."""
    task = await _detached(world)
    two = kernels.start()
    ended = await two.end(two.engine.resume(task.intent))
    assert (ended.status, ended.intent) == (Status.COMPLETED, task.intent)
    assert paid(world) == 1


async def test_resuming_what_is_done(world: World) -> None:
    """A clip with its file is shown; one without is fetched."""
    made = await world.end(ask(world))
    shown = world.engine.resume(made.intent)
    assert (shown.recalled, shown.task.path) == (True, made.path)
    assert made.path
    made.path.unlink()
    assert (await world.end(world.engine.resume(made.intent))).path == made.path
    assert made.path.exists()


async def test_resuming_what_runs(world: World, kernels: Kernels) -> None:
    """What runs here is the same task; what runs in another kernel is watched."""
    first = ask(world)
    assert world.engine.resume(first.task.intent) is first
    two = kernels.start()
    watched = two.engine.resume(first.task.intent)
    assert (await two.end(watched)).path == (await world.end(first)).path
    assert paid(world) == 1


async def test_resuming_what_is_in_doubt(world: World) -> None:
    """A clip in doubt is looked for, and stays in doubt where nothing is found: nothing is sent."""
    world.service.script("submit", world.service.lose)
    task = await world.end(ask(world))
    again = await world.end(world.engine.resume(task.intent))
    assert (again.status, again.intent) == (Status.UNCONFIRMED, task.intent)
    assert (paid(world), len(world.service.seen("list"))) == (1, 1)
    world.service.lists = True
    found = await world.end(world.engine.resume(task.intent))
    assert (found.status, found.task_id) == (Status.COMPLETED, "task-1")
    assert paid(world) == 1


@pytest.mark.parametrize("end", [_failed, _cancelled])
async def test_what_came_to_nothing_is_not_resumed(world: World, end: Callable[[World], Any]) -> None:
    """There is nothing to follow of a failed or cancelled clip: the error says why, and what to do."""
    task = await world.end(await end(world))
    with pytest.raises(InvalidRequest, match=f"ended as {task.status}.*run its cell again"):
        world.engine.resume(task.intent)


@pytest.mark.parametrize("intent", ["", "0" * 32, "../etc/passwd"])
async def test_what_nobody_knows_is_not_resumed(world: World, intent: str) -> None:
    """An intent that the journal does not have is an error, and no task."""
    with pytest.raises(InvalidRequest, match="does not know this clip"):
        world.engine.resume(intent)
    assert world.engine.handles == {}


async def test_resuming_without_a_key(world: World, no_keys: Any) -> None:
    """A task whose service has no key cannot be followed: that is said at once, and it stays as it was."""
    task = await _detached(world)
    no_keys()
    for resume in (lambda: world.engine.resume(task.intent), lambda: ask(world)):
        with pytest.raises(ConfigError, match="ACEDATACLOUD_API_TOKEN"):
            resume()
    (row,) = world.engine.journal.rows()
    assert (row.task.status, row.owner) == (Status.DETACHED, None)


async def test_a_forgotten_task(world: World) -> None:
    """A task that the service does not know is waited for, as some are slow to know it; after a day it has failed."""
    task = await _detached(world)
    world.service.hidden.add(str(task.task_id))
    early = await world.end(world.engine.resume(task.intent))
    assert early.status is Status.DETACHED
    assert "does not know" in str(early.error)
    await asyncio.sleep(24 * 3600)
    late = await world.end(world.engine.resume(task.intent))
    assert late.status is Status.FAILED
    assert "AceDataCloud does not know this task any more (task id task-1)" in str(late.error)
    world.service.hidden.clear()
    assert (await world.end(ask(world))).intent != task.intent


async def test_what_is_unfinished(kernels: Kernels) -> None:
    """What a dead kernel left, and what is in doubt, is unfinished; what is done, failed or followed is not."""
    one, two = kernels.start(), kernels.start()
    await one.end(await _failed(one))
    await one.end(ask(one, "Done"))
    one.service.script("submit", one.service.lose)
    doubt = await one.end(ask(one, "In doubt"))
    await asyncio.sleep(1)
    here = ask(two, "Followed here")
    left = ask(one, "Left")
    await one.until(left, Status.RUNNING)
    folder = settings.current().folder
    assert [task.intent for task in two.engine.archive.unfinished(folder)] == [doubt.intent]
    one.service.seconds = 1000
    await kernels.kill(one)
    assert here.task.status is Status.RUNNING
    unfinished = two.engine.archive.unfinished(folder)
    assert [(task.intent, task.status) for task in unfinished] == [
        (doubt.intent, Status.UNCONFIRMED),
        (left.task.intent, Status.DETACHED),
    ]
    assert two.engine.archive.unfinished(folder / "other") == []


# How a row stands, and which one answers: the whole table.


def a_row(status: Status, provider: Provider = "acedata", *, there: Path | None = None, **changes: Any) -> Row:
    task = Task(
        intent="1" * 32,
        request=GenerateRequest(prompt=PROMPT),
        provider=provider,
        status=status,
        created_at=EPOCH,
        filename="a.mp4",
        path=there,
    )
    return Row(task.evolve(**changes))


@pytest.mark.parametrize(
    ("row", "status", "error"),
    [
        (a_row(Status.QUEUED), Status.CANCELLED, ClipCancelled),
        (a_row(Status.SUBMITTING), Status.CANCELLED, ClipCancelled),
        (a_row(Status.SUBMITTING, sent_at=EPOCH), Status.UNCONFIRMED, ClipUnconfirmed),
        (a_row(Status.RUNNING, sent_at=EPOCH, task_id="t"), Status.DETACHED, ClipDetached),
        (a_row(Status.SAVING, sent_at=EPOCH, task_id="t"), Status.DETACHED, ClipDetached),
        (a_row(Status.COMPLETED, sent_at=EPOCH, task_id="t"), Status.COMPLETED, None),
        (a_row(Status.FAILED), Status.FAILED, None),
        (a_row(Status.CANCELLED), Status.CANCELLED, None),
        (a_row(Status.UNCONFIRMED, sent_at=EPOCH), Status.UNCONFIRMED, None),
        (a_row(Status.DETACHED, sent_at=EPOCH, task_id="t"), Status.DETACHED, None),
        (a_row(Status.QUEUED, "demo"), Status.CANCELLED, ClipCancelled),
        (a_row(Status.RUNNING, "demo", base_url="http://127.0.0.1:1", task_id="t"), Status.FAILED, ClipFailed),
        (a_row(Status.DETACHED, "demo", base_url="http://127.0.0.1:1", task_id="t"), Status.FAILED, ClipFailed),
        (a_row(Status.UNCONFIRMED, "demo", base_url="http://127.0.0.1:1", sent_at=EPOCH), Status.FAILED, ClipFailed),
        (a_row(Status.COMPLETED, "demo", base_url="http://127.0.0.1:1"), Status.COMPLETED, None),
        (a_row(Status.RUNNING, "demo", base_url=DEMO_URL, task_id="t"), Status.DETACHED, ClipDetached),
        (a_row(Status.DETACHED, "demo", base_url=DEMO_URL, task_id="t"), Status.DETACHED, None),
        (a_row(Status.UNCONFIRMED, "demo", base_url=DEMO_URL, sent_at=EPOCH), Status.UNCONFIRMED, None),
    ],
)
def test_how_a_row_stands_that_nobody_follows(row: Row, status: Status, error: type[Exception] | None) -> None:
    """What can be followed is detached, what was sent is in doubt, what never left is cancelled; a demo's is over."""
    found = settled(row, DEMO_URL).task
    assert found.status is status
    assert type(found.error) is (error or type(None))
    alive = replace(row, owner="someone", alive=True)
    assert settled(alive, DEMO_URL) == alive


WANTED: list[Provider | None] = ["acedata", "demo", None]


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("provider", ["acedata", "demo"])
@pytest.mark.parametrize("file", [True, False], ids=["with file", "without file"])
def test_which_row_answers(
    tmp_path: Path, wanted: Provider | None, status: Status, provider: Provider, file: bool
) -> None:
    """A real clip answers any request, unless it came to nothing; a demo clip only one that would go to demo.

    A demo clip without its file is none: its service is gone, and making it anew is free.
    """
    path = tmp_path / "a.mp4"
    path.write_bytes(VIDEO)
    row = a_row(status, provider, there=path if file else tmp_path / "gone.mp4")
    nothing = status in (Status.FAILED, Status.CANCELLED)
    simulated = provider == "demo"
    expected = not nothing and (not simulated or (wanted == "demo" and (file or status is not Status.COMPLETED)))
    assert standing([row], wanted) == (row if expected else None)


@pytest.mark.parametrize("wanted", WANTED)
def test_which_of_several_answers(tmp_path: Path, wanted: Provider | None) -> None:
    """Real before demo, then the newest; what came to nothing does not hide what is there."""
    path = tmp_path / "a.mp4"
    path.write_bytes(VIDEO)
    old = a_row(Status.COMPLETED, created_at=EPOCH - 9)
    new = a_row(Status.RUNNING, created_at=EPOCH - 8)
    demo = a_row(Status.COMPLETED, "demo", created_at=EPOCH, there=path)
    failed = a_row(Status.FAILED, created_at=EPOCH + 1)
    for rows in ([old, new, demo, failed], [failed, demo, new, old]):
        assert standing(rows, wanted) == new
    assert standing([failed], wanted) is None
    assert standing([], wanted) is None
    assert standing([demo, failed], wanted) == (demo if wanted == "demo" else None)


# Demo and real, through the engine.


@pytest.fixture
def demo(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo service of this kernel, played by the fake one."""
    monkeypatch.setattr(services, "_demo", SimpleNamespace(url=DEMO_URL, token="t", seconds=1.0))


@pytest.mark.usefixtures("demo")
async def test_a_demo_clip_answers_only_demo(world: World, no_keys: Any) -> None:
    """A demo clip is shown again where the request goes to demo; with a key the real one is made, and shown from then.

    It is also shown where the key is gone, or the demo is asked for.
    """
    keys = settings._overrides
    no_keys()
    simulated = await world.end(ask(world))
    assert (simulated.status, simulated.provider) == (Status.COMPLETED, "demo")
    assert ask(world).task.intent == simulated.intent
    settings.configure(**keys)
    await asyncio.sleep(1)
    real = await world.end(ask(world))
    assert (real.status, real.provider) == (Status.COMPLETED, "acedata")
    assert ask(world, provider="demo").task.intent == real.intent
    no_keys()
    assert ask(world).task.intent == real.intent
    assert paid(world) == 2


@pytest.mark.usefixtures("demo")
async def test_a_demo_clip_without_its_file_is_made_anew(world: World, no_keys: Any) -> None:
    """A demo clip whose file is gone is simulated again."""
    no_keys()
    first = await world.end(ask(world))
    assert first.path
    first.path.unlink()
    second = await world.end(ask(world))
    assert (second.status, second.intent != first.intent) == (Status.COMPLETED, True)


@pytest.mark.usefixtures("demo")
async def test_a_demo_ends_with_its_kernel(kernels: Kernels, services: Services, no_keys: Any) -> None:
    """A demo clip that ran in a kernel that is gone is simulated again in the next."""
    no_keys()
    one, two = kernels.start(), kernels.start()
    first = ask(one)
    await one.until(first, Status.RUNNING)
    await kernels.kill(one)
    assert services._demo
    services._demo.url = "http://127.0.0.1:5001"  # type: ignore[misc]
    second = await two.end(ask(two))
    assert (second.status, second.intent != first.task.intent) == (Status.COMPLETED, True)
    assert two.engine.archive.history()[0].status is Status.FAILED


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.RUNNING])
async def test_without_the_key_of_the_next_service(world: World, no_keys: Any, status: Status) -> None:
    """Where one key is missing, what is there is shown all the same; what is not is refused before anything is sent."""
    request = ModifyRequest(prompt="Fog", source=VideoRef(url="https://x.example/v.mp4"))
    handle = world.submit(request, again=False)
    await (world.end(handle) if status is Status.COMPLETED else world.until(handle, status))
    settings.configure(runapi_key=None)
    assert world.submit(request, again=False).task.intent == handle.task.intent
    with pytest.raises(ConfigError, match="RUNAPI_API_KEY"):
        world.submit(replace(request, prompt="More fog"), again=False)
    with pytest.raises(ConfigError, match="RUNAPI_API_KEY"):
        world.submit(request, again=True)
    assert paid(world) == 1


async def test_a_lost_answer_there_is_a_doubt_here(kernels: Kernels) -> None:
    """What one kernel does not know, the other does not send."""
    one, two = kernels.start(), kernels.start()
    one.service.script("submit", httpx.ReadError("connection reset"))
    first, second = ask(one), ask(two)
    await one.end(first)
    task = await two.end(second)
    assert (task.status, str(task.error)) == (Status.UNCONFIRMED, str(first.task.error))
    assert ask(two).task.status is Status.UNCONFIRMED
    assert paid(one) == 1
