"""What a video costs, what was spent today, and whether the budget allows one more.

A price is what the user set, else a quote, which may be an upper bound, else unknown. With a budget an unknown price is
a refusal: a limit that guesses is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from luma_jupyter.domain.money import Price, Quote, dollars
from luma_jupyter.domain.vocabulary import FREE, SERVICE_NAMES, Action, Provider, in_sentence
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.spending import Day
from luma_jupyter.errors import LumaError, OverBudget
from luma_jupyter.settings import Settings, variable

QUOTE_LIFETIME = 600.0  # seconds that a quote is used again
_PRICE_SETTINGS = {"acedata": "acedata_price", "runapi": "runapi_price"}


class Budget:
    """The prices of all services, and the day's limit. ``clock`` in Unix seconds."""

    def __init__(self, providers: ProviderPool, clock: Callable[[], float] = time.time) -> None:
        self._providers = providers
        self._clock = clock
        self._quotes: dict[tuple[Provider, str | None], tuple[float, Quote | None]] = {}  # by service and gateway

    def known_price(self, provider: Provider, action: Action, now: Settings) -> Price:
        """The price as far as it is known without asking."""
        if provider in FREE:
            return Price(0.0, f"{in_sentence(SERVICE_NAMES[provider])} is free")
        name = _PRICE_SETTINGS[provider]
        if (usd := getattr(now, name)) is not None:
            return Price(usd, f"as set in {variable(name)} or configure({name}=…)")
        service = in_sentence(now.service_name(provider))
        at, quote = self._quotes.get((provider, now.gateway), (0.0, None))
        if quote is not None and self._clock() - at < QUOTE_LIFETIME:
            basis = f"quoted by {service} at {time.strftime('%H:%M', time.localtime(at))}"
            return Price(quote.usd, basis, quote.up_to)
        if provider == "runapi" and now.gateway is None:
            return Price(None, "no quote yet; $0.50 a call on RunAPI's public page")
        return Price(None, f"{service} has not said it; it bills on success, in credits")

    async def fetch_price(self, provider: Provider, action: Action, now: Settings) -> Price:
        """The price, asked for at the service where it is not known. A quote that cannot be had leaves it unknown."""
        known = self.known_price(provider, action, now)
        if known.usd is not None:
            return known
        try:
            quote = await self._providers.price_client(provider, action).quote()
        except LumaError as error:
            return Price(None, f"no quote: {error}")
        self._quotes[provider, now.gateway] = self._clock(), quote
        return self.known_price(provider, action, now)

    def spent(self, today: Day, now: Settings) -> tuple[float, int]:
        """What a day's tasks cost or may cost in USD, and how many more there are whose price nobody knows.

        One that was made when its price was not known counts as one like it does now.
        """
        spent, unpriced = 0.0, 0
        for part in today.spending:
            price = self.known_price(part.provider, part.action, now).usd
            spent += part.charges.at(price)
            unpriced += part.charges.unpriced if price is None else 0
        return spent, unpriced

    def check(self, price: Price, provider: Provider, today: Callable[[], Day], now: Settings, calls: int = 1) -> None:
        """Raise OverBudget where ``calls`` more at ``price`` in all would pass the budget of the day of ``today``.

        What was lost may have been paid for: each counts as one call like these.
        """
        if now.budget is None:
            return
        if price.usd is None:
            name = _PRICE_SETTINGS[provider]
            raise OverBudget(
                f"There is a budget ({dollars(now.budget)} a day), but this call's price is not known: {price.basis}. "
                f"Nothing was sent. Say what it counts as: luma_jupyter.configure({name}=0.35), or {variable(name)}."
            )
        day = today()
        spent, _ = self.spent(day, now)
        lost = day.lost * price.usd / calls
        if spent + lost + price.usd > now.budget + 1e-9:
            so_far = f"{dollars(spent)} so far today"
            if day.lost:
                so_far += f", {dollars(lost)} for {day.lost} more that the damaged journal does not tell any more"
            these = "this call is" if calls == 1 else f"these {calls} calls are"
            raise OverBudget(
                f"This would pass the budget of {dollars(now.budget)} a day: {so_far}, and {these} {price}. "
                "Nothing was sent. luma_jupyter.configure(budget=…) changes the budget."
            )


def midnight(now: float) -> float:
    """When the local day of ``now`` began; both in Unix seconds."""
    return datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
