"""The pages for people: a teacher's, a student's, the wall. They are made here, and work without a script.

base       who may see a page and change something; what browsers are told; pages that are held until there is news
login      the way in: by the Hub, or with one of the gateway's own tokens
oauth      the sign-ins that have begun at the Hub, which all replicas know
overview   what the pages show
steering   what a teacher changes, each with a line in the audit log
student    the page of one's own clips
teacher    the class, its changes, what a teacher may do
wall       the latest videos, for a beamer
export     the same as tables
look       how it is shown: templates, and the words in them

Whatever a student typed is hostile here. Templates escape all that they show; a page may load and run nothing but its
own files (Content-Security-Policy); a change needs a token that only a page of ours has (XSRF), made of the session's
cookie, and so does whatever asks for a page without going there, since students' servers are on the Hub's origin, too.
"""

from __future__ import annotations

from typing import Any

from luma_jupyter.gateway.pages.base import cookie_options, cookie_secret
from luma_jupyter.gateway.pages.export import ClipsCsvHandler, StudentsCsvHandler
from luma_jupyter.gateway.pages.login import CallbackHandler, LoginHandler, LogoutHandler
from luma_jupyter.gateway.pages.look import StaticHandler, static_folder
from luma_jupyter.gateway.pages.student import HomeHandler, MyClipsHandler
from luma_jupyter.gateway.pages.teacher import ChangesHandler, ClassHandler, SteeringHandler
from luma_jupyter.gateway.pages.wall import WallHandler
from luma_jupyter.gateway.settings import GatewaySettings

ROUTES: list[tuple[Any, ...]] = [
    (r"/?", HomeHandler),
    (r"/login", LoginHandler),
    (r"/oauth_callback", CallbackHandler),
    (r"/logout", LogoutHandler),
    (r"/mine", MyClipsHandler),
    (r"/class", ClassHandler),
    (r"/class/(stop|release|hide|show|cap|pause|resume)", SteeringHandler),
    (r"/class/changes", ChangesHandler),
    (r"/class/clips\.csv", ClipsCsvHandler),
    (r"/class/students\.csv", StudentsCsvHandler),
    (r"/wall", WallHandler),
    (r"/static/(style\.css|live\.js)", StaticHandler, {"path": static_folder()}),
]


def application_settings(settings: GatewaySettings) -> dict[str, Any]:
    """What the application has to know of the pages: how cookies are signed, and which one a sign-in form has."""
    return {
        "cookie_secret": cookie_secret(settings),
        "xsrf_cookie_name": "luma-xsrf",
        "xsrf_cookie_kwargs": cookie_options(settings),
    }
