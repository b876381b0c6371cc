"""A student's kernel in small: an engine that runs all cells of a notebook through a class gateway.

Run by `classes` in a process forked from one that has imported everything, and struck at any moment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.settings import Configuration
from tests.chaos.life import End

SOURCE = "https://example.com/lake.mp4"
EACH_MODIFIES = 4  # every so many cells modify a video, which is RunAPI's


@dataclass(frozen=True)
class Seat:
    """Where a student works: the notebook's folder, the gateway and a token for it, and the prompts of the cells."""

    folder: Path
    url: str
    token: str
    prompts: Sequence[str]


def study(harness: Connection, seat: Seat) -> None:
    """Run all cells in a fresh kernel, report how they have ended, and stay idle until the harness hears of it."""
    for name in list(os.environ):
        if name.startswith(("LUMA_", "ACEDATACLOUD_", "RUNAPI_", "JUPYTERHUB_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ |= {
        "LUMA_JUPYTER_HOME": "home",
        "LUMA_JUPYTER_GATEWAY": seat.url,
        "LUMA_JUPYTER_GATEWAY_TOKEN": seat.token,
    }
    os.chdir(seat.folder)
    engine = Engine(Configuration().current)
    specs = [TaskSpec(request=_request(number, prompt)) for number, prompt in enumerate(seat.prompts)]
    handles = [engine.submit(engine.plan(spec)) for spec in specs]
    tasks = [handle.done.result() for handle in handles]
    harness.send([End(t.request.prompt, t.intent, t.status.value, t.task_id, str(t.error or "")) for t in tasks])
    harness.recv()


def _request(number: int, prompt: str) -> Request:
    if number % EACH_MODIFIES == EACH_MODIFIES - 1:
        return ModifyRequest(prompt=prompt, source=VideoRef(url=SOURCE))
    return GenerateRequest(prompt=prompt)
