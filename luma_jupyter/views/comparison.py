"""How clips look side by side, each with a player of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.languages import gettext as _
from luma_jupyter.views.clip_html import head
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.html import HIDE_LOST_LIVE_PART, QUIET, escaped, frame
from luma_jupyter.views.note import note_data, note_html
from luma_jupyter.views.player import player

_FIGURE = "display:inline-block;vertical-align:top;margin:0 1% 8px 0;min-width:240px;max-width:100%;"
_VIDEO = "display:block;width:100%;max-height:480px;border-radius:4px"
_MOST_IN_A_ROW = 3
_PROMPT = 120


def comparison_html(key: str, states: Sequence[ClipState], notes: Mapping[str, Note] = MappingProxyType({})) -> str:
    """Clips side by side in a frame, each with a player of its own, and the ``notes`` on them, by intent."""
    width = 100 // min(len(states), _MOST_IN_A_ROW) - 2  # per cent; spaces and margins have the rest
    figures = "".join(_figure(state, width, notes.get(state.task.intent, NO_NOTE)) for state in states)
    return frame(key, f'<div class="luma-later luma-sides">{figures}</div>{HIDE_LOST_LIVE_PART}', wide=True)


def _figure(state: ClipState, width: int, note: Note) -> str:
    src = state.data or state.address
    title = _(": ").join([state.label, state.task.request.prompt])
    video = player(src, title, style=_VIDEO, captions=state.captions) if src else ""
    words = " ".join(filter(None, (state.loss, state.remark)))
    remark = f'<div style="{QUIET}">{escaped(words)}</div>' if words else ""
    data = f'data-key="{escaped(state.task.key)}"{note_data(note)}'
    return (
        f'<figure class="luma-side" {data} style="{_FIGURE}width:{width}%">{video}'
        f"<figcaption>{head(state, _PROMPT)}{remark}{note_html(note)}</figcaption></figure>"
    )
