"""The server: both APIs and their media host, honest but for what its scripts say."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from tests.support.films import JPEG, box, track
from tests.support.misbehaving.faults import NOT_FOUND, Answer, Exchange, Fault, Kind, Request
from tests.support.waiting import until

MODIFY = "/api/v1/luma/modify_video"
MONEY: Mapping[str, object] = {  # asked for before a submission; no connection stays open for the faults to meet
    "/api/v1/price_quotes": {"price_quote": {"reservation_amount_cents": 50, "currency": "USD"}},
    "/api/v1/me/balance": {"balance_cents": 10_000},
}
VIDEO_TYPE = "video/mp4"


def video(task_id: str, size: int = 4096) -> bytes:
    """The video of a task, ``size`` bytes long (at least 300): different for each task."""
    start = box(b"ftyp", b"isom" + bytes(12)) + box(b"moov", track())
    return start + box(b"mdat", task_id.encode().ljust(size - len(start) - 8, b"\0"))


@dataclass(frozen=True)
class Task:
    """A task that was created, and so paid for; ``created`` in Unix seconds."""

    id: str
    api: Literal["acedata", "runapi"]
    request: Mapping[str, Any]
    idempotency_key: str | None
    created: float


class Server:
    """The services at ``url`` while the ``with`` block lasts; attributes may be changed meanwhile.

    ``seconds``: how long a task takes (``math.inf``: until told otherwise), or a function of the task that says so.
    ``failure``: a text with which tasks end instead of a video. ``running``: what AceDataCloud's answer holds beside id
    and request while a task runs.
    ``idempotent``: whether RunAPI answers a repeated Idempotency-Key with the same task. ``video_size``: bytes.
    ``film``: what each video is, in the place of one made for its task. Uploads are taken, whatever they are.
    """

    def __init__(
        self, *, seconds: float | Callable[[Task], float] = 0.0, idempotent: bool = False, video_size: int = 4096
    ) -> None:
        self.seconds = seconds
        self.idempotent = idempotent
        self.video_size = video_size
        self.failure: str | None = None
        self.film: bytes | None = None
        self.running: Mapping[str, Any] = {"response": None}
        self.url = ""
        # Only the server's thread appends, readers copy, and a deque's ends may be used from any thread.
        self._requests: list[Request] = []
        self._cut_short: list[Request] = []
        self._tasks: dict[str, Task] = {}
        self._scripts: dict[Kind, deque[Fault | None]] = defaultdict(deque)
        self._connections: list[tuple[asyncio.Task[Any] | None, asyncio.StreamWriter]] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="misbehaving", daemon=True)

    def script(self, kind: Kind, *faults: Fault | None) -> None:
        """Let the next requests of a kind meet these faults, in order; None stands for an honest answer."""
        self._scripts[kind].extend(faults)

    def behave(self) -> None:
        """Forget the scripts: be honest from now on."""
        self._scripts.clear()

    def forget(self) -> None:
        """Be as at the beginning: honest, and without any task or request."""
        self.behave()
        self.seconds, self.failure, self.film, self.running = 0.0, None, None, {"response": None}
        self._tasks.clear()
        self._requests.clear()

    @property
    def tasks(self) -> list[Task]:
        """What was paid for, oldest first."""
        return list(self._tasks.values())

    def add_task(self, task_id: str, created: float) -> None:
        """Have a task of AceDataCloud from before, created at this Unix time."""
        self._tasks[task_id] = Task(task_id, "acedata", {}, None, created)

    @property
    def requests(self) -> list[Request]:
        """All that came, oldest first."""
        return list(self._requests)

    @property
    def cut_short(self) -> list[Request]:
        """The requests whose body did not come whole before the connection ended; they are not among the others."""
        return list(self._cut_short)

    def seen(self, kind: Kind) -> list[Request]:
        """The requests of a kind."""
        return [request for request in self.requests if request.kind == kind]

    def video_url(self, task_id: str) -> str:
        """Where the video of a task is, once it is done."""
        return f"{self.url}/media/{task_id}.mp4"

    def video(self, task_id: str) -> bytes:
        """The video of a task."""
        return self.film or video(task_id, self.video_size)

    def until(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
        """Wait for something to become true. Raises TimeoutError."""
        until(condition, timeout)

    def refuse(self) -> None:
        """Refuse new connections from now on; those that stand go on."""
        self._loop.call_soon_threadsafe(self._listening.close)
        self.until(lambda: not self._listening.is_serving())

    def listen(self) -> None:
        """Take new connections again."""
        if not self._listening.is_serving():
            asyncio.run_coroutine_threadsafe(self._listen(self._port), self._loop).result(5)

    def __enter__(self) -> Server:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the server did not start")
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await self._listen(0)
        self._port = self._listening.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._ready.set()
        await self._stop.wait()
        self._listening.close()
        for handler, writer in self._connections:
            writer.transport.abort()
            if handler:
                handler.cancel()
        await asyncio.gather(*(handler for handler, _ in self._connections if handler))

    async def _listen(self, port: int) -> None:
        self._listening = await asyncio.start_server(self._connected, "127.0.0.1", port)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.append((asyncio.current_task(), writer))
        number = len(self._connections)
        try:
            over = False
            while True:
                request = await _read(reader, number)
                (self._requests if request.is_whole else self._cut_short).append(request)
                if over or not request.is_whole:
                    break
                exchange = Exchange(request, partial(self._honest, request), self._listening.close, writer)
                script = self._scripts[request.kind]
                fault = script.popleft() if script else None
                if not await (fault.play(exchange) if fault else exchange.send(exchange.honest())):
                    break
                over = exchange.is_last
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the server stops
        except NotHttp:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        finally:
            writer.close()

    def _honest(self, request: Request) -> Answer:
        if request.kind == "submit":
            return self._submit(request)
        if request.kind == "look":
            return self._look(request)
        if request.kind == "other":
            answers = {**MONEY, **_file_answers(self.url)}
            return Answer(200, answers[request.path], {"Connection": "close"}) if request.path in answers else NOT_FOUND
        return self._media(request)

    def _submit(self, request: Request) -> Answer:
        api: Literal["acedata", "runapi"] = "runapi" if request.path == MODIFY else "acedata"
        key = request.headers.get("idempotency-key")
        replayed = [task for task in self._tasks.values() if key and self.idempotent and task.idempotency_key == key]
        if not replayed:
            replayed = [Task(f"task-{len(self._tasks) + 1}", api, request.json, key, time.time())]
            self._tasks[replayed[0].id] = replayed[0]
        task_id = replayed[0].id
        return Answer(
            200, {"id": task_id, "task_id": task_id, "status": "pending"} if api == "runapi" else {"task_id": task_id}
        )

    def _look(self, request: Request) -> Answer:
        tasks = self._tasks
        if request.method == "GET":
            task = tasks.get(request.path.rpartition("/")[2])
            return Answer(200, self._runapi(task)) if task else NOT_FOUND
        wanted = request.json
        if wanted.get("action") == "retrieve_batch":
            items = [self._acedata(tasks[each]) for each in wanted.get("ids", []) if each in tasks]
            return Answer(200, {"items": items, "count": len(items)})
        task = tasks.get(wanted.get("id"))
        return Answer(200, self._acedata(task)) if task else NOT_FOUND

    def end_of(self, task: Task) -> float:
        """When a task ends, in Unix seconds."""
        return task.created + (self.seconds(task) if callable(self.seconds) else self.seconds)

    def _is_over(self, task: Task) -> bool:
        return time.time() >= self.end_of(task)

    def _acedata(self, task: Task) -> dict[str, Any]:
        shown = {"id": task.id, "created_at": task.created, "request": task.request}
        if not self._is_over(task):
            return {**shown, **self.running}
        response: dict[str, Any] = {"success": not self.failure, "task_id": task.id}
        if self.failure:
            response |= {"error": {"code": "api_error", "message": self.failure}}
        else:
            response |= {
                "video_id": f"video-of-{task.id}",
                "prompt": task.request.get("prompt"),
                "video_url": self.video_url(task.id),
                "video_width": 1280,
                "video_height": 720,
                "state": "completed",
                "thumbnail_url": f"{self.url}/media/{task.id}.jpg",
            }
        return {**shown, "response": response, "finished_at": self.end_of(task)}

    def _runapi(self, task: Task) -> dict[str, Any]:
        shown = {"id": task.id, "sources": [{"url": task.request.get("source_video_url")}], "videos": []}
        if not self._is_over(task):
            return {**shown, "status": "processing"}
        if self.failure:
            return {**shown, "status": "failed", "error": self.failure}
        return {**shown, "status": "completed", "videos": [{"url": self.video_url(task.id)}]}

    def _media(self, request: Request) -> Answer:
        task_id = request.path.rpartition("/")[2].rpartition(".")[0]
        if task_id not in self._tasks or not self._is_over(self._tasks[task_id]):
            return NOT_FOUND
        if request.kind == "thumbnail":
            return Answer(200, JPEG, {"Content-Type": "image/jpeg"})
        body, etag = self.video(task_id), f'"{task_id}-{self.video_size}"'
        headers = {"Content-Type": VIDEO_TYPE, "Accept-Ranges": "bytes", "ETag": etag}
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if not asked or request.headers.get("if-range", etag) != etag:
            return Answer(200, body, headers)
        start = int(asked[1])
        if start >= len(body):
            return Answer(416, b"", {**headers, "Content-Range": f"bytes */{len(body)}"})
        return Answer(206, body[start:], {**headers, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})


def _file_answers(url: str) -> dict[str, object]:
    """The answers to the steps of an upload, by their path: AceDataCloud's one, and RunAPI's three."""
    address = f"{url}/files/uploaded"
    kept = {"file_name": "uploaded", "url": address, "size_bytes": 1, "mime_type": VIDEO_TYPE}
    times = {"created_at": "2026-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z"}
    return {
        "/api/v1/files/": {"file_url": address},
        "/api/v1/files/prepare": {"upload_url": f"{url}/storage/uploaded", "headers": {}, "signed_id": "signed"},
        "/storage/uploaded": {},
        "/api/v1/files/confirm": {**kept, **times},
    }


class NotHttp(Exception):
    """What came is the handshake of TLS, which this server does not speak."""


async def _read(reader: asyncio.StreamReader, connection: int) -> Request:
    """The next request of a connection, its body cut short if that is where the connection ends.

    Raises IncompleteReadError if it ends before, and NotHttp.
    """
    start = await reader.readexactly(1)
    if start == b"\x16":
        raise NotHttp
    first, *lines = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    try:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except asyncio.IncompleteReadError as end:
        body = end.partial
    return Request(_kind(method, path), method, path, headers, body, time.time(), connection)


def _kind(method: str, path: str) -> Kind:
    if method == "POST":
        kinds: dict[str, Kind] = {"/luma/videos": "submit", MODIFY: "submit", "/luma/tasks": "look"}
        return kinds.get(path, "other")
    if path.startswith(f"{MODIFY}/"):
        return "look"
    if path.startswith("/media/"):
        return "thumbnail" if path.endswith(".jpg") else "video"
    return "other"
