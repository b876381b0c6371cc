"""What is done as a whole, whenever SIGINT comes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from luma_jupyter.interrupts import deferred_interrupt


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
