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
from luma_jupyter.gateway.records import MICROS, Vendor
from luma_jupyter.gateway.serve import PROGRAM
from luma_jupyter.gateway.settings import GatewaySettings, setting_variable
from luma_jupyter.gateway.storage import MediaStore
from luma_jupyter.gateway.trouble import Troubles
from luma_jupyter.gateway.vendors import NAMES, Vendors

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
    report.good("processes", _processes())
    async with Database(settings.database, size=2) as database:
        try:
            await _tell_of_rows(report, database)
            await _tell_of_money(report, database)
            for trouble in await Troubles(database).all():
                since = datetime.fromtimestamp(trouble.since).strftime("%Y-%m-%d %H:%M")
                report.wrong(f"{trouble.kind} {trouble.subject}".strip(), f"{trouble.words} (since {since})")
        except DatabaseAway as error:
            report.wrong("database", str(error))
    return report


def _processes() -> str:
    """The replicas and workers on this machine."""
    found = [_process_name(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"])]
    return f"on this machine, replicas: {found.count('replica')}, workers: {found.count('worker')}"


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
    report.good("clips", ", ".join(f"{number} {state}" for state, number in counts.items()) or "none yet")
    for row in await Ledger(database).unconfirmed():
        report.wrong(
            f"unconfirmed {row.id}",
            f"{row.owner}'s, {dollars(row.price / MICROS)}: look at {NAMES[row.vendor]}'s console; where it made "
            f"nothing, `luma-gateway release {row.id}`",
        )


async def _tell_of_money(report: Report, database: Database) -> None:
    ledger = Ledger(database)
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT reserved, spent, day = '-infinity' FROM wallets WHERE kind = 'class'"
            " AND day IN ('-infinity', (now() AT TIME ZONE 'utc')::date) ORDER BY day"
        )
        for reserved, spent, in_all in await cursor.fetchall():
            when = "in all" if in_all else "today"
            report.good(f"money {when}", f"{dollars(spent / MICROS)} spent, {dollars(reserved / MICROS)} under way")
    differences = await ledger.check()
    for difference in differences:
        report.wrong("wallets", difference)
    if not differences:
        report.good("wallets", "equal to the clips")


# Whether everything works.


async def examine(settings: GatewaySettings) -> Report:
    """See that everything that the gateway needs works, and say what to do where it does not."""
    report = Report()
    async with Database(settings.database, size=2) as database:
        vendors = Vendors(settings, Troubles(database))
        try:
            await _try(report, "database", "put `database` right, or start PostgreSQL", lambda: _ask_database(database))
            await _try(report, "Hub", f"put {setting_variable('hub_api_url')} right", lambda: _ask_hub(settings))
            for vendor in ("acedata", "runapi"):
                await _examine_vendor(report, settings, vendors, vendor)
            await _try(report, "media", "let the gateway write there", lambda: _write(settings))
            await _try(report, "address", "start the gateway, and put `url` right", lambda: _ask_itself(settings))
        finally:
            await vendors.aclose()
    return report


async def _try(report: Report, subject: str, remedy: str, ask: Callable[[], Awaitable[str]]) -> None:
    """Ask one question: what it gives is good; what it raises is wrong, and ``remedy`` says what to do."""
    try:
        async with asyncio.timeout(TIMEOUT):
            report.good(subject, await ask())
    except TimeoutError:
        report.wrong(subject, f"No answer in {TIMEOUT:.0f} s. To do: {remedy}.")
    except (LumaError, OSError) as error:
        report.wrong(subject, f"{str(error).rstrip('.')}. To do: {remedy}.")
    except HTTPClientError as error:
        report.wrong(subject, f"HTTP {error.code}. To do: {remedy}.")


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
    return f"PostgreSQL {version}, its tables are up to date"


async def _ask_hub(settings: GatewaySettings) -> str:
    if settings.hub_api_url is None:
        return "none: only the gateway's own tokens count"
    headers = {"Authorization": f"token {settings.hub_api_token.reveal()}"} if settings.hub_api_token else {}
    await _get(f"{settings.hub_api_url}/{'user' if headers else ''}", headers)
    return f"answers at {settings.hub_api_url}"


async def _examine_vendor(report: Report, settings: GatewaySettings, vendors: Vendors, vendor: Vendor) -> None:
    key = "acedata_token" if vendor == "acedata" else "runapi_key"
    if getattr(settings, key) is None:
        report.good(NAMES[vendor], f"no key, so nothing is made there ({setting_variable(key)})")
        return

    async def ask() -> str:
        await vendors.client(vendor).check()
        return f"the key works; a video costs {dollars(await vendors.price(vendor) / MICROS)}"

    await _try(report, NAMES[vendor], f"put {setting_variable(key)} right", ask)
    if vendor == "acedata" and settings.acedata_platform_token:

        async def ask_platform() -> str:
            left = (await vendors.client("acedata").balance()).left
            return "the token works" if left is None else f"the token works; {dollars(left)} are left"

        remedy = f"put {setting_variable('acedata_platform_token')} right"
        await _try(report, "AceDataCloud's platform", remedy, ask_platform)


async def _write(settings: GatewaySettings) -> str:
    store = MediaStore(settings.media)
    async with store.part() as part:
        part.write(f"luma-gateway doctor {time.time()}".encode())
        name = await store.name_of(part, "txt")
        await store.place(part, name)
    await store.remove(name)
    return f"{settings.media} takes files"


async def _ask_itself(settings: GatewaySettings) -> str:
    await _get(f"{settings.url}/api/v1/services/", {})
    return f"the gateway answers at {settings.url}"


async def _get(url: str, headers: dict[str, str]) -> None:
    await AsyncHTTPClient().fetch(url, headers=headers, request_timeout=TIMEOUT, follow_redirects=False)
