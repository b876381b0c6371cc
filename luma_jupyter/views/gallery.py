"""How a gallery looks: from its tiles to HTML that needs no script.

A tile is a ``<details>``: its summary is the poster, and the player is inside, so that no video is loaded before
somebody plays it. JupyterLab's sanitizer drops grids, ``loading`` and ``data-``, and keeps ``preload``, sizes and
inline blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.views.clip_html import origin
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.html import HIDE_LOST_LIVE_PART, QUIET, escaped, frame
from luma_jupyter.views.text import short

MOST_TILES = 300
WIDTH, _HEIGHT = 220, 165  # pixels: the room for a poster; one of 4:3 fills it
_PROMPT = 60
_TILE = f"display:inline-block;vertical-align:top;width:{WIDTH}px;margin:0 12px 12px 0;"
_BOX = "display:block;text-align:center;background:rgba(128,128,128,.25);border-radius:4px;"


@dataclass(frozen=True)
class Tile:
    """One clip: ``poster`` is an address or a data URI, ``seconds`` the video's length; None where there is none."""

    state: ClipState
    poster: str | None = None
    seconds: float | None = None


def gallery_html(key: str, tiles: Sequence[Tile], total: int, left_out: int) -> str:
    """The gallery in its frame: ``tiles`` of ``total`` clips; ``left_out`` says how many have no video."""
    more = f'<div style="{QUIET}">and {total - len(tiles):,} more: pick fewer to see them</div>'
    return frame(
        key,
        f'<div style="font-weight:600">{clip_count(total)}</div>'
        f'<div style="{QUIET}">{left_out_text(left_out)}</div>'
        f'<div class="luma-later luma-tiles" style="overflow:auto;max-height:640px;margin-top:6px">'
        f"{''.join(map(tile_html, tiles))}</div>"
        f"{more if total > len(tiles) else ''}{HIDE_LOST_LIVE_PART}",
        wide=True,
    )


def clip_count(clips: int) -> str:
    """``1 clip``, ``1,000 clips``."""
    return f"{clips:,} clip{'' if clips == 1 else 's'}"


def left_out_text(left_out: int) -> str:
    """The line on clips without a video; empty where there are none."""
    if not left_out:
        return ""
    return f"{clip_count(left_out)} without a video {'is' if left_out == 1 else 'are'} left out"


def tile_html(tile: Tile) -> str:
    """One clip: its poster, which opens the player, its prompt, length and origin."""
    state = tile.state
    prompt = state.task.request.prompt
    src = state.data or state.address
    where = f"Saved as <code>{escaped(state.media)}</code>: this page cannot play it."
    player = (
        f'<video src="{escaped(src)}" controls playsinline preload="none" style="display:block;width:100%"></video>'
        if src
        else f'<div style="{QUIET}">{where}</div>'
    )
    length = f" · {tile.seconds:.1f} s" if tile.seconds is not None else ""
    words = f'<span style="{QUIET}">▶ Play{length}</span>'
    return (
        f'<figure class="luma-tile" data-key="{escaped(state.task.key)}" style="{_TILE}"><details>'
        f'<summary style="cursor:pointer;list-style:none">{_poster(tile)}{words}</summary>'
        f"{player}</details><figcaption>"
        f'<div style="font-weight:600" title="{escaped(prompt)}">{escaped(short(prompt, _PROMPT))}</div>'
        f"{origin(state)}</figcaption></figure>"
    )


def _poster(tile: Tile) -> str:
    width, height = fit_poster(*_size(tile.state))
    alt = escaped(short(tile.state.task.request.prompt, _PROMPT))
    if tile.poster is None:
        style = f"{_BOX}width:{width}px;height:{height}px;line-height:{height}px"
        return f'<span class="luma-poster" style="{style}">no picture</span>'
    return (
        f'<span class="luma-poster" style="display:block"><img src="{escaped(tile.poster)}" alt="{alt}" loading="lazy" '
        f'width="{width}" height="{height}" style="display:block;border-radius:4px"></span>'
    )


def fit_poster(width: int, height: int) -> tuple[int, int]:
    """A size in the room for a poster, in pixels, with the shape of another one."""
    scale = min(WIDTH / width, _HEIGHT / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _size(state: ClipState) -> tuple[int, int]:
    """Pixels as the service reports them, or anything of the shape that was asked for."""
    video, request = state.task.video, state.task.request
    if video and video.width and video.height:
        return video.width, video.height
    ratio = request.aspect_ratio if isinstance(request, GenerateRequest) else "16:9"
    width, height = map(int, ratio.split(":"))
    return width, height
