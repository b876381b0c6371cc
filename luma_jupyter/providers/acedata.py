"""AceDataCloud's Luma API: generate and extend (``POST /luma/videos``), look-ups (``POST /luma/tasks``).

Always the asynchronous mode: in the synchronous one a broken connection loses a paid task's id.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance, Charge, Quote
from luma_jupyter.domain.requests import ExtendRequest, FrameRef, GenerateRequest, Request, VideoRef
from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.task import ListedTask, TaskPhase, TaskState, Video
from luma_jupyter.errors import ConfigError, Conflict, InvalidRequest, KeyReused, TaskFailed, UnusableAnswer
from luma_jupyter.languages import N_
from luma_jupyter.providers.acedata_platform import AceDataPlatform, missing_token
from luma_jupyter.providers.gateway import submit_until_answered
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.reply import Reply
from luma_jupyter.providers.http.requests import Call
from luma_jupyter.providers.paging import Listing, Page, read_pages
from luma_jupyter.providers.payloads import Media, check_reachable, lesson_header, media_url, take_header
from luma_jupyter.providers.protocol import Accepted, SubmissionListener, Upload
from luma_jupyter.providers.responses import (
    raise_for_submission,
    read_end,
    read_error,
    read_object,
    read_phase,
    read_pixels,
    read_text,
    read_unix_time,
    read_url,
    refusal,
)
from luma_jupyter.settings import variable

KEY_VARIABLE = variable("acedata_token")
NO_TASK = "00000000-0000-4000-8000-000000000000"  # an id that the service never gives
LIST_PAGE = 50  # tasks
CLOCK_SLACK = 60.0  # seconds by which the service's clock may be ahead of ours
ARRIVES_WITHIN = 600.0  # seconds from when a request was sent to when the service has made its task, at most
LOOK_UP_HEADERS = {"x-record-exempt": "true"}  # as the vendor's web client: look-ups are no calls on the statement
MOST_SECONDS = 6 * 3600.0  # of a task's own ``elapsed``; in milliseconds it would be more


@dataclass(frozen=True)
class AceData:
    """A client of the API at ``base_url``, and of the vendor's ``platform`` (None: no files, no prices, no balance).

    ``key`` None: for prices alone, which need none. ``clock`` in Unix seconds. ``gateway``: it is a class gateway that
    speaks this API; ``lesson``: it may answer with a classmate's video; ``key_variable``: where its key is set.
    """

    http: HttpClient
    base_url: str
    key: Secret | None
    service: str = "AceDataCloud"
    platform: AceDataPlatform | None = None
    clock: Callable[[], float] = time.time
    gateway: bool = False
    lesson: bool = False
    key_variable: str = KEY_VARIABLE
    batch_size: ClassVar[int] = 50  # the vendor's recommendation

    @property
    def repeatable(self) -> bool:
        """Whether a repeated submission is no new task: AceDataCloud reads no idempotency key."""
        return self.gateway

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
        return f"{self.base_url}/luma/videos"

    def payload(self, request: Request) -> dict[str, Any]:
        """The JSON body for a request.

        Raises InvalidRequest for URLs that the service cannot reach, and for files that it would not take.
        """
        if isinstance(request, GenerateRequest):
            media: dict[str, Media] = {"start_image_url": request.start_image, "end_image_url": request.end_image}
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
            media = {"video_url": None if video_id else source, "end_image_url": request.end_image}
            details = {"video_id": video_id}
        self._check_files(media)
        urls = {field: media_url(value) for field, value in media.items()}
        check_reachable(self.service, self.base_url, urls, request.callback_url)
        body = {
            "action": request.action,
            "prompt": request.prompt,
            **details,
            **urls,
            "async": True,
            "callback_url": request.callback_url,
        }
        return {name: value for name, value in body.items() if value is not None}

    def _check_files(self, media: Mapping[str, Media]) -> None:
        """Refuse files that the platform would not take, by the payload's field. Raises InvalidRequest."""
        for field, file in media.items():
            if isinstance(file, LocalFile | FrameRef):
                if self.platform is None:
                    raise InvalidRequest(missing_token(field, file))
                self.platform.check_file(field, file)

    def headers(self, intent: str, take: str = "") -> dict[str, str]:
        """Headers beside the key: an idempotency key, which AceDataCloud passes over, and which take it is."""
        return {"Idempotency-Key": intent, **take_header(take), **lesson_header(self.lesson)}

    async def submit(
        self, payload: Mapping[str, Any], intent: str, listener: SubmissionListener | None = None, take: str = ""
    ) -> Accepted:
        """Create a task. The API knows no repetitions: each is a new task, unless a gateway stands before it.

        Raises ServiceError when it was refused, Unconfirmed when it may have been accepted.
        """
        call = Call(self.service, "POST", self.submit_url, self.key, payload, self.headers(intent, take))
        if self.gateway:
            reply = await submit_until_answered(self.http, call, listener)
        else:
            reply = await self.http.requests.submit(call, listener)
        answer = read_object(reply.data)
        task_id = read_text(answer.get("task_id"))
        if not (reply.ok and task_id):
            conflict = KeyReused if self.gateway else Conflict
            raise_for_submission(self.service, self.key_variable, reply, conflict=conflict)
        replayed = self.gateway and answer.get("task_replayed") is True
        return Accepted(task_id, trace_id=read_text(answer.get("trace_id")), replayed=replayed)

    async def upload(self, file: LocalFile, on_progress: Callable[[float], None]) -> Upload:
        """Upload a file to the platform, see `AceDataPlatform.upload`. Raises what it does."""
        return await self._required_platform().upload(file, on_progress)

    async def find(self, payload: Mapping[str, Any], since: float) -> list[str]:
        """The ids of tasks whose whole request is equal to ``payload``; makes nothing.

        ``since``: when it was sent, at the earliest (Unix seconds); what was made long after that is another request's.
        That the service echoes the whole request is not documented, so an empty list proves nothing. Raises
        ServiceError, also where it is in none of the tasks that can be read, and there are more.
        """
        until = min(self.clock(), since + ARRIVES_WITHIN) + CLOCK_SLACK
        tasks = await self.list_tasks(since, until)
        found = [task.task_id for task in tasks if task.request == payload]
        if tasks.cut and not found:
            raise UnusableAnswer(self.service, N_("its list of tasks goes on, and no more of it can be read"))
        return found

    async def find_task(self, task_id: str) -> ListedTask | None:
        """One task with the request that made it; None where the service does not know it. Raises ServiceError."""
        reply = await self._fetch_tasks({"id": task_id, "action": "retrieve"})
        if reply.status == 404:
            return None
        if not reply.ok or not isinstance(reply.data, Mapping) or _is_error_body(reply.data):
            raise refusal(self.service, self.key_variable, reply)
        state = parse_task(self.service, task_id, reply.data)
        created = read_unix_time(reply.data.get("created_at")) or self.clock()
        return ListedTask(task_id, created, read_object(reply.data.get("request")), state, state.trace_id)

    async def list_tasks(self, since: float, until: float) -> Listing[ListedTask]:
        """The account's tasks made from ``since`` to ``until`` (Unix seconds, whole ones), as the service orders them.

        ``POST /luma/tasks`` without ids, as the vendor's own web client lists them (AceDataCloud/Nexior). Raises
        ServiceError.
        """
        first, last = int(since), math.ceil(until)

        async def page(offset: int) -> Page:
            limits = {"created_at_min": first, "created_at_max": last, "limit": LIST_PAGE, "offset": offset}
            reply = await self._fetch_tasks({"action": "retrieve_batch", **limits})
            items = read_object(reply.data).get("items")
            if not reply.ok or not isinstance(items, list):
                raise refusal(self.service, self.key_variable, reply)
            return Page(items)

        items = await read_pages(page, LIST_PAGE)
        listed = [_listed_task(self.service, item) for item in items]
        return Listing([task for task in listed if task and first <= task.created_at <= last], cut=items.cut)

    async def quote(self) -> Quote | None:
        """The price of a call, see `AceDataPlatform.quote`; None where it is not understood. Raises ServiceError."""
        return await self.platform.quote() if self.platform else None

    async def balance(self) -> Balance:
        """What the account has left, see `AceDataPlatform.balance`. Raises what it does."""
        return await self._required_platform().balance()

    async def charged(self, trace_id: str, since: float, until: float) -> Charge | None:
        """What was charged for a submission, see `AceDataPlatform.charged`; None without a token for the statement."""
        if self.platform is None or self.platform.token is None:
            return None
        return await self.platform.charged(trace_id, since, until)

    def _required_platform(self) -> AceDataPlatform:
        if self.platform is None:
            raise ConfigError(f"{self.service}: there is no platform for files and the balance.")
        return self.platform

    async def check(self) -> None:
        """Ask for a task that does not exist: 404 with a good key, 401 with a bad one. Raises ServiceError.

        At a wrong address a 404 is mostly a page, and no JSON object.
        """
        reply = await self._fetch_tasks({"id": NO_TASK, "action": "retrieve"})
        known = isinstance(reply.data, Mapping) and (
            reply.status == 404 or (reply.ok and not _is_error_body(reply.data))
        )
        if not known:
            raise refusal(self.service, self.key_variable, reply)

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
            raise refusal(self.service, self.key_variable, reply)
        items = [reply.data] if single else reply.data.get("items")
        if not isinstance(items, list) or (single and _is_error_body(reply.data)):
            raise refusal(self.service, self.key_variable, reply)
        found = [item for item in items if isinstance(item, Mapping)]
        tasks = {read_text(item.get("id")) or (ids[0] if single else _result_id(item)): item for item in found}
        return {task_id: parse_task(self.service, task_id, tasks[task_id]) for task_id in ids if task_id in tasks}

    async def _fetch_tasks(self, payload: Mapping[str, Any]) -> Reply:
        call = Call(self.service, "POST", f"{self.base_url}/luma/tasks", self.key, payload, LOOK_UP_HEADERS)
        return await self.http.requests.fetch(call)


def _listed_task(service: str, item: Mapping[str, Any]) -> ListedTask | None:
    """A task of the list; None where it has no id, time or request."""
    task_id, created, request = read_text(item.get("id")), read_unix_time(item.get("created_at")), item.get("request")
    if task_id is None or created is None or not isinstance(request, Mapping):
        return None
    state = parse_task(service, task_id, item)
    return ListedTask(task_id, created, request, state, state.trace_id)


def _result_id(task: Mapping[str, Any]) -> str | None:
    return read_text(read_object(task.get("response")).get("task_id"))


def _is_error_body(data: Mapping[str, Any]) -> bool:
    """Whether a look-up's answer says why the look-up itself failed, which says nothing of the task."""
    return bool(data.get("error")) and data.keys().isdisjoint({"id", "task_id", "response"})


def parse_task(service: str, task_id: str, task: Mapping[str, Any]) -> TaskState:
    """Read a task in any of the shapes seen (the running ones are not documented).

    A status word outranks ``success``; completed needs a result URL that is no echo of the request. Without a word,
    failed needs ``success: false`` with an error object that has a code, or with a ``finished_at``. See `read_phase`
    for the words.
    """
    results = list(_results(task))
    words = {word.lower() for r in results for name in ("state", "status") if (word := read_text(r.get(name)))}
    video = next((found for r in results if (found := _video(r, read_object(task.get("request"))))), None)
    success = next((r["success"] for r in results if isinstance(r.get("success"), bool)), None)
    finished = any(part.get("finished_at") is not None for part in (task, *results))
    error_code = any(read_text(read_object(r.get("error")).get("code")) for r in results)
    if words:
        has_error = any(read_object(r.get("error")) for r in results)
        phase = read_phase(words, has_video=video is not None, has_error=has_error, finished=finished)
    elif success is False:
        phase = TaskPhase.FAILED if error_code or finished else TaskPhase.RUNNING
    else:
        phase = TaskPhase.COMPLETED if video else TaskPhase.RUNNING

    trace_id = next((t for part in (*results, task) if (t := read_text(part.get("trace_id")))), None)
    state = TaskState(task_id, phase, trace_id=trace_id)
    if phase is TaskPhase.FAILED:
        error = _failure(service, results, words, trace_id)
        return replace(state, error=error, seconds=_seconds(task))
    if phase is TaskPhase.COMPLETED:
        return replace(state, video=video, seconds=_seconds(task))
    return state


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
    """Seconds that the task took, by the service's own clock; None where it does not say.

    From its creation where that is known: those who wait count from the submission, and a task that stands in the
    service's queue is not done sooner for it. ``elapsed`` and the time since ``started_at`` may leave out the queue, so
    they only stand in; and the unit of ``elapsed`` is not documented, so more than hours of it are not believed.
    """
    names = ("created_at", "started_at", "finished_at")
    created, started, finished = (read_unix_time(task.get(name)) for name in names)
    if created and finished and finished > created:
        return finished - created
    elapsed = task.get("elapsed")
    if isinstance(elapsed, int | float) and not isinstance(elapsed, bool) and 0 < elapsed < MOST_SECONDS:
        return float(elapsed)
    return finished - started if started and finished and finished > started else None


def _failure(
    service: str, results: Sequence[Mapping[str, Any]], words: Collection[str], trace_id: str | None
) -> TaskFailed:
    """Why a task failed, in the service's words; its status word among them where that is no usual one."""
    errors = [read_error(result) for result in results]
    code = next((code for code, _ in errors if code), None)
    message = next((message for _, message in errors if message), None)
    return TaskFailed(service, read_end(words, message) or N_("it ended without a video"), code=code, trace_id=trace_id)
