"""The card of one clip."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from luma_jupyter.display.environment import kernel_id
from luma_jupyter.display.page import Page
from luma_jupyter.display.update_queue import UpdateQueue
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.views.clip_html import final_html, live_view, waiting_html
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.text import plain_text
from luma_jupyter.widgets.base import CardModel, LiveCard, listen_to

ANSWERS = (200, 403, 404)  # as in reach.js
QUARTERS = 4  # times that a page without widgets sees how far a film is


def clip_bundle(state: ClipState, final_state: ClipState) -> dict[str, Any]:
    """The mimebundle of a clip; ``final_state`` is the one with its video in it, where that goes into the notebook."""
    html = final_html(final_state) if state.task.status.ended else waiting_html(state)
    return {"text/html": html, "text/plain": plain_text(state)}


class Card(LiveCard):
    """The card of one task. ``state`` gives its drawing data at any moment, ``final`` those of its end.

    The model's finished HTML never has the video in it: it is a second copy, for pages that were reloaded.
    """

    def __init__(
        self,
        handle: Handle,
        updates: UpdateQueue,
        page: Page,
        state: Callable[[], ClipState],
        final: Callable[[], ClipState],
    ) -> None:
        super().__init__(updates, page)
        self._note_answer = page.note_answer
        self._handle = handle
        self._state = state
        self._final_state = final
        self.release = listen_to([handle], lambda number: updates.request(self))

    @property
    def ended(self) -> bool:
        return self._handle.task.status.ended

    @property
    def stage(self) -> object:
        status, progress = self._handle.task.status, self._handle.task.progress
        stage = Status.QUEUED if status is Status.SUBMITTING else Status.RUNNING if status is Status.SAVING else status
        return stage if progress is None else (stage, int(QUARTERS * progress))

    def bundle(self) -> dict[str, Any]:
        return clip_bundle(self._state(), self._final_state())

    @cached_property
    def model(self) -> CardModel:
        model = CardModel(self._handle.clock, view=live_view(self._state()), kernel=kernel_id())
        model.on_content(self._on_message)
        return model

    def _on_message(self, content: dict[str, Any], buffers: object) -> None:
        """The button was pressed; or a page has asked its server for the video, once that was there."""
        if content.get("do") == "stop":
            self._handle.stop()
        path, status = self._handle.task.path, content.get("status")
        if content.get("do") == "reach" and path and status in ANSWERS:
            served = self._state().served
            self._note_answer(path.parent, int(status))
            if self._state().served != served:
                self.draw_anew()

    def send_changes(self) -> int:
        view = live_view(self._state())
        if view == {**self.model.view, "now": view.get("now")}:
            return 0
        self.model.view = view
        return 1
