"""Who asks: users of the Hub by the token of their server, others by a token that the gateway has made.

For whom the Hub knew a moment ago it is not asked again, see `KNOWN_SECONDS`. While the Hub is down, those whom the
gateway knows go on for ``hub_grace`` seconds; all others are asked to come back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeAlias

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.records import Person
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.languages import N_
from luma_jupyter.languages import gettext as _

TEACHER_SCOPE = "custom:luma:teach"
TOKEN_PREFIX = "luma-"
KNOWN_SECONDS = 20.0  # so long a token counts after it was looked up, though its server may have stopped
AWAY_SECONDS = 5.0  # so long a Hub that did not answer is left alone
HUB_TIMEOUT = 5.0  # seconds
MOST_KNOWN = 10_000  # tokens
MOST_HUB_REQUESTS = 20  # at once

AskHub: TypeAlias = Callable[[str], Awaitable["Mapping[str, Any] | None"]]  # whose token it is; raises HubAway
log = logging.getLogger(__name__)


class HubAway(LumaError):
    """The Hub does not say who asks, and nobody else knows."""


class NotInClass(LumaError):
    """The Hub knows who asks, and that person may not use the gateway."""


@dataclass(frozen=True)
class _Known:
    """What is known of a token: whose it is (None: of nobody; an error: why not), and since when."""

    person: Person | NotInClass | None
    since: float


class Identity:
    """Tells who asks; ``clock`` is monotonic, in seconds."""

    def __init__(
        self,
        settings: GatewaySettings,
        database: Database,
        *,
        ask_hub: AskHub | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._tokens = Tokens(database)
        self._hub = Hub(settings.hub_api_url) if settings.hub_api_url else None
        self._ask_hub = ask_hub or (self._hub.user if self._hub else None)
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, asyncio.Task[_Known]] = {}
        self._hub_away_until = 0.0

    async def who(self, authorization: str | None) -> Person | None:
        """Whose token an Authorization header has; None where it is nobody's, or there is none.

        Raises NotInClass, HubAway, DatabaseAway.
        """
        scheme, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() not in ("bearer", "token") or not token:
            return None
        person = (await self._find(token)).person
        if isinstance(person, NotInClass):
            raise NotInClass(*person.args)
        return person

    def close(self) -> None:
        """Close the connections to the Hub."""
        if self._hub:
            self._hub.close()

    async def _find(self, token: str) -> _Known:
        """What is known of a token: from a moment ago, or asked for now, once for all who ask meanwhile."""
        key = token_hash(token)
        known = self._known.get(key)
        if known and self._clock() - known.since < KNOWN_SECONDS:
            return known
        if key not in self._asked:
            task = asyncio.ensure_future(self._look_up(token, known))
            self._asked[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        found = await asyncio.shield(self._asked[key])
        self._remember(key, found)
        return found

    def _forget(self, key: str, done: asyncio.Task[_Known]) -> None:
        self._asked.pop(key)
        if not done.cancelled():
            done.exception()  # those who asked were told, if they still are there

    async def _look_up(self, token: str, known: _Known | None) -> _Known:
        if token.startswith(TOKEN_PREFIX):
            return _Known(await self._tokens.person(token), self._clock())
        if self._ask_hub is None:
            return _Known(None, self._clock())
        try:
            if self._clock() < self._hub_away_until:
                raise HubAway("The Hub does not answer.")
            user = await self._ask_hub(token)
        except HubAway:
            self._hub_away_until = max(self._hub_away_until, self._clock() + AWAY_SECONDS)
            if known and known.person and self._clock() - known.since < self._settings.hub_grace:
                return known
            raise
        return _Known(self._person(user), self._clock())

    def _person(self, user: Mapping[str, Any] | None) -> Person | NotInClass | None:
        """The person that the Hub's answer tells of, if it may ask."""
        if user is None or user.get("kind") != "user" or not isinstance(user.get("name"), str):
            return None
        scopes = set(user.get("scopes") or ())
        if not scopes & {"access:services", f"access:services!service={self._settings.service_name}"}:
            return NotInClass(
                N_(
                    "You are not in a class that makes videos here. Your teacher can add you; then stop and start your "
                    "server."
                )
            )
        return Person(user["name"], tuple(user.get("groups") or ()), teaches=TEACHER_SCOPE in scopes)

    def _remember(self, key: str, found: _Known) -> None:
        self._known.pop(key, None)
        self._known[key] = found  # at the end: the first ones are those that were asked for longest ago
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]


class Hub:
    """The Hub's API at ``api_url``."""

    def __init__(self, api_url: str) -> None:
        self._url = f"{api_url}/user"

    @cached_property
    def _client(self) -> AsyncHTTPClient:
        """A client of the running loop that never waits for the loop's other requests."""
        defaults = {"connect_timeout": HUB_TIMEOUT, "request_timeout": HUB_TIMEOUT}
        return AsyncHTTPClient(force_instance=True, max_clients=MOST_HUB_REQUESTS, defaults=defaults)

    async def user(self, token: str) -> Mapping[str, Any] | None:
        """The user whose token it is (``GET /user``); None where the Hub takes it for nobody's. Raises HubAway."""
        request = HTTPRequest(self._url, headers={"Authorization": f"token {token}"}, follow_redirects=False)
        try:
            user = json.loads((await self._client.fetch(request)).body)
        except HTTPClientError as error:
            if error.code in (401, 403):
                return None
            log.warning("The Hub answers HTTP %s at %s.", error.code, self._url)
            raise HubAway("The Hub does not answer.") from None
        except (OSError, ValueError) as error:
            log.warning("The Hub does not answer at %s: %s.", self._url, type(error).__name__)
            raise HubAway("The Hub does not answer.") from None
        return user if isinstance(user, dict) else None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@dataclass(frozen=True)
class TokenRow:
    """One of the gateway's own tokens, without the token."""

    id: int
    name: str
    groups: tuple[str, ...]
    teaches: bool
    made_at: datetime
    ends_at: datetime | None
    ended_at: datetime | None

    def __str__(self) -> str:
        roles = [*self.groups, *([_("teacher")] if self.teaches else [])]
        times = {
            _("made on {date}"): self.made_at,
            _("ends on {date}"): self.ends_at,
            _("ended on {date}"): self.ended_at,
        }
        days = [words.format(date=f"{time:%Y-%m-%d}") for words, time in times.items() if time]
        return "  ".join([self.name, *([", ".join(roles)] if roles else []), ", ".join(days)])


class Tokens:
    """The gateway's own tokens: kept as hashes, so that the table gives nobody away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(self, person: Person, days: int | None = None) -> str:
        """Make a token for a person, which ends after so many days, if any; it is told this once."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO tokens (hash, name, groups, teaches, ends_at)"
                " VALUES (%s, %s, %s, %s, now() + make_interval(days => %s))",
                (token_hash(token), person.name, list(person.groups), person.teaches, days),
            )
        return token

    async def person(self, token: str) -> Person | None:
        """Whose token it is; None where it is nobody's, or has ended."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT name, groups, teaches FROM tokens"
                " WHERE hash = %s AND ended_at IS NULL AND (ends_at IS NULL OR ends_at > now())",
                (token_hash(token),),
            )
            row = await cursor.fetchone()
        return Person(row[0], tuple(row[1]), row[2]) if row else None

    async def list(self) -> Sequence[TokenRow]:
        """All tokens, the newest first."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT id, name, groups, teaches, made_at, ends_at, ended_at FROM tokens ORDER BY id DESC"
            )
            return [TokenRow(row[0], row[1], tuple(row[2]), *row[3:]) for row in await cursor.fetchall()]

    async def end(self, name: str) -> int:
        """End all tokens of a person; how many there were."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "UPDATE tokens SET ended_at = now() WHERE name = %s AND ended_at IS NULL", (name,)
            )
            return cursor.rowcount


def token_hash(token: str) -> str:
    """How a token is kept: its SHA-256 in hex. It is long and random, so that needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
