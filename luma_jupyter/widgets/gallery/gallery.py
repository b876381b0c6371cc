"""`Gallery`: clips as posters, live: what is completed later comes by itself; one can be picked, to go on from it.

What is shown is plain HTML (`views.gallery`) of the first ones, which is what is saved. The live part takes its place:
it has all of them, as one scrolls, with a search, a player as large as the page, a ★ and a note on each, and a form
below for the clip that was picked. What is not drawn is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from luma_jupyter.cells.prompt_cell import prompt_fields
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList, ClipSequence
from luma_jupyter.clip.session import Session
from luma_jupyter.display.page import Audience
from luma_jupyter.engine.store.wanted import Wanted
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import printable
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.gallery import (
    FIRST_TILES,
    MOST_TILES,
    PART,
    FileTile,
    Tile,
    gallery_html,
    heading_text,
    left_out_text,
)
from luma_jupyter.views.html import MOST_SAVED, saved_size
from luma_jupyter.views.table import rest_text, table_text
from luma_jupyter.widgets.base import Missing, ProgressiveDisplay, Shown
from luma_jupyter.widgets.gallery.live import LiveGallery
from luma_jupyter.widgets.gallery.shelf import Shelf, Standing
from luma_jupyter.widgets.gallery.tiles import tiles
from luma_jupyter.widgets.posters import embedded_size
from luma_jupyter.widgets.presenter import PagePresenter
from luma_jupyter.widgets.studio.studio import StudioForms

ACTIONS = ("extend", "modify")


class Gallery(ProgressiveDisplay, Sequence[Clip]):
    """Clips as posters: those of ``shelf`` that are completed by now, here as in the page.

    ``picked`` is the clip that was picked last in the page, None before. ``files`` are videos of which nothing more is
    known, shown behind the clips; these stay those of when it was made, as do the clips that a function chose.
    """

    def __init__(self, shelf: Shelf, session: Session, presenter: PagePresenter) -> None:
        self.environment, self.page = presenter.environment, presenter.page
        self.picked: Clip | None = None
        self.files = shelf.files
        self.shelf = shelf
        self._session = session
        self._presenter = presenter

    @property
    def chosen(self) -> ClipList:
        """Its clips that have a ★ now, in its order. Raises ConfigError where the journal cannot be read."""
        return ClipList(self.shelf.now.wanted(Wanted(starred=True)).clips)

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> ClipSequence: ...
    def __getitem__(self, index: int | slice) -> Clip | ClipSequence:
        return self.shelf.now.clips[index]

    def __len__(self) -> int:
        return len(self.shelf.now.clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self.shelf.now.clips)

    def __bool__(self) -> bool:
        return bool(self.shelf.now.total)

    def __repr__(self) -> str:
        now = self.shelf.now
        clips, files = self._items(now, range(MOST_TILES))
        return self._text(now, [clip.state for clip in clips], list(files))

    def _text(self, now: Standing, states: Sequence[ClipState], files: Sequence[str]) -> str:
        shown = [table_text(states)] if states else []
        shown += map(printable, files)
        shown = shown or [_("No clips with a video.")]
        more = now.total - len(states) - len(files)
        return "\n".join(filter(None, [*shown, rest_text(more, PART) if more else "", left_out_text(now.left_out)]))

    def _html(self, key: str) -> str:
        return self._bundle(key)["text/html"]

    def _bundle(self, key: str) -> dict[str, str]:
        return self.bundle(key, self.shelf.now)

    def bundle(self, key: str, now: Standing) -> dict[str, str]:
        """What is saved, as HTML and as text, in the frame ``key``."""
        first = self.tiles(now, range(MOST_TILES if self.environment.host().how == "embed" else FIRST_TILES))
        return self._saved(key, now, first)

    def _saved(self, key: str, now: Standing, first: Sequence[Tile | FileTile]) -> dict[str, str]:
        """As many of the first tiles as fit into what is saved; pictures and videos in it have limits of their own."""
        heading = heading_text(len(now.clips), len(now.files), now.under_way)
        left_out = left_out_text(now.left_out)
        html = gallery_html(key, first, heading, now.total - len(first), left_out, now.arrived)
        states = [tile.state for tile in first if isinstance(tile, Tile)]
        text = self._text(now, states, [tile.path for tile in first if isinstance(tile, FileTile)])
        embeds = any(embedded_size(src) for tile in first for src in (tile.poster, tile.src))
        if embeds or not first or saved_size(html, text) <= MOST_SAVED:
            return {"text/html": html, "text/plain": text}
        return self._saved(key, now, first[: len(first) * 9 // 10])

    def tiles(self, standing: Standing, places: range, *, videos: bool = True) -> list[Tile | FileTile]:
        """The tiles that there are at these places; ``videos``: with those in them that the host embeds."""
        clips, files = self._items(standing, places)
        notes = self._session.engine.notes.of_all(clip.task for clip in clips)
        return tiles(clips, files, self.environment, notes, videos=videos)

    def _items(self, standing: Standing, places: range) -> tuple[Sequence[Clip], Mapping[str, Path]]:
        """The clips at these places, and by their words the files, which are behind the clips."""
        clips = len(standing.clips)
        files = standing.files[max(0, places.start - clips) : max(0, places.stop - clips)]
        return list(standing.clips[places.start : places.stop]), {self._word(file): file for file in files}

    def _word(self, file: Path) -> str:
        """What a cell can call a file: its path relative to the notebook, where that is possible."""
        return self._session.relative_path(file.absolute()) or str(file)

    @property
    def _missing(self) -> Missing:
        clips = self.shelf.now.clips
        word = self._session.find_word(clips[0]) if clips else "SOURCE"
        what, way = (
            _("posters that play, with buttons to go on from them"),
            _("You can go on from a clip in a cell, too:"),
        )
        return Missing(what, way, f"%%luma extend {word}\n{_('your prompt')}")

    def _live(self, key: str) -> LiveGallery:
        return LiveGallery(self, self._session, self._presenter.updates, key)

    def _was_shown(self, live: LiveGallery, plain: Shown, audience: Audience) -> None:
        live.keep_plain(plain, audience, self.page)

    def pick(self, key: object, action: object) -> StudioForms | None:
        """Take the clip of a key as picked, and make a form for what is to become of it; None for what there is not.

        ``again`` uses its prompt for another clip.
        """
        clip = self.clip_of(str(key))
        if action == "again" and clip:
            fields: Mapping[str, Any] = prompt_fields(clip.task.request)
        elif action in ACTIONS and (clip or str(key) in map(self._word, self.files)):
            fields = {"action": action, "source": self._session.find_word(clip) if clip else str(key)}
        else:
            return None
        self.picked = clip
        return StudioForms(self._session, self._presenter, **fields, focus=True)

    def clip_of(self, key: str) -> Clip | None:
        """The clip of a key, where it is one of these."""
        return self.shelf.now.clips.find(key)
