"""A notebook as one page that plays on any machine, without a network, a kernel or a script.

Nothing of the notebook's own HTML is in it: texts are escaped, Markdown is drawn without it, pictures are data, and
clips are drawn anew. What is too large to be inside lies beside the page.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luma_jupyter.domain.media import image_type
from luma_jupyter.domain.note import NO_NOTE
from luma_jupyter.handed_in.markdown import markdown_html
from luma_jupyter.handed_in.notebook import Cell, text_of
from luma_jupyter.handed_in.video import SavedVideo
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import language
from luma_jupyter.views.clip_html import final_html
from luma_jupyter.views.clip_state import relative_url
from luma_jupyter.views.host import EMBED_LIMIT
from luma_jupyter.views.html import QUIET, escaped, frame
from luma_jupyter.views.player import player
from luma_jupyter.views.text import file_size

LARGEST_INSIDE = EMBED_LIMIT  # bytes of one video in the page
MOST_INSIDE = 60_000_000  # bytes of all of them
_LONGEST_TEXT = 20_000  # characters of one output
_COLOURS = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_STYLE = """
:root{color-scheme:light dark;background:Canvas;color:CanvasText}
body{font:16px/1.5 system-ui,sans-serif;max-width:800px;margin:0 auto;padding:16px;overflow-wrap:anywhere}
pre{white-space:pre-wrap;font:13px/1.45 ui-monospace,monospace;margin:0}
.source{border:1px solid rgba(128,128,128,.4);border-left-width:4px;border-radius:4px}
.source{padding:8px 10px;margin:16px 0 6px}
.text{white-space:pre-wrap}
main :not(pre)>code{font:13px ui-monospace,monospace;background:rgba(128,128,128,.15);padding:1px 4px;border-radius:3px}
main>pre,main>details>pre:not(.source){background:rgba(128,128,128,.1);padding:8px 10px;border-radius:4px}
main>table,main>details>table{border-collapse:collapse;margin:12px 0}
main>table :is(td,th),main>details>table :is(td,th){border:1px solid rgba(128,128,128,.4);padding:4px 10px}
blockquote{margin:12px 0;padding:0 14px;border-left:4px solid rgba(128,128,128,.4)}
main>details,section>details{margin:12px 0}
main>details>summary,section>details>summary{cursor:pointer;font-weight:600}
img,video{max-width:100%}
"""
# A second wall: were a text not escaped, no script would run and nothing would be loaded from anywhere.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data: 'self' file:; "
    "form-action 'none'; base-uri 'none'"
)


@dataclass(frozen=True)
class PlacedVideo:
    """A video and where it lies in the zip, by slashes."""

    video: SavedVideo
    place: str


@dataclass(frozen=True)
class Page:
    """The page as HTML; ``beside`` are the places of the videos that are not inside."""

    html: str
    beside: Sequence[str]


def make_page(title: str, cells: Sequence[Cell], videos: Sequence[Sequence[PlacedVideo]]) -> Page:
    """The page of a notebook: ``videos`` are those of each cell. One that several cells show is inside once.

    Raises OSError where a video cannot be read.
    """
    drawing = _Drawing()
    body = "".join(drawing.cell(cell, shown) for cell, shown in zip(cells, videos, strict=True))
    html = (
        f'<!DOCTYPE html><html lang="{language()}"><head><meta charset="utf-8"><title>{escaped(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{escaped(_POLICY)}">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )
    return Page(html, drawing.beside)


class _Drawing:
    """Draws cells; knows how much room for videos is left in the page."""

    def __init__(self) -> None:
        self._room = MOST_INSIDE
        self._inside: dict[str, str] = {}  # the cell's anchor, by the video's place
        self.beside: list[str] = []

    def cell(self, cell: Cell, videos: Sequence[PlacedVideo]) -> str:
        if cell.kind != "code":
            return _words(cell) + "".join(map(self._video, videos))
        outputs = "".join(_output(output, is_ours=bool(videos)) for output in cell.outputs)
        return f"<section>{_source(cell)}{outputs}{''.join(map(self._video, videos))}</section>"

    def _video(self, placed: PlacedVideo) -> str:
        place, video = placed.place, placed.video
        if place in self._inside:
            link = f'<a href="#{self._inside[place]}">{escaped(place)}</a>'
            return f"<p>{escaped(_('{video}, shown above')).format(video=link)}</p>"
        anchor = self._inside[place] = f"video-{len(self._inside) + 1}"
        data, remark = None, ""
        if video.size <= min(LARGEST_INSIDE, self._room):
            data = f"data:video/mp4;base64,{b64encode(video.file.read_bytes()).decode()}"
            self._room -= video.size
        else:
            remark = _("Too large for this page ({size}), so beside it: {file}")
            remark = remark.format(size=file_size(video.size), file=place)
            self.beside.append(place)
        return f'<div id="{anchor}">{_card(video, place, data, remark)}{_note(video)}</div>'


def _card(video: SavedVideo, place: str, data: str | None, remark: str) -> str:
    if video.task:
        return final_html(video.state(None if data else place, data=data, remark=remark))
    name = place.rpartition("/")[2]
    shown = player(data or relative_url(place), name, style="display:block;max-height:480px", captions=video.captions)
    return frame("file", f"<div><b>{escaped(name)}</b></div>{shown}<div>{escaped(remark)}</div>")


def _note(video: SavedVideo) -> str:
    return f'<p style="{QUIET}">{escaped(str(video.note))}</p>' if video.note != NO_NOTE else ""


def _words(cell: Cell) -> str:
    """A markdown cell as it is meant, a raw one as it was typed."""
    return markdown_html(cell.source) if cell.kind == "markdown" else f'<div class="text">{escaped(cell.source)}</div>'


def _source(cell: Cell) -> str:
    if not cell.source.strip():
        return ""
    source = f'<pre class="source">{escaped(cell.source)}</pre>'
    return f"<details><summary>{escaped(_('Code'))}</summary>{source}</details>" if cell.is_folded else source


def _output(output: Mapping[str, Any], *, is_ours: bool) -> str:
    """An output without its HTML; where the cell's videos are drawn anew, not the words in their place."""
    if output.get("output_type") == "error":
        lines = output.get("traceback")
        return _pre("\n".join(line for line in lines if isinstance(line, str))) if isinstance(lines, list) else ""
    if output.get("output_type") == "stream":
        return _pre(text_of(output.get("text")))
    data = output.get("data")
    if not isinstance(data, dict):
        return ""
    picture = next((shown for mime in _PICTURES if (shown := _picture(data.get(mime)))), "")
    if picture or (is_ours and "text/html" in data):
        return picture
    return _pre(text_of(data.get("text/plain")))


def _picture(data: object) -> str:
    """A picture in an output; empty where what stands there is none."""
    try:
        bytes_ = b64decode("".join(text_of(data).split()), validate=True)
    except (Error, ValueError):
        return ""
    mime = image_type(bytes_[:12])
    src = f"data:{mime};base64,{b64encode(bytes_).decode()}"
    return f'<img src="{src}" alt="{escaped(_("a picture that this cell made"))}">' if mime else ""


def _pre(text: str) -> str:
    plain = _COLOURS.sub("", text).strip("\n")
    more = "…" if len(plain) > _LONGEST_TEXT else ""
    return f"<pre>{escaped(plain[:_LONGEST_TEXT])}{more}</pre>" if plain else ""
