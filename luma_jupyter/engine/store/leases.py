"""Leases: which process follows a task, and whether it still lives.

An owner is a process: its machine, its number there, and when it started, since numbers are used again. On this machine
the system knows whether it lives. Of another machine that shares the folder (a network home) only its heartbeat tells.
"""

from __future__ import annotations

import os
import platform
from functools import cache

from luma_jupyter.operating_system import process_namespace

HEARTBEAT_INTERVAL = 15.0  # seconds between two heartbeats of an owner that follows tasks
LEASE_TIMEOUT = 60.0  # seconds without a heartbeat after which an owner on another machine counts as gone


class LeaseLost(Exception):
    """Another kernel has taken a task over, as this one had been silent for long: this one must not go on with it."""


@cache
def _machine() -> str:
    """This machine, or this container: process numbers of one mean nothing in another."""
    return f"{platform.node()}{process_namespace()}"


def current_owner() -> str:
    """The running process as an owner."""
    return f"{_machine()}|{os.getpid()}|{_start_time(os.getpid())}"


def _start_time(process: int) -> float | None:
    """When a process of this machine started, in Unix seconds; None where there is none of this number."""
    import psutil  # start-up

    try:
        found = psutil.Process(process)
        return None if found.status() == psutil.STATUS_ZOMBIE else float(found.create_time())
    except (psutil.NoSuchProcess, ValueError):
        return None
    except psutil.AccessDenied:  # another user's, so not the one that was meant
        return 0.0


def is_alive(owner: str | None, last_heartbeat: float | None, now: float) -> bool:
    """Whether an owner still follows its tasks; ``last_heartbeat`` and ``now`` in Unix seconds."""
    try:
        machine, process, started = (owner or "").rsplit("|", 2)
        number, then = int(process), float(started)
    except ValueError:
        return False
    if machine == _machine():
        now_there = _start_time(number)
        if now_there is None:
            return False
        if abs(now_there - then) < 5:  # seconds; a corrected clock moves the times of all processes
            return True
    return last_heartbeat is not None and abs(now - last_heartbeat) < LEASE_TIMEOUT
