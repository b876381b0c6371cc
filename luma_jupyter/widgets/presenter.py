"""Shows clips where the user is: cards in a notebook, text in a terminal. One for a kernel; it holds what lives.

Widgets are loaded when the first card is shown: scripts, and the line that ``%load_ext`` prints, need none.
"""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from IPython.display import display

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList, ClipSequence, wait_for_all
from luma_jupyter.display.embedding import with_captions, with_video
from luma_jupyter.display.environment import Environment
from luma_jupyter.display.outputs import ask_secret, ask_user
from luma_jupyter.display.page import Page
from luma_jupyter.display.update_queue import UpdateQueue
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import cut, encodable, say
from luma_jupyter.views.clip_html import final_html
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.table import table_text
from luma_jupyter.views.text import plain_text, progress_line

if TYPE_CHECKING:
    from luma_jupyter.widgets.base import LiveCard
    from luma_jupyter.widgets.card import Card

MOST_CARDS = 5
ENDED_CARDS = 50  # whose models stay open for pages that were reloaded before their end
CLEAR_LINE = "\r\x1b[2K"

Key: TypeAlias = "tuple[type[LiveCard], Hashable]"  # of a card that lives: its kind, and which clips it is of


class PagePresenter:
    """The `Presenter` of a kernel's clips. Cards are drawn on ``loop_thread``."""

    def __init__(self, environment: Environment, loop_thread: LoopThread) -> None:
        self.environment = environment
        self.updates = UpdateQueue(loop_thread)
        self.page = Page(loop_thread, environment.note_answer)
        self._live: dict[Key, LiveCard] = {}
        self._ended: deque[LiveCard] = deque()

    # What clips ask for.

    def show(self, clip: Clip) -> None:
        """Show a clip where the user is: its card in a notebook, its text elsewhere."""
        if not self.environment.has_page:
            print(encodable(self._text(clip)))  # noqa: T201  # with a link of our own
            return
        from luma_jupyter.widgets.card import Card, clip_bundle  # start-up: widgets take 90 ms

        if clip.task.status.ended:
            display(clip_bundle(self.state(clip), self._final_state(clip)), raw=True)
        else:
            self._show_live(Card, ClipList([clip]), lambda: self._card(clip, clip.handle))

    def show_list(self, clips: Sequence[Clip]) -> None:
        """Show clips where the user is: one table, live in a notebook."""
        if not self.environment.has_page or not clips:
            say(table_text([clip.state for clip in clips]) if clips else _("No clips."))
            return
        from luma_jupyter.widgets.table_card import TableCard  # start-up, as above

        many = _as_list(clips)
        self._show_live(TableCard, many, lambda: TableCard(many, self.updates, self.page, self.state))

    def _card(self, clip: Clip, handle: Handle) -> Card:
        from luma_jupyter.widgets.card import Card  # start-up, as above

        state, final = (lambda: self.state(clip, handle)), (lambda: self._final_state(clip, handle))
        return Card(handle, self.updates, self.page, state, final)

    def _show_live(self, kind: type[LiveCard], clips: ClipSequence, make: Callable[[], LiveCard]) -> None:
        """Show a card that lives: the one of these very handles, if it was shown before and has not ended."""
        key = kind, clips.identity
        card = self._live.get(key)
        if card is None:
            card = self._live[key] = new = make()
            new.on_end = lambda: self._forget(key, new)
        card.show(live=not self.environment.unattended)

    def _forget(self, key: Key, card: LiveCard) -> None:
        """Let go of a card that has ended; called again where it ended while it was being shown."""
        if self._live.get(key) is card:
            del self._live[key]
        card.release()
        if card.has_model and card not in self._ended:
            self._ended.append(card)
        if len(self._ended) > ENDED_CARDS:
            self._ended.popleft().close()

    def flush(self, clips: Sequence[Clip]) -> None:
        """Bring what shows just these clips up to date, before the cell ends that waited for them."""
        wanted = _as_list(clips).identity
        self.updates.flush(card for (_, shown), card in list(self._live.items()) if shown == wanted)

    def html(self, clip: Clip) -> str:
        """An ended clip as HTML."""
        return final_html(self._final_state(clip))

    def ask(self, question: str) -> str | None:
        """What the user answers; None where nobody can be asked."""
        return ask_user(question) if self._can_ask else None

    def ask_secret(self, question: str) -> str | None:
        """As `ask`, for what is not to be seen."""
        return ask_secret(question) if self._can_ask else None

    @property
    def _can_ask(self) -> bool:
        return self.environment.in_kernel or bool(sys.stdin and sys.stdin.isatty())

    @property
    def waits_when_shown(self) -> bool:
        """Whether a cell waits for a clip that it only shows."""
        return self.environment.shown_clips_wait

    # What the magics ask for.

    def show_each(self, clips: ClipList) -> None:
        """Show some clips: their cards; one table where those would fill more than a screen."""
        if len(clips) > MOST_CARDS:
            self.show_list(clips)
            return
        for clip in clips:
            self.show(clip)

    def show_made(self, clips: ClipList) -> None:
        """Show what a cell made: one clip by its card, several as one table."""
        if len(clips) == 1:
            self.show(clips[0])
        else:
            self.show_list(clips)

    def wait_for_all(self, clips: ClipList) -> None:
        """Wait for all that a cell made, and bring what shows them up to date. Raises as `Clip.wait` does."""
        try:
            wait_for_all(clips, self.wait_for)
        finally:
            self.flush(clips)

    def wait_for(self, clip: Clip) -> None:
        """Wait for a clip as the user would see it: its card goes on in a notebook, one line in a terminal."""
        if self.environment.has_page:
            clip.wait()
        else:
            self._wait_in_terminal(clip)

    def _wait_in_terminal(self, clip: Clip) -> None:
        """Wait with one line that keeps itself up to date, then print where the video is."""
        interactive = sys.stdout.isatty()

        def tick() -> None:
            if interactive:
                room = shutil.get_terminal_size().columns - 1  # a line that is longer could not be cleared
                line = cut(encodable(progress_line(clip.state, room)), room)
                print(f"{CLEAR_LINE}{line}", end="", flush=True)  # noqa: T201  # an escape of our own

        try:
            clip.wait(tick=tick)
        finally:
            if interactive:
                print(CLEAR_LINE, end="", flush=True)  # noqa: T201  # as above
        print(encodable(self._text(clip)))  # noqa: T201  # as above

    # How a clip is seen from here.

    def state(self, clip: Clip, handle: Handle | None = None) -> ClipState:
        """All that a drawing of a clip needs, for the page that shows it; by the ``handle`` that it was shown by."""
        state = clip.state_of(handle or clip.handle)
        return with_captions(replace(state, served=self.environment.host_of(state.task, clip.embed).serves))

    def _final_state(self, clip: Clip, handle: Handle | None = None) -> ClipState:
        """With the video in it, where the host wants that."""
        state = self.state(clip, handle)
        return with_video(state, self.environment.host_of(state.task, clip.embed))

    def _text(self, clip: Clip) -> str:
        return plain_text(self.state(clip), here=True, links=self.environment.host().links)


def _as_list(clips: Sequence[Clip]) -> ClipSequence:
    return clips if isinstance(clips, ClipSequence) else ClipList(clips)
