"""What is found out later: lost requests in the vendor's list, and what was charged."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from luma_jupyter.gateway.records import Intent, State
from luma_jupyter.gateway.settling import LOOKED_FOR, Settling
from tests.support.class_room import ANN, BEN, ClassRoom, runner
from tests.support.fake_service import reply


async def lose(room: ClassRoom, id: int) -> None:
    """Have the vendor take a request whose answer is lost."""
    submission = await room.get(id)
    await room.service.made_elsewhere(dict(submission.body))
    await room.jobs.ledger.lose(id, "no answer")


def test_lost_request_is_found_in_the_vendors_list_and_not_sent_again(conninfo: str, tmp_path: Path) -> None:
    """Exactly one equal task that nobody claims: it is this one's; its money stays as it was reserved."""

    async def story(room: ClassRoom) -> None:
        room.service.lists = True
        await room.submit(BEN)  # an equal one, which has its task
        mine = await room.enter(ANN)
        await lose(room, mine.id)
        assert await room.jobs.settling.find_lost() == 1
        found = await room.get(mine.id)
        assert (found.state, found.task_id) == (State.ACCEPTED, "task-2")
        assert len(room.service.seen("submit")) == 1
        await room.follow()
        assert (await room.get(mine.id)).state is State.COMPLETED
        assert await room.jobs.ledger.check() == []

    runner(conninfo, tmp_path)(story)


def test_request_that_is_not_certainly_found_stays_unconfirmed(conninfo: str, tmp_path: Path) -> None:
    """None, two, another body, a vendor that does not answer: it is a teacher's to release."""

    async def story(room: ClassRoom) -> None:
        mine = await room.enter(ANN)
        await room.jobs.ledger.lose(mine.id, "no answer")
        assert await room.jobs.settling.find_lost() == 0  # the list is refused
        room.service.lists = True
        assert await room.jobs.settling.find_lost() == 0
        await room.service.made_elsewhere({**mine.body, "prompt": "another"})
        assert await room.jobs.settling.find_lost() == 0
        for _ in range(2):
            await room.service.made_elsewhere(dict(mine.body))
        assert await room.jobs.settling.find_lost() == 0
        assert (await room.get(mine.id)).state is State.UNCONFIRMED

    runner(conninfo, tmp_path)(story)


def test_equal_requests_that_are_both_lost_or_being_sent_are_not_told_apart(conninfo: str, tmp_path: Path) -> None:
    """One task in the list may be either's."""

    async def story(room: ClassRoom) -> None:
        room.service.lists = True
        first, second = await room.enter(ANN), await room.enter(BEN)
        await lose(room, first.id)
        assert await room.jobs.settling.find_lost() == 0  # the other is being sent
        await room.jobs.ledger.lose(second.id, "no answer")
        assert await room.jobs.settling.find_lost() == 0
        await room.jobs.ledger.release(second.id, "teacher")
        assert await room.jobs.settling.find_lost() == 1

    runner(conninfo, tmp_path)(story)


@pytest.mark.parametrize("lost", [False, True])
def test_task_of_a_request_that_is_sent_while_the_list_is_fetched_is_not_taken_for_the_lost_one(
    conninfo: str, tmp_path: Path, lost: bool
) -> None:
    """The lost one never arrived: its student has not a classmate's video, which would count for both."""

    async def story(room: ClassRoom) -> None:
        mine = await room.enter(ANN)
        await room.jobs.ledger.lose(mine.id, "no answer")
        room.service.lists = True

        async def meanwhile(request: httpx.Request) -> httpx.Response:
            equal = await room.enter(BEN)
            await room.service.made_elsewhere(dict(equal.body))
            if lost:
                await room.jobs.ledger.lose(equal.id, "no answer")
            return room.service.honest("list", request)

        room.service.script("list", meanwhile)
        assert await room.jobs.settling.find_lost() == 0
        assert (await room.get(mine.id)).state is State.UNCONFIRMED

    runner(conninfo, tmp_path)(story)


def test_lost_request_is_found_however_long_gateway_and_network_were_away(conninfo: str, tmp_path: Path) -> None:
    """The machine slept while it was sent, and has no network at first: the video that was paid for is not lost."""

    async def story(room: ClassRoom) -> None:
        room.service.lists = True
        mine = await room.enter(ANN)
        await room.service.made_elsewhere(dict(mine.body))
        later = Settling(room.database, room.jobs.ledger, room.jobs.vendors, lambda: time.time() + 3 * 3600)
        room.service.script("list", httpx.ConnectError("no network"), for_ever=True)
        assert await later.find_lost() == 0
        room.service.behave("list")
        assert await later.find_lost() == 1
        assert (await room.get(mine.id)).state is State.ACCEPTED

    runner(conninfo, tmp_path)(story)


def test_vendor_that_does_not_list_is_asked_once_and_by_one_job_at_a_time(conninfo: str, tmp_path: Path) -> None:
    """However many requests are lost, a vendor that hangs takes one place of a worker, for one request."""

    async def story(room: ClassRoom) -> None:
        asked, ends = asyncio.Event(), asyncio.Event()

        async def hang(request: httpx.Request) -> httpx.Response:
            asked.set()
            await ends.wait()
            raise httpx.ReadTimeout("no answer")

        room.service.lists = True
        lost = [await room.enter(ANN, prompt=f"clip {number}") for number in range(3)]
        for clip in lost:
            await lose(room, clip.id)
        room.service.script("list", hang, for_ever=True)
        hanging = asyncio.create_task(room.jobs.settling.find_lost())
        await asked.wait()
        assert await room.jobs.settling.find_lost() == 0
        assert not hanging.done()
        ends.set()
        assert await hanging == 0
        assert len(room.service.seen("list")) == 1
        room.service.behave("list")
        assert await room.jobs.settling.find_lost() == 3

    runner(conninfo, tmp_path)(story)


@pytest.mark.parametrize("lists", [True, False])
def test_lost_request_is_not_looked_for_for_ever(conninfo: str, tmp_path: Path, lists: bool) -> None:
    """After an hour of lists without it, or of a vendor that has none, it is a teacher's to release."""

    async def story(room: ClassRoom) -> None:
        room.service.lists = lists
        mine = await room.enter(ANN)
        await room.jobs.ledger.lose(mine.id, "no answer")
        for _ in range(LOOKED_FOR + 5):
            assert await room.jobs.settling.find_lost() == 0
        assert len(room.service.seen("list")) == LOOKED_FOR
        assert (await room.get(mine.id)).state is State.UNCONFIRMED

    runner(conninfo, tmp_path)(story)


def test_request_whose_replica_was_killed_is_given_up_and_found(conninfo: str, tmp_path: Path) -> None:
    """`sent` without a sign of life becomes unconfirmed; one that lives is left alone."""

    async def story(room: ClassRoom) -> None:
        room.service.lists = True
        dead, living = await room.enter(ANN), await room.enter(BEN, prompt="another")
        await room.service.made_elsewhere(dict(dead.body))
        await room.rows("UPDATE submissions SET beat_at = now() - interval '5 minutes' WHERE id = %s", dead.id)
        assert await room.jobs.settling.find_lost() == 1
        assert (await room.get(dead.id)).state is State.ACCEPTED
        assert (await room.get(living.id)).state is State.SENT

    runner(conninfo, tmp_path)(story)


def test_sender_that_could_not_reach_the_database_is_not_taken_for_dead(conninfo: str, tmp_path: Path) -> None:
    """Once PostgreSQL is back it says so again: neither its student nor a classmate who shares is told of a loss."""

    async def story(room: ClassRoom) -> None:
        mine = await room.enter(ANN)
        shared = Intent(BEN, "acedata", "one", mine.body, mine.fingerprint, 400_000, lesson=True)
        joined = (await room.jobs.ledger.admit(shared)).submission
        await room.rows("UPDATE submissions SET beat_at = now() - interval '5 minutes'")

        async def beat(seconds: float) -> None:
            await room.jobs.ledger.still_sending([mine.id])

        room.jobs.vendors.http.connections.sleep = beat
        assert await room.jobs.settling.find_lost() == 0
        assert [(await room.get(id)).state for id in (mine.id, joined.id)] == [State.SENT, State.SENT]

    runner(conninfo, tmp_path)(story)


def test_runapi_has_no_list_and_is_not_repeated(conninfo: str, tmp_path: Path) -> None:
    """Only a person's word repeats a paid request after a lost answer."""

    async def story(room: ClassRoom) -> None:
        mine = await room.enter(ANN, "runapi", source_video_url="https://v.example/v.mp4")
        await room.jobs.ledger.lose(mine.id, "no answer")
        asked = len(room.service.requests)
        assert await room.jobs.settling.find_lost() == 0
        assert len(room.service.requests) == asked

    runner(conninfo, tmp_path)(story)


def test_completed_tasks_are_settled_to_the_statement(conninfo: str, tmp_path: Path) -> None:
    """What was reserved becomes what was charged, once; what the statement does not have yet is asked for again."""

    async def story(room: ClassRoom) -> None:
        room.service.traced, room.service.credits = True, 0.7
        clips = [await room.complete(ANN, prompt=prompt) for prompt in ("one", "two")]
        room.service.charges = {clips[0].trace_id or "": 0.5, "of nobody": 9.0}
        assert await room.jobs.settling.read_statement() == 1
        assert [(await room.get(clip.id)).cost for clip in clips] == [250_000, None]
        room.service.charges[clips[1].trace_id or ""] = 0.7
        assert await room.jobs.settling.read_statement() == 1
        asked = len(room.service.requests)
        assert await room.jobs.settling.read_statement() == 0
        assert len(room.service.requests) == asked
        assert (await room.jobs.ledger.left(ANN)).spent_in_all == 600_000
        assert await room.jobs.ledger.check() == []

    runner(conninfo, tmp_path)(story)


def test_statement_that_cannot_be_had_is_told_to_the_teacher(conninfo: str, tmp_path: Path) -> None:
    """The estimated price counts meanwhile."""

    async def story(room: ClassRoom) -> None:
        room.service.traced = True
        await room.complete(ANN)
        room.service.script("usage", reply(500, {"error": "down"}))
        assert await room.jobs.settling.read_statement() == 0
        assert ("statement", "acedata") in await room.troubles()
        assert await room.jobs.settling.read_statement() == 0
        assert await room.troubles() == {}

    runner(conninfo, tmp_path)(story)


def test_statement_needs_the_platforms_token(conninfo: str, tmp_path: Path) -> None:
    """Without one nothing is asked."""

    async def story(room: ClassRoom) -> None:
        room.service.traced = True
        await room.complete(ANN)
        asked = len(room.service.requests)
        assert await room.jobs.settling.read_statement() == 0
        assert len(room.service.requests) == asked

    runner(conninfo, tmp_path, acedata_platform_token=None)(story)
