"""`configure(notify=function)`: called once with what has ended, on a thread of its own, and never in the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, Queue
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from tests.support import settings
from tests.support.notebook import Kernels, PromptService, wait_for_end, wait_for_status
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("engine")
Printed = pytest.CaptureFixture[str]


class Told:
    """A user's function that keeps what it was called with, and on which thread; ``raises`` is raised by it."""

    def __init__(self) -> None:
        self.calls: Queue[Any] = Queue()
        self.threads: set[threading.Thread] = set()
        self.raises: BaseException | None = None

    def __call__(self, ended: Any) -> None:
        self.threads.add(threading.current_thread())
        self.calls.put(ended)
        if self.raises:
            raise self.raises

    def next(self) -> Any:
        """What it was called with next."""
        return self.calls.get(timeout=10)

    @property
    def silent(self) -> bool:
        """Whether it is not called, though all that has ended by now was told."""
        kernel.session.engine.loop_thread.call_and_wait(lambda: None, 10)
        kernel.session.notifier.wait(10)
        try:
            self.calls.get_nowait()
        except Empty:
            return True
        return False


@pytest.fixture
def told() -> Iterator[Told]:
    """The function that is set."""
    told = Told()
    luma.configure(notify=told)
    yield told
    luma.configure(notify=None)


def test_function_is_called_once_with_the_clip_that_ended(told: Told) -> None:
    """On a thread that is neither the user's nor the engine's, with the very clip, when its outcome is known."""
    sunset = luma.generate("A sunset")
    assert told.next() is sunset
    assert sunset.status == "completed"
    assert told.silent
    (thread,) = told.threads
    assert thread.name == "luma_jupyter worker"


@pytest.mark.parametrize(("prompt", "status"), [("A [fail]", "failed"), ("A [lost] one", "unconfirmed")])
def test_function_is_called_for_clips_without_a_video_too(told: Told, prompt: str, status: str) -> None:
    """A clip that failed, or of which nobody knows, has ended as well."""
    clip = luma.generate(prompt)
    assert told.next() is clip
    assert clip.status == status


def test_function_is_called_once_for_a_batch_with_its_list(told: Told, service: PromptService) -> None:
    """Not before the last one has ended, and with the list that the user holds, failed ones in it."""
    service.gate.clear()
    boats = luma.batch(["A boat", "A [fail]", "A mill"])
    assert told.silent
    service.gate.set()
    ended = told.next()
    assert isinstance(ended, ClipList)
    assert ended is boats
    assert [clip.status for clip in ended] == ["completed", "failed", "completed"]
    assert told.silent


def test_function_is_not_called_for_what_is_found_again(told: Told, kernels: Kernels) -> None:
    """Neither in the same kernel nor in the next one; a batch with a new clip in it is told as a whole."""
    sunset = luma.generate("A sunset").wait()
    assert told.next() is sunset
    assert luma.generate("A sunset") is sunset
    assert told.silent
    kernels.kill()
    kernels.start()
    found = luma.batch(["A sunset"]).wait()
    assert told.silent
    more = luma.batch(["A sunset", "A dawn"])
    assert told.next() is more
    assert more[0] is found[0]


def test_an_equal_request_while_the_first_is_under_way_is_told_once(told: Told, service: PromptService) -> None:
    """Both are the same clip, as when a cell is run twice."""
    service.gate.clear()
    first, second = luma.generate("A sunset"), luma.generate("A sunset")
    assert first is second
    service.gate.set()
    assert told.next() is first
    assert told.silent


def test_function_that_is_set_when_it_ends_is_called(service: PromptService) -> None:
    """It may be set after the request was sent; None switches it off."""
    told = Told()
    service.gate.clear()
    sunset = luma.generate("A sunset")
    luma.configure(notify=told)
    service.gate.set()
    assert told.next() is sunset
    luma.configure(notify=None)
    luma.generate("A dawn").wait()
    assert told.silent


def test_clip_that_was_stopped_and_goes_on_is_told_at_each_end(told: Told, service: PromptService) -> None:
    """Stopped, it has ended here; resumed or retried in this kernel, it is told again."""
    service.running = True
    sunset = luma.generate("A sunset")
    wait_for_status(sunset, "running")
    sunset.stop()
    assert told.next() is sunset
    service.running = False
    kernel.session.resume(sunset)
    assert told.next() is sunset
    assert sunset.status == "completed"
    lost = luma.generate("A [lost] one")
    assert told.next() is lost
    service.faulty = False
    lost.retry(may_pay_twice=True)
    assert told.next() is lost
    assert lost.status == "completed"


def test_clip_that_an_earlier_kernel_sent_is_not_told(told: Told, service: PromptService, kernels: Kernels) -> None:
    """Followed again here, it was not submitted here."""
    service.running = True
    wait_for_status(luma.generate("A sunset"), "running")
    kernel.session.notifier.close()  # a kernel that is killed calls nothing
    kernels.kill()
    kernels.start()
    service.running = False
    (clip,) = kernel.session.unfollowed_clips()
    kernel.session.resume(clip)
    assert wait_for_end(clip) == "completed"
    assert told.silent


@pytest.mark.parametrize("error", [OSError("no\nmail"), SystemExit(1), ValueError()])
def test_error_of_the_function_is_one_line_and_harms_nothing(told: Told, capsys: Printed, error: BaseException) -> None:
    """The clip is as it is, and the function is called for the next one."""
    told.raises = error
    sunset = luma.generate("A sunset").wait()
    assert told.next() is sunset
    assert told.silent
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if "configure(notify=…) failed; nothing else did" in line] == printed
    assert len(printed) == 1
    assert type(error).__name__ in printed[0]
    assert luma.generate("A dawn").wait().status == "completed"
    assert told.next().prompt == "A dawn"


def test_function_that_hangs_holds_up_no_clip(service: PromptService) -> None:
    """Clips are made and saved meanwhile; the calls come one after the other."""
    go_on, called = threading.Event(), []

    def hang(ended: Clip) -> None:
        called.append(ended.prompt)
        go_on.wait(10)

    luma.configure(notify=hang)
    for number in range(20):
        luma.generate(f"Boat {number}").wait()
    assert called == ["Boat 0"]
    go_on.set()
    until(lambda: len(called) == 20)


@pytest.mark.parametrize("value", [5, "mail", ["mail"], True])
def test_what_cannot_be_called_is_refused_in_one_line(value: object) -> None:
    """Nothing is changed then; so it is with a coroutine function, for which nobody would wait."""
    before = settings.current()
    with pytest.raises(luma.InvalidRequest, match=r"^notify must be a function, which is called with what has ended"):
        luma.configure(notify=value, provider="demo")

    async def mail(ended: object) -> None: ...

    with pytest.raises(
        luma.InvalidRequest, match=r"^notify must be a plain function, without async: nobody awaits it\.$"
    ):
        luma.configure(notify=mail)
    assert settings.current() == before


def test_what_the_end_of_the_program_stops_is_not_told(told: Told, service: PromptService) -> None:
    """Calls that have begun by then are waited for."""
    sunset = luma.generate("A sunset").wait()
    service.running = True
    dawn = luma.generate("A dawn")
    wait_for_status(dawn, "running")
    kernel.finish()
    assert dawn.status == "detached"
    assert told.next() is sunset
    assert told.calls.empty()


def test_setting_that_cannot_be_read_any_more_calls_nothing(
    told: Told, monkeypatch: pytest.MonkeyPatch, service: PromptService
) -> None:
    """A variable that cannot be used is told where it is needed."""
    service.gate.clear()
    sunset = luma.generate("A sunset")
    wait_for_status(sunset, "running")
    monkeypatch.setenv("LUMA_JUPYTER_WAIT", "perhaps")
    service.gate.set()
    wait_for_end(sunset)
    assert told.silent
