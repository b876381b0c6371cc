"""Ctrl-C, and the stop button of a notebook, at a moment where what is done is done as a whole.

Python raises KeyboardInterrupt between any two steps of the main thread: also where a lock was just taken, which then
nobody gives back, or where a transaction has begun, which then nobody ends. So what other threads rely on is done
inside `deferred_interrupt`. It has to be short, or to end soon by itself.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Deferral:
    """A handler of SIGINT that only notes it, in place of the one ``before``."""

    def __init__(self) -> None:
        self.before = signal.getsignal(signal.SIGINT)
        self.heard: list[int] = []  # an Event has a lock, on which a second signal at the same moment would wait

    def __call__(self, number: int, frame: object) -> None:
        self.heard.append(number)


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Let SIGINT wait until the block is over, and then interrupt: what is done inside is done as a whole.

    Of blocks within blocks the outermost one counts.
    """
    deferral = _Deferral()
    if isinstance(deferral.before, _Deferral):
        yield
        return
    try:
        with _handled_by(deferral):
            yield
    finally:
        if deferral.heard:
            signal.raise_signal(signal.SIGINT)  # whoever handles it does so now


def interrupt_if_heard() -> None:
    """Inside `deferred_interrupt`: have SIGINT handled now if it came, so before a step that cannot be taken back."""
    deferral = signal.getsignal(signal.SIGINT)
    if _in_main_thread() and isinstance(deferral, _Deferral) and deferral.heard and callable(deferral.before):
        deferral.heard.clear()
        deferral.before(signal.SIGINT, None)


@contextmanager
def on_interrupt(action: Callable[[], object]) -> Iterator[None]:
    """Let SIGINT do ``action`` and nothing else; only the main thread can, others leave the signal as it is."""
    with _handled_by(lambda number, frame: action()):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, object], object]) -> Iterator[None]:
    if not _in_main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
