"""What a video costs as far as anybody knows, what was spent today, and the budget that lets nothing pass it."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from luma_jupyter.domain.money import Charges, Price, Quote
from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.budget import QUOTE_LIFETIME, Budget, midnight
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.journal import Entry, Journal
from luma_jupyter.engine.store.spending import Day, Spending
from luma_jupyter.errors import ConfigError, LumaError, OverBudget, Unreachable
from tests.engine.store.journals import found_busy
from tests.support import settings
from tests.support.fake_service import FakeService, reply
from tests.support.world import EPOCH, World, submit

FOX = GenerateRequest(prompt="A red fox")
FOG = ModifyRequest(prompt="Fog", source=VideoRef(url="https://x.example/v.mp4"))


@dataclass
class Quotes:
    """A provider pool whose clients quote these prices, one after the other; the last again and again."""

    answers: list[float | Quote | LumaError | None]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def price_client(self, provider: str, action: str) -> Quotes:
        self.asked.append((provider, action))
        return self

    async def quote(self) -> Quote | None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, LumaError):
            raise answer
        return answer if answer is None or isinstance(answer, Quote) else Quote(answer)


@dataclass
class Clock:
    now: float = EPOCH

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def prices(clock: Clock, *answers: float | Quote | LumaError | None) -> tuple[Budget, Quotes]:
    quotes = Quotes(list(answers) or [None])
    return Budget(cast(Any, quotes), clock), quotes


# One call.


@pytest.mark.parametrize(
    ("provider", "action", "price"),
    [
        ("demo", "generate", "$0.00 (the demo service is free)"),
        ("demo", "modify", "$0.00 (the demo service is free)"),
        ("acedata", "generate", "AceDataCloud has not said it; it bills on success, in credits"),
        ("acedata", "extend", "AceDataCloud has not said it; it bills on success, in credits"),
        ("runapi", "modify", "no quote yet; $0.50 a call on RunAPI's public page"),
    ],
)
def test_known_price_asks_nobody(clock: Clock, provider: Provider, action: Any, price: str) -> None:
    """Only the demo's price is known from the start; of the others it is said where a price is to be had."""
    known, quotes = prices(clock)
    assert str(known.known_price(provider, action, settings.current())) == price
    assert (known.known_price(provider, action, settings.current()).usd is None) == (provider != "demo")
    assert quotes.asked == []


@pytest.mark.parametrize(
    ("provider", "action", "name", "variable"),
    [
        ("acedata", "generate", "acedata_price", "LUMA_JUPYTER_ACEDATA_PRICE"),
        ("runapi", "modify", "runapi_price", "LUMA_JUPYTER_RUNAPI_PRICE"),
    ],
)
async def test_price_that_the_user_set_counts(
    clock: Clock, provider: Provider, action: Any, name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A price that the user set is the price; the service is not asked, and says nothing else."""
    asked, quotes = prices(clock, 9.0)
    monkeypatch.setenv(variable, "0.35")
    price = await asked.fetch_price(provider, action, settings.current())
    assert (price.usd, str(price)) == (0.35, f"$0.35 (as set in {variable} or configure({name}=…))")
    settings.configure(**{name: 0})
    assert (await asked.fetch_price(provider, action, settings.current())).usd == 0.0
    assert quotes.asked == []


async def test_quote_that_is_an_upper_bound_is_shown_as_one(clock: Clock) -> None:
    """A price that may be less says so, and counts as the most that it can be."""
    asked, _ = prices(clock, Quote(0.35, up_to=True))
    price = await asked.fetch_price("acedata", "generate", settings.current())
    assert (price.usd, price.up_to) == (0.35, True)
    assert str(price).startswith("up to $0.35 (quoted by AceDataCloud at ")


async def test_quote_is_used_again_for_a_while(clock: Clock) -> None:
    """A service is asked for its price once in ten minutes."""
    asked, quotes = prices(clock, 0.5, 0.6)
    assert (await asked.fetch_price("runapi", "modify", settings.current())).usd == 0.5
    clock.now += QUOTE_LIFETIME - 1
    assert (await asked.fetch_price("runapi", "modify", settings.current())).usd == 0.5
    assert asked.known_price("runapi", "modify", settings.current()).usd == 0.5
    clock.now += 1
    assert asked.known_price("runapi", "modify", settings.current()).usd is None
    assert (await asked.fetch_price("runapi", "modify", settings.current())).usd == 0.6
    assert quotes.asked == [("runapi", "modify")] * 2


async def test_quote_says_when_it_was(clock: Clock) -> None:
    """A price that was quoted says by whom and at what time."""
    asked, _ = prices(clock, 0.5)
    at = time.strftime("%H:%M", time.localtime(EPOCH))
    assert str(await asked.fetch_price("runapi", "modify", settings.current())) == f"$0.50 (quoted by RunAPI at {at})"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Unreachable("RunAPI", "no connection"), "no quote: RunAPI cannot be reached"),
        (ConfigError("No key."), "No key."),
    ],
)
async def test_quote_that_fails_leaves_the_price_unknown(clock: Clock, answer: LumaError, words: str) -> None:
    """A quote that cannot be had leaves the price unknown, says why, and is asked for again the next time."""
    asked, _ = prices(clock, answer, 0.5)
    price = await asked.fetch_price("runapi", "modify", settings.current())
    assert price.usd is None
    assert words in str(price)
    assert (await asked.fetch_price("runapi", "modify", settings.current())).usd == 0.5


async def test_quote_of_a_service_without_prices_is_unknown(clock: Clock) -> None:
    """A service that quotes nothing leaves the price unknown."""
    asked, quotes = prices(clock, None)
    assert (await asked.fetch_price("acedata", "generate", settings.current())).usd is None
    assert quotes.asked == [("acedata", "generate")]


# The sum.


def an_entry(status: Status, *, alive: bool = False, **changes: Any) -> Entry:
    task = Task(
        intent="1" * 32,
        request=FOX,
        provider="acedata",
        status=status,
        created_at=EPOCH,
        filename="a.mp4",
        sent_at=EPOCH,
        price=0.5,
    ).evolve(**changes)
    return Entry(task, "someone" if alive else None, alive)


@pytest.fixture
def day(tmp_path: Path) -> Callable[..., Day]:
    """The day of tasks as a journal has them, each an entry of its own; a dead kernel's where nobody follows it."""

    def enter(*entries: Entry, lost: int = 0) -> Day:
        journals = {alive: Journal(tmp_path / "day", clock=lambda: EPOCH, owner=f"x|{alive}|1") for alive in (0, 1)}
        for entry in entries:
            task = entry.task.evolve(intent=uuid.uuid4().hex)
            journals[entry.alive].add(task)
        with journals[1].transaction():
            journals[1]._file.execute("UPDATE owners SET beat = 0 WHERE owner = 'x|0|1'")
        return replace(journals[1].spending(EPOCH - 900), lost=lost)

    return enter


@pytest.mark.parametrize(
    ("entry", "charge"),
    [
        (an_entry(Status.COMPLETED), 0.5),
        (an_entry(Status.COMPLETED, cost=0.35), 0.35),
        (an_entry(Status.COMPLETED, cost=0.0), 0.0),
        (an_entry(Status.COMPLETED, price=None, cost=0.35), 0.35),
        (an_entry(Status.FAILED), 0.0),
        (an_entry(Status.FAILED, cost=0.5), 0.0),
        (an_entry(Status.CANCELLED, sent_at=None), 0.0),
        (an_entry(Status.UNCONFIRMED), 0.5),
        (an_entry(Status.DETACHED), 0.5),
        (an_entry(Status.RUNNING), 0.5),
        (an_entry(Status.SAVING), 0.5),
        (an_entry(Status.RUNNING, alive=True), 0.5),
        (an_entry(Status.QUEUED, alive=True, sent_at=None), 0.5),
        (an_entry(Status.SUBMITTING, alive=True, sent_at=None), 0.5),
        (an_entry(Status.QUEUED, sent_at=None), 0.0),
        (an_entry(Status.SUBMITTING, sent_at=None), 0.0),
        (an_entry(Status.SUBMITTING), 0.5),
        (an_entry(Status.COMPLETED, doubts=2), 1.5),
        (an_entry(Status.COMPLETED, doubts=2, cost=0.25), 1.25),
        (an_entry(Status.FAILED, doubts=1), 0.5),
        (an_entry(Status.CANCELLED, doubts=1), 0.5),
        (an_entry(Status.COMPLETED, provider="demo", price=0.0), 0.0),
        (an_entry(Status.COMPLETED, price=None), 0.0),
    ],
)
def test_spent_counts_what_a_task_costs_or_may_cost(
    clock: Clock, day: Callable[..., Day], entry: Entry, charge: float
) -> None:
    """What was made, may be made or is about to be counts with its cost, else its price; each doubt counts once more.

    What failed or never left costs nothing.
    """
    known, _ = prices(clock)
    assert known.spent(day(entry), settings.current())[0] == pytest.approx(charge)
    assert known.spent(day(entry), settings.current())[0] == pytest.approx(2 * charge)


def test_spent_counts_a_task_without_price_as_it_would_now(clock: Clock, day: Callable[..., Day]) -> None:
    """A call of a time when no price was set counts as one does now."""
    known, _ = prices(clock)
    settings.configure(acedata_price=0.4)
    today = day(an_entry(Status.COMPLETED, price=None), an_entry(Status.COMPLETED))
    assert known.spent(today, settings.current()) == (pytest.approx(0.9), 0)


@pytest.mark.parametrize(
    ("entry", "unknown"),
    [
        (an_entry(Status.COMPLETED, price=None), True),
        (an_entry(Status.UNCONFIRMED, price=None), True),
        (an_entry(Status.COMPLETED, price=None, cost=0.3), False),
        (an_entry(Status.COMPLETED), False),
        (an_entry(Status.COMPLETED, provider="demo", price=None), False),
        (an_entry(Status.FAILED, price=None), False),
        (an_entry(Status.QUEUED, price=None, sent_at=None), False),
    ],
)
def test_spent_counts_the_tasks_whose_price_nobody_knows(
    clock: Clock, day: Callable[..., Day], entry: Entry, unknown: bool
) -> None:
    """A sum that leaves something out can say so: calls that cost something, and nobody knows what."""
    known, _ = prices(clock)
    today = day(entry, entry)
    assert known.spent(today, settings.current())[1] == 2 * unknown
    settings.configure(acedata_price=0.4)
    assert known.spent(today, settings.current())[1] == 0


# The budget.


@pytest.mark.parametrize(
    ("budget", "calls", "price", "passes"),
    [
        (1.0, 0, 1.0, True),
        (1.0, 1, 0.5, True),
        (1.0, 2, 0.01, False),
        (1.0, 1, 0.51, False),
        (0.3, 0, 0.1 + 0.2, True),
        (0.0, 0, 0.01, False),
        (0.0, 0, 0.0, True),
        (1.0, 2, 0.0, True),
        (1.0, 3, 0.0, False),
    ],
)
def test_budget_is_reached_and_not_passed(
    clock: Clock, day: Callable[..., Day], budget: float, calls: int, price: float, passes: bool
) -> None:
    """A call that reaches the budget exactly passes, one that passes it is refused."""
    known, _ = prices(clock)
    settings.configure(budget=budget)
    today = day(*[an_entry(Status.COMPLETED)] * calls)
    if passes:
        known.check(Price(price, "quoted"), "acedata", lambda: today, settings.current())
    else:
        with pytest.raises(OverBudget):
            known.check(Price(price, "quoted"), "acedata", lambda: today, settings.current())


def test_budget_that_is_not_set_refuses_nothing(clock: Clock) -> None:
    """Where no budget is set, no price and no sum refuses anything."""
    known, _ = prices(clock)
    spent = Day([Spending("acedata", "generate", "", 1000, Charges(500.0))])
    known.check(Price(None, "not known"), "acedata", lambda: spent, settings.current())
    known.check(Price(1e6, "quoted"), "acedata", lambda: Day([]), settings.current())


def test_budget_refusal_has_the_sum(clock: Clock, day: Callable[..., Day]) -> None:
    """Who is refused reads the budget, the sum so far, the price, that nothing was sent, and what changes it."""
    known, _ = prices(clock)
    settings.configure(budget=1.2)
    today = day(an_entry(Status.COMPLETED), an_entry(Status.UNCONFIRMED))
    with pytest.raises(OverBudget) as caught:
        known.check(Price(0.5, "quoted"), "acedata", lambda: today, settings.current())
    assert str(caught.value) == (
        "This would pass the budget of $1.20 a day: $1.00 so far today, and this call is $0.50 (quoted). "
        "Nothing was sent. luma_jupyter.configure(budget=…) changes the budget."
    )


@pytest.mark.parametrize(("calls", "lost", "passes"), [(1, 2, True), (1, 3, False), (2, 1, True), (2, 2, False)])
def test_lost_calls_count_as_this_one_does(
    clock: Clock, day: Callable[..., Day], calls: int, lost: int, passes: bool
) -> None:
    """What the journal has lost of today may have been paid for: the refusal names how many, and what they count as."""
    known, _ = prices(clock)
    settings.configure(budget=2.0)
    price, today = Price(0.5 * calls, "quoted"), day(an_entry(Status.COMPLETED), lost=lost)
    if passes:
        known.check(price, "acedata", lambda: today, settings.current(), calls)
        return
    counted = (
        r"\$0\.50 so far today, .* "
        rf"Another \${0.5 * lost:.2f} may have been spent on clips that the damaged journal has lost: {lost}\."
    )
    with pytest.raises(OverBudget, match=counted):
        known.check(price, "acedata", lambda: today, settings.current(), calls)


@pytest.mark.parametrize(
    ("provider", "name"), [("acedata", "acedata_price"), ("runapi", "runapi_price")], ids=["acedata", "runapi"]
)
def test_budget_refuses_an_unknown_price(clock: Clock, provider: Provider, name: str) -> None:
    """With a budget, a call of unknown price is refused, and it says how to give one."""
    known, _ = prices(clock)
    settings.configure(budget=100)
    with pytest.raises(OverBudget) as caught:
        known.check(
            known.known_price(provider, "generate", settings.current()), provider, lambda: Day([]), settings.current()
        )
    assert "Nothing was sent" in str(caught.value)
    assert f"luma_jupyter.configure({name}=0.35), or LUMA_JUPYTER_{name.upper()}." in str(caught.value)


# The day.


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("Windows has no tzset")
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


ZONES = pytest.mark.parametrize("zone", ["UTC0", "JST-9", "NST3:30", "LINT-14", "AoE12"], indirect=True)


@ZONES
@pytest.mark.parametrize("hours", range(0, 24, 3))
def test_midnight_is_local(zone: None, hours: int) -> None:
    """The day that counts is the one on the user's own clock, wherever that is."""
    begun = midnight(EPOCH + hours * 3600)
    assert time.strftime("%H:%M:%S", time.localtime(begun)) == "00:00:00"
    assert 0 <= EPOCH + hours * 3600 - begun < 24 * 3600
    assert midnight(begun) == begun
    assert midnight(begun - 1) == begun - 24 * 3600


@ZONES
async def test_budget_is_new_each_day(zone: None, world: World) -> None:
    """What was spent until midnight counts until midnight."""
    settings.configure(budget=0.5, acedata_price=0.5)
    await world.end(world.generate())
    assert world.engine.costs.spent_today() == (0.5, 0)
    left = midnight(EPOCH) + 24 * 3600 - EPOCH - asyncio.get_running_loop().time()
    await asyncio.sleep(left - 1)
    with pytest.raises(OverBudget, match=r"\$0\.50 so far today"):
        world.generate()
    await asyncio.sleep(2)
    assert world.engine.costs.spent_today() == (0.0, 0)
    await world.end(world.generate())
    assert len(world.service.seen("submit")) == 2


# Through the engine.


async def test_budget_refuses_before_anything_is_sent(world: World) -> None:
    """Above the budget nothing is sent and nothing is written down; a failed task gives its share back."""
    settings.configure(budget=1.0, acedata_price=0.5)
    world.service.failure = {"code": "api_error", "message": "The dragon escaped."}
    await world.end(world.generate())
    world.service.failure = None
    first, second = world.generate(), world.generate()
    with pytest.raises(OverBudget, match=r"\$1\.00 so far today"):
        world.generate()
    assert len(world.engine.repository.history()) == 3
    assert list(world.engine.handles.values()) == [first, second]
    await world.end(first)
    await world.end(second)
    assert len(world.service.seen("submit")) == 3
    assert world.engine.costs.spent_today() == (1.0, 0)


async def test_reused_clip_needs_no_budget(world: World) -> None:
    """What was made already is shown again though the budget is spent."""
    settings.configure(budget=0.5, acedata_price=0.5)
    made = await world.end(world.generate())
    assert world.generate(again=False).task.intent == made.intent
    with pytest.raises(OverBudget):
        world.generate(again=True)


async def test_budget_counts_the_reported_cost(world: World) -> None:
    """Where the service says what a task has cost, that is what it has cost."""
    settings.configure(budget=1.0, runapi_price=0.5)
    world.service.result = {"usage": {"cost": 0.2}}
    for spent in (0.2, 0.4, 0.6):
        task = await world.end(world.submit(FOG))
        assert (task.price, task.cost) == (0.5, 0.2)
        assert world.engine.costs.spent_today()[0] == pytest.approx(spent)
    with pytest.raises(OverBudget, match=r"\$0\.60 so far today"):
        world.submit(FOG)


@pytest.mark.usefixtures("keys")
def test_budget_sends_no_unknown_price(loop_thread: LoopThread, providers: ProviderPool, service: FakeService) -> None:
    """With a budget and no price, nothing is sent and no entry stays; with the price it is."""
    engine = Engine(settings.current, loop_thread, providers)
    settings.configure(budget=5)
    with pytest.raises(OverBudget, match="has not said it"):
        submit(engine, FOX)
    assert list(engine.repository.history()) == []
    settings.configure(acedata_price=0.35)
    task = submit(engine, FOX).done.result(10)
    assert (task.status, task.price) == (Status.COMPLETED, 0.35)
    assert len(service.seen("submit")) == 1


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("cents", [50, 75])
def test_budget_counts_the_quote(
    loop_thread: LoopThread, providers: ProviderPool, service: FakeService, cents: int
) -> None:
    """With a budget, the price is asked for before anything is sent, and held against it."""
    quote = {"price_quote": {"reservation_amount_cents": cents, "currency": "USD"}}
    service.script("quote", reply(200, quote))
    engine = Engine(settings.current, loop_thread, providers)
    settings.configure(budget=0.6)
    if cents > 60:
        with pytest.raises(OverBudget, match=r"this call is \$0\.75 \(quoted by RunAPI"):
            submit(engine, FOG)
        assert ([*engine.repository.history()], service.seen("submit")) == ([], [])
    else:
        assert submit(engine, FOG).done.result(10).price == 0.5


@pytest.mark.usefixtures("keys")
def test_budget_is_not_raced_past(
    loop_thread: LoopThread, providers: ProviderPool, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two kernels that want the last of the budget at once: the sum and the entry are one step, so one is refused."""
    settings.configure(budget=0.5, acedata_price=0.5)
    one, two = Engine(settings.current, loop_thread, providers), Engine(settings.current, loop_thread, providers)
    home = settings.current().home_folder
    two.repository.journals[home] = Journal(home, owner="elsewhere|1|1.0")
    two.journal.heartbeat()
    waits = found_busy(monkeypatch)
    refused: list[str] = []
    check = one.budget.check

    def want_it_too() -> None:
        try:
            submit(two, GenerateRequest(prompt="A blue fox"))
        except OverBudget as error:
            refused.append(str(error))

    other = threading.Thread(target=want_it_too)

    def check_slowly(*args: Any) -> None:
        check(*args)
        other.start()
        assert waits.wait(10)

    monkeypatch.setattr(one.budget, "check", check_slowly)
    handle = submit(one, FOX)
    other.join()
    assert handle.done.result(10).status is Status.COMPLETED
    assert len(refused) == len(one.repository.history()) == 1
    assert "$0.50 so far today" in refused[0]
    assert len(service.seen("submit")) == 1
