"""How many clips look at once: from their states to text, HTML, and the live table's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import CLASS_GATEWAY, Status
from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.views.bar_html import bar_html
from luma_jupyter.views.clip_html import STOP_TOOLTIP, how_it_stands
from luma_jupyter.views.clip_state import ClipState, relative_url
from luma_jupyter.views.differing import common_beginning, differing_part
from luma_jupyter.views.html import HIDE_LOST_LIVE_PART, MOST_SAVED, QUIET, escaped, frame, isolated, link, saved_size
from luma_jupyter.views.text import (
    SHORT_STATUS_TEXT,
    as_of,
    clock,
    completion_text,
    reason_text,
    request_summary,
    short,
    text_table,
    typical_time,
)

MOST_ROWS = 100  # rows in what is saved; all others are there as long as the kernel lives
MOST_WAITING_ROWS = 20  # while they are made the page may get them many times
MOST_NAMES = 5  # in the line that shows them
# A card breaks words anywhere, so its table would make columns as narrow as one letter.
_SHORT = "text-align:left;vertical-align:top;white-space:nowrap"
_LONG = "text-align:left;vertical-align:top;overflow-wrap:break-word"
_CELLS = {
    N_("Clip"): _SHORT,
    N_("Video"): _SHORT,
    N_("Time"): _SHORT,
    N_("Prompt"): f"{_LONG};min-width:11em",
    N_("Status"): _LONG,
}
_TEXT_COLUMNS = (N_("Name"), N_("Request"), N_("Service"), N_("Status"), N_("Time"), N_("Prompt"))
# How many clips are in a state, in the order in which a summary names them.
_COUNTED = {
    Status.COMPLETED: N_("{count} completed"),
    Status.SAVING: N_("{count} saving"),
    Status.RUNNING: N_("{count} running"),
    Status.SUBMITTING: N_("{count} being sent"),
    Status.QUEUED: N_("{count} queued"),
    Status.FAILED: N_("{count} failed"),
    Status.UNCONFIRMED: N_("{count} unconfirmed"),
    Status.DETACHED: N_("{count} not watched any more"),
    Status.CANCELLED: N_("{count} cancelled"),
}

TableRow: TypeAlias = list[Any]


def summary(counts: Mapping[Status, int]) -> str:
    """How many clips there are in which state: ``1,000 clips: 312 completed, 640 running, 48 queued``."""
    total = sum(counts.values())
    states = [_(words).format(count=f"{counts[status]:,}") for status, words in _COUNTED.items() if counts.get(status)]
    return ngettext("{count} clip: {states}", "{count} clips: {states}", total).format(
        count=f"{total:,}", states=_(", ").join(states)
    )


def outcomes(counts: Mapping[Status, int]) -> dict[str, int]:
    """How many of those that have ended did so in which status."""
    return {status.value: counts[status] for status in _COUNTED if status.ended and counts.get(status)}


def live_row(state: ClipState, beginning: str = "") -> TableRow:
    """A row of the live table: [label, part of the prompt, status, moving, since, took, model, file, request, prompt].

    ``since`` is when it was submitted, in Unix seconds, ``took`` how many seconds that was before its end, None while
    there is none. ``model`` names the curve of its bar, ``file`` is its video's relative address, ``request`` what was
    asked for beside the prompt: by that the rows of a grid differ. ``beginning`` is what their prompts have in common.
    """
    task = state.task
    status = _outcome(state) if task.status.ended else translated(SHORT_STATUS_TEXT[task.status])
    if task.progress is not None:
        status += f", {100 * task.progress:.0f} %"
    if task.problem:
        status += f" — ⚠ {short(translated(task.problem), 80)}"
    took = round(state.elapsed, 1) if task.status.ended else None
    file = relative_url(state.file) if state.file and state.served else ""
    return [
        short(state.label, 80),
        short(differing_part(task.request.prompt, beginning), 300),
        status,
        state.moving,
        round(state.now - state.elapsed, 1),
        took,
        curve_name(task),
        file,
        request_summary(task),
        short(task.request.prompt, 300),
    ]


def curve_name(task: Task) -> str:
    """The name of the curve of its bar: tasks of a service that do the same take alike."""
    return f"{task.provider} {task.request.action}"


def live_view(key: str, counts: Mapping[Status, int], now: float) -> dict[str, Any]:
    """What the live table shows beside its rows; ``now`` in Unix seconds by the kernel's clock.

    ``total`` is how many rows there are, ``ended`` how many of them have ended, ``outcomes`` what these came to.
    """
    return {
        "key": key,
        "status": summary(counts),
        "now": round(now, 1),
        "total": sum(counts.values()),
        "ended": sum(count for status, count in counts.items() if status.ended),
        "outcomes": outcomes(counts),
        "stop": _("Stop watching all (the tasks may go on)") if _can_stop(counts) else "",
        "tooltip": _(STOP_TOOLTIP),
    }


def _can_stop(counts: Mapping[Status, int]) -> bool:
    return any(count and status.stoppable for status, count in counts.items())


def waiting_html(key: str, states: Sequence[ClipState], counts: Mapping[Status, int]) -> str:
    """The card of clips that have not all ended, without its live part, which goes below it.

    ``states`` are those of the first ones. As with the card of one clip, all that it says stays true in a page that has
    this alone.
    """
    heading = f"{summary(counts)} ({as_of(max(state.now for state in states))})"
    timed = [state for state in states if state.timed]
    usual = ""
    if timed:
        words = escaped(_("each {time}").format(time=typical_time(timed[-1])))
        usual = f"<div>{words}</div>{bar_html(timed[-1].model.typical, timed[-1].elapsed)}"
    names = list(dict.fromkeys(state.word.partition("[")[0] for state in states))
    left = sum(counts.values()) - min(len(states), MOST_WAITING_ROWS)
    rest = f'<div style="{QUIET}">{escaped(_("and {count} more").format(count=f"{left:,}"))}</div>' if left else ""
    more = " …" if len(names) > MOST_NAMES else ""
    how = how_it_stands(" ".join(names[:MOST_NAMES]) + more)
    return frame(
        key,
        f'<div class="luma-later"><div style="font-weight:600">{escaped(heading)}</div>'
        f'{usual}{_table(states[:MOST_WAITING_ROWS])}{rest}<div style="{QUIET}">{how}</div></div>{HIDE_LOST_LIVE_PART}',
    )


def final_html(key: str, states: Sequence[ClipState], counts: Mapping[Status, int]) -> str:
    """Clips that have all ended, as HTML that needs no kernel, no widget and no script.

    ``states`` are those of the first ones; where there are others, a live part may take its place.
    """
    heading = f'<div style="font-weight:600">{escaped(summary(counts))}</div>'
    left = sum(counts.values()) - len(states)
    if not left:
        return frame(key, f"{heading}{_table(states)}")
    rest = f'<div style="{QUIET}">{escaped(rest_text(left))}</div>'
    return frame(key, f'<div class="luma-later">{heading}{_table(states)}{rest}</div>{HIDE_LOST_LIVE_PART}')


def rest_text(left: int, part: str = "luma_jupyter.clips()[-50:]") -> str:
    """That so many clips are not in what is saved, and how to see them: all, or a ``part``."""
    return _(
        "and {count} more: run this cell again to scroll through all of them, or show a part, such as {part}"
    ).format(count=f"{left:,}", part=part)


def final_bundle(key: str, states: Sequence[ClipState], counts: Mapping[Status, int]) -> dict[str, str]:
    """Clips that have all ended, as HTML and text: as many of these first ones as fit into what is saved."""
    html, text = final_html(key, states, counts), rows_text(states, counts)
    if saved_size(html, text) <= MOST_SAVED or not states:
        return {"text/html": html, "text/plain": text}
    return final_bundle(key, states[: len(states) * 4 // 5], counts)


def rows_text(states: Sequence[ClipState], counts: Mapping[Status, int]) -> str:
    """The first ones as a table in text, and how many more there are."""
    left = sum(counts.values()) - len(states)
    return "\n".join([table_text(states), *([rest_text(left)] if left else [])])


def _table(states: Sequence[ClipState]) -> str:
    beginning = common_beginning(state.task.request.prompt for state in states)
    head = "".join(f'<th style="{style}">{escaped(_(name))}</th>' for name, style in _CELLS.items())
    rows = "".join(_row(state, beginning) for state in states)
    return (
        '<div style="overflow:auto;max-height:420px">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(state: ClipState, beginning: str) -> str:
    task = state.task
    part = short(differing_part(task.request.prompt, beginning), 60)
    prompt = f'<div dir="auto">{escaped(part)}</div><small>{escaped(request_summary(task))}</small>'
    if task.status.ended:
        video, time, status = (
            link(state.address, _("Open")) if state.address else "",
            clock(state.elapsed),
            _outcome(state),
        )
    else:
        video = link(relative_url(state.media), _("When done")) if state.media and state.served else ""
        time, status = "", translated(SHORT_STATUS_TEXT[task.status])
    name = isolated(state.name) if state.name else f"<small>{escaped(task.key)}</small>"
    cells = (name, video, time, prompt, escaped(status))
    styled = [f'<td style="{style}">{cell}</td>' for style, cell in zip(_CELLS.values(), cells, strict=True)]
    return f"<tr>{''.join(styled)}</tr>"


def _outcome(state: ClipState) -> str:
    task, status = state.task, translated(SHORT_STATUS_TEXT[state.task.status])
    if task.status is Status.COMPLETED:
        words = completion_text(state) if state.reused else status
        return f"{words} — ⚠ {state.loss}" if state.gone else words
    return _(": ").join([status, short(reason_text(task), 200)])


def table_text(states: Sequence[ClipState]) -> str:
    """Clips as an aligned text table: name, what was asked for, service, status, time, prompt."""
    beginning = common_beginning(state.task.request.prompt for state in states)
    rows = [tuple(_(name).upper() for name in _TEXT_COLUMNS)]
    for state in states:
        task = state.task
        status = translated(SHORT_STATUS_TEXT[task.status])
        rows.append(
            (
                state.name or "-",
                request_summary(task),
                translated(CLASS_GATEWAY) if task.gateway else task.provider,
                _("{status}, file gone").format(status=status) if state.gone else status,
                clock(state.elapsed),
                short(differing_part(task.request.prompt, beginning), 48),
            )
        )
    return text_table(rows)
