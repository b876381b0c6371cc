"""Generate, extend, and task look-up, as AceDataCloud speaks (its docs of `/luma/videos` and `/luma/tasks`).

That look-ups also list tasks by time, and that a header keeps them from the statement, is known from the vendor's web
client alone (AceDataCloud/Nexior).
"""

import asyncio
import uuid
from typing import Any

from luma_jupyter.demo.bodies import LookUpBody, VideoBody
from luma_jupyter.demo.film import FilmSpec
from luma_jupyter.demo.handlers import ApiHandler
from luma_jupyter.demo.jobs import LOSING_WORD, MODERATED_MESSAGE, FilmPlan, Job
from luma_jupyter.demo.refusals import Refusal
from luma_jupyter.demo.usage import UsageEntry


class AceDataHandler(ApiHandler):
    """An endpoint of AceDataCloud."""

    missing_key = "no_token", "The authorization token is missing."
    wrong_key = "invalid_token", "The specified token is invalid or wrong."


class _RecordedHandler(AceDataHandler):
    """An endpoint of the generation API, whose calls are on the statement unless they ask to be left out."""

    trace_id = ""

    def prepare(self) -> None:
        """Give the call an id, then check the key."""
        self.trace_id = str(uuid.uuid4())
        super().prepare()

    def on_finish(self) -> None:
        """Enter the call into the statement."""
        if self.request.headers.get("x-record-exempt") != "true":
            elapsed = self.request.request_time()
            self.context.usage.add(UsageEntry(self.trace_id, self.get_status(), elapsed))

    def error_body(self, code: str, message: str) -> dict[str, Any]:
        """Return an error with the id of this call."""
        return {**super().error_body(code, message), "trace_id": self.trace_id}

    def response(self, job: Job) -> dict[str, Any]:
        """Return what a blocking call answers, a callback brings, and a task holds as `response`."""
        if job.error:
            return {**self.error_body("api_error", job.error), "task_id": job.id, "trace_id": job.trace_id}
        if job.film is None:
            return {"success": True, "task_id": job.id}
        size = job.film.width, job.film.height
        return {
            "success": True,
            "task_id": job.id,
            "video_id": job.video_id,
            "prompt": job.plan.spec.prompt,
            "video_url": self.context.media_url(job.film.video),
            "video_width": size[0],
            "video_height": size[1],
            "state": "completed",
            "thumbnail_url": self.context.media_url(job.film.thumbnail),
            "thumbnail_width": size[0],
            "thumbnail_height": size[1],
        }


class VideosHandler(_RecordedHandler):
    """`POST /luma/videos`."""

    async def post(self) -> None:
        """Accept a task; answer its id at once, or, in a blocking call, its result once that is there."""
        request, body = self.parse_body(VideoBody.parse)
        if "[moderated]" in body.prompt.lower():
            raise Refusal(403, "forbidden", MODERATED_MESSAGE)
        job = self.context.jobs.submit("acedata", request, self._plan(body), self.take)
        self.trace_id = job.trace_id
        self.answer_is_lost |= LOSING_WORD in body.prompt.lower()
        self.call_back(body.callback_url, job, self.response)
        if not body.blocking:
            self.finish({"task_id": job.id, "trace_id": job.trace_id})
            return
        try:
            await asyncio.wait_for(job.ended.wait(), body.timeout)
        except TimeoutError:
            raise Refusal(504, "timeout", "Timeout to generate the video.") from None
        if job.error:
            self.set_status(500)
        self.finish(self.response(job))

    def _plan(self, body: VideoBody) -> FilmPlan:
        file_or_url = self.context.file_or_url
        spec = FilmSpec(body.prompt, body.aspect_ratio, self.context.film_seconds, body.loop, body.enhancement)
        end = file_or_url(body.end_image_url)
        if body.action == "generate":
            return FilmPlan(spec, start_image=file_or_url(body.start_image_url), end_image=end)
        if body.video_id is None:
            return FilmPlan(spec, source=file_or_url(body.video_url), end_image=end)
        film = self.context.jobs.film(body.video_id)
        if film is None:
            raise Refusal(400, "bad_request", f"video_id {body.video_id} is unknown")
        return FilmPlan(spec, source=film.video, end_image=end)


class TasksHandler(_RecordedHandler):
    """`POST /luma/tasks`."""

    def post(self) -> None:
        """Answer one task, those of a batch that are known, or a page of all."""
        _, body = self.parse_body(LookUpBody.parse)
        find = self.context.jobs.find
        if body.listing:
            jobs = self.context.jobs.made_between("acedata", body.listing.start, body.listing.end)
            jobs = jobs[body.listing.offset :][: body.listing.limit]
        else:
            jobs = [job for task_id in body.ids if (job := find("acedata", task_id))]
        if body.batch:
            self.finish({"items": [self._task(job) for job in jobs], "count": len(jobs)})
        elif jobs:
            self.finish(self._task(jobs[0]))
        else:
            raise Refusal(404, "not_found", "The task does not exist.")

    def _task(self, job: Job) -> dict[str, Any]:
        return {
            "_id": job.id.replace("-", "")[:24],
            "id": job.id,
            "created_at": job.created_at,
            "started_at": job.started_at,
            "request": job.request,
            "response": self.response(job),
            "finished_at": job.finished_at,
            "elapsed": job.finished_at - job.created_at if job.finished_at else None,
            "trace_id": job.trace_id,
        }
