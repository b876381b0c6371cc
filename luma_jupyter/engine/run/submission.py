"""Submits one task: in its turn, once, written down a moment before it is sent.

Between sending the body and writing down the answer nobody can know whether the service accepted it. A crash or a lost
answer in that time leaves the task unconfirmed, and it is sent again only on the user's word. A class gateway alone is
asked again by itself, also by the next kernel, as that cannot pay twice. The POST is in `providers.http.requests`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from luma_jupyter.domain.exchange import Step
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import ExtendRequest, ModifyRequest, Request, VideoRef, frames_in
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.urls import is_cut
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.frames import name_frames, read_frames
from luma_jupyter.engine.handle import NOTHING, Handle
from luma_jupyter.engine.local_files import as_video
from luma_jupyter.engine.recovery import can_repeat, has_its_key, resumed, unconfirmed_message
from luma_jupyter.engine.run.funds import Funds
from luma_jupyter.engine.run.options import RunOptions
from luma_jupyter.engine.run.slots import Slots
from luma_jupyter.engine.run.sources import wait_for_sources
from luma_jupyter.engine.run.uploads import SharedUploads, Uploads, with_uploads
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.leases import LeaseLost
from luma_jupyter.errors import (
    ClipUnconfirmed,
    Conflict,
    InvalidKey,
    InvalidRequest,
    LumaError,
    ServiceError,
    Unconfirmed,
    with_message,
)
from luma_jupyter.languages import N_
from luma_jupyter.providers.exchanges import because, mention_written
from luma_jupyter.providers.protocol import LOST_AT_GATEWAY, NOT_IN_CLASS, Accepted, ProviderClient
from luma_jupyter.worker_threads import in_thread

CLOCK_SLACK = 60.0  # seconds by which a service's clock may differ from ours
_OfVideo = ExtendRequest | ModifyRequest
_LOST_THERE = N_("the class gateway passed it on, and lost the service's answer.")
FRESH = 3600.0  # seconds after its end in which a video's address is not doubted; RunAPI's live for 7 days


class _Claimed(Exception):
    """Another clip has the task."""


class _Undecided(Exception):
    """Another clip, which is being sent, may come to have the task."""


class Submission:
    """The submission of one task; also the `SubmissionListener` of its request."""

    def __init__(
        self, handle: Handle, funds: Funds, journal: Journal, options: RunOptions, uploads: SharedUploads
    ) -> None:
        self._handle = handle
        self._uploads = uploads
        self._funds = funds
        self._providers = funds.providers
        self._journal = journal
        self._after = options.after
        self._frames = options.frames
        self._resend = options.resend
        self._price = options.price
        self._before: dict[str, object] = {}  # what the task said before this try; restored where it was not accepted
        self._doubts = 0
        self._left_unanswered = False
        self._place: dict[str, object] = {}  # where the request goes, and with whose key
        self.unconfirmed = options.unconfirmed  # it was sent before, and nobody knows yet what came of it
        self.ended_at = options.ended_at  # when it became unconfirmed, until it is sent again
        self.stopped = False

    async def run(self, slots: Slots) -> bool:
        """Submit; True when the service has the task. A stop takes effect between two tries, never within one.

        Raises LumaError when it was refused, or cannot be sent as it is.
        """
        if self._handle.task.sent_at is not None and not self.unconfirmed:  # its kernel ended while a gateway was asked
            self.unconfirmed = self._left_unanswered = True
        if not await self._sources_completed():
            return False
        async with slots.slot():
            if self.stopped:
                raise asyncio.CancelledError
            handle = self._handle
            client = self._providers.client(handle.task.provider, handle.task.request.action)
            repeats = can_repeat(handle.task, client)
            self._place = {"base_url": client.base_url, "gateway": client.gateway, "account": client.account}
            request, payload = await self._to_send(client)
            price = handle.task.price if self.unconfirmed else await self._funds.check(handle.task)
            submitted = handle.task.submitted_at or handle.clock()
            asks_again = repeats and client.gateway and (self._resend or self._left_unanswered)
            looks = self.unconfirmed and not asks_again
            await handle.emit(
                status=Status.QUEUED if looks else Status.SUBMITTING,
                request=request,
                submitted_at=submitted,
                price=price,
                payload=payload,
                **({} if self.unconfirmed else self._place),  # what may have been accepted was sent to its old place
            )
            if looks:
                if not await self._find_or_resend(client, payload, repeats):
                    return not self.unconfirmed
                await handle.emit(status=Status.SUBMITTING, problem=None)
            return await self._send(client, payload, repeats)

    async def _to_send(self, client: ProviderClient) -> tuple[Request, Mapping[str, Any]]:
        """The request and its body. What was sent before is looked for, and repeated, to the letter."""
        if self._sent_payload is not None:
            return self._handle.task.request, self._sent_payload
        request = await self._with_source(client)
        read = await in_thread(lambda: self._with_frames(request)) if self._frames else request
        client.payload(read)  # refused before a file is uploaded for it
        handle = self._handle
        uploads = Uploads(
            client, self._journal, handle.clock, lambda words: handle.mention(upload=words), self._uploads
        )
        return name_frames(read, request), client.payload(await with_uploads(read, uploads.address))

    @property
    def _sent_payload(self) -> Mapping[str, Any] | None:
        """The body that was sent before, and may have been accepted."""
        return self._handle.task.payload if self.unconfirmed else None

    def _with_frames(self, request: Request) -> Request:
        """The request, with the frames of other clips as pictures."""
        try:
            return read_frames(request, {field: handle.task for field, handle in self._frames.items()})
        except LumaError as error:
            words = str(error)
            reason = f"{words[0].lower()}{words[1:]}"
            raise with_message(error, f"Nothing was sent: {reason}") from None

    async def _with_source(self, client: ProviderClient) -> Request:
        """The request, with the video of the task that it comes after."""
        task = self._handle.task
        if self._after is None or not isinstance(task.request, _OfVideo) or task.request.source is not None:
            return task.request
        source = self._after.task
        request = await in_thread(lambda: with_source(task.request, source, task.provider, client.base_url))
        return await self._with_file_if_expired(request, source)

    async def _with_file_if_expired(self, request: Request, source: Task) -> Request:
        """The request, with the saved file in the place of an address that has expired meanwhile."""
        assert isinstance(request, _OfVideo)
        video = request.source
        age = self._handle.clock() - (source.ended_at or 0.0)
        if not isinstance(video, VideoRef) or video.url is None or video.video_id or age < FRESH:
            return request
        with because(Step.CHECK):
            gone = await self._providers.http.transfers.is_gone(video.url, trusted_origin=source.base_url)
        if not gone:
            return request
        file = await in_thread(lambda: _saved_file(source, N_("its address at the service has expired")))
        return replace(request, source=file)

    async def _sources_completed(self) -> bool:
        """Wait for all clips that it is made from; False as soon as one of them has ended without a video."""
        error = await wait_for_sources(self._sources())
        if error:
            await self._handle.emit(status=Status.FAILED, error=error)
        return error is None

    def _sources(self) -> dict[Handle, str]:
        """The tasks whose video or frames it needs before it can be sent, as the user named them."""
        task = self._handle.task
        if self._sent_payload is not None:
            return {}
        names = {self._frames.get(field): ref.label for field, ref in frames_in(task.request).items()}
        if isinstance(task.request, _OfVideo) and task.request.source is None:
            names[self._after] = task.source_label or "the source"
        if None in names:
            raise InvalidRequest("Nothing was sent: run the cell again.")
        return {handle: name for handle, name in names.items() if handle}

    async def _find_or_resend(self, client: ProviderClient, payload: Mapping[str, Any], repeats: bool) -> bool:
        """Look for an unconfirmed request; True where it was not found and is to be sent again, on the user's word.

        ``repeats``: the service knows it by its key.
        """
        handle = self._handle
        handle.mention(problem="It was sent before and not answered: it is looked for first.")
        ids: list[str] = []
        finding = N_("it was looked for, and not found.")
        if not has_its_key(handle.task, client):
            finding = N_("another key is set now than the one that it was sent with.")
        try:
            with because(Step.FIND):
                ids = await client.find(payload, (handle.task.sent_at or handle.task.created_at) - CLOCK_SLACK)
        except ServiceError as failure:
            reason = failure.finding
            finding = N_(f"it could not be looked for: {reason}")
        unclaimed = [task_id for task_id in ids if not await in_thread(partial(self._journal.has_task_id, task_id))]
        if len(unclaimed) == 1:  # of several, nobody can say which is whose
            try:
                await self._accepted(Accepted(unclaimed[0]), self._claim(unclaimed[0], payload))
                return False
            except _Claimed:
                pass
            except _Undecided:
                await self._leave_unconfirmed(
                    N_(
                        "a clip of the same request is being sent, and the task that was found may be that one's: look "
                        "again once it is answered."
                    )
                )
                return False
        if self._resend:
            return True
        name = handle.task.name or "NAME"
        advice = N_(
            f"`%luma retry {name}` (in Python `{name}.retry()`) sends it again under the same idempotency key."
            if repeats
            else f"`%luma retry {name} --may-pay-twice` (in Python `{name}.retry(may_pay_twice=True)`) sends it again, "
            "which may pay twice."
        )
        await self._leave_unconfirmed(finding, advice)
        return False

    async def _leave_unconfirmed(self, finding: str, advice: str | None = None) -> None:
        """End a look that found nothing to follow."""
        error = ClipUnconfirmed(unconfirmed_message(self._handle.task, finding, advice))
        await self._handle.emit(status=Status.UNCONFIRMED, problem=None, ended_at=self.ended_at, error=error)

    async def _send(self, client: ProviderClient, payload: Mapping[str, Any], repeats: bool) -> bool:
        if self.stopped:  # while a file was read, or the journal written: waits in which no stop takes effect
            raise asyncio.CancelledError
        handle, task = self._handle, self._handle.task
        self.ended_at = None
        knows = repeats and client.gateway  # what it refuses now, it had not accepted before
        sent_at = None if knows else task.sent_at
        self._before = {
            "sent_at": sent_at,
            "doubts": task.doubts,
            **{name: getattr(task, name) for name in self._place},
        }
        self._doubts = task.doubts + (1 if self.unconfirmed and not repeats else 0)
        try:
            with because(Step.RESEND if self.unconfirmed else Step.SUBMIT):
                accepted = await client.submit(payload, task.intent, self, task.take)
        except Unconfirmed as error:
            finding = _LOST_THERE if error.cause.code == LOST_AT_GATEWAY else error.cause.finding
            message = unconfirmed_message(handle.task, finding)
            await handle.emit(status=Status.UNCONFIRMED, problem=None, error=ClipUnconfirmed(message, error.cause))
        except (LumaError, LeaseLost) as error:
            if not (client.gateway and self.unconfirmed and _says_nothing(error)):
                handle.task = handle.task.evolve(**self._before)
            raise
        else:
            try:
                await self._accepted(accepted)
            except LeaseLost:
                if not await in_thread(partial(self._take_back, accepted.task_id)):
                    raise
                await self._accepted(accepted)
        return handle.task.status is Status.RUNNING

    def _take_back(self, task_id: str) -> bool:
        """Follow it again where another kernel has taken it over while it was sent, and has no task of it."""
        handle, journal = self._handle, self._journal
        with journal.transaction():
            entry = journal.find(handle.task.intent)
            if entry is None or entry.task.task_id:
                return False
            lease = journal.acquire(entry, resumed(entry.task.evolve(task_id=task_id)))
        assert lease  # nobody could come between
        handle.save = lease.write
        handle.task = handle.task.evolve(doubts=entry.task.doubts)  # the other one may have sent it again
        return True

    @contextmanager
    def _claim(self, task_id: str, payload: Mapping[str, Any]) -> Iterator[None]:
        """Have the service's task for this clip alone, as all kernels see it. Raises _Claimed or _Undecided."""
        provider = self._handle.task.provider
        with self._journal.transaction():
            if self._journal.has_task_id(task_id):
                raise _Claimed
            if any(task.provider == provider and task.payload == payload for task in self._journal.being_sent()):
                raise _Undecided
            yield

    async def _accepted(self, accepted: Accepted, within: AbstractContextManager[object] = NOTHING) -> None:
        own = self.unconfirmed and self._place["gateway"]  # a gateway that is asked again: paid now
        await self._handle.emit(
            within,
            status=Status.RUNNING,
            task_id=accepted.task_id,
            trace_id=accepted.trace_id,
            replayed=accepted.replayed and not own,
            problem=None,
            **self._place,
        )
        self.unconfirmed = False

    async def before_send(self) -> None:
        """The request is about to leave: from here on it may be paid for, so this is written down before.

        Raises OverBudget where it may pay a second time, and others have taken what was left of the budget.
        """
        begun = self._handle.clock()
        within = self._afforded() if self._doubts > self._handle.task.doubts else NOTHING
        await self._handle.emit(within, sent_at=begun, doubts=self._doubts, **self._place)
        mention_written(begun, self._handle.clock())

    @contextmanager
    def _afforded(self) -> Iterator[None]:
        """The budget has room for a second payment, as all kernels see it. Raises OverBudget."""
        assert self._price is not None  # `Engine.resume` asked for it
        with self._journal.transaction():
            self._funds.check_budget(self._price, self._handle.task.provider)
            yield

    async def not_accepted(self, reason: str, delay: float) -> None:
        """It certainly was not accepted: a kernel that ends now leaves it as unconfirmed as it was before."""
        await self._handle.emit(**self._before, problem=f"{reason} The next try is in {delay:.0f} s.")

    async def unanswered(self, reason: str, delay: float) -> None:
        """It may have been accepted: whoever stops it now, or a kernel that ends, leaves it so."""
        self.unconfirmed = True
        problem = N_(f"{reason} It is asked again in {delay:.0f} s, which cannot pay twice.")
        await self._handle.emit(problem=problem)


def _says_nothing(error: Exception) -> bool:
    """Whether what ended a try leaves open what became of an earlier one.

    So does all but a gateway's refusal, and one of those that come before it looks into its ledger: at who asks.
    """
    refused = isinstance(error, ServiceError) and not isinstance(error, InvalidKey | Conflict)
    return not refused or getattr(error, "code", None) == NOT_IN_CLASS


def with_source(request: Request, source: Task, provider: Provider, base_url: str) -> Request:
    """The request with the video of a completed task as its source. May read a file.

    By id at the service that made it (ids are of no use elsewhere), or by URL; a simulated one that this service cannot
    reach goes there as a file, and so does a film. Raises InvalidRequest where that file is gone.
    """
    assert source.video is not None
    assert isinstance(request, _OfVideo)
    if source.video.url is None:
        return replace(request, source=_saved_file(source, N_("a film is nowhere else")))
    if not source.real and source.base_url != base_url:
        return replace(request, source=_saved_file(source, N_("the demo service that made it ended with its kernel")))
    own_id = source.video.video_id if source.provider == provider and request.action == "extend" else None
    if own_id is None and is_cut(source.video.url):
        return replace(request, source=_saved_file(source, N_("its whole address is known only where it was made")))
    return replace(request, source=VideoRef(video_id=own_id, url=source.video.url))


def _saved_file(source: Task, reason: str) -> LocalFile:
    """The saved file of a task, as a source of its own."""
    if source.path is None or not source.path.exists():
        raise InvalidRequest(f"Nothing was sent: its source was not saved here, and {reason}. Make the source anew.")
    return as_video(source.path)
