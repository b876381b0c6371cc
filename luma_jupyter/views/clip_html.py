"""How a clip looks: from its state to HTML, and to the live card's data."""

from __future__ import annotations

from typing import Any

from luma_jupyter.domain.media import LocalFile, is_preview
from luma_jupyter.domain.requests import FilmRequest, FrameRef
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.languages import N_, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import printable
from luma_jupyter.views.bar_html import bar_html, told_bar_html
from luma_jupyter.views.clip_state import ClipState, relative_url
from luma_jupyter.views.html import HIDE_LOST_LIVE_PART, QUIET, escaped, frame, link
from luma_jupyter.views.player import captions_text, player
from luma_jupyter.views.text import (
    SHORT_STATUS_TEXT,
    STATUS_TEXT,
    as_of,
    completion_text,
    cost_text,
    file_size,
    reason_text,
    request_summary,
    short,
    status_text,
    typical_time,
    without_trace,
)

STOP_LABEL = N_("Stop watching (the task may go on)")
STOP_TOOLTIP = N_("Stops watching. The task itself may go on at the service, and be billed.")
_STOP_LABEL = N_("Stop")
_STOP_TOOLTIP_QUEUED = N_("Nothing is sent yet: stopping now costs nothing.")
_STOP_TOOLTIP_FILM = N_("Stops making the film: nothing is left of it.")

_LONGEST_TITLE = 300  # characters; the whole prompt is in the cell above
_BADGE = "border:1px solid rgba(128,128,128,.7);border-radius:4px;padding:0 5px;font-size:11px;"
_PICTURES = {
    "start_image": N_("First frame, as it was sent: {picture}"),
    "end_image": N_("Last frame, as it was sent: {picture}"),
}
_PREVIEW = "max-height:72px;max-width:128px;margin:6px 6px 0 0;border-radius:4px;vertical-align:top;"
_IDS = "opacity:.75;font-size:11px;"
_VIDEO = "display:block;max-width:100%;max-height:480px;margin:8px 0;border-radius:4px;"


def origin(state: ClipState) -> str:
    """Where a clip comes from, as one quiet line of HTML: its variable, what was asked for, which service."""
    service = escaped(translated(state.task.service_name))
    simulated = escaped(_("simulated"))
    badge = f' <span style="{_BADGE}">{simulated}</span>' if state.task.provider == "demo" else ""
    name = f"<code>{escaped(state.name)}</code> · " if state.name else ""
    return f'<div style="{QUIET}">{name}{escaped(request_summary(state.task))} · {service}{badge}</div>'


def head(state: ClipState, length: int = _LONGEST_TITLE) -> str:
    """A clip's heading: its prompt, cut to ``length`` characters, and where it comes from."""
    prompt = escaped(short(state.task.request.prompt, length))
    return f'<div dir="auto" style="font-weight:600">{prompt}</div>{origin(state)}'


def sent_pictures(state: ClipState) -> str:
    """The pictures that were sent, small, as they went out; nothing where there are none, or none is known."""
    shown = ""
    for field, words in _PICTURES.items():
        picture = getattr(state.task.request, field, None)
        if isinstance(picture, LocalFile | FrameRef) and picture.preview and is_preview(picture.preview):
            title = escaped(_(words).format(picture=picture))
            shown += f'<img src="{escaped(picture.preview)}" alt="{title}" title="{title}" style="{_PREVIEW}">'
    return f"<div>{shown}</div>" if shown else ""


def how_it_stands(words: str) -> str:
    """What a page that does not draw by itself says of unfinished clips, as HTML; ``words`` name them in a line."""
    text = escaped(_("{command} shows how it is now; in a new kernel, run the cell that made it."))
    return text.format(command=f"<code>%luma show {escaped(words)}</code>")


def _player(state: ClipState, src: str, preload: str = "metadata") -> str:
    prompt = state.task.request.prompt
    return player(src, prompt, style=_VIDEO, preload=preload, loop=True, captions=state.captions)


def _captions(state: ClipState) -> str:
    request = state.task.request
    parts = request.parts if isinstance(request, FilmRequest) else ()
    return captions_text([part.caption for part in parts if part.caption])


def final_html(state: ClipState) -> str:
    """An ended clip as HTML that needs no kernel, no widget and no script."""
    task = state.task
    if task.status is not Status.COMPLETED:
        error, trace = without_trace(translated(task.error or ""))
        status = f"<b>{escaped(translated(STATUS_TEXT[task.status]))}</b>"
        reason = f"<div>{_(': ').join([status, escaped(error)])}</div>"
        return frame(task.key, head(state) + sent_pictures(state) + reason + _ids(state, trace))
    src = state.data or state.address
    facts = [completion_text(state), *([translated(task.making)] if task.making else [])]
    if task.video and task.video.width and task.video.height:
        facts.append(f"{task.video.width}×{task.video.height} px")
    if task.file_size:
        facts.append(file_size(task.file_size))
    if cost := cost_text(task):
        facts.append(cost)
    if task.replayed:
        facts.append(_("the service had it already: no charge"))
    links = []
    if state.file and state.served:
        address = relative_url(state.file)
        links += [link(address, _("Open")), link(address, _("Download"), " download")]
    elif state.file:
        links.append(saved_as(state.file))
    if state.remote:
        links.append(link(state.remote, _("At the service")))
    problems = filter(None, (translated(task.problem or ""), state.loss))
    problem = "".join(f"<div><b>{escaped(words)}</b></div>" for words in problems)
    if state.remark:
        problem += f"<div>{escaped(state.remark)}</div>"
    return frame(
        task.key,
        f"{head(state)}{sent_pictures(state)}{_player(state, src) if src else ''}{_captions(state)}{problem}"
        f'<div style="{QUIET}">{escaped(" · ".join(facts))}</div><div>{" · ".join(links)}</div>{_ids(state)}',
    )


def saved_as(file: str) -> str:
    """Where a file is that the page cannot open, as HTML."""
    return escaped(_("Saved as {file}")).format(file=f"<code>{escaped(file)}</code>")


def _ids(state: ClipState, trace: str = "") -> str:
    """By what the service knows a clip: for its support, so it is small and folded away."""
    task = state.task
    video_id = task.video.video_id if task.video else None
    named = {_("task id {id}"): task.task_id, _("video id {id}"): video_id, _("trace {id}"): trace}
    ids = [words.format(id=id_) for words, id_ in named.items() if id_]
    if not ids:  # a film
        return ""
    return f'<details style="{_IDS}"><summary>{escaped(_("Ids"))}</summary>{escaped(" · ".join(ids))}</details>'


def waiting_html(state: ClipState) -> str:
    """The card of an unfinished clip without its live part, which goes below it, and hides this while it lives.

    A page without widgets has this alone, and so has a notebook that is saved now. So all that it says stays true: how
    it stood and when, a bar that knows the usual time alone, and where the video will be.
    """
    task = state.task
    words, bar, play, open_ = [f"{status_text(state)} ({as_of(state.now)})"], "", "", ""
    if state.timed:
        words.append(typical_time(state))
        bar = bar_html(state.model.typical, state.elapsed)
    elif task.progress is not None:
        bar = told_bar_html(task.progress)
    if state.media and state.served:
        src, summary = relative_url(state.media), escaped(_("Play it here when it is done"))
        play = f"<details><summary>{summary}</summary>{_player(state, src, preload='none')}</details>"
        file = escaped(_("{video} will be here when it is done."))
        open_ = f"{file.format(video=link(src, _('The video')))} "
    later = (
        f"<div>{escaped(' · '.join(words))}</div>{bar}{play}"
        f'<div style="{QUIET}">{open_}{how_it_stands(state.word)}</div>'
    )
    body = f'{head(state)}{sent_pictures(state)}<div class="luma-later">{later}</div>{HIDE_LOST_LIVE_PART}'
    return frame(task.key, body)


def live_view(state: ClipState) -> dict[str, Any]:
    """The data of the live part's one model; its only HTML is the finished card.

    ``probe`` is the relative address of a saved video that is not shown by it, as the page may not reach that; ``told``
    the end in words, for who is not looking: a title, and of what, or why.
    ``since`` and ``now`` are Unix seconds by the kernel's clock: when it was submitted, and when this was made.
    """
    task = state.task
    if task.status.ended:
        probe = {"probe": relative_url(state.file)} if state.file and not state.served else {}
        title = _(": ").join([state.label, translated(SHORT_STATUS_TEXT[task.status])])
        text = reason_text(task) or task.request.prompt
        return {"key": task.key, "final": final_html(state), "told": [printable(title), short(text, 200)], **probe}
    stop, tooltip = STOP_LABEL, STOP_TOOLTIP
    if task.provider == "local":
        stop, tooltip = _STOP_LABEL, _STOP_TOOLTIP_FILM
    elif task.status is Status.QUEUED and not task.sent_at:
        stop, tooltip = _STOP_LABEL, _STOP_TOOLTIP_QUEUED
    return {
        "key": task.key,
        "status": status_text(state),
        "problem": short(translated(task.problem), 300) if task.problem else "",
        "since": round(state.now - state.elapsed, 1),
        "now": round(state.now, 1),
        "typical": typical_time(state) if state.moving else "",
        "curve": state.curve,
        "stop": _(stop) if task.status.stoppable else "",
        "tooltip": _(tooltip),
    }
