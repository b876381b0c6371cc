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


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Let SIGINT wait until the block is over, and then interrupt: what is done inside is done as a whole."""
    heard: list[int] = []  # an Event has a lock, on which a second signal at the same moment would wait for the first
    try:
        with on_interrupt(lambda: heard.append(signal.SIGINT)):
            yield
    finally:
        if heard:
            signal.raise_signal(signal.SIGINT)  # whoever handles it does so now


@contextmanager
def on_interrupt(action: Callable[[], object]) -> Iterator[None]:
    """Let SIGINT do ``action`` and nothing else; only the main thread can, others leave the signal as it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: action())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
