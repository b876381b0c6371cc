"""`Clip`: what is known when, what never blocks, and what waiting does."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import re
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

import luma_jupyter as luma
from luma_jupyter import settings
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.journal import Journal
from luma_jupyter.errors import (
    ClipCancelled,
    ClipDetached,
    ClipFailed,
    ClipNotReady,
    ClipUnconfirmed,
    InvalidRequest,
    WaitTimeout,
)
from luma_jupyter.models import Status
from luma_jupyter.notebook import session
from tests.notebook.conftest import MP4, FakeService, Kernels, Shell, reach

END_ONLY = ("video_id", "url", "path", "thumbnail_url", "width", "height")
ALWAYS = ("status", "task_id", "prompt", "action", "provider", "source", "created_at", "elapsed", "error")

pytestmark = pytest.mark.usefixtures("engine")


def test_every_attribute_of_a_completed_clip() -> None:
    """A completed clip knows all that the design names."""
    clip = luma.generate("Astronauts shuttle from space to volcano").wait()
    assert clip.status == "completed"
    assert clip.task_id == "task-1"
    assert clip.prompt == "Astronauts shuttle from space to volcano"
    assert clip.action == "generate"
    assert clip.provider == "acedata"
    assert clip.source is None
    assert datetime.now().astimezone() - clip.created_at < timedelta(minutes=1)
    assert 0 <= clip.elapsed < 60
    assert clip.error is None
    assert clip.video_id == "video-task-1"
    assert clip.url == "https://cdn.example/task-1.mp4"
    assert clip.thumbnail_url == "https://cdn.example/t.jpg"
    assert (clip.width, clip.height) == (640, 360)
    assert isinstance(clip.path, Path)
    assert clip.path.is_absolute()
    assert clip.path.name.startswith("astronauts-shuttle-")
    assert clip.path.exists()


def test_what_a_service_does_not_say_is_none() -> None:
    """RunAPI gives no video id and no sizes."""
    clip = luma.modify("https://example.com/v.mp4", "Fog").wait()
    assert (clip.video_id, clip.width, clip.height, clip.thumbnail_url) == (None, None, None, None)
    assert clip.source == "https://example.com/v.mp4"


@pytest.mark.parametrize("name", END_ONLY)
def test_end_only_attributes_raise_before_the_end(service: FakeService, name: str) -> None:
    """Before the end they raise `ClipNotReady`, which says how to wait; ``hasattr`` says no."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(ClipNotReady, match=r"still \w+ \(0:0\d\); `clip.wait\(\)` waits for it"):
        getattr(clip, name)
    assert not hasattr(clip, name)


@pytest.mark.parametrize("name", END_ONLY)
def test_end_only_attributes_raise_the_clips_error(name: str) -> None:
    """After an end other than completed they raise why."""
    clip = luma.generate("A [fail] sunset")
    with pytest.raises(ClipFailed, match="no luck"):
        clip.wait()
    with pytest.raises(ClipFailed, match="no luck"):
        getattr(clip, name)
    assert isinstance(clip.error, ClipFailed)
    assert clip.error.reason is not None
    assert clip.error.reason.code == "api_error"


@pytest.mark.parametrize("prompt", ["A sunset", "A [fail] sunset"])
@pytest.mark.parametrize("ended", [True, False])
def test_inspection_never_blocks_and_never_raises(service: FakeService, prompt: str, ended: bool) -> None:
    """``inspect.getmembers``, ``dir``, ``repr``, ``hasattr`` and ``copy`` are harmless at any moment."""
    if not ended:
        service.gate.clear()
    clip = luma.generate(prompt)
    if ended:
        clip._handle.done.result(timeout=10)
    members = dict(inspect.getmembers(clip))
    assert set(ALWAYS) <= set(members)
    assert set(END_ONLY) <= set(dir(clip))
    assert prompt in repr(clip)
    assert copy.copy(clip) is clip
    assert copy.deepcopy([clip]) == [clip]
    assert inspect.getdoc(clip)


def test_a_done_clip_is_pickled_with_all_it_knows() -> None:
    """An ended clip and its sources survive a pickle; it still shows its video."""
    clip = luma.generate("A sunset").wait().extend("On and on").wait()
    again = pickle.loads(pickle.dumps(clip))
    assert (again.path, again.url, again.status) == (clip.path, clip.url, "completed")
    assert again.source.path == clip.source.path
    assert again.wait() is again
    assert again._repr_html_() == clip._repr_html_()


def test_a_pickled_failure_still_says_why() -> None:
    """A failed clip's error survives a pickle."""
    clip = luma.generate("A [refuse] sunset")
    clip._handle.done.result(timeout=10)
    again = pickle.loads(pickle.dumps(clip))
    with pytest.raises(ClipFailed, match="Not <b>allowed</b>"):
        again.wait()


def test_an_unfinished_clip_says_why_it_cannot_be_pickled(service: FakeService) -> None:
    """Pickling a running clip is refused in one line."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(InvalidRequest, match="can be pickled or stored when it is done"):
        pickle.dumps(clip)


def test_wait_gives_up_after_its_timeout_and_leaves_the_clip_followed(service: FakeService) -> None:
    """``wait(timeout)`` raises `WaitTimeout`; the clip completes later."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(WaitTimeout, match="after waiting 0 s; it is followed further"):
        clip.wait(timeout=0)
    service.gate.set()
    assert clip.wait(timeout=10).status == "completed"


@pytest.mark.parametrize("timeout", ["10", -1, True])
def test_a_wait_takes_seconds(timeout: object) -> None:
    """Anything but a number of seconds is refused in one line."""
    with pytest.raises(InvalidRequest, match="must be a number of seconds, 0 or more"):
        luma.generate("A sunset").wait(timeout=timeout)  # type: ignore[arg-type]


def test_a_clip_made_in_python_goes_by_its_variable(notebook: Shell, service: FakeService) -> None:
    """Messages and tables call a clip by the variable that holds it, without ``-o`` too."""
    service.gate.clear()
    notebook.run("import luma_jupyter as luma\nboat = luma.generate('A boat')")
    boat = notebook.user_ns["boat"]
    with pytest.raises(ClipNotReady, match=r"`boat.wait\(\)` waits for it"):
        _ = boat.url
    assert repr(boat).startswith("<Clip boat: ")
    notebook.run("longer = boat.extend('On')")
    assert notebook.user_ns["longer"]._task.source_label == "boat"


def test_await_gives_the_clip_or_raises_its_error() -> None:
    """``await clip`` gives the clip, or raises as ``wait`` does."""

    async def both() -> str:
        clip = await luma.generate("A sunset")
        with pytest.raises(ClipFailed):
            await luma.generate("A [fail] sunset")
        return clip.status

    assert asyncio.run(both()) == "completed"


def test_cancelling_an_await_leaves_the_clip_followed(service: FakeService) -> None:
    """A cancelled ``await`` takes effect at once and does not touch the task."""
    service.gate.clear()
    clip = luma.generate("A sunset")

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clip, 0.01)

    asyncio.run(impatient())
    service.gate.set()
    assert clip.wait().status == "completed"


def test_stop_detaches(service: FakeService) -> None:
    """A stopped clip says that its task may still run and be billed; further stops do nothing."""
    service.running = True
    clip = luma.generate("A sunset", timeout=1e9)
    reach(clip, "running")
    clip.stop()
    with pytest.raises(ClipDetached, match=r"may still run and be billed \(task id task-1\)"):
        clip.wait(timeout=10)
    clip.stop()
    assert clip.status == "detached"


def test_a_stopped_queued_clip_is_cancelled(service: FakeService) -> None:
    """Stopping before the source is done sends nothing."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    longer = clip.extend("On and on")
    longer.stop()
    service.gate.set()
    with pytest.raises(ClipCancelled, match="nothing was sent"):
        longer.wait(timeout=10)
    clip.wait()
    assert len(service.sent) == 1


def test_a_step_on_a_failed_clip_sends_nothing(service: FakeService) -> None:
    """A step whose source did not complete fails and says that nothing was sent."""
    longer = luma.generate("A [fail] sunset").extend("On and on")
    with pytest.raises(ClipFailed, match=r"Nothing was sent: its source clip:\w{8} ended as failed"):
        longer.wait()
    assert len(service.sent) == 1


def test_the_python_functions_send_what_they_are_given(service: FakeService) -> None:
    """Every argument of generate, extend and modify reaches the wire."""
    sunset = luma.generate(
        "A sunset",
        aspect_ratio="9:16",
        loop=True,
        enhancement=False,
        start_image="https://example.com/a.png",
        end_image="https://example.com/b.png",
        callback_url="https://example.com/hook",
        provider="acedata",
        timeout=60,
    ).wait()
    sunset.extend("On", end_image="https://example.com/c.png", callback_url="https://example.com/hook").wait()
    sunset.modify("Fog", watermark=True, callback_url="https://example.com/hook", provider="runapi").wait()
    luma.extend("155838f8-7f1e-44d8-b387-192f3b4b509d", "On").wait()
    luma.extend(" https://example.com/v.mp4 ", "On").wait()
    hook = {"callback_url": "https://example.com/hook"}
    assert service.sent == [
        {
            "action": "generate",
            "prompt": "A sunset",
            "aspect_ratio": "9:16",
            "loop": True,
            "enhancement": False,
            "start_image_url": "https://example.com/a.png",
            "end_image_url": "https://example.com/b.png",
            "async": True,
            **hook,
        },
        {
            "action": "extend",
            "prompt": "On",
            "video_id": "video-task-1",
            "end_image_url": "https://example.com/c.png",
            "async": True,
            **hook,
        },
        {
            "model": "luma-modify-video",
            "prompt": "Fog",
            "source_video_url": "https://cdn.example/task-1.mp4",
            "watermark": True,
            **hook,
        },
        {"action": "extend", "prompt": "On", "video_id": "155838f8-7f1e-44d8-b387-192f3b4b509d", "async": True},
        {"action": "extend", "prompt": "On", "video_url": "https://example.com/v.mp4", "async": True},
    ]
    assert luma.clips()[0] is sunset
    assert len(luma.clips()) == 5


def test_a_source_of_another_kind_is_refused() -> None:
    """A source is a clip, an id or a URL."""
    with pytest.raises(InvalidRequest, match="must be a clip, a video id, a URL or a video's path, not int"):
        luma.extend(7, "x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (503, "could not be saved: the host of the file answered HTTP 503"),
        (404, "HTTP 404. Addresses expire (RunAPI&#x27;s"),
    ],
)
def test_a_file_that_cannot_be_had_leaves_the_clip_completed(service: FakeService, status: int, words: str) -> None:
    """The clip keeps its URL, has no path, and its card says that the file is missing, and why."""
    service.media = lambda: httpx.Response(status)
    clip = luma.generate("A sunset").wait()
    assert clip.path is None
    assert clip.url == "https://cdn.example/task-1.mp4"
    html = clip._repr_html_()
    assert html is not None
    assert 'src="https://cdn.example/task-1.mp4"' in html
    assert words in html


def test_the_engine_is_made_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel has one engine, made when first needed."""
    assert session.engine() is engine
    monkeypatch.setattr(session, "_engine", None)
    assert session.engine() is session.engine()


# Asking for the same again.


@pytest.mark.parametrize("again", [False, True])
def test_an_equal_request_gives_the_same_clip_unless_again(service: FakeService, again: bool) -> None:
    """generate, extend and modify answer an equal request by the clip that there is; ``again=True`` makes a new one."""

    def film() -> list[luma.Clip]:
        clip = luma.generate("A sunset", again=again)
        clips = [clip, clip.extend("On", again=again), clip.modify("Fog", again=again)]
        return [clip.wait() for clip in clips]

    first, second = film(), film()
    assert len({*first, *second}) == len(service.sent) == (6 if again else 3)


@pytest.mark.parametrize("function", [luma.extend, luma.modify])
def test_the_functions_take_again_too(service: FakeService, function: Callable[..., luma.Clip]) -> None:
    """`luma_jupyter.extend` and `modify` do as the methods."""
    clips = [function("https://example.com/v.mp4", "x", again=again).wait() for again in (False, False, True)]
    assert [clips.index(clip) for clip in clips] == [0, 0, 2]
    assert len(service.sent) == 2


def test_a_recalled_clip_knows_all_that_it_knew(kernels: Kernels, service: FakeService) -> None:
    """In a new kernel the same call gives a clip with the same attributes, and it can be extended."""
    first = luma.generate("A sunset").wait().extend("On").wait()
    kernels.kill()
    kernels.start()
    again = luma.generate("A sunset").extend("On")
    names = [name for name in (*ALWAYS, *END_ONLY) if name != "source"]
    assert {name: getattr(again, name) for name in names} == {name: getattr(first, name) for name in names}
    assert again.source.task_id == first.source.task_id
    again.modify("Fog").wait()
    assert service.sent[2]["source_video_url"] == first.url


# Going on with a clip.


def test_a_running_clip_is_not_retried(service: FakeService) -> None:
    """Retrying what runs is refused in one line that says how to wait."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(InvalidRequest, match=r"^clip is \w+ already; `clip.wait\(\)` waits for it.$"):
        clip.retry()


@pytest.mark.parametrize("prompt", ["A [fail] sunset", "A [refuse] sunset"])
def test_a_failed_clip_is_not_retried(service: FakeService, prompt: str) -> None:
    """There is nothing to go on with; the line says what to do instead."""
    clip = luma.generate(prompt)
    clip._handle.done.result(timeout=10)
    with pytest.raises(InvalidRequest, match="It ended as failed, for good: run its cell again for a new one"):
        clip.retry()
    assert len(service.sent) == 1


def test_a_cancelled_clip_is_not_retried(service: FakeService) -> None:
    """Nothing was sent for it, so there is nothing to go on with."""
    service.gate.clear()
    clip = luma.generate("A sunset").extend("On")
    clip.stop()
    service.gate.set()
    clip._handle.done.result(timeout=10)
    with pytest.raises(InvalidRequest, match="It ended as cancelled"):
        clip.retry()


def test_retrying_a_completed_clip_changes_nothing(service: FakeService) -> None:
    """Its file is there, so nothing is fetched and nothing is sent."""
    clip = luma.generate("A sunset").wait()
    path, changed = clip.path, clip.path.stat().st_mtime_ns
    service.media = lambda: httpx.Response(500)
    assert clip.retry() is clip
    assert (clip.status, clip.path, path.stat().st_mtime_ns) == ("completed", path, changed)
    assert len(service.sent) == 1


def test_retrying_fetches_a_file_that_is_gone(service: FakeService) -> None:
    """A deleted file, and one that could not be saved at first, is fetched again under its name."""
    service.media = lambda: httpx.Response(503)
    clip = luma.generate("A sunset").wait()
    took, name = clip.elapsed, clip._task.filename
    assert clip.path is None
    service.media = lambda: httpx.Response(200, content=MP4)
    assert clip.retry().wait().path.read_bytes() == MP4
    clip.path.unlink()
    clip.path.with_suffix(".json").unlink()
    assert clip.retry().wait().path.read_bytes() == MP4
    assert clip.path.name == name
    assert clip.elapsed == took
    assert len(service.sent) == 1


def test_retrying_a_detached_clip_revives_the_variable(service: FakeService) -> None:
    """The clip is followed again, and steps that are taken on it then work."""
    service.running = True
    clip = luma.generate("A sunset", timeout=1e9)
    reach(clip, "running")
    clip.stop()
    with pytest.raises(ClipDetached):
        clip.wait(timeout=10)
    assert clip.retry() is clip
    assert not clip._task.status.ended
    service.running = False
    longer = clip.extend("On").wait()
    assert clip.wait().path.exists()
    assert longer.source is clip
    assert len(service.sent) == 2


def test_a_pickled_clip_is_retried(service: FakeService) -> None:
    """A detached clip that was stored goes on after it was loaded."""
    service.running = True
    clip = luma.generate("A sunset", timeout=5)
    clip._handle.done.result(timeout=10)
    stored = pickle.dumps(clip)
    service.running = False
    assert pickle.loads(stored).retry().wait().path.exists()


def test_a_clip_that_the_journal_does_not_know_is_not_retried(tmp_path: Path) -> None:
    """With another home nothing is known of it; the line says what to do."""
    clip = luma.generate("A sunset").wait()
    luma.configure(home=tmp_path / "other")
    with pytest.raises(InvalidRequest, match="does not know this clip: run its cell again"):
        clip.retry()


def lost(clip: luma.Clip) -> luma.Clip:
    """A clip whose request was sent and not answered."""
    clip._handle.done.result(timeout=10)
    assert clip.status == "unconfirmed"
    return clip


def test_an_unconfirmed_clip_of_acedatacloud_is_sent_again_only_where_it_may_pay_twice(service: FakeService) -> None:
    """Retrying looks for it, and says how to send it again and what that may cost; only then it is sent."""
    clip = lost(luma.generate("A [lost] sunset"))
    with pytest.raises(ClipUnconfirmed) as caught:
        clip.retry().wait()
    assert re.fullmatch(
        r"Sent at \d\d:\d\d:\d\d on [\d-]+, no usable answer: it was looked for, and not found. "
        r"It may be running and may be billed, so it is not sent again by itself. "
        r"`%luma retry NAME --may-pay-twice` \(in Python `NAME.retry\(may_pay_twice=True\)`\) "
        r"sends it again, which may pay twice.",
        str(caught.value),
    )
    assert len(service.sent) == 1
    service.faulty = False
    assert clip.retry(may_pay_twice=True).wait().path.exists()
    assert clip.task_id == "task-2"
    assert service.sent[0] == service.sent[1]


def test_an_unconfirmed_clip_that_the_service_shows_is_followed(service: FakeService) -> None:
    """Where AceDataCloud lists one task with the very same request, that one is it, and nothing is sent."""
    clip = lost(luma.generate("A [lost] sunset"))
    service.faulty = False
    service.listed = [{"id": "task-1", "created_at": time.time(), "request": service.sent[0]}]
    assert clip.retry().wait().task_id == "task-1"
    assert len(service.sent) == 1


def test_an_unconfirmed_clip_of_runapi_is_sent_again_under_its_key(service: FakeService) -> None:
    """RunAPI knows a repeated request by its idempotency key, so a retry sends it again at once."""
    clip = lost(luma.modify("https://example.com/v.mp4", "A [lost] fog"))
    service.faulty = False
    assert clip.retry().wait().path.exists()
    assert len(service.sent) == 2
    assert service.keys[0] == service.keys[1]
    assert service.keys[0]


# The clips of a folder and of a day.


def test_clips_are_those_of_this_folder(kernels: Kernels, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Earlier kernels' too, each kernel's own as the same object; another folder's by its name, and all of them."""
    sunset = luma.generate("A sunset").wait()
    kernels.kill()
    kernels.start()
    dawn = luma.generate("A dawn").wait()
    assert [clip.prompt for clip in luma.clips()] == ["A sunset", "A dawn"]
    assert luma.clips()[1] is dawn
    assert luma.clips()[0] is luma.clips()[0]
    assert luma.clips()[0].path == sunset.path
    kernels.kill()
    kernels.start()
    monkeypatch.setattr(settings, "_folder_at_load", tmp_path / "elsewhere")
    luma.generate("A boat").wait()
    assert [clip.prompt for clip in luma.clips()] == ["A boat"]
    assert [clip.prompt for clip in luma.clips(folder=tmp_path)] == ["A sunset", "A dawn"]
    assert [clip.prompt for clip in luma.clips(folder=str(tmp_path))] == ["A sunset", "A dawn"]
    assert [clip.prompt for clip in luma.clips(folder="all")] == ["A sunset", "A dawn", "A boat"]
    assert luma.clips(folder=tmp_path / "nothing") == []


def test_clips_are_those_of_a_day() -> None:
    """A day is a date, its text, or today."""
    clip = luma.generate("A sunset").wait()
    today = date.today()
    for day in (today, today.isoformat(), "today"):
        assert luma.clips(day=day) == [clip]
    for day in (today - timedelta(days=1), (today + timedelta(days=1)).isoformat()):
        assert luma.clips(day=day) == []
    with pytest.raises(InvalidRequest, match="'yesterday' is not a day: write it as 2026-11-22, or today"):
        luma.clips(day="yesterday")


def test_a_clip_that_another_kernel_follows_is_waited_for(engine: Engine, service: FakeService, tmp_path: Path) -> None:
    """A clip from `clips` ends when its task does, whoever follows that."""
    clip = luma.generate("A sunset").wait()
    elsewhere = Journal(tmp_path / "home", owner="another machine|1|0.0")
    theirs = clip._task.evolve(intent="e" * 32, created_at=clip._task.created_at + 1)
    running = theirs.evolve(status=Status.RUNNING, video=None, path=None, ended_at=None)
    elsewhere.add(running)
    found = luma.clips()[1]
    with pytest.raises(WaitTimeout, match="is still running"):
        found.wait(timeout=0)
    elsewhere.write(theirs)
    assert found.wait(timeout=10).path == clip.path
