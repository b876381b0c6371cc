"""What is done once for all runs of a kernel."""

from __future__ import annotations

import asyncio

import pytest

from luma_jupyter.engine.run.runner import QUIET
from tests.support.world import World


async def test_media_folder_is_listed_once_nothing_has_run_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look through the folder that follows own saves is done when nobody waits for it, not while a task runs."""
    now = asyncio.get_running_loop().time
    settled: list[float] = []
    monkeypatch.setattr(world.engine.repository.media, "settle", lambda: settled.append(now()))
    await world.end(world.generate())
    await world.end(world.generate())
    assert not settled
    ended = now()
    await asyncio.sleep(QUIET + 1)
    assert settled == [pytest.approx(ended + QUIET, abs=0.1)]
