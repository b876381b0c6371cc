"""Sending the paid request: in its turn, once, written down a moment before it leaves; and what may be done in doubt.

From the moment the body leaves until an answer is written down, nobody can know whether the service accepted it. Only
there does a crash or a lost answer leave a doubt, and then nothing is sent again but on the user's word.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from luma_jupyter.choices import Provider
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.journal import Journal
from luma_jupyter.engine.recall import in_doubt
from luma_jupyter.engine.services import Api, Services
from luma_jupyter.engine.uploads import Uploads, uploaded
from luma_jupyter.errors import ClipFailed, ClipUnconfirmed, InvalidRequest, LumaError, ServiceError, Unconfirmed
from luma_jupyter.files import LocalFile, as_video
from luma_jupyter.models import GenerateRequest, Request, Status, Task, VideoRef

CLOCK_SLACK = 60.0  # seconds by which a service's clock may differ from ours
FRESH = 3600.0  # seconds after its end in which a video's address is not doubted; RunAPI's live for 7 days


class Submission:
    """The submission of one task; also the `Sending` that is told when the request leaves.

    ``after`` is the task whose video is the source. ``doubtful``: it was sent before and not answered; ``resend``: the
    user wants it sent again if it cannot be found.
    """

    def __init__(
        self,
        handle: Handle,
        services: Services,
        journal: Journal,
        turn: asyncio.Semaphore,
        *,
        after: Handle | None,
        doubtful: bool = False,
        resend: bool = False,
    ) -> None:
        self._handle = handle
        self._services = services
        self._journal = journal
        self._turn = turn
        self._after = after
        self._resend = resend
        self._before: dict[str, object] = {}  # how it stood before this submission, as nothing else was accepted
        self._doubts = 0
        self.doubtful = doubtful
        self.stopped = False

    async def run(self) -> bool:
        """Submit; True when the service has the task. A stop takes effect between two tries, never within one.

        Raises LumaError when it was refused, or cannot be sent as it is.
        """
        if not await self._source_completed():
            return False
        async with self._turn:
            if self.stopped:
                raise asyncio.CancelledError
            handle = self._handle
            api = self._services.api(handle.task.provider, handle.task.request.action)
            request = handle.task.request
            if self._after and not isinstance(request, GenerateRequest) and request.source is None:
                request = with_source(request, self._after.task, handle.task.provider, api.base_url)
                request = await self._still_there(request, self._after.task)
            api.payload(request)
            uploads = Uploads(api, self._journal, handle.clock, lambda words: handle.emit(upload=words))
            sendable = await uploaded(request, uploads.address)
            submitted = handle.task.submitted_at or handle.clock()
            handle.emit(status=Status.SUBMITTING, request=request, base_url=api.base_url, submitted_at=submitted)
            if self.doubtful and not await self._send_again(api, sendable):
                return not self.doubtful
            return await self._send(api, sendable)

    async def _still_there(self, request: Request, source: Task) -> Request:
        """The request, with the saved file in the place of an address that has expired meanwhile."""
        assert not isinstance(request, GenerateRequest)
        video = request.source
        age = self._handle.clock() - (source.ended_at or 0.0)
        if not isinstance(video, VideoRef) or video.url is None or video.video_id or age < FRESH:
            return request
        if not await self._services.http.is_gone(video.url, trusted_origin=source.base_url):
            return request
        return replace(request, source=_saved(source, "its address at the service has expired"))

    async def _source_completed(self) -> bool:
        task = self._handle.task
        if isinstance(task.request, GenerateRequest) or task.request.source is not None:
            return True
        if self._after is None:
            raise InvalidRequest("Nothing was sent: run the cell again.")
        source = await asyncio.shield(asyncio.wrap_future(self._after.done))
        if source.status is Status.COMPLETED:
            return True
        name = task.source_label or "the source"
        doubtful = source.status is Status.UNCONFIRMED
        first = f"`%luma retry {name}` goes on with that one" if doubtful else "run that one again first"
        message = f"Nothing was sent: its source {name} ended as {source.status}; {first}."
        self._handle.emit(status=Status.FAILED, error=ClipFailed(message, source.error))
        return False

    async def _send_again(self, api: Api, request: Request) -> bool:
        """Try what reading can tell of a request in doubt; True where it is to be sent again, on the user's word."""
        handle = self._handle
        handle.emit(problem="It was sent before and not answered: it is looked for first.")
        ids: list[str] = []
        finding = "it was looked for, and not found."
        try:
            ids = await api.find(request, (handle.task.sent_at or 0.0) - CLOCK_SLACK)
        except ServiceError as error:
            finding = f"it could not be looked for: {error.finding}"
        mine = [task_id for task_id in ids if not self._journal.claims(task_id)]
        if len(mine) == 1:  # of several, nobody can say which is whose
            self._accepted(mine[0])
            return False
        if self._resend:
            return True
        name = handle.task.name or "NAME"
        again, python = ("", "") if api.repeatable else (" --may-pay-twice", "may_pay_twice=True")
        price = "under the same idempotency key" if api.repeatable else "which may pay twice"
        advice = f"`%luma retry {name}{again}` (in Python `{name}.retry({python})`) sends it again, {price}."
        known = in_doubt(handle.task, finding, advice)
        handle.emit(status=Status.UNCONFIRMED, problem=None, error=ClipUnconfirmed(known))
        return False

    async def _send(self, api: Api, request: Request) -> bool:
        handle, task = self._handle, self._handle.task
        self._before = {"sent_at": task.sent_at, "doubts": task.doubts}
        self._doubts = task.doubts + (1 if self.doubtful and not api.repeatable else 0)
        try:
            task_id = await api.submit(request, handle.task.intent, sending=self, repeated=self.doubtful)
        except Unconfirmed as error:
            known = in_doubt(handle.task, error.cause.finding)
            handle.emit(status=Status.UNCONFIRMED, problem=None, error=ClipUnconfirmed(known, error.cause))
        except LumaError:
            handle.task = handle.task.evolve(**self._before)
            raise
        else:
            self._accepted(task_id)
        return handle.task.status is Status.RUNNING

    def _accepted(self, task_id: str) -> None:
        self.doubtful = False
        self._handle.emit(status=Status.RUNNING, task_id=task_id, problem=None)

    def leaves(self) -> None:
        """The request is about to leave: from here on it may be paid for, so this is written down before."""
        self._handle.emit(sent_at=self._handle.clock(), doubts=self._doubts)

    def returned(self, why: str, delay: float) -> None:
        """It certainly was not accepted: a kernel that ends now leaves no doubt but an earlier one."""
        self._handle.emit(**self._before, problem=f"{why} The next try is in {delay:.0f} s.")


def with_source(request: Request, source: Task, provider: Provider, base_url: str) -> Request:
    """The request with the video of a completed task as its source.

    By id at the service that made it (ids are of no use elsewhere), or by URL; a simulated one that this service cannot
    reach goes there as a file. Raises InvalidRequest where that file is gone.
    """
    assert source.video is not None
    assert not isinstance(request, GenerateRequest)
    if not source.real and source.base_url != base_url:
        return replace(request, source=_saved(source, "the demo service that made it ended with its kernel"))
    own_id = source.video.video_id if source.provider == provider and request.action == "extend" else None
    return replace(request, source=VideoRef(video_id=own_id, url=source.video.url))


def _saved(source: Task, why: str) -> LocalFile:
    """The saved file of a task, as a source of its own."""
    if source.path is None or not source.path.exists():
        raise InvalidRequest(f"Nothing was sent: its source was not saved here, and {why}. Make the source anew.")
    return as_video(source.path)
