"""How a sheet looks: clips as a table with labels of rows and columns, as numbered tiles, and as a page of its own.

The labels stay in sight while one scrolls, where the page keeps ``position``, which JupyterLab's sanitizer drops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from luma_jupyter.languages import N_, language
from luma_jupyter.languages import gettext as _
from luma_jupyter.views.html import HIDE_LOST_LIVE_PART, NO_FORMULAS, QUIET, escaped, frame
from luma_jupyter.views.player import player
from luma_jupyter.views.text import short, text_table

NO_CLIP = N_("no clip")
GENERATOR = "luma_jupyter sheet"  # by which a file that was saved is known
_ROOM = "overflow:auto;max-height:640px;position:relative"
_GROUND = "background:var(--jp-layout-color0,var(--vscode-editor-background,Canvas));"
_HEAD = f"{_GROUND}position:sticky;padding:4px 8px;font-weight:600;overflow-wrap:anywhere;"
_TOP = f"{_HEAD}top:0;z-index:2;text-align:center;vertical-align:bottom"
_LEFT = f"{_HEAD}left:0;z-index:1;text-align:left;vertical-align:middle;min-width:min(110px,20vw);max-width:160px"
_CORNER = f"{_GROUND}position:sticky;top:0;left:0;z-index:3"
_TABLE = "table-layout:auto;border-collapse:separate;border-spacing:0;margin:0"
_FIGURE = "display:inline-block;vertical-align:top;margin:0 12px 12px 0;"
_WIDTHS = {2: 280, 4: 220}  # pixels of a tile, by the columns up to which it is as wide
_NARROWEST = 150
# Players that are in sight as the page comes, with their first pictures. More take a page seconds: JupyterLab asks for
# each video twice, the first time in vain, and browsers draw the controls of each. Those are folded in, until one is
# played or the live part comes.
_MOST_OPEN = 12
_LONGEST_TITLE = 60  # characters; the headings have all of it


@dataclass(frozen=True)
class SheetTile:
    """A clip on a sheet: ``label`` is what tells it from the others; ``words`` say why it has no ``src``, and more.

    ``size`` is the shape of its video.
    """

    label: str
    src: str | None = None
    words: str = ""
    size: tuple[int, int] = (16, 9)


@dataclass(frozen=True)
class Sheet:
    """Tiles at rows and columns, whose labels may be a single empty one."""

    rows: Sequence[str]
    columns: Sequence[str]
    tiles: Mapping[tuple[int, int], SheetTile]

    def text(self) -> str:
        """The sheet as an aligned text table."""
        lines = [
            (label, *(self._word(row, column) for column in range(len(self.columns))))
            for row, label in enumerate(self.rows)
        ]
        return text_table([("", *self.columns), *lines])

    def _word(self, row: int, column: int) -> str:
        tile = self.tiles.get((row, column))
        return tile.words if tile else _(NO_CLIP)


def sheet_html(key: str, sheet: Sheet) -> str:
    """A sheet in a frame, each video with a player of its own."""
    return _framed(key, sheet_part(sheet))


def blind_html(key: str, tiles: Sequence[SheetTile], left_out: str) -> str:
    """Numbered tiles in a frame, below the line on how to vote; ``left_out`` is said of other clips."""
    how = escaped(_("To vote, from 1 (worst) to 5 (best), run this cell in a notebook."))
    return _framed(
        key, f'<div class="luma-voted" role="status" style="margin-bottom:8px">{how}</div>{blind_part(tiles, left_out)}'
    )


def _framed(key: str, part: str) -> str:
    return frame(key, f"{part}{HIDE_LOST_LIVE_PART}", wide=True)


def sheet_part(sheet: Sheet) -> str:
    """A table of videos, with its headings; it scrolls in a frame of its own."""
    has_rows, folded = any(sheet.rows), len(sheet.tiles) > _MOST_OPEN
    width = next((width for most, width in _WIDTHS.items() if len(sheet.columns) <= most), _NARROWEST)
    head = ""
    if any(sheet.columns):
        names = "".join(f'<th scope="col" dir="auto" style="{_TOP}">{escaped(label)}</th>' for label in sheet.columns)
        corner = f'<td style="{_CORNER}"></td>' if has_rows else ""
        head = f"<thead><tr>{corner}{names}</tr></thead>"
    body = ""
    for row, label in enumerate(sheet.rows):
        name = f'<th scope="row" dir="auto" style="{_LEFT}">{escaped(label)}</th>' if has_rows else ""
        cells = (sheet.tiles.get((row, column)) for column in range(len(sheet.columns)))
        body += f"<tr style='background:none'>{name}{''.join(_cell(tile, width, folded=folded) for tile in cells)}</tr>"
    return _room(f'<table style="{_TABLE}">{head}<tbody>{body}</tbody></table>')


def blind_part(tiles: Sequence[SheetTile], left_out: str) -> str:
    """Numbered tiles, one behind the other."""
    width, folded = _WIDTHS[4], len(tiles) > _MOST_OPEN
    figures = "".join(
        f'<figure class="luma-tile" style="{_FIGURE}width:{width}px">{_content(tile, width, folded=folded)}'
        f'<figcaption class="luma-label" dir="auto" style="font-weight:600">{escaped(tile.label)}</figcaption></figure>'
        for tile in tiles
    )
    said = f'<div style="{QUIET}">{escaped(left_out)}</div>' if left_out else ""
    return _room(figures) + said


def _room(content: str) -> str:
    label = escaped(_("Sheet of videos"))
    return (
        f'<div class="luma-later luma-sheet" tabindex="0" role="region" aria-label="{label}" style="{_ROOM}">'
        f"{content}</div>"
    )


def _cell(tile: SheetTile | None, width: int, *, folded: bool) -> str:
    content = _content(tile, width, folded=folded) if tile else _said(_(NO_CLIP))
    return f'<td style="padding:4px;text-align:center;vertical-align:middle;min-width:{width}px">{content}</td>'


def _content(tile: SheetTile, width: int, *, folded: bool) -> str:
    video = ""
    if tile.src:
        across, along = tile.size
        style = f"width:{width}px;max-height:{width}px;aspect-ratio:{across}/{along};background:#000"
        video = player(
            tile.src, short(tile.label, _LONGEST_TITLE), style=style, preload="none" if folded else "metadata"
        )
        if folded:
            video = f'<details><summary style="cursor:pointer">{escaped(_("Play"))}</summary>{video}</details>'
    return video + (_said(tile.words) if tile.words else "")


def _said(words: str) -> str:
    return f'<div style="{QUIET}">{escaped(words)}</div>'


_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="{generator}">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 13px/1.5 system-ui, sans-serif; margin: 12px; background: Canvas; color: CanvasText; }}
.luma-sheet {{ max-height: calc(100vh - 130px) !important; }}
{style}
</style>
</head>
<body>
<main class="luma-card {no_formulas}">
<h1 dir="auto" style="font-size:16px">{title}</h1>
<div id="luma-frame">{part}</div>
</main>
<script>
{script}
playSheet(document.getElementById("luma-frame"));
</script>
</body>
</html>
"""


def sheet_page(title: str, part: str, *, style: str, script: str) -> str:
    """A part as a page that needs no notebook: ``script`` plays its videos together, ``style`` is for that."""
    return _PAGE.format(
        language=language(),
        generator=GENERATOR,
        title=escaped(title),
        part=part,
        style=style,
        script=script,
        no_formulas=NO_FORMULAS,
    )
