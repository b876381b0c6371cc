"""Words for people: times, sizes, what was asked for, how it stands; and clips as text where there is no page."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from socket import gethostname
from urllib.parse import quote, urlsplit

from luma_jupyter.domain.money import dollars
from luma_jupyter.domain.requests import ExtendRequest, FilmRequest, GenerateRequest, ModifyRequest, frames_in
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.printable import printable
from luma_jupyter.views.clip_state import ClipState

MOST_NAMED = 3  # clips that a film waits for
MOST_LINES = 60  # of clips in one text, or in a table that is saved as HTML: what a notebook keeps stays small

# What a status means: in short, where many clips stand below each other, and in full.
_SHORT = {Status.SUBMITTING: "being sent", Status.DETACHED: "not followed any more"}
SHORT_STATUS_TEXT: Mapping[Status, str] = {status: _SHORT.get(status, status.value) for status in Status}
STATUS_TEXT: Mapping[Status, str] = {
    **SHORT_STATUS_TEXT,
    Status.QUEUED: "queued: nothing is sent yet",
    Status.SUBMITTING: "sending the request",
    Status.RUNNING: "the service is making the video",
    Status.SAVING: "saving the video",
}


def clock(seconds: float) -> str:
    """Seconds as people read them: ``0:42``, ``12:05``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def as_of(now: float) -> str:
    """When something was so, as words that stay true: ``as of 2026-11-22 14:05:07``, by the kernel's clock."""
    return f"as of {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))}"


def file_size(bytes_: int) -> str:
    """A file size as people read it."""
    return f"{bytes_ / 1e6:.1f} MB" if bytes_ >= 1e5 else f"{bytes_ / 1e3:.0f} kB"


def short(text: str, length: int) -> str:
    """``text`` on one line, as it may be shown, cut to ``length`` characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1] + "…"


def completion_text(state: ClipState) -> str:
    """How long it took; or when it was made, where nothing was paid for it this time."""
    if not state.reused:
        return f"{STATUS_TEXT[Status.COMPLETED]} in {clock(state.elapsed)}"
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(state.task.created_at))
    return f"made on {made}, nothing paid; --again makes a new one"


def cost_text(task: Task) -> str:
    """What a real clip was expected to cost and what was charged: ``about $0.50, charged $0.48``; empty if unknown."""
    expected = f"about {dollars(task.price)}" if task.price else ""
    charged = ""
    if task.cost is not None:
        charged = f"charged {dollars(task.cost)}"
    elif task.credits is not None:
        charged = f"charged {task.credits:g} credits"
    same = task.cost is not None and task.price is not None and abs(task.cost - task.price) < 0.005
    return ", ".join(filter(None, [expected if not (charged and same) else "", charged])) if task.real else ""


def request_summary(task: Task) -> str:
    """What was asked for beside the prompt, in words: ``extend of sunset, take 2``, ``generate 9:16, loop``."""
    request = task.request
    if isinstance(request, FilmRequest):
        return _film_summary(request)
    if isinstance(request, GenerateRequest):
        words = [f"generate {request.aspect_ratio}"]
        if request.loop:
            words.append("loop")
        if not request.enhancement:
            words.append("no enhancement")
        ends = {"from": request.start_image, "to": request.end_image}
    else:
        words = [f"{request.action} of {short(task.source_label or 'a video', 40)}"]
        ends = {"to": request.end_image} if isinstance(request, ExtendRequest) else {}
    if isinstance(request, ModifyRequest) and request.watermark is not None:
        mark = request.watermark
        words.append(
            f"watermark {short(mark, 40)}" if isinstance(mark, str) else "watermark" if mark else "no watermark"
        )
    words += [f"{word} {image_name(image)}" for word, image in ends.items() if image]
    if request.take > 1:
        words.append(f"take {request.take}")
    return ", ".join(words)


def _film_summary(request: FilmRequest) -> str:
    count = len(request.parts)
    words = [f"film of {count:,} part{'' if count == 1 else 's'}"]
    if request.fade:
        words.append(f"fade {request.fade:g} s")
    sounds = {"music": request.music, "voice": request.voice}
    words += [f"{name} {short(file.name, 30)}" for name, file in sounds.items() if file]
    if any(part.caption for part in request.parts):
        words.append("captions")
    if request.size:
        words.append("{}×{}".format(*request.size))
    if request.fps:
        words.append(f"{request.fps:g} fps")
    return ", ".join(words)


def sources_text(task: Task) -> str:
    """What it was made from, as the user named it: a video, frames of clips, parts of a film; empty where there is
    nothing."""
    if isinstance(task.request, FilmRequest):
        return ", ".join(dict.fromkeys(map(str, task.request.parts)))
    frames = frames_in(task.request).values()
    return ", ".join(filter(None, [task.source_label, *map(str, frames)]))


def image_name(image: object) -> str:
    """A picture's name: of an address its last part, without what may be secret in it."""
    name = urlsplit(image).path.rpartition("/")[2] if isinstance(image, str) else str(image)
    return short(name or "a picture", 30)


def typical_time(state: ClipState) -> str:
    """How long such a clip takes."""
    return f"typically about {clock(state.model.typical)}"


def status_text(state: ClipState) -> str:
    """What is happening to a clip."""
    task = state.task
    if isinstance(task.request, FilmRequest):
        return _film_status_text(state)
    if task.upload:
        return f"{printable(task.upload)}; nothing is paid yet"
    if state.waits_for:
        return f"queued: waits for {printable(' and '.join(state.waits_for))}; nothing is sent yet"
    if task.status is Status.QUEUED and task.sent_at:
        return "in doubt: it is looked for at the service"
    return STATUS_TEXT[task.status]


def _film_status_text(state: ClipState) -> str:
    task = state.task
    if task.status is Status.QUEUED:
        return f"queued: waits for {printable(_joined(state.waits_for))}; nothing is made yet"
    if task.status is not Status.RUNNING:
        return STATUS_TEXT[task.status]
    how = f": {printable(task.making)}" if task.making else ""
    share = f" ({100 * task.progress:.0f} %)" if task.progress is not None else ""
    return f"making the film{how}{share}"


def _joined(names: Sequence[str]) -> str:
    """The clips that a film waits for, or its turn; of many the first ones."""
    more = len(names) - MOST_NAMED
    shown = list(names[:MOST_NAMED]) + ([f"{more} more"] if more > 0 else [])
    return " and ".join(shown) if len(shown) < 3 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def plain_text(state: ClipState, *, here: bool = False, links: bool = False) -> str:
    """A clip as text, for terminals and text-only exports.

    The path is relative to the notebook, so that a saved one does not tell where it lives; with ``here``, absolute, and
    with ``links`` a link for terminals.
    """
    task = state.task
    service = task.service_name + (", simulated" if task.provider == "demo" else "")
    name = short(state.name or "clip", 80)
    lines = [f"{name}: “{short(task.request.prompt, 60)}” ({request_summary(state.task)}, {service})"]
    if task.status is Status.COMPLETED:
        path = None if state.gone else task.path
        where = printable((path if here else state.file) or state.remote or "")
        if links and here and path:
            where = terminal_link(where, path.absolute().as_uri())
        lines.append(completion_text(state) + (f": {where}" if where else ""))
        lines += [printable(words) for words in (task.problem, state.loss) if words]
    elif task.status.ended:
        lines.append(f"{STATUS_TEXT[task.status]}: {task.error or ''}")
    else:
        lines.append(f"{status_text(state)} ({clock(state.elapsed)})")
    return "\n".join(lines)


def terminal_link(text: str, url: str) -> str:
    """A link for terminals: OSC 8 (gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda).

    That wants the machine's name in a file URL, so that over SSH nobody opens a file of another machine.
    """
    if url.startswith("file:///"):
        url = f"file://{quote(gethostname())}{url.removeprefix('file://')}"
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"


def progress_line(state: ClipState, width: int = 20) -> str:
    """One line for a terminal: name, bar, words and time."""
    task = state.task
    filled = int(width * state.share)
    bar = "█" * filled + "░" * (width - filled)
    typical = f", {typical_time(state)}" if state.moving else ""
    note = f" — {short(task.problem, 40)}" if task.problem else ""
    name = short(state.name or "clip", 80)
    return f"{name} {bar} {status_text(state)} ({clock(state.elapsed)}{typical}){note}"


def text_table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as aligned columns; what a cell has on several lines is on one."""
    rows = [tuple(printable(cell).replace("\n", " ") for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def lines_left_out(count: int) -> str:
    """How many clips a table does not have, which come before those that it has."""
    return f"{count:,} {'clip' if count == 1 else 'clips'} before these {'is' if count == 1 else 'are'} left out"
