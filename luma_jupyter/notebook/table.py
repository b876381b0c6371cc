"""The card of many clips: one table, one model, however many they are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import traitlets

from luma_jupyter.notebook.card import CardModel, LiveCard
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.page import kernel_id
from luma_jupyter.notebook.painter import Painter
from luma_jupyter.notebook.tabulate import Row, final_table, live_row, table, table_view, waiting_table


class TableModel(CardModel):
    """The live part of a table: ``rows`` are those of `tabulate.live_row`, ``curves`` those of their bars.

    All three are changed in place and told in one message, with the changed rows only; a page that opens later gets
    them whole. ``view["version"]`` counts the messages.
    """

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    curves = traitlets.Dict().tag(sync=True)


class TableCard(LiveCard):
    """The card of several clips, as they are when it is made."""

    model_class: type[TableModel] = TableModel

    def __init__(self, clips: Sequence[Clip], painter: Painter) -> None:
        super().__init__()
        self.clips = list(clips)
        self._painter = painter
        self._key = secrets.token_hex(4)
        self._changed: set[int] = set()
        for index in range(len(self.clips)):
            self._listen(index)

    def _listen(self, index: int) -> Callable[[], None]:
        return self.clips[index]._handle.listen(partial(self._hear, index))

    def _hear(self, index: int, event: object) -> None:
        self._changed.add(index)
        self._painter.news(self)

    @property
    def ended(self) -> bool:
        return all(clip._task.status.ended for clip in self.clips)

    def bundle(self) -> dict[str, Any]:
        html = final_table(self._key, self._looks()) if self.ended else waiting_table(self._key, len(self.clips))
        return {"text/html": html, "text/plain": table(self._looks())}

    @cached_property
    def model(self) -> TableModel:
        looks = self._looks()
        curves = {live_row(look)[6]: look.law.curve for look in looks}
        model = self.model_class(
            view={**self._view(), "version": 0}, rows=list(map(live_row, looks)), curves=curves, kernel=kernel_id()
        )
        model.on_msg(self._asked)
        return model

    def _looks(self) -> list[Any]:
        return [clip._look() for clip in self.clips]

    def _view(self) -> dict[str, Any]:
        statuses = [clip._task.status for clip in self.clips]
        clock = self.clips[0]._handle.clock if self.clips else time.time
        return table_view(self._key, statuses, clock())

    def _asked(self, model: object, content: dict[str, Any], buffers: object) -> None:
        """The button was pressed; or a page opened that knows the table only as it was at some version."""
        if content.get("do") == "stop":
            for clip in self.clips:
                clip.stop()
        if content.get("do") == "look" and content.get("version") != self.model.view.get("version"):
            self._send(list(enumerate(self.model.rows)))

    def tell(self) -> int:
        if self.ended:
            if "final" in self.model.view:
                return 0
            self.model.view = {"key": self._key, "final": final_table(self._key, self._looks())}
            return 1
        changed, self._changed = self._changed, set()
        rows: list[Row] = self.model.rows
        news: list[tuple[int, Row]] = []
        for index in sorted(changed):
            look = self.clips[index]._look()
            row = live_row(look)
            if row not in rows[index : index + 1]:
                rows[index : index + 1] = [row]  # or one more, where the clip joined later
                news.append((index, row))
                self.model.curves[row[6]] = look.law.curve
        if not news:
            return 0
        self.model.view.update(self._view(), version=self.model.view["version"] + 1)
        self._send(news)
        return 1

    def _send(self, rows: list[tuple[int, Row]]) -> None:
        self.model.send({"rows": rows, "curves": self.model.curves, "view": self.model.view})
