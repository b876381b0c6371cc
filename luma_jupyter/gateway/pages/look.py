"""How pages look: templates, and the words, times and amounts in them. All that templates show is escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tornado.escape import to_unicode, xhtml_escape
from tornado.template import Loader
from tornado.web import StaticFileHandler

from luma_jupyter.domain.money import dollars
from luma_jupyter.gateway.media import MediaKind, media_url
from luma_jupyter.gateway.pages.steering import STOPPED
from luma_jupyter.gateway.records import MICROS, State, Submission
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.vendors import NAMES
from luma_jupyter.printable import printable

FOLDER = Path(__file__).parent
_STATES: Mapping[State, str] = {
    State.SENT: "being sent",
    State.ACCEPTED: "under way",
    State.COMPLETED: "done",
    State.FAILED: "failed",
    State.REFUSED: "refused",
    State.UNCONFIRMED: "unconfirmed",
    State.RELEASED: "released",
}
LONGEST_PROMPT = 300  # characters


def render(template: str, **values: Any) -> str:
    """A page as text."""
    return _loader().load(template).generate(**values).decode()


def shown(text: bytes | str) -> str:
    """A text as HTML, in an attribute's quotes too; templates give it in UTF-8."""
    return xhtml_escape(printable(to_unicode(text)))


def usd(amount: int | None, otherwise: str = "no cap") -> str:
    """An amount of the ledger as people read it; ``otherwise``: what None is called."""
    return otherwise if amount is None else dollars(amount / MICROS)


def time_of(moment: float | datetime) -> tuple[str, str]:
    """A moment (Unix seconds, or with its zone) for machines and, in UTC, for people."""
    at = moment.astimezone(UTC) if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M} UTC"


def prompt_of(submission: Submission) -> str:
    """What somebody asked for."""
    prompt = str(submission.body.get("prompt") or "(no words)")
    return prompt if len(prompt) <= LONGEST_PROMPT else prompt[: LONGEST_PROMPT - 1] + "…"


def state_of(submission: Submission) -> str:
    """Where a clip stands, in words."""
    return "stopped" if submission.error_code == STOPPED else _STATES[submission.state]


def money_of(submission: Submission) -> str:
    """What a clip costs, has cost, or holds, in words."""
    if submission.shared:
        return "a classmate's, free"
    if submission.state.without_task:
        return "nothing paid"
    if submission.state is State.COMPLETED:
        return usd(submission.price if submission.cost is None else submission.cost)
    if submission.state is State.FAILED:
        return usd(submission.cost) if submission.cost else "nothing paid"
    return f"{usd(submission.price)} reserved"


def key(name: str) -> str:
    """What an element of somebody's is called: letters and digits, whatever the name has."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]


def media_path(settings: GatewaySettings, submission: Submission, kind: MediaKind) -> str:
    """Where a page finds a video: the signed address, at the host where the browser sees the gateway."""
    return settings.service_prefix + media_url(settings, submission, kind).removeprefix(settings.url)


def static_folder() -> str:
    """Where the files are that all pages load."""
    return str(FOLDER / "static")


@cache
def static_version(name: str) -> str:
    """A number for one of these files, which is another one when it has changed."""
    return StaticFileHandler.get_content_version(str(FOLDER / "static" / name))[:16]


class StaticHandler(StaticFileHandler):
    """A file that all pages load."""

    def set_extra_headers(self, path: str) -> None:
        """Let no browser guess what it is."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")


@cache
def _loader() -> Loader:
    words = {
        "key": key,
        "media_path": media_path,
        "money_of": money_of,
        "prompt_of": prompt_of,
        "service": NAMES.get,
        "shown": shown,
        "state_of": state_of,
        "static_version": static_version,
        "time_of": time_of,
        "usd": usd,
    }
    return Loader(str(FOLDER), autoescape="shown", namespace=words)
