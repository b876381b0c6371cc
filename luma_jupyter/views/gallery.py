"""How a gallery looks: from its tiles to HTML that needs no script.

A tile is a ``<details>``: its summary is the poster, and the player is inside, so that no video is loaded before
somebody plays it. JupyterLab's sanitizer drops grids, ``loading`` and ``data-``, and keeps ``preload``, sizes and
inline blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext
from luma_jupyter.printable import printable
from luma_jupyter.views.clip_html import origin, saved_as
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.html import HIDE_LOST_LIVE_PART, QUIET, escaped, frame
from luma_jupyter.views.note import note_data, note_html
from luma_jupyter.views.player import player
from luma_jupyter.views.table import rest_text
from luma_jupyter.views.text import short

MOST_TILES = 300  # in what is saved, where pictures are in it
FIRST_TILES = 60  # in what is saved elsewhere: all others are there as long as the kernel lives
WIDTH, _HEIGHT = 220, 165  # pixels: the room for a poster; one of 4:3 fills it
PART = "luma_jupyter.gallery(luma_jupyter.clips()[-50:])"
_PROMPT = 60
_TILE = f"display:inline-block;vertical-align:top;width:{WIDTH}px;margin:0 12px 12px 0;"
_BOX = "display:block;text-align:center;background:rgba(128,128,128,.25);border-radius:4px;"


@dataclass(frozen=True)
class Tile:
    """One clip: ``poster`` is an address or a data URI, ``seconds`` the video's length; None where there is none.

    ``note`` is a person's note on it.
    """

    state: ClipState
    poster: str | None = None
    seconds: float | None = None
    note: Note = NO_NOTE

    @property
    def key(self) -> str:
        """By which the page names it."""
        return self.state.task.key

    @property
    def title(self) -> str:
        """Its heading."""
        return self.state.task.request.prompt

    @property
    def origin(self) -> str:
        """Where it comes from, as HTML; and that its file is gone, where it is."""
        loss = f'<div style="{QUIET}">{escaped(self.state.loss)}</div>' if self.state.gone else ""
        return f"{origin(self.state)}{loss}"

    @property
    def src(self) -> str | None:
        """Where the page finds its video; None where it cannot play it."""
        return self.state.data or self.state.address

    @property
    def path(self) -> str | None:
        """Where its file is, for people; None where it is gone."""
        return None if self.state.gone else self.state.media

    @property
    def size(self) -> tuple[int, int]:
        """Pixels as the service reports them, or anything of the shape that was asked for."""
        video, request = self.state.task.video, self.state.task.request
        if video and video.width and video.height:
            return video.width, video.height
        ratio = request.aspect_ratio if isinstance(request, GenerateRequest) else "16:9"
        width, height = map(int, ratio.split(":"))
        return width, height


@dataclass(frozen=True)
class FileTile:
    """A video of which nothing is known but its file: ``path`` as a cell can name it; the rest is as in `Tile`."""

    path: str
    src: str | None = None
    poster: str | None = None
    seconds: float | None = None
    size: tuple[int, int] = (16, 9)

    @property
    def key(self) -> str:
        """By which the page names it."""
        return printable(self.path)

    @property
    def title(self) -> str:
        """Its heading."""
        return self.path.replace("\\", "/").rpartition("/")[2]

    @property
    def origin(self) -> str:
        """What is known of where it comes from, as HTML."""
        return f'<div style="{QUIET}">{escaped(_("a video file"))}</div>'


def gallery_html(
    key: str, tiles: Sequence[Tile | FileTile], heading: str, more: int, left_out: str, arrived: int = 0
) -> str:
    """The gallery in its frame; ``more`` says how many videos have no tile in it, ``left_out`` is said of clips.

    ``arrived`` is how many came since it was made: by that its live part knows whether these are still the first.
    """
    rest = f'<div class="luma-rest" style="{QUIET}">{escaped(rest_text(more, PART))}</div>' if more else ""
    return frame(
        key,
        f'<div style="font-weight:600">{heading}</div>'
        f'<div style="{QUIET}">{escaped(left_out)}</div>'
        f'<div class="luma-later luma-tiles" data-arrived="{arrived}" '
        f'style="overflow:auto;max-height:640px;margin-top:6px">'
        f"{''.join(map(tile_html, tiles))}</div>"
        f"{rest}{HIDE_LOST_LIVE_PART}",
        wide=True,
    )


def heading_text(clips: int, files: int = 0, under_way: int = 0) -> str:
    """``1 clip``, ``1,000 clips``, ``2 videos``; of both, ``1 clip and 2 videos``: files of which nothing is known.

    Behind it how many are ``under_way``: ``3 clips, 2 being made``.
    """
    parts = []
    if clips or not files:
        parts.append(ngettext("{count} clip", "{count} clips", clips).format(count=f"{clips:,}"))
    if files:
        parts.append(ngettext("{count} video", "{count} videos", files).format(count=f"{files:,}"))
    words = parts[0] if len(parts) < 2 else _("{clips} and {videos}").format(clips=parts[0], videos=parts[1])
    return f"{words}, {_('{count} being made').format(count=f'{under_way:,}')}" if under_way else words


def found_text(found: int, heading: str) -> str:
    """``12 of 340 clips``: how many were found, of what the heading says."""
    return _("{count} of {clips}").format(count=f"{found:,}", clips=heading)


def left_out_text(left_out: int) -> str:
    """The line on clips without a video; empty where there are none."""
    return (
        ngettext(
            "{count} clip without a video is not shown", "{count} clips without a video are not shown", left_out
        ).format(count=f"{left_out:,}")
        if left_out
        else ""
    )


def tile_html(tile: Tile | FileTile) -> str:
    """One video: its poster, which opens the player, its prompt or name, length and origin."""
    if tile.src:
        video = player(tile.src, short(tile.title, _PROMPT), style="display:block;width:100%", preload="none")
    else:
        where = f"{saved_as(tile.path)}. {escaped(_('This page cannot play it.'))}" if tile.path else ""
        video = f'<div style="{QUIET}">{where}</div>'
    length = f" · {tile.seconds:.1f} s" if tile.seconds is not None else ""
    words = f'<span style="{QUIET}">▶ {escaped(_("Play"))}{length}</span>'
    data, noted = (note_data(tile.note), note_html(tile.note)) if isinstance(tile, Tile) else ("", "")
    title = escaped(short(tile.title, _PROMPT))
    return (
        f'<figure class="luma-tile" data-key="{escaped(tile.key)}"{data} style="{_TILE}"><details>'
        f'<summary style="cursor:pointer;list-style:none">{_poster(tile)}{words}</summary>'
        f"{video}</details><figcaption>"
        f'<div dir="auto" style="font-weight:600" title="{escaped(tile.title)}">{title}</div>'
        f"{tile.origin}{noted}</figcaption></figure>"
    )


def _poster(tile: Tile | FileTile) -> str:
    width, height = fit_poster(*tile.size)
    alt = escaped(short(tile.title, _PROMPT))
    if tile.poster is None:
        style = f"{_BOX}width:{width}px;height:{height}px;line-height:{height}px"
        return f'<span class="luma-poster" style="{style}">{escaped(_("no picture"))}</span>'
    return (
        f'<span class="luma-poster" style="display:block"><img src="{escaped(tile.poster)}" alt="{alt}" loading="lazy" '
        f'width="{width}" height="{height}" style="display:block;border-radius:4px"></span>'
    )


def fit_poster(width: int, height: int) -> tuple[int, int]:
    """A size in the room for a poster, in pixels, with the shape of another one."""
    scale = min(WIDTH / width, _HEIGHT / height)
    return max(1, round(width * scale)), max(1, round(height * scale))
