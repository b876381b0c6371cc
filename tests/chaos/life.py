"""A kernel in small: an engine that runs the cells of a notebook, in a process that may be struck at any moment.

Run by `harness` in a process forked from one that has imported everything, so that it begins at once.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from luma_jupyter.domain import duration_model
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.run import runner
from luma_jupyter.engine.store import leases
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.settings import Configuration, Settings

# The prompts of a notebook's cells; all but the first go on with the video of the cell before.
STORIES: Mapping[str, tuple[str, ...]] = {
    "generate": ("A paper boat on a calm lake",),
    "modify": ("The lake in winter",),
    "film": ("A paper boat on a lake", "A storm comes up", "Foggy morning light"),
}
POLL_INTERVAL = 0.05  # seconds between two polls of a task; the real ones would make a life last many seconds

HEARTBEAT_INTERVAL = 0.1  # seconds, of kernels of which one is frozen
LEASE_TIMEOUT = 0.5  # seconds; likewise

Deed = Literal["run all", "resume"]
# What happens to a kernel: SIGKILL; an orderly end; SIGSTOP, until one of another machine has taken over.
Blow = Literal["killed", "ended", "frozen"]
SIGNALS: Mapping[Blow, signal.Signals] = {
    "killed": signal.SIGKILL,
    "ended": signal.SIGINT,
    "frozen": signal.SIGSTOP,
}


@dataclass(frozen=True)
class Effect:
    """The moment before a process does something to the world for the nth time: an audit event of Python's."""

    event: str
    number: int

    def __str__(self) -> str:
        return f"before {self.event} {self.number}"

    def arm(self, blow: Blow) -> None:
        """Let this process strike itself then."""
        seen: Counter[str] = Counter()

        def hear(event: str, details: object) -> None:
            if event == self.event:
                seen[event] += 1
                if seen[event] == self.number:
                    _strike_self(blow)

        sys.addaudithook(hear)


def _strike_self(blow: Blow) -> None:
    """Let it happen to this thread at once: what is sent to a process may come to it a little later."""
    if blow == "ended":  # an interrupt is the main thread's
        os.kill(os.getpid(), SIGNALS[blow])
    else:
        signal.pthread_kill(threading.get_ident(), SIGNALS[blow])


@dataclass(frozen=True)
class End:
    """What a kernel knows of a clip at its end."""

    prompt: str
    intent: str
    status: str
    task_id: str | None
    error: str


@dataclass(frozen=True)
class Report:
    """What a kernel that was left alone says in the end."""

    ends: tuple[End, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Life:
    """What a user does in a fresh kernel; ``machine``: where, if there is more than one."""

    folder: Path
    url: str
    story: str
    deed: Deed
    blow: Blow
    effect: Effect | None
    machine: str | None


def live(harness: Connection, life: Life) -> None:
    """Do what a user does in a fresh kernel, report, and stay idle until the harness hears of it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _settle(life.folder, life.url)
    if life.machine:
        share_the_home(life.machine)
    settings = Configuration().current
    engine = Engine(settings)
    try:
        if life.effect:
            life.effect.arm(life.blow)
        _work(harness, engine, life, settings())
    except KeyboardInterrupt:
        engine.finish(settings().exit_seconds)


def _work(harness: Connection, engine: Engine, life: Life, settings: Settings) -> None:
    handles = _run_all(engine, life.story, life.url) if life.deed == "run all" else _resume(engine, settings)
    ends = [handle.done.result() for handle in handles]
    harness.send(
        Report(
            tuple(End(t.request.prompt, t.intent, t.status.value, t.task_id, str(t.error or "")) for t in ends),
            tuple(engine.notices),
        )
    )
    harness.recv()


def _settle(folder: Path, url: str) -> None:
    """The settings of a machine with both keys, whose notebook is in ``folder``."""
    for name in list(os.environ):
        if name.startswith(("LUMA_JUPYTER_", "ACEDATACLOUD_", "RUNAPI_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ |= {
        "LUMA_JUPYTER_HOME": "home",
        "ACEDATACLOUD_API_TOKEN": "no-real-token",
        "ACEDATACLOUD_API_BASE_URL": url,
        "ACEDATACLOUD_PLATFORM_BASE_URL": "http://127.0.0.1:9",
        "RUNAPI_API_KEY": "no-real-key",
        "RUNAPI_BASE_URL": url,
    }
    os.chdir(folder)
    duration_model.LONGEST_PAUSE = POLL_INTERVAL


def share_the_home(machine: str) -> None:
    """Be one of several machines with one home folder, which find out soon that another one is silent."""
    platform.node = lambda: machine
    runner.HEARTBEAT_INTERVAL = HEARTBEAT_INTERVAL
    leases.LEASE_TIMEOUT = LEASE_TIMEOUT


def _run_all(engine: Engine, story: str, url: str) -> list[Handle]:
    handles: list[Handle] = []
    for prompt in STORIES[story]:
        after = handles[-1] if handles else None
        label = after.task.request.prompt if after else None
        spec = TaskSpec(request=_request(story, len(handles), prompt, url), after=after, label=label)
        handles.append(engine.submit(engine.plan(spec)))
    return handles


def _request(story: str, number: int, prompt: str, url: str) -> Request:
    if story == "modify":
        return ModifyRequest(prompt=prompt, source=VideoRef(url=f"{url}/media/lake.mp4"))
    return (GenerateRequest, ExtendRequest, ModifyRequest)[number](prompt=prompt)


def _resume(engine: Engine, settings: Settings) -> list[Handle]:
    """As ``%luma resume`` does."""
    return [engine.resume(task.intent) for task in engine.repository.unfinished(settings.folder)]
