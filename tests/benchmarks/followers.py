"""Make some clips with one client and follow them; when each end was known is printed as JSON.

Run by `polling` in a process of its own, with CLIENT TASKS ENGINES FIRST [--history] as arguments. The environment has
the services' addresses and keys. ENGINES independent clients make TASKS clips each; their prompts are numbers from
FIRST on, by which the server knows how long each takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.callers import SOURCE
from tests.benchmarks.laws import HISTORY, narrow

Known = dict[str, float]


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
            known[prompt] = time.time()

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
        known[prompt] = time.time()

    prompts = [prompt for group in groups for prompt in group]
    with ThreadPoolExecutor(len(prompts)) as pool:
        list(pool.map(one, prompts))
    return known


def follow_ours(groups: list[list[str]], *, modify: bool) -> Known:
    """With an engine of ours for each group, as so many kernels would."""
    from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
    from luma_jupyter.domain.task import TaskEvent
    from luma_jupyter.domain.vocabulary import Status
    from luma_jupyter.engine.engine import Engine
    from luma_jupyter.engine.task_spec import TaskSpec
    from luma_jupyter.settings import Configuration

    known: Known = {}
    handles = []

    def hear(event: TaskEvent) -> None:
        if event.task.status is Status.SAVING:
            known.setdefault(event.task.request.prompt, event.at)

    for prompts in groups:
        engine = Engine(Configuration().current)
        for prompt in prompts:
            source = VideoRef(url=SOURCE)
            request = ModifyRequest(prompt=prompt, source=source) if modify else GenerateRequest(prompt=prompt)
            handle = engine.submit(engine.plan(TaskSpec(request=request, again=True)))
            handle.listen(hear)
            handles.append(handle)
    for handle in handles:
        handle.done.result()
    return known


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
