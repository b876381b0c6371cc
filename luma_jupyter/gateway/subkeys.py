"""AceDataCloud's sub-keys, one for each student, for those who want no gateway: ``luma-gateway subkeys``.

Each key has a limit of its own, which the vendor enforces; nothing binds the class as a whole. It shows a secret once,
so each goes into a file that nobody else may read as soon as it is made.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from luma_jupyter.errors import ConfigError, ConnectionLost
from luma_jupyter.gateway.records import MICROS
from luma_jupyter.gateway.settings import load_platform, read_dollars
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext
from luma_jupyter.printable import say
from luma_jupyter.providers.acedata_platform import AceDataPlatform, SubKey
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.settings import variable

T = TypeVar("T")

A_DAY = 86_400.0  # seconds
COLUMNS = ("name", "key", "id", "credits", "ends")
_MAKE = "`luma-gateway subkeys make NAME… --usd 3`"
Keep = Callable[[SubKey], None]


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Add what can be typed after ``luma-gateway subkeys``."""
    commands = parser.add_subparsers(metavar="make|list|end")
    make = commands.add_parser("make", help=_("make one for each student; the keys go into a file"))
    make.set_defaults(run=_make)
    make.add_argument("names", nargs="+", metavar="NAME", help=_("the students"))
    make.add_argument("--usd", required=True, help=_("what each of them may spend, in US dollars"))
    make.add_argument("--days", type=int, help=_("after how many days they end (default: when you end them)"))
    make.add_argument("--file", type=Path, default=Path("subkeys.csv"), help=_("a new file for the keys (subkeys.csv)"))
    commands.add_parser("list", help=_("show all")).set_defaults(run=show)
    end = commands.add_parser("end", help=_("end the keys of students"))
    end.set_defaults(run=_end)
    end.add_argument("names", nargs="+", metavar="NAME")


def show(typed: argparse.Namespace) -> None:
    """Print all keys of the account, without their secrets."""
    keys = _with_platform(typed, lambda platform: platform.sub_keys())
    say("\n".join(map(_line, keys)) or _("There are no sub-keys: {command} makes some.").format(command=_MAKE))


def _make(typed: argparse.Namespace) -> None:
    usd = read_dollars("--usd", typed.usd) / MICROS
    if not usd:
        raise ConfigError("--usd must be more than 0: a key without a limit spends what the account has.")
    if typed.days is not None and not 1 <= typed.days <= 3660:
        raise ConfigError("--days must be a whole number from 1 to 3660.")
    names = list(dict.fromkeys(typed.names))
    ends = None if typed.days is None else time.time() + typed.days * A_DAY
    load_platform(os.environ, typed.config)  # before there is a file
    with _key_file(typed.file) as keep:
        _with_platform(typed, lambda platform: _make_all(platform, names, usd, ends, keep))
    words = ngettext(
        "{count} sub-key is in {file}, and nowhere else. Each student sets {variable} to one.",
        "{count} sub-keys are in {file}, and nowhere else. Each student sets {variable} to one.",
        len(names),
    )
    say(words.format(count=len(names), file=typed.file, variable=variable("acedata_token")))


async def _make_all(
    platform: AceDataPlatform, names: Sequence[str], usd: float, ends: float | None, keep: Keep
) -> None:
    """Make a key for each name, unless somebody has one of that name already."""
    taken = {key.name for key in await platform.sub_keys()}.intersection(names)
    if taken:
        raise ConfigError(f"{', '.join(sorted(taken))}: has a sub-key already. End it first, or leave the name out.")
    credits, application_id = await platform.credits_for(usd), await platform.application_id()
    if credits is None:
        raise ConfigError("AceDataCloud does not tell what a credit costs, so no limit can be set: use its console.")
    for name in names:
        try:
            keep(await platform.make_sub_key(application_id, name, credits, ends))
        except ConnectionLost as error:
            raise ConfigError(
                f"{error} Perhaps the key of {name} was made, and nobody has it: type "
                f"`luma-gateway subkeys end {name}`, then make those that are missing in the file, with another --file."
            ) from error


def _end(typed: argparse.Namespace) -> int:
    async def run(platform: AceDataPlatform) -> int:
        keys = [key for key in await platform.sub_keys() if key.name in typed.names]
        for key in keys:
            await platform.end_sub_key(key.id)
        return len(keys)

    ended = _with_platform(typed, run)
    say(_("Sub-keys ended: {count}.").format(count=ended) if ended else _("None of them has a sub-key."))
    return 0 if ended else 1


@contextmanager
def _key_file(path: Path) -> Iterator[Keep]:
    """A new file for keys that this user alone may read; it is removed again where none came. Raises ConfigError."""
    try:
        file = open(path, "x", encoding="utf-8", newline="", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
    except FileExistsError:
        raise ConfigError(f"{path} exists already: name a new file with --file.") from None
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"{path} cannot be written ({reason}): name another file with --file.") from None
    kept = 0
    try:
        with file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)

            def keep(key: SubKey) -> None:
                nonlocal kept
                secret = key.secret.reveal() if key.secret else ""
                rows.writerow((key.name, secret, key.id, _amount(key.limit), _date(key.ends)))
                file.flush()
                kept += 1

            yield keep
    finally:
        if not kept:
            path.unlink()


def _line(key: SubKey) -> str:
    used, limit = (_amount(credits) or "?" for credits in (key.used, key.limit))
    words = (
        _("{used} of {limit} credits used, ends on {date}") if key.ends else _("{used} of {limit} credits used")
    ).format(used=used, limit=limit, date=_date(key.ends))
    return f"{key.name or _('(no name)')}  {words}"


def _amount(credits: float | None) -> str:
    return "" if credits is None else f"{credits:.10g}"


def _date(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _with_platform(typed: argparse.Namespace, use: Callable[[AceDataPlatform], Awaitable[T]]) -> T:
    """What ``use`` gives on AceDataCloud's platform."""

    async def run() -> T:
        url, token = load_platform(os.environ, typed.config)
        http = HttpClient()
        try:
            return await use(AceDataPlatform(http, url, token))
        finally:
            await http.aclose()

    return asyncio.run(run())
