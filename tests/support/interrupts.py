"""Ctrl-C at any step that Python takes, one after the other; in a process of its own, as it traces what runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


class Interrupted:
    """Calls a function and presses Ctrl-C at its step number ``moment``: a step is one instruction of Python's."""

    def __init__(self, moment: int, raised: type[BaseException]) -> None:
        self._moment = moment
        self._expected = (KeyboardInterrupt, raised)
        self._steps = 0
        self._where = ""
        self.was_heard = False

    def __call__(self, function: Callable[..., object], *arguments: object) -> None:
        """Call it until it ends or is interrupted."""
        sys.settrace(self._step)
        try:
            function(*arguments)
        except self._expected:
            self.was_heard = True
        finally:
            sys.settrace(None)

    def _step(self, frame: FrameType, event: str, argument: object) -> Any:
        frame.f_trace_opcodes = True
        self._steps += event == "opcode"
        if event == "opcode" and self._steps == self._moment:
            self._where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            signal.raise_signal(signal.SIGINT)
        return self._step

    @property
    def was_pressed(self) -> bool:
        """Whether the function took that many steps."""
        return bool(self._where)

    def __repr__(self) -> str:
        return f"step {self._moment}, {self._where}"


def any_moment(
    stride: int, first: int = 1, last: int = sys.maxsize, raised: type[BaseException] = KeyboardInterrupt
) -> Iterator[Interrupted]:
    """Interrupts at each ``stride``-th step, until what they interrupt takes no more of them; SIGINT is as it was.

    Some come when all is done; ``raised`` is what they may raise beside KeyboardInterrupt.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
    heard = 0
    for moment in range(first, last, stride):
        interrupted = Interrupted(moment, raised)
        yield interrupted
        heard += interrupted.was_heard
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, interrupted
        if not interrupted.was_pressed:
            break
    assert heard > 50, f"only {heard} were heard of"
