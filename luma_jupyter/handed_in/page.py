"""A notebook as one page that plays on any machine, without a network, a kernel or a script.

Nothing of the notebook's own HTML is in it: texts are escaped, pictures are data, and clips are drawn anew. What is too
large to be inside lies beside the page.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luma_jupyter.domain.media import image_type
from luma_jupyter.handed_in.notebook import Cell, text_of
from luma_jupyter.handed_in.video import SavedVideo
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
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_STYLE = """
:root{color-scheme:light dark;background:Canvas;color:CanvasText}
body{font:16px/1.5 system-ui,sans-serif;max-width:800px;margin:0 auto;padding:16px;overflow-wrap:anywhere}
pre{white-space:pre-wrap;font:13px/1.45 ui-monospace,monospace;margin:0}
.source{border:1px solid rgba(128,128,128,.4);border-left-width:4px;border-radius:4px}
.source{padding:8px 10px;margin:16px 0 6px}
.text{white-space:pre-wrap}
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
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>'
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
            return "".join(_text_blocks(cell.source)) + "".join(map(self._video, videos))
        source = f'<pre class="source">{escaped(cell.source)}</pre>' if cell.source.strip() else ""
        outputs = "".join(_output(output, is_ours=bool(videos)) for output in cell.outputs)
        return f"<section>{source}{outputs}{''.join(map(self._video, videos))}</section>"

    def _video(self, placed: PlacedVideo) -> str:
        place, video = placed.place, placed.video
        if place in self._inside:
            return f'<p><a href="#{self._inside[place]}">{escaped(place)}</a>, shown above</p>'
        anchor = self._inside[place] = f"video-{len(self._inside) + 1}"
        data, remark = None, ""
        if video.size <= min(LARGEST_INSIDE, self._room):
            data = f"data:video/mp4;base64,{b64encode(video.file.read_bytes()).decode()}"
            self._room -= video.size
        else:
            remark = f"Beside this page, as it is too large to be in it ({file_size(video.size)}): {place}"
            self.beside.append(place)
        return f'<div id="{anchor}">{_card(video, place, data, remark)}{_note(video)}</div>'


def _card(video: SavedVideo, place: str, data: str | None, remark: str) -> str:
    if video.task:
        return final_html(video.state(None if data else place, data=data, remark=remark))
    name = place.rpartition("/")[2]
    shown = player(data or relative_url(place), name, style="display:block;max-height:480px", captions=video.captions)
    return frame("file", f"<div><b>{escaped(name)}</b></div>{shown}<div>{escaped(remark)}</div>")


def _note(video: SavedVideo) -> str:
    return f'<p style="{QUIET}">{escaped(str(video.note))}</p>' if video.note else ""


def _text_blocks(markdown: str) -> Iterator[str]:
    """A markdown cell: its headings, and all else as it was typed."""
    block: list[str] = []
    for line in [*markdown.splitlines(), "# "]:
        heading = _HEADING.match(line) if line != "# " else None
        if not heading and line != "# ":
            block.append(line)
            continue
        if text := "\n".join(block).strip("\n"):
            yield f'<div class="text">{escaped(text)}</div>'
        block = []
        if heading:
            level = len(heading[1])
            yield f"<h{level}>{escaped(heading[2])}</h{level}>"


def _output(output: Mapping[str, Any], *, is_ours: bool) -> str:
    """An output without its HTML; where the cell's videos are drawn anew, not the words in their place."""
    if output.get("output_type") == "error":
        return _pre("\n".join(line for line in output.get("traceback") or () if isinstance(line, str)))
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
    return f'<img src="{src}" alt="a picture that the cell has made">' if mime else ""


def _pre(text: str) -> str:
    plain = _COLOURS.sub("", text).strip("\n")
    more = "…" if len(plain) > _LONGEST_TEXT else ""
    return f"<pre>{escaped(plain[:_LONGEST_TEXT])}{more}</pre>" if plain else ""
