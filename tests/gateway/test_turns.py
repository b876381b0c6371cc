"""Whose request goes next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from luma_jupyter.gateway import turns as module
from luma_jupyter.gateway.database import DatabaseAway
from luma_jupyter.gateway.records import State, Submission
from luma_jupyter.gateway.turns import Turns
from tests.support.postgres import PostgresServer
from tests.support.submissions import Replica, intent, replica


async def enter(at: Replica, owner: str, key: str) -> Submission:
    """Take a turn that is there at once, and use it."""
    assert await at.turns.take(owner, f"acedata {key}", 5)
    return (await at.ledger.admit(intent(owner, key))).submission


async def order(at: Replica, waiting: Sequence[tuple[str, str]], under_way: Sequence[Submission]) -> list[str]:
    """In which order who waits is let go, as those under way end one by one."""
    went: list[str] = []

    async def wait(owner: str, key: str) -> None:
        assert await at.turns.take(owner, f"acedata {key}", 5)
        went.append(key)
        ends.append((await at.ledger.admit(intent(owner, key))).submission)

    ends = list(under_way)
    tasks = []
    for owner, key in waiting:  # one after the other, so that each has waited longer than the next
        tasks.append(asyncio.create_task(wait(owner, key)))
        await known(at, len(tasks))
    for number in range(len(waiting)):
        await at.ledger.refuse(ends[number].id, None, None)
        while len(ends) - len(under_way) == number:
            await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    return went


async def known(at: Replica, number: int) -> None:
    """Return when so many wait."""
    while True:
        async with at.database.connection() as connection:
            row = await (await connection.execute("SELECT count(*) FROM waiting")).fetchone()
        if row == (number,):
            return
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("under_way", "expected"), [(1, ["a2", "b1", "c1", "a3", "b2", "a4"]), (2, ["b1", "a3", "c1", "b2", "a4"])]
)
def test_student_with_fewest_under_way_goes_first_and_equals_by_turns(
    conninfo: str, under_way: int, expected: list[str]
) -> None:
    """A batch that came earlier does not hold up a classmate, not even where one clip at a time is made."""

    async def story() -> list[str]:
        async with replica(conninfo, under_way=under_way) as at:
            first = [await enter(at, "anna", f"a{number + 1}") for number in range(under_way)]
            batch = ["a2", "a3", "a4", "b1", "b2", "c1"][under_way - 1 :]
            owners = {"a": "anna", "b": "bert", "c": "carl"}
            return await order(at, [(owners[key[0]], key) for key in batch], first)

    assert asyncio.run(story()) == expected


def test_student_has_no_more_under_way_than_may_be_also_across_replicas(conninfo: str) -> None:
    """Twelve requests of one student at two replicas: four pass, the others time out, and nothing was entered."""

    async def story() -> tuple[int, int]:
        async with replica(conninfo, per_student=4) as one, replica(conninfo, per_student=4) as other:

            async def go(number: int) -> bool:
                at = (one, other)[number % 2]
                if await at.turns.take("anna", f"acedata k{number}", 0.4):
                    return (await at.ledger.admit(intent(key=f"k{number}"))).fresh
                return False

            passed = await asyncio.gather(*(go(number) for number in range(12)))
            assert await one.turns.take("bert", "k", 5)
            return sum(passed), len(await one.ledger.list_own("anna", 0, 1e11, 100))

    assert asyncio.run(story()) == (4, 4)


def test_turn_that_was_granted_counts_before_it_is_used_and_can_be_given_back(conninfo: str) -> None:
    """Otherwise two requests that come together would both see the free place."""

    async def story() -> None:
        async with replica(conninfo, per_student=1) as at, replica(conninfo, per_student=1) as other:
            assert await at.turns.take("anna", "k1", 5)
            assert not await other.turns.take("anna", "k2", 0.05)
            waiting = asyncio.create_task(other.turns.take("anna", "k2", 5))
            await at.turns.leave("anna", "k1")
            assert await waiting

    asyncio.run(story())


def test_freed_place_reaches_a_waiter_of_another_replica_at_once(
    conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for the next heartbeat."""
    monkeypatch.setattr(module, "HEARTBEAT", 60.0)

    async def story() -> None:
        async with replica(conninfo, per_student=1) as one, replica(conninfo, per_student=1) as other:
            row = await enter(one, "anna", "k1")
            waiting = asyncio.create_task(other.turns.take("anna", "k2", 30))
            await known(other, 1)
            await one.ledger.refuse(row.id, None, None)
            async with asyncio.timeout(10):
                assert await waiting

    asyncio.run(story())


def test_who_comes_back_has_kept_the_place(conninfo: str) -> None:
    """A request that timed out and is repeated goes before one that came after its first time."""

    async def story() -> None:
        async with replica(conninfo, under_way=1) as at:
            row = await enter(at, "anna", "k1")
            assert not await at.turns.take("bert", "k", 0.05)
            carl = asyncio.create_task(at.turns.take("carl", "k", 5))
            await known(at, 2)
            bert = asyncio.create_task(at.turns.take("bert", "k", 5))
            await asyncio.sleep(0)
            await at.turns._granted([("bert", "k")])
            await at.ledger.refuse(row.id, None, None)
            assert await bert
            assert not carl.done()
            carl.cancel()

    asyncio.run(story())


def test_turns_of_a_replica_that_was_killed_go_to_others(conninfo: str) -> None:
    """What nobody uses or asks for is forgotten: granted ones soon, waiting ones get no turn."""

    async def story() -> None:
        async with replica(conninfo, under_way=1) as at:
            async with at.database.connection() as connection:
                await connection.execute(
                    "INSERT INTO waiting (owner, key, since, seen_at, granted_at) VALUES "
                    "('gone', 'used', now() - interval '1 hour', now(), now() - interval '11 seconds'), "
                    "('gone', 'silent', now() - interval '1 hour', now() - interval '6 seconds', NULL), "
                    "('gone', 'old', now() - interval '1 hour', now() - interval '3 minutes', NULL)"
                )
            assert await at.turns.take("anna", "k1", 5)
            await known(at, 2)  # the silent one keeps its place a little longer

    asyncio.run(story())


def test_same_request_twice_shares_a_turn(conninfo: str) -> None:
    """A kernel that repeats itself waits once; who of the two gives up does not take the turn from the other."""

    async def story() -> None:
        async with replica(conninfo, per_student=1) as at:
            row = await enter(at, "anna", "k1")
            patient = asyncio.create_task(at.turns.take("anna", "k2", 5))
            assert not await at.turns.take("anna", "k2", 0.05)
            await at.ledger.refuse(row.id, None, None)
            assert await patient
            await known(at, 1)

    asyncio.run(story())


def test_same_key_at_both_vendors_is_two_turns(conninfo: str) -> None:
    """As they are two clips: where one may go, the other one waits."""

    async def story() -> None:
        async with replica(conninfo, per_student=1) as at:
            row = await enter(at, "anna", "k0")
            wanted = [intent("anna", "k"), intent("anna", "k", vendor="runapi")]
            asking = {asyncio.create_task(at.submissions.submit(one, timeout=30)) for one in wanted}
            await known(at, 2)
            await at.ledger.refuse(row.id, None, None)
            entered, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            await known(at, 1)
            assert (len(entered), len(waiting)) == (1, 1)
            assert entered.pop().result().state is State.ACCEPTED
            waiting.pop().cancel()

    asyncio.run(story())


def test_database_away_is_told_to_all_who_wait(postgres: PostgresServer, conninfo: str) -> None:
    """Nothing has been entered; they may come again."""

    async def story() -> None:
        async with replica(conninfo, per_student=1) as at:
            await enter(at, "anna", "k0")
            waiting = [asyncio.create_task(at.turns.take("anna", f"k{number}", 60)) for number in (1, 2)]
            await known(at, 2)
            postgres.restart()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(result, DatabaseAway) for result in results)

    asyncio.run(story())


@pytest.mark.usefixtures("patient_database")
def test_many_at_once_cost_few_statements(conninfo: str) -> None:
    """Who comes while a process asks for turns is asked for next, with all others who came."""
    asked: list[int] = []

    class Counting(Turns):
        async def _granted(self, places):  # type: ignore[no-untyped-def]
            asked.append(len(places))
            return await super()._granted(places)

    async def story() -> list[bool]:
        async with replica(conninfo) as at:
            turns = Counting(at.database, 4)
            return await asyncio.gather(*(turns.take(f"s{number}", "k", 5) for number in range(200)))

    assert all(asyncio.run(story()))
    assert sum(asked) >= 200
    assert len(asked) < 10
