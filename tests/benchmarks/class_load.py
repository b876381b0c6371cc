"""The students of a class, all in one process, as aiohttp can play them: what they do stands in a plan on its input.

As a kernel does, a student has four requests at once on their way, comes back when told to, has one look-up held open
for all of its clips, and fetches each video once it is done. The plan is JSON, and so is what is printed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

AT_ONCE = 4  # requests of one kernel on their way
ANSWERED_WITHIN = aiohttp.ClientTimeout(total=120)


@dataclass
class Class:
    """What all students do, and what came of it.

    ``answers``: of each paid request its status and milliseconds; ``accepted``: when each task's id was known, by the
    id; ``known``, ``fetched``: when its end was, and its video; in Unix seconds. ``look_ups``: how many were answered.
    """

    url: str
    session: aiohttp.ClientSession
    answers: list[tuple[int, float]] = field(default_factory=list)
    accepted: dict[str, float] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    fetched: dict[str, float] = field(default_factory=dict)
    look_ups: int = 0
    faults: list[str] = field(default_factory=list)

    async def submit(self, token: str, key: str) -> str | None:
        """Ask for a clip until there is an answer; its task's id."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        body = {"action": "generate", "prompt": f"a boat {key}", "async": True}
        while True:
            begun = time.perf_counter()
            try:
                async with self.session.post(f"{self.url}/luma/videos", json=body, headers=headers) as answer:
                    facts = await answer.json()
            except (aiohttp.ClientError, TimeoutError) as error:
                self.faults.append(f"submission: {error!r}")
                await asyncio.sleep(1)
                continue
            if answer.status == 429:
                await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
                continue
            self.answers.append((answer.status, 1e3 * (time.perf_counter() - begun)))
            if answer.status == 200:
                self.accepted[facts["task_id"]] = time.time()
                return str(facts["task_id"])
            return None

    async def look(self, token: str, ids: list[str]) -> dict[str, str]:
        """Ask for tasks until the gateway answers; the addresses of the videos that are done."""
        headers, body = {"Authorization": f"Bearer {token}"}, {"action": "retrieve_batch", "ids": ids}
        try:
            async with self.session.post(f"{self.url}/luma/tasks", json=body, headers=headers) as answer:
                tasks = (await answer.json())["items"]
        except (aiohttp.ClientError, TimeoutError, KeyError) as error:
            self.faults.append(f"look-up: {error!r}")
            await asyncio.sleep(1)
            return {}
        self.look_ups += 1
        now, done = time.time(), {task["id"]: task["response"].get("video_url") for task in tasks if task["response"]}
        found = {task_id: url for task_id, url in done.items() if url}
        self.known |= dict.fromkeys(found, now)
        return found

    async def fetch(self, task_id: str, url: str) -> None:
        """Fetch a video, which the gateway may still be fetching itself."""
        for _ in range(20):
            try:
                async with self.session.get(url) as answer:
                    if answer.status == 200 and await answer.read():
                        self.fetched[task_id] = time.time()
                        return
                    await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
            except (aiohttp.ClientError, TimeoutError) as error:
                self.faults.append(f"video: {error!r}")
                await asyncio.sleep(1)
        self.faults.append("video: it never came")


async def ask_only(class_: Class, plan: dict[str, Any]) -> None:
    """Each student asks for clips one after the other; nobody looks what becomes of them."""

    async def student(number: int, token: str) -> None:
        for clip in range(plan["clips"]):
            await class_.submit(token, f"{plan['name']} {number} {clip}")

    await asyncio.gather(*(student(number, token) for number, token in enumerate(plan["tokens"])))


async def make_clips(class_: Class, plan: dict[str, Any]) -> None:
    """Each student makes clips, and has them all in the end; they begin spread over some seconds."""

    async def student(number: int, token: str) -> None:
        running: set[str] = set()
        fetches: list[asyncio.Task[None]] = []
        turns = asyncio.Semaphore(AT_ONCE)

        async def ask(clip: int) -> None:
            async with turns:
                task_id = await class_.submit(token, f"{plan['name']} {number} {clip}")
            if task_id:
                running.add(task_id)

        await asyncio.sleep(plan["within"] * number / len(plan["tokens"]))
        asking = asyncio.gather(*(ask(clip) for clip in range(plan["clips"])))
        while running or not asking.done():
            if not running:
                await asyncio.sleep(0.05)
                continue
            for task_id, url in (await class_.look(token, sorted(running))).items():
                running.discard(task_id)
                fetches.append(asyncio.create_task(class_.fetch(task_id, url)))
        await asyncio.gather(asking, *fetches)

    await asyncio.gather(*(student(number, token) for number, token in enumerate(plan["tokens"])))


async def play(plan: dict[str, Any]) -> dict[str, Any]:
    """Let the class do what the plan says."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=ANSWERED_WITHIN) as session:
        class_ = Class(plan["url"], session)
        begun = time.perf_counter()
        await (make_clips if plan["follow"] else ask_only)(class_, plan)
        return {
            "seconds": time.perf_counter() - begun,
            "answers": class_.answers,
            "accepted": class_.accepted,
            "known": class_.known,
            "fetched": class_.fetched,
            "look_ups": class_.look_ups,
            "faults": class_.faults,
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(json.load(sys.stdin)))))
