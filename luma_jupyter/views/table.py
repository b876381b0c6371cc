"""How many clips look at once: from their states to text, HTML, and the live table's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.views.bar_html import bar_html
from luma_jupyter.views.clip_html import HOW_IT_STANDS, STOP_TOOLTIP
from luma_jupyter.views.clip_state import ClipState, relative_url
from luma_jupyter.views.html import HIDE_LOST_LIVE_PART, QUIET, escaped, frame, link
from luma_jupyter.views.text import (
    SHORT_STATUS_TEXT,
    as_of,
    clock,
    completion_text,
    request_summary,
    short,
    text_table,
    typical_time,
)

MOST_ROWS = 300  # rows in the HTML that is saved; with a thousand a notebook would grow by half a megabyte
MOST_WAITING_ROWS = 20  # while they are made the page may get them many times
MOST_NAMES = 5  # in the line that shows them
# A card breaks words anywhere, so its table would make columns as narrow as one letter.
_SHORT = "text-align:left;vertical-align:top;white-space:nowrap"
_LONG = "text-align:left;vertical-align:top;overflow-wrap:break-word"
_CELLS = {"Clip": _SHORT, "Video": _SHORT, "Time": _SHORT, "Prompt": _LONG, "Status": _LONG}
_HEAD = "".join(f'<th style="{style}">{name}</th>' for name, style in _CELLS.items())
# The order in which a summary names them.
_ORDER = (
    *(Status.COMPLETED, Status.SAVING, Status.RUNNING, Status.SUBMITTING, Status.QUEUED),
    *(Status.FAILED, Status.UNCONFIRMED, Status.DETACHED, Status.CANCELLED),
)

TableRow: TypeAlias = list[Any]


def summary(statuses: Sequence[Status]) -> str:
    """How many clips there are in which state: ``1,000 clips: 312 completed, 640 running, 48 queued``."""
    count = Counter(statuses)
    states = [f"{count[status]:,} {SHORT_STATUS_TEXT[status]}" for status in _ORDER if count[status]]
    return f"{len(statuses):,} clip{'' if len(statuses) == 1 else 's'}: {', '.join(states)}"


def live_row(state: ClipState) -> TableRow:
    """A row of the live table: [label, prompt, status, moving, since, took, model, file, request].

    ``since`` is when it was submitted, in Unix seconds, ``took`` how many seconds that was before its end, None while
    there is none. ``model`` names the curve of its bar, ``file`` is its video's relative address, ``request`` what was
    asked for beside the prompt: by that the rows of a grid differ.
    """
    task = state.task
    status = _outcome(state) if task.status.ended else SHORT_STATUS_TEXT[task.status]
    if task.problem:
        status += f" — ⚠ {short(task.problem, 80)}"
    took = round(state.elapsed, 1) if task.status.ended else None
    file = relative_url(state.file) if state.file and state.served else ""
    model = f"{task.provider} {task.request.action}"
    return [
        short(state.label, 80),
        short(task.request.prompt, 300),
        status,
        state.moving,
        round(state.now - state.elapsed, 1),
        took,
        model,
        file,
        request_summary(task),
    ]


def live_view(key: str, statuses: Sequence[Status], now: float) -> dict[str, Any]:
    """What the live table shows beside its rows; ``now`` in Unix seconds by the kernel's clock."""
    return {
        "key": key,
        "status": summary(statuses),
        "now": round(now, 1),
        "stop": "Stop following all" if any(status.stoppable for status in statuses) else "",
        "tooltip": STOP_TOOLTIP,
    }


def waiting_html(key: str, states: Sequence[ClipState]) -> str:
    """The card of clips that have not all ended, without its live part, which goes below it.

    As with the card of one clip, all that it says stays true in a page that has this alone.
    """
    heading = f"{summary([state.task.status for state in states])} ({as_of(max(state.now for state in states))})"
    timed = [state for state in states if state.timed]
    usual = (
        f"<div>each {typical_time(timed[-1])}</div>{bar_html(timed[-1].model.typical, timed[-1].elapsed)}"
        if timed
        else ""
    )
    names = list(dict.fromkeys(state.word.partition("[")[0] for state in states))
    more = " …" if len(names) > MOST_NAMES else ""
    how = HOW_IT_STANDS.format(words=escaped(" ".join(names[:MOST_NAMES]) + more))
    return frame(
        key,
        f'<div class="luma-later"><div style="font-weight:600">{escaped(heading)}</div>'
        f'{usual}{_table(states, MOST_WAITING_ROWS)}<div style="{QUIET}">{how}</div></div>{HIDE_LOST_LIVE_PART}',
    )


def final_html(key: str, states: Sequence[ClipState]) -> str:
    """Clips that have all ended, as HTML that needs no kernel, no widget and no script."""
    heading = escaped(summary([state.task.status for state in states]))
    return frame(key, f'<div style="font-weight:600">{heading}</div>{_table(states, MOST_ROWS)}')


def _table(states: Sequence[ClipState], most: int) -> str:
    rows = "".join(_row(state) for state in states[:most])
    left = len(states) - most
    more = f'<div style="{QUIET}">and {left:,} more: %luma history shows all</div>' if left > 0 else ""
    return (
        '<div style="overflow:auto;max-height:420px">'
        f"<table><thead><tr>{_HEAD}</tr></thead><tbody>{rows}</tbody></table></div>{more}"
    )


def _row(state: ClipState) -> str:
    task = state.task
    prompt = f"{escaped(short(task.request.prompt, 60))}<br><small>{escaped(request_summary(task))}</small>"
    if task.status.ended:
        video, time, status = (
            link(state.address, "Open") if state.address else "",
            clock(state.elapsed),
            _outcome(state),
        )
    else:
        video = link(relative_url(state.media), "When done") if state.media and state.served else ""
        time, status = "", SHORT_STATUS_TEXT[task.status]
    cells = (escaped(state.label), video, time, prompt, escaped(status))
    styled = [f'<td style="{style}">{cell}</td>' for style, cell in zip(_CELLS.values(), cells, strict=True)]
    return f"<tr>{''.join(styled)}</tr>"


def _outcome(state: ClipState) -> str:
    task = state.task
    if task.status is Status.COMPLETED:
        words = completion_text(state) if state.reused else SHORT_STATUS_TEXT[task.status]
        return f"{words} — ⚠ {state.loss}" if state.gone else words
    return f"{SHORT_STATUS_TEXT[task.status]}: {short(str(task.error or ''), 200)}"


def table_text(states: Sequence[ClipState]) -> str:
    """Clips as an aligned text table: name, what was asked for, service, status, time, prompt."""
    rows = [("NAME", "REQUEST", "SERVICE", "STATUS", "TIME", "PROMPT")]
    for state in states:
        task = state.task
        rows.append(
            (
                state.name or "-",
                request_summary(task),
                task.provider,
                f"{task.status}, file gone" if state.gone else task.status.value,
                clock(state.elapsed),
                short(task.request.prompt, 48),
            )
        )
    return text_table(rows)
