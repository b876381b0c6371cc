"""`Session`: the clips of a kernel, a folder and a day, each once."""

from __future__ import annotations

import gc
import signal
import subprocess
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip import session
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle, Handles
from luma_jupyter.engine.past import Past
from luma_jupyter.engine.run.runner import TaskRunner
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.errors import (
    ClipCancelled,
    ClipDetached,
    ClipFailed,
    ClipUnconfirmed,
    InvalidRequest,
    WaitTimeout,
)
from tests.clip.test_clip import ALWAYS, END_ONLY
from tests.support.notebook import Kernels, PromptService, Shell, wait_for_end, wait_for_status
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("engine")
Python = Callable[..., subprocess.CompletedProcess[str]]


def test_a_clip_found_in_a_new_kernel_knows_all_that_it_knew(kernels: Kernels, service: PromptService) -> None:
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


def test_clips_are_those_of_this_folder(kernels: Kernels, tmp_path: Path) -> None:
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
    kernels.start(tmp_path / "elsewhere")
    luma.generate("A boat").wait()
    assert [clip.prompt for clip in luma.clips()] == ["A boat"]
    assert [clip.prompt for clip in luma.clips(folder=tmp_path)] == ["A sunset", "A dawn"]
    assert [clip.prompt for clip in luma.clips(folder=str(tmp_path))] == ["A sunset", "A dawn"]
    assert [clip.prompt for clip in luma.clips(folder="all")] == ["A sunset", "A dawn", "A boat"]
    (tmp_path / "empty").mkdir()
    assert luma.clips(folder=tmp_path / "empty") == []


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


def test_a_clip_that_another_kernel_follows_is_waited_for(
    engine: Engine, service: PromptService, tmp_path: Path
) -> None:
    """A clip from `clips` ends when its task does, whoever follows that."""
    clip = luma.generate("A sunset").wait()
    elsewhere = Journal(tmp_path / "home", owner="another machine|1|0.0")
    theirs = clip.task.evolve(intent="e" * 32, created_at=clip.task.created_at + 1)
    running = theirs.evolve(status=Status.RUNNING, video=None, path=None, ended_at=None)
    lease = elsewhere.add(running)
    found = luma.clips()[1]
    with pytest.raises(WaitTimeout, match=r"is not done after .* s \(running\)"):
        found.wait(timeout=0)
    lease.write(theirs)
    assert found.wait(timeout=10).path == clip.path


ENDS = {
    Status.FAILED: ClipFailed("No dragons."),
    Status.CANCELLED: ClipCancelled("Stopped while it was queued."),
    Status.DETACHED: ClipDetached("Stopped."),
    Status.UNCONFIRMED: ClipUnconfirmed("The answer was lost."),
}


@pytest.mark.parametrize("status", ENDS)
def test_a_clip_that_ends_in_another_kernel_while_it_is_listed_is_listed_as_it_ended(
    engine: Engine, service: PromptService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: Status
) -> None:
    """A list is no wish to follow anything: what has ended by now stays so, and no service is asked."""
    clip = luma.generate("A sunset").wait()
    elsewhere = Journal(tmp_path / "home", owner="another machine|1|0.0")
    task = clip.task.evolve(intent="e" * 32, created_at=clip.task.created_at + 1, status=Status.RUNNING)
    running = task.evolve(video=None, path=None, ended_at=None)
    lease = elsewhere.add(running)
    unfinished = Past.unfinished

    def read_and_end(past: Past) -> list[Task]:
        monkeypatch.setattr(Past, "unfinished", unfinished)
        tasks = past.unfinished
        lease.write(running.evolve(status=status, error=ENDS[status], ended_at=task.ended_at))
        return tasks

    asked = len(service.all_seen)
    monkeypatch.setattr(Past, "unfinished", property(read_and_end))
    found = luma.clips()
    assert [one.status for one in found] == ["completed", status]
    assert str(found[1].error) == str(ENDS[status])
    assert running.intent not in engine.handles
    assert len(service.all_seen) == asked


def test_a_clip_that_ends_while_it_is_looked_up_is_the_one_that_is_there(
    engine: Engine, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may end, and the engine may let go of it, between any two looks at it."""
    service.gate.clear()
    boat = luma.generate("A [fail] boat")
    wait_for_status(boat, "running")
    task, handle, get = boat.task, boat.handle, Handles.get

    def end_and_get(handles: Handles, intent: str) -> Handle | None:
        monkeypatch.setattr(Handles, "get", get)
        service.gate.set()
        until(lambda: intent not in handles)
        return handles.get(intent)

    monkeypatch.setattr(Handles, "get", end_and_get)
    assert kernel.session.followed_clip_for_task(task) is boat
    assert (boat.status, boat.handle) == ("failed", handle)


@pytest.fixture
def forgetful(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that keeps no more than one clip at hand that nobody holds."""
    monkeypatch.setattr(session, "RECENT_CLIPS", 1)
    kernels.start()


@pytest.mark.usefixtures("forgetful")
def test_a_clip_that_nobody_holds_is_let_go_and_found_again(service: PromptService) -> None:
    """A variable keeps its clip, the very same; any other is there again when it is asked for, and nothing is paid."""
    sunset = luma.generate("A sunset").wait()
    boat = luma.generate("A boat").wait()
    key, lost = boat.task.key, weakref.ref(boat)
    del boat
    luma.generate("A storm").wait()
    gc.collect()
    assert lost() is None
    assert kernel.session.engine.handles == {}
    assert luma.generate("A sunset") is sunset
    assert [clip.prompt for clip in luma.clips()] == ["A sunset", "A boat", "A storm"]
    assert kernel.session.clip_by_key(key).prompt == "A boat"
    assert luma.generate("A boat").wait().task.key == key
    assert len(service.sent) == 3


@pytest.mark.usefixtures("forgetful")
def test_clips_under_way_are_kept_though_nobody_holds_them(service: PromptService) -> None:
    """What still runs is waited for, stopped and listed by `%luma`, also where no variable has it."""
    service.gate.clear()
    handles = [luma.generate(f"Boat {number}").handle for number in range(3)]
    gc.collect()
    assert [clip.handle for clip in kernel.session.own_clips] == handles
    service.gate.set()
    for handle in handles:
        handle.done.result(10)
    kernel.session.engine.loop_thread.call_and_wait(lambda: None, 10)  # what waits for the end on the loop is over too
    gc.collect()
    assert [clip.handle for clip in kernel.session.own_clips] == handles[-1:]


def test_threads_that_ask_for_a_clip_at_once_get_the_same() -> None:
    """There is one clip of a task, whoever asks for it."""
    task = luma.generate("A sunset").wait().task.evolve(intent="another")
    threads = 8
    begin = threading.Barrier(threads)

    def ask(number: int) -> luma.Clip:
        begin.wait(10)
        return kernel.session.clip_for_task(task)

    with ThreadPoolExecutor(threads) as pool:
        (clip,) = set(pool.map(ask, range(threads)))
    assert clip in kernel.session.own_clips


Interrupt = Callable[[], None]


@pytest.fixture
def interrupt_at_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Interrupt]:
    """Have Ctrl-C pressed when the next run of a task begins: what costs is in the journal by then."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process starts without it
    start = TaskRunner.start

    def interrupt(*arguments: Any) -> Any:
        monkeypatch.setattr(TaskRunner, "start", start)
        signal.raise_signal(signal.SIGINT)
        return start(*arguments)

    yield lambda: monkeypatch.setattr(TaskRunner, "start", interrupt)
    signal.signal(signal.SIGINT, before)


def test_clips_that_were_sent_though_their_cell_was_interrupted_are_known(
    notebook: Shell, service: PromptService, interrupt_at_start: Interrupt, capsys: pytest.CaptureFixture[str]
) -> None:
    """`%luma status` lists them, `%luma stop` stops them by their keys, and a live gallery hears of them."""
    service.gate.clear()
    told: list[luma.Clip] = []
    kernel.session.listen(told.append)
    interrupt_at_start()
    with pytest.raises(KeyboardInterrupt):
        luma.batch(["A mill by day", "A mill by night"])
    clips = kernel.session.own_clips
    assert [clip.prompt for clip in clips] == ["A mill by day", "A mill by night"]
    assert told == clips
    capsys.readouterr()
    notebook.run("%luma status")
    printed = capsys.readouterr().out
    assert [f"clip:{clip.task.key}" in printed for clip in clips] == [True, True]
    for clip in clips:
        wait_for_status(clip, "running")
        notebook.run(f"%luma stop clip:{clip.task.key}")
    assert [wait_for_end(clip) for clip in clips] == ["detached", "detached"]


@pytest.mark.parametrize("way", ["retry", "resume"])
def test_clip_that_is_taken_up_again_though_its_cell_was_interrupted_is_followed(
    service: PromptService, interrupt_at_start: Interrupt, way: str
) -> None:
    """The clip that the user holds comes to its end."""
    service.running = True
    boat = luma.generate("A boat")
    wait_for_status(boat, "running")
    boat.stop()
    assert wait_for_end(boat) == "detached"
    service.running = False
    interrupt_at_start()
    with pytest.raises(KeyboardInterrupt):
        _ = boat.retry() if way == "retry" else kernel.session.resume(boat)
    assert wait_for_end(boat) == "completed"


def test_clip_that_is_adopted_though_its_cell_was_interrupted_is_known(
    kernels: Kernels, tmp_path: Path, interrupt_at_start: Interrupt
) -> None:
    """A task that was made elsewhere is followed from there on, and so it is one of this kernel's clips."""
    task_id = luma.generate("A boat").wait().task_id
    assert task_id
    kernels.kill()
    (tmp_path / "home" / FILE_NAME).unlink()
    kernels.start()
    interrupt_at_start()
    with pytest.raises(KeyboardInterrupt):
        luma.adopt(task_id)
    (clip,) = kernel.session.own_clips
    assert clip.task_id == task_id
    assert wait_for_end(clip) == "completed"


def test_a_listener_that_fails_keeps_no_clip_from_being_sent(service: PromptService) -> None:
    """What cannot show the first clip of a batch costs neither the others their start, nor the user the list."""

    def fail(clip: luma.Clip) -> None:
        raise RuntimeError("no page")

    kernel.session.listen(fail)
    assert luma.batch(["A boat", "A mill"]).wait().completed == kernel.session.own_clips
    assert len(service.sent) == 2


def test_interrupt_at_any_moment_leaves_no_clip_locked(python: Python) -> None:
    """Wherever Ctrl-C comes while a clip is made of a task, the task can end, and the next clip be made."""
    script = """
        from threading import Thread
        from luma_jupyter.api.kernel import kernel
        from luma_jupyter.engine.handle import Handle
        from tests.support.interrupts import any_moment
        from tests.support.tasks import a_task

        def use(handle):
            handle.done.set_result(handle.task)
            kernel.session.clip_for_handle(handle)

        for number, interrupted in enumerate(any_moment(stride=1, last=1200)):
            handle = Handle(a_task(number))
            interrupted(kernel.session.clip_for_handle, handle)
            other = Thread(target=use, args=[handle], daemon=True)
            other.start()
            other.join(5)
            assert not other.is_alive(), interrupted
    """
    result = python(script)
    assert result.returncode == 0, result.stderr
