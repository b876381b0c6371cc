"""What is done as a whole, whenever SIGINT comes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from luma_jupyter.interrupts import deferred_interrupt, interrupt_if_heard


@pytest.fixture
def interrupts() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, as in a kernel; a background process starts without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _interrupted(done: list[str], times: int = 1) -> None:
    with deferred_interrupt():
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        done.append("as a whole")


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("times", [1, 3])
def test_deferred_interrupt_raises_after_the_block(times: int) -> None:
    """What is done inside is done as a whole; then KeyboardInterrupt is raised, once, and SIGINT is as it was."""
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        _interrupted(done, times)
    assert done == ["as a whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interrupts")
def test_deferred_interrupt_hands_the_signal_to_whoever_handles_it() -> None:
    """A handler of the host's is the one that hears of it, after the block and not within."""
    done: list[str] = []
    handler = lambda number, frame: done.append(f"handled {number:d}")  # noqa: E731
    signal.signal(signal.SIGINT, handler)
    _interrupted(done)
    assert done == ["as a whole", f"handled {signal.SIGINT:d}"]
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.usefixtures("interrupts")
def test_deferred_interrupt_within_another_waits_for_the_outer_one() -> None:
    """Of blocks within blocks the outermost one counts."""
    done: list[str] = []

    def nested() -> None:
        with deferred_interrupt():
            _interrupted(done)
            done.append("the outer one too")

    with pytest.raises(KeyboardInterrupt):
        nested()
    assert done == ["as a whole", "the outer one too"]


def _interrupted_in_between(done: list[str]) -> None:
    with deferred_interrupt(), deferred_interrupt():
        interrupt_if_heard()
        done.append("before it came")
        signal.raise_signal(signal.SIGINT)
        done.append("before the step")
        interrupt_if_heard()
        done.append("the step")


@pytest.mark.usefixtures("interrupts")
def test_interrupt_if_heard_raises_within_the_block() -> None:
    """A step that cannot be taken back is not taken once Ctrl-C was pressed; KeyboardInterrupt is raised once."""
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        _interrupted_in_between(done)
    assert done == ["before it came", "before the step"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interrupts")
def test_interrupt_if_heard_hands_the_signal_to_whoever_handles_it() -> None:
    """A handler of the host's hears of it, once; where it raises nothing, the block goes on."""
    done: list[str] = []
    signal.signal(signal.SIGINT, lambda number, frame: done.append("handled"))
    _interrupted_in_between(done)
    assert done == ["before it came", "before the step", "handled", "the step"]


@pytest.mark.usefixtures("interrupts")
def test_interrupt_if_heard_in_another_thread_raises_nothing() -> None:
    """What the main thread was asked to stop is nothing to any other thread."""
    done: list[str] = []

    def go_on() -> None:
        interrupt_if_heard()
        done.append("went on")

    def interrupted() -> None:
        with deferred_interrupt():
            signal.raise_signal(signal.SIGINT)
            thread = threading.Thread(target=go_on)
            thread.start()
            thread.join()

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["went on"]


@pytest.mark.usefixtures("interrupts")
def test_deferred_interrupt_without_a_signal_changes_nothing() -> None:
    """What the block raises is raised, and SIGINT is as it was."""

    def fails() -> None:
        with deferred_interrupt():
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fails()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interrupts")
def test_deferred_interrupt_in_another_thread_leaves_the_signal_alone() -> None:
    """Only the main thread is interrupted, so no other one defers anything."""
    seen: list[object] = []

    def look() -> None:
        with deferred_interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
