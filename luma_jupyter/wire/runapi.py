"""RunAPI's Luma API: modify (``POST /api/v1/luma/modify_video``) and its status (``GET …/{id}``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from luma_jupyter.errors import TaskFailed
from luma_jupyter.models import ModifyRequest, Request, TaskPhase, TaskState, Video
from luma_jupyter.settings import Secret, variable
from luma_jupyter.wire.answers import (
    DONE_WORDS,
    FAILED_WORDS,
    as_mapping,
    check_reachable,
    error_words,
    refusal,
    refuse_submission,
    text,
    url,
)
from luma_jupyter.wire.http import Http

KEY_VARIABLE = variable("runapi_key")
MODEL = "luma-modify-video"


@dataclass(frozen=True)
class RunApi:
    """A client of the API at ``base_url``."""

    http: Http
    base_url: str
    key: Secret
    service: str = "RunAPI"
    batch_size: ClassVar[int] = 1  # there is no batch call

    @property
    def submit_url(self) -> str:
        return f"{self.base_url}/api/v1/luma/modify_video"

    def payload(self, request: Request) -> dict[str, Any]:
        """The JSON body for a request. Raises InvalidRequest for URLs that the service cannot reach."""
        assert isinstance(request, ModifyRequest)
        assert request.source is not None
        media = {"source_video_url": request.source.url}
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

    async def submit(self, request: Request, intent: str) -> str:
        """Create a task and return its id (the page calls it ``task_id``, the client ``id``; a header may have it too).

        Raises ServiceError when it was refused, Unconfirmed when it may have been accepted.
        """
        reply = await self.http.submit(
            self.service, self.submit_url, key=self.key, payload=self.payload(request), headers=self.headers(intent)
        )
        answer = as_mapping(reply.data)
        task_id = text(answer.get("id")) or text(answer.get("task_id")) or text(reply.headers.get("x-runapi-task-id"))
        if not (reply.ok and task_id):
            refuse_submission(self.service, KEY_VARIABLE, reply)
        return task_id

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


def parse_task(service: str, task_id: str, task: Mapping[str, Any], retry_after: float | None = None) -> TaskState:
    """Read a task; completed needs a result URL that is no echo of a source, failed a failing word."""
    word = (text(task.get("status")) or "").lower()
    if word in FAILED_WORDS:
        code, words = error_words(task)
        return TaskState(task_id, TaskPhase.FAILED, error=TaskFailed(service, words, code=code))
    sources = set(_urls(task.get("sources")))
    result = next((address for address in _urls(task.get("videos")) if address not in sources), None)
    if word in DONE_WORDS and result:
        return TaskState(task_id, TaskPhase.COMPLETED, video=Video(url=result))
    return TaskState(task_id, TaskPhase.RUNNING, retry_after=retry_after)


def _urls(items: object) -> list[str]:
    found = [url(as_mapping(item).get("url")) for item in (items if isinstance(items, list) else [])]
    return [address for address in found if address]
