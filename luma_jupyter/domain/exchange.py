"""What went over the wire for a clip, step by step, and why: already masked and bounded, fit to be shown to anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _

FIRST, LAST = 12, 24  # steps of a clip that are kept, where there are more: its beginning, and its end


class Step(StrEnum):
    """What an exchange was for. A look-up has several kinds, by what made its moment the right one."""

    WRITTEN = "written"
    PRICE = "price"
    BALANCE = "balance"
    CHECK = "check"
    UPLOAD = "upload"
    SUBMIT = "submit"
    RESEND = "resend"
    FIND = "find"
    LOOK = "look"
    LOOK_FIRST = "look_first"
    LOOK_EARLY = "look_early"
    LOOK_ALONG = "look_along"
    LOOK_ASKED = "look_asked"
    LOOK_AFTER_FAULT = "look_after_fault"
    LOOK_UNKNOWN = "look_unknown"
    LOOK_HELD = "look_held"
    LOOK_NOW = "look_now"
    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    STATEMENT = "statement"
    OTHER = "other"


class Words(NamedTuple):
    """What is said of a step: its ``title``, ``why`` it is done, and what was waited for before it (``waited``)."""

    title: str
    why: str
    waited: str = N_("until it could go on")


_ASKS = N_("It asks how the task gets on, which costs nothing.")
_SENT_BEFORE = N_("It was sent before, and no answer came.")
WORDS: Mapping[Step, Words] = {
    Step.WRITTEN: Words(
        N_("Written down"),
        N_(
            "A moment before it is sent, it is written down on your computer that it will be. Should the kernel end "
            "now, or the answer get lost, this clip still knows that it may have been paid for, and it is not sent a "
            "second time by itself."
        ),
        N_("for the connection, and until it was on the disk"),
    ),
    Step.PRICE: Words(N_("Price"), N_("What this call costs is asked for before it is paid.")),
    Step.BALANCE: Words(N_("Balance"), N_("A call that the balance does not cover is not sent at all.")),
    Step.CHECK: Words(
        N_("Is it still there?"),
        N_("Addresses of videos expire. Where this one is gone, the saved file is sent in its place."),
    ),
    Step.UPLOAD: Words(
        N_("Upload"),
        N_(
            "A file of yours gets an address at the service before anything is paid. The same content is uploaded "
            "only once."
        ),
        N_("for the file to be read"),
    ),
    Step.SUBMIT: Words(
        N_("Request"),
        N_(
            "The one call that is paid for. It is sent again only where it certainly was not accepted, or cannot be "
            "paid twice. The service answers at once, with the id of a task, and makes the video afterwards."
        ),
        N_("until there could be an answer"),
    ),
    Step.RESEND: Words(
        N_("Request, again"),
        _SENT_BEFORE
        + " "
        + N_(
            "The very same request is sent again: under the same key where the service knows it by that, else because "
            "you said that it may be paid for twice."
        ),
    ),
    Step.FIND: Words(
        N_("Looked for"), f"{_SENT_BEFORE} {N_('So it is looked for among the tasks of the account, before all else.')}"
    ),
    Step.LOOK: Words(N_("Look-up"), _ASKS, N_("the next look is when an end is likely, as long as such tasks take")),
    Step.LOOK_FIRST: Words(
        N_("Look-up"), _ASKS, N_("the first look is when an end is likely, as long as such tasks take")
    ),
    Step.LOOK_EARLY: Words(
        N_("Early look-up"),
        f"{_ASKS} {N_('What is refused is mostly refused in the first seconds, so it looks early, too.')}",
        N_("an early look, as what is refused is mostly refused soon"),
    ),
    Step.LOOK_ALONG: Words(
        N_("Look-up, together"),
        f"{_ASKS} {N_('It was the turn of another clip, and one request can ask for many: this one was in it.')}",
        N_("until it was the turn of another clip, whose look-up asked for this one, too"),
    ),
    Step.LOOK_ASKED: Words(N_("Look-up"), _ASKS, N_("the service had asked to wait so long")),
    Step.LOOK_AFTER_FAULT: Words(
        N_("Look-up, again"),
        f"{_ASKS} {N_('The look before had failed, which says nothing about the task.')}",
        N_("after a look-up that failed the service is left alone for a while, longer each time"),
    ),
    Step.LOOK_UNKNOWN: Words(
        N_("Look-up, again"),
        f"{_ASKS} {N_('The service did not know the task yet.')}",
        N_("a short while, until the service would know the task"),
    ),
    Step.LOOK_HELD: Words(
        N_("Look-up"),
        N_("It asks how the task gets on. A class gateway answers when there is news, so it is asked without a pause."),
    ),
    Step.LOOK_NOW: Words(
        N_("Look-up"),
        f"{_ASKS} {N_('The time of a look has passed already, so it asks as soon as it can.')}",
        N_("for its turn"),
    ),
    Step.VIDEO: Words(
        N_("Download"),
        N_("The video is fetched and saved at once, as its address expires. The key is not sent there."),
        N_("for its turn among the downloads"),
    ),
    Step.THUMBNAIL: Words(N_("Poster"), N_("The small picture of the video is fetched, for galleries.")),
    Step.STATEMENT: Words(N_("Statement"), N_("What was charged is looked up in the service's statement.")),
    Step.OTHER: Words(N_("Request"), N_("A newer version of luma_jupyter wrote this down.")),
}
IDEMPOTENCY = N_(
    "The Idempotency-Key is this clip's own: RunAPI, or a class gateway, takes a second request under the same key for "
    "the first one. (AceDataCloud itself does not read it.)"
)


@dataclass(frozen=True)
class Exchange:
    """One step of a clip: a request and its answer, or what was written down (then ``method`` is empty).

    ``at`` in Unix seconds, ``seconds``: how long it took. ``body`` and ``answer`` are text; ``status`` None: no answer
    came, and ``trouble`` says why. ``shared``: how many other clips the same look-up asked for.
    """

    at: float
    step: Step
    seconds: float = 0.0
    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    trouble: str = ""
    shared: int = 0

    @property
    def why(self) -> str:
        """Why it was done, in a sentence or a few, in the reader's language."""
        sentences = [translated(WORDS[self.step].why)]
        if self.step in (Step.SUBMIT, Step.RESEND) and "Idempotency-Key" in self.headers:
            sentences.append(_(IDEMPOTENCY))
        if self.shared:
            others = ngettext("{count} other clip", "{count} other clips", self.shared).format(count=self.shared)
            sentences.append(_("One look-up for this and {others}.").format(others=others))
        return " ".join(sentences)


@dataclass(frozen=True)
class Recorded:
    """The steps of a clip as far as they were kept, oldest first; ``left_out`` are missing behind the first ones."""

    exchanges: tuple[Exchange, ...] = ()
    left_out: int = 0

    def followed_by(self, more: Sequence[Exchange]) -> Recorded:
        """These and ``more`` ones, by when they began; without the middle where they are many."""
        all_of_them = tuple(sorted((*self.exchanges, *more), key=lambda exchange: exchange.at))
        spare = max(0, len(all_of_them) - FIRST - LAST)
        kept = all_of_them[:FIRST] + all_of_them[FIRST + spare :]
        return replace(self, exchanges=kept, left_out=self.left_out + spare)
