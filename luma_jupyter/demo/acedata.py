"""Generate, extend, task look-up and uploads, as AceDataCloud speaks.

Sources are its docs of `/luma/videos` and `/luma/tasks`; for uploads, which they leave out, its client.
"""

import asyncio
from typing import Any

from luma_jupyter.demo.bodies import BadRequest, LookUpBody, VideoBody
from luma_jupyter.demo.film import FilmSpec
from luma_jupyter.demo.handlers import ApiHandler, Refusal
from luma_jupyter.demo.jobs import MODERATED_MESSAGE, FilmPlan, Job
from luma_jupyter.demo.streaming import MAX_BODY_BYTES, StreamingHandler, copy_form_file
from luma_jupyter.demo.uploads import MAX_FILE_BYTES

TOO_LARGE = f"file is larger than {MAX_FILE_BYTES // 1_000_000} MB"


class _AceDataHandler(ApiHandler):
    """An endpoint of AceDataCloud."""

    missing_key = "no_token", "The authorization token is missing."
    wrong_key = "invalid_token", "The specified token is invalid or wrong."

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


class VideosHandler(_AceDataHandler):
    """`POST /luma/videos`."""

    async def post(self) -> None:
        """Accept a task; answer its id at once, or, in a blocking call, its result once that is there."""
        request, body = self.parse_body(VideoBody.parse)
        if "[moderated]" in body.prompt.lower():
            raise Refusal(403, "forbidden", MODERATED_MESSAGE)
        job = self.context.jobs.submit("acedata", request, self._plan(body))
        self.call_back(body.callback_url, job, self.response)
        if not body.blocking:
            self.finish({"task_id": job.id})
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


class TasksHandler(_AceDataHandler):
    """`POST /luma/tasks`."""

    def post(self) -> None:
        """Answer one task, or those of a batch that are known."""
        _, body = self.parse_body(LookUpBody.parse)
        jobs = [job for task_id in body.ids if (job := self.context.jobs.find("acedata", task_id))]
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
            "request": job.request,
            "response": self.response(job),
            "finished_at": job.finished_at,
            "trace_id": job.trace_id,
        }


class AceDataFilesHandler(StreamingHandler, _AceDataHandler):
    """`POST /api/v1/files/`, which the vendor serves on its platform's host."""

    def post(self) -> None:
        """Keep the form's file; answer its URL."""
        body, uploads = self.received_body(), self.context.uploads
        if body is None:
            return
        part = uploads.new_file()
        try:
            if body.size > MAX_BODY_BYTES:
                raise BadRequest(TOO_LARGE)
            name = copy_form_file(body.file, self.request.headers.get("Content-Type", ""), "file", part)
            if part.stat().st_size > MAX_FILE_BYTES:
                raise BadRequest(TOO_LARGE)
            if not part.stat().st_size:
                raise BadRequest("file is empty")
            url = self.context.media_url(uploads.keep(part, name).file)
        except BadRequest as error:
            raise Refusal(400, "bad_request", str(error)) from error
        finally:
            part.unlink(missing_ok=True)
        # The vendor's documents name the one, some of its clients read the other.
        self.finish({"file_url": url, "url": url})
