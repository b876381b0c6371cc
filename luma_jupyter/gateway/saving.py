"""Fetches finished videos from the vendors' hosts into the store, each once for everybody who is to have it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from luma_jupyter.domain.media import LARGEST_RESULT, LARGEST_THUMBNAIL, check_video, is_image
from luma_jupyter.errors import DownloadError, Expired
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.media import Media
from luma_jupyter.gateway.records import State, Submission
from luma_jupyter.gateway.storage import StoreFull
from luma_jupyter.gateway.trouble import Troubles
from luma_jupyter.gateway.vendors import Vendors
from luma_jupyter.languages import N_
from luma_jupyter.providers.http.partial import Partial
from luma_jupyter.worker_threads import in_thread

TRIES = 3  # of one job, in which what came is not fetched again
LOST = N_("The service no longer has it.")


class Saving:
    """The downloads of one process."""

    def __init__(self, media: Media, ledger: Ledger, vendors: Vendors) -> None:
        self._media = media
        self._ledger = ledger
        self._vendors = vendors
        self._troubles: Troubles = vendors.troubles
        self._not_served: Counter[int] = Counter()

    async def save(self, id: int, gone_after: int = 1) -> None:
        """Fetch the video of a submission, unless that was done.

        What cannot be had any more is written down as lost: without an address at once, else when its host has not
        served it ``gone_after`` times, for it may be late. Raises what is worth another try: DownloadError,
        Unreachable, ConnectionLost, StoreFull, StoreAway, DatabaseAway; nothing half-stored is left then.
        """
        submission = await self._ledger.get(id)
        if submission is None or submission.state is not State.COMPLETED or submission.media or submission.joined:
            return
        try:
            name = await self._fetch_video(submission)
        except Expired:
            self._not_served[id] += 1
            if self._not_served[id] < gone_after and submission.video and submission.video.url:
                raise
            await self._note_lost(submission)
            return
        except StoreFull as error:
            await self._troubles.note("store", "", str(error))
            raise
        await self._ledger.media_saved(id, name)
        await self._troubles.clear("store", "")
        await self._save_thumbnail(submission)

    async def give_up(self, id: int, reason: str) -> None:
        """Write down that a video cannot be fetched, after the last try."""
        submission = await self._ledger.get(id)
        if submission and not submission.media:
            await self._note_lost(submission, reason)

    async def unsaved(self, limit: int = 500) -> list[int]:
        """The submissions whose videos are still to be fetched. Raises DatabaseAway."""
        async with self._media.database.connection() as connection:
            cursor = await connection.execute(_UNSAVED, (limit,))
            return [id for (id,) in await cursor.fetchall()]

    async def _fetch_video(self, submission: Submission) -> str:
        """The name of the video in the store; where its address has ended, the vendor is asked for another one."""
        url = submission.video and submission.video.url
        if not url:
            raise Expired(LOST)
        try:
            return await self._fetch(submission, url, LARGEST_RESULT, _video_flaw, "mp4")
        except Expired:
            task_id = submission.task_id or ""
            state = (await self._vendors.fetch(submission.vendor, [task_id])).get(task_id)
            newer = state and state.video and state.video.url
            if not newer or newer == url:
                raise
            return await self._fetch(submission, newer, LARGEST_RESULT, _video_flaw, "mp4")

    async def _save_thumbnail(self, submission: Submission) -> None:
        """Fetch the small picture of a video, which is worth one try."""
        url = submission.video and submission.video.thumbnail_url
        if not url:
            return
        try:
            name = await self._fetch(submission, url, LARGEST_THUMBNAIL, _image_flaw, "jpg")
        except DownloadError:
            return
        async with self._media.database.connection() as connection:
            await connection.execute(_NOTE_THUMBNAIL, (submission.id, name))

    async def _fetch(
        self, submission: Submission, url: str, largest: int, flaw: Callable[[BinaryIO], str | None], suffix: str
    ) -> str:
        """Fetch a file into the store; its name. Raises Expired where it is gone, and what is worth another try."""
        origin = self._vendors.client(submission.vendor).base_url
        transfers, backoff = self._vendors.http.transfers, self._vendors.http.backoff
        async with self._media.store.part() as part:
            partial_file = Partial(part)
            for attempt in range(1, TRIES + 1):
                try:
                    await transfers.download(url, partial_file, largest=largest, trusted_origin=origin)
                    break
                except Expired:
                    raise
                except Exception:
                    if part.full:
                        raise StoreFull from None
                    if attempt == TRIES:
                        raise
                await self._vendors.http.connections.sleep(backoff(attempt))
            if reason := await in_thread(partial(flaw, part)):
                raise DownloadError(f"What came {reason}.")
            return await self._media.keep(part, suffix)

    async def _note_lost(self, submission: Submission, reason: str = LOST) -> None:
        words = N_(f"The video of clip {submission.id}, by {submission.owner}, could not be fetched: {reason}")
        await self._troubles.note("fetch", str(submission.id), words)
        async with self._media.database.connection() as connection:
            await connection.execute(_NOTE_LOST, (submission.id, reason))
            await connection.execute("SELECT pg_notify('submissions', %s)", (str(submission.id),))


def _video_flaw(file: BinaryIO) -> str | None:
    check = check_video(file, file.seek(0, os.SEEK_END))
    return None if check.playable else str(check.flaw)


def _image_flaw(file: BinaryIO) -> str | None:
    return None if is_image(file, file.seek(0, os.SEEK_END)) else N_("is not a picture")


_UNSAVED = """
SELECT s.id FROM submissions AS s LEFT JOIN fetched AS f ON f.submission = s.id
WHERE s.state = 'completed' AND s.media IS NULL AND s.joined IS NULL AND f.lost IS NULL
ORDER BY s.id LIMIT %s"""

_NOTE_THUMBNAIL = """
INSERT INTO fetched (submission, thumbnail) VALUES (%s, %s)
ON CONFLICT (submission) DO UPDATE SET thumbnail = EXCLUDED.thumbnail"""

_NOTE_LOST = """
INSERT INTO fetched (submission, lost) VALUES (%s, %s)
ON CONFLICT (submission) DO UPDATE SET lost = EXCLUDED.lost"""
