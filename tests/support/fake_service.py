"""Both services and their media host, played: their wire format, a record of what came, scripted answers."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Literal, TypeAlias

import httpx

from tests.support.films import JPEG, film

Media: TypeAlias = Literal["video", "thumbnail", "upload", "head"]
Money: TypeAlias = Literal["quote", "price", "balance", "subscriptions", "usage"]
Kind: TypeAlias = Literal["submit", "look", "list"] | Media | Money
Answer: TypeAlias = BaseException | Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]] | None


VIDEO = film(content=3992)


def reply(status: int, data: object = None, **options: Any) -> Answer:
    """A scripted answer: JSON where ``data`` is given, else what httpx's options say."""
    if data is not None:
        options["json"] = data
    return lambda request: httpx.Response(status, **options)


def without_length(content: bytes) -> Answer:
    """A scripted file that comes without a Content-Length, so that its end cannot be told from a broken connection."""
    return lambda request: httpx.Response(200, stream=httpx.ByteStream(content))


@dataclass(frozen=True)
class Seen:
    """A request that arrived, and when, in seconds of the loop's clock."""

    kind: Kind
    at: float
    request: httpx.Request

    @property
    def payload(self) -> dict[str, Any]:
        return json.loads(self.request.content)

    @property
    def ids(self) -> list[str]:
        """The tasks that were asked for."""
        if self.request.method == "GET":
            return [self.request.url.path.rpartition("/")[2]]
        return self.payload.get("ids") or [self.payload["id"]]

    @property
    def key(self) -> str | None:
        return self.request.headers.get("authorization")


class FakeService:
    """Both APIs at their default addresses. Without a script each task takes ``seconds`` and then has a video.

    ``result`` is merged into the finished answers; a ``failure`` (an ``error`` value) takes the place of the video.
    ``lists``: whether AceDataCloud lists its tasks, by Unix seconds that count from ``epoch``; ``idempotent``: whether
    RunAPI answers a repeated key with the same task; ``finished``: whether AceDataCloud says when a task began and
    ended; ``echoes``: whether its answers hold the request; ``traced``: whether submissions get a trace id, and RunAPI
    says that it repeats itself.

    Of money: ``cents`` are left at RunAPI, where a call costs 50, and ``cents_spent`` today; ``credits_left`` at
    AceDataCloud (None: not said), and ``credits_used``, where a call costs ``credits`` (None: not said) and
    ``packages`` are dollars and their credits; ``charges`` is its statement, credits by trace id.
    """

    def __init__(self, epoch: float = 0.0) -> None:
        self.epoch = epoch
        self.lists = False
        self.idempotent = False
        self.finished = False
        self.echoes = False
        self.traced = False
        self.cents = 100_000
        self.cents_spent = 0
        self.packages = [(10, 20)]
        self.credits: float | None = None
        self.credits_left: float | None = 1000.0
        self.credits_used = 0.0
        self.charges: dict[str, float] = {}
        self.seconds = 17.0
        self.result: dict[str, Any] = {}
        self.failure: Any = None
        self.hidden: set[str] = set()
        self.expired: set[str] = set()
        self.expires_at: str | None = None
        self.most_at_once: Counter[Kind] = Counter()
        self._at_once: Counter[Kind] = Counter()
        self.all_seen: list[Seen] = []
        self._scripts: dict[str, Iterator[Answer]] = defaultdict(lambda: iter(()))
        self._submitted: dict[str, float] = {}
        self._requests: dict[str, httpx.Request] = {}

    @property
    def tasks(self) -> list[str]:
        """The ids of all tasks that were created, oldest first."""
        return list(self._submitted)

    @property
    def requests(self) -> list[httpx.Request]:
        """All requests, oldest first."""
        return [seen.request for seen in self.all_seen]

    @property
    def payloads(self) -> list[Any]:
        """The JSON bodies of all requests."""
        return [seen.payload for seen in self.all_seen]

    def script(self, kind: Kind | Literal["any"], *answers: Answer, for_ever: bool = False) -> None:
        """Answer the next requests of a kind so, the last answer ``for_ever``; None stands for the honest answer."""
        self._scripts[kind] = chain(self._scripts[kind], answers, repeat(answers[-1]) if for_ever else ())

    def behave(self, kind: Kind) -> None:
        """Answer requests of a kind honestly again, whatever the script says."""
        self._scripts.pop(kind, None)

    def after(self, seconds: float) -> Answer:
        """A scripted answer: the honest one, late."""

        async def late(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(seconds)
            return self.honest(_kind(request), request)

        return late

    def lose(self, request: httpx.Request) -> httpx.Response:
        """A scripted answer: the request is accepted, and its answer lost."""
        self.honest("submit", request)
        raise httpx.ReadError("connection reset")

    def seen(self, kind: Kind) -> list[Seen]:
        return [seen for seen in self.all_seen if seen.kind == kind]

    def times(self, kind: Kind) -> list[float]:
        """When requests of a kind came, in seconds with one decimal."""
        return [round(seen.at, 1) for seen in self.seen(kind)]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        kind = _kind(request)
        self.all_seen.append(Seen(kind, asyncio.get_running_loop().time(), request))
        self._at_once[kind] += 1
        self.most_at_once[kind] = max(self.most_at_once[kind], self._at_once[kind])
        try:
            answer = next(chain(self._scripts["any"], self._scripts[kind]), None)
            if answer is None:
                await self.hold_up(kind)
                return self.honest(kind, request)
            if isinstance(answer, BaseException):
                raise answer
            response = answer(request)
            return await response if inspect.isawaitable(response) else response
        finally:
            self._at_once[kind] -= 1

    async def hold_up(self, kind: Kind) -> None:
        """Wait before an honest answer of this kind; not at all, unless a subclass has a reason."""

    def honest(self, kind: Kind, request: httpx.Request) -> httpx.Response:
        if kind == "head":
            return httpx.Response(404 if str(request.url) in self.expired else 200)
        if kind == "upload":
            return self._upload(request)
        if kind == "video":
            return httpx.Response(200, content=VIDEO)
        if kind == "thumbnail":
            return httpx.Response(200, content=JPEG)
        runapi = request.url.host == "runapi.ai"
        if kind == "quote":
            return httpx.Response(200, json={"price_quote": {"reservation_amount_cents": 50, "currency": "USD"}})
        if kind == "balance":
            return httpx.Response(200, json={"balance_cents": self.cents, "spent_cents_today": self.cents_spent})
        if kind in ("price", "subscriptions", "usage"):
            items = self._platform(request.url.path)
            return httpx.Response(200, json={"count": len(items), "items": items})
        if kind == "list":
            return self._list(request)
        if kind == "submit":
            repeated = self._repeated(request)
            task_id = repeated or f"task-{len(self._submitted) + 1}"
            self._submitted.setdefault(task_id, asyncio.get_running_loop().time())
            self._requests[task_id] = request
            answer: dict[str, Any] = {"id": task_id, "status": "pending"} if runapi else {"task_id": task_id}
            if self.traced:
                answer |= {"trace_id": f"trace-of-{task_id}"} | ({"task_replayed": True} if repeated else {})
            return httpx.Response(200, json=answer)
        ids = Seen(kind, 0.0, request).ids
        known = [task_id for task_id in ids if task_id in self._submitted and task_id not in self.hidden]
        tasks = [self._runapi_task(task_id) if runapi else self._acedata_task(task_id) for task_id in known]
        if b"retrieve_batch" in request.content:
            return httpx.Response(200, json={"items": tasks, "count": len(tasks)})
        return httpx.Response(200, json=tasks[0]) if tasks else httpx.Response(404, json={"error": "not found"})

    async def made_elsewhere(self, payload: dict[str, Any], url: str = "https://api.acedata.cloud/luma/videos") -> str:
        """Make a task as another program would; its id. It is not among the requests that were seen."""
        answer = self.honest("submit", httpx.Request("POST", url, json=payload)).json()
        return str(answer.get("task_id") or answer["id"])

    def _platform(self, path: str) -> list[dict[str, Any]]:
        """A list of AceDataCloud's platform."""
        if path == "/api/v1/apis/":
            return [{"path": "/luma/videos", "cost": self.credits, "service_id": "luma"}] if self.credits else []
        if path == "/api/v1/services/":
            return [{"id": "luma", "packages": [{"price": price, "amount": n} for price, n in self.packages]}]
        if path == "/api/v1/usage/apis/":
            return [{"trace_id": trace, "deducted_amount": credits} for trace, credits in self.charges.items()]
        left = {"service_id": "luma", "remaining_amount": self.credits_left, "used_amount": self.credits_used}
        return [left] if self.credits_left is not None else []

    def _upload(self, request: httpx.Request) -> httpx.Response:
        url = f"https://media.example/uploaded-{len(self.seen('upload'))}"
        if request.url.path.endswith("/prepare"):
            return httpx.Response(
                200, json={"upload_url": "https://store.example/put", "headers": {}, "signed_id": "s"}
            )
        return httpx.Response(200, json={"file_url": url, "url": url, "expires_at": self.expires_at})

    def _repeated(self, request: httpx.Request) -> str | None:
        key = request.headers.get("idempotency-key")
        known = [task_id for task_id, seen in self._requests.items() if seen.headers.get("idempotency-key") == key]
        return known[0] if self.idempotent and key and known else None

    def _list(self, request: httpx.Request) -> httpx.Response:
        if not self.lists:
            return httpx.Response(400, json={"error": {"code": "bad_request", "message": "ids is required"}})
        since = json.loads(request.content)["created_at_min"]
        items = [
            {**self._acedata_task(task_id), "request": json.loads(asked.content), "created_at": made}
            for task_id, asked in self._requests.items()
            if (made := self.epoch + self._submitted[task_id]) >= since
        ]
        return httpx.Response(200, json={"items": items, "count": len(items)})

    def _is_over(self, task_id: str) -> bool:
        return asyncio.get_running_loop().time() - self._submitted[task_id] >= self.seconds

    def _failure(self, task_id: str) -> Any:
        return self.failure

    def _acedata_task(self, task_id: str) -> dict[str, Any]:
        if not self._is_over(task_id):
            return {"id": task_id, "response": None} | self._echo(task_id)
        if failure := self._failure(task_id):
            return {"id": task_id, "response": {"success": False, "error": failure}, "finished_at": 1}
        begun = self.epoch + self._submitted[task_id]
        times = {"created_at": begun, "finished_at": begun + self.seconds} if self.finished else {}
        response = {
            "success": True,
            "state": "completed",
            "video_id": f"video-of-{task_id}",
            "video_url": f"https://media.example/{task_id}.mp4",
            "video_width": 1280,
            "video_height": 720,
            "thumbnail_url": f"https://media.example/{task_id}.jpg",
        }
        return {"id": task_id, "response": response | self.result} | times | self._echo(task_id)

    def _echo(self, task_id: str) -> dict[str, Any]:
        """What AceDataCloud's answer holds of the submission."""
        made = {"created_at": self.epoch + self._submitted[task_id]}
        return {"request": json.loads(self._requests[task_id].content), **made} if self.echoes else {}

    def _runapi_task(self, task_id: str) -> dict[str, Any]:
        if not self._is_over(task_id):
            return {"id": task_id, "status": "processing", "videos": []}
        if failure := self._failure(task_id):
            return {"id": task_id, "status": "failed", "error": failure}
        videos = [{"url": f"https://media.example/{task_id}.mp4"}]
        return {"id": task_id, "status": "completed", "videos": videos} | self.result


def _kind(request: httpx.Request) -> Kind:
    path = request.url.path
    if request.method == "HEAD":
        return "head"
    if path.startswith("/api/v1/files") or request.url.host == "store.example":
        return "upload"
    if path == "/luma/videos" or (request.method == "POST" and path == "/api/v1/luma/modify_video"):
        return "submit"
    if b"created_at_min" in request.content:
        return "list"
    if path == "/api/v1/price_quotes":
        return "quote"
    if path in ("/api/v1/apis/", "/api/v1/services/"):
        return "price"
    if path == "/api/v1/me/balance":
        return "balance"
    if path == "/api/v1/applications/":
        return "subscriptions"
    if path == "/api/v1/usage/apis/":
        return "usage"
    if path == "/luma/tasks" or path.startswith("/api/v1/luma/modify_video/"):
        return "look"
    return "thumbnail" if path.endswith((".jpg", ".png")) else "video"
