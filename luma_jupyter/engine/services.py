"""What is asked of services for somebody who wants to know: what is left, what was charged, whether they answer.

All of it is free, makes nothing, and blocks meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from luma_jupyter.domain.money import Balance
from luma_jupyter.domain.task import Account
from luma_jupyter.domain.urls import is_fake_address
from luma_jupyter.domain.vocabulary import Action, Provider
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.errors import LumaError


class Services:
    """Asks the services of ``providers`` on the engine's ``loop_thread``; ``clock`` in Unix seconds."""

    def __init__(self, providers: ProviderPool, loop_thread: LoopThread, clock: Callable[[], float]) -> None:
        self._providers = providers
        self._loop_thread = loop_thread
        self._clock = clock

    def balance(self, provider: Provider) -> Balance:
        """What the account at a service has left. Raises ConfigError or ServiceError."""
        action: Action = "modify" if provider == "runapi" else "generate"
        return self._loop_thread.run(self._providers.client(provider, action).balance())

    def account(self, since: float) -> Account:
        """AceDataCloud's own list of tasks made since then (Unix seconds), and its statement.

        Raises ConfigError or ServiceError.
        """
        return self._loop_thread.run(self._fetch_account(since))

    async def _fetch_account(self, since: float) -> Account:
        self._providers.client("acedata", "generate")  # without a key there is no list
        client, until = self._providers.acedata(), self._clock()
        tasks = await client.list_tasks(since, until)
        if not (client.platform and client.platform.token):
            return Account(tasks, {}, tasks.cut)
        return Account(tasks, await client.platform.credits(since, until), tasks.cut)

    def check(self, providers: Sequence[Provider]) -> list[LumaError | None]:
        """Ask services at the same time something harmless: what each said no with."""

        async def check_all() -> list[LumaError | None]:
            return await asyncio.gather(*map(self._providers.check, providers))

        return self._loop_thread.run(check_all())

    def has_fake_address(self, hosts: Sequence[str]) -> bool:
        """Whether one of these hosts has an address that a proxy gives in the place of any."""

        async def look_up_all() -> list[str]:
            return [address for host in hosts for address in await self._providers.http.addresses(host)]

        return any(map(is_fake_address, self._loop_thread.run(look_up_all())))

    def unread_proxy_exceptions(self) -> list[str]:
        """The entries of NO_PROXY that fit no host."""
        from luma_jupyter.providers.http.proxies import unread_entries  # start-up: httpx takes 120 ms

        return unread_entries()
