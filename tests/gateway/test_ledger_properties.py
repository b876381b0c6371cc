"""Ledger and submissions against a model in plain Python: amounts, states, caps, repetitions, sharing, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from luma_jupyter.domain.task import Video
from luma_jupyter.errors import ServiceDown
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.ledger import KeyConflict, Ledger, OverCap
from luma_jupyter.gateway.records import Intent, Person, State
from luma_jupyter.gateway.submissions import Lost, Refused, Submissions
from luma_jupyter.gateway.turns import Turns
from tests.support.submissions import LOST, MODERATED, PlayedVendor, intent

GROUPS = {"anna": ("films",), "bert": ("arts", "films"), "carl": ()}
KEYS, PROMPTS = ["1", "2", "3"], ["a cat", "a cat", "a cat", "a dog"]
BUSY = ServiceDown("AceDataCloud", http_status=503)
OUTCOMES = {"accepted": None, "refused": MODERATED, "busy": BUSY, "lost": LOST, "killed": None}
ERRORS = {"accepted": None, "refused": Refused, "busy": Refused, "lost": Lost}
ENDS = {"accepted": State.ACCEPTED, "refused": State.REFUSED, "busy": State.REFUSED, "lost": State.UNCONFIRMED}
HELD = (State.SENT, State.ACCEPTED, State.UNCONFIRMED)
FREE = (State.REFUSED, State.RELEASED)
TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
amounts = st.integers(0, 25)
caps = st.none() | st.integers(0, 60)


@dataclass
class Row:
    """What the model knows of a submission; ``number``: the order in which they were first entered."""

    number: int
    owner: str
    prompt: str
    state: State
    price: int
    day: date
    cost: int | None = None
    joined: Row | None = None
    long_ago: bool = False
    for_good: bool = False  # it was refused, and that does not pass

    @property
    def answers(self) -> bool:
        """Whether it answers its key; else the same key may be sent anew."""
        return self.for_good or self.state not in FREE

    @property
    def reserved(self) -> int:
        return self.price if self.state in HELD else 0

    @property
    def spent(self) -> int:
        if self.state is State.COMPLETED:
            return self.price if self.cost is None else self.cost
        return self.cost or 0 if self.state is State.FAILED else 0


@dataclass
class Model:
    """The rules in plain Python: sums are taken over all rows each time."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    caps: dict[tuple[str, str], tuple[int | None, int | None]] = field(default_factory=dict)

    def wallets(self, owner: str) -> Iterator[tuple[str, str, list[Row]]]:
        """Kind, name, and the rows on each wallet of a student."""
        every = list(self.rows.values())
        yield "student", owner, [row for row in every if row.owner == owner]
        for group in GROUPS[owner]:
            yield "group", group, [row for row in every if group in GROUPS[row.owner]]
        yield "class", "", every

    def room(self, owner: str, day: date, in_all: bool) -> int | None:
        """The least that is left in any wallet of a student, in all or on a day; negative where it is overdrawn."""
        rooms = []
        for kind, name, rows in self.wallets(owner):
            cap = self.caps.get((kind, name), self.caps.get((kind, ""), (None, None)))[0 if in_all else 1]
            if cap is not None:
                rooms.append(cap - sum(row.reserved + row.spent for row in rows if in_all or row.day == day))
        return min(rooms, default=None)

    def fits(self, asked: Intent, day: date) -> bool:
        rooms = [self.room(asked.owner.name, day, in_all) for in_all in (True, False)]
        return not asked.price or all(room is None or asked.price <= room for room in rooms)

    def original(self, asked: Intent) -> Row | None:
        """The classmate's row that an intent joins."""
        owner = asked.owner.name
        had = [row.joined for (of, key), row in self.rows.items() if of == owner and key != asked.key]
        fitting = (
            row
            for row in sorted(self.rows.values(), key=lambda row: row.number)
            if asked.lesson and row.owner != owner and row.prompt == asked.fingerprint and row.joined is None
            if row.state in (State.SENT, State.ACCEPTED, State.COMPLETED) and not row.long_ago
            if not any(row is other for other in had)
        )
        return next(fitting, None)

    def enter(self, asked: Intent, day: date) -> Row:
        place = (asked.owner.name, asked.key)
        number = self.rows[place].number if place in self.rows else len(self.rows)
        joined = self.original(asked)
        row = Row(number, asked.owner.name, asked.fingerprint, State.SENT, asked.price, day)
        if joined:
            row = Row(number, row.owner, row.prompt, joined.state, 0, day, cost=0, joined=joined)
        if place in self.rows:  # others may have joined it: it stays the same row
            self.rows[place].__dict__.update(row.__dict__)
        else:
            self.rows[place] = row
        return self.rows[place]

    def move(self, row: Row, state: State, for_good: bool = False) -> None:
        """Change a row's state, and of those that joined it."""
        row.state, row.for_good = state, for_good
        for other in self.rows.values():
            if other.joined is row and other.state in (State.SENT, State.ACCEPTED):
                other.state, other.for_good = State.REFUSED if state is State.UNCONFIRMED else state, for_good


class LedgerMachine(RuleBasedStateMachine):
    """Does the same with the ledger and with the model, and compares all that each knows."""

    conninfo = ""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.runner = asyncio.Runner()
        self.database = Database(self.conninfo, size=2)
        self.run(self.database.__aenter__())
        self.run(self.empty())
        self.ledger = Ledger(self.database)
        self.vendor = PlayedVendor()
        self.submissions = Submissions(self.ledger, Turns(self.database, 1000), self.vendor)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def empty(self) -> None:
        async with self.database.connection() as connection:
            await connection.execute("TRUNCATE submissions, wallets, caps, waiting, last_turns, audit RESTART IDENTITY")

    def teardown(self) -> None:
        self.run(self.database.__aexit__())
        self.runner.close()

    @rule(
        owner=st.sampled_from(list(GROUPS)),
        number=st.sampled_from(KEYS),
        whose=st.none() | st.sampled_from(list(GROUPS)),
        prompt=st.sampled_from(PROMPTS),
        price=amounts,
        lesson=st.booleans(),
        outcome=st.sampled_from(list(OUTCOMES)),
        day=st.sampled_from([YESTERDAY, TODAY]),
    )
    def submit(
        self, owner: str, number: str, whose: str | None, prompt: str, price: int, lesson: bool, outcome: str, day: date
    ) -> None:
        """A request, and what comes of it at the vendor; ``killed``: its process ends before it has sent it.

        ``whose``: the student whose key it has, None: its own.
        """
        key = f"{whose or owner}-{number}"
        asked = intent(owner, key, prompt, price=price, lesson=lesson, groups=GROUPS[owner])
        killed = outcome == "killed"
        day = day if killed else TODAY
        known = self.model.rows.get((owner, key))
        posts = self.vendor.posts.total()
        self.vendor.error = lambda body: OUTCOMES[outcome]
        work = self.ledger.admit(asked, day) if killed else self.submissions.submit(asked, timeout=30)
        if known and known.answers:
            if known.prompt != prompt:
                self.expect(work, KeyConflict)
            elif known.state is State.SENT and not killed:
                work.close()  # it would wait for the end of a process that has ended
            else:
                errors = {State.UNCONFIRMED: Lost, State.REFUSED: Refused}
                self.expect(work, None if killed else errors.get(known.state))
            assert self.vendor.posts.total() == posts
            return
        if any(of != owner and row_key == key for of, row_key in self.model.rows):
            self.expect(work, KeyConflict)
            assert self.vendor.posts.total() == posts
            return
        original = self.model.original(asked)
        if not original and not self.model.fits(asked, day):
            self.expect(work, OverCap)
            assert self.vendor.posts.total() == posts
            return
        if original and original.state is State.SENT and not killed:
            work.close()
            return
        row = self.model.enter(asked, day)
        if original or killed:
            self.expect(work, None)
            assert self.vendor.posts.total() == posts
            return
        assert self.vendor.posts.total() == posts
        self.expect(work, ERRORS[outcome])
        assert self.vendor.posts.total() == posts + 1
        self.model.move(row, ENDS[outcome], for_good=outcome == "refused")

    def expect(self, work: Coroutine[Any, Any, Any], error: type[Exception] | None) -> None:
        if error:
            with pytest.raises(error):
                self.run(work)
        else:
            self.run(work)

    def pick(self, data: st.DataObject, *states: State) -> tuple[Row | None, int]:
        """One of the model's rows that joined nothing, in one of these states, and its id."""
        rows = [row for row in self.model.rows.items() if row[1].state in states and row[1].joined is None]
        if not rows:
            return None, 0
        (owner, key), row = data.draw(st.sampled_from(rows))
        found = self.run(self.ledger.find(owner, "acedata", key))
        return row, found.id

    @rule(data=st.data(), cost=st.none() | amounts, long_ago=st.booleans())
    def complete(self, data: st.DataObject, cost: int | None, long_ago: bool) -> None:
        """The vendor has a video; one of long ago that was not saved is shared with nobody any more."""
        row, id = self.pick(data, *State)
        if row:
            ended_at = 1.0 if long_ago else datetime.now(UTC).timestamp()
            assert self.run(self.ledger.complete(id, Video("https://v"), cost, ended_at)) == (
                row.state is State.ACCEPTED
            )
            if row.state is State.ACCEPTED:
                row.cost = row.cost if cost is None else cost
                row.long_ago = long_ago
                self.model.move(row, State.COMPLETED)

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """The vendor ended it without a video."""
        row, id = self.pick(data, *State)
        if row:
            assert self.run(self.ledger.fail(id, "bad", None)) == (row.state is State.ACCEPTED)
            if row.state is State.ACCEPTED:
                self.model.move(row, State.FAILED)

    @rule(data=st.data(), cost=amounts)
    def charge(self, data: st.DataObject, cost: int) -> None:
        """The vendor's statement."""
        row, id = self.pick(data, *State)
        if row:
            self.run(self.ledger.charge(id, cost))
            if row.state in (State.ACCEPTED, State.COMPLETED, State.FAILED):
                row.cost = cost

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """A teacher gives money back."""
        row, id = self.pick(data, *State)
        if row:
            assert self.run(self.ledger.release(id, "teacher")) == (row.state is State.UNCONFIRMED)
            if row.state is State.UNCONFIRMED:
                self.model.move(row, State.RELEASED)

    @rule(data=st.data(), price=st.none() | amounts)
    def find(self, data: st.DataObject, price: int | None) -> None:
        """The vendor's list has a task of what was thought to be lost, or to have made nothing."""
        row, id = self.pick(data, State.UNCONFIRMED, *FREE)
        if row:
            self.run(self.ledger.accept(id, f"found-{id}", None, price))
            row.price = row.price if price is None else price
            self.model.move(row, State.ACCEPTED)

    @precondition(lambda self: any(row.state is State.SENT for row in self.model.rows.values()))
    @rule()
    def give_up(self) -> None:
        """Processes that were killed are noticed."""
        sent = [row for row in self.model.rows.values() if row.state is State.SENT and row.joined is None]
        assert len(self.run(self.ledger.stale_sent(datetime.now(UTC).timestamp() + 60))) == len(sent)
        for row in sent:
            self.model.move(row, State.UNCONFIRMED)

    @rule(kind=st.sampled_from(["student", "group", "class"]), own=st.booleans(), in_all=caps, a_day=caps)
    def set_cap(self, kind: Any, own: bool, in_all: int | None, a_day: int | None) -> None:
        """A teacher changes a cap, of one student or group, or of each."""
        name = {"student": "anna", "group": "films", "class": ""}[kind] if own else ""
        self.run(self.ledger.set_cap(kind, name, in_all, a_day, "teacher"))
        self.model.caps[kind, name] = (in_all, a_day)

    @invariant()
    def ledger_is_the_model(self) -> None:
        """States, prices and costs of all rows; what is left for each student; wallets equal to the rows."""

        async def compare() -> None:
            assert await self.ledger.check() == []
            for owner, groups in GROUPS.items():
                rows = {row.key: row for row in await self.ledger.list_own(owner, 0, 1e11, 100)}
                mine = {key: row for (of, key), row in self.model.rows.items() if of == owner}
                assert {key: (row.state, row.price, row.cost, row.shared) for key, row in rows.items()} == {
                    key: (row.state, row.price, row.cost, row.joined is not None) for key, row in mine.items()
                }
                left = await self.ledger.left(Person(owner, groups))
                rooms = (self.model.room(owner, TODAY, in_all) for in_all in (True, False))
                assert (left.in_all, left.today) == tuple(room if room is None else max(0, room) for room in rooms)
                assert left.reserved == sum(row.reserved for row in mine.values())
                assert left.spent_in_all == sum(row.spent for row in mine.values())
                assert left.spent_today == sum(row.spent for row in mine.values() if row.day == TODAY)

        self.run(compare())


def test_ledger_and_submissions_do_as_the_model(conninfo: str) -> None:
    """Whatever students, vendors, teachers and the vendor's statements do, in whatever order."""
    machine = type("Machine", (LedgerMachine,), {"conninfo": conninfo})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=15, stateful_step_count=40, suppress_health_check=list(HealthCheck)),
    )
