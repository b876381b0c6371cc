"""The class as tables for spreadsheets: CSV in UTF-8 (RFC 4180), in which no student's word is a formula."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from luma_jupyter.domain.spreadsheets import BOM, csv_line
from luma_jupyter.gateway.pages.base import PageHandler
from luma_jupyter.gateway.pages.look import time_of
from luma_jupyter.gateway.pages.overview import Clip, Overview
from luma_jupyter.gateway.records import MICROS, State
from luma_jupyter.gateway.vendors import NAMES

SENT_AT_ONCE = 500  # lines


class CsvHandler(PageHandler):
    """A table to download."""

    for_teachers = True
    file_name: ClassVar[str]
    columns: ClassVar[Sequence[str]]

    def rows(self) -> AsyncIterator[Sequence[object]]:
        """The rows of the table."""
        raise NotImplementedError

    async def get(self) -> None:
        """Send the table row by row: a term has many."""
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{self.file_name}"')
        lines = [BOM + csv_line(self.columns)]
        async for row in self.rows():
            lines.append(csv_line(row))
            if len(lines) == SENT_AT_ONCE:
                self.write("".join(lines))
                await self.flush()
                lines.clear()
        self.finish("".join(lines))


class ClipsCsvHandler(CsvHandler):
    """``/class/clips.csv``."""

    file_name = "clips.csv"
    columns = (
        *("clip", "student", "prompt", "service", "state", "made_at", "ended_at", "price_usd", "cost_usd"),
        *("shared", "hidden", "task_id", "error"),
    )

    async def rows(self) -> AsyncIterator[Sequence[object]]:
        """A row for each clip, the oldest first."""
        async for clip in Overview(self.gateway.database).all_clips():
            yield _clip_row(clip)


class StudentsCsvHandler(CsvHandler):
    """``/class/students.csv``."""

    file_name = "students.csv"
    columns = (
        *("student", "groups", "last_seen", "under_way", "reserved_usd", "spent_usd", "spent_today_usd"),
        *("left_usd", "left_today_usd"),
    )

    async def rows(self) -> AsyncIterator[Sequence[object]]:
        """A row for each student, by the names."""
        for one in await Overview(self.gateway.database).students():
            seen = time_of(one.seen_at)[0] if one.seen_at else ""
            amounts = (one.reserved, one.spent, one.spent_today, one.left, one.left_today)
            yield one.name, " ".join(one.groups), seen, one.under_way, *map(_dollars, amounts)


def _clip_row(clip: Clip) -> Sequence[object]:
    one = clip.submission
    cost = one.price if one.cost is None and one.state is State.COMPLETED else one.cost
    ended = time_of(one.ended_at)[0] if one.ended_at else ""
    return (
        *(one.id, one.owner, one.body.get("prompt", ""), NAMES[one.vendor], one.state, time_of(one.created_at)[0]),
        *(ended, _dollars(one.price), _dollars(cost), _yes(one.shared), _yes(clip.hidden), one.task_id or ""),
        one.error_message or "",
    )


def _dollars(amount: int | None) -> str:
    return "" if amount is None else f"{amount / MICROS:.6f}".rstrip("0").rstrip(".")


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
