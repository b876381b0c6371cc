"""`Gallery`: clips as posters that play when one points at them; one can be picked, to go on from it.

What is shown is plain HTML (`views.gallery`) of the first ones. The live part adds to that: all others, as one scrolls
to them; posters that play, two buttons on each, and a form below for the clip that was picked. What is not drawn is not
read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, overload

import traitlets
from ipywidgets import VBox

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList, ClipSequence
from luma_jupyter.clip.lazy_clip_list import LazyClipList
from luma_jupyter.clip.session import Session
from luma_jupyter.display.embedding import video_src, with_video
from luma_jupyter.display.environment import Environment
from luma_jupyter.domain.mp4 import seconds_of
from luma_jupyter.domain.values import items_of, read_path
from luma_jupyter.errors import InvalidRequest, LumaError
from luma_jupyter.views.clip_state import ClipState, relative_url
from luma_jupyter.views.gallery import (
    FIRST_TILES,
    MOST_TILES,
    PART,
    FileTile,
    Tile,
    gallery_html,
    heading_text,
    left_out_text,
    tile_html,
)
from luma_jupyter.views.html import MOST_SAVED, saved_size
from luma_jupyter.views.table import rest_text, table_text
from luma_jupyter.widgets.base import Missing, PageModel, ProgressiveDisplay, read_window, script
from luma_jupyter.widgets.posters import embedded_size, file_poster_src, poster_src
from luma_jupyter.widgets.presenter import PagePresenter
from luma_jupyter.widgets.studio.studio import StudioForms

What: TypeAlias = "Iterable[Clip] | str | os.PathLike[str] | Callable[[Clip], object] | None"
ACTIONS = ("extend", "modify")


def for_gallery(session: Session, what: What, folder: str | os.PathLike[str] | None) -> tuple[ClipSequence, list[Path]]:
    """The clips that a gallery is asked for: clips, those of a folder, or those of which a function says so.

    Of a folder also the videos of which no sidecar tells, unless a function chooses. Raises InvalidRequest for anything
    else.
    """
    if isinstance(what, str | os.PathLike):
        if folder is not None:
            raise InvalidRequest("The gallery's folder is named twice: give it once.")
        what, folder = None, what
    if what is not None and not callable(what):
        if folder is not None:
            raise InvalidRequest("Give the gallery clips or a folder, not both.")
        return _checked(what), []
    known = session.engine.repository
    place = None if folder is None else _media_folder(read_path("folder", folder), session)
    tasks = session.history() if place is None else known.saved(place)
    found = LazyClipList(tasks[::-1], session.clip_for_task)
    if what is not None:
        return ClipList(filter(what, found.completed)), []
    return found, known.plain_videos(place) if place else []


def _checked(what: object) -> ClipSequence:
    if isinstance(what, ClipSequence):
        return what
    clips = items_of(what)
    for clip in clips:
        if not isinstance(clip, Clip):
            raise InvalidRequest(
                "A gallery is of clips, of a folder, or of what a function says of each clip, "
                f"not of {type(clip).__name__}."
            )
    return ClipList(clips)


def _media_folder(folder: Path, session: Session) -> Path:
    """A folder of videos, or the media folder in a notebook's folder. Raises InvalidRequest where there is none."""
    if not folder.is_dir():
        raise InvalidRequest(f"There is no folder {str(folder)!r}.")
    inside = folder / session.settings().media.name
    return folder if session.engine.repository.saved(folder) or not inside.is_dir() else inside


class Gallery(ProgressiveDisplay, Sequence[Clip]):
    """Clips as posters. ``picked`` is the clip that was picked last in the page, None before.

    ``files`` are videos of which nothing more is known, shown behind the clips.
    """

    def __init__(
        self, clips: ClipSequence, session: Session, presenter: PagePresenter, files: Sequence[Path] = ()
    ) -> None:
        self.environment, self.page = presenter.environment, presenter.page
        self.picked: Clip | None = None
        self._session = session
        self._presenter = presenter
        self._clips = clips.completed
        self.files = list(files)
        self._left_out = left_out_text(len(clips) - len(self._clips))

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> ClipSequence: ...
    def __getitem__(self, index: int | slice) -> Clip | ClipSequence:
        return self._clips[index]

    def __len__(self) -> int:
        return len(self._clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self._clips)

    def __bool__(self) -> bool:
        return bool(self._clips or self.files)

    @property
    def total(self) -> int:
        """How many videos there are."""
        return len(self._clips) + len(self.files)

    def __repr__(self) -> str:
        clips, files = self._items(range(MOST_TILES))
        return self._text([clip.state for clip in clips], list(files))

    def _text(self, states: Sequence[ClipState], files: Sequence[str]) -> str:
        shown = [table_text(states)] if states else []
        shown += files or ([] if states else ["No clips with a video."])
        more = self.total - len(states) - len(files)
        return "\n".join(filter(None, [*shown, rest_text(more, PART) if more else "", self._left_out]))

    def _html(self, key: str) -> str:
        return self._bundle(key)["text/html"]

    def _bundle(self, key: str) -> dict[str, str]:
        first = self.tiles(range(MOST_TILES if self.environment.host().how == "embed" else FIRST_TILES))
        return self._saved(key, first)

    def _saved(self, key: str, first: Sequence[Tile | FileTile]) -> dict[str, str]:
        """As many of the first tiles as fit into what is saved; pictures and videos in it have limits of their own."""
        heading = heading_text(len(self._clips), len(self.files))
        html = gallery_html(key, first, heading, self.total - len(first), self._left_out)
        states = [tile.state for tile in first if isinstance(tile, Tile)]
        text = self._text(states, [tile.path for tile in first if isinstance(tile, FileTile)])
        embeds = any(embedded_size(src) for tile in first for src in (tile.poster, tile.src))
        if embeds or not first or saved_size(html, text) <= MOST_SAVED:
            return {"text/html": html, "text/plain": text}
        return self._saved(key, first[: len(first) * 9 // 10])

    def tiles(self, places: range, *, videos: bool = True) -> list[Tile | FileTile]:
        """The tiles that there are at these places; ``videos``: with those in them that the host embeds."""
        clips, files = self._items(places)
        return tiles(clips, files, self.environment, videos=videos)

    def _items(self, places: range) -> tuple[ClipSequence, dict[str, Path]]:
        """The clips at these places, and by their words the files, which are behind the clips."""
        clips = len(self._clips)
        files = self.files[max(0, places.start - clips) : max(0, places.stop - clips)]
        return self._clips[places.start : places.stop], {self._word(file): file for file in files}

    def _word(self, file: Path) -> str:
        """What a cell can call a file: its path relative to the notebook, where that is possible."""
        return self._session.relative_path(file.absolute()) or str(file)

    @property
    def _missing(self) -> Missing:
        word = self._session.find_word(self._clips[0]) if self._clips else "SOURCE"
        what = "posters that play, and buttons to go on from them,"
        return Missing(what, "A cell goes on from a clip, too:", f"%%luma extend {word}\nyour prompt")

    def _live(self, key: str) -> Any:
        return LiveGallery(self, key)

    def pick(self, key: object, action: object) -> StudioForms | None:
        """Take the clip of a key as picked, and make a form for what is to become of it; None for what there is not."""
        clip = self._clip_of(str(key))
        if action not in ACTIONS or not (clip or str(key) in map(self._word, self.files)):
            return None
        self.picked = clip
        word = self._session.find_word(clip) if clip else str(key)
        return StudioForms(self._session, self._presenter, action=action, source=word, focus=True)

    def _clip_of(self, key: str) -> Clip | None:
        """The clip of a key, where it is one of these."""
        try:
            clip = self._session.clip_by_key(key)
        except LumaError:
            return None
        return clip if clip in self._clips else None


def tiles(
    clips: Sequence[Clip], files: Mapping[str, Path], environment: Environment, *, videos: bool = True
) -> list[Tile | FileTile]:
    """The tiles of clips, then of files by their words.

    Of those that the host embeds, as many posters are in them as its limit allows, then ``videos``.
    """
    made: list[Tile | FileTile] = []
    folders = [clip.task.path.parent if clip.task.path else None for clip in clips]
    folders += [file.absolute().parent for file in files.values()]
    host_of = {folder: environment.host(folder=folder) for folder in dict.fromkeys(folders)}
    hosts = [host_of[folder] for folder in folders]
    room = max((host.limit for host in hosts), default=0)
    for clip, host in zip(clips, hosts, strict=False):
        state = replace(clip.state, served=host.serves)
        src = poster_src(state, host, room)
        room -= embedded_size(src)
        made.append(Tile(state, src, seconds_of(state.task.path) if state.task.path and not state.gone else None))
    for (word, file), host in zip(files.items(), hosts[len(clips) :], strict=True):
        src = file_poster_src(file, word, host, room)
        room -= embedded_size(src)
        made.append(FileTile(word, relative_url(word) if host.serves else None, src, seconds_of(file)))
    for index, (tile, host) in enumerate(zip(made, hosts, strict=True)):
        limited = replace(host, limit=room)
        if host.how != "embed" or not videos:
            continue
        if isinstance(tile, Tile):
            made[index] = tile = replace(tile, state=with_video(tile.state, limited))
            room -= embedded_size(tile.state.data)
        else:
            made[index] = tile = replace(tile, src=video_src(files[tile.path], limited))
            room -= embedded_size(tile.src)
    return made


class GalleryModel(PageModel):
    """The live part of a gallery of ``total`` videos. ``on_pick`` is told the key of the clip and the action that were
    picked, ``tiles`` makes those at some places."""

    _esm = script("base.js", "virtual_list.js", "gallery/gallery.js")
    _css = script("gallery/gallery.css")
    total = traitlets.Int().tag(sync=True)

    def __init__(
        self, on_pick: Callable[[object, object], None], tiles: Callable[[range], list[str]], **traits: Any
    ) -> None:
        super().__init__(**traits)
        self._on_pick = on_pick
        self._tiles = tiles

    def on_message(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if content.get("do") == "pick":
            self._on_pick(content.get("key"), content.get("action"))
        elif content.get("do") == "rows" and (window := read_window(content)):
            self.send({"from": window.start, "tiles": self._tiles(window)})
        else:
            super().on_message(content, buffers)


class LiveGallery(VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """The gallery's model, which draws nothing here, and below it the studio for what was picked."""

    def __init__(self, gallery: Gallery, key: str) -> None:
        self._gallery = gallery
        self._studio: StudioForms | None = None
        self.model = GalleryModel(self._show_studio, self._tiles, key=key, total=gallery.total)
        self.model.on_removed = self.close
        super().__init__([self.model])

    def _tiles(self, places: range) -> list[str]:
        return [tile_html(tile) for tile in self._gallery.tiles(places, videos=False)]

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
        self.model.close()
        if self._studio:
            self._studio.close()
        self.layout.close()
        super().close()
