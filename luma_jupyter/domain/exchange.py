"""What went over the wire for a clip, step by step, and why: already masked and bounded, fit to be shown to anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

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
    waited: str = "until it could go on"


_ASKS = "It asks how the task gets on, which costs nothing."
WORDS: Mapping[Step, Words] = {
    Step.WRITTEN: Words(
        "Written down",
        "A moment before it is sent, the journal notes that it will be. Should the kernel end now, or the answer get "
        "lost, this clip still knows that it may have been paid for, and it is not sent a second time unasked.",
        "for the connection, and for the journal to be on the disk",
    ),
    Step.PRICE: Words("Price", "What this call costs is asked for before it is paid."),
    Step.BALANCE: Words("Balance", "A call that the balance does not cover is not sent at all."),
    Step.CHECK: Words(
        "Is it still there?",
        "Addresses of videos expire. Where this one is gone, the saved file is sent in its place.",
    ),
    Step.UPLOAD: Words(
        "Upload",
        "A file of yours gets an address at the service before anything is paid. The same content is uploaded once.",
        "for the file to be read",
    ),
    Step.SUBMIT: Words(
        "Request",
        "The one call that is paid for. It is sent again only where it certainly was not accepted, or cannot be paid "
        "twice. The service answers at once, with the id of a task, and makes the video afterwards.",
        "for the answer to be possible at all",
    ),
    Step.RESEND: Words(
        "Request, again",
        "It was sent before, and no answer came. It is repeated to the letter: under the same key where the service "
        "knows it by that, else because you said that it may be paid for twice.",
    ),
    Step.FIND: Words(
        "Looked for",
        "It was sent before, and no answer came. So it is looked for among the account's tasks before anything else.",
    ),
    Step.LOOK: Words(
        "Look-up", _ASKS, "the next look is when an end has become likely, by how long such tasks have taken so far"
    ),
    Step.LOOK_FIRST: Words(
        "Look-up", _ASKS, "the first look is when an end has become likely, by how long such tasks have taken so far"
    ),
    Step.LOOK_EARLY: Words(
        "Early look-up",
        f"{_ASKS} What is refused is mostly refused in the first seconds, so there are a few looks early on.",
        "an early look, as what is refused is mostly refused soon",
    ),
    Step.LOOK_ALONG: Words(
        "Look-up, taken along",
        f"{_ASKS} Another clip was due, and one request asks for many: it took this one along.",
        "until another clip was due, whose look-up took this one along",
    ),
    Step.LOOK_ASKED: Words("Look-up", _ASKS, "the service had asked to wait so long"),
    Step.LOOK_AFTER_FAULT: Words(
        "Look-up, again",
        f"{_ASKS} The look before had failed, which says nothing of the task.",
        "after a look-up that failed the service is left alone for a while, longer each time",
    ),
    Step.LOOK_UNKNOWN: Words(
        "Look-up, again",
        f"{_ASKS} The service did not know the task yet.",
        "a short while, until the service would know the task",
    ),
    Step.LOOK_HELD: Words(
        "Look-up",
        "It asks how the task gets on. A class gateway answers when there is news, so it is asked without a pause.",
    ),
    Step.LOOK_NOW: Words(
        "Look-up", f"{_ASKS} The time of a look has passed already, so it asks as soon as it can.", "for its turn"
    ),
    Step.VIDEO: Words(
        "Download",
        "The video is fetched and saved at once, as its address expires. The key is not sent there.",
        "for its turn among the downloads",
    ),
    Step.THUMBNAIL: Words("Poster", "The small picture of the video is fetched, for galleries."),
    Step.STATEMENT: Words("Statement", "What was charged is looked up in the service's statement."),
    Step.OTHER: Words("Request", "A version of luma_jupyter after this one recorded it."),
}
IDEMPOTENCY = (
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
        """Why it was done, in a sentence or a few."""
        sentences = [WORDS[self.step].why]
        if self.step in (Step.SUBMIT, Step.RESEND) and "Idempotency-Key" in self.headers:
            sentences.append(IDEMPOTENCY)
        if self.shared:
            sentences.append(f"One look-up for this and {self.shared} other clip{'' if self.shared == 1 else 's'}.")
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
