"""Words for people: times, sizes, what was asked for, how it stands; and clips as text where there is no page."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from socket import gethostname
from urllib.parse import quote, urlsplit

from luma_jupyter.domain.money import dollars
from luma_jupyter.domain.requests import ExtendRequest, FilmRequest, GenerateRequest, ModifyRequest, frames_in
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import columns, padded, printable
from luma_jupyter.views.clip_state import ClipState

MOST_NAMED = 3  # clips that a film needs
MOST_LINES = 60  # of clips in one text, or in a table that is saved as HTML: what a notebook keeps stays small
SHORTEST_BAR, LONGEST_BAR = 5, 20  # of a clip in a terminal

# What a status means: in short, where many clips stand below each other, and in full; shown by `translated`.
SHORT_STATUS_TEXT: Mapping[Status, str] = {
    Status.QUEUED: N_("queued"),
    Status.SUBMITTING: N_("being sent"),
    Status.RUNNING: N_("running"),
    Status.SAVING: N_("saving"),
    Status.COMPLETED: N_("completed"),
    Status.FAILED: N_("failed"),
    Status.UNCONFIRMED: N_("unconfirmed"),
    Status.DETACHED: N_("not watched any more"),
    Status.CANCELLED: N_("cancelled"),
}
STATUS_TEXT: Mapping[Status, str] = {
    **SHORT_STATUS_TEXT,
    Status.QUEUED: N_("queued: nothing is sent yet"),
    Status.SUBMITTING: N_("sending the request"),
    Status.RUNNING: N_("the service is making the video"),
    Status.SAVING: N_("saving the video"),
}


# The id that a service's support asks for, where an error names it among the facts: "(api_error, trace 98e3)".
_TRACE = re.compile(r"(?:(?<=[(（])|, )trace ([^\s,()（）]+)(?=[)）])")


def without_trace(text: str) -> tuple[str, str]:
    """What an error says without its trace id, and that id; empty where it names none."""
    found = _TRACE.search(text)
    if not found:
        return text, ""
    return re.sub(r" ?[(（][)）]", "", text[: found.start()] + text[found.end() :]), found[1]


def reason_text(task: Task) -> str:
    """Why a clip has no video, without the trace id; empty where nothing went wrong."""
    return without_trace(translated(task.error or ""))[0]


def clock(seconds: float) -> str:
    """Seconds as people read them: ``0:42``, ``12:05``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def as_of(now: float) -> str:
    """When something was so, as words that stay true: ``as of 2026-11-22 14:05:07``, by the kernel's clock."""
    return _("as of {time}").format(time=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)))


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
        return _("completed in {time}").format(time=clock(state.elapsed))
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(state.task.created_at))
    return _("already made on {time}: no charge; --again makes a new one").format(time=made)


def cost_text(task: Task) -> str:
    """What a real clip was expected to cost and what was charged: ``about $0.50, charged $0.48``; empty if unknown."""
    expected = _("about {price}").format(price=dollars(task.price)) if task.price else ""
    charged = ""
    if task.cost is not None:
        charged = _("charged {price}").format(price=dollars(task.cost))
    elif task.credits is not None:
        charged = _("charged {credits} credits").format(credits=f"{task.credits:g}")
    same = task.cost is not None and task.price is not None and abs(task.cost - task.price) < 0.005
    return _(", ").join(filter(None, [expected if not (charged and same) else "", charged])) if task.real else ""


def request_summary(task: Task) -> str:
    """What was asked for beside the prompt, in words: ``extend sunset, take 2``, ``generate 9:16, loop``."""
    request = task.request
    if isinstance(request, FilmRequest):
        return _film_summary(request)
    if isinstance(request, GenerateRequest):
        words = [_("generate {ratio}").format(ratio=request.aspect_ratio)]
        if request.loop:
            words.append(_("loop"))
        if not request.enhancement:
            words.append(_("no enhancement"))
    elif isinstance(request, ExtendRequest):
        words = [_("extend {video}").format(video=_source_name(task))]
    else:
        words = [_("modify {video}").format(video=_source_name(task)), *_watermark_words(request)]
    if start := getattr(request, "start_image", None):
        words.append(_("from {picture}").format(picture=image_name(start)))
    if end := getattr(request, "end_image", None):
        words.append(_("to {picture}").format(picture=image_name(end)))
    if request.take > 1:
        words.append(_("take {number}").format(number=request.take))
    return _(", ").join(words)


def _source_name(task: Task) -> str:
    return short(task.source_label, 40) if task.source_label else _("a video")


def _watermark_words(request: ModifyRequest) -> list[str]:
    mark = request.watermark
    if mark is None:
        return []
    if isinstance(mark, str):
        return [_("watermark {name}").format(name=short(mark, 40))]
    return [_("watermark") if mark else _("no watermark")]


def _film_summary(request: FilmRequest) -> str:
    count = len(request.parts)
    words = [ngettext("film of {count} part", "film of {count} parts", count).format(count=f"{count:,}")]
    if request.fade:
        words.append(_("fade {seconds} s").format(seconds=f"{request.fade:g}"))
    if request.music:
        words.append(_("music {file}").format(file=short(request.music.name, 30)))
    if request.voice:
        words.append(_("voice {file}").format(file=short(request.voice.name, 30)))
    if any(part.caption for part in request.parts):
        words.append(_("captions"))
    if request.size:
        words.append("{}×{}".format(*request.size))
    if request.fps:
        words.append(_("{number} fps").format(number=f"{request.fps:g}"))
    return _(", ").join(words)


def sources_text(task: Task) -> str:
    """What it was made from, as the user named it: a video, frames of clips, parts of a film; empty where there is
    nothing."""
    if isinstance(task.request, FilmRequest):
        return _(", ").join(dict.fromkeys(map(str, task.request.parts)))
    frames = frames_in(task.request).values()
    return _(", ").join(filter(None, [task.source_label, *map(str, frames)]))


def image_name(image: object) -> str:
    """A picture's name: of an address its last part, without what may be secret in it."""
    name = urlsplit(image).path.rpartition("/")[2] if isinstance(image, str) else str(image)
    return short(name or _("a picture"), 30)


def typical_time(state: ClipState) -> str:
    """How long such a clip takes."""
    return _("usually about {time}").format(time=clock(state.model.typical))


def status_text(state: ClipState) -> str:
    """What is happening to a clip."""
    task = state.task
    if isinstance(task.request, FilmRequest):
        return _film_status_text(state)
    if task.upload:
        return _("{upload}; nothing is paid yet").format(upload=printable(translated(task.upload)))
    if state.waits_for:
        return _("queued: needs {clips} first; nothing is sent yet").format(clips=_joined(state.waits_for))
    if task.status is Status.QUEUED and task.sent_at:
        return _("nobody knows yet whether it was received: it is looked for at the service")
    return translated(STATUS_TEXT[task.status])


def _film_status_text(state: ClipState) -> str:
    task = state.task
    if state.waits_for:
        return _("queued: needs {clips} first; nothing is made yet").format(clips=_joined(state.waits_for))
    if task.status is Status.QUEUED:
        return _("queued: waits for its turn; nothing is made yet")
    if task.status is not Status.RUNNING:
        return translated(STATUS_TEXT[task.status])
    making = _("making the film")
    if task.making:
        making = _("making the film: {how}").format(how=printable(translated(task.making)))
    return making if task.progress is None else f"{making} ({100 * task.progress:.0f} %)"


def _joined(names: Sequence[str]) -> str:
    """What a clip needs first: other clips; of many the first ones."""
    names = [printable(name) for name in names]
    more = len(names) - MOST_NAMED
    if more > 0:
        return _("{names} and {count} more").format(names=_(", ").join(names[:MOST_NAMED]), count=f"{more:,}")
    if len(names) < 2:
        return "".join(names)
    return _("{names} and {last}").format(names=_(", ").join(names[:-1]), last=names[-1])


def plain_text(state: ClipState, *, here: bool = False, links: bool = False) -> str:
    """A clip as text, for terminals and text-only exports.

    The path is relative to the notebook, so that a saved one does not tell where it lives; with ``here``, absolute, and
    with ``links`` a link for terminals.
    """
    task = state.task
    service = translated(task.service_name)
    if task.provider == "demo":
        service = _("{service}, simulated").format(service=service)
    name = short(state.name or _("clip"), 80)
    facts = _(", ").join([request_summary(task), service])
    lines = [_(": ").join([name, f"“{short(task.request.prompt, 60)}” ({facts})"])]
    if task.status is Status.COMPLETED:
        path = None if state.gone else task.path
        where = printable((path if here else state.file) or state.remote or "")
        if links and here and path:
            where = terminal_link(where, path.absolute().as_uri())
        lines.append(_(": ").join(filter(None, [completion_text(state), where])))
        lines += [printable(words) for words in (translated(task.problem or ""), state.loss) if words]
    elif task.status.ended:
        lines.append(_(": ").join([translated(STATUS_TEXT[task.status]), translated(task.error or "")]))
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


def progress_line(state: ClipState, room: int = 200) -> str:
    """One line for a terminal: name, bar, words and time; where there is little room, the bar is shorter."""
    task = state.task
    typical = f", {typical_time(state)}" if state.moving else ""
    note = f" — {short(translated(task.problem), 40)}" if task.problem else ""
    name = short(state.name or _("clip"), 80)
    words = f"{status_text(state)} ({clock(state.elapsed)}{typical}){note}"
    width = min(LONGEST_BAR, max(SHORTEST_BAR, room - columns(f"{name}  {words}")))
    filled, at = int(width * state.share), int(state.elapsed) % width
    bar = "█" * filled + "░" * (width - filled)
    if not state.curve:  # nobody knows how far it is: a mark goes along
        bar = f"{bar[:at]}▒{bar[at + 1 :]}"
    return f"{name} {bar} {words}"


def text_table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as aligned columns; what a cell has on several lines is on one."""
    rows = [tuple(printable(cell).replace("\n", " ") for cell in row) for row in rows]
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(padded, row, widths)).rstrip() for row in rows)


def lines_left_out(count: int) -> str:
    """How many clips a table does not have, which come before those that it has."""
    return ngettext("{count} clip before these is not shown", "{count} clips before these are not shown", count).format(
        count=f"{count:,}"
    )
