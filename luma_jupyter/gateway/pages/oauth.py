"""Signing in at the Hub (OAuth 2 with PKCE, RFC 7636), begun at one replica and ended at another.

JupyterHub's own class for it keeps what has begun in the memory of its process; here it is in PostgreSQL.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.identity import HUB_TIMEOUT, HubAway
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.languages import N_

LASTS = 600.0  # seconds in which somebody has to have signed in


class SignInFailed(LumaError):
    """The Hub did not say who it is."""

    def __init__(self) -> None:
        super().__init__(N_("Signing in took too long, or began in another browser. Sign in again."))


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun: its PKCE verifier, and the page to go to afterwards."""

    verifier: str
    page: str


class SignIns:
    """The sign-ins of all replicas."""

    def __init__(self, settings: GatewaySettings, database: Database) -> None:
        self._settings = settings
        self._database = database

    async def begin(self, browser: str, page: str) -> str:
        """The Hub's address at which somebody signs in, who is to come back with the same ``browser`` (a secret)."""
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM logins WHERE begun_at < now() - make_interval(secs => %s)", (LASTS,))
            await connection.execute(
                "INSERT INTO logins (state, browser, verifier, page) VALUES (%s, %s, %s, %s)",
                (state, _digest(browser), verifier, page),
            )
        query = {
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": _digest(verifier),
            "code_challenge_method": "S256",
        }
        # As a path: browsers see the Hub at another host than the gateway does, the one where they see the gateway.
        return f"{urlsplit(self._hub_api_url).path}/oauth2/authorize?{urlencode(query)}"

    async def end(self, state: str, browser: str) -> Begun:
        """A sign-in that has begun, which ends by this, once. Raises SignInFailed."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "DELETE FROM logins WHERE state = %s AND browser = %s"
                " AND begun_at > now() - make_interval(secs => %s) RETURNING verifier, page",
                (state, _digest(browser), LASTS),
            )
            row = await cursor.fetchone()
        if row is None:
            raise SignInFailed
        return Begun(*row)

    async def token(self, code: str, verifier: str) -> str:
        """Somebody's token, for the code with which the Hub sent back a browser. Raises SignInFailed, HubAway."""
        given = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "client_secret": self._settings.hub_api_token.reveal() if self._settings.hub_api_token else "",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": self._redirect_uri,
        }
        url = f"{self._hub_api_url}/oauth2/token"
        try:
            answer = await self._client.fetch(url, method="POST", body=urlencode(given), follow_redirects=False)
            return str(json.loads(answer.body)["access_token"])
        except HTTPClientError as error:
            if error.code in (400, 401, 403):
                raise SignInFailed from None
            raise HubAway(N_("The Hub does not answer.")) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise HubAway(N_("The Hub does not answer.")) from None

    @cached_property
    def _client(self) -> AsyncHTTPClient:
        defaults = {"connect_timeout": HUB_TIMEOUT, "request_timeout": HUB_TIMEOUT}
        return AsyncHTTPClient(force_instance=True, max_clients=100, defaults=defaults)

    @property
    def _hub_api_url(self) -> str:
        assert self._settings.hub_api_url
        return self._settings.hub_api_url

    @property
    def _client_id(self) -> str:
        """What the Hub calls a service as an OAuth client."""
        return f"service-{self._settings.service_name}"

    @property
    def _redirect_uri(self) -> str:
        return f"{self._settings.service_prefix}/oauth_callback"


def _digest(secret: str) -> str:
    """SHA-256 as PKCE writes it: base64url without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode("ascii").rstrip("=")
