"""The live queue: all that is under way, or was left unfinished, in a table that new clips join by themselves.

It is the table card of many clips, with a button in each row. It keeps nothing of its own: whoever opens another one,
or runs the cell again, sees the same tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from luma_jupyter.errors import LumaError
from luma_jupyter.models import Status
from luma_jupyter.notebook import session
from luma_jupyter.notebook.clip import Clip, watch
from luma_jupyter.notebook.page import close
from luma_jupyter.notebook.painter import Painter
from luma_jupyter.notebook.render import final_html
from luma_jupyter.notebook.table import TableCard, TableModel

_STOPPABLE = (Status.QUEUED, Status.SUBMITTING, Status.RUNNING)
_RESUMABLE = (Status.DETACHED, Status.UNCONFIRMED)


class QueueModel(TableModel):
    """``result`` is the card of the clip that was completed last, as HTML; ``trouble`` why a button did nothing."""

    result = traitlets.Unicode().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)


class Queue(TableCard):
    """The unfinished clips when it is made, and each that begins later; those that end stay, with their videos."""

    model_class = QueueModel

    def __init__(self, painter: Painter) -> None:
        super().__init__([], painter)
        self._forget: dict[str, Callable[[], None]] = {}
        for clip in session.unfinished_clips():
            self._add(clip)
        self._unwatch = watch(self._see)

    @property
    def ended(self) -> bool:
        return False

    def join(self, clips: list[Clip]) -> None:
        """Have these in it too, though they may have ended before."""
        for clip in clips:
            self._add(clip)
        self._painter.news(self)

    def _see(self, clip: Clip) -> None:
        """A clip began to stand for a task: here and now, or because somebody follows it again."""
        if clip in self.clips or not clip._task.status.ended:
            self.join([clip])

    def _add(self, clip: Clip) -> None:
        if clip not in self.clips:
            self.clips.append(clip)
        index = self.clips.index(clip)
        if forget := self._forget.pop(clip._task.intent, None):
            forget()
        self._forget[clip._task.intent] = self._listen(index)
        self._changed.add(index)

    def _view(self) -> dict[str, Any]:
        view = super()._view()
        acts = {str(index): act for index, clip in enumerate(self.clips) if (act := _act(clip))}
        return {**view, "acts": acts, "words": view["words"] if self.clips else "Nothing is under way."}

    def tell(self) -> int:
        done = [self.clips[i] for i in self._changed if self.clips[i]._task.status is Status.COMPLETED]
        messages = super().tell()
        if not done:
            return messages
        newest = max(done, key=lambda clip: clip._task.ended_at or 0.0)
        self.model.result = final_html(newest._final_look())
        return messages + 1

    def _asked(self, model: object, content: dict[str, Any], buffers: object) -> None:
        super()._asked(model, content, buffers)
        row = content.get("row")
        if not isinstance(row, int) or not 0 <= row < len(self.clips):
            return
        clip = self.clips[row]
        self.model.trouble = ""
        if content.get("do") == "stop one":
            clip.stop()
        if content.get("do") == "resume one":
            try:
                session.follow_again(clip)
            except LumaError as error:
                self.model.trouble = f"{clip._called or clip._task.key}: {error}"

    def close(self) -> None:
        """Hear of nothing more, and close the model."""
        self._unwatch()
        for forget in self._forget.values():
            forget()
        if "model" in self.__dict__:
            close(self.model)


def _act(clip: Clip) -> str:
    status = clip._task.status
    return "stop" if status in _STOPPABLE else "resume" if status in _RESUMABLE else ""
