"""What a task is made from: waited for, without blocking, until all of it is there or something never will be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.errors import ClipFailed
from luma_jupyter.languages import N_


async def wait_for_sources(names: Mapping[Handle, str], *, film: bool = False) -> ClipFailed | None:
    """Wait for tasks, which the user calls by these names; an error as soon as one has ended without a video.

    ``film``: they are its parts.
    """
    for done in asyncio.as_completed([asyncio.wrap_future(handle.done) for handle in names]):
        source = await done
        if source.status is not Status.COMPLETED:
            name = next(name for handle, name in names.items() if handle.task.intent == source.intent)
            return ClipFailed(_message(name, source.status, film=film), source.error)
    return None


def _message(name: str, status: Status, *, film: bool) -> str:
    what = status.value
    if status is Status.UNCONFIRMED:
        return N_(
            f"Nothing was made: its part {name} ended as {what}; `%luma retry {name}` goes on with that one."
            if film
            else f"Nothing was sent: its source {name} ended as {what}; `%luma retry {name}` goes on with that one."
        )
    return N_(
        f"Nothing was made: its part {name} ended as {what}; run that one again first."
        if film
        else f"Nothing was sent: its source {name} ended as {what}; run that one again first."
    )
