"""Which kernel follows a task, and whether that kernel still lives.

An owner is a process: its machine, its number there, and when it started, since numbers are used again. On this machine
the system knows whether it lives. Of another machine that shares the folder (a network home) only its heartbeat tells.
"""

from __future__ import annotations

import contextlib
import os
import platform
from functools import cache

HEARTBEAT = 15.0  # seconds between two beats of an owner that follows tasks
SILENCE = 60.0  # seconds without a beat after which an owner on another machine counts as gone


@cache
def _machine() -> str:
    """This machine, or this container: process numbers of one mean nothing in another."""
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return f"{platform.node()}{namespace}"


def this_owner() -> str:
    """The running process as an owner."""
    return f"{_machine()}|{os.getpid()}|{_started(os.getpid())}"


def _started(process: int) -> float | None:
    """When a process of this machine started, in Unix seconds; None where there is none of this number."""
    import psutil

    try:
        found = psutil.Process(process)
        return None if found.status() == psutil.STATUS_ZOMBIE else float(found.create_time())
    except (psutil.NoSuchProcess, ValueError):
        return None
    except psutil.AccessDenied:  # another user's, so not the one that was meant
        return 0.0


def is_alive(owner: str | None, last_beat: float | None, now: float) -> bool:
    """Whether an owner still follows its tasks; ``last_beat`` and ``now`` in Unix seconds."""
    try:
        machine, process, started = (owner or "").rsplit("|", 2)
        number, then = int(process), float(started)
    except ValueError:
        return False
    if machine == _machine():
        now_there = _started(number)
        if now_there is None:
            return False
        if abs(now_there - then) < 5:  # seconds; a corrected clock moves the times of all processes
            return True
    return last_beat is not None and abs(now - last_beat) < SILENCE
