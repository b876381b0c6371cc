"""AceDataCloud for a whole class, in a process or a thread of its own: tasks that take their time, and sub-keys.

It counts what it is asked. What it charges, and a sub-key's ``limited_amount``, go by what the vendor documents: a task
is charged when it succeeds, so what is under way counts for nothing yet; a request is refused with ``used_up`` once the
charges and its own price are above the limit. All keys of the account see the account's tasks.

A prompt that begins with ``lost`` loses the first answer: the task is made, and the connection closes. So does the name
of a sub-key.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.support.misbehaving import video

KEY, PLATFORM_TOKEN = "key-of-the-account", "platform-token-of-the-account"
APPLICATION, OTHER_APPLICATION = "application-luma", "application-other"
SERVICE = "service-luma"
PRICE = 0.3  # credits, of which each is a US dollar
ANSWER = 0.004  # seconds that an answer takes
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
            for task in self.tasks.values()
        ]
        return {"requests": self.requests, "looked_at": self.looked_at, "tasks": tasks}

    def forget(self) -> None:
        """Be as at the beginning."""
        self.tasks.clear()
        self.keys.clear()
        self.lost.clear()
        self.requests = self.looked_at = 0


class _Handler(RequestHandler):
    @property
    def vendor(self) -> ClassVendor:
        vendor: ClassVendor = self.settings["vendor"]
        return vendor

    @property
    def url(self) -> str:
        return f"http://{self.request.host}"

    @property
    def given_key(self) -> str:
        return self.request.headers.get("Authorization", "").removeprefix("Bearer ")

    def json(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.request.body or b"{}")
        return body

    def fail(self, status: int, code: str) -> None:
        self.set_status(status)
        self.finish({"success": False, "error": {"code": code, "message": code}, "trace_id": uuid.uuid4().hex})


class _GenerationHandler(_Handler):
    async def prepare(self) -> None:
        await asyncio.sleep(ANSWER)
        if self.given_key != KEY and self.given_key not in self.vendor.keys:
            self.fail(401, "invalid_token")


class _Videos(_GenerationHandler):
    def post(self) -> None:
        vendor, key, body = self.vendor, self.given_key, self.json()
        limit = vendor.keys[key].limited_amount if key in vendor.keys else None
        if limit is not None and vendor.charged(key) + PRICE > limit:
            self.fail(403, "used_up")
            return
        task, prompt = vendor.make(key, body), str(body.get("prompt"))
        if prompt.startswith("lost") and prompt not in vendor.lost:
            vendor.lost.add(prompt)
            self.detach().close()
            return
        self.finish({"task_id": task.id, "trace_id": f"trace-{task.id}"})


class _Tasks(_GenerationHandler):
    def post(self) -> None:
        vendor, body = self.vendor, self.json()
        if body.get("action") == "retrieve_batch" and body.get("ids") is None:
            since, until = body.get("created_at_min", 0), body.get("created_at_max", 1e11)
            listed = [task for task in vendor.tasks.values() if since <= task.created <= until]
            offset = body.get("offset", 0)
            page = listed[offset : offset + body.get("limit", 10)]
            self.finish({"items": [vendor.look(task, self.url) for task in page], "count": len(listed)})
            return
        ids = [body["id"]] if body.get("action") == "retrieve" else body["ids"]
        vendor.requests += 1
        vendor.looked_at += len(ids)
        found = [vendor.look(vendor.tasks[task_id], self.url) for task_id in ids if task_id in vendor.tasks]
        if body.get("action") == "retrieve":
            self.finish(found[0]) if found else self.fail(404, "not_found")
        else:
            self.finish({"items": found, "count": len(found)})


class _Media(_Handler):
    def get(self, task_id: str) -> None:
        self.set_header("Content-Type", "video/mp4")
        self.finish(video(task_id))


class _PlatformHandler(_Handler):
    def prepare(self) -> None:
        if self.given_key != PLATFORM_TOKEN:
            self.fail(401, "invalid_token")

    def page(self, items: list[dict[str, Any]]) -> None:
        limit, offset = int(self.get_query_argument("limit", "10")), int(self.get_query_argument("offset", "0"))
        self.finish({"count": len(items), "items": items[offset : offset + limit]})


class _Apis(_PlatformHandler):
    def prepare(self) -> None:
        """Anybody may ask."""

    def get(self) -> None:
        self.page([{"id": "api", "path": "/luma/videos", "service_id": SERVICE, "cost": PRICE}])


class _Services(_PlatformHandler):
    def prepare(self) -> None:
        """Anybody may ask."""

    def get(self) -> None:
        self.page([{"id": SERVICE, "alias": "luma", "unit": "Credit", "packages": self.vendor.packages}])


class _Applications(_PlatformHandler):
    def get(self) -> None:
        amounts = {"remaining_amount": 100.0, "used_amount": 0.0}
        self.page(
            [
                {"id": OTHER_APPLICATION, "service_id": "service-other", **amounts},
                {"id": APPLICATION, "service_id": SERVICE, **amounts},
            ][: 1 + self.vendor.subscribed]
        )


class _Usage(_PlatformHandler):
    def get(self) -> None:
        now = time.time()
        self.page(
            [
                {
                    "trace_id": f"trace-{task.id}",
                    "deducted_amount": PRICE,
                    "status_code": 200,
                    "created_at": datetime.fromtimestamp(task.created).astimezone().isoformat(),
                }
                for task in self.vendor.tasks.values()
                if task.ends <= now
            ]
        )


class _Credentials(_PlatformHandler):
    def post(self) -> None:
        body = self.json()
        if body.get("application_id") != APPLICATION:
            self.fail(400, "bad_request")
            return
        token = uuid.uuid4().hex
        made = SubKey(
            uuid.uuid4().hex, token, str(body.get("name")), body.get("limited_amount"), body.get("expired_at")
        )
        self.vendor.keys[token] = made
        if made.name.startswith("lost"):
            self.detach().close()
            return
        self.set_status(201)
        self.finish({**self._item(made), "token": token})

    def get(self) -> None:
        self.page([self._item(key) for key in self.vendor.keys.values()])

    def _item(self, key: SubKey) -> dict[str, Any]:
        return {
            "id": key.id,
            "name": key.name,
            "application_id": APPLICATION,
            "limited_amount": key.limited_amount,
            "used_amount": self.vendor.charged(key.token),
            "expired_at": key.expired_at,
        }


class _Credential(_PlatformHandler):
    def delete(self, key_id: str) -> None:
        keys = self.vendor.keys
        found = next((token for token, key in keys.items() if key.id == key_id), None)
        if found is None:
            self.fail(404, "not_found")
            return
        del keys[found]
        self.set_status(204)
        self.finish()


class _Stats(_Handler):
    def get(self) -> None:
        self.finish(self.vendor.stats())

    def delete(self) -> None:
        self.vendor.forget()
        self.finish({})


def application(vendor: ClassVendor) -> Application:
    """The service as a web application."""
    routes = [
        (r"/luma/videos", _Videos),
        (r"/luma/tasks", _Tasks),
        (r"/media/(\w+)\.mp4", _Media),
        (r"/api/v1/apis/", _Apis),
        (r"/api/v1/services/", _Services),
        (r"/api/v1/applications/", _Applications),
        (r"/api/v1/usage/apis/", _Usage),
        (r"/api/v1/credentials/", _Credentials),
        (r"/api/v1/credentials/(\w+)/?", _Credential),
        (r"/stats", _Stats),
    ]
    return Application(routes, log_function=lambda handler: None, vendor=vendor)


async def serve(vendor: ClassVendor, ready: Any, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set; ``ready`` is called with the address."""
    sockets = bind_sockets(0, "127.0.0.1", backlog=2048)
    server = HTTPServer(application(vendor))
    server.add_sockets(sockets)
    ready(f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
    await stop.wait()
    server.stop()
    await server.close_all_connections()


@contextmanager
def running_vendor(vendor: ClassVendor) -> Iterator[str]:
    """The service in a thread, for as long as the block lasts; its address."""
    loop, stop, urls, ready = asyncio.new_event_loop(), asyncio.Event(), [], threading.Event()

    def started(url: str) -> None:
        urls.append(url)
        ready.set()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve(vendor, started, stop))

    thread = threading.Thread(target=run, name="class vendor", daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def main() -> None:
    """Serve in this process until standard input ends; the address is printed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, help="that each task takes")
    given = parser.parse_args()

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
        await serve(ClassVendor(given.speed, given.seconds), lambda url: print(url, flush=True), stop)

    asyncio.run(run())


if __name__ == "__main__":
    main()
