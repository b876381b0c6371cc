"""Chains by frames across kernels: found again unsent, also as versions before made them; no shot is paid twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from luma_jupyter.domain.requests import FrameRef, GenerateRequest, Request
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine import frames
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.local_files import as_image
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import ClipCancelled
from luma_jupyter.video.frames import frame_at
from tests.engine.kernels import Kernels, paid, requests
from tests.support.fake_service import FakeService, reply
from tests.support.world import World

SHOTS = 5


@pytest.fixture(autouse=True)
def films(service: FakeService, film_bytes: bytes) -> None:
    """The service's videos are of a second that is red and then blue."""
    service.script("video", reply(200, content=film_bytes), for_ever=True)


def run_all(world: World, label: str = "shot") -> list[Handle]:
    """Run all cells of a chain: each shot begins with the last frame of the one before."""
    shots = [world.generate("Shot 0", again=False)]
    for number in range(1, SHOTS):
        ref = FrameRef(shots[-1].task.intent, "last", f"{label}{number - 1}")
        request = GenerateRequest(prompt=f"Shot {number}", start_image=ref)
        shots.append(world.submit(request, frames={"start_image": shots[-1]}, again=False))
    return shots


async def run_all_as_before(world: World) -> list[Handle]:
    """As earlier versions did: each shot's frame is read, and sent as a picture."""
    shots = [world.generate("Shot 0", again=False)]
    for number in range(1, SHOTS):
        path = (await world.end(shots[-1])).path
        assert path
        picture = as_image("start_image", frame_at(path, "last"))
        assert not isinstance(picture, str)
        shots.append(world.submit(GenerateRequest(prompt=f"Shot {number}", start_image=picture), again=False))
    await world.end(shots[-1])
    return shots


def intents(shots: list[Handle]) -> list[str]:
    return [shot.task.intent for shot in shots]


async def test_chain_is_found_again_in_the_next_kernel(kernels: Kernels) -> None:
    """Nothing is sent or asked, whatever the clips are called by now; no frame is read for it."""
    one = kernels.start()
    first = run_all(one)
    for shot in first:
        assert (await one.end(shot)).status is Status.COMPLETED
    await kernels.kill(one)
    two, before = kernels.start(), requests(one)
    frames._read.cache_clear()
    again = run_all(two, "renamed")
    assert intents(again) == intents(first)
    assert all(shot.task.status is Status.COMPLETED for shot in again)
    assert requests(two) == before
    assert frames._read.cache_info().misses == 0


async def test_chain_is_found_again_by_its_folder_alone(kernels: Kernels) -> None:
    """The media folder tells it without a journal: so a lesson is handed out."""
    one = kernels.start()
    first = run_all(one)
    await one.end(first[-1])
    await kernels.kill(one)
    one.engine.close()
    for path in one.engine.repository.journals:
        for file in path.glob("journal*"):
            file.unlink()
    again = run_all(kernels.start())
    assert intents(again) == intents(first)
    assert paid(one) == SHOTS


async def test_chain_of_an_earlier_version_is_found_again(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clips are known by the frames' contents; they are read before any other kernel has to wait for it."""
    one = kernels.start()
    first = await run_all_as_before(one)
    await kernels.kill(one)
    two, before = kernels.start(), requests(one)
    inside = False
    enter = Journal.transaction

    def transaction(journal: Journal) -> object:
        nonlocal inside
        inside = True
        return enter(journal)

    read = frames._read.__wrapped__
    seen: list[bool] = []
    monkeypatch.setattr(Journal, "transaction", transaction)
    monkeypatch.setattr(frames, "_read", lambda *values: (seen.append(inside), read(*values))[1])
    shots = [two.generate("Shot 0", again=False)]
    for number in range(1, SHOTS):
        inside = False
        ref = FrameRef(shots[-1].task.intent, "last", "shot")
        request = GenerateRequest(prompt=f"Shot {number}", start_image=ref)
        shots.append(two.submit(request, frames={"start_image": shots[-1]}, again=False))
    assert intents(shots) == intents(first)
    assert seen == [False] * (SHOTS - 1)
    assert requests(two) == before
    assert two.submit(request, frames={"start_image": shots[-2]}).task.intent not in intents(shots), "again"


async def test_step_of_an_earlier_version_is_found_without_a_key(kernels: Kernels, no_keys: object) -> None:
    """A video from a paid service answers it, though it could not be sent; a look before says so, too."""
    one = kernels.start()
    first = await run_all_as_before(one)
    no_keys()  # type: ignore[operator]
    assert intents(run_all(one)) == intents(first)
    assert paid(one) == SHOTS


async def test_file_that_is_gone_is_not_needed_to_find_the_next_clip(kernels: Kernels) -> None:
    """Of a step that was made, its own video is enough."""
    one = kernels.start()
    first = run_all(one)
    await one.end(first[-1])
    path = first[1].task.path
    assert path
    step: Request = first[2].task.request
    path.unlink()
    found = one.submit(step, frames={"start_image": first[1]}, again=False)
    assert found.task.intent == first[2].task.intent


async def test_chain_goes_on_in_the_next_kernel(kernels: Kernels) -> None:
    """What waited for a frame when the kernel ended was not sent: the second run makes it, and nothing twice."""
    one = kernels.start()
    first = run_all(one)
    await one.until(first[2], Status.RUNNING)
    await kernels.kill(one)
    assert paid(one) == 3
    two = kernels.start()
    again = run_all(two)
    for shot in again:
        assert (await two.end(shot)).status is Status.COMPLETED
    assert intents(again)[:3] == intents(first)[:3]
    assert set(intents(again)[3:]).isdisjoint(intents(first))
    assert paid(two) == SHOTS
    left = two.engine.journal.find(first[3].task.intent)
    assert left
    assert isinstance(two.engine.repository.recovered(left).task.error, ClipCancelled)


async def test_kernel_that_watches_a_step_takes_it_over(kernels: Kernels) -> None:
    """Another kernel that ran the same cells goes on where the first one ended, from its own files."""
    one, two = kernels.start(), kernels.start()
    first, second = run_all(one), run_all(two)
    assert intents(second) == intents(first)
    await one.until(first[1], Status.RUNNING)
    await kernels.kill(one)
    for shot in second:
        assert (await two.end(shot)).status is Status.COMPLETED
    assert paid(two) == SHOTS


@pytest.mark.parametrize("seed", range(12))
async def test_kernels_that_are_killed_anywhere_pay_for_each_shot_once(kernels: Kernels, seed: int) -> None:
    """However often and whenever kernels end, the last run has the whole chain, and each shot was paid for once."""
    chance = random.Random(seed)
    for _ in range(3):
        world = kernels.start()
        run_all(world)
        await asyncio.sleep(chance.uniform(0, 250))
        await kernels.kill(world)
    last = kernels.start()
    shots = run_all(last)
    for number, shot in enumerate(shots):
        task = await last.end(shot)
        assert task.status in (Status.COMPLETED, Status.UNCONFIRMED), task.error
        if number:
            assert task.request.start_image == FrameRef(shots[number - 1].task.intent, "last")  # type: ignore[union-attr]
    prompts = [seen.payload["prompt"] for seen in last.service.seen("submit")]
    assert len(prompts) == len(set(prompts))
