"""`Clip`: what is known when, what never blocks, what waiting, stopping and retrying do."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import re
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import luma_jupyter as luma
from luma_jupyter.engine.loop_thread import GaveWay, wait
from luma_jupyter.errors import (
    ClipCancelled,
    ClipDetached,
    ClipFailed,
    ClipNotReady,
    ClipUnconfirmed,
    InvalidRequest,
    WaitTimeout,
)
from tests.support.notebook import MP4, Kernels, PromptService, Shell, wait_for_status

END_ONLY = ("video_id", "url", "path", "thumbnail_url", "width", "height")
Python = Callable[..., subprocess.CompletedProcess[str]]
ALWAYS = ("status", "task_id", "prompt", "action", "provider", "source", "created_at", "elapsed", "error")


pytestmark = pytest.mark.usefixtures("engine")


def test_a_completed_clip_has_every_attribute() -> None:
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
    assert clip.video_id == "video-of-task-1"
    assert clip.url == "https://media.example/task-1.mp4"
    assert clip.thumbnail_url == "https://media.example/task-1.jpg"
    assert (clip.width, clip.height) == (1280, 720)
    assert isinstance(clip.path, Path)
    assert clip.path.is_absolute()
    assert clip.path.name.startswith("astronauts-shuttle-")
    assert clip.path.exists()


def test_attributes_that_the_service_does_not_give_are_none() -> None:
    """RunAPI gives no video id and no sizes."""
    clip = luma.modify("https://example.com/v.mp4", "Fog").wait()
    assert (clip.video_id, clip.width, clip.height, clip.thumbnail_url) == (None, None, None, None)
    assert clip.source == "https://example.com/v.mp4"


@pytest.mark.parametrize("name", END_ONLY)
def test_end_only_attributes_raise_before_the_end(service: PromptService, name: str) -> None:
    """Before the end they raise `ClipNotReady`, which says how to wait; ``hasattr`` says no."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(ClipNotReady, match=r"not done yet \(\w+, 0:0\d\); `clip.wait\(\)` waits for it"):
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
def test_inspection_never_blocks_and_never_raises(service: PromptService, prompt: str, ended: bool) -> None:
    """``inspect.getmembers``, ``dir``, ``repr``, ``hasattr`` and ``copy`` are harmless at any moment."""
    if not ended:
        service.gate.clear()
    clip = luma.generate(prompt)
    if ended:
        clip.handle.done.result(timeout=10)
    members = dict(inspect.getmembers(clip))
    assert set(ALWAYS) <= set(members)
    assert set(END_ONLY) <= set(dir(clip))
    assert prompt in repr(clip)
    assert copy.copy(clip) is clip
    assert copy.deepcopy([clip]) == [clip]
    assert inspect.getdoc(clip)


def test_a_clip_made_in_python_goes_by_its_variable(notebook: Shell, service: PromptService) -> None:
    """Messages and tables call a clip by the variable that holds it, without ``-o`` too."""
    service.gate.clear()
    notebook.run("import luma_jupyter as luma\nboat = luma.generate('A boat')")
    boat = notebook.user_ns["boat"]
    with pytest.raises(ClipNotReady, match=r"`boat.wait\(\)` waits for it"):
        _ = boat.url
    assert repr(boat).startswith("<Clip boat: ")
    notebook.run("longer = boat.extend('On')")
    assert notebook.user_ns["longer"].task.source_label == "boat"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (503, "could not be saved: the host of the file answered HTTP 503"),
        (404, "HTTP 404. Addresses expire (RunAPI&#x27;s"),
    ],
)
def test_a_file_that_cannot_be_fetched_leaves_the_clip_completed(
    service: PromptService, status: int, words: str
) -> None:
    """The clip keeps its URL, has no path, and its card says that the file is missing, and why."""
    service.media = lambda: httpx.Response(status)
    clip = luma.generate("A sunset").wait()
    assert clip.path is None
    assert clip.url == "https://media.example/task-1.mp4"
    html = clip._repr_html_()
    assert html is not None
    assert 'src="https://media.example/task-1.mp4"' in html
    assert words in html


# Pickled.


def test_a_done_clip_is_pickled_with_all_it_knows(kernels: Kernels) -> None:
    """An ended clip and its sources survive a pickle; it still shows its video, in another kernel too."""
    clip = luma.generate("A sunset").wait().extend("On and on").wait()
    stored = pickle.dumps(clip)
    assert pickle.loads(stored) is clip, "the kernel's own clip of that task"
    html = clip._repr_html_()
    kernels.kill()
    kernels.start()
    again = pickle.loads(stored)
    assert again is not clip
    assert (again.path, again.url, again.status) == (clip.path, clip.url, "completed")
    assert again.source.path == clip.source.path
    assert again.wait() is again
    assert again._repr_html_() == html


def test_a_pickled_failure_still_says_why(kernels: Kernels) -> None:
    """A failed clip's error survives a pickle."""
    clip = luma.generate("A [refuse] sunset")
    clip.handle.done.result(timeout=10)
    stored = pickle.dumps(clip)
    kernels.kill()
    kernels.start()
    again = pickle.loads(stored)
    with pytest.raises(ClipFailed, match="Not <b>allowed</b>"):
        again.wait()


def test_an_unfinished_clip_says_why_it_cannot_be_pickled(service: PromptService) -> None:
    """Pickling a running clip is refused in one line."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(InvalidRequest, match="pickle and %store can keep it when it is done"):
        pickle.dumps(clip)


# Waiting and stopping.


def test_wait_gives_up_after_its_timeout_and_leaves_the_clip_followed(service: PromptService) -> None:
    """``wait(timeout)`` raises `WaitTimeout`; the clip completes later."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(WaitTimeout, match=r"is not done after 0 s \(\w+\); it is still being watched"):
        clip.wait(timeout=0)
    service.gate.set()
    assert clip.wait(timeout=10).status == "completed"


def test_wait_says_how_a_clip_ended_that_is_retried_at_that_moment(
    service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a function in ``configure(notify=…)`` may: no clip that is not done is given back as if it were."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    wait_for_status(clip, "running")

    def stop_and_retry(done: Any, *args: Any) -> bool:
        clip.stop()
        ended = wait(done, *args)
        clip.retry()
        return ended

    with monkeypatch.context() as patch:
        patch.setattr("luma_jupyter.clip.clip.wait", stop_and_retry)
        with pytest.raises(ClipDetached):
            clip.wait()
    service.gate.set()
    assert clip.wait(timeout=10).status == "completed"


def test_wait_that_gives_way_says_what_to_write_instead(
    service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait that holds up another one which is due ends in one line; the clip is followed further."""

    def give_way(*args: object) -> bool:
        raise GaveWay

    clip = luma.generate("A sunset")
    with monkeypatch.context() as patch:
        patch.setattr("luma_jupyter.clip.clip.wait", give_way)
        with pytest.raises(WaitTimeout, match=r"clip is still being watched\. In an async function write `await clip`"):
            clip.wait()
    assert clip.wait(timeout=10).status == "completed"


def test_interrupt_at_any_moment_leaves_no_awaited_clip_locked(python: Python) -> None:
    """Wherever Ctrl-C comes while an ``await`` begins, the task can end."""
    script = """
        import asyncio, contextlib
        from threading import Thread
        from luma_jupyter.api.kernel import kernel
        from luma_jupyter.engine.handle import Handle
        from tests.support.interrupts import any_moment
        from tests.support.tasks import a_task

        async def main():
            for number, interrupted in enumerate(any_moment(stride=1, last=1500)):
                handle = Handle(a_task(number))
                clip = kernel.session.clip_for_handle(handle)
                interrupted(clip.__await__().send, None)
                other = Thread(target=handle.done.set_result, args=[handle.task], daemon=True)
                other.start()
                other.join(5)
                assert not other.is_alive(), interrupted

        with contextlib.closing(asyncio.new_event_loop()) as loop:  # asyncio.run handles SIGINT in a way of its own
            loop.run_until_complete(main())
    """
    result = python(script)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("timeout", ["10", -1, True])
def test_wait_refuses_a_timeout_that_is_no_number_of_seconds(timeout: object) -> None:
    """Anything but a number of seconds is refused in one line."""
    with pytest.raises(InvalidRequest, match="must be a number of seconds, 0 or more"):
        luma.generate("A sunset").wait(timeout=timeout)  # type: ignore[arg-type]


def test_await_gives_the_clip_or_raises_its_error() -> None:
    """``await clip`` gives the clip, or raises as ``wait`` does."""

    async def both() -> str:
        clip = await luma.generate("A sunset")
        with pytest.raises(ClipFailed):
            await luma.generate("A [fail] sunset")
        return clip.status

    assert asyncio.run(both()) == "completed"


def test_await_without_asyncio_says_what_to_write_instead() -> None:
    """Where another library runs the coroutine, as trio does, one line says so."""
    with pytest.raises(InvalidRequest, match=r"`await clip` needs asyncio, .* use `clip.wait\(\)` in a thread"):
        luma.generate("A sunset").wait().__await__().send(None)


def test_cancelling_an_await_leaves_the_clip_followed(service: PromptService) -> None:
    """A cancelled ``await`` takes effect at once and does not touch the task."""
    service.gate.clear()
    clip = luma.generate("A sunset")

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clip, 0.01)

    asyncio.run(impatient())
    service.gate.set()
    assert clip.wait().status == "completed"


def test_stop_detaches_a_running_clip(service: PromptService) -> None:
    """A stopped clip says that its task may still run and be billed; further stops do nothing."""
    service.running = True
    clip = luma.generate("A sunset", timeout=1e9)
    wait_for_status(clip, "running")
    clip.stop()
    with pytest.raises(ClipDetached, match=r"may still run and be billed \(task id task-1\)"):
        clip.wait(timeout=10)
    clip.stop()
    assert clip.status == "detached"


def test_stop_cancels_a_queued_clip(service: PromptService) -> None:
    """Stopping before the source is done sends nothing."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    longer = clip.extend("On and on")
    longer.stop()
    service.gate.set()
    with pytest.raises(ClipCancelled, match="Nothing was sent"):
        longer.wait(timeout=10)
    clip.wait()
    assert len(service.sent) == 1


def test_a_step_on_a_failed_clip_sends_nothing(service: PromptService) -> None:
    """A step whose source did not complete fails and says that nothing was sent."""
    longer = luma.generate("A [fail] sunset").extend("On and on")
    with pytest.raises(ClipFailed, match=r"Nothing was sent: its source clip:\w{8} ended as failed"):
        longer.wait()
    assert len(service.sent) == 1


# Going on with a clip.


def test_retry_refuses_a_running_clip(service: PromptService) -> None:
    """Retrying what runs is refused in one line that says how to wait."""
    service.gate.clear()
    clip = luma.generate("A sunset")
    with pytest.raises(InvalidRequest, match=r"^clip is already \w+; `clip.wait\(\)` waits for it.$"):
        clip.retry()


@pytest.mark.parametrize("prompt", ["A [fail] sunset", "A [refuse] sunset"])
def test_retry_refuses_a_failed_clip(service: PromptService, prompt: str) -> None:
    """There is nothing to go on with; the line says what to do instead."""
    clip = luma.generate(prompt)
    clip.handle.done.result(timeout=10)
    with pytest.raises(InvalidRequest, match="It ended as failed, for good: run its cell again for a new one"):
        clip.retry()
    assert len(service.sent) == 1


def test_retry_refuses_a_cancelled_clip(service: PromptService) -> None:
    """Nothing was sent for it, so there is nothing to go on with."""
    service.gate.clear()
    clip = luma.generate("A sunset").extend("On")
    clip.stop()
    service.gate.set()
    clip.handle.done.result(timeout=10)
    with pytest.raises(InvalidRequest, match="It ended as cancelled"):
        clip.retry()
    assert len(service.sent) == 1


def test_retry_of_a_completed_clip_changes_nothing(service: PromptService) -> None:
    """Its file is there, so nothing is fetched and nothing is sent."""
    clip = luma.generate("A sunset").wait()
    path, changed = clip.path, clip.path.stat().st_mtime_ns
    service.media = lambda: httpx.Response(500)
    assert clip.retry() is clip
    assert (clip.status, clip.path, path.stat().st_mtime_ns) == ("completed", path, changed)
    assert (len(service.sent), len(service.seen("video"))) == (1, 1)


def test_retry_fetches_a_file_that_is_gone(service: PromptService) -> None:
    """A deleted file, and one that could not be saved at first, is fetched again under its name."""
    service.media = lambda: httpx.Response(503)
    clip = luma.generate("A sunset").wait()
    took, name = clip.elapsed, clip.task.filename
    assert clip.path is None
    service.media = lambda: httpx.Response(200, content=MP4)
    assert clip.retry().wait().path.read_bytes() == MP4
    clip.path.unlink()
    clip.path.with_suffix(".json").unlink()
    assert clip.retry().wait().path.read_bytes() == MP4
    assert clip.path.name == name
    assert clip.elapsed == took
    assert len(service.sent) == 1


def test_retry_of_a_detached_clip_follows_the_same_clip(service: PromptService) -> None:
    """The clip is followed again, and steps that are taken on it then work."""
    service.running = True
    clip = luma.generate("A sunset", timeout=1e9)
    wait_for_status(clip, "running")
    clip.stop()
    with pytest.raises(ClipDetached):
        clip.wait(timeout=10)
    assert clip.retry() is clip
    assert not clip.task.status.ended
    service.running = False
    longer = clip.extend("On").wait()
    assert clip.wait().path.exists()
    assert longer.source is clip
    assert len(service.sent) == 2


def test_retry_of_a_pickled_clip_goes_on(kernels: Kernels, service: PromptService) -> None:
    """A detached clip that was stored goes on after it was loaded."""
    service.running = True
    clip = luma.generate("A sunset", timeout=5)
    clip.handle.done.result(timeout=10)
    stored = pickle.dumps(clip)
    kernels.kill()
    kernels.start()
    service.running = False
    assert pickle.loads(stored).retry().wait().path.exists()
    assert len(service.sent) == 1


def test_retry_refuses_a_clip_that_the_journal_does_not_know(tmp_path: Path) -> None:
    """With another home nothing is known of it; the line says what to do."""
    clip = luma.generate("A sunset").wait()
    luma.configure(home=tmp_path / "other")
    with pytest.raises(InvalidRequest, match="Nothing is written down of this clip on this computer: run"):
        clip.retry()


def lose_the_answer(clip: luma.Clip) -> luma.Clip:
    """A clip whose request was sent and not answered."""
    clip.handle.done.result(timeout=10)
    assert clip.status == "unconfirmed"
    return clip


def test_retry_of_an_unconfirmed_acedatacloud_clip_sends_only_where_it_may_pay_twice(service: PromptService) -> None:
    """Retrying looks for it, and says how to send it again and what that may cost; only then it is sent."""
    clip = lose_the_answer(luma.generate("A [lost] sunset"))
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
    assert len(service.sent) == 2
    assert service.sent[0] == service.sent[1]


def test_retry_of_an_unconfirmed_clip_follows_the_one_that_the_service_lists(service: PromptService) -> None:
    """Where AceDataCloud lists one task with the very same request, that one is it, and nothing is sent."""
    clip = lose_the_answer(luma.generate("A [lost] sunset"))
    service.faulty = False
    service.listed = [{"id": "task-1", "created_at": time.time(), "request": service.sent[0]}]
    assert clip.retry().wait().task_id == "task-1"
    assert len(service.sent) == 1


def test_retry_of_an_unconfirmed_runapi_clip_sends_under_its_key(service: PromptService) -> None:
    """RunAPI knows a repeated request by its idempotency key, so a retry sends it again at once."""
    clip = lose_the_answer(luma.modify("https://example.com/v.mp4", "A [lost] fog"))
    service.faulty = False
    assert clip.retry().wait().path.exists()
    assert len(service.sent) == 2
    assert service.keys[0] == service.keys[1]
    assert service.keys[0]


def test_a_clip_whose_file_is_gone_says_so_until_it_is_fetched_again(notebook: Shell) -> None:
    """In its text and on its card, with the word that brings it back; then as before."""
    clip = luma.generate("A sunset").wait()
    notebook.user_ns["clip"] = clip
    before = repr(clip)
    clip.path.unlink()
    assert "file gone" in repr(clip)
    notebook.run("clip")
    assert "Its file is gone: `%luma retry clip` fetches it again." in notebook.displays.latest()[-1]["text/html"]
    notebook.run("%luma retry clip")
    assert clip.wait().path.exists()
    assert repr(clip) == before


def test_an_unnamed_clip_whose_file_is_gone_is_called_by_its_key(notebook: Shell) -> None:
    """What the error says can be typed as it stands."""
    clip = luma.generate("A sunset").wait()
    clip.path.unlink()
    with pytest.raises(InvalidRequest, match=f"`%luma retry clip:{clip.task.key}` fetches it again"):
        clip.file()
    notebook.run(f"%luma retry clip:{clip.task.key}")
    assert clip.wait().file().exists()
