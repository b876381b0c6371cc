"""How a clip looks: from its state to HTML, and to the live card's data."""

from __future__ import annotations

from typing import Any

from luma_jupyter.domain.media import LocalFile, is_preview
from luma_jupyter.domain.requests import FilmRequest, FrameRef
from luma_jupyter.domain.vocabulary import Status
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
    request_summary,
    short,
    status_text,
    typical_time,
)

STOP_LABEL = "Stop following"
STOP_TOOLTIP = "Stops watching from here. The task itself may still run at the service and be billed."
STOP_TOOLTIP_QUEUED = "Nothing is sent yet: stopping now costs nothing."
STOP_LABEL_FILM = "Stop"
STOP_TOOLTIP_FILM = "Stops making the film: nothing is left of it."

_LONGEST_TITLE = 300  # characters; the whole prompt is in the cell above
_BADGE = "border:1px solid rgba(128,128,128,.7);border-radius:4px;padding:0 5px;font-size:11px;"
_PICTURES = {"start_image": "first frame, as sent", "end_image": "last frame, as sent"}
_PREVIEW = "max-height:72px;max-width:128px;margin:6px 6px 0 0;border-radius:4px;vertical-align:top;"
# What a page that does not draw by itself says of unfinished clips.
HOW_IT_STANDS = "<code>%luma show {words}</code> shows how it stands; in a new kernel, the cell that made it does."
_VIDEO = "display:block;max-width:100%;max-height:480px;margin:8px 0;border-radius:4px;"


def origin(state: ClipState) -> str:
    """Where a clip comes from, as one quiet line of HTML: its variable, what was asked for, which service."""
    service = escaped(state.task.service_name)
    badge = f' <span style="{_BADGE}">simulated</span>' if state.task.provider == "demo" else ""
    name = f"<code>{escaped(state.name)}</code> · " if state.name else ""
    return f'<div style="{QUIET}">{name}{escaped(request_summary(state.task))} · {service}{badge}</div>'


def head(state: ClipState, length: int = _LONGEST_TITLE) -> str:
    """A clip's heading: its prompt, cut to ``length`` characters, and where it comes from."""
    return f'<div style="font-weight:600">{escaped(short(state.task.request.prompt, length))}</div>{origin(state)}'


def sent_pictures(state: ClipState) -> str:
    """The pictures that were sent, small, as they went out; nothing where there are none, or none is known."""
    request = state.task.request
    pictures = [(words, getattr(request, field, None)) for field, words in _PICTURES.items()]
    shown = "".join(
        f'<img src="{escaped(picture.preview)}" alt="{escaped(f"{words}: {picture}")}" '
        f'title="{escaped(f"{words}: {picture}")}" style="{_PREVIEW}">'
        for words, picture in pictures
        if isinstance(picture, LocalFile | FrameRef) and picture.preview and is_preview(picture.preview)
    )
    return f"<div>{shown}</div>" if shown else ""


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
        known = task.task_id and task.task_id not in str(task.error)
        task_id = f'<div style="{QUIET}">task id {escaped(task.task_id)}</div>' if known else ""
        reason = f"<div><b>{escaped(STATUS_TEXT[task.status])}</b>: {escaped(task.error or '')}</div>"
        return frame(task.key, head(state) + sent_pictures(state) + reason + task_id)
    src = state.data or state.address
    facts = [completion_text(state), *([task.making] if task.making else [])]
    if task.video and task.video.width and task.video.height:
        facts.append(f"{task.video.width}×{task.video.height} px")
    if task.file_size:
        facts.append(file_size(task.file_size))
    if cost := cost_text(task):
        facts.append(cost)
    if task.replayed:
        facts.append("the service had it already: nothing new was paid")
    links = []
    if state.file and state.served:
        links += [link(relative_url(state.file), "Open"), link(relative_url(state.file), "Download", " download")]
    elif state.file:
        links.append(f"Saved as <code>{escaped(state.file)}</code>")
    if state.remote:
        links.append(link(state.remote, "At the service"))
    problem = "".join(f"<div><b>{escaped(words)}</b></div>" for words in (task.problem, state.loss) if words)
    if state.remark:
        problem += f"<div>{escaped(state.remark)}</div>"
    return frame(
        task.key,
        f"{head(state)}{sent_pictures(state)}{_player(state, src) if src else ''}{_captions(state)}{problem}"
        f'<div style="{QUIET}">{escaped(" · ".join(facts))}</div><div>{" · ".join(links)}</div>{_ids(state)}',
    )


def _ids(state: ClipState) -> str:
    """By what the service knows a clip: for its support, so it is folded away."""
    task = state.task
    video_id = task.video.video_id if task.video else None
    ids = [f"{name} {found}" for name, found in (("task id", task.task_id), ("video id", video_id)) if found]
    if not ids:  # a film
        return ""
    return f'<details style="{QUIET}"><summary>Ids</summary>{escaped(" · ".join(ids))}</details>'


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
        src = relative_url(state.media)
        play = (
            f"<details><summary>Play it here, when it is done</summary>{_player(state, src, preload='none')}</details>"
        )
        open_ = f"{link(src, 'The video')} is there when it is done. "
    later = (
        f"<div>{escaped(' · '.join(words))}</div>{bar}{play}"
        f'<div style="{QUIET}">{open_}{HOW_IT_STANDS.format(words=escaped(state.word))}</div>'
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
        title, text = f"{state.label}: {SHORT_STATUS_TEXT[task.status]}", str(task.error or task.request.prompt)
        return {"key": task.key, "final": final_html(state), "told": [title, short(text, 200)], **probe}
    is_film = task.provider == "local"
    stop, tooltip = (STOP_LABEL_FILM, STOP_TOOLTIP_FILM) if is_film else (STOP_LABEL, STOP_TOOLTIP)
    if task.status is Status.QUEUED and not is_film:
        tooltip = STOP_TOOLTIP_QUEUED
    return {
        "key": task.key,
        "status": status_text(state),
        "problem": short(task.problem, 300) if task.problem else "",
        "since": round(state.now - state.elapsed, 1),
        "now": round(state.now, 1),
        "typical": typical_time(state) if state.moving else "",
        "curve": state.curve,
        "stop": stop if task.status.stoppable else "",
        "tooltip": tooltip,
    }
