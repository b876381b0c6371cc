"""Serves AceDataCloud for a whole class, in a process or a thread of its own; what it knows is in `class_vendor`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.support.class_vendor import (
    APPLICATION,
    KEY,
    OTHER_APPLICATION,
    PLATFORM_TOKEN,
    PRICE,
    SERVICE,
    ClassVendor,
    SubKey,
)
from tests.support.misbehaving import video

ANSWER = 0.004  # seconds that an answer takes


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
        (r"/api/v1/credentials/(\w+)", _Credential),
        (r"/stats", _Stats),
    ]
    return Application(routes, log_function=lambda handler: None, vendor=vendor)


async def serve(vendor: ClassVendor, ready: Callable[[str], None], stop: asyncio.Event) -> None:
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
