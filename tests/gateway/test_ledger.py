"""The ledger: what is entered, what came of it, and the money for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar

import pytest

from luma_jupyter.domain.task import Video
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.gateway.database import Connection, Database
from luma_jupyter.gateway.ledger import KeyConflict, Ledger, OverCap
from luma_jupyter.gateway.records import Admission, Person, State
from tests.support.submissions import PRICE, intent, outcomes, replica

T = TypeVar("T")
VIDEO = Video("https://cdn.example/v.mp4", "v1", 1280, 720, "https://cdn.example/v.jpg")


def run(conninfo: str, story: Callable[[Ledger], Awaitable[T]]) -> T:
    """Tell a story with a ledger; the books are right at its end."""

    async def tell() -> T:
        async with Database(conninfo) as database:
            ledger = Ledger(database)
            result = await story(ledger)
            assert await ledger.check() == []
            return result

    return asyncio.run(tell())


async def state(ledger: Ledger, id: int) -> State:
    row = await ledger.get(id)
    assert row
    return row.state


def test_admit_enters_once_and_knows_the_key_again(conninfo: str) -> None:
    """A repeated request is answered by its row, and the money is reserved once."""

    async def story(ledger: Ledger) -> None:
        first = await ledger.admit(intent())
        again = await ledger.admit(intent())
        assert (first.fresh, again.fresh) == (True, False)
        assert first.submission == again.submission == await ledger.find("anna", "acedata", intent().key)
        assert first.submission.body == intent().body
        assert (await ledger.left(Person("anna"))).reserved == PRICE

    run(conninfo, story)


def test_admit_refuses_another_body_under_the_same_key(conninfo: str) -> None:
    """It made nothing, and says which row has the key."""

    async def story(ledger: Ledger) -> None:
        first = await ledger.admit(intent())
        with pytest.raises(KeyConflict) as caught:
            await ledger.admit(intent(prompt="a dog"))
        assert caught.value.submission == first.submission

    run(conninfo, story)


def test_same_key_at_another_vendor_meets_nothing(conninfo: str) -> None:
    """Each vendor's keys are apart, and nobody finds another's task."""

    async def story(ledger: Ledger) -> None:
        annas = await ledger.admit(intent())
        assert annas.fresh
        assert (await ledger.admit(intent("bert", intent().key, vendor="runapi"))).fresh
        accepted = await ledger.accept(annas.submission.id, "t", None, None)
        assert accepted == await ledger.find_task("anna", "acedata", "t")
        assert await ledger.find_task("bert", "acedata", "t") is None
        assert await ledger.find_task("anna", "runapi", "t") is None

    run(conninfo, story)


@pytest.mark.parametrize("ending", ["sent", "lost", "refused"])
def test_same_key_of_another_student_makes_nothing(conninfo: str, ending: str) -> None:
    """It joins nothing, tells of no row, and is no refusal: a kernel would take that for the end of its own request."""

    async def story(ledger: Ledger) -> None:
        row = (await ledger.admit(intent())).submission
        if ending == "lost":
            await ledger.lose(row.id, "no answer")
        if ending == "refused":
            await ledger.refuse(row.id, "forbidden", "not this one")
        await ledger.set_cap("student", "bert", 0, 0, "teacher")
        async with ledger.database.connection() as connection:
            await connection.execute("INSERT INTO class_pause DEFAULT VALUES")
        forged = intent("bert", intent().key, lesson=True)
        for ask in (ledger.known, ledger.admit):
            with pytest.raises(KeyConflict) as caught:
                await ask(forged)
            assert caught.value.submission is None
        assert await ledger.list_own("bert", 0, 1e11, 10) == []

    run(conninfo, story)


def test_same_key_of_two_students_at_once_makes_one_submission(conninfo: str) -> None:
    """The second one waits until the first is entered, and is in conflict with it."""

    async def story(ledger: Ledger) -> None:
        async with ledger.database.connection() as connection, connection.transaction():
            await connection.execute(
                "SELECT admit('anna', '{}', NULL, 'acedata', 'k', '{}', 'a cat', 10, false, 'first', true)"
            )
            second = asyncio.create_task(ledger.admit(intent("bert", "k")))
            async with ledger.database.connection() as watching:
                while not (await watching.execute("SELECT FROM pg_locks WHERE NOT granted")).rowcount:
                    assert not second.done()
                    await asyncio.sleep(0.01)
        with pytest.raises(KeyConflict):
            await second

    run(conninfo, story)


def test_tasks_are_found_in_the_order_that_they_were_asked_for(conninfo: str) -> None:
    """One of a classmate, or of nobody, is None in its place; so is one of another vendor."""

    async def story(ledger: Ledger) -> None:
        for number, (owner, vendor) in enumerate([("anna", "acedata"), ("bert", "acedata"), ("anna", "acedata")]):
            row = (await ledger.admit(intent(owner, vendor=vendor, key=f"k{number}"))).submission
            await ledger.accept(row.id, f"t{number}", None, None)
        found = await ledger.find_tasks("anna", "acedata", ["t2", "t1", "t0", "none", "t2"])
        assert [row and row.task_id for row in found] == ["t2", None, "t0", None, "t2"]
        assert await ledger.find_tasks("anna", "runapi", ["t0"]) == [None]

    run(conninfo, story)


@pytest.mark.parametrize("prompt", ["a\0cat", "half \ud800"])
def test_admit_says_so_where_a_request_cannot_be_written_down(conninfo: str, prompt: str) -> None:
    """PostgreSQL holds neither NUL nor half of a surrogate pair; nothing is entered."""

    async def story(ledger: Ledger) -> None:
        with pytest.raises(InvalidRequest, match="characters"):
            await ledger.admit(intent(prompt=prompt))
        assert await ledger.list_own("anna", 0, 1e11, 10) == []

    run(conninfo, story)


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("student", "anna", "Your budget"),
        ("student", "", "Your budget"),
        ("group", "films", "The budget of your group \\(films\\)"),
        ("group", "", "The budget of your group \\(films\\)"),
        ("class", "", "The budget of the class"),
    ],
)
@pytest.mark.parametrize("in_all", [True, False])
def test_each_cap_binds_and_is_named(conninfo: str, kind: Any, name: str, words: str, in_all: bool) -> None:
    """Of a student, a group and the class, in all and a day; the row of its own goes before the one for all."""

    async def story(ledger: Ledger) -> None:
        limits = (2 * PRICE, None) if in_all else (None, 2 * PRICE)
        await ledger.set_cap(kind, name, *limits, "teacher")
        if name:
            await ledger.set_cap(kind, "", 0, 0, "teacher")  # for those without a row of their own
        mine = {"groups": ("films",)}
        for number in range(2):
            assert (await ledger.admit(intent(key=f"{number}", **mine))).fresh
        with pytest.raises(OverCap, match=words) as caught:
            await ledger.admit(intent(key="last", **mine))
        assert ("for today" in str(caught.value)) != in_all
        assert (caught.value.cap.cap, caught.value.cap.reserved, caught.value.cap.left) == (2 * PRICE, 2 * PRICE, 0)
        left = await ledger.left(Person("anna", ("films",)))
        assert (left.in_all if in_all else left.today) == 0
        assert await ledger.find("anna", "acedata", "last") is None
        with pytest.raises(OverCap):
            await ledger.known(intent(key="last", **mine))

    run(conninfo, story)


def test_cap_of_a_day_counts_that_day_alone(conninfo: str) -> None:
    """What was spent on one day binds the next one only by the cap in all."""

    async def story(ledger: Ledger) -> None:
        await ledger.set_cap("student", "", 2 * PRICE, PRICE, "teacher")
        days = [date(2026, 3, number) for number in (1, 2, 3)]
        assert (await ledger.admit(intent(key="first"), days[0])).fresh
        with pytest.raises(OverCap, match="for today"):
            await ledger.admit(intent(key="second"), days[0])
        assert (await ledger.admit(intent(key="second"), days[1])).fresh
        with pytest.raises(OverCap, match="budget does"):
            await ledger.admit(intent(key="third"), days[2])

    run(conninfo, story)


def test_money_follows_each_state(conninfo: str) -> None:
    """Reserved until it has ended, spent as the vendor told it or as estimated, corrected by its statement."""

    async def story(ledger: Ledger) -> None:
        async def own() -> tuple[int, int]:
            left = await ledger.left(Person("anna"))
            return left.reserved, left.spent_in_all

        row = (await ledger.admit(intent())).submission
        await ledger.accept(row.id, "t1", "trace", 12)
        assert await own() == (12, 0)
        assert await ledger.complete(row.id, VIDEO, None, row.created_at + 20)
        assert not await ledger.complete(row.id, VIDEO, None, row.created_at + 20)
        assert await own() == (0, 12)
        assert [each.id for each in await ledger.uncharged("acedata", row.created_at, 10)] == [row.id]
        await ledger.charge(row.id, 9)
        assert await own() == (0, 9)
        assert await ledger.uncharged("acedata", row.created_at, 10) == []
        done = await ledger.find_task("anna", "acedata", "t1")
        assert done
        assert (done.video, done.cost, done.state, done.ended_at) == (VIDEO, 9, State.COMPLETED, row.created_at + 20)
        assert await ledger.durations("acedata") == [pytest.approx(20)]

        other = (await ledger.admit(intent(key="k2"))).submission
        await ledger.accept(other.id, "t2", None, None)
        await ledger.charge(other.id, 3)  # not counted before it has ended
        assert await own() == (PRICE, 9)
        assert await ledger.fail(other.id, "moderated", "no")
        assert not await ledger.fail(other.id, "moderated", "no")
        assert await own() == (0, 12)

    run(conninfo, story)


@pytest.mark.parametrize("status", [None, 429, 503])
def test_released_and_what_passes_are_entered_anew_also_with_another_body(conninfo: str, status: int | None) -> None:
    """They made nothing, so the same key may come again; what was unconfirmed keeps its money until it is released."""

    async def story(ledger: Ledger) -> None:
        row = (await ledger.admit(intent())).submission
        await ledger.refuse(row.id, "busy", "a \0 message \ud800", status)
        refused = await ledger.get(row.id)
        assert refused
        assert (refused.error_code, refused.error_message) == ("busy", "a \ufffd message ?")
        assert refused.error_status == status
        again = await ledger.admit(intent(prompt="a dog"))
        assert again.fresh
        assert again.submission.id == row.id
        assert again.submission.error_code is None
        await ledger.lose(row.id, "no answer")
        assert [lost.id for lost in await ledger.unconfirmed()] == [row.id]
        assert not (await ledger.admit(intent(prompt="a dog"))).fresh
        assert (await ledger.left(Person("anna"))).reserved == PRICE
        assert await ledger.release(row.id, "teacher")
        assert not await ledger.release(row.id, "teacher")
        assert (await ledger.left(Person("anna"))).reserved == 0
        assert (await ledger.admit(intent())).fresh

    run(conninfo, story)


@pytest.mark.parametrize("status", [400, 403, 499])
def test_refusal_for_good_answers_its_key_from_then_on(conninfo: str, status: int) -> None:
    """Its kernel has heard of it and may have asked anew with another key: a copy that comes late makes nothing."""

    async def story(ledger: Ledger) -> None:
        row = (await ledger.admit(intent())).submission
        await ledger.refuse(row.id, "bad", "No.", status)
        refused = await ledger.get(row.id)
        assert refused
        assert refused.state is State.REFUSED
        assert await ledger.admit(intent()) == Admission(refused, fresh=False)
        assert await ledger.known(intent()) == refused
        with pytest.raises(KeyConflict):
            await ledger.admit(intent(prompt="a dog"))
        assert (await ledger.admit(intent(key="k2"))).fresh
        assert await ledger.check() == []

    run(conninfo, story)


@pytest.mark.parametrize("how", ["unconfirmed", "released", "refused"])
def test_task_that_comes_to_light_late_is_accepted_with_its_money(conninfo: str, how: str) -> None:
    """The vendor has it and will charge it, whatever was thought meanwhile, and whatever the cap says."""

    async def story(ledger: Ledger) -> None:
        await ledger.set_cap("class", "", PRICE, None, "teacher")
        row = (await ledger.admit(intent())).submission
        await ledger.lose(row.id, "no answer")
        if how == "released":
            await ledger.release(row.id, "teacher")
        if how == "refused":
            await ledger.refuse(row.id, None, None)
        if how != "unconfirmed":
            await ledger.admit(intent("bert"))
        await ledger.accept(row.id, "t1", None, None)
        assert await state(ledger, row.id) is State.ACCEPTED
        assert (await ledger.left(Person("anna"))).reserved == PRICE

    run(conninfo, story)


def test_listed_task_is_the_lost_requests_only_where_it_is_no_others(conninfo: str) -> None:
    """While an equal one is being sent or lost, too, nobody can tell; a task that another one has is taken."""

    async def story(ledger: Ledger) -> None:
        lost, other = [(await ledger.admit(intent(owner))).submission for owner in ("anna", "bert")]
        await ledger.lose(lost.id, "no answer")
        assert not await ledger.found(lost.id, "t1", None)
        await ledger.lose(other.id, "no answer")
        assert not await ledger.found(lost.id, "t1", None)
        await ledger.accept(other.id, "t1", None, None)
        assert not await ledger.found(lost.id, "t1", None)
        await ledger.not_found(lost.id)
        assert [row.id for row in await ledger.lost(2)] == [lost.id]
        assert await ledger.lost(1) == []
        assert await ledger.found(lost.id, "t2", "trace")
        assert not await ledger.found(lost.id, "t3", None)
        row = await ledger.get(lost.id)
        assert row
        assert (row.state, row.task_id, row.trace_id, row.error_message) == (State.ACCEPTED, "t2", "trace", None)
        assert row.looks == 0  # the poller has not asked for it yet

    run(conninfo, story)


def test_equal_request_of_a_classmate_joins_free_and_follows(conninfo: str) -> None:
    """It is answered by the classmate's task and video, costs nothing, needs no turn, and says so."""

    async def story(ledger: Ledger) -> None:
        await ledger.set_cap("student", "bert", 0, 0, "teacher")
        first = (await ledger.admit(intent())).submission
        joined = await ledger.known(intent("bert", lesson=True))
        assert joined
        assert (joined.shared, joined.joined, joined.price, joined.state) == (True, first.id, 0, State.SENT)
        await ledger.accept(first.id, "t1", None, None)
        assert [row.id for row in await ledger.due(1e11, 10)] == [first.id]
        late = await ledger.admit(intent("carl", lesson=True))
        assert (late.fresh, late.submission.task_id) == (False, "t1")
        assert not await ledger.complete(
            joined.id, VIDEO, 5, first.created_at
        )  # it ends with the other's, not by itself
        assert not await ledger.fail(joined.id, None, None)
        await ledger.charge(joined.id, 5)
        await ledger.complete(first.id, VIDEO, 8, first.created_at + 9)
        await ledger.media_saved(first.id, "abc")
        for owner in ("bert", "carl"):
            row = await ledger.find_task(owner, "acedata", "t1")
            assert row
            assert (row.state, row.video, row.media, row.cost) == (State.COMPLETED, VIDEO, "abc", 0)
            assert (await ledger.left(Person(owner))).spent_in_all == 0

    run(conninfo, story)


def test_only_who_asks_for_it_joins_and_never_the_same_video_twice(conninfo: str) -> None:
    """Without sharing each pays; another take of what one has is a new one; a video that is gone is made anew."""

    async def story(ledger: Ledger) -> None:
        first = (await ledger.admit(intent())).submission
        assert (await ledger.admit(intent("anna", "k2", lesson=True))).fresh  # a take of her own
        assert (await ledger.admit(intent("bert"))).fresh
        for key in ("c1", "c2", "c3"):  # anna's two, and bert's
            assert not (await ledger.admit(intent("carl", key, lesson=True))).fresh
        assert (await ledger.admit(intent("carl", "c4", lesson=True))).fresh
        await ledger.accept(first.id, "t1", None, None)
        await ledger.complete(first.id, VIDEO, None, 0)  # long ago, and not saved
        dora = (await ledger.admit(intent("dora", lesson=True))).submission
        assert dora.joined not in (None, first.id)

    run(conninfo, story)


@pytest.mark.parametrize(("ending", "becomes"), [("refuse", "refused"), ("lose", "refused"), ("fail", "failed")])
def test_joined_rows_end_as_the_classmates_but_nobody_is_left_in_doubt(
    conninfo: str, ending: str, becomes: str
) -> None:
    """Where nobody knows what became of the classmate's, the others have made nothing and may ask anew."""

    async def story(ledger: Ledger) -> None:
        first = (await ledger.admit(intent())).submission
        joined = (await ledger.admit(intent("bert", lesson=True))).submission
        if ending == "fail":
            await ledger.accept(first.id, "t1", None, None)
            await ledger.fail(first.id, "bad", "no")
        elif ending == "refuse":
            await ledger.refuse(first.id, "bad", "no")
        else:
            await ledger.lose(first.id, "no answer")
        row = await ledger.get(joined.id)
        assert row
        assert (row.state, row.error_code) == (becomes, "withdrawn" if ending == "lose" else "bad")

    run(conninfo, story)


def test_withdraw_takes_back_its_own_attempt_alone(conninfo: str) -> None:
    """Who lost the answer of `admit` says that nothing was sent; another's attempt at the same key stands."""

    async def story(ledger: Ledger) -> None:
        row = (await ledger.admit(intent(), attempt="mine")).submission
        assert (await ledger.admit(intent(), attempt="mine")).fresh  # its own answer once more
        await ledger.withdraw(intent(), "another")
        assert await state(ledger, row.id) is State.SENT
        await ledger.withdraw(intent(), "mine")
        assert await state(ledger, row.id) is State.REFUSED

    run(conninfo, story)


def test_stale_sent_gives_up_those_whose_sender_is_silent(conninfo: str) -> None:
    """Who says that it still sends keeps its rows, however long it takes."""

    async def story(ledger: Ledger) -> None:
        silent, sending = [(await ledger.admit(intent(key=key))).submission for key in ("k1", "k2")]
        async with ledger.database.connection() as connection:
            await connection.execute("UPDATE submissions SET beat_at = now() - interval '1 minute'")
        await ledger.still_sending([sending.id])
        given_up = await ledger.stale_sent(silent.created_at - 30)
        assert [(row.id, row.state) for row in given_up] == [(silent.id, State.UNCONFIRMED)]
        assert await state(ledger, sending.id) is State.SENT

    run(conninfo, story)


def test_poller_gets_what_is_due_and_says_when_next(conninfo: str) -> None:
    """The longest overdue first; a look at one that has ended meanwhile changes nothing."""

    async def story(ledger: Ledger) -> None:
        ids = [(await ledger.admit(intent(key=f"{number}"))).submission.id for number in range(4)]
        for id in ids:
            await ledger.accept(id, f"t{id}", None, None, next_look_at=1000.0 - id)
        assert [row.id for row in await ledger.due(1000, 3)] == ids[:0:-1]
        await ledger.fail(ids[0], None, None)
        await ledger.looked(ids[:2], [2000.0, 3000.0])
        await ledger.looked(ids[2:], 4000.0)
        rows = await ledger.due(3500, 10)
        assert [(row.id, row.next_look_at, row.looks) for row in rows] == [(ids[1], 3000.0, 1)]

    run(conninfo, story)


def test_completion_and_what_hangs_on_it_are_one_transaction(conninfo: str) -> None:
    """A job is deferred with it; where that fails, the video is noted by the next look."""

    async def story(_: Ledger) -> None:
        seen: list[int] = []

        async def defer(connection: Connection, id: int) -> None:
            seen.append(id)
            if len(seen) == 1:
                raise RuntimeError("no job")

        async with Database(conninfo) as database:
            ledger = Ledger(database, defer)
            row = (await ledger.admit(intent())).submission
            await ledger.accept(row.id, "t1", None, None)
            with pytest.raises(RuntimeError):
                await ledger.complete(row.id, VIDEO, None, 1.0)
            assert await state(ledger, row.id) is State.ACCEPTED
            assert await ledger.complete(row.id, VIDEO, None, 1.0)
            assert seen == [row.id, row.id]

    run(conninfo, story)


def test_list_own_gives_a_stretch_of_time_newest_first(conninfo: str) -> None:
    """Nobody else's, page by page, of one vendor or all."""

    async def story(ledger: Ledger) -> None:
        vendors = ("acedata", "runapi", "acedata")
        rows = [(await ledger.admit(intent(key=f"{n}", vendor=vendor))).submission for n, vendor in enumerate(vendors)]
        await ledger.admit(intent("bert"))
        since, until = rows[0].created_at, rows[2].created_at
        ids = [row.id for row in rows]
        assert [row.id for row in await ledger.list_own("anna", 0, 1e11, 2)] == ids[:0:-1]
        assert [row.id for row in await ledger.list_own("anna", 0, 1e11, 2, 2)] == ids[:1]
        assert [row.id for row in await ledger.list_own("anna", since, until, 9)] == ids[1::-1]
        assert [row.id for row in await ledger.list_own("anna", 0, 1e11, 9, vendor="runapi")] == ids[1:2]

    run(conninfo, story)


def test_changes_by_hand_are_written_down(conninfo: str) -> None:
    """Who set which cap, what it was before, and who released what."""

    async def story(ledger: Ledger) -> None:
        await ledger.set_cap("class", "", 5, None, "teacher")
        await ledger.set_cap("class", "", 50, 40, "teacher")
        row = (await ledger.admit(intent())).submission
        await ledger.lose(row.id, "?")
        await ledger.release(row.id, "helper")
        await ledger.note("gateway", "something odd")
        noted, released, second, first = await ledger.changes()
        assert (noted.who, noted.what) == ("gateway", "something odd")
        assert (released.who, released.what) == ("helper", f"submission {row.id}")
        assert (released.before, released.after) == ("unconfirmed", "released")
        assert first.before is None
        assert (second.before, second.after["in_all"], second.after["a_day"]) == (first.after, 50, 40)

    run(conninfo, story)


def test_left_is_the_least_of_all_caps(conninfo: str) -> None:
    """What binds first, the student's own, a group's or the class's; without any cap there is none to tell."""

    async def story(ledger: Ledger) -> None:
        anna = Person("anna", ("films", "arts"))
        nothing = await ledger.left(anna)
        assert (nothing.in_all, nothing.today) == (None, None)
        await ledger.set_cap("class", "", 1000, 500, "t")
        await ledger.set_cap("group", "arts", 90, None, "t")
        await ledger.set_cap("student", "", 200, 60, "t")
        await ledger.admit(intent("bert", groups=("arts",)))
        left = await ledger.left(anna)
        assert (left.in_all, left.today) == (80, 60)

    run(conninfo, story)


def test_check_finds_each_forged_amount(conninfo: str) -> None:
    """A wallet that was changed by hand is named, with what it should be."""
    due = "but by the clips 10 and 0 (in millionths of a US dollar)"

    async def story(ledger: Ledger) -> None:
        await ledger.admit(intent(), date(2026, 3, 1))
        async with ledger.database.connection() as connection:
            await connection.execute("UPDATE wallets SET spent = 7 WHERE kind = 'student' AND day = '2026-03-01'")
            await connection.execute("DELETE FROM wallets WHERE kind = 'class' AND day = '-infinity'")
            assert await ledger.check() == [
                f"class: 0 reserved and 0 spent, {due}",
                f"student anna 2026-03-01: 10 reserved and 7 spent, {due}",
            ]
            await connection.execute("TRUNCATE wallets, submissions")

    run(conninfo, story)


@pytest.mark.usefixtures("patient_database")
@pytest.mark.parametrize("students", [30, 300])
def test_nobody_overspends_however_many_come_at_once(conninfo: str, students: int) -> None:
    """All submit at one moment to two replicas against one cap: exactly as many pass as it holds."""
    fit = students // 3

    async def story() -> None:
        async with replica(conninfo) as one, replica(conninfo) as other:
            await one.ledger.set_cap("class", "", fit * PRICE + 1, None, "teacher")
            results = await asyncio.gather(
                *(
                    (one, other)[number % 2].ledger.admit(intent(f"s{number}", groups=("b", "a")[: number % 3]))
                    for number in range(students)
                ),
                return_exceptions=True,
            )
            assert outcomes(results) == {"Admission": fit, "OverCap": students - fit}
            errors = [result for result in results if isinstance(result, OverCap)]
            assert all(error.cap.reserved <= fit * PRICE for error in errors)
            assert await one.ledger.check() == []

    asyncio.run(story())
