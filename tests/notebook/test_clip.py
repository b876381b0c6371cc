"""`Clip`: what is known when, what never blocks, and what waiting does."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

import luma_jupyter as luma
from luma_jupyter.engine.engine import Engine
from luma_jupyter.errors import (
    ClipCancelled,
    ClipDetached,
    ClipFailed,
    ClipNotReady,
    InvalidRequest,
    NotYet,
    WaitTimeout,
)
from luma_jupyter.notebook import session
from tests.notebook.conftest import FakeService, Shell, reach

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
    with pytest.raises(ClipFailed, match=r"Nothing was sent: its source clip \w{8} ended as failed"):
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


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: luma.generate("x", again=True), "again is not available yet"),
        (lambda: luma.extend("https://example.com/v.mp4", "x", again=True), "again is not available yet"),
        (lambda: luma.modify("https://example.com/v.mp4", "x", again=True), "again is not available yet"),
        (lambda: luma.Studio(), "Studio is not available yet"),
        (lambda: luma.modify(Path("video.mp4"), "x"), "local files"),
        (lambda: luma.generate("x", start_image=Path("a.png")), "local images"),
    ],
)
def test_later_words_say_not_yet(service: FakeService, call: object, words: str) -> None:
    """What later versions bring answers in one line, and nothing is sent."""
    with pytest.raises(NotYet, match=words):
        call()  # type: ignore[operator]
    assert not service.sent


def test_a_source_of_another_kind_is_refused() -> None:
    """A source is a clip, an id or a URL."""
    with pytest.raises(InvalidRequest, match="must be a clip, a video id or a URL, not int"):
        luma.extend(7, "x")  # type: ignore[arg-type]


def test_a_file_that_cannot_be_had_leaves_the_clip_completed(service: FakeService) -> None:
    """The clip keeps its URL, has no path, and its card says that the file is missing."""
    service.media = lambda: httpx.Response(404)
    clip = luma.generate("A sunset").wait()
    assert clip.path is None
    assert clip.url == "https://cdn.example/task-1.mp4"
    html = clip._repr_html_()
    assert html is not None
    assert 'src="https://cdn.example/task-1.mp4"' in html
    assert "could not be saved" in html


def test_the_engine_is_made_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel has one engine, made when first needed."""
    assert session.engine() is engine
    monkeypatch.setattr(session, "_engine", None)
    assert session.engine() is session.engine()
