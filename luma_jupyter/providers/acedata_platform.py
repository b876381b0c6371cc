"""AceDataCloud's platform API: files, prices, balance, usage, sub-keys; with a token that cannot generate.

The platform token goes to the platform alone, and the key of the generation API never goes there. Prices are asked for
without any. Sources: the vendor's client, its public skills, and its web client's models (AceDataCloud/Nexior).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance, Charge, Quote, UsageRow
from luma_jupyter.domain.requests import FrameRef
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError, InvalidRequest, ServiceError
from luma_jupyter.languages import N_
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.http.requests import Call
from luma_jupyter.providers.paging import Page, read_pages
from luma_jupyter.providers.protocol import Upload
from luma_jupyter.providers.responses import (
    read_balance,
    read_credits,
    read_iso_time,
    read_object,
    read_text,
    read_unix_time,
    read_url,
    refusal,
)
from luma_jupyter.settings import variable

TOKEN_VARIABLE = variable("acedata_platform_token")
PRICED_PATH = "/luma/videos"
LARGEST_FILE = 100_000_000  # bytes
PAGE_SIZE = 100  # items


@dataclass(frozen=True)
class _Api:
    """The priced API: what a call costs in credits (None: not understood), and the service that they are bought for."""

    service_id: str | None
    credits: float | None


@dataclass(frozen=True)
class SubKey:
    """A key of the account with a limit and an end of its own; ``limit`` and ``used`` in credits, None: not told.

    ``ends`` in Unix seconds, None: never, or not understood. ``secret``: the vendor shows it once, when it is made.
    """

    id: str
    name: str
    limit: float | None
    used: float | None
    ends: float | None
    secret: Secret | None = None


@dataclass(frozen=True)
class AceDataPlatform:
    """A client of the platform at ``base_url``; without a token it tells prices alone, which are asked for with
    ``login``, where there is one. ``token_variable``: where its token is set."""

    http: HttpClient
    base_url: str
    token: Secret | None
    service: str = N_("AceDataCloud's platform")
    login: Secret | None = None
    token_variable: str = TOKEN_VARIABLE

    def check_file(self, field: str, file: LocalFile | FrameRef) -> None:
        """Refuse a file that the platform would not take; ``field`` is the payload's. Raises InvalidRequest."""
        if self.token is None:
            raise InvalidRequest(missing_token(field, file))
        if isinstance(file, LocalFile) and file.size > LARGEST_FILE:
            megabytes, most = round(file.size / 1e6), round(LARGEST_FILE / 1e6)
            raise InvalidRequest(
                f"{field}: {file.name} has {megabytes} MB, and {self.service} takes files of up to {most} MB: "
                "make it smaller, or give a URL."
            )

    async def upload(self, file: LocalFile, on_progress: Callable[[float], None]) -> Upload:
        """Upload a file, and return where the service finds it (``POST /api/v1/files/``).

        How long it is kept there is not documented. ``on_progress`` is called with the share that has been sent, 0 to
        1. Raises ServiceError, InvalidRequest where the file has changed, ConfigError without a token.
        """
        reply = await self.http.transfers.upload(
            self.service,
            f"{self.base_url}/api/v1/files/",
            key=self._required_token(N_("upload a file")),
            file=file,
            on_progress=on_progress,
        )
        answer = read_object(reply.data)
        url = read_url(answer.get("file_url")) or read_url(answer.get("url"))
        if not reply.ok or url is None:
            raise refusal(self.service, self.token_variable, reply)
        return Upload(url)

    async def quote(self) -> Quote | None:
        """The price of a call in USD: its credits by the price of a credit; None where one of them is not understood.

        Raises ServiceError.
        """
        api = await self._api()
        if api.credits is None:
            return None
        rate = await self._rate(api)
        return Quote(api.credits * rate.usd, rate.up_to) if rate else None

    async def balance(self) -> Balance:
        """What is left and was spent of the credits for this service, over all its subscriptions.

        Raises ServiceError, ConfigError without a token.
        """
        token = self._required_token(N_("see the balance"))
        api = await self._api()
        subscriptions = [
            item
            for item in await self._list("applications", {}, token)
            if api.service_id and read_text(item.get("service_id")) == api.service_id
        ]
        left = _sum([read_balance(item.get("remaining_amount")) for item in subscriptions])
        spent = _sum([read_credits(item.get("used_amount")) for item in subscriptions])
        rate = await self._rate_if_known(api)
        return Balance(
            left=_in_usd(left, rate),
            spent_in_all=_in_usd(spent, rate),
            credits_left=left,
            credits_spent=spent,
            up_to=bool(rate and rate.up_to),
        )

    async def charged(self, trace_id: str, since: float, until: float) -> Charge | None:
        """What was charged for the submission with ``trace_id``; None where the statement does not (yet) have it.

        ``since`` and ``until`` (Unix seconds) is when it was made, at most. Raises ServiceError, ConfigError without a
        token.
        """
        return (await self.charges(since, until)).get(trace_id)

    async def charges(self, since: float, until: float) -> dict[str, Charge]:
        """What was charged for the submissions made from ``since`` to ``until`` (Unix seconds), by their trace ids.

        One whose credits are not understood is left out. Raises ServiceError, ConfigError without a token.
        """
        credits = await self.credits(since, until)
        sums = {trace_id: total for trace_id, total in credits.items() if total is not None}
        rate = await self._rate_if_known(await self._api()) if sums else None
        up_to = bool(rate and rate.up_to)
        return {trace_id: Charge(total, _in_usd(total, rate), up_to) for trace_id, total in sums.items()}

    async def credits(self, since: float, until: float) -> dict[str, float | None]:
        """The credits charged for the submissions made from ``since`` to ``until`` (Unix seconds), by their trace ids.

        None where they are not understood. Raises ServiceError, ConfigError without a token.
        """
        credits: dict[str, list[float | None]] = {}
        for row in await self.usage(since, until):
            if row.trace_id:
                credits.setdefault(row.trace_id, []).append(row.credits)
        return {trace_id: _sum(amounts) for trace_id, amounts in credits.items()}

    async def usage(self, since: float, until: float) -> list[UsageRow]:
        """The calls made from ``since`` to ``until`` (Unix seconds), as the statement has them (``/usage/apis/``).

        Raises ServiceError, ConfigError without a token.
        """
        token = self._required_token(N_("see what was charged"))
        query = {"created_at_from": _iso(since), "created_at_to": _iso(math.ceil(until))}
        return [_usage_row(item) for item in await self._list("usage/apis", query, token)]

    async def make_sub_key(self, application_id: str, name: str, credits: float, ends: float | None) -> SubKey:
        """Make a key that may spend so many credits, until ``ends`` (Unix seconds; None: without an end).

        Raises ServiceError (of which ConnectionLost: it may have been made, and nobody knows its secret), ConfigError
        without a token.
        """
        token = self._required_token(N_("make keys"))
        body: dict[str, Any] = {"application_id": application_id, "name": name, "limited_amount": credits}
        if ends is not None:
            body["expired_at"] = _iso(ends)
        call = Call(self.service, "POST", f"{self.base_url}/api/v1/credentials/", token, body)
        reply = await self.http.requests.fetch(call)
        answer = read_object(reply.data)
        made, secret = _sub_key(answer), read_text(answer.get("token"))
        if not reply.ok or made is None or secret is None:
            raise refusal(self.service, self.token_variable, reply)
        return replace(made, secret=Secret(secret))

    async def sub_keys(self) -> list[SubKey]:
        """All keys of the account, without their secrets. Raises ServiceError, ConfigError without a token."""
        items = await self._list("credentials", {}, self._required_token(N_("see keys")))
        return [key for item in items if (key := _sub_key(item))]

    async def end_sub_key(self, key_id: str) -> None:
        """End a key, for good. Raises ServiceError, ConfigError without a token."""
        token = self._required_token(N_("end keys"))
        url = f"{self.base_url}/api/v1/credentials/{quote(key_id, safe='')}"
        reply = await self.http.requests.fetch(Call(self.service, "DELETE", url, token))
        if not reply.ok:
            raise refusal(self.service, self.token_variable, reply)

    async def application_id(self) -> str:
        """The subscription that pays for videos, of several the one with most left.

        Raises ServiceError, ConfigError where there is none, or without a token.
        """
        token, api = self._required_token(N_("make keys")), await self._api()
        found = [
            (read_credits(item.get("remaining_amount")) or 0.0, application_id)
            for item in await self._list("applications", {}, token)
            if api.service_id and read_text(item.get("service_id")) == api.service_id
            if (application_id := read_text(item.get("id")))
        ]
        if not found:
            raise ConfigError("This account has no subscription to Luma: make one in AceDataCloud's console.")
        return max(found)[1]

    async def credits_for(self, usd: float) -> float | None:
        """The credits that so many US dollars buy at the dearest price; None where that is not known.

        Raises ServiceError.
        """
        rate = await self._rate(await self._api())
        return usd / rate.usd if rate and rate.usd else None

    async def _api(self) -> _Api:
        """The priced API (``/apis/``). One that is not there, or there twice, is not understood."""
        items = await self._list("apis", {"path": PRICED_PATH}, None)
        items = [item for item in items if item.get("path", PRICED_PATH) == PRICED_PATH]
        if len(items) != 1:
            return _Api(None, None)
        return _Api(read_text(items[0].get("service_id")), read_credits(items[0].get("cost")))

    async def _rate(self, api: _Api) -> Quote | None:
        """The price of one credit in USD (``/services/``): the dearest package's, where there are several."""
        if api.service_id is None:
            return None
        for item in await self._list("services", {}, None):
            if api.service_id in (read_text(item.get("id")), read_text(item.get("alias"))):
                return _dearest(item.get("packages"))
        return None

    async def _rate_if_known(self, api: _Api) -> Quote | None:
        """The price of one credit, where it can be had: credits are worth telling without."""
        try:
            return await self._rate(api)
        except ServiceError:
            return None

    async def _list(self, name: str, query: Mapping[str, str], token: Secret | None) -> list[Mapping[str, Any]]:
        async def page(offset: int) -> Page:
            parameters = urlencode({**query, "limit": PAGE_SIZE, "offset": offset})
            call = Call(self.service, "GET", f"{self.base_url}/api/v1/{name}/?{parameters}", token or self.login)
            reply = await self.http.requests.fetch(call)
            answer = read_object(reply.data)
            if not reply.ok or not isinstance(answer.get("items"), list):
                raise refusal(self.service, self.token_variable, reply)
            return Page(answer["items"], answer.get("count"))

        return await read_pages(page, PAGE_SIZE)

    def _required_token(self, what: str) -> Secret:
        if self.token is None:
            raise ConfigError(f"Set {TOKEN_VARIABLE} to {what} at AceDataCloud: its API key is not enough.")
        return self.token


def missing_token(field: str, file: LocalFile | FrameRef) -> str:
    """Why a file cannot be sent without a platform token, and both ways out, in one line."""
    return N_(
        f"{field}: {file} is a file of yours, which AceDataCloud takes only with a platform token: set "
        f"{TOKEN_VARIABLE} (made in its console), or give a URL."
    )


def _dearest(packages: object) -> Quote | None:
    """The price of one credit in the dearest package; None where one is not understood, as it may be the dearest."""
    rates = []
    for package in packages if isinstance(packages, list) else []:
        price, amount = (read_credits(read_object(package).get(name)) for name in ("price", "amount"))
        if price is None or not amount:
            return None
        rates.append(price / amount)
    return Quote(max(rates), up_to=min(rates) < max(rates)) if rates else None


def _usage_row(item: Mapping[str, Any]) -> UsageRow:
    created, status = item.get("created_at"), item.get("status_code")
    return UsageRow(
        at=read_unix_time(created) or (read_iso_time(created) if isinstance(created, str) else None),
        trace_id=read_text(item.get("trace_id")),
        credits=read_credits(item.get("deducted_amount")),
        status=status if isinstance(status, int) else None,
    )


def _sub_key(item: Mapping[str, Any]) -> SubKey | None:
    """A key as the vendor tells of it; None where it cannot be told which one it is."""
    key_id, ends = read_text(item.get("id")), item.get("expired_at")
    if key_id is None:
        return None
    return SubKey(
        id=key_id,
        name=read_text(item.get("name")) or "",
        limit=read_credits(item.get("limited_amount")),
        used=read_credits(item.get("used_amount")),
        ends=read_unix_time(ends) or (read_iso_time(ends) if isinstance(ends, str) else None),
    )


def _sum(amounts: list[float | None]) -> float | None:
    """The sum of amounts; None where there is none, or one of them is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None


def _in_usd(credits: float | None, rate: Quote | None) -> float | None:
    return credits * rate.usd if credits is not None and rate else None


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
