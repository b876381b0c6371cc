"""What a video costs, what was spent today, and whether the budget allows one more.

Nobody but RunAPI says a price before the call. So a price is what the user set, else a quote, else unknown, and with a
budget an unknown price is a refusal: a limit that guesses is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from luma_jupyter import settings
from luma_jupyter.choices import Action, Provider
from luma_jupyter.engine.journal import Row
from luma_jupyter.engine.services import SERVICE_NAMES, Services
from luma_jupyter.errors import LumaError, OverBudget
from luma_jupyter.models import Status, Task
from luma_jupyter.settings import variable

QUOTE_LIFE = 600.0  # seconds that a quote is used again
_PRICE_SETTINGS = {"acedata": "acedata_price", "runapi": "runapi_price"}


@dataclass(frozen=True)
class Price:
    """The price of one call: ``usd`` (None: not known), and ``basis``, where that comes from, in words."""

    usd: float | None
    basis: str

    def __str__(self) -> str:
        return self.basis if self.usd is None else f"{dollars(self.usd)} ({self.basis})"


def dollars(amount: float) -> str:
    """An amount of USD as people read it."""
    return f"${amount:.2f}"


class Prices:
    """The prices of all services. ``clock`` in Unix seconds."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.time) -> None:
        self._services = services
        self._clock = clock
        self._quotes: dict[Provider, tuple[float, float | None]] = {}

    def known(self, provider: Provider, action: Action) -> Price:
        """The price as far as it is known without asking."""
        if provider == "demo":
            return Price(0.0, "the demo service is free")
        name = _PRICE_SETTINGS[provider]
        if (usd := getattr(settings.current(), name)) is not None:
            return Price(usd, f"as set in {variable(name)} or configure({name}=…)")
        at, quote = self._quotes.get(provider, (0.0, None))
        if quote is not None and self._clock() - at < QUOTE_LIFE:
            return Price(quote, f"quoted by {SERVICE_NAMES[provider]} at {time.strftime('%H:%M', time.localtime(at))}")
        if provider == "runapi":
            return Price(None, "no quote yet; $0.50 a call on RunAPI's public page")
        return Price(None, f"{SERVICE_NAMES[provider]} publishes no price; it bills on success, in credits")

    async def ask(self, provider: Provider, action: Action) -> Price:
        """The price, asked for at the service where it is not known. A quote that cannot be had leaves it unknown."""
        known = self.known(provider, action)
        if known.usd is not None:
            return known
        try:
            quote = await self._services.api(provider, action).quote()
        except LumaError as error:
            return Price(None, f"no quote: {error}")
        self._quotes[provider] = self._clock(), quote
        return self.known(provider, action)

    def spent(self, rows: Iterable[Row]) -> float:
        """What these cost or may cost, in USD; each that nobody knows the price of counts as one like it does now."""
        return sum(self._charge(row) for row in rows)

    def unpriced(self, rows: Iterable[Row]) -> int:
        """How many of these cost or may cost something that nobody knows."""
        return sum(_counts(row) and row.task.cost is None and self._price(row.task) is None for row in rows)

    def _charge(self, row: Row) -> float:
        task = row.task
        price = self._price(task) or 0.0
        return task.doubts * price + (price if task.cost is None else task.cost) * _counts(row)

    def _price(self, task: Task) -> float | None:
        return task.price if task.price is not None else self.known(task.provider, task.request.action).usd

    def check(
        self, price: Price, provider: Provider, today: Callable[[], Iterable[Row]], said: str = "this call is"
    ) -> None:
        """Raise OverBudget where one more at ``price`` would pass the budget of the day whose rows are ``today``."""
        budget = settings.current().budget
        if budget is None:
            return
        if price.usd is None:
            name = _PRICE_SETTINGS[provider]
            raise OverBudget(
                f"There is a budget ({dollars(budget)} a day), but this call's price is not known: {price.basis}. "
                f"Nothing was sent. Say what it counts as: luma_jupyter.configure({name}=0.35), or {variable(name)}."
            )
        spent = self.spent(today())
        if spent + price.usd > budget + 1e-9:
            raise OverBudget(
                f"This would pass the budget of {dollars(budget)} a day: {dollars(spent)} so far today, and {said} "
                f"{price}. Nothing was sent. luma_jupyter.configure(budget=…) changes the budget."
            )


def _counts(row: Row) -> bool:
    """Whether a row costs, or may cost, anything: what was refused or never left does not."""
    task: Task = row.task
    if task.status in (Status.FAILED, Status.CANCELLED):
        return False
    return row.alive or task.sent_at is not None


def midnight(now: float) -> float:
    """When the local day of ``now`` began; both in Unix seconds."""
    return datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
