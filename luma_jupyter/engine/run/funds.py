"""Whether the money for a call is there: its price and the balance, asked for a moment before it is sent.

Only what is certain holds a call back: a service that says nothing, or says it too late, is no reason not to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from luma_jupyter.domain.exchange import Step
from luma_jupyter.domain.money import Balance, Price, dollars
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Provider, in_sentence
from luma_jupyter.engine.budget import Budget
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.spending import Day
from luma_jupyter.errors import LumaError, NotEnoughBalance
from luma_jupyter.languages import N_, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.providers.exchanges import because
from luma_jupyter.settings import SettingsSource

BALANCE_LIFETIME = 60.0  # seconds that a balance is used again
PATIENCE = 3.0  # seconds that a submission waits for price and balance
FEW_CALLS = 3  # a balance for fewer calls is told, once


class Funds:
    """Prices and balances for submissions. ``clock`` in Unix seconds; ``notify`` gets what the user should know.

    ``today``: what was asked for on this day.
    """

    def __init__(
        self,
        settings: SettingsSource,
        providers: ProviderPool,
        budget: Budget,
        clock: Callable[[], float],
        notify: Callable[[str], None],
        today: Callable[[], Day],
    ) -> None:
        self.providers = providers
        self._settings = settings
        self._budget = budget
        self._clock = clock
        self._notify = notify
        self._today = today
        self._balances: dict[Provider, tuple[float, Balance | None]] = {}
        self._told: set[Provider] = set()

    async def check(self, task: Task) -> float | None:
        """The price of a task's call in USD, as far as it is known.

        A service whose balance nobody may ask for is not asked for its price either. Raises NotEnoughBalance; then
        nothing was sent.
        """
        now = self._settings()
        has_statement = task.provider == "runapi" or now.acedata_platform_token is not None
        if not (task.real and now.check_balance and has_statement):
            return task.price
        price = await self._price(task)
        if price.usd is None:
            return None
        balance = await self._balance(task, price.usd)
        if balance is None or balance.left is None:
            return price.usd
        service = in_sentence(now.service_name(task.provider))
        if balance.left < price.usd - 1e-9:
            raise NotEnoughBalance(_too_low(service, balance.left, price, in_class=now.gateway is not None))
        if balance.left < FEW_CALLS * price.usd and task.provider not in self._told:
            self._told.add(task.provider)
            text = _("The balance at {service} is {amount}: less than {count} calls.")
            amount = dollars(balance.left)
            self._notify(text.format(service=translated(service), amount=amount, count=FEW_CALLS))
        return price.usd

    def check_budget(self, price: Price, provider: Provider) -> None:
        """Raise OverBudget where the day's budget has no room for one more call at this price."""
        self._budget.check(price, provider, self._today, self._settings())

    async def _price(self, task: Task) -> Price:
        if task.price is not None:
            return Price(task.price, N_("as expected"))
        provider, action, now = task.provider, task.request.action, self._settings()
        with suppress(TimeoutError), because(Step.PRICE):
            async with asyncio.timeout(PATIENCE):
                return await self._budget.fetch_price(provider, action, now)
        return self._budget.known_price(provider, action, now)

    async def _balance(self, task: Task, needed: float) -> Balance | None:
        """The balance at a task's service; None where it cannot be told.

        One that was too low for what is ``needed`` (USD) is asked for anew each time: it may have been topped up.
        """
        at, balance = self._balances.get(task.provider, (-BALANCE_LIFETIME, None))
        too_low = balance is not None and balance.left is not None and balance.left < needed
        if self._clock() - at < BALANCE_LIFETIME and not too_low:
            return balance
        found: Balance | None = None
        with suppress(TimeoutError, LumaError), because(Step.BALANCE):
            async with asyncio.timeout(PATIENCE):
                found = await self.providers.client(task.provider, task.request.action).balance()
        self._balances[task.provider] = self._clock(), found
        return found


def _too_low(service: str, left: float, price: Price, *, in_class: bool) -> str:
    """What is said of a balance in USD that does not cover a call."""
    amount, reason = dollars(left), str(price)
    return " ".join(
        [
            N_(f"The balance at {service} is {amount}, and this call costs {reason}: nothing was sent."),
            N_("Ask your teacher.") if in_class else N_("Top up the account."),
            N_("Or send it all the same, after luma_jupyter.configure(check_balance=False)."),
        ]
    )
