"""How pages look: templates, and the words, times and amounts in them. All that templates show is escaped.

A page is made in the language of its reader: of texts that are kept in English, templates show the translation.
"""

from __future__ import annotations

import hashlib
import re
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
from luma_jupyter.gateway.records import MICROS, STATE_TEXT, WALLET_TEXT, State, Submission
from luma_jupyter.gateway.settings import GatewaySettings
from luma_jupyter.gateway.submissions import passes
from luma_jupyter.gateway.vendors import NAMES
from luma_jupyter.languages import N_, language, language_of, reading, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import printable

FOLDER = Path(__file__).parent
STOPPED_TEXT = N_("stopped")  # the state of what a teacher has stopped
LONGEST_PROMPT = 300  # characters
# A language and how much it is liked, from 0 to 1, in an Accept-Language header (RFC 9110, 12.5.4).
_LIKED = re.compile(r"([A-Za-z][\w-]*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*(?:,|$)")


def render(template: str, accepted: str, **values: Any) -> str:
    """A page as text, for a reader whose browser sends this Accept-Language header."""
    with reading(reader_language(accepted)):
        return _loader().load(template).generate(**values).decode()


def reader_language(accepted: str) -> str:
    """The first language of an Accept-Language header that there is; else the gateway's own."""
    liked = sorted(_LIKED.findall(accepted), key=lambda found: -float(found[1] or 1))
    known = (language_of(name) for name, quality in liked if float(quality or 1))
    return next(filter(None, known), None) or language()


def filled(message: str, **slots: str) -> str:
    """A message as HTML; its slots take HTML."""
    return shown(message).format(**slots)


def shown(text: bytes | str) -> str:
    """A text as HTML, in an attribute's quotes too; templates give it in UTF-8."""
    return xhtml_escape(printable(to_unicode(text)))


def usd(amount: int | None, otherwise: str | None = None) -> str:
    """An amount of the ledger as people read it; ``otherwise``: what None is called, which is no cap."""
    return (otherwise or _("no cap")) if amount is None else dollars(amount / MICROS)


def time_of(moment: float | datetime) -> tuple[str, str]:
    """A moment (Unix seconds, or with its zone) for machines and, in UTC, for people."""
    at = moment.astimezone(UTC) if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M} UTC"


def time_tag(moment: float | datetime) -> str:
    """A moment as HTML, which a script of the page brings into the reader's zone."""
    machine, human = time_of(moment)
    return f'<time datetime="{machine}">{human}</time>'


def prompt_of(submission: Submission) -> str:
    """What somebody asked for."""
    prompt = str(submission.body.get("prompt") or _("(no prompt)"))
    return prompt if len(prompt) <= LONGEST_PROMPT else prompt[: LONGEST_PROMPT - 1] + "…"


def state_of(submission: Submission) -> str:
    """Where a clip stands, in words."""
    return _(STOPPED_TEXT if submission.error_code == STOPPED else STATE_TEXT[submission.state])


def problem_of(submission: Submission) -> str:
    """What went wrong with a clip, in words: those with which the service refused it stay as they are."""
    words = submission.error_message or ""
    refused = submission.state is State.REFUSED
    ours = submission.state in (State.UNCONFIRMED, State.RELEASED) or (refused and passes(submission.error_status))
    return translated(words) if ours else _(words)


def money_of(submission: Submission) -> str:
    """What a clip costs, has cost, or holds, in words."""
    if submission.shared:
        return _("a classmate’s, free")
    if submission.state.without_task:
        return _("no charge")
    if submission.state is State.COMPLETED:
        return usd(submission.price if submission.cost is None else submission.cost)
    if submission.state is State.FAILED:
        return usd(submission.cost) if submission.cost else _("no charge")
    return _("{amount} reserved").format(amount=usd(submission.price))


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
        "_": _,
        "filled": filled,
        "key": key,
        "language": language,
        "media_path": media_path,
        "money_of": money_of,
        "problem_of": problem_of,
        "prompt_of": prompt_of,
        "service": NAMES.get,
        "shown": shown,
        "state_of": state_of,
        "static_version": static_version,
        "time_tag": time_tag,
        "translated": translated,
        "usd": usd,
        "WALLET_TEXT": WALLET_TEXT,
    }
    return Loader(str(FOLDER), autoescape="shown", namespace=words)
