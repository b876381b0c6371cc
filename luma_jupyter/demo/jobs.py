"""Tasks from submission to their end, and the threads that render.

Everything about a `Job` happens on the server's event loop, so it needs no lock; the render threads take jobs from a
queue and only tell the loop what came of them. A job ends when its film is ready *and* its time is over: rendering
takes a second, the services that this one stands in for take minutes.

The threads are daemons that ask for a stop before each frame: an interpreter never waits for films that nobody sees.
"""

import asyncio
import hashlib
import json
import queue
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from luma_jupyter.demo.bodies import Json
from luma_jupyter.demo.fetch import FetchError, fetch
from luma_jupyter.demo.film import Film, FilmSpec, Stopped, UnusableImage, render
from luma_jupyter.demo.refusals import Refusal
from luma_jupyter.demo.takes import Take
from luma_jupyter.video.codec import UnreadableVideo

MODERATED_MESSAGE = "Sorry! Our AI moderators feel your prompt might be against our community standards."
# What a prompt may contain to make its task fail, and the error that the task then has.
FAILING_WORDS = {
    "[fail]": "The video could not be made: its prompt asks for a failure.",
    "[moderated]": MODERATED_MESSAGE,
}

LOSING_WORD = "[lost]"  # with it in a prompt, the task is made as any other, and the answer that tells its id is lost

RENDER_THREADS = 2  # a third one makes nothing quicker where a machine has two cores, and others want some too
MOST_JOBS = 10_000  # of a service: a cell that loops must not fill the disk with films

Api = Literal["acedata", "runapi"]
FileOrUrl = Path | str


@dataclass(frozen=True)
class FilmPlan:
    """A film to render, and where its source and images are: files of this service as paths, all others as URLs."""

    spec: FilmSpec
    source: FileOrUrl | None = None
    start_image: FileOrUrl | None = None
    end_image: FileOrUrl | None = None


@dataclass(eq=False)
class Job:
    """One task; times in seconds, `due` on the loop's clock and the others since 1970."""

    api: Api
    request: Json
    plan: FilmPlan
    due: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    video_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: float = field(default_factory=time.time)
    status: Literal["pending", "processing", "completed", "failed"] = "pending"
    film: Film | None = None
    error: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Jobs:
    """All tasks of a service; films go to `folder`, a task takes about `seconds`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds
        self._loop = loop
        self._jobs: dict[str, Job] = {}
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stop = threading.Event()

    def submit(self, api: Api, request: Json, plan: FilmPlan, take: Take) -> Job:
        """Accept a task; it is rendered after those before it. Raises `Refusal` where there are too many."""
        if len(self._jobs) >= MOST_JOBS:
            words = f"The demo service makes {MOST_JOBS:,} videos at most: restart the kernel for more."
            raise Refusal(400, "bad_request", words)
        plan = replace(plan, spec=replace(plan.spec, take=take))
        job = Job(api, request, plan, self._loop.time() + self.seconds * _duration_factor(request))
        self._jobs[job.id] = job
        self._queue.put(job)
        return job

    def find(self, api: Api, task_id: str) -> Job | None:
        """Return the task of that API with this id."""
        job = self._jobs.get(task_id)
        return job if job and job.api == api else None

    def made_between(self, api: Api, start: float, end: float) -> list[Job]:
        """Return the tasks of that API made from `start` to `end` (seconds since 1970), newest first."""
        return [job for job in reversed(self._jobs.values()) if job.api == api and start <= job.created_at <= end]

    def film(self, video_id: str) -> Film | None:
        """Return the finished film with this video id."""
        return next((job.film for job in self._jobs.values() if job.video_id == video_id), None)

    def run(self) -> None:
        """Render one job after the other until `stop`: the body of each render thread."""
        while job := self._queue.get():
            self._call_on_loop(self._start, job)
            try:
                film = self._render(job.plan)
            except Stopped:
                break
            except Exception as error:  # one bad task must not end the service
                self._call_on_loop(self._end_when_due, job, None, str(error) or type(error).__name__)
            else:
                self._call_on_loop(self._end_when_due, job, film, None)

    def stop(self) -> None:
        """End the render threads, within a frame; from any thread."""
        self._stop.set()
        for _ in range(RENDER_THREADS):
            self._queue.put(None)

    def _render(self, plan: FilmPlan) -> Film:
        prompt = plan.spec.prompt.lower()
        for word, message in FAILING_WORDS.items():
            if word in prompt:
                raise RuntimeError(message)
        start, end = _read_image("start", plan.start_image), _read_image("end", plan.end_image)
        spec = replace(plan.spec, start_image=start, end_image=end)
        try:
            if plan.source is not None:
                spec = replace(spec, source=_read(plan.source))
            return render(spec, self.folder, secrets.token_urlsafe(16), self._stop.is_set)
        except (FetchError, UnreadableVideo) as error:
            raise RuntimeError(f"The source video cannot be used: {error}.") from error

    def _start(self, job: Job) -> None:
        job.status, job.started_at = "processing", time.time()

    def _end_when_due(self, job: Job, film: Film | None, error: str | None) -> None:
        self._loop.call_at(job.due, self._end, job, film, error)

    def _end(self, job: Job, film: Film | None, error: str | None) -> None:
        job.status = "completed" if film else "failed"
        job.film, job.error, job.finished_at = film, error, time.time()
        job.ended.set()

    def _call_on_loop(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(function, *arguments)


def _duration_factor(request: Json) -> float:
    """Return 0.8 to 1.2, the same for equal requests."""
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).digest()
    return 0.8 + 0.4 * digest[0] / 255


def _read(file_or_url: FileOrUrl) -> bytes:
    if isinstance(file_or_url, str):
        return fetch(file_or_url)
    try:
        return file_or_url.read_bytes()
    except OSError as error:
        raise FetchError("there is no such file here") from error


def _read_image(which: str, file_or_url: FileOrUrl | None) -> bytes | None:
    """Return an image of this service, which must be there, or one from elsewhere, where that can be reached.

    A demo has to work without the internet and with examples whose URLs lead nowhere, so it does without pictures
    that it cannot fetch. What was uploaded here needs no internet: without it, the film would not be what was asked.
    """
    if not file_or_url:
        return None
    try:
        return _read(file_or_url)
    except FetchError as error:
        if isinstance(file_or_url, Path):
            raise UnusableImage(which, error) from error
        return None
