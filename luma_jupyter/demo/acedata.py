"""Generate, extend, task look-up and uploads, as AceDataCloud speaks.

Sources are its docs of `/luma/videos` and `/luma/tasks`; for uploads, which they leave out, its client.
"""

import asyncio
from typing import Any

from luma_jupyter.demo.film import FilmSpec
from luma_jupyter.demo.handlers import ApiHandler, Refusal
from luma_jupyter.demo.incoming import LARGEST_BODY, LargeBody, from_form
from luma_jupyter.demo.jobs import MODERATED, Job, Work
from luma_jupyter.demo.orders import BadRequest, LookUp, VideoOrder
from luma_jupyter.demo.uploads import LARGEST

TOO_LARGE = f"file is larger than {LARGEST // 1_000_000} MB"


class _AceData(ApiHandler):
    missing_key = "no_token", "The authorization token is missing."
    wrong_key = "invalid_token", "The specified token is invalid or wrong."

    def response(self, job: Job) -> dict[str, Any]:
        """What a held call answers, a callback brings, and a task holds as `response`."""
        if job.error:
            return {**self.error_body("api_error", job.error), "task_id": job.id, "trace_id": job.trace_id}
        if job.film is None:
            return {"success": True, "task_id": job.id}
        size = job.film.width, job.film.height
        return {
            "success": True,
            "task_id": job.id,
            "video_id": job.video_id,
            "prompt": job.work.spec.prompt,
            "video_url": self.context.media_url(job.film.video),
            "video_width": size[0],
            "video_height": size[1],
            "state": "completed",
            "thumbnail_url": self.context.media_url(job.film.thumbnail),
            "thumbnail_width": size[0],
            "thumbnail_height": size[1],
        }


class Videos(_AceData):
    """`POST /luma/videos`."""

    async def post(self) -> None:
        """Accept a task; answer its id at once, or hold the call until the result is there."""
        body, order = self.parsed(VideoOrder.parse)
        if "[moderated]" in order.prompt.lower():
            raise Refusal(403, "forbidden", MODERATED)
        job = self.context.jobs.submit("acedata", body, self._work(order))
        self.call_back(order.callback_url, job, self.response)
        if not order.held:
            self.finish({"task_id": job.id})
            return
        try:
            await asyncio.wait_for(job.ended.wait(), order.timeout)
        except TimeoutError:
            raise Refusal(504, "timeout", "Timeout to generate the video.") from None
        if job.error:
            self.set_status(500)
        self.finish(self.response(job))

    def _work(self, order: VideoOrder) -> Work:
        place = self.context.place
        seconds = self.context.film_seconds
        spec = FilmSpec(order.prompt, order.aspect_ratio, seconds, order.loop, order.enhancement)
        end = place(order.end_image_url)
        if order.action == "generate":
            return Work(spec, start_image=place(order.start_image_url), end_image=end)
        if order.video_id is None:
            return Work(spec, source=place(order.video_url), end_image=end)
        film = self.context.jobs.film(order.video_id)
        if film is None:
            raise Refusal(400, "bad_request", f"video_id {order.video_id} is unknown")
        return Work(spec, source=film.video, end_image=end)


class Tasks(_AceData):
    """`POST /luma/tasks`."""

    def post(self) -> None:
        """One task, or those of a batch that are known."""
        _, look_up = self.parsed(LookUp.parse)
        jobs = [job for task_id in look_up.ids if (job := self.context.jobs.find("acedata", task_id))]
        if look_up.batch:
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


class Files(LargeBody, _AceData):
    """`POST /api/v1/files/`, which the vendor serves on its platform's host."""

    def post(self) -> None:
        """Keep the form's file; answer its URL."""
        incoming, uploads = self.admitted(), self.context.uploads
        if incoming is None:
            return
        part = uploads.new_file()
        try:
            if incoming.size > LARGEST_BODY:
                raise BadRequest(TOO_LARGE)
            name = from_form(incoming.file, self.request.headers.get("Content-Type", ""), "file", part)
            if part.stat().st_size > LARGEST:
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
