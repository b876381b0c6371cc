"""AceDataCloud's Luma API: generate and extend (``POST /luma/videos``), look-ups (``POST /luma/tasks``).

Always the asynchronous mode: in the synchronous one a broken connection loses a paid task's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, Request, VideoRef
from luma_jupyter.domain.task import TaskPhase, TaskState, Video
from luma_jupyter.errors import TaskFailed
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.reply import Reply
from luma_jupyter.providers.http.requests import Call
from luma_jupyter.providers.payloads import check_reachable, media_url
from luma_jupyter.providers.protocol import SubmissionListener, Upload
from luma_jupyter.providers.responses import (
    DONE_WORDS,
    FAILED_WORDS,
    raise_for_submission,
    read_error,
    read_object,
    read_pixels,
    read_text,
    read_unix_time,
    read_url,
    refusal,
)
from luma_jupyter.settings import Secret, variable

KEY_VARIABLE = variable("acedata_token")
NO_TASK = "00000000-0000-4000-8000-000000000000"  # an id that the service never gives


@dataclass(frozen=True)
class AceData:
    """A client of the API at ``base_url``; ``platform_url`` is where files are uploaded (empty: ``base_url``)."""

    http: HttpClient
    base_url: str
    key: Secret
    service: str = "AceDataCloud"
    platform_url: str = ""
    repeatable: ClassVar[bool] = False  # each submission is a new task
    batch_size: ClassVar[int] = 50  # the vendor's recommendation

    @property
    def submit_url(self) -> str:
        """Where requests are submitted."""
        return f"{self.base_url}/luma/videos"

    def payload(self, request: Request) -> dict[str, Any]:
        """The JSON body for a request. Raises InvalidRequest for URLs that the service cannot reach."""
        if isinstance(request, GenerateRequest):
            media = {"start_image_url": media_url(request.start_image), "end_image_url": media_url(request.end_image)}
            details: dict[str, Any] = {
                "aspect_ratio": request.aspect_ratio,
                "loop": request.loop,
                "enhancement": request.enhancement,
            }
        else:
            assert isinstance(request, ExtendRequest)
            assert request.source is not None
            source = request.source
            video_id = source.video_id if isinstance(source, VideoRef) else None
            video_url = None if video_id else media_url(source)
            media = {"video_url": video_url, "end_image_url": media_url(request.end_image)}
            details = {"video_id": video_id}
        check_reachable(self.service, self.base_url, media, request.callback_url)
        body = {
            "action": request.action,
            "prompt": request.prompt,
            **details,
            **media,
            "async": True,
            "callback_url": request.callback_url,
        }
        return {name: value for name, value in body.items() if value is not None}

    def headers(self, intent: str) -> dict[str, str]:
        """No headers beside the key: the API has no idempotency key."""
        return {}

    async def submit(
        self,
        payload: Mapping[str, Any],
        intent: str,
        listener: SubmissionListener | None = None,
        repeated: bool = False,
    ) -> str:
        """Create a task and return its id. The API knows no repetitions: each is a new task.

        Raises ServiceError when it was refused, Unconfirmed when it may have been accepted.
        """
        call = Call(self.service, "POST", self.submit_url, self.key, payload, self.headers(intent))
        reply = await self.http.requests.submit(call, listener)
        task_id = read_text(read_object(reply.data).get("task_id"))
        if not (reply.ok and task_id):
            raise_for_submission(self.service, KEY_VARIABLE, reply, repeated)
        return task_id

    async def upload(self, file: LocalFile, on_progress: Callable[[float], None]) -> Upload:
        """Upload a file, and return where the service finds it (``POST /api/v1/files/`` of the vendor's platform).

        How long it is kept there is not documented. ``on_progress`` is called with the share that has been sent, 0 to
        1. Raises ServiceError, InvalidRequest where the file has changed.
        """
        files_url = f"{self.platform_url or self.base_url}/api/v1/files/"
        reply = await self.http.transfers.upload(
            self.service, files_url, key=self.key, file=file, on_progress=on_progress
        )
        answer = read_object(reply.data)
        url = read_url(answer.get("file_url")) or read_url(answer.get("url"))
        if not reply.ok or url is None:
            raise refusal(self.service, KEY_VARIABLE, reply)
        return Upload(url)

    async def find(self, payload: Mapping[str, Any], since: float) -> list[str]:
        """The ids of tasks made since then (Unix seconds) whose whole request is equal to ``payload``; makes nothing.

        Sibling services of the vendor list tasks by time; that this one does is not documented, so an empty list means
        nothing. Raises ServiceError.
        """
        reply = await self._fetch_tasks({"action": "retrieve_batch", "created_at_min": int(since)})
        items = read_object(reply.data).get("items") if reply.ok else None
        ids = []
        for item in items if isinstance(items, list) else []:
            task = read_object(item)
            created = task.get("created_at")
            in_time = isinstance(created, int | float) and created >= int(since)
            task_id = read_text(task.get("id"))
            if task_id and in_time and task.get("request") == payload:
                ids.append(task_id)
        return ids

    async def quote(self) -> float | None:
        """None: prices are not published; a task is billed in credits when it succeeds."""
        return None

    async def check(self) -> None:
        """Ask for a task that does not exist: 404 with a good key, 401 with a bad one. Raises ServiceError."""
        await self.fetch([NO_TASK])

    async def fetch(self, ids: Sequence[str]) -> dict[str, TaskState]:
        """The states of up to `batch_size` tasks; an id that the service does not know (yet) is left out.

        Raises ServiceError.
        """
        single = len(ids) == 1
        if single:
            reply = await self._fetch_tasks({"id": ids[0], "action": "retrieve"})
        else:
            reply = await self._fetch_tasks({"ids": list(ids), "action": "retrieve_batch"})
        if reply.status == 404 and single:
            return {}
        if not reply.ok or not isinstance(reply.data, Mapping):
            raise refusal(self.service, KEY_VARIABLE, reply)
        items = [reply.data] if single else reply.data.get("items")
        if not isinstance(items, list) or (single and _is_error_body(reply.data)):
            raise refusal(self.service, KEY_VARIABLE, reply)
        found = [item for item in items if isinstance(item, Mapping)]
        tasks = {read_text(item.get("id")) or (ids[0] if single else _result_id(item)): item for item in found}
        return {task_id: parse_task(self.service, task_id, tasks[task_id]) for task_id in ids if task_id in tasks}

    async def _fetch_tasks(self, payload: Mapping[str, Any]) -> Reply:
        call = Call(self.service, "POST", f"{self.base_url}/luma/tasks", self.key, payload)
        return await self.http.requests.fetch(call)


def _result_id(task: Mapping[str, Any]) -> str | None:
    return read_text(read_object(task.get("response")).get("task_id"))


def _is_error_body(data: Mapping[str, Any]) -> bool:
    """Whether a look-up's answer says why the look-up itself failed, which says nothing of the task."""
    return bool(data.get("error")) and data.keys().isdisjoint({"id", "task_id", "response"})


def parse_task(service: str, task_id: str, task: Mapping[str, Any]) -> TaskState:
    """Read a task in any of the shapes seen (the running ones are not documented).

    A status word outranks ``success``; completed needs a result URL that is no echo of the request; failed needs a
    failing word, or ``success: false`` with an error object that has a code, or with a ``finished_at``; or a
    ``finished_at`` beside a done word and no video.
    """
    results = list(_results(task))
    words = {word.lower() for r in results for name in ("state", "status") if (word := read_text(r.get(name)))}
    video = next((found for r in results if (found := _video(r, read_object(task.get("request"))))), None)
    success = next((r["success"] for r in results if isinstance(r.get("success"), bool)), None)
    finished = task.get("finished_at") is not None or any(r.get("finished_at") is not None for r in results)
    error_code = any(read_text(read_object(r.get("error")).get("code")) for r in results)

    if words:
        failed = bool(words & FAILED_WORDS)
        done = not failed and words <= DONE_WORDS
        if done and not video:
            failed = finished
    else:
        failed = success is False and (error_code or finished)
        done = success is not False
    if failed:
        return TaskState(task_id, TaskPhase.FAILED, error=_failure(service, task, results), seconds=_seconds(task))
    if done and video:
        return TaskState(task_id, TaskPhase.COMPLETED, video=video, seconds=_seconds(task))
    return TaskState(task_id, TaskPhase.RUNNING)


def _results(task: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects that may hold the result: ``response`` and its ``data``, never the request's echo."""
    response = task if task.get("response") is None else task["response"]
    if isinstance(response, Mapping):
        yield response
        data = response.get("data")
        yield from (item for item in (data if isinstance(data, list) else [data]) if isinstance(item, Mapping))


def _video(result: Mapping[str, Any], echo: Mapping[str, Any]) -> Video | None:
    """The video of a result; None where it has none but one of ``echo``, the request."""
    url = read_url(result.get("video_url"))
    if url is None or url in echo.values():
        return None
    return Video(
        url=url,
        video_id=read_text(result.get("video_id")),
        width=read_pixels(result.get("video_width")),
        height=read_pixels(result.get("video_height")),
        thumbnail_url=read_url(result.get("thumbnail_url")),
    )


def _seconds(task: Mapping[str, Any]) -> float | None:
    """Seconds from the task's creation to its end by the service's own clock; None where it does not say."""
    created, finished = (read_unix_time(task.get(name)) for name in ("created_at", "finished_at"))
    return finished - created if created and finished and finished > created else None


def _failure(service: str, task: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> TaskFailed:
    errors = [read_error(result) for result in results]
    code = next((code for code, _ in errors if code), None)
    message = next((message for _, message in errors if message), "it ended without a video")
    trace = next((t for part in (*results, task) if (t := read_text(part.get("trace_id")))), None)
    return TaskFailed(service, message, code=code, trace_id=trace)
