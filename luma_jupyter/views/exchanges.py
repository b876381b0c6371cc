"""`Explanation`: what went over the wire for a clip, step by step and why; as text, and as a timeline that unfolds.

The timeline is plain HTML (``<details>``), so it works in saved notebooks, in those of others, and without a script.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from textwrap import indent, wrap

from luma_jupyter.domain.exchange import FIRST, WORDS, Exchange, Recorded, Step
from luma_jupyter.domain.task import Task
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext, translated
from luma_jupyter.printable import printable, writable
from luma_jupyter.settings import variable
from luma_jupyter.views.html import MOST_SAVED, QUIET, escaped, frame, saved_size
from luma_jupyter.views.text import short

# Characters of a body: the first of these with which an output is small enough; 0: requests and answers are left out.
LIMITS = (20_000, 2_000, 500, 100, 0)
LEAST_WAIT = 0.05  # seconds of a pause that is told
_WIDTH = 100  # characters of a line of a text
_REQUESTS = (Step.SUBMIT, Step.RESEND)
_OF_REQUEST = (Step.WRITTEN, *_REQUESTS)
_PRE = (
    "margin:4px 0;padding:6px 8px;border:1px solid rgba(128,128,128,.4);border-radius:4px;white-space:pre-wrap;"
    "overflow-wrap:anywhere;font-size:12px;line-height:1.4;"
)
_TRACK = "height:4px;border-radius:2px;background:rgba(128,128,128,.25);margin:2px 0 0"
_BAR = "height:4px;border-radius:2px;min-width:3px;background:rgba(128,128,128,1);"  # a page cuts the theme's colours
_TIME = "display:inline-block;min-width:68px;font-variant-numeric:tabular-nums;"


@dataclass(frozen=True)
class _Moment:
    """A step as it is shown: ``since`` the beginning (seconds), and what was waited for before it (a sentence)."""

    exchange: Exchange
    since: float
    title: str
    waited: str


class Explanation:
    """What went over the wire for a clip, oldest first: iterate over it for each `Exchange`.

    ``label``: what the clip is called; ``note``: what there is, and is not, in a line.
    """

    def __init__(self, label: str, task: Task, recorded: Recorded, note: str) -> None:
        self._label = label
        self._task = task
        self._recorded = recorded
        self.note = note
        self.exchanges = recorded.exchanges

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)

    def __len__(self) -> int:
        return len(self.exchanges)

    def __getitem__(self, number: int) -> Exchange:
        return self.exchanges[number]

    def __repr__(self) -> str:
        return writable(self._text(self._limit))

    def _repr_html_(self) -> str:
        return self._html(self._limit)

    @property
    def _limit(self) -> int:
        """How much of each body is shown, so that the notebook that keeps this stays small."""
        small = (limit for limit in LIMITS if saved_size(self._html(limit), self._text(limit)) <= MOST_SAVED)
        return next(small, LIMITS[-1])

    @property
    def _head(self) -> str:
        return _(": ").join([self._label, f"“{short(self._task.request.prompt, 100)}”"])

    @property
    def _beginning(self) -> float:
        """The moment from which seconds count: when the clip was asked for, if what is here begins with its request."""
        first = self.exchanges[0].at
        whole = any(exchange.step in _REQUESTS for exchange in self.exchanges)
        return min(self._task.created_at, first) if whole else first

    @property
    def _facts(self) -> str:
        """How many steps there were, and when."""
        count, last = len(self.exchanges), self.exchanges[-1]
        begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self._beginning))
        seconds = last.at + last.seconds - self._beginning
        steps = ngettext(
            "{count} step in {time}, counted from {beginning}",
            "{count} steps in {time}, counted from {beginning}",
            count,
        ).format(count=f"{count:,}", time=_seconds(seconds), beginning=begun)
        return f"{translated(self._task.service_name)} · {steps}"

    def _moments(self) -> Iterator[_Moment]:
        """The steps with what was waited for before each, and which try of the request it is."""
        tries, before = 0, None
        for exchange in self.exchanges:
            tries += exchange.step in _REQUESTS
            title = translated(WORDS[exchange.step].title)
            if tries > 1 and exchange.step in _REQUESTS:
                title = _("{step} (try {number})").format(step=title, number=tries)
            since = exchange.at - self._beginning
            yield _Moment(exchange, since, title, _waited(before, exchange, since))
            before = exchange

    def _quiet(self, number: int, moment: _Moment) -> str:
        """What is said before a step: that others are left out, or what was waited for."""
        left_out = self._recorded.left_out
        if left_out and number == min(FIRST, len(self.exchanges) // 2):
            return ngettext(
                "… {count} more step in between, of which nothing is kept",
                "… {count} more steps in between, of which nothing is kept",
                left_out,
            ).format(count=f"{left_out:,}")
        return moment.waited

    # As text.

    def _text(self, limit: int) -> str:
        lines = [self._head]
        if self.exchanges:
            lines.append(self._facts)
        if self.note:
            lines.append(self.note)
        for number, moment in enumerate(self._moments()):
            if quiet := self._quiet(number, moment):
                lines += ["", *_margined(quiet)]
            outcome = _(": ").join([moment.title, _outcome(moment.exchange)])
            lines += ["", f"{_seconds(moment.since):>9}  {outcome}"]
            lines += _margined("\n".join(wrap(moment.exchange.why, _WIDTH)))
            for _name, part in _parts(moment.exchange, limit):
                lines += ["", *_margined(part)]
        return "\n".join(lines)

    # As HTML.

    def _html(self, limit: int) -> str:
        parts = [f'<div dir="auto" style="font-weight:600">{escaped(self._head)}</div>']
        if self.exchanges:
            parts.append(f'<div style="{QUIET}">{escaped(self._facts)}</div>')
        if self.note:
            parts.append(f"<div>{escaped(self.note)}</div>")
        if self.exchanges:
            parts.append(f'<ol style="list-style:none;margin:6px 0 0;padding:0">{"".join(self._items(limit))}</ol>')
        return frame(f"explain-{self._task.key}", "".join(parts), wide=True)

    def _items(self, limit: int) -> Iterator[str]:
        last = self.exchanges[-1]
        total = max(last.at + last.seconds - self._beginning, 1e-3)
        for number, moment in enumerate(self._moments()):
            if quiet := self._quiet(number, moment):
                yield f'<li style="{QUIET}margin:4px 0 4px 16px">{escaped(quiet)}</li>'
            yield f'<li style="margin:4px 0">{_item(moment, total, limit)}</li>'


def _margined(text: str) -> list[str]:
    """The lines of a text behind a margin."""
    return indent(text, " " * 11).split("\n")


def _item(moment: _Moment, total: float, limit: int) -> str:
    """A step that unfolds, with a bar that says when it was, of a time of ``total`` seconds."""
    exchange = moment.exchange
    begin = min(100 * moment.since / total, 99.0)
    width = min(100 * exchange.seconds / total, 100 - begin)
    summary = (
        f'<summary style="cursor:pointer"><span style="{_TIME}">{_seconds(moment.since)}</span> '
        f"<b>{escaped(moment.title)}</b> {escaped(_outcome(exchange))}"
        f'<div aria-hidden="true" style="{_TRACK}"><div style="{_BAR}margin-left:{begin:.1f}%;width:{width:.1f}%">'
        "</div></div></summary>"
    )
    parts = "".join(
        f'<div style="{QUIET}">{escaped(name)}</div><pre dir="ltr" style="{_PRE}">{escaped(part)}</pre>'
        for name, part in _parts(exchange, limit)
    )
    return f'<details>{summary}<div style="margin:4px 0 8px 16px">{escaped(exchange.why)}{parts}</div></details>'


def _waited(before: Exchange | None, exchange: Exchange, since: float) -> str:
    """What was waited for before a step; empty where it came at once."""
    seconds = since if before is None else exchange.at - before.at - before.seconds
    if seconds < LEAST_WAIT:
        return ""
    return _("waited {time}: {reason}").format(time=_seconds(seconds), reason=_reason(before, exchange))


def _reason(before: Exchange | None, exchange: Exchange) -> str:
    if before is None:
        return _("for its turn, and for what it is made from")
    tried = before.step in _OF_REQUEST and exchange.step in _OF_REQUEST
    if before.status == 429:
        asked = before.answer_headers.get("Retry-After")
        if asked:
            return _("the service takes only so many requests, and asked to wait (Retry-After: {seconds})").format(
                seconds=asked
            )
        return _("the service takes only so many requests")
    if (tried or before.step is exchange.step) and (before.trouble or (before.status or 0) >= 400):
        return _("a pause before the next try, a longer one each time")
    return translated(WORDS[exchange.step].waited)


def _outcome(exchange: Exchange) -> str:
    """A step in a line: what was asked where, and how it ended."""
    took = _seconds(exchange.seconds) if exchange.seconds >= 1 else f"{1000 * exchange.seconds:.0f} ms"
    if not exchange.method:
        return _("on this computer, in {time}").format(time=took)
    if exchange.status:
        answer = _("{status} in {time}").format(status=exchange.status, time=took)
    else:
        answer = _("no answer in {time}").format(time=took)
    shared = ""
    if exchange.shared:
        shared = ngettext(
            ", shared with {count} other clip", ", shared with {count} other clips", exchange.shared
        ).format(count=exchange.shared)
    trouble = f" ({short(translated(exchange.trouble), 200)})" if exchange.trouble else ""
    return f"{exchange.method} {short(exchange.url, 120)} → {answer}{shared}{trouble}"


def _parts(exchange: Exchange, limit: int) -> Iterator[tuple[str, str]]:
    """The request and the answer as HTTP writes them, each with its name."""
    if exchange.method and limit:
        yield _("What was sent"), _http(f"{exchange.method} {exchange.url}", exchange.headers, exchange.body, limit)
    if exchange.status and limit:
        yield _("What came back"), _http(_status(exchange.status), exchange.answer_headers, exchange.answer, limit)


def _http(first: str, headers: Mapping[str, str], body: str, limit: int) -> str:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        text = _indented(body)
        more = _("cut here: `body` and `answer` of the step have more")
        lines += ["", text if len(text) <= limit else f"{text[:limit]}… ‹{more}›"]
    return printable("\n".join(lines))


def _indented(body: str) -> str:
    """JSON as people read it; anything else as it is."""
    with suppress(ValueError, RecursionError):
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    return body


def _status(status: int) -> str:
    with suppress(ValueError):
        return f"{status} {HTTPStatus(status).phrase}"
    return str(status)


def _seconds(seconds: float) -> str:
    """Seconds with as many digits as say something."""
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:,.1f} s"


def what_there_is(task: Task, exchanges: Sequence[Exchange], *, kept: bool, elsewhere: bool) -> str:
    """What is recorded of a clip, and what is not, in a line; empty where that is all of it.

    ``kept``: whether the settings say to record; ``elsewhere``: another kernel watches it.
    """
    if task.provider == "local":
        return _("A film is made on this computer, of files: nothing was sent for it.")
    words = [] if exchanges else [_words_of_none(task, kept=kept)]
    if exchanges and task.task_id and not any(exchange.step in _REQUESTS for exchange in exchanges):
        words.append(_("Its request is not here: another program sent it, or it was sent before this was recorded."))
    if task.gateway and exchanges:
        words.append(_("Only the class gateway knows what it sent to the service for it, and when."))
    if elsewhere:
        words.append(_("Another kernel watches it, and writes down its steps now and then."))
    return " ".join(words)


def _words_of_none(task: Task, *, kept: bool) -> str:
    if task.sent_at is None and (task.status.without_task or not task.status.ended):
        return _("Nothing was sent for it.") if task.status.ended else _("Nothing was sent for it yet.")
    if not kept:
        return _(
            "Nothing is recorded of it, as keep_exchanges is off. To have the steps of new clips recorded, set "
            "{variable}=1, or luma_jupyter.configure(keep_exchanges=True)."
        ).format(variable=variable("keep_exchanges"))
    return _("Nothing is recorded of it here: it was made on another computer, by an earlier version, or too long ago.")
