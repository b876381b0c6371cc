"""RunAPI's Luma API: modify (``POST /api/v1/luma/modify_video``) and its status (``GET …/{id}``)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from luma_jupyter.errors import TaskFailed, UnusableAnswer
from luma_jupyter.files import LocalFile
from luma_jupyter.models import Balance, ModifyRequest, Request, TaskPhase, TaskState, Video
from luma_jupyter.settings import Secret, variable
from luma_jupyter.wire.answers import (
    DONE_WORDS,
    FAILED_WORDS,
    address,
    amount,
    as_mapping,
    check_reachable,
    error_words,
    moment,
    refusal,
    refuse_submission,
    text,
    url,
)
from luma_jupyter.wire.http import Http
from luma_jupyter.wire.replies import Sending, Upload

KEY_VARIABLE = variable("runapi_key")
MODEL = "luma-modify-video"


@dataclass(frozen=True)
class RunApi:
    """A client of the API at ``base_url``."""

    http: Http
    base_url: str
    key: Secret
    service: str = "RunAPI"
    repeatable: ClassVar[bool] = True  # with the same idempotency key
    batch_size: ClassVar[int] = 1  # there is no batch call

    @property
    def submit_url(self) -> str:
        return f"{self.base_url}/api/v1/luma/modify_video"

    def payload(self, request: Request) -> dict[str, Any]:
        """The JSON body for a request. Raises InvalidRequest for URLs that the service cannot reach."""
        assert isinstance(request, ModifyRequest)
        assert request.source is not None
        media = {"source_video_url": address(request.source)}
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
        """Headers beside the key: one idempotency key per paid intent."""
        return {"Idempotency-Key": intent}

    async def submit(
        self, request: Request, intent: str, sending: Sending | None = None, repeated: bool = False
    ) -> str:
        """Create a task and return its id (the page calls it ``task_id``, the client ``id``; a header may have it too).

        ``repeated``: a request with this intent was sent before, so a conflict means that it was accepted then.
        Raises ServiceError when it was refused, Unconfirmed when it may have been accepted.
        """
        reply = await self.http.submit(
            self.service,
            self.submit_url,
            key=self.key,
            payload=self.payload(request),
            headers=self.headers(intent),
            sending=sending,
        )
        answer = as_mapping(reply.data)
        task_id = text(answer.get("id")) or text(answer.get("task_id")) or text(reply.headers.get("x-runapi-task-id"))
        if not (reply.ok and task_id):
            refuse_submission(self.service, KEY_VARIABLE, reply, repeated)
        return task_id

    async def upload(self, file: LocalFile, told: Callable[[float], None]) -> Upload:
        """Upload a file, and return where the service finds it, and until when.

        ``POST /api/v1/files/prepare``, then PUT the bytes to the host that it names, without the key, then
        ``POST /api/v1/files/confirm``. Raises as `AceData.upload` does.
        """
        data = file.read()
        checksum = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        asked = {"filename": file.name, "byte_size": len(data), "checksum": checksum}
        prepared = await self._files("prepare", asked)
        upload_url, signed_id = url(prepared.get("upload_url")), text(prepared.get("signed_id"))
        if upload_url is None or signed_id is None:
            raise UnusableAnswer(self.service, "no address for the file")
        headers = {str(name): str(value) for name, value in as_mapping(prepared.get("headers")).items()}
        await self.http.put(self.service, upload_url, data, headers, told=told, trusted_origin=self.base_url)
        confirmed = await self._files("confirm", {"signed_id": signed_id})
        found = url(confirmed.get("url"))
        if found is None:
            raise UnusableAnswer(self.service, "no address of the file")
        return Upload(found, moment(confirmed.get("expires_at")))

    async def _files(self, step: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        where = f"{self.base_url}/api/v1/files/{step}"
        reply = await self.http.look(self.service, "POST", where, key=self.key, payload=asked)
        if not reply.ok:
            raise refusal(self.service, KEY_VARIABLE, reply)
        return as_mapping(reply.data)

    async def look_up(self, ids: Sequence[str]) -> dict[str, TaskState]:
        """The state of one task; empty where the service does not know it (yet).

        Raises ServiceError.
        """
        (task_id,) = ids
        reply = await self.http.look(self.service, "GET", f"{self.submit_url}/{quote(task_id, safe='')}", key=self.key)
        if reply.status == 404:
            return {}
        if not reply.ok or not isinstance(reply.data, Mapping):
            raise refusal(self.service, KEY_VARIABLE, reply)
        return {task_id: parse_task(self.service, task_id, reply.data, reply.retry_after)}

    async def find(self, request: Request, since: float) -> list[str]:
        """The API has no list of tasks."""
        return []

    async def quote(self) -> float | None:
        """The price of a call in USD (``POST /api/v1/price_quotes``); None where the answer has none.

        Raises ServiceError.
        """
        asked = {"service": "luma", "action": "modify-video", "model": MODEL, "params": {}}
        reply = await self.http.look(
            self.service, "POST", f"{self.base_url}/api/v1/price_quotes", key=self.key, payload=asked
        )
        if not reply.ok:
            raise refusal(self.service, KEY_VARIABLE, reply)
        quote = as_mapping(as_mapping(reply.data).get("price_quote"))
        cents = amount(quote.get("reservation_amount_cents"))
        return cents / 100 if cents is not None and quote.get("currency") in ("USD", None) else None

    async def check(self) -> None:
        """Ask for the balance, which any good key may see. Raises ServiceError."""
        await self.balance()

    async def balance(self) -> Balance:
        """What the account has and has spent (``GET /api/v1/me/balance``). Raises ServiceError."""
        reply = await self.http.look(self.service, "GET", f"{self.base_url}/api/v1/me/balance", key=self.key)
        answer = as_mapping(reply.data)
        if not reply.ok or amount(answer.get("balance_cents")) is None:
            raise refusal(self.service, KEY_VARIABLE, reply)
        names = ("balance_cents", "spent_cents_today", "spent_cents_total")
        return Balance(*(None if (cents := amount(answer.get(name))) is None else cents / 100 for name in names))


def parse_task(service: str, task_id: str, task: Mapping[str, Any], retry_after: float | None = None) -> TaskState:
    """Read a task; completed needs a result URL that is no echo of a source, failed a failing word."""
    word = (text(task.get("status")) or "").lower()
    if word in FAILED_WORDS:
        code, words = error_words(task)
        return TaskState(task_id, TaskPhase.FAILED, error=TaskFailed(service, words, code=code))
    sources = set(_urls(task.get("sources")))
    result = next((address for address in _urls(task.get("videos")) if address not in sources), None)
    if word in DONE_WORDS and result:
        cost = amount(as_mapping(task.get("usage")).get("cost"))
        return TaskState(task_id, TaskPhase.COMPLETED, video=Video(url=result), cost=cost)
    return TaskState(task_id, TaskPhase.RUNNING, retry_after=retry_after)


def _urls(items: object) -> list[str]:
    found = [url(as_mapping(item).get("url")) for item in (items if isinstance(items, list) else [])]
    return [address for address in found if address]
