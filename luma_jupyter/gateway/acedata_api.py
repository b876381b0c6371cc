"""AceDataCloud's wire: generate and extend, look-ups, and what its platform has: files, prices, balance, statement.

Kernels and the vendor's own client find the same shapes as at the vendor. One credit is one US dollar here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tornado.httputil import HTTPFile, HTTPInputError, parse_body_arguments

from luma_jupyter.gateway.api import ApiHandler, ReceivedFile, dollars, iso, least_left
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.media import media_url
from luma_jupyter.gateway.records import State, Submission
from luma_jupyter.gateway.refusals import Refusal

MOST_IDS = 50  # of a batch; the vendor's recommendation
MOST_LISTED = 100  # tasks or rows of a page
PATH = "/luma/videos"
# Ids of things that the vendor has many of, and the gateway one.
SERVICE_ID = "luma"
API_ID = "luma-videos"
END_OF_TIME = 1e11  # Unix seconds


class VideosHandler(ApiHandler):
    """``POST /luma/videos``."""

    async def post(self) -> None:
        """Make a task, and answer with its id at once."""
        body = self.json_body()
        if body.get("async") is not True and not body.get("callback_url"):
            raise Refusal(400, "bad_request", "The class gateway answers at once: set async to true, and look it up.")
        made = await self.submit("acedata", body)
        self.finish({"task_id": made.submission.task_id, "trace_id": made.submission.trace_id, **made.fields})


class TasksHandler(ApiHandler):
    """``POST /luma/tasks``."""

    async def post(self) -> None:
        """Answer with one task, those of a batch that are known, or a page of all."""
        body, owner = self.json_body(), self.person.name
        action, ids = body.get("action", "retrieve"), _read_ids(body.get("ids"))
        if action == "retrieve" and isinstance(task_id := body.get("id"), str):
            (task,) = await self._look([task_id])
            if task is None:
                raise Refusal(404, "not_found", "The task does not exist.")
            self.finish(self._task(task))
        elif action == "retrieve_batch" and body.get("ids") is None:
            page = Page.parse(body, "created_at_min", "created_at_max")
            self._finish_tasks(await page.rows(self.gateway.ledger, owner))
        elif action == "retrieve_batch" and ids:
            self._finish_tasks([submission for submission in await self._look(ids) if submission])
        else:
            words = f"Give action retrieve with an id, or retrieve_batch with up to {MOST_IDS} ids or none."
            raise Refusal(400, "bad_request", words)

    async def _look(self, ids: Sequence[str]) -> Sequence[Submission | None]:
        owner, ledger = self.person.name, self.gateway.ledger

        async def look() -> Sequence[Submission | None]:
            return await ledger.find_tasks(owner, "acedata", ids)

        return await self.held(look)

    def _finish_tasks(self, submissions: Sequence[Submission]) -> None:
        items = [self._task(submission) for submission in submissions]
        self.finish({"items": items, "count": len(items)})

    def _task(self, submission: Submission) -> dict[str, Any]:
        """A task as the vendor tells of it."""
        ended = submission.ended_at
        started = submission.sent_at or submission.created_at
        return {
            "id": submission.task_id,
            "created_at": submission.created_at,
            "started_at": started,
            "request": {name: value for name, value in submission.body.items() if name != "callback_url"},
            "response": self._response(submission),
            "finished_at": ended,
            "elapsed": max(0.0, ended - started) if ended else None,
            "trace_id": submission.trace_id,
        }

    def _response(self, submission: Submission) -> dict[str, Any]:
        facts: dict[str, Any] = {"task_id": submission.task_id, "trace_id": submission.trace_id}
        if submission.state is State.FAILED:
            error = {"code": submission.error_code or "api_error", "message": submission.error_message or "It failed."}
            return {"success": False, **facts, "error": error}
        if submission.state is not State.COMPLETED or submission.video is None:
            return {"success": True, **facts}
        video, settings = submission.video, self.gateway.settings
        return {
            "success": True,
            **facts,
            "video_id": video.video_id,
            "prompt": submission.body.get("prompt"),
            "video_url": media_url(settings, submission, "video"),
            "video_width": video.width,
            "video_height": video.height,
            "state": "completed",
            "thumbnail_url": media_url(settings, submission, "thumbnail") if video.thumbnail_url else None,
            "thumbnail_width": video.width,
            "thumbnail_height": video.height,
        }


def _read_ids(ids: object) -> list[str]:
    """The ids of a batch; none where they cannot be used."""
    if not isinstance(ids, list) or len(ids) > MOST_IDS or not all(isinstance(task_id, str) for task_id in ids):
        return []
    return ids


# The platform.


class PlatformHandler(ApiHandler):
    """An endpoint of the platform: a list, page by page."""

    def finish_page(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Send the page of a list that is asked for."""
        page = Page.parse(self._query())
        self.finish({"count": len(items), "items": items[page.offset :][: page.limit]})

    def _query(self) -> dict[str, str]:
        return {name: self.get_query_argument(name) for name in self.request.query_arguments}


class ApisHandler(PlatformHandler):
    """``GET /api/v1/apis/``, which anybody may ask."""

    async def get(self) -> None:
        """Answer what a call costs, in credits."""
        path = self.get_query_argument("path", PATH)
        cost = dollars(await self.gateway.vendors.price("acedata"))
        api = {"id": API_ID, "path": PATH, "stage": "Production", "service_id": SERVICE_ID, "cost": cost}
        self.finish_page([api] if path == PATH else [])


class ServicesHandler(PlatformHandler):
    """``GET /api/v1/services/``, which anybody may ask."""

    async def get(self) -> None:
        """Answer what a credit costs: a US dollar."""
        packages = [{"price": 1, "amount": 1}]
        self.finish_page([{"id": SERVICE_ID, "alias": "luma", "unit": "USD", "free_amount": 0, "packages": packages}])


class ApplicationsHandler(PlatformHandler):
    """``GET /api/v1/applications/``."""

    async def get(self) -> None:
        """Answer what is left for the one who asks, by the cap that binds first; null where there is none."""
        left = await self.gateway.ledger.left(self.person)
        application = {
            "id": self.person.name,
            "service_id": SERVICE_ID,
            "type": "Usage",
            "remaining_amount": dollars(least_left(left)),
            "used_amount": dollars(left.spent_in_all),
        }
        self.finish_page([application])


class UsageHandler(PlatformHandler):
    """``GET /api/v1/usage/apis/``."""

    async def get(self) -> None:
        """Answer what was charged for the own tasks of a time."""
        page = Page.parse(self._query(), "created_at_from", "created_at_to")
        rows = await page.rows(self.gateway.ledger, self.person.name)
        self.finish({"count": page.offset + len(rows), "items": [_usage_row(row) for row in rows]})


def _usage_row(submission: Submission) -> dict[str, Any]:
    """A row of the statement; what a task costs that goes on is not known yet."""
    price = {State.COMPLETED: submission.price, State.FAILED: 0}.get(submission.state)
    charged = dollars(price if submission.cost is None or price is None else submission.cost)
    return {
        "id": str(submission.id),
        "api_id": API_ID,
        "status_code": 200,
        "original_amount": charged,
        "deducted_amount": charged,
        "trace_id": submission.trace_id,
        "elapsed": None,
        "created_at": iso(datetime.fromtimestamp(submission.created_at, UTC)),
    }


class FilesHandler(ApiHandler):
    """``POST /api/v1/files/``."""

    takes_file = True

    async def post(self) -> None:
        """Take the form's file to the vendor, and answer where requests can name it."""
        upload = await self.pass_on(self.person, "acedata", self._form_file)
        # The vendor's documents name the one, some of its clients read the other.
        self.finish({"file_url": upload.url, "url": upload.url})

    def _form_file(self) -> ReceivedFile:
        """The form's file. Raises Refusal."""
        files: dict[str, list[HTTPFile]] = {}
        try:
            parse_body_arguments(self.request.headers.get("Content-Type", ""), self.received(), {}, files)
        except HTTPInputError:
            files = {}
        if not files.get("file"):
            raise Refusal(400, "bad_request", "file is required, as a part of multipart/form-data.")
        return ReceivedFile(files["file"][0].filename, files["file"][0].body)


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for: made from ``since`` to ``until`` (Unix seconds), a page of them."""

    since: float
    until: float
    limit: int
    offset: int

    @classmethod
    def parse(cls, query: Mapping[str, Any], since: str = "", until: str = "") -> Page:
        """Read a body or a query; ``since`` and ``until`` are what the times are called there. Raises Refusal."""
        limit, offset = _count(query, "limit", 10), _count(query, "offset", 0)
        return cls(_time(query, since, 0.0), _time(query, until, END_OF_TIME), min(limit, MOST_LISTED), offset)

    async def rows(self, ledger: Ledger, owner: str) -> Sequence[Submission]:
        """A student's tasks of this page."""
        return await ledger.list_tasks(owner, "acedata", self.since, self.until, self.limit, self.offset)


def _count(query: Mapping[str, Any], name: str, default: int) -> int:
    value = str(query.get(name, default))
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Refusal(400, "bad_request", f"{name} must be a whole number.")
    return int(value)


def _time(query: Mapping[str, Any], name: str, default: float) -> float:
    """A time in Unix seconds, or in ISO 8601."""
    value = query.get(name, default)
    try:
        time = datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)
    except (ValueError, TypeError, OverflowError):
        time = math.nan
    if not 0 <= time <= END_OF_TIME:
        raise Refusal(400, "bad_request", f"{name} must be a time.")
    return time
