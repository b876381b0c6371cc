"""What AceDataCloud knows of a whole class: tasks that take their time, and sub-keys. `class_vendor_app` serves it.

It counts what it is asked. What it charges, and a sub-key's ``limited_amount``, go by what the vendor documents: a task
is charged when it succeeds, so what is under way counts for nothing yet; a request is refused with ``used_up`` once the
charges and its own price are above the limit. All keys of the account see the account's tasks.

A prompt that begins with ``lost`` loses the first answer: the task is made, and the connection closes. So does the name
of a sub-key.
"""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

KEY, PLATFORM_TOKEN = "key-of-the-account", "platform-token-of-the-account"
APPLICATION, OTHER_APPLICATION = "application-luma", "application-other"
SERVICE = "service-luma"
PRICE = 0.3  # credits, of which each is a US dollar
SHORTEST, LONGEST = 30.0, 120.0  # seconds that a task takes


@dataclass(frozen=True)
class Task:
    """A task that was made, and when it ends (Unix seconds); ``key`` made it."""

    id: str
    key: str
    request: dict[str, Any]
    created: float
    ends: float


@dataclass
class SubKey:
    """A key with a limit."""

    id: str
    token: str
    name: str
    limited_amount: float | None
    expired_at: str | None


@dataclass
class ClassVendor:
    """What the service knows. ``speed``: so many times faster tasks are done; ``seconds``: how long each takes instead.

    ``subscribed``: whether the account may make videos, ``packages``: what credits cost.
    """

    speed: float = 1.0
    seconds: float | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    keys: dict[str, SubKey] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    told: dict[str, float] = field(default_factory=dict)  # when somebody was first told of a task's end
    subscribed: bool = True
    packages: list[dict[str, Any]] = field(default_factory=lambda: [{"price": 1, "amount": 1}])
    requests: int = 0
    looked_at: int = 0

    def make(self, key: str, request: dict[str, Any]) -> Task:
        """Make a task; equal prompts take equally long."""
        now, prompt = time.time(), str(request.get("prompt"))
        drawn = random.Random(prompt).uniform(SHORTEST, LONGEST) / self.speed
        task = Task(uuid.uuid4().hex, key, request, now, now + (drawn if self.seconds is None else self.seconds))
        self.tasks[task.id] = task
        return task

    def charged(self, key: str) -> float:
        """What a key was charged: for tasks that have ended."""
        now = time.time()
        return PRICE * sum(1 for task in self.tasks.values() if task.key == key and task.ends <= now)

    def look(self, task: Task, url: str) -> dict[str, Any]:
        """A task as the service tells of it."""
        facts = {"id": task.id, "created_at": task.created, "started_at": task.created, "request": task.request}
        trace = {"trace_id": f"trace-{task.id}"}
        if task.ends > time.time():
            return {**facts, **trace, "response": None}
        self.told.setdefault(task.id, time.time())
        answer = {
            "success": True,
            "task_id": task.id,
            "video_id": f"video-{task.id}",
            "video_url": f"{url}/media/{task.id}.mp4",
            "video_width": 1280,
            "video_height": 720,
            "state": "completed",
        }
        ended = {"finished_at": task.ends, "elapsed": task.ends - task.created}
        return {**facts, **trace, **ended, "response": answer}

    def stats(self) -> dict[str, Any]:
        """What was asked and made so far."""
        tasks = [
            {"id": task.id, "key": task.key, "prompt": task.request.get("prompt"), "ends": task.ends}
            | {"told": self.told.get(task.id)}
            for task in self.tasks.values()
        ]
        return {"requests": self.requests, "looked_at": self.looked_at, "tasks": tasks}

    def forget(self) -> None:
        """Be as at the beginning."""
        self.tasks.clear()
        self.keys.clear()
        self.lost.clear()
        self.told.clear()
        self.requests = self.looked_at = 0
