"""A class gateway between kernel and services: paid once whatever is lost, turns that are waited for, held look-ups."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from luma_jupyter.domain.exchange import Step
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.local_files import as_video
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import ClipFailed, ConfigError
from luma_jupyter.languages import reading, translated
from tests.engine.kernels import Kernels
from tests.support import settings
from tests.support.fake_gateway import GATEWAY, LOST, NO_TURN, TOKEN, FakeGateway, proxy_page
from tests.support.fake_service import VIDEO, Answer, FakeService, reply
from tests.support.world import EPOCH, World


@pytest.fixture
def service() -> FakeGateway:
    return FakeGateway(EPOCH)


@pytest.fixture
def keys() -> None:
    """A gateway, and a token for it."""
    settings.configure(gateway=GATEWAY, gateway_token=TOKEN, check_balance=False)


def modify(world: World) -> Handle:
    return world.submit(ModifyRequest(prompt="Blue", source=VideoRef(url="https://x.example/v.mp4")))


BOTH = pytest.mark.parametrize("ask", [World.generate, modify], ids=["acedata", "runapi"])


def keys_of(service: FakeGateway) -> set[tuple[str, bytes]]:
    """The idempotency keys and bodies of all submissions."""
    return {(seen.request.headers["idempotency-key"], seen.request.content) for seen in service.seen("submit")}


LOSSES: dict[str, Callable[[FakeGateway], Answer]] = {
    "answer": lambda service: service.lose,
    "connection": lambda service: httpx.ReadError("reset"),
    "503 page": lambda service: proxy_page(503),
    "504 page": lambda service: proxy_page(504),
    "500 of nobody's": lambda service: reply(500, {"error": "internal"}),
    "a page that says ok": lambda service: proxy_page(200),
    "408": lambda service: reply(408, {"error": "timeout"}),
}


@BOTH
@pytest.mark.parametrize("loss", LOSSES)
async def test_lost_answer_is_asked_for_again_and_paid_once(
    world: World, service: FakeGateway, ask: Callable[[World], Handle], loss: str
) -> None:
    """Whatever is lost on the way, the same body goes again under the same key, until the clip is made: once."""
    service.script("submit", LOSSES[loss](service), LOSSES[loss](service))
    handle = ask(world)
    task = await world.end(handle)
    assert task.status is Status.COMPLETED
    assert len(service.tasks) == 1
    assert len(service.seen("submit")) == 3
    assert len(keys_of(service)) == 1
    assert {key for key, _ in keys_of(service)} == {task.intent}
    problems = [event.task.problem for event in world.events[handle] if event.task.status is Status.SUBMITTING]
    assert any("It is asked again in 1 s, which cannot pay twice." in (problem or "") for problem in problems)


async def test_clip_of_a_classmate_says_that_nothing_was_paid(world: World, service: FakeGateway) -> None:
    """A request that a classmate has made is answered with that clip, and says so; a repeat of one's own does not."""
    made = await service.made_elsewhere({"prompt": "A red fox"})
    service.script("submit", reply(200, {"task_id": made, "task_replayed": True, "shared": True}))
    assert (await world.end(world.generate())).replayed
    service.traced = True
    service.script("submit", service.lose)
    task = await world.end(world.generate("Another fox"))
    assert (task.status, task.replayed) == (Status.COMPLETED, False)


async def test_backoff_is_bounded_and_has_no_end(world: World, service: FakeGateway) -> None:
    """A gateway that is away for half an hour gets the request when it is back; pauses grow to half a minute."""
    service.script("submit", proxy_page(), for_ever=True)
    handle = world.generate()
    await asyncio.sleep(1800)
    assert not handle.task.status.ended
    pauses = [later - sooner for sooner, later in pairwise(service.times("submit"))]
    assert pauses[0] < 2
    assert 25 < max(pauses) <= 30.5
    service.behave("submit")
    assert (await world.end(handle)).status is Status.COMPLETED


async def test_after_a_loss_an_unreachable_gateway_is_still_asked(world: World, service: FakeGateway) -> None:
    """What may have been accepted is not given up because the Hub restarts meanwhile, nor because its page is a 404."""
    service.script("submit", service.lose, *[httpx.ConnectError("refused")] * 9, proxy_page(404))
    assert (await world.end(world.generate())).status is Status.COMPLETED
    assert len(service.tasks) == 1


async def test_gateway_that_cannot_be_reached_at_all_ends_in_a_line(world: World, service: FakeGateway) -> None:
    """Where no try has left, it ends as ever after a few of them: nothing was sent."""
    service.script("submit", httpx.ConnectError("refused"), for_ever=True)
    task = await world.end(world.generate())
    assert task.status is Status.FAILED
    assert str(task.error).startswith("The class gateway cannot be reached")
    assert "Nothing was sent." in str(task.error)


async def test_stop_while_it_is_asked_again_leaves_it_unconfirmed(world: World, service: FakeGateway) -> None:
    """Who stops it between two tries leaves it unconfirmed, with words on how it is asked about; it may be billed."""
    service.script("submit", proxy_page(), for_ever=True)
    handle = world.generate(name="fox")
    await asyncio.sleep(10)
    handle.stop()
    task = await world.end(handle)
    assert task.status is Status.UNCONFIRMED
    assert "`%luma retry fox`" in str(task.error)
    assert "asks the class gateway again, which cannot pay twice" in str(task.error)
    service.behave("submit")
    assert (await world.end(world.engine.resume(task.intent, resend=True))).status is Status.COMPLETED
    assert len(service.tasks) == 1
    assert len(keys_of(service)) == 1


@BOTH
async def test_what_the_gateway_itself_lost_is_unconfirmed(
    world: World, service: FakeGateway, ask: Callable[[World], Handle]
) -> None:
    """A 502 with its code is an answer: the service's was lost behind the gateway. It is not asked again unasked."""
    service.script("submit", LOST)
    handle = ask(world)
    task = await world.end(handle)
    assert task.status is Status.UNCONFIRMED
    assert len(service.seen("submit")) == 1
    assert "the class gateway passed it on, and lost the service's answer." in str(task.error)
    assert "your teacher sees what became of it" in str(task.error)
    again = await world.end(world.engine.resume(task.intent, resend=True))
    assert again.status is Status.COMPLETED


@pytest.mark.parametrize("before", [[], ["lost"]], ids=["at once", "after a loss"])
async def test_refusal_of_the_gateway_frees_the_money(world: World, service: FakeGateway, before: list[str]) -> None:
    """What it refuses it has not made, also where an answer was lost before: it looked into its ledger."""
    refusal = reply(403, {"error": {"code": "used_up", "message": "Your part of the class is spent."}})
    service.script("submit", *[proxy_page() for _ in before], refusal)
    task = await world.end(world.generate())
    assert task.status is Status.FAILED
    assert task.charges.calls == 0
    assert "Ask your teacher." in str(task.error)
    assert task.sent_at is None


async def test_advice_that_the_gateway_gives_itself_is_given_once(world: World, service: FakeGateway) -> None:
    """Who has no money left reads once whom to ask."""
    words = "Your budget does not cover it: 0.01 of 1.00 USD are left. Ask your teacher."
    service.script("submit", reply(403, {"error": {"code": "used_up", "message": words}}))
    task = await world.end(world.generate())
    assert "Your budget does not cover it" in str(task.error)
    assert str(task.error).count("Ask your teacher") == 1


async def test_unknown_token_after_a_loss_keeps_the_doubt(world: World, service: FakeGateway) -> None:
    """Whoever is not known is not told what became of a request: it stays unconfirmed, and says why."""
    service.script("submit", service.lose, reply(401, {"error": {"code": "invalid_token", "message": "ended"}}))
    task = await world.end(world.generate())
    assert task.status is Status.UNCONFIRMED
    assert "did not accept the key" in str(task.error)


@BOTH
async def test_student_taken_out_of_the_class_after_a_loss_keeps_the_doubt(
    world: World, service: FakeGateway, ask: Callable[[World], Handle]
) -> None:
    """Who is not in the class is not told what became of a request, either; once back, its clip is there, paid once."""
    service.script("submit", service.lose, reply(403, {"error": {"code": "not_in_class", "message": "Not here."}}))
    task = await world.end(ask(world))
    assert task.status is Status.UNCONFIRMED
    assert "Not here." in str(task.error)
    again = await world.end(world.engine.resume(task.intent, resend=True))
    assert again.status is Status.COMPLETED
    assert len(service.tasks) == 1


async def test_journal_that_cannot_be_written_after_a_loss_keeps_the_doubt(
    world: World, service: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps the next try back says nothing of the one before: it is not made anew when its cell is run again."""
    write, sent_at = Journal.write, set[float]()

    def fail_at_the_second_try(journal: Journal, task: Task, lease: int) -> None:
        sent_at.update([task.sent_at] if task.sent_at else [])
        if len(sent_at) == 2 and task.status is Status.SUBMITTING:
            raise ConfigError("The disk is full.")
        write(journal, task, lease)

    service.script("submit", service.lose)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", fail_at_the_second_try)
        task = await world.end(world.generate())
    assert (task.status, len(sent_at)) == (Status.UNCONFIRMED, 2)
    assert "The disk is full." in str(task.error)
    assert (await world.end(world.engine.resume(task.intent, resend=True))).status is Status.COMPLETED
    assert len(service.tasks) == 1


async def test_student_who_is_not_in_the_class_is_refused(world: World, service: FakeGateway) -> None:
    """Where nothing was sent before, there is no doubt."""
    service.script("submit", reply(403, {"error": {"code": "not_in_class", "message": "Not here."}}))
    task = await world.end(world.generate())
    assert task.status is Status.FAILED
    assert task.sent_at is None


async def test_unknown_token_at_once_is_a_refusal(world: World, service: FakeGateway) -> None:
    """A token that is not known is told with what to do, and nothing was sent on."""
    settings.configure(gateway_token="old-token-1234")
    task = await world.end(world.generate())
    assert isinstance(task.error, ClipFailed)
    assert "Restart your Jupyter server, or ask your teacher for another token" in str(task.error)


async def test_turns_are_waited_for_without_a_limit(world: World, service: FakeGateway) -> None:
    """Many 429s in a row are a queue: each is waited out as asked, the card says so, and look-ups go on meanwhile."""
    service.seconds = 400
    first = world.generate("First")
    await world.until(first, Status.RUNNING)
    service.script("submit", *[NO_TURN] * 12)
    second = world.generate("Second")
    await asyncio.sleep(50)
    assert second.task.problem is not None
    assert second.task.problem.startswith("It waits for its turn at the class gateway. The next try is in")
    assert second.task.sent_at is None
    looks = [at for at in service.times("look") if at < 50]
    assert len(looks) == 3
    await world.until(second, Status.RUNNING)
    times = service.times("submit")[1:]
    assert {round(later - sooner, 1) for sooner, later in pairwise(times)} == {7.7}
    assert len(times) == 13


async def test_card_says_what_a_wait_is_for(world: World, service: FakeGateway) -> None:
    """A service that is away is no turn: what the gateway says of it is shown, in the reader's language."""
    words = "AceDataCloud cannot be reached: “no route”."
    busy = {"error": {"code": "too_many_requests", "message": words}}
    service.script("submit", reply(429, busy, headers={"Retry-After": "2"}))
    handle = world.generate()
    await asyncio.sleep(1)
    assert handle.task.problem == f"{words} The next try is in 2 s."
    with reading("zh"):
        assert translated(handle.task.problem) == "连不上 AceDataCloud：“no route”。2 秒后再试。"
    assert (await world.end(handle)).problem is None


async def test_turn_after_a_loss_keeps_the_doubt(world: World, service: FakeGateway) -> None:
    """A 429 says nothing of an earlier try: until it is answered it may have been accepted."""
    service.script("submit", service.lose, NO_TURN, NO_TURN)
    handle = world.generate()
    await asyncio.sleep(5)
    assert handle.task.sent_at is not None
    assert (await world.end(handle)).status is Status.COMPLETED
    assert len(service.tasks) == 1


async def test_longer_waits_than_five_minutes_are_not_slept_through(world: World, service: FakeGateway) -> None:
    """A Retry-After without measure is taken for five minutes, instead of an error."""
    service.script("submit", reply(429, {"error": "later"}, headers={"Retry-After": "90000"}))
    assert (await world.end(world.generate())).status is Status.COMPLETED
    assert service.times("submit") == [0.0, 330.0]


# Across kernels.


@BOTH
async def test_next_kernel_asks_again_by_itself(
    kernels: Kernels, service: FakeGateway, ask: Callable[[World], Handle]
) -> None:
    """A kernel that died while it was asked leaves nothing unconfirmed: the next asks again, and one clip is paid."""
    service.script("submit", service.lose)
    first = kernels.start()
    handle = ask(first)
    await asyncio.sleep(0.5)
    assert len(service.tasks) == 1
    await kernels.kill(first)
    second = kernels.start()
    (task,) = second.engine.repository.unfinished(settings.current().folder)
    assert task.status is Status.DETACHED
    assert task.awaits_gateway
    assert "asking again cannot pay twice" in str(task.error)
    task = await second.end(second.engine.resume(handle.task.intent))
    assert task.status is Status.COMPLETED
    assert len(service.tasks) == 1
    assert len(keys_of(service)) == 1
    assert task.doubts == 0


async def test_another_gateway_is_not_asked_again_by_itself(kernels: Kernels, service: FakeGateway) -> None:
    """Where the kernel has another gateway by now, or a key, a repeat could pay twice: it is unconfirmed there."""
    service.script("submit", service.lose)
    first = kernels.start()
    handle = first.generate()
    await asyncio.sleep(0.5)
    await kernels.kill(first)
    settings.configure(gateway="https://hub.example/services/luma/other")
    second = kernels.start()
    task = await second.end(second.engine.resume(handle.task.intent))
    assert task.status is Status.UNCONFIRMED
    assert len(service.seen("submit")) == 1
    assert not second.engine.may_send_again(handle.task.intent, may_pay_twice=False)


@BOTH
async def test_another_students_token_leaves_it_to_the_first_student(
    kernels: Kernels, service: FakeGateway, ask: Callable[[World], Handle]
) -> None:
    """A gateway knows whose key it is: the other's kernel leaves the clip in doubt, and its own pays nothing again."""
    conflict = {"error": {"code": "conflict", "message": "Another request came with the same idempotency key before."}}
    service.script("submit", service.lose, reply(409, conflict))
    first = kernels.start()
    handle = ask(first)
    await asyncio.sleep(0.5)
    await kernels.kill(first)
    second = kernels.start()
    task = await second.end(second.engine.resume(handle.task.intent))
    assert task.status is Status.UNCONFIRMED
    assert "Another request came with the same idempotency key before" in str(task.error)
    task = await second.end(second.engine.resume(handle.task.intent, resend=True))
    assert task.status is Status.COMPLETED
    assert len(service.tasks) == 1


async def test_kernel_that_ends_in_good_order_leaves_it_to_the_next(kernels: Kernels, service: FakeGateway) -> None:
    """The end of a program is no word of the user's: what was not answered is asked for again by the next one."""
    service.script("submit", proxy_page(), for_ever=True)
    first = kernels.start()
    handle = first.generate()
    await asyncio.sleep(10)
    run = next(iter(first.engine._runner._runs))
    run.stop("The program ended.")
    task = await first.end(handle)
    assert task.status is Status.DETACHED
    assert (
        str(task.error) == "The program ended. The class gateway had not answered yet; asking again cannot pay twice."
    )
    service.behave("submit")
    second = kernels.start()
    assert (await second.end(second.engine.resume(task.intent))).status is Status.COMPLETED
    assert len(service.tasks) == 1


# Held look-ups.


@pytest.mark.parametrize(("seconds", "looks"), [(12.0, [0.0]), (50.0, [0.0, 20.0, 40.0])])
@BOTH
async def test_held_look_up_knows_the_end_at_once(
    world: World, service: FakeGateway, ask: Callable[[World], Handle], seconds: float, looks: list[float]
) -> None:
    """A look-up is begun at once, and the next one as soon as it is answered: the end is known when it comes."""
    service.seconds = seconds
    handle = ask(world)
    await world.until(handle, Status.SAVING)
    assert round(asyncio.get_running_loop().time(), 1) == seconds
    assert service.times("look") == looks


async def test_each_task_of_an_api_without_batches_is_held(world: World, service: FakeGateway) -> None:
    """Twelve look-ups are held at once, as RunAPI has no batches: each end is known when it comes."""
    settings.configure(submissions=12)
    service.seconds = 15
    handles = [modify(world) for _ in range(12)]
    for handle in handles:
        await world.end(handle)
    assert service.most_at_once["look"] == 12
    assert asyncio.get_running_loop().time() < 15.2
    assert len(service.seen("look")) == 12


async def test_tasks_that_join_are_looked_for_in_one_of_their_own(world: World, service: FakeGateway) -> None:
    """A task that comes while a look-up is held does not wait for its answer."""
    service.seconds = 15
    first = world.generate("First")
    await asyncio.sleep(3)
    second = world.generate("Second")
    await world.until(second, Status.SAVING)
    assert round(asyncio.get_running_loop().time(), 1) == 18.0
    assert [seen.ids for seen in service.seen("look")] == [["task-1"], ["task-2"]]
    await world.end(first)


async def test_news_of_one_has_the_others_asked_for_at_once(world: World, service: FakeGateway) -> None:
    """An answer that comes early for one task's end is news: the others are held again without a pause."""
    service.seconds = 30
    first = world.generate("First")
    await world.until(first, Status.RUNNING)
    await asyncio.sleep(0.05)
    second = world.generate("Second")  # its look-up is the rate limit's next, and both come into step after 8 s
    await asyncio.sleep(5)
    world.engine._runner.poll_now()
    await world.until(first, Status.SAVING)
    await world.until(second, Status.SAVING)
    assert round(asyncio.get_running_loop().time(), 1) == 30.1
    assert len(service.seen("look")) <= 6


async def test_gateway_that_does_not_hold_is_asked_at_the_models_pace(world: World, service: FakeGateway) -> None:
    """Answers that come at once without news are no reason for a tight loop."""
    service.holds = False
    service.seconds = 60
    await world.end(world.generate())
    assert len(service.seen("look")) < 25
    assert service.times("look")[:3] == [0.0, 1.0, 3.0]


async def test_unknown_task_is_not_asked_for_without_pause(
    world: World, service: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that the gateway does not know is answered at once: it is asked for at the model's pace."""
    service.hidden = {"task-1"}
    monkeypatch.setattr(FakeGateway, "hold_up", FakeService.hold_up)
    handle = world.generate()
    await asyncio.sleep(60)
    assert len(service.seen("look")) < 25
    handle.stop()
    await world.end(handle)


# The token.


async def test_token_goes_to_the_gateways_own_origin_alone(world: World, service: FakeGateway, tmp_path: Path) -> None:
    """Media, thumbnails and uploads to other hosts are asked for without it; all that is the gateway's has it."""
    path = tmp_path / "film.mp4"
    path.write_bytes(VIDEO)
    await world.end(world.generate(name="fox"))
    task = await world.end(world.submit(ModifyRequest(prompt="p", source=as_video(path))))
    picture = LocalFile(hashlib.sha256(b"picture").hexdigest(), "image/png", "first.png", 7, data=b"picture")
    await world.end(world.submit(GenerateRequest(prompt="p", start_image=picture)))
    assert task.status is Status.COMPLETED
    others = [request for request in service.asked if request.url.host != "hub.example"]
    assert {request.url.host for request in others} == {"media.example", "store.example"}
    assert not [request for request in others if TOKEN in str(request.headers.raw)]
    own = [request for request in service.asked if request.url.host == "hub.example"]
    assert {request.headers["authorization"] for request in own} == {f"Bearer {TOKEN}"}
    assert len([request for request in own if "/files/" in request.url.path]) == 3


@pytest.mark.parametrize("kind", ["submit", "look"])
async def test_redirect_gets_no_token(world: World, service: FakeGateway, kind: str) -> None:
    """An answer that points to another host is an error; nothing is sent there."""
    service.script(kind, reply(302, headers={"Location": "https://evil.example/"}))  # type: ignore[arg-type]
    handle = world.generate()
    await world.end(handle)
    assert "evil.example" not in {request.url.host for request in service.asked}


async def test_records_name_the_service_and_cards_the_gateway(world: World, service: FakeGateway) -> None:
    """The journal keeps the service's word, and that it went through a gateway; what is shown is the gateway."""
    handle = world.submit(GenerateRequest(prompt="A red fox"))
    assert handle.task.service_name == "class gateway"
    task = await world.end(handle)
    found = world.engine.journal.find(task.intent)
    assert found
    assert (found.task.provider, found.task.gateway) == ("acedata", True)
    assert task.base_url == GATEWAY


async def test_what_goes_to_a_gateway_is_recorded_with_its_tries(world: World, service: FakeGateway) -> None:
    """A turn that was waited for, an answer that was lost, look-ups that are held; and the token is masked."""
    service.script("submit", NO_TURN, service.lose, None)
    handle = world.generate()
    await world.end(handle)
    told = world.engine.repository.recorded(handle.task).exchanges
    assert [one.status for one in told if one.step is Step.SUBMIT] == [429, None, 200]
    looks = [one for one in told if one.step is Step.LOOK_HELD]
    assert len(looks) == len(service.seen("look")) > 0
    assert looks[0].seconds > 10
    assert TOKEN not in repr(told)
