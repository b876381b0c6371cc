"""Look-ups for the whole class: how many, how late, and what comes of a round that dies half-way."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean

import httpx
import pytest

from luma_jupyter.domain.duration_model import pause_after_faults, prior
from luma_jupyter.domain.task import TaskPhase, TaskState, Video
from luma_jupyter.gateway.database import DatabaseAway
from luma_jupyter.gateway.look_plan import UNKNOWN_PAUSE, Followed, LookPlan, ended_at
from luma_jupyter.gateway.looks import DELAY, FORGOTTEN_LOOKS, LEASE, Looks, LookTable
from luma_jupyter.gateway.records import Intent, State, Submission
from tests.support.class_looks import follow_class
from tests.support.class_room import ANN, BEN, ClassRoom, far_ahead, runner
from tests.support.fake_service import reply
from tests.support.polling import follow_together

PLANNED = "SELECT extract(epoch FROM next_look_at)::float8, looks, claimed_until FROM submissions"


def test_class_needs_a_twentieth_of_the_look_ups_of_lone_kernels() -> None:
    """300 students with ten clips of 30 to 120 s each, four at a time; a lone kernel makes one after the other."""
    chance = random.Random(20)

    def clips(number: int) -> list[float]:
        return [chance.uniform(30, 120) for _ in range(number)]

    lone = [follow_together(clips(1), prior("acedata")) for _ in range(100)]
    look_ups = mean(len(kernel.requests) for kernel in lone)
    together = follow_class([clips(10) for _ in range(300)], clips(100), at_once=4, within=60)
    assert len(together.delays) == 3000
    assert len(together.requests) / 3000 <= look_ups / 20
    assert mean(together.delays) <= 0.7


def test_round_takes_in_all_that_has_ended(conninfo: str, tmp_path: Path) -> None:
    """Videos, failures in the vendor's words, and what still runs; fifty tasks of AceDataCloud share a request."""

    async def story(room: ClassRoom) -> None:
        clips = [await room.submit(person, prompt=f"clip {n}") for n, person in enumerate([ANN, BEN] * 6)]
        room.service.hidden.add(clips[3].task_id or "")
        await room.follow()
        assert [len(seen.ids) for seen in room.service.seen("look")] == [12]
        states = [(await room.get(clip.id)).state for clip in clips]
        assert states.count(State.COMPLETED) == 11
        assert states[3] is State.ACCEPTED
        done = await room.get(clips[0].id)
        assert done.video
        assert done.video.video_id == "video-of-task-1"

        room.service.hidden.clear()
        room.service.failure = {"code": "api_error", "message": "the clouds were wrong"}
        await room.make_due()
        await room.follow()
        failed = await room.get(clips[3].id)
        assert (failed.state, failed.error_code, failed.error_message) == (
            State.FAILED,
            "api_error",
            "the clouds were wrong",
        )
        assert await room.jobs.ledger.check() == []

    runner(conninfo, tmp_path)(story)


def test_task_that_its_vendor_has_forgotten_is_the_teachers_to_release(conninfo: str, tmp_path: Path) -> None:
    """After a day, and many looks in a row without it. Its key answers with it, and no list makes it another task."""

    async def story(room: ClassRoom) -> None:
        room.service.lists = True
        room.service.seconds = 1e6
        old, young, seen = [await room.submit(ANN, prompt=name) for name in ("old", "young", "seen")]
        await room.rows("UPDATE submissions SET sent_at = now() - interval '2 days' WHERE id <> %s", young.id)
        looks = Looks(LookTable(room.database, room.jobs.ledger), room.jobs.vendors, far_ahead)

        async def look(*hidden: Submission) -> list[State]:
            room.service.hidden = {clip.task_id or "" for clip in hidden}
            await room.make_due()
            await looks.round("acedata", 0.02)
            return [(await room.get(clip.id)).state for clip in (old, young, seen)]

        for number in range(FORGOTTEN_LOOKS - 1):
            hidden = (old, young) if number == 3 else (old, young, seen)
            assert await look(*hidden) == [State.ACCEPTED] * 3
        assert await look(old, young, seen) == [State.UNCONFIRMED, State.ACCEPTED, State.ACCEPTED]
        await room.service.made_elsewhere(dict(old.body))
        assert await room.jobs.settling.find_lost() == 0
        again = await room.jobs.ledger.admit(Intent(ANN, "acedata", old.key, old.body, old.fingerprint, 400_000))
        assert (again.submission.id, again.fresh) == (old.id, False)
        assert await room.jobs.ledger.check() == []
        assert await room.jobs.ledger.release(old.id, "teacher")
        assert await room.jobs.ledger.check() == []

    runner(conninfo, tmp_path)(story)


def test_task_that_runs_is_looked_at_again_as_the_model_says(conninfo: str, tmp_path: Path) -> None:
    """The plan beyond the round's end is written back, with how often it was looked at."""

    async def story(room: ClassRoom) -> None:
        room.service.seconds = 1e6
        clip = await room.submit(ANN)
        assert clip.sent_at
        begun = far_ahead()
        await room.follow()
        ended = far_ahead()
        ((planned, looks, claimed),) = await room.rows(PLANNED)
        model = replace(prior("acedata"), delay=DELAY)
        earliest, latest = (clip.sent_at + model.next_poll(looked - clip.sent_at) for looked in (begun, ended))
        assert earliest <= planned <= latest
        assert (looks, claimed) == (1, None)

    runner(conninfo, tmp_path)(story)


def test_two_rounds_at_once_share_the_tasks(conninfo: str, tmp_path: Path) -> None:
    """As after SIGSTOP: no task is followed by both."""

    async def story(room: ClassRoom) -> None:
        room.service.seconds = 1e6
        for number in range(6):
            await room.submit(ANN, prompt=f"clip {number}")
        await asyncio.gather(room.follow(), room.follow())
        looked = [task_id for seen in room.service.seen("look") for task_id in seen.ids]
        assert len(looked) == len(set(looked)) == 6

    runner(conninfo, tmp_path)(story)


def test_quick_tasks_of_a_batch_that_still_runs_are_no_model_for_the_rest(conninfo: str, tmp_path: Path) -> None:
    """Those that were sent together count once all of them have ended; one that takes very long holds up nobody."""

    async def story(room: ClassRoom) -> None:
        ledger = room.jobs.ledger
        before, *batch = [await room.submit(ANN, prompt=f"clip {n}") for n in range(4)]
        await room.rows("UPDATE submissions SET sent_at = now() - interval '5 minutes' WHERE id = %s", before.id)

        async def end(clip: Submission, seconds: float) -> None:
            assert clip.sent_at
            await ledger.complete(clip.id, Video("https://media.example/v.mp4"), None, clip.sent_at + seconds)

        await end(await room.get(before.id), 70)
        await end(batch[1], 30)
        assert await ledger.durations("acedata") == [pytest.approx(70)]
        await room.rows("UPDATE submissions SET sent_at = now() - interval '11 minutes' WHERE id = %s", batch[2].id)
        await end(batch[0], 110)
        assert await ledger.durations("acedata") == [pytest.approx(seconds) for seconds in (30, 110, 70)]

    runner(conninfo, tmp_path)(story)


def test_tasks_of_a_round_that_was_killed_are_due_again(conninfo: str, tmp_path: Path) -> None:
    """What was claimed and not written back is claimed anew a moment after that round would have ended."""

    async def story(room: ClassRoom) -> None:
        table, now = LookTable(room.database, room.jobs.ledger), time.time()
        clip = await room.submit(ANN)
        claimed = await table.claim("acedata", now + 60, now, now + LEASE)
        assert [due.id for due in claimed] == [clip.id]
        assert await table.claim("acedata", now + 60, now + LEASE / 2, now + 2 * LEASE) == []
        assert len(await table.claim("acedata", now + 60, now + LEASE + 1, now + 9)) == 1
        assert await table.claim("runapi", now + 60, now + 60, now + 90) == []

    runner(conninfo, tmp_path)(story)


def test_end_that_cannot_be_written_down_is_looked_at_again(conninfo: str, tmp_path: Path) -> None:
    """A database that breaks off in that moment loses nothing."""

    async def story(room: ClassRoom) -> None:
        clip = await room.submit(ANN)
        complete, failures = room.jobs.ledger.complete, [DatabaseAway(), ValueError("unforeseen")]

        async def unlucky(*args: object) -> bool:
            if failures:
                raise failures.pop()
            return await complete(*args)  # type: ignore[arg-type]

        room.jobs.ledger.complete = unlucky  # type: ignore[method-assign, assignment]
        for _ in range(3):
            await room.make_due()
            await room.follow()
        assert (await room.get(clip.id)).state is State.COMPLETED

    runner(conninfo, tmp_path)(story)


def test_vendor_that_fails_is_left_alone_and_fails_no_task(conninfo: str, tmp_path: Path) -> None:
    """Longer after each failure in a row; whatever is raised."""

    async def story(room: ClassRoom) -> None:
        clip = await room.submit(ANN)
        table = LookTable(room.database, room.jobs.ledger)
        looks = Looks(table, room.jobs.vendors, far_ahead)
        room.service.script("look", reply(500, {"error": "down"}), RuntimeError("unforeseen"))
        for faults in (1, 2):
            begun = far_ahead()
            await looks.round("acedata", 0.02)
            ended = far_ahead()
            assert looks.faults == {"acedata": faults}
            ((planned, *_),) = await room.rows(PLANNED)
            assert begun <= planned - pause_after_faults(faults) <= ended
            await room.make_due()
        await looks.round("acedata", 0.02)
        assert looks.faults == {}
        assert (await room.get(clip.id)).state is State.COMPLETED

    runner(conninfo, tmp_path)(story)


def test_round_in_a_pause_asks_nothing(conninfo: str, tmp_path: Path) -> None:
    """A vendor that asked one process to be left alone is not asked by the next one's round."""

    async def story(room: ClassRoom) -> None:
        await room.submit(ANN)
        await room.jobs.vendors.troubles.pause("acedata", 60)
        await room.follow()
        assert room.service.seen("look") == []

    runner(conninfo, tmp_path)(story)


def test_runapi_is_asked_task_by_task_and_says_what_it_costs(conninfo: str, tmp_path: Path) -> None:
    """It has no batches; its own cost counts in place of the reserved price."""

    async def story(room: ClassRoom) -> None:
        room.service.result = {"usage": {"cost": 0.45}}
        clips = [
            await room.submit(ANN, "runapi", prompt=prompt, source_video_url="https://v.example/v.mp4")
            for prompt in ("one", "two")
        ]
        await room.follow("runapi", seconds=0.3)
        assert {tuple(seen.ids) for seen in room.service.seen("look")} == {("task-1",), ("task-2",)}
        assert [(await room.get(clip.id)).cost for clip in clips] == [450_000, 450_000]

    runner(conninfo, tmp_path)(story)


def test_hint_has_a_task_looked_at_now(conninfo: str, tmp_path: Path) -> None:
    """Also one that a round follows at this moment and has planned for later."""

    async def story(room: ClassRoom) -> None:
        table = LookTable(room.database, room.jobs.ledger)
        looks = Looks(table, room.jobs.vendors)
        clip = await room.submit(ANN)
        following = asyncio.ensure_future(looks.round("acedata", 0.6))
        await asyncio.sleep(0.15)
        assert room.service.seen("look") == []
        await table.hint("acedata", ["of nobody", clip.task_id or ""])
        await following
        assert (await room.get(clip.id)).state is State.COMPLETED

    runner(conninfo, tmp_path)(story)


def test_look_ups_that_fail_together_count_once(conninfo: str, tmp_path: Path) -> None:
    """Of a vendor without batches, eight are asked for at the same time, and no more."""

    async def story(room: ClassRoom) -> None:
        async def late(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0.5)
            return httpx.Response(500, json={"error": "down"})

        for number in range(9):
            await room.submit(ANN, "runapi", prompt=f"{number}", source_video_url="https://v.example/v.mp4")
        room.service.script("look", late, for_ever=True)
        looks = Looks(LookTable(room.database, room.jobs.ledger), room.jobs.vendors, far_ahead)
        await looks.round("runapi", 0.4)
        assert room.service.most_at_once["look"] == len(room.service.seen("look")) == 8
        assert looks.faults == {"runapi": 1}

    runner(conninfo, tmp_path)(story)


def test_idle_round_sees_what_is_accepted_meanwhile(conninfo: str, tmp_path: Path) -> None:
    """It asks nobody while there is nothing to look at, and ends when its process does."""

    async def story(room: ClassRoom) -> None:
        looks = Looks(LookTable(room.database, room.jobs.ledger), room.jobs.vendors, far_ahead)
        following = asyncio.ensure_future(looks.round("acedata", 20))
        await asyncio.sleep(0.05)
        clip = await room.submit(ANN)
        with room.database.news("submissions", {str(clip.id)}) as news:
            while (await room.get(clip.id)).state is not State.COMPLETED:
                assert await news.wait(5)
        looks.ending = True
        await room.submit(ANN, prompt="another")  # whatever happens wakes it
        assert (await following).ended == 1

    runner(conninfo, tmp_path)(story)


def plan() -> LookPlan:
    return LookPlan(prior("acedata"), 2)


def test_plan_takes_along_what_is_half_way_to_its_next_look() -> None:
    """A request is made for what is due; what is nearly due fills it, what is far does not."""
    looks = plan()
    for id, due in enumerate([100.0, 100.4, 160.0]):
        looks.take_on(id, f"task-{id}", 0.0, due, False, 95.0)
    assert looks.batch(99.0) == []
    assert [task.id for task in looks.batch(100.0)] == [0, 1]
    assert looks.soonest() == 160.0


def test_plan_leaves_a_task_that_is_not_known_yet_ten_seconds_at_most() -> None:
    """And as long as the vendor asks, but not for ever."""
    looks = plan()
    looks.take_on(0, "task-0", 0.0, 300.0, False, 300.0)
    (task,) = looks.batch(300.0)
    looks.runs_on(task, None, 1, 300.0)
    assert 300 < task.planned <= 300 + UNKNOWN_PAUSE
    looks.runs_on(task, TaskState("task-0", TaskPhase.RUNNING, retry_after=60.0), 1, 310.0)
    assert task.planned == 370.0
    looks.runs_on(task, TaskState("task-0", TaskPhase.RUNNING, retry_after=1e9), 1, 370.0)
    assert task.planned == 670.0


def test_end_is_when_the_vendor_says_else_between_the_last_two_looks() -> None:
    """What a model of durations is fitted on."""
    task = Followed(0, "task-0", sent_at=100.0, planned=160.0, halfway=158.0, ran_at=156.0)
    assert ended_at(task, TaskState("task-0", TaskPhase.COMPLETED, seconds=47.0), 160.0) == 147.0
    assert ended_at(task, TaskState("task-0", TaskPhase.COMPLETED, seconds=500.0), 160.0) == 160.0
    assert ended_at(task, TaskState("task-0", TaskPhase.COMPLETED), 160.0) == 158.0
