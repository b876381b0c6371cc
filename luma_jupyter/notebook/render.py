"""How a clip looks: pure functions from a snapshot to HTML, text and the live card's data. No IPython, no I/O.

The finished HTML must survive saving, export, both themes, and JupyterLab's sanitizer for notebooks from elsewhere.
That one keeps a relative ``src`` on ``<video>`` itself and inline styles, and drops ``<source>`` children and
``<style>``. Hence: inline styles alone, no colours of our own, and every text and address goes through `escaped` or
`link`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from html import escape
from socket import gethostname
from typing import Any
from urllib.parse import quote, urlsplit

from luma_jupyter.engine.schedule import Law
from luma_jupyter.engine.services import SERVICE_NAMES
from luma_jupyter.models import ExtendRequest, GenerateRequest, ModifyRequest, Status, Task
from luma_jupyter.urls import is_local_url, is_web_url

WORDS: dict[Status, str] = {
    Status.QUEUED: "queued: nothing is sent yet",
    Status.SUBMITTING: "sending the request",
    Status.RUNNING: "the service is making the video",
    Status.SAVING: "saving the video",
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    Status.UNCONFIRMED: "unconfirmed",
    Status.DETACHED: "not followed any more",
    Status.CANCELLED: "cancelled",
}
STOP_LABEL = "Stop following"
STOP_TOOLTIP = "Stops watching from here. The task itself may still run at the service and be billed."
STOP_TOOLTIP_QUEUED = "Nothing is sent yet: stopping now costs nothing."

_LONGEST_TITLE = 300  # characters; the whole prompt is in the cell above
_NARROW = "max-width:720px;"
_FRAME = (
    "margin:4px 0;padding:10px 12px;border:1px solid rgba(128,128,128,.4);border-radius:8px;"
    "font-size:13px;line-height:1.5;overflow-wrap:anywhere;"
)
QUIET = "opacity:.75;font-size:12px;"
_BADGE = "border:1px solid rgba(128,128,128,.7);border-radius:4px;padding:0 5px;font-size:11px;"
# Where the kernel is gone, JupyterLab shows an error in the place of the live part: the output after the waiting card.
HIDE_LOST_LIVE_PART = (
    "<style>.jp-OutputArea-child:has(.luma-later)+.jp-OutputArea-child>.jp-OutputArea-output.jupyter-widgets"
    "{display:none}</style>"
)
_VIDEO = "display:block;max-width:100%;max-height:480px;margin:8px 0;border-radius:4px;"


@dataclass(frozen=True)
class Look:
    """All that a drawing needs: the snapshot, the variable's name, now (Unix seconds), how long such tasks take, and
    where the video is or will be, relative to the notebook (None: not reachable that way); ``recalled``: the clip had
    ended before it was asked for; ``served``: whether the page can play files beside the notebook.

    ``data`` is the video itself as a data URI, where it goes into the HTML; ``remark`` says why it does not, though it
    was to."""

    task: Task
    name: str | None
    now: float
    law: Law
    media: str | None = None
    recalled: bool = False
    served: bool = True
    data: str | None = None
    remark: str = ""

    @property
    def elapsed(self) -> float:
        return self.task.elapsed(self.now)

    @property
    def file(self) -> str | None:
        """The video's relative path, where the file is there."""
        return self.media if self.task.path else None

    @property
    def remote(self) -> str | None:
        """The video's address at the service, where it may be in a saved notebook."""
        return public_link(self.task.video.url if self.task.video else None)

    @property
    def address(self) -> str | None:
        """Where the page finds the video, if it is not in the page itself."""
        return relative(self.file) if self.file and self.served else self.remote


def clock(seconds: float) -> str:
    """Seconds as people read them: ``0:42``, ``12:05``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(bytes_: int) -> str:
    """A file size as people read it."""
    return f"{bytes_ / 1e6:.1f} MB" if bytes_ >= 1e5 else f"{bytes_ / 1e3:.0f} kB"


def short(text: str, length: int) -> str:
    """``text`` on one line, cut to ``length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def public_link(url: str | None) -> str | None:
    """``url`` where it may be a link in a saved notebook: http or https, and not on somebody's own machine."""
    return url if url and is_web_url(url) and not is_local_url(url) else None


def completed(look: Look) -> str:
    """How long it took; or when it was made, where nothing was paid for it this time."""
    if not look.recalled:
        return f"{WORDS[Status.COMPLETED]} in {clock(look.elapsed)}"
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(look.task.created_at))
    return f"made on {made}, nothing paid; --again makes a new one"


def escaped(value: object) -> str:
    """Any value as text in HTML."""
    return escape(str(value))


def link(url: str, label: str, extra: str = "") -> str:
    """A link that opens in a tab of its own."""
    return f'<a href="{escaped(url)}" target="_blank" rel="noopener"{extra}>{escaped(label)}</a>'


def relative(path: str) -> str:
    """A relative path as a URL that cannot be taken for one with a scheme or a host."""
    return quote(path.replace("\\", "/")).lstrip("/")


def asked(task: Task) -> str:
    """What was asked for beside the prompt, in words: ``extend of sunset, take 2``, ``generate 9:16, loop``."""
    request = task.request
    if isinstance(request, GenerateRequest):
        words = [f"generate {request.aspect_ratio}"]
        words += ["loop"] * request.loop + ["no enhancement"] * (not request.enhancement)
        ends = {"from": request.start_image, "to": request.end_image}
    else:
        words = [f"{request.action} of {short(task.source_label or 'a video', 40)}"]
        ends = {"to": request.end_image} if isinstance(request, ExtendRequest) else {}
    if isinstance(request, ModifyRequest) and request.watermark is not None:
        mark = request.watermark
        words.append(f"watermark {mark}" if isinstance(mark, str) else "watermark" if mark else "no watermark")
    words += [f"{word} {_file_name(image)}" for word, image in ends.items() if image]
    return ", ".join([*words, *([f"take {request.take}"] if request.take > 1 else [])])


def _file_name(image: object) -> str:
    """A picture's name: of an address its last part, without what may be secret in it."""
    return short(urlsplit(image).path.rpartition("/")[2] or "a picture" if isinstance(image, str) else str(image), 30)


def origin(look: Look) -> str:
    """Where a clip comes from, as one quiet line of HTML: its variable, what was asked for, which service."""
    service = escaped(SERVICE_NAMES[look.task.provider])
    badge = f' <span style="{_BADGE}">simulated</span>' if look.task.provider == "demo" else ""
    name = f"<code>{escaped(look.name)}</code> · " if look.name else ""
    return f'<div style="{QUIET}">{name}{escaped(asked(look.task))} · {service}{badge}</div>'


def head(look: Look, length: int = _LONGEST_TITLE) -> str:
    """A clip's heading: its prompt, cut to ``length`` characters, and where it comes from."""
    return f'<div style="font-weight:600">{escaped(short(look.task.request.prompt, length))}</div>{origin(look)}'


def frame(key: str, body: str, *, wide: bool = False) -> str:
    """A card's frame; by the class with its key the live part finds it on the page. ``wide``: as wide as the page."""
    return f'<div class="luma-card luma-{key}" style="{"" if wide else _NARROW}{_FRAME}">{body}</div>'


def _player(src: str) -> str:
    return f'<video src="{escaped(src)}" controls loop playsinline preload="metadata" style="{_VIDEO}"></video>'


def final_html(look: Look) -> str:
    """An ended clip as HTML that needs no kernel, no widget and no script."""
    task = look.task
    if task.status is not Status.COMPLETED:
        known = task.task_id and task.task_id not in str(task.error)
        task_id = f'<div style="{QUIET}">task id {escaped(task.task_id)}</div>' if known else ""
        reason = f"<div><b>{escaped(WORDS[task.status])}</b>: {escaped(task.error or '')}</div>"
        return frame(task.key, head(look) + reason + task_id)
    src = look.data or look.address
    facts = [completed(look)]
    if task.video and task.video.width and task.video.height:
        facts.append(f"{task.video.width}×{task.video.height} px")
    if task.file_size:
        facts.append(size(task.file_size))
    if task.video and task.video.video_id:
        facts.append(f"video id {task.video.video_id}")
    facts.append(f"task id {task.task_id}")
    links = []
    if look.file and look.served:
        links += [link(relative(look.file), "Open"), link(relative(look.file), "Download", " download")]
    elif look.file:
        links.append(f"Saved as <code>{escaped(look.file)}</code>")
    if look.remote:
        links.append(link(look.remote, "At the service"))
    problem = f"<div><b>{escaped(task.problem)}</b></div>" if task.problem else ""
    if look.remark:
        problem += f"<div>{escaped(look.remark)}</div>"
    return frame(
        task.key,
        f"{head(look)}{_player(src) if src else ''}{problem}"
        f'<div style="{QUIET}">{escaped(" · ".join(facts))}</div><div>{" · ".join(links)}</div>',
    )


def waiting_html(look: Look) -> str:
    """The card of an unfinished clip without its live part, which goes below it.

    A notebook that is saved now keeps this. The name of the file is known from the start, so it can play a video that
    was finished later; the live part hides that offer while it lives.
    """
    how = f"show <code>{escaped(look.name)}</code> in a cell" if look.name else "show the clip in a cell"
    saved, rest = "This page was saved while the video was being made", f"{how} to see how far it is."
    if look.media and look.served:
        saved += ": play it, if it was finished since"
        rest = f"{_player(relative(look.media))}Else {rest}"
    later = f'<details class="luma-later"><summary>{saved}</summary>{rest}</details>'
    return frame(look.task.key, head(look) + later + HIDE_LOST_LIVE_PART)


def live_view(look: Look) -> dict[str, Any]:
    """The data of the live part's one model; its only HTML is the finished card.

    ``since`` and ``now`` are Unix seconds by the kernel's clock: when it was submitted, and when this was made.
    """
    task = look.task
    if task.status.ended:
        return {"key": task.key, "final": final_html(look)}
    moving = task.status in (Status.RUNNING, Status.SAVING)
    stoppable = task.status in (Status.QUEUED, Status.SUBMITTING, Status.RUNNING)
    return {
        "key": task.key,
        "words": words(look),
        "problem": short(task.problem, 300) if task.problem else "",
        "since": round(look.now - look.elapsed, 1),
        "now": round(look.now, 1),
        "typical": _typical(look) if moving else "",
        "curve": look.law.curve if moving else [],
        "stop": STOP_LABEL if stoppable else "",
        "tooltip": STOP_TOOLTIP_QUEUED if task.status is Status.QUEUED else STOP_TOOLTIP,
    }


def _typical(look: Look) -> str:
    return f"typically about {clock(look.law.typical)}"


def words(look: Look) -> str:
    """What is happening to a clip."""
    task = look.task
    if task.upload:
        return f"{task.upload}; nothing is paid yet"
    if task.status is Status.QUEUED and not isinstance(task.request, GenerateRequest) and task.request.source is None:
        return f"queued: waits for {task.source_label}; nothing is sent yet"
    if task.status is Status.QUEUED and task.sent_at:
        return "in doubt: it is looked for at the service"
    return WORDS[task.status]


def plain(look: Look, *, here: bool = False, links: bool = False) -> str:
    """A clip as text, for terminals and text-only exports.

    The path is relative to the notebook, so that a saved one does not tell where it lives; with ``here``, absolute, and
    with ``links`` a link for terminals.
    """
    task = look.task
    service = SERVICE_NAMES[task.provider] + (", simulated" if task.provider == "demo" else "")
    lines = [f"{look.name or 'clip'}: “{short(task.request.prompt, 60)}” ({asked(look.task)}, {service})"]
    if task.status is Status.COMPLETED:
        where = (task.path if here else look.file) or look.remote
        if links and here and task.path:
            where = terminal_link(str(task.path), task.path.absolute().as_uri())
        lines.append(completed(look) + (f": {where}" if where else ""))
        if task.problem:
            lines.append(task.problem)
    elif task.status.ended:
        lines.append(f"{WORDS[task.status]}: {task.error or ''}")
    else:
        lines.append(f"{words(look)} ({clock(look.elapsed)})")
    return "\n".join(lines)


def terminal_link(text: str, url: str) -> str:
    """A link for terminals: OSC 8 (gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda).

    That wants the machine's name in a file URL, so that over SSH nobody opens a file of another machine.
    """
    if url.startswith("file:///"):
        url = f"file://{quote(gethostname())}{url.removeprefix('file://')}"
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"


def progress_line(look: Look, width: int = 20) -> str:
    """One line for a terminal: name, bar, words and time."""
    task = look.task
    moving = task.status in (Status.RUNNING, Status.SAVING)
    filled = int(width * look.law.progress(look.elapsed)) if moving else 0
    bar = "█" * filled + "░" * (width - filled)
    typical = f", {_typical(look)}" if moving else ""
    note = f" — {short(task.problem, 40)}" if task.problem else ""
    return f"{look.name or 'clip'} {bar} {words(look)} ({clock(look.elapsed)}{typical}){note}"
