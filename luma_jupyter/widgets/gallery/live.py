"""The live part of a gallery: its model, which tells the page what is new, and the studio for what was picked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import traitlets
from ipywidgets import VBox

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.finding import read_wanted
from luma_jupyter.clip.session import Session
from luma_jupyter.display.page import Audience, Page
from luma_jupyter.display.update_queue import UpdateQueue
from luma_jupyter.errors import LumaError
from luma_jupyter.languages import translated
from luma_jupyter.printable import printable
from luma_jupyter.views.gallery import FileTile, Tile, found_text, heading_text, left_out_text, tile_html
from luma_jupyter.widgets.base import Shown, read_window
from luma_jupyter.widgets.gallery.shelf import Shelf, Standing
from luma_jupyter.widgets.notes import NotedModel
from luma_jupyter.widgets.studio.studio import StudioForms

STEPS = 10  # how often a page without widgets has many clips that are made brought forward
MOST_SEARCHES = 8  # that are kept: pages go back to them as one types and deletes


class Tiles(Protocol):
    """What a live part needs of its gallery."""

    shelf: Shelf

    def tiles(self, standing: Standing, places: range, *, videos: bool = True) -> list[Tile | FileTile]:
        """The tiles that there are at these places."""

    def bundle(self, key: str, now: Standing) -> dict[str, str]:
        """What is saved."""

    def clip_of(self, key: str) -> Clip | None:
        """The clip of a key, where it is one of these."""

    def pick(self, key: object, action: object) -> StudioForms | None:
        """Take a clip as picked, and make a form for what is to become of it."""


class GalleryModel(NotedModel):
    """The live part in the page. ``view`` is what it shows above the tiles, and how many there are; ``added`` in it are
    the places of those that came last, of all that have ``arrived``. ``on_pick`` is told the key of the clip and the
    action that were picked, ``rows`` makes the answer for the tiles at some places, of those that are searched.
    """

    scripts = (
        "base.js",
        "virtual_list.js",
        "notes.js",
        "gallery/player.js",
        "gallery/gallery.js",
    )
    styles = (
        "notes.css",
        "gallery/gallery.css",
    )
    view = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        gallery: Tiles,
        session: Session,
        on_pick: Callable[[object, object], None],
        rows: Callable[[range, str, bool], dict[str, Any]],
        **traits: Any,
    ) -> None:
        super().__init__(session, gallery.clip_of, **traits)
        self._on_pick = on_pick
        self._rows = rows

    def on_message(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if content.get("do") == "pick":
            self._on_pick(content.get("key"), content.get("action"))
        elif content.get("do") == "rows" and (window := read_window(content)):
            search, starred = content.get("search", ""), content.get("starred", False)
            if isinstance(search, str) and isinstance(starred, bool):
                asked = {"search": search, "starred": starred, "near": content.get("near") is True}
                self.send({**self._rows(window, search, starred), "to": window.stop, **asked})
        else:
            super().on_message(content, buffers)


class LiveGallery(VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """The gallery's model, which is drawn by ``updates``, and below it the studio for what was picked.

    The plain form above is hidden in the page, and brought up to date where that is worth it: once all that is under
    way has ended; where nobody sees this live part, also in steps before.
    """

    def __init__(self, gallery: Tiles, session: Session, updates: UpdateQueue, key: str) -> None:
        self._gallery = gallery
        self._updates = updates
        self._studio: StudioForms | None = None
        self._now = gallery.shelf.now  # what the page was told
        self._searches: dict[tuple[int, str, bool], Standing] = {}
        self._notes = 0  # that were set since it was shown
        self._plain: tuple[Shown, Audience, Page] | None = None
        self._stage = self._stage_of(self._now)
        view = _view(self._now)
        self.model = GalleryModel(gallery, session, self._show_studio, self._rows, key=key, view=view)
        self.model.on_removed = self.close
        self.model.on_noted = self._noted
        self._unlisten = gallery.shelf.listen(self._changed)
        super().__init__([self.model])

    def keep_plain(self, plain: Shown, audience: Audience, page: Page) -> None:
        """Keep the plain form up to date; ``audience`` are those who see this live part instead."""
        self._plain = plain, audience, page
        tell = audience.on_change

        def changed(before: bool | None) -> None:
            tell(before)
            self._changed()

        audience.on_change = changed
        self._changed()  # what happened before it was there

    def _changed(self) -> None:
        self._updates.request(self)

    def _noted(self) -> None:
        self._notes += 1
        self._searches.clear()
        self._changed()

    def draw(self) -> int:
        """Tell the page what is new, on the engine's loop; the number of messages that it took."""
        return self._tell_page() + self._bring_forward()

    def _tell_page(self) -> int:
        before, now = self._now, self._gallery.shelf.now
        view = _view(now)
        if view == {**self.model.view, "added": []}:
            return 0
        added = self._gallery.shelf.places_since(before.arrived, now)
        self._now = now
        self.model.view = {**view, "added": added}
        return 1

    def _stage_of(self, now: Standing) -> object:
        """What makes it worth bringing the plain form forward, where it is another one than before."""
        share = STEPS * now.arrived // max(now.arrived + now.under_way, 1)
        return share, None if now.under_way else now.arrived, self._notes

    def _bring_forward(self) -> int:
        """Update the plain form, where it is worth it; the number of messages that it took."""
        if self._plain is None:
            return 0
        plain, audience, page = self._plain
        stage = self._stage_of(self._now)
        due = stage != self._stage and (audience.there is False or not self._now.under_way)
        if not due or not page.reaches(plain.cell):
            return 0
        self._stage = stage
        plain.handle.update(self._gallery.bundle(self.model.key, self._now), raw=True)
        return 1

    def _rows(self, places: range, search: str, starred: bool) -> dict[str, Any]:
        """The answer for the tiles at these places, of those that are searched; and how many these are."""
        now = self._now
        try:
            found = self._found(now, search, starred)
            made = self._gallery.tiles(found, places, videos=False)
        except LumaError as error:
            return {"from": 0, "tiles": [], "total": 0, "count": printable(translated(error)), "arrived": now.arrived}
        count = found_text(found.total, heading_text(len(now.clips), len(now.files)))
        rows = {"from": places.start, "tiles": [tile_html(tile) for tile in made], "total": found.total}
        return {**rows, "count": count, "arrived": now.arrived}

    def _found(self, now: Standing, search: str, starred: bool) -> Standing:
        if not search and not starred:
            return now
        key = now.arrived, search, starred
        if key not in self._searches:
            found = now.wanted(read_wanted(search=search, starred=starred))
            if len(self._searches) >= MOST_SEARCHES:
                self._searches.clear()
            self._searches[key] = found
        return self._searches[key]

    def _show_studio(self, key: object, action: object) -> None:
        studio = self._gallery.pick(key, action)
        if studio is None:
            return
        earlier, self._studio = self._studio, studio
        self.children: Sequence[Any] = [self.model, studio.box]
        if earlier:
            earlier.close()

    def close(self) -> None:
        """Forget all of it, here and in the page."""
        self._unlisten()
        self.model.close()
        if self._studio:
            self._studio.close()
        self.layout.close()
        super().close()


def _view(now: Standing) -> dict[str, Any]:
    heading = heading_text(len(now.clips), len(now.files), now.under_way)
    told = {"total": now.total, "heading": heading, "left_out": left_out_text(now.left_out)}
    return {**told, "arrived": now.arrived, "added": []}
