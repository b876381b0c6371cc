"""The way of a paid request, from its turn to what came of it, whatever breaks meanwhile."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from luma_jupyter.domain.money import Billing
from luma_jupyter.domain.task import Video
from luma_jupyter.errors import LumaError, Unreachable
from luma_jupyter.gateway import submissions as module
from luma_jupyter.gateway.database import DatabaseAway
from luma_jupyter.gateway.ledger import KeyConflict, Ledger, OverCap
from luma_jupyter.gateway.records import Admission, Intent, Person, State, Submission
from luma_jupyter.gateway.submissions import Lost, Refused, Submissions, TurnTimeout, Undecided
from luma_jupyter.gateway.turns import Turns
from luma_jupyter.providers.protocol import Accepted
from tests.support.postgres import PostgresServer
from tests.support.submissions import LOST, MODERATED, PRICE, PlayedVendor, Replica, intent, outcomes, replica


@pytest.fixture
def vendor() -> PlayedVendor:
    return PlayedVendor()


async def found(at: Replica, owner: str = "anna", key: str = "") -> Submission:
    row = await at.ledger.find(owner, "acedata", intent(owner, key).key)
    assert row
    return row


def test_submit_sends_once_and_answers_each_repetition_from_the_ledger(conninfo: str, vendor: PlayedVendor) -> None:
    """The vendor gets a key of the gateway's own, not the kernel's; its price is what is reserved."""

    class Telling(PlayedVendor):
        async def submit(self, *arguments: Any) -> Accepted:
            accepted = await super().submit(*arguments)
            return Accepted(accepted.task_id, accepted.trace_id, billing=Billing(reserved=0.5))

    async def story() -> None:
        teller = Telling()
        async with replica(conninfo, teller) as one, replica(conninfo, teller) as other:
            row = await one.submissions.submit(intent())
            assert row.state is State.ACCEPTED
            assert row.price == 500_000
            assert await one.submissions.submit(intent()) == await other.submissions.submit(intent()) == row
            (key,) = teller.posts
            assert (len(key), int(key, 16) >= 0, teller.posts[key]) == (32, True, 1)
            with pytest.raises(KeyConflict):
                await other.submissions.submit(intent(prompt="a dog"))
            await other.submissions.submit(intent("bert"))
            assert len(teller.posts) == 2

    asyncio.run(story())


@pytest.mark.usefixtures("patient_database")
def test_same_key_from_many_connections_is_posted_once(conninfo: str, vendor: PlayedVendor) -> None:
    """Forty repetitions at two replicas while it is being sent: all learn the same task."""

    async def story() -> None:
        async with replica(conninfo, vendor) as one, replica(conninfo, vendor) as other:
            vendor.hold.clear()
            waiting = asyncio.gather(*((one, other)[n % 2].submissions.submit(intent()) for n in range(40)))
            await vendor.came.wait()
            vendor.hold.set()
            rows = await waiting
            assert len({row.task_id for row in rows}) == 1
            assert list(vendor.posts.values()) == [1]
            assert await one.ledger.check() == []

    asyncio.run(story())


def test_what_is_sent_anew_meanwhile_keeps_its_place(conninfo: str, vendor: PlayedVendor) -> None:
    """A request that a teacher releases while its end is written down may be sent anew before that is over."""

    async def story() -> None:
        async with replica(conninfo, vendor) as one:
            vendor.hold.clear()
            asked = asyncio.create_task(one.submissions.submit(intent()))
            await vendor.came.wait()
            (id,) = one.submissions._sending
            anew: asyncio.Task[Any] = asyncio.create_task(asyncio.sleep(0))
            one.submissions._sending[id] = anew
            vendor.hold.set()
            assert (await asked).state is State.ACCEPTED
            assert one.submissions._sending == {id: anew}
            one.submissions._sending.clear()

    asyncio.run(story())


@pytest.mark.usefixtures("patient_database")
@pytest.mark.parametrize("students", [30, 300])
def test_class_that_submits_at_once_stays_within_its_cap(conninfo: str, vendor: PlayedVendor, students: int) -> None:
    """Through turns, at two replicas: as many are sent as the cap holds, and not one more."""
    fit = students // 3

    async def story() -> None:
        async with replica(conninfo, vendor) as one, replica(conninfo, vendor) as other:
            await one.ledger.set_cap("class", "", fit * PRICE, None, "teacher")
            results = await asyncio.gather(
                *((one, other)[n % 2].submissions.submit(intent(f"s{n}")) for n in range(students)),
                return_exceptions=True,
            )
            assert outcomes(results) == {"Submission": fit, "OverCap": students - fit}
            assert vendor.posts.total() == fit
            assert await one.ledger.check() == []

    asyncio.run(story())


@pytest.mark.usefixtures("patient_database")
def test_equal_requests_of_a_class_at_once_are_paid_once(conninfo: str, vendor: PlayedVendor) -> None:
    """Thirty run the same cell of a lesson: one pays, all have its task."""

    async def story() -> None:
        async with replica(conninfo, vendor) as one, replica(conninfo, vendor) as other:
            asked = [intent(f"s{n}", lesson=True) for n in range(30)]
            rows = await asyncio.gather(*((one, other)[n % 2].submissions.submit(i) for n, i in enumerate(asked)))
            assert vendor.posts.total() == 1
            assert len({row.task_id for row in rows}) == 1
            assert sorted(row.shared for row in rows) == [False] + [True] * 29
            reserved = [(await one.ledger.left(Person(f"s{n}"))).reserved for n in range(30)]
            assert sum(reserved) == PRICE
            assert await one.ledger.check() == []

    asyncio.run(story())


@pytest.mark.usefixtures("patient_database")
def test_equal_requests_whose_first_is_lost_are_sent_by_another(conninfo: str, vendor: PlayedVendor) -> None:
    """One student is in doubt; nobody else is, and nobody else pays twice."""
    errors = [LOST]
    vendor.error = lambda body: errors.pop() if errors else None

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            results = await asyncio.gather(
                *(at.submissions.submit(intent(f"s{n}", lesson=True)) for n in range(10)), return_exceptions=True
            )
            assert outcomes(results) == {"Lost": 1, "Submission": 9}
            assert vendor.posts.total() == 2

    asyncio.run(story())


def test_refusal_is_told_with_the_vendors_words_and_answers_its_key(conninfo: str, vendor: PlayedVendor) -> None:
    """Its money is free at once; with another key the request is sent anew."""
    vendor.error = lambda body: MODERATED

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            with pytest.raises(Refused) as caught:
                await at.submissions.submit(intent())
            row = caught.value.submission
            assert caught.value.error is MODERATED
            assert (row.error_code, row.error_message, row.error_status) == ("forbidden", "not this one", 403)
            assert (await at.ledger.left(Person("anna"))).reserved == 0
            vendor.error = lambda body: None
            with pytest.raises(Refused) as repeated:
                await at.submissions.submit(intent())
            assert repeated.value.submission == row
            assert (await at.submissions.submit(intent(key="k2"))).state is State.ACCEPTED
            assert vendor.posts.total() == 2

    asyncio.run(story())


def test_copy_that_comes_after_its_refusal_is_not_sent(conninfo: str, vendor: PlayedVendor) -> None:
    """A replica held it up while another one sent what its kernel had repeated, and was refused: that answers it."""
    vendor.error = lambda body: MODERATED
    waits, goes_on = asyncio.Event(), asyncio.Event()

    class Frozen(Turns):
        async def take(self, owner: str, key: str, timeout: float) -> bool:
            waits.set()
            await goes_on.wait()
            return True

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            frozen = Submissions(at.ledger, Frozen(at.database, 1), vendor)
            copy = asyncio.create_task(frozen.submit(intent()))
            await waits.wait()
            with pytest.raises(Refused):
                await at.submissions.submit(intent())
            vendor.error = lambda body: None
            goes_on.set()
            with pytest.raises(Refused):
                await copy
            assert vendor.posts.total() == 1

    asyncio.run(story())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (LOST, Lost),
        (RuntimeError("a bug"), Lost),
        (Unreachable("AceDataCloud"), Refused),
        (LumaError("no key"), Refused),
    ],
)
def test_each_error_says_whether_it_may_have_been_paid(
    conninfo: str, vendor: PlayedVendor, caplog: pytest.LogCaptureFixture, error: Exception, expected: type[Exception]
) -> None:
    """What may have been accepted keeps its money and is never sent again; what was not is free."""
    caplog.set_level(logging.CRITICAL)
    vendor.error = lambda body: error

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            for _ in range(2):
                with pytest.raises(expected):
                    await at.submissions.submit(intent())
            assert vendor.posts.total() == (1 if expected is Lost else 2)
            assert (await at.ledger.left(Person("anna"))).reserved == (PRICE if expected is Lost else 0)

    asyncio.run(story())


def test_over_cap_is_told_before_any_turn_and_gives_back_one_that_was_taken(
    conninfo: str, vendor: PlayedVendor
) -> None:
    """Nothing was entered either way."""

    class Late(Ledger):
        """Sees the room that was there a moment ago."""

        async def known(self, intent: Intent) -> None:
            return None

    async def story() -> None:
        async with replica(conninfo, vendor, per_student=1) as at:
            await at.ledger.set_cap("student", "", PRICE - 1, None, "teacher")
            assert await at.turns.take("anna", "k0", 5)
            with pytest.raises(OverCap):
                await at.submissions.submit(intent(), timeout=0.5)
            await at.turns.leave("anna", "k0")
            with pytest.raises(OverCap):
                await Submissions(Late(at.database), at.turns, vendor).submit(intent())
            assert await at.turns.take("anna", "k2", 5)
            assert not vendor.posts

    asyncio.run(story())


def test_turn_that_does_not_come_is_told_and_nothing_entered(conninfo: str, vendor: PlayedVendor) -> None:
    """The kernel is to come again in some seconds."""

    async def story() -> None:
        async with replica(conninfo, vendor, per_student=1) as at:
            await at.submissions.submit(intent())
            with pytest.raises(TurnTimeout) as caught:
                await at.submissions.submit(intent(key="k2"), timeout=0.1)
            assert caught.value.retry_after > 0
            assert await at.ledger.find("anna", "acedata", "k2") is None

    asyncio.run(story())


def test_turn_that_comes_when_the_process_ends_is_given_back(conninfo: str, vendor: PlayedVendor) -> None:
    """Nothing is entered: another process, which the kernel asks next, has the turn at once."""
    closing = asyncio.Event()

    class Late(Turns):
        async def take(self, owner: str, key: str, timeout: float) -> bool:
            taken = await super().take(owner, key, timeout)
            closing.set()
            return taken

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            ending = Submissions(at.ledger, Late(at.database, 1), vendor, closing)
            for _ in range(2):
                with pytest.raises(TurnTimeout):
                    await ending.submit(intent())
            assert not vendor.posts
            another = Submissions(at.ledger, Turns(at.database, 1), vendor)
            assert (await another.submit(intent(key="k2"), timeout=5)).state is State.ACCEPTED

    asyncio.run(story())


def test_post_runs_to_its_end_although_the_kernel_has_gone(conninfo: str, vendor: PlayedVendor) -> None:
    """Its connection breaks while the request is at the vendor: the task is noted, and a repetition has it."""

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            vendor.hold.clear()
            asking = asyncio.create_task(at.submissions.submit(intent()))
            await vendor.came.wait()
            asking.cancel()
            await asyncio.wait({asking})
            repeated = asyncio.create_task(at.submissions.submit(intent()))
            vendor.hold.set()
            assert (await repeated).state is State.ACCEPTED
            assert vendor.posts.total() == 1

    asyncio.run(story())


def test_what_takes_too_long_is_undecided_and_known_later(conninfo: str, vendor: PlayedVendor) -> None:
    """At the replica that sends it, and at another one that has it repeated."""

    async def story() -> None:
        async with replica(conninfo, vendor) as one, replica(conninfo, vendor) as other:
            vendor.hold.clear()
            for at in (one, other):
                with pytest.raises(Undecided):
                    await at.submissions.submit(intent(), timeout=0.5)
            vendor.hold.set()
            assert (await other.submissions.submit(intent())).state is State.ACCEPTED
            assert vendor.posts.total() == 1

    asyncio.run(story())


def test_replica_that_was_killed_while_it_sent_leaves_one_in_doubt(conninfo: str, vendor: PlayedVendor) -> None:
    """Nobody sends it again; a repetition waits, and learns that it is lost, then what was found of it."""

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            row = (await at.ledger.admit(intent())).submission  # and its process ends here
            repeated = asyncio.create_task(at.submissions.submit(intent()))
            await at.ledger.stale_sent(row.created_at + 60)
            with pytest.raises(Lost):
                await repeated
            await at.ledger.accept(row.id, "t1", None, None)
            assert (await at.submissions.submit(intent())).task_id == "t1"
            assert not vendor.posts

    asyncio.run(story())


def test_process_says_that_it_lives_while_it_sends(
    conninfo: str, vendor: PlayedVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what takes long is not taken for dead."""
    monkeypatch.setattr(module, "HEARTBEAT", 0.01)

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            vendor.hold.clear()
            asking = asyncio.create_task(at.submissions.submit(intent()))
            await vendor.came.wait()
            async with at.database.connection() as connection:
                await connection.execute("UPDATE submissions SET beat_at = now() - interval '1 hour'")
                for _ in range(500):
                    await asyncio.sleep(0.01)
                    late = await connection.execute(
                        "SELECT FROM submissions WHERE beat_at < now() - interval '1 minute'"
                    )
                    if not late.rowcount:
                        break
            assert await at.ledger.stale_sent((await found(at)).created_at - 60) == []
            vendor.hold.set()
            assert (await asking).state is State.ACCEPTED

    asyncio.run(story())


def test_second_task_of_a_process_that_slept_is_written_down(
    conninfo: str, vendor: PlayedVendor, caplog: pytest.LogCaptureFixture
) -> None:
    """Frozen so long that its request was released and sent anew: the teacher can read of both tasks."""
    caplog.set_level(logging.CRITICAL)

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            vendor.hold.clear()
            asleep = asyncio.create_task(at.submissions.submit(intent()))
            await vendor.came.wait()
            row = await found(at)
            await at.ledger.stale_sent(row.created_at + 60)
            await at.ledger.release(row.id, "teacher")
            again = (await at.ledger.admit(intent())).submission
            await at.ledger.accept(again.id, "second", None, None)
            vendor.hold.set()
            assert (await asleep).task_id == "second"
            assert "has a second task: task-" in (await at.ledger.changes())[0].what

    asyncio.run(story())


class Forgetful(Ledger):
    """Loses the answer of an admission."""

    lost = 1

    async def admit(self, intent: Intent, day: date | None = None, attempt: str = "") -> Admission:
        admission = await super().admit(intent, day, attempt)
        if self.lost:
            self.lost -= 1
            raise DatabaseAway(asked=True)
        return admission


def test_admission_whose_answer_was_lost_is_withdrawn(conninfo: str, vendor: PlayedVendor) -> None:
    """Nobody knows whether it was entered, but surely it was not sent: a repetition is sent, and is the only one."""

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            submissions = Submissions(Forgetful(at.database), at.turns, vendor)
            with pytest.raises(DatabaseAway):
                await submissions.submit(intent())
            assert (await submissions.submit(intent())).state is State.ACCEPTED
            await submissions.drain()
            assert vendor.posts.total() == 1
            assert await at.ledger.check() == []

    asyncio.run(story())


def test_kernel_that_goes_while_it_is_admitted_leaves_nothing_behind(conninfo: str, vendor: PlayedVendor) -> None:
    """Its connection breaks between the entry and the sending: nothing is sent, and the money is free again."""
    entered = asyncio.Event()

    class Slow(Ledger):
        async def admit(self, intent: Intent, day: date | None = None, attempt: str = "") -> Admission:
            await super().admit(intent, day, attempt)
            entered.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            submissions = Submissions(Slow(at.database), at.turns, vendor)
            asking = asyncio.create_task(submissions.submit(intent()))
            await entered.wait()
            asking.cancel()
            await asyncio.wait({asking})
            await submissions.drain()
            assert (await found(at)).state is State.REFUSED
            assert (await at.ledger.left(Person("anna"))).reserved == 0
            assert (await at.submissions.submit(intent())).state is State.ACCEPTED

    asyncio.run(story())


def test_vendors_answer_is_kept_while_the_database_is_away(
    postgres: PostgresServer, conninfo: str, vendor: PlayedVendor
) -> None:
    """It crashes while a request is at the vendor: who asks waits for it, and the task is noted once it is back."""

    async def story() -> None:
        async with replica(conninfo, vendor) as at:
            vendor.hold.clear()
            asking = asyncio.create_task(at.submissions.submit(intent()))
            await vendor.came.wait()
            postgres.stop(signal.SIGQUIT)
            vendor.hold.set()
            await asyncio.sleep(0.1)
            postgres.start()
            assert (await asking).state is State.ACCEPTED
            assert await found(at) == await asking

    asyncio.run(story())


def test_crash_of_the_database_under_a_class_loses_and_doubles_nothing(
    postgres: PostgresServer, conninfo: str, vendor: PlayedVendor
) -> None:
    """Kernels repeat what was answered by 429; in the end each request was sent once, and the books are right."""
    students = 40

    async def insist(at: Replica, number: int) -> Submission:
        while True:
            try:
                return await at.submissions.submit(intent(f"s{number}"))
            except DatabaseAway:
                await asyncio.sleep(0.05)

    async def story() -> None:
        async with replica(conninfo, vendor) as one, replica(conninfo, vendor) as other:
            asking = [asyncio.create_task(insist((one, other)[n % 2], n)) for n in range(students)]
            for _ in range(2):
                await vendor.came.wait()
                vendor.came.clear()
                postgres.restart()
            rows = await asyncio.gather(*asking)
            assert {row.state for row in rows} == {State.ACCEPTED}
            assert len(vendor.posts) == students
            assert set(vendor.posts.values()) == {1}
            assert await one.ledger.check() == []

    asyncio.run(story())


@pytest.mark.usefixtures("patient_database")
@pytest.mark.parametrize("seed", range(2))
def test_everything_at_once_neither_locks_up_nor_loses_a_cent(conninfo: str, seed: int) -> None:
    """Students of the same groups, repeated and shared requests, and all that can come of them, at two replicas."""
    vendor = PlayedVendor()
    calls = iter(range(10_000))
    errors: list[Exception | None] = [None, MODERATED, None, LOST, None]
    vendor.error = lambda body: errors[(next(calls) + seed) % len(errors)]

    async def student(at: Replica, number: int) -> None:
        for request in range(5):
            owner = f"s{number % 10}"
            asked = intent(owner, f"{owner}-{request}", f"{request % 3}", groups=("b", "a"), lesson=number % 2 == 0)
            try:
                row = await at.submissions.submit(asked)
            except (Refused, Lost, OverCap):
                continue
            endings: list[Callable[[], Any]] = [
                lambda id=row.id: at.ledger.complete(id, Video("https://v"), 7, 1.0),
                lambda id=row.id: at.ledger.fail(id, "bad", None),
                lambda id=row.id: at.ledger.charge(id, 8),
                lambda id=row.id: at.ledger.looked([id], 5.0),
            ]
            await asyncio.gather(*(endings[(number + request + n) % 4]() for n in range(2)))
            for lost in (await at.ledger.unconfirmed())[:1]:
                await at.ledger.release(lost.id, "teacher")

    async def story() -> None:
        async with replica(conninfo, vendor) as one, replica(conninfo, vendor) as other:
            await one.ledger.set_cap("group", "", 40 * PRICE, None, "teacher")
            await asyncio.gather(*(student((one, other)[n % 2], n) for n in range(20)))
            assert await one.ledger.check() == []

    asyncio.run(story())
