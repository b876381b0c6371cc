"""What a task is made from: waited for, without blocking, until all of it is there or something never will be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.errors import ClipFailed


async def wait_for_sources(names: Mapping[Handle, str], begin: str) -> ClipFailed | None:
    """Wait for tasks, which the user calls by these names; an error as soon as one has ended without a video.

    ``begin`` begins its sentence, up to that one's name.
    """
    for done in asyncio.as_completed([asyncio.wrap_future(handle.done) for handle in names]):
        source = await done
        if source.status is not Status.COMPLETED:
            name = next(name for handle, name in names.items() if handle.task.intent == source.intent)
            unconfirmed = source.status is Status.UNCONFIRMED
            first = f"`%luma retry {name}` goes on with that one" if unconfirmed else "run that one again first"
            return ClipFailed(f"{begin} {name} ended as {source.status}; {first}.", source.error)
    return None
