"""What calls of this kernel cost, next to the day's budget; prices are asked for where they have to be known."""

from __future__ import annotations

from collections.abc import Sequence

from luma_jupyter.domain.money import Price
from luma_jupyter.domain.vocabulary import Action, Provider
from luma_jupyter.engine.budget import Budget
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.plan import Plan
from luma_jupyter.engine.repository import Repository
from luma_jupyter.engine.reuse import find_reusable
from luma_jupyter.errors import OverBudget
from luma_jupyter.languages import N_
from luma_jupyter.settings import Settings, SettingsSource


class Costs:
    """Prices of calls, and whether the day's budget allows them. ``settings`` gives those of the moment."""

    def __init__(
        self, settings: SettingsSource, budget: Budget, loop_thread: LoopThread, repository: Repository
    ) -> None:
        self._settings = settings
        self._budget = budget
        self._loop_thread = loop_thread
        self._repository = repository

    def price(self, provider: Provider, action: Action) -> Price:
        """The price of a call, asked for at the service where it is not known; blocks meanwhile."""
        return self._loop_thread.run(self._budget.fetch_price(provider, action, self._settings()))

    def countable_price(self, provider: Provider, action: Action, now: Settings) -> Price:
        """As far as it is known without asking; with a budget as `price`, for a budget has to know it."""
        price = self._budget.known_price(provider, action, now)
        if price.usd is None and now.budget is not None:
            price = self.price(provider, action)
        return price

    def prices_to_count(self, plans: Sequence[Plan]) -> list[Price]:
        """The prices of new tasks; asked for only where a budget has to know them, and no earlier task answers."""
        prices = [plan.sendable.price if plan.sendable else Price(None, N_("it cannot be sent")) for plan in plans]
        unknown = [
            number
            for number, plan in enumerate(plans)
            if plan.sendable and plan.settings.budget is not None and prices[number].usd is None
        ]
        earlier = find_reusable([plans[number] for number in unknown], self._repository)
        asked: dict[tuple[Provider, Action], Price] = {}
        for number, entry in zip(unknown, earlier, strict=True):
            call = plans[number].preview.provider, plans[number].spec.request.action
            if entry is None:
                prices[number] = asked[call] = asked.get(call) or self.price(*call)
        return prices

    def check_calls(self, calls: Sequence[tuple[Provider, Action]]) -> None:
        """Raise OverBudget where this day's budget does not allow all these calls together."""
        now = self._settings()
        prices = {call: self.countable_price(*call, now) for call in dict.fromkeys(calls)}
        self.check([(call[0], prices[call]) for call in calls], now)

    def check(self, calls: Sequence[tuple[Provider, Price]], now: Settings) -> None:
        """As `check_calls`, of calls at these prices."""
        for provider, price in dict.fromkeys(calls):
            self._budget.check(price, provider, self._repository.today, now)
        if len(calls) > 1:
            total = Price(sum(price.usd or 0.0 for _, price in calls), N_("in all"))
            self._budget.check(total, calls[0][0], self._repository.today, now, len(calls))

    def refusal(self, calls: Sequence[tuple[Provider, Price]]) -> OverBudget | None:
        """Why this day's budget would not allow these calls together, as far as their prices are known."""
        known = [(provider, price) for provider, price in calls if price.usd is not None]
        try:
            self.check(known, self._settings())
        except OverBudget as refusal:
            return refusal
        return None

    def spent_today(self) -> tuple[float, int]:
        """What today's calls cost or may cost, in USD, and how many more there are whose price nobody knows."""
        day = self._repository.today()
        spent, unpriced = self._budget.spent(day, self._settings())
        return spent, unpriced + day.lost
