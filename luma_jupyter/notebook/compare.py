"""`luma.compare`: clips side by side, which play, scrub and fall silent together; two also one over the other.

What is shown is plain HTML with a player for each. The live part puts one set of controls in the place of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import wait_for_all
from luma_jupyter.notebook.embed import with_video
from luma_jupyter.notebook.host import here
from luma_jupyter.notebook.page import Exhibit, PageModel, script
from luma_jupyter.notebook.render import HIDE_LOST_LIVE_PART, QUIET, Look, escaped, frame, head, plain

_FIGURE = "display:inline-block;vertical-align:top;margin:0 1% 8px 0;min-width:240px;max-width:100%;"
_MOST_IN_A_ROW = 3
_PROMPT = 120


def compare(*clips: Clip | Iterable[Clip]) -> Comparison:
    """Clips side by side, which play, scrub and fall silent together; waits for those that are not done.

    Two clips or more, or a list of them; a single one that was extended or modified is shown beside its source. Raises
    InvalidRequest for anything else, ClipError where one has no video.
    """
    named: list[Any] = list(clips)
    if len(named) == 1 and isinstance(named[0], Iterable) and not isinstance(named[0], str):
        named = list(named[0])
    if len(named) == 1 and isinstance(named[0], Clip) and isinstance(named[0].source, Clip):
        named.insert(0, named[0].source)
    for clip in named:
        if not isinstance(clip, Clip):
            raise InvalidRequest(f"Only clips can be compared, not {type(clip).__name__}.")
    if len(named) < 2:
        raise InvalidRequest("Name two clips or more to compare; or one that was made from another clip.")
    wait_for_all(named, lambda clip: clip.wait())
    return Comparison(named)


class Comparison(Exhibit):
    """Clips that are done, side by side."""

    def __init__(self, clips: Iterable[Clip]) -> None:
        self.clips = list(clips)

    def __repr__(self) -> str:
        return "\n".join(plain(clip._look(), here=here().how == "path", links=here().links) for clip in self.clips)

    def _html(self, key: str) -> str:
        host = here()
        shared = replace(host, limit=host.limit // len(self.clips))
        looks = [replace(clip._look(), served=host.serves) for clip in self.clips]
        return comparison_html(key, [with_video(look, shared) for look in looks])

    def _live(self, key: str) -> Any:
        return CompareModel(key=key)


def comparison_html(key: str, looks: list[Look]) -> str:
    """Clips side by side in a frame, each with a player of its own."""
    width = 100 // min(len(looks), _MOST_IN_A_ROW) - 2  # per cent; spaces and margins have the rest
    figures = "".join(_figure(look, width) for look in looks)
    return frame(key, f'<div class="luma-later luma-sides">{figures}</div>{HIDE_LOST_LIVE_PART}', wide=True)


def _figure(look: Look, width: int) -> str:
    src = look.data or look.address
    label = escaped(look.name or look.task.key)
    player = (
        f'<video src="{escaped(src)}" controls playsinline preload="metadata" title="{label}" '
        'style="display:block;width:100%;max-height:480px;border-radius:4px"></video>'
        if src
        else ""
    )
    remark = f'<div style="{QUIET}">{escaped(look.remark)}</div>' if look.remark else ""
    return (
        f'<figure class="luma-side" style="{_FIGURE}width:{width}%">{player}'
        f"<figcaption>{head(look, _PROMPT)}{remark}</figcaption></figure>"
    )


class CompareModel(PageModel):
    """The live part of a comparison."""

    _esm = script("page.js", "compare.js")
    _css = script("gallery.css", "compare.css")
