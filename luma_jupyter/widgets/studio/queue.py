"""The live queue: all that is under way, or was left unfinished, in a table that new clips join by themselves.

It is the table card of many clips, with a button in each row. It keeps nothing of its own: whoever opens another one,
or runs the cell again, sees the same tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import traitlets

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.session import Session
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import LumaError
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import translated
from luma_jupyter.printable import printable
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.table import TableRow
from luma_jupyter.widgets.presenter import PagePresenter
from luma_jupyter.widgets.table_card import FIRST, TableCard, TableModel


class QueueModel(TableModel):
    """``result`` is the card of the clip that was completed last, as HTML; ``trouble`` why a button did nothing."""

    result = traitlets.Unicode().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)


class Queue(TableCard):
    """The unfinished clips when it is made, and each that begins later; those that end stay, with their videos."""

    model_class = QueueModel

    def __init__(self, session: Session, presenter: PagePresenter) -> None:
        super().__init__(ClipList(), presenter.updates, presenter.page, presenter.state)
        self.clips: ClipList
        self.first = FIRST
        self._session = session
        self._presenter = presenter
        self._unlisten: dict[str, Callable[[], None]] = {}
        self._places: dict[str, int] = {}  # by intent
        for clip in session.unfinished_clips():
            self._add(clip)
        self.updates.run(lambda: self._count(self.handles))
        self._unlisten_session = session.listen(self._clip_began)

    @property
    def ended(self) -> bool:
        return False

    @property
    def stays(self) -> bool:
        return True

    def join(self, clips: list[Clip]) -> None:
        """Have these in it too, though they may have ended before."""
        for clip in clips:
            self._add(clip)
        self.updates.request(self)

    def _clip_began(self, clip: Clip) -> None:
        """A clip began to stand for a task: here and now, or because somebody watches it again. It may have ended."""
        if clip.task.intent in self._places or clip.handle.followed:
            self.join([clip])

    def _add(self, clip: Clip) -> None:
        index = self._places.setdefault(clip.task.intent, len(self.clips))
        if index == len(self.clips):
            self.clips.append(clip)
        self.followed[index], self.handles[index] = clip, clip.handle
        if unlisten := self._unlisten.pop(clip.task.intent, None):
            unlisten()
        changed = partial(self._row_changed, index)
        self._unlisten[clip.task.intent] = clip.handle.listen(lambda event: changed())
        self._changed.add(index)

    def _view(self) -> dict[str, Any]:
        view = super()._view()
        return {**view, "queue": True, "status": view["status"] if self.clips else _("Nothing is being made.")}

    def _row(self, state: ClipState) -> TableRow:
        """As in a table, and what its button does."""
        return [*super()._row(state), _action(state.task.status)]

    def send_changes(self) -> int:
        done = [self.clips[i] for i in self._changed if self.clips[i].task.status is Status.COMPLETED]
        messages = super().send_changes()
        if not done:
            return messages
        newest = max(done, key=lambda clip: clip.task.ended_at or 0.0)
        self.model.result = self._presenter.html(newest)
        return messages + 1

    def _on_message(self, content: dict[str, Any], buffers: object) -> None:
        super()._on_message(content, buffers)
        row = content.get("row")
        if type(row) is not int or not 0 <= row < len(self.clips):
            return
        clip = self.clips[row]
        self.model.trouble = ""
        if content.get("do") == "stop one":
            clip.stop()
        if content.get("do") == "resume one":
            try:
                self._session.resume(clip)
            except LumaError as error:
                self.model.trouble = printable(_(": ").join([clip.state.label, translated(error)]))

    def close(self) -> None:
        """Hear of nothing more, and close the model."""
        self._unlisten_session()
        for unlisten in self._unlisten.values():
            unlisten()
        super().close()


def _action(status: Status) -> str:
    """What the button in the row of a clip does."""
    return "stop" if status.stoppable else "resume" if status.resumable else ""
