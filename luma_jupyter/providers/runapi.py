"""RunAPI's Luma API: modify (``POST /api/v1/luma/modify_video``) and its status (``GET …/{id}``)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance
from luma_jupyter.domain.requests import ModifyRequest, Request
from luma_jupyter.domain.task import TaskPhase, TaskState, Video
from luma_jupyter.errors import TaskFailed, UnusableAnswer
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.reply import Reply
from luma_jupyter.providers.http.requests import Call
from luma_jupyter.providers.http.transfers import UploadTarget
from luma_jupyter.providers.payloads import check_reachable, media_url
from luma_jupyter.providers.protocol import SubmissionListener, Upload
from luma_jupyter.providers.responses import (
    DONE_WORDS,
    FAILED_WORDS,
    raise_for_submission,
    read_amount,
    read_error,
    read_iso_time,
    read_object,
    read_text,
    read_url,
    refusal,
)
from luma_jupyter.settings import Secret, variable

KEY_VARIABLE = variable("runapi_key")
MODEL = "luma-modify-video"


@dataclass(frozen=True)
class RunApi:
    """A client of the API at ``base_url``."""

    http: HttpClient
    base_url: str
    key: Secret
    service: str = "RunAPI"
    repeatable: ClassVar[bool] = True  # with the same idempotency key
    batch_size: ClassVar[int] = 1  # there is no batch call

    @property
    def submit_url(self) -> str:
        """Where requests are submitted."""
        return f"{self.base_url}/api/v1/luma/modify_video"

    def payload(self, request: Request) -> dict[str, Any]:
        """The JSON body for a request. Raises InvalidRequest for URLs that the service cannot reach."""
        assert isinstance(request, ModifyRequest)
        assert request.source is not None
        media = {"source_video_url": media_url(request.source)}
        check_reachable(self.service, self.base_url, media, request.callback_url)
        body = {
            "model": MODEL,
            "prompt": request.prompt,
            **media,
            "watermark": request.watermark,
            "callback_url": request.callback_url,
        }
        return {name: value for name, value in body.items() if value is not None}

    def headers(self, intent: str) -> dict[str, str]:
        """Headers beside the key: one idempotency key for each paid intent."""
        return {"Idempotency-Key": intent}

    async def submit(
        self,
        payload: Mapping[str, Any],
        intent: str,
        listener: SubmissionListener | None = None,
        repeated: bool = False,
    ) -> str:
        """Create a task and return its id (the page calls it ``task_id``, the client ``id``; a header may have it too).

        ``repeated``: a request with this intent was sent before, so a conflict means that it was accepted then.
        Raises ServiceError when it was refused, Unconfirmed when it may have been accepted.
        """
        call = Call(self.service, "POST", self.submit_url, self.key, payload, self.headers(intent))
        reply = await self.http.requests.submit(call, listener)
        answer = read_object(reply.data)
        task_id = read_text(answer.get("id")) or read_text(answer.get("task_id"))
        task_id = task_id or read_text(reply.headers.get("x-runapi-task-id"))
        if not (reply.ok and task_id):
            raise_for_submission(self.service, KEY_VARIABLE, reply, repeated)
        return task_id

    async def upload(self, file: LocalFile, on_progress: Callable[[float], None]) -> Upload:
        """Upload a file, and return where the service finds it, and until when.

        ``POST /api/v1/files/prepare``, then PUT the bytes to the host that it names, without the key, then
        ``POST /api/v1/files/confirm``. ``on_progress`` is called with the share that has been sent, 0 to 1. Raises
        ServiceError, InvalidRequest where the file has changed.
        """
        data = file.read()
        checksum = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        description = {"filename": file.name, "byte_size": len(data), "checksum": checksum}
        prepared = await self._post_file_step("prepare", description)
        upload_url, signed_id = read_url(prepared.get("upload_url")), read_text(prepared.get("signed_id"))
        if upload_url is None or signed_id is None:
            raise UnusableAnswer(self.service, "no address for the file")
        headers = {str(name): str(value) for name, value in read_object(prepared.get("headers")).items()}
        target = UploadTarget(self.service, upload_url, headers, trusted_origin=self.base_url)
        await self.http.transfers.put(target, data, on_progress)
        confirmed = await self._post_file_step("confirm", {"signed_id": signed_id})
        url = read_url(confirmed.get("url"))
        if url is None:
            raise UnusableAnswer(self.service, "no address of the file")
        return Upload(url, read_iso_time(confirmed.get("expires_at")))

    async def _post_file_step(self, step: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = await self._fetch("POST", f"{self.base_url}/api/v1/files/{step}", payload)
        if not reply.ok:
            raise refusal(self.service, KEY_VARIABLE, reply)
        return read_object(reply.data)

    async def _fetch(self, method: str, url: str, payload: Mapping[str, Any] | None = None) -> Reply:
        return await self.http.requests.fetch(Call(self.service, method, url, self.key, payload))

    async def find(self, payload: Mapping[str, Any], since: float) -> list[str]:
        """Nothing: the API has no list of tasks."""
        return []

    async def quote(self) -> float | None:
        """The price of a call in USD (``POST /api/v1/price_quotes``); None where the answer has none.

        Raises ServiceError.
        """
        payload = {"service": "luma", "action": "modify-video", "model": MODEL, "params": {}}
        reply = await self._fetch("POST", f"{self.base_url}/api/v1/price_quotes", payload)
        if not reply.ok:
            raise refusal(self.service, KEY_VARIABLE, reply)
        quote = read_object(read_object(reply.data).get("price_quote"))
        cents = read_amount(quote.get("reservation_amount_cents"))
        return cents / 100 if cents is not None and quote.get("currency") in ("USD", None) else None

    async def check(self) -> None:
        """Ask for the balance, which any good key may see. Raises ServiceError."""
        await self.balance()

    async def balance(self) -> Balance:
        """What the account has and has spent (``GET /api/v1/me/balance``). Raises ServiceError."""
        reply = await self._fetch("GET", f"{self.base_url}/api/v1/me/balance")
        answer = read_object(reply.data)
        if not reply.ok or read_amount(answer.get("balance_cents")) is None:
            raise refusal(self.service, KEY_VARIABLE, reply)
        names = ("balance_cents", "spent_cents_today", "spent_cents_total")
        return Balance(*(None if (cents := read_amount(answer.get(name))) is None else cents / 100 for name in names))

    async def fetch(self, ids: Sequence[str]) -> dict[str, TaskState]:
        """The state of one task; empty where the service does not know it (yet).

        Raises ServiceError.
        """
        (task_id,) = ids
        reply = await self._fetch("GET", f"{self.submit_url}/{quote(task_id, safe='')}")
        if reply.status == 404:
            return {}
        if not reply.ok or not isinstance(reply.data, Mapping):
            raise refusal(self.service, KEY_VARIABLE, reply)
        return {task_id: parse_task(self.service, task_id, reply.data, reply.retry_after)}


def parse_task(service: str, task_id: str, task: Mapping[str, Any], retry_after: float | None = None) -> TaskState:
    """Read a task: completed with a done word and a video that is no echo of a source, failed with a failing word.

    In any other shape it runs; ``retry_after``: seconds that the service then asks to wait.
    """
    status = (read_text(task.get("status")) or "").lower()
    if status in FAILED_WORDS:
        code, message = read_error(task)
        return TaskState(task_id, TaskPhase.FAILED, error=TaskFailed(service, message, code=code))
    sources = set(_urls(task.get("sources")))
    result = next((url for url in _urls(task.get("videos")) if url not in sources), None)
    if status in DONE_WORDS and result:
        cost = read_amount(read_object(task.get("usage")).get("cost"))
        return TaskState(task_id, TaskPhase.COMPLETED, video=Video(url=result), cost=cost)
    return TaskState(task_id, TaskPhase.RUNNING, retry_after=retry_after)


def _urls(items: object) -> list[str]:
    """The URLs of a list of ``{"url": …}``; what else is in it is skipped."""
    urls = [read_url(read_object(item).get("url")) for item in (items if isinstance(items, list) else [])]
    return [url for url in urls if url]
