"""How what was handed in looks: a gallery by student, as HTML that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luma_jupyter.domain.money import dollars
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext
from luma_jupyter.views.gallery import FileTile, Tile, heading_text, tile_html
from luma_jupyter.views.html import QUIET, escaped, frame, isolated, link

_TILE = "display:inline-block;vertical-align:top;max-width:232px;"


@dataclass(frozen=True)
class NotedTile:
    """A tile, and what a person has noted of its clip."""

    tile: Tile | FileTile
    note: str = ""


@dataclass(frozen=True)
class Group:
    """What a student has handed in: so many clips and other videos, for so many USD, and so many of ``unpriced``
    ones; ``zip`` is the file's name, ``notebooks`` are (name, relative address or None), ``answers`` says how many are
    right, if there are any."""

    student: str
    zip: str
    clips: int
    files: int
    cost: float
    unpriced: int
    notebooks: Sequence[tuple[str, str | None]]
    tiles: Sequence[NotedTile]
    answers: str = ""

    @property
    def facts(self) -> str:
        """What is in it, on one line."""
        facts = [heading_text(self.clips, self.files), dollars(self.cost)]
        if self.unpriced:
            facts.append(_("and {count} of unknown price").format(count=self.unpriced))
        return _(", ").join([*facts, *filter(None, [self.answers])])

    @property
    def more(self) -> int:
        """How many of its videos have no tile."""
        return self.clips + self.files - len(self.tiles)


def collection_html(key: str, groups: Sequence[Group], lines: Sequence[str], advice: str = "") -> str:
    """All that was handed in, in a frame; ``lines`` are on what was refused, ``advice`` stands below."""
    count = ngettext("{count} student", "{count} students", len(groups)).format(count=f"{len(groups):,}")
    refused = "".join(f"<div>⚠ {isolated(line)}</div>" for line in lines)
    head = f'<div style="font-weight:600">{escaped(count)}</div>{refused}'
    foot = f'<div style="{QUIET}margin-top:12px">{escaped(advice)}</div>' if advice else ""
    return frame(key, f"{head}{''.join(map(_group_html, groups))}{foot}", wide=True)


def submission_html(key: str, group: Group) -> str:
    """What one student has handed in, in a frame."""
    return frame(key, _group_html(group), wide=True)


def _group_html(group: Group) -> str:
    notebooks = " · ".join(link(src, name) if src else isolated(name) for name, src in group.notebooks)
    facts = " · ".join(filter(None, [escaped(group.facts), notebooks, isolated(group.zip)]))
    rest = f'<div style="{QUIET}">{escaped(_rest(group))}</div>' if group.more else ""
    return (
        f'<section style="margin-top:12px"><div dir="auto" style="font-weight:600">{escaped(group.student)}</div>'
        f'<div style="{QUIET}">{facts}</div><div style="margin-top:6px">{"".join(map(_tile, group.tiles))}</div>{rest}'
        "</section>"
    )


def _rest(group: Group) -> str:
    return _("and {count} more: {code} shows all").format(
        count=f"{group.more:,}", code=f"collection[{group.student!r}]"
    )


def _tile(noted: NotedTile) -> str:
    note = f'<div dir="auto" style="{QUIET}margin:-8px 12px 12px 0">{escaped(noted.note)}</div>' if noted.note else ""
    return f'<div style="{_TILE}">{tile_html(noted.tile)}{note}</div>'
