"""How a gateway gets on, and whether everything that it needs works: a report of one line each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from luma_jupyter.domain.money import dollars
from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.database import Database, DatabaseAway
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.records import MICROS, STATE_TEXT, Vendor
from luma_jupyter.gateway.serve import PROGRAM
from luma_jupyter.gateway.settings import GatewaySettings, setting_variable
from luma_jupyter.gateway.storage import MediaStore
from luma_jupyter.gateway.trouble import Troubles
from luma_jupyter.gateway.vendors import NAMES, Vendors
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import translated

TIMEOUT = 10.0  # seconds for an answer to a question of the doctor's


@dataclass
class Report:
    """Lines for the screen; ``bad``: one of them says that something is wrong."""

    lines: list[str] = field(default_factory=list)
    bad: bool = False

    def good(self, subject: str, words: str) -> None:
        """Say that something is as it should be."""
        self.lines.append(f"✓ {subject}: {words}")

    def wrong(self, subject: str, words: str) -> None:
        """Say what is wrong, and what to do."""
        self.lines.append(f"✗ {subject}: {words}")
        self.bad = True

    def __str__(self) -> str:
        return "\n".join(self.lines)


# How it gets on.


async def status(settings: GatewaySettings) -> Report:
    """What runs, what is in the ledger, whether the money is right, and what troubles it."""
    report = Report()
    report.good(_("processes"), _processes())
    async with Database(settings.database, size=2) as database:
        try:
            await _tell_of_rows(report, database)
            await _tell_of_money(report, database)
            for trouble in await Troubles(database).all():
                since = datetime.fromtimestamp(trouble.since).strftime("%Y-%m-%d %H:%M")
                words = _("{trouble} (since {time})").format(trouble=translated(trouble.words), time=since)
                report.wrong(_("trouble"), words)
        except DatabaseAway as error:
            report.wrong(_("database"), translated(error))
    return report


def _processes() -> str:
    """The replicas and workers on this machine."""
    found = [_process_name(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"])]
    replicas, workers = found.count("replica"), found.count("worker")
    return _("on this computer, replicas: {replicas}, workers: {workers}").format(replicas=replicas, workers=workers)


def _process_name(command: Sequence[str] | None) -> str | None:
    """What a child of the supervisor is; None for any other process."""
    for word, following in zip(command or (), (command or ())[1:], strict=False):
        if word == PROGRAM:
            return following
    return None


async def _tell_of_rows(report: Report, database: Database) -> None:
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT state, count(*) FROM submissions GROUP BY state ORDER BY state")
        counts = dict(await cursor.fetchall())
    states = (
        _("{count} {state}").format(count=counts[state], state=_(text))
        for state, text in STATE_TEXT.items()
        if state in counts
    )
    report.good(_("clips"), ", ".join(states) or _("none yet"))
    for row in await Ledger(database).unconfirmed():
        words = _(
            "{owner}, {amount}: look at the console of {service}. If it made nothing, type `luma-gateway release {id}`."
        )
        amount = dollars(row.price / MICROS)
        report.wrong(
            _("unconfirmed {id}").format(id=row.id),
            words.format(owner=row.owner, amount=amount, service=NAMES[row.vendor], id=row.id),
        )


async def _tell_of_money(report: Report, database: Database) -> None:
    ledger = Ledger(database)
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT reserved, spent, day = '-infinity' FROM wallets WHERE kind = 'class'"
            " AND day IN ('-infinity', (now() AT TIME ZONE 'utc')::date) ORDER BY day"
        )
        for reserved, spent, in_all in await cursor.fetchall():
            words = _("{spent} spent, {reserved} under way")
            report.good(
                _("money in all") if in_all else _("money today"),
                words.format(spent=dollars(spent / MICROS), reserved=dollars(reserved / MICROS)),
            )
    differences = await ledger.check()
    for difference in differences:
        report.wrong(_("wallets"), difference)
    if not differences:
        report.good(_("wallets"), _("equal to the clips"))


# Whether everything works.


async def examine(settings: GatewaySettings) -> Report:
    """See that everything that the gateway needs works, and say what to do where it does not."""
    report = Report()
    async with Database(settings.database, size=2) as database:
        vendors = Vendors(settings, Troubles(database))
        try:
            start = _("Correct `database`, or start PostgreSQL.")
            await _try(report, _("database"), start, lambda: _ask_database(database))
            await _try(report, _("Hub"), _correct("hub_api_url"), lambda: _ask_hub(settings))
            for vendor in ("acedata", "runapi"):
                await _examine_vendor(report, settings, vendors, vendor)
            await _try(report, _("media"), _("Let the gateway write there."), lambda: _write(settings))
            start = _("Start the gateway, and correct `url`.")
            await _try(report, _("address"), start, lambda: _ask_itself(settings))
        finally:
            await vendors.aclose()
    return report


async def _try(report: Report, subject: str, remedy: str, ask: Callable[[], Awaitable[str]]) -> None:
    """Ask one question: what it gives is good; what it raises is wrong, and ``remedy`` says what to do."""
    try:
        async with asyncio.timeout(TIMEOUT):
            report.good(subject, await ask())
        return
    except TimeoutError:
        finding = _("No answer in {seconds} s.").format(seconds=f"{TIMEOUT:.0f}")
    except LumaError as error:
        finding = translated(error)
    except HTTPClientError as error:
        finding = f"HTTP {error.code}."
    except OSError as error:
        finding = f"{error}."
    report.wrong(subject, _("{finding} To do: {remedy}").format(finding=finding, remedy=remedy))


def _correct(setting: str) -> str:
    return _("Correct {variable}.").format(variable=setting_variable(setting))


async def _ask_database(database: Database) -> str:
    async with database.connection() as connection:
        version = connection.info.server_version // 10_000
        cursor = await connection.execute("SELECT to_regclass('schema_version') IS NOT NULL")
        (begun,) = await cursor.fetchone() or (False,)
        applied = 0
        if begun:
            cursor = await connection.execute("SELECT count(*) FROM schema_version WHERE part = 'luma'")
            (applied,) = await cursor.fetchone() or (0,)
    steps = [file for file in (resources.files("luma_jupyter.gateway") / "sql").iterdir() if file.name.endswith(".sql")]
    if applied < len(steps):
        raise LumaError("Its tables are not up to date: start `luma-gateway serve` once.")
    return _("PostgreSQL {version}, its tables are up to date").format(version=version)


async def _ask_hub(settings: GatewaySettings) -> str:
    if settings.hub_api_url is None:
        return _("none: only the gateway's own tokens count")
    headers = {"Authorization": f"token {settings.hub_api_token.reveal()}"} if settings.hub_api_token else {}
    await _get(f"{settings.hub_api_url}/{'user' if headers else ''}", headers)
    return _("answers at {address}").format(address=settings.hub_api_url)


async def _examine_vendor(report: Report, settings: GatewaySettings, vendors: Vendors, vendor: Vendor) -> None:
    key = "acedata_token" if vendor == "acedata" else "runapi_key"
    if getattr(settings, key) is None:
        words = _("no key, so nothing is made there ({variable})")
        report.good(NAMES[vendor], words.format(variable=setting_variable(key)))
        return

    async def ask() -> str:
        await vendors.client(vendor).check()
        price = dollars(await vendors.price(vendor) / MICROS)
        return _("the key works; a video costs {price}").format(price=price)

    await _try(report, NAMES[vendor], _correct(key), ask)
    if vendor == "acedata" and settings.acedata_platform_token:

        async def ask_platform() -> str:
            left = (await vendors.client("acedata").balance()).left
            if left is None:
                return _("the token works")
            return _("the token works; {amount} is left").format(amount=dollars(left))

        await _try(report, _("AceDataCloud's platform"), _correct("acedata_platform_token"), ask_platform)


async def _write(settings: GatewaySettings) -> str:
    store = MediaStore(settings.media)
    async with store.part() as part:
        part.write(f"luma-gateway doctor {time.time()}".encode())
        name = await store.name_of(part, "txt")
        await store.place(part, name)
    await store.remove(name)
    return _("{place} takes files").format(place=settings.media)


async def _ask_itself(settings: GatewaySettings) -> str:
    await _get(f"{settings.url}/api/v1/services/", {})
    return _("the gateway answers at {address}").format(address=settings.url)


async def _get(url: str, headers: dict[str, str]) -> None:
    await AsyncHTTPClient().fetch(url, headers=headers, request_timeout=TIMEOUT, follow_redirects=False)
