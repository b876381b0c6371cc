"""How clips are shown where the user is: cards in a notebook, text in a terminal; and the painter of all cards."""

from __future__ import annotations

import sys

from luma_jupyter import settings
from luma_jupyter.notebook import session
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips, wait_for_all
from luma_jupyter.notebook.host import here
from luma_jupyter.notebook.painter import Painter
from luma_jupyter.notebook.render import plain, progress_line

MOST_CARDS = 5

_painter: Painter | None = None


def painter() -> Painter:
    """Who draws the cards of this kernel, on its engine's loop."""
    global _painter
    bridge = session.engine().bridge
    if _painter is None or _painter.bridge is not bridge:
        _painter = Painter(bridge)
    return _painter


def in_kernel() -> bool:
    """Whether a Jupyter kernel runs this code (else: a terminal, or a plain script)."""
    return here().how != "path"


def cells_wait(asked: bool | None = None) -> bool:
    """Whether a cell that makes or shows clips waits for them; ``asked`` is the cell's own word."""
    return next(word for word in (asked, settings.current().wait, here().waits) if word is not None)


def shown_clips_wait() -> bool:
    """Whether a cell waits for a clip that it only shows; in a terminal that is asked for with a word of its own."""
    return bool(settings.current().wait) or (in_kernel() and cells_wait())


def show(clip: Clip) -> None:
    """Show a clip where the user is: its card in a notebook, its text elsewhere."""
    if not in_kernel():
        print(_text(clip))
        return
    from luma_jupyter.notebook.card import Card

    if clip._card is None:
        clip._card = Card(clip._handle, clip._look, painter(), clip._final_look)
    clip._card.show(live=not settings.current().wait)


def show_each(clips: Clips) -> None:
    """Show some clips: their cards; one table where those would fill more than a screen."""
    if len(clips) > MOST_CARDS:
        show_all(clips)
        return
    for clip in clips:
        show(clip)


def show_all(clips: Clips) -> None:
    """Show clips where the user is: one table, live in a notebook."""
    if not in_kernel() or not clips:
        print(clips)
        return
    from luma_jupyter.notebook.table import TableCard

    if clips._card is None or clips._card.clips != list(clips):
        clips._card = TableCard(clips, painter())
    clips._card.show(live=not settings.current().wait)


def settle(shown: Clip | Clips) -> None:
    """Let the page have what is known of a clip, or of many, before the cell ends that waited."""
    if _painter and shown._card:
        _painter.settle(shown._card)


def show_made(clips: Clips) -> None:
    """Show what a cell made: one clip by its card, several as one table."""
    if len(clips) == 1:
        show(clips[0])
    else:
        show_all(clips)


def wait_for_made(clips: Clips) -> None:
    """Wait for all that a cell made, and bring what shows them up to date. Raises as `Clip.wait` does."""
    try:
        wait_for_all(clips, wait_for)
    finally:
        settle(clips)


def wait_for(clip: Clip) -> None:
    """Wait for a clip as the user would see it: its card goes on in a notebook, one line in a terminal."""
    if in_kernel():
        clip.wait()
    else:
        wait_in_terminal(clip)


def wait_in_terminal(clip: Clip) -> None:
    """Wait with one line that keeps itself up to date, then print where the video is. Raises as `Clip.wait` does."""
    interactive = sys.stdout.isatty()

    def tick() -> None:
        if interactive:
            print(f"\r\x1b[2K{progress_line(clip._look())}", end="", flush=True)

    try:
        clip._wait(tick=tick)
    finally:
        if interactive:
            print("\r\x1b[2K", end="", flush=True)
    print(_text(clip))


def _text(clip: Clip) -> str:
    return plain(clip._look(), here=True, links=here().links)
