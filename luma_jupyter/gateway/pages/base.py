"""What all pages have in common: who may see one and change something, what browsers are told, faults in words."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Collection
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import urlencode

from tornado.web import Finish, HTTPError

from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.api import Gateway
from luma_jupyter.gateway.database import DatabaseAway
from luma_jupyter.gateway.handler import Handler
from luma_jupyter.gateway.identity import HubAway, NotInClass
from luma_jupyter.gateway.pages.look import render
from luma_jupyter.gateway.records import Person
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.languages import N_

SESSION = "luma-session"
SESSION_DAYS = 14  # as long as the Hub's own
HOLD = 20.0  # seconds that a page is held until it has changed, at most
SPACING = 0.5  # seconds between two times that it is made, however much news comes
LONGEST_NUMBER = 18  # digits, as PostgreSQL holds them in any case
# What pages say of what went wrong, by the HTTP status: a title, and what to do.
_NOTHING_HERE = N_("Nothing here"), N_("There is no page at this address.")
_FAULTS = {
    400: (N_("That did not work"), N_("Something in the form or the address is not right. Go back and try again.")),
    401: (N_("Signed out"), N_("You are signed out. Reload the page.")),
    403: (
        N_("Not allowed"),
        N_("This page is not for you, or it was open for too long. Go back, reload it and try again."),
    ),
    404: _NOTHING_HERE,
    405: _NOTHING_HERE,
    500: (
        N_("Something went wrong"),
        N_("This is a fault of the class gateway, not yours. Tell your teacher: its log says more."),
    ),
    503: (N_("One moment"), N_("The class gateway is busy. This passes by itself: try again in a moment.")),
}


class PageHandler(Handler):
    """A page, or what one of its forms asks for."""

    open_to_all: ClassVar[bool] = False  # also to those who have not signed in
    for_teachers: ClassVar[bool] = False

    person: Person | None = None
    asked_by_page = False  # until that is checked, answers have no token: a script that is refused reads them

    def initialize(self) -> None:
        """Prepare for one request."""
        self.nonce = secrets.token_urlsafe(16)
        self.gone = False
        self.set_header("Content-Security-Policy", _policy(self.nonce))

    @property
    def gateway(self) -> Gateway:
        """What the handlers share."""
        gateway: Gateway = self.settings["gateway"]
        return gateway

    @property
    def who(self) -> Person:
        """Who has signed in."""
        assert self.person
        return self.person

    def at(self, path: str = "", **query: Any) -> str:
        """The address of one of the gateway's pages."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{self.gateway.settings.service_prefix}/{path}" + (f"?{urlencode(given)}" if given else "")

    async def prepare(self) -> None:
        """Find out who asks, and whether that person may, from this very page."""
        self.check_page_asks()
        if self.open_to_all:
            return
        token = self.get_signed_cookie(SESSION, max_age_days=SESSION_DAYS)
        if token:
            self.person = await self.gateway.identity.who(f"Bearer {token.decode('ascii', 'replace')}")
        if self.person is None:
            self._ask_to_sign_in()
        await self.gateway.seen.note(self.who)
        if self.for_teachers and not self.who.teaches:
            raise HTTPError(403)

    def check_page_asks(self) -> None:
        """Refuse what only looks as if a person did it on a page of ours. Raises HTTPError.

        Students' servers are on the same origin, so that their scripts may ask for pages with a teacher's cookies: what
        does not go to a page, but fetches it, needs the token, too. Browsers tell on https only which is which.
        """
        changes = self.request.method not in ("GET", "HEAD")
        site = self.request.headers.get("Sec-Fetch-Site", "same-origin")
        if changes and site != "same-origin":
            raise HTTPError(403)
        if changes or self.request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            self.check_xsrf_cookie()
        self.asked_by_page = True

    @property
    def xsrf_token(self) -> bytes:
        """What a page of ours has, and a script that cannot read the session cookie cannot make.

        A cookie beside it would prove nothing: students' scripts plant cookies for our path. Who has no session has
        nothing to lose, and tornado's own token.
        """
        session = self.get_cookie(SESSION)
        return page_token(self.gateway.settings, session).encode() if session else super().xsrf_token

    def check_xsrf_cookie(self) -> None:
        """Refuse what does not have the token. Raises HTTPError."""
        if not self.get_cookie(SESSION):
            super().check_xsrf_cookie()
            return
        given = self.get_argument("_xsrf", "") or self.request.headers.get("X-XSRFToken", "")
        if not hmac.compare_digest(given.encode(), self.xsrf_token):
            raise HTTPError(403)

    def _ask_to_sign_in(self) -> None:
        if self.request.method != "GET" or self.request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            raise HTTPError(401)
        self.redirect(self.at("login", next=self.request.uri))
        raise Finish

    # Answers.

    def html(self, template: str, **values: Any) -> str:
        """A page as text."""
        return render(
            template,
            self.request.headers.get("Accept-Language", ""),
            at=self.at,
            nonce=self.nonce,
            person=self.person,
            settings=self.gateway.settings,
            xsrf=self.xsrf_token.decode("ascii") if self.asked_by_page else "",
            **values,
        )

    def set_default_headers(self) -> None:
        """Tell browsers to keep the page to itself."""
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Show a page that says what to do."""
        _, error, _ = kwargs.get("exc_info", (None, HTTPError(status_code), None))  # none where it was cancelled
        status, title, words = _fault(error)
        self.set_header("Content-Security-Policy", _policy(self.nonce))  # headers begin anew with an error
        if status == 503:
            self.set_header("Retry-After", "2")
        self.set_status(status)
        with suppress(RuntimeError):  # where the connection has gone
            self.finish(self.html("fault.html", title=title, words=words))

    def on_connection_close(self) -> None:
        """Let go of what is held."""
        super().on_connection_close()
        self.gone = True


class LivePageHandler(PageHandler):
    """A page that its script asks for again and again: each time it is held until it has changed (RFC 7240, RFC 9110).

    The script sends ``Prefer: wait`` and, as If-None-Match, what it shows.
    """

    async def page(self) -> str:
        """The page as it is now."""
        raise NotImplementedError

    def concerned(self) -> Collection[str] | None:
        """The submissions that the page shows; None: all."""
        return None

    async def get(self) -> None:
        """Show the page, once it is another one than the script has."""
        shown = self.request.headers.get("If-None-Match")
        html = await self.page()
        if self._tag(html) == shown and "Prefer" in self.request.headers:
            html = await self._changed(html)
        tag = self._tag(html)
        self.set_header("ETag", tag)
        if tag == shown:
            self.set_status(304)
        else:
            self.finish(html)

    async def _changed(self, html: str) -> str:
        """The page once it is another one, or as it is when it was held for long enough."""
        shown, loop = self._tag(html), asyncio.get_running_loop()
        until = loop.time() + HOLD
        with self.gateway.database.news("submissions", self.concerned()) as news:
            html = await self.page()  # what came before it was listened to
            while self._tag(html) == shown and loop.time() < until and not self._leaves():
                if await news.wait(SPACING):
                    await asyncio.sleep(SPACING)
                    html = await self.page()
        return html

    def _leaves(self) -> bool:
        return self.gone or self.gateway.draining.is_set()

    def _tag(self, html: str) -> str:
        """What is equal for equal pages: but for the nonce, which is another one each time."""
        same = html.replace(self.nonce, "")
        return f'"{hashlib.sha256(same.encode()).hexdigest()}"'

    def compute_etag(self) -> None:
        """None: `get` has said it."""


def cookie_options(settings: GatewaySettings) -> dict[str, Any]:
    """What browsers are told of each cookie: it is sent to the gateway alone, and no script reads it."""
    return {
        "path": f"{settings.service_prefix}/",
        "httponly": True,
        "samesite": "Lax",
        "secure": settings.url.startswith("https:"),
    }


def cookie_secret(settings: GatewaySettings) -> str:
    """By what cookies are signed."""
    return hmac.new(settings.signing_key.reveal().encode(), b"cookies", hashlib.sha256).hexdigest()


def page_token(settings: GatewaySettings, session: str) -> str:
    """What the pages of a session have, by its cookie: the same at all replicas."""
    return hmac.new(settings.signing_key.reveal().encode(), f"page\n{session}".encode(), hashlib.sha256).hexdigest()


def _fault(error: BaseException) -> tuple[int, str, str]:
    """The status of what went wrong, a title and what to do, in English."""
    words = None
    if isinstance(error, DatabaseAway | HubAway):
        status = 503
    elif isinstance(error, LumaError):
        status, words = 403 if isinstance(error, NotInClass) else 400, str(error)
    else:
        status = error.status_code if isinstance(error, HTTPError) and error.status_code < 500 else 500
    title, usual = _FAULTS.get(status, _FAULTS[400])
    return status, title, words or usual


def _policy(nonce: str) -> str:
    """What a page may load: files that it names itself, not all of its origin's, where students' servers are, too."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self'; media-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Type": "text/html; charset=utf-8",
    # Nobody who opened the page keeps a hand on it, not even from the same origin.
    "Cross-Origin-Opener-Policy": "noopener-allow-popups",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def number(handler: PageHandler, name: str) -> int | None:
    """A whole number of a form or an address; None where it is not given. Raises HTTPError for what is none."""
    typed = handler.get_argument(name, "")
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_NUMBER):
        raise HTTPError(400)
    return int(typed)
