"""The card of many clips: one table, one model, however many they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import traitlets

from luma_jupyter.clip.clip import Clip
from luma_jupyter.display.environment import kernel_id
from luma_jupyter.display.page import Page
from luma_jupyter.display.update_queue import UpdateQueue
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.table import TableRow, final_html, live_row, live_view, table_text, waiting_html
from luma_jupyter.widgets.base import CardModel, LiveCard, listen_to, new_key

STEPS = 10  # how often many clips are brought forward in a page without widgets: twice so often
_UNDER_WAY = (Status.RUNNING, Status.SAVING)
MODEL = 6  # the place of the duration model's name in a `TableRow`


class TableModel(CardModel):
    """The live part of a table: ``rows`` are those of `table.live_row`, ``curves`` those of their bars.

    All three are changed in place and told in one message, with the changed rows only; a page that opens later gets
    them whole. ``view["version"]`` counts the messages.
    """

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    curves = traitlets.Dict().tag(sync=True)


def table_bundle(key: str, states: Sequence[ClipState]) -> dict[str, Any]:
    """The mimebundle of several clips."""
    ended = all(state.task.status.ended for state in states)
    html = final_html(key, states) if ended else waiting_html(key, states)
    return {"text/html": html, "text/plain": table_text(states)}


class TableCard(LiveCard):
    """The card of several clips, by the handles that they have by now: one that is followed again by another handle
    keeps what this card shows of it. ``state`` gives the drawing data of a clip by a handle."""

    model_class: type[TableModel] = TableModel

    def __init__(
        self, clips: Sequence[Clip], updates: UpdateQueue, page: Page, state: Callable[[Clip, Handle], ClipState]
    ) -> None:
        super().__init__(updates, page)
        self.clips = list(clips)
        self.handles = [clip.handle for clip in self.clips]
        self.key = new_key()
        self._state = state
        self._changed: set[int] = set()
        self.release = listen_to(self.handles, self._row_changed)

    def _row_changed(self, index: int) -> None:
        self._changed.add(index)
        self.updates.request(self)

    @property
    def ended(self) -> bool:
        return all(handle.task.status.ended for handle in self.handles)

    @property
    def stage(self) -> object:
        """How far they are on their way, in steps of which even many clips have no more than a few."""
        statuses = [handle.task.status for handle in self.handles]
        way = sum(2 if status.ended else status in _UNDER_WAY for status in statuses)
        return way if len(statuses) <= STEPS else STEPS * way // len(statuses)

    def bundle(self) -> dict[str, Any]:
        return table_bundle(self.key, self._states())

    @cached_property
    def model(self) -> TableModel:
        states = self._states()
        rows = [live_row(state) for state in states]
        curves = {row[MODEL]: state.model.curve for row, state in zip(rows, states, strict=True)}
        model = self.model_class(view={**self._view(), "version": 0}, rows=rows, curves=curves, kernel=kernel_id())
        model.on_content(self._on_message)
        return model

    def _states(self) -> list[ClipState]:
        return [self._state(clip, handle) for clip, handle in zip(self.clips, self.handles, strict=True)]

    def _view(self) -> dict[str, Any]:
        clock = self.handles[0].clock if self.handles else time.time
        return live_view(self.key, [handle.task.status for handle in self.handles], clock())

    def _on_message(self, content: dict[str, Any], buffers: object) -> None:
        """The button was pressed; or a page opened that knows the table only as it was at some version."""
        if content.get("do") == "stop":
            for handle in self.handles:
                handle.stop()
        if content.get("do") == "refresh" and content.get("version") != self.model.view.get("version"):
            self._send(list(enumerate(self.model.rows)))

    def send_changes(self) -> int:
        if self.ended:
            if "final" in self.model.view:
                return 0
            self.model.view = {"key": self.key, "final": final_html(self.key, self._states())}
            return 1
        changed, self._changed = self._changed, set()
        rows: list[TableRow] = self.model.rows
        news: list[tuple[int, TableRow]] = []
        for index in sorted(changed):
            state = self._state(self.clips[index], self.handles[index])
            row = live_row(state)
            if index == len(rows):  # the clip joined later
                rows.append(row)
            elif row == rows[index]:
                continue
            rows[index] = row
            news.append((index, row))
            self.model.curves[row[MODEL]] = state.model.curve
        if not news:
            return 0
        self.model.view.update(self._view(), version=self.model.view["version"] + 1)
        self._send(news)
        return 1

    def _send(self, rows: list[tuple[int, TableRow]]) -> None:
        if not self.model.is_wanted():
            return
        self.model.send({"rows": rows, "curves": self.model.curves, "view": self.model.view})
