"""How many clips look at once: pure functions from their looks to text, HTML, and the live table's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from luma_jupyter.models import Status
from luma_jupyter.notebook.render import (
    HIDE_LOST_LIVE_PART,
    QUIET,
    STOP_TOOLTIP,
    Look,
    asked,
    clock,
    completed,
    escaped,
    frame,
    link,
    relative,
    short,
)

MOST_ROWS = 300  # rows in the HTML that is saved; with a thousand a notebook would grow by half a megabyte
# A card breaks words anywhere, so its table would make columns as narrow as one letter.
_SHORT = "text-align:left;vertical-align:top;white-space:nowrap"
_LONG = "text-align:left;vertical-align:top;overflow-wrap:break-word"
_CELLS = {"Clip": _SHORT, "Video": _SHORT, "Time": _SHORT, "Prompt": _LONG, "Status": _LONG}
_HEAD = "".join(f'<th style="{style}">{name}</th>' for name, style in _CELLS.items())
_STATES = {
    Status.COMPLETED: "completed",
    Status.SAVING: "saving",
    Status.RUNNING: "running",
    Status.SUBMITTING: "being sent",
    Status.QUEUED: "queued",
    Status.FAILED: "failed",
    Status.UNCONFIRMED: "unconfirmed",
    Status.DETACHED: "not followed any more",
    Status.CANCELLED: "cancelled",
}

Row = list[Any]


def summary(statuses: Sequence[Status]) -> str:
    """How many clips there are in which state: ``1,000 clips: 312 completed, 640 running, 48 queued``."""
    count = Counter(statuses)
    states = [f"{count[status]:,} {word}" for status, word in _STATES.items() if count[status]]
    return f"{len(statuses):,} clip{'' if len(statuses) == 1 else 's'}: {', '.join(states)}"


def live_row(look: Look) -> Row:
    """A row of the live table: [label, prompt, words, moving, since, took, law, file, asked].

    ``since`` is when it was submitted, in Unix seconds, ``took`` how many seconds that was before its end, None while
    there is none. ``law`` names the curve of its bar, ``file`` is its video's relative address, ``asked`` what was
    asked for beside the prompt: by that the rows of a grid differ.
    """
    task = look.task
    moving = task.status in (Status.RUNNING, Status.SAVING)
    said = _outcome(look) if task.status.ended else _STATES[task.status]
    if task.problem:
        said += f" — ⚠ {short(task.problem, 80)}"
    took = round(look.elapsed, 1) if task.status.ended else None
    file = relative(look.file) if look.file else ""
    law = f"{task.provider} {task.request.action}"
    return [
        _label(look),
        short(task.request.prompt, 300),
        said,
        moving,
        round(look.now - look.elapsed, 1),
        took,
        law,
        file,
        asked(task),
    ]


def table_view(key: str, statuses: Sequence[Status], now: float) -> dict[str, Any]:
    """What the live table shows beside its rows; ``now`` in Unix seconds by the kernel's clock."""
    stoppable = any(not status.ended and status is not Status.SAVING for status in statuses)
    return {
        "key": key,
        "words": summary(statuses),
        "now": round(now, 1),
        "stop": "Stop following all" if stoppable else "",
        "tooltip": STOP_TOOLTIP,
    }


def waiting_table(key: str, count: int) -> str:
    """The card of clips that have not all ended, without its live part, which goes below it. A page that is saved now
    keeps this."""
    return frame(
        key,
        f'<div style="font-weight:600">{count:,} clips</div>'
        '<details class="luma-later"><summary>This page was saved while the videos were being made</summary>'
        f"Show the clips in a cell to see how far they are.</details>{HIDE_LOST_LIVE_PART}",
    )


def final_table(key: str, looks: Sequence[Look]) -> str:
    """Clips that have all ended, as HTML that needs no kernel, no widget and no script."""
    rows = "".join(_final_row(look) for look in looks[:MOST_ROWS])
    left = len(looks) - MOST_ROWS
    more = f'<div style="{QUIET}">and {left:,} more: %luma history shows all</div>' if left > 0 else ""
    return frame(
        key,
        f'<div style="font-weight:600">{escaped(summary([look.task.status for look in looks]))}</div>'
        '<div style="overflow:auto;max-height:420px">'
        f"<table><thead><tr>{_HEAD}</tr></thead><tbody>{rows}</tbody></table></div>{more}",
    )


def _final_row(look: Look) -> str:
    task = look.task
    video = link(look.address, "Open") if look.address else ""
    prompt = f"{escaped(short(task.request.prompt, 60))}<br><small>{escaped(asked(task))}</small>"
    cells = (escaped(_label(look)), video, clock(look.elapsed), prompt, escaped(_outcome(look)))
    styled = zip(_CELLS.values(), cells, strict=True)
    return f"<tr>{''.join(f'<td style={chr(34)}{style}{chr(34)}>{cell}</td>' for style, cell in styled)}</tr>"


def _label(look: Look) -> str:
    return look.name or look.task.key


def _outcome(look: Look) -> str:
    task = look.task
    if task.status is Status.COMPLETED:
        return completed(look) if look.recalled else _STATES[task.status]
    return f"{_STATES[task.status]}: {short(str(task.error or ''), 200)}"


def table(looks: list[Look]) -> str:
    """Clips as an aligned text table: name, what was asked for, service, status, time, prompt."""
    rows = [("NAME", "REQUEST", "SERVICE", "STATUS", "TIME", "PROMPT")]
    for look in looks:
        task = look.task
        rows.append(
            (
                look.name or "-",
                asked(task),
                task.provider,
                task.status.value,
                clock(look.elapsed),
                short(task.request.prompt, 48),
            )
        )
    return text_table(rows)


def text_table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
