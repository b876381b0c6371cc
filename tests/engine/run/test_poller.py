"""Looking at running tasks: when, in how few requests, and through whatever the services and the network do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.duration_model import EARLY_POLLS, LONGEST_FAULT_PAUSE, TRUSTED_AFTER, prior
from luma_jupyter.domain.requests import ModifyRequest, VideoRef
from luma_jupyter.domain.task import TaskPhase, TaskState
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.run.poller import CONCURRENT_POLLS, LONGEST_ASKED_PAUSE, Poller, TaskEnd
from luma_jupyter.errors import ConfigError, ServiceDown
from tests.support import settings
from tests.support.fake_service import Answer, reply
from tests.support.films import PAGE
from tests.support.polling import follow_together
from tests.support.world import World


def _modify(world: World, **options: Any) -> Handle:
    return world.submit(ModifyRequest(prompt="p", source=VideoRef(url="https://x.example/v.mp4")), **options)


ACTIONS = {"acedata": World.generate, "runapi": _modify}


def polls_of(provider: Provider, seconds: float) -> list[float]:
    """When a task is polled that takes so long, as its prior says."""
    polls = [0.0]
    while polls[-1] < seconds:
        polls.append(prior(provider).next_poll(polls[-1]))
    return [round(poll, 1) for poll in polls[1:]]


@pytest.mark.parametrize("provider", ACTIONS)
async def test_polls_come_as_the_prior_says(world: World, provider: Provider) -> None:
    """A task of which nothing is known is polled early, and then as the prior says; one request each."""
    world.service.seconds = 50
    await world.end(ACTIONS[provider](world))
    assert world.service.times("look") == polls_of(provider, 50)
    assert world.service.times("look")[:4] == [1, 3, 8, 18]
    assert {len(seen.ids) for seen in world.service.seen("look")} == {1}


@pytest.mark.parametrize("provider", ACTIONS)
async def test_polls_come_as_the_fitted_model_says(world: World, provider: str) -> None:
    """After twenty tasks that took a minute, the next one is left alone until then, and then polled often."""
    world.service.seconds = 60
    for _ in range(TRUSTED_AFTER):
        await world.end(ACTIONS[provider](world))
    begun, before = asyncio.get_running_loop().time(), len(world.service.seen("look"))
    await world.end(ACTIONS[provider](world))
    polls = [at - begun for at in world.service.times("look")[before:]]
    assert len(polls) <= 6
    assert polls[0] > 40
    assert polls[-1] < 62


async def test_duration_that_the_service_reports_is_remembered(world: World) -> None:
    """AceDataCloud says when a task began and ended; that is exact, whatever the polls saw."""
    world.service.finished = True
    world.service.seconds = 47.5
    await world.end(world.generate())
    assert world.engine.journal.durations("acedata", "generate") == [47.5]
    await world.end(_modify(world))
    (seen,) = world.engine.journal.durations("runapi", "modify")
    assert seen == pytest.approx(47.5, abs=1.5)


async def test_duration_seen_by_a_late_poll_is_not_remembered(world: World) -> None:
    """Where nobody polled for a while, as after an outage, nobody knows how long the task took."""
    world.service.script("look", *[FAULTS["500"]] * 6)
    await world.end(_modify(world))
    assert world.engine.journal.durations("runapi", "modify") == []


async def test_poll_now_polls_all_tasks_at_once(world: World) -> None:
    """Told to poll now, the poller polls all tasks at once, and then goes on in its rhythm."""
    world.service.seconds = 50
    handles = [world.generate(), _modify(world)]
    await asyncio.sleep(22)
    before = len(world.service.seen("look"))
    world.engine._runner.poll_now()
    await asyncio.sleep(0.01)
    assert world.service.times("look")[before:] == [22, 22]
    for handle in handles:
        await world.end(handle)
    assert len(world.service.seen("look")) > before + 10


async def test_machine_that_slept_polls_at_once(world: World) -> None:
    """After the laptop was closed, tasks are polled as soon as that is noticed, as old as they are by then."""
    world.service.seconds = 1e6
    handle = world.generate()
    await asyncio.sleep(32)
    world.clock.slept = 3600
    await asyncio.sleep(20)
    assert [poll for poll in world.service.times("look") if poll > 44] == [45]
    handle.stop()


async def test_rate_limit_spaces_the_polls(world: World) -> None:
    """No more requests a minute than the setting allows, and no task is forgotten over it."""
    settings.configure(looks_per_minute=30)
    world.service.seconds = 60
    handles = [_modify(world) for _ in range(10)]
    assert {(await world.end(handle)).status for handle in handles} == {Status.COMPLETED}
    polls = world.service.times("look")
    assert min(after - before for before, after in pairwise(polls)) == pytest.approx(2)
    assert {len({poll for seen in world.service.seen("look") for poll in seen.ids})} == {10}


async def test_hanging_poll_holds_no_other_task_up(world: World) -> None:
    """While one poll gets no answer, the other tasks are polled as if nothing had happened."""
    world.service.script("look", world.service.after(25))
    world.service.seconds = 10
    took = sorted([(await world.end(handle)).elapsed(0) for handle in (_modify(world), _modify(world))])
    assert took == [pytest.approx(18, abs=0.2), pytest.approx(26, abs=0.2)]


async def test_batch_takes_fifty_tasks_along(world: World) -> None:
    """AceDataCloud's tasks are polled together, 50 at most in a request, each once a round."""
    handles = [world.generate() for _ in range(100)]
    tasks = [await world.end(handle) for handle in handles]
    assert {task.status for task in tasks} == {Status.COMPLETED}
    assert len({task.path for task in tasks}) == 100
    assert world.service.times("look") == [1, 1.1, 3, 3.1, 8, 8.1, 18, 18.1]
    polls = [seen.ids for seen in world.service.seen("look")]
    assert {len(ids) for ids in polls} == {50}
    assert len({*polls[0], *polls[1]}) == 100


async def test_tasks_that_start_close_together_share_their_polls(world: World) -> None:
    """Tasks that were submitted a little apart come into step, so that a room full of clips stays few requests."""
    world.service.seconds = 200
    handles = []
    for _ in range(8):
        handles.append(world.generate())
        await asyncio.sleep(0.4)
    for handle in handles:
        await world.end(handle)
    late = [seen for seen in world.service.seen("look") if 50 < seen.at < 200]
    assert sum(len(seen.ids) for seen in late) / len(late) > 7


def spread_out(count: int, seed: int = 0) -> list[float]:
    """Durations of 30 to 120 s."""
    rng = random.Random(f"{count} {seed}")
    return [rng.uniform(30, 120) for _ in range(count)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pause", [0.0, 0.1], ids=["at once", "in five seconds"])
def test_fifty_tasks_are_seen_sooner_than_every_three_seconds_with_a_twentieth_of_the_requests(
    seed: int, pause: float
) -> None:
    """Fifty tasks have at most a twentieth of a fixed interval's look-ups, and at most 0.9 of its delay."""
    durations = spread_out(50, seed)
    service = follow_together(durations, prior("acedata"), pause=pause)
    assert len(service.requests) <= sum(seconds // 3 + 2 for seconds in durations) / 20
    assert mean(service.delays) <= 0.9 * mean(3 - seconds % 3 for seconds in durations)


def test_requests_for_many_come_more_often_than_those_for_one() -> None:
    """A request that is shared costs each less: there are more of them, and ends are seen sooner than alone."""
    durations = spread_out(400)
    alone = [follow_together([seconds], prior("acedata")) for seconds in durations]
    together = [follow_together(durations[start : start + 50], prior("acedata")) for start in range(0, 400, 50)]
    delays = [mean(delay for service in services for delay in service.delays) for services in (alone, together)]
    assert delays[1] < 0.9 * delays[0]
    most = len(follow_together([119.0], prior("acedata")).requests)
    assert most < max(len(service.requests) for service in together) < 1.3 * most


def test_task_of_an_api_without_batches_is_polled_as_if_alone() -> None:
    """Where each task has its own request, none is polled more often because others run."""
    durations = spread_out(10)
    service = follow_together(durations, prior("runapi"), batch_size=1, pause=0.3)
    alone = sum(len(follow_together([seconds], prior("runapi"), batch_size=1).requests) for seconds in durations)
    assert len(service.requests) == pytest.approx(alone, rel=0.04)
    early = [at for at, _ in service.requests if at < 21]
    assert len(early) == 10 * len(EARLY_POLLS)


def test_burst_of_submissions_shares_its_early_polls() -> None:
    """Tasks that are submitted one after the other are polled along with the first, not each at a moment of its own."""
    service = follow_together([60.0] * 50, prior("acedata"), pause=0.1)
    early = [at for at, _ in service.requests if at < 20]
    assert early[:2] == [1, 1.6]
    assert len(early) <= 11
    pauses = [after - before for before, after in pairwise([*early, 20])]
    assert max(pauses) < 8


def test_task_whose_leader_has_ended_is_polled_early_by_its_model() -> None:
    """Where the task before it is refused, one that left the early polls to that has a poll soon all the same."""
    service = follow_together([2.0, 60.0], prior("acedata"), pause=1.5)
    early = [at for at, _ in service.requests if 1.5 < at < 30]
    assert early[0] == 3
    assert 3 <= len(early) <= 5
    assert early[1] < 10


async def test_new_task_has_early_polls_of_its_own(world: World) -> None:
    """A task that is submitted between two polls others has its own early polls."""
    world.service.seconds = 60
    first = world.generate()
    await world.until(first, Status.RUNNING)
    await asyncio.sleep(19)
    second = world.generate()
    await world.end(first)
    assert [seen.at for seen in world.service.seen("look") if "task-2" in seen.ids][:2] == pytest.approx([20, 22])
    assert max(len(seen.ids) for seen in world.service.seen("look")) == 2
    assert (await world.end(second)).status is Status.COMPLETED


async def test_single_polls_are_few_at_once(world: World) -> None:
    """RunAPI has no batch call: its tasks are polled one by one, and only a few at the same moment."""
    world.service.script("look", *[world.service.after(5)] * 80)
    handles = [_modify(world) for _ in range(20)]
    for handle in handles:
        assert (await world.end(handle)).status is Status.COMPLETED
    assert {len(seen.ids) for seen in world.service.seen("look")} == {1}
    assert world.service.most_at_once["look"] == CONCURRENT_POLLS


async def test_polls_stop_with_the_last_task_and_start_again(world: World) -> None:
    """Nothing is asked for while nothing runs; a later task is followed as the first one was."""
    await world.end(world.generate())
    first = len(world.service.seen("look"))
    await asyncio.sleep(1000)
    assert len(world.service.seen("look")) == first
    begun = asyncio.get_running_loop().time()
    assert (await world.end(world.generate())).status is Status.COMPLETED
    assert world.service.times("look")[first:] == [round(begun + after, 1) for after in (1, 3, 8, 18)]


FAULTS: dict[str, Answer] = {
    "500": reply(500, {"success": False, "error": {"code": "api_error", "message": "oops"}}),
    "503 page": reply(503, text=PAGE),
    "a page with 200": reply(200, text=PAGE),
    "broken JSON": reply(200, text='{"id": "task-1", "resp'),
    "a list": reply(200, ["task-1"]),
    "reset": httpx.ReadError("connection reset"),
    "no answer": httpx.ReadTimeout("slow"),
    "no connection": httpx.ConnectError("refused"),
    "429": reply(429, {"error": {"code": "too_many_requests", "message": "slow down"}}),
    "401": reply(401, {"error": {"code": "invalid_token", "message": "no such key"}}),
    "403": reply(403, {"error": {"code": "used_up", "message": "spent"}}),
    "404": reply(404, {"error": "task not found"}),
}


@pytest.mark.parametrize("provider", ACTIONS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_poll_fault_passes(world: World, fault: str, provider: str) -> None:
    """Whatever a poll brings, the task goes on; its problem is told while it lasts and is gone afterwards."""
    world.service.script("look", None, FAULTS[fault], FAULTS[fault], None)
    world.service.seconds = 40
    handle = ACTIONS[provider](world)
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running saving completed"
    first, *others = world.problems(handle)
    assert first
    assert others == [None]
    assert (task.problem, task.error) == (None, None)


@pytest.mark.parametrize("failure", [None, {"code": "x", "message": "no"}], ids=["completed", "failed"])
async def test_problem_is_gone_at_the_end(world: World, failure: Any) -> None:
    """When the poll after a failed one finds the end, nothing is told of the problem any more, also while saving."""
    world.service.failure = failure
    world.service.script("look", None, None, None, FAULTS["500"], None)
    handle = world.generate()
    task = await world.end(handle)
    assert len(world.problems(handle)) == 1
    after_running = [event.task for event in world.events[handle] if event.task.status is not Status.RUNNING][1:]
    assert task in after_running
    assert {task.problem for task in after_running} == {None}


async def test_problem_says_who_and_what(world: World) -> None:
    """A problem names the service and quotes its words."""
    world.service.script("look", FAULTS["500"])
    handle = world.generate()
    await world.end(handle)
    problem = str(world.problems(handle)[0])
    assert "AceDataCloud" in problem
    assert "oops" in problem


async def test_faults_slow_the_polls_down(world: World) -> None:
    """While every poll fails they come ever more rarely, but at least once a minute; then the rhythm is back."""
    world.service.script("look", *[FAULTS["500"]] * 9)
    world.service.seconds = 300
    handle = world.generate()
    assert (await world.end(handle)).status is Status.COMPLETED
    polls = world.service.times("look")
    assert polls[:10] == [1, 3, 7, 15, 31, 63, 123, 183, 243, 303]
    assert max(after - before for before, after in pairwise(polls)) == LONGEST_FAULT_PAUSE


@pytest.mark.parametrize("jitter", [1.0])
async def test_pause_after_a_fault_is_lengthened_by_chance(world: World) -> None:
    """Pauses after faults are lengthened by chance, up to a quarter, so that a class does not come back as one."""
    world.service.script("look", *[FAULTS["500"]] * 4, None)
    await world.end(world.generate())
    assert world.service.times("look") == [1, 3.5, 8.5, 18.5, 38.5]


@pytest.mark.parametrize("jitter", [1.0])
async def test_pause_that_a_service_asks_for_is_lengthened_by_chance(world: World) -> None:
    """When a service names a time, not all its clients come back at that very moment."""
    world.service.script("look", reply(503, headers={"Retry-After": "40"}))
    await world.end(world.generate())
    assert world.service.times("look")[:2] == [1, 51]


async def test_good_poll_makes_up_for_all_faults(world: World) -> None:
    """After a poll that worked, the next fault is a first one again: its pause is short."""
    world.service.script("look", *[FAULTS["500"]] * 4, None, FAULTS["500"])
    world.service.seconds = 50
    await world.end(world.generate())
    assert world.service.times("look")[:5] == [1, 3, 7, 15, 31]
    failed = world.service.times("look")[5]
    assert world.service.times("look")[6] == pytest.approx(failed + 2)


async def test_polls_that_fail_together_count_once(world: World) -> None:
    """When many polls fail in one moment, the pause is that of one failure; then one goes ahead of the others."""

    async def late(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(10 - asyncio.get_running_loop().time())
        return httpx.Response(503)

    world.service.script("look", *[late] * 8)
    handles = [_modify(world) for _ in range(8)]
    for handle in handles:
        await world.end(handle)
    assert next(poll for poll in world.service.times("look") if poll > 2) == 12


@pytest.mark.parametrize("provider", ACTIONS)
@pytest.mark.parametrize("fault", ["503 page", "401", "404", "reset"])
async def test_faults_without_end_detach_at_the_timeout(world: World, fault: str, provider: str) -> None:
    """When polls fail for good, the task is detached at its timeout and not before; the message says what was wrong."""
    world.service.script("look", *[FAULTS[fault]] * 500)
    handle = ACTIONS[provider](world, timeout=600)
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running detached"
    assert task.ended_at == task.submitted_at + 600  # type: ignore[operator]
    assert "may still run and be billed (task id task-1)" in str(task.error)
    assert "The last look failed: " in str(task.error)


@pytest.mark.parametrize(("asked", "next_poll"), [("20", 21), ("86400", 1 + LONGEST_ASKED_PAUSE)])
async def test_busy_service_is_left_alone_as_long_as_it_asks(world: World, asked: str, next_poll: float) -> None:
    """A Retry-After holds for all tasks of the service, also new ones, but not so long that all would be lost."""
    world.service.script("look", reply(429, {"error": "busy"}, headers={"Retry-After": asked}))
    first = world.generate()
    await world.until(first, Status.RUNNING)
    await asyncio.sleep(5)
    second = world.generate()
    assert (await world.end(first)).status is Status.COMPLETED
    assert (await world.end(second)).status is Status.COMPLETED
    assert world.service.times("look")[:2] == [1, next_poll]


@pytest.mark.parametrize(("asked", "next_poll"), [("15", 16), ("100000", 1 + LONGEST_ASKED_PAUSE)])
async def test_retry_after_of_a_running_task_is_honoured(world: World, asked: str, next_poll: float) -> None:
    """RunAPI may say when to poll a running task next."""
    running = {"id": "task-1", "status": "processing"}
    world.service.script("look", reply(200, running, headers={"Retry-After": asked}))
    await world.end(_modify(world))
    assert world.service.times("look")[1] == next_poll


async def test_task_missing_from_a_batch_is_polled_further(world: World) -> None:
    """A task that the service does not know yet is polled further, and told so; the others go on."""
    world.service.hidden.add("task-2")
    handles = [world.generate() for _ in range(3)]
    await world.until(handles[0], Status.COMPLETED)
    assert handles[2].task.status.ended or handles[2].task.status is Status.SAVING
    assert handles[1].task.status is Status.RUNNING
    assert "does not know this task" in str(handles[1].task.problem)
    world.service.hidden.clear()
    assert (await world.end(handles[1])).status is Status.COMPLETED
    assert world.problems(handles[0]) == world.problems(handles[2]) == []


async def test_failing_batch_leaves_the_others_alone(world: World) -> None:
    """When one batch of a round fails, the tasks of the others are told nothing and end in time."""
    world.service.script("look", None, FAULTS["500"])
    handles = [world.generate() for _ in range(60)]
    tasks = [await world.end(handle) for handle in handles]
    assert {task.status for task in tasks} == {Status.COMPLETED}
    unharmed = [handle for handle in handles if not world.problems(handle)]
    assert len(unharmed) == 50
    assert {round(handle.task.elapsed(0)) for handle in unharmed} == {18}


async def test_failing_service_leaves_the_other_alone(world: World) -> None:
    """While RunAPI is down, AceDataCloud's tasks are followed in their usual rhythm."""

    def runapi_is_down(request: httpx.Request) -> httpx.Response:
        if request.url.host == "runapi.ai":
            return httpx.Response(503)
        return world.service.honest("look", request)

    world.service.script("look", *[runapi_is_down] * 12)
    lucky, unlucky = world.generate(), _modify(world)
    assert (await world.end(lucky)).elapsed(0) == 18
    assert world.problems(lucky) == []
    assert unlucky.task.problem
    assert (await world.end(unlucky)).status is Status.COMPLETED


async def test_poll_uses_a_key_that_was_changed_meanwhile(world: World) -> None:
    """After a 401 the user sets a valid key, and the next poll uses it: nothing is lost."""
    world.service.script("look", FAULTS["401"])
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    await asyncio.sleep(2)
    assert "ACEDATACLOUD_API_TOKEN" in str(handle.task.problem)
    settings.configure(acedata_token="a-new-key")
    assert (await world.end(handle)).status is Status.COMPLETED
    assert [seen.key for seen in world.service.seen("look")][1:] == ["Bearer a-new-key"] * 3


async def test_poll_without_a_key_asks_nothing_until_there_is_one(world: World) -> None:
    """Without a key nothing is asked, the problem names the variable, and a new key takes it from there."""
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    settings.configure(acedata_token=None)
    await asyncio.sleep(10)
    assert world.service.seen("look") == []
    assert "ACEDATACLOUD_API_TOKEN" in str(handle.task.problem)
    settings.configure(acedata_token="a-new-key")
    assert (await world.end(handle)).status is Status.COMPLETED


@pytest.mark.parametrize("accident", ["in a poll", "before it"])
async def test_bug_in_a_poll_costs_no_task(
    world: World, accident: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of ours in a poll is logged and told like a fault, and the polls go on."""

    def broken(pool: ProviderPool) -> None:
        raise RuntimeError("a bug")

    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    with monkeypatch.context() as patch:
        if accident == "in a poll":
            world.service.script("look", RuntimeError("a bug"), RuntimeError("a bug"))
        else:
            patch.setattr(ProviderPool, "http", property(broken))
        await asyncio.sleep(5)
    assert handle.task.problem
    assert "in an unforeseen way" in caplog.text
    assert (await world.end(handle)).status is Status.COMPLETED


@pytest.mark.parametrize("steps_of_the_loop", range(6))
async def test_task_stopped_when_its_poll_is_due_is_not_polled(
    world: World, steps_of_the_loop: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A task that is stopped at the very moment of its poll leaves no poll of nothing behind."""
    handle = world.generate()
    await asyncio.sleep(polls_of("acedata", 1)[0])
    for _ in range(steps_of_the_loop):
        await asyncio.sleep(0)
    handle.stop()
    await asyncio.sleep(30)
    assert [seen.payload for seen in world.service.seen("look") if "id" not in seen.payload] == []
    assert caplog.text == ""


@pytest.mark.parametrize("outcome", ["answers", "fails"])
async def test_poll_of_a_task_stopped_meanwhile_changes_nothing(world: World, outcome: str) -> None:
    """When a poll comes back after one of its tasks was stopped, that one stays detached and the others go on."""
    answer = world.service.after(4)

    async def late(request: httpx.Request) -> httpx.Response:
        response = await answer(request)  # type: ignore[operator]
        return response if outcome == "answers" else httpx.Response(503)

    world.service.seconds = 3
    world.service.script("look", late)
    stopped, followed = world.generate(), world.generate()
    await world.until(followed, Status.RUNNING)
    await asyncio.sleep(3)
    stopped.stop()
    assert (await world.end(stopped)).status is Status.DETACHED
    assert (await world.end(followed)).status is Status.COMPLETED
    assert stopped.task.status is Status.DETACHED
    assert stopped.task.problem is None


@dataclass
class Api:
    """A service as a poller needs it: three tasks in a request; each poll does what the script says, at last an end."""

    script: list[str]
    batch_size: int = 3
    holds_look_ups: bool = False
    polls: list[tuple[float, int]] = field(default_factory=list)

    def client(self) -> Any:
        if self.script and self.script[0] == "no key":
            self._poll(0)
            raise ConfigError("No key.")
        return self

    def _poll(self, count: int) -> str:
        self.polls.append((round(asyncio.get_running_loop().time(), 1), count))
        return self.script.pop(0) if self.script else "end"

    async def fetch(self, ids: list[str]) -> dict[str, TaskState]:
        answer = self._poll(len(ids))
        if answer == "fault":
            raise ServiceDown("AceDataCloud", "oops")
        if answer == "bug":
            raise RuntimeError("a bug")
        if answer == "unknown":
            return {}
        phase = TaskPhase.RUNNING if answer == "running" else TaskPhase.COMPLETED
        return {task_id: TaskState(task_id, phase) for task_id in ids}


@pytest.mark.parametrize("answer", ["running", "unknown", "fault", "bug", "no key"])
async def test_listener_that_raises_leaves_no_task_unpolled(answer: str, caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong in who hears of a poll is logged; that task and the others are polled as if nothing had been."""

    def deaf(problem: str | None) -> None:
        raise RuntimeError("cannot hear")

    def play(api: Api, first: Callable[[str | None], None]) -> list[Coroutine[Any, Any, TaskEnd]]:
        poller = Poller(settings.current, api.client, lambda: 0.0)
        return [
            poller.wait_for_end(f"task-{number}", 0.0, prior("acedata"), listener)
            for number, listener in enumerate([first, heard.append, heard.append])
        ]

    heard: list[str | None] = []
    script = [answer, "running", answer]
    undisturbed, disturbed = Api([*script]), Api([*script])
    await asyncio.gather(*play(undisturbed, lambda problem: None))
    begun, before = asyncio.get_running_loop().time(), [*heard]
    heard.clear()
    ends = await asyncio.wait_for(asyncio.gather(*play(disturbed, deaf)), 1000)
    assert {end.state.phase for end in ends} == {TaskPhase.COMPLETED}
    assert [(round(at - begun, 1), count) for at, count in disturbed.polls] == undisturbed.polls
    assert heard == before != []
    assert caplog.text.count("What a poll found could not be told") == 3
    assert "never retrieved" not in caplog.text
