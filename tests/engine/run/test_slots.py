"""Slots: one limit for all, also when it is changed while some wait; first come, first served; none is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from luma_jupyter.engine.run.slots import Slots


@dataclass
class Room:
    """Guests that each hold a slot for ten seconds; ``entered`` says who came in when, in seconds."""

    limit: int
    entered: list[tuple[int, float]] = field(default_factory=list)
    inside: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.slots = Slots(lambda: self.limit)

    def comes(self, guest: int) -> asyncio.Task[None]:
        return asyncio.create_task(self._visit(guest))

    async def _visit(self, guest: int) -> None:
        async with self.slots.slot():
            self.entered.append((guest, asyncio.get_running_loop().time()))
            self.inside += 1
            self.most = max(self.most, self.inside)
            try:
                await asyncio.sleep(10)
            finally:
                self.inside -= 1


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_slots_are_given_in_order_up_to_the_limit(limit: int) -> None:
    """No more are inside than the limit allows, and they come in as they came."""
    room = Room(limit)
    await asyncio.gather(*map(room.comes, range(6)))
    assert room.entered == [(guest, guest // limit * 10) for guest in range(6)]
    assert (room.most, room.inside) == (limit, 0)


async def test_slots_follow_a_higher_limit() -> None:
    """A limit that is raised lets those in who wait, in their order, as soon as somebody comes or leaves."""
    room = Room(1)
    guests = [room.comes(guest) for guest in range(4)]
    await asyncio.sleep(5)
    room.limit = 3
    guests.append(room.comes(4))
    await asyncio.gather(*guests)
    assert room.entered == [(0, 0), (1, 5), (2, 5), (3, 10), (4, 15)]


async def test_slots_follow_a_lower_limit() -> None:
    """A limit that is lowered holds for all: those inside stay, and nobody comes in until fewer are there."""
    room = Room(3)
    guests = [room.comes(guest) for guest in range(6)]
    await asyncio.sleep(5)
    room.limit = 1
    guests.append(room.comes(6))
    await asyncio.gather(*guests)
    assert room.entered == [(0, 0), (1, 0), (2, 0), (3, 10), (4, 20), (5, 30), (6, 40)]


async def test_slots_of_all_who_go_away_at_once_are_free_again() -> None:
    """At the end of a program all are cancelled at once, inside and waiting: each hears that, and no more."""
    room = Room(2)
    guests = [room.comes(guest) for guest in range(6)]
    await asyncio.sleep(5)
    for guest in guests:
        guest.cancel()
    ends = await asyncio.gather(*guests, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 6
    await room.comes(6)
    assert room.entered == [(0, 0), (1, 0), (6, 5)]


async def test_slot_of_who_goes_away_while_waiting_is_not_taken() -> None:
    """Who is cancelled while waiting never comes in; those behind move up."""
    room = Room(1)
    first, second, third = map(room.comes, range(3))
    await asyncio.sleep(5)
    second.cancel()
    await asyncio.gather(first, third)
    assert second.cancelled()
    assert room.entered == [(0, 0), (2, 10)]


async def test_slot_of_who_goes_away_inside_is_given_on() -> None:
    """Who is cancelled inside leaves the slot to the next one, at once."""
    room = Room(1)
    first, second = map(room.comes, range(2))
    await asyncio.sleep(5)
    first.cancel()
    await second
    assert room.entered == [(0, 0), (1, 5)]


async def test_slot_of_who_goes_away_when_admitted_is_given_on() -> None:
    """Who is cancelled at the very moment of the admission leaves the slot to the next one: none is lost."""
    room = Room(1)
    slots = room.slots
    async with slots.slot():
        second, third = map(room.comes, (1, 2))
        await asyncio.sleep(5)
    second.cancel()  # it has been admitted just now, and has not gone on yet
    await third
    assert second.cancelled()
    assert room.entered == [(2, 5)]
    assert room.most == 1
    await asyncio.gather(*map(room.comes, (3, 4)))
    assert room.entered[1:] == [(3, 15), (4, 25)]


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_slots_are_all_free_after_many_were_cancelled(count: int) -> None:
    """However many of those that wait go away at once, nobody who comes later waits in vain."""
    room = Room(2)
    guests = [room.comes(guest) for guest in range(6)]
    await asyncio.sleep(5)
    for guest in guests[-count:]:
        guest.cancel()
    await asyncio.gather(*guests, return_exceptions=True)
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*map(room.comes, (7, 8)))
    assert room.entered[-2:] == [(7, begun), (8, begun)]
