"""The way in: by the Hub where there is one, or with one of the gateway's own tokens; and the way out."""

from __future__ import annotations

import re
import secrets

from luma_jupyter.gateway.pages.base import SESSION, SESSION_DAYS, PageHandler, cookie_options
from luma_jupyter.gateway.pages.oauth import SignInFailed, SignIns
from luma_jupyter.languages import N_

BROWSER = "luma-sign-in"  # the cookie of a browser in which sign-ins have begun
_PAGE = r"[a-z]*(?:/[a-z]+(?:\.csv)?)?(?:\?[\w.%&=+-]*)?"
LONGEST_TOKEN = 1000  # characters; browsers keep no cookie of more than some 4000


class SignInHandler(PageHandler):
    """A page of those who have not signed in yet."""

    open_to_all = True

    @property
    def sign_ins(self) -> SignIns:
        """The sign-ins of all replicas."""
        return SignIns(self.gateway.settings, self.gateway.database)

    def let_in(self, token: str, page: str) -> None:
        """Have the browser keep a token, and go to a page."""
        options = cookie_options(self.gateway.settings)
        self.set_signed_cookie(SESSION, token, expires_days=SESSION_DAYS, **options)
        self.redirect(page, status=303)

    def own_page(self, page: str) -> str:
        """``page``, where it is one of the gateway's; else the first one: nobody is sent elsewhere from here."""
        return page if re.fullmatch(rf"{re.escape(self.at())}{_PAGE}", page) else self.at()

    def show_form(self, problem: str = "") -> None:
        """Show where to type a token."""
        self.set_status(403 if problem else 200)
        page = self.own_page(self.get_argument("next", ""))
        hub = self.at("login", next=page) if self.gateway.settings.hub_api_url else None
        self.finish(self.html("login.html", title=N_("Sign in"), problem=problem, page=page, hub=hub))


class LoginHandler(SignInHandler):
    """``/login``."""

    async def get(self) -> None:
        """Go to the Hub; without one, or with ``?token``, show where to type a token."""
        if self.gateway.settings.hub_api_url is None or "token" in self.request.query_arguments:
            self.show_form()
            return
        cookie = self.get_signed_cookie(BROWSER)
        browser = cookie.decode("ascii") if cookie else secrets.token_urlsafe(24)
        options = cookie_options(self.gateway.settings)
        self.set_signed_cookie(BROWSER, browser, expires_days=None, **options)
        self.redirect(await self.sign_ins.begin(browser, self.own_page(self.get_query_argument("next", ""))))

    async def post(self) -> None:
        """Take a token."""
        token = self.get_body_argument("token", "")
        known = token.isascii() and len(token) <= LONGEST_TOKEN
        person = await self.gateway.identity.who(f"Bearer {token}") if known else None
        if person is None:
            self.show_form(
                N_("This token does not work. Check that it is complete, or ask your teacher for another one.")
            )
        else:
            self.let_in(token, self.own_page(self.get_body_argument("next", "")))


class CallbackHandler(SignInHandler):
    """``/oauth_callback``, where the Hub sends a browser back to."""

    async def get(self) -> None:
        """Take the code, and go where somebody wanted to."""
        cookie = self.get_signed_cookie(BROWSER)
        if cookie is None or self.gateway.settings.hub_api_url is None:
            raise SignInFailed
        begun = await self.sign_ins.end(self.get_query_argument("state", ""), cookie.decode("ascii"))
        code = self.get_query_argument("code", "")
        if not code:  # with what went wrong, in the Hub's words
            raise SignInFailed
        self.let_in(await self.sign_ins.token(code, begun.verifier), begun.page)


class LogoutHandler(SignInHandler):
    """``/logout``."""

    async def post(self) -> None:
        """Forget who it was."""
        options = cookie_options(self.gateway.settings)
        self.clear_cookie(SESSION, path=options["path"])
        self.finish(self.html("left.html", title=N_("Signed out")))
