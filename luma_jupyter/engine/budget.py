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
from luma_jupyter.languages import N_
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
            service = in_sentence(SERVICE_NAMES[provider])
            return Price(0.0, N_(f"{service} is free"))
        name = _PRICE_SETTINGS[provider]
        if (usd := getattr(now, name)) is not None:
            return Price(usd, N_(f"as set in {variable(name)} or configure({name}=…)"))
        service = in_sentence(now.service_name(provider))
        at, quote = self._quotes.get((provider, now.gateway), (0.0, None))
        if quote is not None and self._clock() - at < QUOTE_LIFETIME:
            clock = time.strftime("%H:%M", time.localtime(at))
            return Price(quote.usd, N_(f"quoted by {service} at {clock}"), quote.up_to)
        if provider == "runapi" and now.gateway is None:
            return Price(None, N_("no quote yet; $0.50 a call on RunAPI's public page"))
        return Price(None, N_(f"{service} has not said it; it bills on success, in credits"))

    async def fetch_price(self, provider: Provider, action: Action, now: Settings) -> Price:
        """The price, asked for at the service where it is not known. A quote that cannot be had leaves it unknown."""
        known = self.known_price(provider, action, now)
        if known.usd is not None:
            return known
        try:
            quote = await self._providers.price_client(provider, action).quote()
        except LumaError as error:
            return Price(None, N_(f"no quote: {error}"))
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
            name, budget, reason = _PRICE_SETTINGS[provider], dollars(now.budget), price.basis
            raise OverBudget(
                f"There is a budget ({budget} a day), but this call's price is not known: {reason}. Nothing was sent. "
                f"Say what it counts as: luma_jupyter.configure({name}=0.35), or {variable(name)}."
            )
        day = today()
        spent, _ = self.spent(day, now)
        lost = day.lost * price.usd / calls
        if spent + lost + price.usd > now.budget + 1e-9:
            raise OverBudget(_too_much(now.budget, spent, price, calls, lost, day.lost))


def _too_much(budget: float, spent: float, price: Price, calls: int, lost: float, lost_clips: int) -> str:
    """What passes a budget; amounts in USD, ``lost`` of them for clips that the journal has lost."""
    limit, so_far, reason = dollars(budget), dollars(spent), str(price)
    sentences = [
        N_(
            f"This would pass the budget of {limit} a day: {so_far} so far today, and this call is {reason}."
            if calls == 1
            else f"This would pass the budget of {limit} a day: {so_far} so far today, and these {calls} calls are "
            f"{reason}."
        )
    ]
    if lost_clips:
        amount = dollars(lost)
        sentences.append(
            N_(f"Another {amount} may have been spent on clips that the damaged journal has lost: {lost_clips}.")
        )
    return " ".join([*sentences, N_("Nothing was sent. luma_jupyter.configure(budget=…) changes the budget.")])


def midnight(now: float) -> float:
    """When the local day of ``now`` began; both in Unix seconds."""
    return datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
