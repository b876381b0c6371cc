"""The vendors, asked with the class's keys, by the clients that kernels use, too.

What concerns the class's account (a key that does not work, a balance that is spent) is the teacher's business: it is
written down for them (`trouble`), and students read in plain words whom to tell. A vendor that asks to be left alone is
so by all processes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Charge
from luma_jupyter.domain.task import ListedTask, TaskState
from luma_jupyter.errors import (
    AccessDenied,
    ConfigError,
    InsufficientBalance,
    InvalidKey,
    LumaError,
    RateLimited,
    ServiceError,
)
from luma_jupyter.gateway.records import MICROS, Vendor
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.trouble import Kind, Troubles
from luma_jupyter.languages import N_
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.acedata_platform import AceDataPlatform
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.protocol import Accepted, Upload
from luma_jupyter.providers.runapi import RunApi

log = logging.getLogger(__name__)

NAMES: Mapping[Vendor, str] = {"acedata": "AceDataCloud", "runapi": "RunAPI"}
PRICE_KEPT = 3600.0  # seconds
PRICE_PATIENCE = 5.0  # seconds until a price that does not come is one that is not told: submissions wait for it
PRICE_ASKED_AGAIN = 60.0  # seconds after the vendor did not tell its price
LONGEST_WAIT = 30.0  # seconds that a request is held until the vendor may be asked again
PLATFORM = "acedata platform"  # whose token is another key


class ClassAccountError(ServiceError):
    """The vendor does not take the class's key, or its account is spent: nothing that a student could do."""

    what = "cannot be used by the class"


class Closing(LumaError):
    """This process ends: it sends nothing paid any more, and another one answers the same request."""

    def __init__(self) -> None:
        super().__init__(N_("The class gateway is busy: this passes by itself."))


@dataclass(frozen=True)
class _Account:
    """What an error says of the class's account: its kind, its code for students, and what they read."""

    kind: Kind
    code: str
    words: str


_ACCOUNT: Mapping[type[ServiceError], _Account] = {
    InvalidKey: _Account("key", "class_key", N_("The class key does not work. Your teacher can change that.")),
    InsufficientBalance: _Account(
        "balance", "class_balance", N_("The class account is empty. Your teacher can change that.")
    ),
    AccessDenied: _Account(
        "access", "class_access", N_("The class key may not do this. Your teacher can change that.")
    ),
}


@dataclass
class _Listener:
    """Tells all processes when a paid request was not taken, and sends none when this one ends."""

    troubles: Troubles
    vendor: Vendor
    closing: asyncio.Event
    unconfirmed: bool = False

    async def before_send(self) -> None:
        """Keep it back where this process ends: its answer might come too late."""
        if self.closing.is_set():
            raise Closing

    async def unanswered(self, reason: str, delay: float) -> None:
        """Nothing: a vendor is not asked again."""

    async def not_accepted(self, reason: str, delay: float) -> None:
        """Leave the vendor alone for so long."""
        await self.troubles.pause(self.vendor, delay)


class Vendors:
    """The clients of one process; belongs to one event loop. ``clock`` is monotonic, in seconds."""

    def __init__(
        self,
        settings: GatewaySettings,
        troubles: Troubles,
        http: HttpClient | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.closing = asyncio.Event()  # set when the process ends: nothing paid is sent, or waited for, any more
        self.http = http or HttpClient(sleep=self._sleep)
        self.troubles = troubles
        self.settings = settings
        self._clock = clock
        platform = AceDataPlatform(self.http, settings.acedata_platform_url, settings.acedata_platform_token)
        self._acedata = AceData(self.http, settings.acedata_base_url, settings.acedata_token, platform=platform)
        self._runapi = RunApi(self.http, settings.runapi_base_url, settings.runapi_key)
        self._prices: dict[Vendor, tuple[float, int | None]] = {}  # when each is asked for again, and the last
        self._asking: Mapping[Vendor, asyncio.Lock] = {"acedata": asyncio.Lock(), "runapi": asyncio.Lock()}

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    def client(self, vendor: Vendor) -> AceData | RunApi:
        """The client of a vendor; it may have no key."""
        return self._acedata if vendor == "acedata" else self._runapi

    def check_key(self, vendor: Vendor) -> None:
        """See that the class has a key. Raises ClassAccountError."""
        if self.client(vendor).key is None:
            raise ClassAccountError(
                NAMES[vendor],
                N_("The class has no key for it. Your teacher can change that."),
                code="class_key",
                http_status=403,
            )

    async def submit(self, vendor: Vendor, body: Mapping[str, Any], intent: str) -> Accepted:
        """Send a paid request, whose ``body`` `Bodies.prepare` made. It is never sent again where it may have arrived.

        ``intent``: 32 hex digits, of which no other request has the same. Raises Unconfirmed where it may have been
        accepted; any other LumaError says that nothing was.
        """
        async with self._asked(vendor, pays=True):
            await self._wait(vendor)
            listener = _Listener(self.troubles, vendor, self.closing)
            return await self.client(vendor).submit(body, intent, listener)

    async def fetch(self, vendor: Vendor, ids: Sequence[str]) -> dict[str, TaskState]:
        """The states of up to `batch_size` tasks; one that is not known there is left out. Raises ServiceError."""
        async with self._asked(vendor):
            return await self.client(vendor).fetch(ids)

    async def find(self, vendor: Vendor, body: Mapping[str, Any], since: float, until: float) -> list[ListedTask]:
        """The tasks made in between (Unix seconds) whose whole request is this one; makes nothing.

        That a vendor echoes the whole request is not documented, so an empty list proves nothing. Raises ServiceError.
        """
        async with self._asked(vendor):
            listed = await self.client(vendor).list_tasks(since, until)
        return [task for task in listed if task.request == body]

    async def upload(self, vendor: Vendor, file: LocalFile) -> Upload:
        """Upload a file with the class's key. Raises ServiceError, ConfigError where the class has no key for it."""
        async with self._asked(vendor, platform=vendor == "acedata"):
            return await self.client(vendor).upload(file, lambda share: None)

    async def charges(self, since: float, until: float) -> dict[str, Charge]:
        """What AceDataCloud's statement says was charged, by the submission's trace id. Raises ServiceError."""
        platform = self._acedata.platform
        if platform is None or platform.token is None:
            return {}
        async with self._asked("acedata", platform=True):
            return await platform.charges(since, until)

    async def price(self, vendor: Vendor) -> int:
        """What a call costs, in millionths of a US dollar: as the vendor has said last, else as the setting does.

        Raises ConfigError where neither says it.
        """
        async with self._asking[vendor]:
            until, price = self._prices.get(vendor, (-math.inf, None))
            if self._clock() >= until:
                quoted = await self._quoted(vendor)
                kept = PRICE_ASKED_AGAIN if quoted is None else PRICE_KEPT
                price = price if quoted is None else quoted
                self._prices[vendor] = (self._clock() + kept, price)
        set_price = self.settings.acedata_price if vendor == "acedata" else self.settings.runapi_price
        price = set_price if price is None else price
        if price is None:
            service = NAMES[vendor]
            raise ConfigError(f"The price of a video at {service} is not known: tell your teacher.")
        return price

    async def _quoted(self, vendor: Vendor) -> int | None:
        """The vendor's price, rounded up; None where it does not tell one."""
        try:
            async with asyncio.timeout(PRICE_PATIENCE):
                quote = await self.client(vendor).quote()
        except (LumaError, TimeoutError) as error:
            log.warning("%s does not tell its price: %s", NAMES[vendor], type(error).__name__)
            return None
        return math.ceil(round(quote.usd * MICROS, 3)) if quote else None

    async def _wait(self, vendor: Vendor) -> None:
        """Wait until the vendor may be asked again. Raises RateLimited where that is long."""
        delay = await self.troubles.paused(vendor)
        if delay > LONGEST_WAIT:
            raise RateLimited(NAMES[vendor], "it asks to be left alone for a while", retry_after=delay)
        if delay:
            await self.http.connections.sleep(delay)

    async def _sleep(self, seconds: float) -> None:
        """Wait so many seconds, unless this process ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closing.wait()

    @asynccontextmanager
    async def _asked(self, vendor: Vendor, *, platform: bool = False, pays: bool = False) -> AsyncIterator[None]:
        """Around each request to a vendor: what it says of the class's account is for the teacher.

        ``platform``: it goes to the platform, with the token for it. ``pays``: it makes a task, which alone shows that
        the account is not empty, and may: look-ups are answered all the same.
        """
        self.check_key(vendor)
        subject = PLATFORM if platform else vendor
        try:
            yield
        except ServiceError as error:
            if isinstance(error, RateLimited) and error.retry_after:
                await self.troubles.pause(vendor, error.retry_after)
            if (account := _ACCOUNT.get(type(error))) is None:
                raise
            await self.troubles.note(account.kind, subject, str(error))
            raise ClassAccountError(
                NAMES[vendor], account.words, code=account.code, http_status=403, trace_id=error.trace_id
            ) from None
        else:
            for account in _ACCOUNT.values():
                if account.kind == "key" or pays or platform:
                    await self.troubles.clear(account.kind, subject)
