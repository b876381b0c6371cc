"""Make some clips with one client and follow them; when each end was known is printed as JSON, in Unix seconds.

Run by `polling` in a process of its own, with CLIENT TASKS ENGINES FIRST [--history] as arguments. The environment has
the services' addresses and keys. ENGINES independent clients make TASKS clips each; their prompts are numbers from
FIRST on, by which the server knows how long each takes.

Of ours, all moments of an end are noted: the look-up that saw it was sent (``asked``) and its answer read
(``answered``), the end was taken in (``known``), written down and told (``told``), drawn, and the video saved.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.benchmarks.callers import SOURCE
from tests.benchmarks.laws import HISTORY, narrow

if TYPE_CHECKING:
    from luma_jupyter.domain.task import TaskState

Moments = dict[str, float]
Known = dict[str, Moments]  # by the prompt


def follow_acedatacloud(groups: list[list[str]]) -> Known:
    """With the vendor's asynchronous client: create a task, wait on its handle."""
    import os

    from acedatacloud import AsyncAceDataCloud

    known: Known = {}

    async def group(prompts: list[str]) -> None:
        client = AsyncAceDataCloud(base_url=os.environ["ACEDATACLOUD_API_BASE_URL"])

        async def one(prompt: str) -> None:
            handle = await client.luma.generate(prompt=prompt)
            await handle.wait()
            known[prompt] = {"known": time.time()}

        await asyncio.gather(*map(one, prompts))

    async def everything() -> None:
        await asyncio.gather(*map(group, groups))

    asyncio.run(everything())
    return known


def follow_runapi(groups: list[list[str]]) -> Known:
    """With the vendor's client, which is synchronous: one thread for each task."""
    import os

    from runapi.luma import LumaClient

    known: Known = {}

    def one(prompt: str) -> None:
        client = LumaClient(base_url=os.environ["RUNAPI_BASE_URL"])
        client.modify_video.run(model="luma-modify-video", prompt=prompt, source_video_url=SOURCE)
        known[prompt] = {"known": time.time()}

    prompts = [prompt for group in groups for prompt in group]
    with ThreadPoolExecutor(len(prompts)) as pool:
        list(pool.map(one, prompts))
    return known


def follow_ours(groups: list[list[str]], *, modify: bool) -> Known:
    """With an engine of ours for each group, as so many kernels would; each clip is drawn as its card would be."""
    from luma_jupyter.display.update_queue import UpdateQueue
    from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
    from luma_jupyter.domain.task import TaskEvent
    from luma_jupyter.domain.vocabulary import Status
    from luma_jupyter.engine.engine import Engine
    from luma_jupyter.engine.handle import Handle
    from luma_jupyter.engine.task_spec import TaskSpec
    from luma_jupyter.providers.acedata import AceData
    from luma_jupyter.providers.runapi import RunApi
    from luma_jupyter.settings import Configuration
    from luma_jupyter.views.clip_html import live_view
    from luma_jupyter.views.clip_state import ClipState

    known: Known = {}
    looks: dict[str, Moments] = {}

    class Drawing:
        def __init__(self, handle: Handle) -> None:
            self.handle = handle

        def draw(self) -> int:
            task = self.handle.task
            live_view(ClipState(task, None, self.handle.clock(), self.handle.duration_model))
            if task.request.prompt in known:
                known[task.request.prompt].setdefault("drawn", time.time())
            return 1

    def follow(handle: Handle, updates: UpdateQueue) -> None:
        drawing = Drawing(handle)

        def hear(event: TaskEvent) -> None:
            prompt, status = event.task.request.prompt, event.task.status
            if status is Status.SAVING and prompt not in known:
                look = looks[event.task.task_id or ""]
                known[prompt] = {**look, "known": event.at, "told": time.time()}
            if status is Status.COMPLETED:
                known[prompt]["saved"] = time.time()
            updates.request(drawing)

        handle.listen(hear)

    for client in (AceData, RunApi):
        note_looks(client, looks)
    handles = []
    queues = []
    for prompts in groups:
        engine = Engine(Configuration().current)
        updates = UpdateQueue(engine.loop_thread)
        queues.append(updates)
        for prompt in prompts:
            source = VideoRef(url=SOURCE)
            request = ModifyRequest(prompt=prompt, source=source) if modify else GenerateRequest(prompt=prompt)
            handle = engine.submit(engine.plan(TaskSpec(request=request, again=True)))
            follow(handle, updates)
            handles.append(handle)
    for handle in handles:
        handle.done.result()
    for updates in queues:
        updates.flush_all()
    return known


def note_looks(client: type[Any], looks: dict[str, Moments]) -> None:
    """Have a service's client note, by the task's id, the look-up that saw its end."""
    fetch = client.fetch

    async def noting(self: Any, ids: Sequence[str]) -> dict[str, TaskState]:
        asked = time.time()
        states: dict[str, TaskState] = await fetch(self, ids)
        answered = time.time()
        for task_id, state in states.items():
            if state.phase != "running":
                looks[task_id] = {"asked": asked, "answered": answered}
        return states

    client.fetch = noting


def remember(seed: int) -> None:
    """Let the journal have the durations of earlier tasks."""
    from luma_jupyter.engine.store.journal import Journal
    from luma_jupyter.settings import Configuration

    journal = Journal(Configuration().current().home_folder)
    rng = random.Random(f"history {seed}")
    for _ in range(HISTORY):
        duration = narrow(rng)
        journal.add_duration("acedata", "generate", duration)
        journal.add_duration("runapi", "modify", duration)
    journal.close()


CLIENTS: dict[str, Callable[[list[list[str]]], Known]] = {
    "acedatacloud": follow_acedatacloud,
    "runapi-luma": follow_runapi,
    "luma_jupyter generate": lambda groups: follow_ours(groups, modify=False),
    "luma_jupyter modify": lambda groups: follow_ours(groups, modify=True),
}


def main() -> None:
    """Make the clips, and say when each end was known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CLIENTS)
    for name in ("tasks", "engines", "first"):
        parser.add_argument(name, type=int)
    parser.add_argument("--history", action="store_true")
    given = parser.parse_args()
    if given.history:
        remember(given.first)
    numbers = iter(range(given.first, given.first + given.tasks * given.engines))
    groups = [[str(next(numbers)) for _ in range(given.tasks)] for _ in range(given.engines)]
    print(json.dumps(CLIENTS[given.client](groups)), flush=True)


if __name__ == "__main__":
    main()
