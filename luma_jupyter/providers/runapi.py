"""RunAPI's Luma API: modify (``POST /api/v1/luma/modify_video``) and its status (``GET …/{id}``)."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance, Billing, Charge, Quote
from luma_jupyter.domain.requests import ModifyRequest, Request
from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.task import ListedTask, TaskPhase, TaskState, Video
from luma_jupyter.errors import KeyReused, TaskFailed, UnusableAnswer
from luma_jupyter.providers.gateway import submit_until_answered
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.reply import Reply
from luma_jupyter.providers.http.requests import Call
from luma_jupyter.providers.http.transfers import UploadTarget
from luma_jupyter.providers.payloads import check_reachable, lesson_header, media_url, take_header
from luma_jupyter.providers.protocol import Accepted, SubmissionListener, Upload
from luma_jupyter.providers.responses import (
    raise_for_submission,
    read_amount,
    read_balance,
    read_credits,
    read_end,
    read_error,
    read_iso_time,
    read_object,
    read_phase,
    read_text,
    read_url,
    refusal,
)
from luma_jupyter.settings import variable
from luma_jupyter.worker_threads import in_thread

KEY_VARIABLE = variable("runapi_key")
MODEL = "luma-modify-video"


@dataclass(frozen=True)
class RunApi:
    """A client of the API at ``base_url``; ``key`` None: for quotes alone, which need none, but get the ``login``.

    ``gateway``: it is a class gateway that speaks this API; ``lesson``: it may answer with a classmate's video;
    ``key_variable``: where its key is set.
    """

    http: HttpClient
    base_url: str
    key: Secret | None
    service: str = "RunAPI"
    login: Secret | None = None
    gateway: bool = False
    lesson: bool = False
    key_variable: str = KEY_VARIABLE
    repeatable: ClassVar[bool] = True  # with the same idempotency key
    batch_size: ClassVar[int] = 1  # there is no batch call

    @property
    def account(self) -> str:
        """What tells its key from another's; empty at a gateway, which knows who asks, and without a key."""
        return self.key.digest if self.key and not self.gateway else ""

    @property
    def holds_look_ups(self) -> bool:
        """Whether a look-up is answered only when there is news."""
        return self.gateway

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

    def headers(self, intent: str, take: str = "") -> dict[str, str]:
        """Headers beside the key: one idempotency key for each paid intent, and the intent once more for support."""
        own = {"Idempotency-Key": intent, "X-Client-Request-Id": intent}
        return {**own, **take_header(take), **lesson_header(self.lesson)}

    async def submit(
        self, payload: Mapping[str, Any], intent: str, listener: SubmissionListener | None = None, take: str = ""
    ) -> Accepted:
        """Create a task; the same ``payload`` with the same ``intent`` once more gives the first task again.

        Raises KeyReused when another payload came with this intent before (this request made nothing), another
        ServiceError when it was refused, Unconfirmed when it may have been accepted.
        """
        call = Call(self.service, "POST", self.submit_url, self.key, payload, self.headers(intent, take))
        if self.gateway:
            reply = await submit_until_answered(self.http, call, listener)
        else:
            reply = await self.http.requests.submit(call, listener)
        task_id = _read_task_id(reply)
        if not (reply.ok and task_id):
            raise_for_submission(self.service, self.key_variable, reply, conflict=KeyReused)
        answer = read_object(reply.data)
        return Accepted(
            task_id,
            trace_id=read_text(answer.get("trace_id")),
            replayed=answer.get("task_replayed") is True,
            billing=read_billing(answer.get("billing")),
        )

    async def upload(self, file: LocalFile, on_progress: Callable[[float], None]) -> Upload:
        """Upload a file, and return where the service finds it, and until when.

        ``POST /api/v1/files/prepare``, then PUT the bytes to the host that it names, without the key, then
        ``POST /api/v1/files/confirm``. ``on_progress`` is called with the share that has been sent, 0 to 1. Raises
        ServiceError, InvalidRequest where the file has changed.
        """
        data = await in_thread(file.read)
        digest = await in_thread(lambda: hashlib.md5(data, usedforsecurity=False).digest())
        checksum = base64.b64encode(digest).decode()
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
        call = Call(self.service, "POST", f"{self.base_url}/api/v1/files/{step}", self.key, payload)
        reply = await self.http.transfers.send_step(call)
        if not reply.ok:
            raise refusal(self.service, self.key_variable, reply)
        return read_object(reply.data)

    async def _fetch(self, url: str) -> Reply:
        return await self.http.requests.fetch(Call(self.service, "GET", url, self.key))

    async def find_task(self, task_id: str) -> ListedTask | None:
        """One task; the API says of its request no more than the source. Raises ServiceError."""
        state = (await self.fetch([task_id])).get(task_id)
        return ListedTask(task_id, time.time(), {}, state) if state else None

    async def charged(self, trace_id: str, since: float, until: float) -> Charge | None:
        """None: a finished task itself says what it cost."""
        return None

    async def list_tasks(self, since: float, until: float) -> list[ListedTask]:
        """The API has no list of tasks."""
        return []

    async def find(self, payload: Mapping[str, Any], since: float) -> list[str]:
        """Nothing: the API has no list of tasks."""
        return []

    async def quote(self) -> Quote | None:
        """The price of a call (``POST /api/v1/price_quotes``); None where the answer has none in USD.

        It needs no key, and is sent none, but a login that the base URL was given with. Raises ServiceError.
        """
        payload = {"service": "luma", "action": "modify-video", "model": MODEL, "params": {}}
        call = Call(self.service, "POST", f"{self.base_url}/api/v1/price_quotes", self.login, payload)
        reply = await self.http.requests.fetch(call)
        if not reply.ok:
            raise refusal(self.service, self.key_variable, reply)
        quote = read_object(read_object(reply.data).get("price_quote"))
        cents = read_amount(quote.get("reservation_amount_cents"))
        return Quote(cents / 100) if cents is not None and quote.get("currency") in ("USD", None) else None

    async def check(self) -> None:
        """Ask for the balance, which any good key may see. Raises ServiceError."""
        await self.balance()

    async def balance(self) -> Balance:
        """What the account has and has spent (``GET /api/v1/me/balance``). Raises ServiceError."""
        reply = await self._fetch(f"{self.base_url}/api/v1/me/balance")
        answer = read_object(reply.data)
        left = answer.get("balance_cents", "")
        no_cap = self.gateway and left is None
        if not reply.ok or (read_balance(left) is None and not no_cap):
            raise refusal(self.service, self.key_variable, reply)
        return Balance(
            left=_read_cents(left, read_balance),
            spent_today=_read_cents(answer.get("spent_cents_today"), read_credits),
            spent_in_all=_read_cents(answer.get("spent_cents_total"), read_credits),
        )

    async def fetch(self, ids: Sequence[str]) -> dict[str, TaskState]:
        """The state of one task; empty where the service does not know it (yet).

        Raises ServiceError.
        """
        (task_id,) = ids
        reply = await self._fetch(f"{self.submit_url}/{quote(task_id, safe='')}")
        if reply.status == 404:
            return {}
        if not reply.ok or not isinstance(reply.data, Mapping):
            raise refusal(self.service, self.key_variable, reply)
        return {task_id: parse_task(self.service, task_id, reply.data, reply.retry_after)}


def _read_task_id(reply: Reply) -> str | None:
    """The id of an accepted task: the page calls it ``task_id``, the client ``id``, and two headers may have it.

    ``Location``, the task's address, is for those who have no other: it is not documented what its path looks like, so
    its last part is taken for the id where there is a digit in it.
    """
    answer = read_object(reply.data)
    task_id = read_text(answer.get("id")) or read_text(answer.get("task_id"))
    task_id = task_id or read_text(reply.headers.get("x-runapi-task-id"))
    if task_id is None and reply.ok:
        last = unquote(urlsplit(reply.headers.get("location", "")).path.rstrip("/").rpartition("/")[2])
        task_id = read_text(last) if any(character.isdigit() for character in last) else None
    return task_id


def read_billing(value: object) -> Billing | None:
    """What an answer's ``billing`` says, in cents; None where it says nothing that is understood."""
    billing = read_object(value)
    amounts = [_read_cents(billing.get(f"{name}_amount_cents")) for name in ("reservation", "settlement", "refund")]
    return Billing(*amounts) if any(amount is not None for amount in amounts) else None


def _read_cents(value: object, read: Callable[[object], float | None] = read_amount) -> float | None:
    """An amount of cents in USD; None where ``value`` is none."""
    cents = read(value)
    return None if cents is None else cents / 100


def parse_task(service: str, task_id: str, task: Mapping[str, Any], retry_after: float | None = None) -> TaskState:
    """Read a task: completed with a done word and a video that is no echo of a source, failed with a failing word.

    See `read_phase` for words that are neither. ``retry_after``: seconds that the service asks to wait while it runs.
    """
    words = {word.lower() for word in [read_text(task.get("status"))] if word}
    sources = set(_urls(task.get("sources")))
    result = next((url for url in _urls(task.get("videos")) if url not in sources), None)
    phase = TaskPhase.RUNNING
    if words:
        has_error = bool(read_object(task.get("error")))
        finished = task.get("finished_at") is not None
        phase = read_phase(words, has_video=result is not None, has_error=has_error, finished=finished)

    trace_id = read_text(task.get("trace_id"))
    if phase is TaskPhase.FAILED:
        code, message = read_error(task)
        error = TaskFailed(service, read_end(words, message), code=code, trace_id=trace_id)
        return TaskState(task_id, phase, error=error, trace_id=trace_id)
    if phase is TaskPhase.COMPLETED and result:
        cost = read_amount(read_object(task.get("usage")).get("cost"))
        return TaskState(task_id, phase, video=Video(url=result), cost=cost, trace_id=trace_id)
    return TaskState(task_id, TaskPhase.RUNNING, retry_after=retry_after, trace_id=trace_id)


def _urls(items: object) -> list[str]:
    """The URLs of a list of ``{"url": …}``; what else is in it is skipped."""
    urls = [read_url(read_object(item).get("url")) for item in (items if isinstance(items, list) else [])]
    return [url for url in urls if url]
