"""The card of many clips: one table, one model, however many they are.

What is near the screen of no page is not read, not drawn and not sent.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import traitlets

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipSequence
from luma_jupyter.display.environment import kernel_id
from luma_jupyter.display.page import Page
from luma_jupyter.display.update_queue import UpdateQueue
from luma_jupyter.domain.duration_model import DurationModel
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.differing import common_beginning
from luma_jupyter.views.table import (
    MOST_ROWS,
    MOST_WAITING_ROWS,
    TableRow,
    curve_name,
    final_bundle,
    live_row,
    live_view,
    outcomes,
    rows_text,
    waiting_html,
)
from luma_jupyter.widgets.base import CardModel, LiveCard, listen_to, new_key, read_window

STEPS = 10  # how often many clips are brought forward in a page without widgets: twice so often
FIRST = 300  # rows that every page has, and hears of: a cell that waits answers no page
FIRST_OF_ENDED = 40  # nobody waits for these: a page asks for others
GRAIN = 2  # seconds; those that began to run within so many move alike in the bar of all
MOST_WINDOWS, LONGEST_NAME = 20, 40  # of the views of a table, and of their names
_UNDER_WAY = (Status.RUNNING, Status.SAVING)


class TableModel(CardModel):
    """The live part of a table: ``rows`` are the first of `table.live_row`, ``curves`` those of their bars.

    All three are changed in place and told in one message, with the changed rows only; a page that opens later gets
    them whole, and asks for rows beyond the first. ``view["version"]`` counts the messages.
    """

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    curves = traitlets.Dict().tag(sync=True)


class Progress:
    """How far many clips are: ``counts`` is how many there are in each state.

    Changed on the engine's loop alone.
    """

    def __init__(self, ended: Mapping[Status, int]) -> None:
        self.counts = dict.fromkeys(Status, 0) | dict(ended)
        self._moving: Counter[tuple[str, int]] = Counter()
        self._models: dict[str, DurationModel] = {}
        self._counted: dict[int, Task] = {}

    def count(self, index: int, handle: Handle) -> None:
        """Count a clip as it is now, in the place of what it was."""
        task = handle.task
        if before := self._counted.get(index):
            self._add(before, -1)
        self._add(task, 1)
        self._counted[index] = task
        if task.status in _UNDER_WAY:
            self._models[curve_name(task)] = handle.duration_model

    def _add(self, task: Task, sign: int) -> None:
        self.counts[task.status] += sign
        if task.status in _UNDER_WAY:
            since = GRAIN * round((task.submitted_at or task.created_at) / GRAIN)
            self._moving[curve_name(task), since] += sign

    @property
    def moving(self) -> list[list[object]]:
        """How many move along which curve since when, in Unix seconds: [[curve, since, count]…]."""
        return [[name, since, count] for (name, since), count in dict(self._moving).items() if count]

    @property
    def curves(self) -> dict[str, Any]:
        """By their names, the curves of what moves."""
        return {name: model.curve for name, model in dict(self._models).items()}

    @property
    def total(self) -> int:
        """How many clips there are."""
        return sum(self.counts.values())

    @property
    def ended(self) -> bool:
        """Whether all have ended."""
        return not any(count and not status.ended for status, count in self.counts.items())

    @property
    def way(self) -> int:
        """How far they are on their way, in two steps for each."""
        return sum(count * (2 if status.ended else status in _UNDER_WAY) for status, count in self.counts.items())


class TableCard(LiveCard):
    """The card of several clips, by the handles that they have by now: one that is followed again by another handle
    keeps what this card shows of it. ``state`` gives the drawing data of a clip by a handle.

    Where they are more than what is saved holds, the live part stays when all have ended: one scrolls through them.
    """

    model_class: type[TableModel] = TableModel

    def __init__(
        self, clips: ClipSequence, updates: UpdateQueue, page: Page, state: Callable[[Clip, Handle], ClipState]
    ) -> None:
        super().__init__(updates, page)
        self.clips = clips[:]  # the user's own list may grow
        ended, followed = self.clips.standing()
        self.followed = followed
        self.handles = {index: clip.handle for index, clip in followed.items()}
        self.key = new_key()
        self.first = FIRST if followed else FIRST_OF_ENDED
        self.progress = Progress(ended)
        self._beginning = ""  # of the first prompts
        self._state = state
        self._drawn: list[ClipState] = []  # in the plain HTML: the model begins with these
        self._changed: set[int] = set()
        self._windows: dict[str, range] = {}  # the rows beyond the first that pages show
        self._asked: list[str] = []  # the windows of which a page has not got the rows yet
        self._sent: dict[int, TableRow] = {}  # of the rows that pages show
        places = list(self.handles)
        self.release = listen_to(list(self.handles.values()), lambda number: self._row_changed(places[number]))
        updates.run(lambda: self._count(places))

    def _count(self, places: Iterable[int]) -> None:
        for index in places:
            self.progress.count(index, self.handles[index])

    def _row_changed(self, index: int) -> None:
        self._count([index])
        self._changed.add(index)
        self.updates.request(self)

    @property
    def ended(self) -> bool:
        return self.progress.ended

    @property
    def stays(self) -> bool:
        return len(self.clips) > MOST_ROWS

    @property
    def stage(self) -> object:
        """How far they are on their way, in steps of which even many clips have no more than a few."""
        total, way = self.progress.total, self.progress.way
        return way if total <= STEPS else STEPS * way // total

    def bundle(self) -> dict[str, Any]:
        ended, counts = self.ended, self.progress.counts
        self._drawn = states = self._states(range(MOST_ROWS if ended else MOST_WAITING_ROWS))
        if ended:
            return {**final_bundle(self.key, states, counts)}
        return {"text/html": waiting_html(self.key, states, counts), "text/plain": rows_text(states, counts)}

    @cached_property
    def model(self) -> TableModel:
        states = [*self._drawn, *self._states(range(len(self._drawn), self.first))][: self.first]
        self._beginning = common_beginning(state.task.request.prompt for state in states[:FIRST_OF_ENDED])
        rows = [self._row(state) for state in states]
        self._sent = dict(enumerate(rows))
        view, curves = {**self._view(), "version": 0}, self.progress.curves
        model = self.model_class(self._now, view=view, rows=rows, curves=curves, kernel=kernel_id())
        model.on_content(self._on_message)
        return model

    def _states(self, places: range) -> list[ClipState]:
        """The states of the clips that there are at these places."""
        part = enumerate(self.clips[places.start : places.stop], places.start)
        return [self._state(clip, self.handles.get(index, clip.handle)) for index, clip in part]

    def _row(self, state: ClipState) -> TableRow:
        return live_row(state, self._beginning)

    def _now(self) -> float:
        handle = next(iter(list(self.handles.values())), None)  # the queue may get one at this moment
        return handle.clock() if handle else time.time()

    def _view(self) -> dict[str, Any]:
        sums = {"moving": self.progress.moving, "first": self.first}
        return {**live_view(self.key, self.progress.counts, self._now()), **sums}

    def _on_message(self, content: dict[str, Any], buffers: object) -> None:
        """The button was pressed; a page shows other rows; or one opened that knows the table as it was before."""
        if content.get("do") == "stop":
            for handle in list(self.handles.values()):
                handle.stop()
        if content.get("do") == "rows" and (window := read_window(content)):
            self._move_window(str(content.get("view"))[:LONGEST_NAME], window)
        if content.get("do") == "refresh" and content.get("version") != self.model.view.get("version"):
            self._send(dict(enumerate(self.model.rows)))

    def _move_window(self, view: str, window: range) -> None:
        self._windows.pop(view, None)
        self._windows[view] = window
        if len(self._windows) > MOST_WINDOWS:
            del self._windows[next(iter(self._windows))]
        self._asked.append(view)
        self.updates.draw_now(self)

    def send_changes(self) -> int:
        if self.ended and not self.stays:
            if "final" in self.model.view:
                return 0
            told = {"outcomes": outcomes(self.progress.counts)}
            self.model.view = {"key": self.key, "final": self.bundle()["text/html"], **told}
            return 1
        changed, self._changed = self._changed, set()
        asked, self._asked = self._asked, []
        self._count(changed)
        news = self._changed_rows(changed) | self._asked_rows(asked)
        view = {**self._view(), "version": self.model.view["version"]}
        if not news and not asked and {**view, "now": 0} == {**self.model.view, "now": 0}:
            return 0
        self.model.view.update(view, version=view["version"] + 1)
        self.model.curves.update(self.progress.curves)
        self._send(news, asked)
        return 1

    @property
    def _shown(self) -> list[range]:
        """The rows that pages show and hear of."""
        return [range(self.first), *self._windows.values()]

    def _changed_rows(self, changed: set[int]) -> dict[int, TableRow]:
        """The rows that pages show and that have other words than before."""
        seen = {index for window in self._shown for index in window if index in changed}
        rows = {index: self._row(self._state(self.followed[index], self.handles[index])) for index in sorted(seen)}
        news = {index: row for index, row in rows.items() if row != self._sent.get(index)}
        self._sent |= news
        for index, row in news.items():
            if index < self.first:
                self.model.rows[index : index + 1] = [row]  # or at the end: the clip joined later
        return news

    def _asked_rows(self, asked: Sequence[str]) -> dict[int, TableRow]:
        """The rows of these windows."""
        windows = [self._windows[view] for view in asked if view in self._windows]
        rows = {
            index: self._row(state)
            for window in windows
            for index, state in enumerate(self._states(window), window.start)
        }
        shown = self._shown
        self._sent = {
            index: row for index, row in (self._sent | rows).items() if any(index in window for window in shown)
        }
        return rows

    def _send(self, rows: Mapping[int, TableRow], asked: Sequence[str] = ()) -> None:
        """Tell all pages; those that ``asked`` have their answer with that."""
        if not self.model.is_wanted():
            return
        view, curves = self.model.as_of_now(self.model.view), self.model.curves
        self.model.send({"rows": [*rows.items()], "curves": curves, "view": view, "asked": [*asked]})
